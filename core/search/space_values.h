#ifndef EP_SEARCH_SPACE_VALUES_H
#define EP_SEARCH_SPACE_VALUES_H

#include <math.h>

#include "core/search/space.h"

/** Small questions about fields. Private to the search. */

static inline const struct ep_field *search_row_of(const struct search_field *field)
{
    return &job_spec_fields.rows[field->row];
}

static inline bool search_is_integer(const struct search_field *field)
{
    return search_row_of(field)->kind == EP_FIELD_INTEGER;
}

/** Whether the field has a range without ends. */
static inline bool search_is_relative(const struct search_field *field)
{
    return !field->is_list && isnan(field->from) && isnan(field->to);
}

/** The one of `count` fields that is about `row`; NULL when there is none. */
const struct search_field *search_find_field(const struct search_field *fields, size_t count, size_t row);

/** What a spec has in the row; NaN of lists and texts. */
double search_spec_value(const struct ep_field *row, const struct job_spec *spec);

/** Bit of the row called `name`, as in a decoder's `given`. */
uint64_t search_bit_of(const char *name);

#endif
