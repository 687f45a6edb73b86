#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/job_json.h"
#include "api/json.h"
#include "api/schema.h"
#include "api/search_json.h"

enum { MEASURED_DIGITS = 4 };

/* Rows of the spec that some stage varies or sets, as bits. */
static uint64_t rows_of(const struct search_definition *definition)
{
    uint64_t rows = 0;
    for (size_t s = 0; s < definition->stage_count; s++) {
        const struct search_stage *stage = &definition->stages[s];
        for (size_t i = 0; i < stage->field_count; i++) {
            rows |= (uint64_t)1 << stage->fields[i].row;
        }
        for (size_t i = 0; i < stage->pin_count; i++) {
            rows |= (uint64_t)1 << stage->pins[i].row;
        }
    }
    return rows;
}

/* Whether some other value of row `varied` makes the field called `name` play no part. */
static bool may_not_count(const struct job_spec *base, size_t varied, const char *name)
{
    const struct ep_field *row = &job_spec_fields.rows[varied];
    struct job_spec other = *base;
    bool counts = true;
    if (row->kind == EP_FIELD_CHOICE) {
        for (int i = 0; row->choices[i] != NULL; i++) {
            *(int *)ep_field_at(row, &other) = i;
            counts = counts && job_spec_counts(&other, name);
        }
    } else if (row->kind == EP_FIELD_INTEGER) {
        *(uint64_t *)ep_field_at(row, &other) = 0;
        counts = job_spec_counts(&other, name);
    }
    return !counts;
}

/* Whether the default of field `row` depends on one of the rows `varied`, so that it is each trial's own. */
static bool is_open(const struct job_spec *base, size_t row, uint64_t varied)
{
    static const char *const sizes[][2] = {{"train_size", "validation_size"},
                                           {"validation_size", "train_size"},
                                           {"batch_size", "train_size"},
                                           {"batch_size", "validation_size"},
                                           {"depth", "hidden"},
                                           {"hidden", "depth"}};
    const char *name = job_spec_fields.rows[row].name;
    bool open = false;
    for (size_t i = 0; i < job_spec_fields.count && !open; i++) {
        if ((varied >> i & 1) != 0) {
            open = may_not_count(base, i, name);
            for (size_t k = 0; k < EP_COUNT(sizes); k++) {
                open = open || (strcmp(sizes[k][0], name) == 0 &&
                                strcmp(sizes[k][1], job_spec_fields.rows[i].name) == 0);
            }
        }
    }
    return open;
}

/* The resolved base without what the client left to each trial: who sends it again gets the same search. */
static json_t *resolved_json(const struct search_definition *definition, const struct job_spec *base)
{
    const uint64_t varied = rows_of(definition);
    json_t *root = job_spec_json(base);
    for (size_t i = 0; i < job_spec_fields.count && root != NULL; i++) {
        if ((definition->base_given >> i & 1) == 0 && ((varied >> i & 1) != 0 || is_open(base, i, varied))) {
            schema_take_out(root, job_spec_fields.rows[i].name);
        }
    }
    return root;
}

json_t *search_shown_definition_json(const struct api *api, const struct search_definition *definition)
{
    const uint64_t depth = (uint64_t)1 << ep_fields_find(&job_spec_fields, "depth");
    const uint64_t hidden = (uint64_t)1 << ep_fields_find(&job_spec_fields, "hidden");
    struct data_info info;
    struct job_spec base = definition->base;
    uint64_t given = definition->base_given;
    struct ep_faults *faults = calloc(1, sizeof *faults);
    if (faults == NULL) {
        return NULL;
    }
    if ((given & (depth | hidden)) == 0) {
        /* Each stage gives one of them. */
        base.depth = 1;
        given |= depth;
    }
    bool resolved = data_registry_describe(api->registry, base.dataset, &info, NULL) == EP_OK;
    if (resolved) {
        job_spec_resolve(&base, given, &info, &api->limits, faults);
        resolved = faults->count == 0;
    }
    free(faults);
    return search_definition_json(definition,
                                  resolved ? resolved_json(definition, &base) : search_base_json(definition));
}

json_t *search_banks_json(const struct search_plan *plan)
{
    json_t *list = json_array();
    for (size_t i = 0; i < plan->bank_count && list != NULL; i++) {
        const struct search_bank *bank = &plan->banks[i];
        list = json_append(
            list, json_pack("{s:I, s:I, s:I, s:I, s:I}", "stage", (json_int_t)bank->stage, "bank",
                            (json_int_t)bank->number, "trials", (json_int_t)bank->trials, "parameters",
                            (json_int_t)bank->parameters, "memory_bytes", (json_int_t)bank->memory));
    }
    return list;
}

