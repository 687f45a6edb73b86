/*
 * The first layer's products with bfloat16 inputs and float sums, for processors with AVX512_BF16. Included
 * by kernels_avx512.c behind the kernels for float, whose tiling and steps it shares; its functions alone are
 * compiled for these instructions.
 */
#define BF16 __attribute__((target("avx512bf16")))

enum { INNER16_K = 2048 };

BF16 static inline __m512bh load16(const nn_half *at)
{
    return (__m512bh)_mm512_loadu_si512(at);
}

/* Columns k … k + length − 1 of some rows of x and of w, as struct inner. */
struct inner16 {
    struct nn_half_matrix x, w;
    struct nn_matrix s;
    size_t length;
    const nn_half *next;
    bool first;
};

BF16 ALWAYS_INLINE void inner16_tile(const struct inner16 *o, const size_t m, const size_t n)
{
    const struct inner sums = {.s = o->s, .first = o->first};
    vec sum[INNER_PARTS];
    UNROLL
    for (size_t i = 0; i < INNER_PARTS; i++) {
        sum[i] = zero();
    }
    for (size_t k = 0; k < o->length; k += NN_HALF_LANES) {
        __m512bh xs[INNER_M];
        __builtin_prefetch(o->next + k / 4, 0, 2);
        UNROLL
        for (size_t i = 0; i < m; i++) {
            xs[i] = load16(o->x.at + i * o->x.stride + k);
        }
        UNROLL
        for (size_t j = 0; j < n; j++) {
            const __m512bh ws = load16(o->w.at + j * o->w.stride + k);
            UNROLL
            for (size_t i = 0; i < m; i++) {
                sum[i * n + j] = _mm512_dpbf16_ps(sum[i * n + j], xs[i], ws);
            }
        }
    }
    add_sums(&sums, sum, m, n);
}

#define INNER16_CASE(m, n)                                                                                   \
    case (m)*NN_LANES + (n):                                                                                 \
        inner16_tile(o, m, n);                                                                               \
        break;

BF16 static void inner16_tile_of(const struct inner16 *o, size_t m, size_t n)
{
    switch (m * NN_LANES + n) {
        INNER_SIZES(INNER16_CASE)
    default:
        break;
    }
}

static void inner16_column(struct inner16 block, size_t rows, size_t n)
{
    const struct tiles tiles = cut(rows, INNER_M);
    const nn_half *next = block.w.at + n * block.w.stride;
    for (size_t t = 0; t < tiles.count; t++) {
        const size_t m = tile_size(tiles, t);
        block.next = next + t / 4 * block.w.stride + t % 4 * (block.length / 4);
        inner16_tile_of(&block, m, n);
        block.x.at += m * block.x.stride;
        block.s.at += m * block.s.stride;
    }
}

static void inner16_block(struct inner16 block, size_t rows, size_t out)
{
    const struct tiles tiles = cut(out, INNER_N);
    for (size_t t = 0; t < tiles.count; t++) {
        const size_t n = tile_size(tiles, t);
        inner16_column(block, rows, n);
        block.w.at += n * block.w.stride;
        block.s.at += n;
    }
}

static void forward16(struct nn_half_matrix x, const struct nn_forward_task *tasks, size_t count, size_t rows,
                      size_t in)
{
    for (size_t row = 0; row < rows; row += INNER_ROWS) {
        const size_t height = rows - row < INNER_ROWS ? rows - row : INNER_ROWS;
        for (size_t k = 0; k < in; k += INNER16_K) {
            for (size_t i = 0; i < count; i++) {
                const struct inner16 block = {
                    .x = {x.at + row * x.stride + k, x.stride},
                    .w = {tasks[i].w16.at + k, tasks[i].w16.stride},
                    .s = nn_part_of(tasks[i].s, row, 0),
                    .length = in - k < INNER16_K ? in - k : INNER16_K,
                    .first = k == 0,
                };
                inner16_block(block, height, tasks[i].out);
            }
        }
    }
}

/* c(m, n) = Σ over pairs of rows k of a(k, m)·b(k, n). */
struct outer16 {
    struct nn_pair_matrix a, b;
    size_t pairs;
};

