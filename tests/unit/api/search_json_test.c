/* Searches as JSON: every field, every fault at its place, and back again without loss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/json.h"
#include "api/search_csv.h"
#include "api/search_decode.h"
#include "api/search_json.h"
#include "core/base/memory.h"

#define BASE "\"base\": {\"dataset\": \"d\", \"epochs\": 9, \"hidden\": [8]}"

static const struct data_info info = {
    .name = "d", .height = 4, .width = 4, .channels = 1, .features = 16, .classes = 4, .train_count = 600};

/* What came of decoding a text. */
struct decoded {
    struct search_definition definition;
    struct ep_faults faults;
    bool single;
};

/* Decodes a text, and checks what was decoded as a server does. */
static struct decoded *decode(const char *text)
{
    struct decoded *decoded = ep_allocate(1, sizeof *decoded);
    json_t *root = NULL;
    struct ep_error error;
    assert_non_null(decoded);
    if (json_read(text, strlen(text), &root, &error) != EP_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    assert_int_equal(search_decode(root, &decoded->definition, &decoded->single, &decoded->faults, NULL),
                     EP_OK);
    if (decoded->definition.stage_count > 0) {
        const struct job_limits limits = {.memory = 1U << 30};
        search_check(&decoded->definition, decoded->single, &info, &limits, &decoded->faults);
    }
    json_decref(root);
    return decoded;
}

static void decoded_done(struct decoded *decoded)
{
    search_definition_done(&decoded->definition);
    free(decoded);
}

/* Decodes a search that is complete but for "MEMBERS". */
static struct decoded *decode_with(const char *members)
{
    char *text = NULL;
    assert_true(asprintf(&text, "{" BASE ", %s}", members) > 0);
    struct decoded *decoded = decode(text);
    free(text);
    return decoded;
}

static void assert_sound(const struct decoded *decoded)
{
    if (decoded->faults.count > 0) {
        fail_msg("%s: %s", decoded->faults.items[0].pointer, decoded->faults.items[0].detail);
    }
}

static size_t row_of(const char *name)
{
    return ep_fields_find(&job_spec_fields, name);
}

static void a_grid_has_all_that_was_said(void **state)
{
    (void)state;
    struct decoded *decoded = decode_with(
        "\"name\": \"coarse\", \"grid\": {\"eta\": {\"from\": 1e-6, \"to\": 1e-2, \"count\": 14, \"scale\": "
        "\"log\"}, \"batch_norm\": [true, false], \"hidden\": [[50, 30], []], \"decay.factor\": [0.9, 0.95], "
        "\"activation\": [\"tanh\"], \"batch_size\": {\"from\": 10, \"to\": 20, \"count\": 3}}");
    assert_sound(decoded);
    const struct search_definition *definition = &decoded->definition;
    assert_true(decoded->single);
    assert_string_equal(definition->settings.name, "coarse");
    assert_int_equal(definition->settings.metric, SEARCH_ACCURACY);
    assert_int_equal(definition->settings.goal, SEARCH_MAXIMIZE);
    assert_int_equal(definition->settings.epoch, SEARCH_LAST_EPOCH);
    assert_int_equal(definition->settings.max_trials, SEARCH_TRIALS_MAX);
    assert_false(definition->settings.has_target);
    assert_int_equal(definition->base.epochs, 9);
    assert_int_equal(definition->base_given, (uint64_t)1 << row_of("dataset") |
                                                 (uint64_t)1 << row_of("epochs") |
                                                 (uint64_t)1 << row_of("hidden"));
    assert_int_equal(definition->stage_count, 1);
    const struct search_stage *stage = definition->stages;
    assert_int_equal(stage->method, SEARCH_GRID);
    assert_int_equal(stage->field_count, 6);
    assert_int_equal(search_stage_trials(stage), 14 * 2 * 2 * 2 * 1 * 3);
    const struct search_field *eta = &stage->fields[0];
    assert_int_equal(eta->row, row_of("eta"));
    assert_false(eta->is_list);
    assert_int_equal(eta->count, 14);
    assert_int_equal(eta->scale, SEARCH_LOG);
    assert_true(eta->from == 1e-6 && eta->to == 1e-2);
    assert_true(stage->fields[1].values[0] == 1 && stage->fields[1].values[1] == 0);
    assert_int_equal(stage->fields[2].lists[0].count, 2);
    assert_int_equal(stage->fields[2].lists[0].items[1], 30);
    assert_int_equal(stage->fields[2].lists[1].count, 0);
    assert_int_equal(stage->fields[3].row, row_of("decay/factor"));
    assert_true(stage->fields[3].values[1] == 0.95);
    assert_true(stage->fields[4].values[0] == NN_TANH);
    assert_int_equal(stage->fields[5].scale, SEARCH_LINEAR);
    decoded_done(decoded);
}

static void a_random_stage_has_its_members(void **state)
{
    (void)state;
    struct decoded *decoded = decode_with(
        "\"random\": {\"eta\": {\"from\": 0.001, \"to\": 0.1}}, \"trials\": 60, \"seed\": 7, \"sampler\": "
        "\"tpe\", \"batch\": 5, \"halving\": {\"epochs\": 1, \"factor\": 2, \"brackets\": true}, "
        "\"objective\": {\"metric\": \"cost_validation\", \"epoch\": \"best\"}, \"max_trials\": 50, "
        "\"max_seconds\": 2.5, \"target\": -0.0");
    assert_sound(decoded);
    const struct search_settings *settings = &decoded->definition.settings;
    const struct search_stage *stage = decoded->definition.stages;
    assert_int_equal(stage->method, SEARCH_TPE);
    assert_int_equal(stage->trials, 60);
    assert_int_equal(stage->seed, 7);
    assert_int_equal(stage->batch, 5);
    assert_int_equal(settings->goal, SEARCH_MINIMIZE);
    assert_int_equal(settings->epoch, SEARCH_BEST_EPOCH);
    assert_int_equal(settings->max_trials, 50);
    assert_true(settings->max_seconds == 2.5);
    assert_true(settings->has_target && settings->target == 0);
    assert_int_equal(settings->halving_first, 1);
    assert_int_equal(settings->halving_factor, 2);
    assert_true(settings->halving_brackets);
    decoded_done(decoded);
    decoded = decode_with("\"random\": {\"eta\": [1]}, \"trials\": 2");
    assert_sound(decoded);
    assert_int_equal(decoded->definition.stages[0].method, SEARCH_RANDOM);
    assert_int_equal(decoded->definition.stages[0].seed, 1);
    decoded_done(decoded);
}

static void stages_may_lie_around_the_best(void **state)
{
    (void)state;
    struct decoded *decoded = decode_with(
        "\"stages\": [{\"grid\": {\"eta\": {\"from\": 1e-4, \"to\": 1, \"count\": 5, \"scale\": \"log\"}, "
        "\"lambda\": [0, 1e-8]}}, {\"random\": {\"eta\": {\"scale\": \"log\"}}, \"trials\": 3, \"around\": "
        "\"best\", \"shrink\": 0.5, \"pivot\": {\"lambda\": 2e-8, \"hidden\": [4, 3]}}, {\"grid\": "
        "{\"eta\": {\"count\": 4}}, \"around\": \"best\"}]");
    assert_sound(decoded);
    assert_false(decoded->single);
    assert_int_equal(decoded->definition.stage_count, 3);
    const struct search_stage *second = &decoded->definition.stages[1];
    assert_true(second->around_best && !decoded->definition.stages[0].around_best);
    assert_true(second->shrink == 0.5 && decoded->definition.stages[2].shrink == 0.25);
    assert_true(isnan(second->fields[0].from) && isnan(second->fields[0].to));
    assert_int_equal(second->pin_count, 2);
    assert_true(second->pins[0].is_list && second->pins[0].count == 1 && second->pins[0].values[0] == 2e-8);
    assert_int_equal(second->pins[1].lists[0].items[1], 3);
    decoded_done(decoded);
}

/* Members of a search beside a good base, and where its only fault is. */
static const struct {
    const char *members, *pointer, *part;
} fault_cases[] = {
    {"\"name\": \"x\"", "", "grid, random and stages"},
    {"\"grid\": {\"eta\": [1]}, \"name\": 5", "/name", "text"},
    {"\"grid\": {\"eta\": [1]}, \"nmae\": \"a\"", "/nmae", "did you mean name?"},
    {"\"grid\": {\"eta\": [1]}, \"stagse\": []", "/stagse", "did you mean stages?"},
    {"\"grid\": {\"eta\": [1]}, \"objective\": {\"metrik\": 1}", "/objective/metrik", "objective.metric?"},
    {"\"grid\": {\"eta\": [1]}, \"objective\": {\"goal\": \"max\"}", "/objective/goal", "minimize"},
    {"\"grid\": {\"eta\": [1]}, \"objective\": {\"epoch\": 3}", "/objective/epoch", "last"},
    {"\"grid\": {\"eta\": [1]}, \"objective\": \"cost\"", "/objective", "object"},
    {"\"grid\": {\"eta\": [1]}, \"halving\": {\"factor\": 1}", "/halving/factor", "from 2"},
    {"\"grid\": {\"eta\": [1]}, \"halving\": {\"epochs\": 9}", "/halving/epochs", "below the 9"},
    {"\"grid\": {\"eta\": [1]}, \"halving\": {\"brackets\": 1}", "/halving/brackets", "true or false"},
    {"\"grid\": {\"eta\": [1]}, \"max_trials\": 10001", "/max_trials", "10000"},
    {"\"grid\": {\"eta\": [1]}, \"max_seconds\": -1", "/max_seconds", "from 0"},
    {"\"grid\": {\"eta\": [1]}, \"target\": null", "/target", "number"},
    {"\"grid\": 5", "/grid", "got 5"},
    {"\"grid\": {}", "/grid", "no field"},
    {"\"grid\": {\"eta\": 0.1}", "/grid/eta", "list of values"},
    {"\"grid\": {\"eta\": []}", "/grid/eta", "0 values"},
    {"\"grid\": {\"eta\": [0.1, 0]}", "/grid/eta/1", "above 0"},
    {"\"grid\": {\"eta\": [0.1, \"a\"]}", "/grid/eta/1", "number"},
    {"\"grid\": {\"batch_size\": [10, 1.5]}", "/grid/batch_size/1", "integer"},
    {"\"grid\": {\"batch_norm\": [1]}", "/grid/batch_norm/0", "true or false"},
    {"\"grid\": {\"activation\": [\"relu\", \"sin\"]}", "/grid/activation/1", "tanh"},
    {"\"grid\": {\"hidden\": [50, [30]]}", "/grid/hidden/0", "list"},
    {"\"grid\": {\"hidden\": [[50, 0]]}", "/grid/hidden/0/1", "from 1"},
    {"\"grid\": {\"lamda\": [1]}", "/grid/lamda", "did you mean lambda?"},
    {"\"grid\": {\"decay/every\": [1]}", "/grid/decay~1every", "not a field"},
    {"\"grid\": {\"decay.evry\": [1]}", "/grid/decay.evry", "did you mean decay.every?"},
    {"\"grid\": {\"decay\": {\"every\": [1]}}", "/grid/decay", "decay.every"},
    {"\"grid\": {\"dataset\": [\"d\"]}", "/grid/dataset", "base"},
    {"\"grid\": {\"tags\": [[\"d\"]]}", "/grid/tags", "base"},
    {"\"grid\": {\"threads\": [1]}", "/grid/threads", "base"},
    {"\"grid\": {\"eta\": {\"from\": 1, \"to\": 2}}", "/grid/eta/count", "missing"},
    {"\"grid\": {\"eta\": {\"from\": 1, \"to\": 2, \"count\": 0}}", "/grid/eta/count", "from 1"},
    {"\"grid\": {\"eta\": {\"from\": 1, \"to\": 2, \"count\": 1e9}}", "/grid/eta/count", "1000"},
    {"\"grid\": {\"eta\": {\"from\": 0, \"to\": 2, \"count\": 2}}", "/grid/eta/from", "above 0"},
    {"\"grid\": {\"eta\": {\"from\": 1, \"to\": \"b\", \"count\": 2}}", "/grid/eta/to", "number"},
    {"\"grid\": {\"eta\": {\"from\": 2, \"to\": 1, \"count\": 2}}", "/grid/eta", "more than to"},
    {"\"grid\": {\"eta\": {\"from\": 2, \"count\": 2}}", "/grid/eta", "both from and to"},
    {"\"grid\": {\"eta\": {\"count\": 2}}", "/grid/eta", "needs from and to"},
    {"\"grid\": {\"lambda\": {\"from\": 0, \"to\": 1, \"count\": 2, \"scale\": \"log\"}}", "/grid/lambda",
     "log"},
    {"\"grid\": {\"eta\": {\"from\": 1, \"to\": 2, \"count\": 2, \"scale\": \"ln\"}}", "/grid/eta/scale",
     "linear"},
    {"\"grid\": {\"eta\": {\"from\": 1, \"to\": 2, \"count\": 2, \"form\": 1}}", "/grid/eta/form",
     "did you mean from?"},
    {"\"grid\": {\"batch_norm\": {\"from\": 0, \"to\": 1, \"count\": 2}}", "/grid/batch_norm", "list"},
    {"\"grid\": {\"hidden\": {\"from\": 1, \"to\": 2, \"count\": 2}}", "/grid/hidden", "list"},
    {"\"grid\": {\"eta\": [1]}, \"trials\": 5", "/trials", "only with random"},
    {"\"grid\": {\"eta\": [1]}, \"seed\": 5", "/seed", "only with random"},
    {"\"grid\": {\"eta\": [1]}, \"sampler\": \"tpe\"", "/sampler", "only with random"},
    {"\"grid\": {\"eta\": [1]}, \"around\": \"best\"", "/around", "stage"},
    {"\"grid\": {\"eta\": [1]}, \"pivot\": {}", "/pivot", "stage"},
    {"\"random\": {\"eta\": [1]}", "/trials", "missing"},
    {"\"random\": {\"eta\": [1]}, \"trials\": 0", "/trials", "from 1"},
    {"\"random\": {\"eta\": [1]}, \"trials\": 1, \"sampler\": \"grid\"", "/sampler", "tpe"},
    {"\"random\": {\"eta\": [1]}, \"trials\": 1, \"batch\": 2", "/batch", "tpe"},
    {"\"random\": {\"eta\": [1]}, \"trials\": 1, \"sampler\": \"tpe\", \"batch\": 1001", "/batch", "1000"},
    {"\"random\": {\"eta\": {\"from\": 1, \"to\": 2, \"count\": 2}}, \"trials\": 1", "/random/eta/count",
     "only in a grid"},
    {"\"random\": {\"eta\": [1]}, \"grid\": {\"eta\": [1]}", "", "only one"},
    {"\"stages\": {}", "/stages", "list of 1 to 16"},
    {"\"stages\": []", "/stages", "list of 1 to 16"},
    {"\"stages\": [{\"grid\": {\"eta\": [1]}}], \"trials\": 1", "/trials", "one of them"},
    {"\"stages\": [{\"grid\": {\"eta\": [1]}}, {}]", "/stages/1/grid", "grid or random"},
    {"\"stages\": [{\"grid\": {\"eta\": [1]}, \"around\": \"best\"}]", "/stages/0/around", "no stage before"},
    {"\"stages\": [{\"grid\": {\"eta\": [1]}}, {\"grid\": {\"eta\": [1]}, \"around\": \"worst\"}]",
     "/stages/1/around", "best"},
    {"\"stages\": [{\"grid\": {\"eta\": [1]}, \"shrink\": 0}]", "/stages/0/shrink", "above 0"},
    {"\"stages\": [{\"grid\": {\"eta\": [1]}, \"gird\": 0}]", "/stages/0/gird", "did you mean grid?"},
    {"\"stages\": [{\"grid\": {\"eta\": [1]}, \"pivot\": 0}]", "/stages/0/pivot", "object"},
    {"\"stages\": [{\"grid\": {\"eta\": [1]}, \"pivot\": {\"lambda\": [1]}}]", "/stages/0/pivot/lambda",
     "number"},
    {"\"stages\": [{\"grid\": {\"eta\": [1]}, \"pivot\": {\"eta\": 1}}]", "/stages/0/pivot/eta", "once"},
};

static void each_fault_is_told_at_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < EP_COUNT(fault_cases); i++) {
        struct decoded *decoded = decode_with(fault_cases[i].members);
        const struct ep_fault *fault = &decoded->faults.items[0];
        if (decoded->faults.count != 1 || strcmp(fault->pointer, fault_cases[i].pointer) != 0 ||
            strstr(fault->detail, fault_cases[i].part) == NULL) {
            fail_msg("%s: %zu faults, %s: %s; %s: %s", fault_cases[i].members, decoded->faults.count,
                     fault->pointer, fault->detail, fault[1].pointer, fault[1].detail);
        }
        decoded_done(decoded);
    }
}

