#ifndef EP_JOBS_STORE_H
#define EP_JOBS_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/jobs/job.h"

/**
 * Jobs and histories on disk: one SQLite file, epochd.db, in the state folder. There is one connection and
 * one writer thread, so that the WAL of SQLite 3.40 is never shared; WAL mode, synchronous=FULL. Changes that
 * wait at the same time share one commit. All functions but open and close may be called from any thread.
 */
struct store;

/**
 * Takes the folder's lock, opens or makes the store, checks it and brings its schema up to date. The folder
 * is made if it is missing, its parents are not. EP_UNAVAILABLE: another process has it; EP_CORRUPT: damaged,
 * somebody else's, or written by a newer version (never changed then); EP_IO; EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status store_open(const char *folder, struct store **store, struct ep_error *error);

/** Writes all that is pending, closes the store, releases the lock. NULL is fine. */
void store_close(struct store *store);

/**
 * Calls `visit` with each stored job, oldest first (by id). *job is a value on the store's stack: the visitor
 * copies it and thereby takes over what it owns, whatever it returns (job_done releases that). Of its
 * progress a job comes with the epoch of its newest row, the mini-batches done when it was last updated, and
 * epochs from its spec; steps and fraction are 0, the estimates NaN. The visitor must not call the store.
 * Stops at the first status that is not EP_OK and returns it.
 */
EP_NODISCARD enum ep_status store_load(struct store *store,
                                       enum ep_status (*visit)(void *context, struct job *job,
                                                               struct ep_error *error),
                                       void *context, struct ep_error *error);

/** Adds a job with its transitions. Returns when it is on disk. EP_CONFLICT: the id is taken; EP_IO. */
EP_NODISCARD enum ep_status store_insert(struct store *store, const struct job *job, struct ep_error *error);

/** The same for `count` jobs: all of them, or none. */
EP_NODISCARD enum ep_status store_insert_all(struct store *store, const struct job *const *jobs, size_t count,
                                             struct ep_error *error);

/**
 * Writes a job's state, times, failure, results, mini-batches done and cancel_requested, and adds its
 * transitions from `first` on as the newest; of more than JOB_TRANSITIONS_MAX the first and the newest halves
 * are kept. A job that is queued (again) loses its history in the same commit. Returns when it is on disk.
 * EP_NOT_FOUND; EP_IO, and nothing of it is written. When rows of its history were lost since its last
 * update, an update to another state than queued is refused once with the reason; the next one is written.
 */
EP_NODISCARD enum ep_status store_update(struct store *store, const struct job *job, size_t first,
                                         struct ep_error *error);

/** The same for `count` jobs, each with its own `firsts`: all of them, or none. */
EP_NODISCARD enum ep_status store_update_all(struct store *store, const struct job *const *jobs,
                                             const size_t *firsts, size_t count, struct ep_error *error);

/**
 * Adds a row to a job's history. Does not wait for the disk: the row is committed within a second or with the
 * next change of any job, and before any later change of this one. Waits for room while too many rows are
 * pending. A row of the same epoch is replaced. A failure to write is reported by the next store_update of
 * the job. EP_NOT_FOUND: not an id; EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status store_append(struct store *store, const char *id, const struct nn_epoch *row,
                                         struct ep_error *error);

/** Removes a job, its transitions and its history. Returns when that is on disk. EP_NOT_FOUND; EP_IO. */
EP_NODISCARD enum ep_status store_delete(struct store *store, const char *id, struct ep_error *error);

/**
 * The rows of a job's history after epoch `since`, by rising epoch, pending ones included; *rows (*count) is
 * the caller's to free. A job that is not there has none.
 */
EP_NODISCARD enum ep_status store_read_history(struct store *store, const char *id, uint64_t since,
                                               struct nn_epoch **rows, size_t *count, struct ep_error *error);

/** A search as it is stored: what it looks for is a text that the store does not read. */
struct store_search {
    char id[EP_ID_TEXT];
    char state[16];
    char reason[JOB_REASON_MAX + 1];
    int64_t created_at, finished_at; /**< wall clock, milliseconds since 1970; 0: not yet */
    double seconds;
    const char *definition; /**< borrowed */
};

/** Adds a search, or writes all but created_at of one that is there. Returns when it is on disk. EP_IO. */
EP_NODISCARD enum ep_status store_write_search(struct store *store, const struct store_search *search,
                                               struct ep_error *error);

/** Removes a search and all its trials. Returns when that is on disk. EP_IO. */
EP_NODISCARD enum ep_status store_delete_search(struct store *store, const char *id, struct ep_error *error);

/**
 * Calls `visit` with each stored search, oldest first; *search lives as long as the call. The visitor must
 * not call the store. Stops at the first status that is not EP_OK and returns it.
 */
EP_NODISCARD enum ep_status store_load_searches(struct store *store,
                                                enum ep_status (*visit)(void *context,
                                                                        const struct store_search *search,
                                                                        struct ep_error *error),
                                                void *context, struct ep_error *error);

#endif
