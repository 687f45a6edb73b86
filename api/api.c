#include "api/api.h"

#include "api/problem.h"
#include "api/router.h"

void api_handle(const struct api *api, const struct http_request *request, struct http_response *response)
{
    struct api_call call = {.api = api, .request = request};
    const struct api_route *route = router_find(request, &call, response);
    if (route != NULL && router_takes_body(route, request, request->body_length, response) &&
        router_takes_query(route, request, response)) {
        route->handler(&call, response);
    }
}

bool api_accepts(const struct api *api, const struct http_request *request, size_t length,
                 struct http_response *response)
{
    struct api_call call = {.api = api, .request = request};
    const struct api_route *route = router_find(request, &call, response);
    /* A body of unknown length is one, whatever its length. */
    return route != NULL && router_takes_body(route, request, length == 0 ? 1 : length, response);
}

void api_refuse(struct http_response *response, int status, const char *detail)
{
    problem_respond(response, problem_of_status(status), "%s", detail);
    /* The status is the caller's even where no problem has it. */
    response->status = response->body != NULL ? status : response->status;
}
