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
#include "core/nn/layers.h"

enum { ROWS = 6, WIDTH = 5 };

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("got %.17g, expected %.17g", got, expected);
    }
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
    nn_batchnorm_train(s, mean, variance, inverse, 4, 2);
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
    nn_batchnorm_infer(s, mean, variance, inverse, 2, 2);
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
    nn_batchnorm_train(hat, mean, variance, inverse, ROWS, WIDTH);
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
    nn_batchnorm_train(hat, mean, variance, inverse, ROWS, WIDTH);
    nn_batchnorm_backward(ds, hat, inverse, scratch, ROWS, WIDTH);
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

static void dense_adds_the_bias_to_every_row(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4};
    const double w[] = {1, 0, 2, -1, 1, 1};
    const double b[] = {10, 20, 30};
    double s[6];
    nn_dense_forward(NULL, x, w, b, s, 2, 2, 3);
    const double expected[] = {9, 22, 34, 9, 24, 40};
    for (size_t i = 0; i < EP_COUNT(s); i++) {
        assert_near(s[i], expected[i], 0);
    }
    double db[3];
    nn_dense_backward_bias(s, db, 2, 3);
    assert_near(db[0], 18, 0);
    assert_near(db[1], 46, 0);
    assert_near(db[2], 74, 0);
}

static void relu_stops_what_is_not_above_zero(void **state)
{
    (void)state;
    const double s[] = {-1, 0, 2, NAN};
    double a[4];
    nn_relu_forward(s, a, 4);
    assert_near(a[0], 0, 0);
    assert_near(a[1], 0, 0);
    assert_near(a[2], 2, 0);
    assert_true(isnan(a[3]));
    double da[] = {5, 6, 7};
    nn_relu_backward(a, da, 3);
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
    size_t correct = 0;
    const double cost = nn_softmax_cost(s, labels, 2, 2, &correct);
    assert_near(cost, log(4.0 / 3.0) + 1000, 1e-12);
    assert_int_equal(correct, 1);
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
            size_t correct = 0;
            s[at] = bad[i];
            const double cost = nn_softmax_cost(s, &label, 1, 2, &correct);
            const bool harmless = at == 1 && bad[i] < 0; /* probability 0 for the other class */
            assert_true(harmless ? cost == 0 : !isfinite(cost));
        }
    }
}

static double mean_cross_entropy(const double *scores, const uint8_t *labels)
{
    double s[ROWS * WIDTH];
    size_t correct = 0;
    memcpy(s, scores, sizeof s);
    return nn_softmax_cost(s, labels, ROWS, WIDTH, &correct) / ROWS;
}

static void softmax_gradient_is_the_gradient(void **state)
{
    (void)state;
    double s[ROWS * WIDTH];
    double p[ROWS * WIDTH];
    const uint8_t labels[ROWS] = {0, 1, 2, 3, 4, 0};
    size_t correct = 0;
    normals(s, EP_COUNT(s), 2);
    memcpy(p, s, sizeof p);
    nn_softmax_cost(p, labels, ROWS, WIDTH, &correct);
    nn_softmax_gradient(p, labels, ROWS, WIDTH);
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
    const struct nn_sgd sgd = {.eta = 0.5, .momentum = 0.5, .lambda = 0.25};
    double w = 2;
    double v = 0;
    double g = 1;
    nn_sgd_update(&w, &v, &g, 1, sgd);
    assert_near(v, -1, 0);
    assert_near(w, 1, 0);
    g = -3;
    nn_sgd_update(&w, &v, &g, 1, sgd);
    assert_near(v, 0.75, 0);
    assert_near(w, 1.75, 0);
}

/* Two steps by hand: the first step is 0.5·(1 + 2·0.25·2) = 1, so v = −1 and w = 2 + 0.5·(−1) − 1 = 0.5; the
 * second is 0.5·(−3 + 0.5·0.5) = −1.375, so v = −0.5 + 1.375 = 0.875 and w = 0.5 + 0.4375 + 1.375 = 2.3125.
 */
static void nesterov_looks_ahead(void **state)
{
    (void)state;
    const struct nn_sgd sgd = {.eta = 0.5, .momentum = 0.5, .lambda = 0.25, .nesterov = true};
    double w = 2;
    double v = 0;
    double g = 1;
    nn_sgd_update(&w, &v, &g, 1, sgd);
    assert_near(v, -1, 0);
    assert_near(w, 0.5, 0);
    g = -3;
    nn_sgd_update(&w, &v, &g, 1, sgd);
    assert_near(v, 0.875, 0);
    assert_near(w, 2.3125, 0);
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
        nn_activation_forward((enum nn_activation)kind, s, a, EP_COUNT(s));
        for (size_t i = 0; i < EP_COUNT(s); i++) {
            assert_near(a[i], expected[kind][i], 1e-14);
        }
        double not_a_number = NAN;
        nn_activation_forward((enum nn_activation)kind, &not_a_number, &not_a_number, 1);
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
            nn_activation_forward((enum nn_activation)kind, a, a, 3);
            nn_activation_backward((enum nn_activation)kind, &a[1], &slope, 1);
            assert_near(slope, 2 * (a[2] - a[0]) / (2 * h), 1e-8);
        }
    }
}

static double spread(const struct nn_member_options *options)
{
    enum { IN = 300, OUT = 200 };
    static double w[IN * OUT];
    nn_initialise(w, IN, OUT, 0, options);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_normalisation_uses_the_biased_variance),
        cmocka_unit_test(inference_uses_the_given_statistics),
        cmocka_unit_test(batch_normalisation_backward_is_the_gradient),
        cmocka_unit_test(averages_forget_slowly),
        cmocka_unit_test(dense_adds_the_bias_to_every_row),
        cmocka_unit_test(relu_stops_what_is_not_above_zero),
        cmocka_unit_test(softmax_cost_is_exact_and_never_overflows),
        cmocka_unit_test(softmax_of_numbers_that_are_none_is_none),
        cmocka_unit_test(softmax_gradient_is_the_gradient),
        cmocka_unit_test(descent_has_momentum_and_penalty),
        cmocka_unit_test(nesterov_looks_ahead),
        cmocka_unit_test(activations_are_what_they_are_called),
        cmocka_unit_test(activations_go_back_by_their_slope),
        cmocka_unit_test(initial_weights_have_the_spread_asked_for),
        cmocka_unit_test(the_learning_rate_decays_in_steps),
        cmocka_unit_test(the_learning_rate_falls_along_a_cosine),
        cmocka_unit_test(the_learning_rate_warms_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
