#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/search/record.h"

/* How searches stand, as others see it. */

/* Where trials are copied to while the jobs are locked. */
struct collection {
    const struct search_settings *settings;
    struct views *views;
    size_t capacity;
    bool short_of_memory;
};

static double objective_of(const struct search_settings *settings, const struct job *job, uint64_t *epoch)
{
    const bool cost = settings->metric == SEARCH_COST;
    *epoch = 0;
    if (job->state == JOB_FAILED || !job->has_latest) {
        return NAN;
    }
    if (settings->epoch == SEARCH_LAST_EPOCH) {
        *epoch = job->latest.epoch;
        return cost ? job->latest.cost_validation : job->latest.accuracy_validation;
    }
    *epoch = cost ? job->best.cost_epoch : job->best.accuracy_epoch;
    return cost ? job->best.cost_validation : job->best.accuracy_validation;
}

static void read_trial(const struct search_settings *settings, const struct job *job,
                       struct search_trial *trial)
{
    *trial = (struct search_trial){
        .state = job->state,
        .stage = job->trial.stage,
        .ordinal = job->trial.ordinal,
        .bank = job->trial.bank,
        .epoch = job->has_latest ? job->latest.epoch : 0,
        .epochs = job->spec.epochs,
        .cut_epoch = job->trial.cut_epoch,
        .failed_epoch = job->failed_epoch,
        .cost_validation = job->best.cost_validation,
        .accuracy_validation = job->best.accuracy_validation,
        .accuracy_test = job->accuracy_test,
        .started_at = job->started_at,
        .finished_at = job->finished_at,
    };
    memcpy(trial->id, job->id, sizeof trial->id);
    trial->objective = objective_of(settings, job, &trial->objective_epoch);
}

static bool grow(struct collection *collection)
{
    struct views *views = collection->views;
    if (views->count < collection->capacity) {
        return true;
    }
    const size_t capacity = collection->capacity == 0 ? 256 : 2 * collection->capacity;
    struct view *items = reallocarray(views->items, capacity, sizeof *items);
    if (items == NULL) {
        collection->short_of_memory = true;
        return false;
    }
    views->items = items;
    collection->capacity = capacity;
    return true;
}

static void collect(void *context, const struct jobs_trial *trial)
{
    struct collection *collection = context;
    if (collection->short_of_memory || !grow(collection)) {
        return;
    }
    struct view *view = &collection->views->items[collection->views->count++];
    *view = (struct view){
        .hold = trial->hold,
        .steps_done = trial->steps,
        .steps = trial->job->spec.epochs * job_spec_epoch_steps(&trial->job->spec),
        .waits = trial->waits,
    };
    read_trial(collection->settings, trial->job, &view->trial);
}

enum ep_status views_read(struct searches *searches, const struct record *record, struct views *views,
                          struct ep_error *error)
{
    *views = (struct views){0};
    struct collection collection = {.settings = &record->definition.settings, .views = views};
    jobs_visit_trials(searches->options.jobs, record->id, collect, &collection);
    if (collection.short_of_memory) {
        views_done(views);
        return ep_fail(error, EP_NO_MEMORY, "no memory for the trials of search %s", record->id);
    }
    return EP_OK;
}

void views_done(struct views *views)
{
    free(views->items);
    *views = (struct views){0};
}

const struct view *views_best(const struct record *record, const struct views *views, size_t stage)
{
    const struct view *best = NULL;
    double least = 0;
    for (size_t i = 0; i < views->count; i++) {
        const struct view *view = &views->items[i];
        const double loss = search_loss(&record->definition.settings, view->trial.objective);
        if ((stage == SEARCH_STAGES_MAX || view->trial.stage == stage) && !isnan(loss) &&
            (best == NULL || loss < least)) {
            best = view;
            least = loss;
        }
    }
    return best;
}

size_t views_made(const struct views *views, size_t stage)
{
    size_t count = 0;
    for (size_t i = 0; i < views->count; i++) {
        count += views->items[i].trial.stage == stage;
    }
    return count;
}

bool views_ended(const struct views *views, size_t stage)
{
    for (size_t i = 0; i < views->count; i++) {
        if (views->items[i].trial.stage == stage && !job_state_final(views->items[i].trial.state)) {
            return false;
        }
    }
    return true;
}

size_t record_planned(const struct record *record, size_t stage)
{
    const struct search_definition *definition = &record->definition;
    const size_t most = (size_t)definition->settings.max_trials;
    size_t before = 0;
    for (size_t s = 0; s < stage; s++) {
        before += search_stage_trials(&definition->stages[s]);
    }
    const size_t left = before < most ? most - before : 0;
    const size_t wanted = search_stage_trials(&definition->stages[stage]);
    return wanted < left ? wanted : left;
}

