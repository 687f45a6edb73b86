#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/jobs/store_columns.h"
#include "core/jobs/store_database.h"
#include "core/jobs/store_rows.h"

static void read_epoch(sqlite3_stmt *statement, int first, struct nn_epoch *row)
{
    *row = (struct nn_epoch){
        .epoch = (size_t)sqlite3_column_int64(statement, first),
        .eta = store_read_number(statement, first + 1),
        .cost_train = store_read_number(statement, first + 2),
        .cost_validation = store_read_number(statement, first + 3),
        .accuracy_train = store_read_number(statement, first + 4),
        .accuracy_validation = store_read_number(statement, first + 5),
        .seconds = store_read_number(statement, first + 6),
    };
}

static bool read_state(sqlite3_stmt *statement, int column, enum job_state *state)
{
    char name[16];
    return store_read_text(statement, column, name, sizeof name) && job_state_parse(name, state);
}

static bool read_failure(sqlite3_stmt *statement, struct ep_error *failure)
{
    *failure = (struct ep_error){.status = EP_OK};
    if (sqlite3_column_type(statement, COLUMN_FAILURE) == SQLITE_NULL) {
        return true;
    }
    char name[16];
    if (!store_read_text(statement, COLUMN_FAILURE, name, sizeof name) ||
        !store_read_text(statement, COLUMN_FAILURE_TEXT, failure->text, sizeof failure->text)) {
        return false;
    }
    for (unsigned i = EP_OK; i <= EP_INTERNAL; i++) {
        if (strcmp(ep_status_name((enum ep_status)i), name) == 0) {
            failure->status = (enum ep_status)i;
            return true;
        }
    }
    return false;
}

/* "" when no search made the job. */
static bool read_search(sqlite3_stmt *statement, char id[EP_ID_TEXT])
{
    return sqlite3_column_type(statement, COLUMN_SEARCH) == SQLITE_NULL ||
           store_read_text(statement, COLUMN_SEARCH, id, EP_ID_TEXT);
}

static enum ep_status nonsense(struct store_connection *connection, const char *id, struct ep_error *error)
{
    return ep_fail(error, EP_CORRUPT, "\"%s\": what is stored of job %s makes no sense",
                   sqlite3_db_filename(connection->database, "main"), id);
}

/* A square of counts, or nothing. */
static enum ep_status read_confusion(struct store_connection *connection, struct job *job,
                                     struct ep_error *error)
{
    sqlite3_stmt *statement = connection->statements[STORE_LOAD_JOBS];
    const void *blob = sqlite3_column_blob(statement, COLUMN_CONFUSION);
    const size_t bytes = (size_t)sqlite3_column_bytes(statement, COLUMN_CONFUSION);
    size_t classes = 0;
    while (classes < DATA_CLASSES_MAX && classes * classes * sizeof *job->confusion.counts < bytes) {
        classes++;
    }
    if (classes * classes * sizeof *job->confusion.counts != bytes) {
        return nonsense(connection, job->id, error);
    }
    if (bytes == 0) {
        return EP_OK;
    }
    job->confusion.counts = ep_allocate(classes * classes, sizeof *job->confusion.counts);
    if (blob == NULL || job->confusion.counts == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "not enough memory to load the jobs");
    }
    job->confusion.classes = classes;
    memcpy(job->confusion.counts, blob, bytes);
    return EP_OK;
}

