/*
 * One pass of a bank forward, and back. A team shares it: forward products, everything that is done to a unit
 * and steps of weights are cut by units, what is done to an image is cut by images. Threads meet after each.
 */
#include <math.h>

#include "core/nn/bank.h"
#include "core/nn/bank_object.h"
#include "core/nn/layers.h"

/* Normalisation: by the batch when training, by the moving averages otherwise. */
enum mode { MODE_TRAIN, MODE_INFER };

struct pass {
    const struct nn_bank *bank;
    struct nn_workspace *workspace;
    const struct nn_batch *batch;
    const struct nn_part *part;
    const size_t *members; /* (count) */
    size_t count;
    enum mode mode;
    uint64_t step;
};

static bool is_empty(struct nn_span span)
{
    return span.first >= span.last;
}

/* Of `width` units of the a-th member, those that are this thread's; all members' units lie in one row. */
static struct nn_span units_of(const struct pass *pass, size_t a, size_t width)
{
    if (!nn_gemm_divisible(pass->workspace->gemm)) {
        const struct nn_span mine = nn_span_of(pass->part, pass->count);
        return (struct nn_span){0, a >= mine.first && a < mine.last ? width : 0};
    }
    const struct nn_span mine = nn_span_of(pass->part, pass->count * width);
    const size_t start = a * width;
    const size_t first = mine.first > start ? mine.first - start : 0;
    const size_t last = mine.last > start ? mine.last - start : 0;
    return (struct nn_span){first, last < width ? last : width};
}

/* Of the a-th member's images, those that are this thread's. */
static struct nn_span images_of(const struct pass *pass, size_t a)
{
    if (!nn_gemm_divisible(pass->workspace->gemm)) {
        return units_of(pass, a, pass->batch->rows);
    }
    return nn_span_of(pass->part, pass->batch->rows);
}

/* The place of a member in the workspace: a pass by itself has room for one. */
static size_t place_of(const struct pass *pass, size_t a)
{
    return pass->workspace->room.members > 1 ? pass->members[a] : 0;
}

static struct nn_matrix rows_of(const struct pass *pass, const struct nn_matrix *all, size_t a)
{
    return nn_part_of(*all, place_of(pass, a) * pass->workspace->room.rows, 0);
}

static struct nn_moments moments_of(const struct pass *pass, size_t a, size_t l, size_t unit)
{
    const size_t offset = place_of(pass, a) * pass->bank->shape.width[l + 1] + unit;
    const struct nn_moments *all = &pass->workspace->moments[l];
    return (struct nn_moments){all->mean + offset, all->variance + offset, all->inverse + offset};
}

static struct nn_row_cost *costs_of(const struct pass *pass, size_t a)
{
    return pass->workspace->costs + place_of(pass, a) * pass->workspace->room.rows;
}

static const struct nn_member_options *options_of(const struct pass *pass, size_t a)
{
    return &pass->bank->options[pass->members[a]];
}

/* Whether units of hidden layer l of the a-th member are left out in this pass. */
static bool drops_out(const struct pass *pass, size_t a, size_t l)
{
    return pass->mode == MODE_TRAIN && l + 1 < pass->bank->shape.layers && options_of(pass, a)->dropout > 0;
}

static struct nn_dropout dropout_of(const struct pass *pass, size_t a, size_t l)
{
    const struct nn_member_options *options = options_of(pass, a);
    return (struct nn_dropout){
        .rate = options->dropout, .seed = options->seed, .step = pass->step, .layer = (uint32_t)l};
}

/* What layer l of the a-th member sees. */
static struct nn_const_matrix input_of(const struct pass *pass, size_t a, size_t l)
{
    if (l == 0) {
        return pass->batch->x;
    }
    const struct nn_workspace *workspace = pass->workspace;
    return nn_const(
        rows_of(pass, drops_out(pass, a, l - 1) ? &workspace->thinned[l - 1] : &workspace->output[l - 1], a));
}

