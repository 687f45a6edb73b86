#ifndef EP_API_QUERY_H
#define EP_API_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "api/http.h"

/**
 * Parameters of a query, read strictly. Each function returns false when the parameter is wrong or repeated,
 * and `response` then says why; a parameter that is not there leaves the value as it is.
 */

bool query_once(const struct http_request *request, const char *name, const char **value,
                struct http_response *response);

/** A word of 1 to 32 characters as names of datasets and tags are. */
bool query_word(const struct http_request *request, const char *name, const char **value,
                struct http_response *response);

/** "true" or "false". */
bool query_boolean(const struct http_request *request, const char *name, bool *value,
                   struct http_response *response);

/** Decimal digits; least … most. */
bool query_integer(const struct http_request *request, const char *name, uint64_t least, uint64_t most,
                   uint64_t *value, struct http_response *response);

/** An id; `what` it must be, for people. */
bool query_id(const struct http_request *request, const char *name, const char *what, const char **value,
              struct http_response *response);

/** One of `count` words, whose index goes into *choice. */
bool query_choice(const struct http_request *request, const char *name, const char *const *words,
                  size_t count, size_t *choice, struct http_response *response);

/** Some of `count` words, separated by commas or with the parameter repeated: sets the bits of their indices.
 */
bool query_choices(const struct http_request *request, const char *name, const char *const *words,
                   size_t count, unsigned *choices, struct http_response *response);

/** `state`: states of jobs, as bits. */
bool query_job_states(const struct http_request *request, unsigned *states, struct http_response *response);

#endif
