#include "core/nn/trainer.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/nn/float_mode.h"

/* A training run. What is per member has nn_bank_members(bank) elements. */
struct run {
    struct nn_bank *bank;
    const struct nn_plan *plan;
    const struct nn_observer *observer;
    struct nn_outcome *outcomes;
    size_t members;
    size_t steps_done; /* mini-batches in all epochs */
    size_t epoch;      /* from 0 */
    bool *training;    /* has not ended yet */
    struct nn_tally *tallies;
    struct nn_epoch *rows; /* of the epoch being measured */
    struct nn_workspace *workspace;
    float *x;        /* (rows of a mini-batch or an evaluation, features) */
    uint8_t *labels; /* (the same rows) */
};

/* What a set measured of one member. */
struct measure {
    double cost, accuracy;
};

static void end_member(struct run *run, size_t member, enum nn_end end)
{
    run->training[member] = false;
    run->outcomes[member].end = end;
    run->outcomes[member].epoch = run->epoch + 1;
}

static bool any_training(const struct run *run)
{
    bool any = false;
    for (size_t g = 0; g < run->members; g++) {
        any = any || run->training[g];
    }
    return any;
}

/* Asks the observer about each member; whether any goes on. */
static bool poll_members(struct run *run)
{
    for (size_t g = 0; g < run->members; g++) {
        if (run->training[g] && run->observer->poll(run->observer->context, g, run->steps_done) == NN_STOP) {
            end_member(run, g, NN_STOPPED);
        }
    }
    return any_training(run);
}

/* One epoch of mini-batches; whether any member goes on. */
static bool train_epoch(struct run *run)
{
    const struct nn_stream *stream = &run->plan->stream;
    stream->begin(stream->context, run->epoch);
    for (size_t step = 0; step < stream->steps; step++) {
        if (!poll_members(run)) {
            return false;
        }
        const size_t rows = stream->read(stream->context, step, run->x, run->labels);
        for (size_t g = 0; g < run->members; g++) {
            if (run->training[g] && !isfinite(nn_bank_step(run->bank, g, run->workspace, run->x, run->labels,
                                                           rows, run->epoch))) {
                end_member(run, g, NN_DIVERGED);
            }
        }
        run->steps_done++;
    }
    return any_training(run);
}

/* Sums over a whole set into the tallies; whether any member goes on. */
static bool evaluate(struct run *run, const struct nn_set *set)
{
    for (size_t g = 0; g < run->members; g++) {
        run->tallies[g] = (struct nn_tally){0};
    }
    for (size_t first = 0; first < set->count; first += NN_EVALUATION_ROWS) {
        if (!poll_members(run)) {
            return false;
        }
        const size_t left = set->count - first;
        const size_t rows = left < NN_EVALUATION_ROWS ? left : NN_EVALUATION_ROWS;
        set->read(set->context, first, rows, run->x, run->labels);
        for (size_t g = 0; g < run->members; g++) {
            if (run->training[g]) {
                nn_bank_evaluate(run->bank, g, run->workspace, run->x, run->labels, rows, &run->tallies[g]);
            }
        }
    }
    return any_training(run);
}

static struct measure measure_of(const struct run *run, size_t member)
{
    const struct nn_tally *tally = &run->tallies[member];
    if (tally->images == 0) {
        return (struct measure){NAN, NAN};
    }
    const double images = (double)tally->images;
    return (struct measure){
        .cost = tally->cross_entropy / images + nn_bank_penalty(run->bank, member),
        .accuracy = (double)tally->correct / images,
    };
}

