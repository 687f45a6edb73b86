#include <assert.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/nn/arena.h"
#include "core/nn/bank_object.h"

/* Parts that only training needs. */
static void place_training(const struct nn_shape *shape, size_t rows, struct nn_arena *arena,
                           struct nn_workspace *workspace)
{
    size_t widest = 0;
    size_t scratch = 0;
    for (size_t l = 0; l < shape->layers; l++) {
        const size_t out = shape->width[l + 1];
        size_t gradient = 0;
        if (l + 1 < shape->layers && workspace->room.dropout) {
            workspace->thinned[l] = nn_carve_matrix(arena, rows, out);
        }
        arena->overflow = !nn_gemm_scratch(shape->width[l], out, &gradient) || arena->overflow;
        scratch = gradient > scratch ? gradient : scratch;
        widest = out > widest ? out : widest;
    }
    /* Of a layer's gradient, or of two sums for each unit. */
    workspace->scratch_size = scratch > 2 * nn_stride(widest) ? scratch : 2 * nn_stride(widest);
    workspace->scratch = nn_carve(arena, workspace->room.threads, workspace->scratch_size);
    if (shape->bf16) {
        const size_t pairs = (workspace->room.rows + 1) / 2;
        size_t units = 0;
        arena->overflow =
            !ep_size_multiply(workspace->room.members, shape->width[1], &units) || arena->overflow;
        workspace->pairs16 = nn_carve_pairs(arena, pairs, shape->width[0]);
        workspace->ds16 = nn_carve_pairs(arena, pairs, units);
    }
    workspace->delta[0] = nn_carve_matrix(arena, rows, widest);
    workspace->delta[1] = nn_carve_matrix(arena, rows, widest);
}

static void place(const struct nn_shape *shape, struct nn_arena *arena, struct nn_workspace *workspace)
{
    const size_t members = workspace->room.members;
    size_t rows = 0;
    arena->overflow = !ep_size_multiply(members, workspace->room.rows, &rows) || arena->overflow;
    for (size_t l = 0; l < shape->layers; l++) {
        const size_t out = shape->width[l + 1];
        workspace->output[l] = nn_carve_matrix(arena, rows, out);
        if (nn_layer_normalised(shape, l)) {
            workspace->normalised[l] =
                workspace->room.threads > 0 ? nn_carve_matrix(arena, rows, out) : workspace->output[l];
            workspace->moments[l].mean = nn_carve(arena, members, out);
            workspace->moments[l].variance = nn_carve(arena, members, out);
            workspace->moments[l].inverse = nn_carve(arena, members, out);
        }
    }
    if (shape->bf16) {
        workspace->inputs16 = nn_carve_halves(arena, workspace->room.rows, shape->width[0]);
    }
    if (workspace->room.threads > 0) {
        place_training(shape, rows, arena, workspace);
    }
}

bool nn_workspace_numbers(const struct nn_shape *shape, const struct nn_room *room, size_t *numbers)
{
    struct nn_workspace unused = {.room = *room};
    struct nn_arena arena = {0};
    place(shape, &arena, &unused);
    *numbers = arena.used;
    return !arena.overflow;
}

static void allocate_lists(struct nn_workspace *workspace)
{
    const struct nn_room *room = &workspace->room;
    const size_t threads = room->threads > 0 ? room->threads : 1;
    workspace->costs = ep_allocate(room->members * room->rows, sizeof *workspace->costs);
    workspace->finite = ep_allocate(room->members, sizeof *workspace->finite);
    workspace->forward_tasks = ep_allocate(threads * room->members, sizeof *workspace->forward_tasks);
    workspace->descend_tasks = ep_allocate(threads * room->members, sizeof *workspace->descend_tasks);
    workspace->descents = ep_allocate(threads * room->members, sizeof *workspace->descents);
}

enum ep_status nn_workspace_create(const struct nn_shape *shape, const struct nn_room *room,
                                   const struct nn_gemm *gemm, struct nn_workspace **workspace,
                                   struct ep_error *error)
{
    size_t numbers;
    if (!nn_workspace_numbers(shape, room, &numbers)) {
        return ep_fail(error, EP_TOO_LARGE, "the activations of %zu images are more than can be counted",
                       room->rows);
    }
    struct nn_workspace *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->room = *room;
        made->gemm = gemm;
        made->block = ep_allocate(numbers, sizeof *made->block);
        allocate_lists(made);
    }
    if (made == NULL || made->block == NULL || made->costs == NULL || made->finite == NULL ||
        made->forward_tasks == NULL || made->descend_tasks == NULL || made->descents == NULL) {
        nn_workspace_destroy(made);
        return ep_fail(error, EP_NO_MEMORY, "no memory for the activations of %zu images", room->rows);
    }
    struct nn_arena arena = {.block = made->block};
    place(shape, &arena, made);
    *workspace = made;
    return EP_OK;
}

void nn_workspace_take(struct nn_workspace *workspace, struct nn_const_matrix x, size_t first, size_t rows,
                       size_t features)
{
    struct nn_half_matrix halves = workspace->inputs16;
    struct nn_pair_matrix pairs = workspace->pairs16;
    assert(first % 2 == 0);
    halves.at += first * halves.stride;
    if (pairs.at != NULL) {
        pairs.at += first / 2 * pairs.stride;
    }
    nn_gemm_round16(workspace->gemm, x, rows, features, halves, pairs);
}

void nn_workspace_destroy(struct nn_workspace *workspace)
{
    if (workspace != NULL) {
        free(workspace->block);
        free(workspace->costs);
        free(workspace->finite);
        free(workspace->forward_tasks);
        free(workspace->descend_tasks);
        free(workspace->descents);
        free(workspace);
    }
}
