#include "server/wire.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/macros.h"

#define DIGITS  "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/** Characters of a token (RFC 9110, 5.6.2), of which header names consist. */
static const char token_characters[] = LETTERS DIGITS "!#$%&'*+-.^_`|~";

/** Characters of a path (RFC 3986, 3.3): unreserved, sub-delims, and : @ / %. */
static const char path_characters[] = LETTERS DIGITS "-._~!$&'()*+,;=:@/%";

void wire_head_add(struct wire_head *head, const char *name, const char *value)
{
    if (name[0] == '\0' || name[strspn(name, token_characters)] != '\0') {
        head->bad_name = true;
    }
    value = value == NULL ? "" : value;
    if (strcasecmp(name, "Host") == 0) {
        head->host_count++;
        head->host = value;
    } else if (strcasecmp(name, "Content-Length") == 0) {
        head->length_count++;
        head->length = value;
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        head->coding_count++;
        head->coding = value;
    } else if (strcasecmp(name, "Content-Encoding") == 0) {
        head->content_encoding = true;
    } else if (strcasecmp(name, "Expect") == 0) {
        head->expects = true;
    }
}

static bool has_controls(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at <= 0x20 || *at == 0x7f) {
            return true;
        }
    }
    return false;
}

/** Whether text[0, length) has one of the sequences that hide a step upwards or another path. */
static bool has_disguise(const char *text, size_t length)
{
    static const char *const disguises[] = {"..", "%2e", "%2f", "%5c"};
    for (size_t at = 0; at < length; at++) {
        for (size_t i = 0; i < EP_COUNT(disguises); i++) {
            if (strncasecmp(text + at, disguises[i], strlen(disguises[i])) == 0) {
                return true;
            }
        }
    }
    return false;
}

struct wire_refusal wire_check_target(const char *target)
{
    if (target[0] != '/') {
        return (struct wire_refusal){400, "the request target must be a path that starts with /"};
    }
    // The query is decoded into C strings, where a zero byte would hide what follows it.
    if (has_controls(target) || strcasestr(target, "%00") != NULL) {
        return (struct wire_refusal){400, "the request target has blanks, control characters or %00 in it"};
    }
    const size_t path_length = strspn(target, path_characters);
    if (target[path_length] != '\0' && target[path_length] != '?') {
        return (struct wire_refusal){400, "the path has characters in it that a URL must not have"};
    }
    if (has_disguise(target, path_length)) {
        return (struct wire_refusal){400, "the path has \"..\" or a disguised dot, slash or backslash in it"};
    }
    return (struct wire_refusal){0};
}

/** Reads a Content-Length: digits only, and not more than a size can hold. */
static bool parse_length(const char *text, size_t *length)
{
    if (text[0] == '\0' || text[strspn(text, DIGITS)] != '\0') {
        return false;
    }
    errno = 0;
    const unsigned long long value = strtoull(text, NULL, 10);
    if (errno != 0 || value > SIZE_MAX) {
        return false;
    }
    *length = (size_t)value;
    return true;
}

struct wire_refusal wire_check_head(const struct wire_head *head, const struct address *address)
{
    size_t ignored;
    if (head->bad_name) {
        return (struct wire_refusal){400, "a header's name has characters in it that are not allowed there"};
    }
    if (head->length_count > 1) {
        return (struct wire_refusal){400, "the request has more than one Content-Length"};
    }
    if (head->length_count == 1 && head->coding_count > 0) {
        return (struct wire_refusal){400, "the request has both Content-Length and Transfer-Encoding"};
    }
    if (head->length_count == 1 && !parse_length(head->length, &ignored)) {
        return (struct wire_refusal){400, "Content-Length must be a number of bytes"};
    }
    if (head->coding_count > 1 || (head->coding_count == 1 && strcasecmp(head->coding, "chunked") != 0)) {
        return (struct wire_refusal){400, "Transfer-Encoding must be given once and be \"chunked\""};
    }
    if (head->host_count != 1) {
        return (struct wire_refusal){400, "the request must have exactly one Host header"};
    }
    if (!address_serves_host(address, head->host)) {
        return (struct wire_refusal){421, "the Host header names another server; use localhost, 127.0.0.1, "
                                          "[::1] or the address that the server listens on"};
    }
    return (struct wire_refusal){0};
}

bool wire_announces_body(const struct wire_head *head, size_t *length)
{
    *length = 0;
    if (head->coding_count > 0) {
        return true;
    }
    return head->length_count > 0 && parse_length(head->length, length) && *length > 0;
}
