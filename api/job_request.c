#include "api/job_request.h"

#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "api/problem.h"
#include "api/schema.h"

/* What a client says, resolved with what the server has. */

enum ep_status request_find_dataset(struct data_registry *registry, const char *name, const char *pointer,
                                    struct data_info *info, bool *known, struct ep_faults *faults,
                                    struct ep_error *error)
{
    *known = false;
    for (size_t i = 0; i < faults->count; i++) {
        if (strcmp(faults->items[i].pointer, pointer) == 0) {
            return EP_OK;
        }
    }
    if (name[0] == '\0') {
        return EP_OK;
    }
    const enum ep_status status = data_registry_describe(registry, name, info, error);
    *known = status == EP_OK;
    if (status == EP_NOT_FOUND) {
        ep_faults_add(faults, pointer, "%s", error->text);
        return EP_OK;
    }
    if (*known && !info->available) {
        ep_faults_add(faults, pointer, "%s; to get the dataset: %s", info->fault, info->remedy);
    }
    return status;
}

enum ep_status request_open_dataset(struct data_registry *registry, const char *name, const char *pointer,
                                    const struct data_set **set, struct ep_faults *faults,
                                    struct ep_error *error)
{
    *set = NULL;
    const enum ep_status status = data_registry_open(registry, name, set, error);
    if (status == EP_OK || status == EP_NO_MEMORY) {
        return status;
    }
    ep_faults_add(faults, pointer, "%s", error->text);
    return EP_OK;
}

/* Resolves the spec as far as the dataset is known, and faults a dataset that cannot be trained on. */
static enum ep_status resolve(struct job_spec *spec, uint64_t given, struct data_registry *registry,
                              const struct job_limits *limits, struct ep_faults *faults,
                              struct ep_error *error)
{
    struct data_info info;
    bool known = false;
    const enum ep_status status =
        request_find_dataset(registry, spec->dataset, "/dataset", &info, &known, faults, error);
    if (status == EP_OK) {
        job_spec_resolve(spec, given, known ? &info : NULL, limits, faults);
    }
    return status;
}

/* Computes the digest, for which the images themselves are needed. */
static enum ep_status digest(const struct job_spec *spec, struct data_registry *registry,
                             char spec_digest[EP_SHA256_TEXT], struct ep_faults *faults,
                             struct ep_error *error)
{
    const struct data_set *set = NULL;
    const enum ep_status status =
        request_open_dataset(registry, spec->dataset, "/dataset", &set, faults, error);
    return set == NULL ? status : job_spec_digest(spec, set->digest, spec_digest, error);
}

enum ep_status api_decode_job_spec(const char *text, size_t length, struct data_registry *registry,
                                   const struct job_limits *limits, struct job_spec *spec,
                                   char spec_digest[EP_SHA256_TEXT], struct ep_faults *faults,
                                   struct ep_error *error)
{
    json_t *root = NULL;
    uint64_t given = 0;
    enum ep_status status = json_read(text, length, &root, error);
    if (status != EP_OK) {
        return status;
    }
    schema_decode(&job_spec_fields, root, spec, &given, faults);
    const bool object = json_is_object(root);
    json_decref(root);
    if (object) {
        status = resolve(spec, given, registry, limits, faults, error);
    }
    if (status == EP_OK && faults->count == 0) {
        status = digest(spec, registry, spec_digest, faults, error);
    }
    if (status == EP_OK && faults->count > 0) {
        const size_t count = faults->count + faults->dropped;
        return ep_fail(error, EP_INVALID, "the spec has %zu fault%s", count, count == 1 ? "" : "s");
    }
    return status;
}

bool request_job_spec(const struct api_call *call, struct job_spec *spec, char spec_digest[EP_SHA256_TEXT],
                      struct http_response *response)
{
    struct ep_error error;
    struct ep_faults *faults = calloc(1, sizeof *faults);
    if (faults == NULL) {
        problem_respond_bare(response);
        return false;
    }
    const enum ep_status status =
        api_decode_job_spec(call->request->body, call->request->body_length, call->api->registry,
                            &call->api->limits, spec, spec_digest, faults, &error);
    if (faults->count > 0) {
        problem_respond_faults(response, "the spec", faults);
    } else if (status == EP_INVALID) {
        problem_respond(response, PROBLEM_NOT_JSON, "%s", error.text);
    } else if (status != EP_OK) {
        problem_respond_error(response, &error);
    }
    free(faults);
    return status == EP_OK;
}

bool request_says_nothing(const struct http_request *request, struct http_response *response)
{
    json_t *root = NULL;
    struct ep_error error;
    if (request->body_length == 0) {
        return true;
    }
    if (json_read(request->body, request->body_length, &root, &error) != EP_OK) {
        problem_respond(response, PROBLEM_NOT_JSON, "%s", error.text);
        return false;
    }
    const bool nothing = json_is_object(root) && json_object_size(root) == 0;
    json_decref(root);
    if (!nothing) {
        problem_respond(response, PROBLEM_BAD_REQUEST, "the body must be empty or {}");
    }
    return nothing;
}
