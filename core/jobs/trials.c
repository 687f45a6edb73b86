#include "core/jobs/trials.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/jobs/jobs_state.h"

void jobs_watch_trials(struct jobs *jobs, void (*watch)(void *context, const char *search), void *context)
{
    pthread_mutex_lock(&jobs->watch_lock);
    jobs->watch = watch;
    jobs->watcher = context;
    pthread_mutex_unlock(&jobs->watch_lock);
}

enum ep_status jobs_write_search(struct jobs *jobs, const struct store_search *search, struct ep_error *error)
{
    return store_write_search(jobs->store, search, error);
}

enum ep_status jobs_load_searches(struct jobs *jobs,
                                  enum ep_status (*visit)(void *context, const struct store_search *search,
                                                          struct ep_error *error),
                                  void *context, struct ep_error *error)
{
    return store_load_searches(jobs->store, visit, context, error);
}

/* Promises ids, and that there will be room. The caller has the lock. */
static enum ep_status promise(struct jobs *jobs, struct entry *const *entries, size_t count,
                              struct ep_error *error)
{
    size_t waiting = 0;
    for (size_t i = 1; i < jobs->party_count; i++) {
        waiting += jobs->parties[i]->queued.count;
    }
    if (jobs->stopping) {
        return ep_fail(error, EP_UNAVAILABLE, "the server is stopping");
    }
    if (waiting + count > JOBS_TRIALS_WAITING_MAX) {
        return ep_fail(error, EP_UNAVAILABLE, "%zu trials are waiting, and at most %d may", waiting,
                       JOBS_TRIALS_WAITING_MAX);
    }
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < count && status == EP_OK; i++) {
        status = ep_id_create(&jobs->sequence, entries[i]->job.id, error);
    }
    return status;
}

static enum ep_status draft_entry(const struct jobs *jobs, const struct jobs_trial_draft *draft,
                                  struct data_info *info, struct entry **entry, struct ep_error *error)
{
    struct job job = {
        .spec = draft->spec,
        .trial = draft->trial,
        .best = job_no_best,
        .cost_test = NAN,
        .accuracy_test = NAN,
        .axes_variance = NAN,
        .created_at = ep_clock_wall_ms(),
    };
    memcpy(job.spec_digest, draft->digest, sizeof job.spec_digest);
    const enum ep_status status = job_move(&job, JOB_QUEUED, job.created_at, "", error);
    *entry = status == EP_OK ? entry_create(&job) : NULL;
    if (*entry == NULL) {
        job_done(&job);
        return ep_fail(error, EP_NO_MEMORY, "no memory for another trial");
    }
    (*entry)->hold = draft->hold;
    jobs_weigh(jobs, *entry, info);
    return EP_OK;
}

static enum ep_status store_entries(const struct jobs *jobs, struct entry *const *entries, size_t count,
                                    struct ep_error *error)
{
    const struct job **added = ep_allocate(count, sizeof(struct job *));
    if (added == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to store %zu trials", count);
    }
    for (size_t i = 0; i < count; i++) {
        added[i] = &entries[i]->job;
    }
    const enum ep_status status = store_insert_all(jobs->store, added, count, error);
    free(added);
    return status;
}

/* Makes stored entries visible; those for which memory is short come with the next start. */
static size_t place(struct jobs *jobs, struct entry **entries, size_t count, struct ep_error *error)
{
    size_t placed = 0;
    pthread_mutex_lock(&jobs->lock);
    while (placed < count && jobs_place(jobs, entries[placed], error) == EP_OK) {
        party_queue(jobs, entries[placed]);
        placed++;
    }
    jobs->estimated = 0;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
    return placed;
}

static enum ep_status add_entries(struct jobs *jobs, const struct jobs_trial_draft *drafts,
                                  struct entry **entries, size_t count, size_t *placed,
                                  struct ep_error *error)
{
    struct data_info info = {0};
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < count && status == EP_OK; i++) {
        status = draft_entry(jobs, &drafts[i], &info, &entries[i], error);
    }
    if (status == EP_OK) {
        pthread_mutex_lock(&jobs->lock);
        status = promise(jobs, entries, count, error);
        pthread_mutex_unlock(&jobs->lock);
    }
    if (status == EP_OK) {
        status = store_entries(jobs, entries, count, error);
    }
    if (status == EP_OK) {
        *placed = place(jobs, entries, count, error);
        status = *placed == count ? EP_OK : EP_NO_MEMORY;
    }
    return status;
}

