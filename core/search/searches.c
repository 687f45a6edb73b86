#include "core/search/searches.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/search/record.h"

enum { RECORDS_MOST = 10000, RUNNING_MOST = 256, TICK_MS = 1000 };

static const char *const state_names[SEARCH_STATES] = {
    [SEARCH_RUNNING] = "running", [SEARCH_PAUSED] = "paused",       [SEARCH_SUCCEEDED] = "succeeded",
    [SEARCH_FAILED] = "failed",   [SEARCH_CANCELLED] = "cancelled",
};

const char *search_state_name(enum search_state state)
{
    return (unsigned)state < SEARCH_STATES ? state_names[state] : "unknown";
}

bool search_state_parse(const char *name, enum search_state *state)
{
    for (unsigned i = 0; i < SEARCH_STATES; i++) {
        if (strcmp(state_names[i], name) == 0) {
            *state = (enum search_state)i;
            return true;
        }
    }
    return false;
}

bool search_state_final(enum search_state state)
{
    return state != SEARCH_RUNNING && state != SEARCH_PAUSED;
}

enum ep_status searches_not_found(const char *id, struct ep_error *error)
{
    return ep_fail(error, EP_NOT_FOUND, "there is no search %s", id);
}

/* Index of the first record whose id is not below `id`. The caller has the lock. */
static size_t seek(const struct searches *searches, const char *id)
{
    size_t low = 0;
    size_t high = searches->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(searches->records[middle]->id, id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct record *searches_find(const struct searches *searches, const char *id)
{
    const size_t at = seek(searches, id);
    return at < searches->count && strcmp(searches->records[at]->id, id) == 0 ? searches->records[at] : NULL;
}

/* Waits until nobody else holds the record, and holds it; NULL when there is none. */
struct record *searches_hold(struct searches *searches, const char *id)
{
    pthread_mutex_lock(&searches->lock);
    struct record *record = searches_find(searches, id);
    while (record != NULL && record->held) {
        pthread_cond_wait(&searches->changed, &searches->lock);
        record = searches_find(searches, id);
    }
    if (record != NULL) {
        record->held = true;
    }
    pthread_mutex_unlock(&searches->lock);
    return record;
}

void searches_let_go(struct searches *searches, struct record *record)
{
    pthread_mutex_lock(&searches->lock);
    record->held = false;
    pthread_cond_broadcast(&searches->changed);
    pthread_mutex_unlock(&searches->lock);
}

void record_destroy(struct record *record)
{
    if (record != NULL) {
        search_definition_done(&record->definition);
        for (size_t s = 0; s < record->known; s++) {
            search_stage_done(&record->stages[s]);
        }
        free(record->banks);
        free(record);
    }
}

/* Room for one more. The caller has the lock. */
static bool make_room(struct searches *searches)
{
    if (searches->count < searches->capacity) {
        return true;
    }
    const size_t capacity = searches->capacity == 0 ? 16 : 2 * searches->capacity;
    struct record **longer = reallocarray(searches->records, capacity, sizeof(struct record *));
    if (longer == NULL) {
        return false;
    }
    searches->records = longer;
    searches->capacity = capacity;
    return true;
}

/* Wakes the thread for a search whose trials have changed. */
void searches_wake(void *context, const char *id)
{
    struct searches *searches = context;
    pthread_mutex_lock(&searches->lock);
    struct record *record = searches_find(searches, id);
    if (record != NULL) {
        record->awake = true;
        pthread_cond_broadcast(&searches->changed);
    }
    pthread_mutex_unlock(&searches->lock);
}

/* A record that is to be looked at and that nobody holds, or NULL. The caller has the lock. */
static struct record *next_awake(const struct searches *searches)
{
    for (size_t i = 0; i < searches->count; i++) {
        if (searches->records[i]->awake && !searches->records[i]->held) {
            return searches->records[i];
        }
    }
    return NULL;
}

/* Time passes, and what the store refused may work now: those that run are looked at all the same. */
static void wake_all(struct searches *searches)
{
    for (size_t i = 0; i < searches->count; i++) {
        struct record *record = searches->records[i];
        record->awake = record->awake || record->state == SEARCH_RUNNING;
    }
}

static void wait_a_while(struct searches *searches)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TICK_MS / 1000;
    if (pthread_cond_timedwait(&searches->changed, &searches->lock, &until) != 0) {
        wake_all(searches);
    }
}

static void *drive(void *context)
{
    struct searches *searches = context;
    pthread_mutex_lock(&searches->lock);
    while (!searches->stopping) {
        struct record *record = next_awake(searches);
        if (record == NULL) {
            wait_a_while(searches);
            continue;
        }
        record->awake = false;
        record->held = true;
        pthread_mutex_unlock(&searches->lock);
        record_advance(searches, record);
        pthread_mutex_lock(&searches->lock);
        record->held = false;
        pthread_cond_broadcast(&searches->changed);
    }
    pthread_mutex_unlock(&searches->lock);
    return NULL;
}

static enum ep_status adopt(void *context, const struct store_search *stored, struct ep_error *error)
{
    struct searches *searches = context;
    struct record *record = ep_allocate(1, sizeof *record);
    if (record == NULL || !make_room(searches)) {
        free(record);
        return ep_fail(error, EP_NO_MEMORY, "no memory for the stored searches");
    }
    memcpy(record->id, stored->id, sizeof record->id);
    memcpy(record->reason, stored->reason, sizeof record->reason);
    record->created_at = stored->created_at;
    record->finished_at = stored->finished_at;
    record->seconds = stored->seconds;
    if (!search_state_parse(stored->state, &record->state)) {
        record_destroy(record);
        return ep_fail(error, EP_CORRUPT, "search %s is stored in a state that there is not", stored->id);
    }
    const enum ep_status status = searches->options.decode(stored->definition, &record->definition, error);
    if (status != EP_OK) {
        record_destroy(record);
        return status;
    }
    searches->records[searches->count++] = record;
    searches->sequence = ep_id_sequence(record->id);
    return EP_OK;
}

static enum ep_status recover(struct searches *searches, struct ep_error *error)
{
    enum ep_status status = jobs_load_searches(searches->options.jobs, adopt, searches, error);
    for (size_t i = 0; i < searches->count && status == EP_OK; i++) {
        struct record *record = searches->records[i];
        status = record_recover(searches, record, error);
        record->awake = true;
        record->since = record->state == SEARCH_RUNNING ? ep_clock_seconds() : 0;
        jobs_pause_trials(searches->options.jobs, record->id, record->state == SEARCH_PAUSED);
    }
    return status;
}

static bool make_locks(struct searches *searches)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&searches->lock, NULL);
    pthread_cond_init(&searches->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return true;
}

