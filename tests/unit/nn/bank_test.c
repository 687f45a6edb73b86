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
#include "core/nn/trainer.h"

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
static float small_x[2 * NN_LANES] = {1, 1, [NN_LANES] = -1, 0};
static const uint8_t small_labels[] = {0, 0};
static const struct nn_batch small_batch = {{small_x, NN_LANES}, small_labels, 2};
static const struct nn_moment start = {0, 0};

struct fixture {
    struct nn_gemm *gemm;
    struct nn_bank *bank;
    struct nn_workspace *workspace;
};

static struct fixture make_small(double lambda)
{
    const struct nn_member_options options = {
        .eta = 0.5, .lambda = lambda, .momentum = 0.9, .schedule = NN_CONSTANT};
    const struct nn_room room = {.members = 1, .rows = 2, .threads = 1};
    struct fixture made = {0};
    assert_int_equal(nn_gemm_create(NN_GEMM_AUTO, &made.gemm, NULL), EP_OK);
    assert_int_equal(nn_bank_create(&small, &options, 1, &made.bank, NULL), EP_OK);
    assert_int_equal(nn_workspace_create(&small, &room, made.gemm, &made.workspace, NULL), EP_OK);
    nn_bank_write(made.bank, 0, small_parameters, NULL);
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
    const size_t member = 0;
    struct nn_tally tally = {0};
    uint64_t confusion[4] = {0};
    nn_bank_evaluate(fixture.bank, &member, 1, fixture.workspace, &small_batch, &tally, confusion);
    assert_near(tally.cross_entropy, log(1 + exp(-0.5)) + log(1 + exp(5.5)));
    assert_int_equal(tally.correct, 1);
    assert_int_equal(tally.images, 2);
    assert_int_equal(confusion[0], 1);
    assert_int_equal(confusion[1], 1);
    assert_int_equal(confusion[2] + confusion[3], 0);
    assert_near(nn_bank_penalty(fixture.bank, 0), 0.1 * (1 + 1 + 4 + 1 + 1 + 0 + 1 + 4));
    const double cost = nn_bank_batch_cost(fixture.bank, 0, fixture.workspace, &small_batch, &start);
    assert_near(cost, (log(1 + exp(-0.5)) + log(1 + exp(5.5))) / 2 + 1.3);
    release(&fixture);
}

