#include <math.h>

#include "core/nn/network.h"

double nn_eta_at(const struct nn_member_options *options, size_t epoch)
{
    const uint64_t decays = (uint64_t)epoch / options->decay_every;
    return options->eta * pow(options->decay_factor, (double)decays);
}