static void faults_of_the_base_are_told_below_it(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pointer;
    } cases[] = {
        {"{\"grid\": {\"eta\": [1]}}", "/base"},
        {"{\"base\": [], \"grid\": {\"eta\": [1]}}", "/base"},
        {"{\"base\": {\"dataset\": \"d\", \"depth\": 2}, \"grid\": {\"eta\": [1]}}", "/base/epochs"},
        {"{\"base\": {\"epochs\": 1, \"depth\": 2}, \"grid\": {\"eta\": [1]}}", "/base/dataset"},
        {"{\"base\": {\"dataset\": \"d\", \"epochs\": 1}, \"grid\": {\"eta\": [1]}}", "/base/depth"},
        {"{\"base\": {\"dataset\": \"d\", \"epochs\": 1, \"depth\": 2, \"decay\": {\"evry\": 1}}, \"grid\": "
         "{\"eta\": [1]}}",
         "/base/decay/evry"},
        {"{\"base\": {\"dataset\": \"d\", \"epochs\": 1, \"hidden\": [0]}, \"grid\": {\"eta\": [1]}}",
         "/base/hidden/0"},
        {"5", ""},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        struct decoded *decoded = decode(cases[i].text);
        if (decoded->faults.count != 1 || strcmp(decoded->faults.items[0].pointer, cases[i].pointer) != 0) {
            fail_msg("%s: %zu faults, %s: %s", cases[i].text, decoded->faults.count,
                     decoded->faults.items[0].pointer, decoded->faults.items[0].detail);
        }
        decoded_done(decoded);
    }
    struct decoded *decoded =
        decode("{\"base\": {\"dataset\": \"d\", \"epochs\": 1}, \"grid\": {\"hidden\": [[5], []]}}");
    assert_sound(decoded);
    decoded_done(decoded);
}

