#ifndef EP_NN_HALF_H
#define EP_NN_HALF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/**
 * bfloat16: the upper half of a float, that is 8 bits of exponent and 7 of fraction. Matrices of them have
 * rows that start `stride` numbers apart; what lies between a row's last column and the next multiple of
 * NN_HALF_LANES is 0.
 */
typedef uint16_t nn_half;

enum { NN_HALF_LANES = 32 };

struct nn_half_matrix {
    nn_half *at;
    size_t stride;
};

/** Two rows in one: number (i, j) holds (2i, j) in its lower half and (2i + 1, j), or 0, in its upper half.
 */
struct nn_pair_matrix {
    uint32_t *at;
    size_t stride;
};

/** Stride of rows of `columns` numbers: whole vectors, and not a multiple of 512 bytes, as nn_stride. */
static inline size_t nn_half_stride(size_t columns)
{
    const size_t vectors = (columns + NN_HALF_LANES - 1) / NN_HALF_LANES;
    return (vectors % 8 == 0 ? vectors + 1 : vectors) * NN_HALF_LANES;
}

/** The nearest bfloat16, the even one of two that are equally near; 0 for a subnormal number. Not for NaN. */
static inline nn_half nn_half_of(float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    if ((bits & 0x7F800000U) == 0) {
        return (nn_half)(bits >> 16 & 0x8000U);
    }
    return (nn_half)((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

#endif
