/* The gradient that a training step follows, against centred differences in double precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/macros.h"
#include "core/base/random.h"
#include "core/nn/gradcheck.h"

enum { ROWS = 9, FEATURES = 14, CLASSES = 4 };

static const double tolerance = 1e-6;

struct setting {
    struct nn_shape shape;
    double lambda;
    double dropout;
};

static void check(const struct setting *setting)
{
    double x[ROWS * FEATURES];
    uint8_t labels[ROWS];
    ep_random_normals(11, EP_RANDOM_WEIGHTS, 99, 0, x, EP_COUNT(x));
    for (size_t i = 0; i < ROWS; i++) {
        labels[i] = (uint8_t)(i % CLASSES);
    }
    const struct nn_member_options options = {
        .eta = 0.1,
        .lambda = setting->lambda,
        .momentum = 0.9,
        .decay_every = 10,
        .decay_factor = 0.95,
        .dropout = setting->dropout,
        .init = NN_INIT_HE,
        .seed = 3,
    };
    struct nn_layout layout;
    struct nn_gradcheck_result result;
    struct ep_error error = {0};
    const struct nn_gradcheck_plan plan = {.x = x, .labels = labels, .rows = ROWS};
    assert_int_equal(nn_layout_of(&setting->shape, &layout, &error), EP_OK);
    assert_int_equal(nn_gradcheck(&setting->shape, &options, &plan, &result, &error), EP_OK);
    static const char *const names[] = {
        [NN_RELU] = "ReLU", [NN_LEAKY_RELU] = "leaky ReLU", [NN_TANH] = "tanh"};
    size_t listed = 0;
    size_t checked = 0;
    double worst = 0;
    for (size_t i = 0; i < result.count; i++) {
        const struct nn_gradcheck_part *part = &result.parts[i];
        /* Dropout can leave units without any input: their sums are their biases, 0, where the kink is. */
        const bool may_be_kinked = setting->dropout > 0 && part->kind == NN_KIND_BIAS;
        assert_true(part->kinked == 0 || may_be_kinked);
        assert_int_equal(part->checked + part->kinked, part->parameters);
        listed += part->parameters;
        checked += part->checked;
        worst = fmax(worst, part->worst);
    }
    print_message(
        "%zu layers, %s, batch normalisation %s%s, lambda %g, dropout %g: %zu parameters, worst %.2g\n",
        setting->shape.layers, names[setting->shape.activation], setting->shape.batch_norm ? "on" : "off",
        setting->shape.scale_shift ? " with scale and shift" : "", setting->lambda, setting->dropout, checked,
        worst);
    assert_int_equal(listed, layout.parameters);
    assert_true(worst <= tolerance);
}

static void every_parameter_of_a_network(size_t layers, const size_t *width)
{
    static const enum nn_activation activations[] = {NN_RELU, NN_LEAKY_RELU, NN_TANH};
    for (unsigned i = 0; i < 16 * EP_COUNT(activations); i++) {
        struct setting setting = {
            .shape = {.layers = layers,
                      .batch_norm = (i & 1) != 0,
                      .scale_shift = (i & 4) != 0,
                      .activation = activations[i / 16]},
            .lambda = (i & 2) != 0 ? 0.03 : 0,
            .dropout = (i & 8) != 0 ? 0.3 : 0,
        };
        if (setting.shape.scale_shift && !setting.shape.batch_norm) {
            continue;
        }
        for (size_t l = 0; l <= layers; l++) {
            setting.shape.width[l] = width[l];
        }
        check(&setting);
    }
}

static void one_layer(void **state)
{
    (void)state;
    every_parameter_of_a_network(1, (const size_t[]){FEATURES, CLASSES});
}

static void two_layers(void **state)
{
    (void)state;
    every_parameter_of_a_network(2, (const size_t[]){FEATURES, 8, CLASSES});
}

static void three_layers(void **state)
{
    (void)state;
    every_parameter_of_a_network(3, (const size_t[]){FEATURES, 10, 6, CLASSES});
}

static void five_layers(void **state)
{
    (void)state;
    every_parameter_of_a_network(5, (const size_t[]){FEATURES, 9, 8, 7, 6, CLASSES});
}

/* What a service shows of a large network: a sample of each part, and nothing twice. */
static void a_sample_is_spread_over_each_part(void **state)
{
    (void)state;
    const struct nn_shape shape = {
        .layers = 2, .width = {FEATURES, 8, CLASSES}, .batch_norm = true, .scale_shift = true};
    const struct nn_member_options options = {
        .eta = 1, .schedule = NN_CONSTANT, .init = NN_INIT_HE, .seed = 3};
    double x[ROWS * FEATURES];
    const uint8_t labels[ROWS] = {0, 1, 2, 3};
    ep_random_normals(11, EP_RANDOM_WEIGHTS, 99, 0, x, EP_COUNT(x));
    const struct nn_gradcheck_plan plan = {.x = x, .labels = labels, .rows = ROWS, .samples = 5};
    struct nn_gradcheck_result result;
    size_t count = 0;
    assert_int_equal(nn_gradcheck_count(&shape, 5, &count, NULL), EP_OK);
    assert_int_equal(count, 5 + 5 + 5 + 5 + 4);
    assert_int_equal(nn_gradcheck(&shape, &options, &plan, &result, NULL), EP_OK);
    static const struct {
        size_t layer;
        enum nn_kind kind;
        size_t parameters;
    } expected[] = {{0, NN_KIND_WEIGHT, (size_t)FEATURES * 8},
                    {0, NN_KIND_SCALE, 8},
                    {0, NN_KIND_SHIFT, 8},
                    {1, NN_KIND_WEIGHT, (size_t)8 * CLASSES},
                    {1, NN_KIND_BIAS, CLASSES}};
    assert_int_equal(result.count, EP_COUNT(expected));
    for (size_t i = 0; i < result.count; i++) {
        assert_int_equal(result.parts[i].layer, expected[i].layer);
        assert_int_equal(result.parts[i].kind, expected[i].kind);
        assert_int_equal(result.parts[i].parameters, expected[i].parameters);
        assert_int_equal(result.parts[i].checked, expected[i].parameters < 5 ? expected[i].parameters : 5);
        assert_true(result.parts[i].worst <= tolerance);
    }
}

static bool stop_at_seven(void *context, size_t done)
{
    *(size_t *)context = done;
    return done < 7;
}

static void a_check_can_be_stopped(void **state)
{
    (void)state;
    const struct nn_shape shape = {.layers = 1, .width = {FEATURES, CLASSES}};
    const struct nn_member_options options = {.eta = 1, .schedule = NN_CONSTANT, .init = NN_INIT_HE};
    const double x[ROWS * FEATURES] = {1};
    const uint8_t labels[ROWS] = {0};
    size_t last = 0;
    const struct nn_gradcheck_plan plan = {
        .x = x, .labels = labels, .rows = ROWS, .go_on = stop_at_seven, .context = &last};
    struct nn_gradcheck_result result;
    struct ep_error error;
    assert_int_equal(nn_gradcheck(&shape, &options, &plan, &result, &error), EP_CANCELLED);
    assert_int_equal(last, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_layer),
        cmocka_unit_test(two_layers),
        cmocka_unit_test(three_layers),
        cmocka_unit_test(five_layers),
        cmocka_unit_test(a_sample_is_spread_over_each_part),
        cmocka_unit_test(a_check_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
