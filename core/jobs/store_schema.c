#include "core/jobs/store_schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/jobs/store_database.h"

/*
 * Migration i brings a file of schema version i to version i + 1 (PRAGMA user_version). A migration that has
 * been released never changes; a new one is added at the end. The columns of `job` behind bank are
 * the rows of job_spec_fields, "/" written as "_"; the confusion matrix is counts of 32 bits, little-endian,
 * row by row. Times are milliseconds since 1970 UTC, 0 for "not yet"; NULL in a REAL column is NaN.
 */
static const char *const migrations[] = {
    "CREATE TABLE search ("
    "  id TEXT NOT NULL PRIMARY KEY,"
    "  state TEXT NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  created_at INTEGER NOT NULL,"
    "  finished_at INTEGER NOT NULL,"
    "  seconds REAL NOT NULL,"
    "  definition TEXT NOT NULL"
    ") STRICT;"

    "CREATE TABLE job ("
    "  id TEXT NOT NULL PRIMARY KEY,"
    "  spec_digest TEXT NOT NULL,"
    "  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),"
    "  cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),"
    "  created_at INTEGER NOT NULL,"
    "  started_at INTEGER NOT NULL,"
    "  finished_at INTEGER NOT NULL,"
    "  cost_test REAL,"
    "  accuracy_test REAL,"
    "  failure TEXT,"
    "  failure_text TEXT,"
    "  failed_epoch INTEGER NOT NULL,"
    "  steps_done INTEGER NOT NULL,"
    "  model_sha256 TEXT NOT NULL,"
    "  best_epoch INTEGER NOT NULL,"
    "  confusion BLOB,"
    "  axes INTEGER NOT NULL,"
    "  axes_variance REAL,"
    "  best_cost_epoch INTEGER NOT NULL,"
    "  best_cost REAL,"
    "  best_accuracy_epoch INTEGER NOT NULL,"
    "  best_accuracy REAL,"
    "  cut_epoch INTEGER NOT NULL,"
    "  search TEXT REFERENCES search (id),"
    "  stage INTEGER NOT NULL,"
    "  ordinal INTEGER NOT NULL,"
    "  bank INTEGER NOT NULL,"
    "  dataset TEXT NOT NULL,"
    "  train_size INTEGER NOT NULL,"
    "  validation_size INTEGER NOT NULL,"
    "  normalize TEXT NOT NULL,"
    "  pca_components INTEGER NOT NULL,"
    "  pca_variance REAL NOT NULL,"
    "  depth INTEGER NOT NULL,"
    "  hidden TEXT NOT NULL,"
    "  activation TEXT NOT NULL,"
    "  batch_norm INTEGER NOT NULL,"
    "  scale_shift INTEGER NOT NULL,"
    "  dropout REAL NOT NULL,"
    "  eta REAL NOT NULL,"
    "  lambda REAL NOT NULL,"
    "  epochs INTEGER NOT NULL,"
    "  batch_size INTEGER NOT NULL,"
    "  optimizer TEXT NOT NULL,"
    "  momentum REAL NOT NULL,"
    "  nesterov INTEGER NOT NULL,"
    "  adam_beta1 REAL NOT NULL,"
    "  adam_beta2 REAL NOT NULL,"
    "  adam_epsilon REAL NOT NULL,"
    "  warm_up INTEGER NOT NULL,"
    "  decay_kind TEXT NOT NULL,"
    "  decay_every INTEGER NOT NULL,"
    "  decay_factor REAL NOT NULL,"
    "  init_kind TEXT NOT NULL,"
    "  init_std REAL NOT NULL,"
    "  shuffle INTEGER NOT NULL,"
    "  augment_flip INTEGER NOT NULL,"
    "  augment_shift INTEGER NOT NULL,"
    "  seed INTEGER NOT NULL,"
    "  early_stopping_patience INTEGER NOT NULL,"
    "  early_stopping_watch TEXT NOT NULL,"
    "  precision TEXT NOT NULL,"
    "  threads INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  tags TEXT NOT NULL"
    ") STRICT;"

    "CREATE INDEX job_search ON job (search) WHERE search IS NOT NULL;"

    "CREATE TABLE transition ("
    "  job_id TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,"
    "  ordinal INTEGER NOT NULL,"
    "  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),"
    "  at INTEGER NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  PRIMARY KEY (job_id, ordinal)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE epoch ("
    "  job_id TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,"
    "  epoch INTEGER NOT NULL CHECK (epoch >= 1),"
    "  eta REAL,"
    "  cost_train REAL,"
    "  cost_validation REAL,"
    "  accuracy_train REAL,"
    "  accuracy_validation REAL,"
    "  seconds REAL,"
    "  PRIMARY KEY (job_id, epoch)"
    ") STRICT, WITHOUT ROWID;",
};

static enum ep_status read_version(sqlite3 *database, size_t *version, struct ep_error *error)
{
    char text[32];
    const enum ep_status status =
        store_database_read(database, "PRAGMA user_version", text, sizeof text, error);
    if (status != EP_OK) {
        return status;
    }
    /* A negative number wraps to one that no program knows. */
    *version = (size_t)strtoll(text, NULL, 10);
    return EP_OK;
}

enum ep_status store_schema_check(sqlite3 *database, struct ep_error *error)
{
    size_t version;
    const enum ep_status status = read_version(database, &version, error);
    if (status != EP_OK || version <= EP_COUNT(migrations)) {
        return status;
    }
    return ep_fail(error, EP_CORRUPT,
                   "\"%s\" was written by a newer version of epochd (schema %zu; this one knows up to %zu): "
                   "use that version, or another state folder",
                   sqlite3_db_filename(database, "main"), version, EP_COUNT(migrations));
}

static enum ep_status migrate(sqlite3 *database, size_t version, struct ep_error *error)
{
    char mark[48];
    snprintf(mark, sizeof mark, "PRAGMA user_version = %zu", version + 1);
    enum ep_status status = store_database_run(database, "BEGIN IMMEDIATE", error);
    if (status != EP_OK) {
        return status;
    }
    const char *const steps[] = {migrations[version], mark, "COMMIT"};
    for (size_t i = 0; i < EP_COUNT(steps) && status == EP_OK; i++) {
        status = store_database_run(database, steps[i], error);
    }
    if (status != EP_OK && sqlite3_get_autocommit(database) == 0) {
        /* What matters is why the migration failed; closing the file would roll it back too. */
        sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

enum ep_status store_schema_upgrade(sqlite3 *database, struct ep_error *error)
{
    size_t version;
    enum ep_status status = read_version(database, &version, error);
    for (; status == EP_OK && version < EP_COUNT(migrations); version++) {
        status = migrate(database, version, error);
    }
    return status;
}
