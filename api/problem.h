#ifndef EP_API_PROBLEM_H
#define EP_API_PROBLEM_H

#include "api/json.h"
#include "core/base/faults.h"

/** Problem details (RFC 9457): what every answer with a status of 400 and above carries. */

/* Name, code in "type": "urn:epochd:problem:<code>", HTTP status, title. */
#define PROBLEMS(X)                                                                                          \
    X(BAD_REQUEST, "bad_request", 400, "The request cannot be understood")                                   \
    X(NOT_JSON, "not_json", 400, "The body is not JSON")                                                     \
    X(INVALID_QUERY, "invalid_query", 400, "The query is wrong")                                             \
    X(UNKNOWN_ROUTE, "unknown_route", 404, "There is nothing at this path")                                  \
    X(NOT_FOUND, "not_found", 404, "There is no such thing")                                                 \
    X(METHOD_NOT_ALLOWED, "method_not_allowed", 405, "This path does not take this method")                  \
    X(TIMEOUT, "timeout", 408, "The request took too long")                                                  \
    X(WRONG_STATE, "wrong_state", 409, "The state does not allow this")                                      \
    X(TOO_LARGE, "too_large", 413, "The body is too large")                                                  \
    X(URI_TOO_LONG, "uri_too_long", 414, "The path or query is too long")                                    \
    X(UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", 415, "The body has the wrong media type")            \
    X(MISDIRECTED, "misdirected", 421, "The request is for another host")                                    \
    X(INVALID_SPEC, "invalid_spec", 422, "The spec is wrong")                                                \
    X(HEADERS_TOO_LARGE, "headers_too_large", 431, "The headers are too large")                              \
    X(INTERNAL, "internal", 500, "The server failed")                                                        \
    X(NO_MEMORY, "no_memory", 503, "The server is short of memory")                                          \
    X(STORAGE, "storage", 503, "The server cannot write to its disk")                                        \
    X(QUEUE_FULL, "queue_full", 503, "The queue is full")                                                    \
    X(STOPPING, "stopping", 503, "The server is stopping")                                                   \
    X(DIVERGED, "diverged", 422, "The training diverged")                                                    \
    X(CHECK_FAILED, "check_failed", 500, "The gradient check failed")                                        \
    X(TRAINING_FAILED, "training_failed", 500, "The training failed")

enum problem {
#define X(name, code, status, title) PROBLEM_##name,
    PROBLEMS(X)
#undef X
        PROBLEM_COUNT
};

struct problem_row {
    const char *code;
    int status;
    const char *title;
};

/** The row of a problem. */
const struct problem_row *problem_row(enum problem problem);

/** The first problem with that HTTP status; PROBLEM_INTERNAL when there is none. */
enum problem problem_of_status(int status);

/** What a core function's failure is to a client. */
enum problem problem_of_error(const struct ep_error *error);

/** The problem as a JSON object with type, title, status and detail. NULL when memory is short. */
json_t *problem_json(enum problem problem, const char *detail);

/** Makes `response` the problem, with what is printed as its detail. */
void problem_respond(struct http_response *response, enum problem problem, const char *format, ...)
    EP_PRINTF(3, 4);

/** The same with all faults of `what` ("the spec") as its `errors`. */
void problem_respond_faults(struct http_response *response, const char *what, const struct ep_faults *faults);

/** Makes `response` the problem for a failed core function. */
void problem_respond_error(struct http_response *response, const struct ep_error *error);

/** Makes `response` a problem that takes no memory. */
void problem_respond_bare(struct http_response *response);

#endif
