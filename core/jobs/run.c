#include "core/jobs/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/axes_cache.h"
#include "core/data/batches.h"
#include "core/data/projection.h"
#include "core/data/split.h"
#include "core/jobs/model.h"
#include "core/nn/bank.h"

/* The data and the networks of a bank, and whom to tell. What is per member has `members` elements. */
struct job_run {
    size_t members;
    struct job_spec *specs;
    struct job_run_means means;
    struct job_result *results;
    struct data_split *split;
    struct data_axes axes;              /* empty when the networks see pixels */
    struct data_projection *projection; /* likewise NULL */
    size_t width;                       /* inputs of a network */
    size_t classes;
    size_t threads; /* most */
    struct data_batches *batches;
    struct nn_bank *bank;
    struct nn_training *training;
    struct nn_outcome *outcomes;
    uint64_t *confusions;                    /* (members, classes, classes) */
    const struct job_run_observer *observer; /* of the present call */
};

static void begin_epoch(void *context, size_t epoch)
{
    data_batches_begin(context, epoch);
}

static size_t batch_rows(const void *context, size_t step)
{
    return data_batches_rows(context, step);
}

static void read_batch(void *context, size_t reader, size_t step, size_t first, size_t rows,
                       struct nn_matrix x, uint8_t *labels)
{
    const struct data_piece piece = {.step = step, .first = first, .rows = rows};
    data_batches_read(context, reader, piece, x.at, x.stride, labels);
}

static void read_subset(const struct job_run *run, enum data_subset subset, size_t first, size_t rows,
                        struct nn_matrix x, uint8_t *labels)
{
    if (run->projection != NULL) {
        data_projection_read(run->projection, subset, first, rows, x.at, x.stride, labels);
    } else {
        data_split_read(run->split, subset, first, rows, x.at, x.stride, labels);
    }
}

static void read_train(const void *context, size_t first, size_t rows, struct nn_matrix x, uint8_t *labels)
{
    read_subset(context, DATA_TRAIN, first, rows, x, labels);
}

static void read_validation(const void *context, size_t first, size_t rows, struct nn_matrix x,
                            uint8_t *labels)
{
    read_subset(context, DATA_VALIDATION, first, rows, x, labels);
}

static void read_test(const void *context, size_t first, size_t rows, struct nn_matrix x, uint8_t *labels)
{
    read_subset(context, DATA_TEST, first, rows, x, labels);
}

static enum nn_verdict poll(void *context, size_t member, size_t steps_done)
{
    const struct job_run *run = context;
    return run->observer->poll(run->observer->context, member, steps_done);
}

static void end_epoch(void *context, size_t member, const struct nn_epoch *epoch)
{
    const struct job_run *run = context;
    run->observer->epoch(run->observer->context, member, epoch);
}

static void end_member(void *context, size_t member, const struct nn_outcome *outcome)
{
    struct job_run *run = context;
    run->results[member].outcome = *outcome;
    run->results[member].outcome.confusion = NULL;
    if (run->observer->ended != NULL) {
        run->observer->ended(run->observer->context, member);
    }
}

static bool parks(void *context, size_t steps_done)
{
    const struct job_run *run = context;
    return run->observer->parks != NULL && run->observer->parks(run->observer->context, steps_done);
}

static size_t threads_now(void *context)
{
    const struct job_run *run = context;
    const size_t now =
        run->observer->threads == NULL ? run->threads : run->observer->threads(run->observer->context);
    return now < run->threads ? now : run->threads;
}

/* Threads that a mini-batch has work for: those that meet too often wait more than they compute. */
static size_t threads_worth(const struct nn_shape *shape, const struct job_run *run)
{
    static const double flops_each = 4e6;
    const double rows = (double)run->specs[0].batch_size;
    const double worth = nn_training_flops(shape) * rows * (double)run->members / flops_each;
    const size_t most = run->means.threads;
    return worth < 1 ? 1 : worth < (double)most ? (size_t)worth : most;
}

/* Preparing goes on while anybody wants it. */
static bool goes_on(void *context)
{
    const struct job_run *run = context;
    bool wanted = false;
    for (size_t g = 0; g < run->members; g++) {
        wanted = run->observer->poll(run->observer->context, g, 0) == NN_GO_ON || wanted;
    }
    return wanted;
}

