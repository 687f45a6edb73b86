#include "core/search/definition.h"

#include <stdlib.h>

#include "core/base/macros.h"
#include "core/base/memory.h"

static const char *const metric_names[] = {"cost_validation", "accuracy_validation", NULL};
static const char *const goal_names[] = {"minimize", "maximize", NULL};
static const char *const epoch_names[] = {"best", "last", NULL};

#define AT(member) .offset = offsetof(struct search_settings, member)

static const struct ep_field rows[] = {
    {
        .name = "name",
        .kind = EP_FIELD_TEXT,
        AT(name),
        .length_most = JOB_NAME_MAX,
        .form = EP_TEXT_FREE,
        .unit = "bytes",
        .help = "A name for people; need not be unique.",
    },
    {
        .name = "objective/metric",
        .kind = EP_FIELD_CHOICE,
        AT(metric),
        .choices = metric_names,
        .preset = SEARCH_ACCURACY,
        .help = "What trials are compared by: the cost or the accuracy on the validation images.",
    },
    {
        .name = "objective/goal",
        .kind = EP_FIELD_CHOICE,
        AT(goal),
        .derived = true,
        .choices = goal_names,
        .help =
            "Whether a lower or a higher value is better. Default: minimize a cost, maximize an accuracy.",
    },
    {
        .name = "objective/epoch",
        .kind = EP_FIELD_CHOICE,
        AT(epoch),
        .choices = epoch_names,
        .preset = SEARCH_LAST_EPOCH,
        .help = "Which epoch of a trial counts: the one with its best value, or the last.",
    },
    {
        .name = "max_trials",
        .kind = EP_FIELD_INTEGER,
        AT(max_trials),
        .least = 1,
        .most = SEARCH_TRIALS_MAX,
        .preset = SEARCH_TRIALS_MAX,
        .unit = "trials",
        .help = "Most trials in all stages together; the search ends after them.",
    },
    {
        .name = "max_seconds",
        .kind = EP_FIELD_NUMBER,
        AT(max_seconds),
        .most = 31536000,
        .unit = "s",
        .help = "Time after which the search ends and its trials are cancelled, pauses left out. 0: any.",
    },
    {
        .name = "target",
        .kind = EP_FIELD_NUMBER,
        AT(target),
        .derived = true,
        .least = -1e308,
        .most = 1e308,
        .help = "The search ends when the objective of a trial is this good. Default: there is no target.",
    },
    {
        .name = "halving/epochs",
        .kind = EP_FIELD_INTEGER,
        AT(halving_first),
        .most = JOB_EPOCHS_MAX,
        .unit = "epochs",
        .help =
            "The first rung: after so many epochs the best trials go on and the others are cut; fewer than "
            "the trials' epochs. 0: none is cut.",
    },
    {
        .name = "halving/factor",
        .kind = EP_FIELD_INTEGER,
        AT(halving_factor),
        .least = 2,
        .most = 64,
        .preset = 3,
        .help = "One in so many trials goes on from a rung, and the next rung has so many times the epochs.",
    },
    {
        .name = "halving/brackets",
        .kind = EP_FIELD_BOOLEAN,
        AT(halving_brackets),
        .help = "Hyperband: part of the trials start at a higher rung, in case the first epochs deceive.",
    },
};

const struct ep_fields search_settings_fields = {rows, EP_COUNT(rows), sizeof(struct search_settings)};

struct search_halving search_halving_of(const struct search_settings *settings)
{
    return (struct search_halving){
        .first = settings->halving_first,
        .factor = settings->halving_factor,
        .brackets = settings->halving_brackets,
    };
}

double search_loss(const struct search_settings *settings, double objective)
{
    return settings->goal == SEARCH_MAXIMIZE ? -objective : objective;
}

enum ep_status search_definition_copy(const struct search_definition *from, struct search_definition *to,
                                      struct ep_error *error)
{
    *to = *from;
    to->stages = ep_allocate(from->stage_count, sizeof *to->stages);
    enum ep_status status =
        to->stages != NULL ? EP_OK : ep_fail(error, EP_NO_MEMORY, "no memory for the stages of a search");
    for (size_t i = 0; i < from->stage_count && status == EP_OK; i++) {
        status = search_stage_copy(&from->stages[i], &to->stages[i], error);
    }
    if (status != EP_OK) {
        search_definition_done(to);
    }
    return status;
}

void search_definition_done(struct search_definition *definition)
{
    for (size_t i = 0; definition->stages != NULL && i < definition->stage_count; i++) {
        search_stage_done(&definition->stages[i]);
    }
    free(definition->stages);
    *definition = (struct search_definition){.stages = NULL};
}

size_t search_stage_trials(const struct search_stage *stage)
{
    return stage->method == SEARCH_GRID ? search_grid_count(stage) : (size_t)stage->trials;
}
