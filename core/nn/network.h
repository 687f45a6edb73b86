#ifndef EP_NN_NETWORK_H
#define EP_NN_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/**
 * The shape of a fully connected network, and where its numbers lie.
 *
 * Layer l (0 … layers-1) maps width[l] features to width[l + 1]:
 *   hidden layer:  s = x·W (+ b);  batch normalisation if asked for, with γ and β or without;  activation
 *   last layer:    s = x·W + b;  softmax
 * A layer that is batch-normalised has no bias: subtracting the batch mean would cancel it exactly.
 */

enum { NN_LAYERS_MAX = 32 };

/** What a hidden layer does to its sums s. */
enum nn_activation {
    NN_RELU,       /**< max(s, 0): Nair, Hinton, ICML 2010 */
    NN_LEAKY_RELU, /**< s where it is above 0, otherwise 0.01·s: Maas, Hannun, Ng, ICML 2013 */
    NN_TANH,       /**< tanh(s) */
};

struct nn_shape {
    size_t layers; /**< layers with weights: hidden layers + 1 */
    size_t
        width[NN_LAYERS_MAX + 1];  /**< [0] features of an image, [l + 1] outputs of layer l, last: classes */
    bool batch_norm;               /**< on every hidden layer, before the activation */
    bool scale_shift;              /**< with batch_norm: scale γ and shift β are learned for each unit */
    enum nn_activation activation; /**< of every hidden layer */
    bool bf16; /**< the first layer's products see images and weights rounded to bfloat16 */
};

/** Offsets, in numbers, into a member's flat parameter and statistics vectors. */
struct nn_layout {
    size_t parameters;            /**< length of the parameter vector */
    size_t weight[NN_LAYERS_MAX]; /**< W of layer l: (width[l], width[l + 1]), row-major */
    size_t bias[NN_LAYERS_MAX];   /**< b of layer l: (width[l + 1]); meaningless where there is none */
    bool has_bias[NN_LAYERS_MAX];
    size_t scale[NN_LAYERS_MAX]; /**< γ of layer l: (width[l + 1]), and behind it β; learned ones only */
    bool has_scale[NN_LAYERS_MAX];
    size_t statistics; /**< length of the statistics vector */
    size_t
        mean[NN_LAYERS_MAX]; /**< moving average of the batch mean: (width[l + 1]); normalised layers only */
    size_t variance[NN_LAYERS_MAX]; /**< likewise of the biased batch variance */
};

/** Whether layer l of `shape` is batch-normalised. */
bool nn_layer_normalised(const struct nn_shape *shape, size_t layer);

/** Computes the layout. EP_INVALID for no layers, too many or a width of 0; EP_TOO_LARGE when a size
 * overflows. */
EP_NODISCARD enum ep_status nn_layout_of(const struct nn_shape *shape, struct nn_layout *layout,
                                         struct ep_error *error);

/** Floating-point operations (a multiplication and an addition are two) of one image's forward products. */
double nn_forward_flops(const struct nn_shape *shape);

/** The same for one image's whole training step: forward, weight gradients, input gradients (not the
 * first's). */
double nn_training_flops(const struct nn_shape *shape);

/** How initial weights are drawn; biases start at 0. */
enum nn_init_kind {
    NN_INIT_HE,       /**< N(0, 2 / inputs): He, Zhang, Ren, Sun, ICCV 2015, equation 10 */
    NN_INIT_XAVIER,   /**< N(0, 2 / (inputs + outputs)): Glorot, Bengio, AISTATS 2010, equation 12 */
    NN_INIT_GAUSSIAN, /**< N(0, std²) */
};

/** How the learning rate changes. */
enum nn_schedule {
    NN_STEP, /**< × decay_factor every decay_every epochs */
    /** along half a cosine to 0 behind the last epoch: Loshchilov, Hutter, ICLR 2017, equation 5 */
    NN_COSINE,
    /** up from decay_factor × η to η in decay_every epochs, down again, and so on: Smith, WACV 2017 */
    NN_TRIANGULAR,
    NN_CONSTANT, /**< not at all */
};

/** How parameters follow the gradient. */
enum nn_optimizer {
    NN_SGD,  /**< gradient descent with momentum */
    NN_ADAM, /**< Kingma, Ba, ICLR 2015 */
};

/** What may differ between the members of a bank. */
struct nn_member_options {
    double eta;    /**< learning rate, > 0 */
    double lambda; /**< weight of the penalty λ Σ‖W‖², ≥ 0 */
    enum nn_optimizer optimizer;
    double momentum; /**< [0, 1); sgd only */
    bool nesterov;   /**< look ahead along the momentum; sgd only */
    double beta1;    /**< [0, 1): memory of the gradient; adam only */
    double beta2;    /**< [0, 1): memory of its square; adam only */
    double epsilon;  /**< > 0: added to the root of the square; adam only */
    double dropout;  /**< share of the hidden units left out of a mini-batch, [0, 1) */
    enum nn_schedule schedule;
    uint64_t epochs;        /**< in all; cosine only */
    uint64_t warm_up;       /**< epochs in which η rises linearly to its value */
    uint64_t decay_every;   /**< epochs, ≥ 1; step and triangular */
    double decay_factor;    /**< (0, 1]; likewise */
    enum nn_init_kind init; /**< of the weights */
    double init_std;        /**< standard deviation for NN_INIT_GAUSSIAN */
    size_t init_inputs;     /**< inputs that the first layer's variance counts; 0: those that it has */
    uint64_t seed;          /**< of the initial weights and of dropout */
};

/**
 * Learning rate in epoch e (counted from 0). While e < warm_up it is eta × (e + 1) / (warm_up + 1). Then,
 * with t = e − warm_up, it is eta × decay_factor^⌊t / decay_every⌋ (step), or eta × (1 + cos(π·t / (epochs −
 * warm_up))) / 2 (cosine), or eta × (decay_factor + (1 − decay_factor)·r) (triangular) where r rises from 0
 * to 1 in decay_every epochs, falls back in as many, and so on; or eta (constant).
 */
double nn_eta_at(const struct nn_member_options *options, size_t epoch);

#endif
