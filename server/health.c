#include "server/health.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"

enum { PATIENCE_SECONDS = 5, STATUS_LINE = 32 };

/** Receives the first bytes of the answer, as a string; false when too little came. */
static bool receive_start(int descriptor, char line[STATUS_LINE], struct ep_error *error)
{
    const double begun = ep_clock_seconds();
    size_t length = 0;
    while (length < STATUS_LINE - 1 && ep_clock_seconds() - begun < PATIENCE_SECONDS) {
        const ssize_t got = recv(descriptor, line + length, STATUS_LINE - 1 - length, 0);
        if (got < 0 && errno != EINTR) {
            ep_fail_errno(error, EP_IO, errno, "no answer within %d seconds", PATIENCE_SECONDS);
            return false;
        }
        if (got == 0) {
            break;
        }
        length += got > 0 ? (size_t)got : 0;
    }
    line[length] = '\0';
    return true;
}

static enum ep_status ask(const struct address *address, int descriptor, struct ep_error *error)
{
    char host[ADDRESS_TEXT];
    address_format(address, host);
    char request[192];
    const int length = snprintf(request, sizeof request,
                                "GET /healthz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    if (send(descriptor, request, (size_t)length, MSG_NOSIGNAL) != length) {
        return ep_fail_errno(error, EP_IO, errno, "cannot send a request to %s", host);
    }
    char line[STATUS_LINE];
    struct ep_error reason;
    if (!receive_start(descriptor, line, &reason)) {
        return ep_fail(error, EP_IO, "%s: %s", host, reason.text);
    }
    if (strncmp(line, "HTTP/1.1 200 ", strlen("HTTP/1.1 200 ")) != 0) {
        line[strcspn(line, "\r\n")] = '\0';
        return ep_fail(error, EP_UNAVAILABLE, "%s answered \"%s\" instead of 200", host, line);
    }
    return EP_OK;
}

enum exit_code health_run(const struct options *options)
{
    struct ep_error error;
    if (options->listen.port == 0) {
        fputs("epochd: --listen: health needs the port of the server, not 0\n", stderr);
        return EXIT_USAGE;
    }
    int descriptor;
    enum ep_status status = address_connect(&options->listen, PATIENCE_SECONDS, &descriptor, &error);
    if (status == EP_OK) {
        status = ask(&options->listen, descriptor, &error);
        close(descriptor);
    }
    if (status != EP_OK) {
        fprintf(stderr, "epochd: not healthy: %s\n", error.text);
        return EXIT_TROUBLE;
    }
    return EXIT_DONE;
}
