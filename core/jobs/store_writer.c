#include "core/jobs/store_writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/memory.h"

/*
 * A change goes: queue → batch (taken by the thread, under queue_lock) → applied in one transaction (under
 * the connection's lock) → settled (under queue_lock): rows are released, callers are woken. Nobody holds
 * both locks.
 */

enum {
    ROWS_MOST = 4096,    /* waiting and being written; append waits for room */
    ROWS_COMMIT = 1024,  /* so many are written without waiting for the deadline */
    ROW_DELAY_MS = 500,  /* a row waits at most so long for others, which leaves time to commit in a second */
    LOST_JOBS_MOST = 256 /* jobs of which a lost row is remembered; the oldest are forgotten */
};

/* A change in the queue. A row is on the heap; all else on the stack of the caller who waits for it. */
struct entry {
    struct entry *next;
    const struct store_change *change;
    struct store_change row; /* what `change` of a row points to */
    bool told;               /* took what is remembered of lost rows */
    bool done;               /* settled: status and error are final */
    enum ep_status status;
    struct ep_error error;
};

/* Rows of a job were lost since its last update. */
struct lost {
    char id[EP_ID_TEXT]; /* "": free */
    struct ep_error error;
};

struct store_writer {
    struct store_connection *connection; /* borrowed */
    pthread_t thread;

    struct lost lost[LOST_JOBS_MOST]; /* the thread's own */
    size_t oldest_lost;

    pthread_mutex_t queue_lock; /* guards all below */
    pthread_cond_t work;        /* something to do for the thread */
    pthread_cond_t settled;     /* a batch was settled: callers look at their entries, and for room */
    struct entry *first, *last; /* queue */
    struct entry *batch;        /* being written; its links do not change meanwhile */
    size_t row_count;           /* rows in queue and batch */
    struct timespec deadline;   /* for the rows in the queue, if there are any */
    bool urgent;                /* the queue is not to wait for the deadline */
    bool stopping;
};

static struct lost *find_lost(struct store_writer *writer, const char *id)
{
    for (size_t i = 0; i < LOST_JOBS_MOST; i++) {
        if (strcmp(writer->lost[i].id, id) == 0) {
            return &writer->lost[i];
        }
    }
    return NULL;
}

/* Keeps the first reason of each job. */
static void remember_lost(struct store_writer *writer, const char *id, const struct ep_error *error)
{
    if (find_lost(writer, id) != NULL) {
        return;
    }
    struct lost *lost = find_lost(writer, "");
    if (lost == NULL) {
        lost = &writer->lost[writer->oldest_lost];
        writer->oldest_lost = (writer->oldest_lost + 1) % LOST_JOBS_MOST;
    }
    memcpy(lost->id, id, sizeof lost->id);
    lost->error = *error;
}

/* Forgets that rows of a job were lost; whether it was remembered. */
static bool forget_lost(struct store_writer *writer, struct entry *entry, const char *id)
{
    struct lost *lost = find_lost(writer, id);
    if (lost == NULL) {
        return false;
    }
    entry->error = lost->error;
    entry->told = true;
    lost->id[0] = '\0';
    return true;
}

/*
 * Whether an update must be refused because rows before it were lost. The memory of it ends here; an update
 * to queued drops the history and a deletion the job, so that they need not know.
 */
static bool take_lost(struct store_writer *writer, struct entry *entry)
{
    const struct store_change *change = entry->change;
    bool refused = false;
    if (change->kind == STORE_DELETE) {
        (void)forget_lost(writer, entry, change->id);
    }
    for (size_t i = 0; i < change->count && change->kind == STORE_UPDATE; i++) {
        const struct job *job = change->jobs[i];
        refused = (forget_lost(writer, entry, job->id) && job->state != JOB_QUEUED) || refused;
    }
    return refused;
}

static void apply_entry(struct store_writer *writer, struct entry *entry)
{
    if (take_lost(writer, entry)) {
        const enum ep_status cause = entry->error.status == EP_NO_MEMORY ? EP_NO_MEMORY : EP_IO;
        entry->status = ep_fail(&entry->error, cause, "rows of the history of job %s were lost: %s",
                                entry->change->id, entry->error.text);
        return;
    }
    entry->status = store_rows_apply(writer->connection, entry->change, &entry->error);
    if (entry->status != EP_OK && entry->change->kind == STORE_APPEND) {
        remember_lost(writer, entry->change->id, &entry->error);
    }
}

