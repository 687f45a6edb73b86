#include "core/nn/descent.h"

#include <math.h>

#include "core/base/vectorised.h"

#ifdef NN_DOUBLE
#define SQRT sqrt
#else
#define SQRT sqrtf
#endif

EP_VECTORISED
static void heavy_ball(struct nn_slots slots, const nn_real *g, size_t count, struct nn_descent d)
{
    nn_real *restrict w = slots.theta;
    nn_real *restrict v = slots.velocity;
    for (size_t i = 0; i < count; i++) {
        v[i] = d.momentum * v[i] - d.eta * (g[i] + d.decay * w[i]);
        w[i] += v[i];
    }
}

EP_VECTORISED
static void nesterov(struct nn_slots slots, const nn_real *g, size_t count, struct nn_descent d)
{
    nn_real *restrict w = slots.theta;
    nn_real *restrict v = slots.velocity;
    for (size_t i = 0; i < count; i++) {
        const nn_real step = d.eta * (g[i] + d.decay * w[i]);
        v[i] = d.momentum * v[i] - step;
        w[i] += d.momentum * v[i] - step;
    }
}

EP_VECTORISED
static void adam(struct nn_slots slots, const nn_real *g, size_t count, struct nn_descent d)
{
    nn_real *restrict w = slots.theta;
    nn_real *restrict v = slots.velocity;
    nn_real *restrict u = slots.square;
    for (size_t i = 0; i < count; i++) {
        const nn_real slope = g[i] + d.decay * w[i];
        v[i] = d.momentum * v[i] + d.fresh * slope;
        u[i] = d.memory * u[i] + d.surprise * (slope * slope);
        w[i] -= d.eta * v[i] / (SQRT(u[i]) + d.epsilon);
    }
}

void nn_descend(struct nn_slots slots, const nn_real *gradient, size_t count,
                const struct nn_descent *descent)
{
    switch (descent->rule) {
    case NN_RULE_HEAVY_BALL:
        heavy_ball(slots, gradient, count, *descent);
        break;
    case NN_RULE_NESTEROV:
        nesterov(slots, gradient, count, *descent);
        break;
    case NN_RULE_ADAM:
        adam(slots, gradient, count, *descent);
        break;
    }
}
