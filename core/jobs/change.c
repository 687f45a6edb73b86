#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/jobs/jobs_state.h"

/* How a job's state changes: held by one thread, stored, told, then visible to all. */

static const double estimate_seconds = 0.25; /* an estimate of the queue is good for so long */

struct entry *jobs_hold(struct jobs *jobs, const char *id)
{
    pthread_mutex_lock(&jobs->lock);
    struct entry *entry = table_find(&jobs->all, id);
    /* Looked for again after each wait: whoever held it may have deleted it. */
    while (entry != NULL && entry->held) {
        pthread_cond_wait(&jobs->changed, &jobs->lock);
        entry = table_find(&jobs->all, id);
    }
    if (entry != NULL) {
        entry->held = true;
    }
    pthread_mutex_unlock(&jobs->lock);
    return entry;
}

void jobs_let_go(struct jobs *jobs, struct entry *entry)
{
    pthread_mutex_lock(&jobs->lock);
    entry->held = false;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
}

/* Makes visible what has been stored. What a run reports by itself, its newest epoch, is not touched. */
static void apply(struct jobs *jobs, struct entry *entry, const struct job *next)
{
    struct job *job = &entry->job;
    jobs->by_state[job->state]--;
    jobs->by_state[next->state]++;
    job_done(job);
    job->transitions = next->transitions;
    job->transition_count = next->transition_count;
    job->confusion = next->confusion;
    job->state = next->state;
    job->cancel_requested = next->cancel_requested;
    job->started_at = next->started_at;
    job->finished_at = next->finished_at;
    job->cost_test = next->cost_test;
    job->accuracy_test = next->accuracy_test;
    job->best_epoch = next->best_epoch;
    job->axes = next->axes;
    job->axes_variance = next->axes_variance;
    memcpy(job->model_sha256, next->model_sha256, sizeof job->model_sha256);
    job->failure = next->failure;
    job->failed_epoch = next->failed_epoch;
    job->trial = next->trial;
    if (job->state == JOB_QUEUED) {
        job->has_latest = false;
        job->latest = (struct nn_epoch){0};
        job->best = job_no_best;
        atomic_store(&entry->steps, 0);
    } else {
        table_remove(&entry->party->queued, entry);
    }
    jobs->estimated = 0;
    pthread_cond_broadcast(&jobs->changed);
}

static void drop_changes(struct jobs_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        job_done(&changes[i].next);
    }
}

static enum ep_status store_changes(const struct jobs *jobs, const struct jobs_change *changes, size_t count,
                                    struct ep_error *error)
{
    const struct job **nexts = ep_allocate(count, sizeof(struct job *));
    size_t *firsts = ep_allocate(count, sizeof *firsts);
    enum ep_status status;
    if (nexts != NULL && firsts != NULL) {
        for (size_t i = 0; i < count; i++) {
            nexts[i] = &changes[i].next;
            firsts[i] = changes[i].first;
        }
        status = store_update_all(jobs->store, nexts, firsts, count, error);
    } else {
        status = ep_fail(error, EP_NO_MEMORY, "no memory to store %zu jobs", count);
    }
    free(nexts);
    free(firsts);
    return status;
}

/* Tells each search once whose trials are next to each other. */
static void tell_searches(struct jobs *jobs, const struct jobs_change *changes, size_t count)
{
    const struct party *last = NULL;
    for (size_t i = 0; i < count; i++) {
        if (changes[i].entry->party != last) {
            last = changes[i].entry->party;
            jobs_tell(jobs, last->id);
        }
    }
}

enum ep_status jobs_commit(struct jobs *jobs, struct jobs_change *changes, size_t count,
                           struct ep_error *error)
{
    const enum ep_status status = store_changes(jobs, changes, count, error);
    if (status != EP_OK) {
        drop_changes(changes, count);
        return status;
    }
    for (size_t i = 0; i < count && jobs->options.on_transition != NULL; i++) {
        if (changes[i].first < changes[i].next.transition_count) {
            jobs->options.on_transition(jobs->options.context, &changes[i].next);
        }
    }
    pthread_mutex_lock(&jobs->lock);
    for (size_t i = 0; i < count; i++) {
        apply(jobs, changes[i].entry, &changes[i].next);
    }
    pthread_mutex_unlock(&jobs->lock);
    tell_searches(jobs, changes, count);
    return EP_OK;
}

enum ep_status jobs_draft(struct jobs *jobs, struct entry *entry, struct jobs_change *change,
                          struct ep_error *error)
{
    pthread_mutex_lock(&jobs->lock);
    const enum ep_status status = job_copy(&entry->job, &change->next, error);
    pthread_mutex_unlock(&jobs->lock);
    change->entry = entry;
    change->next.progress.step = atomic_load(&entry->steps);
    change->first = change->next.transition_count;
    return status;
}

