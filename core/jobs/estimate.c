#include "core/jobs/estimate.h"

#include <math.h>

static const double forget = 0.9;        /* what an older epoch counts, next to the one after it */
static const double own_fraction = 0.02; /* from here on a job's own pace says more than that of the others */

void pace_add(struct pace *pace, double flops, double seconds)
{
    if (flops > 0 && seconds > 0 && isfinite(flops) && isfinite(seconds)) {
        pace->flops = forget * pace->flops + flops;
        pace->seconds = forget * pace->seconds + seconds;
    }
}

double pace_seconds(const struct pace *pace, double flops)
{
    return pace->flops > 0 ? flops * pace->seconds / pace->flops : (double)NAN;
}

static double fraction_of(const struct entry *entry, uint64_t *steps, uint64_t *step)
{
    *steps = entry->job.spec.epochs * job_spec_epoch_steps(&entry->job.spec);
    *step = atomic_load_explicit(&entry->steps, memory_order_relaxed);
    return *steps > 0 ? (double)*step / (double)*steps : 0;
}

double estimate_run_remaining(const struct estimate_run *run, const struct pace *pace)
{
    if (run->fraction >= own_fraction && run->elapsed > 0) {
        return run->elapsed * (1 - run->fraction) / run->fraction;
    }
    return pace_seconds(pace, run->flops) * (1 - run->fraction);
}

static double running_remaining(const struct entry *entry, const struct pace *pace, double now)
{
    uint64_t steps;
    uint64_t step;
    const struct estimate_run run = {
        .fraction = fraction_of(entry, &steps, &step),
        .elapsed = entry->began > 0 ? now - entry->began : 0,
        .flops = entry->cost.flops * (double)(entry->beside + 1),
    };
    return estimate_run_remaining(&run, pace);
}

/* Whether a worker that is free at `a` comes before one at `b`; one that may never be free comes last. */
static bool earlier(double a, double b)
{
    return a < b || (isnan(b) && !isnan(a));
}

double estimate_queue(const struct table *queued, const struct estimate_run *running, size_t count,
                      const struct pace *pace, double *free_at, size_t workers)
{
    for (size_t w = 0; w < workers; w++) {
        free_at[w] = w < count ? estimate_run_remaining(&running[w], pace) : 0;
    }
    for (size_t i = 0; i < queued->count; i++) {
        struct entry *entry = queued->entries[i];
        size_t first = 0;
        for (size_t w = 1; w < workers; w++) {
            first = earlier(free_at[w], free_at[first]) ? w : first;
        }
        entry->starts_in = free_at[first];
        free_at[first] += pace_seconds(pace, entry->cost.flops);
    }
    double last = 0;
    for (size_t w = 0; w < workers; w++) {
        last = earlier(last, free_at[w]) ? free_at[w] : last;
    }
    return last;
}

static double images_of(const struct job_spec *spec, uint64_t step)
{
    const uint64_t epoch_steps = job_spec_epoch_steps(spec);
    if (epoch_steps == 0) {
        return 0;
    }
    const uint64_t epochs = step / epoch_steps;
    return (double)epochs * (double)spec->train_size +
           (double)(step % epoch_steps) * (double)spec->batch_size;
}

/* The seconds that a job has run so far; 0 when it has not. */
static double duration_of(const struct entry *entry, double now)
{
    if (entry->began > 0) {
        return (entry->ended > 0 ? entry->ended : now) - entry->began;
    }
    const struct job *job = &entry->job;
    return job->started_at > 0 && job->finished_at > job->started_at
               ? (double)(job->finished_at - job->started_at) / 1e3
               : 0;
}

void estimate_progress(const struct entry *entry, const struct pace *pace, double now, double age,
                       struct job_progress *progress)
{
    const struct job *job = &entry->job;
    const double seconds = job->state == JOB_QUEUED ? 0 : duration_of(entry, now);
    progress->epoch = job->has_latest ? job->latest.epoch : 0;
    progress->epochs = job->spec.epochs;
    progress->fraction = fraction_of(entry, &progress->steps, &progress->step);
    progress->images_per_second =
        seconds > 0 && progress->step > 0 ? images_of(&job->spec, progress->step) / seconds : (double)NAN;
    if (job->state == JOB_SUCCEEDED) {
        progress->fraction = 1; /* training may have ended early */
    }
    if (job_state_final(job->state)) {
        progress->remaining_seconds = 0;
    } else if (job->state == JOB_RUNNING) {
        progress->remaining_seconds = running_remaining(entry, pace, now);
    } else {
        const double wait = entry->starts_in < age ? 0 : entry->starts_in - age;
        progress->remaining_seconds = wait + pace_seconds(pace, entry->cost.flops);
    }
}
