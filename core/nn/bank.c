#include "core/nn/bank.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/nn/layers.h"
#include "core/nn/workspace.h"

/*
 * Members lie one after the other in each vector. Invariant: a member's numbers are computed from its own
 * options, its own part of these vectors and the images, and from nothing else.
 */
struct nn_bank {
    struct nn_shape shape;
    struct nn_layout layout;
    size_t count;
    struct nn_member_options *options; /* (count) */
    nn_real *parameters;               /* (count, layout.parameters) */
    nn_real *velocity;                 /* (count, layout.parameters) */
    nn_real *statistics;               /* (count, layout.statistics) */
    bool *has_statistics;              /* (count): the first mini-batch has been seen */
};

static bool allocate(struct nn_bank *bank)
{
    size_t parameters;
    size_t statistics;
    if (!ep_size_multiply(bank->count, bank->layout.parameters, &parameters) ||
        !ep_size_multiply(bank->count, bank->layout.statistics, &statistics)) {
        return false;
    }
    bank->options = ep_allocate(bank->count, sizeof *bank->options);
    bank->parameters = ep_allocate(parameters, sizeof *bank->parameters);
    bank->velocity = ep_allocate(parameters, sizeof *bank->velocity);
    bank->statistics = ep_allocate(statistics, sizeof *bank->statistics);
    bank->has_statistics = ep_allocate(bank->count, sizeof *bank->has_statistics);
    return bank->options != NULL && bank->parameters != NULL && bank->velocity != NULL &&
           bank->statistics != NULL && bank->has_statistics != NULL;
}

static void initialise_member(struct nn_bank *bank, size_t member)
{
    nn_real *parameters = nn_bank_parameters(bank, member);
    for (size_t l = 0; l < bank->shape.layers; l++) {
        nn_initialise(parameters + bank->layout.weight[l], bank->shape.width[l], bank->shape.width[l + 1],
                      (uint32_t)l, &bank->options[member]);
    }
}

enum ep_status nn_bank_create(const struct nn_shape *shape, const struct nn_member_options *members,
                              size_t count, struct nn_bank **bank, struct ep_error *error)
{
    struct nn_layout layout;
    const enum ep_status status = nn_layout_of(shape, &layout, error);
    if (status != EP_OK) {
        return status;
    }
    if (count == 0) {
        return ep_fail(error, EP_INVALID, "a bank has at least one member");
    }
    struct nn_bank *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->shape = *shape;
        made->layout = layout;
        made->count = count;
    }
    if (made == NULL || !allocate(made)) {
        nn_bank_destroy(made);
        return ep_fail(error, EP_NO_MEMORY, "no memory for %zu networks of %zu parameters", count,
                       layout.parameters);
    }
    for (size_t g = 0; g < count; g++) {
        made->options[g] = members[g];
        initialise_member(made, g);
    }
    *bank = made;
    return EP_OK;
}

void nn_bank_destroy(struct nn_bank *bank)
{
    if (bank != NULL) {
        free(bank->options);
        free(bank->parameters);
        free(bank->velocity);
        free(bank->statistics);
        free(bank->has_statistics);
        free(bank);
    }
}

const struct nn_shape *nn_bank_shape(const struct nn_bank *bank)
{
    return &bank->shape;
}

size_t nn_bank_members(const struct nn_bank *bank)
{
    return bank->count;
}

const struct nn_member_options *nn_bank_options(const struct nn_bank *bank, size_t member)
{
    return &bank->options[member];
}

nn_real *nn_bank_parameters(struct nn_bank *bank, size_t member)
{
    return bank->parameters + member * bank->layout.parameters;
}

nn_real *nn_bank_statistics(struct nn_bank *bank, size_t member)
{
    return bank->statistics + member * bank->layout.statistics;
}

/* Normalisation of layer l in a forward pass: by the batch when training, by the moving averages otherwise.
 */
enum pass { PASS_TRAIN, PASS_INFER };

