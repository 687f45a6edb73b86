#ifndef EP_NN_GEMM_OBJECT_H
#define EP_NN_GEMM_OBJECT_H

#include <stdbool.h>

/** What is in a struct nn_gemm. Private to the products. */
struct nn_gemm {
    bool libxsmm;          /**< first choice for products in float */
    char description[256]; /**< for people */
};

#endif
