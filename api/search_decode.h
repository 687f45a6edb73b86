#ifndef EP_API_SEARCH_DECODE_H
#define EP_API_SEARCH_DECODE_H

#include <jansson.h>

#include "core/base/faults.h"
#include "core/search/definition.h"

/** Searches from JSON. Every fault is found at once; what goes together is left to search_check. */

/** What a stage says besides its fields. */
struct search_stage_members {
    uint64_t trials;
    uint64_t seed;
    int sampler; /**< 0: random; 1: tpe */
    uint64_t batch;
    int around; /**< 0: best */
    double shrink;
};

/** What a range says besides its ends. */
struct search_range_members {
    uint64_t count;
    int scale; /**< enum search_scale */
};

/** The tables that describe these structs. */
extern const struct ep_fields search_stage_fields, search_range_fields;

/**
 * Decodes a search. *single: its only stage is written at the top. A search with faults is decoded as far as
 * possible; release it with search_definition_done in any case. EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status search_decode(json_t *root, struct search_definition *definition, bool *single,
                                          struct ep_faults *faults, struct ep_error *error);

/** Decodes one stage, which is at `pointer`; release it with search_stage_done in any case. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status search_decode_stage(json_t *object, const char *pointer,
                                                struct search_stage *stage, struct ep_faults *faults,
                                                struct ep_error *error);

/** Decodes what a stage, a grid or not, says of the field of row `row`. False when memory is short. */
EP_NODISCARD bool search_decode_field(const char *pointer, json_t *value, bool grid, size_t row,
                                      struct search_field *field, struct ep_faults *faults);

/** Decodes the one value that a stage gives the field of row `row`. False when memory is short. */
EP_NODISCARD bool search_decode_pin(const char *pointer, const json_t *value, size_t row,
                                    struct search_field *pin, struct ep_faults *faults);

#endif