/* Measures both sets and tells the observer; whether any member goes on. */
static bool report_epoch(struct run *run, double started)
{
    struct nn_epoch *rows = run->rows;
    if (!evaluate(run, &run->plan->train)) {
        return false;
    }
    for (size_t g = 0; g < run->members; g++) {
        const struct measure train = measure_of(run, g);
        rows[g].cost_train = train.cost;
        rows[g].accuracy_train = train.accuracy;
    }
    if (!evaluate(run, &run->plan->validation)) {
        return false;
    }
    const double seconds = ep_clock_seconds() - started;
    for (size_t g = 0; g < run->members; g++) {
        if (!run->training[g]) {
            continue;
        }
        const struct measure validation = measure_of(run, g);
        rows[g].epoch = run->epoch + 1;
        rows[g].eta = nn_eta_at(nn_bank_options(run->bank, g), run->epoch);
        rows[g].cost_validation = validation.cost;
        rows[g].accuracy_validation = validation.accuracy;
        rows[g].seconds = seconds;
        const bool empty = run->plan->validation.count == 0;
        if (!isfinite(rows[g].cost_train) || (!empty && !isfinite(validation.cost))) {
            end_member(run, g, NN_DIVERGED);
        } else {
            run->observer->epoch(run->observer->context, g, &rows[g]);
        }
    }
    return any_training(run);
}

/* Measures those that have done all epochs on the test set. */
static void finish(struct run *run)
{
    if (!evaluate(run, &run->plan->test)) {
        return;
    }
    for (size_t g = 0; g < run->members; g++) {
        if (run->training[g]) {
            const struct measure test = measure_of(run, g);
            end_member(run, g, NN_FINISHED);
            run->outcomes[g].cost_test = test.cost;
            run->outcomes[g].accuracy_test = test.accuracy;
        }
    }
}

static void train(struct run *run)
{
    const struct nn_float_mode mode = nn_float_mode_enter();
    bool going = true;
    for (run->epoch = 0; going && run->epoch < run->plan->epochs; run->epoch++) {
        const double started = ep_clock_seconds();
        going = train_epoch(run) && report_epoch(run, started);
    }
    if (going) {
        run->epoch = run->plan->epochs - 1;
        finish(run);
    }
    nn_float_mode_leave(mode);
}

static enum ep_status prepare(struct run *run, struct ep_error *error)
{
    const size_t most = run->plan->stream.rows_most;
    const size_t rows = most > NN_EVALUATION_ROWS ? most : NN_EVALUATION_ROWS;
    const struct nn_shape *shape = nn_bank_shape(run->bank);
    size_t numbers;
    if (!ep_size_multiply(rows, shape->width[0], &numbers)) {
        return ep_fail(error, EP_TOO_LARGE, "mini-batches of %zu images are more than can be counted", rows);
    }
    run->training = ep_allocate(run->members, sizeof *run->training);
    run->tallies = ep_allocate(run->members, sizeof *run->tallies);
    run->rows = ep_allocate(run->members, sizeof *run->rows);
    run->x = ep_allocate(numbers, sizeof *run->x);
    run->labels = ep_allocate(rows, sizeof *run->labels);
    if (run->training == NULL || run->tallies == NULL || run->rows == NULL || run->x == NULL ||
        run->labels == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for mini-batches of %zu images", rows);
    }
    for (size_t g = 0; g < run->members; g++) {
        run->training[g] = true;
        run->outcomes[g] = (struct nn_outcome){.cost_test = NAN, .accuracy_test = NAN};
    }
    return nn_workspace_create(shape, rows, run->plan->gemm, &run->workspace, error);
}

enum ep_status nn_train(struct nn_bank *bank, const struct nn_plan *plan, const struct nn_observer *observer,
                        struct nn_outcome *outcomes, struct ep_error *error)
{
    struct run run = {
        .bank = bank,
        .plan = plan,
        .observer = observer,
        .outcomes = outcomes,
        .members = nn_bank_members(bank),
    };
    const enum ep_status status = prepare(&run, error);
    if (status == EP_OK) {
        train(&run);
    }
    free(run.training);
    free(run.tallies);
    free(run.rows);
    free(run.x);
    free(run.labels);
    nn_workspace_destroy(run.workspace);
    return status;
}
