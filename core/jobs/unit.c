#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/jobs/jobs_state.h"
#include "core/jobs/run.h"

/*
 * What a worker runs: a job, or the trials of one bank.
 *
 *   queued → running                                                               unit_start()
 *   running → succeeded, failed, cancelled, or queued again when the server stops  conclude()
 */

static const double retry_seconds = 1;   /* between two attempts to write to a store that refused */
static const double look_seconds = 0.02; /* between two looks whether others should have the turn */

static void tell_fault(const struct unit *unit, const struct ep_error *error)
{
    const struct jobs *jobs = unit->jobs;
    if (jobs->options.on_fault != NULL) {
        jobs->options.on_fault(jobs->options.context, unit->members[0]->job.id, error);
    }
}

/* Whether an entry of the queue comes into the unit of `first`. */
static bool comes_along(const struct entry *entry, const struct entry *first)
{
    return entry == first ||
           (first->party->id[0] != '\0' && !entry->held && entry->job.trial.stage == first->job.trial.stage &&
            entry->job.trial.bank == first->job.trial.bank);
}

static size_t count_members(const struct entry *first)
{
    size_t count = 0;
    for (size_t i = 0; i < first->party->queued.count; i++) {
        count += comes_along(first->party->queued.entries[i], first);
    }
    return count;
}

static bool make_room(struct jobs *jobs)
{
    if (jobs->unit_count == jobs->unit_capacity) {
        const size_t capacity = jobs->unit_capacity == 0 ? 16 : 2 * jobs->unit_capacity;
        struct unit **longer = reallocarray(jobs->units, capacity, sizeof(struct unit *));
        if (longer == NULL) {
            return false;
        }
        jobs->units = longer;
        jobs->unit_capacity = capacity;
    }
    return true;
}

struct unit *unit_create(struct jobs *jobs, struct entry *first)
{
    const size_t count = count_members(first);
    struct unit *unit = ep_allocate(1, sizeof *unit);
    struct entry **members = ep_allocate(count, sizeof(struct entry *));
    if (unit == NULL || members == NULL || !make_room(jobs)) {
        free(unit);
        free(members);
        return NULL;
    }
    struct table *queued = &first->party->queued;
    size_t kept = 0;
    *unit = (struct unit){.jobs = jobs, .party = first->party, .members = members};
    for (size_t i = 0; i < queued->count; i++) {
        struct entry *entry = queued->entries[i];
        if (comes_along(entry, first)) {
            members[unit->count++] = entry;
        } else {
            queued->entries[kept++] = entry;
        }
    }
    queued->count = kept;
    for (size_t g = 0; g < count; g++) {
        members[g]->held = true;
        members[g]->unit = unit;
        members[g]->over = false;
        members[g]->beside = count - 1;
        atomic_store(&members[g]->stop, false);
        unit->memory += g == 0 ? members[g]->cost.memory : members[g]->cost.further;
    }
    jobs->units[jobs->unit_count++] = unit;
    jobs->memory_used += unit->memory;
    return unit;
}

bool unit_over(const struct unit *unit)
{
    for (size_t g = 0; g < unit->count; g++) {
        if (!job_state_final(unit->members[g]->job.state)) {
            return false;
        }
    }
    return true;
}

/* Those who are over wait for nobody. */
bool unit_waits(const struct unit *unit)
{
    for (size_t g = 0; g < unit->count; g++) {
        const struct entry *entry = unit->members[g];
        if (!job_state_final(entry->job.state) && !entry->over && !atomic_load(&entry->stop) &&
            entry->hold > 0 && entry->row_count >= entry->hold) {
            return true;
        }
    }
    return false;
}

/* Room for the members' histories; false when memory is short. The caller holds them. */
static bool make_histories(const struct unit *unit)
{
    for (size_t g = 0; g < unit->count; g++) {
        struct entry *entry = unit->members[g];
        struct nn_epoch *rows = ep_allocate((size_t)entry->job.spec.epochs, sizeof *rows);
        if (rows == NULL) {
            return false;
        }
        pthread_mutex_lock(&unit->jobs->lock);
        free(entry->rows);
        entry->rows = rows;
        entry->row_count = 0;
        entry->began = entry->ended = 0;
        pthread_mutex_unlock(&unit->jobs->lock);
    }
    return true;
}

