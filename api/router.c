#include "api/router.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/problem.h"
#include "api/routes.h"

enum { ALLOW_MAX = 64 };

/* Whether `path` has the form of `pattern`; then *argument is what stands for its {…}. */
static bool matches(const char *pattern, const char *path, char argument[ROUTE_ARGUMENT_MAX + 1])
{
    argument[0] = '\0';
    while (*pattern != '\0') {
        if (*pattern == '{') {
            const size_t length = strcspn(path, "/");
            if (length == 0 || length > ROUTE_ARGUMENT_MAX) {
                return false;
            }
            memcpy(argument, path, length);
            argument[length] = '\0';
            path += length;
            pattern = strchr(pattern, '}') + 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

/* HEAD is GET without the body, which the listener leaves out. */
static enum http_method served(enum http_method method)
{
    return method == HTTP_HEAD ? HTTP_GET : method;
}

static void add_method(char allow[ALLOW_MAX], const char *method)
{
    const size_t used = strlen(allow);
    snprintf(allow + used, ALLOW_MAX - used, "%s%s", used > 0 ? ", " : "", method);
}

/* Answers a path that exists for a method that it does not take. */
static void answer_method(const struct http_request *request, const char *allow,
                          struct http_response *response)
{
    if (request->method == HTTP_OPTIONS) {
        response->status = 204;
    } else {
        problem_respond(response, PROBLEM_METHOD_NOT_ALLOWED, "this path takes %s", allow);
    }
    http_add_header(response, "Allow", "%s", allow);
}

const struct api_route *router_find(const struct http_request *request, struct api_call *call,
                                    struct http_response *response)
{
    size_t count;
    const struct api_route *routes = api_routes(&count);
    char allow[ALLOW_MAX] = "";
    for (size_t i = 0; i < count; i++) {
        if (!matches(routes[i].path, request->path, call->argument)) {
            continue;
        }
        if (routes[i].method == served(request->method)) {
            return &routes[i];
        }
        add_method(allow, http_method_name(routes[i].method));
        if (routes[i].method == HTTP_GET) {
            add_method(allow, "HEAD");
        }
    }
    if (allow[0] == '\0') {
        problem_respond(response, PROBLEM_UNKNOWN_ROUTE,
                        "there is nothing at %.128s; GET / lists what there is", request->path);
    } else {
        add_method(allow, "OPTIONS");
        answer_method(request, allow, response);
    }
    return NULL;
}

static bool is_json(const char *content_type)
{
    static const char json[] = "application/json";
    const size_t length = sizeof json - 1;
    if (content_type == NULL || strncasecmp(content_type, json, length) != 0) {
        return false;
    }
    const char after = content_type[length];
    return after == '\0' || after == ';' || after == ' ' || after == '\t';
}

bool router_takes_body(const struct api_route *route, const struct http_request *request, size_t length,
                       struct http_response *response)
{
    const bool expected = route->body == API_BODY_JSON || (route->body == API_BODY_EMPTY && length > 0);
    if (length > API_BODY_MAX) {
        problem_respond(response, PROBLEM_TOO_LARGE, "the body has %zu bytes; at most %d are allowed", length,
                        API_BODY_MAX);
        return false;
    }
    if (expected && !is_json(request->content_type)) {
        problem_respond(response, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                        "got %.64s; the body must be application/json",
                        request->content_type == NULL ? "no Content-Type" : request->content_type);
        http_add_header(response, "Accept-Post", "application/json");
        return false;
    }
    return true;
}

static bool takes(const struct api_route *route, const char *name)
{
    for (size_t i = 0; route->query[i] != NULL; i++) {
        if (strcmp(route->query[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The names that a route takes, for people. */
static void list_query(const struct api_route *route, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s", route->query[0] == NULL ? "none" : route->query[0]);
    for (size_t i = 1; i <= ROUTE_QUERY_MAX && route->query[i - 1] != NULL && route->query[i] != NULL; i++) {
        used += (size_t)snprintf(text + used, used < size ? size - used : 0, ", %s", route->query[i]);
    }
}

bool router_takes_query(const struct api_route *route, const struct http_request *request,
                        struct http_response *response)
{
    if (request->query_overflow) {
        problem_respond(response, PROBLEM_INVALID_QUERY, "there are more than %d parameters", HTTP_QUERY_MAX);
        return false;
    }
    for (size_t i = 0; i < request->query_count; i++) {
        if (!takes(route, request->query[i].name)) {
            char known[128];
            list_query(route, known, sizeof known);
            problem_respond(response, PROBLEM_INVALID_QUERY,
                            "there is no parameter %.64s here; parameters of this path: %s",
                            request->query[i].name, known);
            return false;
        }
    }
    return true;
}
