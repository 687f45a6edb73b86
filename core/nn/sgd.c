#include "core/nn/layers.h"
#include "core/nn/vectorised.h"

NN_VECTORISED
void nn_sgd_update(nn_real *w, nn_real *v, const nn_real *g, size_t count, struct nn_sgd sgd)
{
    const nn_real decay = 2 * sgd.lambda;
    for (size_t i = 0; i < count; i++) {
        v[i] = sgd.momentum * v[i] - sgd.eta * (g[i] + decay * w[i]);
        w[i] += v[i];
    }
}
