#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/search/record.h"

/* What follows from how the trials of a search stand. Nothing is remembered that a restart would lose. */

static void tell_fault(const struct searches *searches, const struct record *record,
                       const struct ep_error *error)
{
    if (searches->options.on_fault != NULL) {
        searches->options.on_fault(searches->options.context, record->id, error);
    }
}

static enum ep_status store_record(struct searches *searches, const struct record *record,
                                   enum search_state state, const char *reason, int64_t finished_at,
                                   struct ep_error *error)
{
    char *definition = searches->options.encode(&record->definition);
    struct store_search stored = {
        .created_at = record->created_at,
        .finished_at = finished_at,
        .seconds = record_seconds(record),
        .definition = definition,
    };
    if (definition == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to store search %s", record->id);
    }
    memcpy(stored.id, record->id, sizeof stored.id);
    snprintf(stored.state, sizeof stored.state, "%s", search_state_name(state));
    snprintf(stored.reason, sizeof stored.reason, "%s", reason);
    const enum ep_status status = jobs_write_search(searches->options.jobs, &stored, error);
    free(definition);
    return status;
}

enum ep_status record_move(struct searches *searches, struct record *record, enum search_state state,
                           const char *reason, struct ep_error *error)
{
    const int64_t finished_at = search_state_final(state) ? ep_clock_wall_ms() : 0;
    const bool changes = state != record->state;
    const enum ep_status status = store_record(searches, record, state, reason, finished_at, error);
    if (status != EP_OK) {
        return status;
    }
    pthread_mutex_lock(&searches->lock);
    record->seconds = record_seconds(record);
    record->since = state == SEARCH_RUNNING ? ep_clock_seconds() : 0;
    record->state = state;
    record->finished_at = finished_at;
    snprintf(record->reason, sizeof record->reason, "%s", reason);
    pthread_mutex_unlock(&searches->lock);
    if (changes && searches->options.on_state != NULL) {
        searches->options.on_state(searches->options.context, record->id, state, reason);
    }
    return EP_OK;
}

/* The search ends with what there is; its reason is told when its trials have ended. */
static void end_with(struct searches *searches, struct record *record, const char *reason)
{
    struct ep_error error;
    if (record->ending[0] == '\0') {
        pthread_mutex_lock(&searches->lock);
        snprintf(record->ending, sizeof record->ending, "%s", reason);
        pthread_mutex_unlock(&searches->lock);
    }
    if (jobs_cancel_trials(searches->options.jobs, record->id, record->ending, &error) != EP_OK) {
        tell_fault(searches, record, &error);
    }
}

/* Whether it has what it was after, or no more time. */
static void check_ends(struct searches *searches, struct record *record, const struct views *views)
{
    const struct search_settings *settings = &record->definition.settings;
    const struct view *best = views_best(record, views, SEARCH_STAGES_MAX);
    char reason[JOB_REASON_MAX + 1];
    if (record->ending[0] != '\0') {
        return;
    }
    if (settings->has_target && best != NULL &&
        search_loss(settings, best->trial.objective) <= search_loss(settings, settings->target)) {
        snprintf(reason, sizeof reason, "the target %.6g was reached by trial %s", settings->target,
                 best->trial.id);
        end_with(searches, record, reason);
    } else if (settings->max_seconds > 0 && record_seconds(record) >= settings->max_seconds) {
        snprintf(reason, sizeof reason, "its time of %.6g s was up", settings->max_seconds);
        end_with(searches, record, reason);
    }
}

static void finish(struct searches *searches, struct record *record, const struct views *views)
{
    struct ep_error error;
    const bool any = views_best(record, views, SEARCH_STAGES_MAX) != NULL;
    const char *none = "no trial has a value of the objective";
    const enum ep_status status =
        record_move(searches, record, any ? SEARCH_SUCCEEDED : SEARCH_FAILED,
                    record->ending[0] != '\0' || any ? record->ending : none, &error);
    if (status != EP_OK) {
        tell_fault(searches, record, &error);
    }
}

