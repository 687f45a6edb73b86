/* The trainer: what it tells its observer, where it stops, and that training learns. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/macros.h"
#include "tests/unit/nn/clouds.h"

struct witness {
    size_t stop_at[2]; /* mini-batches after which a member is stopped */
    size_t epochs[2];  /* rows seen */
    struct nn_epoch first[2], last[2];
    size_t latest_step; /* of all polls */
    size_t park_every;  /* times that the run may go on before it is parked; 0: never */
    size_t asked;       /* whether to park */
    size_t parked;      /* times */
};

static enum nn_verdict poll(void *context, size_t member, size_t steps_done)
{
    struct witness *witness = context;
    witness->latest_step = steps_done;
    return steps_done >= witness->stop_at[member] ? NN_STOP : NN_GO_ON;
}

static void epoch(void *context, size_t member, const struct nn_epoch *row)
{
    struct witness *witness = context;
    if (witness->epochs[member] == 0) {
        witness->first[member] = *row;
    }
    witness->epochs[member]++;
    assert_int_equal(row->epoch, witness->epochs[member]);
    witness->last[member] = *row;
}

static bool parks(void *context, size_t steps_done)
{
    struct witness *witness = context;
    (void)steps_done;
    witness->asked++;
    return witness->park_every > 0 && witness->asked % witness->park_every == 0;
}

static const struct nn_shape shape = {.layers = 2, .width = {FEATURES, 8, CLASSES}, .batch_norm = true};
static const struct nn_member_options good = {
    .eta = 0.05, .lambda = 1e-4, .momentum = 0.9, .decay_every = 2, .decay_factor = 0.5, .seed = 1};

/* How a run differs from the usual one. */
struct twist {
    size_t threads; /* 0: one */
    size_t patience;
    enum nn_watch watch;
    size_t epochs; /* 0: EPOCHS */
    size_t (*threads_now)(void *context);
    struct nn_bank **bank; /* where to leave it; NULL: it is destroyed */
};

static void run_twisted(const struct nn_member_options *options, size_t members, size_t validation,
                        const struct twist *twist, struct witness *witness, struct nn_outcome *outcomes)
{
    size_t current = 0;
    struct nn_gemm *gemm = NULL;
    assert_int_equal(nn_gemm_create(NN_GEMM_AUTO, &gemm, NULL), EP_OK);
    const struct nn_plan plan = {
        .gemm = gemm,
        .epochs = twist->epochs > 0 ? twist->epochs : EPOCHS,
        .threads = twist->threads > 0 ? twist->threads : 1,
        .patience = twist->patience,
        .watch = twist->watch,
        .stream = {.context = &current,
                   .steps = STEPS,
                   .rows_most = BATCH,
                   .begin = begin,
                   .rows = batch_rows,
                   .read = read_batch},
        .train = {.context = &train_offset, .count = COUNT, .read = read_set},
        .validation = {.context = &validation_offset, .count = validation, .read = read_set},
        .test = {.context = &test_offset, .count = 1100, .read = read_set},
    };
    const struct nn_observer observer = {
        .context = witness, .poll = poll, .epoch = epoch, .threads = twist->threads_now, .parks = parks};
    struct nn_bank *bank = NULL;
    struct nn_training *training = NULL;
    struct ep_error error = {0};
    assert_int_equal(nn_bank_create(&shape, options, members, &bank, &error), EP_OK);
    assert_int_equal(nn_training_create(bank, &plan, outcomes, &training, &error), EP_OK);
    while (!nn_training_run(training, &observer)) {
        witness->parked++;
    }
    nn_training_destroy(training);
    if (twist->bank != NULL) {
        *twist->bank = bank;
    } else {
        nn_bank_destroy(bank);
    }
    nn_gemm_destroy(gemm);
}

