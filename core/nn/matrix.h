#ifndef EP_NN_MATRIX_H
#define EP_NN_MATRIX_H

#include <stddef.h>

#include "core/nn/real.h"

/**
 * Row-major matrices whose rows start `stride` numbers apart, on a cache line each. What lies between a row's
 * last column and the next multiple of NN_LANES is 0, so that products may read whole vectors.
 */

/** Numbers in the engine's vectors: sums along a row are kept in this many parts on every processor. */
enum { NN_LANES = 16 };

struct nn_matrix {
    nn_real *at;
    size_t stride;
};

struct nn_const_matrix {
    const nn_real *at;
    size_t stride;
};

static inline struct nn_const_matrix nn_const(struct nn_matrix matrix)
{
    return (struct nn_const_matrix){matrix.at, matrix.stride};
}

/** The part of a matrix that starts at a row and a column. */
static inline struct nn_matrix nn_part_of(struct nn_matrix matrix, size_t row, size_t column)
{
    return (struct nn_matrix){matrix.at + row * matrix.stride + column, matrix.stride};
}

/**
 * Stride of rows of `columns` numbers: whole vectors, and not a multiple of 512 bytes, since rows that lie so
 * far apart would share a few lines of the first-level cache. `columns` is at most INT_MAX.
 */
static inline size_t nn_stride(size_t columns)
{
    const size_t vectors = (columns + NN_LANES - 1) / NN_LANES;
    return (vectors % 8 == 0 ? vectors + 1 : vectors) * NN_LANES;
}

#endif