/* The histories are in the store, or not wanted any more. The caller has the lock. */
static void drop_history(struct entry *entry)
{
    free(entry->rows);
    entry->rows = NULL;
    entry->row_count = 0;
}

bool unit_start(struct unit *unit)
{
    struct jobs *jobs = unit->jobs;
    struct ep_error error;
    enum ep_status status = EP_OK;
    if (make_histories(unit)) {
        status = jobs_move(jobs, unit->members, unit->count, JOB_RUNNING, "", &error);
    } else {
        status = ep_fail(&error, EP_NO_MEMORY, "no memory for the histories of %zu jobs", unit->count);
    }
    if (status != EP_OK) {
        tell_fault(unit, &error);
        return false;
    }
    for (size_t g = 0; g < unit->count; g++) {
        jobs_let_go(jobs, unit->members[g]);
    }
    return true;
}

static enum nn_verdict on_poll(void *context, size_t member, size_t steps_done)
{
    const struct unit *unit = context;
    struct entry *entry = unit->members[member];
    atomic_store_explicit(&entry->steps, steps_done, memory_order_relaxed);
    if (entry->began == 0 || steps_done == 0) { /* what comes before the first mini-batch does not count */
        pthread_mutex_lock(&unit->jobs->lock);
        entry->began = ep_clock_seconds();
        pthread_mutex_unlock(&unit->jobs->lock);
    }
    return atomic_load_explicit(&entry->stop, memory_order_relaxed) ? NN_STOP : NN_GO_ON;
}

static void keep_best(struct job_best *best, const struct nn_epoch *row)
{
    if (best->cost_epoch == 0 || row->cost_validation < best->cost_validation) {
        best->cost_epoch = isnan(row->cost_validation) ? 0 : row->epoch;
        best->cost_validation = row->cost_validation;
    }
    if (best->accuracy_epoch == 0 || row->accuracy_validation > best->accuracy_validation) {
        best->accuracy_epoch = isnan(row->accuracy_validation) ? 0 : row->epoch;
        best->accuracy_validation = row->accuracy_validation;
    }
}

static void on_epoch(void *context, size_t member, const struct nn_epoch *epoch)
{
    const struct unit *unit = context;
    struct jobs *jobs = unit->jobs;
    struct entry *entry = unit->members[member];
    struct ep_error error;
    pthread_mutex_lock(&jobs->lock);
    entry->rows[entry->row_count++] = *epoch;
    entry->job.latest = *epoch;
    entry->job.has_latest = true;
    keep_best(&entry->job.best, epoch);
    if (jobs->pace.flops == 0) {
        jobs->estimated = 0; /* now that a pace is known, the queue can be estimated */
    }
    pace_add(&jobs->pace, entry->cost.flops / (double)entry->job.spec.epochs,
             epoch->seconds / (double)(entry->beside + 1));
    const bool waits = entry->hold > 0 && entry->row_count >= entry->hold;
    pthread_mutex_unlock(&jobs->lock);
    if (store_append(jobs->store, entry->job.id, epoch, &error) != EP_OK) {
        tell_fault(unit, &error);
    }
    if (waits) {
        jobs_tell(jobs, unit->party->id);
    }
}

static void on_ended(void *context, size_t member)
{
    struct unit *unit = context;
    pthread_mutex_lock(&unit->jobs->lock);
    unit->members[member]->over = true;
    for (size_t g = 0; g < unit->count; g++) {
        unit->members[g]->beside -= unit->members[g]->beside > 0;
    }
    pthread_mutex_unlock(&unit->jobs->lock);
    unit->ends = true;
}

/* A job never has more threads than there are workers: as many would run if there were more jobs. */
static size_t threads_most(const struct unit *unit)
{
    const size_t workers = unit->jobs->options.workers;
    const uint64_t threads = unit->members[0]->job.spec.threads;
    return threads == 0 || threads > workers ? workers : (size_t)threads;
}

