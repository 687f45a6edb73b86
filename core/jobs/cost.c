#include "core/base/machine.h"
#include "core/base/memory.h"
#include "core/data/projection.h"
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

/* Bytes of the dataset and of a job's view of it; false when they overflow. */
static bool data_bytes(const struct job_spec *spec, const struct data_info *info, size_t *bytes)
{
    size_t images;
    const size_t order = (size_t)spec->train_size * sizeof(uint32_t);
    const size_t statistics = 2 * info->features * sizeof(float);
    return ep_size_add(info->train_count, info->test_count, &images) &&
           ep_size_multiply(images, info->features + 1, bytes) &&
           ep_size_add(*bytes, order + statistics, bytes);
}

/* Bytes of the principal axes while they are computed, and of the images on `width` of them. */
static bool axes_bytes(const struct job_spec *spec, const struct data_info *info, size_t width, size_t *bytes)
{
    size_t axes;
    *bytes = 0;
    return !job_spec_rotates(spec) ||
           (data_axes_bytes(info->features, &axes) &&
            data_projection_bytes((size_t)(spec->train_size + spec->validation_size) + info->test_count,
                                  width, bytes) &&
            ep_size_add(*bytes, axes, bytes));
}

/* Bytes of the engine for a bank of `members` such networks. */
static enum ep_status engine_bytes(const struct job_spec *spec, const struct nn_shape *shape, size_t members,
                                   size_t *bytes, struct ep_error *error)
{
    struct nn_member_options options[2];
    const size_t threads = spec->threads > 0 ? (size_t)spec->threads : ep_machine_cores();
    job_spec_member(spec, &options[0]);
    options[1] = options[0];
    return nn_memory_of(shape, options, members, (size_t)spec->batch_size, threads, spec->patience > 0, bytes,
                        error);
}

enum ep_status job_cost_of(const struct job_spec *spec, const struct data_info *info, struct job_cost *cost,
                           struct ep_error *error)
{
    struct nn_shape shape;
    struct nn_layout layout;
    size_t engine;
    size_t pair;
    size_t data;
    size_t axes;
    job_spec_shape(spec, info, &shape);
    enum ep_status status = nn_layout_of(&shape, &layout, error);
    if (status == EP_OK) {
        status = engine_bytes(spec, &shape, 1, &engine, error);
    }
    if (status == EP_OK) {
        status = engine_bytes(spec, &shape, 2, &pair, error);
    }
    if (status != EP_OK) {
        return status;
    }
    if (!data_bytes(spec, info, &data) || !axes_bytes(spec, info, shape.width[0], &axes) ||
        !ep_size_add(engine, data, &cost->memory) || !ep_size_add(cost->memory, axes, &cost->memory)) {
        return ep_fail(error, EP_TOO_LARGE, "the job takes more memory than can be counted");
    }
    const double epochs = (double)spec->epochs;
    const double evaluated =
        epochs * (double)(spec->train_size + spec->validation_size) + (double)info->test_count;
    cost->parameters = layout.parameters;
    cost->further = pair - engine;
    cost->steps = spec->epochs * job_spec_epoch_steps(spec);
    cost->flops =
        epochs * (double)spec->train_size * nn_training_flops(&shape) + evaluated * nn_forward_flops(&shape);
    return EP_OK;
}
