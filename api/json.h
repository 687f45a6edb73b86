#ifndef EP_API_JSON_H
#define EP_API_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "api/http.h"
#include "core/base/error.h"

/** JSON text in and out. Functions that return a value return NULL when memory is short. */

enum { JSON_LEVELS_MAX = 32 };

/**
 * Reads JSON (RFC 8259) from `text` (length bytes), whatever its top level is; release *root with
 * json_decref. All numbers come as reals. EP_INVALID, with line and column in the text: not JSON, not UTF-8,
 * a repeated key, a number beyond a double, more than JSON_LEVELS_MAX levels.
 */
EP_NODISCARD enum ep_status json_read(const char *text, size_t length, json_t **root, struct ep_error *error);

/** A number fit to be read: 15 significant digits; null when it is not finite. */
json_t *json_number(double value);

/** As json_number with only `digits` significant digits, for what was measured or estimated. */
json_t *json_rounded(double value, int digits);

/** A string; bytes that are not UTF-8 become question marks. */
json_t *json_text(const char *text);

/** Adds `item` to `list`, taking over both. NULL, both released, when either is NULL or memory is short. */
json_t *json_append(json_t *list, json_t *item);

/** An epoch counted from 1; null for 0. */
json_t *json_epoch(uint64_t epoch);

/** `ms` since 1970 as RFC 3339 in UTC; null for 0. */
json_t *json_time(int64_t ms);

/**
 * Prints `root` and a newline, each number with as many digits as it needs to be read back as it is. The
 * caller frees the text. NULL when memory is short.
 */
char *json_print(json_t *root, size_t *length);

/** Makes `root` (taken over; NULL: memory was short) the body of a response. */
void json_respond(struct http_response *response, int status, json_t *root);

#endif
