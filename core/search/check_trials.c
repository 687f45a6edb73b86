#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/machine.h"
#include "core/base/macros.h"
#include "core/search/check.h"
#include "core/search/space_values.h"

/* The trials of one stage, tried one after the other. */
struct trials {
    const struct search_check *check;
    size_t index; /* of the stage */
    const struct search_stage *stage;
    struct job_spec base;
    struct ep_faults found; /* with the trial at hand */
};

/* Text that grows in a buffer and is cut at its end. */
struct text {
    char *at;
    size_t room;
};

static void EP_PRINTF(2, 3) append(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int wanted = vsnprintf(text->at, text->room, format, arguments);
    va_end(arguments);
    const size_t length = wanted < 0 ? 0 : (size_t)wanted < text->room ? (size_t)wanted : text->room - 1;
    text->at += length;
    text->room -= length;
}

/* The name of a field, or the pointer to one, as texts have them: "decay.factor". */
static void append_name(struct text *text, const char *name)
{
    for (const char *c = name[0] == '/' ? name + 1 : name; *c != '\0'; c++) {
        append(text, "%c", *c == '/' ? '.' : *c);
    }
}

static void append_value(struct text *text, const struct search_field *field, double value)
{
    const struct ep_field *row = search_row_of(field);
    if (row->kind == EP_FIELD_INTEGER_LIST) {
        const struct ep_integer_list *list = &field->lists[(size_t)value];
        for (uint32_t i = 0; i < list->count; i++) {
            append(text, "%s%u", i == 0 ? "[" : ", ", list->items[i]);
        }
        append(text, "%s", list->count == 0 ? "[]" : "]");
    } else if (row->kind == EP_FIELD_CHOICE) {
        append(text, "\"%s\"", row->choices[(size_t)value]);
    } else if (row->kind == EP_FIELD_BOOLEAN) {
        append(text, "%s", value != 0 ? "true" : "false");
    } else {
        append(text, row->kind == EP_FIELD_INTEGER ? "%.0f" : "%.10g", value);
    }
}

/* "eta 0.1, hidden [50, 30]". */
static void describe(const struct search_stage *stage, const struct search_point *point, struct text text)
{
    for (size_t i = 0; i < stage->field_count; i++) {
        append(&text, "%s", i == 0 ? "" : ", ");
        append_name(&text, search_row_of(&stage->fields[i])->name);
        append(&text, " ");
        append_value(&text, &stage->fields[i], point->at[i]);
    }
    for (size_t i = 0; i < stage->pin_count; i++) {
        const struct search_field *pin = &stage->pins[i];
        append(&text, "%s", i + stage->field_count == 0 ? "" : ", ");
        append_name(&text, search_row_of(pin)->name);
        append(&text, " ");
        append_value(&text, pin, pin->values != NULL ? pin->values[0] : 0);
    }
}

/* Whether a fault at `pointer` is one of the field, of a part of it, or of the group that it is in. */
static bool concerns(const char *pointer, const char *name)
{
    const char *at = pointer + (pointer[0] == '/' ? 1 : 0);
    const size_t faulty = strlen(at);
    const size_t named = strlen(name);
    const size_t common = faulty < named ? faulty : named;
    return strncmp(at, name, common) == 0 && (at[common] == '\0' || at[common] == '/') &&
           (name[common] == '\0' || name[common] == '/');
}

/* Points to what a stage says about the faulty field; false when it says nothing about it. */
static bool locate(const struct trials *trials, const char *faulty, char pointer[SEARCH_POINTER])
{
    const struct search_stage *stage = trials->stage;
    for (size_t i = 0; i < stage->field_count + stage->pin_count; i++) {
        const bool is_pin = i >= stage->field_count;
        const size_t row = is_pin ? stage->pins[i - stage->field_count].row : stage->fields[i].row;
        if (concerns(faulty, job_spec_fields.rows[row].name)) {
            search_check_field(trials->check, trials->index, is_pin ? "pivot" : search_check_fields_of(stage),
                               row, pointer);
            return true;
        }
    }
    return false;
}

