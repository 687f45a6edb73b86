#ifndef EP_DATA_PROJECTION_H
#define EP_DATA_PROJECTION_H

#include "core/data/axes.h"
#include "core/data/split.h"

/** All images of a split, seen along its first principal axes: inputs ready for use, in memory. */
struct data_projection;

/**
 * Projects training, validation and test images onto the first `count` axes; neither the split nor the axes
 * are needed afterwards. EP_CANCELLED; EP_NO_MEMORY; EP_TOO_LARGE.
 */
EP_NODISCARD enum ep_status data_projection_create(const struct data_split *split,
                                                   const struct data_axes *axes, size_t count,
                                                   const struct data_patience *patience,
                                                   struct data_projection **projection,
                                                   struct ep_error *error);

/** NULL is fine. */
void data_projection_destroy(struct data_projection *projection);

/** Bytes of `images` images on `count` axes; false when they overflow. */
EP_NODISCARD bool data_projection_bytes(size_t images, size_t count, size_t *bytes);

/** As data_split_read, with `count` inputs an image. Thread-safe. */
void data_projection_read(const struct data_projection *projection, enum data_subset subset, size_t first,
                          size_t rows, float *x, size_t stride, uint8_t *labels);

#endif
