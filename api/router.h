#ifndef EP_API_ROUTER_H
#define EP_API_ROUTER_H

#include <stdbool.h>

#include "api/api.h"

/** From a request to its handler; 404, 405, 413, 415, HEAD, OPTIONS and unknown queries are decided here. */

enum { ROUTE_ARGUMENT_MAX = 64, ROUTE_QUERY_MAX = 8 };

/** A request on its way through a handler. */
struct api_call {
    const struct api *api;
    const struct http_request *request;
    char argument[ROUTE_ARGUMENT_MAX + 1]; /**< what stands for {…} in the path; "" without */
};

typedef void api_handler(const struct api_call *call, struct http_response *response);

enum api_body {
    API_BODY_NONE,  /**< ignored */
    API_BODY_EMPTY, /**< nothing, or an empty JSON object */
    API_BODY_JSON   /**< required */
};

struct api_route {
    enum http_method method;
    const char *path;      /**< "/v1/jobs/{id}/cancel"; {…} stands for one segment */
    const char *operation; /**< its operationId in openapi.yaml */
    enum api_body body;
    const char *query[ROUTE_QUERY_MAX + 1]; /**< names of the parameters it takes; NULL-terminated */
    api_handler *handler;
};

/**
 * The route of a request, with the call's argument filled. NULL when there is none; then `response` is the
 * answer: 404, 405, or what OPTIONS gives.
 */
const struct api_route *router_find(const struct http_request *request, struct api_call *call,
                                    struct http_response *response);

/** Whether the route takes a body of the announced `length`; if not, `response` says why. */
bool router_takes_body(const struct api_route *route, const struct http_request *request, size_t length,
                       struct http_response *response);

/** Whether the route takes the query; if not, `response` says why. */
bool router_takes_query(const struct api_route *route, const struct http_request *request,
                        struct http_response *response);

#endif
