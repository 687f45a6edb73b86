#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *ep_status_name(enum ep_status status)
{
    switch (status) {
    case EP_OK:
        return "ok";
    case EP_INVALID:
        return "invalid";
    case EP_NOT_FOUND:
        return "not_found";
    case EP_CONFLICT:
        return "conflict";
    case EP_TOO_LARGE:
        return "too_large";
    case EP_NO_MEMORY:
        return "no_memory";
    case EP_IO:
        return "io";
    case EP_CORRUPT:
        return "corrupt";
    case EP_UNAVAILABLE:
        return "unavailable";
    case EP_CANCELLED:
        return "cancelled";
    case EP_DIVERGED:
        return "diverged";
    case EP_INTERNAL:
        return "internal";
    }
    return "unknown";
}

EP_PRINTF(2, 0)
static void write_text(struct ep_error *error, const char *format, va_list arguments)
{
    /* Formatted aside first: an argument may be the text of the same error. */
    char text[sizeof error->text];
    vsnprintf(text, sizeof text, format, arguments);
    memcpy(error->text, text, sizeof text);
}

enum ep_status ep_fail(struct ep_error *error, enum ep_status status, const char *format, ...)
{
    if (error == NULL) {
        return status;
    }
    va_list arguments;
    va_start(arguments, format);
    write_text(error, format, arguments);
    va_end(arguments);
    error->status = status;
    return status;
}

enum ep_status ep_fail_errno(struct ep_error *error, enum ep_status status, int code, const char *format, ...)
{
    if (error == NULL) {
        return status;
    }
    va_list arguments;
    va_start(arguments, format);
    write_text(error, format, arguments);
    va_end(arguments);
    char reason[128];
    const size_t used = strlen(error->text);
    snprintf(error->text + used, sizeof error->text - used, ": %s", strerror_r(code, reason, sizeof reason));
    error->status = status;
    return status;
}