static void normalise(const struct nn_bank *bank, size_t member, struct nn_workspace *workspace,
                      enum pass pass, size_t l, size_t rows)
{
    const size_t width = bank->shape.width[l + 1];
    nn_real *s = workspace->normalised[l];
    if (pass == PASS_TRAIN) {
        nn_batchnorm_train(s, workspace->mean[l], workspace->variance[l], workspace->inverse[l], rows, width);
    } else {
        const nn_real *statistics = bank->statistics + member * bank->layout.statistics;
        nn_batchnorm_infer(s, statistics + bank->layout.mean[l], statistics + bank->layout.variance[l],
                           workspace->inverse[l], rows, width);
    }
}

/* Leaves the outputs of all layers, the last one's being scores, in the workspace. */
static void forward(const struct nn_bank *bank, size_t member, struct nn_workspace *workspace, enum pass pass,
                    const nn_real *x, size_t rows)
{
    const struct nn_shape *shape = &bank->shape;
    const nn_real *parameters = bank->parameters + member * bank->layout.parameters;
    const nn_real *input = x;
    for (size_t l = 0; l < shape->layers; l++) {
        const size_t out = shape->width[l + 1];
        const bool normalised = nn_layer_normalised(shape, l);
        nn_real *s = normalised ? workspace->normalised[l] : workspace->output[l];
        const nn_real *bias = bank->layout.has_bias[l] ? parameters + bank->layout.bias[l] : NULL;
        nn_dense_forward(workspace->gemm, input, parameters + bank->layout.weight[l], bias, s, rows,
                         shape->width[l], out);
        if (normalised) {
            normalise(bank, member, workspace, pass, l, rows);
        }
        if (l + 1 < shape->layers) {
            nn_activation_forward(shape->activation, s, workspace->output[l], rows * out);
        }
        input = workspace->output[l];
    }
}

/* Takes the statistics of the mini-batch that forward() left behind into the moving averages. */
static void update_statistics(struct nn_bank *bank, size_t member, const struct nn_workspace *workspace)
{
    nn_real *statistics = nn_bank_statistics(bank, member);
    const nn_real memory = bank->has_statistics[member] ? (nn_real)NN_BATCHNORM_MEMORY : 0;
    for (size_t l = 0; l + 1 < bank->shape.layers && bank->shape.batch_norm; l++) {
        const size_t width = bank->shape.width[l + 1];
        nn_batchnorm_average(statistics + bank->layout.mean[l], workspace->mean[l], width, memory);
        nn_batchnorm_average(statistics + bank->layout.variance[l], workspace->variance[l], width, memory);
    }
    bank->has_statistics[member] = true;
}

static void descend(struct nn_bank *bank, size_t member, size_t offset, const nn_real *gradient, size_t count,
                    struct nn_sgd sgd)
{
    nn_sgd_update(nn_bank_parameters(bank, member) + offset,
                  bank->velocity + member * bank->layout.parameters + offset, gradient, count, sgd);
}

/* Gradient of layer l from ds(rows, out), and the step along it. */
static void descend_layer(struct nn_bank *bank, size_t member, struct nn_workspace *workspace,
                          const nn_real *input, const nn_real *ds, size_t l, size_t rows, struct nn_sgd sgd)
{
    const size_t in = bank->shape.width[l];
    const size_t out = bank->shape.width[l + 1];
    nn_dense_backward_weight(workspace->gemm, input, ds, workspace->gradient, rows, in, out);
    descend(bank, member, bank->layout.weight[l], workspace->gradient, in * out, sgd);
    if (bank->layout.has_bias[l]) {
        const struct nn_sgd unpenalised = {
            .eta = sgd.eta, .momentum = sgd.momentum, .nesterov = sgd.nesterov};
        nn_dense_backward_bias(ds, workspace->scratch, rows, out);
        descend(bank, member, bank->layout.bias[l], workspace->scratch, out, unpenalised);
    }
}

/* The gradient with respect to the scores is in the last layer's output; steps through all layers, last to
 * first. */
