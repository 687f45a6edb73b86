#include "core/jobs/store_rows.h"

#include "core/jobs/store_columns.h"
#include "core/jobs/store_database.h"

static int bind_id(struct store_connection *connection, enum store_statement which, const char *id)
{
    return store_bind_text(connection->statements[which], 1, id);
}

/* First of two codes that is a failure. */
static int worse(int first, int second)
{
    return first != SQLITE_OK ? first : second;
}

/* NULL when there is none. */
static int bind_confusion(sqlite3_stmt *statement, int index, const struct job_confusion *confusion)
{
    const size_t bytes = confusion->classes * confusion->classes * sizeof *confusion->counts;
    return sqlite3_bind_blob64(statement, index, confusion->counts, bytes, SQLITE_STATIC);
}

static int bind_best(sqlite3_stmt *statement, const struct job_best *best)
{
    int code = sqlite3_bind_int64(statement, COLUMN_BEST_COST_EPOCH + 1, (sqlite3_int64)best->cost_epoch);
    code = worse(code, store_bind_number(statement, COLUMN_BEST_COST + 1, best->cost_validation));
    code = worse(code, sqlite3_bind_int64(statement, COLUMN_BEST_ACCURACY_EPOCH + 1,
                                          (sqlite3_int64)best->accuracy_epoch));
    return worse(code, store_bind_number(statement, COLUMN_BEST_ACCURACY + 1, best->accuracy_validation));
}

/* What an update does not change is bound all the same, and then ignored. */
static int bind_trial(sqlite3_stmt *statement, const struct job_trial *trial)
{
    const int count = sqlite3_bind_parameter_count(statement);
    int code = sqlite3_bind_int64(statement, COLUMN_CUT_EPOCH + 1, (sqlite3_int64)trial->cut_epoch);
    if (count > COLUMN_BANK) {
        const char *search = trial->search[0] == '\0' ? NULL : trial->search;
        code = worse(code, store_bind_text(statement, COLUMN_SEARCH + 1, search));
        code = worse(code, sqlite3_bind_int64(statement, COLUMN_STAGE + 1, trial->stage));
        code = worse(code, sqlite3_bind_int64(statement, COLUMN_ORDINAL + 1, trial->ordinal));
        code = worse(code, sqlite3_bind_int64(statement, COLUMN_BANK + 1, trial->bank));
    }
    return code;
}

static int bind_job(sqlite3_stmt *statement, const struct job *job)
{
    const bool failed = job->failure.status != EP_OK;
    int code = store_bind_text(statement, COLUMN_ID + 1, job->id);
    code = worse(code, store_bind_text(statement, COLUMN_SPEC_DIGEST + 1, job->spec_digest));
    code = worse(code, store_bind_text(statement, COLUMN_STATE + 1, job_state_name(job->state)));
    code = worse(code, sqlite3_bind_int(statement, COLUMN_CANCEL_REQUESTED + 1, job->cancel_requested));
    code = worse(code, sqlite3_bind_int64(statement, COLUMN_CREATED_AT + 1, job->created_at));
    code = worse(code, sqlite3_bind_int64(statement, COLUMN_STARTED_AT + 1, job->started_at));
    code = worse(code, sqlite3_bind_int64(statement, COLUMN_FINISHED_AT + 1, job->finished_at));
    code = worse(code, store_bind_number(statement, COLUMN_COST_TEST + 1, job->cost_test));
    code = worse(code, store_bind_number(statement, COLUMN_ACCURACY_TEST + 1, job->accuracy_test));
    code = worse(code, store_bind_text(statement, COLUMN_FAILURE + 1,
                                       failed ? ep_status_name(job->failure.status) : NULL));
    code =
        worse(code, store_bind_text(statement, COLUMN_FAILURE_TEXT + 1, failed ? job->failure.text : NULL));
    code =
        worse(code, sqlite3_bind_int64(statement, COLUMN_FAILED_EPOCH + 1, (sqlite3_int64)job->failed_epoch));
    code =
        worse(code, sqlite3_bind_int64(statement, COLUMN_STEPS_DONE + 1, (sqlite3_int64)job->progress.step));
    code = worse(code, store_bind_text(statement, COLUMN_MODEL_SHA256 + 1, job->model_sha256));
    code = worse(code, sqlite3_bind_int64(statement, COLUMN_BEST_EPOCH + 1, (sqlite3_int64)job->best_epoch));
    code = worse(code, bind_confusion(statement, COLUMN_CONFUSION + 1, &job->confusion));
    code = worse(code, sqlite3_bind_int64(statement, COLUMN_AXES + 1, (sqlite3_int64)job->axes));
    code = worse(code, store_bind_number(statement, COLUMN_AXES_VARIANCE + 1, job->axes_variance));
    code = worse(code, bind_best(statement, &job->best));
    return worse(code, bind_trial(statement, &job->trial));
}