static void all_faults_are_told_at_once(void **state)
{
    (void)state;
    struct decoded *decoded =
        decode("{\"base\": {\"dataset\": \"d\", \"epochs\": 0, \"foo\": 1}, \"sead\": 4, \"trials\": 5, "
               "\"grid\": {\"eta\": [-1, 1, \"a\"], \"lamda\": [1], \"hidden\": [[5]]}}");
    static const char *const pointers[] = {"/base/epochs", "/base/foo",   "/sead",      "/trials",
                                           "/grid/eta/0",  "/grid/eta/2", "/grid/lamda"};
    assert_int_equal(decoded->faults.count, EP_COUNT(pointers));
    for (size_t i = 0; i < EP_COUNT(pointers); i++) {
        bool told = false;
        for (size_t k = 0; k < decoded->faults.count; k++) {
            told = told || strcmp(decoded->faults.items[k].pointer, pointers[i]) == 0;
        }
        if (!told) {
            fail_msg("%s is not told", pointers[i]);
        }
    }
    decoded_done(decoded);
}

/* A grid of `fields` fields, each with `values` values, as members of a search. */
static char *wide_grid(size_t fields, size_t values)
{
    static const char *const names[] = {"eta",        "lambda",  "momentum",     "dropout", "init.std",
                                        "adam.beta1", "warm_up", "decay.factor", "seed"};
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    assert_non_null(file);
    fputs("\"max_trials\": 1, \"grid\": {", file);
    for (size_t i = 0; i < fields; i++) {
        fprintf(file, "%s\"%s\": [", i == 0 ? "" : ", ", names[i]);
        for (size_t k = 0; k < values; k++) {
            fputs(k == 0 ? "0.5" : ", 0.5", file);
        }
        fputs("]", file);
    }
    fputs("}", file);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void limits_of_stages_hold(void **state)
{
    (void)state;
    char *text = wide_grid(1, SEARCH_VALUES_MAX);
    struct decoded *decoded = decode_with(text);
    assert_sound(decoded);
    decoded_done(decoded);
    free(text);
    text = wide_grid(1, SEARCH_VALUES_MAX + 1);
    decoded = decode_with(text);
    assert_int_equal(decoded->faults.count, 1);
    assert_string_equal(decoded->faults.items[0].pointer, "/grid/eta");
    decoded_done(decoded);
    free(text);
    text = wide_grid(SEARCH_FIELDS_MAX + 1, 1);
    decoded = decode_with(text);
    assert_string_equal(decoded->faults.items[0].pointer, "/grid");
    assert_int_equal(decoded->definition.stages[0].field_count, SEARCH_FIELDS_MAX);
    decoded_done(decoded);
    free(text);
}

static bool same_field(const struct search_field *a, const struct search_field *b)
{
    const bool ends = (a->from == b->from && a->to == b->to) || (isnan(a->from) && isnan(b->from));
    return a->row == b->row && a->is_list == b->is_list && a->count == b->count && a->scale == b->scale &&
           ends && (a->values == NULL) == (b->values == NULL) && (a->lists == NULL) == (b->lists == NULL) &&
           (a->values == NULL || memcmp(a->values, b->values, a->count * sizeof *a->values) == 0) &&
           (a->lists == NULL || memcmp(a->lists, b->lists, a->count * sizeof *a->lists) == 0);
}

static void assert_same_stage(const struct search_stage *a, const struct search_stage *b)
{
    assert_int_equal(a->method, b->method);
    assert_int_equal(a->field_count, b->field_count);
    assert_int_equal(a->pin_count, b->pin_count);
    assert_true(a->trials == b->trials && a->seed == b->seed && a->batch == b->batch);
    assert_true(a->around_best == b->around_best && a->shrink == b->shrink);
    for (size_t i = 0; i < a->field_count; i++) {
        assert_true(same_field(&a->fields[i], &b->fields[i]));
    }
    for (size_t i = 0; i < a->pin_count; i++) {
        assert_true(same_field(&a->pins[i], &b->pins[i]));
    }
}

static void assert_same(const struct search_definition *a, const struct search_definition *b)
{
    const struct search_settings *x = &a->settings;
    const struct search_settings *y = &b->settings;
    assert_string_equal(x->name, y->name);
    assert_true(x->metric == y->metric && x->goal == y->goal && x->epoch == y->epoch);
    assert_true(x->max_trials == y->max_trials && x->max_seconds == y->max_seconds);
    assert_true(x->has_target == y->has_target && (!x->has_target || x->target == y->target));
    assert_true(x->halving_first == y->halving_first && x->halving_factor == y->halving_factor &&
                x->halving_brackets == y->halving_brackets);
    assert_int_equal(a->base_given, b->base_given);
    assert_memory_equal(&a->base, &b->base, sizeof a->base);
    assert_int_equal(a->stage_count, b->stage_count);
    for (size_t i = 0; i < a->stage_count; i++) {
        assert_same_stage(&a->stages[i], &b->stages[i]);
    }
}

static void what_is_stored_is_read_back_as_it_was(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{" BASE ", \"grid\": {\"eta\": [0.1, 0.30000000000000004, 1e-300], \"hidden\": [[], [5, 6]]}}",
        "{\"base\": {\"dataset\": \"d\", \"epochs\": 3, \"eta\": 0.012345678901234567, \"decay\": "
        "{\"every\": 3}, \"tags\": [\"a\"], \"name\": \"\xc3\xa9\"}, \"name\": \"\xc3\x9c\", \"grid\": "
        "{\"depth\": [1, 2], \"optimizer\": [\"sgd\"], \"nesterov\": [true, false], \"batch_size\": "
        "{\"from\": 2, \"to\": 9, \"count\": 4}}, \"target\": 0.5}",
        "{" BASE ", \"random\": {\"eta\": {\"from\": 1e-5, \"to\": 0.1, \"scale\": \"log\"}, \"seed\": [1, "
        "9007199254740991]}, \"trials\": 7, \"seed\": 9007199254740991, \"objective\": {\"goal\": "
        "\"minimize\"}}",
        "{" BASE ", \"random\": {\"eta\": [1, 2]}, \"trials\": 7, \"sampler\": \"tpe\", \"batch\": 3, "
        "\"halving\": {\"epochs\": 2, \"factor\": 2, \"brackets\": true}, \"max_trials\": 5, "
        "\"max_seconds\": 0.1, \"objective\": {\"metric\": \"cost_validation\", \"goal\": \"maximize\", "
        "\"epoch\": \"best\"}}",
        "{" BASE ", \"stages\": [{\"grid\": {\"eta\": {\"from\": 1, \"to\": 2, \"count\": 2}}, \"pivot\": "
        "{\"hidden\": [3, 4], \"activation\": \"tanh\", \"batch_norm\": false}}]}",
        "{" BASE ", \"stages\": [{\"grid\": {\"eta\": {\"from\": 1, \"to\": 2, \"count\": 2}}, \"shrink\": "
        "1}]}",
        "{" BASE ", \"stages\": [{\"grid\": {\"eta\": {\"from\": 1, \"to\": 2, \"count\": 2}}}, {\"random\": "
        "{\"eta\": {}}, \"around\": \"best\", \"trials\": 4, \"pivot\": {\"lambda\": 2e-8}}]}",
    };
    for (size_t i = 0; i < EP_COUNT(texts); i++) {
        struct decoded *decoded = decode(texts[i]);
        struct search_definition again;
        struct ep_error error;
        assert_sound(decoded);
        char *text = api_encode_search(&decoded->definition);
        assert_non_null(text);
        if (api_decode_stored_search(text, &again, &error) != EP_OK) {
            fail_msg("%s: %s", text, error.text);
        }
        assert_same(&decoded->definition, &again);
        char *twice = api_encode_search(&again);
        assert_string_equal(text, twice);
        free(text);
        free(twice);
        search_definition_done(&again);
        decoded_done(decoded);
    }
}

static void what_is_damaged_is_not_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "{}",
                                        "{" BASE "}",
                                        "{" BASE ", \"grid\": {\"eta\": [0]}}",
                                        "{" BASE ", \"grid\": {\"eta\": [1]}, \"more\": 1}"};
    for (size_t i = 0; i < EP_COUNT(texts); i++) {
        struct search_definition definition;
        struct ep_error error = {.status = EP_OK};
        assert_int_equal(api_decode_stored_search(texts[i], &definition, &error), EP_CORRUPT);
        assert_int_equal(error.status, EP_CORRUPT);
        assert_null(definition.stages);
    }
}

