/* A run that is moved to another one, as into another process, ends as if it had never stopped. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/macros.h"
#include "tests/unit/nn/clouds.h"

enum { MEMBERS = 3, STATE_MOST = 1 << 16 };

/* What is to be told of a run. */
struct record {
    size_t rows[MEMBERS];
    struct nn_epoch last[MEMBERS];
    struct nn_outcome outcomes[MEMBERS];
    nn_real parameters[MEMBERS][256];
    nn_real statistics[MEMBERS][64];
    size_t asked, park_at; /* whether to park; when */
};

struct kept {
    unsigned char bytes[STATE_MOST];
    size_t length, at;
    size_t pieces, left_out; /* the piece that is not restored; SIZE_MAX: none */
};

static bool save(void *context, void *bytes, size_t count)
{
    struct kept *kept = context;
    if (count > STATE_MOST - kept->length) {
        return false;
    }
    memcpy(kept->bytes + kept->length, bytes, count);
    kept->length += count;
    kept->pieces++;
    return true;
}

static bool restore(void *context, void *bytes, size_t count)
{
    struct kept *kept = context;
    if (count > kept->length - kept->at) {
        return false;
    }
    if (kept->pieces++ != kept->left_out) {
        memcpy(bytes, kept->bytes + kept->at, count);
    }
    kept->at += count;
    return true;
}

static enum nn_verdict poll(void *context, size_t member, size_t steps_done)
{
    (void)context;
    return member == 1 && steps_done >= 30 ? NN_STOP : NN_GO_ON;
}

static void on_epoch(void *context, size_t member, const struct nn_epoch *row)
{
    struct record *record = context;
    record->rows[member]++;
    record->last[member] = *row;
}

static bool parks(void *context, size_t steps_done)
{
    struct record *record = context;
    (void)steps_done;
    return record->asked++ == record->park_at;
}

static const struct nn_observer observer_of_none = {.poll = poll, .epoch = on_epoch, .parks = parks};

/* A bank and a run of it. */
struct pair {
    struct nn_gemm *gemm;
    struct nn_bank *bank;
    struct nn_training *training;
    size_t current;
};

static void make(struct pair *pair, const struct nn_shape *shape, const struct nn_member_options *options,
                 size_t threads, struct record *record)
{
    const struct nn_plan plan = {
        .gemm = pair->gemm,
        .epochs = EPOCHS,
        .threads = threads,
        .patience = 1,
        .watch = NN_WATCH_COST,
        .stream = {.context = &pair->current,
                   .steps = STEPS,
                   .rows_most = BATCH,
                   .begin = begin,
                   .rows = batch_rows,
                   .read = read_batch},
        .train = {.context = &train_offset, .count = COUNT, .read = read_set},
        .validation = {.context = &validation_offset, .count = 300, .read = read_set},
        .test = {.context = &test_offset, .count = 300, .read = read_set},
    };
    assert_int_equal(nn_bank_create(shape, options, MEMBERS, &pair->bank, NULL), EP_OK);
    assert_int_equal(nn_training_create(pair->bank, &plan, record->outcomes, &pair->training, NULL), EP_OK);
}

static void drop(struct pair *pair)
{
    nn_training_destroy(pair->training);
    nn_bank_destroy(pair->bank);
}

