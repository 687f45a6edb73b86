/* Each layer by itself, in double precision: values worked by hand, and backward against centred differences.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/macros.h"
#include "core/base/random.h"
#include "core/nn/descent.h"
#include "core/nn/layers.h"

enum { ROWS = 6, WIDTH = 5 };

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("got %.17g, expected %.17g", got, expected);
    }
}

/* Dense matrices. */
static struct nn_matrix dense(double *numbers, size_t width)
{
    return (struct nn_matrix){numbers, width};
}

static struct nn_const_matrix seen(const double *numbers, size_t width)
{
    return (struct nn_const_matrix){numbers, width};
}

static void normals(double *numbers, size_t count, uint32_t stream)
{
    ep_random_normals(5, EP_RANDOM_WEIGHTS, stream, 0, numbers, count);
}

/* Columns (1, 2, 3, 6) and (5, 5, 5, 5): means 3 and 5, biased variances 3.5 and 0. */
static void batch_normalisation_uses_the_biased_variance(void **state)
{
    (void)state;
    double s[] = {1, 5, 2, 5, 3, 5, 6, 5};
    double mean[2];
    double variance[2];
    double inverse[2];
    nn_batchnorm_train(dense(s, 2), (struct nn_moments){mean, variance, inverse}, 4, 2);
    assert_near(mean[0], 3, 1e-15);
    assert_near(mean[1], 5, 1e-15);
    assert_near(variance[0], 3.5, 1e-15);
    assert_near(variance[1], 0, 0);
    const double deviation = sqrt(3.5 + NN_BATCHNORM_EPSILON);
    const double column[] = {-2, -1, 0, 3};
    for (size_t i = 0; i < 4; i++) {
        assert_near(s[2 * i], column[i] / deviation, 1e-15);
        assert_near(s[2 * i + 1], 0, 0);
    }
}

static void inference_uses_the_given_statistics(void **state)
{
    (void)state;
    double s[] = {1, 10, 3, 30};
    const double mean[] = {2, 20};
    const double variance[] = {4, 25};
    double inverse[2];
    nn_batchnorm_infer(dense(s, 2), mean, variance, inverse, 2, 2);
    assert_near(s[0], -1 / sqrt(4 + NN_BATCHNORM_EPSILON), 1e-15);
    assert_near(s[1], -10 / sqrt(25 + NN_BATCHNORM_EPSILON), 1e-15);
    assert_near(s[2], 1 / sqrt(4 + NN_BATCHNORM_EPSILON), 1e-15);
    assert_near(s[3], 10 / sqrt(25 + NN_BATCHNORM_EPSILON), 1e-15);
}

/* Σ of ŝ·t, whose gradient with respect to ŝ is t. */
static double normalised_sum(const double *s, const double *t)
{
    double hat[ROWS * WIDTH];
    double mean[WIDTH];
    double variance[WIDTH];
    double inverse[WIDTH];
    memcpy(hat, s, sizeof hat);
    nn_batchnorm_train(dense(hat, WIDTH), (struct nn_moments){mean, variance, inverse}, ROWS, WIDTH);
    double sum = 0;
    for (size_t i = 0; i < EP_COUNT(hat); i++) {
        sum += hat[i] * t[i];
    }
    return sum;
}

static void batch_normalisation_backward_is_the_gradient(void **state)
{
    (void)state;
    double s[ROWS * WIDTH];
    double t[ROWS * WIDTH];
    normals(s, EP_COUNT(s), 0);
    normals(t, EP_COUNT(t), 1);
    double hat[ROWS * WIDTH];
    double ds[ROWS * WIDTH];
    double mean[WIDTH];
    double variance[WIDTH];
    double inverse[WIDTH];
    double scratch[2 * WIDTH];
    memcpy(hat, s, sizeof hat);
    memcpy(ds, t, sizeof ds);
    nn_batchnorm_train(dense(hat, WIDTH), (struct nn_moments){mean, variance, inverse}, ROWS, WIDTH);
    nn_batchnorm_backward(dense(ds, WIDTH), seen(hat, WIDTH), inverse, scratch, ROWS, WIDTH);
    for (size_t i = 0; i < EP_COUNT(s); i++) {
        const double h = 1e-5;
        const double kept = s[i];
        s[i] = kept + h;
        const double above = normalised_sum(s, t);
        s[i] = kept - h;
        const double below = normalised_sum(s, t);
        s[i] = kept;
        assert_near(ds[i], (above - below) / (2 * h), 1e-7);
    }
}

