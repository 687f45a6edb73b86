#include "core/search/space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/search/space_values.h"

uint64_t search_bit_of(const char *name)
{
    return (uint64_t)1 << ep_fields_find(&job_spec_fields, name);
}

const struct search_field *search_find_field(const struct search_field *fields, size_t count, size_t row)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].row == row) {
            return &fields[i];
        }
    }
    return NULL;
}

/* Value `index` of a list as it stands in a point. */
static double list_value(const struct search_field *field, size_t index)
{
    return field->lists != NULL ? (double)index : field->values[index];
}

double search_spec_value(const struct ep_field *row, const struct job_spec *spec)
{
    const void *member = ep_field_of(row, spec);
    switch (row->kind) {
    case EP_FIELD_INTEGER:
        return (double)*(const uint64_t *)member;
    case EP_FIELD_NUMBER:
        return *(const double *)member;
    case EP_FIELD_BOOLEAN:
        return *(const bool *)member ? 1 : 0;
    case EP_FIELD_CHOICE:
        return (double)*(const int *)member;
    case EP_FIELD_TEXT:
    case EP_FIELD_INTEGER_LIST:
    case EP_FIELD_TEXT_LIST:
        break;
    }
    return NAN;
}

/* Writes a value of a point into the spec. */
static void set_value(const struct search_field *field, double value, struct job_spec *spec)
{
    const struct ep_field *row = search_row_of(field);
    void *member = ep_field_at(row, spec);
    switch (row->kind) {
    case EP_FIELD_INTEGER:
        *(uint64_t *)member = (uint64_t)value;
        break;
    case EP_FIELD_NUMBER:
        *(double *)member = value;
        break;
    case EP_FIELD_BOOLEAN:
        *(bool *)member = value != 0;
        break;
    case EP_FIELD_CHOICE:
        *(int *)member = (int)value;
        break;
    case EP_FIELD_INTEGER_LIST:
        *(struct ep_integer_list *)member = field->lists[(size_t)value];
        break;
    case EP_FIELD_TEXT:
    case EP_FIELD_TEXT_LIST:
        break;
    }
}

/* Copies one field; false, with nothing owned, when memory is short. */
static bool copy_field(const struct search_field *from, struct search_field *to)
{
    *to = *from;
    to->values = from->values != NULL ? ep_allocate(from->count, sizeof *to->values) : NULL;
    to->lists = from->lists != NULL ? ep_allocate(from->count, sizeof *to->lists) : NULL;
    if ((from->values != NULL && to->values == NULL) || (from->lists != NULL && to->lists == NULL)) {
        free(to->values);
        free(to->lists);
        *to = (struct search_field){0};
        return false;
    }
    if (from->values != NULL) {
        memcpy(to->values, from->values, from->count * sizeof *to->values);
    }
    if (from->lists != NULL) {
        memcpy(to->lists, from->lists, from->count * sizeof *to->lists);
    }
    return true;
}

enum ep_status search_stage_copy(const struct search_stage *from, struct search_stage *to,
                                 struct ep_error *error)
{
    *to = *from;
    memset(to->fields, 0, sizeof to->fields);
    memset(to->pins, 0, sizeof to->pins);
    bool copied = true;
    for (size_t i = 0; i < from->field_count && copied; i++) {
        copied = copy_field(&from->fields[i], &to->fields[i]);
    }
    for (size_t i = 0; i < from->pin_count && copied; i++) {
        copied = copy_field(&from->pins[i], &to->pins[i]);
    }
    if (!copied) {
        search_stage_done(to);
        return ep_fail(error, EP_NO_MEMORY, "no memory for a stage of a search");
    }
    return EP_OK;
}

void search_stage_done(struct search_stage *stage)
{
    for (size_t i = 0; i < SEARCH_FIELDS_MAX; i++) {
        free(stage->fields[i].values);
        free(stage->fields[i].lists);
        free(stage->pins[i].values);
        free(stage->pins[i].lists);
    }
    *stage = (struct search_stage){0};
}

/* `value` kept within the range, and of an integer field a whole number. */
/* To six digits, which people can read and type; a tiny number stays as it is, as powers of ten are not exact
 * there. */
static double readable(double value)
{
    const double exponent = value == 0 ? 0 : floor(log10(fabs(value)));
    if (exponent < -16 || exponent > 20) {
        return value;
    }
    const double scale = pow(10, fabs(5 - exponent));
    return exponent <= 5 ? round(value * scale) / scale : round(value / scale) * scale;
}

static double fit(const struct search_field *field, double value)
{
    const bool whole = search_is_integer(field);
    const double least = whole ? ceil(field->from) : field->from;
    const double most = whole ? floor(field->to) : field->to;
    const double rounded = whole ? round(value) : readable(value);
    if (rounded < least) {
        return least;
    }
    return rounded > most ? most : rounded;
}

/* Between two numbers: linearly, or linearly in their logarithms. */
static double between(enum search_scale scale, double from, double to, double t)
{
    if (scale == SEARCH_LOG) {
        return exp(log(from) + t * (log(to) - log(from)));
    }
    return from + t * (to - from);
}

