/* A bank: forward and step worked by hand, and members that do not know of each other. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/macros.h"
#include "core/base/random.h"
#include "core/nn/bank.h"

static void assert_near(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-6 * fmax(1, fabs(expected)))) {
        fail_msg("got %.9g, expected %.9g", got, expected);
    }
}

/*
 * Two features, two hidden units, two classes.
 *   W1 = (1 −1; 2 1), b1 = (0, 1);  W2 = (1 0; −1 2), b2 = (0.5, 0)
 *   x = (1, 1): s1 = (3, 1), a = (3, 1), scores = (3 − 1 + 0.5, 2) = (2.5, 2)
 *   x = (−1, 0): s1 = (−1, 2), a = (0, 2), scores = (−2 + 0.5, 4) = (−1.5, 4)
 */
static const struct nn_shape small = {.layers = 2, .width = {2, 2, 2}};
static const float small_parameters[] = {1, -1, 2, 1, 0, 1, 1, 0, -1, 2, 0.5F, 0};
static const float small_x[] = {1, 1, -1, 0};
static const uint8_t small_labels[] = {0, 0};

struct fixture {
    struct nn_gemm *gemm;
    struct nn_bank *bank;
    struct nn_workspace *workspace;
};

static struct fixture make_small(double lambda)
{
    const struct nn_member_options options = {
        .eta = 0.5, .lambda = lambda, .momentum = 0.9, .decay_every = 1, .decay_factor = 1};
    struct fixture made = {0};
    assert_int_equal(nn_gemm_create(NN_GEMM_AUTO, &made.gemm, NULL), EP_OK);
    assert_int_equal(nn_bank_create(&small, &options, 1, &made.bank, NULL), EP_OK);
    assert_int_equal(nn_workspace_create(&small, 2, made.gemm, &made.workspace, NULL), EP_OK);
    memcpy(nn_bank_parameters(made.bank, 0), small_parameters, sizeof small_parameters);
    return made;
}

static void release(struct fixture *fixture)
{
    nn_bank_destroy(fixture->bank);
    nn_workspace_destroy(fixture->workspace);
    nn_gemm_destroy(fixture->gemm);
}

static void forward_pass_worked_by_hand(void **state)
{
    (void)state;
    struct fixture fixture = make_small(0.1);
    struct nn_tally tally = {0};
    nn_bank_evaluate(fixture.bank, 0, fixture.workspace, small_x, small_labels, 2, &tally);
    assert_near(tally.cross_entropy, log(1 + exp(-0.5)) + log(1 + exp(5.5)));
    assert_int_equal(tally.correct, 1);
    assert_int_equal(tally.images, 2);
    assert_near(nn_bank_penalty(fixture.bank, 0), 0.1 * (1 + 1 + 4 + 1 + 1 + 0 + 1 + 4));
    const double cost = nn_bank_batch_cost(fixture.bank, 0, fixture.workspace, small_x, small_labels, 2);
    assert_near(cost, (log(1 + exp(-0.5)) + log(1 + exp(5.5))) / 2 + 1.3);
    release(&fixture);
}

/*
 * One step with η = 0.5, λ = 0.1 from rest. With p = softmax(scores), d = (p − 1[0]) / 2 per image:
 *   b2 −= 0.5·Σd;  W2[k][j] −= 0.5·(Σ a[k]·d[j] + 0.2·W2[k][j])
 */
static void step_worked_by_hand(void **state)
{
    (void)state;
    struct fixture fixture = make_small(0.1);
    const double p0 = 1 / (1 + exp(-0.5));
    const double p1 = 1 / (1 + exp(5.5));
    const double d[2][2] = {{(p0 - 1) / 2, (1 - p0) / 2}, {(p1 - 1) / 2, (1 - p1) / 2}};
    const double a[2][2] = {{3, 1}, {0, 2}};
    const double cost = nn_bank_step(fixture.bank, 0, fixture.workspace, small_x, small_labels, 2, 0);
    assert_near(cost, (log(1 + exp(-0.5)) + log(1 + exp(5.5))) / 2);
    const float *after = nn_bank_parameters(fixture.bank, 0);
    for (size_t k = 0; k < 2; k++) {
        for (size_t j = 0; j < 2; j++) {
            const double old = (double)small_parameters[6 + 2 * k + j];
            const double gradient = a[0][k] * d[0][j] + a[1][k] * d[1][j] + 0.2 * old;
            assert_near((double)after[6 + 2 * k + j], old - 0.5 * gradient);
        }
    }
    assert_near((double)after[10], 0.5 - 0.5 * (d[0][0] + d[1][0]));
    assert_near((double)after[11], -0.5 * (d[0][1] + d[1][1]));
    release(&fixture);
}

enum { ROWS = 20, FEATURES = 30, CLASSES = 5, MEMBERS = 3, STEPS = 12 };

static const struct nn_shape shape = {.layers = 3, .width = {FEATURES, 16, 11, CLASSES}, .batch_norm = true};

static const struct nn_member_options members[MEMBERS] = {
    {.eta = 0.1, .lambda = 0.001, .momentum = 0.9, .decay_every = 2, .decay_factor = 0.5, .seed = 1},
    {.eta = 1e30, .momentum = 0.9, .decay_every = 1, .decay_factor = 1, .seed = 2}, /* diverges */
    {.eta = 0.02, .decay_every = 1, .decay_factor = 1, .init = NN_INIT_GAUSSIAN, .init_std = 0.1, .seed = 1},
};

