#ifndef EP_TESTS_CLOUDS_H
#define EP_TESTS_CLOUDS_H

#include "core/base/random.h"
#include "core/nn/trainer.h"

/** A small stream of images to train on; its context is a size_t, which the newest epoch is written to. */

enum { FEATURES = 4, CLASSES = 3, COUNT = 600, BATCH = 25, STEPS = COUNT / BATCH, EPOCHS = 5 };

/* Three clouds of points, one a class: image i belongs to class i mod 3. */
static inline void image(size_t index, float *x, uint8_t *label)
{
    double noise[FEATURES];
    ep_random_normals(1, EP_RANDOM_ORDER, (uint32_t)index, 0, noise, FEATURES);
    *label = (uint8_t)(index % CLASSES);
    for (size_t j = 0; j < FEATURES; j++) {
        x[j] = (float)(0.3 * noise[j] + (j == index % CLASSES ? 1 : 0));
    }
}

static inline void read_set(const void *context, size_t first, size_t rows, struct nn_matrix x,
                            uint8_t *labels)
{
    const size_t offset = *(const size_t *)context;
    for (size_t i = 0; i < rows; i++) {
        image(offset + first + i, x.at + i * x.stride, labels + i);
    }
}

static inline void begin(void *context, size_t epoch)
{
    *(size_t *)context = epoch;
}

static inline size_t batch_rows(const void *context, size_t step)
{
    (void)context;
    (void)step;
    return BATCH;
}

static inline void read_batch(void *context, size_t reader, size_t step, size_t first, size_t rows,
                              struct nn_matrix x, uint8_t *labels)
{
    const size_t start = 0;
    (void)context;
    (void)reader;
    read_set(&start, step * BATCH + first, rows, x, labels);
}

/** Contexts of read_set: images of the three sets do not overlap. */
static const size_t train_offset = 0;
static const size_t validation_offset = 10000;
static const size_t test_offset = 20000;

#endif