enum ep_status searches_open(const struct searches_options *options, struct searches **searches,
                             struct ep_error *error)
{
    struct jobs_load load;
    struct searches *made = ep_allocate(1, sizeof *made);
    if (made == NULL || !make_locks(made)) {
        free(made);
        return ep_fail(error, EP_NO_MEMORY, "no memory for the searches");
    }
    jobs_read_load(options->jobs, &load);
    made->options = *options;
    made->workers = load.workers;
    made->memory_limit = load.memory_limit;
    enum ep_status status = recover(made, error);
    if (status == EP_OK) {
        jobs_watch_trials(options->jobs, searches_wake, made);
        const int code = pthread_create(&made->thread, NULL, drive, made);
        made->started = code == 0;
        status = code == 0 ? EP_OK : ep_fail_errno(error, EP_UNAVAILABLE, code, "cannot start the searches");
    }
    if (status != EP_OK) {
        searches_close(made);
        return status;
    }
    *searches = made;
    return EP_OK;
}

void searches_close(struct searches *searches)
{
    if (searches == NULL) {
        return;
    }
    jobs_watch_trials(searches->options.jobs, NULL, NULL);
    pthread_mutex_lock(&searches->lock);
    searches->stopping = true;
    pthread_cond_broadcast(&searches->changed);
    pthread_mutex_unlock(&searches->lock);
    if (searches->started) {
        pthread_join(searches->thread, NULL);
    }
    for (size_t i = 0; i < searches->count; i++) {
        struct record *record = searches->records[i];
        struct ep_error error;
        /* How long it ran is known at the next start; if that is lost, it was a little less. */
        if (searches->started && record->since > 0 &&
            record_move(searches, record, record->state, record->reason, &error) != EP_OK &&
            searches->options.on_fault != NULL) {
            searches->options.on_fault(searches->options.context, record->id, &error);
        }
        record_destroy(record);
    }
    free(searches->records);
    pthread_cond_destroy(&searches->changed);
    pthread_mutex_destroy(&searches->lock);
    free(searches);
}

enum ep_status searches_snapshot(struct searches *searches, const struct record *record,
                                 struct search *search, struct ep_error *error)
{
    pthread_mutex_lock(&searches->lock);
    const enum ep_status status = record_snapshot(searches, record, search, error);
    pthread_mutex_unlock(&searches->lock);
    return status;
}

