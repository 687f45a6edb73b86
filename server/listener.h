#ifndef EP_SERVER_LISTENER_H
#define EP_SERVER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/http.h"
#include "core/base/error.h"
#include "server/address.h"
#include "server/log.h"

/** HTTP/1.1 on a socket: bytes, limits and time-outs; what requests mean is the handler's business. */
struct listener;

/** Who answers. All functions are called from several threads at once. */
struct listener_handler {
    void *context;
    /** As api_accepts: asked before a body is read. */
    bool (*accepts)(void *context, const struct http_request *request, size_t length,
                    struct http_response *response);
    /** As api_handle. */
    void (*handle)(void *context, const struct http_request *request, struct http_response *response);
    /** As api_refuse: makes the answer to what is refused without being handled. */
    void (*refuse)(struct http_response *response, int status, const char *detail);
};

struct listener_options {
    struct address address;
    size_t connections_most;
    unsigned idle_seconds; /**< a connection on which nothing moves for so long is closed */
    size_t body_most;      /**< bytes of a request's body; more are refused with 413 */
    struct listener_handler handler;
    const struct log *log; /**< borrowed; must outlive the listener */
};

/**
 * Opens the port and answers on threads of its own; it accepts connections when this returns. EP_IO: the port
 * is taken, or the address is not this machine's; EP_NO_MEMORY; EP_INTERNAL.
 */
EP_NODISCARD enum ep_status listener_start(const struct listener_options *options, struct listener **listener,
                                           struct ep_error *error);

/** The port it listens on, also when port 0 was asked for. */
uint16_t listener_port(const struct listener *listener);

/**
 * Accepts no more, lets requests being answered finish for a moment, ends all connections and threads, and
 * releases the listener. NULL is fine.
 */
void listener_stop(struct listener *listener);

#endif
