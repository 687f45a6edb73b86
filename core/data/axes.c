#include "core/data/axes.h"

#include <cblas.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

/* LAPACK in OpenBLAS, which Debian ships without a C header of it. All eigenvalues, rising, and eigenvectors.
 */
extern void dsyevd_(const char *job, const char *half, const int *n, double *a, const int *lda,
                    double *values, double *work, const int *work_size, int *integers,
                    const int *integers_size, int *info);

enum { BLOCK = 256 /* images */, FEATURES_MAX = 16384 };

/* What the computation works with; one block. */
struct work {
    size_t n;
    double *matrix; /* (n, n) second moments, then eigenvectors */
    double *values; /* (n) */
    float *images;  /* (BLOCK, n) */
    double *block;  /* (BLOCK, n) */
    double *scratch;
    int scratch_size;
    int *integers;
    int integers_size;
};

bool data_goes_on(const struct data_patience *patience)
{
    return patience->go_on == NULL || patience->go_on(patience->context);
}

/* LAPACK's documented need of dsyevd with vectors, for n within FEATURES_MAX. */
static size_t scratch_of(size_t n)
{
    return 1 + 6 * n + 2 * n * n;
}

bool data_axes_bytes(size_t features, size_t *bytes)
{
    size_t square;
    return features <= FEATURES_MAX && ep_size_multiply(features, features, &square) &&
           ep_size_multiply(square, 3 * sizeof(double) + sizeof(float), bytes) &&
           ep_size_add(*bytes, features * (BLOCK + 8) * 2 * sizeof(double), bytes);
}

static bool allocate(struct work *work, size_t n)
{
    *work = (struct work){.n = n, .scratch_size = (int)scratch_of(n), .integers_size = (int)(3 + 5 * n)};
    work->matrix = ep_allocate(n * n, sizeof *work->matrix);
    work->values = ep_allocate(n, sizeof *work->values);
    work->images = ep_allocate(BLOCK * n, sizeof *work->images);
    work->block = ep_allocate(BLOCK * n, sizeof *work->block);
    work->scratch = ep_allocate(scratch_of(n), sizeof *work->scratch);
    work->integers = ep_allocate(3 + 5 * n, sizeof *work->integers);
    return work->matrix != NULL && work->values != NULL && work->images != NULL && work->block != NULL &&
           work->scratch != NULL && work->integers != NULL;
}

static void release(struct work *work)
{
    free(work->matrix);
    free(work->values);
    free(work->images);
    free(work->block);
    free(work->scratch);
    free(work->integers);
}

/* Adds up the moments of all training images, a block at a time; false when it is to end. */
static bool add_moments(struct work *work, const struct data_split *split,
                        const struct data_patience *patience)
{
    const size_t count = data_split_count(split, DATA_TRAIN);
    uint8_t labels[BLOCK];
    for (size_t first = 0; first < count; first += BLOCK) {
        const size_t rows = count - first < BLOCK ? count - first : BLOCK;
        if (!data_goes_on(patience)) {
            return false;
        }
        data_split_read(split, DATA_TRAIN, first, rows, work->images, work->n, labels);
        for (size_t i = 0; i < rows * work->n; i++) {
            work->block[i] = (double)work->images[i];
        }
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)work->n, (int)rows, 1.0 / (double)count,
                    work->block, (int)work->n, 1, work->matrix, (int)work->n);
    }
    return data_goes_on(patience);
}

/* Row j of the result is eigenvector n − 1 − j, turned so that its largest entry is positive. */
static void take_axes(const struct work *work, struct data_axes *axes)
{
    const size_t n = work->n;
    for (size_t j = 0; j < n; j++) {
        const double *vector = work->matrix + (n - 1 - j) * n;
        double largest = 0;
        for (size_t i = 0; i < n; i++) {
            largest = fabs(vector[i]) > fabs(largest) ? vector[i] : largest;
        }
        for (size_t i = 0; i < n; i++) {
            axes->rows[j * n + i] = (float)(largest < 0 ? -vector[i] : vector[i]);
        }
        const double moment = work->values[n - 1 - j];
        axes->moments[j] = moment > 0 ? moment : 0;
    }
}

static enum ep_status solve(struct work *work, struct data_axes *axes, struct ep_error *error)
{
    const int n = (int)work->n;
    int info = 0;
    /* The upper half by rows is the lower one by columns. */
    dsyevd_("V", "L", &n, work->matrix, &n, work->values, work->scratch, &work->scratch_size, work->integers,
            &work->integers_size, &info);
    if (info != 0) {
        return ep_fail(error, EP_INTERNAL, "LAPACK's dsyevd found no principal axes (info %d)", info);
    }
    take_axes(work, axes);
    return EP_OK;
}

enum ep_status data_axes_compute(const struct data_split *split, const struct data_patience *patience,
                                 struct data_axes *axes, struct ep_error *error)
{
    const size_t n = data_split_info(split)->features;
    struct work work;
    if (n > FEATURES_MAX) {
        *axes = (struct data_axes){0};
        return ep_fail(error, EP_TOO_LARGE, "principal axes of %zu features; at most %d are allowed", n,
                       FEATURES_MAX);
    }
    *axes = (struct data_axes){.features = n};
    axes->moments = ep_allocate(n, sizeof *axes->moments);
    axes->rows = ep_allocate(n * n, sizeof *axes->rows);
    enum ep_status status = EP_OK;
    if (!allocate(&work, n) || axes->moments == NULL || axes->rows == NULL) {
        status = ep_fail(error, EP_NO_MEMORY, "no memory for the principal axes of %zu features", n);
    } else if (!add_moments(&work, split, patience)) {
        status = ep_fail(error, EP_CANCELLED, "the principal axes were not finished");
    } else {
        status = solve(&work, axes, error);
    }
    release(&work);
    if (status != EP_OK) {
        data_axes_done(axes);
    }
    return status;
}

void data_axes_done(struct data_axes *axes)
{
    free(axes->moments);
    free(axes->rows);
    *axes = (struct data_axes){0};
}

double data_axes_share(const struct data_axes *axes, size_t count)
{
    double sum = 0;
    double all = 0;
    for (size_t j = 0; j < axes->features; j++) {
        sum += j < count ? axes->moments[j] : 0;
        all += axes->moments[j];
    }
    return all > 0 ? sum / all : 1;
}

size_t data_axes_needed(const struct data_axes *axes, double variance)
{
    double all = 0;
    for (size_t j = 0; j < axes->features; j++) {
        all += axes->moments[j];
    }
    double sum = 0;
    size_t count = 0;
    while (count < axes->features && (count == 0 || sum < variance * all)) {
        sum += axes->moments[count++];
    }
    return count;
}

void data_axes_fold(const struct data_axes *axes, size_t count, const float *w, size_t units, float *folded)
{
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)axes->features, (int)units, (int)count, 1,
                axes->rows, (int)axes->features, w, (int)units, 0, folded, (int)units);
}