static void averages_forget_slowly(void **state)
{
    (void)state;
    double average[] = {1, -2};
    const double batch[] = {3, 2};
    nn_batchnorm_average(average, batch, 2, 0.75);
    assert_near(average[0], 1.5, 1e-15);
    assert_near(average[1], -1, 1e-15);
}

static void a_bias_is_added_to_every_row_and_its_gradient_is_their_sum(void **state)
{
    (void)state;
    double s[] = {1, 2, 3, 99, 4, 5, 6, 99};
    const double b[] = {10, 20, 30};
    nn_add_bias(dense(s, 4), b, 2, 3);
    const double expected[] = {11, 22, 33, 99, 14, 25, 36, 99};
    for (size_t i = 0; i < EP_COUNT(s); i++) {
        assert_near(s[i], expected[i], 0);
    }
    double sums[3];
    nn_sum_rows(seen(s, 4), sums, 2, 3);
    assert_near(sums[0], 25, 0);
    assert_near(sums[1], 47, 0);
    assert_near(sums[2], 69, 0);
}

/* y = γ·ŝ + β on ŝ = (1, −2; 3, 4), γ = (2, −1), β = (0.5, 1); back from dy = (1, 2; 3, 4). */
static void scale_and_shift_worked_by_hand(void **state)
{
    (void)state;
    const double hat[] = {1, -2, 3, 4};
    const double scale[] = {2, -1};
    const double shift[] = {0.5, 1};
    double y[4];
    nn_scale_shift_forward(seen(hat, 2), scale, shift, dense(y, 2), 2, 2);
    const double forward[] = {2.5, 3, 6.5, -3};
    double dy[] = {1, 2, 3, 4};
    double dscale[2];
    double dshift[2];
    nn_scale_shift_backward(dense(dy, 2), seen(hat, 2), scale, dscale, dshift, 2, 2);
    const double backward[] = {2, -2, 6, -4};
    for (size_t i = 0; i < 4; i++) {
        assert_near(y[i], forward[i], 0);
        assert_near(dy[i], backward[i], 0);
    }
    assert_near(dscale[0], 10, 0);
    assert_near(dscale[1], 12, 0);
    assert_near(dshift[0], 4, 0);
    assert_near(dshift[1], 6, 0);
}

enum { DROP_ROWS = 100, DROP_WIDTH = 50 };

static size_t dropped(const struct nn_dropout *dropout, double *y)
{
    static double ones[DROP_ROWS * DROP_WIDTH];
    size_t zeros = 0;
    for (size_t i = 0; i < EP_COUNT(ones); i++) {
        ones[i] = 1;
    }
    nn_dropout_apply(dropout, 0, seen(ones, DROP_WIDTH), dense(y, DROP_WIDTH), DROP_ROWS, DROP_WIDTH);
    for (size_t i = 0; i < EP_COUNT(ones); i++) {
        assert_true(y[i] == 0 || y[i] == 1 / (1 - dropout->rate));
        zeros += y[i] == 0 ? 1 : 0;
    }
    return zeros;
}

/* Of 5000 units 1250 are dropped, give or take five deviations of 31. */
static void dropout_leaves_out_its_share_and_scales_the_rest(void **state)
{
    (void)state;
    static double first[DROP_ROWS * DROP_WIDTH];
    static double other[DROP_ROWS * DROP_WIDTH];
    struct nn_dropout dropout = {.rate = 0.25, .seed = 7, .step = 3, .layer = 1};
    const size_t zeros = dropped(&dropout, first);
    assert_in_range(zeros, 1095, 1405);
    dropout.step = 4;
    (void)dropped(&dropout, other);
    assert_memory_not_equal(first, other, sizeof first);
    dropout.step = 3;
    dropout.layer = 2;
    (void)dropped(&dropout, other);
    assert_memory_not_equal(first, other, sizeof first);
    dropout.layer = 1;
    (void)dropped(&dropout, other);
    assert_memory_equal(first, other, sizeof first);
}

