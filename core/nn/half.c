#include "core/base/vectorised.h"
#include "core/nn/layers.h"

EP_VECTORISED
static void round_pair(const nn_real *restrict even, const nn_real *restrict odd, uint32_t *restrict to,
                       size_t width)
{
    for (size_t j = 0; j < width; j++) {
        to[j] = (uint32_t)nn_half_of((float)odd[j]) << 16 | nn_half_of((float)even[j]);
    }
}

void nn_round_gradient(struct nn_const_matrix ds, size_t rows, size_t width, struct nn_pair_matrix pairs)
{
    for (size_t i = 0; i + 1 < rows; i += 2) {
        const nn_real *row = ds.at + i * ds.stride;
        round_pair(row, row + ds.stride, pairs.at + i / 2 * pairs.stride, width);
    }
    for (size_t j = 0; j < width && rows % 2 == 1; j++) {
        pairs.at[rows / 2 * pairs.stride + j] = nn_half_of((float)ds.at[(rows - 1) * ds.stride + j]);
    }
}