/* Runs to the end; where `park_at` says so the run is moved into a new one. Whether it could be. */
static bool run(const struct nn_shape *shape, const struct nn_member_options *options, size_t threads,
                size_t park_at, struct kept *kept, struct record *record)
{
    struct nn_observer observer = observer_of_none;
    struct pair pair = {.gemm = NULL};
    bool moved = true;
    *record = (struct record){.park_at = park_at};
    observer.context = record;
    assert_int_equal(nn_gemm_create(NN_GEMM_AUTO, &pair.gemm, NULL), EP_OK);
    make(&pair, shape, options, threads, record);
    if (!nn_training_run(pair.training, &observer)) {
        const struct nn_state saving = {kept, save};
        const struct nn_state restoring = {kept, restore};
        kept->length = kept->at = 0;
        assert_true(nn_training_move_state(pair.training, &saving));
        drop(&pair);
        memset(record->outcomes, 0, sizeof record->outcomes);
        pair.current = 0;
        kept->pieces = 0;
        make(&pair, shape, options, threads, record);
        moved = nn_training_move_state(pair.training, &restoring);
        assert_true(!moved || kept->at == kept->length);
        while (moved && !nn_training_run(pair.training, &observer)) {
        }
    }
    for (size_t g = 0; g < MEMBERS; g++) {
        nn_bank_read(pair.bank, g, record->parameters[g], record->statistics[g]);
    }
    drop(&pair);
    nn_gemm_destroy(pair.gemm);
    return moved;
}

static bool same_numbers(const nn_real *a, const nn_real *b, size_t count)
{
    bool equal = true;
    for (size_t i = 0; i < count; i++) {
        equal = equal && (a[i] == b[i] || (isnan(a[i]) && isnan(b[i])));
    }
    return equal;
}

static bool same(const struct record *a, const struct record *b)
{
    bool equal = memcmp(a->rows, b->rows, sizeof a->rows) == 0;
    for (size_t g = 0; g < MEMBERS; g++) {
        const struct nn_outcome *x = &a->outcomes[g];
        const struct nn_outcome *y = &b->outcomes[g];
        equal = equal && same_numbers(a->parameters[g], b->parameters[g], EP_COUNT(a->parameters[g])) &&
                same_numbers(a->statistics[g], b->statistics[g], EP_COUNT(a->statistics[g]));
        equal = equal && x->end == y->end && x->epoch == y->epoch && x->best_epoch == y->best_epoch &&
                (x->cost_test == y->cost_test || (isnan(x->cost_test) && isnan(y->cost_test))) &&
                a->last[g].cost_train == b->last[g].cost_train && a->last[g].eta == b->last[g].eta;
    }
    return equal;
}

static const struct nn_member_options plain = {.eta = 0.05,
                                               .lambda = 1e-4,
                                               .momentum = 0.9,
                                               .decay_every = 2,
                                               .decay_factor = 0.5,
                                               .epochs = EPOCHS,
                                               .seed = 1};

/* Loses patience. */
static const struct nn_member_options hasty = {.eta = 0.9,
                                               .momentum = 0.9,
                                               .schedule = NN_CONSTANT,
                                               .epochs = EPOCHS,
                                               .decay_every = 2,
                                               .decay_factor = 0.5,
                                               .seed = 1};

static void assert_moves_anywhere(const struct nn_shape *shape, const struct nn_member_options *options,
                                  size_t threads)
{
    struct kept *kept = calloc(1, sizeof *kept);
    struct record *expected = calloc(2, sizeof *expected);
    assert_non_null(kept);
    assert_non_null(expected);
    kept->left_out = SIZE_MAX;
    assert_true(run(shape, options, threads, SIZE_MAX, kept, &expected[0]));
    const size_t last = expected[0].asked;
    /* The first mini-batch, within the first epoch, its evaluations, the next epoch, …, the test. */
    for (size_t at = 0; at < last; at = at < 40 ? at + 13 : at + 31) {
        assert_true(run(shape, options, threads, at, kept, &expected[1]));
        assert_true(same(&expected[0], &expected[1]));
    }
    assert_true(run(shape, options, threads, last - 1, kept, &expected[1]));
    assert_true(same(&expected[0], &expected[1]));
    free(kept);
    free(expected);
}

