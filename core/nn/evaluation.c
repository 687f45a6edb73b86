#include "core/nn/evaluation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

struct nn_evaluation {
    const struct nn_bank *bank;
    size_t members, threads, classes;
    struct nn_workspace **workspaces; /* (threads) */
    struct nn_tally *partial;         /* (threads, members) of one round */
    struct nn_tally *total;           /* (members) */
    uint64_t *counts;                 /* (threads, members, classes, classes) */
    double *penalty;                  /* (members) */
    size_t *list;                     /* (members): the first `listed` are measured */
    size_t listed;
    size_t done; /* images measured; written by part 0 between two meetings */
    bool going;  /* written by part 0 between two meetings */
};

static struct nn_room room_for(size_t members)
{
    return (struct nn_room){.members = members, .rows = NN_EVALUATION_ROWS};
}

bool nn_evaluation_bytes(const struct nn_shape *shape, size_t members, size_t threads, size_t *bytes)
{
    const size_t classes = shape->width[shape->layers];
    const struct nn_room room = room_for(members);
    size_t numbers;
    size_t counts;
    size_t each;
    return nn_workspace_numbers(shape, &room, &numbers) &&
           ep_size_multiply(numbers, sizeof(nn_real), &numbers) &&
           ep_size_multiply(members * sizeof(uint64_t), classes * classes, &counts) &&
           ep_size_add(numbers, counts, &each) && ep_size_multiply(each, threads, bytes);
}

static bool allocate(struct nn_evaluation *made)
{
    size_t counts;
    if (!ep_size_multiply(made->threads * made->members, made->classes * made->classes, &counts)) {
        return false;
    }
    made->workspaces = ep_allocate(made->threads, sizeof(struct nn_workspace *));
    made->partial = ep_allocate(made->threads * made->members, sizeof *made->partial);
    made->total = ep_allocate(made->members, sizeof *made->total);
    made->counts = ep_allocate(counts, sizeof *made->counts);
    made->penalty = ep_allocate(made->members, sizeof *made->penalty);
    made->list = ep_allocate(made->members, sizeof *made->list);
    return made->workspaces != NULL && made->partial != NULL && made->total != NULL && made->counts != NULL &&
           made->penalty != NULL && made->list != NULL;
}

enum ep_status nn_evaluation_create(const struct nn_bank *bank, const struct nn_gemm *gemm, size_t threads,
                                    struct nn_evaluation **evaluation, struct ep_error *error)
{
    const struct nn_shape *shape = nn_bank_shape(bank);
    struct nn_evaluation *made = calloc(1, sizeof *made);
    if (made != NULL) {
        *made = (struct nn_evaluation){.bank = bank,
                                       .members = nn_bank_members(bank),
                                       .threads = threads,
                                       .classes = shape->width[shape->layers]};
    }
    if (made == NULL || !allocate(made)) {
        nn_evaluation_destroy(made);
        return ep_fail(error, EP_NO_MEMORY, "no memory to evaluate %zu networks", nn_bank_members(bank));
    }
    const struct nn_room room = room_for(made->members);
    enum ep_status status = EP_OK;
    for (size_t t = 0; t < threads && status == EP_OK; t++) {
        status = nn_workspace_create(shape, &room, gemm, &made->workspaces[t], error);
    }
    if (status != EP_OK) {
        nn_evaluation_destroy(made);
        return status;
    }
    *evaluation = made;
    return EP_OK;
}

void nn_evaluation_destroy(struct nn_evaluation *evaluation)
{
    if (evaluation == NULL) {
        return;
    }
    for (size_t t = 0; t < evaluation->threads && evaluation->workspaces != NULL; t++) {
        nn_workspace_destroy(evaluation->workspaces[t]);
    }
    free(evaluation->workspaces);
    free(evaluation->partial);
    free(evaluation->total);
    free(evaluation->counts);
    free(evaluation->penalty);
    free(evaluation->list);
    free(evaluation);
}

static uint64_t *counts_of(const struct nn_evaluation *evaluation, size_t thread, size_t member)
{
    return evaluation->counts +
           (thread * evaluation->members + member) * evaluation->classes * evaluation->classes;
}

static void reset(struct nn_evaluation *evaluation, const struct nn_evaluation_task *task, size_t thread)
{
    memset(counts_of(evaluation, thread, 0), 0,
           evaluation->members * evaluation->classes * evaluation->classes * sizeof *evaluation->counts);
    if (thread == 0) {
        memset(evaluation->total, 0, evaluation->members * sizeof *evaluation->total);
        for (size_t g = 0; g < evaluation->members; g++) {
            evaluation->penalty[g] = task->wanted[g] ? nn_bank_penalty(evaluation->bank, g) : 0;
        }
    }
}

