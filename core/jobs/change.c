#include <string.h>
#include <time.h>

#include "core/base/clock.h"
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
    if (job->state == JOB_QUEUED) {
        job->has_latest = false;
        job->latest = (struct nn_epoch){0};
        atomic_store(&entry->steps, 0);
    } else {
        table_remove(&jobs->queued, entry);
    }
    jobs->estimated = 0;
    pthread_cond_broadcast(&jobs->changed);
}

enum ep_status jobs_commit(struct jobs *jobs, struct entry *entry, struct job *next, size_t first,
                           struct ep_error *error)
{
    const enum ep_status status = store_update(jobs->store, next, first, error);
    if (status != EP_OK) {
        job_done(next);
        return status;
    }
    if (first < next->transition_count && jobs->options.on_transition != NULL) {
        jobs->options.on_transition(jobs->options.context, next);
    }
    pthread_mutex_lock(&jobs->lock);
    apply(jobs, entry, next);
    pthread_mutex_unlock(&jobs->lock);
    return EP_OK;
}

enum ep_status jobs_move(struct jobs *jobs, struct entry *entry, enum job_state state, const char *reason,
                         struct ep_error *error)
{
    const int64_t now = ep_clock_wall_ms();
    struct job next;
    pthread_mutex_lock(&jobs->lock);
    enum ep_status status = job_copy(&entry->job, &next, error);
    pthread_mutex_unlock(&jobs->lock);
    if (status == EP_OK) {
        status = job_move(&next, state, now, reason, error);
    }
    if (status != EP_OK) {
        job_done(&next);
        return status;
    }
    next.progress.step = state == JOB_QUEUED ? 0 : atomic_load(&entry->steps);
    if (state == JOB_RUNNING) {
        next.started_at = now;
    } else if (job_state_final(state)) {
        next.finished_at = now;
    } else {
        next.started_at = 0;
    }
    return jobs_commit(jobs, entry, &next, next.transition_count - 1, error);
}

void jobs_measure(struct jobs *jobs, const struct entry *entry, struct job_progress *progress)
{
    const double now = ep_clock_seconds();
    if (jobs->estimated == 0 || now - jobs->estimated > estimate_seconds) {
        estimate_queue(&jobs->queued, &jobs->running, &jobs->pace, now, jobs->free_at, jobs->options.workers);
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

void jobs_wait(struct jobs *jobs, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const long nanoseconds = until.tv_nsec + (long)(seconds * 1e9);
    until.tv_sec += nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    (void)pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until);
}