static void train(struct nn_bank *bank)
{
    struct nn_gemm *gemm = NULL;
    struct nn_workspace *workspace = NULL;
    assert_int_equal(nn_gemm_create(NN_GEMM_AUTO, &gemm, NULL), EP_OK);
    assert_int_equal(nn_workspace_create(&shape, ROWS, gemm, &workspace, NULL), EP_OK);
    for (uint32_t step = 0; step < STEPS; step++) {
        double numbers[ROWS * FEATURES];
        float x[ROWS * FEATURES];
        uint8_t labels[ROWS];
        ep_random_normals(4, EP_RANDOM_ORDER, step, 0, numbers, EP_COUNT(numbers));
        for (size_t i = 0; i < EP_COUNT(numbers); i++) {
            x[i] = (float)numbers[i];
        }
        for (size_t i = 0; i < ROWS; i++) {
            labels[i] = (uint8_t)((step + i) % CLASSES);
        }
        for (size_t g = 0; g < nn_bank_members(bank); g++) {
            nn_bank_step(bank, g, workspace, x, labels, ROWS, step / 4);
        }
    }
    nn_workspace_destroy(workspace);
    nn_gemm_destroy(gemm);
}

static void a_member_trains_to_the_same_bits_alone_and_in_a_bank(void **state)
{
    (void)state;
    struct nn_layout layout;
    struct nn_bank *together = NULL;
    assert_int_equal(nn_layout_of(&shape, &layout, NULL), EP_OK);
    assert_int_equal(nn_bank_create(&shape, members, MEMBERS, &together, NULL), EP_OK);
    train(together);
    for (size_t g = 0; g < MEMBERS; g++) {
        struct nn_bank *alone = NULL;
        assert_int_equal(nn_bank_create(&shape, &members[g], 1, &alone, NULL), EP_OK);
        train(alone);
        assert_memory_equal(nn_bank_parameters(alone, 0), nn_bank_parameters(together, g),
                            layout.parameters * sizeof(float));
        assert_memory_equal(nn_bank_statistics(alone, 0), nn_bank_statistics(together, g),
                            layout.statistics * sizeof(float));
        nn_bank_destroy(alone);
    }
    assert_memory_not_equal(nn_bank_parameters(together, 0), nn_bank_parameters(together, 2),
                            layout.parameters * sizeof(float));
    nn_bank_destroy(together);
}

static void a_step_without_a_finite_cost_changes_nothing(void **state)
{
    (void)state;
    struct fixture fixture = make_small(0);
    float *parameters = nn_bank_parameters(fixture.bank, 0);
    parameters[0] = NAN;
    float before[EP_COUNT(small_parameters)];
    memcpy(before, parameters, sizeof before);
    const double cost = nn_bank_step(fixture.bank, 0, fixture.workspace, small_x, small_labels, 2, 0);
    assert_true(isnan(cost));
    assert_memory_equal(parameters, before, sizeof before);
    release(&fixture);
}

static void parameters_are_counted_and_laid_out_without_overlap(void **state)
{
    (void)state;
    struct nn_layout layout;
    struct nn_shape report = {.layers = 3, .width = {3072, 50, 30, 10}};
    assert_int_equal(nn_layout_of(&report, &layout, NULL), EP_OK);
    assert_int_equal(layout.parameters, 3072 * 50 + 50 + 50 * 30 + 30 + 30 * 10 + 10);
    assert_int_equal(layout.statistics, 0);
    report.batch_norm = true;
    assert_int_equal(nn_layout_of(&report, &layout, NULL), EP_OK);
    assert_int_equal(layout.parameters, 3072 * 50 + 50 * 30 + 30 * 10 + 10);
    assert_int_equal(layout.statistics, 2 * 50 + 2 * 30);
    assert_int_equal(layout.weight[1], 3072 * 50);
    assert_int_equal(layout.bias[2], layout.parameters - 10);
    assert_near(nn_forward_flops(&report), 2.0 * (3072 * 50 + 50 * 30 + 30 * 10));
    assert_near(nn_training_flops(&report), 6.0 * (3072 * 50 + 50 * 30 + 30 * 10) - 2.0 * 3072 * 50);
}

static void shapes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct nn_layout layout;
    struct ep_error error = {0};
    const struct nn_shape none = {.layers = 0};
    const struct nn_shape deep = {.layers = NN_LAYERS_MAX + 1};
    const struct nn_shape hollow = {.layers = 2, .width = {5, 0, 2}};
    const struct nn_shape wide = {.layers = 1, .width = {SIZE_MAX / 2, 4}};
    const struct nn_shape large = {.layers = 2, .width = {2000000000, 2000000000, 2000000000}};
    assert_int_equal(nn_layout_of(&none, &layout, &error), EP_INVALID);
    assert_int_equal(nn_layout_of(&deep, &layout, &error), EP_INVALID);
    assert_int_equal(nn_layout_of(&hollow, &layout, &error), EP_INVALID);
    assert_int_equal(nn_layout_of(&wide, &layout, &error), EP_TOO_LARGE);
    assert_int_equal(nn_layout_of(&large, &layout, &error), EP_OK);
    size_t bytes;
    assert_int_equal(nn_memory_of(&large, 1, 100, &bytes, &error), EP_TOO_LARGE);
    const struct nn_member_options options = {.eta = 1, .decay_every = 1, .decay_factor = 1};
    struct nn_bank *bank = NULL;
    assert_int_equal(nn_bank_create(&large, &options, 1, &bank, &error), EP_NO_MEMORY);
    assert_null(bank);
    assert_int_equal(nn_bank_create(&small, &options, 0, &bank, &error), EP_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_pass_worked_by_hand),
        cmocka_unit_test(step_worked_by_hand),
        cmocka_unit_test(a_member_trains_to_the_same_bits_alone_and_in_a_bank),
        cmocka_unit_test(a_step_without_a_finite_cost_changes_nothing),
        cmocka_unit_test(parameters_are_counted_and_laid_out_without_overlap),
        cmocka_unit_test(shapes_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