/* Finds the principal axes and projects all images, if the specs say so. */
static enum ep_status rotate(struct job_run *run, struct ep_error *error)
{
    const struct job_spec *spec = &run->specs[0];
    const struct data_patience patience = {.go_on = goes_on, .context = run};
    run->width = data_split_info(run->split)->features;
    if (!job_spec_rotates(spec)) {
        return EP_OK;
    }
    enum ep_status status = data_axes_cache_get(run->means.axes, run->split, &patience, &run->axes, error);
    if (status != EP_OK) {
        return status;
    }
    run->width =
        spec->components > 0 ? (size_t)spec->components : data_axes_needed(&run->axes, spec->variance);
    for (size_t g = 0; g < run->members; g++) {
        run->results[g].axes = run->width;
        run->results[g].axes_variance = data_axes_share(&run->axes, run->width);
    }
    return data_projection_create(run->split, &run->axes, run->width, &patience, &run->projection, error);
}

static enum ep_status prepare_networks(struct job_run *run, const struct data_set *set,
                                       struct ep_error *error)
{
    struct nn_shape shape;
    struct nn_member_options *options = ep_allocate(run->members, sizeof *options);
    if (options == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for %zu networks", run->members);
    }
    job_spec_shape(&run->specs[0], &set->info, &shape);
    for (size_t g = 0; g < run->members; g++) {
        job_spec_member(&run->specs[g], &options[g]);
        /* Fewer inputs start with the spread of all, so that training is the same in distribution. */
        options[g].init_inputs = set->info.features;
    }
    shape.width[0] = run->width;
    run->threads = threads_worth(&shape, run);
    const enum ep_status status = nn_bank_create(&shape, options, run->members, &run->bank, error);
    free(options);
    return status;
}

static enum ep_status prepare_batches(struct job_run *run, struct ep_error *error)
{
    const struct job_spec *spec = &run->specs[0];
    const struct data_batches_options batches = {
        .batch_size = (size_t)spec->batch_size,
        .least = job_spec_least_batch(spec),
        .shuffle = spec->shuffle,
        .augment = {.flip = spec->augment_flip, .shift = (size_t)spec->augment_shift},
        .seed = spec->seed,
        .readers = run->means.threads,
        .projection = run->projection,
    };
    return data_batches_create(run->split, &batches, &run->batches, error);
}

static enum ep_status prepare_training(struct job_run *run, struct ep_error *error)
{
    const struct job_spec *spec = &run->specs[0];
    const struct nn_plan plan = {
        .gemm = run->means.gemm,
        .epochs = (size_t)spec->epochs,
        .threads = run->threads,
        .patience = (size_t)spec->patience,
        .watch = (enum nn_watch)spec->watch,
        .stream =
            {
                .context = run->batches,
                .steps = data_batches_steps(run->batches),
                .rows_most = (size_t)spec->batch_size,
                .begin = begin_epoch,
                .rows = batch_rows,
                .read = read_batch,
            },
        .train = {run, data_split_count(run->split, DATA_TRAIN), read_train},
        .validation = {run, data_split_count(run->split, DATA_VALIDATION), read_validation},
        .test = {run, data_split_count(run->split, DATA_TEST), read_test},
    };
    const size_t cells = run->classes * run->classes;
    run->confusions = ep_allocate(run->members, cells * sizeof *run->confusions);
    run->outcomes = ep_allocate(run->members, sizeof *run->outcomes);
    if (run->confusions == NULL || run->outcomes == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for confusion matrices of %zu classes", run->classes);
    }
    for (size_t g = 0; g < run->members; g++) {
        run->outcomes[g].confusion = run->confusions + g * cells;
    }
    return nn_training_create(run->bank, &plan, run->outcomes, &run->training, error);
}

static enum ep_status prepare(struct job_run *run, struct ep_error *error)
{
    const struct job_spec *spec = &run->specs[0];
    const struct data_set *set = NULL;
    enum ep_status status = data_registry_open(run->means.registry, spec->dataset, &set, error);
    if (status == EP_OK) {
        run->classes = set->info.classes;
        status = data_split_create(set, (size_t)spec->train_size, (size_t)spec->validation_size,
                                   (enum data_normalize)spec->normalize, &run->split, error);
    }
    if (status == EP_OK) {
        status = rotate(run, error);
    }
    if (status == EP_OK) {
        status = prepare_batches(run, error);
    }
    if (status == EP_OK) {
        status = prepare_networks(run, set, error);
    }
    return status == EP_OK ? prepare_training(run, error) : status;
}

