#ifndef EP_NN_EVALUATION_H
#define EP_NN_EVALUATION_H

#include "core/nn/trainer.h"

/** Measures members of a bank on whole sets, shared by a team: each thread takes every so many-th pass. */
struct nn_evaluation;

/** What a set measured of one member; NaN for a set without images. */
struct nn_measure {
    double cost; /**< with the penalty */
    double accuracy;
};

/** Bytes that nn_evaluation_create allocates; false on overflow. */
EP_NODISCARD bool nn_evaluation_bytes(const struct nn_shape *shape, size_t members, size_t threads,
                                      size_t *bytes);

/** For teams of up to `threads`. EP_NO_MEMORY. Release with nn_evaluation_destroy. */
EP_NODISCARD enum ep_status nn_evaluation_create(const struct nn_bank *bank, const struct nn_gemm *gemm,
                                                 size_t threads, struct nn_evaluation **evaluation,
                                                 struct ep_error *error);

/** NULL is fine. */
void nn_evaluation_destroy(struct nn_evaluation *evaluation);

/** What is to be measured; the same for all threads of the team. */
struct nn_evaluation_task {
    const struct nn_set *set;
    const bool *wanted; /**< (members): whom to measure */
    bool confusion;     /**< count guesses, too */
    nn_real *x;         /**< (threads · NN_EVALUATION_ROWS, features) scratch */
    uint8_t *labels;    /**< (threads · NN_EVALUATION_ROWS) scratch */
    /** Called by part 0 before each round of passes; false ends the evaluation there. */
    bool (*go_on)(void *context);
    void *context;
};

/** The next run begins with the first image, and forgets what was measured before. */
void nn_evaluation_begin(struct nn_evaluation *evaluation);

/**
 * Called by all threads of the team. False when go_on said so; the next run then goes on where this one
 * stood, also with another number of threads.
 */
bool nn_evaluation_run(struct nn_evaluation *evaluation, const struct nn_evaluation_task *task,
                       const struct nn_part *part);

/** What the last run measured of a member. */
struct nn_measure nn_evaluation_measure(const struct nn_evaluation *evaluation, size_t member);

/** Writes the last run's (classes, classes) guesses of a member. */
void nn_evaluation_confusion(const struct nn_evaluation *evaluation, size_t member, uint64_t *counts);

#endif
