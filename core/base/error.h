#ifndef EP_BASE_ERROR_H
#define EP_BASE_ERROR_H

#include "core/base/macros.h"

/**
 * What a function that can fail returns. The sentence for people goes to a caller-supplied `struct ep_error`.
 */
enum ep_status {
    EP_OK = 0,
    EP_INVALID,     /**< An argument, a spec or a request is wrong. */
    EP_NOT_FOUND,   /**< There is no such job, dataset or file. */
    EP_CONFLICT,    /**< The thing exists, but its state does not allow this. */
    EP_TOO_LARGE,   /**< A size is over a limit, or does not fit into size_t. */
    EP_NO_MEMORY,   /**< An allocation failed. */
    EP_IO,          /**< The operating system refused a read, a write or a sync. */
    EP_CORRUPT,     /**< A file is not what its format says. */
    EP_UNAVAILABLE, /**< Not now: stopping, full, or not set up. */
    EP_CANCELLED,   /**< Stopped by request before the end. */
    EP_DIVERGED,    /**< The cost of a network is no longer a finite number. */
    EP_INTERNAL,    /**< A library or an invariant failed. */
};

/** Why something failed, in a sentence fit for a user. Only written on failure. */
struct ep_error {
    enum ep_status status;
    char text[512];
};

/** Short stable name of a status, for logs: "not_found". Never NULL. */
const char *ep_status_name(enum ep_status status);

/**
 * Writes status and the formatted sentence (cut at the buffer's end) into `error`, which may be NULL.
 * Returns `status`, so that a failing function ends with `return ep_fail(error, EP_IO, …)`.
 */
enum ep_status ep_fail(struct ep_error *error, enum ep_status status, const char *format, ...)
    EP_PRINTF(3, 4);

/** As ep_fail, with ": " and the text of errno value `code` appended. */
enum ep_status ep_fail_errno(struct ep_error *error, enum ep_status status, int code, const char *format, ...)
    EP_PRINTF(4, 5);

#endif
