#include "core/jobs/store_connection.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/jobs/spec.h"
#include "core/jobs/store_columns.h"
#include "core/jobs/store_database.h"

#define JOB_COLUMNS                                                                                          \
    "id, spec_digest, state, cancel_requested, created_at, started_at, finished_at, cost_test, "             \
    "accuracy_test, failure, failure_text, failed_epoch, steps_done, model_sha256, best_epoch, confusion, "  \
    "axes, "                                                                                                 \
    "axes_variance, best_cost_epoch, best_cost, best_accuracy_epoch, best_accuracy, cut_epoch, search, "     \
    "stage, ordinal, bank"
#define EPOCH_COLUMNS                                                                                        \
    "epoch.epoch, epoch.eta, epoch.cost_train, epoch.cost_validation, epoch.accuracy_train, "                \
    "epoch.accuracy_validation, epoch.seconds"

/* Those that name the spec's columns are built from its table. */
static const char *const statement_texts[STORE_STATEMENTS] = {
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ROLLBACK] = "ROLLBACK",
    [STORE_SAVEPOINT] = "SAVEPOINT change",
    [STORE_RELEASE] = "RELEASE change",
    [STORE_ROLLBACK_TO] = "ROLLBACK TO change",
    [STORE_UPDATE_JOB] =
        "UPDATE job SET state = ?3, cancel_requested = ?4, created_at = ?5, started_at = ?6, "
        "finished_at = ?7, cost_test = ?8, accuracy_test = ?9, failure = ?10, failure_text = ?11, "
        "failed_epoch = ?12, steps_done = ?13, model_sha256 = ?14, best_epoch = ?15, confusion = ?16, "
        "axes = ?17, axes_variance = ?18, best_cost_epoch = ?19, best_cost = ?20, best_accuracy_epoch = ?21, "
        "best_accuracy = ?22, cut_epoch = ?23 WHERE id = ?1",
    [STORE_DELETE_JOB] = "DELETE FROM job WHERE id = ?1",
    /* Positions in memory change when old transitions are dropped there; ordinals only grow. */
    [STORE_INSERT_TRANSITION] = "INSERT INTO transition (job_id, ordinal, state, at, reason) "
                                "SELECT ?1, coalesce(max(ordinal) + 1, 0), ?2, ?3, ?4 FROM transition "
                                "WHERE job_id = ?1",
    [STORE_PRUNE_TRANSITIONS] = "DELETE FROM transition WHERE job_id = ?1 AND ordinal >= ?2 AND ordinal <= "
                                "(SELECT max(ordinal) FROM transition WHERE job_id = ?1) - ?2",
    [STORE_DROP_HISTORY] = "DELETE FROM epoch WHERE job_id = ?1",
    [STORE_INSERT_EPOCH] =
        "INSERT OR REPLACE INTO epoch (job_id, epoch, eta, cost_train, cost_validation, "
        "accuracy_train, accuracy_validation, seconds) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STORE_READ_HISTORY] =
        "SELECT " EPOCH_COLUMNS " FROM epoch WHERE job_id = ?1 AND epoch > ?2 ORDER BY epoch LIMIT ?3",
    /* Not a replacement, which would delete the row, and with it all trials. */
    [STORE_PUT_SEARCH] =
        "INSERT INTO search (id, state, reason, created_at, finished_at, seconds, definition) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET state = excluded.state, "
        "reason = excluded.reason, finished_at = excluded.finished_at, seconds = excluded.seconds, "
        "definition = excluded.definition",
    [STORE_DELETE_TRIALS] = "DELETE FROM job WHERE search = ?1",
    [STORE_DELETE_SEARCH] = "DELETE FROM search WHERE id = ?1",
    [STORE_LOAD_SEARCHES] = "SELECT id, state, reason, created_at, finished_at, seconds, definition "
                            "FROM search ORDER BY id",
    [STORE_LOAD_TRANSITIONS] = "SELECT job_id, state, at, reason FROM transition ORDER BY job_id, ordinal",
};

