#include <math.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/jobs/jobs_state.h"
#include "core/jobs/run.h"

/*
 * The workers. Each takes the oldest job that waits, runs it, and stores how it ended.
 *
 *   queued → running            start()
 *   running → succeeded, failed, cancelled, or queued again when the server stops   finish()
 */

static const double retry_seconds = 1; /* between two attempts to write to a store that refused */

/* A run as its observer sees it. */
struct observed {
    struct jobs *jobs;
    struct entry *entry;
};

static void tell_fault(const struct jobs *jobs, const struct entry *entry, const struct ep_error *error)
{
    if (jobs->options.on_fault != NULL) {
        jobs->options.on_fault(jobs->options.context, entry->job.id, error);
    }
}

/* Whether there is memory for the job beside those that run; alone it always gets its turn. */
static bool fits(const struct jobs *jobs, const struct entry *entry)
{
    const size_t limit = jobs->options.memory_limit;
    return jobs->running.count == 0 || limit == 0 ||
           (jobs->memory_used <= limit && entry->cost.memory <= limit - jobs->memory_used);
}

/* The oldest job that nobody is changing, if there is room for it; a younger one never overtakes it. */
static struct entry *oldest(const struct jobs *jobs)
{
    for (size_t i = 0; i < jobs->queued.count; i++) {
        struct entry *entry = jobs->queued.entries[i];
        if (!entry->held) {
            return fits(jobs, entry) ? entry : NULL;
        }
    }
    return NULL;
}

/* Waits for a job and takes it out of the queue, held; NULL at the end. */
static struct entry *take(struct jobs *jobs)
{
    struct entry *entry = NULL;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping && (entry = oldest(jobs)) == NULL) {
        pthread_cond_wait(&jobs->changed, &jobs->lock);
    }
    if (entry != NULL && !jobs->stopping) {
        entry->held = true;
        atomic_store(&entry->stop, false);
        table_remove(&jobs->queued, entry);
        table_add(&jobs->running, entry);
        jobs->memory_used += entry->cost.memory;
    } else {
        entry = NULL;
    }
    pthread_mutex_unlock(&jobs->lock);
    return entry;
}

/* Makes room for another job to run; this one waits again if it is still queued. */
static void give_back(struct jobs *jobs, struct entry *entry)
{
    pthread_mutex_lock(&jobs->lock);
    table_remove(&jobs->running, entry);
    jobs->memory_used -= entry->cost.memory;
    if (entry->job.state == JOB_QUEUED) {
        table_add(&jobs->queued, entry);
    }
    free(entry->rows);
    entry->rows = NULL;
    entry->row_count = 0;
    pthread_mutex_unlock(&jobs->lock);
}

/* Stores that the job runs; false when that cannot be done now. */
static bool start(struct jobs *jobs, struct entry *entry)
{
    struct ep_error error;
    struct nn_epoch *rows = ep_allocate((size_t)entry->job.spec.epochs, sizeof *rows);
    enum ep_status status = EP_OK;
    if (rows == NULL) {
        status = ep_fail(&error, EP_NO_MEMORY, "no memory for the history of job %s", entry->job.id);
    } else {
        status = jobs_move(jobs, entry, JOB_RUNNING, "", &error);
    }
    if (status != EP_OK) {
        free(rows);
        tell_fault(jobs, entry, &error);
        return false;
    }
    pthread_mutex_lock(&jobs->lock);
    entry->rows = rows;
    entry->began = entry->ended = 0;
    pthread_mutex_unlock(&jobs->lock);
    return true;
}

static enum nn_verdict on_poll(void *context, size_t steps_done)
{
    const struct observed *run = context;
    struct entry *entry = run->entry;
    atomic_store_explicit(&entry->steps, steps_done, memory_order_relaxed);
    if (entry->began == 0 || steps_done == 0) { /* what comes before the first mini-batch does not count */
        pthread_mutex_lock(&run->jobs->lock);
        entry->began = ep_clock_seconds();
        pthread_mutex_unlock(&run->jobs->lock);
    }
    return atomic_load_explicit(&entry->stop, memory_order_relaxed) ? NN_STOP : NN_GO_ON;
}

static void on_epoch(void *context, const struct nn_epoch *epoch)
{
    const struct observed *run = context;
    struct jobs *jobs = run->jobs;
    struct entry *entry = run->entry;
    struct ep_error error;
    pthread_mutex_lock(&jobs->lock);
    entry->rows[entry->row_count++] = *epoch;
    entry->job.latest = *epoch;
    entry->job.has_latest = true;
    if (jobs->pace.flops == 0) {
        jobs->estimated = 0; /* now that a pace is known, the queue can be estimated */
    }
    pace_add(&jobs->pace, entry->cost.flops / (double)entry->job.spec.epochs, epoch->seconds);
    pthread_mutex_unlock(&jobs->lock);
    if (store_append(jobs->store, entry->job.id, epoch, &error) != EP_OK) {
        tell_fault(jobs, entry, &error);
    }
}

/* A job never has more threads than there are workers: as many would run if there were more jobs. */
static size_t threads_most(const struct jobs *jobs, const struct job_spec *spec)
{
    const size_t workers = jobs->options.workers;
    return spec->threads == 0 || spec->threads > workers ? workers : (size_t)spec->threads;
}

