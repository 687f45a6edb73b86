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

/** What a worker is at. */
struct estimate_run {
    double fraction; /**< of it that is done */
    double elapsed;  /**< seconds since its first mini-batch; 0 before */
    double flops;    /**< of all of it; NaN: unknown */
};

/** Seconds until it is done; NaN: unknown. */
double estimate_run_remaining(const struct estimate_run *run, const struct pace *pace);

/**
 * Writes when each queued job will start into its `starts_in`, taking the oldest first whenever one of the
 * workers is free; `running` (count) is what they are at. free_at: (workers) scratch. Returns when the last
 * of them will be done, in seconds from now; NaN: unknown.
 */
double estimate_queue(const struct table *queued, const struct estimate_run *running, size_t count,
                      const struct pace *pace, double *free_at, size_t workers);

/** Writes the progress of an entry's job into `progress`. `age`: seconds since estimate_queue. */
void estimate_progress(const struct entry *entry, const struct pace *pace, double now, double age,
                       struct job_progress *progress);

#endif