static enum ep_status add_transitions(struct store_connection *connection, const struct job *job,
                                      size_t first, struct ep_error *error)
{
    sqlite3_stmt *statement = connection->statements[STORE_INSERT_TRANSITION];
    enum ep_status status = EP_OK;
    for (size_t i = first; i < job->transition_count && status == EP_OK; i++) {
        const struct job_transition *transition = &job->transitions[i];
        int bound = bind_id(connection, STORE_INSERT_TRANSITION, job->id);
        bound = worse(bound, store_bind_text(statement, 2, job_state_name(transition->state)));
        bound = worse(bound, sqlite3_bind_int64(statement, 3, transition->at));
        bound = worse(bound, store_bind_text(statement, 4, transition->reason));
        status = store_connection_run(connection, STORE_INSERT_TRANSITION, bound, error);
    }
    if (status == EP_OK && first < job->transition_count) {
        int bound = bind_id(connection, STORE_PRUNE_TRANSITIONS, job->id);
        bound = worse(bound, sqlite3_bind_int(connection->statements[STORE_PRUNE_TRANSITIONS], 2,
                                              JOB_TRANSITIONS_MAX / 2));
        status = store_connection_run(connection, STORE_PRUNE_TRANSITIONS, bound, error);
    }
    return status;
}

static enum ep_status insert_job(struct store_connection *connection, const struct job *job,
                                 struct ep_error *error)
{
    sqlite3_stmt *statement = connection->statements[STORE_INSERT_JOB];
    const int bound = bind_job(statement, job);
    enum ep_status status =
        store_columns_bind(statement, COLUMN_SPEC + 1, &job_spec_fields, &job->spec, error);
    if (status != EP_OK) {
        store_statement_finish(statement);
        return status;
    }
    status = store_connection_run(connection, STORE_INSERT_JOB, bound, error);
    if (status != EP_OK && sqlite3_extended_errcode(connection->database) == SQLITE_CONSTRAINT_PRIMARYKEY) {
        return ep_fail(error, EP_CONFLICT, "there is a job %s already", job->id);
    }
    return status == EP_OK ? add_transitions(connection, job, 0, error) : status;
}

/* The newest statement was to change one job. */
static enum ep_status expect_one(struct store_connection *connection, const char *id, struct ep_error *error)
{
    return sqlite3_changes(connection->database) == 1
               ? EP_OK
               : ep_fail(error, EP_NOT_FOUND, "there is no job %s", id);
}

static enum ep_status update_job(struct store_connection *connection, const struct job *job, size_t first,
                                 struct ep_error *error)
{
    enum ep_status status = store_connection_run(
        connection, STORE_UPDATE_JOB, bind_job(connection->statements[STORE_UPDATE_JOB], job), error);
    if (status == EP_OK) {
        status = expect_one(connection, job->id, error);
    }
    if (status == EP_OK) {
        status = add_transitions(connection, job, first, error);
    }
    if (status == EP_OK && job->state == JOB_QUEUED) {
        status = store_connection_run(connection, STORE_DROP_HISTORY,
                                      bind_id(connection, STORE_DROP_HISTORY, job->id), error);
    }
    return status;
}

static enum ep_status delete_job(struct store_connection *connection, const char *id, struct ep_error *error)
{
    const enum ep_status status =
        store_connection_run(connection, STORE_DELETE_JOB, bind_id(connection, STORE_DELETE_JOB, id), error);
    return status == EP_OK ? expect_one(connection, id, error) : status;
}

