#include <stdlib.h>

#include "api/job_json.h"
#include "api/job_request.h"
#include "api/json.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/routes.h"

enum { MEASURED_DIGITS = 4 };

static json_t *parts_json(const struct nn_gradcheck_result *result)
{
    json_t *list = json_array();
    for (size_t i = 0; i < result->count && list != NULL; i++) {
        const struct nn_gradcheck_part *part = &result->parts[i];
        const bool any = part->checked > 0;
        list = json_append(
            list,
            json_pack("{s:I, s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "layer", (json_int_t)part->layer + 1,
                      "kind", nn_kind_name(part->kind), "parameters", (json_int_t)part->parameters, "checked",
                      (json_int_t)part->checked, "kinked", (json_int_t)part->kinked, "largest_relative_error",
                      any ? json_rounded(part->worst, MEASURED_DIGITS) : json_null(), "mean_relative_error",
                      any ? json_rounded(part->mean, MEASURED_DIGITS) : json_null(), "largest_at",
                      any ? json_integer((json_int_t)part->worst_at) : json_null()));
    }
    return list;
}

static json_t *failure_json(const struct check *check)
{
    if (check->failure.status == EP_OK) {
        return json_null();
    }
    const bool diverged = check->failure.status == EP_DIVERGED;
    return problem_json(diverged ? PROBLEM_DIVERGED : PROBLEM_CHECK_FAILED, check->failure.text);
}

static json_t *check_json(const struct check *check)
{
    const bool finished = check->state == CHECK_FINISHED;
    return json_pack("{s:s, s:s, s:o, s:I, s:o, s:I, s:{s:I, s:I}, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o}}",
                     "id", check->id, "state", check_state_name(check->state), "spec",
                     job_spec_json(&check->spec), "images", (json_int_t)check->images, "tolerance",
                     json_number(check_tolerance), "parameters", (json_int_t)check->parameters, "progress",
                     "done", (json_int_t)check->done, "planned", (json_int_t)check->planned, "created_at",
                     json_time(check->created_at), "finished_at", json_time(check->finished_at), "seconds",
                     check_state_final(check->state) ? json_rounded(check->seconds, MEASURED_DIGITS)
                                                     : json_null(),
                     "passed", finished ? json_boolean(check_passed(check)) : json_null(), "parts",
                     finished ? parts_json(&check->result) : json_null(), "error", failure_json(check),
                     "links", "self", json_sprintf("/v1/gradient-checks/%s", check->id));
}

static void start(const struct api_call *call, const struct job_spec *spec, size_t samples,
                  struct http_response *response)
{
    struct check check;
    struct ep_error error;
    const enum ep_status status = checks_start(call->api->checks, spec, samples, &check, &error);
    if (status == EP_OK) {
        http_add_header(response, "Location", "/v1/gradient-checks/%s", check.id);
        json_respond(response, 202, check_json(&check));
    } else if (status == EP_INVALID) {
        problem_respond(response, PROBLEM_INVALID_SPEC, "%s", error.text);
    } else if (status == EP_UNAVAILABLE) {
        problem_respond(response, PROBLEM_QUEUE_FULL, "%s", error.text);
    } else {
        problem_respond_error(response, &error);
    }
}

void create_gradient_check(const struct api_call *call, struct http_response *response)
{
    uint64_t samples = 0;
    struct job_spec spec;
    char digest[EP_SHA256_TEXT];
    if (!query_integer(call->request, "samples", 1, CHECK_SAMPLES_MAX, &samples, response) ||
        !request_job_spec(call, &spec, digest, response)) {
        return;
    }
    if (job_spec_rotates(&spec)) {
        problem_respond(response, PROBLEM_INVALID_SPEC, "gradients are checked on pixels; leave pca out");
        return;
    }
    start(call, &spec, (size_t)samples, response);
}

void list_gradient_checks(const struct api_call *call, struct http_response *response)
{
    struct check *checks = calloc(CHECKS_KEPT_MAX, sizeof *checks);
    if (checks == NULL) {
        problem_respond_bare(response);
        return;
    }
    const size_t count = checks_list(call->api->checks, checks);
    json_t *list = json_array();
    for (size_t i = 0; i < count && list != NULL; i++) {
        list = json_append(list, check_json(&checks[i]));
    }
    free(checks);
    json_respond(response, 200, json_pack("{s:o}", "data", list));
}

void get_gradient_check(const struct api_call *call, struct http_response *response)
{
    struct check check;
    struct ep_error error;
    if (checks_get(call->api->checks, call->argument, &check, &error) == EP_OK) {
        json_respond(response, 200, check_json(&check));
    } else {
        problem_respond_error(response, &error);
    }
}

void delete_gradient_check(const struct api_call *call, struct http_response *response)
{
    struct ep_error error;
    if (checks_remove(call->api->checks, call->argument, &error) == EP_OK) {
        response->status = 204;
    } else {
        problem_respond_error(response, &error);
    }
}