/* Threads share a mini-batch by rows: a part of it is what it is in the whole. */
static void dropout_of_some_rows_is_that_of_the_whole(void **state)
{
    (void)state;
    static double whole[DROP_ROWS * DROP_WIDTH];
    static double x[DROP_ROWS * DROP_WIDTH];
    const struct nn_dropout dropout = {.rate = 0.5, .seed = 7};
    (void)dropped(&dropout, whole);
    for (size_t i = 0; i < EP_COUNT(x); i++) {
        x[i] = 1;
    }
    nn_dropout_apply(&dropout, 30, seen(x + (size_t)30 * DROP_WIDTH, DROP_WIDTH),
                     dense(x + (size_t)30 * DROP_WIDTH, DROP_WIDTH), 70, DROP_WIDTH);
    assert_memory_equal(x + (size_t)30 * DROP_WIDTH, whole + (size_t)30 * DROP_WIDTH,
                        sizeof(double) * 70 * DROP_WIDTH);
}

static void relu_stops_what_is_not_above_zero(void **state)
{
    (void)state;
    const double s[] = {-1, 0, 2, NAN};
    double a[4];
    nn_activation_forward(NN_RELU, seen(s, 4), dense(a, 4), 1, 4);
    assert_near(a[0], 0, 0);
    assert_near(a[1], 0, 0);
    assert_near(a[2], 2, 0);
    assert_true(isnan(a[3]));
    double da[] = {5, 6, 7};
    nn_activation_backward(NN_RELU, seen(a, 3), dense(da, 3), 1, 3);
    assert_near(da[0], 0, 0);
    assert_near(da[1], 0, 0);
    assert_near(da[2], 7, 0);
}

/* Scores (0, ln 3): probabilities 1/4 and 3/4. Scores (1000, 0): the second has probability e^-1000. */
static void softmax_cost_is_exact_and_never_overflows(void **state)
{
    (void)state;
    double s[] = {0, log(3), 1000, 0};
    const uint8_t labels[] = {1, 1};
    struct nn_row_cost costs[2];
    nn_softmax(dense(s, 2), labels, costs, 2, 2);
    assert_near(costs[0].cost, log(4.0 / 3.0), 1e-15);
    assert_near(costs[1].cost, 1000, 1e-12);
    assert_int_equal(costs[0].guess, 1);
    assert_int_equal(costs[1].guess, 0);
    assert_near(s[0], 0.25, 1e-15);
    assert_near(s[1], 0.75, 1e-15);
    assert_near(s[2], 1, 0);
    assert_near(s[3], 0, 0);
}

static void softmax_of_numbers_that_are_none_is_none(void **state)
{
    (void)state;
    const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < EP_COUNT(bad); i++) {
        for (size_t at = 0; at < 2; at++) {
            double s[] = {1, 1};
            const uint8_t label = 0;
            struct nn_row_cost row;
            s[at] = bad[i];
            nn_softmax(dense(s, 2), &label, &row, 1, 2);
            const bool harmless = at == 1 && bad[i] < 0; /* probability 0 for the other class */
            assert_true(harmless ? row.cost == 0 : !isfinite(row.cost));
        }
    }
}

static double mean_cross_entropy(const double *scores, const uint8_t *labels)
{
    double s[ROWS * WIDTH];
    struct nn_row_cost costs[ROWS];
    double sum = 0;
    memcpy(s, scores, sizeof s);
    nn_softmax(dense(s, WIDTH), labels, costs, ROWS, WIDTH);
    for (size_t i = 0; i < ROWS; i++) {
        sum += costs[i].cost;
    }
    return sum / ROWS;
}

