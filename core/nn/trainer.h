#ifndef EP_NN_TRAINER_H
#define EP_NN_TRAINER_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/nn/bank.h"

/** Trains a bank epoch by epoch, measures it on whole sets after each, and tells an observer. */

/** The mini-batches of the training set. One thread at a time. */
struct nn_stream {
    void *context;
    size_t steps;     /**< mini-batches in an epoch, ≥ 1 */
    size_t rows_most; /**< images in the largest of them */
    /** Prepares epoch `epoch` (from 0); called before its first batch is read. */
    void (*begin)(void *context, size_t epoch);
    /** Writes batch `step`: x (rows, features), labels (rows). Returns rows, 1 … rows_most. */
    size_t (*read)(void *context, size_t step, float *x, uint8_t *labels);
};

/** A set of images to measure on, in a fixed order. */
struct nn_set {
    const void *context;
    size_t count; /**< 0: there is none */
    /** Writes images first … first + rows − 1: x (rows, features), labels (rows). */
    void (*read)(const void *context, size_t first, size_t rows, float *x, uint8_t *labels);
};

struct nn_plan {
    const struct nn_gemm *gemm; /**< what computes the products */
    size_t epochs;              /**< ≥ 1 */
    struct nn_stream stream;
    struct nn_set train, validation, test;
};

/** Images in one pass of an evaluation; part of a result's identity, since it sets the shape of the products.
 */
enum { NN_EVALUATION_ROWS = 500 };

/** What is known after an epoch. Costs include the penalty; values of an absent set are NaN. */
struct nn_epoch {
    size_t epoch; /**< from 1 */
    double eta;   /**< learning rate in this epoch */
    double cost_train, cost_validation;
    double accuracy_train, accuracy_validation; /**< 0 … 1 */
    double seconds;                             /**< this epoch's duration, its evaluation included */
};

enum nn_verdict { NN_GO_ON, NN_STOP };

struct nn_observer {
    void *context;
    /**
     * Called for each member still training before each mini-batch and each pass of an evaluation, with the
     * mini-batches done so far in all epochs. NN_STOP ends the member there.
     */
    enum nn_verdict (*poll)(void *context, size_t member, size_t steps_done);
    /** Called after each epoch for each member still training. */
    void (*epoch)(void *context, size_t member, const struct nn_epoch *epoch);
};

enum nn_end {
    NN_FINISHED, /**< all epochs done and measured on the test set */
    NN_STOPPED,  /**< the observer said so */
    NN_DIVERGED, /**< a cost was not finite */
};

struct nn_outcome {
    enum nn_end end;
    size_t epoch;                    /**< the epoch (from 1) in which the member ended */
    double cost_test, accuracy_test; /**< NaN unless finished */
};

/**
 * Trains until every member has ended, and writes how into outcomes (members of the bank). The caller's
 * thread does all the work. EP_NO_MEMORY when there is none for the buffers; the bank then is as it was.
 */
EP_NODISCARD enum ep_status nn_train(struct nn_bank *bank, const struct nn_plan *plan,
                                     const struct nn_observer *observer, struct nn_outcome *outcomes,
                                     struct ep_error *error);

#endif