/* s of the units in normalised layer l becomes y. */
static void normalise(const struct pass *pass, size_t a, size_t l, struct nn_span units, struct nn_matrix y)
{
    const struct nn_bank *bank = pass->bank;
    const size_t member = pass->members[a];
    const size_t rows = pass->batch->rows;
    const size_t width = units.last - units.first;
    const struct nn_moments moments = moments_of(pass, a, l, units.first);
    const struct nn_matrix s = nn_part_of(rows_of(pass, &pass->workspace->normalised[l], a), 0, units.first);
    if (pass->mode == MODE_TRAIN) {
        nn_batchnorm_train(s, moments, rows, width);
    } else {
        const size_t offset = member * bank->shape.width[l + 1] + units.first;
        nn_batchnorm_infer(s, bank->mean[l] + offset, bank->variance[l] + offset, moments.inverse, rows,
                           width);
    }
    if (bank->layout.has_scale[l]) {
        nn_scale_shift_forward(nn_const(s), nn_slots_at(bank->scale[l], member, units.first).theta,
                               nn_slots_at(bank->shift[l], member, units.first).theta, y, rows, width);
        nn_activation_forward(bank->shape.activation, nn_const(y), y, rows, width);
    } else {
        nn_activation_forward(bank->shape.activation, nn_const(s), y, rows, width);
    }
}

/* Where the sums of the units of layer l go. */
static struct nn_matrix sums_of(const struct pass *pass, size_t a, size_t l, struct nn_span units)
{
    const struct nn_workspace *workspace = pass->workspace;
    const struct nn_matrix *all =
        nn_layer_normalised(&pass->bank->shape, l) ? &workspace->normalised[l] : &workspace->output[l];
    return nn_part_of(rows_of(pass, all, a), 0, units.first);
}

/* Whether layer l computes with bfloat16. */
static bool is_rounded(const struct pass *pass, size_t l)
{
    return l == 0 && pass->bank->shape.bf16;
}

/* The first layer's, from the first of the units on. */
static struct nn_half_matrix rounded_weights(const struct pass *pass, size_t a, struct nn_span units)
{
    struct nn_half_matrix weights = pass->bank->weight16;
    if (weights.at != NULL) {
        weights.at += (pass->members[a] * pass->bank->shape.width[1] + units.first) * weights.stride;
    }
    return weights;
}

/* The gradient behind the first layer, rounded and in pairs; where it has been before it is of no use now. */
static struct nn_pair_matrix round_gradient(const struct pass *pass, size_t a, struct nn_span units,
                                            struct nn_const_matrix ds)
{
    struct nn_pair_matrix rounded = pass->workspace->ds16;
    rounded.at += place_of(pass, a) * pass->bank->shape.width[1] + units.first;
    nn_round_gradient(ds, pass->batch->rows, units.last - units.first, rounded);
    return rounded;
}

static struct nn_forward_task forward_task(const struct pass *pass, size_t a, size_t l, struct nn_span units)
{
    const struct nn_slots w = nn_slots_at(nn_weights(pass->bank, pass->members[a], l), units.first, 0);
    return (struct nn_forward_task){
        .w = {w.theta, w.stride},
        .s = sums_of(pass, a, l, units),
        .out = units.last - units.first,
        .w16 = rounded_weights(pass, a, units),
    };
}

/* From the sums of the units in layer l of the a-th member to its outputs, for the last layer scores. */
static void finish_units(const struct pass *pass, size_t a, size_t l, struct nn_span units)
{
    const struct nn_bank *bank = pass->bank;
    const size_t rows = pass->batch->rows;
    const size_t width = units.last - units.first;
    const struct nn_matrix y = nn_part_of(rows_of(pass, &pass->workspace->output[l], a), 0, units.first);
    const struct nn_matrix s = sums_of(pass, a, l, units);
    if (bank->layout.has_bias[l]) {
        nn_add_bias(s, nn_slots_at(bank->bias[l], pass->members[a], units.first).theta, rows, width);
    }
    if (nn_layer_normalised(&bank->shape, l)) {
        normalise(pass, a, l, units, y);
    } else if (l + 1 < bank->shape.layers) {
        nn_activation_forward(bank->shape.activation, nn_const(s), y, rows, width);
    }
}

