#ifndef EP_SEARCH_SPACE_H
#define EP_SEARCH_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/jobs/spec.h"

/** What a stage of a search looks for: fields of the spec, each with the values that it may take. */

enum {
    SEARCH_FIELDS_MAX = 8,     /**< fields that a stage varies */
    SEARCH_VALUES_MAX = 1000,  /**< values of a list, and points of a range */
    SEARCH_TRIALS_MAX = 10000, /**< trials of a search */
};

enum search_scale { SEARCH_LINEAR, SEARCH_LOG };

/** A field of the spec and its values. */
struct search_field {
    size_t row;   /**< in job_spec_fields: a number, integer, switch, choice, or "hidden" */
    bool is_list; /**< the values are `values` (or, of "hidden", `lists`); otherwise a range */
    size_t count; /**< values of a list; points of a range in a grid, otherwise 0 */
    double
        *values; /**< (count) of a list: number, integer, 0 or 1, or index of a choice; owned, may be NULL */
    struct ep_integer_list *lists; /**< (count) of the list of "hidden"; owned, may be NULL */
    enum search_scale scale;       /**< of a range; > 0 on both ends with SEARCH_LOG */
    double from, to; /**< of a range, from ≤ to; both NaN: around the best of the stage before */
};

enum search_method { SEARCH_GRID, SEARCH_RANDOM, SEARCH_TPE };

/** Trials that are planned together. */
struct search_stage {
    enum search_method method;
    size_t field_count;
    struct search_field fields[SEARCH_FIELDS_MAX];
    uint64_t trials; /**< of random and tpe */
    uint64_t seed;   /**< of random and tpe */
    uint64_t batch;  /**< tpe: trials that are proposed at a time */
    /**
     * Fields that are not named keep the values of the best trial of the stage before, and ranges without
     * ends lie around it.
     */
    bool around_best;
    double shrink;    /**< width of such a range against that of the stage before, (0, 1] */
    size_t pin_count; /**< fields that have a value of their own in this stage: the pivot */
    struct search_field pins[SEARCH_FIELDS_MAX]; /**< lists of one value */
};

/**
 * A point of a stage: for each of its fields the number, integer, switch, index of the choice, or, of
 * "hidden", index into its lists.
 */
struct search_point {
    double at[SEARCH_FIELDS_MAX];
};

/** Copies `from` with all it owns; release it with search_stage_done. EP_NO_MEMORY: *to is zeroed. */
EP_NODISCARD enum ep_status search_stage_copy(const struct search_stage *from, struct search_stage *to,
                                              struct ep_error *error);

/** Releases what a stage owns. A zeroed struct is fine. */
void search_stage_done(struct search_stage *stage);

/**
 * The value at share `t` (0 … 1) of the way along a range of the field; an integer field's is rounded. In a
 * list each value has an equal part of the way.
 */
double search_field_value(const struct search_field *field, double t);

/**
 * How far along its range, 0 … 1, the value of a field lies; the inverse of search_field_value. In a list the
 * middle of the value's part; NaN when it does not have the value.
 */
double search_field_share(const struct search_field *field, double value);

/** Points of a grid; SIZE_MAX when they are more than can be counted. */
size_t search_grid_count(const struct search_stage *stage);

/** Point `index` of a grid; the last field changes fastest. Integers that a range rounds to the same value
 * stay twice in it. */
void search_grid_point(const struct search_stage *stage, size_t index, struct search_point *point);

/** Point `index` of a random stage: each field evenly along its range or list, drawn with the stage's seed.
 */
void search_random_point(const struct search_stage *stage, size_t index, struct search_point *point);

/**
 * Writes a point, and the pins of its stage, into an unresolved spec, and sets the bits of those fields in
 * *given; a spec in which depth is set loses the bit of "hidden" unless that is set too, and the other way
 * round.
 */
void search_apply(const struct search_stage *stage, const struct search_point *point, struct job_spec *spec,
                  uint64_t *given);

/** The point of a stage at which a resolved spec lies; NaN in a field whose list does not have its value. */
void search_point_of(const struct search_stage *stage, const struct job_spec *spec,
                     struct search_point *point);

/**
 * What `stage` means after `before`, the stage that ended with the trial of spec `best`: ranges without ends
 * get the width of the field's range (or of its list's extremes) in `before` times `shrink`, in the range's
 * scale, around the best, cut at the field's own limits; with around_best all fields of `before` (its pins
 * too) that `stage` neither varies nor pins are pinned to the best. `after` is a whole stage of its own.
 * EP_INVALID: a range without ends in a field that `before` did not vary, or more than SEARCH_FIELDS_MAX
 * pins; EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status search_stage_around(const struct search_stage *stage,
                                                const struct search_stage *before,
                                                const struct job_spec *best, struct search_stage *after,
                                                struct ep_error *error);

#endif
