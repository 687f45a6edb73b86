#include "core/nn/gemm.h"

#include <cblas.h>

#ifdef NN_DOUBLE
#define GEMM cblas_dgemm
#else
#define GEMM cblas_sgemm
#endif

void nn_gemm_forward(const nn_real *x, const nn_real *w, nn_real *s, size_t rows, size_t in, size_t out)
{
    GEMM(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)out, (int)in, 1, x, (int)in, w, (int)out,
         0, s, (int)out);
}

void nn_gemm_weight_gradient(const nn_real *x, const nn_real *ds, nn_real *dw, size_t rows, size_t in,
                             size_t out)
{
    GEMM(CblasRowMajor, CblasTrans, CblasNoTrans, (int)in, (int)out, (int)rows, 1, x, (int)in, ds, (int)out,
         0, dw, (int)out);
}

void nn_gemm_input_gradient(const nn_real *ds, const nn_real *w, nn_real *dx, size_t rows, size_t in,
                            size_t out)
{
    GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)in, (int)out, 1, ds, (int)out, w, (int)out,
         0, dx, (int)in);
}
