#include "core/base/clock.h"
#include "core/jobs/jobs_state.h"

/* The workers. Each takes what is next, runs it until it has ended or others have their turn, and so on. */

static const double retry_seconds = 1; /* before another attempt at what could not be started */

/* Gives the worker something to do: a unit that is not taken. */
static struct unit *choose(struct jobs *jobs)
{
    struct turn turn;
    if (!party_next(jobs, &turn)) {
        return NULL;
    }
    return turn.unit != NULL ? turn.unit : unit_create(jobs, turn.first);
}

/* Whether a unit that stands still has something to store that the store refused. */
static bool any_retries(const struct jobs *jobs)
{
    for (size_t i = 0; i < jobs->unit_count; i++) {
        if (!jobs->units[i]->taken && jobs->units[i]->ends) {
            return true;
        }
    }
    return false;
}

/* Waits for something to do; NULL at the end. The unit is taken; a new one's members are held. */
static struct unit *take(struct jobs *jobs)
{
    struct unit *unit = NULL;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping && (unit = choose(jobs)) == NULL) {
        if (any_retries(jobs)) {
            jobs_wait(jobs, retry_seconds);
        } else {
            pthread_cond_wait(&jobs->changed, &jobs->lock);
        }
    }
    if (jobs->stopping) {
        unit = NULL;
    }
    if (unit != NULL) {
        unit->taken = true;
        unit->since = unit->looked = ep_clock_seconds();
        unit->party->running++;
        jobs->busy++;
    }
    pthread_mutex_unlock(&jobs->lock);
    return unit;
}

/* The unit stands still, or is gone. */
static void give_back(struct unit *unit, bool gone)
{
    struct jobs *jobs = unit->jobs;
    pthread_mutex_lock(&jobs->lock);
    unit->party->served += ep_clock_seconds() - unit->since;
    unit->party->running--;
    unit->taken = false;
    jobs->busy--;
    if (gone) {
        unit_destroy(unit);
    }
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
}

/* Lets the held members of a unit that could not be started wait again, for a while. */
static void put_back(struct unit *unit)
{
    struct jobs *jobs = unit->jobs;
    pthread_mutex_lock(&jobs->lock);
    for (size_t g = 0; g < unit->count; g++) {
        unit->members[g]->held = false;
    }
    pthread_mutex_unlock(&jobs->lock);
    give_back(unit, true);
    pthread_mutex_lock(&jobs->lock);
    if (!jobs->stopping) {
        jobs_wait(jobs, retry_seconds);
    }
    pthread_mutex_unlock(&jobs->lock);
}

static bool is_over(const struct unit *unit)
{
    pthread_mutex_lock(&unit->jobs->lock);
    const bool over = unit_over(unit);
    pthread_mutex_unlock(&unit->jobs->lock);
    return over;
}

static void *worker(void *context)
{
    struct jobs *jobs = context;
    struct unit *unit;
    while ((unit = take(jobs)) != NULL) {
        const bool fresh = unit->run == NULL;
        if (!fresh && is_over(unit)) {
            give_back(unit, true);
        } else if (fresh && !unit_start(unit)) {
            put_back(unit);
        } else {
            give_back(unit, unit_go(unit));
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

/* What stood still when the server stopped waits for the next start. */
static void queue_again(struct unit *unit)
{
    struct jobs *jobs = unit->jobs;
    struct ep_error error;
    size_t count = 0;
    for (size_t g = 0; g < unit->count; g++) {
        if (unit->members[g]->job.state == JOB_RUNNING) {
            unit->members[count++] = unit->members[g];
        }
    }
    unit->count = count;
    if (count > 0 &&
        jobs_move(jobs, unit->members, count, JOB_QUEUED, "the server stopped", &error) != EP_OK &&
        jobs->options.on_fault != NULL) {
        /* The next start finds them running, and queues them. */
        jobs->options.on_fault(jobs->options.context, unit->members[0]->job.id, &error);
    }
}

void pool_stop(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    for (size_t i = 0; i < jobs->unit_count; i++) {
        for (size_t g = 0; g < jobs->units[i]->count; g++) {
            atomic_store(&jobs->units[i]->members[g]->stop, true);
        }
    }
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
    for (size_t i = 0; i < jobs->thread_count; i++) {
        pthread_join(jobs->threads[i], NULL);
    }
    jobs->thread_count = 0;
    while (jobs->unit_count > 0) {
        queue_again(jobs->units[0]);
        pthread_mutex_lock(&jobs->lock);
        unit_destroy(jobs->units[0]);
        pthread_mutex_unlock(&jobs->lock);
    }
}
