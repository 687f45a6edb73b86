#ifndef EP_SEARCH_TPE_H
#define EP_SEARCH_TPE_H

#include "core/search/space.h"

/**
 * Tree-structured Parzen estimator: Bergstra, Bardenet, Bengio, Kégl, NIPS 2011, section 4. The trials so far
 * are split into good ones and others; of candidates drawn from a density of the good ones the one is
 * proposed at which that density exceeds the other's most.
 */

/**
 * Proposes points `first` … first + count − 1 of a stage from the `seen` trials of it: their points and
 * losses (lower is better; NaN: failed, worse than all others). The first few of a stage, and all while every
 * trial has failed, are those of search_random_point. Points of one call keep apart from each other, and none
 * is a point that was tried while others are found. The same arguments give the same points. EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status search_tpe_propose(const struct search_stage *stage,
                                               const struct search_point *points, const double *losses,
                                               size_t seen, size_t first, size_t count,
                                               struct search_point *proposals, struct ep_error *error);

#endif
