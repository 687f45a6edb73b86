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
        .init = NN_INIT_HE,
        .seed = 3,
    };
    struct nn_layout layout;
    struct nn_gradcheck_result result;
    struct ep_error error = {0};
    assert_int_equal(nn_layout_of(&setting->shape, &layout, &error), EP_OK);
    assert_int_equal(nn_gradcheck(&setting->shape, &options, x, labels, ROWS, &result, &error), EP_OK);
    static const char *const names[] = {
        [NN_RELU] = "ReLU", [NN_LEAKY_RELU] = "leaky ReLU", [NN_TANH] = "tanh"};
    print_message(
        "%zu layers, %s, batch normalisation %s, lambda %g: %zu parameters, worst %.2g, mean %.2g\n",
        setting->shape.layers, names[setting->shape.activation], setting->shape.batch_norm ? "on" : "off",
        setting->lambda, result.checked, result.worst, result.mean);
    assert_int_equal(result.kinked, 0);
    assert_int_equal(result.checked, layout.parameters);
    assert_true(result.worst <= tolerance);
}

static void every_parameter_of_a_network(size_t layers, const size_t *width)
{
    static const enum nn_activation activations[] = {NN_RELU, NN_LEAKY_RELU, NN_TANH};
    for (unsigned i = 0; i < 4 * EP_COUNT(activations); i++) {
        struct setting setting = {
            .shape = {.layers = layers, .batch_norm = (i & 1) != 0, .activation = activations[i / 4]},
            .lambda = (i & 2) != 0 ? 0.03 : 0,
        };
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_layer),
        cmocka_unit_test(two_layers),
        cmocka_unit_test(three_layers),
        cmocka_unit_test(five_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
