#ifndef EP_API_SEARCH_JSON_H
#define EP_API_SEARCH_JSON_H

#include <jansson.h>

#include "api/api.h"
#include "core/search/searches.h"

/** Searches and their trials as JSON. All functions return NULL when memory is short. */

enum { SEARCH_NAME_MAX = 64 };

/** The name of a field of the spec as searches have it: "decay.every". */
const char *search_field_name(size_t row, char name[SEARCH_NAME_MAX]);

/** A definition with all its defaults, in the form in which clients write it, and with the spec `base` (taken
 * over; NULL: memory was short) in it. */
json_t *search_definition_json(const struct search_definition *definition, json_t *base);

/** The definition's base with the fields that were given. */
json_t *search_base_json(const struct search_definition *definition);

/** The definition as clients see it: its base has all defaults, as far as its dataset is known. */
json_t *search_shown_definition_json(const struct api *api, const struct search_definition *definition);

/** The banks of a plan. */
json_t *search_banks_json(const struct search_plan *plan);

/** A search as GET /v1/searches/{id} shows it. */
json_t *search_json(const struct api *api, const struct search *search);

/** A trial with its values (an object, taken over) and its rank from 1 (0: it has none). */
json_t *search_trial_json(const struct search_trial *trial, json_t *values, size_t rank);

/** The value that trial `index` has in field `field` (< trials->field_count). */
json_t *search_value_json(const struct search_trials *trials, size_t index, size_t field);

/** The values of trial `index` by the names of the fields. */
json_t *search_values_json(const struct search_trials *trials, size_t index);

#endif
