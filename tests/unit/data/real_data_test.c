/* The real datasets, where this machine has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/data/registry.h"
#include "core/data/split.h"

static int set_up(void **state)
{
    const char *folder = getenv("EPOCHD_DATA");
    struct data_registry *registry = NULL;
    struct ep_error error = {0};
    assert_int_equal(data_registry_create(folder != NULL ? folder : "/usr/share/datasets", &registry, &error),
                     EP_OK);
    *state = registry;
    return 0;
}

static int tear_down(void **state)
{
    data_registry_destroy(*state);
    return 0;
}

/* Loads, or skips the test when there is no such dataset here; a faulty one fails the test. */
static const struct data_set *load_or_skip(struct data_registry *registry, const char *name)
{
    const struct data_set *set = NULL;
    struct ep_error error = {0};
    const enum ep_status status = data_registry_open(registry, name, &set, &error);
    if (status == EP_UNAVAILABLE) {
        print_message("skipped: %s\n", error.text);
        skip();
    }
    if (status != EP_OK) {
        fail_msg("%s", error.text);
    }
    return set;
}

static void assert_counts(const struct data_part *part, size_t per_class)
{
    size_t counts[10] = {0};
    for (size_t i = 0; i < part->count; i++) {
        assert_in_range(part->labels[i], 0, 9);
        counts[part->labels[i]]++;
    }
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(counts[i], per_class);
    }
}

/* Mean over all pixels, which shows that they are pixels, and in 0 … 1. */
static double mean_pixel(const struct data_part *part, size_t first, size_t count, size_t features)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < part->count; i++) {
        for (size_t j = first; j < first + count; j++) {
            sum += part->pixels[i * features + j];
        }
    }
    return (double)sum / (255.0 * (double)part->count * (double)count);
}

static void assert_near(double value, double expected)
{
    if (value < expected - 0.001 || value > expected + 0.001) {
        fail_msg("%g is not %g", value, expected);
    }
}

static void fashion_mnist_is_whole(void **state)
{
    const struct data_set *set = load_or_skip(*state, "fashion-mnist");
    assert_counts(&set->train, 6000);
    assert_counts(&set->test, 1000);
    assert_near(mean_pixel(&set->train, 0, 784, 784), 0.2860);
    assert_string_equal(set->info.class_names[set->train.labels[0]], "Ankle boot");
    assert_int_equal(strlen(set->digest), EP_SHA256_TEXT - 1);
}

static void cifar_10_is_whole(void **state)
{
    const struct data_set *set = load_or_skip(*state, "cifar-10");
    assert_counts(&set->train, 5000);
    assert_counts(&set->test, 1000);
    assert_near(mean_pixel(&set->train, 0, 1024, 3072), 0.4914);
    assert_near(mean_pixel(&set->train, 1024, 1024, 3072), 0.4822);
    assert_near(mean_pixel(&set->train, 2048, 1024, 3072), 0.4465);
}

#define ON_REGISTRY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_REGISTRY(fashion_mnist_is_whole),
        ON_REGISTRY(cifar_10_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
