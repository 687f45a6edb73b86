#ifndef EP_JOBS_STORE_CONNECTION_H
#define EP_JOBS_STORE_CONNECTION_H

#include <pthread.h>
#include <stdbool.h>

#include <sqlite3.h>

#include "core/base/error.h"

/**
 * The store's one connection: its database, its lock, and its statements, prepared once. Private to the
 * store.
 */

enum store_statement {
    STORE_BEGIN,
    STORE_COMMIT,
    STORE_ROLLBACK,
    STORE_SAVEPOINT,
    STORE_RELEASE,
    STORE_ROLLBACK_TO,
    STORE_INSERT_JOB,
    STORE_UPDATE_JOB,
    STORE_DELETE_JOB,
    STORE_INSERT_TRANSITION,
    STORE_PRUNE_TRANSITIONS,
    STORE_DROP_HISTORY,
    STORE_INSERT_EPOCH,
    STORE_READ_HISTORY,
    STORE_LOAD_JOBS,
    STORE_LOAD_TRANSITIONS,
    STORE_PUT_SEARCH,
    STORE_DELETE_TRIALS,
    STORE_DELETE_SEARCH,
    STORE_LOAD_SEARCHES,
    STORE_STATEMENTS,
};

/** Columns of `job` before those of the spec: results of STORE_LOAD_JOBS, and parameters (counted from 1) of
 * both STORE_INSERT_JOB and STORE_UPDATE_JOB. */
enum {
    COLUMN_ID,
    COLUMN_SPEC_DIGEST,
    COLUMN_STATE,
    COLUMN_CANCEL_REQUESTED,
    COLUMN_CREATED_AT,
    COLUMN_STARTED_AT,
    COLUMN_FINISHED_AT,
    COLUMN_COST_TEST,
    COLUMN_ACCURACY_TEST,
    COLUMN_FAILURE,
    COLUMN_FAILURE_TEXT,
    COLUMN_FAILED_EPOCH,
    COLUMN_STEPS_DONE,
    COLUMN_MODEL_SHA256,
    COLUMN_BEST_EPOCH,
    COLUMN_CONFUSION,
    COLUMN_AXES,
    COLUMN_AXES_VARIANCE,
    COLUMN_BEST_COST_EPOCH,
    COLUMN_BEST_COST,
    COLUMN_BEST_ACCURACY_EPOCH,
    COLUMN_BEST_ACCURACY,
    COLUMN_CUT_EPOCH,
    COLUMN_SEARCH,
    COLUMN_STAGE,
    COLUMN_ORDINAL,
    COLUMN_BANK,
    COLUMN_SPEC, /**< the first of the spec's; behind them the newest epoch's, as STORE_READ_HISTORY gives
                    them */
};

struct store_connection {
    sqlite3 *database;
    pthread_mutex_t lock; /**< guards the database and all statements */
    sqlite3_stmt *statements[STORE_STATEMENTS];
};

/** Opens the database in `folder`, brings its schema up to date and prepares the statements; as store_open.
 */
EP_NODISCARD enum ep_status store_connection_open(const char *folder, struct store_connection **connection,
                                                  struct ep_error *error);

/** Moves the log into the file and closes everything. NULL is fine. */
void store_connection_close(struct store_connection *connection);

/** All functions of the store that take a connection, but open and close, need its lock. */
void store_connection_lock(struct store_connection *connection);
void store_connection_unlock(struct store_connection *connection);

/** Runs a bound statement that gives no rows, and readies it for its next use; `bound` is what binding gave.
 */
EP_NODISCARD enum ep_status store_connection_run(struct store_connection *connection,
                                                 enum store_statement which, int bound,
                                                 struct ep_error *error);

/** Readies a statement for its next use. Its failure, if any, has been reported by its step. */
void store_statement_finish(sqlite3_stmt *statement);

/** Whether a transaction is open: some failures make SQLite take all of one back by itself. */
bool store_connection_in_transaction(const struct store_connection *connection);

/** Takes the open transaction back, if there is one. */
void store_connection_rollback(struct store_connection *connection);

#endif
