#include "api/json.h"
#include "api/routes.h"
#include "core/base/clock.h"
#include "core/base/machine.h"
#include "core/nn/gemm.h"

enum { MEASURED_DIGITS = 6 };

static json_t *states_json(const struct jobs_load *load)
{
    json_t *root = json_object();
    for (unsigned i = 0; i < JOB_STATES && root != NULL; i++) {
        if (json_object_set_new(root, job_state_name((enum job_state)i),
                                json_integer((json_int_t)load->by_state[i])) != 0) {
            json_decref(root);
            root = NULL;
        }
    }
    return root;
}

/* Sizes of which 0 means "unknown" or "none". */
static json_t *size_json(size_t bytes)
{
    return bytes == 0 ? json_null() : json_integer((json_int_t)bytes);
}

/* What a spec may say for precision. */
static json_t *precisions_json(const struct job_limits *limits)
{
    const bool bf16 = limits->bf16 && !limits->portable;
    return bf16 ? json_pack("[s, s]", "fp32", "bf16") : json_pack("[s]", "fp32");
}

void get_system(const struct api_call *call, struct http_response *response)
{
    const struct api *api = call->api;
    struct jobs_load load;
    char processor[128];
    jobs_read_load(api->jobs, &load);
    ep_machine_processor(processor, sizeof processor);
    json_respond(
        response, 200,
        json_pack("{s:s, s:s, s:o, s:I, s:s, s:s, s:o, s:{s:o, s:o, s:o, s:I}, s:{s:I, s:I}, s:{s:I, s:I}, "
                  "s:o, s:o}",
                  "name", "epochd", "version", api->version, "processor", json_text(processor), "cores",
                  (json_int_t)ep_machine_cores(), "gemm", nn_gemm_description(api->gemm), "numerics",
                  api->limits.portable ? "portable" : "fast", "precisions", precisions_json(&api->limits),
                  "memory", "total_bytes", size_json(ep_machine_memory()), "limit_bytes",
                  size_json(load.memory_limit), "resident_bytes", size_json(ep_machine_resident()),
                  "jobs_bytes", (json_int_t)load.memory_used, "workers", "count", (json_int_t)load.workers,
                  "busy", (json_int_t)load.busy, "queue", "length", (json_int_t)load.by_state[JOB_QUEUED],
                  "limit", (json_int_t)load.queued_most, "jobs", states_json(&load), "uptime_seconds",
                  json_rounded(ep_clock_seconds() - api->started_seconds, MEASURED_DIGITS)));
}
