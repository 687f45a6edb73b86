#include "core/nn/layers.h"
#include "core/nn/vectorised.h"

NN_VECTORISED
void nn_relu_forward(const nn_real *s, nn_real *a, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        a[i] = s[i] < 0 ? 0 : s[i]; /* lets NaN through, so that it is noticed */
    }
}

NN_VECTORISED
void nn_relu_backward(const nn_real *a, nn_real *da, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        da[i] = a[i] > 0 ? da[i] : 0;
    }
}