static enum ep_status read_confusion(const uint64_t *counts, size_t classes, struct job_confusion *confusion,
                                     struct ep_error *error)
{
    confusion->counts = ep_allocate(classes * classes, sizeof *confusion->counts);
    if (confusion->counts == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for a confusion matrix of %zu classes", classes);
    }
    for (size_t i = 0; i < classes * classes; i++) {
        confusion->counts[i] = (uint32_t)counts[i];
    }
    confusion->classes = classes;
    return EP_OK;
}

/* What members that have finished leave. */
static enum ep_status read_results(struct job_run *run, struct ep_error *error)
{
    const struct data_axes *axes = run->projection == NULL ? NULL : &run->axes;
    enum ep_status status = EP_OK;
    for (size_t g = 0; g < run->members && status == EP_OK; g++) {
        struct job_result *result = &run->results[g];
        result->outcome = run->outcomes[g];
        result->outcome.confusion = NULL;
        if (result->outcome.end == NN_FINISHED) {
            status = job_model_digest(run->bank, g, axes, result->model_sha256, error);
            if (status == EP_OK) {
                status = read_confusion(run->outcomes[g].confusion, run->classes, &result->confusion, error);
            }
        }
    }
    return status;
}

enum ep_status job_run_create(const struct job_spec *const *specs, size_t count,
                              const struct job_run_means *means, struct job_run **run, struct ep_error *error)
{
    struct job_run *made = ep_allocate(1, sizeof *made);
    if (made != NULL) {
        made->means = *means;
        made->specs = ep_allocate(count, sizeof *made->specs);
        made->results = ep_allocate(count, sizeof *made->results);
    }
    if (made == NULL || made->specs == NULL || made->results == NULL) {
        job_run_destroy(made);
        return ep_fail(error, EP_NO_MEMORY, "no memory for a run of %zu networks", count);
    }
    made->members = count;
    for (size_t g = 0; g < count; g++) {
        made->specs[g] = *specs[g];
        made->results[g] = (struct job_result){
            .outcome = {.end = NN_STOPPED, .cost_test = NAN, .accuracy_test = NAN}, .axes_variance = NAN};
    }
    *run = made;
    return EP_OK;
}

enum ep_status job_run_go(struct job_run *run, const struct job_run_observer *observer, bool *ended,
                          struct ep_error *error)
{
    const struct nn_observer below = {
        .context = run,
        .poll = poll,
        .epoch = end_epoch,
        .ended = end_member,
        .threads = threads_now,
        .parks = parks,
    };
    run->observer = observer;
    *ended = true;
    enum ep_status status = run->training == NULL ? prepare(run, error) : EP_OK;
    if (status == EP_OK) {
        *ended = nn_training_run(run->training, &below);
        status = *ended ? read_results(run, error) : EP_OK;
    }
    /* Nobody wanted it any more before it began: all members were stopped. */
    return status == EP_CANCELLED ? EP_OK : status;
}

const struct job_result *job_run_result(const struct job_run *run, size_t member)
{
    return &run->results[member];
}

void job_run_destroy(struct job_run *run)
{
    if (run == NULL) {
        return;
    }
    for (size_t g = 0; g < run->members; g++) {
        job_confusion_done(&run->results[g].confusion);
    }
    nn_training_destroy(run->training);
    nn_bank_destroy(run->bank);
    data_batches_destroy(run->batches);
    data_projection_destroy(run->projection);
    data_axes_done(&run->axes);
    data_split_destroy(run->split);
    free(run->confusions);
    free(run->outcomes);
    free(run->specs);
    free(run->results);
    free(run);
}

enum ep_status job_run_conclude(const struct job_result *result, struct job *job, struct ep_error *error)
{
    const struct nn_outcome *outcome = &result->outcome;
    memcpy(job->model_sha256, result->model_sha256, sizeof job->model_sha256);
    job->cost_test = outcome->cost_test;
    job->accuracy_test = outcome->accuracy_test;
    job->best_epoch = outcome->end == NN_FINISHED ? outcome->best_epoch : 0;
    job->axes = result->axes;
    job->axes_variance = result->axes_variance;
    if (outcome->end == NN_DIVERGED) {
        job->failed_epoch = outcome->epoch;
        ep_fail(&job->failure, EP_DIVERGED,
                "the cost stopped being a finite number in epoch %zu; a smaller eta may help",
                outcome->epoch);
    }
    job_confusion_done(&job->confusion);
    return job_confusion_copy(&result->confusion, &job->confusion, error);
}
