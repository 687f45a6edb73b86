#ifndef EP_DATA_AXES_H
#define EP_DATA_AXES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/data/split.h"

/**
 * The principal axes of a split's training inputs: eigenvectors of their matrix of second moments, (1/n) Σ x
 * xᵀ, which is the covariance when the mean was taken away (Pearson 1901).
 */

/** A plain value but for what it owns; release it with data_axes_done. */
struct data_axes {
    size_t features;
    double *moments; /**< (features), falling: mean square of the inputs along each axis; owned */
    float *rows; /**< (features, features): a row of length 1 for each axis, in the order of moments; owned */
};

/** Whether work may go on; asked from time to time. */
struct data_patience {
    bool (*go_on)(void *context); /**< NULL: always */
    void *context;
};

bool data_goes_on(const struct data_patience *patience);

/**
 * Computes the axes in double precision on the calling thread. The sign of an axis is such that its largest
 * entry is positive, so one processor always finds the same axes (with OpenBLAS set to one thread, as
 * nn_gemm_create does). Takes seconds for thousands of features, of which the last part, LAPACK's dsyevd,
 * cannot be ended early. EP_CANCELLED; EP_NO_MEMORY; EP_TOO_LARGE; EP_INTERNAL: LAPACK failed.
 */
EP_NODISCARD enum ep_status data_axes_compute(const struct data_split *split,
                                              const struct data_patience *patience, struct data_axes *axes,
                                              struct ep_error *error);

/** Bytes that data_axes_compute takes while it works, and that the axes take; false when they overflow. */
EP_NODISCARD bool data_axes_bytes(size_t features, size_t *bytes);

/** A zeroed struct is fine. */
void data_axes_done(struct data_axes *axes);

/** Axes that hold at least the share `variance`, 0 … 1, of all moments together; at least 1. */
size_t data_axes_needed(const struct data_axes *axes, double variance);

/** The share of the moments that the first `count` axes hold. */
double data_axes_share(const struct data_axes *axes, size_t count);

/**
 * Turns weights that see the first `count` axes, w (count, units), into weights that see inputs,
 * folded (features, units): rowsᵀ · w.
 */
void data_axes_fold(const struct data_axes *axes, size_t count, const float *w, size_t units, float *folded);

#endif
