#ifndef EP_SEARCH_HALVING_H
#define EP_SEARCH_HALVING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Successive halving: Jamieson, Talwalkar, AISTATS 2016; with brackets: Hyperband, Li et al., JMLR 2018,
 * algorithm 1. Trials train to a rung; of those that reach it the best share goes on to the next.
 */

enum { SEARCH_RUNGS_MAX = 16 };

struct search_halving {
    uint64_t first;  /**< epochs of the first rung; 0: no halving */
    uint64_t factor; /**< n ≥ 2: one in n goes on, and the next rung is n times as high */
    bool brackets;   /**< Hyperband: shares of the trials start at higher rungs */
};

/** Brackets for jobs of `epochs`; 1 without `brackets`, 0 without halving. */
size_t search_brackets(const struct search_halving *halving, uint64_t epochs);

/**
 * Writes the rungs of a bracket by rising epoch and returns how many: first · factor^(bracket + i), all below
 * `epochs`; those that reach the last one train to their end.
 */
size_t search_rungs(const struct search_halving *halving, uint64_t epochs, size_t bracket,
                    uint64_t rungs[SEARCH_RUNGS_MAX]);

/**
 * Bracket of trial `ordinal` of the `count` of a stage. The brackets' shares are those of Hyperband, and
 * which trials go where is drawn with `seed`.
 */
size_t search_bracket_of(const struct search_halving *halving, uint64_t epochs, size_t ordinal, size_t count,
                         uint64_t seed);

/** How many of `count` trials at a rung go on: ⌊count / factor⌋, at least 1. */
size_t search_survivors(const struct search_halving *halving, size_t count);

/**
 * Marks all of `count` trials but the `keep` with the lowest losses as cut. NaN is worse than any number; of
 * equal losses the earlier one is better. False when memory is short.
 */
bool search_cut(const double *losses, size_t count, size_t keep, bool *cut);

#endif
