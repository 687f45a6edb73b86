#ifndef EP_DATA_AUGMENT_H
#define EP_DATA_AUGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/data/dataset.h"

/** Random changes of training images that leave their class as it is. */

enum { DATA_SHIFT_MAX = 8 };

/** What may happen to an image; a zeroed one changes nothing. */
struct data_augment {
    bool flip;    /**< half of the images are mirrored left to right */
    size_t shift; /**< moved by −shift … shift pixels in each direction; ≤ DATA_SHIFT_MAX */
};

/** What happens to one image. */
struct data_move {
    bool flip;
    int down, right; /**< pixels */
};

/** Draws the move of training image `image` in epoch `epoch`; it depends on nothing but the arguments. */
struct data_move data_augment_draw(const struct data_augment *augment, uint64_t seed, size_t epoch,
                                   uint32_t image);

/**
 * Writes the image of `pixels` (features of `info`) after `move` into `moved`: mirrored first, then moved;
 * what comes in from outside is black.
 */
void data_augment_apply(const struct data_info *info, struct data_move move, const uint8_t *pixels,
                        uint8_t *moved);

#endif
