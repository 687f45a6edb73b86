#include "core/search/check.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/search/space_values.h"

void search_check_member(const struct search_check *check, size_t stage, const char *member,
                         char pointer[SEARCH_POINTER])
{
    if (check->single) {
        snprintf(pointer, SEARCH_POINTER, "/%s", member);
    } else {
        snprintf(pointer, SEARCH_POINTER, "/stages/%zu/%s", stage, member);
    }
}

void search_check_field(const struct search_check *check, size_t stage, const char *member, size_t row,
                        char pointer[SEARCH_POINTER])
{
    search_check_member(check, stage, member, pointer);
    const size_t length = strlen(pointer);
    snprintf(pointer + length, SEARCH_POINTER - length, "/%s", job_spec_fields.rows[row].name);
    for (char *c = pointer + length + 1; *c != '\0'; c++) {
        if (*c == '/') {
            *c = '.';
        }
    }
}

const char *search_check_fields_of(const struct search_stage *stage)
{
    return stage->method == SEARCH_GRID ? "grid" : "random";
}

bool search_check_faulty(const struct search_check *check, const char *pointer)
{
    const size_t length = strlen(pointer);
    for (size_t i = 0; i < check->faults->count; i++) {
        const char *at = check->faults->items[i].pointer;
        if (strncmp(at, pointer, length) == 0 && (at[length] == '\0' || at[length] == '/')) {
            return true;
        }
    }
    return false;
}

static size_t bits_in(uint64_t rows)
{
    size_t count = 0;
    for (; rows != 0; rows &= rows - 1) {
        count++;
    }
    return count;
}

/* How many trials the stage has, and around what. */
static void check_members(const struct search_check *check, size_t index)
{
    const struct search_stage *stage = &check->definition->stages[index];
    struct ep_faults *faults = check->faults;
    char pointer[SEARCH_POINTER];
    bool relative = false;
    for (size_t i = 0; i < stage->field_count; i++) {
        relative = relative || search_is_relative(&stage->fields[i]);
    }
    search_check_member(check, index, "around", pointer);
    if (stage->around_best && index == 0) {
        ep_faults_add(faults, pointer, "there is no stage before the first whose best it could lie around");
    } else if (stage->around_best && bits_in(check->kept[index]) + stage->pin_count > SEARCH_FIELDS_MAX) {
        ep_faults_add(faults, pointer,
                      "%zu fields would keep the values of the best or of pivot; at most %d can",
                      bits_in(check->kept[index]) + stage->pin_count, SEARCH_FIELDS_MAX);
    }
    search_check_member(check, index, "shrink", pointer);
    if (relative && !(stage->shrink > 0 && stage->shrink <= 1) && !search_check_faulty(check, pointer)) {
        ep_faults_add(faults, pointer, "got %g; it must be above 0 and at most 1", stage->shrink);
    }
    search_check_member(check, index, search_check_fields_of(stage), pointer);
    if (stage->field_count == 0 && !search_check_faulty(check, pointer)) {
        ep_faults_add(faults, pointer, "varies no field; name at least one");
    }
    const size_t trials = search_stage_trials(stage);
    if (stage->method == SEARCH_GRID) {
        if (trials > SEARCH_TRIALS_MAX) {
            ep_faults_add(faults, pointer, "has %s%zu points; a search has at most %d trials",
                          trials == SIZE_MAX ? "more than " : "", trials, SEARCH_TRIALS_MAX);
        }
        return;
    }
    search_check_member(check, index, "trials", pointer);
    if ((trials == 0 || trials > SEARCH_TRIALS_MAX) && !search_check_faulty(check, pointer)) {
        ep_faults_add(faults, pointer, "got %zu; it must be at least 1 and at most %d", trials,
                      SEARCH_TRIALS_MAX);
    }
    search_check_member(check, index, "batch", pointer);
    if (stage->method == SEARCH_TPE && stage->batch == 0 && !search_check_faulty(check, pointer)) {
        ep_faults_add(faults, pointer, "got 0; at least one trial has to be proposed at a time");
    }
}

static void check_stages(struct search_check *check)
{
    const struct search_definition *definition = check->definition;
    size_t trials = 0;
    bool each_fits = true;
    for (size_t s = 0; s < definition->stage_count; s++) {
        const struct search_stage *stage = &definition->stages[s];
        for (size_t i = 0; i < stage->field_count; i++) {
            search_check_one(check, s, &stage->fields[i], false, &check->own[s]);
        }
        for (size_t i = 0; i < stage->pin_count; i++) {
            search_check_one(check, s, &stage->pins[i], true, &check->own[s]);
        }
        if (stage->around_best && s > 0) {
            const uint64_t layers = search_bit_of("depth") | search_bit_of("hidden");
            const uint64_t settled = check->own[s] | ((check->own[s] & layers) != 0 ? layers : 0);
            check->kept[s] = (check->own[s - 1] | check->kept[s - 1]) & ~settled;
        }
        check_members(check, s);
        const size_t of_stage = search_stage_trials(stage);
        each_fits = each_fits && of_stage <= SEARCH_TRIALS_MAX;
        if (!ep_size_add(trials, of_stage, &trials)) {
            trials = SIZE_MAX;
        }
    }
    if (each_fits && trials > SEARCH_TRIALS_MAX && definition->settings.max_trials >= SEARCH_TRIALS_MAX) {
        ep_faults_add(check->faults, "/stages",
                      "have %zu trials together; a search has at most %d, or as many as a lower max_trials "
                      "says",
                      trials, SEARCH_TRIALS_MAX);
    }
}

