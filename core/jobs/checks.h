#ifndef EP_JOBS_CHECKS_H
#define EP_JOBS_CHECKS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/id.h"
#include "core/data/registry.h"
#include "core/jobs/spec.h"
#include "core/nn/gradcheck.h"

/**
 * Gradient checks that clients ask for: one at a time on a thread of its own, within limits, and kept in
 * memory only. Thread-safe.
 */
struct checks;

enum check_state { CHECK_QUEUED, CHECK_RUNNING, CHECK_FINISHED, CHECK_FAILED, CHECK_CANCELLED };

enum {
    CHECKS_WAITING_MAX = 16,
    CHECKS_KEPT_MAX = 64, /**< the oldest that has ended goes when there would be more */
    CHECK_IMAGES = 20,    /**< first training images, of which the mini-batch is made */
    CHECK_PARAMETERS_MAX = 5000000,
    CHECK_SAMPLES_MAX = 100000,
    CHECK_SECONDS_MAX = 60,
};

/** Largest relative error of a gradient that is right. */
extern const double check_tolerance;

/** A snapshot of a check. A plain value. */
struct check {
    char id[EP_ID_TEXT];
    struct job_spec spec; /**< resolved */
    enum check_state state;
    int64_t created_at, finished_at; /**< wall clock, milliseconds since 1970; 0: not yet */
    size_t images;
    size_t parameters;
    size_t planned; /**< parameters to compare: all, or as many of each layer and kind at random */
    size_t done;    /**< of them */
    double seconds; /**< that it has taken */
    struct nn_gradcheck_result result; /**< once it has finished */
    struct ep_error failure;           /**< why it failed */
};

/** "queued" and so on; never NULL. */
const char *check_state_name(enum check_state state);

/** Whether it will never leave the state. */
bool check_state_final(enum check_state state);

/** Whether a finished check found the gradient right: something was compared, and nothing is over the
 * tolerance. */
bool check_passed(const struct check *check);

/** Starts the thread. The registry is borrowed. EP_NO_MEMORY; EP_UNAVAILABLE: no thread can be had. */
EP_NODISCARD enum ep_status checks_create(struct data_registry *registry, struct checks **checks,
                                          struct ep_error *error);

/** Cancels what runs, waits for it and releases all. NULL is fine. */
void checks_destroy(struct checks *checks);

/**
 * Takes a check on, of at most `samples` parameters of each layer and kind (0: as many as the limits allow),
 * and writes its snapshot. EP_INVALID: the network is too large to check; EP_UNAVAILABLE: too many wait;
 * EP_NO_MEMORY; else as data_registry_describe.
 */
EP_NODISCARD enum ep_status checks_start(struct checks *checks, const struct job_spec *spec, size_t samples,
                                         struct check *check, struct ep_error *error);

/** A snapshot. EP_NOT_FOUND. */
EP_NODISCARD enum ep_status checks_get(struct checks *checks, const char *id, struct check *check,
                                       struct ep_error *error);

/** Snapshots of all, newest first, in `list` (CHECKS_KEPT_MAX); how many there are. */
size_t checks_list(struct checks *checks, struct check *list);

/** Cancels a check that has not ended, at its next parameter; removes one that has. EP_NOT_FOUND. */
EP_NODISCARD enum ep_status checks_remove(struct checks *checks, const char *id, struct ep_error *error);

#endif
