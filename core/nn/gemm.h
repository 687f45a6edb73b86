#ifndef EP_NN_GEMM_H
#define EP_NN_GEMM_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/nn/real.h"

/**
 * The three matrix products of a dense layer. All matrices are row-major and dense. `rows` is the number of
 * images, `in` and `out` the layer's widths. Every call runs on the calling thread alone; calls from
 * different threads are independent. Call nn_gemm_start once before any thread starts.
 */

/**
 * Sets the library to one thread per call and compares each product with a plain loop on several shapes.
 * EP_INTERNAL when a product is wrong or the library cannot be used from several threads.
 */
EP_NODISCARD enum ep_status nn_gemm_start(struct ep_error *error);

/** What computes the products, for people: "OpenBLAS 0.3.21 SkylakeX". Valid until the program ends. */
const char *nn_gemm_description(void);

/** s(rows, out) = x(rows, in) · w(in, out) */
void nn_gemm_forward(const nn_real *x, const nn_real *w, nn_real *s, size_t rows, size_t in, size_t out);

/** dw(in, out) = x(rows, in)ᵀ · ds(rows, out) */
void nn_gemm_weight_gradient(const nn_real *x, const nn_real *ds, nn_real *dw, size_t rows, size_t in,
                             size_t out);

/** dx(rows, in) = ds(rows, out) · w(in, out)ᵀ */
void nn_gemm_input_gradient(const nn_real *ds, const nn_real *w, nn_real *dx, size_t rows, size_t in,
                            size_t out);

#endif
