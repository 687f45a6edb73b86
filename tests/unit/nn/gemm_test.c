/* The matrix products of each way to compute them: exact on whole numbers, around every edge of a tile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/nn/gemm.h"

static struct nn_gemm *make(enum nn_gemm_choice choice)
{
    struct nn_gemm *gemm = NULL;
    struct ep_error error = {0};
    const enum ep_status status = nn_gemm_create(choice, &gemm, &error);
    if (status == EP_UNAVAILABLE && choice != NN_GEMM_AUTO && choice != NN_GEMM_OPENBLAS) {
        skip(); /* this machine cannot */
    }
    if (status != EP_OK) {
        fail_msg("%s", error.text);
    }
    return gemm;
}

enum { FORBID_NEW_CODE = 65 /* PR_SET_MDWE of Linux 6.3 */, CANNOT_FORBID = 77 };

/* Runs in a process of its own, which can never make code again. */
static int choose_where_code_is_forbidden(void)
{
    struct nn_gemm *gemm = NULL;
    struct ep_error error;
    if (prctl(FORBID_NEW_CODE, 1UL, 0UL, 0UL, 0UL) != 0) {
        return CANNOT_FORBID;
    }
    if (nn_gemm_create(NN_GEMM_LIBXSMM, &gemm, &error) != EP_UNAVAILABLE ||
        nn_gemm_create(NN_GEMM_AUTO, &gemm, &error) != EP_OK) {
        return EXIT_FAILURE;
    }
    nn_gemm_destroy(gemm);
    return EXIT_SUCCESS;
}

static void where_no_code_may_be_made_libxsmm_is_refused(void **state)
{
    (void)state;
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        _exit(choose_where_code_is_forbidden());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_FORBID) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), EXIT_SUCCESS);
}

static void the_choice_is_what_is_described(void **state)
{
    static const struct {
        enum nn_gemm_choice choice;
        const char *start;
        bool divisible;
    } rows[] = {{NN_GEMM_AVX512, "AVX-512 kernels", true},
                {NN_GEMM_AVX2, "AVX2 kernels", true},
                {NN_GEMM_LIBXSMM, "LIBXSMM", false},
                {NN_GEMM_OPENBLAS, "OpenBLAS", false}};
    (void)state;
    for (size_t i = 0; i < EP_COUNT(rows); i++) {
        struct nn_gemm *gemm = NULL;
        const enum ep_status status = nn_gemm_create(rows[i].choice, &gemm, NULL);
        if (status == EP_OK) {
            assert_memory_equal(nn_gemm_description(gemm), rows[i].start, strlen(rows[i].start));
            assert_int_equal(nn_gemm_divisible(gemm), rows[i].divisible);
        } else {
            assert_int_equal(status, EP_UNAVAILABLE);
        }
        nn_gemm_destroy(gemm);
    }
}

enum { ROWS_MOST = 300, WIDTH_MOST = 2100, GUARD = 123 };

/* Matrices of a product, each with rows to spare; the rest of a row is 0, as the products demand. */
struct operands {
    struct nn_matrix x, w, s, ds, dx, theta, velocity;
    nn_real *scratch;
};

/* Small whole numbers: every order of summation gives the same, exactly. */
static struct nn_matrix whole_numbers(size_t rows, size_t columns, unsigned salt)
{
    const struct nn_matrix matrix = {ep_allocate((rows + 1) * nn_stride(columns), sizeof(float)),
                                     nn_stride(columns)};
    assert_non_null(matrix.at);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            salt = salt * 1664525U + 1013904223U;
            matrix.at[i * matrix.stride + j] = (float)(salt >> 28) - 8.0F;
        }
    }
    return matrix;
}

static struct nn_matrix guarded(size_t rows, size_t columns)
{
    const struct nn_matrix matrix = whole_numbers(rows, columns, 0);
    for (size_t j = 0; j < matrix.stride; j++) {
        matrix.at[rows * matrix.stride + j] = GUARD;
    }
    return matrix;
}

static void assert_guarded(struct nn_matrix matrix, size_t rows)
{
    for (size_t j = 0; j < matrix.stride; j++) {
        assert_true(matrix.at[rows * matrix.stride + j] == GUARD);
    }
}

