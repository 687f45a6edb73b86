#ifndef EP_JOBS_SPEC_H
#define EP_JOBS_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/faults.h"
#include "core/base/field.h"
#include "core/base/sha256.h"
#include "core/data/dataset.h"
#include "core/nn/network.h"

/** What a client asks for: one network, its data and how to train it. A plain value; copy it freely. */

enum {
    JOB_DEPTH_MAX = NN_LAYERS_MAX,
    JOB_HIDDEN_MAX = 65536,
    JOB_EPOCHS_MAX = 10000,
    JOB_BATCH_MAX = 10000,
    JOB_THREADS_MAX = 1024,
    JOB_DATASET_MAX = 32,
    JOB_NAME_MAX = 128,
};

enum job_precision { JOB_FP32, JOB_BF16 };

struct job_spec {
    char dataset[JOB_DATASET_MAX + 1];
    uint64_t train_size;           /**< training images, the first of the training part */
    uint64_t validation_size;      /**< validation images, right behind them; may be 0 */
    int normalize;                 /**< enum data_normalize */
    uint64_t components;           /**< principal axes to train on; 0: as `variance` says */
    double variance;               /**< share that the axes must hold; 0: as `components` says */
    uint64_t depth;                /**< layers with weights */
    struct ep_integer_list hidden; /**< widths of the hidden layers: depth − 1 of them */
    int activation;                /**< enum nn_activation */
    bool batch_norm;
    bool scale_shift; /**< learned with batch_norm */
    double dropout;   /**< share of hidden units */
    double eta;
    double lambda;
    uint64_t epochs;
    uint64_t batch_size;
    int optimizer; /**< enum nn_optimizer */
    double momentum;
    bool nesterov;
    double beta1, beta2, epsilon; /**< of Adam */
    uint64_t warm_up;
    int decay_kind; /**< enum nn_schedule */
    uint64_t decay_every;
    double decay_factor;
    int init_kind; /**< enum nn_init_kind */
    double init_std;
    bool shuffle;
    bool augment_flip;
    uint64_t augment_shift;
    uint64_t seed;
    uint64_t patience; /**< epochs without progress before the end; 0: all are done */
    int watch;         /**< enum nn_watch */
    int precision;     /**< enum job_precision */
    uint64_t threads;  /**< at most; 0: what is idle. Does not change a result */
    char name[JOB_NAME_MAX + 1];
    struct ep_text_list tags;
};

/** Whether training images are to be rotated to their principal axes. */
bool job_spec_rotates(const struct job_spec *spec);

/** What a server lets a job have. */
struct job_limits {
    size_t memory; /**< bytes; 0: any */
    bool portable; /**< nothing whose bits depend on the processor */
    bool bf16;     /**< the engine can compute with bfloat16 here */
};

/** The table that describes struct job_spec, in the order in which a spec is shown. At most 64 rows. */
extern const struct ep_fields job_spec_fields;

/**
 * Fills what depends on other fields or on the dataset (hidden from depth, sizes, a batch_size that was not
 * given and would exceed train_size), and adds a fault for everything that does not fit together: depth
 * against hidden, sizes against the dataset's images, batch_size against train_size, batch normalisation with
 * batches of one image, a field that does not count (job_spec_counts), principal axes beyond what there are
 * or where results must be portable, a network whose memory (job_cost_of) is over the limit. `given` has bit
 * i set when the client gave row i of job_spec_fields; every value is in its row's range, or `faults` already
 * has a fault at its pointer and it is left alone. `info` may be NULL when the dataset is unknown: what
 * depends on it is then left out. When no fault was added the spec is resolved: resolving it again with the
 * bits of all fields that count changes nothing.
 */
void job_spec_resolve(struct job_spec *spec, uint64_t given, const struct data_info *info,
                      const struct job_limits *limits, struct ep_faults *faults);

/**
 * SHA-256 over a canonical text of a resolved spec and the dataset's digest. `name`, `tags` and `threads` do
 * not count: two specs with one digest train to the same numbers.
 */
EP_NODISCARD enum ep_status job_spec_digest(const struct job_spec *spec, const char *dataset_digest,
                                            char digest[EP_SHA256_TEXT], struct ep_error *error);

/**
 * Whether the value of the field called `name` plays a part in a spec: decay.every does not in one whose
 * learning rate falls along a cosine.
 */
bool job_spec_counts(const struct job_spec *spec, const char *name);

/** The network of a resolved spec for images of `info`; with pca.variance the largest that it can be. */
void job_spec_shape(const struct job_spec *spec, const struct data_info *info, struct nn_shape *shape);

/** The training options of a resolved spec. */
void job_spec_member(const struct job_spec *spec, struct nn_member_options *options);

/** Images that an incomplete last mini-batch must have to be trained on: batch statistics need two. */
size_t job_spec_least_batch(const struct job_spec *spec);

/** Mini-batches in an epoch of a resolved spec. */
uint64_t job_spec_epoch_steps(const struct job_spec *spec);

/** What a job takes, known before it starts. */
struct job_cost {
    uint64_t parameters; /**< weights and biases */
    double flops;   /**< of all products: training, and the evaluations after each epoch and at the end */
    size_t memory;  /**< bytes, the dataset included */
    size_t further; /**< bytes that each further network beside it takes */
    uint64_t steps; /**< mini-batches in all epochs */
};

/** Computes the cost of a resolved spec. EP_TOO_LARGE when a size overflows. */
EP_NODISCARD enum ep_status job_cost_of(const struct job_spec *spec, const struct data_info *info,
                                        struct job_cost *cost, struct ep_error *error);

#endif
