/* Mini-batches: each image once an epoch, in an order that seed and epoch alone decide. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/data/batches.h"

/* Each image tells its own number by its two pixels, so that an epoch can be read back as an order. */
enum { TRAIN = 403, VALIDATION = 20, COUNT = TRAIN + VALIDATION, FEATURES = 2 };

struct images {
    struct data_set set;
    uint8_t pixels[COUNT * FEATURES], labels[COUNT];
    struct data_split *split;
};

static int set_up(void **state)
{
    struct images *images = calloc(1, sizeof *images);
    assert_non_null(images);
    for (size_t i = 0; i < COUNT; i++) {
        images->pixels[i * FEATURES] = (uint8_t)(i % 256);
        images->pixels[i * FEATURES + 1] = (uint8_t)(i / 256);
        images->labels[i] = (uint8_t)(i % 10);
    }
    images->set = (struct data_set){
        .info = {.name = "numbers", .features = FEATURES},
        .train = {.count = COUNT, .pixels = images->pixels, .labels = images->labels},
    };
    struct ep_error error = {0};
    assert_int_equal(
        data_split_create(&images->set, TRAIN, VALIDATION, DATA_NORMALIZE_NONE, &images->split, &error),
        EP_OK);
    *state = images;
    return 0;
}

static int tear_down(void **state)
{
    struct images *images = *state;
    data_split_destroy(images->split);
    free(images);
    return 0;
}

static struct data_batches *create(const struct images *images, size_t batch_size, size_t least, bool shuffle,
                                   uint64_t seed)
{
    struct data_batches *batches = NULL;
    struct ep_error error = {0};
    const struct data_batches_options options = {
        .batch_size = batch_size, .least = least, .shuffle = shuffle, .seed = seed, .readers = 1};
    assert_int_equal(data_batches_create(images->split, &options, &batches, &error), EP_OK);
    return batches;
}

/* Reads an epoch; returns how many images came, and checks that they came with their own labels. */
static size_t read_epoch(struct data_batches *batches, size_t epoch, size_t batch_size, size_t order[TRAIN])
{
    float x[TRAIN * FEATURES];
    uint8_t labels[TRAIN];
    size_t count = 0;
    data_batches_begin(batches, epoch);
    for (size_t step = 0; step < data_batches_steps(batches); step++) {
        const size_t rows = data_batches_rows(batches, step);
        const struct data_piece whole = {.step = step, .first = 0, .rows = rows};
        data_batches_read(batches, 0, whole, x, FEATURES, labels);
        assert_in_range(rows, 1, batch_size);
        if (step + 1 < data_batches_steps(batches)) {
            assert_int_equal(rows, batch_size);
        }
        for (size_t i = 0; i < rows; i++) {
            const long image =
                lroundf(x[i * FEATURES] * 255.0F) + 256 * lroundf(x[i * FEATURES + 1] * 255.0F);
            assert_in_range(image, 0, TRAIN - 1);
            assert_int_equal(labels[i], image % 10);
            assert_true(count < TRAIN);
            order[count++] = (size_t)image;
        }
    }
    return count;
}

static void each_image_comes_once_an_epoch(void **state)
{
    struct data_batches *batches = create(*state, 50, 1, true, 7);
    assert_int_equal(data_batches_steps(batches), 9);
    for (size_t epoch = 0; epoch < 5; epoch++) {
        size_t order[TRAIN];
        bool seen[TRAIN] = {false};
        assert_int_equal(read_epoch(batches, epoch, 50, order), TRAIN);
        for (size_t i = 0; i < TRAIN; i++) {
            assert_false(seen[order[i]]);
            seen[order[i]] = true;
        }
    }
    data_batches_destroy(batches);
}

static size_t matches(const size_t a[TRAIN], const size_t b[TRAIN])
{
    size_t count = 0;
    for (size_t i = 0; i < TRAIN; i++) {
        count += a[i] == b[i];
    }
    return count;
}