/* Whether another search may run. The caller has the lock. */
static enum ep_status admit(const struct searches *searches, struct ep_error *error)
{
    size_t running = 0;
    for (size_t i = 0; i < searches->count; i++) {
        running += !search_state_final(searches->records[i]->state);
    }
    if (searches->stopping) {
        return ep_fail(error, EP_UNAVAILABLE, "the server is stopping");
    }
    if (running >= RUNNING_MOST) {
        return ep_fail(error, EP_UNAVAILABLE,
                       "%zu searches are under way, which is as many as may; try later", running);
    }
    if (searches->count >= RECORDS_MOST) {
        return ep_fail(error, EP_UNAVAILABLE, "there are %zu searches; delete some first", searches->count);
    }
    return EP_OK;
}

static enum ep_status make_record(struct searches *searches, const struct search_definition *definition,
                                  struct record **record, struct ep_error *error)
{
    *record = ep_allocate(1, sizeof **record);
    if (*record == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for another search");
    }
    (*record)->created_at = ep_clock_wall_ms();
    (*record)->held = true;
    enum ep_status status = search_definition_copy(definition, &(*record)->definition, error);
    pthread_mutex_lock(&searches->lock);
    if (status == EP_OK) {
        status = admit(searches, error);
    }
    if (status == EP_OK) {
        status = ep_id_create(&searches->sequence, (*record)->id, error);
    }
    pthread_mutex_unlock(&searches->lock);
    return status;
}

/* Makes a stored record visible, held; false when memory is short. */
static bool insert(struct searches *searches, struct record *record)
{
    pthread_mutex_lock(&searches->lock);
    const bool room = make_room(searches);
    if (room) {
        const size_t at = seek(searches, record->id);
        memmove(&searches->records[at + 1], &searches->records[at],
                (searches->count - at) * sizeof(struct record *));
        searches->records[at] = record;
        searches->count++;
    }
    pthread_mutex_unlock(&searches->lock);
    return room;
}

enum ep_status searches_create(struct searches *searches, const struct search_definition *definition,
                               struct search *search, struct ep_error *error)
{
    struct record *record = NULL;
    *search = (struct search){0};
    enum ep_status status = make_record(searches, definition, &record, error);
    if (status == EP_OK) {
        status = record_move(searches, record, SEARCH_RUNNING, "", error);
    }
    if (status == EP_OK && !insert(searches, record)) {
        status = ep_fail(error, EP_NO_MEMORY, "no memory for another search");
    }
    if (status != EP_OK) {
        record_destroy(record);
        return status;
    }
    /* So that the answer can say how the first trials are grouped. */
    record_advance(searches, record);
    status = searches_snapshot(searches, record, search, error);
    searches_let_go(searches, record);
    searches_wake(searches, record->id);
    return status;
}

enum ep_status searches_get(struct searches *searches, const char *id, struct search *search,
                            struct ep_error *error)
{
    *search = (struct search){0};
    pthread_mutex_lock(&searches->lock);
    const struct record *record = searches_find(searches, id);
    const enum ep_status status =
        record == NULL ? searches_not_found(id, error) : record_snapshot(searches, record, search, error);
    pthread_mutex_unlock(&searches->lock);
    return status;
}

enum ep_status searches_read_trials(struct searches *searches, const char *id, struct search_trials *trials,
                                    struct ep_error *error)
{
    *trials = (struct search_trials){0};
    pthread_mutex_lock(&searches->lock);
    const struct record *record = searches_find(searches, id);
    const enum ep_status status =
        record == NULL ? searches_not_found(id, error) : record_read_trials(searches, record, trials, error);
    pthread_mutex_unlock(&searches->lock);
    return status;
}

enum ep_status searches_list(struct searches *searches, unsigned states, const char *before, size_t limit,
                             struct searches_page *page, struct ep_error *error)
{
    *page = (struct searches_page){.items = ep_allocate(limit, sizeof *page->items)};
    if (page->items == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to list %zu searches", limit);
    }
    enum ep_status status = EP_OK;
    bool more = false;
    pthread_mutex_lock(&searches->lock);
    size_t i = before == NULL ? searches->count : seek(searches, before);
    while (i > 0 && status == EP_OK && !more) {
        const struct record *record = searches->records[--i];
        if (states != 0 && (states >> record->state & 1U) == 0) {
            continue;
        }
        more = page->count == limit;
        if (!more) {
            status = record_snapshot(searches, record, &page->items[page->count], error);
            page->count += status == EP_OK;
        }
    }
    pthread_mutex_unlock(&searches->lock);
    if (status != EP_OK) {
        searches_page_done(page);
    } else if (more) {
        memcpy(page->next, page->items[page->count - 1].id, sizeof page->next);
    }
    return status;
}

void searches_page_done(struct searches_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        search_done(&page->items[i]);
    }
    free(page->items);
    *page = (struct searches_page){0};
}
