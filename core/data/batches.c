#include "core/data/batches.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/random.h"

struct data_batches {
    const struct data_split *split;
    struct data_batches_options options;
    size_t steps;
    size_t epoch;
    uint32_t count;  /* training images */
    uint32_t *order; /* (count) training images in the order of this epoch */
    uint8_t *moved;  /* (readers, features) images after augmentation; NULL when there is none */
};

static size_t count_steps(size_t count, size_t batch_size, size_t least)
{
    const size_t rest = count % batch_size;
    return count / batch_size + (rest > 0 && rest >= least ? 1 : 0);
}

static bool augments(const struct data_batches_options *options)
{
    return options->augment.flip || options->augment.shift > 0;
}

/* Makes the parts; what was made before a failure stays in `batches`. */
static bool allocate(struct data_batches *batches)
{
    batches->order = ep_allocate(batches->count, sizeof *batches->order);
    if (augments(&batches->options)) {
        batches->moved = ep_allocate(batches->options.readers, data_split_info(batches->split)->features);
    }
    return batches->order != NULL && (batches->moved != NULL || !augments(&batches->options));
}

enum ep_status data_batches_create(const struct data_split *split, const struct data_batches_options *options,
                                   struct data_batches **batches, struct ep_error *error)
{
    const size_t least = options->least;
    if (options->projection != NULL && augments(options)) {
        return ep_fail(error, EP_INVALID, "projected images cannot be augmented");
    }
    if (options->readers == 0) {
        return ep_fail(error, EP_INVALID, "mini-batches without readers");
    }
    if (options->batch_size == 0 || options->batch_size < least) {
        return ep_fail(error, EP_INVALID, "batch_size is %zu; at least %zu is needed", options->batch_size,
                       least > 0 ? least : 1);
    }
    /* A split has at most 2^24 training images. */
    const size_t count = data_split_count(split, DATA_TRAIN);
    const size_t steps = count_steps(count, options->batch_size, least);
    if (steps == 0) {
        return ep_fail(error, EP_INVALID,
                       "train_size is %zu; at least %zu images are needed for a mini-batch", count, least);
    }
    struct data_batches *created = calloc(1, sizeof *created);
    if (created != NULL) {
        *created = (struct data_batches){
            .split = split, .options = *options, .steps = steps, .count = (uint32_t)count};
    }
    if (created == NULL || !allocate(created)) {
        data_batches_destroy(created);
        return ep_fail(error, EP_NO_MEMORY, "there is not enough memory for the order of %zu images", count);
    }
    for (size_t i = 0; i < count; i++) {
        created->order[i] = (uint32_t)i;
    }
    *batches = created;
    return EP_OK;
}

void data_batches_destroy(struct data_batches *batches)
{
    if (batches != NULL) {
        free(batches->order);
        free(batches->moved);
        free(batches);
    }
}

size_t data_batches_steps(const struct data_batches *batches)
{
    return batches->steps;
}

void data_batches_begin(struct data_batches *batches, size_t epoch)
{
    batches->epoch = epoch;
    if (batches->options.shuffle) {
        ep_random_permutation(batches->options.seed, EP_RANDOM_ORDER, (uint32_t)epoch, batches->order,
                              batches->count);
    }
}

/* The bytes of a training image as they are in this epoch. */
static const uint8_t *see(const struct data_batches *batches, size_t reader, uint32_t image, uint8_t *label)
{
    const struct data_info *info = data_split_info(batches->split);
    const uint8_t *pixels = data_split_pixels(batches->split, image, label);
    if (batches->moved == NULL) {
        return pixels;
    }
    uint8_t *moved = batches->moved + reader * info->features;
    const struct data_move move =
        data_augment_draw(&batches->options.augment, batches->options.seed, batches->epoch, image);
    data_augment_apply(info, move, pixels, moved);
    return moved;
}

size_t data_batches_rows(const struct data_batches *batches, size_t step)
{
    assert(step < batches->steps);
    const size_t left = batches->count - step * batches->options.batch_size;
    return left < batches->options.batch_size ? left : batches->options.batch_size;
}

void data_batches_read(const struct data_batches *batches, size_t reader, struct data_piece piece, float *x,
                       size_t stride, uint8_t *labels)
{
    assert(reader < batches->options.readers);
    assert(piece.first + piece.rows <= data_batches_rows(batches, piece.step));
    const size_t first = piece.step * batches->options.batch_size + piece.first;
    const struct data_projection *projection = batches->options.projection;
    for (size_t i = 0; i < piece.rows && projection != NULL; i++) {
        data_projection_read(projection, DATA_TRAIN, batches->order[first + i], 1, x + i * stride, stride,
                             &labels[i]);
    }
    for (size_t i = 0; i < piece.rows && projection == NULL; i++) {
        uint8_t label;
        const size_t ahead = first + i + DATA_AHEAD < batches->count ? first + i + DATA_AHEAD : first + i;
        const uint8_t *soon = data_split_pixels(batches->split, batches->order[ahead], &label);
        const uint8_t *pixels = see(batches, reader, batches->order[first + i], &labels[i]);
        data_split_normalise(batches->split, pixels, soon, x + i * stride);
    }
}
