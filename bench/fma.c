/*
 * The machine's peak: FLOP/s of loops of fused multiply-adds on so many threads, as the other programs here
 * take their shares of.
 *
 *     build/release/bench/bench_fma [THREADS]
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/peak.h"

int main(int count, char **words)
{
    const long threads = count > 1 ? strtol(words[1], NULL, 10) : 1;
    if (threads < 1 || threads > 1024) {
        fputs("Usage: bench_fma [THREADS]\n", stderr);
        return 2;
    }
    printf("%.4g\n", peak_flops((size_t)threads));
    return 0;
}
