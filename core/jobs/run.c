#include "core/jobs/run.h"

#include <string.h>

#include "core/data/batches.h"
#include "core/data/split.h"
#include "core/nn/bank.h"

/* One job's data and network, and whom to tell. */
struct run {
    const struct nn_gemm *gemm;
    struct data_split *split;
    struct data_batches *batches;
    struct nn_bank *bank;
    const struct job_run_observer *observer;
};

static void begin_epoch(void *context, size_t epoch)
{
    data_batches_begin(context, epoch);
}

static size_t read_batch(void *context, size_t step, float *x, uint8_t *labels)
{
    return data_batches_read(context, step, x, labels);
}

static void read_train(const void *context, size_t first, size_t rows, float *x, uint8_t *labels)
{
    data_split_read(context, DATA_TRAIN, first, rows, x, labels);
}

static void read_validation(const void *context, size_t first, size_t rows, float *x, uint8_t *labels)
{
    data_split_read(context, DATA_VALIDATION, first, rows, x, labels);
}

static void read_test(const void *context, size_t first, size_t rows, float *x, uint8_t *labels)
{
    data_split_read(context, DATA_TEST, first, rows, x, labels);
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
        .gemm = run->gemm,
        .epochs = (size_t)spec->epochs,
        .stream =
            {
                .context = run->batches,
                .steps = data_batches_steps(run->batches),
                .rows_most = (size_t)spec->batch_size,
                .begin = begin_epoch,
                .read = read_batch,
            },
        .train = {run->split, data_split_count(run->split, DATA_TRAIN), read_train},
        .validation = {run->split, data_split_count(run->split, DATA_VALIDATION), read_validation},
        .test = {run->split, data_split_count(run->split, DATA_TEST), read_test},
    };
    const struct nn_observer observer = {.context = run, .poll = poll, .epoch = end_epoch};
    return nn_train(run->bank, &plan, &observer, outcome, error);
}

/* Writes the digest of the bank's only member. */
static enum ep_status digest_model(struct nn_bank *bank, char text[EP_SHA256_TEXT], struct ep_error *error)
{
    struct nn_layout layout;
    const enum ep_status status = nn_layout_of(nn_bank_shape(bank), &layout, error);
    struct ep_sha256 *digest = status == EP_OK ? ep_sha256_create() : NULL;
    if (digest == NULL) {
        return status != EP_OK ? status
                               : ep_fail(error, EP_NO_MEMORY, "no memory for the digest of the model");
    }
    ep_sha256_add(digest, nn_bank_parameters(bank, 0), layout.parameters * sizeof(nn_real));
    ep_sha256_add(digest, nn_bank_statistics(bank, 0), layout.statistics * sizeof(nn_real));
    ep_sha256_finish(digest, text);
    return EP_OK;
}

enum ep_status job_run(const struct job_spec *spec, struct data_registry *registry,
                       const struct nn_gemm *gemm, const struct job_run_observer *observer,
                       struct job_result *result, struct ep_error *error)
{
    struct run run = {.gemm = gemm, .observer = observer};
    const struct data_set *set = NULL;
    enum ep_status status = data_registry_open(registry, spec->dataset, &set, error);
    if (status == EP_OK) {
        status = prepare(&run, spec, set, error);
    }
    if (status == EP_OK) {
        status = train(&run, spec, &result->outcome, error);
    }
    result->model_sha256[0] = '\0';
    if (status == EP_OK && result->outcome.end == NN_FINISHED) {
        status = digest_model(run.bank, result->model_sha256, error);
    }
    nn_bank_destroy(run.bank);
    data_batches_destroy(run.batches);
    data_split_destroy(run.split);
    return status;
}

void job_run_conclude(const struct job_result *result, struct job *job)
{
    const struct nn_outcome *outcome = &result->outcome;
    memcpy(job->model_sha256, result->model_sha256, sizeof job->model_sha256);
    job->cost_test = outcome->cost_test;
    job->accuracy_test = outcome->accuracy_test;
    if (outcome->end == NN_DIVERGED) {
        job->failed_epoch = outcome->epoch;
        ep_fail(&job->failure, EP_DIVERGED,
                "the cost stopped being a finite number in epoch %zu; a smaller eta may help",
                outcome->epoch);
    }
}
