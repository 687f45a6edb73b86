#include "core/data/split.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/vectorised.h"

enum {
    /* 2^24 images: up to there, count × (sum of squares of bytes) fits into 64 bits. */
    IMAGES_MAX = 1 << 24,
    /* 2^16 images: up to there, a sum of squares of bytes fits into 32 bits. */
    BLOCK = 1 << 16,
};

struct data_split {
    const struct data_set *set;
    size_t features;
    size_t train_size, validation_size;
    enum data_normalize normalize;
    float *mean;  /* (features) what is taken from p / 255 */
    float *scale; /* (features) what the rest is multiplied by */
};

/* Sums over images of each pixel position. */
struct moments {
    uint64_t *sums, *squares;             /* (features) */
    uint32_t *block_sums, *block_squares; /* (features) of the current block */
};

static bool create_moments(struct moments *moments, size_t features)
{
    *moments = (struct moments){
        .sums = ep_allocate(features, sizeof *moments->sums),
        .squares = ep_allocate(features, sizeof *moments->squares),
        .block_sums = ep_allocate(features, sizeof *moments->block_sums),
        .block_squares = ep_allocate(features, sizeof *moments->block_squares),
    };
    return moments->sums != NULL && moments->squares != NULL && moments->block_sums != NULL &&
           moments->block_squares != NULL;
}

static void release_moments(struct moments *moments)
{
    free(moments->sums);
    free(moments->squares);
    free(moments->block_sums);
    free(moments->block_squares);
}

static void add_image(const uint8_t *restrict pixels, size_t features, uint32_t *restrict sums,
                      uint32_t *restrict squares)
{
    for (size_t i = 0; i < features; i++) {
        const uint32_t pixel = pixels[i];
        sums[i] += pixel;
        squares[i] += pixel * pixel;
    }
}

static void add_block(struct moments *moments, const uint8_t *pixels, size_t images, size_t features)
{
    memset(moments->block_sums, 0, features * sizeof *moments->block_sums);
    memset(moments->block_squares, 0, features * sizeof *moments->block_squares);
    for (size_t i = 0; i < images; i++) {
        add_image(pixels + i * features, features, moments->block_sums, moments->block_squares);
    }
    for (size_t i = 0; i < features; i++) {
        moments->sums[i] += moments->block_sums[i];
        moments->squares[i] += moments->block_squares[i];
    }
}

/* Sets mean and scale from sums over `count` images. In integers, a position that never varies has a spread
 * of exactly 0, and no other has. */
static void set_statistics(struct data_split *split, const struct moments *moments, uint64_t count,
                           bool standard)
{
    for (size_t i = 0; i < split->features; i++) {
        const double sum = (double)moments->sums[i];
        const uint64_t spread = count * moments->squares[i] - moments->sums[i] * moments->sums[i];
        split->mean[i] = (float)(sum / ((double)count * 255.0));
        if (standard && spread > 0) {
            split->scale[i] = (float)((double)count * 255.0 / sqrt((double)spread));
        }
    }
}

static enum ep_status measure(struct data_split *split, bool standard, struct ep_error *error)
{
    struct moments moments;
    const bool whole = create_moments(&moments, split->features);
    if (whole) {
        const size_t count = split->train_size;
        for (size_t first = 0; first < count; first += BLOCK) {
            const size_t images = count - first < BLOCK ? count - first : BLOCK;
            add_block(&moments, split->set->train.pixels + first * split->features, images, split->features);
        }
        set_statistics(split, &moments, count, standard);
    }
    release_moments(&moments);
    return whole ? EP_OK : ep_fail(error, EP_NO_MEMORY, "there is not enough memory for the statistics");
}

static enum ep_status check_sizes(const struct data_set *set, size_t train_size, size_t validation_size,
                                  struct ep_error *error)
{
    const size_t count = set->train.count;
    if (train_size == 0) {
        return ep_fail(error, EP_INVALID, "train_size is 0; at least 1 image is needed to train on");
    }
    if (train_size > count || validation_size > count - train_size) {
        return ep_fail(
            error, EP_INVALID,
            "train_size %zu and validation_size %zu together exceed the %zu images of the training "
            "part of %s",
            train_size, validation_size, count, set->info.name);
    }
    if (train_size > IMAGES_MAX) {
        return ep_fail(error, EP_TOO_LARGE, "train_size is %zu; at most %d images are allowed", train_size,
                       IMAGES_MAX);
    }
    return EP_OK;
}

