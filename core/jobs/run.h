#ifndef EP_JOBS_RUN_H
#define EP_JOBS_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/axes_cache.h"
#include "core/data/registry.h"
#include "core/jobs/job.h"
#include "core/jobs/spec.h"
#include "core/nn/trainer.h"

/**
 * Trains the networks of specs that go together, side by side; a job by itself is a bank of one. What the
 * pool and `epochd train` share.
 */

/** What a run works with; borrowed. */
struct job_run_means {
    struct data_registry *registry;
    const struct nn_gemm *gemm;
    struct data_axes_cache *axes;
    size_t threads; /**< most threads, the calling one included, ≥ 1, fewer for small networks; does not
                         change a result */
};

/** All functions are called on the thread that runs; `member` is the index of a spec. */
struct job_run_observer {
    void *context;
    /**
     * Called for each member still training at least once per mini-batch, with the mini-batches done so far;
     * NN_STOP ends the member there.
     */
    enum nn_verdict (*poll)(void *context, size_t member, size_t steps_done);
    /** Called after each epoch for each member still training. */
    void (*epoch)(void *context, size_t member, const struct nn_epoch *epoch);
    /** Called when a member ends before its time; its result is there then. NULL: not wanted. */
    void (*ended)(void *context, size_t member);
    /** Called before each epoch: how many threads to use in it. NULL: all of them. */
    size_t (*threads)(void *context);
    /** Called once per mini-batch: true has the run stand still there. NULL: never. */
    bool (*parks)(void *context, size_t steps_done);
};

/** What came out of a run for one of its members. */
struct job_result {
    struct nn_outcome outcome;
    /**
     * SHA-256 of the parameters of the trained network, which takes pixels, and then its moving averages
     * (float32, little-endian, in the order of struct nn_layout); "" unless it has finished.
     */
    char model_sha256[EP_SHA256_TEXT];
    struct job_confusion confusion; /**< empty unless it has finished; owned */
    size_t axes;                    /**< principal axes that it was trained on; 0: pixels */
    double axes_variance;           /**< share of the variance that they hold; NaN: pixels */
};

/** A run that can stand still and go on. */
struct job_run;

/**
 * Whether two resolved specs can train side by side: their networks have one shape and see the same images in
 * the same order for as many epochs. What each makes of them is its own: eta, lambda, the optimiser and its
 * settings, the schedule, dropout, first weights; and the seed where it does not order the images.
 */
bool job_specs_share(const struct job_spec *a, const struct job_spec *b);

/** A number that is equal for specs that share. */
uint64_t job_spec_share_hash(const struct job_spec *spec);

/**
 * A run of `count` ≥ 1 resolved specs that share; they are copied, the means must outlive the run.
 * EP_NO_MEMORY. Release with job_run_destroy.
 */
EP_NODISCARD enum ep_status job_run_create(const struct job_spec *const *specs, size_t count,
                                           const struct job_run_means *means, struct job_run **run,
                                           struct ep_error *error);

/**
 * Opens the dataset, rotates it if that is wanted, builds the networks and trains them until every member has
 * ended: *ended is true then. When the observer parked it, *ended is false, and the next call goes on where
 * it stands, from any thread. EP_OK also for members that diverged or were stopped. Otherwise as
 * data_registry_open, or EP_NO_MEMORY: no member has a result then.
 */
EP_NODISCARD enum ep_status job_run_go(struct job_run *run, const struct job_run_observer *observer,
                                       bool *ended, struct ep_error *error);

/** What came out for a member, once it or the run has ended. Lives as long as the run. */
const struct job_result *job_run_result(const struct job_run *run, size_t member);

/** NULL is fine. */
void job_run_destroy(struct job_run *run);

/**
 * Writes what came out of a run into its job: results or failure. The state is the caller's to set.
 * EP_NO_MEMORY: the job lacks its confusion matrix.
 */
EP_NODISCARD enum ep_status job_run_conclude(const struct job_result *result, struct job *job,
                                             struct ep_error *error);

#endif
