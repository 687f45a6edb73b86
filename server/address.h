#ifndef EP_SERVER_ADDRESS_H
#define EP_SERVER_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

/** TCP addresses of this machine, and sockets on them. */

/** Room for the longest "[ADDR]:PORT" with its terminating zero. */
enum { ADDRESS_TEXT = 64, ADDRESS_HOST_TEXT = 48 };

/** A plain value. */
struct address {
    bool v6;
    char host[ADDRESS_HOST_TEXT]; /**< numeric and without brackets: "127.0.0.1", "::1" */
    uint16_t port;                /**< 0: any free one */
};

/**
 * Reads "ADDR:PORT": a numeric IPv4 address, an IPv6 address in brackets, or localhost, which is 127.0.0.1.
 * EP_INVALID.
 */
EP_NODISCARD enum ep_status address_parse(const char *text, struct address *address, struct ep_error *error);

/** Writes "127.0.0.1:8080" or "[::1]:8080", as in a URL. */
void address_format(const struct address *address, char text[ADDRESS_TEXT]);

/** Whether only this machine can reach the address: 127.0.0.0/8 or ::1. */
bool address_is_loopback(const struct address *address);

/**
 * Whether a Host header ("NAME" or "NAME:PORT") names this machine's loopback or `address` itself. What a
 * browser was tricked into sending here under a foreign name (DNS rebinding) does not. The port is not
 * looked at, so that a forwarded port works.
 */
bool address_serves_host(const struct address *address, const char *host);

/**
 * Opens a socket that listens on `address`; *port is the port it got. The caller closes *descriptor.
 * EP_IO: the port is taken, or the address is not this machine's.
 */
EP_NODISCARD enum ep_status address_listen(const struct address *address, int backlog, int *descriptor,
                                           uint16_t *port, struct ep_error *error);

/** Connects to `address`, giving up on every later send and receive after `seconds`. As address_listen. */
EP_NODISCARD enum ep_status address_connect(const struct address *address, unsigned seconds, int *descriptor,
                                            struct ep_error *error);

#endif