static void softmax_gradient_is_the_gradient(void **state)
{
    (void)state;
    double s[ROWS * WIDTH];
    double p[ROWS * WIDTH];
    const uint8_t labels[ROWS] = {0, 1, 2, 3, 4, 0};
    struct nn_row_cost costs[ROWS];
    normals(s, EP_COUNT(s), 2);
    memcpy(p, s, sizeof p);
    nn_softmax(dense(p, WIDTH), labels, costs, ROWS, WIDTH);
    /* In two parts, as two threads do it. */
    nn_softmax_gradient(dense(p, WIDTH), labels, 2, WIDTH, ROWS);
    nn_softmax_gradient(dense(p + (size_t)2 * WIDTH, WIDTH), labels + 2, ROWS - 2, WIDTH, ROWS);
    for (size_t i = 0; i < EP_COUNT(s); i++) {
        const double h = 1e-5;
        const double kept = s[i];
        s[i] = kept + h;
        const double above = mean_cross_entropy(s, labels);
        s[i] = kept - h;
        const double below = mean_cross_entropy(s, labels);
        s[i] = kept;
        assert_near(p[i], (above - below) / (2 * h), 1e-9);
    }
}

/* Two steps by hand: v = −0.5·(1 + 2·0.25·2) = −1, w = 1; then v = 0.5·(−1) − 0.5·(−3 + 0.5·1) = 0.75, w
 * = 1.75. */
static void descent_has_momentum_and_penalty(void **state)
{
    (void)state;
    const struct nn_descent descent = {.rule = NN_RULE_HEAVY_BALL, .eta = 0.5, .momentum = 0.5, .decay = 0.5};
    double w = 2;
    double v = 0;
    double g = 1;
    nn_descend((struct nn_slots){&w, &v, NULL, 1}, &g, 1, &descent);
    assert_near(v, -1, 0);
    assert_near(w, 1, 0);
    g = -3;
    nn_descend((struct nn_slots){&w, &v, NULL, 1}, &g, 1, &descent);
    assert_near(v, 0.75, 0);
    assert_near(w, 1.75, 0);
}

/* Two steps by hand: the first step is 0.5·(1 + 2·0.25·2) = 1, so v = −1 and w = 2 + 0.5·(−1) − 1 = 0.5; the
 * second is 0.5·(−3 + 0.5·0.5) = −1.375, so v = −0.5 + 1.375 = 0.875 and w = 0.5 + 0.4375 + 1.375 = 2.3125.
 */
static void nesterov_looks_ahead(void **state)
{
    (void)state;
    const struct nn_descent descent = {.rule = NN_RULE_NESTEROV, .eta = 0.5, .momentum = 0.5, .decay = 0.5};
    double w = 2;
    double v = 0;
    double g = 1;
    nn_descend((struct nn_slots){&w, &v, NULL, 1}, &g, 1, &descent);
    assert_near(v, -1, 0);
    assert_near(w, 0.5, 0);
    g = -3;
    nn_descend((struct nn_slots){&w, &v, NULL, 1}, &g, 1, &descent);
    assert_near(v, 0.875, 0);
    assert_near(w, 2.3125, 0);
}

/*
 * Two steps by hand with β₁ = 0.5, β₂ = 0.75, η′ = 2, ε′ = 1 and no penalty, from θ = 10 with g = 4, then −2:
 * v = 2, u = 4, θ = 10 − 2·2 / (2 + 1); then v = 0, u = 4, so that θ stays.
 */
static void adam_worked_by_hand(void **state)
{
    (void)state;
    const struct nn_descent descent = {.rule = NN_RULE_ADAM,
                                       .eta = 2,
                                       .momentum = 0.5,
                                       .fresh = 0.5,
                                       .memory = 0.75,
                                       .surprise = 0.25,
                                       .epsilon = 1};
    double w = 10;
    double v = 0;
    double u = 0;
    double g = 4;
    nn_descend((struct nn_slots){&w, &v, &u, 1}, &g, 1, &descent);
    assert_near(v, 2, 0);
    assert_near(u, 4, 0);
    assert_near(w, 10 - 4.0 / 3.0, 1e-15);
    g = -2;
    nn_descend((struct nn_slots){&w, &v, &u, 1}, &g, 1, &descent);
    assert_near(v, 0, 0);
    assert_near(u, 4, 0);
    assert_near(w, 10 - 4.0 / 3.0, 1e-15);
}

