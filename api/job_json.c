#include "api/job_json.h"

#include <math.h>

#include "api/json.h"
#include "api/problem.h"
#include "api/schema.h"

enum { MEASURED_DIGITS = 4 };

json_t *job_spec_json(const struct job_spec *spec)
{
    json_t *root = schema_encode(&job_spec_fields, spec);
    for (size_t i = 0; i < job_spec_fields.count && root != NULL; i++) {
        if (!job_spec_counts(spec, job_spec_fields.rows[i].name)) {
            schema_take_out(root, job_spec_fields.rows[i].name);
        }
    }
    return root;
}

static json_t *transitions_json(const struct job *job)
{
    json_t *list = json_array();
    for (size_t i = 0; i < job->transition_count && list != NULL; i++) {
        const struct job_transition *transition = &job->transitions[i];
        json_t *item = json_pack("{s:s, s:o, s:o}", "state", job_state_name(transition->state), "at",
                                 json_time(transition->at), "reason", json_text(transition->reason));
        list = json_append(list, item);
    }
    return list;
}

static json_t *progress_json(const struct job_progress *progress)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "epoch", (json_int_t)progress->epoch, "epochs",
                     (json_int_t)progress->epochs, "step", (json_int_t)progress->step, "steps",
                     (json_int_t)progress->steps, "fraction",
                     json_rounded(progress->fraction, MEASURED_DIGITS), "images_per_second",
                     json_rounded(progress->images_per_second, MEASURED_DIGITS), "remaining_seconds",
                     json_rounded(progress->remaining_seconds, MEASURED_DIGITS));
}

static json_t *latest_json(const struct job *job)
{
    const struct nn_epoch *row = &job->latest;
    if (!job->has_latest) {
        return json_null();
    }
    return json_pack("{s:I, s:o, s:{s:o, s:o}, s:{s:o, s:o}, s:o}", "epoch", (json_int_t)row->epoch, "eta",
                     json_number(row->eta), "cost", "train", json_number(row->cost_train), "validation",
                     json_number(row->cost_validation), "accuracy", "train", json_number(row->accuracy_train),
                     "validation", json_number(row->accuracy_validation), "seconds",
                     json_rounded(row->seconds, MEASURED_DIGITS));
}

static json_t *result_json(const struct job *job)
{
    if (job->state != JOB_SUCCEEDED) {
        return json_null();
    }
    json_t *pca = job->axes == 0 ? json_null()
                                 : json_pack("{s:I, s:o}", "components", (json_int_t)job->axes, "variance",
                                             json_rounded(job->axes_variance, MEASURED_DIGITS + 2));
    return json_pack("{s:o, s:o, s:I, s:o, s:s}", "cost_test", json_number(job->cost_test), "accuracy_test",
                     json_number(job->accuracy_test), "best_epoch", (json_int_t)job->best_epoch, "pca", pca,
                     "model_sha256", job->model_sha256);
}

static json_t *failure_json(const struct job *job)
{
    if (job->failure.status == EP_OK) {
        return json_null();
    }
    const bool diverged = job->failure.status == EP_DIVERGED;
    json_t *root = problem_json(diverged ? PROBLEM_DIVERGED : PROBLEM_TRAINING_FAILED, job->failure.text);
    if (root != NULL && diverged &&
        json_object_set_new(root, "epoch", json_integer((json_int_t)job->failed_epoch)) != 0) {
        json_decref(root);
        root = NULL;
    }
    return root;
}

static json_t *links_json(const char *id)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "self", json_sprintf("/v1/jobs/%s", id), "history",
                     json_sprintf("/v1/jobs/%s/history", id), "confusion",
                     json_sprintf("/v1/jobs/%s/confusion", id), "cancel",
                     json_sprintf("/v1/jobs/%s/cancel", id));
}

static json_t *search_json(const struct job_trial *trial)
{
    if (trial->search[0] == '\0') {
        return json_null();
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:o}", "id", trial->search, "stage", (json_int_t)trial->stage,
                     "ordinal", (json_int_t)trial->ordinal, "bank", (json_int_t)trial->bank, "cut_epoch",
                     json_epoch(trial->cut_epoch));
}