/* Forward products of layer l of some members that see what the a-th does. */
static void multiply(const struct pass *pass, size_t l, size_t a, const struct nn_forward_task *tasks,
                     size_t count)
{
    const struct nn_workspace *workspace = pass->workspace;
    const size_t in = pass->bank->shape.width[l];
    if (is_rounded(pass, l)) {
        nn_gemm_forward16(workspace->gemm, workspace->inputs16, tasks, count, pass->batch->rows, in);
    } else {
        nn_gemm_forward(workspace->gemm, input_of(pass, a, l), tasks, count, pass->batch->rows, in);
    }
}

/* Layer l of all members: the first layer's products together, since all of them see the same images. */
static void forward_layer(const struct pass *pass, size_t l)
{
    const size_t out = pass->bank->shape.width[l + 1];
    struct nn_forward_task *tasks =
        pass->workspace->forward_tasks + pass->part->index * pass->workspace->room.members;
    size_t count = 0;
    for (size_t a = 0; a < pass->count; a++) {
        const struct nn_span units = units_of(pass, a, out);
        if (!is_empty(units)) {
            tasks[count++] = forward_task(pass, a, l, units);
        }
        if (count > 0 && (l > 0 || a + 1 == pass->count)) {
            multiply(pass, l, a, tasks, count);
            count = 0;
        }
    }
    for (size_t a = 0; a < pass->count; a++) {
        const struct nn_span units = units_of(pass, a, out);
        if (!is_empty(units)) {
            finish_units(pass, a, l, units);
        }
    }
}

/* Leaves units of hidden layer l out; by images, since random numbers come in fours of a row. */
static void thin_out(const struct pass *pass, size_t l)
{
    for (size_t a = 0; a < pass->count; a++) {
        const struct nn_span images = images_of(pass, a);
        if (drops_out(pass, a, l) && !is_empty(images)) {
            const struct nn_dropout dropout = dropout_of(pass, a, l);
            const struct nn_matrix x = rows_of(pass, &pass->workspace->output[l], a);
            const struct nn_matrix y = rows_of(pass, &pass->workspace->thinned[l], a);
            nn_dropout_apply(&dropout, images.first, nn_const(nn_part_of(x, images.first, 0)),
                             nn_part_of(y, images.first, 0), images.last - images.first,
                             pass->bank->shape.width[l + 1]);
        }
    }
    nn_meet(pass->part);
}

/* Leaves probabilities in the last layer's output, and each image's cost. */
static void forward(const struct pass *pass)
{
    const struct nn_shape *shape = &pass->bank->shape;
    for (size_t l = 0; l < shape->layers; l++) {
        forward_layer(pass, l);
        nn_meet(pass->part);
        if (pass->workspace->room.dropout) {
            thin_out(pass, l);
        }
    }
    for (size_t a = 0; a < pass->count; a++) {
        const struct nn_span images = images_of(pass, a);
        if (!is_empty(images)) {
            const struct nn_matrix scores = rows_of(pass, &pass->workspace->output[shape->layers - 1], a);
            nn_softmax(nn_part_of(scores, images.first, 0), pass->batch->labels + images.first,
                       costs_of(pass, a) + images.first, images.last - images.first,
                       shape->width[shape->layers]);
        }
    }
    nn_meet(pass->part);
}

static double sum_of_costs(const struct pass *pass, size_t a)
{
    const struct nn_row_cost *costs = costs_of(pass, a);
    double sum = 0;
    for (size_t i = 0; i < pass->batch->rows; i++) {
        sum += costs[i].cost;
    }
    return sum;
}

/* Whether the a-th member takes this step. */
static bool steps(const struct pass *pass, size_t a)
{
    return pass->workspace->finite[place_of(pass, a)];
}

static void settle_costs(const struct pass *pass, double *costs)
{
    if (pass->part->index == 0) {
        for (size_t a = 0; a < pass->count; a++) {
            const double cost = sum_of_costs(pass, a) / (double)pass->batch->rows;
            pass->workspace->finite[place_of(pass, a)] = isfinite(cost);
            costs[pass->members[a]] = cost;
        }
    }
    nn_meet(pass->part);
}

