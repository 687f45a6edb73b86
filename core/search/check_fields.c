#include <math.h>
#include <string.h>

#include "core/search/check.h"
#include "core/search/space_values.h"

/* One field of a stage, and where a client wrote it. */
struct place {
    const struct search_check *check;
    size_t stage;
    const struct search_field *field;
    const struct ep_field *row;
    char pointer[SEARCH_POINTER];
};

static double choices_of(const struct ep_field *row)
{
    size_t count = 0;
    while (row->choices[count] != NULL) {
        count++;
    }
    return (double)count;
}

/* Whether a number, integer, switch or choice may have the value. */
static bool allowed(const struct ep_field *row, double value)
{
    const bool above = row->above_least ? value > row->least : value >= row->least;
    switch (row->kind) {
    case EP_FIELD_INTEGER:
        return above && value <= row->most && value == floor(value);
    case EP_FIELD_NUMBER:
        return above && value <= row->most;
    case EP_FIELD_BOOLEAN:
        return value == 0 || value == 1;
    case EP_FIELD_CHOICE:
        return value >= 0 && value < choices_of(row) && value == floor(value);
    case EP_FIELD_TEXT:
    case EP_FIELD_INTEGER_LIST:
    case EP_FIELD_TEXT_LIST:
        break;
    }
    return false;
}

/* The field's name as it is written in searches. */
static const char *name_of(const struct place *place)
{
    return strrchr(place->pointer, '/') + 1;
}

static void add_outside(const struct place *place, const char *what, double value)
{
    const struct ep_field *row = place->row;
    ep_faults_add(place->check->faults, place->pointer, "%s is %.15g; %s is %s %s%.15g and at most %.15g",
                  what, value, name_of(place), row->kind == EP_FIELD_INTEGER ? "a whole number" : "a number",
                  row->above_least ? "above " : "of at least ", row->least, row->most);
}

/* Index of the first value of a list that the field cannot have; count when all are right. */
static size_t first_wrong(const struct place *place)
{
    const struct search_field *field = place->field;
    size_t i = 0;
    bool right = true;
    while (i < field->count && right) {
        if (place->row->kind == EP_FIELD_INTEGER_LIST) {
            const struct ep_integer_list *list = &field->lists[i];
            right = list->count <= place->row->items_most;
            for (uint32_t k = 0; k < list->count && right; k++) {
                right = list->items[k] >= place->row->least && list->items[k] <= place->row->most;
            }
        } else {
            right = allowed(place->row, field->values[i]);
        }
        i += right ? 1 : 0;
    }
    return i;
}

static void check_list(const struct place *place)
{
    const struct search_field *field = place->field;
    struct ep_faults *faults = place->check->faults;
    const bool of_lists = place->row->kind == EP_FIELD_INTEGER_LIST;
    if (field->count == 0 || (of_lists ? field->lists == NULL : field->values == NULL)) {
        ep_faults_add(faults, place->pointer, "has no values; at least one is needed");
        return;
    }
    if (field->count > SEARCH_VALUES_MAX) {
        ep_faults_add(faults, place->pointer, "has %zu values; at most %d are allowed", field->count,
                      SEARCH_VALUES_MAX);
        return;
    }
    const size_t wrong = first_wrong(place);
    if (wrong == field->count) {
        return;
    }
    if (place->row->kind == EP_FIELD_INTEGER || place->row->kind == EP_FIELD_NUMBER) {
        add_outside(place, "a value", field->values[wrong]);
    } else {
        ep_faults_add(faults, place->pointer, "value %zu is none that %s can have", wrong, name_of(place));
    }
}

