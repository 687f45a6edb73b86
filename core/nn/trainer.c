#include "core/nn/trainer.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/nn/evaluation.h"
#include "core/nn/float_mode.h"
#include "core/nn/trainer_object.h"

static void end_member(struct nn_training *run, size_t member, enum nn_end end)
{
    nn_bank_retire(run->bank, member);
    run->waiting[member] = false;
    run->wanted[member] = false;
    run->outcomes[member].end = end;
    run->outcomes[member].epoch = run->epoch + 1;
    if (run->observer->ended != NULL) {
        run->observer->ended(run->observer->context, member, &run->outcomes[member]);
    }
}

/* Asks the observer about the run and about each member that is not at its end; whether any goes on now. */
static bool poll_members(void *context)
{
    struct nn_training *run = context;
    const struct nn_observer *observer = run->observer;
    bool any = false;
    run->parked = observer->parks != NULL && observer->parks(observer->context, run->steps_done);
    if (run->parked) {
        return false;
    }
    for (size_t g = 0; g < run->members; g++) {
        const bool alive = nn_bank_trains(run->bank, g) || run->waiting[g];
        if (!alive) {
            continue;
        }
        if (observer->poll(observer->context, g, run->steps_done) == NN_STOP) {
            end_member(run, g, NN_STOPPED);
        } else {
            any = any || nn_bank_trains(run->bank, g) || run->wanted[g];
        }
    }
    return any;
}

static void end_diverged(struct nn_training *run)
{
    for (size_t g = 0; g < run->members; g++) {
        if (nn_bank_trains(run->bank, g) && !isfinite(run->costs[g])) {
            end_member(run, g, NN_DIVERGED);
        }
    }
}

/* Reads this thread's share of a mini-batch; to be rounded, a few whole pairs of images at a time. */
static void read_share(const struct nn_training *run, size_t step, size_t rows, const struct nn_part *part)
{
    const struct nn_stream *stream = &run->plan.stream;
    const struct nn_shape *shape = nn_bank_shape(run->bank);
    const struct nn_matrix x = {run->x, nn_stride(shape->width[0])};
    const size_t grain = shape->bf16 ? 2 : 1;
    const struct nn_span mine = nn_span_of(part, (rows + grain - 1) / grain);
    const size_t last = mine.last * grain < rows ? mine.last * grain : rows;
    const size_t most = shape->bf16 ? NN_ROUNDED_ROWS : rows;
    for (size_t first = mine.first * grain; first < last; first += most) {
        const size_t count = last - first < most ? last - first : most;
        const struct nn_matrix to = nn_part_of(x, shape->bf16 ? part->index * most : first, 0);
        stream->read(stream->context, part->index, step, first, count, to, run->labels + first);
        if (shape->bf16) {
            nn_workspace_take(run->workspace, nn_const(to), first, count, shape->width[0]);
        }
    }
}

/*
 * One mini-batch, shared by the team; whether it was done. `going` is only read between the first two
 * meetings: part 0 writes it for the next mini-batch as soon as this one's last meeting is over.
 */
static bool train_step(struct nn_training *run, size_t step, const struct nn_part *part)
{
    const struct nn_stream *stream = &run->plan.stream;
    const struct nn_matrix x = {run->x, nn_stride(nn_bank_shape(run->bank)->width[0])};
    if (part->index == 0) {
        run->going = poll_members(run);
    }
    nn_meet(part);
    if (!run->going) {
        return false;
    }
    const struct nn_batch batch = {
        .x = nn_const(x), .labels = run->labels, .rows = stream->rows(stream->context, step)};
    read_share(run, step, batch.rows, part);
    nn_meet(part);
    const struct nn_moment moment = {.epoch = run->epoch, .step = run->steps_done};
    nn_bank_step(run->bank, run->workspace, &batch, &moment, part, run->costs);
    if (part->index == 0) {
        end_diverged(run);
        run->steps_done++;
        run->step = step + 1;
    }
    return true;
}

static void evaluate(struct nn_training *run, const struct nn_set *set, bool confusion,
                     const struct nn_part *part)
{
    const struct nn_evaluation_task task = {
        .set = set,
        .wanted = run->wanted,
        .confusion = confusion,
        .x = run->x,
        .labels = run->labels,
        .go_on = poll_members,
        .context = run,
    };
    const bool whole = nn_evaluation_run(run->evaluation, &task, part);
    if (part->index == 0) {
        run->whole = whole;
    }
    nn_meet(part);
}

static void want_training(struct nn_training *run)
{
    for (size_t g = 0; g < run->members; g++) {
        run->wanted[g] = nn_bank_trains(run->bank, g);
    }
}

