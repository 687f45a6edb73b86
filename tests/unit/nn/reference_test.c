/* Training steps against the same steps of PyTorch, recorded by reference/train_with_pytorch.py. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/macros.h"
#include "core/nn/bank.h"
#include "tests/unit/nn/reference/pytorch.h"

enum { ROWS = 6, FEATURES = 5, CLASSES = 3, STEPS = 4, PARAMETERS_MOST = 200 };

#ifdef NN_DOUBLE
static const double tolerance = 1e-12;
#else
static const double tolerance = 2e-5;
#endif

static double number(size_t i)
{
    return sin(1.7 * (double)i + 0.3 * (double)(i % 7));
}

static void fill_batch(size_t step, nn_real *x, uint8_t *labels)
{
    for (size_t i = 0; i < (size_t)ROWS * FEATURES; i++) {
        x[i / FEATURES * NN_LANES + i % FEATURES] = (nn_real)number(1000 * step + i);
    }
    for (size_t i = 0; i < ROWS; i++) {
        labels[i] = (uint8_t)((step + i * i) % CLASSES);
    }
}

static void fill_weights(struct nn_bank *bank, const struct nn_layout *layout)
{
    const struct nn_shape *shape = nn_bank_shape(bank);
    size_t at = 50000;
    for (size_t l = 0; l < shape->layers; l++) {
        for (size_t i = 0; i < shape->width[l] * shape->width[l + 1]; i++) {
            *nn_bank_parameter(bank, 0, layout->weight[l] + i) = (nn_real)(0.7 * number(at++));
        }
    }
}

static void assert_close(const char *what, const nn_real *got, const double *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!(fabs((double)got[i] - expected[i]) <= tolerance)) {
            fail_msg("%s %zu is %.17g, PyTorch has %.17g", what, i, (double)got[i], expected[i]);
        }
    }
}

struct expected {
    const double *costs, *parameters, *statistics;
    size_t parameter_count, statistic_count;
};

static const struct nn_shape plain = {.layers = 3, .width = {FEATURES, 4, 3, CLASSES}};

static const struct nn_member_options descent = {
    .eta = 0.3, .lambda = 0.02, .momentum = 0.9, .schedule = NN_CONSTANT};

static void train_and_compare(struct nn_shape shape, struct nn_member_options options,
                              const struct expected *expected)
{
    struct nn_layout layout;
    struct nn_bank *bank = NULL;
    struct nn_gemm *gemm = NULL;
    struct nn_workspace *workspace = NULL;
    const struct nn_room room = {.members = 1, .rows = ROWS, .threads = 1};
    assert_int_equal(nn_gemm_create(NN_GEMM_AUTO, &gemm, NULL), EP_OK);
    assert_int_equal(nn_layout_of(&shape, &layout, NULL), EP_OK);
    assert_int_equal(nn_bank_create(&shape, &options, 1, &bank, NULL), EP_OK);
    assert_int_equal(nn_workspace_create(&shape, &room, gemm, &workspace, NULL), EP_OK);
    fill_weights(bank, &layout);
    for (size_t step = 0; step < STEPS; step++) {
        nn_real x[ROWS * NN_LANES] = {0};
        uint8_t labels[ROWS];
        fill_batch(step, x, labels);
        const struct nn_batch batch = {{x, NN_LANES}, labels, ROWS};
        const struct nn_moment moment = {step, step};
        double cost;
        nn_bank_step(bank, workspace, &batch, &moment, &nn_alone, &cost);
        const nn_real rounded = (nn_real)cost;
        assert_close("cost", &rounded, &expected->costs[step], 1);
    }
    assert_int_equal(layout.parameters, expected->parameter_count);
    assert_int_equal(layout.statistics, expected->statistic_count);
    nn_real parameters[PARAMETERS_MOST];
    nn_real statistics[PARAMETERS_MOST];
    assert_true(layout.parameters <= PARAMETERS_MOST);
    nn_bank_read(bank, 0, parameters, statistics);
    assert_close("parameter", parameters, expected->parameters, layout.parameters);
    assert_close("statistic", statistics, expected->statistics, layout.statistics);
    nn_workspace_destroy(workspace);
    nn_bank_destroy(bank);
    nn_gemm_destroy(gemm);
}

static void a_plain_network_trains_as_in_pytorch(void **state)
{
    (void)state;
    const struct expected expected = {
        .costs = plain_costs,
        .parameters = plain_parameters,
        .parameter_count = EP_COUNT(plain_parameters),
    };
    train_and_compare(plain, descent, &expected);
}

static void a_normalised_network_trains_as_in_pytorch(void **state)
{
    (void)state;
    struct nn_shape shape = plain;
    shape.batch_norm = true;
    const struct expected expected = {
        .costs = normalised_costs,
        .parameters = normalised_parameters,
        .parameter_count = EP_COUNT(normalised_parameters),
        .statistics = normalised_statistics,
        .statistic_count = EP_COUNT(normalised_statistics),
    };
    train_and_compare(shape, descent, &expected);
}

static void scale_and_shift_and_adam_train_as_in_pytorch(void **state)
{
    (void)state;
    struct nn_shape shape = plain;
    shape.batch_norm = true;
    shape.scale_shift = true;
    const struct nn_member_options adam = {.eta = 0.05,
                                           .lambda = 0.02,
                                           .optimizer = NN_ADAM,
                                           .beta1 = 0.8,
                                           .beta2 = 0.95,
                                           .epsilon = 1e-4,
                                           .schedule = NN_CONSTANT};
    const struct expected expected = {
        .costs = scaled_costs,
        .parameters = scaled_parameters,
        .parameter_count = EP_COUNT(scaled_parameters),
        .statistics = scaled_statistics,
        .statistic_count = EP_COUNT(scaled_statistics),
    };
    train_and_compare(shape, adam, &expected);
}

static void nesterovs_momentum_trains_as_in_pytorch(void **state)
{
    (void)state;
    struct nn_member_options nesterov = descent;
    nesterov.nesterov = true;
    const struct expected expected = {
        .costs = nesterov_costs,
        .parameters = nesterov_parameters,
        .parameter_count = EP_COUNT(nesterov_parameters),
    };
    train_and_compare(plain, nesterov, &expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_network_trains_as_in_pytorch),
        cmocka_unit_test(a_normalised_network_trains_as_in_pytorch),
        cmocka_unit_test(scale_and_shift_and_adam_train_as_in_pytorch),
        cmocka_unit_test(nesterovs_momentum_trains_as_in_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
