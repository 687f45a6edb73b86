#include "core/nn/gradcheck.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/nn/bank.h"

/*
 * Relative errors are taken against at least this over h, the step of the difference: rounding moves the cost
 * by some 1e-15 and so the difference by 1e-15 / h, and smaller slopes cannot be told to six digits.
 */
static const double floor_times_h = 5e-9;

struct check {
    struct nn_bank *bank;
    struct nn_workspace *workspace;
    const double *x;
    const uint8_t *labels;
    size_t rows;
    size_t parameters;
    double *before;   /* (parameters): θ */
    double *analytic; /* (parameters): ∂cost/∂θ */
};

/*
 * The gradient is read off a training step itself: with η = 1 and no momentum, a step subtracts exactly it.
 * So the check covers the backward pass, the penalty and the update as training runs them.
 */
static bool read_analytic(struct check *check)
{
    double *parameters = nn_bank_parameters(check->bank, 0);
    memcpy(check->before, parameters, check->parameters * sizeof *parameters);
    const double cost =
        nn_bank_step(check->bank, 0, check->workspace, check->x, check->labels, check->rows, 0);
    for (size_t i = 0; i < check->parameters; i++) {
        check->analytic[i] = check->before[i] - parameters[i];
    }
    memcpy(parameters, check->before, check->parameters * sizeof *parameters);
    return isfinite(cost);
}

static double cost_at(struct check *check, size_t index, double shift)
{
    double *parameters = nn_bank_parameters(check->bank, 0);
    parameters[index] = check->before[index] + shift;
    const double cost =
        nn_bank_batch_cost(check->bank, 0, check->workspace, check->x, check->labels, check->rows);
    parameters[index] = check->before[index];
    return cost;
}

static double difference(struct check *check, size_t index, double h)
{
    return (cost_at(check, index, h) - cost_at(check, index, -h)) / (2.0 * h);
}

/* ∂cost/∂θ[index] by centred differences of step *step; false when the cost has a kink too near. */
static bool numeric(struct check *check, size_t index, double *slope, double *step)
{
    double h = 1e-3;
    for (int attempt = 0; attempt < 3; attempt++) {
        h /= 10.0;
        *step = h;
        const double wide = difference(check, index, h);
        const double narrow = difference(check, index, h / 2.0);
        /* Richardson: the errors of both differences are ch² and ch²/4, up to h⁴. */
        *slope = (4.0 * narrow - wide) / 3.0;
        if (fabs(wide - narrow) <= 1e-6 * fabs(narrow) + 1e-11 * (1e-4 / h)) {
            return true;
        }
    }
    return false;
}

static void compare(struct check *check, struct nn_gradcheck_result *result)
{
    *result = (struct nn_gradcheck_result){0};
    double sum = 0;
    for (size_t i = 0; i < check->parameters; i++) {
        double slope;
        double h;
        if (!numeric(check, i, &slope, &h)) {
            result->kinked++;
            continue;
        }
        const double magnitude = fmax(fabs(slope) + fabs(check->analytic[i]), floor_times_h / h);
        const double relative = fabs(slope - check->analytic[i]) / magnitude;
        sum += relative;
        result->checked++;
        if (!(relative <= result->worst)) {
            result->worst = relative;
            result->worst_parameter = i;
        }
    }
    result->mean = result->checked > 0 ? sum / (double)result->checked : 0;
}

static enum ep_status prepare(struct check *check, const struct nn_shape *shape,
                              const struct nn_member_options *options, struct ep_error *error)
{
    struct nn_member_options unit = *options;
    unit.eta = 1;
    unit.momentum = 0;
    unit.schedule = NN_STEP;
    unit.warm_up = 0;
    unit.decay_every = 1;
    unit.decay_factor = 1;
    struct nn_layout layout;
    enum ep_status status = nn_layout_of(shape, &layout, error);
    if (status == EP_OK) {
        status = nn_bank_create(shape, &unit, 1, &check->bank, error);
    }
    if (status == EP_OK) {
        status = nn_workspace_create(shape, check->rows, NULL, &check->workspace, error);
    }
    if (status != EP_OK) {
        return status;
    }
    check->parameters = layout.parameters;
    check->before = ep_allocate(layout.parameters, sizeof *check->before);
    check->analytic = ep_allocate(layout.parameters, sizeof *check->analytic);
    return check->before != NULL && check->analytic != NULL
               ? EP_OK
               : ep_fail(error, EP_NO_MEMORY, "no memory to check %zu parameters", layout.parameters);
}

enum ep_status nn_gradcheck(const struct nn_shape *shape, const struct nn_member_options *options,
                            const double *x, const uint8_t *labels, size_t rows,
                            struct nn_gradcheck_result *result, struct ep_error *error)
{
    struct check check = {.x = x, .labels = labels, .rows = rows};
    enum ep_status status = prepare(&check, shape, options, error);
    if (status == EP_OK && !read_analytic(&check)) {
        status = ep_fail(error, EP_DIVERGED, "the cost of the network to check is not a finite number");
    }
    if (status == EP_OK) {
        compare(&check, result);
    }
    nn_bank_destroy(check.bank);
    nn_workspace_destroy(check.workspace);
    free(check.before);
    free(check.analytic);
    return status;
}