static void trials_are_shown_with_their_values(void **state)
{
    (void)state;
    struct search_trial items[] = {
        {.id = "a", .state = JOB_SUCCEEDED, .epoch = 2, .epochs = 2, .objective = 0.1, .objective_epoch = 2},
        {.id = "b", .state = JOB_FAILED, .failed_epoch = 1, .epochs = 2, .objective = (double)NAN},
    };
    double values[] = {0.1 + 0.2, 1, 0, 2, 0.5, 0, 1, 1};
    struct ep_integer_list hidden[] = {{.count = 2, .items = {5, 6}}, {.count = 0}};
    const struct search_trials trials = {
        .field_count = 4,
        .fields = {row_of("eta"), row_of("batch_norm"), row_of("hidden"), row_of("activation")},
        .count = 2,
        .items = items,
        .values = values,
        .hidden = hidden,
    };
    size_t length = 0;
    char *text = search_trials_csv(&trials, &length);
    assert_string_equal(text,
                        "id,stage,ordinal,bank,state,cut_epoch,failed_epoch,epoch,epochs,objective,"
                        "objective_epoch,cost_validation,accuracy_validation,accuracy_test,started_at,"
                        "finished_at,eta,batch_norm,hidden,activation\r\n"
                        "a,0,0,0,succeeded,,,2,2,0.1,2,0,0,0,,,0.30000000000000004,true,\"[5,6]\",tanh\r\n"
                        "b,0,0,0,failed,,1,0,2,,,0,0,0,,,0.5,false,\"[]\",leaky_relu\r\n");
    assert_int_equal(length, strlen(text));
    free(text);
    json_t *root = search_trial_json(&items[0], search_values_json(&trials, 0), 1);
    text = json_print(root, &length);
    assert_non_null(strstr(text,
                           "\"values\":{\"eta\":0.30000000000000004,\"batch_norm\":true,\"hidden\":[5,6],"
                           "\"activation\":\"tanh\"}"));
    assert_non_null(strstr(text, "\"objective\":0.1,\"objective_epoch\":2,"));
    assert_non_null(strstr(text, "\"cut_epoch\":null,\"failed_epoch\":null,"));
    free(text);
    json_decref(root);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grid_has_all_that_was_said),
        cmocka_unit_test(a_random_stage_has_its_members),
        cmocka_unit_test(stages_may_lie_around_the_best),
        cmocka_unit_test(each_fault_is_told_at_its_place),
        cmocka_unit_test(faults_of_the_base_are_told_below_it),
        cmocka_unit_test(all_faults_are_told_at_once),
        cmocka_unit_test(limits_of_stages_hold),
        cmocka_unit_test(what_is_stored_is_read_back_as_it_was),
        cmocka_unit_test(what_is_damaged_is_not_read),
        cmocka_unit_test(trials_are_shown_with_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
