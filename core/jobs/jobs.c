#include "core/jobs/jobs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/jobs/jobs_state.h"

static const char interrupted[] = "interrupted: the server ended while the job was running";

static enum ep_status not_found(const char *id, struct ep_error *error)
{
    return ep_fail(error, EP_NOT_FOUND, "there is no job %s", id);
}

enum ep_status jobs_place(struct jobs *jobs, struct entry *entry, struct ep_error *error)
{
    struct party *party = party_of(jobs, entry->job.trial.search);
    if (party == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for another search");
    }
    const bool trial = party->id[0] != '\0';
    enum ep_status status = table_reserve(&jobs->all, 1, error);
    if (status == EP_OK && trial) {
        status = table_reserve(&party->trials, 1, error);
    }
    if (status == EP_OK) {
        status = party_reserve(jobs, party, 1, error);
    }
    if (status != EP_OK) {
        return status;
    }
    entry->party = party;
    table_add(&jobs->all, entry);
    if (trial) {
        table_add(&party->trials, entry);
    }
    jobs->by_state[entry->job.state]++;
    return EP_OK;
}

/* Gives a job from the store its place in memory. */
static enum ep_status adopt(void *context, struct job *job, struct ep_error *error)
{
    struct jobs *jobs = context;
    struct entry *entry = entry_create(job);
    if (entry == NULL) {
        job_done(job);
        return ep_fail(error, EP_NO_MEMORY, "no memory for the stored jobs");
    }
    enum ep_status status = jobs_place(jobs, entry, error);
    if (status != EP_OK) {
        entry_destroy(entry);
        return status;
    }
    jobs->sequence = ep_id_sequence(entry->job.id);
    atomic_store(&entry->steps, entry->job.progress.step);
    if (entry->job.state == JOB_QUEUED) {
        party_queue(jobs, entry);
    }
    return EP_OK;
}

/* Moves those that ran when the process ended, and are to be cancelled or not, to `state`. */
static enum ep_status recover_to(struct jobs *jobs, bool cancel, enum job_state state, struct ep_error *error)
{
    struct entry **found = ep_allocate(jobs->all.count, sizeof(struct entry *));
    size_t count = 0;
    if (found == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for the stored jobs");
    }
    for (size_t i = 0; i < jobs->all.count; i++) {
        struct entry *entry = jobs->all.entries[i];
        if (entry->job.state == JOB_RUNNING && entry->job.cancel_requested == cancel) {
            found[count++] = entry;
        }
    }
    enum ep_status status = count == 0 ? EP_OK : jobs_move(jobs, found, count, state, interrupted, error);
    for (size_t i = 0; i < count && status == EP_OK && state == JOB_QUEUED; i++) {
        status = party_reserve(jobs, found[i]->party, 1, error);
        if (status == EP_OK) {
            party_queue(jobs, found[i]);
        }
    }
    free(found);
    return status;
}

/*
 * Jobs that ran when the process ended run again from their beginning, unless they were to be cancelled.
 * Trials wait until their search is there.
 */
static enum ep_status recover(struct jobs *jobs, struct ep_error *error)
{
    enum ep_status status = recover_to(jobs, true, JOB_CANCELLED, error);
    if (status == EP_OK) {
        status = recover_to(jobs, false, JOB_QUEUED, error);
    }
    struct data_info info = {0};
    for (size_t p = 0; p < jobs->party_count; p++) {
        struct party *party = jobs->parties[p];
        party->paused = party->id[0] != '\0';
        for (size_t i = 0; i < party->queued.count; i++) {
            jobs_weigh(jobs, party->queued.entries[i], &info);
        }
    }
    return status;
}

static enum ep_status start(struct jobs *jobs, const char *folder, struct ep_error *error)
{
    const size_t workers = jobs->options.workers;
    jobs->free_at = ep_allocate(workers, sizeof *jobs->free_at);
    jobs->runs = ep_allocate(workers, sizeof *jobs->runs);
    jobs->threads = ep_allocate(workers, sizeof *jobs->threads);
    if (jobs->free_at == NULL || jobs->runs == NULL || jobs->threads == NULL || party_of(jobs, "") == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for %zu workers", workers);
    }
    enum ep_status status = store_open(folder, &jobs->store, error);
    if (status == EP_OK) {
        status = store_load(jobs->store, adopt, jobs, error);
    }
    if (status == EP_OK) {
        status = recover(jobs, error);
    }
    if (status == EP_OK) {
        status = pool_start(jobs, error);
    }
    return status;
}

