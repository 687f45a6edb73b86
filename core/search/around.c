#include <float.h>
#include <math.h>

#include "core/base/memory.h"
#include "core/search/space.h"
#include "core/search/space_values.h"

static void extremes_of(const struct search_field *field, double *low, double *high)
{
    *low = field->is_list ? field->values[0] : field->from;
    *high = field->is_list ? field->values[0] : field->to;
    for (size_t i = 1; field->is_list && i < field->count; i++) {
        *low = fmin(*low, field->values[i]);
        *high = fmax(*high, field->values[i]);
    }
}

/* Cuts a range at the limits of its field. `low`, where the range of the stage before began, and `centre`
 * are known to be within them. */
static void cut(struct search_field *field, double low, double centre)
{
    const struct ep_field *row = search_row_of(field);
    if (search_is_integer(field)) {
        field->from = round(field->from);
        field->to = round(field->to);
    }
    if (field->scale == SEARCH_LOG) {
        field->from = fmax(field->from, search_is_integer(field) ? 1 : DBL_MIN);
    }
    if (row->above_least && field->from <= row->least) {
        field->from = low;
    }
    /* The first two are for the rounding of logarithms. */
    field->from = fmax(fmin(field->from, centre), row->least);
    field->to = fmin(fmax(field->to, centre), row->most);
}

/* Gives a range without ends its place around the best. */
static enum ep_status place(struct search_field *field, double shrink, const struct search_stage *before,
                            const struct job_spec *best, struct ep_error *error)
{
    const struct ep_field *row = search_row_of(field);
    const struct search_field *earlier = search_find_field(before->fields, before->field_count, field->row);
    const double centre = search_spec_value(row, best);
    if (earlier == NULL || earlier->lists != NULL || (earlier->is_list && earlier->count == 0)) {
        return ep_fail(error, EP_INVALID,
                       "\"%s\" has a range without ends, but the stage before did not vary it", row->name);
    }
    double low;
    double high;
    extremes_of(earlier, &low, &high);
    if (field->scale == SEARCH_LOG) {
        if (!(low > 0) || !(centre > 0)) {
            return ep_fail(error, EP_INVALID,
                           "\"%s\" cannot have a log range around the best: the stage before began at %g, "
                           "and its best is %g",
                           row->name, low, centre);
        }
        const double half = shrink * (log(high) - log(low)) / 2;
        field->from = exp(log(centre) - half);
        field->to = exp(log(centre) + half);
    } else {
        const double half = shrink * (high - low) / 2;
        field->from = centre - half;
        field->to = centre + half;
    }
    cut(field, low, centre);
    return EP_OK;
}

/* Makes a pin of the best's value in `row`. */
static bool pin(struct search_field *field, size_t row, const struct job_spec *best)
{
    const struct ep_field *described = &job_spec_fields.rows[row];
    *field = (struct search_field){.row = row, .is_list = true, .count = 1};
    if (described->kind == EP_FIELD_INTEGER_LIST) {
        field->lists = ep_allocate(1, sizeof *field->lists);
        if (field->lists != NULL) {
            field->lists[0] = *(const struct ep_integer_list *)ep_field_of(described, best);
        }
    } else {
        field->values = ep_allocate(1, sizeof *field->values);
        if (field->values != NULL) {
            field->values[0] = search_spec_value(described, best);
        }
    }
    return field->values != NULL || field->lists != NULL;
}

/* Whether the stage says itself what is in the row. Depth and hidden widths say the same. */
static bool settles(const struct search_stage *stage, size_t row)
{
    const size_t depth = ep_fields_find(&job_spec_fields, "depth");
    const size_t hidden = ep_fields_find(&job_spec_fields, "hidden");
    const size_t other = row == depth ? hidden : row == hidden ? depth : row;
    return search_find_field(stage->fields, stage->field_count, row) != NULL ||
           search_find_field(stage->pins, stage->pin_count, row) != NULL ||
           search_find_field(stage->fields, stage->field_count, other) != NULL ||
           search_find_field(stage->pins, stage->pin_count, other) != NULL;
}

static enum ep_status pin_rest(const struct search_stage *stage, const struct search_field *fields,
                               size_t count, const struct job_spec *best, struct search_stage *after,
                               struct ep_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (settles(stage, fields[i].row)) {
            continue;
        }
        if (after->pin_count == SEARCH_FIELDS_MAX) {
            return ep_fail(error, EP_INVALID,
                           "more than %d fields would keep the values of the best; vary or pin fewer",
                           SEARCH_FIELDS_MAX);
        }
        if (!pin(&after->pins[after->pin_count], fields[i].row, best)) {
            return ep_fail(error, EP_NO_MEMORY, "no memory for a stage of a search");
        }
        after->pin_count++;
    }
    return EP_OK;
}

enum ep_status search_stage_around(const struct search_stage *stage, const struct search_stage *before,
                                   const struct job_spec *best, struct search_stage *after,
                                   struct ep_error *error)
{
    enum ep_status status = search_stage_copy(stage, after, error);
    for (size_t i = 0; i < stage->field_count && status == EP_OK; i++) {
        if (search_is_relative(&after->fields[i])) {
            status = place(&after->fields[i], stage->shrink, before, best, error);
        }
    }
    if (status == EP_OK && stage->around_best) {
        status = pin_rest(stage, before->fields, before->field_count, best, after, error);
    }
    if (status == EP_OK && stage->around_best) {
        status = pin_rest(stage, before->pins, before->pin_count, best, after, error);
    }
    if (status != EP_OK) {
        search_stage_done(after);
        return status;
    }
    after->around_best = false;
    return EP_OK;
}
