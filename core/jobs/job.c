#include "core/jobs/job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

const struct job_best job_no_best = {.cost_validation = NAN, .accuracy_validation = NAN};

static const char *const state_names[JOB_STATES] = {
    [JOB_QUEUED] = "queued", [JOB_RUNNING] = "running",     [JOB_SUCCEEDED] = "succeeded",
    [JOB_FAILED] = "failed", [JOB_CANCELLED] = "cancelled",
};

const char *job_state_name(enum job_state state)
{
    return (unsigned)state < JOB_STATES ? state_names[state] : "unknown";
}

bool job_state_parse(const char *name, enum job_state *state)
{
    for (unsigned i = 0; i < JOB_STATES; i++) {
        if (strcmp(state_names[i], name) == 0) {
            *state = (enum job_state)i;
            return true;
        }
    }
    return false;
}

bool job_state_final(enum job_state state)
{
    return state == JOB_SUCCEEDED || state == JOB_FAILED || state == JOB_CANCELLED;
}

enum ep_status job_confusion_copy(const struct job_confusion *from, struct job_confusion *to,
                                  struct ep_error *error)
{
    *to = (struct job_confusion){0};
    if (from->classes == 0) {
        return EP_OK;
    }
    to->counts = ep_allocate(from->classes * from->classes, sizeof *to->counts);
    if (to->counts == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for a confusion matrix of %zu classes", from->classes);
    }
    memcpy(to->counts, from->counts, from->classes * from->classes * sizeof *to->counts);
    to->classes = from->classes;
    return EP_OK;
}

void job_confusion_done(struct job_confusion *confusion)
{
    free(confusion->counts);
    *confusion = (struct job_confusion){0};
}

enum ep_status job_copy(const struct job *from, struct job *to, struct ep_error *error)
{
    struct job_transition *transitions = ep_allocate(from->transition_count, sizeof *transitions);
    if (transitions == NULL) {
        *to = (struct job){0};
        return ep_fail(error, EP_NO_MEMORY, "no memory to copy job %s", from->id);
    }
    struct job_confusion confusion;
    const enum ep_status status = job_confusion_copy(&from->confusion, &confusion, error);
    if (status != EP_OK) {
        free(transitions);
        *to = (struct job){0};
        return status;
    }
    memcpy(transitions, from->transitions, from->transition_count * sizeof *transitions);
    *to = *from;
    to->transitions = transitions;
    to->confusion = confusion;
    return EP_OK;
}

enum ep_status job_move(struct job *job, enum job_state state, int64_t at, const char *reason,
                        struct ep_error *error)
{
    if (job->transition_count < JOB_TRANSITIONS_MAX) {
        const size_t count = job->transition_count + 1;
        struct job_transition *longer = reallocarray(job->transitions, count, sizeof *longer);
        if (longer == NULL) {
            return ep_fail(error, EP_NO_MEMORY, "no memory for another transition of job %s", job->id);
        }
        job->transitions = longer;
        job->transition_count = count;
    } else {
        struct job_transition *middle = &job->transitions[JOB_TRANSITIONS_MAX / 2];
        memmove(middle, middle + 1, (JOB_TRANSITIONS_MAX / 2 - 1) * sizeof *middle);
    }
    struct job_transition *newest = &job->transitions[job->transition_count - 1];
    *newest = (struct job_transition){.state = state, .at = at};
    snprintf(newest->reason, sizeof newest->reason, "%s", reason);
    job->state = state;
    return EP_OK;
}

void job_done(struct job *job)
{
    free(job->transitions);
    job->transitions = NULL;
    job->transition_count = 0;
    job_confusion_done(&job->confusion);
}
