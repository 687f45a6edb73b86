#include "api/search_request.h"

#include <stdlib.h>
#include <string.h>

#include "api/job_request.h"
#include "api/json.h"
#include "api/problem.h"
#include "api/search_decode.h"
#include "core/base/memory.h"

/* Makes the response say what is wrong; true when nothing is. */
static bool judge(enum ep_status status, const char *what, const struct ep_faults *faults,
                  const struct ep_error *error, struct http_response *response)
{
    if (status != EP_OK) {
        problem_respond_error(response, error);
    } else if (faults->count > 0) {
        problem_respond_faults(response, what, faults);
    }
    return status == EP_OK && faults->count == 0;
}

/* Checks what was decoded, with what is known of the dataset. */
static enum ep_status check(const struct api *api, const struct search_definition *definition, bool single,
                            struct ep_faults *faults, struct ep_error *error)
{
    struct data_info info;
    bool known = false;
    const char *name = definition->base.dataset;
    enum ep_status status =
        request_find_dataset(api->registry, name, "/base/dataset", &info, &known, faults, error);
    if (status == EP_OK && definition->stage_count > 0) {
        search_check(definition, single, known ? &info : NULL, &api->limits, faults);
    }
    if (status == EP_OK && faults->count == 0) {
        const struct data_set *set = NULL;
        status = request_open_dataset(api->registry, name, "/base/dataset", &set, faults, error);
    }
    return status;
}

/* Reads the body as JSON; NULL, with an answer, when it is none. */
static json_t *read_body(const struct http_request *request, struct http_response *response)
{
    json_t *root = NULL;
    struct ep_error error;
    const enum ep_status status = json_read(request->body, request->body_length, &root, &error);
    if (status == EP_INVALID) {
        problem_respond(response, PROBLEM_NOT_JSON, "%s", error.text);
    } else if (status != EP_OK) {
        problem_respond_error(response, &error);
    }
    return status == EP_OK ? root : NULL;
}

bool request_search(const struct api_call *call, struct search_definition *definition,
                    struct http_response *response)
{
    struct ep_error error;
    bool single = false;
    struct ep_faults *faults = calloc(1, sizeof *faults);
    if (faults == NULL) {
        problem_respond_bare(response);
        return false;
    }
    json_t *root = read_body(call->request, response);
    bool right = root != NULL;
    if (right) {
        enum ep_status status = search_decode(root, definition, &single, faults, &error);
        if (status == EP_OK && json_is_object(root)) {
            status = check(call->api, definition, single, faults, &error);
        }
        right = judge(status, "the search", faults, &error, response);
        if (!right) {
            search_definition_done(definition);
        }
    }
    json_decref(root);
    free(faults);
    return right;
}

/* Faults of the whole search, of which the stage at `prefix` was sent, become faults of what was sent. */
static void relate(struct ep_faults *faults, const char *prefix)
{
    const size_t length = strlen(prefix);
    for (size_t i = 0; i < faults->count; i++) {
        char *pointer = faults->items[i].pointer;
        if (strncmp(pointer, prefix, length) == 0 && (pointer[length] == '/' || pointer[length] == '\0')) {
            memmove(pointer, pointer + length, strlen(pointer + length) + 1);
        } else {
            struct ep_fault whole = {.pointer = ""};
            snprintf(whole.detail, sizeof whole.detail, "%s of the search: %.360s", pointer,
                     faults->items[i].detail);
            faults->items[i] = whole;
        }
    }
}

/* Checks `stage` as the last one of the search; its faults are at `prefix`. */
static enum ep_status check_stage(const struct api *api, const struct search_definition *definition,
                                  const struct search_stage *stage, struct ep_faults *faults,
                                  struct ep_error *error)
{
    struct search_definition whole = *definition;
    /* Shallow copies: what the stages own stays theirs. */
    whole.stages = ep_allocate(definition->stage_count + 1, sizeof *whole.stages);
    if (whole.stages == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to check a stage");
    }
    memcpy(whole.stages, definition->stages, definition->stage_count * sizeof *whole.stages);
    whole.stages[whole.stage_count++] = *stage;
    const enum ep_status status = check(api, &whole, false, faults, error);
    free(whole.stages);
    return status;
}

bool request_stage(const struct api_call *call, const struct search_definition *definition,
                   struct search_stage *stage, struct http_response *response)
{
    char prefix[32];
    struct ep_error error;
    struct ep_faults *faults = calloc(1, sizeof *faults);
    if (faults == NULL) {
        problem_respond_bare(response);
        return false;
    }
    snprintf(prefix, sizeof prefix, "/stages/%zu", definition->stage_count);
    json_t *root = read_body(call->request, response);
    bool right = root != NULL;
    if (right) {
        enum ep_status status = search_decode_stage(root, prefix, stage, faults, &error);
        if (status == EP_OK && definition->stage_count >= SEARCH_STAGES_MAX) {
            ep_faults_add(faults, prefix, "the search has %d stages already, and cannot have more",
                          SEARCH_STAGES_MAX);
        } else if (status == EP_OK && json_is_object(root)) {
            status = check_stage(call->api, definition, stage, faults, &error);
        }
        relate(faults, prefix);
        right = judge(status, "the stage", faults, &error, response);
        if (!right) {
            search_stage_done(stage);
        }
    }
    json_decref(root);
    free(faults);
    return right;
}