/* The job's fair share of the workers, now: those that no other job needs are idle. */
static size_t on_threads(void *context)
{
    const struct observed *run = context;
    struct jobs *jobs = run->jobs;
    pthread_mutex_lock(&jobs->lock);
    const size_t others = jobs->running.count + jobs->queued.count;
    pthread_mutex_unlock(&jobs->lock);
    const size_t share = others > 0 ? jobs->options.workers / others : jobs->options.workers;
    const size_t most = threads_most(jobs, &run->entry->job.spec);
    return share < 1 ? 1 : share < most ? share : most;
}

/* What a run's end makes of its job; the caller holds the entry. */
static enum ep_status conclude(struct jobs *jobs, struct entry *entry, const struct job_result *result,
                               const struct ep_error *failure, struct ep_error *error)
{
    struct job next;
    pthread_mutex_lock(&jobs->lock);
    enum ep_status status = job_copy(&entry->job, &next, error);
    pthread_mutex_unlock(&jobs->lock);
    enum job_state state = JOB_FAILED;
    const char *reason = "";
    if (failure->status != EP_OK) {
        next.failure = *failure;
    } else if (status == EP_OK) {
        status = job_run_conclude(result, &next, error);
    }
    if (next.failure.status != EP_OK) {
        reason = next.failure.text;
    } else if (result->outcome.end == NN_FINISHED) {
        state = JOB_SUCCEEDED;
    } else if (next.cancel_requested) {
        state = JOB_CANCELLED;
        reason = "cancelled while it ran";
    } else {
        state = JOB_QUEUED;
        reason = "the server stopped";
    }
    const int64_t now = ep_clock_wall_ms();
    next.progress.step = state == JOB_QUEUED ? 0 : atomic_load(&entry->steps);
    next.started_at = state == JOB_QUEUED ? 0 : next.started_at;
    next.finished_at = state == JOB_QUEUED ? 0 : now;
    if (status == EP_OK) {
        status = job_move(&next, state, now, reason, error);
    }
    if (status != EP_OK) {
        job_done(&next);
        return status;
    }
    return jobs_commit(jobs, entry, &next, next.transition_count - 1, error);
}

/* Lets the held entry go for a while; false then. True when the server stops: the entry is still held. */
static bool pause_or_stop(struct jobs *jobs, struct entry *entry)
{
    pthread_mutex_lock(&jobs->lock);
    const bool stopping = jobs->stopping;
    if (!stopping) {
        entry->held = false;
        pthread_cond_broadcast(&jobs->changed);
        jobs_wait(jobs, retry_seconds);
    }
    pthread_mutex_unlock(&jobs->lock);
    return stopping;
}

/*
 * Stores how the run ended, trying again while the store refuses: a job is never said to have ended before
 * that is on disk. When the server stops first, the next start finds the job running and runs it again.
 * Returns with the entry held.
 */
static void finish(struct jobs *jobs, struct entry *entry, const struct job_result *result,
                   const struct ep_error *failure)
{
    struct ep_error error;
    bool done = false;
    bool told = false;
    while (!done) {
        (void)jobs_hold(jobs, entry->job.id);
        const enum ep_status status = conclude(jobs, entry, result, failure, &error);
        if (status != EP_OK && !told) {
            tell_fault(jobs, entry, &error);
            told = true;
        }
        done = status == EP_OK || pause_or_stop(jobs, entry);
    }
}

/* Trains the entry's network, and returns with the entry held. */
static void run(struct jobs *jobs, struct entry *entry)
{
    struct observed observed = {.jobs = jobs, .entry = entry};
    const struct job_run_observer observer = {
        .context = &observed, .poll = on_poll, .epoch = on_epoch, .threads = on_threads};
    const struct job_run_means means = {
        .registry = jobs->options.registry,
        .gemm = jobs->options.gemm,
        .axes = jobs->options.axes,
        .threads = threads_most(jobs, &entry->job.spec),
    };
    struct job_result result;
    struct ep_error failure = {.status = EP_OK};
    if (job_run(&entry->job.spec, &means, &observer, &result, &failure) == EP_OK) {
        failure.status = EP_OK;
    }
    pthread_mutex_lock(&jobs->lock);
    entry->ended = ep_clock_seconds();
    pthread_mutex_unlock(&jobs->lock);
    finish(jobs, entry, &result, &failure);
    job_result_done(&result);
}

static void *worker(void *context)
{
    struct jobs *jobs = context;
    struct entry *entry;
    while ((entry = take(jobs)) != NULL) {
        const bool started = start(jobs, entry);
        if (started) {
            jobs_let_go(jobs, entry);
            run(jobs, entry);
        }
        give_back(jobs, entry);
        if (started || pause_or_stop(jobs, entry)) {
            jobs_let_go(jobs, entry);
        }
    }
    return NULL;
}

enum ep_status pool_start(struct jobs *jobs, struct ep_error *error)
{
    for (; jobs->thread_count < jobs->options.workers; jobs->thread_count++) {
        const int code = pthread_create(&jobs->threads[jobs->thread_count], NULL, worker, jobs);
        if (code != 0) {
            return ep_fail_errno(error, EP_UNAVAILABLE, code, "cannot start worker %zu of %zu",
                                 jobs->thread_count + 1, jobs->options.workers);
        }
    }
    return EP_OK;
}

void pool_stop(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    for (size_t i = 0; i < jobs->running.count; i++) {
        atomic_store(&jobs->running.entries[i]->stop, true);
    }
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
    for (size_t i = 0; i < jobs->thread_count; i++) {
        pthread_join(jobs->threads[i], NULL);
    }
    jobs->thread_count = 0;
}
