#include "core/nn/gemm.h"

#include <cblas.h>

#ifdef NN_DOUBLE
#define GEMM cblas_dgemm
#else
#define GEMM cblas_sgemm
#include "core/nn/gemm_libxsmm.h"
#include "core/nn/gemm_object.h"
#endif

/* c(n, m) = b · a(k, m), as gemm_libxsmm_multiply. */
static void multiply(const struct nn_gemm *gemm, const nn_real *a, const nn_real *b, bool b_turned,
                     nn_real *c, size_t m, size_t n, size_t k)
{
#ifdef NN_DOUBLE
    (void)gemm;
#else
    if (gemm->libxsmm && gemm_libxsmm_multiply(a, b, b_turned, c, m, n, k)) {
        return;
    }
#endif
    GEMM(CblasRowMajor, b_turned ? CblasTrans : CblasNoTrans, CblasNoTrans, (int)n, (int)m, (int)k, 1, b,
         (int)(b_turned ? n : k), a, (int)m, 0, c, (int)m);
}

void nn_gemm_forward(const struct nn_gemm *gemm, const nn_real *x, const nn_real *w, nn_real *s, size_t rows,
                     size_t in, size_t out)
{
    multiply(gemm, w, x, false, s, out, rows, in);
}

void nn_gemm_weight_gradient(const struct nn_gemm *gemm, const nn_real *x, const nn_real *ds, nn_real *dw,
                             size_t rows, size_t in, size_t out)
{
    multiply(gemm, ds, x, true, dw, out, in, rows);
}

/* LIBXSMM has no kernel for this one, which would need w turned over; it is a small part of all products. */
void nn_gemm_input_gradient(const struct nn_gemm *gemm, const nn_real *ds, const nn_real *w, nn_real *dx,
                            size_t rows, size_t in, size_t out)
{
    (void)gemm;
    GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)in, (int)out, 1, ds, (int)out, w, (int)out,
         0, dx, (int)in);
}