enum ep_status jobs_create_trials(struct jobs *jobs, const struct jobs_trial_draft *drafts, size_t count,
                                  struct ep_error *error)
{
    struct entry **entries = ep_allocate(count, sizeof(struct entry *));
    size_t placed = 0;
    if (entries == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for %zu trials", count);
    }
    const enum ep_status status = add_entries(jobs, drafts, entries, count, &placed, error);
    for (size_t i = placed; i < count; i++) {
        entry_destroy(entries[i]);
    }
    free(entries);
    return status;
}

void jobs_visit_trials(struct jobs *jobs, const char *search,
                       void (*visit)(void *context, const struct jobs_trial *trial), void *context)
{
    pthread_mutex_lock(&jobs->lock);
    const struct party *party = party_find(jobs, search);
    for (size_t i = 0; party != NULL && i < party->trials.count; i++) {
        const struct entry *entry = party->trials.entries[i];
        const struct jobs_trial trial = {
            .job = &entry->job,
            .steps = atomic_load(&entry->steps),
            .hold = entry->hold,
            .waits = entry->job.state == JOB_RUNNING && !entry->over && entry->hold > 0 &&
                     entry->row_count >= entry->hold,
        };
        visit(context, &trial);
    }
    pthread_mutex_unlock(&jobs->lock);
}

double jobs_trials_remaining(struct jobs *jobs, const char *search)
{
    pthread_mutex_lock(&jobs->lock);
    const struct party *party = party_find(jobs, search);
    const double seconds = party == NULL ? 0 : jobs_party_remaining(jobs, party);
    pthread_mutex_unlock(&jobs->lock);
    return seconds;
}

void jobs_let_trials_on(struct jobs *jobs, char (*ids)[EP_ID_TEXT], size_t count, uint64_t hold)
{
    pthread_mutex_lock(&jobs->lock);
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = table_find(&jobs->all, ids[i]);
        if (entry != NULL) {
            entry->hold = hold;
        }
    }
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
}

/* What is to be done with trials that have not ended. */
struct ending {
    uint64_t cut_epoch; /* 0: they are cancelled, not cut */
    const char *reason;
};

/* A trial that nobody is at, or that was cut, has ended at once; another is asked to. */
static enum ep_status draft_ending(struct jobs *jobs, struct entry *entry, const struct ending *ending,
                                   struct jobs_change *change, struct ep_error *error)
{
    enum ep_status status = jobs_draft(jobs, entry, change, error);
    pthread_mutex_lock(&jobs->lock);
    const bool runs = entry->job.state == JOB_RUNNING && entry->unit != NULL && entry->unit->taken;
    pthread_mutex_unlock(&jobs->lock);
    change->next.trial.cut_epoch = ending->cut_epoch;
    change->next.cancel_requested = ending->cut_epoch == 0;
    if (status == EP_OK && (!runs || ending->cut_epoch > 0)) {
        status = jobs_draft_move(change, JOB_CANCELLED, ending->reason, error);
    }
    return status;
}

static enum ep_status end_held(struct jobs *jobs, struct entry *const *entries, size_t count,
                               const struct ending *ending, struct ep_error *error)
{
    struct jobs_change *changes = ep_allocate(count, sizeof *changes);
    if (changes == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to end %zu trials", count);
    }
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < count && status == EP_OK; i++) {
        status = draft_ending(jobs, entries[i], ending, &changes[i], error);
    }
    if (status == EP_OK) {
        status = jobs_commit(jobs, changes, count, error);
    } else {
        for (size_t i = 0; i < count; i++) {
            job_done(&changes[i].next);
        }
    }
    for (size_t i = 0; i < count && status == EP_OK; i++) {
        atomic_store(&entries[i]->stop, true);
    }
    free(changes);
    return status;
}

/* Ends those of the trials that have not ended; ids rising. */
static enum ep_status end_trials(struct jobs *jobs, char (*ids)[EP_ID_TEXT], size_t count,
                                 const struct ending *ending, struct ep_error *error)
{
    struct entry **held = ep_allocate(count, sizeof(struct entry *));
    size_t found = 0;
    if (held == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to end %zu trials", count);
    }
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = jobs_hold(jobs, ids[i]);
        if (entry != NULL && !job_state_final(entry->job.state) && !entry->job.cancel_requested) {
            held[found++] = entry;
        } else if (entry != NULL) {
            jobs_let_go(jobs, entry);
        }
    }
    const enum ep_status status = found == 0 ? EP_OK : end_held(jobs, held, found, ending, error);
    for (size_t i = 0; i < found; i++) {
        jobs_let_go(jobs, held[i]);
    }
    free(held);
    return status;
}

