#ifndef EP_DATA_BATCHES_H
#define EP_DATA_BATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/augment.h"
#include "core/data/projection.h"
#include "core/data/split.h"

/** The training images of a split in mini-batches, in an order that depends on seed and epoch only. */
struct data_batches;

struct data_batches_options {
    size_t batch_size; /**< images in a mini-batch, ≥ 1 */
    size_t least;      /**< an incomplete last batch with fewer is left out: batch statistics need two */
    bool shuffle;      /**< each epoch has its own random permutation; otherwise all go in file order */
    struct data_augment augment;
    uint64_t seed;                            /**< of permutations and augmentation */
    size_t readers;                           /**< threads that may read at the same time, ≥ 1 */
    const struct data_projection *projection; /**< what to read from instead of pixels, which cannot be
                                                 augmented then; NULL: pixels */
};

/**
 * Mini-batches of the training images of `split`, which must outlive this. EP_INVALID when `least` leaves no
 * batch, batch_size itself is below it, or a projection is to be augmented; EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status data_batches_create(const struct data_split *split,
                                                const struct data_batches_options *options,
                                                struct data_batches **batches, struct ep_error *error);

/** Releases the batches; NULL is fine. */
void data_batches_destroy(struct data_batches *batches);

/** Mini-batches in an epoch. */
size_t data_batches_steps(const struct data_batches *batches);

/** Sets the order for epoch `epoch` (from 0). Call before reading; one thread at a time. */
void data_batches_begin(struct data_batches *batches, size_t epoch);

/** Images in mini-batch `step`. */
size_t data_batches_rows(const struct data_batches *batches, size_t step);

/** Which images of which mini-batch. */
struct data_piece {
    size_t step;
    size_t first, rows; /**< images first … first + rows − 1 of the batch */
};

/**
 * Writes a piece of a mini-batch: x (rows, features or axes) whose rows start `stride` ≥ features numbers
 * apart, labels (rows). Threads may read at the same time if each has its own `reader`, below the options'
 * readers.
 */
void data_batches_read(const struct data_batches *batches, size_t reader, struct data_piece piece, float *x,
                       size_t stride, uint8_t *labels);

#endif