static void activations_are_what_they_are_called(void **state)
{
    (void)state;
    static const double s[] = {-3, -0.5, 0, 0.5, 3};
    static const double expected[][EP_COUNT(s)] = {
        [NN_RELU] = {0, 0, 0, 0.5, 3},
        [NN_LEAKY_RELU] = {-0.03, -0.005, 0, 0.5, 3},
        [NN_TANH] = {-0.99505475368673, -0.46211715726001, 0, 0.46211715726001, 0.99505475368673},
    };
    for (unsigned kind = NN_RELU; kind <= NN_TANH; kind++) {
        double a[EP_COUNT(s)];
        nn_activation_forward((enum nn_activation)kind, seen(s, EP_COUNT(s)), dense(a, EP_COUNT(s)), 1,
                              EP_COUNT(s));
        for (size_t i = 0; i < EP_COUNT(s); i++) {
            assert_near(a[i], expected[kind][i], 1e-14);
        }
        double not_a_number = NAN;
        nn_activation_forward((enum nn_activation)kind, seen(&not_a_number, 1), dense(&not_a_number, 1), 1,
                              1);
        assert_true(isnan(not_a_number));
    }
}

static void activations_go_back_by_their_slope(void **state)
{
    (void)state;
    static const double s[] = {-3, -0.5, 0.5, 3};
    const double h = 1e-6;
    for (unsigned kind = NN_RELU; kind <= NN_TANH; kind++) {
        for (size_t i = 0; i < EP_COUNT(s); i++) {
            double a[3] = {s[i] - h, s[i], s[i] + h};
            double slope = 2;
            nn_activation_forward((enum nn_activation)kind, seen(a, 3), dense(a, 3), 1, 3);
            nn_activation_backward((enum nn_activation)kind, seen(&a[1], 1), dense(&slope, 1), 1, 1);
            assert_near(slope, 2 * (a[2] - a[0]) / (2 * h), 1e-8);
        }
    }
}

static double spread(const struct nn_member_options *options)
{
    enum { IN = 300, OUT = 200 };
    static double w[IN * OUT];
    nn_initialise(dense(w, IN), IN, OUT, 0, options);
    double sum = 0;
    for (size_t i = 0; i < EP_COUNT(w); i++) {
        sum += w[i] * w[i];
    }
    return sqrt(sum / (IN * OUT));
}

/* 60 000 draws: the deviation is known to 0.3 %; five of these are allowed. */
static void initial_weights_have_the_spread_asked_for(void **state)
{
    (void)state;
    struct nn_member_options options = {.init = NN_INIT_HE, .seed = 1};
    assert_near(spread(&options), sqrt(2.0 / 300), 0.015 * sqrt(2.0 / 300));
    options.init = NN_INIT_XAVIER;
    assert_near(spread(&options), sqrt(2.0 / 500), 0.015 * sqrt(2.0 / 500));
    options.init = NN_INIT_GAUSSIAN;
    options.init_std = 0.001;
    assert_near(spread(&options), 0.001, 0.015 * 0.001);
}

static void the_learning_rate_decays_in_steps(void **state)
{
    (void)state;
    const struct nn_member_options options = {.eta = 0.02, .decay_every = 10, .decay_factor = 0.95};
    assert_near(nn_eta_at(&options, 0), 0.02, 0);
    assert_near(nn_eta_at(&options, 9), 0.02, 0);
    assert_near(nn_eta_at(&options, 10), 0.019, 1e-17);
    assert_near(nn_eta_at(&options, 35), 0.02 * 0.95 * 0.95 * 0.95, 1e-17);
}