static enum ep_status read_job(struct store_connection *connection, struct job *job, struct ep_error *error)
{
    sqlite3_stmt *statement = connection->statements[STORE_LOAD_JOBS];
    const int latest = COLUMN_SPEC + (int)job_spec_fields.count;
    *job = (struct job){
        .cancel_requested = sqlite3_column_int(statement, COLUMN_CANCEL_REQUESTED) != 0,
        .created_at = sqlite3_column_int64(statement, COLUMN_CREATED_AT),
        .started_at = sqlite3_column_int64(statement, COLUMN_STARTED_AT),
        .finished_at = sqlite3_column_int64(statement, COLUMN_FINISHED_AT),
        .cost_test = store_read_number(statement, COLUMN_COST_TEST),
        .accuracy_test = store_read_number(statement, COLUMN_ACCURACY_TEST),
        .failed_epoch = (uint64_t)sqlite3_column_int64(statement, COLUMN_FAILED_EPOCH),
        .axes = (uint64_t)sqlite3_column_int64(statement, COLUMN_AXES),
        .axes_variance = store_read_number(statement, COLUMN_AXES_VARIANCE),
        .best_epoch = (uint64_t)sqlite3_column_int64(statement, COLUMN_BEST_EPOCH),
        .best = {.cost_epoch = (uint64_t)sqlite3_column_int64(statement, COLUMN_BEST_COST_EPOCH),
                 .cost_validation = store_read_number(statement, COLUMN_BEST_COST),
                 .accuracy_epoch = (uint64_t)sqlite3_column_int64(statement, COLUMN_BEST_ACCURACY_EPOCH),
                 .accuracy_validation = store_read_number(statement, COLUMN_BEST_ACCURACY)},
        .trial = {.stage = (uint32_t)sqlite3_column_int64(statement, COLUMN_STAGE),
                  .ordinal = (uint32_t)sqlite3_column_int64(statement, COLUMN_ORDINAL),
                  .bank = (uint32_t)sqlite3_column_int64(statement, COLUMN_BANK),
                  .cut_epoch = (uint64_t)sqlite3_column_int64(statement, COLUMN_CUT_EPOCH)},
        .has_latest = sqlite3_column_type(statement, latest) != SQLITE_NULL,
    };
    if (!store_read_text(statement, COLUMN_ID, job->id, sizeof job->id) ||
        !store_read_text(statement, COLUMN_SPEC_DIGEST, job->spec_digest, sizeof job->spec_digest) ||
        !store_read_text(statement, COLUMN_MODEL_SHA256, job->model_sha256, sizeof job->model_sha256) ||
        !read_state(statement, COLUMN_STATE, &job->state) || !read_failure(statement, &job->failure) ||
        !read_search(statement, job->trial.search)) {
        return nonsense(connection, job->id, error);
    }
    const enum ep_status status =
        store_columns_read(statement, COLUMN_SPEC, &job_spec_fields, &job->spec, error);
    if (job->has_latest) {
        read_epoch(statement, latest, &job->latest);
    }
    job->progress = (struct job_progress){
        .epoch = job->latest.epoch,
        .epochs = job->spec.epochs,
        .step = (uint64_t)sqlite3_column_int64(statement, COLUMN_STEPS_DONE),
        .images_per_second = NAN,
        .remaining_seconds = NAN,
    };
    return status;
}

/* The transitions of all jobs in the order of the jobs' ids, read alongside the jobs. */
struct transition_scan {
    char job_id[EP_ID_TEXT]; /* of the row the statement stands on; "" before the first and behind the last */
    bool ended;
    struct job_transition found[JOB_TRANSITIONS_MAX];
};

static enum ep_status scan_on(struct store_connection *connection, struct transition_scan *scan,
                              struct ep_error *error)
{
    sqlite3_stmt *statement = connection->statements[STORE_LOAD_TRANSITIONS];
    switch (sqlite3_step(statement)) {
    case SQLITE_ROW:
        return store_read_text(statement, 0, scan->job_id, sizeof scan->job_id)
                   ? EP_OK
                   : nonsense(connection, "(unknown)", error);
    case SQLITE_DONE:
        scan->ended = true;
        return EP_OK;
    default:
        return store_database_fail(connection->database, error);
    }
}

static enum ep_status read_transitions(struct store_connection *connection, struct transition_scan *scan,
                                       struct job *job, struct ep_error *error)
{
    sqlite3_stmt *statement = connection->statements[STORE_LOAD_TRANSITIONS];
    size_t count = 0;
    enum ep_status status = EP_OK;
    while (status == EP_OK && !scan->ended && strcmp(scan->job_id, job->id) == 0) {
        struct job_transition *found = &scan->found[count];
        if (count == EP_COUNT(scan->found) || !read_state(statement, 1, &found->state) ||
            !store_read_text(statement, 3, found->reason, sizeof found->reason)) {
            return nonsense(connection, job->id, error);
        }
        found->at = sqlite3_column_int64(statement, 2);
        count++;
        status = scan_on(connection, scan, error);
    }
    if (status != EP_OK) {
        return status;
    }
    job->transitions = ep_allocate(count, sizeof *job->transitions);
    if (job->transitions == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "not enough memory to load the jobs");
    }
    memcpy(job->transitions, scan->found, count * sizeof *job->transitions);
    job->transition_count = count;
    return EP_OK;
}

static enum ep_status load(struct store_connection *connection, struct transition_scan *scan,
                           enum ep_status (*visit)(void *context, struct job *job, struct ep_error *error),
                           void *context, struct ep_error *error)
{
    enum ep_status status = scan_on(connection, scan, error);
    while (status == EP_OK) {
        const int code = sqlite3_step(connection->statements[STORE_LOAD_JOBS]);
        if (code == SQLITE_DONE) {
            return scan->ended ? EP_OK : nonsense(connection, scan->job_id, error);
        }
        if (code != SQLITE_ROW) {
            return store_database_fail(connection->database, error);
        }
        struct job job;
        status = read_job(connection, &job, error);
        if (status == EP_OK) {
            status = read_confusion(connection, &job, error);
        }
        if (status == EP_OK) {
            status = read_transitions(connection, scan, &job, error);
        }
        if (status != EP_OK) {
            job_done(&job);
        } else {
            status = visit(context, &job, error);
        }
    }
    return status;
}