enum ep_status jobs_open(const struct jobs_options *options, struct jobs **jobs, struct ep_error *error)
{
    struct jobs *made = ep_allocate(1, sizeof *made);
    if (made == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for the jobs");
    }
    made->options = *options;
    made->options.state_folder = NULL;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&made->lock, NULL);
    pthread_mutex_init(&made->watch_lock, NULL);
    pthread_cond_init(&made->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    const enum ep_status status = start(made, options->state_folder, error);
    if (status != EP_OK) {
        jobs_close(made);
        return status;
    }
    *jobs = made;
    return EP_OK;
}

void jobs_close(struct jobs *jobs)
{
    if (jobs == NULL) {
        return;
    }
    pool_stop(jobs);
    store_close(jobs->store);
    for (size_t i = 0; i < jobs->all.count; i++) {
        entry_destroy(jobs->all.entries[i]);
    }
    table_done(&jobs->all);
    while (jobs->party_count > 0) {
        party_drop(jobs, jobs->parties[jobs->party_count - 1]);
    }
    free(jobs->parties);
    free(jobs->units);
    pthread_cond_destroy(&jobs->changed);
    pthread_mutex_destroy(&jobs->lock);
    pthread_mutex_destroy(&jobs->watch_lock);
    free(jobs->free_at);
    free(jobs->runs);
    free(jobs->threads);
    free(jobs);
}

/* Promises a new job its id and a place in the queue. The caller has the lock. */
static enum ep_status promise(struct jobs *jobs, char id[EP_ID_TEXT], struct ep_error *error)
{
    if (jobs->stopping) {
        return ep_fail(error, EP_UNAVAILABLE, "the server is stopping");
    }
    struct party *party = jobs->parties[0];
    if (party->queued.count + jobs->creating >= jobs->options.queued_most) {
        return ep_fail(error, EP_UNAVAILABLE,
                       "%zu jobs are waiting, which is as many as may; try again later", party->queued.count);
    }
    enum ep_status status = table_reserve(&jobs->all, jobs->creating + 1, error);
    if (status == EP_OK) {
        status = party_reserve(jobs, party, jobs->creating + 1, error);
    }
    if (status == EP_OK) {
        status = ep_id_create(&jobs->sequence, id, error);
    }
    if (status == EP_OK) {
        jobs->creating++;
    }
    return status;
}

/* Makes an entry that is not yet in any table, with the job's first transition. */
static enum ep_status draft(struct jobs *jobs, const struct job_spec *spec, const char *spec_digest,
                            const char *id, struct entry **entry, struct ep_error *error)
{
    struct job job = {
        .spec = *spec, .best = job_no_best, .cost_test = NAN, .accuracy_test = NAN, .axes_variance = NAN};
    snprintf(job.id, sizeof job.id, "%s", id);
    snprintf(job.spec_digest, sizeof job.spec_digest, "%s", spec_digest);
    job.created_at = ep_clock_wall_ms();
    const enum ep_status status = job_move(&job, JOB_QUEUED, job.created_at, "", error);
    *entry = status == EP_OK ? entry_create(&job) : NULL;
    if (*entry == NULL) {
        job_done(&job);
        return ep_fail(error, EP_NO_MEMORY, "no memory for another job");
    }
    struct data_info info = {0};
    jobs_weigh(jobs, *entry, &info);
    return EP_OK;
}

/* Redeems the promise with an entry that has been stored, or takes it back: NULL. */
static void settle(struct jobs *jobs, struct entry *entry, struct job *job)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->creating--;
    if (entry != NULL) {
        entry->party = jobs->parties[0];
        table_add(&jobs->all, entry);
        party_queue(jobs, entry);
        jobs->by_state[JOB_QUEUED]++;
        jobs->estimated = 0;
        jobs_measure(jobs, entry, &job->progress);
        pthread_cond_broadcast(&jobs->changed);
    }
    pthread_mutex_unlock(&jobs->lock);
}

enum ep_status jobs_create(struct jobs *jobs, const struct job_spec *spec, const char *spec_digest,
                           struct job *job, struct ep_error *error)
{
    char id[EP_ID_TEXT];
    struct entry *entry = NULL;
    *job = (struct job){0};
    pthread_mutex_lock(&jobs->lock);
    enum ep_status status = promise(jobs, id, error);
    pthread_mutex_unlock(&jobs->lock);
    if (status != EP_OK) {
        return status;
    }
    status = draft(jobs, spec, spec_digest, id, &entry, error);
    if (status == EP_OK) {
        status = job_copy(&entry->job, job, error);
    }
    if (status == EP_OK) {
        status = store_insert(jobs->store, job, error);
    }
    if (status == EP_OK && jobs->options.on_transition != NULL) {
        jobs->options.on_transition(jobs->options.context, job);
    }
    settle(jobs, status == EP_OK ? entry : NULL, job);
    if (status != EP_OK) {
        entry_destroy(entry);
        job_done(job);
    }
    return status;
}