/* The unit's fair share of the workers, now: those that nothing else needs are idle. */
static size_t on_threads(void *context)
{
    const struct unit *unit = context;
    struct jobs *jobs = unit->jobs;
    const size_t workers = jobs->options.workers;
    pthread_mutex_lock(&jobs->lock);
    const size_t demand = party_demand(jobs, workers);
    pthread_mutex_unlock(&jobs->lock);
    const size_t share = demand > 0 ? workers / demand : workers;
    const size_t most = threads_most(unit);
    return share < 1 ? 1 : share < most ? share : most;
}

/* What a run's end makes of a job. */
static enum ep_status draft_end(const struct unit *unit, size_t member, const struct ep_error *failure,
                                struct jobs_change *change, struct ep_error *error)
{
    struct job *next = &change->next;
    enum ep_status status = jobs_draft(unit->jobs, unit->members[member], change, error);
    if (status != EP_OK) {
        return status;
    }
    if (failure->status != EP_OK) {
        next->failure = *failure;
        return jobs_draft_move(change, JOB_FAILED, failure->text, error);
    }
    const struct job_result *result = job_run_result(unit->run, member);
    status = job_run_conclude(result, next, error);
    if (status != EP_OK) {
        return status;
    }
    if (next->failure.status != EP_OK) {
        return jobs_draft_move(change, JOB_FAILED, next->failure.text, error);
    }
    if (result->outcome.end == NN_FINISHED) {
        return jobs_draft_move(change, JOB_SUCCEEDED, "", error);
    }
    return next->cancel_requested ? jobs_draft_move(change, JOB_CANCELLED, "cancelled while it ran", error)
                                  : jobs_draft_move(change, JOB_QUEUED, "the server stopped", error);
}

/* Whether a member's end is still to be stored. */
static bool is_due(const struct entry *entry, bool all)
{
    return entry->job.state == JOB_RUNNING && (all || entry->over);
}

/* Holds the members whose end is to be stored; how many. Nobody else moves a running job but those at rest.
 */
static size_t hold_due(const struct unit *unit, bool all, size_t *due)
{
    size_t count = 0;
    for (size_t g = 0; g < unit->count; g++) {
        (void)jobs_hold(unit->jobs, unit->members[g]->job.id);
        if (is_due(unit->members[g], all)) {
            due[count++] = g;
        } else {
            jobs_let_go(unit->jobs, unit->members[g]);
        }
    }
    return count;
}

static enum ep_status conclude_held(struct unit *unit, const size_t *due, size_t count,
                                    const struct ep_error *failure, struct ep_error *error)
{
    struct jobs_change *changes = ep_allocate(count, sizeof *changes);
    enum ep_status status = EP_OK;
    if (changes == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to store the end of %zu jobs", count);
    }
    for (size_t i = 0; i < count && status == EP_OK; i++) {
        status = draft_end(unit, due[i], failure, &changes[i], error);
    }
    if (status == EP_OK) {
        status = jobs_commit(unit->jobs, changes, count, error);
    } else {
        for (size_t i = 0; i < count; i++) {
            job_done(&changes[i].next);
        }
    }
    free(changes);
    return status;
}

/* Stores the end of the members that are over, or of all. */
static enum ep_status conclude(struct unit *unit, bool all, const struct ep_error *failure,
                               struct ep_error *error)
{
    size_t *due = ep_allocate(unit->count, sizeof *due);
    if (due == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to store the end of %zu jobs", unit->count);
    }
    const size_t count = hold_due(unit, all, due);
    const enum ep_status status = count == 0 ? EP_OK : conclude_held(unit, due, count, failure, error);
    for (size_t i = 0; i < count; i++) {
        jobs_let_go(unit->jobs, unit->members[due[i]]);
    }
    free(due);
    return status;
}

/* Members that end while others train are stored as ended at the next mini-batch. */
static void conclude_some(struct unit *unit, double now)
{
    const struct ep_error none = {.status = EP_OK};
    struct ep_error error;
    if (!unit->ends || now < unit->retry) {
        return;
    }
    if (conclude(unit, false, &none, &error) == EP_OK) {
        unit->ends = false;
    } else {
        tell_fault(unit, &error);
        unit->retry = now + retry_seconds;
    }
}

