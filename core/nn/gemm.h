#ifndef EP_NN_GEMM_H
#define EP_NN_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/nn/real.h"

/**
 * The three matrix products of a dense layer, and what computes them. All matrices are row-major and dense.
 * `rows` is the number of images, `in` and `out` the layer's widths. Every call runs on the calling thread
 * alone; calls from different threads are independent.
 *
 * LIBXSMM makes kernels for the exact shape while the program runs; OpenBLAS has general ones. The results of
 * the two differ in their last bits.
 */

enum nn_gemm_choice {
    NN_GEMM_AUTO,     /**< LIBXSMM where it works and the processor has AVX2, otherwise OpenBLAS */
    NN_GEMM_LIBXSMM,  /**< LIBXSMM, with OpenBLAS for the products that it has no kernel for */
    NN_GEMM_OPENBLAS, /**< OpenBLAS alone */
};

/** Names of the choices in their order, NULL-terminated. */
extern const char *const nn_gemm_choices[];

/** What computes products: const after it was made, and shared by all threads. */
struct nn_gemm;

/**
 * Sets OpenBLAS to one thread per call, and compares each product of the choice with a plain loop on several
 * shapes; AUTO falls back to OpenBLAS when LIBXSMM does not pass. Call it before any thread starts, and
 * release it with nn_gemm_destroy. EP_INTERNAL: a product is wrong, or OpenBLAS cannot be used from several
 * threads; EP_UNAVAILABLE: LIBXSMM was asked for and does not work here; EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status nn_gemm_create(enum nn_gemm_choice choice, struct nn_gemm **gemm,
                                           struct ep_error *error);

/** NULL is fine. */
void nn_gemm_destroy(struct nn_gemm *gemm);

/** What computes the products, for people: "LIBXSMM 1.17 cpx; OpenBLAS 0.3.21 … Cooperlake …". */
const char *nn_gemm_description(const struct nn_gemm *gemm);

/**
 * s(rows, out) = x(rows, in) · w(in, out). Here and below the double build uses OpenBLAS whatever `gemm` is,
 * which may be NULL there.
 */
void nn_gemm_forward(const struct nn_gemm *gemm, const nn_real *x, const nn_real *w, nn_real *s, size_t rows,
                     size_t in, size_t out);

/** dw(in, out) = x(rows, in)ᵀ · ds(rows, out) */
void nn_gemm_weight_gradient(const struct nn_gemm *gemm, const nn_real *x, const nn_real *ds, nn_real *dw,
                             size_t rows, size_t in, size_t out);

/** dx(rows, in) = ds(rows, out) · w(in, out)ᵀ */
void nn_gemm_input_gradient(const struct nn_gemm *gemm, const nn_real *ds, const nn_real *w, nn_real *dx,
                            size_t rows, size_t in, size_t out);

#endif
