#include "core/search/importance.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/memory.h"

struct pair {
    double value;
    double objective;
};

static int by_value(const void *left, const void *right)
{
    const struct pair *a = left;
    const struct pair *b = right;
    return (a->value > b->value) - (a->value < b->value);
}

/* Groups that values fall into: as many as there are different ones, or bins. */
static size_t bins_of(size_t count, size_t different)
{
    if (different <= SEARCH_BINS_MAX) {
        return different;
    }
    size_t bins = SEARCH_BINS_MAX;
    while (bins > 2 && bins * bins > count) {
        bins--;
    }
    return bins;
}

/* The share of the variance that lies between groups of sorted pairs. Objectives lie in 0 … 1. */
static double share_between(const struct pair *pairs, size_t count, size_t different, size_t bins)
{
    double mean = 0;
    for (size_t i = 0; i < count; i++) {
        mean += pairs[i].objective / (double)count;
    }
    double sums[SEARCH_BINS_MAX] = {0};
    size_t sizes[SEARCH_BINS_MAX] = {0};
    double whole = 0;
    size_t group = 0;
    for (size_t i = 0; i < count; i++) {
        /* Equal values stay together: a group is that of the first of them. */
        if (i > 0 && pairs[i].value > pairs[i - 1].value) {
            group = different == bins ? group + 1 : i * bins / count;
        }
        const double apart = pairs[i].objective - mean;
        sums[group] += apart;
        sizes[group]++;
        whole += apart * apart;
    }
    double between = 0;
    for (size_t i = 0; i < bins; i++) {
        between += sizes[i] > 0 ? sums[i] * sums[i] / (double)sizes[i] : 0;
    }
    return fmin(between / whole, 1);
}

/* Of pairs that are all finite. */
static double explained(struct pair *pairs, size_t count)
{
    if (count < 3) {
        return NAN;
    }
    qsort(pairs, count, sizeof *pairs, by_value);
    double least = pairs[0].objective;
    double most = least;
    size_t different = 1;
    for (size_t i = 1; i < count; i++) {
        least = fmin(least, pairs[i].objective);
        most = fmax(most, pairs[i].objective);
        different += pairs[i].value > pairs[i - 1].value ? 1 : 0;
    }
    /* Halves, so that the width of the widest range is finite; then no square overflows or vanishes. */
    const double width = most / 2 - least / 2;
    if (!(width > 0) || (different == count && count <= SEARCH_BINS_MAX)) {
        return NAN;
    }
    for (size_t i = 0; i < count; i++) {
        pairs[i].objective = (pairs[i].objective / 2 - least / 2) / width;
    }
    return share_between(pairs, count, different, bins_of(count, different));
}

double search_importance(const double *values, const double *objectives, size_t count)
{
    struct pair *pairs = ep_allocate(count, sizeof *pairs);
    if (pairs == NULL) {
        return NAN;
    }
    size_t finite = 0;
    for (size_t i = 0; i < count; i++) {
        if (isfinite(values[i]) && isfinite(objectives[i])) {
            pairs[finite] = (struct pair){.value = values[i], .objective = objectives[i]};
            finite++;
        }
    }
    const double share = explained(pairs, finite);
    free(pairs);
    return share;
}