BF16 ALWAYS_INLINE void outer16_tile(const struct outer16 *o, struct nn_matrix c, const size_t m,
                                     const size_t n)
{
    const uint32_t *a = o->a.at;
    const uint32_t *b = o->b.at;
    vec sum[OUTER_M][OUTER_N];
    UNROLL
    for (size_t i = 0; i < m; i++) {
        UNROLL
        for (size_t j = 0; j < n; j++) {
            sum[i][j] = zero();
        }
    }
    for (size_t k = 0; k < o->pairs; k++) {
        __m512bh bs[OUTER_N];
        UNROLL
        for (size_t j = 0; j < n; j++) {
            bs[j] = (__m512bh)_mm512_loadu_si512(b + j * NN_LANES);
            __builtin_prefetch(b + (n + j) * NN_LANES, 0, 2);
        }
        UNROLL
        for (size_t i = 0; i < m; i++) {
            const __m512bh as = (__m512bh)_mm512_set1_epi32((int)a[i]);
            UNROLL
            for (size_t j = 0; j < n; j++) {
                sum[i][j] = _mm512_dpbf16_ps(sum[i][j], as, bs[j]);
            }
        }
        a += o->a.stride;
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

#define OUTER16_CASE(m)                                                                                      \
    case m:                                                                                                  \
        n == 1 ? outer16_tile(o, c, m, 1) : outer16_tile(o, c, m, OUTER_N);                                  \
        break;

BF16 static void outer16_tile_of(const struct outer16 *o, struct nn_matrix c, size_t m, size_t n)
{
    switch (m) {
        OUTER_SIZES(OUTER16_CASE)
    default:
        break;
    }
}

/* The new weights of a tile, rounded for the next products. */
BF16 static void round_tile(struct nn_slots slots, struct nn_half_matrix w16, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n * NN_LANES; j += NN_LANES) {
            const __m256bh half = _mm512_cvtneps_pbh(load(slots.theta + i * slots.stride + j));
            _mm256_storeu_si256((__m256i *)(void *)(w16.at + i * w16.stride + j), (__m256i)half);
        }
    }
}

static void descend16_columns(struct nn_pair_matrix x, const struct nn_descend_task *task, size_t pairs,
                              size_t n)
{
    _Alignas(64) float gradient[OUTER_M * OUTER_WIDTH];
    const struct nn_matrix g = {gradient, OUTER_WIDTH};
    const struct tiles tiles = cut(task->out, OUTER_M);
    struct outer16 o = {task->ds16, x, pairs};
    struct nn_slots slots = task->w;
    struct nn_half_matrix w16 = task->w16;
    for (size_t t = 0; t < tiles.count; t++) {
        const size_t m = tile_size(tiles, t);
        prefetch(slots, m, n);
        outer16_tile_of(&o, g, m, n);
        descend_tile(slots, nn_const(g), m, n, task->descent);
        round_tile(slots, w16, m, n);
        o.a.at += m;
        slots = nn_slots_at(slots, m, 0);
        w16.at += m * w16.stride;
    }
}

static void descend16(struct nn_pair_matrix x, const struct nn_descend_task *tasks, size_t count,
                      size_t pairs, size_t in)
{
    for (size_t column = 0; column < in; column += OUTER_WIDTH) {
        const size_t n = vectors_at(column, in);
        const struct nn_pair_matrix xs = {x.at + column, x.stride};
        for (size_t i = 0; i < count; i++) {
            struct nn_descend_task task = tasks[i];
            task.w = nn_slots_at(task.w, 0, column);
            task.w16.at += column;
            descend16_columns(xs, &task, pairs, n);
        }
    }
}

BF16 static __m256i half_of(vec a)
{
    return (__m256i)_mm512_cvtneps_pbh(a);
}

BF16 static void round16(struct nn_const_matrix x, size_t rows, size_t columns, struct nn_half_matrix halves,
                         struct nn_pair_matrix pairs)
{
    for (size_t i = 0; i < rows; i += 2) {
        const bool both = i + 1 < rows;
        for (size_t j = 0; j < columns; j += NN_LANES) {
            const __m256i upper = half_of(load(x.at + i * x.stride + j));
            const __m256i lower =
                both ? half_of(load(x.at + (i + 1) * x.stride + j)) : _mm256_setzero_si256();
            if (halves.at != NULL) {
                _mm256_storeu_si256((__m256i *)(void *)(halves.at + i * halves.stride + j), upper);
            }
            if (halves.at != NULL && both) {
                _mm256_storeu_si256((__m256i *)(void *)(halves.at + (i + 1) * halves.stride + j), lower);
            }
            if (pairs.at != NULL) {
                const __m512i mixed = _mm512_or_si512(_mm512_slli_epi32(_mm512_cvtepu16_epi32(lower), 16),
                                                      _mm512_cvtepu16_epi32(upper));
                _mm512_storeu_si512(pairs.at + i / 2 * pairs.stride + j, mixed);
            }
        }
    }
}
