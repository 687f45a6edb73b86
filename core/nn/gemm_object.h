#ifndef EP_NN_GEMM_OBJECT_H
#define EP_NN_GEMM_OBJECT_H

#include <stdbool.h>

#include "core/nn/kernels.h"

/** What is in a struct nn_gemm. Private to the products. */
struct nn_gemm {
    const struct nn_kernels *kernels;     /**< compute all products; NULL: a library does */
    const struct nn_kernels16 *kernels16; /**< of a first layer in bfloat16; NULL: there are none */
    bool libxsmm;                         /**< comes before OpenBLAS */
    char description[256];                /**< for people */
};

#endif
