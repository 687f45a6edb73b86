#ifndef EP_JOBS_JOBS_H
#define EP_JOBS_JOBS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/axes_cache.h"
#include "core/data/registry.h"
#include "core/jobs/job.h"

/**
 * The jobs of a server: a table in memory that answers all questions, a store that makes it durable, and a
 * pool of threads that trains. All functions but open and close may be called from any thread.
 */
struct jobs;

struct jobs_options {
    const char *state_folder;       /**< made if it is missing; one process at a time */
    struct data_registry *registry; /**< borrowed; must outlive the jobs */
    const struct nn_gemm *gemm;     /**< what computes matrix products; borrowed likewise */
    struct data_axes_cache *axes;   /**< principal axes; borrowed likewise */
    size_t workers;                 /**< jobs that run at the same time, ≥ 1 */
    size_t queued_most;             /**< jobs that may wait; more are refused */
    size_t memory_limit;            /**< bytes that running jobs may take together; 0: no limit */
    /** Told of each transition, on the thread that made it and with no lock held; may be NULL. */
    void (*on_transition)(void *context, const struct job *job);
    /** Told of a store failure that no caller can be told of; may be NULL. */
    void (*on_fault)(void *context, const char *job_id, const struct ep_error *error);
    void *context;
};

/**
 * Opens the store, puts jobs that were running when the process ended back into the queue, and starts the
 * pool. EP_UNAVAILABLE: another process has the state folder; EP_CORRUPT: the store is damaged, and is left
 * as it is; EP_IO; EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status jobs_open(const struct jobs_options *options, struct jobs **jobs,
                                      struct ep_error *error);

/**
 * Stops running jobs at their next mini-batch and puts them back into the queue, waits for the threads,
 * writes all that is pending and closes the store. NULL is fine.
 */
void jobs_close(struct jobs *jobs);

/**
 * Adds a job with a resolved spec. On EP_OK it is on disk and survives a power cut, and *job is its snapshot.
 * EP_UNAVAILABLE: the queue is full, or the server is stopping; EP_IO: the store could not write, nothing was
 * added; EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status jobs_create(struct jobs *jobs, const struct job_spec *spec,
                                        const char *spec_digest, struct job *job, struct ep_error *error);

/** A snapshot of one job; release it with job_done. EP_NOT_FOUND; EP_NO_MEMORY. */
EP_NODISCARD enum ep_status jobs_get(struct jobs *jobs, const char *id, struct job *job,
                                     struct ep_error *error);

/** Which jobs to list; a zeroed member does not restrict. */
struct jobs_query {
    unsigned states;     /**< bits 1 << enum job_state */
    const char *dataset; /**< of that name */
    const char *tag;     /**< having that tag */
    const char *search;  /**< a trial of the search of this id */
    const char *before;  /**< older than the job of this id, which need not exist any more */
    size_t limit;        /**< at most so many, ≥ 1 */
};

struct jobs_page {
    size_t count;
    struct job *items;     /**< (count), newest first; owned */
    char next[EP_ID_TEXT]; /**< `before` of the next page; "" when this is the last */
};

/** Snapshots of the jobs that fit, newest first. Release with jobs_page_done. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status jobs_list(struct jobs *jobs, const struct jobs_query *query,
                                      struct jobs_page *page, struct ep_error *error);

/** Releases what a page owns. A zeroed struct is fine. */
void jobs_page_done(struct jobs_page *page);

/** Rows of a job's history. */
struct jobs_history {
    size_t count;
    struct nn_epoch *rows; /**< (count), by rising epoch; owned */
    double accuracy_test;  /**< NaN: not measured */
};

/** The history of a job after epoch `since` (0: from the first). Release with jobs_history_done. */
EP_NODISCARD enum ep_status jobs_read_history(struct jobs *jobs, const char *id, uint64_t since,
                                              struct jobs_history *history, struct ep_error *error);

/** Releases what a history owns. A zeroed struct is fine. */
void jobs_history_done(struct jobs_history *history);

/**
 * Cancels a job: a queued one at once, a running one at its next mini-batch. On EP_OK the wish is on disk and
 * *job is the snapshot. A job that is cancelled already stays so. EP_CONFLICT: it has succeeded or failed;
 * EP_NOT_FOUND; EP_IO.
 */
EP_NODISCARD enum ep_status jobs_cancel(struct jobs *jobs, const char *id, struct job *job,
                                        struct ep_error *error);

/** Removes a job that has ended, with its history. EP_CONFLICT: it has not ended; EP_NOT_FOUND; EP_IO. */
EP_NODISCARD enum ep_status jobs_delete(struct jobs *jobs, const char *id, struct ep_error *error);

/** Counters for /v1/system. */
struct jobs_load {
    size_t workers, busy;
    size_t by_state[JOB_STATES];
    size_t queued_most;
    size_t memory_limit, memory_used; /**< bytes: estimates of what runs */
};

void jobs_read_load(struct jobs *jobs, struct jobs_load *load);

/** Seconds that a job of `flops` would run at the rate measured so far; NaN before anything was measured. */
double jobs_estimate_seconds(struct jobs *jobs, double flops);

#endif