/* The next thing to measure, from its first image on. */
static void begin_measuring(struct nn_training *run, enum phase phase)
{
    run->phase = phase;
    nn_evaluation_begin(run->evaluation);
}

static void measure_train(struct nn_training *run, const struct nn_part *part)
{
    evaluate(run, &run->plan.train, false, part);
    if (part->index == 0 && run->whole) {
        for (size_t g = 0; g < run->members; g++) {
            const struct nn_measure train = nn_evaluation_measure(run->evaluation, g);
            run->rows[g].cost_train = train.cost;
            run->rows[g].accuracy_train = train.accuracy;
        }
        begin_measuring(run, MEASURING_VALIDATION);
    }
    nn_meet(part);
}

static void measure_validation(struct nn_training *run, const struct nn_part *part)
{
    evaluate(run, &run->plan.validation, false, part);
    for (size_t g = 0; g < run->members && part->index == 0; g++) {
        const struct nn_measure validation = nn_evaluation_measure(run->evaluation, g);
        run->rows[g].cost_validation = validation.cost;
        run->rows[g].accuracy_validation = validation.accuracy;
    }
}

/* `phase` is where the run stood when the team was called. */
static void take_measures(struct nn_training *run, enum phase phase, const struct nn_part *part)
{
    if (part->index == 0 && phase == TAKING_STEPS) {
        want_training(run);
        begin_measuring(run, MEASURING_TRAIN);
    }
    nn_meet(part);
    bool whole = true;
    if (phase != MEASURING_VALIDATION) {
        measure_train(run, part);
        whole = run->whole;
    }
    nn_meet(part);
    if (whole) {
        measure_validation(run, part);
    }
}

/* An epoch, or the rest of it, and its measures, as every thread of the team sees it. */
static void epoch_work(void *context, const struct nn_part *part)
{
    struct nn_training *run = context;
    const struct nn_float_mode mode = nn_float_mode_enter();
    const enum phase phase = run->entered;
    bool going = true;
    for (size_t step = run->step; step < run->plan.stream.steps && going; step++) {
        going = train_step(run, step, part);
    }
    if (going) {
        take_measures(run, phase, part);
    }
    nn_float_mode_leave(mode);
}

static bool better(const struct nn_training *run, const struct best *best, double value)
{
    return best->epoch == 0 || (run->plan.watch == NN_WATCH_COST ? value < best->value : value > best->value);
}

/* Keeps the member's parameters if they are its best; false when it has lost patience. */
static bool keep_best(struct nn_training *run, size_t member)
{
    struct best *best = &run->best[member];
    const struct nn_epoch *row = &run->rows[member];
    const double value = run->plan.watch == NN_WATCH_COST ? row->cost_validation : row->accuracy_validation;
    if (better(run, best, value)) {
        best->epoch = run->epoch + 1;
        best->value = value;
        nn_bank_read(run->bank, member, best->parameters, best->statistics);
    }
    return run->epoch + 1 - best->epoch < run->plan.patience;
}

/* The member trains no more, and waits for its test. */
static void finish_training(struct nn_training *run, size_t member)
{
    struct best *best = run->best == NULL ? NULL : &run->best[member];
    nn_bank_retire(run->bank, member);
    run->waiting[member] = true;
    run->wanted[member] = false;
    run->outcomes[member].epoch = run->epoch + 1;
    run->outcomes[member].best_epoch = run->epoch + 1;
    if (best != NULL) {
        run->outcomes[member].best_epoch = best->epoch;
        nn_bank_write(run->bank, member, best->parameters, best->statistics);
    }
}

/* What the measures of the epoch mean for a member that trains. */
static void report_epoch(struct nn_training *run, size_t member, double seconds)
{
    struct nn_epoch *row = &run->rows[member];
    row->epoch = run->epoch + 1;
    row->eta = nn_eta_at(nn_bank_options(run->bank, member), run->epoch);
    row->seconds = seconds;
    const bool measured = run->plan.validation.count > 0;
    if (!isfinite(row->cost_train) || (measured && !isfinite(row->cost_validation))) {
        end_member(run, member, NN_DIVERGED);
        return;
    }
    run->observer->epoch(run->observer->context, member, row);
    const bool patient = run->best == NULL || keep_best(run, member);
    if (!patient || run->epoch + 1 == run->plan.epochs) {
        finish_training(run, member);
    }
}

static size_t threads_now(const struct nn_training *run)
{
    const size_t most = nn_team_size(run->team);
    const size_t asked =
        run->observer->threads == NULL ? most : run->observer->threads(run->observer->context);
    return asked < 1 ? 1 : asked < most ? asked : most;
}