/* Turns probabilities into the gradient with respect to the scores. */
static void begin_backward(const struct pass *pass)
{
    const size_t last = pass->bank->shape.layers - 1;
    for (size_t a = 0; a < pass->count; a++) {
        const struct nn_span images = images_of(pass, a);
        if (steps(pass, a) && !is_empty(images)) {
            const struct nn_matrix p = rows_of(pass, &pass->workspace->output[last], a);
            nn_softmax_gradient(nn_part_of(p, images.first, 0), pass->batch->labels + images.first,
                                images.last - images.first, pass->bank->shape.width[last + 1],
                                pass->batch->rows);
        }
    }
    nn_meet(pass->part);
}

static struct nn_descent descent_of(const struct nn_member_options *options, const struct nn_moment *moment)
{
    const double eta = nn_eta_at(options, moment->epoch);
    const double t = (double)moment->step + 1;
    const double correction = sqrt(1 - pow(options->beta2, t));
    if (options->optimizer == NN_ADAM) {
        return (struct nn_descent){
            .rule = NN_RULE_ADAM,
            .eta = (nn_real)(eta * correction / (1 - pow(options->beta1, t))),
            .momentum = (nn_real)options->beta1,
            .decay = (nn_real)(2 * options->lambda),
            .fresh = (nn_real)(1 - options->beta1),
            .memory = (nn_real)options->beta2,
            .surprise = (nn_real)(1 - options->beta2),
            .epsilon = (nn_real)(options->epsilon * correction),
        };
    }
    return (struct nn_descent){
        .rule = options->nesterov ? NN_RULE_NESTEROV : NN_RULE_HEAVY_BALL,
        .eta = (nn_real)eta,
        .momentum = (nn_real)options->momentum,
        .decay = (nn_real)(2 * options->lambda),
    };
}

/* Steps what a unit has besides its weights, which the penalty leaves alone. */
static void descend_vector(struct nn_slots slots, const nn_real *gradient, size_t width,
                           const struct nn_descent *descent)
{
    struct nn_descent unpenalised = *descent;
    unpenalised.decay = 0;
    nn_descend(slots, gradient, width, &unpenalised);
}

static nn_real *scratch_of(const struct pass *pass)
{
    return pass->workspace->scratch + pass->part->index * pass->workspace->scratch_size;
}

/* The step of the biases of the units in layer l, from the gradient ds(rows, units) with respect to its sums.
 */
static void descend_bias(const struct pass *pass, size_t a, size_t l, struct nn_span units,
                         struct nn_const_matrix ds, const struct nn_descent *descent)
{
    const struct nn_bank *bank = pass->bank;
    const size_t width = units.last - units.first;
    nn_real *scratch = scratch_of(pass);
    if (bank->layout.has_bias[l]) {
        nn_sum_rows(ds, scratch, pass->batch->rows, width);
        descend_vector(nn_slots_at(bank->bias[l], pass->members[a], units.first), scratch, width, descent);
    }
}

/* Takes the moments of the mini-batch into the moving averages of the units. */
static void average(const struct pass *pass, size_t a, size_t l, struct nn_span units)
{
    const struct nn_bank *bank = pass->bank;
    const size_t member = pass->members[a];
    const nn_real memory = bank->has_statistics[member] ? (nn_real)NN_BATCHNORM_MEMORY : 0;
    const size_t offset = member * bank->shape.width[l + 1] + units.first;
    const size_t width = units.last - units.first;
    const struct nn_moments moments = moments_of(pass, a, l, units.first);
    nn_batchnorm_average(bank->mean[l] + offset, moments.mean, width, memory);
    nn_batchnorm_average(bank->variance[l] + offset, moments.variance, width, memory);
}

/* The gradient behind normalised layer l becomes that before it; γ and β take their step. */
static void denormalise(const struct pass *pass, size_t a, size_t l, struct nn_span units,
                        struct nn_matrix delta, const struct nn_descent *descent)
{
    const struct nn_bank *bank = pass->bank;
    const size_t member = pass->members[a];
    const size_t rows = pass->batch->rows;
    const size_t width = units.last - units.first;
    const struct nn_matrix ds = nn_part_of(delta, 0, units.first);
    const struct nn_const_matrix hat =
        nn_const(nn_part_of(rows_of(pass, &pass->workspace->normalised[l], a), 0, units.first));
    nn_real *scratch = scratch_of(pass);
    if (bank->layout.has_scale[l]) {
        const struct nn_slots scale = nn_slots_at(bank->scale[l], member, units.first);
        nn_scale_shift_backward(ds, hat, scale.theta, scratch, scratch + width, rows, width);
        descend_vector(scale, scratch, width, descent);
        descend_vector(nn_slots_at(bank->shift[l], member, units.first), scratch + width, width, descent);
    }
    nn_batchnorm_backward(ds, hat, moments_of(pass, a, l, units.first).inverse, scratch, rows, width);
    average(pass, a, l, units);
}

