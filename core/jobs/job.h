#ifndef EP_JOBS_JOB_H
#define EP_JOBS_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/id.h"
#include "core/base/sha256.h"
#include "core/jobs/spec.h"
#include "core/nn/trainer.h"

/**
 * A job as others see it: a snapshot, owned by whoever asked for it.
 *
 *            create           start                    all epochs done
 *   (none) ─────────▶ queued ──────▶ running ─────────────────────────▶ succeeded
 *                      │  ▲             │ │  diverged, or an error
 *                      │  └─────────────┘ ├───────────────────────────▶ failed
 *                      │  server stopped  │
 *                      │  or restarted    │  cancel, at the next mini-batch
 *                      └──────────────────┴───────────────────────────▶ cancelled
 */

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_SUCCEEDED, JOB_FAILED, JOB_CANCELLED, JOB_STATES };

/** "queued" and so on; never NULL. */
const char *job_state_name(enum job_state state);

/** Whether `name` names a state, which is then in *state. */
EP_NODISCARD bool job_state_parse(const char *name, enum job_state *state);

/** Whether a job in `state` will never leave it. */
bool job_state_final(enum job_state state);

enum { JOB_REASON_MAX = 255 };

struct job_transition {
    enum job_state state;
    int64_t at; /**< wall clock, milliseconds since 1970 */
    char reason[JOB_REASON_MAX + 1];
};

/** Transitions kept of a job: the first ones and the newest; those between are dropped after so many
 * restarts. */
enum { JOB_TRANSITIONS_MAX = 64 };

struct job_progress {
    uint64_t epoch;           /**< epochs completed */
    uint64_t epochs;          /**< epochs in all */
    uint64_t step;            /**< mini-batches done in all epochs */
    uint64_t steps;           /**< mini-batches in all epochs */
    double fraction;          /**< step / steps; 1 when it has succeeded */
    double images_per_second; /**< training images per second since the start, evaluations included; NaN:
                                 unknown */
    double remaining_seconds; /**< until the end, waiting in the queue included; NaN: unknown; 0 when final */
};

/** How many images of each class were taken for which. */
struct job_confusion {
    size_t classes;   /**< 0: not measured */
    uint32_t *counts; /**< (classes, classes), a row for each true class; owned, NULL when there are none */
};

/** Copies `from` into `to`; release it with job_confusion_done. EP_NO_MEMORY: *to is empty. */
EP_NODISCARD enum ep_status job_confusion_copy(const struct job_confusion *from, struct job_confusion *to,
                                               struct ep_error *error);

/** Releases what it owns. A zeroed struct is fine. */
void job_confusion_done(struct job_confusion *confusion);

/** A job's place in the search that made it. */
struct job_trial {
    char search[EP_ID_TEXT]; /**< "": none made it */
    uint32_t stage;          /**< from 0 */
    uint32_t ordinal;        /**< in its stage, from 0 */
    uint32_t bank;           /**< in its stage, from 0: those of one bank train side by side */
    uint64_t cut_epoch;      /**< the rung at which it fell behind; 0: it did not */
};

/** The best epochs of a history so far, counted from 1; 0 and NaN before there is one. */
struct job_best {
    uint64_t cost_epoch, accuracy_epoch;
    double cost_validation, accuracy_validation;
};

/** Before there is a best epoch. */
extern const struct job_best job_no_best;

struct job {
    char id[EP_ID_TEXT];
    struct job_spec spec; /**< resolved */
    struct job_trial trial;
    char spec_digest[EP_SHA256_TEXT];
    enum job_state state;
    bool cancel_requested; /**< accepted; a running job stops at its next mini-batch */
    int64_t created_at;    /**< wall clock, milliseconds since 1970 */
    int64_t started_at;    /**< of the newest start; 0: not started */
    int64_t finished_at;   /**< 0: not finished */
    size_t transition_count;
    struct job_transition *transitions; /**< (transition_count), oldest first; owned */
    struct job_progress progress;
    bool has_latest;
    struct nn_epoch latest;            /**< newest row of the history */
    struct job_best best;              /**< of the history */
    double cost_test;                  /**< NaN: not measured */
    double accuracy_test;              /**< NaN: not measured */
    uint64_t best_epoch;               /**< whose network was kept, from 1; 0: none */
    struct job_confusion confusion;    /**< on the test images */
    uint64_t axes;                     /**< principal axes that it was trained on; 0: pixels */
    double axes_variance;              /**< share of the variance that they hold; NaN: pixels */
    char model_sha256[EP_SHA256_TEXT]; /**< of the trained network, as struct job_result says; "" before */
    struct ep_error failure;           /**< why it failed; status EP_OK otherwise */
    uint64_t failed_epoch;             /**< the epoch (from 1) in which it diverged; 0 otherwise */
};

/** Copies `from`, with all it owns, into `to`; release it with job_done. EP_NO_MEMORY: *to is zeroed.
 */
EP_NODISCARD enum ep_status job_copy(const struct job *from, struct job *to, struct ep_error *error);

/**
 * Puts the job into `state` at wall clock `at` (ms) and adds the transition; beyond JOB_TRANSITIONS_MAX the
 * oldest of the newer half is dropped. EP_NO_MEMORY: the job is as it was.
 */
EP_NODISCARD enum ep_status job_move(struct job *job, enum job_state state, int64_t at, const char *reason,
                                     struct ep_error *error);

/** Releases what a snapshot owns, not the struct itself. A zeroed struct is fine. */
void job_done(struct job *job);

#endif