static void seed_and_epoch_alone_decide_the_order(void **state)
{
    struct data_batches *batches = create(*state, 50, 1, true, 7);
    struct data_batches *same = create(*state, 100, 1, true, 7);
    struct data_batches *other = create(*state, 50, 1, true, 8);
    size_t first[TRAIN];
    size_t second[TRAIN];
    read_epoch(batches, 0, 50, first);
    read_epoch(batches, 1, 50, second);
    assert_true(matches(first, second) < 20);
    size_t again[TRAIN];
    read_epoch(batches, 0, 50, again);
    assert_int_equal(matches(first, again), TRAIN);
    read_epoch(same, 1, 100, again);
    assert_int_equal(matches(second, again), TRAIN);
    read_epoch(other, 0, 50, again);
    assert_true(matches(first, again) < 20);
    data_batches_destroy(batches);
    data_batches_destroy(same);
    data_batches_destroy(other);
}

static void without_shuffling_all_go_in_file_order(void **state)
{
    struct data_batches *batches = create(*state, 40, 1, false, 7);
    for (size_t epoch = 0; epoch < 2; epoch++) {
        size_t order[TRAIN];
        assert_int_equal(read_epoch(batches, epoch, 40, order), TRAIN);
        for (size_t i = 0; i < TRAIN; i++) {
            assert_int_equal(order[i], i);
        }
    }
    data_batches_destroy(batches);
}

static void an_incomplete_last_batch_needs_enough_images(void **state)
{
    const struct {
        size_t batch_size, least, steps, images;
    } cases[] = {
        {100, 1, 5, 403}, {100, 3, 5, 403},     {100, 4, 4, 400},     {201, 2, 2, 402},
        {201, 1, 3, 403}, {TRAIN, 2, 1, TRAIN}, {10000, 2, 1, TRAIN}, {1, 0, 403, TRAIN},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        struct data_batches *batches = create(*state, cases[i].batch_size, cases[i].least, true, 1);
        size_t order[TRAIN];
        assert_int_equal(data_batches_steps(batches), cases[i].steps);
        assert_int_equal(read_epoch(batches, 0, cases[i].batch_size, order), cases[i].images);
        data_batches_destroy(batches);
    }
}

static void pieces_of_a_batch_are_those_of_the_whole(void **state)
{
    struct data_batches *batches = create(*state, 50, 1, true, 7);
    enum { STRIDE = FEATURES + 3 };
    float whole[50 * FEATURES];
    float pieces[50 * STRIDE];
    uint8_t labels[2][50];
    data_batches_begin(batches, 3);
    data_batches_read(batches, 0, (struct data_piece){2, 0, 50}, whole, FEATURES, labels[0]);
    data_batches_read(batches, 0, (struct data_piece){2, 17, 33}, pieces + (size_t)17 * STRIDE, STRIDE,
                      labels[1] + 17);
    data_batches_read(batches, 0, (struct data_piece){2, 0, 17}, pieces, STRIDE, labels[1]);
    assert_memory_equal(labels[0], labels[1], sizeof labels[0]);
    for (size_t i = 0; i < 50; i++) {
        assert_memory_equal(whole + i * FEATURES, pieces + i * STRIDE, FEATURES * sizeof *whole);
    }
    data_batches_destroy(batches);
}

static void no_batch_at_all_is_refused(void **state)
{
    const struct images *images = *state;
    const struct {
        size_t batch_size, least;
    } cases[] = {{0, 0}, {0, 1}, {1, 2}, {10000, 404}};
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        struct data_batches *batches = NULL;
        struct ep_error error = {0};
        const struct data_batches_options options = {.batch_size = cases[i].batch_size,
                                                     .least = cases[i].least,
                                                     .shuffle = true,
                                                     .seed = 1,
                                                     .readers = 1};
        assert_int_equal(data_batches_create(images->split, &options, &batches, &error), EP_INVALID);
        assert_null(batches);
        assert_true(strlen(error.text) > 0);
    }
    data_batches_destroy(NULL);
}

#define ON_IMAGES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_IMAGES(each_image_comes_once_an_epoch),
        ON_IMAGES(seed_and_epoch_alone_decide_the_order),
        ON_IMAGES(without_shuffling_all_go_in_file_order),
        ON_IMAGES(an_incomplete_last_batch_needs_enough_images),
        ON_IMAGES(pieces_of_a_batch_are_those_of_the_whole),
        ON_IMAGES(no_batch_at_all_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