/* The gradient behind layer l, which lies in ds, is brought to before it, behind layer l − 1's units. */
static void retreat(const struct pass *pass, size_t l, const struct nn_matrix *ds, struct nn_matrix *before)
{
    const struct nn_bank *bank = pass->bank;
    const size_t in = bank->shape.width[l];
    for (size_t a = 0; a < pass->count; a++) {
        const struct nn_span images = images_of(pass, a);
        if (!steps(pass, a) || is_empty(images)) {
            continue;
        }
        const size_t rows = images.last - images.first;
        const struct nn_slots w = nn_weights(bank, pass->members[a], l);
        const struct nn_matrix to = nn_part_of(rows_of(pass, before, a), images.first, 0);
        const struct nn_matrix result =
            nn_part_of(rows_of(pass, &pass->workspace->output[l - 1], a), images.first, 0);
        nn_gemm_input_gradient(
            pass->workspace->gemm, nn_const(nn_part_of(rows_of(pass, ds, a), images.first, 0)),
            (struct nn_const_matrix){w.theta, w.stride}, to, rows, in, bank->shape.width[l + 1]);
        if (drops_out(pass, a, l - 1)) {
            const struct nn_dropout dropout = dropout_of(pass, a, l - 1);
            nn_dropout_apply(&dropout, images.first, nn_const(to), to, rows, in);
        }
        nn_activation_backward(bank->shape.activation, nn_const(result), to, rows, in);
    }
    nn_meet(pass->part);
}

/* Steps the weights of layer l of some members that have seen what the a-th has. */
static void step_weights(const struct pass *pass, size_t l, size_t a, const struct nn_descend_task *tasks,
                         size_t count)
{
    const struct nn_workspace *workspace = pass->workspace;
    const size_t rows = pass->batch->rows;
    const size_t in = pass->bank->shape.width[l];
    if (is_rounded(pass, l)) {
        nn_gemm_descend16(workspace->gemm, workspace->pairs16, tasks, count, (rows + 1) / 2, in);
    } else {
        nn_gemm_descend(workspace->gemm, input_of(pass, a, l), tasks, count, rows, in, scratch_of(pass));
    }
}

/* Steps layer l of all members, the first layer's weights together. */
static void descend_layer(const struct pass *pass, size_t l, const struct nn_matrix *ds,
                          const struct nn_descent *descents)
{
    const struct nn_bank *bank = pass->bank;
    struct nn_workspace *workspace = pass->workspace;
    struct nn_descend_task *tasks = workspace->descend_tasks + pass->part->index * workspace->room.members;
    size_t count = 0;
    for (size_t a = 0; a < pass->count; a++) {
        const struct nn_span units = units_of(pass, a, bank->shape.width[l + 1]);
        if (steps(pass, a) && !is_empty(units)) {
            const struct nn_const_matrix mine = nn_const(nn_part_of(rows_of(pass, ds, a), 0, units.first));
            descend_bias(pass, a, l, units, mine, &descents[a]);
            tasks[count++] = (struct nn_descend_task){
                .ds = mine,
                .w = nn_slots_at(nn_weights(bank, pass->members[a], l), units.first, 0),
                .out = units.last - units.first,
                .descent = &descents[a],
            };
            if (is_rounded(pass, l)) {
                tasks[count - 1].ds16 = round_gradient(pass, a, units, mine);
                tasks[count - 1].w16 = rounded_weights(pass, a, units);
            }
        }
        if (count > 0 && (l > 0 || a + 1 == pass->count)) {
            step_weights(pass, l, a, tasks, count);
            count = 0;
        }
    }
}

/* Finishes the gradient with respect to the sums of layer l, and steps what batch normalisation has learned.
 */
