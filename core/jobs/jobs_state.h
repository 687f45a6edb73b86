#ifndef EP_JOBS_JOBS_STATE_H
#define EP_JOBS_JOBS_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/jobs/estimate.h"
#include "core/jobs/jobs.h"
#include "core/jobs/store.h"
#include "core/jobs/table.h"

/** What jobs.c (the face), change.c (durable changes) and pool.c (the workers) share. Private to the jobs. */

struct jobs {
    struct jobs_options options; /**< const; the folder's name is not kept */
    struct store *store;         /**< thread-safe; never called with the lock held */

    pthread_mutex_t lock; /**< guards all below, and what entries hold of jobs, but not their atomics */
    pthread_cond_t
        changed;          /**< signalled when an entry is let go, a job comes, room is made, or at the end */
    struct table all;     /**< every job; owns the entries */
    struct table queued;  /**< those that wait, oldest first */
    struct table running; /**< those that workers have taken */
    size_t by_state[JOB_STATES];
    size_t creating; /**< places in the queue promised to jobs that are on their way to the store */
    size_t memory_used;
    uint64_t sequence; /**< of the ids */
    struct pace pace;  /**< of one worker */
    double estimated;  /**< ep_clock_seconds() of the newest estimate of the queue; 0: none */
    double *free_at;   /**< (workers) scratch of the estimate */
    bool stopping;
    size_t thread_count;
    pthread_t *threads; /**< (workers), the first thread_count started */
};

/**
 * Waits until nobody else holds the entry of job `id` and holds it; release with jobs_let_go. Takes and
 * leaves the lock. NULL when there is no such job.
 */
struct entry *jobs_hold(struct jobs *jobs, const char *id);

/** Lets others change the entry again. Takes and leaves the lock. */
void jobs_let_go(struct jobs *jobs, struct entry *entry);

/**
 * Writes `next`, a changed copy of a held entry's job, to the store, tells of its transition if it has a new
 * one from `first` on, and then makes it visible. Takes over what *next owns in any case. Takes and leaves
 * the lock. As store_update when nothing was changed.
 */
EP_NODISCARD enum ep_status jobs_commit(struct jobs *jobs, struct entry *entry, struct job *next,
                                        size_t first, struct ep_error *error);

/** Moves a held entry's job to `state`, with times and reason, as jobs_commit. */
EP_NODISCARD enum ep_status jobs_move(struct jobs *jobs, struct entry *entry, enum job_state state,
                                      const char *reason, struct ep_error *error);

/** A snapshot of the entry's job with its progress. The caller has the lock. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status jobs_snapshot(struct jobs *jobs, const struct entry *entry, struct job *job,
                                          struct ep_error *error);

/** What jobs_snapshot writes as the progress. The caller has the lock. */
void jobs_measure(struct jobs *jobs, const struct entry *entry, struct job_progress *progress);

/**
 * Works out what a job that is to wait takes; what cannot be known stays unknown. *info is zeroed at first
 * and remembers the dataset between calls, so that not every job looks at its files. Needs no lock.
 */
void jobs_weigh(const struct jobs *jobs, struct entry *entry, struct data_info *info);

/** Waits on `changed` for at most `seconds`; the caller has the lock. */
void jobs_wait(struct jobs *jobs, double seconds);

/** Starts the workers. EP_UNAVAILABLE when the system gives no thread; those started go on. */
EP_NODISCARD enum ep_status pool_start(struct jobs *jobs, struct ep_error *error);

/** Has running jobs stop at their next mini-batch, and waits for the workers to end. */
void pool_stop(struct jobs *jobs);

#endif
