/* Figures of searches: well-formed, escaped, the same for the same trials, whatever the trials are like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/axis.h"
#include "api/search_figure.h"
#include "core/base/macros.h"

enum { NAMES_MAX = 64 };

static size_t row(const char *name)
{
    return ep_fields_find(&job_spec_fields, name);
}

/* Trials at `count` places of which the values are 0; release with search_trials_done. */
static struct search_trials make_trials(size_t count, const char *const *fields, size_t field_count)
{
    struct search_trials trials = {.count = count, .field_count = field_count};
    trials.settings.metric = SEARCH_ACCURACY;
    trials.settings.goal = SEARCH_MAXIMIZE;
    for (size_t f = 0; f < field_count; f++) {
        trials.fields[f] = row(fields[f]);
        assert_true(trials.fields[f] < job_spec_fields.count);
    }
    trials.items = calloc(count + 1, sizeof *trials.items);
    trials.values = calloc(count * field_count + 1, sizeof *trials.values);
    assert_non_null(trials.items);
    assert_non_null(trials.values);
    for (size_t i = 0; i < count; i++) {
        snprintf(trials.items[i].id, sizeof trials.items[i].id, "%zu", i);
        trials.items[i].state = JOB_SUCCEEDED;
        trials.items[i].objective = 0.1 + 0.8 * (double)(i * 7919 % 101) / 101;
        trials.items[i].finished_at = (int64_t)(1000 + i * 13 % 17);
    }
    return trials;
}

static struct search_trials make_grid(void)
{
    static const char *const fields[] = {"eta", "lambda"};
    struct search_trials trials = make_trials(196, fields, 2);
    for (size_t i = 0; i < 196; i++) {
        const size_t line = i / 14;
        const size_t place = i % 14;
        trials.values[2 * i] = 1e-6 * pow(10, 4.0 * (double)line / 13);
        trials.values[2 * i + 1] = 1e-8 * pow(10, 4.0 * (double)place / 13);
    }
    return trials;
}

static const struct search_figure_options usual = {
    .x = SIZE_MAX, .y = SIZE_MAX, .stage = SEARCH_STAGES_MAX, .width = 800, .height = 600};

static char *draw(const struct search_trials *trials, enum search_figure_kind kind, enum svg_theme theme)
{
    struct search_figure_options options = usual;
    struct ep_error error;
    char *text = NULL;
    size_t length;
    options.kind = kind;
    options.theme = theme;
    if (search_figure(trials, &options, &text, &length, &error) != EP_OK) {
        fail_msg("%s", error.text);
    }
    char *ended = realloc(text, length + 1);
    assert_non_null(ended);
    ended[length] = '\0';
    return ended;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

/* The end of a tag that starts at `at`; what stands between quotes may hold anything but quotes and "<". */
static const char *end_of_tag(const char *at)
{
    bool quoted = false;
    for (; *at != '\0' && (quoted || *at != '>'); at++) {
        quoted = *at == '"' ? !quoted : quoted;
        assert_true(!quoted || *at != '<');
    }
    assert_int_equal(*at, '>');
    return at;
}

/* Strict enough for what is written here: tags that close each other, entities, no loose "<" or "&". */
static void assert_well_formed(const char *text)
{
    char open[NAMES_MAX][16];
    size_t depth = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '&') {
            assert_true(strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&lt;", 4) == 0 ||
                        strncmp(at, "&gt;", 4) == 0 || strncmp(at, "&quot;", 6) == 0);
        } else if (*at == '<') {
            const bool closing = at[1] == '/';
            const char *name = at + 1 + closing;
            const size_t length = strcspn(name, " >/");
            const char *end = end_of_tag(at);
            assert_true(length > 0 && length < sizeof open[0]);
            if (closing) {
                assert_true(depth > 0);
                depth--;
                assert_true(strlen(open[depth]) == length && strncmp(open[depth], name, length) == 0);
            } else if (end[-1] != '/') {
                assert_true(depth < NAMES_MAX);
                memcpy(open[depth], name, length);
                open[depth++][length] = '\0';
            }
            at = end;
        }
    }
    assert_int_equal(depth, 0);
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
}

