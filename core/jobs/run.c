#include "core/jobs/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/axes_cache.h"
#include "core/data/batches.h"
#include "core/data/projection.h"
#include "core/data/split.h"
#include "core/nn/bank.h"

/* One job's data and network, and whom to tell. */
struct run {
    const struct job_run_means *means;
    struct data_split *split;
    struct data_axes axes;              /* empty when the network sees pixels */
    struct data_projection *projection; /* likewise NULL */
    size_t width;                       /* inputs of the network */
    size_t threads;                     /* most */
    struct data_batches *batches;
    struct nn_bank *bank;
    const struct job_run_observer *observer;
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

static void read_subset(const struct run *run, enum data_subset subset, size_t first, size_t rows,
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

/* A job is a bank of one, so the member is always the first. */
static enum nn_verdict poll(void *context, size_t member, size_t steps_done)
{
    const struct run *run = context;
    (void)member;
    return run->observer->poll(run->observer->context, steps_done);
}

static void end_epoch(void *context, size_t member, const struct nn_epoch *epoch)
{
    const struct run *run = context;
    (void)member;
    run->observer->epoch(run->observer->context, epoch);
}

static size_t threads_now(void *context)
{
    const struct run *run = context;
    const size_t now =
        run->observer->threads == NULL ? run->threads : run->observer->threads(run->observer->context);
    return now < run->threads ? now : run->threads;
}

/* Threads that a mini-batch has work for: those that meet too often wait more than they compute. */
static size_t threads_worth(const struct nn_shape *shape, const struct job_spec *spec, size_t most)
{
    static const double flops_each = 4e6;
    const double worth = nn_training_flops(shape) * (double)spec->batch_size / flops_each;
    return worth < 1 ? 1 : worth < (double)most ? (size_t)worth : most;
}

static bool goes_on(void *context)
{
    const struct run *run = context;
    return run->observer->poll(run->observer->context, 0) == NN_GO_ON;
}

/* Finds the principal axes and projects all images, if the spec says so. */
static enum ep_status rotate(struct run *run, const struct job_spec *spec, struct job_result *result,
                             struct ep_error *error)
{
    const struct data_patience patience = {.go_on = goes_on, .context = run};
    run->width = data_split_info(run->split)->features;
    if (!job_spec_rotates(spec)) {
        return EP_OK;
    }
    enum ep_status status = data_axes_cache_get(run->means->axes, run->split, &patience, &run->axes, error);
    if (status == EP_OK) {
        run->width =
            spec->components > 0 ? (size_t)spec->components : data_axes_needed(&run->axes, spec->variance);
        result->axes = run->width;
        result->axes_variance = data_axes_share(&run->axes, run->width);
        status =
            data_projection_create(run->split, &run->axes, run->width, &patience, &run->projection, error);
    }
    return status;
}

static enum ep_status prepare_network(struct run *run, const struct job_spec *spec,
                                      const struct data_set *set, struct ep_error *error)
{
    struct nn_shape shape;
    struct nn_member_options options;
    job_spec_shape(spec, &set->info, &shape);
    job_spec_member(spec, &options);
    /* Fewer inputs start with the spread of all, so that training is the same in distribution. */
    shape.width[0] = run->width;
    options.init_inputs = set->info.features;
    run->threads = threads_worth(&shape, spec, run->means->threads);
    return nn_bank_create(&shape, &options, 1, &run->bank, error);
}

static enum ep_status prepare(struct run *run, const struct job_spec *spec, const struct data_set *set,
                              struct job_result *result, struct ep_error *error)
{
    enum ep_status status = data_split_create(set, (size_t)spec->train_size, (size_t)spec->validation_size,
                                              (enum data_normalize)spec->normalize, &run->split, error);
    if (status == EP_OK) {
        status = rotate(run, spec, result, error);
    }
    if (status == EP_OK) {
        const struct data_batches_options batches = {
            .batch_size = (size_t)spec->batch_size,
            .least = job_spec_least_batch(spec),
            .shuffle = spec->shuffle,
            .augment = {.flip = spec->augment_flip, .shift = (size_t)spec->augment_shift},
            .seed = spec->seed,
            .readers = run->means->threads,
            .projection = run->projection,
        };
        status = data_batches_create(run->split, &batches, &run->batches, error);
    }
    return status == EP_OK ? prepare_network(run, spec, set, error) : status;
}

static enum ep_status train(struct run *run, const struct job_spec *spec, struct nn_outcome *outcome,
                            struct ep_error *error)
{
    const struct nn_plan plan = {
        .gemm = run->means->gemm,
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
    const struct nn_observer observer = {
        .context = run, .poll = poll, .epoch = end_epoch, .threads = threads_now};
    return nn_train(run->bank, &plan, &observer, outcome, error);
}

/* A network's numbers in the order of struct nn_layout, whatever it was trained on: with weights for pixels.
 */
struct model {
    size_t parameter_count, statistic_count;
    nn_real *parameters, *statistics;
};

static bool allocate_model(const struct run *run, struct model *model)
{
    const struct nn_layout *layout = nn_bank_layout(run->bank);
    const size_t units = nn_bank_shape(run->bank)->width[1];
    const size_t further = data_split_info(run->split)->features - run->width;
    size_t numbers;
    if (!ep_size_multiply(further, units, &numbers) ||
        !ep_size_add(numbers, layout->parameters, &model->parameter_count)) {
        return false;
    }
    model->statistic_count = layout->statistics;
    model->parameters = ep_allocate(model->parameter_count, sizeof *model->parameters);
    model->statistics = ep_allocate(model->statistic_count, sizeof *model->statistics);
    return model->parameters != NULL && model->statistics != NULL;
}

/*
 * Reads the bank's only member; a rotation of its inputs becomes part of the first layer, whose weights come
 * first.
 */
static bool read_model(const struct run *run, struct model *model)
{
    const struct nn_layout *layout = nn_bank_layout(run->bank);
    const size_t units = nn_bank_shape(run->bank)->width[1];
    const size_t before = run->width * units;
    if (run->projection == NULL) {
        nn_bank_read(run->bank, 0, model->parameters, model->statistics);
        return true;
    }
    nn_real *trained = ep_allocate(layout->parameters, sizeof *trained);
    if (trained == NULL) {
        return false;
    }
    nn_bank_read(run->bank, 0, trained, model->statistics);
    data_axes_fold(&run->axes, run->width, trained, units, model->parameters);
    memcpy(model->parameters + run->axes.features * units, trained + before,
           (layout->parameters - before) * sizeof *trained);
    free(trained);
    return true;
}

/* Writes the digest of the bank's only member. */
static enum ep_status digest_model(const struct run *run, char text[EP_SHA256_TEXT], struct ep_error *error)
{
    struct model model = {0};
    struct ep_sha256 *digest = ep_sha256_create();
    const bool whole = allocate_model(run, &model) && read_model(run, &model) && digest != NULL;
    if (whole) {
        ep_sha256_add(digest, model.parameters, model.parameter_count * sizeof *model.parameters);
        ep_sha256_add(digest, model.statistics, model.statistic_count * sizeof *model.statistics);
    }
    if (digest != NULL) {
        ep_sha256_finish(digest, text);
    }
    free(model.parameters);
    free(model.statistics);
    return whole ? EP_OK : ep_fail(error, EP_NO_MEMORY, "no memory for the digest of the model");
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

/* Trains, and reads what a finished run leaves. */
static enum ep_status train_and_read(struct run *run, const struct job_spec *spec, size_t classes,
                                     struct job_result *result, struct ep_error *error)
{
    uint64_t *counts = ep_allocate(classes * classes, sizeof *counts);
    if (counts == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for a confusion matrix of %zu classes", classes);
    }
    result->outcome.confusion = counts;
    enum ep_status status = train(run, spec, &result->outcome, error);
    result->outcome.confusion = NULL;
    if (status == EP_OK && result->outcome.end == NN_FINISHED) {
        status = digest_model(run, result->model_sha256, error);
        if (status == EP_OK) {
            status = read_confusion(counts, classes, &result->confusion, error);
        }
    }
    free(counts);
    return status;
}

enum ep_status job_run(const struct job_spec *spec, const struct job_run_means *means,
                       const struct job_run_observer *observer, struct job_result *result,
                       struct ep_error *error)
{
    struct run run = {.means = means, .observer = observer};
    *result = (struct job_result){.outcome = {.cost_test = NAN, .accuracy_test = NAN}, .axes_variance = NAN};
    const struct data_set *set = NULL;
    enum ep_status status = data_registry_open(means->registry, spec->dataset, &set, error);
    if (status == EP_OK) {
        status = prepare(&run, spec, set, result, error);
    }
    if (status == EP_OK) {
        status = train_and_read(&run, spec, set->info.classes, result, error);
    }
    if (status == EP_CANCELLED) {
        result->outcome.end = NN_STOPPED;
        status = EP_OK;
    }
    nn_bank_destroy(run.bank);
    data_batches_destroy(run.batches);
    data_projection_destroy(run.projection);
    data_axes_done(&run.axes);
    data_split_destroy(run.split);
    return status;
}

void job_result_done(struct job_result *result)
{
    job_confusion_done(&result->confusion);
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
