#ifndef EP_NN_BANK_OBJECT_H
#define EP_NN_BANK_OBJECT_H

#include "core/nn/bank.h"
#include "core/nn/gemm.h"
#include "core/nn/layers.h"

/**
 * What is in a bank. Invariant: a member's numbers are computed from its own options, its own rows of these
 * matrices and the images, and from nothing else. Private to the engine.
 */
struct nn_bank {
    struct nn_shape shape;
    struct nn_layout layout;
    size_t count;
    struct nn_member_options *options;     /**< (count) */
    size_t *active;                        /**< (count): the first `active_count` are members that train */
    size_t active_count;                   /**< */
    bool *has_statistics;                  /**< (count): the first mini-batch has been seen */
    size_t numbers;                        /**< in the block */
    nn_real *block;                        /**< (numbers) everything below points into it */
    struct nn_slots weight[NN_LAYERS_MAX]; /**< (count · out, in) */
    struct nn_slots bias[NN_LAYERS_MAX];   /**< (count, out), or NULLs */
    struct nn_slots scale[NN_LAYERS_MAX];  /**< γ: (count, out), or NULLs */
    struct nn_slots shift[NN_LAYERS_MAX];  /**< β: likewise */
    struct nn_half_matrix weight16;   /**< the first layer's weights, rounded, with bf16; NULL otherwise */
    nn_real *mean[NN_LAYERS_MAX];     /**< moving average: (count, out) */
    nn_real *variance[NN_LAYERS_MAX]; /**< likewise */
};

/** The weights of a member's units in layer l. */
static inline struct nn_slots nn_weights(const struct nn_bank *bank, size_t member, size_t l)
{
    return nn_slots_at(bank->weight[l], member * bank->shape.width[l + 1], 0);
}

/** What a pass writes besides the bank. Rows of a matrix are images; members lie one after the other. */
struct nn_workspace {
    struct nn_room room;
    const struct nn_gemm *gemm;              /**< borrowed */
    nn_real *block;                          /**< all numbers below point into it */
    struct nn_matrix output[NN_LAYERS_MAX];  /**< a of hidden layer l, or scores: (members · rows, out) */
    struct nn_matrix thinned[NN_LAYERS_MAX]; /**< a after dropout, where there is any */
    struct nn_matrix
        normalised[NN_LAYERS_MAX]; /**< ŝ of a normalised layer; `output` where only that is asked for */
    struct nn_matrix delta[2];     /**< gradients on their way back: (…, widest layer) */
    struct nn_moments moments[NN_LAYERS_MAX]; /**< of the batch: (members, out) */
    struct nn_half_matrix inputs16;           /**< images, rounded, with bf16: (rows, features) */
    struct nn_pair_matrix pairs16;            /**< the same in pairs, to train */
    struct nn_pair_matrix ds16; /**< gradients behind the first layer in pairs: (…, members · out) */
    nn_real *scratch;           /**< (threads, scratch_size) */
    size_t scratch_size;
    struct nn_row_cost *costs;             /**< (members · rows) */
    struct nn_forward_task *forward_tasks; /**< (threads or 1, members) */
    struct nn_descend_task *descend_tasks; /**< (threads, members) */
    struct nn_descent *descents;           /**< (threads, members) */
    bool *finite;                          /**< (members): the mini-batch's cost is */
};

#endif