static void check_all_kinds(const struct search_trials *trials, bool heatmap)
{
    const enum search_figure_kind kinds[] = {SEARCH_FIGURE_AUTO, SEARCH_FIGURE_PARALLEL,
                                             SEARCH_FIGURE_PROGRESS, SEARCH_FIGURE_HEATMAP};
    for (size_t k = 0; k < EP_COUNT(kinds) - !heatmap; k++) {
        char *light = draw(trials, kinds[k], SVG_LIGHT);
        char *again = draw(trials, kinds[k], SVG_LIGHT);
        char *dark = draw(trials, kinds[k], SVG_DARK);
        assert_well_formed(light);
        assert_well_formed(dark);
        assert_string_equal(light, again);
        assert_string_not_equal(light, dark);
        free(light);
        free(again);
        free(dark);
    }
}

static void a_grid_has_a_cell_for_each_trial(void **state)
{
    (void)state;
    struct search_trials trials = make_grid();
    check_all_kinds(&trials, true);
    trials.items[5].state = JOB_FAILED;
    trials.items[5].objective = NAN;
    char *text = draw(&trials, SEARCH_FIGURE_AUTO, SVG_LIGHT);
    assert_int_equal(count_of(text, "url(#failed)"), 1);
    assert_int_equal(count_of(text, "<circle"), 0);
    assert_non_null(strstr(text, ">eta</text>"));
    assert_non_null(strstr(text, ">lambda</text>"));
    assert_non_null(strstr(text, ">1e-6</text>"));
    assert_non_null(strstr(text, "is the best of 196 trials"));
    free(text);
    search_trials_done(&trials);
}

static void what_is_no_grid_is_drawn_as_dots(void **state)
{
    (void)state;
    struct search_trials trials = make_grid();
    trials.count = 190;
    char *text = draw(&trials, SEARCH_FIGURE_HEATMAP, SVG_LIGHT);
    assert_well_formed(text);
    assert_int_equal(count_of(text, "<circle"), 190 + 1);
    free(text);
    search_trials_done(&trials);
}

static void many_fields_make_parallel_coordinates(void **state)
{
    (void)state;
    static const char *const fields[] = {"eta", "batch_norm", "activation", "hidden"};
    struct search_trials trials = make_trials(30, fields, 4);
    trials.hidden = calloc(30, sizeof *trials.hidden);
    assert_non_null(trials.hidden);
    for (size_t i = 0; i < 30; i++) {
        trials.hidden[i] = (struct ep_integer_list){.count = 2, .items = {50, i % 2 == 0 ? 30 : 20}};
        const double values[] = {0.001 * (double)(i + 1), (double)(i % 2), (double)(i % 3), (double)(i % 2)};
        memcpy(&trials.values[4 * i], values, sizeof values);
    }
    check_all_kinds(&trials, true);
    char *text = draw(&trials, SEARCH_FIGURE_AUTO, SVG_LIGHT);
    assert_non_null(strstr(text, ">50-20</text>"));
    assert_non_null(strstr(text, ">true</text>"));
    assert_non_null(strstr(text, ">tanh</text>"));
    free(text);
    search_trials_done(&trials);
}

static void names_are_escaped(void **state)
{
    (void)state;
    struct search_trials trials = make_grid();
    snprintf(trials.settings.name, sizeof trials.settings.name,
             "</text><script>alert(\"1\")</script>&\x01\x1b");
    char *text = draw(&trials, SEARCH_FIGURE_AUTO, SVG_LIGHT);
    assert_well_formed(text);
    assert_null(strstr(text, "<script"));
    assert_non_null(strstr(text, "&lt;script&gt;"));
    assert_null(strchr(text, '\x01'));
    free(text);
    search_trials_done(&trials);
}

