#include <math.h>

#include "core/nn/layers.h"
#include "core/nn/vectorised.h"

static void zero(nn_real *numbers, size_t count)
{
    for (size_t j = 0; j < count; j++) {
        numbers[j] = 0;
    }
}

static void scale_by(nn_real *numbers, size_t count, nn_real factor)
{
    for (size_t j = 0; j < count; j++) {
        numbers[j] *= factor;
    }
}

static void invert_deviation(const nn_real *variance, nn_real *inverse, size_t width)
{
    for (size_t j = 0; j < width; j++) {
        inverse[j] = (nn_real)1 / (nn_real)sqrt((double)variance[j] + NN_BATCHNORM_EPSILON);
    }
}

NN_VECTORISED
void nn_batchnorm_train(nn_real *s, nn_real *mean, nn_real *variance, nn_real *inverse, size_t rows,
                        size_t width)
{
    const nn_real share = (nn_real)1 / (nn_real)rows;
    zero(mean, width);
    for (size_t i = 0; i < rows; i++) {
        const nn_real *row = s + i * width;
        for (size_t j = 0; j < width; j++) {
            mean[j] += row[j];
        }
    }
    scale_by(mean, width, share);
    /* Centred before squaring: Σs² − (Σs)² would lose the variance of columns far from 0. */
    zero(variance, width);
    for (size_t i = 0; i < rows; i++) {
        nn_real *row = s + i * width;
        for (size_t j = 0; j < width; j++) {
            row[j] -= mean[j];
            variance[j] += row[j] * row[j];
        }
    }
    scale_by(variance, width, share);
    invert_deviation(variance, inverse, width);
    for (size_t i = 0; i < rows; i++) {
        nn_real *row = s + i * width;
        for (size_t j = 0; j < width; j++) {
            row[j] *= inverse[j];
        }
    }
}

NN_VECTORISED
void nn_batchnorm_infer(nn_real *s, const nn_real *mean, const nn_real *variance, nn_real *inverse,
                        size_t rows, size_t width)
{
    invert_deviation(variance, inverse, width);
    for (size_t i = 0; i < rows; i++) {
        nn_real *row = s + i * width;
        for (size_t j = 0; j < width; j++) {
            row[j] = (row[j] - mean[j]) * inverse[j];
        }
    }
}

NN_VECTORISED
void nn_batchnorm_backward(nn_real *ds, const nn_real *normalised, const nn_real *inverse, nn_real *scratch,
                           size_t rows, size_t width)
{
    const nn_real share = (nn_real)1 / (nn_real)rows;
    nn_real *mean = scratch;
    nn_real *slope = scratch + width;
    zero(mean, width);
    zero(slope, width);
    for (size_t i = 0; i < rows; i++) {
        const nn_real *row = ds + i * width;
        const nn_real *hat = normalised + i * width;
        for (size_t j = 0; j < width; j++) {
            mean[j] += row[j];
            slope[j] += row[j] * hat[j];
        }
    }
    scale_by(mean, width, share);
    scale_by(slope, width, share);
    for (size_t i = 0; i < rows; i++) {
        nn_real *row = ds + i * width;
        const nn_real *hat = normalised + i * width;
        for (size_t j = 0; j < width; j++) {
            row[j] = (row[j] - mean[j] - hat[j] * slope[j]) * inverse[j];
        }
    }
}

void nn_batchnorm_average(nn_real *average, const nn_real *batch, size_t width, nn_real memory)
{
    for (size_t j = 0; j < width; j++) {
        average[j] = memory * average[j] + ((nn_real)1 - memory) * batch[j];
    }
}
