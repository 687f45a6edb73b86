#include "core/jobs/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/batches.h"
#include "core/data/split.h"
#include "core/nn/bank.h"

/* One job's data and network, and whom to tell. */
struct run {
    const struct job_run_means *means;
    struct data_split *split;
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

static void read_train(const void *context, size_t first, size_t rows, struct nn_matrix x, uint8_t *labels)
{
    data_split_read(context, DATA_TRAIN, first, rows, x.at, x.stride, labels);
}

static void read_validation(const void *context, size_t first, size_t rows, struct nn_matrix x,
                            uint8_t *labels)
{
    data_split_read(context, DATA_VALIDATION, first, rows, x.at, x.stride, labels);
}

static void read_test(const void *context, size_t first, size_t rows, struct nn_matrix x, uint8_t *labels)
{
    data_split_read(context, DATA_TEST, first, rows, x.at, x.stride, labels);
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
    return run->observer->threads == NULL ? run->means->threads
                                          : run->observer->threads(run->observer->context);
}

static enum ep_status prepare(struct run *run, const struct job_spec *spec, const struct data_set *set,
                              struct ep_error *error)
{
    struct nn_shape shape;
    struct nn_member_options options;
    job_spec_shape(spec, &set->info, &shape);
    job_spec_member(spec, &options);
    enum ep_status status = data_split_create(set, (size_t)spec->train_size, (size_t)spec->validation_size,
                                              (enum data_normalize)spec->normalize, &run->split, error);
    if (status == EP_OK) {
        const struct data_batches_options batches = {
            .batch_size = (size_t)spec->batch_size,
            .least = job_spec_least_batch(spec),
            .shuffle = spec->shuffle,
            .augment = {.flip = spec->augment_flip, .shift = (size_t)spec->augment_shift},
            .seed = spec->seed,
            .readers = run->means->threads,
        };
        status = data_batches_create(run->split, &batches, &run->batches, error);
    }
    if (status == EP_OK) {
        status = nn_bank_create(&shape, &options, 1, &run->bank, error);
    }
    return status;
}

static enum ep_status train(struct run *run, const struct job_spec *spec, struct nn_outcome *outcome,
                            struct ep_error *error)
{
    const struct nn_plan plan = {
        .gemm = run->means->gemm,
        .epochs = (size_t)spec->epochs,
        .threads = run->means->threads,
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
        .train = {run->split, data_split_count(run->split, DATA_TRAIN), read_train},
        .validation = {run->split, data_split_count(run->split, DATA_VALIDATION), read_validation},
        .test = {run->split, data_split_count(run->split, DATA_TEST), read_test},
    };
    const struct nn_observer observer = {
        .context = run, .poll = poll, .epoch = end_epoch, .threads = threads_now};
    return nn_train(run->bank, &plan, &observer, outcome, error);
}

/* Writes the digest of the bank's only member. */
static enum ep_status digest_model(const struct nn_bank *bank, char text[EP_SHA256_TEXT],
                                   struct ep_error *error)
{
    const struct nn_layout *layout = nn_bank_layout(bank);
    nn_real *parameters = ep_allocate(layout->parameters, sizeof *parameters);
    nn_real *statistics = ep_allocate(layout->statistics, sizeof *statistics);
    struct ep_sha256 *digest = ep_sha256_create();
    const bool whole = parameters != NULL && statistics != NULL && digest != NULL;
    if (whole) {
        nn_bank_read(bank, 0, parameters, statistics);
        ep_sha256_add(digest, parameters, layout->parameters * sizeof *parameters);
        ep_sha256_add(digest, statistics, layout->statistics * sizeof *statistics);
    }
    if (digest != NULL) {
        ep_sha256_finish(digest, text);
    }
    free(parameters);
    free(statistics);
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
        status = digest_model(run->bank, result->model_sha256, error);
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
    *result = (struct job_result){.outcome = {.cost_test = NAN, .accuracy_test = NAN}};
    const struct data_set *set = NULL;
    enum ep_status status = data_registry_open(means->registry, spec->dataset, &set, error);
    if (status == EP_OK) {
        status = prepare(&run, spec, set, error);
    }
    if (status == EP_OK) {
        status = train_and_read(&run, spec, set->info.classes, result, error);
    }
    nn_bank_destroy(run.bank);
    data_batches_destroy(run.batches);
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
    if (outcome->end == NN_DIVERGED) {
        job->failed_epoch = outcome->epoch;
        ep_fail(&job->failure, EP_DIVERGED,
                "the cost stopped being a finite number in epoch %zu; a smaller eta may help",
                outcome->epoch);
    }
    job_confusion_done(&job->confusion);
    return job_confusion_copy(&result->confusion, &job->confusion, error);
}
