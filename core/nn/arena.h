#ifndef EP_NN_ARENA_H
#define EP_NN_ARENA_H

#include <stdbool.h>

#include "core/nn/half.h"
#include "core/nn/matrix.h"

/**
 * Parts of one block of numbers, each on its own cache line. While the block is NULL parts are only counted,
 * so that one function both measures and places.
 */
struct nn_arena {
    nn_real *block;
    size_t used;
    bool overflow; /**< the count does not fit in a size_t */
};

/** a × b numbers; NULL while counting. */
nn_real *nn_carve(struct nn_arena *arena, size_t a, size_t b);

/** Rows of nn_half_stride(columns). */
struct nn_half_matrix nn_carve_halves(struct nn_arena *arena, size_t rows, size_t columns);

/** Rows of nn_stride(columns). */
struct nn_pair_matrix nn_carve_pairs(struct nn_arena *arena, size_t rows, size_t columns);

/** A matrix of rows of nn_stride(columns). */
struct nn_matrix nn_carve_matrix(struct nn_arena *arena, size_t rows, size_t columns);

#endif