enum ep_status jobs_get(struct jobs *jobs, const char *id, struct job *job, struct ep_error *error)
{
    *job = (struct job){0};
    pthread_mutex_lock(&jobs->lock);
    const struct entry *entry = table_find(&jobs->all, id);
    const enum ep_status status =
        entry == NULL ? not_found(id, error) : jobs_snapshot(jobs, entry, job, error);
    pthread_mutex_unlock(&jobs->lock);
    return status;
}

static bool has_tag(const struct job_spec *spec, const char *tag)
{
    for (uint32_t i = 0; i < spec->tags.count; i++) {
        if (strcmp(spec->tags.items[i], tag) == 0) {
            return true;
        }
    }
    return false;
}

static bool matches(const struct jobs_query *query, const struct job *job)
{
    return (query->states == 0 || (query->states >> job->state & 1U) != 0) &&
           (query->dataset == NULL || strcmp(query->dataset, job->spec.dataset) == 0) &&
           (query->tag == NULL || has_tag(&job->spec, query->tag)) &&
           (query->search == NULL || strcmp(query->search, job->trial.search) == 0);
}

enum ep_status jobs_list(struct jobs *jobs, const struct jobs_query *query, struct jobs_page *page,
                         struct ep_error *error)
{
    *page = (struct jobs_page){.items = ep_allocate(query->limit, sizeof *page->items)};
    if (page->items == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to list %zu jobs", query->limit);
    }
    enum ep_status status = EP_OK;
    bool more = false;
    pthread_mutex_lock(&jobs->lock);
    const struct party *party = query->search == NULL ? NULL : party_find(jobs, query->search);
    const struct table *table = party == NULL ? &jobs->all : &party->trials;
    size_t i = query->before == NULL ? table->count : table_seek(table, query->before);
    while (i > 0 && status == EP_OK && !more) {
        const struct entry *entry = table->entries[--i];
        if (!matches(query, &entry->job)) {
            continue;
        }
        more = page->count == query->limit;
        if (!more) {
            status = jobs_snapshot(jobs, entry, &page->items[page->count], error);
            page->count += status == EP_OK;
        }
    }
    pthread_mutex_unlock(&jobs->lock);
    if (status != EP_OK) {
        jobs_page_done(page);
    } else if (more) {
        memcpy(page->next, page->items[page->count - 1].id, sizeof page->next);
    }
    return status;
}

void jobs_page_done(struct jobs_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        job_done(&page->items[i]);
    }
    free(page->items);
    *page = (struct jobs_page){0};
}

/* Copies the rows after epoch `since` of a running job. */
static enum ep_status copy_rows(const struct entry *entry, uint64_t since, struct jobs_history *history,
                                struct ep_error *error)
{
    /* Rows come one an epoch, so that row i is that of epoch i + 1. */
    const size_t first = since < entry->row_count ? (size_t)since : entry->row_count;
    history->count = entry->row_count - first;
    history->rows = ep_allocate(history->count, sizeof *history->rows);
    if (history->rows == NULL) {
        history->count = 0;
        return ep_fail(error, EP_NO_MEMORY, "no memory for the history of job %s", entry->job.id);
    }
    memcpy(history->rows, entry->rows + first, history->count * sizeof *history->rows);
    return EP_OK;
}

enum ep_status jobs_read_history(struct jobs *jobs, const char *id, uint64_t since,
                                 struct jobs_history *history, struct ep_error *error)
{
    *history = (struct jobs_history){.accuracy_test = NAN};
    enum ep_status status = EP_OK;
    bool stored = true;
    pthread_mutex_lock(&jobs->lock);
    const struct entry *entry = table_find(&jobs->all, id);
    if (entry == NULL) {
        status = not_found(id, error);
    } else {
        history->accuracy_test = entry->job.accuracy_test;
        stored = entry->rows == NULL;
        status = stored ? EP_OK : copy_rows(entry, since, history, error);
    }
    pthread_mutex_unlock(&jobs->lock);
    if (status == EP_OK && stored) {
        status = store_read_history(jobs->store, id, since, &history->rows, &history->count, error);
    }
    return status;
}

void jobs_history_done(struct jobs_history *history)
{
    free(history->rows);
    *history = (struct jobs_history){0};
}

/* Whether a running job's unit stands still, so that nobody looks whether it is to stop. */
static bool stands_still(struct jobs *jobs, const struct entry *entry)
{
    pthread_mutex_lock(&jobs->lock);
    const bool still = entry->unit != NULL && !entry->unit->taken;
    pthread_mutex_unlock(&jobs->lock);
    return still;
}

