#ifndef EP_NN_GEMM_LIBXSMM_H
#define EP_NN_GEMM_LIBXSMM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/nn/matrix.h"

/** Products by LIBXSMM's kernels (Heinecke et al., SC 2016). Private to the products. */

/** Whether LIBXSMM can make kernels on this processor; also gets it ready. One thread, once. */
bool gemm_libxsmm_start(void);

/** Name of the instruction set that its kernels use: "skx". */
const char *gemm_libxsmm_target(void);

/** Its version: "1.17". */
const char *gemm_libxsmm_version(void);

/**
 * c(n, m) = b · a(k, m), where b is (n, k), or (k, n) and turned over. False, and c untouched, when there is
 * no kernel.
 */
bool gemm_libxsmm_multiply(struct nn_const_matrix a, struct nn_const_matrix b, bool b_turned,
                           struct nn_matrix c, size_t m, size_t n, size_t k);

#endif
