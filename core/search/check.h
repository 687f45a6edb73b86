#ifndef EP_SEARCH_CHECK_H
#define EP_SEARCH_CHECK_H

#include "core/search/definition.h"

/** What the parts of search_check share. Private to it. */

enum { SEARCH_POINTER = 128 };

struct search_check {
    const struct search_definition *definition;
    bool single; /**< the only stage is written at the top */
    const struct data_info *info;
    const struct job_limits *limits;
    struct ep_faults *faults;
    /** (SEARCH_STAGES_MAX) rows that each stage sets: its own, and those that it keeps from the best. */
    uint64_t own[SEARCH_STAGES_MAX], kept[SEARCH_STAGES_MAX];
};

/** JSON pointer to a member of stage `stage`. */
void search_check_member(const struct search_check *check, size_t stage, const char *member,
                         char pointer[SEARCH_POINTER]);

/** JSON pointer to a field as it is named in searches, below that member. */
void search_check_field(const struct search_check *check, size_t stage, const char *member, size_t row,
                        char pointer[SEARCH_POINTER]);

/** "grid" or "random": what the stage's fields are in. */
const char *search_check_fields_of(const struct search_stage *stage);

/** Whether there is a fault at the pointer or below it. */
bool search_check_faulty(const struct search_check *check, const char *pointer);

/** Adds what is wrong with one field of a stage, or with a pin. `seen`: the rows that the stage has set so
 * far; the field's is added. */
void search_check_one(const struct search_check *check, size_t stage, const struct search_field *field,
                      bool is_pin, uint64_t *seen);

/** Adds the faults of the first trial of each stage that is no job. The base and the stages' own members have
 * been looked at. */
void search_check_trials(const struct search_check *check);

#endif
