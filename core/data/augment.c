#include "core/data/augment.h"

#include <string.h>

#include "core/base/random.h"

/* A word to −most … most; the bias of the remainder is below 2^-27. */
static int draw_shift(uint32_t word, size_t most)
{
    return (int)(word % (2 * (uint32_t)most + 1)) - (int)most;
}

struct data_move data_augment_draw(const struct data_augment *augment, uint64_t seed, size_t epoch,
                                   uint32_t image)
{
    uint32_t words[4];
    ep_random_block(seed, EP_RANDOM_AUGMENT, (uint32_t)epoch, image, words);
    return (struct data_move){
        .flip = augment->flip && (words[0] & 1) != 0,
        .down = draw_shift(words[1], augment->shift),
        .right = draw_shift(words[2], augment->shift),
    };
}

static void move_row(const uint8_t *row, size_t width, struct data_move move, uint8_t *moved)
{
    for (size_t x = 0; x < width; x++) {
        /* Wraps beyond width where the source lies to the left of the image. */
        const size_t from = x - (size_t)move.right;
        moved[x] = from >= width ? 0 : row[move.flip ? width - 1 - from : from];
    }
}

void data_augment_apply(const struct data_info *info, struct data_move move, const uint8_t *pixels,
                        uint8_t *moved)
{
    for (size_t c = 0; c < info->channels; c++) {
        const uint8_t *plane = pixels + c * info->height * info->width;
        for (size_t y = 0; y < info->height; y++) {
            const size_t from = y - (size_t)move.down;
            if (from >= info->height) {
                memset(moved, 0, info->width);
            } else {
                move_row(plane + from * info->width, info->width, move, moved);
            }
            moved += info->width;
        }
    }
}