enum ep_status data_split_create(const struct data_set *set, size_t train_size, size_t validation_size,
                                 enum data_normalize normalize, struct data_split **split,
                                 struct ep_error *error)
{
    enum ep_status status = check_sizes(set, train_size, validation_size, error);
    if (status != EP_OK) {
        return status;
    }
    const size_t features = set->info.features;
    struct data_split *created = calloc(1, sizeof *created);
    if (created != NULL) {
        *created = (struct data_split){
            .set = set,
            .features = features,
            .train_size = train_size,
            .validation_size = validation_size,
            .normalize = normalize,
            .mean = ep_allocate(features, sizeof *created->mean),
            .scale = ep_allocate(features, sizeof *created->scale),
        };
    }
    if (created == NULL || created->mean == NULL || created->scale == NULL) {
        data_split_destroy(created);
        return ep_fail(error, EP_NO_MEMORY, "there is not enough memory to split %s", set->info.name);
    }
    for (size_t i = 0; i < features; i++) {
        created->scale[i] = 1.0F;
    }
    if (normalize != DATA_NORMALIZE_NONE) {
        status = measure(created, normalize == DATA_NORMALIZE_STANDARD, error);
    }
    if (status != EP_OK) {
        data_split_destroy(created);
        return status;
    }
    *split = created;
    return EP_OK;
}

void data_split_destroy(struct data_split *split)
{
    if (split != NULL) {
        free(split->mean);
        free(split->scale);
        free(split);
    }
}

size_t data_split_count(const struct data_split *split, enum data_subset subset)
{
    switch (subset) {
    case DATA_TRAIN:
        return split->train_size;
    case DATA_VALIDATION:
        return split->validation_size;
    case DATA_TEST:
        return split->set->test.count;
    }
    return 0;
}

/* Pixels to a cache line. */
enum { LINE = 64 };

EP_VECTORISED
static void normalise_line(const uint8_t *restrict pixels, const float *restrict mean,
                           const float *restrict scale, size_t count, float *restrict x)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = ((float)pixels[i] * (1.0F / 255.0F) - mean[i]) * scale[i];
    }
}

/* The only place where pixels become inputs, so that every way to read an image gives the same bits. */
void data_split_normalise(const struct data_split *split, const uint8_t *pixels, const uint8_t *soon,
                          float *x)
{
    for (size_t i = 0; i < split->features; i += LINE) {
        const size_t left = split->features - i;
        __builtin_prefetch(soon + i);
        normalise_line(pixels + i, split->mean + i, split->scale + i, left < LINE ? left : LINE, x + i);
    }
}

void data_split_read(const struct data_split *split, enum data_subset subset, size_t first, size_t rows,
                     float *x, size_t stride, uint8_t *labels)
{
    assert(first <= data_split_count(split, subset) && rows <= data_split_count(split, subset) - first);
    const struct data_part *part = subset == DATA_TEST ? &split->set->test : &split->set->train;
    const size_t start = subset == DATA_VALIDATION ? split->train_size + first : first;
    for (size_t i = 0; i < rows; i++) {
        const size_t soon = start + i + DATA_AHEAD < part->count ? i + DATA_AHEAD : i;
        data_split_normalise(split, part->pixels + (start + i) * split->features,
                             part->pixels + (start + soon) * split->features, x + i * stride);
        labels[i] = part->labels[start + i];
    }
}

const uint8_t *data_split_pixels(const struct data_split *split, size_t index, uint8_t *label)
{
    assert(index < split->train_size);
    *label = split->set->train.labels[index];
    return split->set->train.pixels + index * split->features;
}

const struct data_info *data_split_info(const struct data_split *split)
{
    return &split->set->info;
}

const char *data_split_digest(const struct data_split *split)
{
    return split->set->digest;
}

enum data_normalize data_split_normalisation(const struct data_split *split)
{
    return split->normalize;
}