static enum ep_status insert_epoch(struct store_connection *connection, const char *id,
                                   const struct nn_epoch *row, struct ep_error *error)
{
    sqlite3_stmt *statement = connection->statements[STORE_INSERT_EPOCH];
    int bound = bind_id(connection, STORE_INSERT_EPOCH, id);
    bound = worse(bound, sqlite3_bind_int64(statement, 2, (sqlite3_int64)row->epoch));
    const double numbers[] = {
        row->eta,    row->cost_train, row->cost_validation, row->accuracy_train, row->accuracy_validation,
        row->seconds};
    for (size_t i = 0; i < EP_COUNT(numbers); i++) {
        bound = worse(bound, store_bind_number(statement, (int)i + 3, numbers[i]));
    }
    const enum ep_status status = store_connection_run(connection, STORE_INSERT_EPOCH, bound, error);
    if (status != EP_OK && sqlite3_extended_errcode(connection->database) == SQLITE_CONSTRAINT_FOREIGNKEY) {
        return ep_fail(error, EP_NOT_FOUND, "there is no job %s", id);
    }
    return status;
}

static enum ep_status insert_jobs(struct store_connection *connection, const struct store_change *change,
                                  struct ep_error *error)
{
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < change->count && status == EP_OK; i++) {
        status = insert_job(connection, change->jobs[i], error);
    }
    return status;
}

static enum ep_status update_jobs(struct store_connection *connection, const struct store_change *change,
                                  struct ep_error *error)
{
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < change->count && status == EP_OK; i++) {
        status = update_job(connection, change->jobs[i], change->firsts[i], error);
    }
    return status;
}

static enum ep_status write_search(struct store_connection *connection, const struct store_search *search,
                                   struct ep_error *error)
{
    sqlite3_stmt *statement = connection->statements[STORE_PUT_SEARCH];
    int bound = bind_id(connection, STORE_PUT_SEARCH, search->id);
    bound = worse(bound, store_bind_text(statement, 2, search->state));
    bound = worse(bound, store_bind_text(statement, 3, search->reason));
    bound = worse(bound, sqlite3_bind_int64(statement, 4, search->created_at));
    bound = worse(bound, sqlite3_bind_int64(statement, 5, search->finished_at));
    bound = worse(bound, store_bind_number(statement, 6, search->seconds));
    bound = worse(bound, store_bind_text(statement, 7, search->definition));
    return store_connection_run(connection, STORE_PUT_SEARCH, bound, error);
}

static enum ep_status remove_search(struct store_connection *connection, const char *id,
                                    struct ep_error *error)
{
    enum ep_status status = store_connection_run(connection, STORE_DELETE_TRIALS,
                                                 bind_id(connection, STORE_DELETE_TRIALS, id), error);
    if (status == EP_OK) {
        status = store_connection_run(connection, STORE_DELETE_SEARCH,
                                      bind_id(connection, STORE_DELETE_SEARCH, id), error);
    }
    return status;
}

static enum ep_status apply(struct store_connection *connection, const struct store_change *change,
                            struct ep_error *error)
{
    switch (change->kind) {
    case STORE_INSERT:
        return insert_jobs(connection, change, error);
    case STORE_UPDATE:
        return update_jobs(connection, change, error);
    case STORE_DELETE:
        return delete_job(connection, change->id, error);
    case STORE_APPEND:
        return insert_epoch(connection, change->id, &change->row, error);
    case STORE_FLUSH:
        return EP_OK;
    case STORE_WRITE_SEARCH:
        return write_search(connection, change->search, error);
    case STORE_REMOVE_SEARCH:
        return remove_search(connection, change->id, error);
    }
    return ep_fail(error, EP_INTERNAL, "the store does not know change %d", (int)change->kind);
}

enum ep_status store_rows_apply(struct store_connection *connection, const struct store_change *change,
                                struct ep_error *error)
{
    enum ep_status status = store_connection_run(connection, STORE_SAVEPOINT, SQLITE_OK, error);
    if (status != EP_OK) {
        return status;
    }
    status = apply(connection, change, error);
    if (status != EP_OK && store_connection_in_transaction(connection)) {
        const enum ep_status undone = store_connection_run(connection, STORE_ROLLBACK_TO, SQLITE_OK, NULL);
        if (undone != EP_OK) {
            /* Half a change must not be committed with the others. */
            store_connection_rollback(connection);
        }
    }
    if (store_connection_in_transaction(connection)) {
        const enum ep_status released =
            store_connection_run(connection, STORE_RELEASE, SQLITE_OK, status == EP_OK ? error : NULL);
        status = status == EP_OK ? released : status;
    }
    return status;
}
