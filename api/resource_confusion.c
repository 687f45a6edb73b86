#include "api/job_json.h"
#include "api/json.h"
#include "api/problem.h"
#include "api/routes.h"

static json_t *class_names(const struct api_call *call, const struct job *job)
{
    struct data_info info;
    if (data_registry_describe(call->api->registry, job->spec.dataset, &info, NULL) != EP_OK ||
        info.classes != job->confusion.classes) {
        return json_null();
    }
    json_t *list = json_array();
    for (size_t i = 0; i < info.classes && list != NULL; i++) {
        list = json_append(list, json_text(info.class_names[i]));
    }
    return list;
}

void get_job_confusion(const struct api_call *call, struct http_response *response)
{
    struct job job;
    struct ep_error error;
    if (jobs_get(call->api->jobs, call->argument, &job, &error) != EP_OK) {
        problem_respond_error(response, &error);
        return;
    }
    if (job.state == JOB_SUCCEEDED) {
        json_t *root = job_confusion_json(&job.confusion);
        if (root != NULL && (json_object_set_new(root, "id", json_string(job.id)) != 0 ||
                             json_object_set_new(root, "classes", class_names(call, &job)) != 0)) {
            json_decref(root);
            root = NULL;
        }
        json_respond(response, 200, root);
    } else {
        problem_respond(response, PROBLEM_WRONG_STATE,
                        "job %s is %s; only a job that has succeeded was measured on the test images", job.id,
                        job_state_name(job.state));
    }
    job_done(&job);
}
