#ifndef EP_JOBS_STORE_DATABASE_H
#define EP_JOBS_STORE_DATABASE_H

#include <stddef.h>

#include <sqlite3.h>

#include "core/base/error.h"

/** The store's SQLite file: made, checked, opened, closed; and its errors in words. Private to the store. */

/**
 * Opens epochd.db in `folder`, which exists and whose lock the caller holds; makes it if it is missing. The
 * file is checked before anything is written to it. EP_CORRUPT: damaged, or not ours (nothing was written);
 * EP_UNAVAILABLE: another program has it open; EP_IO; EP_NO_MEMORY. The connection has no mutex of its own.
 */
EP_NODISCARD enum ep_status store_database_open(const char *folder, sqlite3 **database,
                                                struct ep_error *error);

/** Moves the log into the file and closes it; all statements are finalised. NULL is fine. */
void store_database_close(sqlite3 *database);

/** Runs SQL that gives no rows. */
EP_NODISCARD enum ep_status store_database_run(sqlite3 *database, const char *sql, struct ep_error *error);

/** Writes the first column of the first row of `sql` into `text` (cut to `size`); "" when there is none. */
EP_NODISCARD enum ep_status store_database_read(sqlite3 *database, const char *sql, char *text, size_t size,
                                                struct ep_error *error);

/** The failure of the newest call on `database` in words, with the file's path. Never EP_OK. */
enum ep_status store_database_fail(sqlite3 *database, struct ep_error *error);

/** That the file is damaged, how (`what`), and what to do. EP_CORRUPT. */
enum ep_status store_database_damaged(const char *path, const char *what, struct ep_error *error);

/** Makes what was made, renamed or removed in `folder` survive a power cut. */
EP_NODISCARD enum ep_status store_folder_sync(const char *folder, struct ep_error *error);

#endif
