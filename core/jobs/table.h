#ifndef EP_JOBS_TABLE_H
#define EP_JOBS_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/jobs/job.h"
#include "core/jobs/spec.h"

struct party;
struct unit;

/** Jobs in memory, sorted by id, which is by age. Private to the jobs; whoever shares a table locks it. */

/**
 * A job and what goes with it while it waits or runs. Whoever holds an entry may change its state and write
 * it to the store without the lock; nobody else does then, so that memory and store change in one order.
 */
struct entry {
    struct job job;      /**< its progress is made anew for each snapshot */
    struct party *party; /**< whose it is; never changes */
    struct unit *unit;   /**< in which it runs; NULL otherwise */
    uint64_t hold;       /**< epochs after which it waits for its search; 0: it does not */
    bool over;           /**< its run has ended before that of its unit */
    size_t beside;       /**< networks that run beside it */
    bool held;
    atomic_bool stop;            /**< its run is to end at the next mini-batch */
    atomic_uint_least64_t steps; /**< mini-batches done */
    double began;                /**< ep_clock_seconds() of the first mini-batch; 0: none yet */
    double ended;                /**< ep_clock_seconds() of the last one; 0: not yet */
    struct job_cost cost;        /**< while queued or running; flops NaN when unknown */
    size_t row_count;            /**< rows so far */
    struct nn_epoch *rows;       /**< (epochs) history while running, NULL otherwise; owned */
    double starts_in;            /**< while queued: seconds from the newest estimate on; NaN: unknown */
};

struct table {
    size_t count, capacity;
    struct entry **entries; /**< (capacity), the first `count` in use, by rising id */
};

/** Makes room for `more` entries, so that adding them cannot fail. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status table_reserve(struct table *table, size_t more, struct ep_error *error);

/** Adds an entry for which there is room. */
void table_add(struct table *table, struct entry *entry);

/** Index of the first entry whose id is not below `id`; count when there is none. */
size_t table_seek(const struct table *table, const char *id);

/** The entry of that id, or NULL. */
struct entry *table_find(const struct table *table, const char *id);

/** Takes an entry out, if it is there, without destroying it. */
void table_remove(struct table *table, const struct entry *entry);

/** Releases the table, not its entries. */
void table_done(struct table *table);

/** Takes over what *job owns. NULL when memory is short; *job is then as it was. */
struct entry *entry_create(const struct job *job);

/** NULL is fine. */
void entry_destroy(struct entry *entry);

#endif
