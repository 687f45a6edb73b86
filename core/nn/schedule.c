#include <math.h>

#include "core/nn/network.h"

/* η's share of itself `since` epochs after the warm-up. */
static double share_at(const struct nn_member_options *options, uint64_t since)
{
    switch (options->schedule) {
    case NN_COSINE:
        return (1 + cos(M_PI * (double)since / (double)(options->epochs - options->warm_up))) / 2;
    case NN_TRIANGULAR: {
        const uint64_t at = since % (2 * options->decay_every);
        const uint64_t from_low = at <= options->decay_every ? at : 2 * options->decay_every - at;
        const double rise = (double)from_low / (double)options->decay_every;
        return options->decay_factor + (1 - options->decay_factor) * rise;
    }
    case NN_CONSTANT:
        return 1;
    case NN_STEP:
        break;
    }
    const uint64_t reductions = since / options->decay_every;
    return pow(options->decay_factor, (double)reductions);
}

double nn_eta_at(const struct nn_member_options *options, size_t epoch)
{
    if (epoch < options->warm_up) {
        return options->eta * (double)(epoch + 1) / (double)(options->warm_up + 1);
    }
    return options->eta * share_at(options, (uint64_t)epoch - options->warm_up);
}
