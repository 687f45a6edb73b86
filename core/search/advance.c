#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/search/record.h"
#include "core/search/tpe.h"

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
    if (searches->options.on_state != NULL) {
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

/* The spec of a job; EP_NOT_FOUND. */
static enum ep_status read_spec(const struct searches *searches, const char *id, struct job_spec *spec,
                                struct ep_error *error)
{
    struct job job;
    const enum ep_status status = jobs_get(searches->options.jobs, id, &job, error);
    if (status == EP_OK) {
        *spec = job.spec;
        job_done(&job);
    }
    return status;
}

/* Works out the values of the next stage. EP_INVALID: there is nothing that it could lie around. */
static enum ep_status know_stage(struct searches *searches, struct record *record, const struct views *views,
                                 struct ep_error *error)
{
    const size_t stage = record->known;
    const struct search_stage *given = &record->definition.stages[stage];
    struct search_stage known;
    enum ep_status status;
    if (stage == 0 || !given->around_best) {
        status = search_stage_copy(given, &known, error);
    } else {
        const struct view *best = views_best(record, views, stage - 1);
        struct job_spec spec;
        if (best == NULL) {
            return ep_fail(error, EP_INVALID, "stage %zu has no best trial for stage %zu to lie around",
                           stage - 1, stage);
        }
        status = read_spec(searches, best->trial.id, &spec, error);
        if (status == EP_OK) {
            status = search_stage_around(given, &record->stages[stage - 1], &spec, &known, error);
        }
    }
    if (status == EP_OK) {
        pthread_mutex_lock(&searches->lock);
        record->stages[record->known++] = known;
        pthread_mutex_unlock(&searches->lock);
    }
    return status;
}

/* The points of the stage's trials so far, and their losses. */
struct seen {
    const struct search_stage *stage;
    uint32_t number;
    size_t most;
    struct search_point *points; /* (most), by ordinal */
};

static void see(void *context, const struct jobs_trial *trial)
{
    const struct seen *seen = context;
    const struct job_trial *place = &trial->job->trial;
    if (place->stage == seen->number && place->ordinal < seen->most) {
        search_point_of(seen->stage, &trial->job->spec, &seen->points[place->ordinal]);
    }
}

static enum ep_status propose(struct searches *searches, const struct record *record, size_t stage,
                              const struct views *views, size_t made, size_t count,
                              struct search_point *proposals, struct ep_error *error)
{
    struct seen seen = {.stage = &record->stages[stage], .number = (uint32_t)stage, .most = made};
    double *losses = ep_allocate(made, sizeof *losses);
    seen.points = ep_allocate(made, sizeof *seen.points);
    enum ep_status status = EP_OK;
    if (losses == NULL || seen.points == NULL) {
        status = ep_fail(error, EP_NO_MEMORY, "no memory to propose trials");
    } else {
        for (size_t i = 0; i < views->count; i++) {
            const struct search_trial *trial = &views->items[i].trial;
            if (trial->stage == stage && trial->ordinal < made) {
                losses[trial->ordinal] = search_loss(&record->definition.settings, trial->objective);
            }
        }
        jobs_visit_trials(searches->options.jobs, record->id, see, &seen);
        status = search_tpe_propose(seen.stage, seen.points, losses, made, made, count, proposals, error);
    }
    free(losses);
    free(seen.points);
    return status;
}

/* Adds the trials of a stage that may be made now: all, or the next few of a sampler that looks at results. */
static enum ep_status extend_stage(struct searches *searches, struct record *record, size_t stage,
                                   const struct views *views, size_t made, struct ep_error *error)
{
    const struct search_stage *known = &record->stages[stage];
    const size_t planned = record_planned(record, stage);
    const bool looks = known->method == SEARCH_TPE;
    const size_t left = planned - made;
    const size_t count = looks && left > known->batch ? (size_t)known->batch : left;
    struct search_point *points = ep_allocate(count, sizeof *points);
    enum ep_status status = EP_OK;
    if (points == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for %zu trials", count);
    }
    for (size_t i = 0; i < count && !looks; i++) {
        if (known->method == SEARCH_GRID) {
            search_grid_point(known, made + i, &points[i]);
        } else {
            search_random_point(known, made + i, &points[i]);
        }
    }
    if (looks) {
        status = propose(searches, record, stage, views, made, count, points, error);
    }
    if (status == EP_OK) {
        status = record_add_trials(searches, record, stage, made, count, points, error);
    }
    free(points);
    return status;
}

/* Trials of one bracket that have come to a rung. */
struct rung {
    uint64_t epoch, next; /* next: epochs of the one above; 0: the end */
    size_t count;
    double *losses;            /* (count) */
    bool *cut;                 /* (count) */
    const struct view **views; /* (count), by age */
};

static bool rung_allocate(struct rung *rung, size_t most)
{
    rung->losses = ep_allocate(most, sizeof *rung->losses);
    rung->cut = ep_allocate(most, sizeof *rung->cut);
    rung->views = ep_allocate(most, sizeof *rung->views);
    return rung->losses != NULL && rung->cut != NULL && rung->views != NULL;
}

static void rung_done(struct rung *rung)
{
    free(rung->losses);
    free(rung->cut);
    free(rung->views);
}

/* Whether a trial has been let on beyond a rung. */
static bool is_beyond(const struct view *view, uint64_t epoch)
{
    return !job_state_final(view->trial.state) && (view->hold == 0 || view->hold > epoch);
}

enum rung_state { RUNG_OPEN, RUNG_READY, RUNG_DECIDED };

/* Collects the trials of a bracket that were not cut below the rung, and says whether it can be judged. */
static enum rung_state look_at_rung(const struct record *record, const struct views *views, size_t stage,
                                    size_t bracket, struct rung *rung)
{
    const struct search_settings *settings = &record->definition.settings;
    const struct search_halving halving = search_halving_of(settings);
    const size_t planned = record_planned(record, stage);
    enum rung_state state = RUNG_READY;
    bool any = false;
    rung->count = 0;
    for (size_t i = 0; i < views->count; i++) {
        const struct view *view = &views->items[i];
        const struct search_trial *trial = &view->trial;
        if (trial->stage != stage || (trial->cut_epoch > 0 && trial->cut_epoch < rung->epoch) ||
            search_bracket_of(&halving, trial->epochs, trial->ordinal, planned, record->stages[stage].seed) !=
                bracket) {
            continue;
        }
        if (trial->cut_epoch >= rung->epoch || is_beyond(view, rung->epoch)) {
            return RUNG_DECIDED;
        }
        const bool here = view->waits && view->hold == rung->epoch;
        any = any || here;
        state = here || job_state_final(trial->state) ? state : RUNG_OPEN;
        rung->losses[rung->count] = search_loss(settings, trial->objective);
        rung->views[rung->count++] = view;
    }
    return any ? state : RUNG_OPEN;
}

/* Writes the ids of those that wait and are cut, or are not; how many. */
static size_t list_ids(const struct rung *rung, bool cut, char (*ids)[EP_ID_TEXT])
{
    size_t count = 0;
    for (size_t i = 0; i < rung->count; i++) {
        if (rung->views[i]->waits && rung->cut[i] == cut) {
            memcpy(ids[count++], rung->views[i]->trial.id, EP_ID_TEXT);
        }
    }
    return count;
}

static enum ep_status judge(struct searches *searches, const struct record *record, const struct rung *rung,
                            struct ep_error *error)
{
    const struct search_halving halving = search_halving_of(&record->definition.settings);
    const size_t keep = search_survivors(&halving, rung->count);
    char(*ids)[EP_ID_TEXT] = ep_allocate(rung->count, sizeof *ids);
    if (ids == NULL || !search_cut(rung->losses, rung->count, keep, rung->cut)) {
        free(ids);
        return ep_fail(error, EP_NO_MEMORY, "no memory to judge %zu trials", rung->count);
    }
    char reason[JOB_REASON_MAX + 1];
    snprintf(reason, sizeof reason, "cut after epoch %llu: not among the best %zu of %zu",
             (unsigned long long)rung->epoch, keep, rung->count);
    const size_t cut = list_ids(rung, true, ids);
    const enum ep_status status =
        jobs_cut_trials(searches->options.jobs, ids, cut, rung->epoch, reason, error);
    if (status == EP_OK) {
        const size_t kept = list_ids(rung, false, ids);
        jobs_let_trials_on(searches->options.jobs, ids, kept, rung->next);
    }
    free(ids);
    return status;
}

/* Judges the lowest rung of a bracket that can be judged. */
static enum ep_status halve_bracket(struct searches *searches, const struct record *record,
                                    const struct views *views, size_t stage, size_t bracket,
                                    struct rung *rung, struct ep_error *error)
{
    const struct search_halving halving = search_halving_of(&record->definition.settings);
    uint64_t rungs[SEARCH_RUNGS_MAX];
    const size_t count = search_rungs(&halving, record->definition.base.epochs, bracket, rungs);
    for (size_t r = 0; r < count; r++) {
        rung->epoch = rungs[r];
        rung->next = r + 1 < count ? rungs[r + 1] : 0;
        const enum rung_state state = look_at_rung(record, views, stage, bracket, rung);
        if (state != RUNG_DECIDED) {
            return state == RUNG_READY ? judge(searches, record, rung, error) : EP_OK;
        }
    }
    return EP_OK;
}

static enum ep_status halve(struct searches *searches, const struct record *record, const struct views *views,
                            size_t stage, struct ep_error *error)
{
    const struct search_halving halving = search_halving_of(&record->definition.settings);
    const size_t brackets = search_brackets(&halving, record->definition.base.epochs);
    struct rung rung = {0};
    enum ep_status status = EP_OK;
    if (!rung_allocate(&rung, views->count)) {
        status = ep_fail(error, EP_NO_MEMORY, "no memory to judge %zu trials", views->count);
    }
    for (size_t b = 0; b < brackets && status == EP_OK; b++) {
        status = halve_bracket(searches, record, views, stage, b, &rung, error);
    }
    rung_done(&rung);
    return status;
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
        return extend_stage(searches, record, stage, views, made, error);
    }
    if (made < planned || !ended) {
        return record->definition.settings.halving_first > 0 ? halve(searches, record, views, stage, error)
                                                             : EP_OK;
    }
    if (record->known < record->definition.stage_count && record_planned(record, record->known) > 0) {
        *more = true;
        return know_stage(searches, record, views, error);
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
            status = know_stage(searches, record, &views, error);
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

void record_advance(struct searches *searches, struct record *record)
{
    struct ep_error error;
    bool more = record->state == SEARCH_RUNNING;
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

/* Where trials that have not ended are to wait: at the lowest rung at which nobody was cut yet. */
static enum ep_status recover_holds(struct searches *searches, const struct record *record,
                                    const struct views *views, size_t stage, struct ep_error *error)
{
    const struct search_halving halving = search_halving_of(&record->definition.settings);
    const size_t planned = record_planned(record, stage);
    char(*ids)[EP_ID_TEXT] = ep_allocate(views->count, sizeof *ids);
    if (ids == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for the trials of search %s", record->id);
    }
    for (size_t b = 0; b < search_brackets(&halving, record->definition.base.epochs); b++) {
        uint64_t rungs[SEARCH_RUNGS_MAX];
        const size_t rung_count = search_rungs(&halving, record->definition.base.epochs, b, rungs);
        uint64_t highest = 0;
        size_t count = 0;
        for (size_t i = 0; i < views->count; i++) {
            const struct search_trial *trial = &views->items[i].trial;
            if (trial->stage == stage && search_bracket_of(&halving, trial->epochs, trial->ordinal, planned,
                                                           record->stages[stage].seed) == b) {
                highest = trial->cut_epoch > highest ? trial->cut_epoch : highest;
                if (!job_state_final(trial->state)) {
                    memcpy(ids[count++], trial->id, EP_ID_TEXT);
                }
            }
        }
        size_t r = 0;
        while (r < rung_count && rungs[r] <= highest) {
            r++;
        }
        jobs_let_trials_on(searches->options.jobs, ids, count, r < rung_count ? rungs[r] : 0);
    }
    free(ids);
    return EP_OK;
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
        status = know_stage(searches, record, &views, error);
    }
    for (size_t s = 0; s < record->known && status == EP_OK && record->definition.settings.halving_first > 0;
         s++) {
        status = recover_holds(searches, record, &views, s, error);
    }
    views_done(&views);
    return status;
}
