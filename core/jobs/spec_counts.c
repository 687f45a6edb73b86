#include <string.h>

#include "core/base/macros.h"
#include "core/jobs/spec_counts.h"

static bool gaussian(const struct job_spec *spec)
{
    return spec->init_kind == NN_INIT_GAUSSIAN;
}

static bool has_period(const struct job_spec *spec)
{
    return spec->decay_kind == NN_STEP || spec->decay_kind == NN_TRIANGULAR;
}

static bool descends(const struct job_spec *spec)
{
    return spec->optimizer == NN_SGD;
}

static bool adapts(const struct job_spec *spec)
{
    return spec->optimizer == NN_ADAM;
}

static bool may_stop(const struct job_spec *spec)
{
    return spec->patience > 0;
}

static const struct job_spec_dependence dependences[] = {
    {"init/std", "init/kind", gaussian, "goes only with init.kind \"gaussian\""},
    {"decay/every", "decay/kind", has_period, "goes only with decay.kind \"step\" or \"triangular\""},
    {"decay/factor", "decay/kind", has_period, "goes only with decay.kind \"step\" or \"triangular\""},
    {"momentum", "optimizer", descends, "goes only with optimizer \"sgd\""},
    {"nesterov", "optimizer", descends, "goes only with optimizer \"sgd\""},
    {"adam/beta1", "optimizer", adapts, "goes only with optimizer \"adam\""},
    {"adam/beta2", "optimizer", adapts, "goes only with optimizer \"adam\""},
    {"adam/epsilon", "optimizer", adapts, "goes only with optimizer \"adam\""},
    {"early_stopping/watch", "early_stopping/patience", may_stop, "goes only with early_stopping.patience"},
};

const struct job_spec_dependence *job_spec_dependence_of(const char *name)
{
    for (size_t i = 0; i < EP_COUNT(dependences); i++) {
        if (strcmp(name, dependences[i].name) == 0) {
            return &dependences[i];
        }
    }
    return NULL;
}

bool job_spec_counts(const struct job_spec *spec, const char *name)
{
    const struct job_spec_dependence *dependence = job_spec_dependence_of(name);
    return dependence == NULL || dependence->holds(spec);
}
