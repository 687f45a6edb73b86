#include "api/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TYPE_PREFIX "urn:epochd:problem:"

enum { DETAIL_MAX = 768, RETRY_SECONDS = 5 };

static const char media_type[] = "application/problem+json";

static const struct problem_row rows[PROBLEM_COUNT] = {
#define X(name, its_code, its_status, its_title)                                                             \
    [PROBLEM_##name] = {.code = (its_code), .status = (its_status), .title = (its_title)},
    PROBLEMS(X)
#undef X
};

const struct problem_row *problem_row(enum problem problem)
{
    return &rows[problem];
}

enum problem problem_of_status(int status)
{
    for (unsigned i = 0; i < PROBLEM_COUNT; i++) {
        if (rows[i].status == status) {
            return (enum problem)i;
        }
    }
    return PROBLEM_INTERNAL;
}

enum problem problem_of_error(const struct ep_error *error)
{
    switch (error->status) {
    case EP_INVALID:
        return PROBLEM_BAD_REQUEST;
    case EP_NOT_FOUND:
        return PROBLEM_NOT_FOUND;
    case EP_CONFLICT:
        return PROBLEM_WRONG_STATE;
    case EP_TOO_LARGE:
        return PROBLEM_INVALID_SPEC;
    case EP_NO_MEMORY:
        return PROBLEM_NO_MEMORY;
    case EP_IO:
        return PROBLEM_STORAGE;
    case EP_UNAVAILABLE:
        return PROBLEM_STOPPING;
    case EP_DIVERGED:
        return PROBLEM_DIVERGED;
    case EP_OK:
    case EP_CORRUPT:
    case EP_CANCELLED:
    case EP_INTERNAL:
        break;
    }
    return PROBLEM_INTERNAL;
}

json_t *problem_json(enum problem problem, const char *detail)
{
    const struct problem_row *row = &rows[problem];
    char type[64];
    snprintf(type, sizeof type, TYPE_PREFIX "%s", row->code);
    return json_pack("{s:s, s:s, s:i, s:o}", "type", type, "title", row->title, "status", row->status,
                     "detail", json_text(detail));
}

/* Takes over `root`. */
static void respond(struct http_response *response, enum problem problem, json_t *root)
{
    response->content_type = media_type;
    if (rows[problem].status == 503) {
        http_add_header(response, "Retry-After", "%d", RETRY_SECONDS);
    }
    json_respond(response, rows[problem].status, root);
}

void problem_respond(struct http_response *response, enum problem problem, const char *format, ...)
{
    char detail[DETAIL_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    respond(response, problem, problem_json(problem, detail));
}

/* NULL when memory is short. */
static json_t *list_faults(const struct ep_faults *faults)
{
    json_t *list = json_array();
    for (size_t i = 0; i < faults->count && list != NULL; i++) {
        const struct ep_fault *fault = &faults->items[i];
        json_t *item =
            json_pack("{s:o, s:o}", "pointer", json_text(fault->pointer), "detail", json_text(fault->detail));
        list = json_append(list, item);
    }
    return list;
}

void problem_respond_faults(struct http_response *response, const char *what, const struct ep_faults *faults)
{
    char detail[128];
    const size_t count = faults->count + faults->dropped;
    snprintf(detail, sizeof detail, "%s has %zu fault%s%s", what, count, count == 1 ? "" : "s",
             faults->dropped > 0 ? ", of which the first are listed" : "");
    json_t *root = problem_json(PROBLEM_INVALID_SPEC, detail);
    json_t *list = list_faults(faults);
    if (root != NULL && json_object_set_new(root, "errors", list) != 0) {
        json_decref(root);
        root = NULL;
    }
    respond(response, PROBLEM_INVALID_SPEC, root);
}

void problem_respond_error(struct http_response *response, const struct ep_error *error)
{
    problem_respond(response, problem_of_error(error), "%s", error->text);
}

void problem_respond_bare(struct http_response *response)
{
    static const char text[] =
        "{\"type\":\"" TYPE_PREFIX "no_memory\",\"title\":\"The server is short of memory\","
        "\"status\":503,\"detail\":\"no memory for the answer; try again later\"}\n";
    response->status = 503;
    response->content_type = media_type;
    response->static_body = text;
    response->body_length = sizeof text - 1;
}
