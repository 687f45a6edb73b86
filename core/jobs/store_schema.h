#ifndef EP_JOBS_STORE_SCHEMA_H
#define EP_JOBS_STORE_SCHEMA_H

#include <stdbool.h>

#include <sqlite3.h>

#include "core/base/error.h"

/** The store's tables and their numbered migrations. Private to the store. */

/** In the file's header, so that nobody else's SQLite file is taken for a store ("epch"). */
enum { STORE_APPLICATION_ID = 0x65706368 };

/** Whether this program knows the schema of the file; otherwise EP_CORRUPT, and nothing was written. */
EP_NODISCARD enum ep_status store_schema_check(sqlite3 *database, struct ep_error *error);

/** Brings the tables up to date, each migration in a transaction of its own. */
EP_NODISCARD enum ep_status store_schema_upgrade(sqlite3 *database, struct ep_error *error);

#endif
