#include "api/job_request.h"
#include "api/json.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/routes.h"
#include "api/search_json.h"
#include "api/search_request.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 200, MEASURED_DIGITS = 4 };

static void refuse(const struct ep_error *error, struct http_response *response)
{
    if (error->status == EP_UNAVAILABLE) {
        problem_respond(response, PROBLEM_QUEUE_FULL, "%s", error->text);
    } else if (error->status == EP_INVALID) {
        problem_respond(response, PROBLEM_INVALID_SPEC, "%s", error->text);
    } else {
        problem_respond_error(response, error);
    }
}

/* What `?dry_run=true` says of a search that is right. */
static void answer_dry_run(const struct api_call *call, const struct search_definition *definition,
                           struct http_response *response)
{
    struct search_plan plan;
    struct ep_error error;
    if (searches_plan(call->api->searches, definition, &plan, &error) != EP_OK) {
        refuse(&error, response);
        return;
    }
    json_respond(response, 200,
                 json_pack("{s:o, s:I, s:o, s:o, s:I, s:o}", "definition",
                           search_shown_definition_json(call->api, definition), "trials",
                           (json_int_t)plan.trials, "banks", search_banks_json(&plan), "flops",
                           json_rounded(plan.flops, MEASURED_DIGITS), "memory_bytes", (json_int_t)plan.memory,
                           "estimated_seconds", json_rounded(plan.seconds, MEASURED_DIGITS)));
    search_plan_done(&plan);
}

/* Answers with a search, which is released. */
static void answer(const struct api_call *call, int status, struct search *search,
                   struct http_response *response)
{
    json_respond(response, status, search_json(call->api, search));
    search_done(search);
}

void create_search(const struct api_call *call, struct http_response *response)
{
    bool dry_run = false;
    struct search_definition definition;
    struct search search;
    struct ep_error error;
    if (!query_boolean(call->request, "dry_run", &dry_run, response) ||
        !request_search(call, &definition, response)) {
        return;
    }
    if (dry_run) {
        answer_dry_run(call, &definition, response);
    } else if (searches_create(call->api->searches, &definition, &search, &error) == EP_OK) {
        http_add_header(response, "Location", "/v1/searches/%s", search.id);
        answer(call, 202, &search, response);
    } else {
        refuse(&error, response);
    }
    search_definition_done(&definition);
}

static bool read_states(const struct http_request *request, unsigned *states, struct http_response *response)
{
    const char *words[SEARCH_STATES];
    for (unsigned i = 0; i < SEARCH_STATES; i++) {
        words[i] = search_state_name((enum search_state)i);
    }
    return query_choices(request, "state", words, SEARCH_STATES, states, response);
}

void list_searches(const struct api_call *call, struct http_response *response)
{
    unsigned states = 0;
    uint64_t limit = LIMIT_DEFAULT;
    const char *before = NULL;
    struct searches_page page;
    struct ep_error error;
    if (!query_integer(call->request, "limit", 1, LIMIT_MAX, &limit, response) ||
        !read_states(call->request, &states, response) ||
        !query_id(call->request, "cursor", "the next_cursor of an earlier answer", &before, response)) {
        return;
    }
    if (searches_list(call->api->searches, states, before, (size_t)limit, &page, &error) != EP_OK) {
        problem_respond_error(response, &error);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < page.count && list != NULL; i++) {
        list = json_append(list, search_json(call->api, &page.items[i]));
    }
    json_respond(response, 200,
                 json_pack("{s:o, s:o}", "data", list, "next_cursor",
                           page.next[0] != '\0' ? json_string(page.next) : json_null()));
    searches_page_done(&page);
}

void get_search(const struct api_call *call, struct http_response *response)
{
    struct search search;
    struct ep_error error;
    if (searches_get(call->api->searches, call->argument, &search, &error) == EP_OK) {
        answer(call, 200, &search, response);
    } else {
        problem_respond_error(response, &error);
    }
}

void delete_search(const struct api_call *call, struct http_response *response)
{
    struct ep_error error;
    if (searches_delete(call->api->searches, call->argument, &error) == EP_OK) {
        response->status = 204;
    } else {
        problem_respond_error(response, &error);
    }
}

/* What searches_cancel and its like are. */
typedef enum ep_status control(struct searches *searches, const char *id, struct search *search,
                               struct ep_error *error);

static void steer(const struct api_call *call, control *act, struct http_response *response)
{
    struct search search;
    struct ep_error error;
    if (!request_says_nothing(call->request, response)) {
        return;
    }
    if (act(call->api->searches, call->argument, &search, &error) == EP_OK) {
        answer(call, 200, &search, response);
    } else {
        problem_respond_error(response, &error);
    }
}

void cancel_search(const struct api_call *call, struct http_response *response)
{
    steer(call, searches_cancel, response);
}

void pause_search(const struct api_call *call, struct http_response *response)
{
    steer(call, searches_pause, response);
}

void resume_search(const struct api_call *call, struct http_response *response)
{
    steer(call, searches_resume, response);
}

void add_search_stage(const struct api_call *call, struct http_response *response)
{
    struct search search;
    struct search_stage stage;
    struct ep_error error;
    if (searches_get(call->api->searches, call->argument, &search, &error) != EP_OK) {
        problem_respond_error(response, &error);
        return;
    }
    const bool right = request_stage(call, &search.definition, &stage, response);
    search_done(&search);
    if (!right) {
        return;
    }
    if (searches_extend(call->api->searches, call->argument, &stage, &search, &error) == EP_OK) {
        answer(call, 202, &search, response);
    } else {
        refuse(&error, response);
    }
    search_stage_done(&stage);
}
