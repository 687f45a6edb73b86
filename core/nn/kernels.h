#ifndef EP_NN_KERNELS_H
#define EP_NN_KERNELS_H

#include <stddef.h>

#include "core/nn/gemm.h"

/**
 * The engine's own kernels for the products of gemm.h, in float. Private to the products.
 *
 * Every instruction set gives the same bits: a forward sum is made of blocks of 1024 columns, each kept in
 * NN_LANES parts, which are chains of fused multiply-adds along the row and are added up in one fixed tree;
 * the sums of a gradient are one chain each. So a result depends neither on the processor nor on where in a
 * matrix, beside which others, or by which thread it was computed.
 */
struct nn_kernels {
    const char *name;
    void (*forward)(struct nn_const_matrix x, const struct nn_forward_task *tasks, size_t count, size_t rows,
                    size_t in);
    void (*input_gradient)(struct nn_const_matrix ds, struct nn_const_matrix w, struct nn_matrix dx,
                           size_t rows, size_t in, size_t out);
    void (*descend)(struct nn_const_matrix x, const struct nn_descend_task *tasks, size_t count, size_t rows,
                    size_t in);
};

/** The products of a first layer with bfloat16 inputs; see nn_gemm_forward16 and those behind it. */
struct nn_kernels16 {
    void (*forward)(struct nn_half_matrix x, const struct nn_forward_task *tasks, size_t count, size_t rows,
                    size_t in);
    void (*descend)(struct nn_pair_matrix x, const struct nn_descend_task *tasks, size_t count, size_t pairs,
                    size_t in);
    void (*round)(struct nn_const_matrix x, size_t rows, size_t columns, struct nn_half_matrix halves,
                  struct nn_pair_matrix pairs);
};

/** NULL where the processor lacks AVX512_BF16. */
const struct nn_kernels16 *nn_kernels_bf16(void);

/** The kernels of an instruction set; NULL where the processor does not have it. */
const struct nn_kernels *nn_kernels_avx512(void);
const struct nn_kernels *nn_kernels_avx2(void);

#endif