/* The transaction failed: nothing of the batch is on disk. */
static void fail_batch(struct store_writer *writer, struct entry *batch, const struct ep_error *error)
{
    for (struct entry *entry = batch; entry != NULL; entry = entry->next) {
        const enum store_change_kind kind = entry->change->kind;
        if (kind == STORE_APPEND || (kind == STORE_DELETE && entry->told)) {
            remember_lost(writer, entry->change->id, error);
        }
        for (size_t i = 0; i < entry->change->count && entry->told; i++) {
            remember_lost(writer, entry->change->jobs[i]->id, error);
        }
        if (entry->status == EP_OK) {
            entry->status = error->status;
            entry->error = *error;
        }
    }
}

static void write_batch(struct store_writer *writer, struct entry *batch)
{
    struct store_connection *connection = writer->connection;
    struct ep_error error = {.status = EP_OK};
    store_connection_lock(connection);
    enum ep_status status = store_connection_run(connection, STORE_BEGIN, SQLITE_OK, &error);
    for (struct entry *entry = batch; entry != NULL && status == EP_OK; entry = entry->next) {
        apply_entry(writer, entry);
        if (!store_connection_in_transaction(connection)) {
            status = entry->status;
            error = entry->error;
        }
    }
    if (status == EP_OK) {
        status = store_connection_run(connection, STORE_COMMIT, SQLITE_OK, &error);
    }
    if (status != EP_OK) {
        store_connection_rollback(connection);
        fail_batch(writer, batch, &error);
    }
    store_connection_unlock(connection);
}

/* Under queue_lock. */
static void settle_batch(struct store_writer *writer)
{
    struct entry *entry = writer->batch;
    writer->batch = NULL;
    while (entry != NULL) {
        /* A caller's entry is gone as soon as the lock is free after it is done. */
        struct entry *next = entry->next;
        if (entry->change->kind == STORE_APPEND) {
            free(entry);
            writer->row_count--;
        } else {
            entry->done = true;
        }
        entry = next;
    }
    pthread_cond_broadcast(&writer->settled);
}

static bool passed(const struct timespec *deadline)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > deadline->tv_sec ||
           (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

/* Under queue_lock; returns when there is something to write, or nothing left to do: then false. */
static bool wait_for_work(struct store_writer *writer)
{
    for (;;) {
        if (writer->first == NULL) {
            if (writer->stopping) {
                return false;
            }
            pthread_cond_wait(&writer->work, &writer->queue_lock);
        } else if (writer->urgent || writer->stopping || passed(&writer->deadline)) {
            return true;
        } else {
            pthread_cond_timedwait(&writer->work, &writer->queue_lock, &writer->deadline);
        }
    }
}

static void *write_all(void *argument)
{
    struct store_writer *writer = argument;
    pthread_mutex_lock(&writer->queue_lock);
    while (wait_for_work(writer)) {
        struct entry *batch = writer->first;
        writer->batch = batch;
        writer->first = NULL;
        writer->last = NULL;
        writer->urgent = false;
        pthread_mutex_unlock(&writer->queue_lock);
        write_batch(writer, batch);
        pthread_mutex_lock(&writer->queue_lock);
        settle_batch(writer);
    }
    pthread_mutex_unlock(&writer->queue_lock);
    return NULL;
}

static int init_conditions(struct store_writer *writer)
{
    pthread_condattr_t monotonic;
    int code = pthread_condattr_init(&monotonic);
    if (code != 0) {
        return code;
    }
    code = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    if (code == 0) {
        code = pthread_cond_init(&writer->work, &monotonic);
    }
    pthread_condattr_destroy(&monotonic);
    if (code != 0) {
        return code;
    }
    code = pthread_cond_init(&writer->settled, NULL);
    if (code != 0) {
        pthread_cond_destroy(&writer->work);
    }
    return code;
}

static int init_locks(struct store_writer *writer)
{
    int code = pthread_mutex_init(&writer->queue_lock, NULL);
    if (code != 0) {
        return code;
    }
    code = init_conditions(writer);
    if (code != 0) {
        pthread_mutex_destroy(&writer->queue_lock);
    }
    return code;
}

static void destroy_locks(struct store_writer *writer)
{
    pthread_cond_destroy(&writer->settled);
    pthread_cond_destroy(&writer->work);
    pthread_mutex_destroy(&writer->queue_lock);
}

enum ep_status store_writer_create(struct store_connection *connection, struct store_writer **writer,
                                   struct ep_error *error)
{
    *writer = NULL;
    struct store_writer *made = ep_allocate(1, sizeof *made);
    if (made == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "not enough memory to open the store");
    }
    made->connection = connection;
    int code = init_locks(made);
    if (code == 0) {
        code = pthread_create(&made->thread, NULL, write_all, made);
        if (code != 0) {
            destroy_locks(made);
        }
    }
    if (code != 0) {
        free(made);
        return ep_fail_errno(error, EP_NO_MEMORY, code, "cannot start the store's writer thread");
    }
    *writer = made;
    return EP_OK;
}

