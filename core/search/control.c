#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/search/record.h"

/* What clients do to searches. */

static enum ep_status ended(const struct record *record, const char *what, struct ep_error *error)
{
    return ep_fail(error, EP_CONFLICT, "search %s has %s and cannot be %s any more", record->id,
                   record->state == SEARCH_CANCELLED ? "been cancelled" : search_state_name(record->state),
                   what);
}

/* Does something to a held record, and takes a snapshot. */
static enum ep_status control(struct searches *searches, const char *id,
                              enum ep_status (*act)(struct searches *, struct record *, struct ep_error *),
                              struct search *search, struct ep_error *error)
{
    *search = (struct search){0};
    struct record *record = searches_hold(searches, id);
    if (record == NULL) {
        return searches_not_found(id, error);
    }
    enum ep_status status = act(searches, record, error);
    if (status == EP_OK) {
        status = searches_snapshot(searches, record, search, error);
    }
    searches_let_go(searches, record);
    searches_wake(searches, id);
    return status;
}

static enum ep_status cancel(struct searches *searches, struct record *record, struct ep_error *error)
{
    if (record->state == SEARCH_CANCELLED) {
        return EP_OK;
    }
    if (search_state_final(record->state)) {
        return ended(record, "cancelled", error);
    }
    enum ep_status status = record_move(searches, record, SEARCH_CANCELLED, "cancelled by request", error);
    if (status == EP_OK) {
        status = jobs_cancel_trials(searches->options.jobs, record->id, "its search was cancelled", error);
    }
    jobs_pause_trials(searches->options.jobs, record->id, false);
    return status;
}

enum ep_status searches_cancel(struct searches *searches, const char *id, struct search *search,
                               struct ep_error *error)
{
    return control(searches, id, cancel, search, error);
}

static enum ep_status pause_it(struct searches *searches, struct record *record, struct ep_error *error)
{
    if (search_state_final(record->state)) {
        return ended(record, "paused", error);
    }
    enum ep_status status = EP_OK;
    if (record->state != SEARCH_PAUSED) {
        status = record_move(searches, record, SEARCH_PAUSED, "paused by request", error);
    }
    if (status == EP_OK) {
        jobs_pause_trials(searches->options.jobs, record->id, true);
    }
    return status;
}

enum ep_status searches_pause(struct searches *searches, const char *id, struct search *search,
                              struct ep_error *error)
{
    return control(searches, id, pause_it, search, error);
}

static enum ep_status resume(struct searches *searches, struct record *record, struct ep_error *error)
{
    if (search_state_final(record->state)) {
        return ended(record, "resumed", error);
    }
    enum ep_status status = EP_OK;
    if (record->state == SEARCH_PAUSED) {
        status = record_move(searches, record, SEARCH_RUNNING, "", error);
    }
    if (status == EP_OK) {
        jobs_pause_trials(searches->options.jobs, record->id, false);
    }
    return status;
}

enum ep_status searches_resume(struct searches *searches, const char *id, struct search *search,
                               struct ep_error *error)
{
    return control(searches, id, resume, search, error);
}

/* A definition with one more stage. */
static enum ep_status with_stage(const struct search_definition *from, const struct search_stage *stage,
                                 struct search_definition *to, struct ep_error *error)
{
    enum ep_status status = search_definition_copy(from, to, error);
    if (status != EP_OK) {
        return status;
    }
    struct search_stage *longer = reallocarray(to->stages, to->stage_count + 1, sizeof *longer);
    if (longer == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for another stage");
    }
    to->stages = longer;
    status = search_stage_copy(stage, &to->stages[to->stage_count], error);
    to->stage_count += status == EP_OK;
    return status;
}

/* The search goes on as if the stage had been there from the beginning. */
static enum ep_status extend(struct searches *searches, struct record *record,
                             const struct search_stage *stage, struct ep_error *error)
{
    struct search_definition longer = {.stage_count = 0};
    struct search_definition old = record->definition;
    enum ep_status status = with_stage(&record->definition, stage, &longer, error);
    if (status == EP_OK) {
        pthread_mutex_lock(&searches->lock);
        record->definition = longer;
        record->ending[0] = '\0';
        pthread_mutex_unlock(&searches->lock);
        const bool over = search_state_final(record->state);
        status = record_move(searches, record, over ? SEARCH_RUNNING : record->state, "", error);
    }
    if (status != EP_OK) {
        pthread_mutex_lock(&searches->lock);
        record->definition = old;
        pthread_mutex_unlock(&searches->lock);
        old = longer;
    }
    search_definition_done(&old);
    return status;
}

enum ep_status searches_extend(struct searches *searches, const char *id, const struct search_stage *stage,
                               struct search *search, struct ep_error *error)
{
    *search = (struct search){0};
    struct record *record = searches_hold(searches, id);
    enum ep_status status = EP_OK;
    if (record == NULL) {
        return searches_not_found(id, error);
    }
    if (record->state == SEARCH_CANCELLED) {
        status = ended(record, "extended", error);
    } else if (record->definition.stage_count >= SEARCH_STAGES_MAX) {
        status = ep_fail(error, EP_INVALID, "a search has at most %d stages", SEARCH_STAGES_MAX);
    } else {
        status = extend(searches, record, stage, error);
    }
    if (status == EP_OK) {
        record_advance(searches, record);
        status = searches_snapshot(searches, record, search, error);
    }
    searches_let_go(searches, record);
    searches_wake(searches, id);
    return status;
}

/* Takes a held record out of memory. */
static void drop(struct searches *searches, struct record *record)
{
    pthread_mutex_lock(&searches->lock);
    size_t at = 0;
    while (searches->records[at] != record) {
        at++;
    }
    searches->count--;
    memmove(&searches->records[at], &searches->records[at + 1],
            (searches->count - at) * sizeof(struct record *));
    pthread_cond_broadcast(&searches->changed);
    pthread_mutex_unlock(&searches->lock);
    record_destroy(record);
}

enum ep_status searches_delete(struct searches *searches, const char *id, struct ep_error *error)
{
    struct record *record = searches_hold(searches, id);
    enum ep_status status = EP_OK;
    if (record == NULL) {
        return searches_not_found(id, error);
    }
    if (!search_state_final(record->state)) {
        status = ep_fail(error, EP_CONFLICT, "search %s is %s; cancel it first", id,
                         search_state_name(record->state));
    } else {
        status = jobs_delete_trials(searches->options.jobs, id, error);
    }
    if (status == EP_OK) {
        drop(searches, record);
    } else {
        searches_let_go(searches, record);
    }
    return status;
}
