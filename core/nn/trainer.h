#ifndef EP_NN_TRAINER_H
#define EP_NN_TRAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/nn/bank.h"

/** Trains a bank epoch by epoch, measures it on whole sets after each, and tells an observer. */

/** The mini-batches of the training set. */
struct nn_stream {
    void *context;
    size_t steps;     /**< mini-batches in an epoch, ≥ 1 */
    size_t rows_most; /**< images in the largest of them */
    /** Prepares epoch `epoch` (from 0); called by one thread before its first batch is read. */
    void (*begin)(void *context, size_t epoch);
    /** Images in batch `step`: 1 … rows_most. */
    size_t (*rows)(const void *context, size_t step);
    /**
     * Writes images first … first + rows − 1 of batch `step`: x (rows, features), labels (rows). Threads read
     * different parts at the same time; `reader` is below nn_plan's threads and differs between them.
     */
    void (*read)(void *context, size_t reader, size_t step, size_t first, size_t rows, struct nn_matrix x,
                 uint8_t *labels);
};

/** A set of images to measure on, in a fixed order. */
struct nn_set {
    const void *context;
    size_t count; /**< 0: there is none */
    /** Writes images first … first + rows − 1: x (rows, features), labels (rows). Thread-safe. */
    void (*read)(const void *context, size_t first, size_t rows, struct nn_matrix x, uint8_t *labels);
};

/** What early stopping watches. */
enum nn_watch { NN_WATCH_COST, NN_WATCH_ACCURACY };

struct nn_plan {
    const struct nn_gemm *gemm; /**< what computes the products */
    size_t epochs;              /**< ≥ 1 */
    size_t threads;             /**< most threads to work with, ≥ 1; does not change a result */
    /**
     * Epochs without a better value on the validation set after which a member stops; 0: none. The member
     * ends with the parameters of its best epoch, also when it has done them all.
     */
    size_t patience;
    enum nn_watch watch;
    struct nn_stream stream;
    struct nn_set train, validation, test;
};

/** Images in one pass of an evaluation; sums are kept for so many, so it is part of a result's identity. */
enum { NN_EVALUATION_ROWS = 100 };

/**
 * Bytes that nn_train and its bank take at most; `options` (members), `rows` in the largest mini-batch.
 * EP_TOO_LARGE on overflow; EP_INVALID as nn_layout_of.
 */
EP_NODISCARD enum ep_status nn_memory_of(const struct nn_shape *shape,
                                         const struct nn_member_options *options, size_t members, size_t rows,
                                         size_t threads, bool keeps_best, size_t *bytes,
                                         struct ep_error *error);

/** What is known after an epoch. Costs include the penalty; values of an absent set are NaN. */
struct nn_epoch {
    size_t epoch; /**< from 1 */
    double eta;   /**< learning rate in this epoch */
    double cost_train, cost_validation;
    double accuracy_train, accuracy_validation; /**< 0 … 1 */
    double seconds;                             /**< this epoch's duration, its evaluation included */
};

enum nn_verdict { NN_GO_ON, NN_STOP };

struct nn_outcome;

struct nn_observer {
    void *context;
    /**
     * Called for each member still training before each mini-batch and each round of an evaluation, with the
     * mini-batches done so far in all epochs. NN_STOP ends the member there.
     */
    enum nn_verdict (*poll)(void *context, size_t member, size_t steps_done);
    /** Called after each epoch for each member still training. */
    void (*epoch)(void *context, size_t member, const struct nn_epoch *epoch);
    /**
     * Called when a member ends before its time: stopped or diverged, as the outcome says. NULL: not wanted.
     */
    void (*ended)(void *context, size_t member, const struct nn_outcome *outcome);
    /** Called before each epoch: how many threads to use in it, at most. NULL: as many as planned. */
    size_t (*threads)(void *context);
    /**
     * Called before each mini-batch and each round of an evaluation with the mini-batches done so far: true
     * has the whole run stand still there. NULL: never.
     */
    bool (*parks)(void *context, size_t steps_done);
};

enum nn_end {
    NN_FINISHED, /**< all epochs done or patience lost, and measured on the test set */
    NN_STOPPED,  /**< the observer said so */
    NN_DIVERGED, /**< a cost was not finite */
};

struct nn_outcome {
    enum nn_end end;
    size_t epoch;                    /**< the epoch (from 1) in which the member ended */
    size_t best_epoch;               /**< whose parameters it ended with; 0 unless finished */
    double cost_test, accuracy_test; /**< NaN unless finished */
    /**
     * (classes, classes) images of the test set by label and guess, all 0 unless finished. Set by the caller,
     * who owns it; NULL: not wanted.
     */
    uint64_t *confusion;
};

/** A run that can stand still and go on. */
struct nn_training;

/**
 * Prepares a run; it begins with nn_training_run. The plan is copied; what it points to, the bank and the
 * outcomes (members of the bank) are borrowed until the end. EP_NO_MEMORY when there is none for the buffers,
 * EP_UNAVAILABLE for a bfloat16 that the processor lacks: the bank then is as it was. Release with
 * nn_training_destroy.
 */
EP_NODISCARD enum ep_status nn_training_create(struct nn_bank *bank, const struct nn_plan *plan,
                                               struct nn_outcome *outcomes, struct nn_training **training,
                                               struct ep_error *error);

/**
 * Trains until every member has ended, and then returns true; outcomes say how. False when the observer
 * parked the run: the next call, from any thread, goes on where it stands, and no number depends on that. The
 * observer is called on the caller's thread.
 */
bool nn_training_run(struct nn_training *training, const struct nn_observer *observer);

/**
 * Moves all that a run which stands still, or has not begun, needs to go on in another process, the bank's
 * state included. To restore it, create the bank and the run as they were, and move before the first
 * nn_training_run: the run then ends with the same numbers as if it had never stopped. An evaluation that was
 * interrupted is done again. False: `state` said so, or what was restored cannot be of this run, which is of
 * no use then.
 */
EP_NODISCARD bool nn_training_move_state(struct nn_training *training, const struct nn_state *state);

/** NULL is fine; the bank stays. */
void nn_training_destroy(struct nn_training *training);

/** All of the above for a run that is never parked; outcomes (members of the bank). */
EP_NODISCARD enum ep_status nn_train(struct nn_bank *bank, const struct nn_plan *plan,
                                     const struct nn_observer *observer, struct nn_outcome *outcomes,
                                     struct ep_error *error);

#endif