static double step_small(struct fixture *fixture, float *after)
{
    double cost;
    nn_bank_step(fixture->bank, fixture->workspace, &small_batch, &start, &nn_alone, &cost);
    nn_bank_read(fixture->bank, 0, after, NULL);
    return cost;
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
    float after[EP_COUNT(small_parameters)];
    const double cost = step_small(&fixture, after);
    assert_near(cost, (log(1 + exp(-0.5)) + log(1 + exp(5.5))) / 2);
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

enum { ROWS = 20, FEATURES = 30, CLASSES = 5, MEMBERS = 5, STEPS = 12, STRIDE = 2 * NN_LANES };

static const struct nn_shape shape = {
    .layers = 3, .width = {FEATURES, 17, 11, CLASSES}, .batch_norm = true, .scale_shift = true};

static const struct nn_member_options members[MEMBERS] = {
    {.eta = 0.1, .lambda = 0.001, .momentum = 0.9, .decay_every = 2, .decay_factor = 0.5, .seed = 1},
    {.eta = 1e30, .momentum = 0.9, .schedule = NN_CONSTANT, .seed = 2}, /* diverges */
    {.eta = 0.02, .schedule = NN_CONSTANT, .init = NN_INIT_GAUSSIAN, .init_std = 0.1, .seed = 1},
    {.eta = 0.01,
     .optimizer = NN_ADAM,
     .beta1 = 0.9,
     .beta2 = 0.99,
     .epsilon = 1e-6,
     .schedule = NN_COSINE,
     .epochs = 9,
     .dropout = 0.2,
     .seed = 3},
    {.eta = 0.05, .momentum = 0.5, .nesterov = true, .schedule = NN_CONSTANT, .dropout = 0.1, .seed = 1},
};

/* A run of steps by a team. */
struct training {
    struct nn_bank *bank;
    struct nn_workspace *workspace;
};

static void take_steps(void *context, const struct nn_part *part)
{
    const struct training *training = context;
    for (uint32_t step = 0; step < STEPS; step++) {
        double numbers[ROWS * FEATURES];
        float x[ROWS * STRIDE] = {0};
        uint8_t labels[ROWS];
        double costs[MEMBERS];
        ep_random_normals(4, EP_RANDOM_ORDER, step, 0, numbers, EP_COUNT(numbers));
        for (size_t i = 0; i < EP_COUNT(numbers); i++) {
            x[i / FEATURES * STRIDE + i % FEATURES] = (float)numbers[i];
        }
        for (size_t i = 0; i < ROWS; i++) {
            labels[i] = (uint8_t)((step + i) % CLASSES);
        }
        const struct nn_batch batch = {{x, STRIDE}, labels, ROWS};
        const struct nn_moment moment = {step / 4, step};
        nn_bank_step(training->bank, training->workspace, &batch, &moment, part, costs);
    }
}

static void train(struct nn_bank *bank, enum nn_gemm_choice choice, size_t threads)
{
    struct nn_gemm *gemm = NULL;
    struct nn_team *team = NULL;
    struct training training = {.bank = bank};
    const struct nn_room room = {.members = nn_bank_members(bank),
                                 .rows = ROWS,
                                 .threads = threads,
                                 .dropout = nn_bank_drops_out(bank)};
    assert_int_equal(nn_gemm_create(choice, &gemm, NULL), EP_OK);
    assert_int_equal(nn_workspace_create(&shape, &room, gemm, &training.workspace, NULL), EP_OK);
    assert_int_equal(nn_team_create(threads, &team, NULL), EP_OK);
    assert_int_equal(nn_team_size(team), threads);
    nn_team_run(team, threads, take_steps, &training);
    nn_team_destroy(team);
    nn_workspace_destroy(training.workspace);
    nn_gemm_destroy(gemm);
}

/* A member's parameters and moving averages. */
struct numbers {
    float parameters[1000], statistics[100];
};

static void read(const struct nn_bank *bank, size_t member, struct numbers *numbers)
{
    assert_true(nn_bank_layout(bank)->parameters <= EP_COUNT(numbers->parameters));
    assert_true(nn_bank_layout(bank)->statistics <= EP_COUNT(numbers->statistics));
    memset(numbers, 0, sizeof *numbers);
    nn_bank_read(bank, member, numbers->parameters, numbers->statistics);
}

/* Members alone, on one thread. */
static void read_alone(enum nn_gemm_choice choice, struct numbers alone[MEMBERS])
{
    for (size_t g = 0; g < MEMBERS; g++) {
        struct nn_bank *bank = NULL;
        assert_int_equal(nn_bank_create(&shape, &members[g], 1, &bank, NULL), EP_OK);
        train(bank, choice, 1);
        read(bank, 0, &alone[g]);
        nn_bank_destroy(bank);
    }
}

static void a_member_trains_to_the_same_bits_alone_and_in_a_bank_on_any_number_of_threads(void **state)
{
    static struct numbers alone[MEMBERS];
    const enum nn_gemm_choice choice = *(const enum nn_gemm_choice *)*state;
    read_alone(choice, alone);
    assert_memory_not_equal(&alone[0], &alone[2], sizeof alone[0]);
    for (size_t threads = 1; threads <= 4; threads++) {
        struct nn_bank *together = NULL;
        assert_int_equal(nn_bank_create(&shape, members, MEMBERS, &together, NULL), EP_OK);
        train(together, choice, threads);
        for (size_t g = 0; g < MEMBERS; g++) {
            struct numbers numbers;
            read(together, g, &numbers);
            assert_memory_equal(&alone[g], &numbers, sizeof numbers);
        }
        nn_bank_destroy(together);
    }
}

static void one_network_trains_to_the_same_bits_on_any_number_of_threads(void **state)
{
    static struct numbers alone[MEMBERS];
    (void)state;
    read_alone(NN_GEMM_AUTO, alone);
    for (size_t threads = 2; threads <= 7; threads++) {
        struct nn_bank *bank = NULL;
        struct numbers numbers;
        assert_int_equal(nn_bank_create(&shape, &members[3], 1, &bank, NULL), EP_OK);
        train(bank, NN_GEMM_AUTO, threads);
        read(bank, 0, &numbers);
        assert_memory_equal(&alone[3], &numbers, sizeof numbers);
        nn_bank_destroy(bank);
    }
}

static void a_retired_member_stays_as_it_is_and_the_others_do_not_notice(void **state)
{
    (void)state;
    static struct numbers alone[MEMBERS];
    struct nn_bank *bank = NULL;
    struct numbers before;
    struct numbers after;
    read_alone(NN_GEMM_AUTO, alone);
    assert_int_equal(nn_bank_create(&shape, members, MEMBERS, &bank, NULL), EP_OK);
    read(bank, 2, &before);
    nn_bank_retire(bank, 2);
    assert_int_equal(nn_bank_training(bank), MEMBERS - 1);
    assert_false(nn_bank_trains(bank, 2));
    assert_true(nn_bank_trains(bank, 3));
    train(bank, NN_GEMM_AUTO, 2);
    read(bank, 2, &after);
    assert_memory_equal(&before, &after, sizeof after);
    read(bank, 4, &after);
    assert_memory_equal(&alone[4], &after, sizeof after);
    nn_bank_destroy(bank);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct nn_bank *bank = NULL;
    struct numbers numbers = {{0}, {0}};
    struct numbers back;
    assert_int_equal(nn_bank_create(&shape, members, 2, &bank, NULL), EP_OK);
    for (size_t i = 0; i < nn_bank_layout(bank)->parameters; i++) {
        numbers.parameters[i] = (float)i + 1;
    }
    for (size_t i = 0; i < nn_bank_layout(bank)->statistics; i++) {
        numbers.statistics[i] = -(float)i - 1;
    }
    nn_bank_write(bank, 1, numbers.parameters, numbers.statistics);
    read(bank, 1, &back);
    assert_memory_equal(&numbers, &back, sizeof back);
    assert_true(*nn_bank_parameter(bank, 1, 700) == 701);
    assert_true(*nn_bank_statistic(bank, 1, 20) == -21);
    nn_bank_destroy(bank);
}

static void a_step_without_a_finite_cost_changes_nothing(void **state)
{
    (void)state;
    struct fixture fixture = make_small(0);
    float before[EP_COUNT(small_parameters)];
    float after[EP_COUNT(small_parameters)];
    *nn_bank_parameter(fixture.bank, 0, 0) = NAN;
    nn_bank_read(fixture.bank, 0, before, NULL);
    assert_true(isnan(step_small(&fixture, after)));
    assert_memory_equal(after, before, sizeof before);
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
    const struct nn_member_options options = {.eta = 1, .schedule = NN_CONSTANT};
    assert_int_equal(nn_memory_of(&large, &options, 1, 100, 1, false, &bytes, &error), EP_TOO_LARGE);
    struct nn_bank *bank = NULL;
    assert_int_equal(nn_bank_create(&large, &options, 1, &bank, &error), EP_NO_MEMORY);
    assert_null(bank);
    assert_int_equal(nn_bank_create(&small, &options, 0, &bank, &error), EP_INVALID);
}

int main(void)
{
    static enum nn_gemm_choice automatic = NN_GEMM_AUTO;
    static enum nn_gemm_choice openblas = NN_GEMM_OPENBLAS;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_pass_worked_by_hand),
        cmocka_unit_test(step_worked_by_hand),
        cmocka_unit_test_prestate(
            a_member_trains_to_the_same_bits_alone_and_in_a_bank_on_any_number_of_threads, &automatic),
        cmocka_unit_test_prestate(
            a_member_trains_to_the_same_bits_alone_and_in_a_bank_on_any_number_of_threads, &openblas),
        cmocka_unit_test(one_network_trains_to_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(a_retired_member_stays_as_it_is_and_the_others_do_not_notice),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_step_without_a_finite_cost_changes_nothing),
        cmocka_unit_test(parameters_are_counted_and_laid_out_without_overlap),
        cmocka_unit_test(shapes_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
