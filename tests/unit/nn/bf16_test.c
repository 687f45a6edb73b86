/* The products with bfloat16 inputs: rounding, exactness on whole numbers, and training with them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/macros.h"
#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/nn/bank.h"
#include "core/nn/team.h"

/* What chooses bfloat16, or NULL where there is none. */
static struct nn_gemm *make(void)
{
    struct nn_gemm *gemm = NULL;
    assert_int_equal(nn_gemm_create(NN_GEMM_AUTO, &gemm, NULL), EP_OK);
    if (!nn_gemm_has_bf16(gemm)) {
        nn_gemm_destroy(gemm);
        skip(); /* this machine cannot */
    }
    return gemm;
}

static void a_number_becomes_the_nearest_half(void **state)
{
    (void)state;
    static const struct {
        float number;
        nn_half half;
    } cases[] = {
        {0.0F, 0},
        {-0.0F, 0x8000},
        {1.0F, 0x3F80},
        {-2.5F, 0xC020},
        {0x1.01p0F, 0x3F80},       /* half way: to the even one below */
        {0x1.03p0F, 0x3F82},       /* half way: to the even one above */
        {0x1.010002p0F, 0x3F81},   /* just above half way */
        {0x1.fffffep127F, 0x7F80}, /* beyond the largest */
        {INFINITY, 0x7F80},
        {0x1p-130F, 0}, /* subnormal */
        {-0x1p-130F, 0x8000},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        assert_int_equal(nn_half_of(cases[i].number), cases[i].half);
    }
}

static float normal(size_t row, size_t column, uint32_t stream)
{
    double number;
    ep_random_normals(row, EP_RANDOM_WEIGHTS, stream, column, &number, 1);
    return (float)number;
}

static void images_are_rounded_alike_in_rows_and_in_pairs(void **state)
{
    (void)state;
    enum { ROWS = 5, COLUMNS = 37 };
    struct nn_gemm *gemm = make();
    float *x = ep_allocate(ROWS * nn_stride(COLUMNS), sizeof *x);
    struct nn_half_matrix halves = {ep_allocate(ROWS * nn_half_stride(COLUMNS), sizeof(nn_half)),
                                    nn_half_stride(COLUMNS)};
    struct nn_pair_matrix pairs = {ep_allocate(3 * nn_stride(COLUMNS), sizeof(uint32_t)), nn_stride(COLUMNS)};
    assert_true(x != NULL && halves.at != NULL && pairs.at != NULL);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < COLUMNS; j++) {
            x[i * nn_stride(COLUMNS) + j] = normal(i, j, 1);
        }
    }
    nn_gemm_round16(gemm, (struct nn_const_matrix){x, nn_stride(COLUMNS)}, ROWS, COLUMNS, halves, pairs);
    for (size_t i = 0; i < ROWS + 1; i++) {
        for (size_t j = 0; j < nn_half_stride(COLUMNS); j++) {
            const bool inside = i < ROWS && j < COLUMNS;
            const nn_half expected = inside ? nn_half_of(x[i * nn_stride(COLUMNS) + j]) : 0;
            assert_true(i == ROWS || halves.at[i * halves.stride + j] == expected);
            if (j < pairs.stride) {
                const uint32_t pair = pairs.at[i / 2 * pairs.stride + j];
                assert_int_equal(i % 2 == 0 ? pair & 0xFFFFU : pair >> 16, expected);
            }
        }
    }
    free(x);
    free(halves.at);
    free(pairs.at);
    nn_gemm_destroy(gemm);
}

/* Small whole numbers are exact in bfloat16, and so is every sum of their products. */
static float whole(size_t row, size_t column, unsigned salt)
{
    uint32_t words[4];
    ep_random_block(row, EP_RANDOM_WEIGHTS, salt, column, words);
    return (float)(words[0] >> 28) - 8.0F;
}

struct operands {
    size_t rows, in, out;
    struct nn_half_matrix x, w;
    struct nn_pair_matrix xs, ds;
    struct nn_matrix s, theta, velocity;
};