double record_seconds(const struct record *record)
{
    return record->seconds + (record->since > 0 ? ep_clock_seconds() - record->since : 0);
}

/* Copies what the record says itself. The caller has the lock. */
static enum ep_status copy_record(const struct record *record, size_t workers, struct search *search,
                                  struct ep_error *error)
{
    memcpy(search->id, record->id, sizeof search->id);
    memcpy(search->reason, record->reason, sizeof search->reason);
    search->state = record->state;
    search->created_at = record->created_at;
    search->finished_at = record->finished_at;
    search->seconds = record_seconds(record);
    search->stage_count = record->definition.stage_count;
    search->stages = ep_allocate(search->stage_count, sizeof *search->stages);
    search->plan.banks = ep_allocate(record->bank_count, sizeof *search->plan.banks);
    if (search->stages == NULL || search->plan.banks == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to show search %s", record->id);
    }
    for (size_t s = 0; s < search->stage_count; s++) {
        search->stages[s].trials = record_planned(record, s);
        search->trials += search->stages[s].trials;
    }
    search->plan.trials = search->trials;
    search->plan.bank_count = record->bank_count;
    search->plan.flops = record->flops;
    search->plan.seconds = NAN;
    if (record->bank_count > 0) {
        memcpy(search->plan.banks, record->banks, record->bank_count * sizeof *record->banks);
    }
    search->plan.memory = banks_memory(record->banks, record->bank_count, workers);
    return search_definition_copy(&record->definition, &search->definition, error);
}

static void count_trial(const struct view *view, struct search *search, double *done)
{
    const struct search_trial *trial = &view->trial;
    search->by_state[trial->state]++;
    search->cut += trial->cut_epoch > 0;
    if (trial->stage < search->stage_count) {
        search->stages[trial->stage].made++;
        search->stages[trial->stage].ended += job_state_final(trial->state);
    }
    if (job_state_final(trial->state)) {
        *done += 1;
    } else if (view->steps > 0) {
        *done += (double)view->steps_done / (double)view->steps;
    }
}

/* Work that is not a job yet takes as long as that which is, on average. */
static double remaining_seconds(struct searches *searches, const struct search *search, size_t made)
{
    if (search_state_final(search->state)) {
        return 0;
    }
    const double now = jobs_trials_remaining(searches->options.jobs, search->id);
    const size_t missing = search->trials > made ? search->trials - made : 0;
    if (missing == 0) {
        return now;
    }
    const double each = made > 0 ? search->plan.flops / (double)made : NAN;
    return now +
           jobs_estimate_seconds(searches->options.jobs, each * (double)missing) / (double)searches->workers;
}

static void summarise(struct searches *searches, const struct record *record, const struct views *views,
                      struct search *search)
{
    double done = 0;
    for (size_t i = 0; i < views->count; i++) {
        count_trial(&views->items[i], search, &done);
    }
    for (size_t s = 0; s < search->stage_count; s++) {
        const struct view *best = views_best(record, views, s);
        search->stages[s].objective = best == NULL ? (double)NAN : best->trial.objective;
        if (best != NULL) {
            memcpy(search->stages[s].best, best->trial.id, sizeof best->trial.id);
        }
    }
    const struct view *best = views_best(record, views, SEARCH_STAGES_MAX);
    search->has_best = best != NULL;
    if (best != NULL) {
        search->best = best->trial;
    }
    search->fraction = search_state_final(search->state) ? 1
                       : search->trials > 0              ? done / (double)search->trials
                                                         : 0;
    search->remaining_seconds = remaining_seconds(searches, search, views->count);
}

/* The caller has the lock, which keeps the record and its settings; the jobs' is taken inside it. */
enum ep_status record_snapshot(struct searches *searches, const struct record *record, struct search *search,
                               struct ep_error *error)
{
    struct views views = {0};
    *search = (struct search){0};
    enum ep_status status = copy_record(record, searches->workers, search, error);
    if (status == EP_OK) {
        status = views_read(searches, record, &views, error);
    }
    if (status == EP_OK) {
        summarise(searches, record, &views, search);
    } else {
        search_done(search);
    }
    views_done(&views);
    return status;
}

void search_plan_done(struct search_plan *plan)
{
    free(plan->banks);
    *plan = (struct search_plan){0};
}

void search_done(struct search *search)
{
    search_definition_done(&search->definition);
    search_plan_done(&search->plan);
    free(search->stages);
    search->stages = NULL;
    search->stage_count = 0;
}
