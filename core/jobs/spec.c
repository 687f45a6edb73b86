#include "core/jobs/spec.h"

#include <stdio.h>
#include <string.h>

#include "core/data/split.h"
#include "core/jobs/spec_counts.h"

/* What a spec is resolved with, and where its faults go. */
struct resolution {
    struct job_spec *spec;
    uint64_t given;
    const struct data_info *info;
    struct ep_faults *faults;
};

static bool given(const struct resolution *resolution, const char *name)
{
    return (resolution->given >> ep_fields_find(&job_spec_fields, name) & 1) != 0;
}

/* Whether the value of a field can be believed: none of the faults so far is at its pointer or below. */
static bool sound(const struct resolution *resolution, const char *name)
{
    const size_t length = strlen(name);
    for (size_t i = 0; i < resolution->faults->count; i++) {
        const char *pointer = resolution->faults->items[i].pointer;
        if (pointer[0] == '/' && strncmp(pointer + 1, name, length) == 0 &&
            (pointer[1 + length] == '\0' || pointer[1 + length] == '/')) {
            return false;
        }
    }
    return true;
}

static void resolve_layers(struct resolution *resolution)
{
    struct job_spec *spec = resolution->spec;
    const bool by_depth = given(resolution, "depth");
    const bool by_hidden = given(resolution, "hidden");
    if (!sound(resolution, "depth") || !sound(resolution, "hidden")) {
        return;
    }
    if (!by_depth && !by_hidden) {
        ep_faults_add(resolution->faults, "/depth",
                      "is missing; depth (layers with weights) or hidden (units of each "
                      "hidden layer) is required");
    } else if (!by_hidden) {
        spec->hidden.count = (uint32_t)spec->depth - 1;
        for (uint32_t i = 0; i < spec->hidden.count; i++) {
            spec->hidden.items[i] = i == 0 ? 50 : 30;
        }
    } else if (!by_depth) {
        spec->depth = spec->hidden.count + 1;
    } else if (spec->depth != spec->hidden.count + 1) {
        ep_faults_add(resolution->faults, "/depth",
                      "got %llu, but hidden has %u layers, which makes a depth of %u; give one of them or "
                      "let them agree",
                      (unsigned long long)spec->depth, spec->hidden.count, spec->hidden.count + 1);
    }
}

static void resolve_sizes(struct resolution *resolution)
{
    struct job_spec *spec = resolution->spec;
    if (resolution->info == NULL || !sound(resolution, "train_size") ||
        !sound(resolution, "validation_size")) {
        return;
    }
    const uint64_t images = resolution->info->train_count;
    const bool train_given = given(resolution, "train_size");
    if (!given(resolution, "validation_size")) {
        const uint64_t left = train_given && spec->train_size < images ? images - spec->train_size : 0;
        const uint64_t tenth = images / 10;
        spec->validation_size = train_given && left < tenth ? left : tenth;
    }
    if (!train_given && spec->validation_size < images) {
        spec->train_size = images - spec->validation_size;
    }
    if (!train_given && spec->validation_size >= images) {
        ep_faults_add(resolution->faults, "/validation_size",
                      "got %llu, which leaves no training images: the training part of %s has %llu",
                      (unsigned long long)spec->validation_size, resolution->info->name,
                      (unsigned long long)images);
    } else if (spec->train_size > images || spec->validation_size > images - spec->train_size) {
        ep_faults_add(
            resolution->faults, "/train_size",
            "%llu training and %llu validation images are asked for; the training part of %s has %llu",
            (unsigned long long)spec->train_size, (unsigned long long)spec->validation_size,
            resolution->info->name, (unsigned long long)images);
    }
}

static void resolve_batches(struct resolution *resolution)
{
    struct job_spec *spec = resolution->spec;
    if (!sound(resolution, "batch_size")) {
        return;
    }
    const bool size_known = spec->train_size > 0 && sound(resolution, "train_size");
    if (size_known && !given(resolution, "batch_size") && spec->batch_size > spec->train_size) {
        spec->batch_size = spec->train_size;
    }
    if (size_known && spec->batch_size > spec->train_size) {
        ep_faults_add(resolution->faults, "/batch_size", "got %llu; there are only %llu training images",
                      (unsigned long long)spec->batch_size, (unsigned long long)spec->train_size);
    }
    if (spec->batch_norm && spec->batch_size < 2 && sound(resolution, "batch_norm")) {
        ep_faults_add(
            resolution->faults, "/batch_size",
            "got %llu; batch normalisation needs mini-batches of at least 2 images (or batch_norm: false)",
            (unsigned long long)spec->batch_size);
    }
}

/* A switch that is off is no wish. */
static bool is_off(const struct ep_field *field, const struct job_spec *spec)
{
    return field->kind == EP_FIELD_BOOLEAN && !*(const bool *)ep_field_of(field, spec);
}

/* Fields that were given but play no part. */
static void check_dependences(const struct resolution *resolution)
{
    for (size_t i = 0; i < job_spec_fields.count; i++) {
        const struct ep_field *field = &job_spec_fields.rows[i];
        const struct job_spec_dependence *dependence = job_spec_dependence_of(field->name);
        if (dependence != NULL && (resolution->given >> i & 1) != 0 && sound(resolution, field->name) &&
            sound(resolution, dependence->on) && !dependence->holds(resolution->spec) &&
            !is_off(field, resolution->spec)) {
            char pointer[64];
            snprintf(pointer, sizeof pointer, "/%s", field->name);
            ep_faults_add(resolution->faults, pointer, "%s", dependence->fault);
        }
    }
}

