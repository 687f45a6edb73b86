#ifndef EP_BASE_RANDOM_H
#define EP_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/**
 * Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy
 * as 1, 2, 3, SC 2011). The key is the seed; the counter is (element, stream, purpose). A number depends on
 * nothing else, so there is no state to save, to share or to race on. All functions are thread-safe.
 */

/** What numbers are drawn for; different purposes never share numbers. Values are part of a result's
 * identity. */
enum ep_random_purpose {
    EP_RANDOM_WEIGHTS = 1, /**< initial weights; the stream is the layer */
    EP_RANDOM_ORDER = 2,   /**< order of the training images; the stream is the epoch */
    EP_RANDOM_AUGMENT = 3, /**< changes of training images; the stream is the epoch, the block the image */
    EP_RANDOM_DROPOUT = 4, /**< units left out of a mini-batch; the stream is the layer */
    EP_RANDOM_SAMPLE = 5,  /**< parameters to check; the stream is the layer and kind */
    EP_RANDOM_POINT = 6,   /**< points of a random search; the stream is the field, the block the point */
    EP_RANDOM_PROPOSE = 7, /**< points that a search proposes; the stream is the point's index in its stage */
    EP_RANDOM_DEAL = 8,    /**< brackets of a search's trials; the stream is the round, the block a half */
};

/** Four 32-bit numbers: block `block` of (seed, purpose, stream). */
void ep_random_block(uint64_t seed, enum ep_random_purpose purpose, uint32_t stream, uint64_t block,
                     uint32_t words[4]);

/**
 * Fills `out` (count) with independent N(0, 1) numbers, those of ranks first … first + count − 1 of the
 * stream; `first` is a multiple of 4 (Box and Muller, Ann. Math. Statist. 29, 1958).
 */
void ep_random_normals(uint64_t seed, enum ep_random_purpose purpose, uint32_t stream, uint64_t first,
                       double *out, size_t count);

/** Fills `out` (count) with a random permutation of 0 … count-1 (Fisher and Yates; Knuth, TAOCP 3.4.2, P). */
void ep_random_permutation(uint64_t seed, enum ep_random_purpose purpose, uint32_t stream, uint32_t *out,
                           uint32_t count);

#endif