/* Whether the run is to stand still: at a rung, and when it is the turn of others. */
static bool on_parks(void *context, size_t steps_done)
{
    struct unit *unit = context;
    struct jobs *jobs = unit->jobs;
    const double now = ep_clock_seconds();
    const uint64_t steps = job_spec_epoch_steps(&unit->members[0]->job.spec);
    const bool boundary = steps > 0 && steps_done % steps == 0;
    conclude_some(unit, now);
    if (!boundary && now - unit->looked < look_seconds) {
        return false;
    }
    unit->looked = now;
    pthread_mutex_lock(&jobs->lock);
    const bool parks = !jobs->stopping && (unit_waits(unit) || party_yields(jobs, unit, now));
    pthread_mutex_unlock(&jobs->lock);
    return parks;
}

/*
 * Stores how the members ended, trying again while the store refuses: a job is never said to have ended
 * before that is on disk. When the server stops first, the next start finds them running and runs them again.
 */
static void finish(struct unit *unit, const struct ep_error *failure)
{
    struct jobs *jobs = unit->jobs;
    struct ep_error error;
    bool told = false;
    bool stopping = false;
    while (!stopping && conclude(unit, true, failure, &error) != EP_OK) {
        if (!told) {
            tell_fault(unit, &error);
            told = true;
        }
        pthread_mutex_lock(&jobs->lock);
        stopping = jobs->stopping;
        if (!stopping) {
            jobs_wait(jobs, retry_seconds);
        }
        pthread_mutex_unlock(&jobs->lock);
    }
}

static enum ep_status prepare(struct unit *unit, struct ep_error *error)
{
    const struct jobs_options *options = &unit->jobs->options;
    const struct job_run_means means = {
        .registry = options->registry,
        .gemm = options->gemm,
        .axes = options->axes,
        .threads = threads_most(unit),
    };
    const struct job_spec **specs = ep_allocate(unit->count, sizeof(struct job_spec *));
    if (specs == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for a run of %zu networks", unit->count);
    }
    for (size_t g = 0; g < unit->count; g++) {
        specs[g] = &unit->members[g]->job.spec;
    }
    const enum ep_status status = job_run_create(specs, unit->count, &means, &unit->run, error);
    free(specs);
    return status;
}

bool unit_go(struct unit *unit)
{
    const struct job_run_observer observer = {
        .context = unit,
        .poll = on_poll,
        .epoch = on_epoch,
        .ended = on_ended,
        .threads = on_threads,
        .parks = on_parks,
    };
    struct ep_error failure = {.status = EP_OK};
    bool ended = true;
    enum ep_status status = unit->run == NULL ? prepare(unit, &failure) : EP_OK;
    if (status == EP_OK) {
        status = job_run_go(unit->run, &observer, &ended, &failure);
    }
    if (status == EP_OK) {
        failure.status = EP_OK;
    }
    if (!ended) {
        return false;
    }
    pthread_mutex_lock(&unit->jobs->lock);
    for (size_t g = 0; g < unit->count; g++) {
        unit->members[g]->ended = unit->members[g]->ended > 0 ? unit->members[g]->ended : ep_clock_seconds();
    }
    pthread_mutex_unlock(&unit->jobs->lock);
    finish(unit, &failure);
    return true;
}

void unit_destroy(struct unit *unit)
{
    struct jobs *jobs = unit->jobs;
    size_t at = 0;
    while (jobs->units[at] != unit) {
        at++;
    }
    jobs->units[at] = jobs->units[--jobs->unit_count];
    jobs->memory_used -= unit->memory;
    for (size_t g = 0; g < unit->count; g++) {
        struct entry *entry = unit->members[g];
        entry->unit = NULL;
        entry->beside = 0;
        drop_history(entry);
        if (entry->job.state == JOB_QUEUED) {
            party_queue(jobs, entry);
        }
    }
    job_run_destroy(unit->run);
    free(unit->members);
    free(unit);
}