static void few_trials_and_none_are_drawn_too(void **state)
{
    (void)state;
    static const char *const fields[] = {"eta"};
    for (size_t count = 0; count <= 2; count++) {
        struct search_trials trials = make_trials(count, fields, 1);
        check_all_kinds(&trials, false);
        for (size_t i = 0; i < count; i++) {
            trials.items[i].objective = NAN;
            trials.items[i].state = i == 0 ? JOB_FAILED : JOB_QUEUED;
            trials.items[i].finished_at = 0;
        }
        check_all_kinds(&trials, false);
        search_trials_done(&trials);
    }
}

static void a_heat_map_needs_two_fields_that_differ(void **state)
{
    (void)state;
    static const char *const fields[] = {"eta"};
    struct search_trials trials = make_trials(3, fields, 1);
    struct search_figure_options options = usual;
    struct ep_error error;
    char *text = NULL;
    size_t length;
    options.kind = SEARCH_FIGURE_HEATMAP;
    assert_int_equal(search_figure(&trials, &options, &text, &length, &error), EP_INVALID);
    assert_null(text);
    options.x = row("momentum");
    assert_int_equal(search_figure(&trials, &options, &text, &length, &error), EP_INVALID);
    search_trials_done(&trials);
}

static void ten_thousand_trials_stay_small(void **state)
{
    (void)state;
    static const char *const fields[] = {"eta", "lambda", "momentum", "seed"};
    struct search_trials trials = make_trials(10000, fields, 4);
    for (size_t i = 0; i < 40000; i++) {
        trials.values[i] = 0.001 + (double)(i * 7919 % 1009);
    }
    check_all_kinds(&trials, true);
    char *text = draw(&trials, SEARCH_FIGURE_PARALLEL, SVG_LIGHT);
    assert_true(strlen(text) < 4 << 20);
    free(text);
    search_trials_done(&trials);
}

static void ticks_are_round_and_within_the_axis(void **state)
{
    (void)state;
    static const double ends[][2] = {{1e-6, 1e-2}, {0.02, 0.1},     {0, 1}, {-3, 7},
                                     {5, 5},       {1e-200, 1e200}, {0, 0}, {1, 90}};
    for (size_t i = 0; i < EP_COUNT(ends); i++) {
        const struct axis axis = axis_make(ends[i][0], ends[i][1], 500, 100);
        assert_true(axis.from <= ends[i][0] && axis.to >= ends[i][1] && axis.from < axis.to);
        assert_true(axis_at(&axis, axis.from) > axis_at(&axis, axis.to));
        for (size_t t = 0; t < axis.tick_count; t++) {
            assert_true(axis.ticks[t] >= axis.from * (axis.from > 0 ? 0.999 : 1.001) - 1e-9);
            assert_true(axis_at(&axis, axis.ticks[t]) >= 99 && axis_at(&axis, axis.ticks[t]) <= 501);
        }
    }
    static const struct {
        double value;
        const char *text;
    } labels[] = {{1e-6, "1e-6"}, {0.02, "0.02"}, {2.0309e-8, "2.03e-8"}, {0, "0"},
                  {-5, "-5"},     {1e7, "1e7"},   {0.5, "0.5"},           {-1e-4, "-1e-4"}};
    for (size_t i = 0; i < EP_COUNT(labels); i++) {
        char text[AXIS_LABEL_MAX];
        axis_label(labels[i].value, text);
        assert_string_equal(text, labels[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grid_has_a_cell_for_each_trial),
        cmocka_unit_test(what_is_no_grid_is_drawn_as_dots),
        cmocka_unit_test(many_fields_make_parallel_coordinates),
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(few_trials_and_none_are_drawn_too),
        cmocka_unit_test(a_heat_map_needs_two_fields_that_differ),
        cmocka_unit_test(ten_thousand_trials_stay_small),
        cmocka_unit_test(ticks_are_round_and_within_the_axis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
