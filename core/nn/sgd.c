#include "core/nn/layers.h"
#include "core/nn/vectorised.h"

NN_VECTORISED
static void heavy_ball(nn_real *w, nn_real *v, const nn_real *g, size_t count, struct nn_sgd sgd)
{
    const nn_real decay = 2 * sgd.lambda;
    for (size_t i = 0; i < count; i++) {
        v[i] = sgd.momentum * v[i] - sgd.eta * (g[i] + decay * w[i]);
        w[i] += v[i];
    }
}

NN_VECTORISED
static void look_ahead(nn_real *w, nn_real *v, const nn_real *g, size_t count, struct nn_sgd sgd)
{
    const nn_real decay = 2 * sgd.lambda;
    for (size_t i = 0; i < count; i++) {
        const nn_real step = sgd.eta * (g[i] + decay * w[i]);
        v[i] = sgd.momentum * v[i] - step;
        w[i] += sgd.momentum * v[i] - step;
    }
}

void nn_sgd_update(nn_real *w, nn_real *v, const nn_real *g, size_t count, struct nn_sgd sgd)
{
    if (sgd.nesterov) {
        look_ahead(w, v, g, count, sgd);
    } else {
        heavy_ball(w, v, g, count, sgd);
    }
}
