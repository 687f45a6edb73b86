#ifndef EP_JOBS_TRIALS_H
#define EP_JOBS_TRIALS_H

#include "core/jobs/jobs.h"
#include "core/jobs/store.h"

/** What searches ask of the jobs: trials are jobs that one search made. All functions are thread-safe. */

enum { JOBS_TRIALS_WAITING_MAX = 20000 /**< trials of all searches that may wait at a time */ };

/**
 * Has `watch` told whenever trials of a search have changed; on any thread, and it must return at once. NULL:
 * nobody is told any more when this returns.
 */
void jobs_watch_trials(struct jobs *jobs, void (*watch)(void *context, const char *search), void *context);

/** Adds or rewrites a search; as store_write_search. */
EP_NODISCARD enum ep_status jobs_write_search(struct jobs *jobs, const struct store_search *search,
                                              struct ep_error *error);

/** As store_load_searches. */
EP_NODISCARD enum ep_status jobs_load_searches(struct jobs *jobs,
                                               enum ep_status (*visit)(void *context,
                                                                       const struct store_search *search,
                                                                       struct ep_error *error),
                                               void *context, struct ep_error *error);

/** A trial to be added. */
struct jobs_trial_draft {
    struct job_spec spec; /**< resolved */
    char digest[EP_SHA256_TEXT];
    struct job_trial trial; /**< of a search that is stored */
    uint64_t hold;          /**< epochs after which it waits for its search; 0: it does not */
};

/**
 * Adds trials, all or none; they are on disk then. Those of one stage and bank, which must share
 * (job_specs_share), train side by side. EP_UNAVAILABLE: too many wait, or the
 * server is stopping; EP_IO; EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status jobs_create_trials(struct jobs *jobs, const struct jobs_trial_draft *drafts,
                                               size_t count, struct ep_error *error);

/** A trial as its search sees it. */
struct jobs_trial {
    const struct job *job; /**< its progress is not filled; valid during the visit */
    uint64_t steps;        /**< mini-batches done */
    uint64_t hold;         /**< epochs after which it waits for its search; 0: it does not */
    bool waits;            /**< at the end of an epoch, for its search */
};

/** Calls `visit` with every trial of a search, by age, with the lock held: it must not call the jobs. */
void jobs_visit_trials(struct jobs *jobs, const char *search,
                       void (*visit)(void *context, const struct jobs_trial *trial), void *context);

/** Seconds until the present trials of a search are done; NaN: unknown. */
double jobs_trials_remaining(struct jobs *jobs, const char *search);

/** Lets trials go on until they have done `hold` epochs; 0: to their end. Ids that are not there are left
 * out. */
void jobs_let_trials_on(struct jobs *jobs, char (*ids)[EP_ID_TEXT], size_t count, uint64_t hold);

/**
 * Cancels those of `count` trials (ids rising) that have not ended, because they fell behind at `epoch`; in
 * one commit. EP_IO: none was.
 */
EP_NODISCARD enum ep_status jobs_cut_trials(struct jobs *jobs, char (*ids)[EP_ID_TEXT], size_t count,
                                            uint64_t epoch, const char *reason, struct ep_error *error);

/** Cancels all trials of a search that have not ended; those that run end at their next mini-batch. */
EP_NODISCARD enum ep_status jobs_cancel_trials(struct jobs *jobs, const char *search, const char *reason,
                                               struct ep_error *error);

/** Whether nothing of a search may run. What runs stands still at its next mini-batch. */
void jobs_pause_trials(struct jobs *jobs, const char *search, bool paused);

/** Removes a search whose trials have all ended, and the trials. EP_CONFLICT: some have not; EP_IO. */
EP_NODISCARD enum ep_status jobs_delete_trials(struct jobs *jobs, const char *search, struct ep_error *error);

#endif
