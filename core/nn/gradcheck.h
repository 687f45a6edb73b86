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

struct nn_gradcheck_result {
    size_t checked;         /**< parameters compared */
    double worst;           /**< largest relative error |a − n| / max(|a| + |n|, 5e-9 / h) */
    double mean;            /**< mean of it */
    size_t worst_parameter; /**< where in the parameter vector the largest is */
    size_t kinked; /**< parameters left out because a ReLU changed sides between θ − h and θ + h */
};

/**
 * Checks every parameter of a new network with `options` (its eta, momentum and decay play no part) on one
 * mini-batch. x: (rows, features), labels: (rows). Two centred differences, of steps h and h / 2, must agree
 * for a parameter to count; where they do not, the cost has a kink in between and the parameter is counted in
 * `kinked`. EP_NO_MEMORY, or as nn_bank_create.
 */
EP_NODISCARD enum ep_status nn_gradcheck(const struct nn_shape *shape,
                                         const struct nn_member_options *options, const double *x,
                                         const uint8_t *labels, size_t rows,
                                         struct nn_gradcheck_result *result, struct ep_error *error);

#endif
