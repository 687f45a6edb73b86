#include "api/job_json.h"
#include "api/job_request.h"
#include "api/json.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/routes.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 200, MEASURED_DIGITS = 4 };

/* What `?dry_run=true` says of a spec that is right. */
static void answer_dry_run(const struct api_call *call, const struct job_spec *spec, const char *digest,
                           struct http_response *response)
{
    struct data_info info;
    struct job_cost cost;
    struct ep_error error;
    enum ep_status status = data_registry_describe(call->api->registry, spec->dataset, &info, &error);
    if (status == EP_OK) {
        status = job_cost_of(spec, &info, &cost, &error);
    }
    if (status != EP_OK) {
        problem_respond_error(response, &error);
        return;
    }
    json_respond(
        response, 200,
        json_pack("{s:o, s:s, s:I, s:o, s:I, s:I, s:o}", "spec", job_spec_json(spec), "spec_digest", digest,
                  "parameters", (json_int_t)cost.parameters, "flops",
                  json_rounded(cost.flops, MEASURED_DIGITS), "memory_bytes", (json_int_t)cost.memory, "steps",
                  (json_int_t)cost.steps, "estimated_seconds",
                  json_rounded(jobs_estimate_seconds(call->api->jobs, cost.flops), MEASURED_DIGITS)));
}

/* The core knows one reason for "not now"; clients are told which of the two it is. */
static void refuse_creation(const struct api_call *call, const struct ep_error *error,
                            struct http_response *response)
{
    struct jobs_load load;
    jobs_read_load(call->api->jobs, &load);
    if (error->status == EP_UNAVAILABLE && load.by_state[JOB_QUEUED] >= load.queued_most) {
        problem_respond(response, PROBLEM_QUEUE_FULL, "%s", error->text);
    } else {
        problem_respond_error(response, error);
    }
}

static void create(const struct api_call *call, const struct job_spec *spec, const char *digest,
                   struct http_response *response)
{
    struct job job;
    struct ep_error error;
    if (jobs_create(call->api->jobs, spec, digest, &job, &error) != EP_OK) {
        refuse_creation(call, &error, response);
        return;
    }
    http_add_header(response, "Location", "/v1/jobs/%s", job.id);
    json_respond(response, 202, job_json(&job));
    job_done(&job);
}

void create_job(const struct api_call *call, struct http_response *response)
{
    bool dry_run = false;
    struct job_spec spec;
    char digest[EP_SHA256_TEXT];
    if (!query_boolean(call->request, "dry_run", &dry_run, response) ||
        !request_job_spec(call, &spec, digest, response)) {
        return;
    }
    if (dry_run) {
        answer_dry_run(call, &spec, digest, response);
    } else {
        create(call, &spec, digest, response);
    }
}

static void answer_page(const struct jobs_page *page, struct http_response *response)
{
    json_t *list = json_array();
    for (size_t i = 0; i < page->count && list != NULL; i++) {
        list = json_append(list, job_json(&page->items[i]));
    }
    json_respond(response, 200,
                 json_pack("{s:o, s:o}", "data", list, "next_cursor",
                           page->next[0] != '\0' ? json_string(page->next) : json_null()));
}

static bool read_query(const struct http_request *request, struct jobs_query *query,
                       struct http_response *response)
{
    uint64_t limit = LIMIT_DEFAULT;
    const bool fits =
        query_integer(request, "limit", 1, LIMIT_MAX, &limit, response) &&
        query_word(request, "dataset", &query->dataset, response) &&
        query_word(request, "tag", &query->tag, response) &&
        query_job_states(request, &query->states, response) &&
        query_id(request, "search", "the id of a search", &query->search, response) &&
        query_id(request, "cursor", "the next_cursor of an earlier answer", &query->before, response);
    query->limit = (size_t)limit;
    return fits;
}

void list_jobs(const struct api_call *call, struct http_response *response)
{
    struct jobs_query query = {0};
    struct jobs_page page;
    struct ep_error error;
    if (!read_query(call->request, &query, response)) {
        return;
    }
    if (jobs_list(call->api->jobs, &query, &page, &error) != EP_OK) {
        problem_respond_error(response, &error);
        return;
    }
    answer_page(&page, response);
    jobs_page_done(&page);
}

void get_job(const struct api_call *call, struct http_response *response)
{
    struct job job;
    struct ep_error error;
    if (jobs_get(call->api->jobs, call->argument, &job, &error) != EP_OK) {
        problem_respond_error(response, &error);
        return;
    }
    json_respond(response, 200, job_json(&job));
    job_done(&job);
}

void cancel_job(const struct api_call *call, struct http_response *response)
{
    struct job job;
    struct ep_error error;
    if (!request_says_nothing(call->request, response)) {
        return;
    }
    if (jobs_cancel(call->api->jobs, call->argument, &job, &error) != EP_OK) {
        problem_respond_error(response, &error);
        return;
    }
    json_respond(response, 200, job_json(&job));
    job_done(&job);
}

void delete_job(const struct api_call *call, struct http_response *response)
{
    struct ep_error error;
    if (jobs_delete(call->api->jobs, call->argument, &error) != EP_OK) {
        problem_respond_error(response, &error);
        return;
    }
    response->status = 204;
}