/* The next thing to do with the newest stage that is known, or the one behind it; *more: look again. */
static enum ep_status advance_stage(struct searches *searches, struct record *record,
                                    const struct views *views, bool *more, struct ep_error *error)
{
    const size_t stage = record->known - 1;
    const size_t planned = record_planned(record, stage);
    const size_t made = views_made(views, stage);
    const bool ended = views_ended(views, stage);
    if (made < planned && (record->stages[stage].method != SEARCH_TPE || ended)) {
        *more = true;
        return record_extend_stage(searches, record, stage, views, made, error);
    }
    if (made < planned || !ended) {
        return record->definition.settings.halving_first > 0
                   ? record_halve(searches, record, views, stage, error)
                   : EP_OK;
    }
    if (record->known < record->definition.stage_count && record_planned(record, record->known) > 0) {
        *more = true;
        return record_know_stage(searches, record, views, error);
    }
    finish(searches, record, views);
    return EP_OK;
}

static enum ep_status advance_once(struct searches *searches, struct record *record, bool *more,
                                   struct ep_error *error)
{
    struct views views;
    enum ep_status status = views_read(searches, record, &views, error);
    *more = false;
    if (status != EP_OK) {
        return status;
    }
    check_ends(searches, record, &views);
    if (record->ending[0] == '\0') {
        if (record->known == 0) {
            *more = true;
            status = record_know_stage(searches, record, &views, error);
        } else {
            status = advance_stage(searches, record, &views, more, error);
        }
    } else {
        bool ended = true;
        for (size_t i = 0; i < views.count; i++) {
            ended = ended && job_state_final(views.items[i].trial.state);
        }
        if (ended) {
            finish(searches, record, &views);
        }
    }
    views_done(&views);
    return status;
}

/* Trials of a search that has ended before them. */
static void end_rest(struct searches *searches, struct record *record)
{
    struct ep_error error;
    if (jobs_cancel_trials(searches->options.jobs, record->id, "its search was cancelled", &error) != EP_OK) {
        tell_fault(searches, record, &error);
    }
}

void record_advance(struct searches *searches, struct record *record)
{
    struct ep_error error;
    bool more = record->state == SEARCH_RUNNING;
    if (search_state_final(record->state)) {
        end_rest(searches, record);
    }
    while (more) {
        const enum ep_status status = advance_once(searches, record, &more, &error);
        if (status == EP_INVALID || status == EP_NOT_FOUND || status == EP_TOO_LARGE) {
            end_with(searches, record, error.text);
            more = true;
        } else if (status != EP_OK) {
            /* Such as a full disk: tried again when something happens, and every second. */
            tell_fault(searches, record, &error);
            more = false;
        }
    }
}

/* What is known of the trials' banks. */
struct survey {
    struct record *record;
    const struct data_info *info;
    enum ep_status status;
    struct ep_error *error;
};

static void survey_trial(void *context, const struct jobs_trial *trial)
{
    struct survey *survey = context;
    struct record *record = survey->record;
    struct job_cost cost;
    if (survey->status == EP_OK && job_cost_of(&trial->job->spec, survey->info, &cost, NULL) == EP_OK) {
        record->flops += cost.flops;
        survey->status = banks_count(&record->banks, &record->bank_count, trial->job->trial.stage,
                                     trial->job->trial.bank, &cost, survey->error);
    }
}

enum ep_status record_recover(struct searches *searches, struct record *record, struct ep_error *error)
{
    struct views views;
    struct data_info info;
    struct survey survey = {.record = record, .info = &info, .status = EP_OK, .error = error};
    enum ep_status status = views_read(searches, record, &views, error);
    if (status != EP_OK) {
        return status;
    }
    if (data_registry_describe(searches->options.registry, record->definition.base.dataset, &info, NULL) ==
        EP_OK) {
        jobs_visit_trials(searches->options.jobs, record->id, survey_trial, &survey);
        status = survey.status;
    }
    /* A stage is known once it has trials, and the one before it has ended then. */
    while (status == EP_OK && record->known < record->definition.stage_count &&
           views_made(&views, record->known) > 0) {
        status = record_know_stage(searches, record, &views, error);
    }
    for (size_t s = 0; s < record->known && status == EP_OK && record->definition.settings.halving_first > 0;
         s++) {
        status = record_recover_holds(searches, record, &views, s, error);
    }
    views_done(&views);
    return status;
}