static struct operands make_operands(size_t rows, size_t in, size_t out)
{
    size_t scratch;
    assert_true(nn_gemm_scratch(in, out, &scratch));
    const struct operands made = {
        .x = whole_numbers(rows, in, 1),
        .w = whole_numbers(out, in, 2),
        .ds = whole_numbers(rows, out, 3),
        .s = guarded(rows, out),
        .dx = guarded(rows, in),
        .theta = guarded(out, in),
        .velocity = guarded(out, in),
        .scratch = ep_allocate(scratch, sizeof(nn_real)),
    };
    assert_non_null(made.scratch);
    return made;
}

static void release_operands(struct operands *o)
{
    free(o->x.at);
    free(o->w.at);
    free(o->ds.at);
    free(o->s.at);
    free(o->dx.at);
    free(o->theta.at);
    free(o->velocity.at);
    free(o->scratch);
}

static float at(struct nn_matrix matrix, size_t row, size_t column)
{
    return matrix.at[row * matrix.stride + column];
}

static void check_forward(const struct nn_gemm *gemm, const struct operands *o, size_t rows, size_t in,
                          size_t out)
{
    const struct nn_forward_task task = {.w = nn_const(o->w), .s = o->s, .out = out};
    nn_gemm_forward(gemm, nn_const(o->x), &task, 1, rows, in);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < out; j++) {
            float sum = 0;
            for (size_t k = 0; k < in; k++) {
                sum += at(o->x, i, k) * at(o->w, j, k);
            }
            if (at(o->s, i, j) != sum) {
                fail_msg("forward, %zu images, %zu to %zu, at (%zu, %zu)", rows, in, out, i, j);
            }
        }
    }
    assert_guarded(o->s, rows);
}

static void check_input_gradient(const struct nn_gemm *gemm, const struct operands *o, size_t rows, size_t in,
                                 size_t out)
{
    nn_gemm_input_gradient(gemm, nn_const(o->ds), nn_const(o->w), o->dx, rows, in, out);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < in; j++) {
            float sum = 0;
            for (size_t k = 0; k < out; k++) {
                sum += at(o->ds, i, k) * at(o->w, k, j);
            }
            if (at(o->dx, i, j) != sum) {
                fail_msg("input gradient, %zu images, %zu to %zu, at (%zu, %zu)", rows, in, out, i, j);
            }
        }
    }
    assert_guarded(o->dx, rows);
}

/* θ ← θ + v with v ← v/2 − (g + θ): all exact in small whole numbers and halves. */
static void check_descent(const struct nn_gemm *gemm, const struct operands *o, size_t rows, size_t in,
                          size_t out)
{
    const struct nn_descent descent = {.rule = NN_RULE_HEAVY_BALL, .eta = 1, .momentum = 0.5F, .decay = 1};
    const struct nn_descend_task task = {
        .ds = nn_const(o->ds),
        .w = {o->theta.at, o->velocity.at, NULL, o->theta.stride},
        .out = out,
        .descent = &descent,
    };
    const struct nn_matrix before = whole_numbers(out, in, 0); /* as guarded() fills them */
    nn_gemm_descend(gemm, nn_const(o->x), &task, 1, rows, in, o->scratch);
    for (size_t i = 0; i < out; i++) {
        for (size_t j = 0; j < in; j++) {
            float g = 0;
            for (size_t k = 0; k < rows; k++) {
                g += at(o->ds, k, i) * at(o->x, k, j);
            }
            const float v = 0.5F * at(before, i, j) - (g + at(before, i, j));
            if (at(o->velocity, i, j) != v || at(o->theta, i, j) != at(before, i, j) + v) {
                fail_msg("descent, %zu images, %zu to %zu, at (%zu, %zu)", rows, in, out, i, j);
            }
        }
    }
    assert_guarded(o->theta, out);
    assert_guarded(o->velocity, out);
    free(before.at);
}