enum ep_status store_rows_load(struct store_connection *connection,
                               enum ep_status (*visit)(void *context, struct job *job,
                                                       struct ep_error *error),
                               void *context, struct ep_error *error)
{
    struct transition_scan *scan = ep_allocate(1, sizeof *scan);
    if (scan == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "not enough memory to load the jobs");
    }
    const enum ep_status status = load(connection, scan, visit, context, error);
    store_statement_finish(connection->statements[STORE_LOAD_JOBS]);
    store_statement_finish(connection->statements[STORE_LOAD_TRANSITIONS]);
    free(scan);
    return status;
}

static enum ep_status read_search_row(struct store_connection *connection, struct store_search *search,
                                      struct ep_error *error)
{
    sqlite3_stmt *statement = connection->statements[STORE_LOAD_SEARCHES];
    *search = (struct store_search){
        .created_at = sqlite3_column_int64(statement, 3),
        .finished_at = sqlite3_column_int64(statement, 4),
        .seconds = store_read_number(statement, 5),
        .definition = (const char *)sqlite3_column_text(statement, 6),
    };
    if (!store_read_text(statement, 0, search->id, sizeof search->id) ||
        !store_read_text(statement, 1, search->state, sizeof search->state) ||
        !store_read_text(statement, 2, search->reason, sizeof search->reason) || search->definition == NULL) {
        return ep_fail(error, EP_CORRUPT, "\"%s\": what is stored of search %s makes no sense",
                       sqlite3_db_filename(connection->database, "main"), search->id);
    }
    return EP_OK;
}

enum ep_status store_rows_load_searches(struct store_connection *connection,
                                        enum ep_status (*visit)(void *context,
                                                                const struct store_search *search,
                                                                struct ep_error *error),
                                        void *context, struct ep_error *error)
{
    sqlite3_stmt *statement = connection->statements[STORE_LOAD_SEARCHES];
    enum ep_status status = EP_OK;
    int code = sqlite3_step(statement);
    for (; code == SQLITE_ROW && status == EP_OK; code = sqlite3_step(statement)) {
        struct store_search search;
        status = read_search_row(connection, &search, error);
        if (status == EP_OK) {
            status = visit(context, &search, error);
        }
        if (status != EP_OK) {
            store_statement_finish(statement);
            return status;
        }
    }
    if (code != SQLITE_DONE) {
        status = store_database_fail(connection->database, error);
    }
    store_statement_finish(statement);
    return status;
}

struct epoch_list {
    struct nn_epoch *items;
    size_t count, capacity;
};

/* Room for one more; at most JOB_EPOCHS_MAX rows are asked for. */
static bool grow(struct epoch_list *list)
{
    if (list->count < list->capacity) {
        return true;
    }
    const size_t capacity = list->capacity == 0 ? 32 : 2 * list->capacity;
    struct nn_epoch *items = reallocarray(list->items, capacity, sizeof *items);
    if (items == NULL) {
        return false;
    }
    list->items = items;
    list->capacity = capacity;
    return true;
}

static enum ep_status collect(struct store_connection *connection, struct epoch_list *list,
                              struct ep_error *error)
{
    sqlite3_stmt *statement = connection->statements[STORE_READ_HISTORY];
    int code = sqlite3_step(statement);
    for (; code == SQLITE_ROW; code = sqlite3_step(statement)) {
        if (!grow(list)) {
            return ep_fail(error, EP_NO_MEMORY, "not enough memory to read a history");
        }
        read_epoch(statement, 0, &list->items[list->count]);
        list->count++;
    }
    return code == SQLITE_DONE ? EP_OK : store_database_fail(connection->database, error);
}

enum ep_status store_rows_history(struct store_connection *connection, const char *id, uint64_t since,
                                  struct nn_epoch **epochs, size_t *count, struct ep_error *error)
{
    sqlite3_stmt *statement = connection->statements[STORE_READ_HISTORY];
    const sqlite3_int64 after = since > INT64_MAX ? INT64_MAX : (sqlite3_int64)since;
    struct epoch_list list = {.items = NULL};
    const bool bound = store_bind_text(statement, 1, id) == SQLITE_OK &&
                       sqlite3_bind_int64(statement, 2, after) == SQLITE_OK &&
                       sqlite3_bind_int(statement, 3, JOB_EPOCHS_MAX) == SQLITE_OK;
    enum ep_status status =
        bound ? collect(connection, &list, error) : store_database_fail(connection->database, error);
    store_statement_finish(statement);
    if (status != EP_OK) {
        free(list.items);
        return status;
    }
    *epochs = list.items;
    *count = list.count;
    return EP_OK;
}
