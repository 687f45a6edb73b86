/*
 * The kernels, for the instruction set of the file that includes this. It has defined
 *   vec                       a vector of NN_LANES floats, with load, store, broadcast, zero and the
 * operators fma_vec (a·b + c), add, subtract, multiply, divide, root sum_lanes(parts)          a vector whose
 * lane i is the sum of the lanes of parts[i], 16 vectors: lane j is added to j + 8, then to j + 4, j + 2 and
 * j + 1 OUTER_M, OUTER_N, OUTER_SIZES(X)   the largest tile of an outer product, OUTER_N in vectors; X(1) …
 * X(OUTER_M) INNER_M, INNER_N, INNER_SIZES(X)   the largest tile of inner products, X(1, 1) … X(INNER_M,
 * INNER_N) Tiles are as large as the registers allow.
 */
#include <stdbool.h>
#include <string.h>

#include "core/nn/kernels.h"

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Bytes of a cache line, in floats. */
enum { LINE = 16 };

/* Columns of the largest tile of an outer product. */
enum { OUTER_WIDTH = OUTER_N * NN_LANES };

/* Columns of a block of inner products: so many of x and w stay in cache until all have met. */
enum { INNER_K = 1024 };
/* Rows of x of which such a block stays in the second-level cache. */
enum { INNER_ROWS = 128 };

/* A dimension cut into tiles that differ by one at most: a rest of one row would cost as much as ten. */
struct tiles {
    size_t count, size, larger; /* the first `larger` of them have size + 1 */
};

static struct tiles cut(size_t size, size_t most)
{
    const size_t count = (size + most - 1) / most;
    return (struct tiles){count, size / count, size % count};
}

static size_t tile_size(struct tiles tiles, size_t index)
{
    return tiles.size + (index < tiles.larger ? 1 : 0);
}

/* c(m, n) = Σ over k of a(m, k)·b(k, n), where a(i, j) is a[i·a_row + j·a_column]. */
struct outer {
    const float *a;
    size_t a_row, a_column;
    struct nn_const_matrix b;
    size_t k;
};

/* One tile of m rows and n vectors. With `turned`, a_row is 1. */
ALWAYS_INLINE void outer_tile(const struct outer *o, struct nn_matrix c, const size_t m, const size_t n,
                              const bool turned)
{
    const size_t a_row = turned ? 1 : o->a_row;
    const size_t a_column = turned ? o->a_column : 1;
    const float *a = o->a;
    const float *b = o->b.at;
    vec sum[OUTER_M][OUTER_N];
    UNROLL
    for (size_t i = 0; i < m; i++) {
        UNROLL
        for (size_t j = 0; j < n; j++) {
            sum[i][j] = zero();
        }
    }
    for (size_t k = 0; k < o->k; k++) {
        vec bs[OUTER_N];
        UNROLL
        for (size_t j = 0; j < n; j++) {
            bs[j] = load(b + j * NN_LANES);
            /* The next columns: no two of their lines are neighbours, so nobody else would fetch them. */
            __builtin_prefetch(b + (n + j) * NN_LANES, 0, 2);
        }
        UNROLL
        for (size_t i = 0; i < m; i++) {
            const vec as = broadcast(a + i * a_row);
            UNROLL
            for (size_t j = 0; j < n; j++) {
                sum[i][j] = fma_vec(as, bs[j], sum[i][j]);
            }
        }
        a += a_column;
        b += o->b.stride;
    }
    UNROLL
    for (size_t i = 0; i < m; i++) {
        UNROLL
        for (size_t j = 0; j < n; j++) {
            store(c.at + i * c.stride + j * NN_LANES, sum[i][j]);
        }
    }
}

/* NOLINTBEGIN(bugprone-branch-clone): with tiles of one vector both ways are the same. */
#define TURNED_CASE(m)                                                                                       \
    case m:                                                                                                  \
        n == 1 ? outer_tile(o, c, m, 1, true) : outer_tile(o, c, m, OUTER_N, true);                          \
        break;
#define PLAIN_CASE(m)                                                                                        \
    case m:                                                                                                  \
        n == 1 ? outer_tile(o, c, m, 1, false) : outer_tile(o, c, m, OUTER_N, false);                        \
        break;

static void turned_tile(const struct outer *o, struct nn_matrix c, size_t m, size_t n)
{
    switch (m) {
        OUTER_SIZES(TURNED_CASE)
    default:
        break;
    }
}

static void plain_tile(const struct outer *o, struct nn_matrix c, size_t m, size_t n)
{
    switch (m) {
        OUTER_SIZES(PLAIN_CASE)
    default:
        break;
    }
}

/* Vectors in a tile's row at column `at` of `in`. */
static size_t vectors_at(size_t at, size_t in)
{
    return in - at > NN_LANES ? OUTER_N : 1;
}
/* NOLINTEND(bugprone-branch-clone) */