static void a_moved_run_ends_as_one_that_was_not(void **state)
{
    (void)state;
    struct nn_shape shape = {.layers = 3, .width = {FEATURES, 8, 6, CLASSES}};
    struct nn_member_options options[MEMBERS] = {plain, plain, plain};
    options[2] = hasty;
    assert_moves_anywhere(&shape, options, 1);
    shape.batch_norm = shape.scale_shift = true;
    options[0].nesterov = true;
    options[0].dropout = 0.2;
    options[1].schedule = NN_COSINE;
    assert_moves_anywhere(&shape, options, 2);
    for (size_t g = 0; g < MEMBERS; g++) {
        options[g].optimizer = NN_ADAM;
        options[g].beta1 = 0.9;
        options[g].beta2 = 0.999;
        options[g].epsilon = 1e-8;
        options[g].schedule = NN_TRIANGULAR;
    }
    assert_moves_anywhere(&shape, options, 1);
}

/* Each piece matters: without it the run ends otherwise, or cannot go on. */
static void nothing_of_the_state_can_be_left_out(void **state)
{
    (void)state;
    const struct nn_shape shape = {.layers = 2, .width = {FEATURES, 8, CLASSES}, .batch_norm = true};
    struct nn_member_options options[MEMBERS] = {plain, plain, plain};
    struct kept *kept = calloc(1, sizeof *kept);
    struct record *records = calloc(2, sizeof *records);
    assert_non_null(kept);
    assert_non_null(records);
    options[2] = hasty;
    kept->left_out = SIZE_MAX;
    assert_true(run(&shape, options, 1, SIZE_MAX, kept, &records[0]));
    bool matters[64] = {false};
    size_t pieces = 0;
    for (size_t at = 10; at < records[0].asked; at += 16) {
        kept->left_out = SIZE_MAX;
        assert_true(run(&shape, options, 1, at, kept, &records[1]));
        pieces = kept->pieces;
        assert_true(pieces < EP_COUNT(matters));
        for (size_t piece = 0; piece < pieces; piece++) {
            kept->left_out = piece;
            matters[piece] = !run(&shape, options, 1, at, kept, &records[1]) ||
                             !same(&records[0], &records[1]) || matters[piece];
        }
    }
    /* The position and the bank's four; of each member its end, whether it waits for its test, and its best's
     * four. */
    enum { SHARED = 5, EACH = 6 };
    assert_int_equal(pieces, SHARED + MEMBERS * EACH);
    for (size_t piece = 0; piece < SHARED; piece++) {
        assert_true(matters[piece]);
    }
    assert_true(matters[SHARED + 1 * EACH]); /* the second was stopped */
    for (size_t piece = 0; piece < EACH; piece++) {
        /* The first gets better all the time, which its best value shows; the third does not. */
        const size_t member = piece == 3 ? 0 : 2;
        if (!matters[SHARED + member * EACH + piece]) {
            fail_msg("piece %zu of member %zu", piece, member);
        }
    }
    free(kept);
    free(records);
}

static void a_state_of_another_run_is_refused(void **state)
{
    (void)state;
    const struct nn_shape shape = {.layers = 2, .width = {FEATURES, 8, CLASSES}, .batch_norm = true};
    const struct nn_member_options options[MEMBERS] = {plain, plain, plain};
    struct record *record = calloc(1, sizeof *record);
    struct kept *kept = calloc(1, sizeof *kept);
    assert_non_null(record);
    assert_non_null(kept);
    kept->left_out = SIZE_MAX;
    memset(kept->bytes, 0xff, sizeof kept->bytes);
    kept->length = sizeof kept->bytes;
    struct pair pair = {.gemm = NULL};
    const struct nn_state restoring = {kept, restore};
    assert_int_equal(nn_gemm_create(NN_GEMM_AUTO, &pair.gemm, NULL), EP_OK);
    make(&pair, &shape, options, 1, record);
    assert_false(nn_training_move_state(pair.training, &restoring));
    drop(&pair);
    make(&pair, &shape, options, 1, record);
    kept->length = 100; /* cut short */
    kept->at = 0;
    assert_false(nn_training_move_state(pair.training, &restoring));
    drop(&pair);
    nn_gemm_destroy(pair.gemm);
    free(record);
    free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moved_run_ends_as_one_that_was_not),
        cmocka_unit_test(nothing_of_the_state_can_be_left_out),
        cmocka_unit_test(a_state_of_another_run_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
