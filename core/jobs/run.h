#ifndef EP_JOBS_RUN_H
#define EP_JOBS_RUN_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/data/axes_cache.h"
#include "core/data/registry.h"
#include "core/jobs/job.h"
#include "core/jobs/spec.h"
#include "core/nn/trainer.h"

/** Trains the network of one spec. What the pool and `epochd train` share. */

/** What a run works with; borrowed. */
struct job_run_means {
    struct data_registry *registry;
    const struct nn_gemm *gemm;
    struct data_axes_cache *axes;
    size_t threads; /**< most threads, the calling one included, ≥ 1, fewer for small networks; does not
                         change a result */
};

struct job_run_observer {
    void *context;
    /** Called at least once per mini-batch with the mini-batches done so far; NN_STOP ends the run there. */
    enum nn_verdict (*poll)(void *context, size_t steps_done);
    /** Called after each epoch. */
    void (*epoch)(void *context, const struct nn_epoch *epoch);
    /** Called before each epoch: how many threads to use in it. NULL: all of them. */
    size_t (*threads)(void *context);
};

/** What came out of a run. */
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

/** Releases what a result owns, not the struct itself. */
void job_result_done(struct job_result *result);

/**
 * Opens the dataset, rotates it if that is wanted, builds the network of the resolved `spec` and trains it;
 * *result says how it ended, and is released with job_result_done in any case. EP_OK also when it diverged or
 * was stopped. Otherwise as data_registry_open, or EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status job_run(const struct job_spec *spec, const struct job_run_means *means,
                                    const struct job_run_observer *observer, struct job_result *result,
                                    struct ep_error *error);

/**
 * Writes what came out of a run into its job: results or failure. The state is the caller's to set.
 * EP_NO_MEMORY: the job lacks its confusion matrix.
 */
EP_NODISCARD enum ep_status job_run_conclude(const struct job_result *result, struct job *job,
                                             struct ep_error *error);

#endif