static void input_gradient(struct nn_const_matrix ds, struct nn_const_matrix w, struct nn_matrix dx,
                           size_t rows, size_t in, size_t out)
{
    const struct tiles tiles = cut(rows, OUTER_M);
    for (size_t column = 0; column < in; column += OUTER_WIDTH) {
        struct outer o = {ds.at, ds.stride, 1, {w.at + column, w.stride}, out};
        struct nn_matrix c = {dx.at + column, dx.stride};
        const size_t n = vectors_at(column, in);
        for (size_t t = 0; t < tiles.count; t++) {
            const size_t m = tile_size(tiles, t);
            plain_tile(&o, c, m, n);
            o.a += m * ds.stride;
            c.at += m * dx.stride;
        }
    }
}

/* The lines that a step will want by the time that its gradient is known. */
static void prefetch(struct nn_slots w, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n * NN_LANES; j += LINE) {
            __builtin_prefetch(w.theta + i * w.stride + j, 1);
            __builtin_prefetch(w.velocity + i * w.stride + j, 1);
        }
    }
}

/* As nn_descend, on m rows of n vectors; the same operations give the same bits. */
static void heavy_ball(struct nn_slots slots, struct nn_const_matrix gradient, size_t m, size_t n,
                       const struct nn_descent *d)
{
    const vec momentum = broadcast(&d->momentum);
    const vec eta = broadcast(&d->eta);
    const vec decay = broadcast(&d->decay);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n * NN_LANES; j += NN_LANES) {
            float *w = slots.theta + i * slots.stride + j;
            float *v = slots.velocity + i * slots.stride + j;
            const vec theta = load(w);
            const vec slope = add(load(gradient.at + i * gradient.stride + j), multiply(decay, theta));
            const vec velocity = subtract(multiply(momentum, load(v)), multiply(eta, slope));
            store(v, velocity);
            store(w, add(theta, velocity));
        }
    }
}

static void nesterov(struct nn_slots slots, struct nn_const_matrix gradient, size_t m, size_t n,
                     const struct nn_descent *d)
{
    const vec momentum = broadcast(&d->momentum);
    const vec eta = broadcast(&d->eta);
    const vec decay = broadcast(&d->decay);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n * NN_LANES; j += NN_LANES) {
            float *w = slots.theta + i * slots.stride + j;
            float *v = slots.velocity + i * slots.stride + j;
            const vec theta = load(w);
            const vec slope = add(load(gradient.at + i * gradient.stride + j), multiply(decay, theta));
            const vec step = multiply(eta, slope);
            const vec velocity = subtract(multiply(momentum, load(v)), step);
            store(v, velocity);
            store(w, add(theta, subtract(multiply(momentum, velocity), step)));
        }
    }
}

static void adam(struct nn_slots slots, struct nn_const_matrix gradient, size_t m, size_t n,
                 const struct nn_descent *d)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n * NN_LANES; j += NN_LANES) {
            float *w = slots.theta + i * slots.stride + j;
            float *v = slots.velocity + i * slots.stride + j;
            float *u = slots.square + i * slots.stride + j;
            const vec theta = load(w);
            const vec slope =
                add(load(gradient.at + i * gradient.stride + j), multiply(broadcast(&d->decay), theta));
            const vec mean =
                add(multiply(broadcast(&d->momentum), load(v)), multiply(broadcast(&d->fresh), slope));
            const vec square = add(multiply(broadcast(&d->memory), load(u)),
                                   multiply(broadcast(&d->surprise), multiply(slope, slope)));
            store(v, mean);
            store(u, square);
            store(w, subtract(theta, divide(multiply(broadcast(&d->eta), mean),
                                            add(root(square), broadcast(&d->epsilon)))));
        }
    }
}

static void descend_tile(struct nn_slots slots, struct nn_const_matrix gradient, size_t m, size_t n,
                         const struct nn_descent *descent)
{
    switch (descent->rule) {
    case NN_RULE_HEAVY_BALL:
        heavy_ball(slots, gradient, m, n, descent);
        break;
    case NN_RULE_NESTEROV:
        nesterov(slots, gradient, m, n, descent);
        break;
    case NN_RULE_ADAM:
        adam(slots, gradient, m, n, descent);
        break;
    }
}

/* Steps one network's weights in n vectors of columns, those of x and w that `b` and the task start at. */
static void descend_columns(struct nn_const_matrix x, const struct nn_descend_task *task, size_t rows,
                            size_t n)
{
    _Alignas(64) float gradient[OUTER_M * OUTER_WIDTH];
    const struct nn_matrix g = {gradient, OUTER_WIDTH};
    const struct tiles tiles = cut(task->out, OUTER_M);
    struct outer o = {task->ds.at, 1, task->ds.stride, x, rows};
    struct nn_slots slots = task->w;
    for (size_t t = 0; t < tiles.count; t++) {
        const size_t m = tile_size(tiles, t);
        prefetch(slots, m, n);
        turned_tile(&o, g, m, n);
        descend_tile(slots, nn_const(g), m, n, task->descent);
        o.a += m;
        slots = nn_slots_at(slots, m, 0);
    }
}

