#include "core/nn/gradcheck.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/nn/bank.h"

/*
 * Relative errors are taken against at least this over h, the step of the difference: rounding moves the cost
 * by some 1e-15 and so the difference by 1e-15 / h, and smaller slopes cannot be told to six digits.
 */
static const double floor_times_h = 5e-9;

/* Any mini-batch: what is drawn at random for it is the same in all passes. */
static const struct nn_moment moment = {0, 0};

struct check {
    const struct nn_gradcheck_plan *plan;
    struct nn_bank *bank;
    struct nn_workspace *workspace;
    double *x; /* (rows, stride) */
    struct nn_batch batch;
    size_t parameters;
    double *before;   /* (parameters): θ */
    double *analytic; /* (parameters): ∂cost/∂θ */
    double cost;      /* at θ */
    size_t done;
};

const char *nn_kind_name(enum nn_kind kind)
{
    static const char *const names[] = {"weight", "bias", "scale", "shift"};
    return names[kind];
}

/*
 * The gradient is read off a training step itself: with η = 1 and no momentum, a step subtracts exactly it.
 * So the check covers the backward pass, the penalty and the update as training runs them.
 */
static bool read_analytic(struct check *check)
{
    double cost;
    for (size_t i = 0; i < check->parameters; i++) {
        check->before[i] = *nn_bank_parameter(check->bank, 0, i);
    }
    nn_bank_step(check->bank, check->workspace, &check->batch, &moment, &nn_alone, &cost);
    for (size_t i = 0; i < check->parameters; i++) {
        double *parameter = nn_bank_parameter(check->bank, 0, i);
        check->analytic[i] = check->before[i] - *parameter;
        *parameter = check->before[i];
    }
    check->cost = nn_bank_batch_cost(check->bank, 0, check->workspace, &check->batch, &moment);
    return isfinite(cost);
}

static double cost_at(struct check *check, size_t index, double shift)
{
    double *parameter = nn_bank_parameter(check->bank, 0, index);
    *parameter = check->before[index] + shift;
    const double cost = nn_bank_batch_cost(check->bank, 0, check->workspace, &check->batch, &moment);
    *parameter = check->before[index];
    return cost;
}

/* What the cost does between θ − h and θ + h, along one parameter. */
struct probe {
    double slope; /* by the centred difference */
    double bend;  /* of the slope, from one side to the other */
};

static struct probe probe(struct check *check, size_t index, double h)
{
    const double above = cost_at(check, index, h);
    const double below = cost_at(check, index, -h);
    return (struct probe){(above - below) / (2.0 * h), (above - 2.0 * check->cost + below) / h};
}

/*
 * ∂cost/∂θ[index] by centred differences of step *step; false when the cost has a kink too near. A kink
 * between θ − h and θ + h parts the two differences, unless it lies at θ itself (a sum that is exactly 0):
 * there the slope's bend does not halve with h, as a curve's does.
 */
static bool numeric(struct check *check, size_t index, double *slope, double *step)
{
    double h = 1e-3;
    for (int attempt = 0; attempt < 3; attempt++) {
        h /= 10.0;
        *step = h;
        const struct probe wide = probe(check, index, h);
        const struct probe narrow = probe(check, index, h / 2.0);
        const double tolerance = 1e-6 * fabs(narrow.slope) + 1e-11 * (1e-4 / h);
        /* Richardson: the errors of both differences are ch² and ch²/4, up to h⁴. */
        *slope = (4.0 * narrow.slope - wide.slope) / 3.0;
        const bool agree = fabs(wide.slope - narrow.slope) <= tolerance;
        const bool bent = fabs(narrow.bend) > 0.75 * fabs(wide.bend) && fabs(narrow.bend) > 10.0 * tolerance;
        if (agree && !bent) {
            return true;
        }
    }
    return false;
}

static void compare_one(struct check *check, struct nn_gradcheck_part *part, size_t start, size_t at,
                        double *sum)
{
    const size_t index = start + at;
    double slope;
    double h;
    if (!numeric(check, index, &slope, &h)) {
        part->kinked++;
        return;
    }
    const double magnitude = fmax(fabs(slope) + fabs(check->analytic[index]), floor_times_h / h);
    const double relative = fabs(slope - check->analytic[index]) / magnitude;
    *sum += relative;
    part->checked++;
    if (!(relative <= part->worst)) {
        part->worst = relative;
        part->worst_at = at;
    }
}

static size_t samples_of(size_t parameters, size_t samples)
{
    return samples == 0 || samples > parameters ? parameters : samples;
}

/* The i-th of `count` parameters to look at: one from each of as many equal stretches. */
static size_t sample_at(const struct check *check, const struct nn_gradcheck_part *part, size_t count,
                        size_t i)
{
    if (count == part->parameters) {
        return i;
    }
    uint32_t words[4];
    ep_random_block(check->plan->seed, EP_RANDOM_SAMPLE, (uint32_t)(part->layer * 4 + part->kind), i, words);
    const double stretch = (double)part->parameters / (double)count;
    const size_t at = (size_t)(((double)i + (double)words[0] * 0x1p-32) * stretch);
    return at < part->parameters ? at : part->parameters - 1;
}

/* Compares a part whose parameters start at `start`; false when the plan says stop. */
static bool compare_part(struct check *check, struct nn_gradcheck_part *part, size_t start)
{
    const size_t count = samples_of(part->parameters, check->plan->samples);
    double sum = 0;
    for (size_t i = 0; i < count; i++, check->done++) {
        if (check->plan->go_on != NULL && !check->plan->go_on(check->plan->context, check->done)) {
            return false;
        }
        compare_one(check, part, start, sample_at(check, part, count, i), &sum);
    }
    part->mean = part->checked > 0 ? sum / (double)part->checked : 0;
    return true;
}

