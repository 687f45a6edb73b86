#ifndef EP_NN_LAYERS_H
#define EP_NN_LAYERS_H

#include <stddef.h>
#include <stdint.h>

#include "core/nn/half.h"
#include "core/nn/matrix.h"
#include "core/nn/network.h"

/**
 * What a layer is made of besides its products (gemm.h): each kind has a forward and a backward function over
 * matrices of (rows, width), where a row is an image and a column a unit. Units are independent of each other
 * in all of them but softmax, so that threads can share them by columns. Nothing is allocated; every function
 * runs on the calling thread alone and sums in an order that depends on the sizes only.
 */

/** Adds b(width) to every row of s. */
void nn_add_bias(struct nn_matrix s, const nn_real *b, size_t rows, size_t width);

/** sums(width) = Σ over rows of ds: the gradient of a bias. */
void nn_sum_rows(struct nn_const_matrix ds, nn_real *sums, size_t rows, size_t width);

/**
 * Batch normalisation (Ioffe, Szegedy, ICML 2015, algorithm 1): ŝ = (s − μ) / √(v + ε), with μ and the biased
 * variance v of each column of the batch. Learned scale and shift are functions of their own.
 */
#define NN_BATCHNORM_EPSILON 1e-5

/** Weight of the past in the moving averages of μ and v. */
#define NN_BATCHNORM_MEMORY 0.99

/** Of each column: (width). */
struct nn_moments {
    nn_real *mean;
    nn_real *variance; /**< biased */
    nn_real *inverse;  /**< 1/√(v + ε) */
};

/** Turns s into ŝ in place; writes the moments of the batch. */
void nn_batchnorm_train(struct nn_matrix s, struct nn_moments moments, size_t rows, size_t width);

/** Turns s into ŝ in place with given mean and variance (width). `inverse` (width) is scratch. */
void nn_batchnorm_infer(struct nn_matrix s, const nn_real *mean, const nn_real *variance, nn_real *inverse,
                        size_t rows, size_t width);

/**
 * Turns the gradient with respect to ŝ into that with respect to s, in place:
 * ds = (dŝ − mean(dŝ) − ŝ·mean(dŝ·ŝ)) / √(v + ε), means over the batch (Ioffe, Szegedy 2015, section 3).
 * inverse: (width); scratch: (2·width).
 */
void nn_batchnorm_backward(struct nn_matrix ds, struct nn_const_matrix normalised, const nn_real *inverse,
                           nn_real *scratch, size_t rows, size_t width);

/** average ← memory·average + (1 − memory)·batch, both (width). */
void nn_batchnorm_average(nn_real *average, const nn_real *batch, size_t width, nn_real memory);

/** y = γ·ŝ + β with learned scale γ and shift β (width): Ioffe, Szegedy 2015, algorithm 1. y may be ŝ. */
void nn_scale_shift_forward(struct nn_const_matrix normalised, const nn_real *scale, const nn_real *shift,
                            struct nn_matrix y, size_t rows, size_t width);

/** dγ(width) = Σ over rows of dy·ŝ, dβ(width) = Σ dy; then turns dy into dŝ = γ·dy in place. */
void nn_scale_shift_backward(struct nn_matrix dy, struct nn_const_matrix normalised, const nn_real *scale,
                             nn_real *dscale, nn_real *dshift, size_t rows, size_t width);

/** What NN_LEAKY_RELU multiplies negative sums by. */
#define NN_LEAK 0.01

/** a = activation(s); a may be s. */
void nn_activation_forward(enum nn_activation activation, struct nn_const_matrix s, struct nn_matrix a,
                           size_t rows, size_t width);

/** Multiplies da by the activation's derivative where its result was a. */
void nn_activation_backward(enum nn_activation activation, struct nn_const_matrix a, struct nn_matrix da,
                            size_t rows, size_t width);

/**
 * Which units stay: unit `column` of row `row` does unless 32 bits, drawn for (seed, step, layer, row,
 * column), are below the rate.
 */
struct nn_dropout {
    double rate; /**< share of units that are dropped, [0, 1) */
    uint64_t seed;
    uint64_t step;  /**< mini-batch, counted from the start of training */
    uint32_t layer; /**< below NN_LAYERS_MAX */
};

/**
 * Multiplies x by 0 where a unit is dropped and by 1 / (1 − rate) where it stays: Srivastava et al., JMLR 15,
 * 2014, section 10 (inverted). For rows first_row … first_row + rows − 1 of the batch; the same function
 * turns the gradient behind it into the one before it. y may be x.
 */
void nn_dropout_apply(const struct nn_dropout *dropout, size_t first_row, struct nn_const_matrix x,
                      struct nn_matrix y, size_t rows, size_t width);

/** What a row of scores says. */
struct nn_row_cost {
    double cost; /**< −log p(label), from the scores, so that it stays finite when p rounds to 0; NaN when a
                      score is not finite */
    size_t guess; /**< class of the largest score, the first one if tied */
};

/** Turns scores s(rows, classes) into probabilities in place, and writes costs(rows). */
void nn_softmax(struct nn_matrix s, const uint8_t *labels, struct nn_row_cost *costs, size_t rows,
                size_t classes);

/**
 * Turns probabilities p(rows, classes) into the gradient of the mean cross-entropy of a batch of `batch`
 * images: (p − 1[label]) / batch.
 */
void nn_softmax_gradient(struct nn_matrix p, const uint8_t *labels, size_t rows, size_t classes,
                         size_t batch);

/** Draws w(out, in) of layer `layer`; element (unit o, input i) is number i·out + o of the layer's stream. */
void nn_initialise(struct nn_matrix w, size_t in, size_t out, uint32_t layer,
                   const struct nn_member_options *options);

/** Rounds gradients ds(rows, width) to bfloat16 in pairs of rows. */
void nn_round_gradient(struct nn_const_matrix ds, size_t rows, size_t width, struct nn_pair_matrix pairs);

#endif
