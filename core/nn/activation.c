#include <math.h>

#include "core/nn/layers.h"
#include "core/nn/vectorised.h"

#ifdef NN_DOUBLE
#define TANH tanh
#else
#define TANH tanhf
#endif

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

NN_VECTORISED
static void leak_forward(const nn_real *s, nn_real *a, size_t count)
{
    const nn_real leak = (nn_real)NN_LEAK;
    for (size_t i = 0; i < count; i++) {
        a[i] = s[i] < 0 ? leak * s[i] : s[i];
    }
}

NN_VECTORISED
static void leak_backward(const nn_real *a, nn_real *da, size_t count)
{
    const nn_real leak = (nn_real)NN_LEAK;
    for (size_t i = 0; i < count; i++) {
        da[i] = a[i] > 0 ? da[i] : leak * da[i];
    }
}

static void tanh_forward(const nn_real *s, nn_real *a, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        a[i] = TANH(s[i]);
    }
}

NN_VECTORISED
static void tanh_backward(const nn_real *a, nn_real *da, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        da[i] *= 1 - a[i] * a[i];
    }
}

void nn_activation_forward(enum nn_activation activation, const nn_real *s, nn_real *a, size_t count)
{
    switch (activation) {
    case NN_RELU:
        nn_relu_forward(s, a, count);
        break;
    case NN_LEAKY_RELU:
        leak_forward(s, a, count);
        break;
    case NN_TANH:
        tanh_forward(s, a, count);
        break;
    }
}

void nn_activation_backward(enum nn_activation activation, const nn_real *a, nn_real *da, size_t count)
{
    switch (activation) {
    case NN_RELU:
        nn_relu_backward(a, da, count);
        break;
    case NN_LEAKY_RELU:
        leak_backward(a, da, count);
        break;
    case NN_TANH:
        tanh_backward(a, da, count);
        break;
    }
}