/*
 * The gradient is never stored as a whole: each tile of it is spent while it is in cache. The columns of x
 * stay there until all networks have used them.
 */
static void descend(struct nn_const_matrix x, const struct nn_descend_task *tasks, size_t count, size_t rows,
                    size_t in)
{
    for (size_t column = 0; column < in; column += OUTER_WIDTH) {
        const size_t n = vectors_at(column, in);
        const struct nn_const_matrix xs = {x.at + column, x.stride};
        for (size_t i = 0; i < count; i++) {
            struct nn_descend_task task = tasks[i];
            task.w = nn_slots_at(task.w, 0, column);
            descend_columns(xs, &task, rows, n);
        }
    }
}

/* Columns k … k + length − 1 of some rows of x and of w, whose inner products are added to s. */
struct inner {
    struct nn_const_matrix x, w;
    struct nn_matrix s;
    size_t length;
    const float
        *next;  /* of which a quarter of the length is fetched on the way: more at once would clog it */
    bool first; /* nothing is in s yet */
};

/* Adds the sums of the lanes of all parts to s. */
ALWAYS_INLINE void add_sums(const struct inner *o, const vec *parts, const size_t m, const size_t n)
{
    _Alignas(64) float sums[INNER_PARTS];
    UNROLL
    for (size_t i = 0; i < (m * n + NN_LANES - 1) / NN_LANES; i++) {
        store(sums + i * NN_LANES, sum_lanes(parts + i * NN_LANES));
    }
    for (size_t i = 0; i < m; i++) {
        float *row = o->s.at + i * o->s.stride;
        for (size_t j = 0; j < n; j++) {
            row[j] = o->first ? sums[i * n + j] : row[j] + sums[i * n + j];
        }
    }
}

/* Inner products of m rows of x and n rows of w. */
ALWAYS_INLINE void inner_tile(const struct inner *o, const size_t m, const size_t n)
{
    const struct nn_const_matrix x = o->x;
    const struct nn_const_matrix w = o->w;
    vec sum[INNER_PARTS];
    UNROLL
    for (size_t i = 0; i < INNER_PARTS; i++) {
        sum[i] = zero();
    }
    for (size_t k = 0; k < o->length; k += NN_LANES) {
        vec xs[INNER_M];
        __builtin_prefetch(o->next + k / 4, 0, 2);
        UNROLL
        for (size_t i = 0; i < m; i++) {
            xs[i] = load(x.at + i * x.stride + k);
        }
        UNROLL
        for (size_t j = 0; j < n; j++) {
            const vec ws = load(w.at + j * w.stride + k);
            UNROLL
            for (size_t i = 0; i < m; i++) {
                sum[i * n + j] = fma_vec(xs[i], ws, sum[i * n + j]);
            }
        }
    }
    add_sums(o, sum, m, n);
}

#define INNER_CASE(m, n)                                                                                     \
    case (m)*NN_LANES + (n):                                                                                 \
        inner_tile(o, m, n);                                                                                 \
        break;

static void inner_tile_of(const struct inner *o, size_t m, size_t n)
{
    switch (m * NN_LANES + n) {
        INNER_SIZES(INNER_CASE)
    default:
        break;
    }
}

/* All rows of x with the n rows of w that `block` starts at, while those that follow are fetched. */
static void inner_column(struct inner block, size_t rows, size_t n)
{
    const struct tiles tiles = cut(rows, INNER_M);
    const float *next = block.w.at + n * block.w.stride;
    for (size_t t = 0; t < tiles.count; t++) {
        const size_t m = tile_size(tiles, t);
        block.next = next + t / 4 * block.w.stride + t % 4 * (block.length / 4);
        inner_tile_of(&block, m, n);
        block.x.at += m * block.x.stride;
        block.s.at += m * block.s.stride;
    }
}

static void inner_block(struct inner block, size_t rows, size_t out)
{
    const struct tiles tiles = cut(out, INNER_N);
    for (size_t t = 0; t < tiles.count; t++) {
        const size_t n = tile_size(tiles, t);
        inner_column(block, rows, n);
        block.w.at += n * block.w.stride;
        block.s.at += n;
    }
}

static void forward(struct nn_const_matrix x, const struct nn_forward_task *tasks, size_t count, size_t rows,
                    size_t in)
{
    for (size_t row = 0; row < rows; row += INNER_ROWS) {
        const size_t height = rows - row < INNER_ROWS ? rows - row : INNER_ROWS;
        for (size_t k = 0; k < in; k += INNER_K) {
            for (size_t i = 0; i < count; i++) {
                const struct inner block = {
                    .x = {x.at + row * x.stride + k, x.stride},
                    .w = {tasks[i].w.at + k, tasks[i].w.stride},
                    .s = nn_part_of(tasks[i].s, row, 0),
                    .length = in - k < INNER_K ? in - k : INNER_K,
                    .first = k == 0,
                };
                inner_block(block, height, tasks[i].out);
            }
        }
    }
}
