#include "core/base/memory.h"
#include "core/jobs/spec.h"
#include "core/nn/bank.h"
#include "core/nn/trainer.h"

size_t job_spec_least_batch(const struct job_spec *spec)
{
    return spec->batch_norm ? 2 : 1;
}

uint64_t job_spec_epoch_steps(const struct job_spec *spec)
{
    const uint64_t rest = spec->train_size % spec->batch_size;
    return spec->train_size / spec->batch_size + (rest >= job_spec_least_batch(spec) ? 1 : 0);
}

/* Bytes of the buffers besides the bank and its workspace; false when they overflow. */
static bool buffer_bytes(const struct job_spec *spec, const struct data_info *info, size_t rows,
                         size_t *bytes)
{
    size_t images;
    size_t dataset;
    size_t batch;
    const size_t order = (size_t)spec->train_size * sizeof(uint32_t);
    const size_t statistics = 2 * info->features * sizeof(float);
    return ep_size_add(info->train_count, info->test_count, &images) &&
           ep_size_multiply(images, info->features + 1, &dataset) &&
           ep_size_multiply(rows, info->features * sizeof(float) + 1, &batch) &&
           ep_size_add(dataset, batch, bytes) && ep_size_add(*bytes, order + statistics, bytes);
}

enum ep_status job_cost_of(const struct job_spec *spec, const struct data_info *info, struct job_cost *cost,
                           struct ep_error *error)
{
    const size_t rows = spec->batch_size > NN_EVALUATION_ROWS ? (size_t)spec->batch_size : NN_EVALUATION_ROWS;
    struct nn_shape shape;
    struct nn_layout layout;
    size_t bank;
    size_t buffers;
    job_spec_shape(spec, info, &shape);
    enum ep_status status = nn_layout_of(&shape, &layout, error);
    if (status == EP_OK) {
        status = nn_memory_of(&shape, 1, rows, &bank, error);
    }
    if (status != EP_OK) {
        return status;
    }
    if (!buffer_bytes(spec, info, rows, &buffers) || !ep_size_add(bank, buffers, &cost->memory)) {
        return ep_fail(error, EP_TOO_LARGE, "the job takes more memory than can be counted");
    }
    const double epochs = (double)spec->epochs;
    const double evaluated =
        epochs * (double)(spec->train_size + spec->validation_size) + (double)info->test_count;
    cost->parameters = layout.parameters;
    cost->steps = spec->epochs * job_spec_epoch_steps(spec);
    cost->flops =
        epochs * (double)spec->train_size * nn_training_flops(&shape) + evaluated * nn_forward_flops(&shape);
    return EP_OK;
}
