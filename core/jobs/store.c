#include "core/jobs/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/jobs/store_connection.h"
#include "core/jobs/store_database.h"
#include "core/jobs/store_rows.h"
#include "core/jobs/store_writer.h"

struct store {
    int lock; /* descriptor of the lock file; the lock is ours while it is open. -1: none */
    struct store_connection *connection;
    struct store_writer *writer;
};

/* Appends `name` to `folder`; the caller frees it. */
static char *path_in(const char *folder, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

static enum ep_status make_folder(const char *folder, struct ep_error *error)
{
    if (mkdir(folder, 0700) != 0) {
        return errno == EEXIST ? EP_OK
                               : ep_fail_errno(error, EP_IO, errno, "cannot make the folder \"%s\"", folder);
    }
    char *parent = path_in(folder, "..");
    if (parent == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "not enough memory to open \"%s\"", folder);
    }
    const enum ep_status status = store_folder_sync(parent, error);
    free(parent);
    return status;
}

static enum ep_status take_lock(const char *folder, int *lock, struct ep_error *error)
{
    char *path = path_in(folder, "epochd.lock");
    if (path == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "not enough memory to open \"%s\"", folder);
    }
    enum ep_status status = EP_OK;
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock < 0) {
        status = ep_fail_errno(error, EP_IO, errno, "cannot open \"%s\"", path);
    } else if (flock(*lock, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK
                     ? ep_fail(error, EP_UNAVAILABLE, "another process uses the state folder \"%s\"", folder)
                     : ep_fail_errno(error, EP_IO, errno, "cannot lock \"%s\"", path);
    }
    free(path);
    return status;
}

enum ep_status store_open(const char *folder, struct store **store, struct ep_error *error)
{
    *store = NULL;
    struct store *made = ep_allocate(1, sizeof *made);
    if (made == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "not enough memory to open \"%s\"", folder);
    }
    made->lock = -1;
    enum ep_status status = make_folder(folder, error);
    if (status == EP_OK) {
        status = take_lock(folder, &made->lock, error);
    }
    if (status == EP_OK) {
        status = store_connection_open(folder, &made->connection, error);
    }
    if (status == EP_OK) {
        status = store_writer_create(made->connection, &made->writer, error);
    }
    if (status != EP_OK) {
        store_close(made);
        return status;
    }
    *store = made;
    return EP_OK;
}

void store_close(struct store *store)
{
    if (store != NULL) {
        store_writer_destroy(store->writer);
        store_connection_close(store->connection);
        if (store->lock >= 0) {
            close(store->lock);
        }
        free(store);
    }
}

enum ep_status store_load(struct store *store,
                          enum ep_status (*visit)(void *context, struct job *job, struct ep_error *error),
                          void *context, struct ep_error *error)
{
    store_connection_lock(store->connection);
    const enum ep_status status = store_rows_load(store->connection, visit, context, error);
    store_connection_unlock(store->connection);
    return status;
}

static bool is_id(const char *id)
{
    return strnlen(id, EP_ID_TEXT) == EP_ID_TEXT - 1;
}

static enum ep_status unknown(const char *id, struct ep_error *error)
{
    return ep_fail(error, EP_NOT_FOUND, "there is no job %.64s", id);
}

static enum ep_status submit_jobs(struct store *store, struct store_change change, struct ep_error *error)
{
    for (size_t i = 0; i < change.count; i++) {
        if (!is_id(change.jobs[i]->id)) {
            return ep_fail(error, EP_INVALID, "\"%s\" is not the id of a job", change.jobs[i]->id);
        }
    }
    if (change.count == 0) {
        return EP_OK;
    }
    memcpy(change.id, change.jobs[0]->id, sizeof change.id);
    return store_writer_submit(store->writer, &change, error);
}

enum ep_status store_insert_all(struct store *store, const struct job *const *jobs, size_t count,
                                struct ep_error *error)
{
    return submit_jobs(store, (struct store_change){.kind = STORE_INSERT, .jobs = jobs, .count = count},
                       error);
}

enum ep_status store_update_all(struct store *store, const struct job *const *jobs, const size_t *firsts,
                                size_t count, struct ep_error *error)
{
    return submit_jobs(
        store, (struct store_change){.kind = STORE_UPDATE, .jobs = jobs, .firsts = firsts, .count = count},
        error);
}

enum ep_status store_insert(struct store *store, const struct job *job, struct ep_error *error)
{
    return store_insert_all(store, &job, 1, error);
}

enum ep_status store_update(struct store *store, const struct job *job, size_t first, struct ep_error *error)
{
    return store_update_all(store, &job, &first, 1, error);
}

enum ep_status store_append(struct store *store, const char *id, const struct nn_epoch *row,
                            struct ep_error *error)
{
    return is_id(id) ? store_writer_append(store->writer, id, row, error) : unknown(id, error);
}

enum ep_status store_delete(struct store *store, const char *id, struct ep_error *error)
{
    if (!is_id(id)) {
        return unknown(id, error);
    }
    struct store_change change = {.kind = STORE_DELETE};
    memcpy(change.id, id, sizeof change.id);
    return store_writer_submit(store->writer, &change, error);
}

enum ep_status store_read_history(struct store *store, const char *id, uint64_t since, struct nn_epoch **rows,
                                  size_t *count, struct ep_error *error)
{
    /* Rows that cannot be written then are lost, and the job will say so; what is there can still be read. */
    store_writer_settle(store->writer, id);
    store_connection_lock(store->connection);
    const enum ep_status status = store_rows_history(store->connection, id, since, rows, count, error);
    store_connection_unlock(store->connection);
    return status;
}

enum ep_status store_write_search(struct store *store, const struct store_search *search,
                                  struct ep_error *error)
{
    const struct store_change change = {.kind = STORE_WRITE_SEARCH, .search = search};
    return store_writer_submit(store->writer, &change, error);
}

enum ep_status store_delete_search(struct store *store, const char *id, struct ep_error *error)
{
    if (!is_id(id)) {
        return ep_fail(error, EP_NOT_FOUND, "there is no search %.64s", id);
    }
    struct store_change change = {.kind = STORE_REMOVE_SEARCH};
    memcpy(change.id, id, sizeof change.id);
    return store_writer_submit(store->writer, &change, error);
}

enum ep_status store_load_searches(struct store *store,
                                   enum ep_status (*visit)(void *context, const struct store_search *search,
                                                           struct ep_error *error),
                                   void *context, struct ep_error *error)
{
    store_connection_lock(store->connection);
    const enum ep_status status = store_rows_load_searches(store->connection, visit, context, error);
    store_connection_unlock(store->connection);
    return status;
}
