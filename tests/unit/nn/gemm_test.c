/* The matrix products of each library: numbers worked by hand, and shapes around every edge of a tile. */
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
#include "core/nn/gemm.h"

static struct nn_gemm *make(enum nn_gemm_choice choice)
{
    struct nn_gemm *gemm = NULL;
    struct ep_error error = {0};
    const enum ep_status status = nn_gemm_create(choice, &gemm, &error);
    if (status == EP_UNAVAILABLE && choice == NN_GEMM_LIBXSMM) {
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
        nn_gemm_create(NN_GEMM_AUTO, &gemm, &error) != EP_OK ||
        strncmp(nn_gemm_description(gemm), "OpenBLAS", 8) != 0) {
        return EXIT_FAILURE;
    }
    nn_gemm_destroy(gemm);
    return EXIT_SUCCESS;
}

static void where_no_code_may_be_made_openblas_is_taken(void **state)
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
    (void)state;
    struct nn_gemm *gemm = make(NN_GEMM_OPENBLAS);
    assert_memory_equal(nn_gemm_description(gemm), "OpenBLAS", 8);
    nn_gemm_destroy(gemm);
    gemm = make(NN_GEMM_AUTO);
    assert_non_null(strstr(nn_gemm_description(gemm), "OpenBLAS"));
    nn_gemm_destroy(gemm);
    gemm = make(NN_GEMM_LIBXSMM);
    assert_memory_equal(nn_gemm_description(gemm), "LIBXSMM", 7);
    nn_gemm_destroy(gemm);
}

/* x is (2, 3), w (3, 2), ds (2, 2). */
static void products_worked_by_hand(void **state)
{
    static const float x[] = {1, 2, 3, 4, 5, 6};
    static const float w[] = {1, -1, 2, 0, -3, 1};
    static const float ds[] = {1, 0, -1, 2};
    struct nn_gemm *gemm = make(*(const enum nn_gemm_choice *)*state);
    float s[4] = {9, 9, 9, 9};
    nn_gemm_forward(gemm, x, w, s, 2, 3, 2);
    assert_memory_equal(s, ((const float[]){-4, 2, -4, 2}), sizeof s);
    float dw[6] = {9};
    nn_gemm_weight_gradient(gemm, x, ds, dw, 2, 3, 2);
    assert_memory_equal(dw, ((const float[]){-3, 8, -3, 10, -3, 12}), sizeof dw);
    float dx[6] = {9};
    nn_gemm_input_gradient(gemm, ds, w, dx, 2, 3, 2);
    assert_memory_equal(dx, ((const float[]){1, 2, -3, -3, -2, 5}), sizeof dx);
    nn_gemm_destroy(gemm);
}

enum { MOST = 600 * 300 };

/* Small whole numbers: every order of summation gives the same, exactly. */
static void fill(float *numbers, size_t count, unsigned salt)
{
    for (size_t i = 0; i < count; i++) {
        salt = salt * 1664525U + 1013904223U;
        numbers[i] = (float)(salt >> 28) - 8.0F;
    }
}

struct operands {
    float *x, *w, *ds, *result;
};

static float at_forward(const struct operands *o, size_t row, size_t column, size_t in, size_t out)
{
    float sum = 0;
    for (size_t k = 0; k < in; k++) {
        sum += o->x[row * in + k] * o->w[k * out + column];
    }
    return sum;
}

static float at_weight(const struct operands *o, size_t row, size_t column, size_t rows, size_t in,
                       size_t out)
{
    float sum = 0;
    for (size_t k = 0; k < rows; k++) {
        sum += o->x[k * in + row] * o->ds[k * out + column];
    }
    return sum;
}

static void check_shape(const struct nn_gemm *gemm, const struct operands *o, size_t rows, size_t in,
                        size_t out)
{
    nn_gemm_forward(gemm, o->x, o->w, o->result, rows, in, out);
    for (size_t i = 0; i < rows * out; i++) {
        if (o->result[i] != at_forward(o, i / out, i % out, in, out)) {
            fail_msg("forward, %zu images, %zu to %zu, at %zu", rows, in, out, i);
        }
    }
    nn_gemm_weight_gradient(gemm, o->x, o->ds, o->result, rows, in, out);
    for (size_t i = 0; i < in * out; i++) {
        if (o->result[i] != at_weight(o, i / out, i % out, rows, in, out)) {
            fail_msg("weight gradient, %zu images, %zu to %zu, at %zu", rows, in, out, i);
        }
    }
}

static void shapes_around_every_edge_of_a_tile(void **state)
{
    static const size_t shapes[][3] = {
        {1, 1, 1},      {1, 300, 1},   {100, 5, 1},    {2, 3, 17},     {95, 64, 63},
        {96, 256, 64},  {97, 257, 65}, {100, 255, 50}, {128, 96, 128}, {192, 512, 10},
        {193, 97, 129}, {257, 95, 33}, {500, 30, 10},  {600, 7, 300},  {3, 600, 191},
    };
    struct nn_gemm *gemm = make(*(const enum nn_gemm_choice *)*state);
    const struct operands o = {ep_allocate(MOST, sizeof(float)), ep_allocate(MOST, sizeof(float)),
                               ep_allocate(MOST, sizeof(float)), ep_allocate(MOST, sizeof(float))};
    if (o.x == NULL || o.w == NULL || o.ds == NULL || o.result == NULL) {
        fail_msg("no memory");
        return;
    }
    fill(o.x, MOST, 1);
    fill(o.w, MOST, 2);
    fill(o.ds, MOST, 3);
    for (size_t i = 0; i < EP_COUNT(shapes); i++) {
        check_shape(gemm, &o, shapes[i][0], shapes[i][1], shapes[i][2]);
    }
    free(o.x);
    free(o.w);
    free(o.ds);
    free(o.result);
    nn_gemm_destroy(gemm);
}

/* What stands behind the result must not be touched: kernels work in whole vectors. */
static void nothing_is_written_behind_the_result(void **state)
{
    struct nn_gemm *gemm = make(*(const enum nn_gemm_choice *)*state);
    enum { ROWS = 7, IN = 13, OUT = 19, GUARD = 64 };
    float x[ROWS * IN];
    float w[IN * OUT];
    float s[ROWS * OUT + GUARD];
    fill(x, EP_COUNT(x), 1);
    fill(w, EP_COUNT(w), 2);
    for (size_t i = 0; i < EP_COUNT(s); i++) {
        s[i] = 123;
    }
    nn_gemm_forward(gemm, x, w, s, ROWS, IN, OUT);
    for (size_t i = 0; i < GUARD; i++) {
        assert_true(s[(size_t)ROWS * OUT + i] == 123);
    }
    nn_gemm_destroy(gemm);
}

int main(void)
{
    static enum nn_gemm_choice libxsmm = NN_GEMM_LIBXSMM;
    static enum nn_gemm_choice openblas = NN_GEMM_OPENBLAS;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_no_code_may_be_made_openblas_is_taken),
        cmocka_unit_test(the_choice_is_what_is_described),
        cmocka_unit_test_prestate(products_worked_by_hand, &libxsmm),
        cmocka_unit_test_prestate(products_worked_by_hand, &openblas),
        cmocka_unit_test_prestate(shapes_around_every_edge_of_a_tile, &libxsmm),
        cmocka_unit_test_prestate(shapes_around_every_edge_of_a_tile, &openblas),
        cmocka_unit_test_prestate(nothing_is_written_behind_the_result, &libxsmm),
        cmocka_unit_test_prestate(nothing_is_written_behind_the_result, &openblas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
