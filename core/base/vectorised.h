#ifndef EP_BASE_VECTORISED_H
#define EP_BASE_VECTORISED_H

/**
 * Put before a function whose loops work on one element at a time: it is compiled for several widths of
 * vectors, and the processor's is taken when the program starts. The width changes no bit of a result,
 * because nothing is summed across elements and no multiplication is fused with an addition. Sanitizers do
 * not get along with how the choice is made, and clang 14 makes symbols that do not link; their builds have
 * one version only.
 */
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&                          \
    !defined(__SANITIZE_THREAD__)
#define EP_VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EP_VECTORISED
#endif

#endif
