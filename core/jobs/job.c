#include "core/jobs/job.h"

#include <stdlib.h>
#include <string.h>

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

void job_done(struct job *job)
{
    free(job->transitions);
    job->transitions = NULL;
    job->transition_count = 0;
}
