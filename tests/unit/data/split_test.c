/* Splits: their bounds, which images are where, and the statistics against a plain computation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/data/split.h"

enum { FEATURES = 21, TRAIN = 40, TEST = 7, CONSTANT = 2, NEARLY_CONSTANT = 3 };

struct images {
    struct data_set set;
    uint8_t train_pixels[TRAIN * FEATURES], train_labels[TRAIN];
    uint8_t test_pixels[TEST * FEATURES], test_labels[TEST];
};

/* Where image `image` starts in an array of images. */
static size_t at(size_t image)
{
    return image * FEATURES;
}

static int set_up(void **state)
{
    struct images *images = calloc(1, sizeof *images);
    assert_non_null(images);
    uint32_t number = 12345;
    for (size_t i = 0; i < EP_COUNT(images->train_pixels); i++) {
        number = number * 1664525U + 1013904223U;
        images->train_pixels[i] = (uint8_t)(number >> 24);
    }
    for (size_t i = 0; i < TRAIN; i++) {
        images->train_pixels[at(i) + CONSTANT] = 200;
        images->train_pixels[at(i) + NEARLY_CONSTANT] = i == 1 ? 254 : 255;
        images->train_labels[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < EP_COUNT(images->test_pixels); i++) {
        images->test_pixels[i] = (uint8_t)(i * 5);
    }
    for (size_t i = 0; i < TEST; i++) {
        images->test_labels[i] = (uint8_t)(100 + i);
    }
    images->set = (struct data_set){
        .info = {.name = "made-up", .features = FEATURES},
        .train = {.count = TRAIN, .pixels = images->train_pixels, .labels = images->train_labels},
        .test = {.count = TEST, .pixels = images->test_pixels, .labels = images->test_labels},
    };
    *state = images;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static struct data_split *cut(const struct images *images, size_t train_size, size_t validation_size,
                              enum data_normalize normalize)
{
    struct data_split *split = NULL;
    struct ep_error error = {0};
    assert_int_equal(data_split_create(&images->set, train_size, validation_size, normalize, &split, &error),
                     EP_OK);
    return split;
}

static void sizes_are_bounded(void **state)
{
    const struct images *images = *state;
    const struct {
        size_t train, validation;
        enum ep_status status;
    } cases[] = {
        {TRAIN, 0, EP_OK},      {TRAIN - 1, 1, EP_OK},     {1, TRAIN - 1, EP_OK},      {1, 0, EP_OK},
        {0, 0, EP_INVALID},     {0, TRAIN, EP_INVALID},    {TRAIN + 1, 0, EP_INVALID}, {TRAIN, 1, EP_INVALID},
        {1, TRAIN, EP_INVALID}, {SIZE_MAX, 2, EP_INVALID}, {2, SIZE_MAX, EP_INVALID},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        struct data_split *split = NULL;
        struct ep_error error = {0};
        assert_int_equal(data_split_create(&images->set, cases[i].train, cases[i].validation,
                                           DATA_NORMALIZE_MEAN, &split, &error),
                         cases[i].status);
        if (cases[i].status == EP_OK) {
            assert_int_equal(data_split_count(split, DATA_TRAIN), cases[i].train);
            assert_int_equal(data_split_count(split, DATA_VALIDATION), cases[i].validation);
            assert_int_equal(data_split_count(split, DATA_TEST), TEST);
        } else {
            assert_null(split);
            assert_true(strlen(error.text) > 0);
        }
        data_split_destroy(split);
    }
}

/* Mean and standard deviation of position `feature` in the first `count` training images, in units of 1. */
static void plain_statistics(const struct images *images, size_t feature, size_t count, double *mean,
                             double *deviation)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += images->train_pixels[at(i) + feature] / 255.0;
    }
    *mean = sum / (double)count;
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        const double distance = images->train_pixels[at(i) + feature] / 255.0 - *mean;
        squares += distance * distance;
    }
    *deviation = sqrt(squares / (double)count);
}

static void statistics_come_from_the_training_images(void **state)
{
    struct images *images = *state;
    /* The validation images would change both statistics of this position if they counted. */
    images->train_pixels[at(35) + CONSTANT] = 0;
    float x[TRAIN * FEATURES];
    uint8_t labels[TRAIN];
    for (int standard = 0; standard < 2; standard++) {
        struct data_split *split =
            cut(images, 30, 10, standard ? DATA_NORMALIZE_STANDARD : DATA_NORMALIZE_MEAN);
        data_split_read(split, DATA_TRAIN, 0, 30, x, FEATURES, labels);
        data_split_read(split, DATA_VALIDATION, 0, 10, x + at(30), FEATURES, labels + 30);
        for (size_t i = 0; i < EP_COUNT(images->train_pixels); i++) {
            double mean = 0;
            double deviation = 0;
            plain_statistics(images, i % FEATURES, 30, &mean, &deviation);
            const double scale = standard && i % FEATURES != CONSTANT ? deviation : 1.0;
            const double expected = (images->train_pixels[i] / 255.0 - mean) / scale;
            assert_true(fabs(x[i] - expected) <= 2e-7 / scale + 2e-7 * fabs(expected));
        }
        data_split_destroy(split);
    }
}