/* Whether all stages set one of the rows, so that the base need not. */
static bool all_set(const struct search_check *check, uint64_t rows)
{
    bool set = true;
    for (size_t s = 0; s < check->definition->stage_count; s++) {
        set = set && ((check->own[s] | check->kept[s]) & rows) != 0;
    }
    return set;
}

static void check_base(const struct search_check *check)
{
    const struct search_definition *definition = check->definition;
    const uint64_t layers = search_bit_of("depth") | search_bit_of("hidden");
    const uint64_t validation = search_bit_of("validation_size");
    struct job_spec spec = definition->base;
    uint64_t given = definition->base_given;
    struct ep_faults found = {.count = 0};
    /* What is wrong with a field already is not to be found again, and is not to be believed. */
    for (size_t i = 0; i < check->faults->count; i++) {
        const struct ep_fault *fault = &check->faults->items[i];
        if (strncmp(fault->pointer, "/base/", 6) == 0) {
            ep_faults_add(&found, fault->pointer + 5, "%s", fault->detail);
        }
    }
    if ((given & layers) == 0 && all_set(check, layers)) {
        spec.depth = 1;
        given |= search_bit_of("depth");
    }
    const size_t known = found.count;
    job_spec_resolve(&spec, given, check->info, check->limits, &found);
    const bool sizes_known = check->info != NULL || (given & validation) != 0;
    if (found.count == 0 && sizes_known && spec.validation_size == 0 && !all_set(check, validation)) {
        ep_faults_add(&found, "/validation_size",
                      "is 0; trials are compared on validation images, so that there must be some");
    }
    for (size_t i = known; i < found.count; i++) {
        char pointer[sizeof found.items[i].pointer + 8];
        snprintf(pointer, sizeof pointer, "/base%s", found.items[i].pointer);
        ep_faults_add(check->faults, pointer, "%s", found.items[i].detail);
    }
    check->faults->dropped += found.dropped;
}

/* The lowest number of epochs that trials of a stage have; they are the base's unless a stage pins them. */
static uint64_t least_epochs(const struct search_definition *definition)
{
    const size_t row = ep_fields_find(&job_spec_fields, "epochs");
    uint64_t least = UINT64_MAX;
    uint64_t epochs = definition->base.epochs;
    for (size_t s = 0; s < definition->stage_count; s++) {
        const struct search_stage *stage = &definition->stages[s];
        const struct search_field *pin = search_find_field(stage->pins, stage->pin_count, row);
        if (pin != NULL && pin->values != NULL && pin->count > 0 && pin->values[0] >= 1) {
            epochs = (uint64_t)pin->values[0];
        } else if (!stage->around_best) {
            epochs = definition->base.epochs;
        }
        least = epochs < least ? epochs : least;
    }
    return least;
}

static void check_halving(const struct search_check *check)
{
    const struct search_definition *definition = check->definition;
    const struct search_settings *settings = &definition->settings;
    const size_t row = ep_fields_find(&job_spec_fields, "epochs");
    if (search_check_faulty(check, "/halving")) {
        return;
    }
    if (settings->halving_first == 0) {
        if (settings->halving_brackets) {
            ep_faults_add(check->faults, "/halving/epochs", "is missing; brackets need the first rung");
        }
        return;
    }
    if (settings->halving_factor < 2) {
        ep_faults_add(check->faults, "/halving/factor", "got %llu; it must be at least 2",
                      (unsigned long long)settings->halving_factor);
    }
    for (size_t s = 0; s < definition->stage_count; s++) {
        const struct search_stage *stage = &definition->stages[s];
        if (search_find_field(stage->fields, stage->field_count, row) != NULL) {
            ep_faults_add(check->faults, "/halving",
                          "does not go with epochs as a field that is varied: trials are compared at equal "
                          "epochs");
            return;
        }
    }
    const uint64_t epochs = least_epochs(definition);
    if (settings->halving_first >= epochs && !search_check_faulty(check, "/base/epochs")) {
        ep_faults_add(check->faults, "/halving/epochs",
                      "got %llu; the first rung must be below the %llu epochs of a trial",
                      (unsigned long long)settings->halving_first, (unsigned long long)epochs);
    }
}

void search_check(const struct search_definition *definition, bool single, const struct data_info *info,
                  const struct job_limits *limits, struct ep_faults *faults)
{
    struct search_check check = {
        .definition = definition,
        .single = single,
        .info = info,
        .limits = limits,
        .faults = faults,
    };
    if (definition->stage_count > SEARCH_STAGES_MAX || definition->stage_count == 0) {
        if (!search_check_faulty(&check, "/stages")) {
            ep_faults_add(faults, "/stages", "has %zu stages; a search has 1 to %d", definition->stage_count,
                          SEARCH_STAGES_MAX);
        }
        return;
    }
    check_stages(&check);
    check_base(&check);
    check_halving(&check);
    if (faults->dropped == 0 && !search_check_faulty(&check, "/base")) {
        search_check_trials(&check);
    }
}
