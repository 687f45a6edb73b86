#include <stddef.h>

#include "api/search_decode.h"
#include "core/base/macros.h"

enum { BATCH_MAX = 1000 };

static const char *const sampler_names[] = {"random", "tpe", NULL};
static const char *const around_names[] = {"best", NULL};
static const char *const scale_names[] = {"linear", "log", NULL};

#define AT(member) .offset = offsetof(struct search_stage_members, member)

static const struct ep_field stage_rows[] = {
    {
        .name = "trials",
        .kind = EP_FIELD_INTEGER,
        AT(trials),
        .derived = true,
        .least = 1,
        .most = SEARCH_TRIALS_MAX,
        .unit = "trials",
        .help = "How many points are drawn; required with random.",
    },
    {
        .name = "seed",
        .kind = EP_FIELD_INTEGER,
        AT(seed),
        .most = 9007199254740991,
        .preset = 1,
        .help = "Seed of the points that are drawn; only with random.",
    },
    {
        .name = "sampler",
        .kind = EP_FIELD_CHOICE,
        AT(sampler),
        .choices = sampler_names,
        .help = "Draws all points alike, or learns from the trials so far (tpe); only with random.",
    },
    {
        .name = "batch",
        .kind = EP_FIELD_INTEGER,
        AT(batch),
        .least = 1,
        .most = BATCH_MAX,
        .preset = 10,
        .unit = "trials",
        .help = "Trials that are proposed at a time; only with sampler tpe.",
    },
    {
        .name = "around",
        .kind = EP_FIELD_CHOICE,
        AT(around),
        .derived = true,
        .choices = around_names,
        .help = "The stage lies around the best trial of the stage before.",
    },
    {
        .name = "shrink",
        .kind = EP_FIELD_NUMBER,
        AT(shrink),
        .above_least = true,
        .most = 1,
        .preset = 0.25,
        .help = "Width of a range without ends against that of the stage before.",
    },
};

#undef AT
#define AT(member) .offset = offsetof(struct search_range_members, member)

static const struct ep_field range_rows[] = {
    {
        .name = "count",
        .kind = EP_FIELD_INTEGER,
        AT(count),
        .derived = true,
        .least = 1,
        .most = SEARCH_VALUES_MAX,
        .help = "Points of the range, both ends among them; required in a grid, and only there.",
    },
    {
        .name = "scale",
        .kind = EP_FIELD_CHOICE,
        AT(scale),
        .choices = scale_names,
        .help = "Whether differences or ratios of the points are equal.",
    },
};

const struct ep_fields search_stage_fields = {stage_rows, EP_COUNT(stage_rows),
                                              sizeof(struct search_stage_members)};
const struct ep_fields search_range_fields = {range_rows, EP_COUNT(range_rows),
                                              sizeof(struct search_range_members)};
