#include "core/data/batches.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/random.h"

struct data_batches {
    const struct data_split *split;
    size_t batch_size;
    size_t steps;
    uint32_t count; /* training images */
    bool shuffle;
    uint64_t seed;
    uint32_t *order; /* (count) training images in the order of this epoch */
};

static size_t count_steps(size_t count, size_t batch_size, size_t least)
{
    const size_t rest = count % batch_size;
    return count / batch_size + (rest > 0 && rest >= least ? 1 : 0);
}

enum ep_status data_batches_create(const struct data_split *split, size_t batch_size, size_t least,
                                   bool shuffle, uint64_t seed, struct data_batches **batches,
                                   struct ep_error *error)
{
    if (batch_size == 0 || batch_size < least) {
        return ep_fail(error, EP_INVALID, "batch_size is %zu; at least %zu is needed", batch_size,
                       least > 0 ? least : 1);
    }
    /* A split has at most 2^24 training images. */
    const size_t count = data_split_count(split, DATA_TRAIN);
    const size_t steps = count_steps(count, batch_size, least);
    if (steps == 0) {
        return ep_fail(error, EP_INVALID,
                       "train_size is %zu; at least %zu images are needed for a mini-batch", count, least);
    }
    struct data_batches *created = calloc(1, sizeof *created);
    uint32_t *order = ep_allocate(count, sizeof *order);
    if (created == NULL || order == NULL) {
        free(created);
        free(order);
        return ep_fail(error, EP_NO_MEMORY, "there is not enough memory for the order of %zu images", count);
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = (uint32_t)i;
    }
    *created = (struct data_batches){
        .split = split,
        .batch_size = batch_size,
        .steps = steps,
        .count = (uint32_t)count,
        .shuffle = shuffle,
        .seed = seed,
        .order = order,
    };
    *batches = created;
    return EP_OK;
}

void data_batches_destroy(struct data_batches *batches)
{
    if (batches != NULL) {
        free(batches->order);
        free(batches);
    }
}

size_t data_batches_steps(const struct data_batches *batches)
{
    return batches->steps;
}

void data_batches_begin(struct data_batches *batches, size_t epoch)
{
    if (batches->shuffle) {
        ep_random_permutation(batches->seed, EP_RANDOM_ORDER, (uint32_t)epoch, batches->order,
                              batches->count);
    }
}

size_t data_batches_read(const struct data_batches *batches, size_t step, float *x, uint8_t *labels)
{
    assert(step < batches->steps);
    const size_t first = step * batches->batch_size;
    const size_t left = batches->count - first;
    const size_t rows = left < batches->batch_size ? left : batches->batch_size;
    data_split_gather(batches->split, batches->order + first, rows, x, labels);
    return rows;
}
