#ifndef EP_SERVER_WIRE_H
#define EP_SERVER_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/address.h"

/**
 * What is checked of a request before anybody looks at its meaning. The HTTP library lets shapes pass that
 * two parties on one connection may read in two ways (request smuggling); those end the connection.
 */

/** The headers that say where a request ends and whom it is for. Initialise with {0}; values are borrowed. */
struct wire_head {
    size_t host_count, length_count, coding_count;
    const char *host;      /**< Host */
    const char *length;    /**< Content-Length */
    const char *coding;    /**< Transfer-Encoding */
    bool bad_name;         /**< a header's name has characters that are not allowed in it */
    bool content_encoding; /**< the body is compressed */
    bool expects;          /**< the client waits for 100 Continue before it sends the body */
};

/** Adds one header of the request; `value` may be NULL. */
void wire_head_add(struct wire_head *head, const char *name, const char *value);

/** Why a request is refused; `status` 0: it is not. */
struct wire_refusal {
    int status;
    const char *detail; /**< static */
};

/** Judges the request target as sent. */
struct wire_refusal wire_check_target(const char *target);

/** Judges the headers of a request to a server at `address`. What it refuses, the connection must end with.
 */
struct wire_refusal wire_check_head(const struct wire_head *head, const struct address *address);

/** Whether a body follows; then *length is its announced length, 0 for a chunked one. The head is checked. */
bool wire_announces_body(const struct wire_head *head, size_t *length);

#endif