static sqlite3_str *build_insert(void)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "INSERT INTO job (" JOB_COLUMNS);
    store_columns_add_names(sql, "", &job_spec_fields);
    sqlite3_str_appendall(sql, ") VALUES (?1");
    for (size_t i = 1; i < COLUMN_SPEC + job_spec_fields.count; i++) {
        sqlite3_str_appendf(sql, ", ?%d", (int)i + 1);
    }
    sqlite3_str_appendall(sql, ")");
    return sql;
}

static sqlite3_str *build_load(void)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "SELECT " JOB_COLUMNS);
    store_columns_add_names(sql, "job.", &job_spec_fields);
    sqlite3_str_appendall(sql,
                          ", " EPOCH_COLUMNS " FROM job LEFT JOIN epoch ON epoch.job_id = job.id "
                          "AND epoch.epoch = (SELECT max(e.epoch) FROM epoch AS e WHERE e.job_id = job.id) "
                          "ORDER BY job.id");
    return sql;
}

static enum ep_status prepare(struct store_connection *connection, enum store_statement which,
                              struct ep_error *error)
{
    char *built = NULL;
    if (which == STORE_INSERT_JOB || which == STORE_LOAD_JOBS) {
        built = sqlite3_str_finish(which == STORE_INSERT_JOB ? build_insert() : build_load());
        if (built == NULL) {
            return ep_fail(error, EP_NO_MEMORY, "not enough memory to open the store");
        }
    }
    const char *sql = built != NULL ? built : statement_texts[which];
    const int code = sqlite3_prepare_v3(connection->database, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                        &connection->statements[which], NULL);
    sqlite3_free(built);
    return code == SQLITE_OK ? EP_OK : store_database_fail(connection->database, error);
}

static enum ep_status prepare_all(struct store_connection *connection, struct ep_error *error)
{
    enum ep_status status = EP_OK;
    for (unsigned which = 0; which < STORE_STATEMENTS && status == EP_OK; which++) {
        status = prepare(connection, (enum store_statement)which, error);
    }
    return status;
}

enum ep_status store_connection_open(const char *folder, struct store_connection **connection,
                                     struct ep_error *error)
{
    *connection = NULL;
    struct store_connection *made = ep_allocate(1, sizeof *made);
    if (made == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "not enough memory to open the store");
    }
    const int code = pthread_mutex_init(&made->lock, NULL);
    if (code != 0) {
        free(made);
        return ep_fail_errno(error, EP_NO_MEMORY, code, "cannot make the store's mutex");
    }
    enum ep_status status = store_database_open(folder, &made->database, error);
    if (status == EP_OK) {
        status = prepare_all(made, error);
    }
    if (status != EP_OK) {
        store_connection_close(made);
        return status;
    }
    *connection = made;
    return EP_OK;
}

void store_connection_close(struct store_connection *connection)
{
    if (connection != NULL) {
        for (size_t i = 0; i < STORE_STATEMENTS; i++) {
            sqlite3_finalize(connection->statements[i]);
        }
        store_database_close(connection->database);
        pthread_mutex_destroy(&connection->lock);
        free(connection);
    }
}

void store_connection_lock(struct store_connection *connection)
{
    pthread_mutex_lock(&connection->lock);
}

void store_connection_unlock(struct store_connection *connection)
{
    pthread_mutex_unlock(&connection->lock);
}

void store_statement_finish(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

enum ep_status store_connection_run(struct store_connection *connection, enum store_statement which,
                                    int bound, struct ep_error *error)
{
    sqlite3_stmt *statement = connection->statements[which];
    enum ep_status status = EP_OK;
    if (bound != SQLITE_OK || sqlite3_step(statement) != SQLITE_DONE) {
        status = store_database_fail(connection->database, error);
    }
    store_statement_finish(statement);
    return status;
}

bool store_connection_in_transaction(const struct store_connection *connection)
{
    return sqlite3_get_autocommit(connection->database) == 0;
}

void store_connection_rollback(struct store_connection *connection)
{
    if (store_connection_in_transaction(connection)) {
        /* It cannot fail while no statement is running. */
        sqlite3_step(connection->statements[STORE_ROLLBACK]);
        store_statement_finish(connection->statements[STORE_ROLLBACK]);
    }
}
