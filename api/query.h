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

#endif
