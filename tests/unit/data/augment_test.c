/* Augmentation: what a move does to an image, worked by hand, and how moves are drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/macros.h"
#include "core/data/augment.h"
#include "core/data/batches.h"

/* Two planes of two rows of three pixels. */
static const struct data_info info = {.height = 2, .width = 3, .channels = 2, .features = 12};
static const uint8_t image[] = {1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16};

static void moves_worked_by_hand(void **state)
{
    (void)state;
    static const struct {
        struct data_move move;
        uint8_t expected[12];
    } cases[] = {
        {{false, 0, 0}, {1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16}},
        {{true, 0, 0}, {3, 2, 1, 6, 5, 4, 13, 12, 11, 16, 15, 14}},
        {{false, 0, 1}, {0, 1, 2, 0, 4, 5, 0, 11, 12, 0, 14, 15}},
        {{false, 0, -2}, {3, 0, 0, 6, 0, 0, 13, 0, 0, 16, 0, 0}},
        {{false, 1, 0}, {0, 0, 0, 1, 2, 3, 0, 0, 0, 11, 12, 13}},
        {{false, -1, 0}, {4, 5, 6, 0, 0, 0, 14, 15, 16, 0, 0, 0}},
        {{true, -1, 1}, {0, 6, 5, 0, 0, 0, 0, 16, 15, 0, 0, 0}},
        {{false, 2, 0}, {0}},
        {{false, 0, 8}, {0}},
        {{true, -8, -8}, {0}},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        uint8_t moved[sizeof image];
        memset(moved, 99, sizeof moved);
        data_augment_apply(&info, cases[i].move, image, moved);
        assert_memory_equal(moved, cases[i].expected, sizeof moved);
    }
}

static void moves_are_drawn_evenly(void **state)
{
    (void)state;
    enum { DRAWS = 20000, SHIFT = 2, PLACES = 2 * SHIFT + 1 };
    const struct data_augment augment = {.flip = true, .shift = SHIFT};
    int flips = 0;
    int places[PLACES][PLACES] = {{0}};
    for (uint32_t i = 0; i < DRAWS; i++) {
        const struct data_move move = data_augment_draw(&augment, 5, 3, i);
        assert_in_range(move.down + SHIFT, 0, PLACES - 1);
        assert_in_range(move.right + SHIFT, 0, PLACES - 1);
        flips += move.flip;
        places[move.down + SHIFT][move.right + SHIFT]++;
    }
    /* Six standard deviations of the binomial distributions: 10 000 ± 424 and 800 ± 167. */
    assert_in_range(flips, 9576, 10424);
    for (size_t i = 0; i < (size_t)PLACES * PLACES; i++) {
        assert_in_range(places[i / PLACES][i % PLACES], 633, 967);
    }
}

static bool same_move(struct data_move a, struct data_move b)
{
    return a.flip == b.flip && a.down == b.down && a.right == b.right;
}

/* How many of 200 images move in the same way under two seeds and epochs. */
static int count_same(uint64_t seed, size_t epoch)
{
    const struct data_augment augment = {.flip = true, .shift = DATA_SHIFT_MAX};
    int same = 0;
    for (uint32_t i = 0; i < 200; i++) {
        same += same_move(data_augment_draw(&augment, 1, 0, i), data_augment_draw(&augment, seed, epoch, i));
    }
    return same;
}

static void moves_depend_on_seed_and_epoch_only(void **state)
{
    (void)state;
    assert_int_equal(count_same(1, 0), 200);
    assert_in_range(count_same(2, 0), 0, 10);
    assert_in_range(count_same(1, 1), 0, 10);
    const struct data_augment nothing = {.flip = false};
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(same_move(data_augment_draw(&nothing, 1, 0, i), (struct data_move){.flip = false}));
    }
}

enum { IMAGES = 40 };

/* Reads epoch `epoch` in mini-batches of `batch_size`, by image: the first pixel is its number. */
static void read_epoch(const struct data_split *split, size_t batch_size, size_t epoch, float *x)
{
    const struct data_batches_options options = {.batch_size = batch_size,
                                                 .shuffle = batch_size > 1,
                                                 .augment = {.flip = true},
                                                 .seed = 4,
                                                 .readers = 2};
    struct data_batches *batches = NULL;
    assert_int_equal(data_batches_create(split, &options, &batches, NULL), EP_OK);
    data_batches_begin(batches, epoch);
    for (size_t step = 0; step < data_batches_steps(batches); step++) {
        float read[IMAGES * 2];
        uint8_t labels[IMAGES];
        const size_t rows = data_batches_rows(batches, step);
        const struct data_piece first = {.step = step, .first = 0, .rows = rows / 2};
        const struct data_piece rest = {.step = step, .first = rows / 2, .rows = rows - rows / 2};
        data_batches_read(batches, 0, first, read, 2, labels);
        data_batches_read(batches, 1, rest, read + first.rows * 2, 2, labels + first.rows);
        for (size_t i = 0; i < rows; i++) {
            memcpy(x + (size_t)labels[i] * 2, read + i * 2, 2 * sizeof(float));
        }
    }
    data_batches_destroy(batches);
}

static void an_image_moves_alike_in_batches_of_any_size(void **state)
{
    (void)state;
    static uint8_t pixels[IMAGES * 2];
    static uint8_t labels[IMAGES];
    for (size_t i = 0; i < IMAGES; i++) {
        pixels[2 * i] = 255;
        labels[i] = (uint8_t)i;
    }
    const struct data_set set = {
        .info = {.name = "pairs", .height = 1, .width = 2, .channels = 1, .features = 2},
        .train = {.count = IMAGES, .pixels = pixels, .labels = labels},
    };
    struct data_split *split = NULL;
    assert_int_equal(data_split_create(&set, IMAGES, 0, DATA_NORMALIZE_NONE, &split, NULL), EP_OK);
    float one[IMAGES * 2];
    float seven[IMAGES * 2];
    float later[IMAGES * 2];
    read_epoch(split, 1, 0, one);
    read_epoch(split, 7, 0, seven);
    read_epoch(split, 7, 1, later);
    assert_memory_equal(one, seven, sizeof one);
    assert_memory_not_equal(one, later, sizeof one);
    size_t flipped = 0;
    for (size_t i = 0; i < IMAGES; i++) {
        assert_true(one[2 * i] + one[2 * i + 1] == 1);
        flipped += one[2 * i] == 0;
    }
    assert_in_range(flipped, 5, 35);
    data_split_destroy(split);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_worked_by_hand),
        cmocka_unit_test(moves_are_drawn_evenly),
        cmocka_unit_test(moves_depend_on_seed_and_epoch_only),
        cmocka_unit_test(an_image_moves_alike_in_batches_of_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
