#include <math.h>

#include "core/nn/network.h"

double nn_eta_at(const struct nn_member_options *options, size_t epoch)
{
    return options->eta * pow(options->decay_factor, (double)((uint64_t)epoch / options->decay_every));
}