static void check_training(const struct resolution *resolution)
{
    const struct job_spec *spec = resolution->spec;
    if (spec->warm_up > 0 && spec->warm_up >= spec->epochs && sound(resolution, "warm_up") &&
        sound(resolution, "epochs")) {
        ep_faults_add(resolution->faults, "/warm_up", "got %llu; it must be less than the %llu epochs",
                      (unsigned long long)spec->warm_up, (unsigned long long)spec->epochs);
    }
    if (spec->scale_shift && !spec->batch_norm && sound(resolution, "scale_shift") &&
        sound(resolution, "batch_norm")) {
        ep_faults_add(resolution->faults, "/scale_shift", "goes only with batch_norm");
    }
    if (spec->patience > 0 && spec->validation_size == 0 && resolution->info != NULL &&
        sound(resolution, "early_stopping") && sound(resolution, "validation_size") &&
        sound(resolution, "train_size")) {
        ep_faults_add(resolution->faults, "/early_stopping/patience",
                      "needs validation images to watch; validation_size is 0");
    }
}

static void check_memory(const struct resolution *resolution, size_t limit)
{
    struct job_cost cost;
    struct ep_error error;
    const double mebibyte = 1024.0 * 1024.0;
    if (job_cost_of(resolution->spec, resolution->info, &cost, &error) != EP_OK) {
        ep_faults_add(resolution->faults, "/hidden", "%s", error.text);
    } else if (limit > 0 && cost.memory > limit) {
        ep_faults_add(resolution->faults, "/hidden",
                      "training this network of %llu parameters takes %.0f MiB (weights, momenta, "
                      "activations, images); "
                      "a job may take %.0f MiB here",
                      (unsigned long long)cost.parameters, (double)cost.memory / mebibyte,
                      (double)limit / mebibyte);
    }
}

bool job_spec_rotates(const struct job_spec *spec)
{
    return spec->components > 0 || spec->variance > 0;
}

static void check_axes(const struct resolution *resolution, const struct job_limits *limits)
{
    const struct job_spec *spec = resolution->spec;
    if (!job_spec_rotates(spec) || !sound(resolution, "pca")) {
        return;
    }
    if (spec->components > 0 && spec->variance > 0) {
        ep_faults_add(resolution->faults, "/pca/variance", "goes only without pca.components");
    }
    if (resolution->info != NULL && spec->components > resolution->info->features) {
        ep_faults_add(resolution->faults, "/pca/components", "got %llu; images of %s have %zu numbers",
                      (unsigned long long)spec->components, resolution->info->name,
                      resolution->info->features);
    }
    if ((spec->augment_flip || spec->augment_shift > 0) && sound(resolution, "augment")) {
        ep_faults_add(resolution->faults, "/augment",
                      "does not go with pca: images are projected once, before training");
    }
    if (limits->portable) {
        ep_faults_add(
            resolution->faults, "/pca",
            "does not go with --numerics portable: principal axes come from LAPACK, whose last bits "
            "depend on the processor");
    }
}

static void check_precision(const struct resolution *resolution, const struct job_limits *limits)
{
    if (resolution->spec->precision != JOB_BF16 || !sound(resolution, "precision")) {
        return;
    }
    if (limits->portable) {
        ep_faults_add(resolution->faults, "/precision",
                      "bf16 does not go with --numerics portable: not every processor has it");
    } else if (!limits->bf16) {
        ep_faults_add(
            resolution->faults, "/precision",
            "bf16 needs a processor with AVX512_BF16, and the engine's kernels for AVX-512 (see gemm in "
            "GET /v1/system)");
    }
}

void job_spec_resolve(struct job_spec *spec, uint64_t given_rows, const struct data_info *info,
                      const struct job_limits *limits, struct ep_faults *faults)
{
    struct resolution resolution = {.spec = spec, .given = given_rows, .info = info, .faults = faults};
    resolve_layers(&resolution);
    resolve_sizes(&resolution);
    resolve_batches(&resolution);
    check_dependences(&resolution);
    check_training(&resolution);
    check_axes(&resolution, limits);
    check_precision(&resolution, limits);
    if (faults->count == 0 && info != NULL) {
        check_memory(&resolution, limits->memory);
    }
}

void job_spec_shape(const struct job_spec *spec, const struct data_info *info, struct nn_shape *shape)
{
    *shape = (struct nn_shape){
        .layers = spec->hidden.count + 1U,
        .batch_norm = spec->batch_norm,
        .scale_shift = spec->scale_shift,
        .activation = (enum nn_activation)spec->activation,
        .bf16 = spec->precision == JOB_BF16,
    };
    shape->width[0] = spec->components > 0 ? (size_t)spec->components : info->features;
    for (size_t l = 0; l < spec->hidden.count; l++) {
        shape->width[l + 1] = spec->hidden.items[l];
    }
    shape->width[shape->layers] = info->classes;
}

void job_spec_member(const struct job_spec *spec, struct nn_member_options *options)
{
    *options = (struct nn_member_options){
        .eta = spec->eta,
        .lambda = spec->lambda,
        .optimizer = (enum nn_optimizer)spec->optimizer,
        .momentum = spec->momentum,
        .nesterov = spec->nesterov,
        .beta1 = spec->beta1,
        .beta2 = spec->beta2,
        .epsilon = spec->epsilon,
        .dropout = spec->dropout,
        .schedule = (enum nn_schedule)spec->decay_kind,
        .epochs = spec->epochs,
        .warm_up = spec->warm_up,
        .decay_every = spec->decay_every,
        .decay_factor = spec->decay_factor,
        .init = (enum nn_init_kind)spec->init_kind,
        .init_std = spec->init_std,
        .seed = spec->seed,
    };
}
