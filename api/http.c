#include "api/http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/macros.h"

static const char *const method_names[] = {
    [HTTP_GET] = "GET",     [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",       [HTTP_PUT] = "PUT",
    [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS", [HTTP_OTHER] = "OTHER",
};

const char *http_method_name(enum http_method method)
{
    return method_names[(unsigned)method < HTTP_OTHER ? method : HTTP_OTHER];
}

enum http_method http_method_parse(const char *name)
{
    for (unsigned i = 0; i < HTTP_OTHER; i++) {
        if (strcmp(method_names[i], name) == 0) {
            return (enum http_method)i;
        }
    }
    return HTTP_OTHER;
}

void http_add_header(struct http_response *response, const char *name, const char *format, ...)
{
    if (response->header_count == HTTP_HEADERS_MAX) {
        return;
    }
    struct http_header *header = &response->headers[response->header_count++];
    header->name = name;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(header->value, sizeof header->value, format, arguments);
    va_end(arguments);
}

const char *http_query(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->query_count; i++) {
        if (strcmp(request->query[i].name, name) == 0) {
            return request->query[i].value;
        }
    }
    return NULL;
}

void http_response_done(struct http_response *response)
{
    free(response->body);
    *response = (struct http_response){0};
}
