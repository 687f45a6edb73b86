#ifndef EP_NN_TEAM_H
#define EP_NN_TEAM_H

#include <stddef.h>

#include "core/base/error.h"

/**
 * Threads that work on one task together. Each has a part, and they meet where one needs what another wrote.
 * How many there are never changes a result: parts are cut along rows and columns, never along a sum.
 */

struct nn_barrier;

/** A thread's place in the team: part `index` of `count`. */
struct nn_part {
    size_t index, count;
    struct nn_barrier *barrier; /**< NULL when count is 1 */
};

/** The place of a thread that works alone. */
extern const struct nn_part nn_alone;

/** Returns when all threads of the team have called it; what they wrote before is then seen by all. */
void nn_meet(const struct nn_part *part);

/** Half-open. */
struct nn_span {
    size_t first, last;
};

/** Part `index` of `count` of 0 … size − 1. */
struct nn_span nn_span_of(const struct nn_part *part, size_t size);

struct nn_team;

/**
 * A team of up to `threads` ≥ 1 threads, the caller's included. Where fewer can be had it is smaller.
 * EP_NO_MEMORY. Release with nn_team_destroy.
 */
EP_NODISCARD enum ep_status nn_team_create(size_t threads, struct nn_team **team, struct ep_error *error);

/** NULL is fine. */
void nn_team_destroy(struct nn_team *team);

/** Threads that there are. */
size_t nn_team_size(const struct nn_team *team);

/** Calls work(context, part) once on each of the first `threads` of the team, 1 … its size, and returns when
 * all are back. One caller at a time. */
void nn_team_run(struct nn_team *team, size_t threads, void (*work)(void *, const struct nn_part *),
                 void *context);

#endif
