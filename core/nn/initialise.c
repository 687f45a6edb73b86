#include <math.h>

#include "core/base/random.h"
#include "core/nn/layers.h"

static double deviation(const struct nn_member_options *options, size_t in, size_t out)
{
    switch (options->init) {
    case NN_INIT_HE:
        return sqrt(2.0 / (double)in);
    case NN_INIT_XAVIER:
        return sqrt(2.0 / ((double)in + (double)out));
    case NN_INIT_GAUSSIAN:
        break;
    }
    return options->init_std;
}

void nn_initialise(struct nn_matrix w, size_t in, size_t out, uint32_t layer,
                   const struct nn_member_options *options)
{
    const size_t counted = layer == 0 && options->init_inputs > 0 ? options->init_inputs : in;
    const double std = deviation(options, counted, out);
    enum { CHUNK = 1024 };
    double normals[CHUNK];
    const size_t count = in * out;
    for (size_t first = 0; first < count; first += CHUNK) {
        const size_t length = count - first < CHUNK ? count - first : CHUNK;
        ep_random_normals(options->seed, EP_RANDOM_WEIGHTS, layer, first, normals, length);
        for (size_t i = 0; i < length; i++) {
            const size_t input = (first + i) / out;
            const size_t unit = (first + i) % out;
            w.at[unit * w.stride + input] = (nn_real)(std * normals[i]);
        }
    }
}