enum ep_status jobs_draft_move(struct jobs_change *change, enum job_state state, const char *reason,
                               struct ep_error *error)
{
    struct job *next = &change->next;
    const int64_t now = ep_clock_wall_ms();
    const enum ep_status status = job_move(next, state, now, reason, error);
    if (status != EP_OK) {
        return status;
    }
    change->first = next->transition_count - 1;
    next->finished_at = job_state_final(state) ? now : 0;
    if (state == JOB_RUNNING) {
        next->started_at = now;
    } else if (state == JOB_QUEUED) {
        next->started_at = 0;
        next->progress.step = 0;
        next->best = job_no_best;
    }
    return EP_OK;
}

enum ep_status jobs_move(struct jobs *jobs, struct entry *const *entries, size_t count, enum job_state state,
                         const char *reason, struct ep_error *error)
{
    struct jobs_change *changes = ep_allocate(count, sizeof *changes);
    if (changes == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to change %zu jobs", count);
    }
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < count && status == EP_OK; i++) {
        status = jobs_draft(jobs, entries[i], &changes[i], error);
        if (status == EP_OK) {
            status = jobs_draft_move(&changes[i], state, reason, error);
        }
    }
    if (status == EP_OK) {
        status = jobs_commit(jobs, changes, count, error);
    } else {
        drop_changes(changes, count);
    }
    free(changes);
    return status;
}

/* What the workers of a party are at, as far as there is room for; how many. */
static size_t list_runs(const struct jobs *jobs, const struct party *party, double now)
{
    size_t count = 0;
    for (size_t i = 0; i < jobs->unit_count && count < jobs->options.workers; i++) {
        const struct unit *unit = jobs->units[i];
        struct estimate_run run = {.fraction = 1};
        for (size_t g = 0; g < unit->count && unit->party == party; g++) {
            const struct entry *entry = unit->members[g];
            const uint64_t steps = entry->job.spec.epochs * job_spec_epoch_steps(&entry->job.spec);
            const uint64_t done = atomic_load_explicit(&entry->steps, memory_order_relaxed);
            if (entry->job.state == JOB_RUNNING && !entry->over) {
                run.fraction = steps == 0 ? 0 : (double)done / (double)steps;
                run.elapsed = entry->began > 0 ? now - entry->began : 0;
                run.flops += entry->cost.flops;
            }
        }
        if (run.fraction < 1) {
            jobs->runs[count++] = run;
        }
    }
    return count;
}

double jobs_party_remaining(struct jobs *jobs, const struct party *party)
{
    const double now = ep_clock_seconds();
    size_t active = 0;
    for (size_t i = 0; i < jobs->party_count; i++) {
        active += jobs->parties[i]->queued.count > 0 || jobs->parties[i]->running > 0;
    }
    const size_t share = active > 1 ? jobs->options.workers / active : jobs->options.workers;
    return estimate_queue(&party->queued, jobs->runs, list_runs(jobs, party, now), &jobs->pace, jobs->free_at,
                          share < 1 ? 1 : share);
}

void jobs_measure(struct jobs *jobs, const struct entry *entry, struct job_progress *progress)
{
    const double now = ep_clock_seconds();
    if (jobs->estimated == 0 || now - jobs->estimated > estimate_seconds) {
        for (size_t i = 0; i < jobs->party_count; i++) {
            if (jobs->parties[i]->queued.count > 0) {
                (void)jobs_party_remaining(jobs, jobs->parties[i]);
            }
        }
        jobs->estimated = now;
    }
    estimate_progress(entry, &jobs->pace, now, now - jobs->estimated, progress);
}

enum ep_status jobs_snapshot(struct jobs *jobs, const struct entry *entry, struct job *job,
                             struct ep_error *error)
{
    const enum ep_status status = job_copy(&entry->job, job, error);
    if (status == EP_OK) {
        jobs_measure(jobs, entry, &job->progress);
    }
    return status;
}

void jobs_weigh(const struct jobs *jobs, struct entry *entry, struct data_info *info)
{
    const struct job_spec *spec = &entry->job.spec;
    struct job_cost cost;
    const bool known = info->name != NULL && strcmp(info->name, spec->dataset) == 0;
    if (!known && data_registry_describe(jobs->options.registry, spec->dataset, info, NULL) != EP_OK) {
        *info = (struct data_info){0};
    } else if (job_cost_of(spec, info, &cost, NULL) == EP_OK) {
        entry->cost = cost;
    }
}

void jobs_tell(struct jobs *jobs, const char *search)
{
    pthread_mutex_lock(&jobs->watch_lock);
    if (search[0] != '\0' && jobs->watch != NULL) {
        jobs->watch(jobs->watcher, search);
    }
    pthread_mutex_unlock(&jobs->watch_lock);
}

void jobs_wait(struct jobs *jobs, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const long nanoseconds = until.tv_nsec + (long)(seconds * 1e9);
    until.tv_sec += nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    (void)pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until);
}
