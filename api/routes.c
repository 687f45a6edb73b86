#include "api/routes.h"

static const struct api_route routes[] = {
    {HTTP_POST, "/v1/jobs", "createJob", API_BODY_JOB_SPEC, {"dry_run"}, create_job},
    {HTTP_GET,
     "/v1/jobs",
     "listJobs",
     API_BODY_NONE,
     {"state", "dataset", "tag", "limit", "cursor"},
     list_jobs},
    {HTTP_GET, "/v1/jobs/{id}", "getJob", API_BODY_NONE, {NULL}, get_job},
    {HTTP_DELETE, "/v1/jobs/{id}", "deleteJob", API_BODY_NONE, {NULL}, delete_job},
    {HTTP_GET, "/v1/jobs/{id}/history", "getJobHistory", API_BODY_NONE, {"since_epoch"}, get_job_history},
    {HTTP_GET, "/v1/jobs/{id}/confusion", "getJobConfusion", API_BODY_NONE, {NULL}, get_job_confusion},
    {HTTP_POST, "/v1/jobs/{id}/cancel", "cancelJob", API_BODY_EMPTY, {NULL}, cancel_job},
    {HTTP_POST,
     "/v1/gradient-checks",
     "createGradientCheck",
     API_BODY_JOB_SPEC,
     {"samples"},
     create_gradient_check},
    {HTTP_GET, "/v1/gradient-checks", "listGradientChecks", API_BODY_NONE, {NULL}, list_gradient_checks},
    {HTTP_GET, "/v1/gradient-checks/{id}", "getGradientCheck", API_BODY_NONE, {NULL}, get_gradient_check},
    {HTTP_DELETE,
     "/v1/gradient-checks/{id}",
     "deleteGradientCheck",
     API_BODY_NONE,
     {NULL},
     delete_gradient_check},
    {HTTP_GET, "/v1/datasets", "listDatasets", API_BODY_NONE, {NULL}, list_datasets},
    {HTTP_GET, "/v1/datasets/{name}", "getDataset", API_BODY_NONE, {NULL}, get_dataset},
    {HTTP_GET, "/v1/system", "getSystem", API_BODY_NONE, {NULL}, get_system},
    {HTTP_GET, "/healthz", "getHealth", API_BODY_NONE, {NULL}, get_health},
    {HTTP_GET, "/readyz", "getReadiness", API_BODY_NONE, {NULL}, get_readiness},
    {HTTP_GET, "/openapi.yaml", "getOpenapi", API_BODY_NONE, {NULL}, get_openapi},
    {HTTP_GET, "/", "getIndex", API_BODY_NONE, {NULL}, get_index},
};

const struct api_route *api_routes(size_t *count)
{
    *count = EP_COUNT(routes);
    return routes;
}