static void run(const struct nn_member_options *options, size_t members, size_t validation,
                struct witness *witness, struct nn_outcome *outcomes)
{
    const struct twist none = {0};
    for (size_t g = 0; g < members; g++) {
        outcomes[g].confusion = NULL;
    }
    run_twisted(options, members, validation, &none, witness, outcomes);
}

static struct witness never_stop(void)
{
    return (struct witness){.stop_at = {SIZE_MAX, SIZE_MAX}};
}

static void training_learns_and_reports_each_epoch(void **state)
{
    (void)state;
    struct witness witness = never_stop();
    struct nn_outcome outcome = {.confusion = NULL};
    run(&good, 1, 300, &witness, &outcome);
    assert_int_equal(outcome.end, NN_FINISHED);
    assert_int_equal(outcome.epoch, EPOCHS);
    assert_true(outcome.accuracy_test > 0.9);
    assert_true(isfinite(outcome.cost_test));
    assert_int_equal(witness.epochs[0], EPOCHS);
    assert_int_equal(witness.latest_step, EPOCHS * STEPS);
    assert_true(witness.last[0].cost_train < witness.first[0].cost_train);
    assert_true(witness.last[0].accuracy_validation > 0.9);
    assert_true(fabs(witness.last[0].eta - 0.05 * 0.25) < 1e-12);
    assert_true(witness.last[0].seconds > 0);
}

static void assert_same_row(const struct nn_epoch *a, const struct nn_epoch *b)
{
    assert_int_equal(a->epoch, b->epoch);
    assert_true(a->cost_train == b->cost_train && a->cost_validation == b->cost_validation);
    assert_true(a->accuracy_train == b->accuracy_train && a->accuracy_validation == b->accuracy_validation);
}

/* Wherever it stands still: among mini-batches, in an evaluation, in the test. */
static void a_run_that_stands_still_ends_as_one_that_does_not(void **state)
{
    (void)state;
    const struct nn_member_options options[] = {good, good};
    for (size_t threads = 1; threads <= 2; threads++) {
        for (size_t every = 2; every <= 7; every += 5) {
            struct witness steady = never_stop();
            struct witness parked = never_stop();
            struct nn_outcome expected[2] = {{.confusion = NULL}, {.confusion = NULL}};
            struct nn_outcome outcomes[2] = {{.confusion = NULL}, {.confusion = NULL}};
            const struct twist twist = {.threads = threads, .patience = 2, .epochs = 3};
            parked.park_every = every;
            run_twisted(options, 2, 300, &twist, &steady, expected);
            run_twisted(options, 2, 300, &twist, &parked, outcomes);
            assert_int_equal(steady.parked, 0);
            assert_true(parked.parked > 4);
            for (size_t g = 0; g < 2; g++) {
                assert_int_equal(outcomes[g].end, expected[g].end);
                assert_int_equal(outcomes[g].epoch, expected[g].epoch);
                assert_int_equal(outcomes[g].best_epoch, expected[g].best_epoch);
                assert_true(outcomes[g].cost_test == expected[g].cost_test);
                assert_int_equal(parked.epochs[g], steady.epochs[g]);
                assert_same_row(&parked.first[g], &steady.first[g]);
                assert_same_row(&parked.last[g], &steady.last[g]);
            }
        }
    }
}

static void without_validation_images_there_are_no_validation_values(void **state)
{
    (void)state;
    struct witness witness = never_stop();
    struct nn_outcome outcome = {.confusion = NULL};
    run(&good, 1, 0, &witness, &outcome);
    assert_int_equal(outcome.end, NN_FINISHED);
    assert_true(isnan(witness.last[0].cost_validation));
    assert_true(isnan(witness.last[0].accuracy_validation));
}

