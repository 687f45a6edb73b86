#ifndef EP_NN_GRADCHECK_H
#define EP_NN_GRADCHECK_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/nn/network.h"

/**
 * Compares the gradient that a training step follows with centred differences of the cost, in double
 * precision, on the engine's own sources compiled for it.
 */

enum nn_kind { NN_KIND_WEIGHT, NN_KIND_BIAS, NN_KIND_SCALE, NN_KIND_SHIFT };

/** "weight" and so on; never NULL. */
const char *nn_kind_name(enum nn_kind kind);

/** What was found of a layer's parameters of one kind. */
struct nn_gradcheck_part {
    size_t layer; /**< from 0 */
    enum nn_kind kind;
    size_t parameters; /**< that there are */
    size_t checked;    /**< that were compared */
    size_t kinked;     /**< left out: an activation has its kink between θ − h and θ + h */
    double worst;      /**< largest relative error |a − n| / max(|a| + |n|, 5e-9 / h) */
    double mean;       /**< mean of it */
    size_t worst_at;   /**< the parameter of the largest one, in the part */
};

/** Parts that a network can have: weights and a bias, or weights, scale and shift, in each layer. */
enum { NN_GRADCHECK_PARTS = 3 * NN_LAYERS_MAX };

struct nn_gradcheck_result {
    size_t count;
    struct nn_gradcheck_part parts[NN_GRADCHECK_PARTS]; /**< (count), layer by layer */
};

struct nn_gradcheck_plan {
    const double *x;       /**< (rows, features), dense */
    const uint8_t *labels; /**< (rows) */
    size_t rows;
    size_t samples; /**< most parameters of a part to check, spread over it at random; 0: all */
    uint64_t seed;  /**< of the sample */
    /** Asked before each parameter, with those done so far; false ends the check with EP_CANCELLED. May be
     * NULL. */
    bool (*go_on)(void *context, size_t done);
    void *context;
};

/** Parameters that a check of `samples` a part looks at; EP_INVALID, EP_TOO_LARGE as nn_layout_of. */
EP_NODISCARD enum ep_status nn_gradcheck_count(const struct nn_shape *shape, size_t samples, size_t *count,
                                               struct ep_error *error);

/**
 * Checks a new network with `options` (its eta, momentum, optimiser and decay play no part) on one
 * mini-batch. Two centred differences, of steps h and h / 2, must agree for a parameter to count, and the
 * slope must not break at θ; else the cost has a kink there and the parameter is counted as kinked.
 * EP_DIVERGED: the cost is not finite; EP_CANCELLED; EP_NO_MEMORY; or as nn_bank_create.
 */
EP_NODISCARD enum ep_status nn_gradcheck(const struct nn_shape *shape,
                                         const struct nn_member_options *options,
                                         const struct nn_gradcheck_plan *plan,
                                         struct nn_gradcheck_result *result, struct ep_error *error);

#endif
