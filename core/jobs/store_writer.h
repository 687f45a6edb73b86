#ifndef EP_JOBS_STORE_WRITER_H
#define EP_JOBS_STORE_WRITER_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/jobs/store_connection.h"
#include "core/jobs/store_rows.h"

/**
 * The thread that writes. Changes wait in a queue; it takes all that wait, and one commit makes them durable.
 * Private to the store. All functions but create and destroy may be called from any thread.
 */
struct store_writer;

/** Starts the thread; the connection is borrowed. */
EP_NODISCARD enum ep_status store_writer_create(struct store_connection *connection,
                                                struct store_writer **writer, struct ep_error *error);

/** Writes what waits and ends the thread; nobody may be using the writer. NULL is fine. */
void store_writer_destroy(struct store_writer *writer);

/** Queues `change`, which must not be an append, and returns when it is on disk, or why it is not. */
EP_NODISCARD enum ep_status store_writer_submit(struct store_writer *writer,
                                                const struct store_change *change, struct ep_error *error);

/** Queues a row and returns; waits only while there is no room. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status store_writer_append(struct store_writer *writer, const char *id,
                                                const struct nn_epoch *row, struct ep_error *error);

/** Returns when no row of job `id` waits any more. */
void store_writer_settle(struct store_writer *writer, const char *id);

#endif