static void constant_pixels_are_divided_by_one(void **state)
{
    struct images *images = *state;
    images->test_pixels[CONSTANT] = 251;
    struct data_split *split = cut(images, TRAIN, 0, DATA_NORMALIZE_STANDARD);
    float x[TRAIN * FEATURES];
    uint8_t labels[TRAIN];
    data_split_read(split, DATA_TRAIN, 0, TRAIN, x, FEATURES, labels);
    for (size_t i = 0; i < TRAIN; i++) {
        assert_true(fabsf(x[at(i) + CONSTANT]) < 1e-6F);
    }
    data_split_read(split, DATA_TEST, 0, 1, x, FEATURES, labels);
    assert_true(fabsf(x[CONSTANT] - 51.0F / 255.0F) < 1e-6F);
    data_split_destroy(split);
}

static void plain_pixels_fill_0_to_1(void **state)
{
    struct images *images = *state;
    images->train_pixels[0] = 0;
    images->train_pixels[1] = 255;
    struct data_split *split = cut(images, TRAIN, 0, DATA_NORMALIZE_NONE);
    float x[FEATURES];
    uint8_t label = 0;
    data_split_read(split, DATA_TRAIN, 0, 1, x, FEATURES, &label);
    assert_true(x[0] == 0.0F);
    assert_true(x[1] == 1.0F);
    for (size_t i = 2; i < FEATURES; i++) {
        assert_true(fabs(x[i] - images->train_pixels[i] / 255.0) < 1e-7);
    }
    data_split_destroy(split);
}

static void every_way_to_read_gives_the_same_bits(void **state)
{
    const struct images *images = *state;
    struct data_split *split = cut(images, 30, 10, DATA_NORMALIZE_STANDARD);
    float all[30 * FEATURES];
    uint8_t labels[30];
    data_split_read(split, DATA_TRAIN, 0, 30, all, FEATURES, labels);
    const uint32_t indices[] = {29, 0, 17, 17};
    float some[4 * FEATURES];
    uint8_t some_labels[4];
    for (size_t i = 0; i < 4; i++) {
        const uint8_t *pixels = data_split_pixels(split, indices[i], &some_labels[i]);
        data_split_normalise(split, pixels, pixels, some + at(i));
    }
    for (size_t i = 0; i < 4; i++) {
        assert_memory_equal(some + at(i), all + at(indices[i]), FEATURES * sizeof *some);
        assert_int_equal(some_labels[i], indices[i]);
    }
    data_split_read(split, DATA_TRAIN, 13, 4, some, FEATURES, some_labels);
    assert_memory_equal(some, all + at(13), sizeof some);
    float wide[2 * (FEATURES + 5)] = {0};
    data_split_read(split, DATA_TRAIN, 13, 2, wide, FEATURES + 5, some_labels);
    assert_memory_equal(wide, all + at(13), FEATURES * sizeof *wide);
    assert_memory_equal(wide + FEATURES + 5, all + at(14), FEATURES * sizeof *wide);
    assert_true(wide[FEATURES] == 0 && wide[FEATURES + 4] == 0);
    data_split_destroy(split);
}

static void subsets_hold_their_own_images(void **state)
{
    const struct images *images = *state;
    struct data_split *split = cut(images, 25, 10, DATA_NORMALIZE_NONE);
    float x[FEATURES * 3];
    uint8_t labels[3];
    data_split_read(split, DATA_VALIDATION, 7, 3, x, FEATURES, labels);
    assert_int_equal(labels[0], 32);
    assert_int_equal(labels[2], 34);
    assert_true(fabs(x[0] - images->train_pixels[at(32)] / 255.0) < 1e-7);
    data_split_read(split, DATA_TEST, 4, 3, x, FEATURES, labels);
    assert_int_equal(labels[0], 104);
    assert_int_equal(labels[2], 106);
    assert_true(fabs(x[0] - images->test_pixels[at(4)] / 255.0) < 1e-7);
    data_split_destroy(split);
}

static void sums_over_many_bright_images_do_not_wrap(void **state)
{
    (void)state;
    const size_t count = 140001;
    uint8_t *pixels = malloc(count);
    uint8_t *labels = calloc(count, 1);
    assert_true(pixels != NULL && labels != NULL);
    memset(pixels, 255, count);
    pixels[count - 1] = 0;
    const struct data_set set = {
        .info = {.name = "bright", .features = 1},
        .train = {.count = count, .pixels = pixels, .labels = labels},
    };
    struct data_split *split = NULL;
    struct ep_error error = {0};
    assert_int_equal(data_split_create(&set, count, 0, DATA_NORMALIZE_STANDARD, &split, &error), EP_OK);
    float x = 0;
    uint8_t label = 0;
    data_split_read(split, DATA_TRAIN, count - 1, 1, &x, 1, &label);
    const double share = 1.0 / (double)count;
    const double expected = -(1 - share) / sqrt(share * (1 - share));
    assert_true(fabs(x - expected) < 1e-5 * fabs(expected));
    data_split_destroy(split);
    free(pixels);
    free(labels);
}

#define ON_IMAGES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_IMAGES(sizes_are_bounded),
        ON_IMAGES(statistics_come_from_the_training_images),
        ON_IMAGES(constant_pixels_are_divided_by_one),
        ON_IMAGES(plain_pixels_fill_0_to_1),
        ON_IMAGES(every_way_to_read_gives_the_same_bits),
        ON_IMAGES(subsets_hold_their_own_images),
        cmocka_unit_test(sums_over_many_bright_images_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
