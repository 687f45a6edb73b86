#include "core/nn/gemm.h"
#include "core/nn/layers.h"
#include "core/nn/vectorised.h"

void nn_dense_forward(const struct nn_gemm *gemm, const nn_real *x, const nn_real *w, const nn_real *b,
                      nn_real *s, size_t rows, size_t in, size_t out)
{
    nn_gemm_forward(gemm, x, w, s, rows, in, out);
    if (b == NULL) {
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        nn_real *row = s + i * out;
        for (size_t j = 0; j < out; j++) {
            row[j] += b[j];
        }
    }
}

void nn_dense_backward_input(const struct nn_gemm *gemm, const nn_real *ds, const nn_real *w, nn_real *dx,
                             size_t rows, size_t in, size_t out)
{
    nn_gemm_input_gradient(gemm, ds, w, dx, rows, in, out);
}

void nn_dense_backward_weight(const struct nn_gemm *gemm, const nn_real *x, const nn_real *ds, nn_real *dw,
                              size_t rows, size_t in, size_t out)
{
    nn_gemm_weight_gradient(gemm, x, ds, dw, rows, in, out);
}

NN_VECTORISED
void nn_dense_backward_bias(const nn_real *ds, nn_real *db, size_t rows, size_t out)
{
    for (size_t j = 0; j < out; j++) {
        db[j] = 0;
    }
    for (size_t i = 0; i < rows; i++) {
        const nn_real *row = ds + i * out;
        for (size_t j = 0; j < out; j++) {
            db[j] += row[j];
        }
    }
}
