#ifndef EP_SEARCH_IMPORTANCE_H
#define EP_SEARCH_IMPORTANCE_H

#include <stddef.h>

/**
 * How much of the objective's variance among trials a field explains by itself: the variance of the
 * objective's mean given the field's value over the variance of all (the correlation ratio η², which on a
 * whole grid is the main effect of a functional ANOVA: Hutter, Hoos, Leyton-Brown, ICML 2014). Values are
 * told apart while there are at most SEARCH_BINS_MAX; more are sorted and binned into groups of equal size,
 * as many as the square root of the trials but at most SEARCH_BINS_MAX: what is left of noise, (groups − 1) /
 * (trials − 1), is then small. Trials whose value or objective is no finite number do not count.
 */
enum { SEARCH_BINS_MAX = 16 };

/** In 0 … 1; NaN with fewer than 3 trials, when all objectives are equal, when there are as many groups as
 * trials, or when memory is short. */
double search_importance(const double *values, const double *objectives, size_t count);

#endif
