#ifndef EP_JOBS_STORE_ROWS_H
#define EP_JOBS_STORE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/jobs/job.h"
#include "core/jobs/store.h"
#include "core/jobs/store_connection.h"

/** Changes in, jobs and histories out, as rows of the store's tables. Private to the store. */

enum store_change_kind {
    STORE_INSERT,        /**< adds `jobs` and all their transitions */
    STORE_UPDATE,        /**< writes what changes of `jobs`, and their transitions from `firsts` on */
    STORE_DELETE,        /**< removes the job `id` and all that belongs to it */
    STORE_APPEND,        /**< adds `row` to the history of job `id` */
    STORE_FLUSH,         /**< nothing: waits for what came before it */
    STORE_WRITE_SEARCH,  /**< adds `search`, or writes what changes of it */
    STORE_REMOVE_SEARCH, /**< removes the search `id` with its trials */
};

struct store_change {
    enum store_change_kind kind;
    char id[EP_ID_TEXT];
    size_t count;                      /**< insert and update only */
    const struct job *const *jobs;     /**< (count) likewise; borrowed from a caller who waits */
    const size_t *firsts;              /**< (count) update only; likewise */
    struct nn_epoch row;               /**< append only */
    const struct store_search *search; /**< borrowed likewise */
};

/** Applies one change within a transaction: wholly, or not at all and the others are not touched. */
EP_NODISCARD enum ep_status store_rows_apply(struct store_connection *connection,
                                             const struct store_change *change, struct ep_error *error);

/** As store_load_searches. */
EP_NODISCARD enum ep_status store_rows_load_searches(
    struct store_connection *connection,
    enum ep_status (*visit)(void *context, const struct store_search *search, struct ep_error *error),
    void *context, struct ep_error *error);

/** As store_load. */
EP_NODISCARD enum ep_status store_rows_load(struct store_connection *connection,
                                            enum ep_status (*visit)(void *context, struct job *job,
                                                                    struct ep_error *error),
                                            void *context, struct ep_error *error);

/** What is in the database of a job's history after epoch `since`; otherwise as store_read_history. */
EP_NODISCARD enum ep_status store_rows_history(struct store_connection *connection, const char *id,
                                               uint64_t since, struct nn_epoch **epochs, size_t *count,
                                               struct ep_error *error);

#endif
