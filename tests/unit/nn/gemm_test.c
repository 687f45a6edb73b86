/* The matrix products: the start-up self-test, and each product against numbers worked by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/nn/gemm.h"

static void the_library_passes_its_self_test(void **state)
{
    (void)state;
    struct ep_error error = {0};
    assert_int_equal(nn_gemm_start(&error), EP_OK);
    assert_non_null(strstr(nn_gemm_description(), "OpenBLAS"));
}

static const float x[] = {1, 2, 3, 4, 5, 6};   /* (2, 3) */
static const float w[] = {1, -1, 2, 0, -3, 1}; /* (3, 2) */

static void forward_multiplies_rows_by_weights(void **state)
{
    (void)state;
    float s[4] = {9, 9, 9, 9};
    nn_gemm_forward(x, w, s, 2, 3, 2);
    const float expected[] = {-4, 2, -4, 2};
    assert_memory_equal(s, expected, sizeof expected);
}

static void weight_gradient_sums_over_images(void **state)
{
    (void)state;
    const float ds[] = {1, 0, -1, 2}; /* (2, 2) */
    float dw[6] = {9};
    nn_gemm_weight_gradient(x, ds, dw, 2, 3, 2);
    const float expected[] = {-3, 8, -3, 10, -3, 12};
    assert_memory_equal(dw, expected, sizeof expected);
}

static void input_gradient_goes_back_through_the_weights(void **state)
{
    (void)state;
    const float ds[] = {1, 0, -1, 2};
    float dx[6] = {9};
    nn_gemm_input_gradient(ds, w, dx, 2, 3, 2);
    const float expected[] = {1, 2, -3, -3, -2, 5};
    assert_memory_equal(dx, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_library_passes_its_self_test),
        cmocka_unit_test(forward_multiplies_rows_by_weights),
        cmocka_unit_test(weight_gradient_sums_over_images),
        cmocka_unit_test(input_gradient_goes_back_through_the_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