static void the_learning_rate_falls_along_a_cosine(void **state)
{
    (void)state;
    const struct nn_member_options options = {.eta = 0.4, .schedule = NN_COSINE, .epochs = 8};
    assert_near(nn_eta_at(&options, 0), 0.4, 0);
    assert_near(nn_eta_at(&options, 2), 0.2 * (1 + sqrt(0.5)), 1e-15);
    assert_near(nn_eta_at(&options, 4), 0.2, 1e-15);
    assert_near(nn_eta_at(&options, 6), 0.2 * (1 - sqrt(0.5)), 1e-15);
    assert_true(nn_eta_at(&options, 7) > 0);
}

static void the_learning_rate_warms_up(void **state)
{
    (void)state;
    struct nn_member_options options = {
        .eta = 0.4, .epochs = 11, .warm_up = 3, .decay_every = 2, .decay_factor = 0.5};
    static const double steps[] = {0.1, 0.2, 0.3, 0.4, 0.4, 0.2, 0.2, 0.1};
    for (size_t e = 0; e < EP_COUNT(steps); e++) {
        assert_near(nn_eta_at(&options, e), steps[e], 1e-15);
    }
    options.schedule = NN_COSINE;
    assert_near(nn_eta_at(&options, 2), 0.3, 1e-15);
    assert_near(nn_eta_at(&options, 3), 0.4, 0);
    assert_near(nn_eta_at(&options, 7), 0.2, 1e-15);
}

/* Two epochs up from a tenth, two down, and so on. */
static void the_learning_rate_goes_up_and_down_in_triangles(void **state)
{
    (void)state;
    const struct nn_member_options options = {
        .eta = 0.4, .schedule = NN_TRIANGULAR, .decay_every = 2, .decay_factor = 0.1};
    static const double shares[] = {0.1, 0.55, 1, 0.55, 0.1, 0.55, 1};
    for (size_t e = 0; e < EP_COUNT(shares); e++) {
        assert_near(nn_eta_at(&options, e), 0.4 * shares[e], 1e-15);
    }
}

static void a_constant_learning_rate_stays(void **state)
{
    (void)state;
    const struct nn_member_options options = {.eta = 0.4, .schedule = NN_CONSTANT, .warm_up = 1};
    assert_near(nn_eta_at(&options, 0), 0.2, 0);
    assert_near(nn_eta_at(&options, 1), 0.4, 0);
    assert_near(nn_eta_at(&options, 9999), 0.4, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_normalisation_uses_the_biased_variance),
        cmocka_unit_test(inference_uses_the_given_statistics),
        cmocka_unit_test(batch_normalisation_backward_is_the_gradient),
        cmocka_unit_test(averages_forget_slowly),
        cmocka_unit_test(a_bias_is_added_to_every_row_and_its_gradient_is_their_sum),
        cmocka_unit_test(scale_and_shift_worked_by_hand),
        cmocka_unit_test(dropout_leaves_out_its_share_and_scales_the_rest),
        cmocka_unit_test(dropout_of_some_rows_is_that_of_the_whole),
        cmocka_unit_test(relu_stops_what_is_not_above_zero),
        cmocka_unit_test(softmax_cost_is_exact_and_never_overflows),
        cmocka_unit_test(softmax_of_numbers_that_are_none_is_none),
        cmocka_unit_test(softmax_gradient_is_the_gradient),
        cmocka_unit_test(descent_has_momentum_and_penalty),
        cmocka_unit_test(nesterov_looks_ahead),
        cmocka_unit_test(adam_worked_by_hand),
        cmocka_unit_test(activations_are_what_they_are_called),
        cmocka_unit_test(activations_go_back_by_their_slope),
        cmocka_unit_test(initial_weights_have_the_spread_asked_for),
        cmocka_unit_test(the_learning_rate_decays_in_steps),
        cmocka_unit_test(the_learning_rate_falls_along_a_cosine),
        cmocka_unit_test(the_learning_rate_warms_up),
        cmocka_unit_test(the_learning_rate_goes_up_and_down_in_triangles),
        cmocka_unit_test(a_constant_learning_rate_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