/* A range without ends needs a range, or a list of numbers, in the stage before. */
static void check_relative(const struct place *place)
{
    struct ep_faults *faults = place->check->faults;
    if (place->stage == 0) {
        ep_faults_add(faults, place->pointer,
                      "needs from and to: there is no stage before whose best the range could lie around");
        return;
    }
    const struct search_stage *before = &place->check->definition->stages[place->stage - 1];
    const struct search_field *earlier =
        search_find_field(before->fields, before->field_count, place->field->row);
    if (earlier == NULL) {
        ep_faults_add(
            faults, place->pointer,
            "needs from and to: the stage before does not vary this field, so that there is no width "
            "to shrink");
        return;
    }
    bool positive = earlier->is_list || earlier->from > 0 || earlier->scale == SEARCH_LOG;
    for (size_t i = 0; earlier->is_list && earlier->values != NULL && i < earlier->count; i++) {
        positive = positive && earlier->values[i] > 0;
    }
    if (place->field->scale == SEARCH_LOG && !positive) {
        ep_faults_add(faults, place->pointer,
                      "has a log scale around the best of a stage in which the field may be 0 or less; give "
                      "from and to, or let both stages have one scale");
    }
}

static void check_ends(const struct place *place)
{
    const struct search_field *field = place->field;
    struct ep_faults *faults = place->check->faults;
    if (isnan(field->from) || isnan(field->to)) {
        ep_faults_add(faults, place->pointer, "needs both from and to, or neither of them");
        return;
    }
    bool inside = true;
    if (!allowed(place->row, field->from)) {
        add_outside(place, "from", field->from);
        inside = false;
    }
    if (!allowed(place->row, field->to)) {
        add_outside(place, "to", field->to);
        inside = false;
    }
    if (field->from > field->to) {
        ep_faults_add(faults, place->pointer, "from is %.15g, which is more than to, %.15g", field->from,
                      field->to);
    } else if (inside && field->scale == SEARCH_LOG && field->from <= 0) {
        ep_faults_add(faults, place->pointer, "from is %.15g; a log scale needs it above 0", field->from);
    }
}

static void check_range(const struct place *place)
{
    const struct search_field *field = place->field;
    struct ep_faults *faults = place->check->faults;
    const struct search_stage *stage = &place->check->definition->stages[place->stage];
    if (place->row->kind != EP_FIELD_INTEGER && place->row->kind != EP_FIELD_NUMBER) {
        ep_faults_add(faults, place->pointer, "takes a list of values, not a range: %s is no number",
                      name_of(place));
        return;
    }
    const bool relative = search_is_relative(field);
    if (relative) {
        check_relative(place);
    } else {
        check_ends(place);
    }
    if (stage->method != SEARCH_GRID) {
        return;
    }
    if (field->count == 0 || field->count > SEARCH_VALUES_MAX) {
        ep_faults_add(faults, place->pointer, "has a count of %zu; a range in a grid has 1 to %d points",
                      field->count, SEARCH_VALUES_MAX);
    } else if (field->count == 1 && !relative && field->from < field->to) {
        ep_faults_add(
            faults, place->pointer,
            "has a count of 1, but from %.15g differs from to %.15g; a range of one point must have "
            "them equal",
            field->from, field->to);
    }
}

void search_check_one(const struct search_check *check, size_t stage, const struct search_field *field,
                      bool is_pin, uint64_t *seen)
{
    const struct search_stage *of = &check->definition->stages[stage];
    struct place place = {.check = check, .stage = stage, .field = field, .row = search_row_of(field)};
    search_check_field(check, stage, is_pin ? "pivot" : search_check_fields_of(of), field->row,
                       place.pointer);
    const bool twice = (*seen >> field->row & 1) != 0;
    *seen |= (uint64_t)1 << field->row;
    if (search_check_faulty(check, place.pointer)) {
        return;
    }
    if (place.row->kind == EP_FIELD_TEXT || place.row->kind == EP_FIELD_TEXT_LIST ||
        strcmp(place.row->name, "threads") == 0) {
        ep_faults_add(check->faults, place.pointer, "%s is the same in all trials; set it in the base",
                      name_of(&place));
    } else if (twice) {
        ep_faults_add(check->faults, place.pointer,
                      is_pin ? "has a value in pivot and is varied, or is in pivot twice; once is enough"
                             : "is varied twice in this stage");
    } else if (is_pin && (!field->is_list || field->count != 1)) {
        ep_faults_add(check->faults, place.pointer, "needs one value");
    } else if (field->is_list) {
        check_list(&place);
    } else {
        check_range(&place);
    }
}
