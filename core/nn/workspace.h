#ifndef EP_NN_WORKSPACE_H
#define EP_NN_WORKSPACE_H

#include "core/nn/bank.h"

/** What a pass of one member writes besides the bank. All matrices are row-major, rows are images. */
struct nn_workspace {
    size_t rows;                        /**< images there is room for */
    const struct nn_gemm *gemm;         /**< borrowed */
    nn_real *block;                     /**< everything below points into it */
    nn_real *output[NN_LAYERS_MAX];     /**< a of hidden layer l, or the scores: (rows, width[l + 1]) */
    nn_real *normalised[NN_LAYERS_MAX]; /**< ŝ of a normalised layer: (rows, width[l + 1]) */
    nn_real *mean[NN_LAYERS_MAX];       /**< of the batch: (width[l + 1]) */
    nn_real *variance[NN_LAYERS_MAX];   /**< of the batch, biased: (width[l + 1]) */
    nn_real *inverse[NN_LAYERS_MAX];    /**< 1/√(v + ε): (width[l + 1]) */
    nn_real *delta[2];                  /**< gradients on their way back: (rows, widest layer) */
    nn_real *gradient;                  /**< of one layer's weights, or of its bias: (largest layer) */
    nn_real *scratch;                   /**< (2 · widest layer) */
};

/** Numbers that the block of a workspace holds; false when that overflows. */
EP_NODISCARD bool nn_workspace_count(const struct nn_shape *shape, size_t rows, size_t *count);

#endif
