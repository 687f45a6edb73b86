#include <math.h>

#include "core/base/vectorised.h"
#include "core/nn/layers.h"

static void zero(nn_real *restrict numbers, size_t count)
{
    for (size_t j = 0; j < count; j++) {
        numbers[j] = 0;
    }
}

static void scale_by(nn_real *restrict numbers, size_t count, nn_real factor)
{
    for (size_t j = 0; j < count; j++) {
        numbers[j] *= factor;
    }
}

static void invert_deviation(const nn_real *restrict variance, nn_real *restrict inverse, size_t width)
{
    for (size_t j = 0; j < width; j++) {
        inverse[j] = (nn_real)1 / (nn_real)sqrt((double)variance[j] + NN_BATCHNORM_EPSILON);
    }
}

EP_VECTORISED
void nn_batchnorm_train(struct nn_matrix s, struct nn_moments moments, size_t rows, size_t width)
{
    const nn_real share = (nn_real)1 / (nn_real)rows;
    nn_real *restrict mean = moments.mean;
    nn_real *restrict variance = moments.variance;
    const nn_real *restrict inverse = moments.inverse;
    zero(mean, width);
    for (size_t i = 0; i < rows; i++) {
        const nn_real *restrict row = s.at + i * s.stride;
        for (size_t j = 0; j < width; j++) {
            mean[j] += row[j];
        }
    }
    scale_by(mean, width, share);
    /* Centred before squaring: Σs² − (Σs)² would lose the variance of columns far from 0. */
    zero(variance, width);
    for (size_t i = 0; i < rows; i++) {
        nn_real *restrict row = s.at + i * s.stride;
        for (size_t j = 0; j < width; j++) {
            row[j] -= mean[j];
            variance[j] += row[j] * row[j];
        }
    }
    scale_by(variance, width, share);
    invert_deviation(variance, moments.inverse, width);
    for (size_t i = 0; i < rows; i++) {
        nn_real *restrict row = s.at + i * s.stride;
        for (size_t j = 0; j < width; j++) {
            row[j] *= inverse[j];
        }
    }
}

EP_VECTORISED
void nn_batchnorm_infer(struct nn_matrix s, const nn_real *mean, const nn_real *variance, nn_real *inverse,
                        size_t rows, size_t width)
{
    invert_deviation(variance, inverse, width);
    for (size_t i = 0; i < rows; i++) {
        nn_real *restrict row = s.at + i * s.stride;
        for (size_t j = 0; j < width; j++) {
            row[j] = (row[j] - mean[j]) * inverse[j];
        }
    }
}

EP_VECTORISED
void nn_batchnorm_backward(struct nn_matrix ds, struct nn_const_matrix normalised, const nn_real *inverse,
                           nn_real *scratch, size_t rows, size_t width)
{
    const nn_real share = (nn_real)1 / (nn_real)rows;
    nn_real *restrict mean = scratch;
    nn_real *restrict slope = scratch + width;
    zero(mean, width);
    zero(slope, width);
    for (size_t i = 0; i < rows; i++) {
        const nn_real *restrict row = ds.at + i * ds.stride;
        const nn_real *restrict hat = normalised.at + i * normalised.stride;
        for (size_t j = 0; j < width; j++) {
            mean[j] += row[j];
            slope[j] += row[j] * hat[j];
        }
    }
    scale_by(mean, width, share);
    scale_by(slope, width, share);
    for (size_t i = 0; i < rows; i++) {
        nn_real *restrict row = ds.at + i * ds.stride;
        const nn_real *restrict hat = normalised.at + i * normalised.stride;
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

EP_VECTORISED
void nn_scale_shift_forward(struct nn_const_matrix normalised, const nn_real *scale, const nn_real *shift,
                            struct nn_matrix y, size_t rows, size_t width)
{
    for (size_t i = 0; i < rows; i++) {
        const nn_real *hat = normalised.at + i * normalised.stride;
        nn_real *row = y.at + i * y.stride;
        for (size_t j = 0; j < width; j++) {
            row[j] = scale[j] * hat[j] + shift[j];
        }
    }
}

EP_VECTORISED
void nn_scale_shift_backward(struct nn_matrix dy, struct nn_const_matrix normalised, const nn_real *scale,
                             nn_real *dscale, nn_real *dshift, size_t rows, size_t width)
{
    zero(dscale, width);
    zero(dshift, width);
    for (size_t i = 0; i < rows; i++) {
        nn_real *restrict row = dy.at + i * dy.stride;
        const nn_real *restrict hat = normalised.at + i * normalised.stride;
        for (size_t j = 0; j < width; j++) {
            dscale[j] += row[j] * hat[j];
            dshift[j] += row[j];
            row[j] *= scale[j];
        }
    }
}