/* Goes on with the epoch that the run stands in; false when it was parked. */
static bool train_epoch(struct nn_training *run)
{
    const struct nn_stream *stream = &run->plan.stream;
    run->started = ep_clock_seconds();
    run->whole = false;
    if (!run->begun) {
        stream->begin(stream->context, run->epoch);
        run->begun = true;
    }
    run->entered = run->phase;
    nn_team_run(run->team, threads_now(run), epoch_work, run);
    run->seconds += ep_clock_seconds() - run->started;
    if (run->parked) {
        return false;
    }
    for (size_t g = 0; g < run->members && run->whole; g++) {
        if (nn_bank_trains(run->bank, g)) {
            report_epoch(run, g, run->seconds);
        }
    }
    run->step = 0;
    run->seconds = 0;
    run->begun = false;
    run->phase = TAKING_STEPS;
    return true;
}

/* Whether it came to the end of its epochs. */
static bool train(struct nn_training *run)
{
    bool going = true;
    while (going && run->epoch < run->plan.epochs && nn_bank_training(run->bank) > 0) {
        going = train_epoch(run);
        run->epoch += going;
    }
    return going;
}

static void test_work(void *context, const struct nn_part *part)
{
    struct nn_training *run = context;
    const struct nn_float_mode mode = nn_float_mode_enter();
    evaluate(run, &run->plan.test, true, part);
    nn_float_mode_leave(mode);
}

static void begin_test(struct nn_training *run)
{
    for (size_t g = 0; g < run->members; g++) {
        run->wanted[g] = run->waiting[g];
    }
    run->epoch = run->epoch > 0 ? run->epoch - 1 : 0; /* the one that members end in */
    begin_measuring(run, MEASURING_TEST);
}

/* Measures those that have done their epochs on the test set; false when it was parked. */
static bool test(struct nn_training *run)
{
    bool any = false;
    for (size_t g = 0; g < run->members; g++) {
        any = any || run->waiting[g];
    }
    run->whole = false;
    if (any) {
        nn_team_run(run->team, threads_now(run), test_work, run);
    }
    for (size_t g = 0; g < run->members; g++) {
        if (run->waiting[g] && run->whole) {
            struct nn_outcome *outcome = &run->outcomes[g];
            const struct nn_measure measure = nn_evaluation_measure(run->evaluation, g);
            outcome->end = NN_FINISHED;
            outcome->cost_test = measure.cost;
            outcome->accuracy_test = measure.accuracy;
            if (outcome->confusion != NULL) {
                nn_evaluation_confusion(run->evaluation, g, outcome->confusion);
            }
        }
    }
    return !run->parked;
}

static bool allocate_best(struct nn_training *run)
{
    const struct nn_layout *layout = nn_bank_layout(run->bank);
    run->best = ep_allocate(run->members, sizeof *run->best);
    bool whole = run->best != NULL;
    for (size_t g = 0; g < run->members && whole; g++) {
        run->best[g].parameters = ep_allocate(layout->parameters, sizeof(nn_real));
        run->best[g].statistics = ep_allocate(layout->statistics, sizeof(nn_real));
        whole = run->best[g].parameters != NULL && run->best[g].statistics != NULL;
    }
    return whole;
}

/* Rows of images that the buffers hold. */
static size_t buffer_rows(size_t batch, size_t threads)
{
    return batch > threads * NN_EVALUATION_ROWS ? batch : threads * NN_EVALUATION_ROWS;
}

static bool allocate(struct nn_training *run)
{
    const size_t rows = buffer_rows(run->plan.stream.rows_most, run->plan.threads);
    size_t numbers;
    if (!ep_size_multiply(rows, nn_stride(nn_bank_shape(run->bank)->width[0]), &numbers)) {
        return false;
    }
    run->x = ep_allocate(numbers, sizeof *run->x);
    run->labels = ep_allocate(rows, sizeof *run->labels);
    run->costs = ep_allocate(run->members, sizeof *run->costs);
    run->wanted = ep_allocate(run->members, sizeof *run->wanted);
    run->waiting = ep_allocate(run->members, sizeof *run->waiting);
    run->rows = ep_allocate(run->members, sizeof *run->rows);
    const bool keeps_best = run->plan.patience > 0 && run->plan.validation.count > 0;
    return run->x != NULL && run->labels != NULL && run->costs != NULL && run->wanted != NULL &&
           run->waiting != NULL && run->rows != NULL && (!keeps_best || allocate_best(run));
}

