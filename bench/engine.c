/*
 * How much of the machine's floating-point peak training reaches, on one thread.
 *
 *     cmake --preset release && cmake --build --preset release --target bench_engine
 *     build/release/bench/bench_engine
 *
 * Prints, for each network, the median of interleaved runs: seconds for an epoch of 10 000 random images, and
 * its products' FLOP/s as a share of an FMA loop measured between the runs.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/macros.h"
#include "core/base/memory.h"
#include "core/nn/gemm.h"
#include "core/nn/trainer.h"

enum { IMAGES = 10000, ROUNDS = 7 };

static const struct {
    const char *name;
    struct nn_shape shape;
    size_t batch;
} networks[] = {
    {"3072-50-10", {.layers = 2, .width = {3072, 50, 10}, .batch_norm = true}, 100},
    {"3072-50-30-10", {.layers = 3, .width = {3072, 50, 30, 10}, .batch_norm = true}, 100},
    {"3072-1024-512-10", {.layers = 3, .width = {3072, 1024, 512, 10}, .batch_norm = true}, 128},
};

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

static double peak_flops(void)
{
    const size_t repeats = 4000000;
    const bool wide = __builtin_cpu_supports("avx512f") != 0;
    const double started = ep_clock_seconds();
    if (wide) {
        chains_avx512(repeats);
    } else {
        chains_avx2(repeats);
    }
    return 2.0 * (wide ? 16 : 8) * CHAINS * (double)repeats / (ep_clock_seconds() - started);
}

struct images {
    const float *x;
    const uint8_t *labels;
    struct nn_bank *bank;
    struct nn_workspace *workspace;
};

static double train_epoch(const struct images *images, size_t features, size_t batch)
{
    const double started = ep_clock_seconds();
    for (size_t first = 0; first + batch <= IMAGES; first += batch) {
        nn_bank_step(images->bank, 0, images->workspace, images->x + first * features, images->labels + first,
                     batch, 0);
    }
    return ep_clock_seconds() - started;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, ascending);
    return values[ROUNDS / 2];
}

static int measure(size_t index, const float *x, const uint8_t *labels)
{
    const struct nn_shape *shape = &networks[index].shape;
    const size_t batch = networks[index].batch;
    const struct nn_member_options options = {
        .eta = 0.001, .momentum = 0.9, .lambda = 1e-6, .decay_every = 1, .decay_factor = 1};
    struct ep_error error;
    struct images images = {.x = x, .labels = labels};
    int exit_status = EXIT_FAILURE;
    if (nn_bank_create(shape, &options, 1, &images.bank, &error) == EP_OK &&
        nn_workspace_create(shape, batch, &images.workspace, &error) == EP_OK) {
        double seconds[ROUNDS];
        double share[ROUNDS];
        const size_t trained = IMAGES / batch * batch;
        const double flops = nn_training_flops(shape) * (double)trained;
        train_epoch(&images, shape->width[0], batch);
        for (size_t r = 0; r < ROUNDS; r++) {
            const double peak = peak_flops();
            seconds[r] = train_epoch(&images, shape->width[0], batch);
            share[r] = flops / seconds[r] / peak;
        }
        printf("%-18s batch %3zu  %.3f s an epoch  %.0f %% of the FMA peak\n", networks[index].name, batch,
               median(seconds), 100 * median(share));
        exit_status = EXIT_SUCCESS;
    } else {
        fprintf(stderr, "%s\n", error.text);
    }
    nn_workspace_destroy(images.workspace);
    nn_bank_destroy(images.bank);
    return exit_status;
}

int main(void)
{
    struct ep_error error;
    if (nn_gemm_start(&error) != EP_OK) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_FAILURE;
    }
    const size_t features = networks[0].shape.width[0];
    float *x = ep_allocate(IMAGES * features, sizeof *x);
    uint8_t *labels = ep_allocate(IMAGES, sizeof *labels);
    int exit_status = x == NULL || labels == NULL ? EXIT_FAILURE : EXIT_SUCCESS;
    if (exit_status == EXIT_SUCCESS) {
        for (size_t i = 0; i < IMAGES * features; i++) {
            x[i] = (float)(i * 2654435761U % 1000) / 1000.0F - 0.5F;
        }
        for (size_t i = 0; i < IMAGES; i++) {
            labels[i] = (uint8_t)(i * 7 % 10);
        }
        printf("%s\n", nn_gemm_description());
        for (size_t i = 0; i < EP_COUNT(networks) && exit_status == EXIT_SUCCESS; i++) {
            exit_status = measure(i, x, labels);
        }
    }
    free(x);
    free(labels);
    return exit_status;
}
