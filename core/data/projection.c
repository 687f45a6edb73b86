#include "core/data/projection.h"

#include <assert.h>
#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

enum { BLOCK = 256 /* images */, SUBSETS = 3 };

struct data_projection {
    size_t width;
    size_t counts[SUBSETS];
    float *inputs[SUBSETS]; /* (count, width) */
    uint8_t *labels[SUBSETS];
};

bool data_projection_bytes(size_t images, size_t count, size_t *bytes)
{
    size_t each;
    return ep_size_multiply(count, sizeof(float), &each) && ep_size_add(each, 1, &each) &&
           ep_size_multiply(images, each, bytes);
}

static enum ep_status allocate(struct data_projection *made, const struct data_split *split,
                               struct ep_error *error)
{
    for (unsigned s = 0; s < SUBSETS; s++) {
        size_t numbers;
        made->counts[s] = data_split_count(split, (enum data_subset)s);
        if (!ep_size_multiply(made->counts[s], made->width, &numbers)) {
            return ep_fail(error, EP_TOO_LARGE, "%zu projected images are too many", made->counts[s]);
        }
        made->inputs[s] = ep_allocate(numbers, sizeof *made->inputs[s]);
        made->labels[s] = ep_allocate(made->counts[s], sizeof *made->labels[s]);
        if (made->inputs[s] == NULL || made->labels[s] == NULL) {
            return ep_fail(error, EP_NO_MEMORY, "no memory for %zu images on %zu principal axes",
                           made->counts[s], made->width);
        }
    }
    return EP_OK;
}

/* One subset, a block at a time, always the same blocks; false when it is to end. */
static bool project(struct data_projection *made, unsigned subset, const struct data_split *split,
                    const struct data_axes *axes, const struct data_patience *patience, float *block)
{
    const size_t count = made->counts[subset];
    for (size_t first = 0; first < count; first += BLOCK) {
        const size_t rows = count - first < BLOCK ? count - first : BLOCK;
        if (!data_goes_on(patience)) {
            return false;
        }
        data_split_read(split, (enum data_subset)subset, first, rows, block, axes->features,
                        made->labels[subset] + first);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)made->width, (int)axes->features,
                    1, block, (int)axes->features, axes->rows, (int)axes->features, 0,
                    made->inputs[subset] + first * made->width, (int)made->width);
    }
    return true;
}

enum ep_status data_projection_create(const struct data_split *split, const struct data_axes *axes,
                                      size_t count, const struct data_patience *patience,
                                      struct data_projection **projection, struct ep_error *error)
{
    struct data_projection *made = calloc(1, sizeof *made);
    float *block = ep_allocate(BLOCK * axes->features, sizeof *block);
    if (made == NULL || block == NULL) {
        free(made);
        free(block);
        return ep_fail(error, EP_NO_MEMORY, "no memory to project images");
    }
    made->width = count;
    enum ep_status status = allocate(made, split, error);
    for (unsigned s = 0; s < SUBSETS && status == EP_OK; s++) {
        if (!project(made, s, split, axes, patience, block)) {
            status = ep_fail(error, EP_CANCELLED, "the projection of the images was not finished");
        }
    }
    free(block);
    if (status != EP_OK) {
        data_projection_destroy(made);
        return status;
    }
    *projection = made;
    return EP_OK;
}

void data_projection_destroy(struct data_projection *projection)
{
    for (unsigned s = 0; s < SUBSETS && projection != NULL; s++) {
        free(projection->inputs[s]);
        free(projection->labels[s]);
    }
    free(projection);
}

void data_projection_read(const struct data_projection *projection, enum data_subset subset, size_t first,
                          size_t rows, float *x, size_t stride, uint8_t *labels)
{
    assert(first <= projection->counts[subset] && rows <= projection->counts[subset] - first);
    const size_t width = projection->width;
    for (size_t i = 0; i < rows; i++) {
        memcpy(x + i * stride, projection->inputs[subset] + (first + i) * width, width * sizeof *x);
        labels[i] = projection->labels[subset][first + i];
    }
}