/* Lists a layer's parts, and where each starts. */
static size_t parts_of(const struct nn_shape *shape, const struct nn_layout *layout, size_t l,
                       struct nn_gradcheck_part parts[3], size_t starts[3])
{
    const size_t out = shape->width[l + 1];
    size_t count = 0;
    parts[count] =
        (struct nn_gradcheck_part){.layer = l, .kind = NN_KIND_WEIGHT, .parameters = shape->width[l] * out};
    starts[count++] = layout->weight[l];
    if (layout->has_bias[l]) {
        parts[count] = (struct nn_gradcheck_part){.layer = l, .kind = NN_KIND_BIAS, .parameters = out};
        starts[count++] = layout->bias[l];
    }
    if (layout->has_scale[l]) {
        parts[count] = (struct nn_gradcheck_part){.layer = l, .kind = NN_KIND_SCALE, .parameters = out};
        starts[count++] = layout->scale[l];
        parts[count] = (struct nn_gradcheck_part){.layer = l, .kind = NN_KIND_SHIFT, .parameters = out};
        starts[count++] = layout->scale[l] + out;
    }
    return count;
}

enum ep_status nn_gradcheck_count(const struct nn_shape *shape, size_t samples, size_t *count,
                                  struct ep_error *error)
{
    struct nn_layout layout;
    const enum ep_status status = nn_layout_of(shape, &layout, error);
    *count = 0;
    for (size_t l = 0; l < shape->layers && status == EP_OK; l++) {
        struct nn_gradcheck_part parts[3];
        size_t starts[3];
        const size_t found = parts_of(shape, &layout, l, parts, starts);
        for (size_t i = 0; i < found; i++) {
            *count += samples_of(parts[i].parameters, samples);
        }
    }
    return status;
}

static enum ep_status compare(struct check *check, struct nn_gradcheck_result *result, struct ep_error *error)
{
    const struct nn_shape *shape = nn_bank_shape(check->bank);
    const struct nn_layout *layout = nn_bank_layout(check->bank);
    result->count = 0;
    for (size_t l = 0; l < shape->layers; l++) {
        struct nn_gradcheck_part *parts = result->parts + result->count;
        size_t starts[3];
        const size_t found = parts_of(shape, layout, l, parts, starts);
        for (size_t i = 0; i < found; i++) {
            if (!compare_part(check, &parts[i], starts[i])) {
                return ep_fail(error, EP_CANCELLED, "the check was stopped after %zu parameters",
                               check->done);
            }
        }
        result->count += found;
    }
    return EP_OK;
}

static enum ep_status allocate(struct check *check, struct ep_error *error)
{
    const size_t features = nn_bank_shape(check->bank)->width[0];
    const size_t stride = nn_stride(features);
    size_t numbers;
    if (!ep_size_multiply(check->plan->rows, stride, &numbers)) {
        return ep_fail(error, EP_TOO_LARGE, "too many images to check with");
    }
    check->parameters = nn_bank_layout(check->bank)->parameters;
    check->before = ep_allocate(check->parameters, sizeof *check->before);
    check->analytic = ep_allocate(check->parameters, sizeof *check->analytic);
    check->x = ep_allocate(numbers, sizeof *check->x);
    if (check->before == NULL || check->analytic == NULL || check->x == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to check %zu parameters", check->parameters);
    }
    for (size_t i = 0; i < check->plan->rows; i++) {
        memcpy(check->x + i * stride, check->plan->x + i * features, features * sizeof *check->x);
    }
    check->batch =
        (struct nn_batch){.x = {check->x, stride}, .labels = check->plan->labels, .rows = check->plan->rows};
    return EP_OK;
}

static enum ep_status prepare(struct check *check, const struct nn_shape *shape,
                              const struct nn_member_options *options, struct ep_error *error)
{
    struct nn_member_options unit = *options;
    struct nn_shape exact = *shape;
    exact.bf16 = false;
    unit.eta = 1;
    unit.optimizer = NN_SGD;
    unit.momentum = 0;
    unit.nesterov = false;
    unit.schedule = NN_CONSTANT;
    unit.warm_up = 0;
    const struct nn_room room = {
        .members = 1, .rows = check->plan->rows, .threads = 1, .dropout = options->dropout > 0};
    enum ep_status status = nn_bank_create(&exact, &unit, 1, &check->bank, error);
    if (status == EP_OK) {
        status = nn_workspace_create(&exact, &room, NULL, &check->workspace, error);
    }
    return status == EP_OK ? allocate(check, error) : status;
}

enum ep_status nn_gradcheck(const struct nn_shape *shape, const struct nn_member_options *options,
                            const struct nn_gradcheck_plan *plan, struct nn_gradcheck_result *result,
                            struct ep_error *error)
{
    struct check check = {.plan = plan};
    enum ep_status status = prepare(&check, shape, options, error);
    if (status == EP_OK && !read_analytic(&check)) {
        status = ep_fail(error, EP_DIVERGED, "the cost of the network to check is not a finite number");
    }
    if (status == EP_OK) {
        status = compare(&check, result, error);
    }
    nn_bank_destroy(check.bank);
    nn_workspace_destroy(check.workspace);
    free(check.before);
    free(check.analytic);
    free(check.x);
    return status;
}