static void shapes_around_every_edge_of_a_tile(void **state)
{
    static const size_t shapes[][3] = {
        {1, 1, 1},     {1, 300, 1},    {100, 5, 1},   {2, 3, 17},     {95, 64, 63},   {96, 256, 64},
        {97, 257, 65}, {100, 255, 50}, {128, 96, 61}, {129, 512, 10}, {193, 97, 29},  {257, 95, 33},
        {300, 30, 10}, {13, 7, 300},   {3, 600, 191}, {10, 1023, 11}, {11, 1024, 12}, {12, 1025, 13},
        {5, 2047, 5},  {6, 2048, 6},   {4, 2049, 4},  {127, 48, 24},  {14, 15, 16},   {15, 31, 32},
    };
    struct nn_gemm *gemm = make(*(const enum nn_gemm_choice *)*state);
    for (size_t i = 0; i < EP_COUNT(shapes); i++) {
        struct operands o = make_operands(shapes[i][0], shapes[i][1], shapes[i][2]);
        check_forward(gemm, &o, shapes[i][0], shapes[i][1], shapes[i][2]);
        check_input_gradient(gemm, &o, shapes[i][0], shapes[i][1], shapes[i][2]);
        check_descent(gemm, &o, shapes[i][0], shapes[i][1], shapes[i][2]);
        release_operands(&o);
    }
    nn_gemm_destroy(gemm);
}

static void fill_normals(struct nn_matrix matrix, size_t rows, size_t columns, uint32_t stream)
{
    for (size_t i = 0; i < rows; i++) {
        double numbers[WIDTH_MOST];
        ep_random_normals(i, EP_RANDOM_WEIGHTS, stream, 0, numbers, columns);
        for (size_t j = 0; j < columns; j++) {
            matrix.at[i * matrix.stride + j] = (float)numbers[j];
        }
    }
}

/* Runs all three products on numbers that round, with a rule that uses everything. */
static void compute(const struct nn_gemm *gemm, struct operands *o, size_t rows, size_t in, size_t out,
                    enum nn_rule rule, nn_real *square)
{
    const struct nn_descent descent = {
        .rule = rule,
        .eta = 0.01F,
        .momentum = 0.9F,
        .decay = 0.003F,
        .fresh = 0.1F,
        .memory = 0.99F,
        .surprise = 0.01F,
        .epsilon = 1e-3F,
    };
    fill_normals(o->x, rows, in, 1);
    fill_normals(o->w, out, in, 2);
    fill_normals(o->ds, rows, out, 3);
    fill_normals(o->theta, out, in, 4);
    fill_normals(o->velocity, out, in, 5);
    const struct nn_forward_task onward = {.w = nn_const(o->w), .s = o->s, .out = out};
    struct nn_descend_task step = {
        .ds = nn_const(o->ds),
        .w = {.theta = o->theta.at, .velocity = o->velocity.at, .stride = o->theta.stride},
        .out = out,
        .descent = &descent};
    step.w.square = square;
    nn_gemm_forward(gemm, nn_const(o->x), &onward, 1, rows, in);
    nn_gemm_input_gradient(gemm, nn_const(o->ds), nn_const(o->w), o->dx, rows, in, out);
    nn_gemm_descend(gemm, nn_const(o->x), &step, 1, rows, in, o->scratch);
}

static void assert_same(struct nn_matrix a, struct nn_matrix b, size_t rows)
{
    assert_memory_equal(a.at, b.at, rows * a.stride * sizeof *a.at);
}

static void the_kernels_of_all_instruction_sets_give_the_same_bits(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {{100, 3072 - 1000, 50}, {37, 130, 23}, {5, 1030, 7}, {128, 50, 30}};
    struct nn_gemm *wide = make(NN_GEMM_AVX512);
    struct nn_gemm *narrow = make(NN_GEMM_AVX2);
    for (size_t i = 0; i < EP_COUNT(shapes); i++) {
        for (unsigned rule = NN_RULE_HEAVY_BALL; rule <= NN_RULE_ADAM; rule++) {
            const size_t *shape = shapes[i];
            struct operands a = make_operands(shape[0], shape[1], shape[2]);
            struct operands b = make_operands(shape[0], shape[1], shape[2]);
            struct nn_matrix squares[2] = {guarded(shape[2], shape[1]), guarded(shape[2], shape[1])};
            memset(squares[0].at, 0, shape[2] * squares[0].stride * sizeof(float));
            memset(squares[1].at, 0, shape[2] * squares[1].stride * sizeof(float));
            compute(wide, &a, shape[0], shape[1], shape[2], (enum nn_rule)rule, squares[0].at);
            compute(narrow, &b, shape[0], shape[1], shape[2], (enum nn_rule)rule, squares[1].at);
            assert_same(a.s, b.s, shape[0]);
            assert_same(a.dx, b.dx, shape[0]);
            assert_same(a.theta, b.theta, shape[2]);
            assert_same(a.velocity, b.velocity, shape[2]);
            assert_same(squares[0], squares[1], shape[2]);
            release_operands(&a);
            release_operands(&b);
            free(squares[0].at);
            free(squares[1].at);
        }
    }
    nn_gemm_destroy(wide);
    nn_gemm_destroy(narrow);
}

