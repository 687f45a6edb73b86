#include "bench/peak.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/nn/team.h"

/*
 * Twelve independent chains of multiply-adds keep both units of today's cores busy. In assembly, since a
 * compiler may keep the sums in memory; what they add up to does not matter.
 */
#define CHAINS      12
#define CHAIN(v, n) "vfmadd231ps %%" v "15, %%" v "15, %%" v #n "\n"
#define ALL_CHAINS(v)                                                                                        \
    CHAIN(v, 0)                                                                                              \
    CHAIN(v, 1)                                                                                              \
    CHAIN(v, 2)                                                                                              \
    CHAIN(v, 3)                                                                                              \
    CHAIN(v, 4)                                                                                              \
    CHAIN(v, 5) CHAIN(v, 6) CHAIN(v, 7) CHAIN(v, 8) CHAIN(v, 9) CHAIN(v, 10) CHAIN(v, 11)
#define ALL_REGISTERS                                                                                        \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm15"

__attribute__((target("avx2,fma"))) static void chains_avx2(size_t repeats)
{
    for (size_t i = 0; i < repeats; i++) {
        __asm__ volatile("vxorps %%ymm15, %%ymm15, %%ymm15\n" ALL_CHAINS("ymm")::: ALL_REGISTERS);
    }
}

__attribute__((target("avx512f"))) static void chains_avx512(size_t repeats)
{
    for (size_t i = 0; i < repeats; i++) {
        __asm__ volatile("vpxorq %%zmm15, %%zmm15, %%zmm15\n" ALL_CHAINS("zmm")::: ALL_REGISTERS);
    }
}

/* The same chains of vdpbf16ps. */
#define PAIRS(n) "vdpbf16ps %%zmm15, %%zmm15, %%zmm" #n "\n"

__attribute__((target("avx512f,avx512bf16"))) static void chains_bf16(size_t repeats)
{
    for (size_t i = 0; i < repeats; i++) {
        __asm__ volatile("vpxorq %%zmm15, %%zmm15, %%zmm15\n" PAIRS(0) PAIRS(1) PAIRS(2) PAIRS(3) PAIRS(4)
                             PAIRS(5) PAIRS(6) PAIRS(7) PAIRS(8) PAIRS(9) PAIRS(10) PAIRS(11)::
                                 : ALL_REGISTERS);
    }
}

enum { REPEATS = 4000000 };

struct loops {
    void (*chains)(size_t repeats);
};

static void run_loops(void *context, const struct nn_part *part)
{
    const struct loops *loops = context;
    (void)part;
    loops->chains(REPEATS);
}

/* Executions of `chains` in a second, of all threads together. */
static double rate(void (*chains)(size_t repeats), size_t threads)
{
    struct nn_team *team = NULL;
    struct loops loops = {chains};
    if (nn_team_create(threads, &team, NULL) != EP_OK) {
        abort();
    }
    const double started = ep_clock_seconds();
    nn_team_run(team, threads, run_loops, &loops);
    const double seconds = ep_clock_seconds() - started;
    nn_team_destroy(team);
    return (double)threads * REPEATS / seconds;
}

double peak_flops(size_t threads)
{
    const bool wide = __builtin_cpu_supports("avx512f") != 0;
    return 2.0 * (wide ? 16 : 8) * CHAINS * rate(wide ? chains_avx512 : chains_avx2, threads);
}

double peak_bf16_flops(size_t threads)
{
    return __builtin_cpu_supports("avx512bf16") ? 4.0 * 16 * CHAINS * rate(chains_bf16, threads) : 0;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, ascending);
    return values[count / 2];
}
