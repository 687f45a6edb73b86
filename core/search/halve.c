#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/search/record.h"

/* Successive halving: who goes on from a rung. Trials wait there until all of their bracket have come or
 * ended. */

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
    rung->views = ep_allocate(most, sizeof(struct view *));
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

enum ep_status record_halve(struct searches *searches, const struct record *record, const struct views *views,
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

/* Where trials that have not ended are to wait: at the lowest rung at which nobody was cut yet. */
enum ep_status record_recover_holds(struct searches *searches, const struct record *record,
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