/* The fused step is the plain one: θ, v and u after a gradient that is known exactly, with numbers that
 * round. */
static void a_fused_step_has_the_bits_of_a_plain_one(void **state)
{
    enum { UNITS = 13, IN = 70 };
    struct nn_gemm *gemm = make(*(const enum nn_gemm_choice *)*state);
    for (unsigned rule = NN_RULE_HEAVY_BALL; rule <= NN_RULE_ADAM; rule++) {
        struct operands o = make_operands(1, IN, UNITS);
        struct nn_matrix square = guarded(UNITS, IN);
        memset(square.at, 0, UNITS * square.stride * sizeof(float));
        const struct nn_descent descent = {.rule = (enum nn_rule)rule,
                                           .eta = 0.013F,
                                           .momentum = 0.87F,
                                           .decay = 0.0031F,
                                           .fresh = 0.13F,
                                           .memory = 0.991F,
                                           .surprise = 0.009F,
                                           .epsilon = 1e-3F};
        struct nn_matrix plain[3] = {guarded(UNITS, IN), guarded(UNITS, IN), guarded(UNITS, IN)};
        memset(plain[2].at, 0, UNITS * square.stride * sizeof(float));
        const struct nn_descend_task step = {.ds = nn_const(o.ds),
                                             .w = {o.theta.at, o.velocity.at, square.at, square.stride},
                                             .out = UNITS,
                                             .descent = &descent};
        nn_gemm_descend(gemm, nn_const(o.x), &step, 1, 1, IN, o.scratch);
        for (size_t u = 0; u < UNITS; u++) {
            float gradient[IN];
            for (size_t j = 0; j < IN; j++) {
                gradient[j] = at(o.ds, 0, u) * at(o.x, 0, j);
            }
            const struct nn_slots slots = {plain[0].at, plain[1].at, plain[2].at, square.stride};
            nn_descend(nn_slots_at(slots, u, 0), gradient, IN, &descent);
        }
        assert_same(o.theta, plain[0], UNITS);
        assert_same(o.velocity, plain[1], UNITS);
        assert_same(square, plain[2], UNITS);
        release_operands(&o);
        free(square.at);
        free(plain[0].at);
        free(plain[1].at);
        free(plain[2].at);
    }
    nn_gemm_destroy(gemm);
}

int main(void)
{
    static enum nn_gemm_choice avx512 = NN_GEMM_AVX512;
    static enum nn_gemm_choice avx2 = NN_GEMM_AVX2;
    static enum nn_gemm_choice libxsmm = NN_GEMM_LIBXSMM;
    static enum nn_gemm_choice openblas = NN_GEMM_OPENBLAS;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_no_code_may_be_made_libxsmm_is_refused),
        cmocka_unit_test(the_choice_is_what_is_described),
        cmocka_unit_test_prestate(shapes_around_every_edge_of_a_tile, &avx512),
        cmocka_unit_test_prestate(shapes_around_every_edge_of_a_tile, &avx2),
        cmocka_unit_test_prestate(shapes_around_every_edge_of_a_tile, &libxsmm),
        cmocka_unit_test_prestate(shapes_around_every_edge_of_a_tile, &openblas),
        cmocka_unit_test(the_kernels_of_all_instruction_sets_give_the_same_bits),
        cmocka_unit_test_prestate(a_fused_step_has_the_bits_of_a_plain_one, &avx512),
        cmocka_unit_test_prestate(a_fused_step_has_the_bits_of_a_plain_one, &avx2),
        cmocka_unit_test_prestate(a_fused_step_has_the_bits_of_a_plain_one, &openblas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
