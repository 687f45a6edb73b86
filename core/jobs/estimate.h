#ifndef EP_JOBS_ESTIMATE_H
#define EP_JOBS_ESTIMATE_H

#include "core/jobs/table.h"

/** How far jobs are, and when they will be done. Private to the jobs; the caller holds their lock. */

/** Arithmetic per second of one worker, over the epochs measured so far; old ones count less and less. */
struct pace {
    double flops, seconds;
};

/** Counts `flops` that took `seconds`. */
void pace_add(struct pace *pace, double flops, double seconds);

/** Seconds that `flops` take at this pace; NaN while there is none. */
double pace_seconds(const struct pace *pace, double flops);

/**
 * Writes when each queued job will start into its `starts_in`, taking the oldest first whenever one of the
 * workers is free. free_at: (workers) scratch.
 */
void estimate_queue(const struct table *queued, const struct table *running, const struct pace *pace,
                    double now, double *free_at, size_t workers);

/** Writes the progress of an entry's job into `progress`. `age`: seconds since estimate_queue. */
void estimate_progress(const struct entry *entry, const struct pace *pace, double now, double age,
                       struct job_progress *progress);

#endif
