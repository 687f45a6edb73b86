#ifndef EP_SEARCH_DEFINITION_H
#define EP_SEARCH_DEFINITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/jobs/spec.h"
#include "core/search/halving.h"
#include "core/search/space.h"

/** What a client asks for: many jobs, and which of them is the best. */

enum { SEARCH_STAGES_MAX = 16 };

enum search_metric { SEARCH_COST, SEARCH_ACCURACY }; /**< on the validation images */
enum search_goal { SEARCH_MINIMIZE, SEARCH_MAXIMIZE };
enum search_epoch { SEARCH_BEST_EPOCH, SEARCH_LAST_EPOCH };

/** The settings of a search that are not stages; described by search_settings_fields. */
struct search_settings {
    char name[JOB_NAME_MAX + 1];
    int metric;          /**< enum search_metric */
    int goal;            /**< enum search_goal */
    int epoch;           /**< enum search_epoch */
    uint64_t max_trials; /**< trials in all stages; the search ends after them */
    double max_seconds;  /**< time in which it may run, pauses left out; 0: any */
    bool has_target;
    double target;          /**< the search ends when a trial has reached it */
    uint64_t halving_first; /**< epochs; 0: no halving */
    uint64_t halving_factor;
    bool halving_brackets;
};

extern const struct ep_fields search_settings_fields;

struct search_definition {
    struct search_settings settings;
    struct job_spec base; /**< as given: not resolved */
    uint64_t base_given;  /**< bit i: row i of job_spec_fields was given */
    size_t stage_count;
    struct search_stage *stages; /**< (stage_count); owned */
};

struct search_halving search_halving_of(const struct search_settings *settings);

/** The objective as a loss: lower is better. */
double search_loss(const struct search_settings *settings, double objective);

/** Copies with all it owns; release with search_definition_done. EP_NO_MEMORY: *to is zeroed. */
EP_NODISCARD enum ep_status search_definition_copy(const struct search_definition *from,
                                                   struct search_definition *to, struct ep_error *error);

/** Releases what it owns. A zeroed struct is fine. */
void search_definition_done(struct search_definition *definition);

/**
 * Adds a fault for everything that does not fit together, with JSON pointers into the search as clients write
 * it (a stage's are below `/stages/0` or, when `single`, at the top): a base that is no job, a first stage
 * around a best that there is none of, ranges that are empty or leave their field's limits, trials that are
 * no jobs, more trials than settings.max_trials or SEARCH_TRIALS_MAX allow, halving whose rungs are above the
 * epochs, no validation images. `info` and `limits` as job_spec_resolve. Values of later stages that depend
 * on a best are checked when it is known.
 */
void search_check(const struct search_definition *definition, bool single, const struct data_info *info,
                  const struct job_limits *limits, struct ep_faults *faults);

/** Trials of stage `stage`: of a grid its points. */
size_t search_stage_trials(const struct search_stage *stage);

#endif
