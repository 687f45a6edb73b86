#ifndef EP_API_JOB_JSON_H
#define EP_API_JOB_JSON_H

#include <jansson.h>

#include "core/jobs/job.h"
#include "core/jobs/jobs.h"

/** Jobs and histories as JSON. All functions return NULL when memory is short. */

/** A spec with all its fields that count. */
json_t *job_spec_json(const struct job_spec *spec);

/** A job as GET /v1/jobs/{id} shows it. */
json_t *job_json(const struct job *job);

/** What each class's test images were taken for, how many there are, and what share was right. */
json_t *job_confusion_json(const struct job_confusion *confusion);

/** A history as columns of equal length, and the test accuracy. */
json_t *job_history_json(const char *id, const struct jobs_history *history);

#endif