static struct operands make_operands(size_t rows, size_t in, size_t out)
{
    const size_t pairs = (rows + 1) / 2;
    const struct operands o = {
        .rows = rows,
        .in = in,
        .out = out,
        .x = {ep_allocate(rows * nn_half_stride(in), sizeof(nn_half)), nn_half_stride(in)},
        .w = {ep_allocate(out * nn_half_stride(in), sizeof(nn_half)), nn_half_stride(in)},
        .xs = {ep_allocate(pairs * nn_stride(in), sizeof(uint32_t)), nn_stride(in)},
        .ds = {ep_allocate(pairs * nn_stride(out), sizeof(uint32_t)), nn_stride(out)},
        .s = {ep_allocate(rows * nn_stride(out), sizeof(float)), nn_stride(out)},
        .theta = {ep_allocate(out * nn_stride(in), sizeof(float)), nn_stride(in)},
        .velocity = {ep_allocate(out * nn_stride(in), sizeof(float)), nn_stride(in)},
    };
    assert_true(o.x.at != NULL && o.w.at != NULL && o.xs.at != NULL && o.ds.at != NULL && o.s.at != NULL &&
                o.theta.at != NULL && o.velocity.at != NULL);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < in; j++) {
            o.x.at[i * o.x.stride + j] = nn_half_of(whole(i, j, 1));
            o.xs.at[i / 2 * o.xs.stride + j] |= (uint32_t)nn_half_of(whole(i, j, 1)) << i % 2 * 16;
        }
        for (size_t j = 0; j < out; j++) {
            o.ds.at[i / 2 * o.ds.stride + j] |= (uint32_t)nn_half_of(whole(i, j, 3)) << i % 2 * 16;
        }
    }
    for (size_t i = 0; i < out; i++) {
        for (size_t j = 0; j < in; j++) {
            o.w.at[i * o.w.stride + j] = nn_half_of(whole(i, j, 2));
        }
    }
    return o;
}

static void release_operands(struct operands *o)
{
    free(o->x.at);
    free(o->w.at);
    free(o->xs.at);
    free(o->ds.at);
    free(o->s.at);
    free(o->theta.at);
    free(o->velocity.at);
}

static void check_forward(const struct nn_gemm *gemm, const struct operands *o)
{
    const struct nn_forward_task task = {.s = o->s, .out = o->out, .w16 = o->w};
    nn_gemm_forward16(gemm, o->x, &task, 1, o->rows, o->in);
    for (size_t i = 0; i < o->rows; i++) {
        for (size_t j = 0; j < o->out; j++) {
            float sum = 0;
            for (size_t k = 0; k < o->in; k++) {
                sum += whole(i, k, 1) * whole(j, k, 2);
            }
            if (o->s.at[i * o->s.stride + j] != sum) {
                fail_msg("forward, %zu images, %zu to %zu, at (%zu, %zu)", o->rows, o->in, o->out, i, j);
            }
        }
    }
}

/* From rest at 0 with η = 1 the weights become the gradient's negative; those for the next product are
 * rounded. */
static void check_descent(const struct nn_gemm *gemm, const struct operands *o)
{
    const struct nn_descent plain = {.rule = NN_RULE_HEAVY_BALL, .eta = 1};
    const struct nn_descend_task task = {
        .w = {.theta = o->theta.at, .velocity = o->velocity.at, .stride = o->theta.stride},
        .out = o->out,
        .descent = &plain,
        .ds16 = o->ds,
        .w16 = o->w,
    };
    nn_gemm_descend16(gemm, o->xs, &task, 1, (o->rows + 1) / 2, o->in);
    for (size_t i = 0; i < o->out; i++) {
        for (size_t j = 0; j < o->in; j++) {
            float gradient = 0;
            for (size_t k = 0; k < o->rows; k++) {
                gradient += whole(k, i, 3) * whole(k, j, 1);
            }
            if (o->theta.at[i * o->theta.stride + j] != -gradient ||
                (o->w.at[i * o->w.stride + j] & 0x7FFF) != (nn_half_of(-gradient) & 0x7FFF)) {
                fail_msg("descent, %zu images, %zu to %zu, at (%zu, %zu)", o->rows, o->in, o->out, i, j);
            }
        }
    }
}

static void shapes_around_every_edge_of_a_tile(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {
        {1, 1, 1},    {1, 70, 1},   {2, 3, 17},   {10, 33, 11},  {11, 32, 12},
        {12, 31, 13}, {5, 2047, 5}, {6, 2048, 6}, {4, 2049, 4},  {33, 64, 25},
        {130, 96, 7}, {15, 17, 24}, {9, 16, 23},  {129, 48, 26}, {100, 130, 50},
    };
    struct nn_gemm *gemm = make();
    for (size_t i = 0; i < EP_COUNT(shapes); i++) {
        struct operands o = make_operands(shapes[i][0], shapes[i][1], shapes[i][2]);
        check_forward(gemm, &o);
        check_descent(gemm, &o);
        release_operands(&o);
    }
    nn_gemm_destroy(gemm);
}

enum { ROWS = 31, FEATURES = 45, CLASSES = 4, MEMBERS = 3, STEPS = 10 };

static const struct nn_member_options members[MEMBERS] = {
    {.eta = 0.05, .lambda = 0.001, .momentum = 0.9, .schedule = NN_CONSTANT, .seed = 1},
    {.eta = 0.02, .momentum = 0.5, .nesterov = true, .schedule = NN_CONSTANT, .seed = 2},
    {.eta = 0.01,
     .optimizer = NN_ADAM,
     .beta1 = 0.9,
     .beta2 = 0.99,
     .epsilon = 1e-6,
     .schedule = NN_CONSTANT},
};