json_t *search_trial_json(const struct search_trial *trial, json_t *values, size_t rank)
{
    return json_pack(
        "{s:s, s:I, s:I, s:I, s:s, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o}}",
        "id", trial->id, "stage", (json_int_t)trial->stage, "ordinal", (json_int_t)trial->ordinal, "bank",
        (json_int_t)trial->bank, "state", job_state_name(trial->state), "cut_epoch",
        json_epoch(trial->cut_epoch), "failed_epoch", json_epoch(trial->failed_epoch), "values", values,
        "epoch", (json_int_t)trial->epoch, "epochs", (json_int_t)trial->epochs, "objective",
        json_number(trial->objective), "objective_epoch", json_epoch(trial->objective_epoch),
        "cost_validation", json_number(trial->cost_validation), "accuracy_validation",
        json_number(trial->accuracy_validation), "accuracy_test", json_number(trial->accuracy_test), "rank",
        json_epoch(rank), "started_at", json_time(trial->started_at), "finished_at",
        json_time(trial->finished_at), "links", "job", json_sprintf("/v1/jobs/%s", trial->id));
}

/* Adds the value of a field of `spec` to `object`, once. */
static json_t *add_value(json_t *object, size_t row, const struct job_spec *spec)
{
    char name[SEARCH_NAME_MAX];
    const struct ep_field *field = &job_spec_fields.rows[row];
    search_field_name(row, name);
    if (json_object_get(object, name) == NULL &&
        json_object_set_new(object, name, schema_encode_value(field, ep_field_of(field, spec))) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* The values in which a job may differ from the others of its search; none when the job is gone. */
static json_t *job_values_json(const struct api *api, const struct search_definition *definition,
                               const char *id)
{
    struct job job;
    json_t *object = json_object();
    if (object == NULL || jobs_get(api->jobs, id, &job, NULL) != EP_OK) {
        return object;
    }
    for (size_t s = 0; s < definition->stage_count; s++) {
        const struct search_stage *stage = &definition->stages[s];
        for (size_t i = 0; i < stage->field_count && object != NULL; i++) {
            object = add_value(object, stage->fields[i].row, &job.spec);
        }
        for (size_t i = 0; i < stage->pin_count && object != NULL; i++) {
            object = add_value(object, stage->pins[i].row, &job.spec);
        }
    }
    job_done(&job);
    return object;
}

static json_t *best_json(const struct api *api, const struct search *search)
{
    if (!search->has_best) {
        return json_null();
    }
    return search_trial_json(&search->best, job_values_json(api, &search->definition, search->best.id), 1);
}

static json_t *counts_json(const struct search *search)
{
    size_t made = 0;
    for (size_t i = 0; i < JOB_STATES; i++) {
        made += search->by_state[i];
    }
    const size_t cancelled = search->by_state[JOB_CANCELLED];
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "planned", (json_int_t)search->trials, "made",
        (json_int_t)made, "queued", (json_int_t)search->by_state[JOB_QUEUED], "running",
        (json_int_t)search->by_state[JOB_RUNNING], "succeeded", (json_int_t)search->by_state[JOB_SUCCEEDED],
        "failed", (json_int_t)search->by_state[JOB_FAILED], "cancelled",
        (json_int_t)(cancelled > search->cut ? cancelled - search->cut : 0), "cut", (json_int_t)search->cut);
}

static json_t *stages_json(const struct search *search)
{
    json_t *list = json_array();
    for (size_t i = 0; i < search->stage_count && list != NULL; i++) {
        const struct search_stage_summary *stage = &search->stages[i];
        const bool any = stage->best[0] != '\0';
        list = json_append(list, json_pack("{s:I, s:I, s:I, s:o, s:o}", "trials", (json_int_t)stage->trials,
                                           "made", (json_int_t)stage->made, "ended", (json_int_t)stage->ended,
                                           "best", any ? json_string(stage->best) : json_null(), "objective",
                                           any ? json_number(stage->objective) : json_null()));
    }
    return list;
}

static json_t *links_json(const char *id)
{
    static const char *const names[] = {"trials", "importance", "cancel", "pause", "resume"};
    json_t *links = json_pack("{s:o, s:o, s:o, s:o}", "self", json_sprintf("/v1/searches/%s", id), "csv",
                              json_sprintf("/v1/searches/%s/trials.csv", id), "figure",
                              json_sprintf("/v1/searches/%s/figure.svg", id), "jobs",
                              json_sprintf("/v1/jobs?search=%s", id));
    for (size_t i = 0; i < EP_COUNT(names) && links != NULL; i++) {
        if (json_object_set_new(links, names[i], json_sprintf("/v1/searches/%s/%s", id, names[i])) != 0) {
            json_decref(links);
            links = NULL;
        }
    }
    return links;
}

json_t *search_json(const struct api *api, const struct search *search)
{
    return json_pack(
        "{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:o, s:{s:o, s:o, s:I}, s:o}", "id",
        search->id, "name", json_text(search->definition.settings.name), "state",
        search_state_name(search->state), "reason", json_text(search->reason), "created_at",
        json_time(search->created_at), "finished_at", json_time(search->finished_at), "seconds",
        json_rounded(search->seconds, MEASURED_DIGITS), "definition",
        search_shown_definition_json(api, &search->definition), "trials", counts_json(search), "progress",
        "fraction", json_rounded(search->fraction, MEASURED_DIGITS), "remaining_seconds",
        json_rounded(search->remaining_seconds, MEASURED_DIGITS), "best", best_json(api, search), "stages",
        stages_json(search), "plan", "banks", search_banks_json(&search->plan), "flops",
        json_rounded(search->plan.flops, MEASURED_DIGITS), "memory_bytes", (json_int_t)search->plan.memory,
        "links", links_json(search->id));
}
