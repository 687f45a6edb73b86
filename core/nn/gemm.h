#ifndef EP_NN_GEMM_H
#define EP_NN_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/nn/descent.h"
#include "core/nn/half.h"
#include "core/nn/matrix.h"

/**
 * The three matrix products of a dense layer, and what computes them. `rows` is the number of images, `in`
 * and `out` the layer's widths; weights are (out, in), a row for each unit. Every call runs on the calling
 * thread alone; calls from different threads are independent.
 *
 * The results of the engine's own kernels (kernels.h) are the same bits on every processor. Those of the
 * libraries differ from them, and from processor to processor, in the last bits.
 */

enum nn_gemm_choice {
    NN_GEMM_AUTO,     /**< the engine's kernels for the widest vectors here, otherwise OpenBLAS */
    NN_GEMM_AVX512,   /**< the engine's kernels for AVX-512 */
    NN_GEMM_AVX2,     /**< the engine's kernels for AVX2 */
    NN_GEMM_LIBXSMM,  /**< LIBXSMM, with OpenBLAS for the products that it has no kernel for */
    NN_GEMM_OPENBLAS, /**< OpenBLAS alone */
};

/** Names of the choices in their order, NULL-terminated. */
extern const char *const nn_gemm_choices[];

/** What computes products: const after it was made, and shared by all threads. */
struct nn_gemm;

/**
 * Sets OpenBLAS to one thread per call, and compares each product of the choice with a plain loop on several
 * shapes; AUTO goes on to OpenBLAS when the kernels do not pass. Call it before any thread starts, and
 * release it with nn_gemm_destroy. EP_INTERNAL: a product is wrong, or OpenBLAS cannot be used from several
 * threads; EP_UNAVAILABLE: the choice does not work here; EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status nn_gemm_create(enum nn_gemm_choice choice, struct nn_gemm **gemm,
                                           struct ep_error *error);

/**
 * As nn_gemm_create for a choice whose results are the same bits on every processor with AVX2: EP_UNAVAILABLE
 * also for one that computes otherwise, so AUTO does not go on to OpenBLAS.
 */
EP_NODISCARD enum ep_status nn_gemm_create_portable(enum nn_gemm_choice choice, struct nn_gemm **gemm,
                                                    struct ep_error *error);

/** NULL is fine. */
void nn_gemm_destroy(struct nn_gemm *gemm);

/** What computes the products, for people: "AVX-512 kernels; OpenBLAS 0.3.21 …". */
const char *nn_gemm_description(const struct nn_gemm *gemm);

/**
 * Whether a product may be cut into parts of its rows and columns without changing a bit of the result, so
 * that threads can share it.
 */
bool nn_gemm_divisible(const struct nn_gemm *gemm);

/** One network's share of a forward product: s(rows, out) = x · w(out, in)ᵀ. */
struct nn_forward_task {
    struct nn_const_matrix w;
    struct nn_matrix s;
    size_t out;
    struct nn_half_matrix w16; /**< instead of w in nn_gemm_forward16 */
};

/**
 * Forward products of `count` networks that see the same x(rows, in). Here and below the double build uses
 * OpenBLAS whatever `gemm` is, which may be NULL there.
 */
void nn_gemm_forward(const struct nn_gemm *gemm, struct nn_const_matrix x,
                     const struct nn_forward_task *tasks, size_t count, size_t rows, size_t in);

/** dx(rows, in) = ds(rows, out) · w(out, in); the zeros behind a row of dx are written too. */
void nn_gemm_input_gradient(const struct nn_gemm *gemm, struct nn_const_matrix ds, struct nn_const_matrix w,
                            struct nn_matrix dx, size_t rows, size_t in, size_t out);

/** One network's share of a step: w(out, in) goes along the gradient ds(rows, out)ᵀ · x. */
struct nn_descend_task {
    struct nn_const_matrix ds;
    struct nn_slots w;
    size_t out;
    const struct nn_descent *descent;
    struct nn_pair_matrix ds16; /**< instead of ds in nn_gemm_descend16 */
    struct nn_half_matrix w16;  /**< there the new weights are left here too, rounded */
};

/** Numbers of scratch that nn_gemm_descend needs; false when that overflows. */
EP_NODISCARD bool nn_gemm_scratch(size_t in, size_t out, size_t *numbers);

/** Steps of `count` networks that have seen the same x(rows, in). No two threads share the scratch. */
void nn_gemm_descend(const struct nn_gemm *gemm, struct nn_const_matrix x,
                     const struct nn_descend_task *tasks, size_t count, size_t rows, size_t in,
                     nn_real *scratch);

/** Whether the products with bfloat16 inputs below can be computed; those of the double build never can. */
bool nn_gemm_has_bf16(const struct nn_gemm *gemm);

/** As nn_gemm_forward, of bfloat16 x(rows, in) and weights with sums in float. */
void nn_gemm_forward16(const struct nn_gemm *gemm, struct nn_half_matrix x,
                       const struct nn_forward_task *tasks, size_t count, size_t rows, size_t in);

/** As nn_gemm_descend, of bfloat16 x and ds, both in pairs of rows, on weights in float. */
void nn_gemm_descend16(const struct nn_gemm *gemm, struct nn_pair_matrix x,
                       const struct nn_descend_task *tasks, size_t count, size_t pairs, size_t in);

/** Rounds x(rows, columns) to `halves`, to `pairs`, or to both; what is not wanted is NULL. */
void nn_gemm_round16(const struct nn_gemm *gemm, struct nn_const_matrix x, size_t rows, size_t columns,
                     struct nn_half_matrix halves, struct nn_pair_matrix pairs);

#endif