static void denormalise_layer(const struct pass *pass, size_t l, const struct nn_matrix *delta,
                              const struct nn_descent *descents)
{
    for (size_t a = 0; a < pass->count; a++) {
        const struct nn_span units = units_of(pass, a, pass->bank->shape.width[l + 1]);
        if (steps(pass, a) && !is_empty(units)) {
            denormalise(pass, a, l, units, rows_of(pass, delta, a), &descents[a]);
        }
    }
}

static void backward(const struct pass *pass, const struct nn_moment *moment)
{
    const struct nn_workspace *workspace = pass->workspace;
    struct nn_matrix ds = workspace->output[pass->bank->shape.layers - 1];
    struct nn_descent *descents = workspace->descents + pass->part->index * workspace->room.members;
    for (size_t a = 0; a < pass->count; a++) {
        descents[a] = descent_of(options_of(pass, a), moment);
    }
    for (size_t l = pass->bank->shape.layers; l-- > 0;) {
        struct nn_matrix before = workspace->delta[l % 2];
        if (l > 0) {
            /* Rows as wide as the layer before, so that a thread's images lie together. */
            before.stride = nn_stride(pass->bank->shape.width[l]);
            retreat(pass, l, &ds, &before);
        }
        descend_layer(pass, l, &ds, descents);
        if (l > 0 && nn_layer_normalised(&pass->bank->shape, l - 1)) {
            denormalise_layer(pass, l - 1, &before, descents);
        }
        nn_meet(pass->part);
        ds = before;
    }
}

void nn_bank_step(struct nn_bank *bank, struct nn_workspace *workspace, const struct nn_batch *batch,
                  const struct nn_moment *moment, const struct nn_part *part, double *costs)
{
    const struct pass pass = {
        .bank = bank,
        .workspace = workspace,
        .batch = batch,
        .part = part,
        .members = bank->active,
        .count = bank->active_count,
        .mode = MODE_TRAIN,
        .step = moment->step,
    };
    forward(&pass);
    settle_costs(&pass, costs);
    begin_backward(&pass);
    backward(&pass, moment);
    for (size_t a = 0; a < pass.count && part->index == 0; a++) {
        bank->has_statistics[pass.members[a]] = bank->has_statistics[pass.members[a]] || steps(&pass, a);
    }
    nn_meet(part);
}

static struct pass pass_alone(const struct nn_bank *bank, const size_t *members, size_t count,
                              struct nn_workspace *workspace, const struct nn_batch *batch)
{
    return (struct pass){
        .bank = bank,
        .workspace = workspace,
        .batch = batch,
        .part = &nn_alone,
        .members = members,
        .count = count,
    };
}

double nn_bank_batch_cost(const struct nn_bank *bank, size_t member, struct nn_workspace *workspace,
                          const struct nn_batch *batch, const struct nn_moment *moment)
{
    struct pass pass = pass_alone(bank, &member, 1, workspace, batch);
    pass.mode = MODE_TRAIN;
    pass.step = moment->step;
    forward(&pass);
    return sum_of_costs(&pass, 0) / (double)batch->rows + nn_bank_penalty(bank, member);
}

void nn_bank_evaluate(const struct nn_bank *bank, const size_t *members, size_t count,
                      struct nn_workspace *workspace, const struct nn_batch *batch, struct nn_tally *tallies,
                      uint64_t *confusion)
{
    const size_t classes = bank->shape.width[bank->shape.layers];
    struct pass pass = pass_alone(bank, members, count, workspace, batch);
    pass.mode = MODE_INFER;
    forward(&pass);
    for (size_t a = 0; a < count; a++) {
        const struct nn_row_cost *costs = costs_of(&pass, a);
        struct nn_tally *tally = &tallies[members[a]];
        uint64_t *cells = confusion == NULL ? NULL : confusion + members[a] * classes * classes;
        tally->cross_entropy += sum_of_costs(&pass, a);
        tally->images += batch->rows;
        for (size_t i = 0; i < batch->rows; i++) {
            tally->correct += costs[i].guess == batch->labels[i] ? 1 : 0;
            if (cells != NULL) {
                cells[batch->labels[i] * classes + costs[i].guess]++;
            }
        }
    }
}
