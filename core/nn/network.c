#include "core/nn/network.h"

#include <limits.h>

#include "core/base/memory.h"

bool nn_layer_normalised(const struct nn_shape *shape, size_t layer)
{
    return shape->batch_norm && layer + 1 < shape->layers;
}

static enum ep_status check_shape(const struct nn_shape *shape, struct ep_error *error)
{
    if (shape->layers == 0 || shape->layers > NN_LAYERS_MAX) {
        return ep_fail(error, EP_INVALID, "a network has 1 to %d layers, not %zu", NN_LAYERS_MAX,
                       shape->layers);
    }
    for (size_t l = 0; l <= shape->layers; l++) {
        if (shape->width[l] == 0) {
            return ep_fail(error, EP_INVALID, "layer %zu of the network has no units", l);
        }
        if (shape->width[l] > INT_MAX) {
            return ep_fail(error, EP_TOO_LARGE, "layer %zu of the network has %zu units; %d is the most", l,
                           shape->width[l], INT_MAX);
        }
    }
    return EP_OK;
}

/* Adds layer l to the layout; false when a size overflows. */
static bool place_layer(const struct nn_shape *shape, size_t l, struct nn_layout *layout)
{
    const size_t out = shape->width[l + 1];
    size_t weights;
    if (!ep_size_multiply(shape->width[l], out, &weights)) {
        return false;
    }
    layout->weight[l] = layout->parameters;
    if (!ep_size_add(layout->parameters, weights, &layout->parameters)) {
        return false;
    }
    layout->has_bias[l] = !nn_layer_normalised(shape, l);
    if (layout->has_bias[l]) {
        layout->bias[l] = layout->parameters;
        return ep_size_add(layout->parameters, out, &layout->parameters);
    }
    layout->has_scale[l] = shape->scale_shift;
    if (layout->has_scale[l]) {
        layout->scale[l] = layout->parameters;
        if (!ep_size_add(layout->parameters, 2 * out, &layout->parameters)) {
            return false;
        }
    }
    layout->mean[l] = layout->statistics;
    layout->variance[l] = layout->statistics + out;
    return ep_size_add(layout->statistics, 2 * out, &layout->statistics);
}

enum ep_status nn_layout_of(const struct nn_shape *shape, struct nn_layout *layout, struct ep_error *error)
{
    const enum ep_status status = check_shape(shape, error);
    if (status != EP_OK) {
        return status;
    }
    *layout = (struct nn_layout){0};
    for (size_t l = 0; l < shape->layers; l++) {
        if (!place_layer(shape, l, layout)) {
            return ep_fail(error, EP_TOO_LARGE, "the network has more parameters than can be counted");
        }
    }
    return EP_OK;
}

double nn_forward_flops(const struct nn_shape *shape)
{
    double flops = 0;
    for (size_t l = 0; l < shape->layers; l++) {
        flops += 2.0 * (double)shape->width[l] * (double)shape->width[l + 1];
    }
    return flops;
}

double nn_training_flops(const struct nn_shape *shape)
{
    const double first = 2.0 * (double)shape->width[0] * (double)shape->width[1];
    return 3.0 * nn_forward_flops(shape) - first;
}
