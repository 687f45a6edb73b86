#include "core/nn/arena.h"

#include "core/base/memory.h"

enum { GRAIN = 64 / sizeof(nn_real) };

nn_real *nn_carve(struct nn_arena *arena, size_t a, size_t b)
{
    nn_real *part = arena->block == NULL ? NULL : arena->block + arena->used;
    size_t count;
    if (!ep_size_multiply(a, b, &count) || !ep_size_add(count, GRAIN - 1, &count) ||
        !ep_size_add(arena->used, count - count % GRAIN, &arena->used)) {
        arena->overflow = true;
    }
    return part;
}

struct nn_matrix nn_carve_matrix(struct nn_arena *arena, size_t rows, size_t columns)
{
    const size_t stride = nn_stride(columns);
    return (struct nn_matrix){nn_carve(arena, rows, stride), stride};
}

/* The block is as aligned as anything may need, and parts lie on cache lines. */
struct nn_half_matrix nn_carve_halves(struct nn_arena *arena, size_t rows, size_t columns)
{
    const size_t stride = nn_half_stride(columns);
    const size_t numbers = stride * sizeof(nn_half) / sizeof(nn_real);
    return (struct nn_half_matrix){(nn_half *)(void *)nn_carve(arena, rows, numbers), stride};
}

struct nn_pair_matrix nn_carve_pairs(struct nn_arena *arena, size_t rows, size_t columns)
{
    const size_t stride = nn_stride(columns);
    const size_t numbers = stride * sizeof(uint32_t) / sizeof(nn_real);
    return (struct nn_pair_matrix){(uint32_t *)(void *)nn_carve(arena, rows, numbers), stride};
}
