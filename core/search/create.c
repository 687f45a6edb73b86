#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/search/group.h"
#include "core/search/record.h"

/* From points of a stage to jobs. */

/* What trials of one search are made with. */
struct making {
    const struct search_definition *definition;
    const struct search_stage *stage;
    struct data_info info;
    const struct job_limits *limits;
    size_t planned; /* trials of the stage */
    size_t count;
    struct jobs_trial_draft *drafts; /* (count) */
    struct job_cost *costs;          /* (count) */
    struct search_seat *seats;       /* (count) */
};

static void making_done(struct making *making)
{
    free(making->drafts);
    free(making->costs);
    free(making->seats);
}

/* Resolves the spec of a point; what is wrong with it was not known when the search was checked. */
static enum ep_status resolve(const struct making *making, size_t ordinal, const struct search_point *point,
                              struct job_spec *spec, struct ep_error *error)
{
    struct ep_faults *faults = ep_allocate(1, sizeof *faults);
    uint64_t given = making->definition->base_given;
    if (faults == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for another trial");
    }
    *spec = making->definition->base;
    search_apply(making->stage, point, spec, &given);
    job_spec_resolve(spec, given, &making->info, making->limits, faults);
    enum ep_status status = EP_OK;
    if (faults->count > 0) {
        status = ep_fail(error, EP_INVALID, "trial %zu is no job: %s: %s", ordinal, faults->items[0].pointer,
                         faults->items[0].detail);
    }
    free(faults);
    return status;
}

static enum ep_status begin(struct searches *searches, struct making *making, size_t count,
                            struct ep_error *error)
{
    making->count = count;
    making->limits = &searches->options.limits;
    making->drafts = ep_allocate(count, sizeof *making->drafts);
    making->costs = ep_allocate(count, sizeof *making->costs);
    making->seats = ep_allocate(count, sizeof *making->seats);
    if (making->drafts == NULL || making->costs == NULL || making->seats == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for %zu trials", count);
    }
    return data_registry_describe(searches->options.registry, making->definition->base.dataset, &making->info,
                                  error);
}

/* Resolves all, and says which train side by side; banks are counted from `bank`. */
static enum ep_status make(struct searches *searches, struct making *making, size_t first,
                           const struct search_point *points, uint32_t bank, struct ep_error *error)
{
    const struct search_halving halving = search_halving_of(&making->definition->settings);
    const struct search_group_options options = {
        .workers = searches->workers, .memory_limit = searches->memory_limit, .first = bank};
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < making->count && status == EP_OK; i++) {
        struct job_spec *spec = &making->drafts[i].spec;
        status = resolve(making, first + i, &points[i], spec, error);
        if (status == EP_OK) {
            status = job_cost_of(spec, &making->info, &making->costs[i], error);
        }
        making->seats[i] = (struct search_seat){.spec = spec, .cost = &making->costs[i]};
        if (status == EP_OK && halving.first > 0) {
            making->seats[i].bracket =
                search_bracket_of(&halving, spec->epochs, first + i, making->planned, making->stage->seed);
        }
    }
    return status == EP_OK ? search_group(making->seats, making->count, &options, error) : status;
}

/* Fills what makes drafts of the resolved specs into jobs. */
static enum ep_status finish(struct searches *searches, struct making *making, const char *search,
                             size_t stage, size_t first, struct ep_error *error)
{
    const struct search_halving halving = search_halving_of(&making->definition->settings);
    const struct data_set *set = NULL;
    enum ep_status status =
        data_registry_open(searches->options.registry, making->definition->base.dataset, &set, error);
    for (size_t i = 0; i < making->count && status == EP_OK; i++) {
        struct jobs_trial_draft *draft = &making->drafts[i];
        uint64_t rungs[SEARCH_RUNGS_MAX];
        draft->trial = (struct job_trial){
            .stage = (uint32_t)stage, .ordinal = (uint32_t)(first + i), .bank = making->seats[i].bank};
        snprintf(draft->trial.search, sizeof draft->trial.search, "%s", search);
        if (halving.first > 0 &&
            search_rungs(&halving, draft->spec.epochs, making->seats[i].bracket, rungs) > 0) {
            draft->hold = rungs[0];
        }
        status = job_spec_digest(&draft->spec, set->digest, draft->digest, error);
    }
    return status;
}

enum ep_status banks_count(struct search_bank **banks, size_t *count, uint32_t stage, uint32_t bank,
                           const struct job_cost *cost, struct ep_error *error)
{
    /* The newest are the likeliest. */
    for (size_t b = *count; b-- > 0;) {
        struct search_bank *found = &(*banks)[b];
        if (found->stage == stage && found->number == bank) {
            found->trials++;
            found->parameters += cost->parameters;
            found->memory += cost->further;
            return EP_OK;
        }
    }
    struct search_bank *longer = *banks;
    if ((*count & (*count - 1)) == 0) { /* grows by doubling */
        longer = reallocarray(*banks, *count == 0 ? 1 : 2 * *count, sizeof *longer);
        if (longer == NULL) {
            return ep_fail(error, EP_NO_MEMORY, "no memory for another bank");
        }
    }
    *banks = longer;
    longer[(*count)++] = (struct search_bank){
        .stage = stage, .number = bank, .trials = 1, .parameters = cost->parameters, .memory = cost->memory};
    return EP_OK;
}

