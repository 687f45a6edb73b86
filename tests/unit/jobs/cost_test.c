/* What a job takes, against numbers worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/macros.h"
#include "core/jobs/spec.h"

static const struct data_info info = {
    .name = "images", .features = 6, .classes = 3, .train_count = 1000, .test_count = 100};

static struct job_spec make_spec(void)
{
    return (struct job_spec){
        .train_size = 900,
        .validation_size = 100,
        .depth = 2,
        .hidden = {.count = 1, .items = {5}},
        .epochs = 4,
        .batch_size = 100,
    };
}

static void parameters_are_weights_and_biases(void **state)
{
    (void)state;
    struct job_spec spec = make_spec();
    struct job_cost cost;
    assert_int_equal(job_cost_of(&spec, &info, &cost, NULL), EP_OK);
    assert_int_equal(cost.parameters, 6 * 5 + 5 + 5 * 3 + 3);
    /* A batch-normalised layer has no biases: the mean takes them away. */
    spec.batch_norm = true;
    assert_int_equal(job_cost_of(&spec, &info, &cost, NULL), EP_OK);
    assert_int_equal(cost.parameters, 6 * 5 + 5 * 3 + 3);
}

static void a_last_batch_counts_when_it_can_be_trained_on(void **state)
{
    (void)state;
    static const struct {
        uint64_t train, batch;
        bool batch_norm;
        uint64_t steps;
    } cases[] = {
        {900, 100, true, 9},  {901, 100, true, 9}, {901, 100, false, 10},
        {902, 100, true, 10}, {50, 50, true, 1},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        struct job_spec spec = make_spec();
        struct job_cost cost;
        spec.train_size = cases[i].train;
        spec.batch_size = cases[i].batch;
        spec.batch_norm = cases[i].batch_norm;
        assert_int_equal(job_spec_epoch_steps(&spec), cases[i].steps);
        assert_int_equal(job_cost_of(&spec, &info, &cost, NULL), EP_OK);
        assert_int_equal(cost.steps, 4 * cases[i].steps);
    }
}

static void flops_are_those_of_all_products(void **state)
{
    (void)state;
    const struct job_spec spec = make_spec();
    struct job_cost cost;
    assert_int_equal(job_cost_of(&spec, &info, &cost, NULL), EP_OK);
    /* Per image: forward 2·(6·5 + 5·3); backward the same for the weights, and 2·5·3 for the hidden layer. */
    const double forward = 2.0 * (6 * 5 + 5 * 3);
    const double backward = forward + 2.0 * 5 * 3;
    assert_true(cost.flops == 4 * (900 * (forward + backward) + 1000 * forward) + 100 * forward);
}

static void memory_holds_at_least_what_must_be_there(void **state)
{
    (void)state;
    struct job_spec spec = make_spec();
    struct job_cost small;
    struct job_cost large;
    spec.hidden.items[0] = 1000;
    assert_int_equal(job_cost_of(&spec, &info, &small, NULL), EP_OK);
    spec.hidden.items[0] = 2000;
    assert_int_equal(job_cost_of(&spec, &info, &large, NULL), EP_OK);
    /* A unit more: 6 + 1 + 3 parameters with a momentum each, and activation and gradient for each image. */
    assert_true(large.memory - small.memory >= (size_t)1000 * (2 * 10 + 2 * 100) * sizeof(float));
    assert_true(small.memory >= (size_t)1100 * (6 + 1) + 2 * small.parameters * sizeof(float));
}

static void memory_grows_by_a_byte_for_each_pixel_and_label(void **state)
{
    (void)state;
    const struct job_spec spec = make_spec();
    struct data_info larger = info;
    struct job_cost before;
    struct job_cost after;
    larger.train_count += 1000;
    larger.test_count += 10;
    assert_int_equal(job_cost_of(&spec, &info, &before, NULL), EP_OK);
    assert_int_equal(job_cost_of(&spec, &larger, &after, NULL), EP_OK);
    assert_int_equal(after.memory - before.memory, 1010 * (6 + 1));
}

static void images_that_cannot_be_counted_are_refused(void **state)
{
    (void)state;
    const struct job_spec spec = make_spec();
    struct data_info endless = info;
    struct job_cost cost;
    struct ep_error error;
    endless.train_count = SIZE_MAX;
    assert_int_equal(job_cost_of(&spec, &endless, &cost, &error), EP_TOO_LARGE);
    endless.train_count = SIZE_MAX / 4;
    assert_int_equal(job_cost_of(&spec, &endless, &cost, &error), EP_TOO_LARGE);
    assert_true(error.text[0] != '\0');
}

static void what_cannot_be_counted_is_refused(void **state)
{
    (void)state;
    struct job_spec spec = make_spec();
    struct data_info endless = info;
    struct job_cost cost;
    struct ep_error error;
    endless.features = SIZE_MAX / 8;
    spec.hidden.items[0] = 65536;
    assert_int_equal(job_cost_of(&spec, &endless, &cost, &error), EP_TOO_LARGE);
    assert_true(error.text[0] != '\0');
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_weights_and_biases),
        cmocka_unit_test(a_last_batch_counts_when_it_can_be_trained_on),
        cmocka_unit_test(flops_are_those_of_all_products),
        cmocka_unit_test(memory_holds_at_least_what_must_be_there),
        cmocka_unit_test(memory_grows_by_a_byte_for_each_pixel_and_label),
        cmocka_unit_test(images_that_cannot_be_counted_are_refused),
        cmocka_unit_test(what_cannot_be_counted_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
