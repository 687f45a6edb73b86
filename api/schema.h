#ifndef EP_API_SCHEMA_H
#define EP_API_SCHEMA_H

#include <jansson.h>
#include <stdint.h>

#include "core/base/faults.h"
#include "core/base/field.h"

/** JSON objects to structs and back, by the table that describes the struct (core/base/field.h). */

/**
 * Decodes `object` (any JSON value) into `target`: fields that are absent get their default, and everything
 * that is wrong becomes a fault. *given has bit i set for each row i that was there.
 */
void schema_decode(const struct ep_fields *fields, json_t *object, void *target, uint64_t *given,
                   struct ep_faults *faults);

/** A JSON object of all fields in the order of the table; those with "/" in their name are members of nested
 * objects. NULL when memory is short. */
json_t *schema_encode(const struct ep_fields *fields, const void *source);

enum { SCHEMA_WORDS_MAX = 128 };

/** What a value of the field may be: "a number above 0 and at most 100". */
void schema_allowed(const struct ep_field *field, char words[SCHEMA_WORDS_MAX]);

/** The same of an item of a list. */
void schema_allowed_item(const struct ep_field *field, char words[SCHEMA_WORDS_MAX]);

/** What a value is, shortly: "-1", "a text of 3 bytes", "a list of 2 items". */
void schema_got(const json_t *value, char words[SCHEMA_WORDS_MAX]);

/** Number of insertions, deletions and replacements that make `a` into `b` (Levenshtein 1966). Only the first
 * 63 bytes count. */
size_t schema_distance(const char *a, const char *b);

#endif
