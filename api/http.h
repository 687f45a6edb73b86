#ifndef EP_API_HTTP_H
#define EP_API_HTTP_H

#include <stdbool.h>
#include <stddef.h>

/** Requests and responses as plain structs: what handlers see instead of an HTTP library. */

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER, /**< any other token; answered with 405 or 404 */
};

/** Name of a method as it stands on the wire; "OTHER" for HTTP_OTHER. */
const char *http_method_name(enum http_method method);

/** HTTP_OTHER when `name` is none of ours. Methods are case-sensitive. */
enum http_method http_method_parse(const char *name);

enum { HTTP_QUERY_MAX = 32, HTTP_HEADERS_MAX = 12 };

struct http_parameter {
    const char *name;
    const char *value; /**< "" where the query has a name only */
};

/** Everything is borrowed from the listener and valid until the answer has been made. */
struct http_request {
    enum http_method method;
    const char *path; /**< as sent, without the query */
    size_t query_count;
    struct http_parameter query[HTTP_QUERY_MAX]; /**< decoded */
    bool query_overflow;                         /**< there were more, which are not here */
    const char *content_type;                    /**< header value or NULL */
    const char *accept;                          /**< header value or NULL */
    const char *body;                            /**< (body_length), not zero-terminated; NULL when empty */
    size_t body_length;
};

struct http_header {
    const char *name; /**< static */
    char value[256];
};

/** Filled by a handler; zeroed before. */
struct http_response {
    int status;
    const char *content_type; /**< static; NULL when there is no body */
    size_t header_count;
    struct http_header headers[HTTP_HEADERS_MAX];
    const char *static_body; /**< (body_length), never freed; used when `body` is NULL */
    char *body;              /**< (body_length), from malloc; the listener frees it */
    size_t body_length;
};

/** Adds a header, formatted; an over-long value is cut, a header past the capacity is dropped. */
void http_add_header(struct http_response *response, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The value of the first query parameter of that name, or NULL. */
const char *http_query(const struct http_request *request, const char *name);

/** Releases what a response owns and zeroes it. */
void http_response_done(struct http_response *response);

#endif
