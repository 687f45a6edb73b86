#ifndef EP_NN_LAYERS_H
#define EP_NN_LAYERS_H

#include <stddef.h>
#include <stdint.h>

#include "core/nn/gemm.h"
#include "core/nn/network.h"
#include "core/nn/real.h"

/**
 * What a layer is made of: each kind has a forward and a backward function over row-major matrices of
 * (rows, width), where a row is an image. Nothing is allocated; every function runs on the calling thread
 * alone and sums in an order that depends on the sizes only.
 */

/** s(rows, out) = x(rows, in)·w(in, out) + b(out); b may be NULL. */
void nn_dense_forward(const struct nn_gemm *gemm, const nn_real *x, const nn_real *w, const nn_real *b,
                      nn_real *s, size_t rows, size_t in, size_t out);

/** dx(rows, in) = ds(rows, out)·w(in, out)ᵀ */
void nn_dense_backward_input(const struct nn_gemm *gemm, const nn_real *ds, const nn_real *w, nn_real *dx,
                             size_t rows, size_t in, size_t out);

/** dw(in, out) = x(rows, in)ᵀ·ds(rows, out) */
void nn_dense_backward_weight(const struct nn_gemm *gemm, const nn_real *x, const nn_real *ds, nn_real *dw,
                              size_t rows, size_t in, size_t out);

/** db(out) = Σ over rows of ds(rows, out) */
void nn_dense_backward_bias(const nn_real *ds, nn_real *db, size_t rows, size_t out);

/**
 * Batch normalisation without learned scale and shift (Ioffe, Szegedy, ICML 2015, algorithm 1):
 * ŝ = (s − μ) / √(v + ε), with μ and the biased variance v of each column of the batch.
 */
#define NN_BATCHNORM_EPSILON 1e-5

/** Weight of the past in the moving averages of μ and v. */
#define NN_BATCHNORM_MEMORY 0.99

/** Turns s(rows, width) into ŝ in place; writes mean, variance and 1/√(v + ε), each (width). */
void nn_batchnorm_train(nn_real *s, nn_real *mean, nn_real *variance, nn_real *inverse, size_t rows,
                        size_t width);

/** Turns s(rows, width) into ŝ in place with given mean and variance (width). `inverse` (width) is scratch.
 */
void nn_batchnorm_infer(nn_real *s, const nn_real *mean, const nn_real *variance, nn_real *inverse,
                        size_t rows, size_t width);

/**
 * Turns the gradient with respect to ŝ into that with respect to s, in place:
 * ds = (dŝ − mean(dŝ) − ŝ·mean(dŝ·ŝ)) / √(v + ε), means over the batch (Ioffe, Szegedy 2015, section 3).
 * normalised: ŝ (rows, width); inverse: (width); scratch: (2·width).
 */
void nn_batchnorm_backward(nn_real *ds, const nn_real *normalised, const nn_real *inverse, nn_real *scratch,
                           size_t rows, size_t width);

/** average ← memory·average + (1 − memory)·batch, both (width). */
void nn_batchnorm_average(nn_real *average, const nn_real *batch, size_t width, nn_real memory);

/** a(count) = max(s, 0); a may be s. */
void nn_relu_forward(const nn_real *s, nn_real *a, size_t count);

/** Zeroes da(count) where a(count) is not above 0. */
void nn_relu_backward(const nn_real *a, nn_real *da, size_t count);

/** What NN_LEAKY_RELU multiplies negative sums by. */
#define NN_LEAK 0.01

/** a(count) = activation(s); a may be s. */
void nn_activation_forward(enum nn_activation activation, const nn_real *s, nn_real *a, size_t count);

/** Multiplies da(count) by the activation's derivative where its result was a(count). */
void nn_activation_backward(enum nn_activation activation, const nn_real *a, nn_real *da, size_t count);

/**
 * Turns scores s(rows, classes) into probabilities in place. Returns Σ −log p(label), each row's computed
 * from the scores, so that it stays finite when a probability rounds to 0; NaN when a score is not finite.
 * Counts the rows whose largest score (the first one, if tied) is at their label into *correct.
 */
double nn_softmax_cost(nn_real *s, const uint8_t *labels, size_t rows, size_t classes, size_t *correct);

/** Turns probabilities p(rows, classes) into the gradient of the mean cross-entropy: (p − 1[label]) / rows.
 */
void nn_softmax_gradient(nn_real *p, const uint8_t *labels, size_t rows, size_t classes);

/**
 * v ← momentum·v − η·(g + 2λ·w);  w ← w + v. All (count); 2λw is the gradient of the penalty λ‖w‖². With
 * `nesterov` the second is w ← w + momentum·v − η·(g + 2λ·w): Sutskever, Martens, Dahl, Hinton, ICML 2013, in
 * the variables of Bengio, Boulanger-Lewandowski, Pascanu, ICASSP 2013, equation 7.
 */
struct nn_sgd {
    nn_real eta, momentum, lambda;
    bool nesterov;
};
void nn_sgd_update(nn_real *w, nn_real *v, const nn_real *g, size_t count, struct nn_sgd sgd);

/** Draws w(in, out) of layer `layer`. */
void nn_initialise(nn_real *w, size_t in, size_t out, uint32_t layer,
                   const struct nn_member_options *options);

#endif
