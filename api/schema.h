#ifndef EP_API_SCHEMA_H
#define EP_API_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
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

/** An object within a larger one. */
struct schema_place {
    const char *pointer;       /**< JSON Pointer to it; "" at the top */
    const char *noun;          /**< what it is: "a spec" */
    const char *const *others; /**< NULL-terminated names of its members that others read; NULL: none */
};

/** The same of an object that stands somewhere. */
void schema_decode_at(const struct ep_fields *fields, const struct schema_place *place, json_t *object,
                      void *target, uint64_t *given, struct ep_faults *faults);

/** Reads one value, which is at `pointer`, by its row into the member that the row describes. False, with a
 * fault, when it is wrong. */
bool schema_read(const struct ep_field *field, const char *pointer, const json_t *value, void *member,
                 struct ep_faults *faults);

enum { SCHEMA_POINTER_MAX = 128 };

/** Writes PREFIX/KEY as a JSON Pointer (RFC 6901); a key that is too long is cut. */
void schema_point(const char *prefix, const char *key, char pointer[SCHEMA_POINTER_MAX]);

/** Whether `name` is an object whose members the table describes. */
bool schema_is_group(const struct ep_fields *fields, const char *name);

/** Adds the fault of a member called `name` ("a/b") that is none of the fields nor of the place's others. */
void schema_refuse_unknown(const struct ep_fields *fields, const struct schema_place *place,
                           const char *pointer, const char *name, struct ep_faults *faults);

/** A JSON object of all fields in the order of the table; those with "/" in their name are members of nested
 * objects. NULL when memory is short. */
json_t *schema_encode(const struct ep_fields *fields, const void *source);

/** One field of `source` as JSON. NULL when memory is short. */
json_t *schema_encode_value(const struct ep_field *field, const void *member);

/** Takes the field called `name` out of what schema_encode gave, and its object if nothing is left there. */
void schema_take_out(json_t *root, const char *name);

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
