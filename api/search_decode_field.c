#include <math.h>
#include <string.h>

#include "api/schema.h"
#include "api/search_decode.h"
#include "core/base/memory.h"

/* Values of a field: a list of them, or a range. */

/* Reads a number, integer, switch or choice as a search holds it. */
static bool read_number(const char *pointer, const json_t *value, const struct ep_field *row, double *number,
                        struct ep_faults *faults)
{
    union {
        uint64_t integer;
        double number;
        bool on;
        int choice;
    } member = {0};
    if (!schema_read(row, pointer, value, &member, faults)) {
        return false;
    }
    switch (row->kind) {
    case EP_FIELD_INTEGER:
        *number = (double)member.integer;
        break;
    case EP_FIELD_NUMBER:
        *number = member.number;
        break;
    case EP_FIELD_BOOLEAN:
        *number = member.on ? 1 : 0;
        break;
    case EP_FIELD_CHOICE:
        *number = member.choice;
        break;
    case EP_FIELD_TEXT:
    case EP_FIELD_INTEGER_LIST:
    case EP_FIELD_TEXT_LIST:
        return false;
    }
    return true;
}

/* Adds a value to a list that has room for it, if it is right. */
static void add_value(const char *pointer, const json_t *value, struct search_field *field,
                      struct ep_faults *faults)
{
    const struct ep_field *row = &job_spec_fields.rows[field->row];
    const bool right = field->lists != NULL
                           ? schema_read(row, pointer, value, &field->lists[field->count], faults)
                           : read_number(pointer, value, row, &field->values[field->count], faults);
    field->count += right ? 1 : 0;
}

/* Makes room for `count` values; false when memory is short. */
static bool make_room(struct search_field *field, size_t count)
{
    field->is_list = true;
    if (job_spec_fields.rows[field->row].kind == EP_FIELD_INTEGER_LIST) {
        field->lists = ep_allocate(count, sizeof *field->lists);
        return field->lists != NULL;
    }
    field->values = ep_allocate(count, sizeof *field->values);
    return field->values != NULL;
}

static bool decode_list(const char *pointer, const json_t *list, struct search_field *field,
                        struct ep_faults *faults)
{
    const size_t count = json_array_size(list);
    field->is_list = true;
    if (count == 0 || count > SEARCH_VALUES_MAX) {
        ep_faults_add(faults, pointer, "has %zu values; 1 to %d are allowed", count, SEARCH_VALUES_MAX);
        return true;
    }
    if (!make_room(field, count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        char key[24];
        char at[SCHEMA_POINTER_MAX];
        snprintf(key, sizeof key, "%zu", i);
        schema_point(pointer, key, at);
        add_value(at, json_array_get(list, i), field, faults);
    }
    return true;
}

/* Reads an end of a range; NaN when it is not there. */
static double read_end(const char *pointer, const json_t *range, const char *key, const struct ep_field *row,
                       struct ep_faults *faults)
{
    char at[SCHEMA_POINTER_MAX];
    const json_t *value = json_object_get(range, key);
    double end = (double)NAN;
    if (value != NULL) {
        schema_point(pointer, key, at);
        (void)read_number(at, value, row, &end, faults);
    }
    return end;
}

static void decode_range(const char *pointer, json_t *range, bool grid, struct search_field *field,
                         struct ep_faults *faults)
{
    static const char *const ends[] = {"from", "to", NULL};
    const struct schema_place place = {.pointer = pointer, .noun = "a range", .others = ends};
    const struct ep_field *row = &job_spec_fields.rows[field->row];
    struct search_range_members members;
    uint64_t given = 0;
    schema_decode_at(&search_range_fields, &place, range, &members, &given, faults);
    const bool counted = (given >> ep_fields_find(&search_range_fields, "count") & 1) != 0;
    field->scale = (enum search_scale)members.scale;
    field->count = grid ? (size_t)members.count : 0;
    /* Of anything else the check says that it has no ranges. */
    if (row->kind != EP_FIELD_INTEGER && row->kind != EP_FIELD_NUMBER) {
        return;
    }
    field->from = read_end(pointer, range, "from", row, faults);
    field->to = read_end(pointer, range, "to", row, faults);
    if (counted != grid) {
        char at[SCHEMA_POINTER_MAX];
        schema_point(pointer, "count", at);
        if (counted) {
            ep_faults_add(faults, at, "goes only in a grid; trials says how many points are drawn");
        } else {
            ep_faults_add(faults, at, "is missing; it must be an integer from 1 to %d", SEARCH_VALUES_MAX);
        }
    }
}

bool search_decode_field(const char *pointer, json_t *value, bool grid, size_t row,
                         struct search_field *field, struct ep_faults *faults)
{
    *field = (struct search_field){.row = row};
    if (json_is_array(value)) {
        return decode_list(pointer, value, field, faults);
    }
    if (json_is_object(value)) {
        decode_range(pointer, value, grid, field, faults);
    } else {
        char got[SCHEMA_WORDS_MAX];
        schema_got(value, got);
        ep_faults_add(faults, pointer,
                      "got %s; it must be a list of values, or a range of numbers: an object of from, to, "
                      "scale and, in a grid, count",
                      got);
    }
    return true;
}

bool search_decode_pin(const char *pointer, const json_t *value, size_t row, struct search_field *pin,
                       struct ep_faults *faults)
{
    *pin = (struct search_field){.row = row};
    if (!make_room(pin, 1)) {
        return false;
    }
    add_value(pointer, value, pin, faults);
    return true;
}
