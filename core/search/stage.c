#include <stdlib.h>

#include "core/base/memory.h"
#include "core/search/record.h"
#include "core/search/tpe.h"

/* What a stage looks at, and its next trials. */

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
enum ep_status record_know_stage(struct searches *searches, struct record *record, const struct views *views,
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

/* Adds the trials of a stage that may be made now: all, or the next few of a sampler that looks at results.
 */
enum ep_status record_extend_stage(struct searches *searches, struct record *record, size_t stage,
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
