#ifndef EP_DATA_SPLIT_H
#define EP_DATA_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/dataset.h"

/**
 * A dataset cut into training, validation and test images, with its pixels normalised on the way out.
 * Training images are the first `train_size` of the training part, validation images come right after them.
 */

/** How pixels p / 255 become inputs. Statistics come from the training images only. */
enum data_normalize {
    DATA_NORMALIZE_MEAN,     /**< minus the mean of each pixel position */
    DATA_NORMALIZE_STANDARD, /**< the same, divided by the standard deviation of each pixel position */
    DATA_NORMALIZE_NONE,     /**< as they are, in 0 … 1 */
};

enum data_subset { DATA_TRAIN, DATA_VALIDATION, DATA_TEST };

struct data_split;

/**
 * Cuts `set`, which must outlive the split, and computes the statistics. A position that never varies is
 * divided by one. EP_INVALID when train_size is 0 or the sizes exceed the training part; EP_TOO_LARGE when
 * train_size is above 2^24; EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status data_split_create(const struct data_set *set, size_t train_size,
                                              size_t validation_size, enum data_normalize normalize,
                                              struct data_split **split, struct ep_error *error);

/** Releases the split; NULL is fine. */
void data_split_destroy(struct data_split *split);

/** Number of images in a subset. */
size_t data_split_count(const struct data_split *split, enum data_subset subset);

/**
 * Writes images first … first + rows − 1 of a subset: x (rows, features) whose rows start `stride` ≥ features
 * numbers apart, labels (rows). Thread-safe.
 */
void data_split_read(const struct data_split *split, enum data_subset subset, size_t first, size_t rows,
                     float *x, size_t stride, uint8_t *labels);

/** The bytes (features) of training image `index`; *label is its label. Thread-safe. */
const uint8_t *data_split_pixels(const struct data_split *split, size_t index, uint8_t *label);

/** How many images ahead of its use a shuffled image is best fetched into the cache. */
enum { DATA_AHEAD = 2 };

/**
 * Turns the bytes of an image (features) into inputs x (features), and has the bytes of another one fetched
 * that is wanted soon. Thread-safe.
 */
void data_split_normalise(const struct data_split *split, const uint8_t *pixels, const uint8_t *soon,
                          float *x);

/** What is cut. */
const struct data_info *data_split_info(const struct data_split *split);

/** Digest of the dataset that is cut. */
const char *data_split_digest(const struct data_split *split);

/** How its pixels become inputs. */
enum data_normalize data_split_normalisation(const struct data_split *split);

#endif
