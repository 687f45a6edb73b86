#ifndef EP_JOBS_STORE_COLUMNS_H
#define EP_JOBS_STORE_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

#include "core/base/error.h"
#include "core/base/field.h"

/**
 * Struct members as columns, by the table that describes them: one column a row, with the row's name ("/"
 * written as "_"). Lists are texts: integers with commas between them, words with blanks. Private to the
 * store.
 */

/** Adds the columns' names to `sql`, each after a comma and `table` ("" or "job."). */
void store_columns_add_names(sqlite3_str *sql, const char *table, const struct ep_fields *fields);

/**
 * Binds the members of `object` to parameters `first`, first + 1, … `object` must live until the statement's
 * bindings are cleared. EP_INVALID: a value does not fit its column; EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status store_columns_bind(sqlite3_stmt *statement, int first,
                                               const struct ep_fields *fields, const void *object,
                                               struct ep_error *error);

/** Reads columns `first`, first + 1, … into `object`. EP_CORRUPT: a value is not what its member can hold. */
EP_NODISCARD enum ep_status store_columns_read(sqlite3_stmt *statement, int first,
                                               const struct ep_fields *fields, void *object,
                                               struct ep_error *error);

/** Binds a number; NaN as NULL. An SQLite code. */
int store_bind_number(sqlite3_stmt *statement, int index, double value);

/** Reads a number; NULL as NaN. */
double store_read_number(sqlite3_stmt *statement, int column);

/** Binds a text that lives until the bindings are cleared; NULL as NULL. An SQLite code. */
int store_bind_text(sqlite3_stmt *statement, int index, const char *text);

/** Reads a text into `text` (size bytes); false when it is NULL, too long or has a zero in it. */
EP_NODISCARD bool store_read_text(sqlite3_stmt *statement, int column, char *text, size_t size);

#endif