void store_writer_destroy(struct store_writer *writer)
{
    if (writer != NULL) {
        pthread_mutex_lock(&writer->queue_lock);
        writer->stopping = true;
        pthread_cond_signal(&writer->work);
        pthread_mutex_unlock(&writer->queue_lock);
        pthread_join(writer->thread, NULL);
        destroy_locks(writer);
        free(writer);
    }
}

/* Under queue_lock. */
static void enqueue(struct store_writer *writer, struct entry *entry)
{
    if (writer->last == NULL) {
        writer->first = entry;
    } else {
        writer->last->next = entry;
    }
    writer->last = entry;
}

/* Under queue_lock. */
static void enqueue_and_wait(struct store_writer *writer, struct entry *entry)
{
    enqueue(writer, entry);
    writer->urgent = true;
    pthread_cond_signal(&writer->work);
    while (!entry->done) {
        pthread_cond_wait(&writer->settled, &writer->queue_lock);
    }
}

enum ep_status store_writer_submit(struct store_writer *writer, const struct store_change *change,
                                   struct ep_error *error)
{
    struct entry entry = {.change = change, .status = EP_OK};
    pthread_mutex_lock(&writer->queue_lock);
    enqueue_and_wait(writer, &entry);
    pthread_mutex_unlock(&writer->queue_lock);
    if (entry.status != EP_OK && error != NULL) {
        *error = entry.error;
    }
    return entry.status;
}

static void set_deadline(struct timespec *deadline)
{
    clock_gettime(CLOCK_MONOTONIC, deadline);
    deadline->tv_nsec += ROW_DELAY_MS * 1000000L;
    if (deadline->tv_nsec >= 1000000000L) {
        deadline->tv_nsec -= 1000000000L;
        deadline->tv_sec++;
    }
}

enum ep_status store_writer_append(struct store_writer *writer, const char *id, const struct nn_epoch *row,
                                   struct ep_error *error)
{
    struct entry *entry = malloc(sizeof *entry);
    if (entry == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "not enough memory to store a row of job %s", id);
    }
    *entry = (struct entry){.row = {.kind = STORE_APPEND, .row = *row}};
    memcpy(entry->row.id, id, strlen(id) + 1);
    entry->change = &entry->row;
    pthread_mutex_lock(&writer->queue_lock);
    while (writer->row_count >= ROWS_MOST) {
        pthread_cond_wait(&writer->settled, &writer->queue_lock);
    }
    if (writer->first == NULL) {
        set_deadline(&writer->deadline);
    }
    enqueue(writer, entry);
    writer->row_count++;
    if (writer->row_count >= ROWS_COMMIT) {
        writer->urgent = true;
    }
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->queue_lock);
    return EP_OK;
}

static bool has_row(const struct entry *entry, const char *id)
{
    for (; entry != NULL; entry = entry->next) {
        if (entry->change->kind == STORE_APPEND && strcmp(entry->change->id, id) == 0) {
            return true;
        }
    }
    return false;
}

void store_writer_settle(struct store_writer *writer, const char *id)
{
    const struct store_change nothing = {.kind = STORE_FLUSH};
    struct entry entry = {.change = &nothing, .status = EP_OK};
    pthread_mutex_lock(&writer->queue_lock);
    if (has_row(writer->batch, id) || has_row(writer->first, id)) {
        enqueue_and_wait(writer, &entry);
    }
    pthread_mutex_unlock(&writer->queue_lock);
}
