#include "core/nn/bank.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/nn/arena.h"
#include "core/nn/bank_object.h"

/* Velocity, and the square where some member needs it, beside every parameter. */
static struct nn_slots carve_slots(struct nn_arena *arena, size_t rows, size_t stride, bool square)
{
    struct nn_slots slots = {.stride = stride};
    slots.theta = nn_carve(arena, rows, stride);
    slots.velocity = nn_carve(arena, rows, stride);
    slots.square = square ? nn_carve(arena, rows, stride) : NULL;
    return slots;
}

static void place(struct nn_bank *bank, bool square, struct nn_arena *arena)
{
    const struct nn_shape *shape = &bank->shape;
    for (size_t l = 0; l < shape->layers; l++) {
        const size_t out = shape->width[l + 1];
        size_t units = 0;
        arena->overflow = !ep_size_multiply(bank->count, out, &units) || arena->overflow;
        bank->weight[l] = carve_slots(arena, units, nn_stride(shape->width[l]), square);
        if (l == 0 && shape->bf16) {
            bank->weight16 = nn_carve_halves(arena, units, shape->width[0]);
        }
        if (bank->layout.has_bias[l]) {
            bank->bias[l] = carve_slots(arena, bank->count, out, square);
        } else {
            bank->mean[l] = nn_carve(arena, bank->count, out);
            bank->variance[l] = nn_carve(arena, bank->count, out);
        }
        if (bank->layout.has_scale[l]) {
            bank->scale[l] = carve_slots(arena, bank->count, out, square);
            bank->shift[l] = carve_slots(arena, bank->count, out, square);
        }
    }
}

static bool any_adam(const struct nn_member_options *members, size_t count)
{
    bool any = false;
    for (size_t g = 0; g < count; g++) {
        any = any || members[g].optimizer == NN_ADAM;
    }
    return any;
}

bool nn_bank_numbers(const struct nn_shape *shape, const struct nn_member_options *options, size_t count,
                     size_t *numbers)
{
    struct nn_bank unused = {.shape = *shape, .count = count};
    struct nn_arena arena = {0};
    if (nn_layout_of(shape, &unused.layout, NULL) != EP_OK) {
        return false;
    }
    place(&unused, any_adam(options, count), &arena);
    *numbers = arena.used;
    return !arena.overflow;
}

static bool allocate(struct nn_bank *bank, const struct nn_member_options *members)
{
    size_t numbers;
    if (!nn_bank_numbers(&bank->shape, members, bank->count, &numbers)) {
        return false;
    }
    bank->numbers = numbers;
    bank->options = ep_allocate(bank->count, sizeof *bank->options);
    bank->active = ep_allocate(bank->count, sizeof *bank->active);
    bank->has_statistics = ep_allocate(bank->count, sizeof *bank->has_statistics);
    bank->block = ep_allocate(numbers, sizeof *bank->block);
    return bank->options != NULL && bank->active != NULL && bank->has_statistics != NULL &&
           bank->block != NULL;
}

static void initialise_member(struct nn_bank *bank, size_t member)
{
    for (size_t l = 0; l < bank->shape.layers; l++) {
        const struct nn_slots weights = nn_weights(bank, member, l);
        nn_initialise((struct nn_matrix){weights.theta, weights.stride}, bank->shape.width[l],
                      bank->shape.width[l + 1], (uint32_t)l, &bank->options[member]);
        const size_t out = bank->shape.width[l + 1];
        nn_real *scale = bank->scale[l].theta;
        for (size_t j = 0; j < out && scale != NULL; j++) {
            scale[member * bank->scale[l].stride + j] = 1;
        }
    }
}

/* Brings the rounded weights in line with those in float. */
static void round_member(struct nn_bank *bank, size_t member)
{
    const size_t out = bank->shape.width[1];
    for (size_t j = 0; j < out && bank->shape.bf16; j++) {
        const nn_real *row = nn_slots_at(nn_weights(bank, member, 0), j, 0).theta;
        nn_half *to = bank->weight16.at + (member * out + j) * bank->weight16.stride;
        for (size_t i = 0; i < bank->shape.width[0]; i++) {
            to[i] = nn_half_of((float)row[i]);
        }
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
        *made = (struct nn_bank){.shape = *shape, .layout = layout, .count = count, .active_count = count};
    }
    if (made == NULL || !allocate(made, members)) {
        nn_bank_destroy(made);
        return ep_fail(error, EP_NO_MEMORY, "no memory for %zu networks of %zu parameters", count,
                       layout.parameters);
    }
    struct nn_arena arena = {.block = made->block};
    place(made, any_adam(members, count), &arena);
    for (size_t g = 0; g < count; g++) {
        made->options[g] = members[g];
        made->active[g] = g;
        initialise_member(made, g);
        round_member(made, g);
    }
    *bank = made;
    return EP_OK;
}

void nn_bank_destroy(struct nn_bank *bank)
{
    if (bank != NULL) {
        free(bank->options);
        free(bank->active);
        free(bank->has_statistics);
        free(bank->block);
        free(bank);
    }
}

/* Whether those that train are members. */
static bool is_sound(const struct nn_bank *bank)
{
    bool sound = bank->active_count <= bank->count;
    for (size_t i = 0; sound && i < bank->active_count; i++) {
        sound = bank->active[i] < bank->count;
    }
    return sound;
}

