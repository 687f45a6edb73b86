#include "api/job_json.h"
#include "api/json.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/routes.h"

void get_job_history(const struct api_call *call, struct http_response *response)
{
    uint64_t since = 0;
    struct jobs_history history;
    struct ep_error error;
    if (!query_integer(call->request, "since_epoch", 0, JOB_EPOCHS_MAX, &since, response)) {
        return;
    }
    if (jobs_read_history(call->api->jobs, call->argument, since, &history, &error) != EP_OK) {
        problem_respond_error(response, &error);
        return;
    }
    json_respond(response, 200, job_history_json(call->argument, &history));
    jobs_history_done(&history);
}
