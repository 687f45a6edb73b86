#include <math.h>

#include "core/nn/network.h"

double nn_eta_at(const struct nn_member_options *options, size_t epoch)
{
    if (epoch < options->warm_up) {
        return options->eta * (double)(epoch + 1) / (double)(options->warm_up + 1);
    }
    const uint64_t since = (uint64_t)epoch - options->warm_up;
    if (options->schedule == NN_COSINE) {
        const double share = (double)since / (double)(options->epochs - options->warm_up);
        return options->eta * (1 + cos(M_PI * share)) / 2;
    }
    const uint64_t decays = since / options->decay_every;
    return options->eta * pow(options->decay_factor, (double)decays);
}
