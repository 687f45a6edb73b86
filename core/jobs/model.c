#include "core/jobs/model.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

/* A network's numbers in the order of struct nn_layout, with weights for pixels. */
struct model {
    size_t parameter_count, statistic_count;
    nn_real *parameters, *statistics;
};

static bool allocate_model(const struct nn_bank *bank, const struct data_axes *axes, struct model *model)
{
    const struct nn_layout *layout = nn_bank_layout(bank);
    const struct nn_shape *shape = nn_bank_shape(bank);
    const size_t further = axes == NULL ? 0 : axes->features - shape->width[0];
    size_t numbers;
    if (!ep_size_multiply(further, shape->width[1], &numbers) ||
        !ep_size_add(numbers, layout->parameters, &model->parameter_count)) {
        return false;
    }
    model->statistic_count = layout->statistics;
    model->parameters = ep_allocate(model->parameter_count, sizeof *model->parameters);
    model->statistics = ep_allocate(model->statistic_count, sizeof *model->statistics);
    return model->parameters != NULL && model->statistics != NULL;
}

/* A rotation of the inputs becomes part of the first layer, whose weights come first. */
static bool read_model(const struct nn_bank *bank, size_t member, const struct data_axes *axes,
                       struct model *model)
{
    const struct nn_layout *layout = nn_bank_layout(bank);
    const size_t width = nn_bank_shape(bank)->width[0];
    const size_t units = nn_bank_shape(bank)->width[1];
    const size_t before = width * units;
    if (axes == NULL) {
        nn_bank_read(bank, member, model->parameters, model->statistics);
        return true;
    }
    nn_real *trained = ep_allocate(layout->parameters, sizeof *trained);
    if (trained == NULL) {
        return false;
    }
    nn_bank_read(bank, member, trained, model->statistics);
    data_axes_fold(axes, width, trained, units, model->parameters);
    memcpy(model->parameters + axes->features * units, trained + before,
           (layout->parameters - before) * sizeof *trained);
    free(trained);
    return true;
}

enum ep_status job_model_digest(const struct nn_bank *bank, size_t member, const struct data_axes *axes,
                                char text[EP_SHA256_TEXT], struct ep_error *error)
{
    struct model model = {0};
    struct ep_sha256 *digest = ep_sha256_create();
    const bool whole =
        allocate_model(bank, axes, &model) && read_model(bank, member, axes, &model) && digest != NULL;
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