static void backward(struct nn_bank *bank, size_t member, struct nn_workspace *workspace, const nn_real *x,
                     size_t rows, struct nn_sgd sgd)
{
    const struct nn_shape *shape = &bank->shape;
    const nn_real *parameters = nn_bank_parameters(bank, member);
    const nn_real *ds = workspace->output[shape->layers - 1];
    for (size_t l = shape->layers; l-- > 0;) {
        const size_t in = shape->width[l];
        nn_real *before = workspace->delta[l % 2];
        if (l > 0) {
            /* With the weights as they were in the forward pass, so before the step changes them. */
            nn_dense_backward_input(workspace->gemm, ds, parameters + bank->layout.weight[l], before, rows,
                                    in, shape->width[l + 1]);
            nn_activation_backward(shape->activation, workspace->output[l - 1], before, rows * in);
        }
        descend_layer(bank, member, workspace, l > 0 ? workspace->output[l - 1] : x, ds, l, rows, sgd);
        if (l > 0 && nn_layer_normalised(shape, l - 1)) {
            nn_batchnorm_backward(before, workspace->normalised[l - 1], workspace->inverse[l - 1],
                                  workspace->scratch, rows, in);
        }
        ds = before;
    }
}

double nn_bank_step(struct nn_bank *bank, size_t member, struct nn_workspace *workspace, const nn_real *x,
                    const uint8_t *labels, size_t rows, size_t epoch)
{
    const struct nn_member_options *options = &bank->options[member];
    const size_t classes = bank->shape.width[bank->shape.layers];
    nn_real *scores = workspace->output[bank->shape.layers - 1];
    size_t correct = 0;
    forward(bank, member, workspace, PASS_TRAIN, x, rows);
    const double cost = nn_softmax_cost(scores, labels, rows, classes, &correct) / (double)rows;
    if (!isfinite(cost)) {
        return cost;
    }
    const struct nn_sgd sgd = {
        .eta = (nn_real)nn_eta_at(options, epoch),
        .momentum = (nn_real)options->momentum,
        .lambda = (nn_real)options->lambda,
        .nesterov = options->nesterov,
    };
    update_statistics(bank, member, workspace);
    nn_softmax_gradient(scores, labels, rows, classes);
    backward(bank, member, workspace, x, rows, sgd);
    return cost;
}

double nn_bank_batch_cost(const struct nn_bank *bank, size_t member, struct nn_workspace *workspace,
                          const nn_real *x, const uint8_t *labels, size_t rows)
{
    const size_t last = bank->shape.layers - 1;
    size_t correct = 0;
    forward(bank, member, workspace, PASS_TRAIN, x, rows);
    const double sum =
        nn_softmax_cost(workspace->output[last], labels, rows, bank->shape.width[last + 1], &correct);
    return sum / (double)rows + nn_bank_penalty(bank, member);
}

void nn_bank_evaluate(const struct nn_bank *bank, size_t member, struct nn_workspace *workspace,
                      const nn_real *x, const uint8_t *labels, size_t rows, struct nn_tally *tally)
{
    const size_t last = bank->shape.layers - 1;
    forward(bank, member, workspace, PASS_INFER, x, rows);
    tally->cross_entropy +=
        nn_softmax_cost(workspace->output[last], labels, rows, bank->shape.width[last + 1], &tally->correct);
    tally->images += rows;
}

double nn_bank_penalty(const struct nn_bank *bank, size_t member)
{
    const nn_real *parameters = bank->parameters + member * bank->layout.parameters;
    double sum = 0;
    for (size_t l = 0; l < bank->shape.layers; l++) {
        const nn_real *w = parameters + bank->layout.weight[l];
        const size_t count = bank->shape.width[l] * bank->shape.width[l + 1];
        for (size_t i = 0; i < count; i++) {
            sum += (double)w[i] * (double)w[i];
        }
    }
    return bank->options[member].lambda * sum;
}