static enum ep_status prepare(struct nn_training *run, struct ep_error *error)
{
    const struct nn_room room = {
        .members = run->members,
        .rows = run->plan.stream.rows_most,
        .threads = run->plan.threads,
        .dropout = nn_bank_drops_out(run->bank),
    };
    if (nn_bank_shape(run->bank)->bf16 && !nn_gemm_has_bf16(run->plan.gemm)) {
        return ep_fail(error, EP_UNAVAILABLE, "bfloat16 needs a processor with AVX512_BF16 and its kernels");
    }
    if (!allocate(run)) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for mini-batches of %zu images", room.rows);
    }
    for (size_t g = 0; g < run->members; g++) {
        uint64_t *confusion = run->outcomes[g].confusion;
        run->outcomes[g] =
            (struct nn_outcome){.cost_test = NAN, .accuracy_test = NAN, .confusion = confusion};
    }
    enum ep_status status =
        nn_workspace_create(nn_bank_shape(run->bank), &room, run->plan.gemm, &run->workspace, error);
    if (status == EP_OK) {
        status = nn_evaluation_create(run->bank, run->plan.gemm, run->plan.threads, &run->evaluation, error);
    }
    return status == EP_OK ? nn_team_create(run->plan.threads, &run->team, error) : status;
}

enum ep_status nn_training_create(struct nn_bank *bank, const struct nn_plan *plan,
                                  struct nn_outcome *outcomes, struct nn_training **training,
                                  struct ep_error *error)
{
    struct nn_training *made = ep_allocate(1, sizeof *made);
    if (made == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for a training run");
    }
    made->bank = bank;
    made->plan = *plan;
    made->outcomes = outcomes;
    made->members = nn_bank_members(bank);
    const enum ep_status status = prepare(made, error);
    if (status != EP_OK) {
        nn_training_destroy(made);
        return status;
    }
    *training = made;
    return EP_OK;
}

bool nn_training_run(struct nn_training *training, const struct nn_observer *observer)
{
    training->observer = observer;
    training->parked = false;
    if (training->phase != MEASURING_TEST && train(training)) {
        begin_test(training);
    }
    return training->phase == MEASURING_TEST && test(training);
}

void nn_training_destroy(struct nn_training *training)
{
    if (training == NULL) {
        return;
    }
    for (size_t g = 0; g < training->members && training->best != NULL; g++) {
        free(training->best[g].parameters);
        free(training->best[g].statistics);
    }
    free(training->best);
    free(training->x);
    free(training->labels);
    free(training->costs);
    free(training->wanted);
    free(training->waiting);
    free(training->rows);
    nn_workspace_destroy(training->workspace);
    nn_evaluation_destroy(training->evaluation);
    nn_team_destroy(training->team);
    free(training);
}

enum ep_status nn_train(struct nn_bank *bank, const struct nn_plan *plan, const struct nn_observer *observer,
                        struct nn_outcome *outcomes, struct ep_error *error)
{
    struct nn_observer steady = *observer;
    struct nn_training *training = NULL;
    steady.parks = NULL;
    const enum ep_status status = nn_training_create(bank, plan, outcomes, &training, error);
    if (training != NULL) {
        nn_training_run(training, &steady);
    }
    nn_training_destroy(training);
    return status;
}

enum ep_status nn_memory_of(const struct nn_shape *shape, const struct nn_member_options *options,
                            size_t members, size_t rows, size_t threads, bool keeps_best, size_t *bytes,
                            struct ep_error *error)
{
    struct nn_layout layout;
    const enum ep_status status = nn_layout_of(shape, &layout, error);
    if (status != EP_OK) {
        return status;
    }
    struct nn_room room = {.members = members, .rows = rows, .threads = threads};
    for (size_t g = 0; g < members; g++) {
        room.dropout = room.dropout || options[g].dropout > 0;
    }
    size_t bank;
    size_t workspace;
    size_t evaluation;
    size_t images;
    size_t best;
    size_t numbers;
    if (!nn_bank_numbers(shape, options, members, &bank) || !nn_workspace_numbers(shape, &room, &workspace) ||
        !nn_evaluation_bytes(shape, members, threads, &evaluation) ||
        !ep_size_multiply(buffer_rows(rows, threads), nn_stride(shape->width[0]), &images) ||
        !ep_size_multiply(keeps_best ? members : 0, layout.parameters + layout.statistics, &best) ||
        !ep_size_add(bank, workspace, &numbers) || !ep_size_add(numbers, images, &numbers) ||
        !ep_size_add(numbers, best, &numbers) || !ep_size_multiply(numbers, sizeof(nn_real), &numbers) ||
        !ep_size_add(numbers, evaluation, bytes)) {
        return ep_fail(error, EP_TOO_LARGE, "the network takes more memory than can be counted");
    }
    return EP_OK;
}
