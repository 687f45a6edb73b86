#include <math.h>

#include "core/base/vectorised.h"
#include "core/nn/layers.h"

#ifdef NN_DOUBLE
#define TANH tanh
#else
#define TANH tanhf
#endif

EP_VECTORISED
static void relu_forward(const nn_real *s, nn_real *a, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        a[i] = s[i] < 0 ? 0 : s[i]; /* lets NaN through, so that it is noticed */
    }
}

EP_VECTORISED
static void relu_backward(const nn_real *a, nn_real *da, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        da[i] = a[i] > 0 ? da[i] : 0;
    }
}

EP_VECTORISED
static void leak_forward(const nn_real *s, nn_real *a, size_t count)
{
    const nn_real leak = (nn_real)NN_LEAK;
    for (size_t i = 0; i < count; i++) {
        a[i] = s[i] < 0 ? leak * s[i] : s[i];
    }
}

EP_VECTORISED
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

EP_VECTORISED
static void tanh_backward(const nn_real *a, nn_real *da, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        da[i] *= 1 - a[i] * a[i];
    }
}

void nn_activation_forward(enum nn_activation activation, struct nn_const_matrix s, struct nn_matrix a,
                           size_t rows, size_t width)
{
    for (size_t i = 0; i < rows; i++) {
        const nn_real *from = s.at + i * s.stride;
        nn_real *to = a.at + i * a.stride;
        switch (activation) {
        case NN_RELU:
            relu_forward(from, to, width);
            break;
        case NN_LEAKY_RELU:
            leak_forward(from, to, width);
            break;
        case NN_TANH:
            tanh_forward(from, to, width);
            break;
        }
    }
}

void nn_activation_backward(enum nn_activation activation, struct nn_const_matrix a, struct nn_matrix da,
                            size_t rows, size_t width)
{
    for (size_t i = 0; i < rows; i++) {
        const nn_real *result = a.at + i * a.stride;
        nn_real *slope = da.at + i * da.stride;
        switch (activation) {
        case NN_RELU:
            relu_backward(result, slope, width);
            break;
        case NN_LEAKY_RELU:
            leak_backward(result, slope, width);
            break;
        case NN_TANH:
            tanh_backward(result, slope, width);
            break;
        }
    }
}