double search_field_value(const struct search_field *field, double t)
{
    if (field->is_list) {
        const double at = floor(t * (double)field->count);
        const double last = (double)field->count - 1;
        const double index = at > last ? last : at;
        return list_value(field, index > 0 ? (size_t)index : 0);
    }
    const bool whole = search_is_integer(field);
    if ((t <= 0 || t >= 1) && !whole) {
        return t <= 0 ? field->from : field->to;
    }
    const double share = t < 0 ? 0 : t > 1 ? 1 : t;
    return fit(field, between(field->scale, field->from, field->to, share));
}

double search_field_share(const struct search_field *field, double value)
{
    if (field->is_list) {
        for (size_t i = 0; i < field->count; i++) {
            if (list_value(field, i) == value) {
                return ((double)i + 0.5) / (double)field->count;
            }
        }
        return NAN;
    }
    if (value <= field->from) {
        return 0;
    }
    if (value >= field->to) {
        return 1;
    }
    return field->scale == SEARCH_LOG ? (log(value) - log(field->from)) / (log(field->to) - log(field->from))
                                      : (value - field->from) / (field->to - field->from);
}

size_t search_grid_count(const struct search_stage *stage)
{
    size_t count = 1;
    for (size_t i = 0; i < stage->field_count; i++) {
        if (stage->fields[i].count == 0) {
            return 0;
        }
    }
    for (size_t i = 0; i < stage->field_count; i++) {
        if (!ep_size_multiply(count, stage->fields[i].count, &count)) {
            return SIZE_MAX;
        }
    }
    return count;
}

void search_grid_point(const struct search_stage *stage, size_t index, struct search_point *point)
{
    *point = (struct search_point){{0}};
    for (size_t i = stage->field_count; i-- > 0;) {
        const struct search_field *field = &stage->fields[i];
        const size_t at = index % field->count;
        index /= field->count;
        if (field->is_list) {
            point->at[i] = list_value(field, at);
        } else {
            point->at[i] =
                search_field_value(field, field->count < 2 ? 0 : (double)at / (double)(field->count - 1));
        }
    }
}

/* As search_field_value, but each whole number of an integer's range has its full part of the way: without
 * the halves beyond them, the ends would be drawn half as often as what lies between. */
static double drawn_value(const struct search_field *field, double t)
{
    if (field->is_list || !search_is_integer(field)) {
        return search_field_value(field, t);
    }
    return fit(field, between(field->scale, field->from - 0.5, field->to + 0.5, t));
}

void search_random_point(const struct search_stage *stage, size_t index, struct search_point *point)
{
    *point = (struct search_point){{0}};
    for (size_t i = 0; i < stage->field_count; i++) {
        uint32_t words[4];
        ep_random_block(stage->seed, EP_RANDOM_POINT, (uint32_t)i, index, words);
        const uint64_t bits = (uint64_t)words[0] << 32 | words[1];
        point->at[i] = drawn_value(&stage->fields[i], (double)(bits >> 11) * 0x1p-53);
    }
}

void search_apply(const struct search_stage *stage, const struct search_point *point, struct job_spec *spec,
                  uint64_t *given)
{
    const uint64_t depth = search_bit_of("depth");
    const uint64_t hidden = search_bit_of("hidden");
    uint64_t set = 0;
    for (size_t i = 0; i < stage->pin_count; i++) {
        set_value(&stage->pins[i], list_value(&stage->pins[i], 0), spec);
        set |= (uint64_t)1 << stage->pins[i].row;
    }
    for (size_t i = 0; i < stage->field_count; i++) {
        set_value(&stage->fields[i], point->at[i], spec);
        set |= (uint64_t)1 << stage->fields[i].row;
    }
    if ((set & depth) != 0 && (set & hidden) == 0) {
        *given &= ~hidden;
    } else if ((set & hidden) != 0 && (set & depth) == 0) {
        *given &= ~depth;
    }
    *given |= set;
}

static bool same_list(const struct ep_integer_list *a, const struct ep_integer_list *b)
{
    return a->count == b->count && memcmp(a->items, b->items, a->count * sizeof a->items[0]) == 0;
}

/* What a list has of a spec's value; NaN when it is not there. */
static double listed(const struct search_field *field, const struct job_spec *spec)
{
    const double value = search_spec_value(search_row_of(field), spec);
    for (size_t i = 0; i < field->count; i++) {
        if (field->lists != NULL ? same_list(&field->lists[i], (const struct ep_integer_list *)ep_field_of(
                                                                   search_row_of(field), spec))
                                 : field->values[i] == value) {
            return list_value(field, i);
        }
    }
    return NAN;
}

void search_point_of(const struct search_stage *stage, const struct job_spec *spec,
                     struct search_point *point)
{
    *point = (struct search_point){{0}};
    for (size_t i = 0; i < stage->field_count; i++) {
        const struct search_field *field = &stage->fields[i];
        point->at[i] = field->is_list ? listed(field, spec) : search_spec_value(search_row_of(field), spec);
    }
}
