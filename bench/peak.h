#ifndef EP_BENCH_PEAK_H
#define EP_BENCH_PEAK_H

#include <stddef.h>

/** FLOP/s of loops of fused multiply-adds of the processor's widest vectors, on `threads` at the same time.
 */
double peak_flops(size_t threads);

/** The same for products of pairs of bfloat16 that are added in single precision; 0 where there are none. */
double peak_bf16_flops(size_t threads);

/** Sorts `values` (count ≥ 1) and returns the middle one. */
double median(double *values, size_t count);

#endif