enum ep_status jobs_cut_trials(struct jobs *jobs, char (*ids)[EP_ID_TEXT], size_t count, uint64_t epoch,
                               const char *reason, struct ep_error *error)
{
    const struct ending ending = {.cut_epoch = epoch, .reason = reason};
    return end_trials(jobs, ids, count, &ending, error);
}

enum ep_status jobs_cancel_trials(struct jobs *jobs, const char *search, const char *reason,
                                  struct ep_error *error)
{
    const struct ending ending = {.reason = reason};
    pthread_mutex_lock(&jobs->lock);
    const struct party *party = party_find(jobs, search);
    const size_t most = party == NULL ? 0 : party->trials.count;
    char(*ids)[EP_ID_TEXT] = ep_allocate(most, sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; i < most && ids != NULL; i++) {
        const struct job *job = &party->trials.entries[i]->job;
        if (!job_state_final(job->state)) {
            memcpy(ids[count++], job->id, EP_ID_TEXT);
        }
    }
    pthread_mutex_unlock(&jobs->lock);
    if (ids == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to cancel %zu trials", most);
    }
    const enum ep_status status = end_trials(jobs, ids, count, &ending, error);
    free(ids);
    return status;
}

void jobs_pause_trials(struct jobs *jobs, const char *search, bool paused)
{
    pthread_mutex_lock(&jobs->lock);
    struct party *party = party_of(jobs, search);
    if (party != NULL) {
        party->paused = paused;
    }
    jobs->estimated = 0;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
}

/* Waits until no unit of the party is left, and nobody holds a trial. The caller has the lock. */
static void await_others(struct jobs *jobs, const struct party *party)
{
    bool any = true;
    while (any && !jobs->stopping) {
        any = false;
        for (size_t i = 0; i < jobs->unit_count; i++) {
            any = any || jobs->units[i]->party == party;
        }
        for (size_t i = 0; i < party->trials.count; i++) {
            any = any || party->trials.entries[i]->held;
        }
        if (any) {
            pthread_cond_wait(&jobs->changed, &jobs->lock);
        }
    }
}

static void hold_all(const struct party *party, bool held)
{
    for (size_t i = 0; i < party->trials.count; i++) {
        party->trials.entries[i]->held = held;
    }
}

/* Whether all trials have ended; then nobody is at them any more, and all are held. The caller has the lock.
 */
static bool is_over(struct jobs *jobs, const struct party *party)
{
    for (size_t i = 0; i < party->trials.count; i++) {
        if (!job_state_final(party->trials.entries[i]->job.state)) {
            return false;
        }
    }
    await_others(jobs, party);
    hold_all(party, true);
    return true;
}

/* Takes a party that is over out of memory, with its jobs. The caller has the lock. */
static void drop_party(struct jobs *jobs, struct party *party)
{
    size_t kept = 0;
    for (size_t i = 0; i < jobs->all.count; i++) {
        struct entry *entry = jobs->all.entries[i];
        if (entry->party == party) {
            jobs->by_state[entry->job.state]--;
            entry_destroy(entry);
        } else {
            jobs->all.entries[kept++] = entry;
        }
    }
    jobs->all.count = kept;
    party_drop(jobs, party);
}

enum ep_status jobs_delete_trials(struct jobs *jobs, const char *search, struct ep_error *error)
{
    pthread_mutex_lock(&jobs->lock);
    struct party *party = party_find(jobs, search);
    const bool over = party == NULL || is_over(jobs, party);
    pthread_mutex_unlock(&jobs->lock);
    if (!over) {
        return ep_fail(error, EP_CONFLICT, "trials of search %s have not ended yet; cancel it first", search);
    }
    const enum ep_status status = store_delete_search(jobs->store, search, error);
    if (party != NULL) {
        pthread_mutex_lock(&jobs->lock);
        if (status == EP_OK) {
            drop_party(jobs, party);
        } else {
            hold_all(party, false);
        }
        pthread_cond_broadcast(&jobs->changed);
        pthread_mutex_unlock(&jobs->lock);
    }
    return status;
}