bool nn_bank_move_state(struct nn_bank *bank, const struct nn_state *state)
{
    const bool moved =
        state->move(state->context, &bank->active_count, sizeof bank->active_count) &&
        state->move(state->context, bank->active, bank->count * sizeof *bank->active) &&
        state->move(state->context, bank->has_statistics, bank->count * sizeof *bank->has_statistics) &&
        state->move(state->context, bank->block, bank->numbers * sizeof *bank->block);
    unsigned char *flags = (unsigned char *)bank->has_statistics;
    for (size_t g = 0; moved && g < bank->count; g++) {
        flags[g] &= 1; /* whatever byte came back, it is a bool */
        round_member(bank, g);
    }
    return moved && is_sound(bank);
}

const struct nn_shape *nn_bank_shape(const struct nn_bank *bank)
{
    return &bank->shape;
}

const struct nn_layout *nn_bank_layout(const struct nn_bank *bank)
{
    return &bank->layout;
}

size_t nn_bank_members(const struct nn_bank *bank)
{
    return bank->count;
}

const struct nn_member_options *nn_bank_options(const struct nn_bank *bank, size_t member)
{
    return &bank->options[member];
}

bool nn_bank_drops_out(const struct nn_bank *bank)
{
    bool any = false;
    for (size_t g = 0; g < bank->count; g++) {
        any = any || bank->options[g].dropout > 0;
    }
    return any;
}

/* Where number `index` of layer l's vectors lies, the first of them being the one at `at`. */
static nn_real *in_vectors(const struct nn_bank *bank, size_t member, size_t l, size_t index)
{
    const size_t out = bank->shape.width[l + 1];
    if (bank->layout.has_bias[l]) {
        return nn_slots_at(bank->bias[l], member, index - bank->layout.bias[l]).theta;
    }
    const size_t at = index - bank->layout.scale[l];
    return at < out ? nn_slots_at(bank->scale[l], member, at).theta
                    : nn_slots_at(bank->shift[l], member, at - out).theta;
}

nn_real *nn_bank_parameter(struct nn_bank *bank, size_t member, size_t index)
{
    assert(index < bank->layout.parameters);
    size_t l = bank->shape.layers - 1;
    while (bank->layout.weight[l] > index) {
        l--;
    }
    const size_t out = bank->shape.width[l + 1];
    const size_t at = index - bank->layout.weight[l];
    if (at >= bank->shape.width[l] * out) {
        return in_vectors(bank, member, l, index);
    }
    return nn_slots_at(nn_weights(bank, member, l), at % out, at / out).theta;
}

nn_real *nn_bank_statistic(struct nn_bank *bank, size_t member, size_t index)
{
    assert(index < bank->layout.statistics);
    size_t l = bank->shape.layers - 2; /* the last normalised one */
    while (bank->layout.mean[l] > index) {
        l--;
    }
    const size_t out = bank->shape.width[l + 1];
    const size_t at = index - bank->layout.mean[l];
    return at < out ? &bank->mean[l][member * out + at] : &bank->variance[l][member * out + at - out];
}

void nn_bank_read(const struct nn_bank *bank, size_t member, nn_real *parameters, nn_real *statistics)
{
    struct nn_bank same = *bank; /* for its addresses: nothing is written through them */
    for (size_t i = 0; i < bank->layout.parameters; i++) {
        parameters[i] = *nn_bank_parameter(&same, member, i);
    }
    for (size_t i = 0; i < bank->layout.statistics; i++) {
        statistics[i] = *nn_bank_statistic(&same, member, i);
    }
}

void nn_bank_write(struct nn_bank *bank, size_t member, const nn_real *parameters, const nn_real *statistics)
{
    for (size_t i = 0; i < bank->layout.parameters; i++) {
        *nn_bank_parameter(bank, member, i) = parameters[i];
    }
    for (size_t i = 0; i < bank->layout.statistics; i++) {
        *nn_bank_statistic(bank, member, i) = statistics[i];
    }
    round_member(bank, member);
}

void nn_bank_retire(struct nn_bank *bank, size_t member)
{
    size_t kept = 0;
    for (size_t a = 0; a < bank->active_count; a++) {
        if (bank->active[a] != member) {
            bank->active[kept++] = bank->active[a];
        }
    }
    bank->active_count = kept;
}

bool nn_bank_trains(const struct nn_bank *bank, size_t member)
{
    bool found = false;
    for (size_t a = 0; a < bank->active_count; a++) {
        found = found || bank->active[a] == member;
    }
    return found;
}

size_t nn_bank_training(const struct nn_bank *bank)
{
    return bank->active_count;
}

double nn_bank_penalty(const struct nn_bank *bank, size_t member)
{
    double sum = 0;
    if (bank->options[member].lambda == 0) {
        return 0;
    }
    for (size_t l = 0; l < bank->shape.layers; l++) {
        const struct nn_slots weights = nn_weights(bank, member, l);
        for (size_t j = 0; j < bank->shape.width[l + 1]; j++) {
            const nn_real *row = nn_slots_at(weights, j, 0).theta;
            for (size_t i = 0; i < bank->shape.width[l]; i++) {
                sum += (double)row[i] * (double)row[i];
            }
        }
    }
    return bank->options[member].lambda * sum;
}