/* Reads a thread's images; to be rounded, a few at a time. */
static void read_images(const struct nn_evaluation *evaluation, const struct nn_set *set, size_t first,
                        size_t thread, const struct nn_batch *batch, struct nn_matrix x, uint8_t *labels)
{
    const struct nn_shape *shape = nn_bank_shape(evaluation->bank);
    if (!shape->bf16) {
        set->read(set->context, first, batch->rows, x, labels);
    }
    for (size_t i = 0; i < batch->rows && shape->bf16; i += NN_ROUNDED_ROWS) {
        const size_t rows = batch->rows - i < NN_ROUNDED_ROWS ? batch->rows - i : NN_ROUNDED_ROWS;
        set->read(set->context, first + i, rows, x, labels + i);
        nn_workspace_take(evaluation->workspaces[thread], nn_const(x), i, rows, shape->width[0]);
    }
}

/* One thread's pass over the images from `first` on; none when there are no such images. */
static void measure(struct nn_evaluation *evaluation, const struct nn_evaluation_task *task, size_t thread,
                    size_t first)
{
    const struct nn_set *set = task->set;
    const size_t left = first < set->count ? set->count - first : 0;
    const size_t stride = nn_stride(nn_bank_shape(evaluation->bank)->width[0]);
    const size_t place = thread * NN_EVALUATION_ROWS;
    const struct nn_matrix x = {task->x + place * stride, stride};
    const struct nn_batch batch = {
        .x = nn_const(x),
        .labels = task->labels + place,
        .rows = left < NN_EVALUATION_ROWS ? left : NN_EVALUATION_ROWS,
    };
    struct nn_tally *tallies = evaluation->partial + thread * evaluation->members;
    memset(tallies, 0, evaluation->members * sizeof *tallies);
    if (batch.rows == 0) {
        return;
    }
    read_images(evaluation, set, first, thread, &batch, x, task->labels + place);
    nn_bank_evaluate(evaluation->bank, evaluation->list, evaluation->listed, evaluation->workspaces[thread],
                     &batch, tallies, task->confusion ? counts_of(evaluation, thread, 0) : NULL);
}

static void list_wanted(struct nn_evaluation *evaluation, const struct nn_evaluation_task *task)
{
    evaluation->listed = 0;
    for (size_t g = 0; g < evaluation->members; g++) {
        if (task->wanted[g]) {
            evaluation->list[evaluation->listed++] = g;
        }
    }
}

/* In the order of the images, whichever thread took them. */
static void add_round(struct nn_evaluation *evaluation, size_t threads)
{
    for (size_t t = 0; t < threads; t++) {
        for (size_t g = 0; g < evaluation->members; g++) {
            const struct nn_tally *partial = &evaluation->partial[t * evaluation->members + g];
            evaluation->total[g].cross_entropy += partial->cross_entropy;
            evaluation->total[g].correct += partial->correct;
            evaluation->total[g].images += partial->images;
        }
    }
}

void nn_evaluation_begin(struct nn_evaluation *evaluation)
{
    evaluation->done = 0;
}

bool nn_evaluation_run(struct nn_evaluation *evaluation, const struct nn_evaluation_task *task,
                       const struct nn_part *part)
{
    const size_t round = part->count * NN_EVALUATION_ROWS;
    const size_t begun = evaluation->done;
    for (size_t t = part->index; t < evaluation->threads && begun == 0; t += part->count) {
        reset(evaluation, task, t);
    }
    nn_meet(part);
    for (size_t first = begun; first < task->set->count; first += round) {
        if (part->index == 0) {
            evaluation->going = task->go_on(task->context);
            list_wanted(evaluation, task);
        }
        nn_meet(part);
        if (!evaluation->going) {
            return false;
        }
        measure(evaluation, task, part->index, first + part->index * NN_EVALUATION_ROWS);
        nn_meet(part);
        if (part->index == 0) {
            add_round(evaluation, part->count);
            evaluation->done = first + round;
        }
    }
    nn_meet(part);
    return true;
}

struct nn_measure nn_evaluation_measure(const struct nn_evaluation *evaluation, size_t member)
{
    const struct nn_tally *tally = &evaluation->total[member];
    if (tally->images == 0) {
        return (struct nn_measure){NAN, NAN};
    }
    const double images = (double)tally->images;
    return (struct nn_measure){
        .cost = tally->cross_entropy / images + evaluation->penalty[member],
        .accuracy = (double)tally->correct / images,
    };
}

void nn_evaluation_confusion(const struct nn_evaluation *evaluation, size_t member, uint64_t *counts)
{
    const size_t cells = evaluation->classes * evaluation->classes;
    memset(counts, 0, cells * sizeof *counts);
    for (size_t t = 0; t < evaluation->threads; t++) {
        const uint64_t *from = counts_of(evaluation, t, member);
        for (size_t i = 0; i < cells; i++) {
            counts[i] += from[i];
        }
    }
}