static void report(const struct trials *trials, const struct search_point *point)
{
    char values[256] = "";
    describe(trials->stage, point, (struct text){.at = values, .room = sizeof values});
    for (size_t i = 0; i < trials->found.count; i++) {
        const struct ep_fault *fault = &trials->found.items[i];
        const char *faulty = fault->pointer;
        char pointer[SEARCH_POINTER];
        if (locate(trials, faulty, pointer)) {
            ep_faults_add(trials->check->faults, pointer, "%s (in the trial with %s)", fault->detail, values);
            continue;
        }
        /* Depth and hidden widths say the same, and a fault may be at the other of them. */
        const char *twin = strcmp(faulty, "/hidden") == 0 ? "/depth" : "/hidden";
        const bool layers = strcmp(faulty, "/hidden") == 0 || strcmp(faulty, "/depth") == 0;
        if (!layers || !locate(trials, twin, pointer)) {
            search_check_member(trials->check, trials->index, search_check_fields_of(trials->stage), pointer);
        }
        char name[sizeof fault->pointer] = "";
        struct text text = {.at = name, .room = sizeof name};
        append_name(&text, faulty);
        ep_faults_add(trials->check->faults, pointer, "%s: %s (in the trial with %s)", name, fault->detail,
                      values);
    }
}

/* Whether the trial is a job; reports why not. */
static bool try_point(struct trials *trials, const struct search_point *point)
{
    const struct search_check *check = trials->check;
    struct job_spec spec = trials->base;
    uint64_t given = check->definition->base_given;
    search_apply(trials->stage, point, &spec, &given);
    trials->found.count = 0;
    trials->found.dropped = 0;
    job_spec_resolve(&spec, given, check->info, check->limits, &trials->found);
    if (trials->found.count == 0 && spec.validation_size == 0 &&
        (check->info != NULL || (given & search_bit_of("validation_size")) != 0)) {
        ep_faults_add(&trials->found, "/validation_size",
                      "is 0; trials are compared on validation images, so that there must be some");
    }
    if (trials->found.count > 0) {
        report(trials, point);
    }
    return trials->found.count == 0;
}

/* What a random stage or an estimator draws from: its corners, and as many points as it has trials. Those of
 * an estimator are not known, but its first ones are, and the others come from the same space. */
static void try_random(struct trials *trials, size_t count)
{
    const struct search_stage *stage = trials->stage;
    bool right = true;
    for (int end = 0; end <= 1 && right; end++) {
        struct search_point corner = {{0}};
        for (size_t i = 0; i < stage->field_count; i++) {
            corner.at[i] = search_field_value(&stage->fields[i], end);
        }
        right = try_point(trials, &corner);
    }
    for (size_t i = 0; i < count && right; i++) {
        struct search_point point;
        search_random_point(stage, i, &point);
        right = try_point(trials, &point);
    }
}

static void try_grid(struct trials *trials, size_t count)
{
    bool right = true;
    for (size_t i = 0; i < count && right; i++) {
        struct search_point point;
        search_grid_point(trials->stage, i, &point);
        right = try_point(trials, &point);
    }
}

/* Whether it is known what the trials of a stage are: nothing in it depends on a best, or is faulty. */
static bool known(const struct search_check *check, size_t index)
{
    static const char *const members[] = {"grid", "random", "pivot", "trials", "around", "shrink"};
    const struct search_stage *stage = &check->definition->stages[index];
    bool fixed = !stage->around_best || check->kept[index] == 0;
    for (size_t i = 0; i < stage->field_count; i++) {
        fixed = fixed && !search_is_relative(&stage->fields[i]);
    }
    for (size_t i = 0; i < EP_COUNT(members) && fixed; i++) {
        char pointer[SEARCH_POINTER];
        search_check_member(check, index, members[i], pointer);
        fixed = !search_check_faulty(check, pointer);
    }
    return fixed;
}

void search_check_trials(const struct search_check *check)
{
    const struct search_definition *definition = check->definition;
    struct trials trials = {.check = check, .base = definition->base};
    if (trials.base.threads == 0) {
        /* The default that the cost of a job asks the system for, once for all trials. */
        trials.base.threads = ep_machine_cores();
    }
    size_t left = (size_t)definition->settings.max_trials;
    for (size_t s = 0; s < definition->stage_count; s++) {
        trials.index = s;
        trials.stage = &definition->stages[s];
        const size_t all = search_stage_trials(trials.stage);
        const size_t count = all < left ? all : left;
        if (known(check, s) && count > 0) {
            if (trials.stage->method == SEARCH_GRID) {
                try_grid(&trials, count);
            } else {
                try_random(&trials, count);
            }
        }
        left -= count;
    }
}
