#ifndef EP_SEARCH_GROUP_H
#define EP_SEARCH_GROUP_H

#include "core/base/error.h"
#include "core/jobs/spec.h"

/** Which trials train side by side. */

/** A trial to be grouped. */
struct search_seat {
    const struct job_spec *spec; /**< resolved; borrowed */
    const struct job_cost *cost; /**< of it; borrowed */
    size_t bracket;
    uint32_t bank; /**< written: counted from `first` */
};

struct search_group_options {
    size_t workers;      /**< ≥ 1 */
    size_t memory_limit; /**< bytes for all workers; 0: any */
    uint32_t first;      /**< number of the first bank */
};

/**
 * Gives each of `count` trials a bank: of those that share (job_specs_share) and are of one bracket, in their
 * order, as many as train faster side by side than apart and fit into a worker's share of the memory; and so
 * that all workers have about the same to do. EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status search_group(struct search_seat *seats, size_t count,
                                         const struct search_group_options *options, struct ep_error *error);

#endif
