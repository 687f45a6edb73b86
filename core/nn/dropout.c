#include "core/base/random.h"
#include "core/nn/layers.h"

/* Mini-batches have fewer rows than this, so that (step, row) is one number. */
static const uint64_t rows_most = (uint64_t)1 << 20;

/* Units behind one block of random numbers: four words of 32 bits. */
enum { BLOCK = 4 };

void nn_dropout_apply(const struct nn_dropout *dropout, size_t first_row, struct nn_const_matrix x,
                      struct nn_matrix y, size_t rows, size_t width)
{
    const uint32_t limit = (uint32_t)(dropout->rate * 0x1p32);
    const nn_real scale = (nn_real)(1.0 / (1.0 - dropout->rate));
    const uint64_t blocks = (width + BLOCK - 1) / BLOCK;
    for (size_t i = 0; i < rows; i++) {
        const uint64_t row = dropout->step * rows_most + first_row + i;
        const nn_real *from = x.at + i * x.stride;
        nn_real *to = y.at + i * y.stride;
        for (size_t j = 0; j < width; j += BLOCK) {
            uint32_t words[BLOCK];
            ep_random_block(dropout->seed, EP_RANDOM_DROPOUT, dropout->layer, row * blocks + j / BLOCK,
                            words);
            for (size_t k = 0; k < BLOCK && j + k < width; k++) {
                to[j + k] = words[k] < limit ? 0 : from[j + k] * scale;
            }
        }
    }
}