static void a_stop_comes_into_force_before_the_next_mini_batch(void **state)
{
    (void)state;
    const size_t stops[] = {0, 1, STEPS - 1, STEPS, STEPS + 7, (size_t)EPOCHS * STEPS};
    for (size_t i = 0; i < 20 * EP_COUNT(stops); i++) {
        const size_t stop = stops[i % EP_COUNT(stops)];
        struct witness witness = {.stop_at = {stop, SIZE_MAX}};
        struct nn_outcome outcome = {.confusion = NULL};
        const struct twist twist = {.threads = 1 + i % 3};
        run_twisted(&good, 1, 300, &twist, &witness, &outcome);
        assert_int_equal(outcome.end, NN_STOPPED);
        assert_int_equal(witness.latest_step, stop);
        assert_true(isnan(outcome.accuracy_test));
        const size_t whole = stop == 0 ? 0 : (stop - 1) / STEPS;
        assert_int_equal(witness.epochs[0], whole);
    }
}

static void a_member_that_diverges_ends_alone(void **state)
{
    (void)state;
    struct nn_member_options members[2] = {good, good};
    struct nn_outcome outcomes[2] = {{.confusion = NULL}, {.confusion = NULL}};
    struct witness witness = never_stop();
    members[0].eta = 1e38;
    run(members, 2, 300, &witness, outcomes);
    assert_int_equal(outcomes[0].end, NN_DIVERGED);
    assert_int_equal(outcomes[0].epoch, 1);
    assert_int_equal(witness.epochs[0], 0);
    assert_int_equal(outcomes[1].end, NN_FINISHED);
    const double together = witness.last[1].cost_train;

    witness = never_stop();
    run(&good, 1, 300, &witness, outcomes);
    assert_true(witness.last[0].cost_train == together);
}

static void a_member_that_is_stopped_leaves_the_others_training(void **state)
{
    (void)state;
    const struct nn_member_options members[2] = {good, good};
    struct witness witness = {.stop_at = {30, SIZE_MAX}};
    struct nn_outcome outcomes[2] = {{.confusion = NULL}, {.confusion = NULL}};
    run(members, 2, 300, &witness, outcomes);
    assert_int_equal(outcomes[0].end, NN_STOPPED);
    assert_int_equal(outcomes[0].epoch, 2);
    assert_int_equal(outcomes[1].end, NN_FINISHED);
    assert_int_equal(witness.epochs[1], EPOCHS);
}

/* Switches the number of threads from epoch to epoch. */
static size_t one_two_three(void *context)
{
    const struct witness *witness = context;
    return witness->epochs[0] % 3 + 1;
}

static void costs_and_networks_do_not_depend_on_threads(void **state)
{
    (void)state;
    const struct twist twists[] = {
        {.threads = 1},
        {.threads = 2},
        {.threads = 3},
        {.threads = 5},
        {.threads = 3, .threads_now = one_two_three},
    };
    struct nn_epoch first = {0};
    float expected[200];
    for (size_t i = 0; i < EP_COUNT(twists); i++) {
        struct nn_bank *bank = NULL;
        struct twist twist = twists[i];
        struct witness witness = never_stop();
        struct nn_outcome outcome = {.confusion = NULL};
        float got[200] = {0};
        float statistics[200];
        twist.bank = &bank;
        run_twisted(&good, 1, 330, &twist, &witness, &outcome);
        nn_bank_read(bank, 0, got, statistics);
        nn_bank_destroy(bank);
        witness.last[0].seconds = 0;
        if (i == 0) {
            first = witness.last[0];
            memcpy(expected, got, sizeof expected);
        }
        assert_memory_equal(&witness.last[0], &first, sizeof first);
        assert_memory_equal(got, expected, sizeof got);
    }
}

static void the_confusion_matrix_counts_every_test_image_once(void **state)
{
    (void)state;
    uint64_t confusion[CLASSES * CLASSES];
    struct witness witness = never_stop();
    struct nn_outcome outcome = {.confusion = confusion};
    const struct twist twist = {.threads = 2};
    run_twisted(&good, 1, 0, &twist, &witness, &outcome);
    uint64_t right = 0;
    for (size_t label = 0; label < CLASSES; label++) {
        uint64_t images = 0;
        for (size_t guess = 0; guess < CLASSES; guess++) {
            images += confusion[label * CLASSES + guess];
        }
        assert_in_range(images, 366, 367); /* 1100 images, labels in turn */
        right += confusion[label * CLASSES + label];
    }
    assert_true(outcome.accuracy_test == (double)right / 1100);
}