static enum ep_status count_banks(const struct making *making, size_t stage, struct search_bank **banks,
                                  size_t *count, double *flops, struct ep_error *error)
{
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < making->count && status == EP_OK; i++) {
        *flops += making->costs[i].flops;
        status = banks_count(banks, count, (uint32_t)stage, making->seats[i].bank, &making->costs[i], error);
    }
    return status;
}

/* Number of the first bank of a stage that is free. */
static uint32_t next_bank(const struct record *record, size_t stage)
{
    uint32_t next = 0;
    for (size_t b = 0; b < record->bank_count; b++) {
        const struct search_bank *bank = &record->banks[b];
        next = bank->stage == stage && bank->number >= next ? bank->number + 1 : next;
    }
    return next;
}

static enum ep_status add(struct searches *searches, struct record *record, struct making *making,
                          size_t stage, size_t first, const struct search_point *points,
                          struct ep_error *error)
{
    enum ep_status status = make(searches, making, first, points, next_bank(record, stage), error);
    if (status == EP_OK) {
        status = finish(searches, making, record->id, stage, first, error);
    }
    if (status == EP_OK) {
        status = jobs_create_trials(searches->options.jobs, making->drafts, making->count, error);
    }
    if (status == EP_OK) {
        pthread_mutex_lock(&searches->lock);
        status = count_banks(making, stage, &record->banks, &record->bank_count, &record->flops, error);
        pthread_mutex_unlock(&searches->lock);
    }
    return status;
}

enum ep_status record_add_trials(struct searches *searches, struct record *record, size_t stage, size_t first,
                                 size_t count, const struct search_point *points, struct ep_error *error)
{
    struct making making = {.definition = &record->definition,
                            .stage = &record->stages[stage],
                            .planned = record_planned(record, stage)};
    enum ep_status status = begin(searches, &making, count, error);
    if (status == EP_OK) {
        status = add(searches, record, &making, stage, first, points, error);
    }
    making_done(&making);
    return status;
}

static enum ep_status plan_trials(struct searches *searches, const struct search_definition *definition,
                                  const struct search_stage *stage, size_t number, size_t count,
                                  const struct search_point *points, struct search_plan *plan,
                                  struct ep_error *error)
{
    struct making making = {.definition = definition, .stage = stage, .planned = count};
    enum ep_status status = begin(searches, &making, count, error);
    if (status == EP_OK) {
        status = make(searches, &making, 0, points, 0, error);
    }
    if (status == EP_OK) {
        status = count_banks(&making, number, &plan->banks, &plan->bank_count, &plan->flops, error);
    }
    making_done(&making);
    return status;
}

/* Points of a stage as they would be; those of a sampler that looks at results are as good as random ones. */
static enum ep_status plan_stage(struct searches *searches, const struct search_definition *definition,
                                 size_t stage, size_t count, struct search_plan *plan, struct ep_error *error)
{
    const struct search_stage *planned = &definition->stages[stage];
    struct search_point *points = ep_allocate(count, sizeof *points);
    if (points == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to plan %zu trials", count);
    }
    for (size_t i = 0; i < count; i++) {
        if (planned->method == SEARCH_GRID) {
            search_grid_point(planned, i, &points[i]);
        } else {
            search_random_point(planned, i, &points[i]);
        }
    }
    const enum ep_status status =
        plan_trials(searches, definition, planned, stage, count, points, plan, error);
    free(points);
    return status;
}

size_t banks_memory(const struct search_bank *banks, size_t count, size_t workers)
{
    size_t largest = 0;
    for (size_t b = 0; b < count; b++) {
        largest = banks[b].memory > largest ? banks[b].memory : largest;
    }
    return largest * (count < workers ? count : workers);
}

/* Stages whose values are not known take as much a trial as those that are. */
static void plan_rest(struct searches *searches, size_t unknown, struct search_plan *plan)
{
    const size_t known = plan->trials - unknown;
    plan->flops *= known > 0 ? (double)plan->trials / (double)known : 1;
    plan->memory = banks_memory(plan->banks, plan->bank_count, searches->workers);
    plan->seconds = jobs_estimate_seconds(searches->options.jobs, plan->flops) / (double)searches->workers;
}

enum ep_status searches_plan(struct searches *searches, const struct search_definition *definition,
                             struct search_plan *plan, struct ep_error *error)
{
    enum ep_status status = EP_OK;
    size_t left = (size_t)definition->settings.max_trials;
    size_t unknown = 0;
    *plan = (struct search_plan){0};
    for (size_t s = 0; s < definition->stage_count && status == EP_OK; s++) {
        const size_t wanted = search_stage_trials(&definition->stages[s]);
        const size_t count = wanted < left ? wanted : left;
        const bool open = s > 0 && definition->stages[s].around_best;
        left -= count;
        plan->trials += count;
        unknown += open ? count : 0;
        if (!open && count > 0) {
            status = plan_stage(searches, definition, s, count, plan, error);
        }
    }
    if (status == EP_OK) {
        plan_rest(searches, unknown, plan);
    } else {
        search_plan_done(plan);
    }
    return status;
}