/* Stores the wish that a running job end, and passes it on. */
static enum ep_status request_cancel(struct jobs *jobs, struct entry *entry, struct ep_error *error)
{
    struct jobs_change change;
    enum ep_status status = jobs_draft(jobs, entry, &change, error);
    if (status == EP_OK) {
        change.next.cancel_requested = true;
        if (stands_still(jobs, entry)) {
            status = jobs_draft_move(&change, JOB_CANCELLED, "cancelled while it stood still", error);
        }
    }
    if (status != EP_OK) {
        job_done(&change.next);
        return status;
    }
    status = jobs_commit(jobs, &change, 1, error);
    if (status == EP_OK) {
        atomic_store(&entry->stop, true);
    }
    return status;
}

static enum ep_status cancel_held(struct jobs *jobs, struct entry *entry, struct ep_error *error)
{
    switch (entry->job.state) {
    case JOB_QUEUED:
        return jobs_move(jobs, &entry, 1, JOB_CANCELLED, "cancelled while it waited", error);
    case JOB_RUNNING:
        return entry->job.cancel_requested ? EP_OK : request_cancel(jobs, entry, error);
    case JOB_CANCELLED:
        return EP_OK;
    case JOB_SUCCEEDED:
    case JOB_FAILED:
    case JOB_STATES:
        break;
    }
    return ep_fail(error, EP_CONFLICT, "job %s has %s and cannot be cancelled any more", entry->job.id,
                   job_state_name(entry->job.state));
}

enum ep_status jobs_cancel(struct jobs *jobs, const char *id, struct job *job, struct ep_error *error)
{
    *job = (struct job){0};
    struct entry *entry = jobs_hold(jobs, id);
    if (entry == NULL) {
        return not_found(id, error);
    }
    enum ep_status status = cancel_held(jobs, entry, error);
    if (status == EP_OK) {
        pthread_mutex_lock(&jobs->lock);
        status = jobs_snapshot(jobs, entry, job, error);
        pthread_mutex_unlock(&jobs->lock);
    }
    jobs_let_go(jobs, entry);
    return status;
}

/* Takes a held entry out of memory and destroys it. */
static void drop(struct jobs *jobs, struct entry *entry)
{
    pthread_mutex_lock(&jobs->lock);
    table_remove(&jobs->all, entry);
    jobs->by_state[entry->job.state]--;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
    entry_destroy(entry);
}

/* Waits until the unit of an ended job has been taken apart. */
static void await_unit(struct jobs *jobs, const struct entry *entry)
{
    pthread_mutex_lock(&jobs->lock);
    while (entry->unit != NULL && !jobs->stopping) {
        pthread_cond_wait(&jobs->changed, &jobs->lock);
    }
    pthread_mutex_unlock(&jobs->lock);
}

enum ep_status jobs_delete(struct jobs *jobs, const char *id, struct ep_error *error)
{
    struct entry *entry = jobs_hold(jobs, id);
    if (entry == NULL) {
        return not_found(id, error);
    }
    enum ep_status status = EP_OK;
    if (entry->job.trial.search[0] != '\0') {
        status = ep_fail(error, EP_CONFLICT, "job %s is a trial of search %s; delete the search", id,
                         entry->job.trial.search);
    } else if (!job_state_final(entry->job.state)) {
        status = ep_fail(error, EP_CONFLICT, "job %s is %s; cancel it first", id,
                         job_state_name(entry->job.state));
    } else {
        await_unit(jobs, entry);
        status = store_delete(jobs->store, id, error);
    }
    if (status == EP_OK) {
        drop(jobs, entry);
    } else {
        jobs_let_go(jobs, entry);
    }
    return status;
}

void jobs_read_load(struct jobs *jobs, struct jobs_load *load)
{
    pthread_mutex_lock(&jobs->lock);
    *load = (struct jobs_load){
        .workers = jobs->options.workers,
        .busy = jobs->busy,
        .queued_most = jobs->options.queued_most,
        .memory_limit = jobs->options.memory_limit,
        .memory_used = jobs->memory_used,
    };
    memcpy(load->by_state, jobs->by_state, sizeof load->by_state);
    pthread_mutex_unlock(&jobs->lock);
}

double jobs_estimate_seconds(struct jobs *jobs, double flops)
{
    pthread_mutex_lock(&jobs->lock);
    const double seconds = pace_seconds(&jobs->pace, flops);
    pthread_mutex_unlock(&jobs->lock);
    return seconds;
}
