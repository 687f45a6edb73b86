#ifndef EP_NN_DESCENT_H
#define EP_NN_DESCENT_H

#include <stddef.h>

#include "core/nn/matrix.h"

/** One step of gradient descent of some parameters θ with gradient g, to which 2λθ of the penalty is added.
 */

enum nn_rule {
    /** v ← momentum·v − η·g;  θ ← θ + v (Rumelhart, Hinton, Williams 1986) */
    NN_RULE_HEAVY_BALL,
    /**
     * The same v;  θ ← θ + momentum·v − η·g: Sutskever, Martens, Dahl, Hinton, ICML 2013, in the variables of
     * Bengio, Boulanger-Lewandowski, Pascanu, ICASSP 2013, equation 7
     */
    NN_RULE_NESTEROV,
    /**
     * v ← β₁·v + (1 − β₁)·g;  u ← β₂·u + (1 − β₂)·g²;  θ ← θ − η′·v / (√u + ε′): Kingma, Ba, ICLR 2015, in
     * the order of computation of the end of its section 2
     */
    NN_RULE_ADAM,
};

/** Constants of one step. The last four are Adam's. */
struct nn_descent {
    enum nn_rule rule;
    nn_real eta; /**< η; for Adam η′ = η·√(1 − β₂ᵗ) / (1 − β₁ᵗ) in step t, counted from 1 */
    nn_real momentum; /**< for Adam β₁ */
    nn_real decay;    /**< 2λ */
    nn_real fresh;    /**< 1 − β₁ */
    nn_real memory;   /**< β₂ */
    nn_real surprise; /**< 1 − β₂ */
    nn_real epsilon;  /**< ε′ = ε·√(1 − β₂ᵗ) */
};

/** Parameters and what is remembered of them, three matrices of one stride. */
struct nn_slots {
    nn_real *theta;
    nn_real *velocity; /**< v */
    nn_real *square;   /**< u; NULL unless the rule is NN_RULE_ADAM */
    size_t stride;
};

/** The slots that start at a row and a column. */
static inline struct nn_slots nn_slots_at(struct nn_slots slots, size_t row, size_t column)
{
    const size_t offset = row * slots.stride + column;
    return (struct nn_slots){
        .theta = slots.theta + offset,
        .velocity = slots.velocity + offset,
        .square = slots.square == NULL ? NULL : slots.square + offset,
        .stride = slots.stride,
    };
}

/** Steps `count` parameters in a row along `gradient`. */
void nn_descend(struct nn_slots slots, const nn_real *gradient, size_t count,
                const struct nn_descent *descent);

#endif