/* With so large a learning rate that it gets worse soon. */
static const struct nn_member_options hasty = {
    .eta = 0.9, .momentum = 0.9, .schedule = NN_CONSTANT, .seed = 1};

static void training_stops_when_patience_is_lost_and_keeps_the_best_network(void **state)
{
    (void)state;
    for (unsigned watch = NN_WATCH_COST; watch <= NN_WATCH_ACCURACY; watch++) {
        struct nn_bank *stopped = NULL;
        struct nn_bank *short_run = NULL;
        struct witness witness = never_stop();
        struct nn_outcome outcome = {.confusion = NULL};
        const struct twist twist = {
            .patience = 3, .watch = (enum nn_watch)watch, .epochs = 40, .bank = &stopped};
        run_twisted(&hasty, 1, 300, &twist, &witness, &outcome);
        assert_int_equal(outcome.end, NN_FINISHED);
        assert_true(outcome.epoch < 40);
        assert_int_equal(outcome.epoch, outcome.best_epoch + 3);
        assert_int_equal(witness.epochs[0], outcome.epoch);

        struct nn_outcome until_best = {.confusion = NULL};
        const struct twist end_there = {.epochs = outcome.best_epoch, .bank = &short_run};
        witness = never_stop();
        run_twisted(&hasty, 1, 300, &end_there, &witness, &until_best);
        float kept[2][200] = {{0}};
        float averages[2][200] = {{0}};
        nn_bank_read(stopped, 0, kept[0], averages[0]);
        nn_bank_read(short_run, 0, kept[1], averages[1]);
        assert_memory_equal(kept[0], kept[1], sizeof kept[0]);
        assert_memory_equal(averages[0], averages[1], sizeof averages[0]);
        assert_true(outcome.accuracy_test == until_best.accuracy_test);
        nn_bank_destroy(stopped);
        nn_bank_destroy(short_run);
    }
}

static void a_member_that_stops_early_leaves_the_others_training(void **state)
{
    (void)state;
    const struct nn_member_options members[2] = {good, hasty};
    struct witness witness = never_stop();
    struct nn_outcome outcomes[2] = {{.confusion = NULL}, {.confusion = NULL}};
    const struct twist twist = {.patience = 3, .threads = 2, .epochs = 40};
    run_twisted(members, 2, 300, &twist, &witness, outcomes);
    assert_int_equal(outcomes[0].end, NN_FINISHED);
    assert_int_equal(outcomes[1].end, NN_FINISHED);
    assert_true(outcomes[0].epoch < outcomes[1].epoch);
    assert_true(isfinite(outcomes[0].cost_test) && isfinite(outcomes[1].cost_test));
    const double together = outcomes[1].cost_test;
    witness = never_stop();
    run_twisted(&hasty, 1, 300, &twist, &witness, outcomes);
    assert_true(outcomes[0].cost_test == together);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_learns_and_reports_each_epoch),
        cmocka_unit_test(a_run_that_stands_still_ends_as_one_that_does_not),
        cmocka_unit_test(without_validation_images_there_are_no_validation_values),
        cmocka_unit_test(a_stop_comes_into_force_before_the_next_mini_batch),
        cmocka_unit_test(a_member_that_diverges_ends_alone),
        cmocka_unit_test(a_member_that_is_stopped_leaves_the_others_training),
        cmocka_unit_test(costs_and_networks_do_not_depend_on_threads),
        cmocka_unit_test(the_confusion_matrix_counts_every_test_image_once),
        cmocka_unit_test(training_stops_when_patience_is_lost_and_keeps_the_best_network),
        cmocka_unit_test(a_member_that_stops_early_leaves_the_others_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
