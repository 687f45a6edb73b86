#include "core/base/vectorised.h"
#include "core/nn/layers.h"

EP_VECTORISED
void nn_add_bias(struct nn_matrix s, const nn_real *b, size_t rows, size_t width)
{
    for (size_t i = 0; i < rows; i++) {
        nn_real *row = s.at + i * s.stride;
        for (size_t j = 0; j < width; j++) {
            row[j] += b[j];
        }
    }
}

EP_VECTORISED
void nn_sum_rows(struct nn_const_matrix ds, nn_real *sums, size_t rows, size_t width)
{
    for (size_t j = 0; j < width; j++) {
        sums[j] = 0;
    }
    for (size_t i = 0; i < rows; i++) {
        const nn_real *row = ds.at + i * ds.stride;
        for (size_t j = 0; j < width; j++) {
            sums[j] += row[j];
        }
    }
}
