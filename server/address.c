#include "server/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool to_socket_address(const struct address *address, union socket_address *out, socklen_t *length)
{
    memset(out, 0, sizeof *out);
    if (address->v6) {
        *length = sizeof out->v6;
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(address->port);
        return inet_pton(AF_INET6, address->host, &out->v6.sin6_addr) == 1;
    }
    *length = sizeof out->v4;
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(address->port);
    return inet_pton(AF_INET, address->host, &out->v4.sin_addr) == 1;
}

/** Copies text[0, length) as a C string; false when it is empty or too long. */
static bool copy_part(char *out, size_t size, const char *text, size_t length)
{
    if (length == 0 || length >= size) {
        return false;
    }
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

static bool parse_port(const char *text, uint16_t *port)
{
    const size_t length = strlen(text);
    if (length == 0 || length > 5 || strspn(text, "0123456789") != length) {
        return false;
    }
    const unsigned long value = strtoul(text, NULL, 10);
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

/** Reads the part before the port, brackets included. */
static bool parse_host(const char *text, size_t length, struct address *address)
{
    address->v6 = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    if (address->v6) {
        text++;
        length -= 2;
    }
    if (!copy_part(address->host, sizeof address->host, text, length)) {
        return false;
    }
    if (!address->v6 && strcasecmp(address->host, "localhost") == 0) {
        snprintf(address->host, sizeof address->host, "127.0.0.1");
    }
    union socket_address ignored;
    socklen_t ignored_length;
    return to_socket_address(address, &ignored, &ignored_length);
}

enum ep_status address_parse(const char *text, struct address *address, struct ep_error *error)
{
    struct address parsed = {.port = 0};
    const char *colon = strrchr(text, ':');
    if (colon == NULL || !parse_host(text, (size_t)(colon - text), &parsed) ||
        !parse_port(colon + 1, &parsed.port)) {
        return ep_fail(
            error, EP_INVALID,
            "got \"%s\"; an address is ADDR:PORT with a numeric address and a port from 0 to 65535, "
            "such as 127.0.0.1:8080 or [::1]:8080",
            text);
    }
    *address = parsed;
    return EP_OK;
}

void address_format(const struct address *address, char text[ADDRESS_TEXT])
{
    snprintf(text, ADDRESS_TEXT, address->v6 ? "[%s]:%u" : "%s:%u", address->host, (unsigned)address->port);
}

bool address_is_loopback(const struct address *address)
{
    union socket_address raw;
    socklen_t length;
    if (!to_socket_address(address, &raw, &length)) {
        return false;
    }
    return address->v6 ? IN6_IS_ADDR_LOOPBACK(&raw.v6.sin6_addr)
                       : ntohl(raw.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool address_serves_host(const struct address *address, const char *host)
{
    const char *bracket = host[0] == '[' ? strchr(host, ']') : NULL;
    const size_t length = bracket != NULL ? (size_t)(bracket - host) + 1 : strcspn(host, ":");
    uint16_t ignored;
    if (host[length] != '\0' && (host[length] != ':' || !parse_port(host + length + 1, &ignored))) {
        return false;
    }
    struct address named = {.port = 0};
    if (!parse_host(host, length, &named)) {
        return false;
    }
    return address_is_loopback(&named) || (named.v6 == address->v6 && strcmp(named.host, address->host) == 0);
}

static uint16_t bound_port(int descriptor)
{
    union socket_address bound = {0};
    socklen_t length = sizeof bound;
    if (getsockname(descriptor, &bound.any, &length) != 0) {
        return 0;
    }
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

enum ep_status address_listen(const struct address *address, int backlog, int *descriptor, uint16_t *port,
                              struct ep_error *error)
{
    char text[ADDRESS_TEXT];
    address_format(address, text);
    union socket_address raw;
    socklen_t length;
    if (!to_socket_address(address, &raw, &length)) {
        return ep_fail(error, EP_INVALID, "cannot listen on %s: not an address", text);
    }
    const int opened = socket(raw.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (opened < 0) {
        return ep_fail_errno(error, EP_IO, errno, "cannot open a socket");
    }
    const int yes = 1;
    setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(opened, &raw.any, length) != 0 || listen(opened, backlog) != 0) {
        const int code = errno;
        close(opened);
        return ep_fail_errno(error, EP_IO, code, "cannot listen on %s", text);
    }
    *descriptor = opened;
    *port = bound_port(opened);
    return EP_OK;
}

enum ep_status address_connect(const struct address *address, unsigned seconds, int *descriptor,
                               struct ep_error *error)
{
    char text[ADDRESS_TEXT];
    address_format(address, text);
    union socket_address raw;
    socklen_t length;
    if (!to_socket_address(address, &raw, &length)) {
        return ep_fail(error, EP_INVALID, "cannot connect to %s: not an address", text);
    }
    const int opened = socket(raw.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (opened < 0) {
        return ep_fail_errno(error, EP_IO, errno, "cannot open a socket");
    }
    const struct timeval patience = {.tv_sec = (time_t)seconds};
    setsockopt(opened, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(opened, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(opened, &raw.any, length) != 0) {
        const int code = errno;
        close(opened);
        return ep_fail_errno(error, EP_IO, code, "cannot connect to %s", text);
    }
    *descriptor = opened;
    return EP_OK;
}