struct training {
    struct nn_bank *bank;
    struct nn_workspace *workspace;
    struct nn_batch batch;
    double costs[MEMBERS];
};

static void take_steps(void *context, const struct nn_part *part)
{
    struct training *training = context;
    for (size_t step = 0; step < STEPS; step++) {
        const struct nn_moment moment = {0, step};
        nn_bank_step(training->bank, training->workspace, &training->batch, &moment, part, training->costs);
    }
}

/* Trains the first `count` of `options`; the bank is the caller's. */
static struct nn_bank *train(const struct nn_member_options *options, size_t count, bool bf16, size_t threads)
{
    const struct nn_shape shape = {
        .layers = 3, .width = {FEATURES, 13, 7, CLASSES}, .batch_norm = true, .bf16 = bf16};
    const struct nn_room room = {.members = count, .rows = ROWS, .threads = threads};
    struct nn_gemm *gemm = make();
    struct nn_team *team = NULL;
    struct training training = {.bank = NULL};
    float *x = ep_allocate(ROWS * nn_stride(FEATURES), sizeof *x);
    uint8_t labels[ROWS];
    assert_non_null(x);
    for (size_t i = 0; i < ROWS; i++) {
        labels[i] = (uint8_t)(i % CLASSES);
        for (size_t j = 0; j < FEATURES; j++) {
            x[i * nn_stride(FEATURES) + j] = normal(i, j, 7);
        }
    }
    training.batch = (struct nn_batch){{x, nn_stride(FEATURES)}, labels, ROWS};
    assert_int_equal(nn_bank_create(&shape, options, count, &training.bank, NULL), EP_OK);
    assert_int_equal(nn_workspace_create(&shape, &room, gemm, &training.workspace, NULL), EP_OK);
    assert_int_equal(nn_team_create(threads, &team, NULL), EP_OK);
    if (bf16) {
        nn_workspace_take(training.workspace, training.batch.x, 0, ROWS, FEATURES);
    }
    nn_team_run(team, nn_team_size(team), take_steps, &training);
    nn_team_destroy(team);
    nn_workspace_destroy(training.workspace);
    nn_gemm_destroy(gemm);
    free(x);
    return training.bank;
}

enum { NUMBERS = FEATURES * 13 + 13 * 7 + 7 * CLASSES + CLASSES, STATISTICS = 2 * (13 + 7) };

static void read(const struct nn_bank *bank, size_t member, float numbers[NUMBERS])
{
    float statistics[STATISTICS];
    assert_int_equal(nn_bank_layout(bank)->parameters, NUMBERS);
    nn_bank_read(bank, member, numbers, statistics);
}

static void a_member_trains_to_the_same_bits_alone_and_in_a_bank_on_any_number_of_threads(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 3; threads++) {
        struct nn_bank *together = train(members, MEMBERS, true, threads);
        for (size_t g = 0; g < MEMBERS; g++) {
            float got[NUMBERS];
            float expected[NUMBERS];
            struct nn_bank *alone = train(&members[g], 1, true, 1);
            read(together, g, got);
            read(alone, 0, expected);
            assert_memory_equal(got, expected, sizeof got);
            nn_bank_destroy(alone);
        }
        nn_bank_destroy(together);
    }
}

static void training_goes_nearly_where_it_goes_in_float(void **state)
{
    (void)state;
    for (size_t g = 0; g < MEMBERS; g++) {
        float exact[NUMBERS];
        float rounded[NUMBERS];
        struct nn_bank *banks[2] = {train(&members[g], 1, false, 1), train(&members[g], 1, true, 1)};
        double difference = 0;
        double all = 0;
        read(banks[0], 0, exact);
        read(banks[1], 0, rounded);
        for (size_t i = 0; i < NUMBERS; i++) {
            difference += pow((double)exact[i] - (double)rounded[i], 2);
            all += pow((double)exact[i], 2);
        }
        print_message("member %zu: relative distance %.2g\n", g, sqrt(difference / all));
        assert_true(difference > 0 && difference < 0.05 * 0.05 * all);
        nn_bank_destroy(banks[0]);
        nn_bank_destroy(banks[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_becomes_the_nearest_half),
        cmocka_unit_test(images_are_rounded_alike_in_rows_and_in_pairs),
        cmocka_unit_test(shapes_around_every_edge_of_a_tile),
        cmocka_unit_test(a_member_trains_to_the_same_bits_alone_and_in_a_bank_on_any_number_of_threads),
        cmocka_unit_test(training_goes_nearly_where_it_goes_in_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