static json_t *best_json(const struct job_best *best)
{
    if (best->cost_epoch == 0 && best->accuracy_epoch == 0) {
        return json_null();
    }
    return json_pack("{s:{s:o, s:o}, s:{s:o, s:o}}", "cost_validation", "value",
                     best->cost_epoch == 0 ? json_null() : json_number(best->cost_validation), "epoch",
                     json_epoch(best->cost_epoch), "accuracy_validation", "value",
                     best->accuracy_epoch == 0 ? json_null() : json_number(best->accuracy_validation),
                     "epoch", json_epoch(best->accuracy_epoch));
}

json_t *job_json(const struct job *job)
{
    return json_pack("{s:s, s:o, s:s, s:b, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "id", job->id, "name", json_text(job->spec.name), "state", job_state_name(job->state),
                     "cancel_requested", job->cancel_requested, "spec", job_spec_json(&job->spec),
                     "spec_digest", job->spec_digest, "created_at", json_time(job->created_at), "started_at",
                     json_time(job->started_at), "finished_at", json_time(job->finished_at), "transitions",
                     transitions_json(job), "progress", progress_json(&job->progress), "latest",
                     latest_json(job), "best", best_json(&job->best), "search", search_json(&job->trial),
                     "result", result_json(job), "error", failure_json(job), "links", links_json(job->id));
}

json_t *job_confusion_json(const struct job_confusion *confusion)
{
    json_t *images = json_array();
    json_t *accuracy = json_array();
    json_t *rows = json_array();
    for (size_t label = 0; label < confusion->classes; label++) {
        const uint32_t *counts = confusion->counts + label * confusion->classes;
        json_t *row = json_array();
        uint64_t sum = 0;
        for (size_t guess = 0; guess < confusion->classes && row != NULL; guess++) {
            row = json_append(row, json_integer((json_int_t)counts[guess]));
            sum += counts[guess];
        }
        rows = json_append(rows, row);
        images = json_append(images, json_integer((json_int_t)sum));
        accuracy =
            json_append(accuracy, json_number(sum == 0 ? (double)NAN : (double)counts[label] / (double)sum));
    }
    return json_pack("{s:o, s:o, s:o}", "images", images, "accuracy", accuracy, "confusion", rows);
}

/* One column of a history; `seconds` is rounded, since it was measured with a clock. */
static json_t *column_json(const struct jobs_history *history, size_t offset, int digits)
{
    json_t *list = json_array();
    for (size_t i = 0; i < history->count && list != NULL; i++) {
        const double value = *(const double *)((const char *)&history->rows[i] + offset);
        list = json_append(list, json_rounded(value, digits));
    }
    return list;
}

static json_t *epochs_json(const struct jobs_history *history)
{
    json_t *list = json_array();
    for (size_t i = 0; i < history->count && list != NULL; i++) {
        list = json_append(list, json_integer((json_int_t)history->rows[i].epoch));
    }
    return list;
}

json_t *job_history_json(const char *id, const struct jobs_history *history)
{
    static const struct {
        const char *name;
        size_t offset;
        int digits;
    } columns[] = {
        {"eta", offsetof(struct nn_epoch, eta), 15},
        {"cost_train", offsetof(struct nn_epoch, cost_train), 15},
        {"cost_validation", offsetof(struct nn_epoch, cost_validation), 15},
        {"accuracy_train", offsetof(struct nn_epoch, accuracy_train), 15},
        {"accuracy_validation", offsetof(struct nn_epoch, accuracy_validation), 15},
        {"seconds", offsetof(struct nn_epoch, seconds), MEASURED_DIGITS},
    };
    json_t *root = json_pack("{s:s, s:o}", "id", id, "epoch", epochs_json(history));
    int failed = root == NULL;
    for (size_t i = 0; i < EP_COUNT(columns) && failed == 0; i++) {
        failed = json_object_set_new(root, columns[i].name,
                                     column_json(history, columns[i].offset, columns[i].digits));
    }
    if (failed == 0) {
        failed = json_object_set_new(root, "accuracy_test", json_number(history->accuracy_test));
    }
    if (failed != 0) {
        json_decref(root);
        return NULL;
    }
    return root;
}
