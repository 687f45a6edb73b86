/*
 * How much of the machine's floating-point peak training reaches, on one thread.
 *
 *     cmake --preset release && cmake --build --preset release --target bench_engine
 *     build/release/bench/bench_engine [NETWORK]
 *
 * Prints, for each network, the median of interleaved runs: seconds for an epoch of 10 000 random images, and
 * its products' FLOP/s as a share of an FMA loop measured between the runs.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/macros.h"
#include "core/base/memory.h"
#include "core/nn/gemm.h"
#include "core/nn/trainer.h"

enum { IMAGES = 10000, ROUNDS = 7 };

struct network {
    const char *name;
    struct nn_shape shape;
    size_t batch;
};

static const struct network networks[] = {
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

enum { BACK_ENDS = 2 };

/* One network, trained on the same images with each library of the matrix products. */
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

/* Trains one epoch with each library in turn, so that all meet the same weather; prints the medians. */
static void measure(const struct network *network, const struct images *images,
                    const struct nn_gemm *const *gemms)
{
    const size_t features = network->shape.width[0];
    const size_t trained = IMAGES / network->batch * network->batch;
    const double flops = nn_training_flops(&network->shape) * (double)trained;
    double seconds[BACK_ENDS][ROUNDS];
    double share[BACK_ENDS][ROUNDS];
    for (size_t g = 0; g < BACK_ENDS; g++) {
        train_epoch(&images[g], features, network->batch);
    }
    for (size_t r = 0; r < ROUNDS; r++) {
        for (size_t g = 0; g < BACK_ENDS; g++) {
            const double peak = peak_flops();
            seconds[g][r] = train_epoch(&images[g], features, network->batch);
            share[g][r] = flops / seconds[g][r] / peak;
        }
    }
    for (size_t g = 0; g < BACK_ENDS; g++) {
        printf("%-18s batch %3zu  %-8.8s  %.4f s an epoch of %zu images  %.0f %% of the FMA peak\n",
               network->name, network->batch, nn_gemm_description(gemms[g]), median(seconds[g]), trained,
               100 * median(share[g]));
    }
}

static enum ep_status measure_network(const struct network *network, const float *x, const uint8_t *labels,
                                      const struct nn_gemm *const *gemms, struct ep_error *error)
{
    const struct nn_member_options options = {
        .eta = 0.001, .momentum = 0.9, .lambda = 1e-6, .decay_every = 1, .decay_factor = 1};
    struct images images[BACK_ENDS] = {{0}};
    enum ep_status status = EP_OK;
    for (size_t g = 0; g < BACK_ENDS && status == EP_OK; g++) {
        images[g].x = x;
        images[g].labels = labels;
        status = nn_bank_create(&network->shape, &options, 1, &images[g].bank, error);
        if (status == EP_OK) {
            status =
                nn_workspace_create(&network->shape, network->batch, gemms[g], &images[g].workspace, error);
        }
    }
    if (status == EP_OK) {
        measure(network, images, gemms);
    }
    for (size_t g = 0; g < BACK_ENDS; g++) {
        nn_workspace_destroy(images[g].workspace);
        nn_bank_destroy(images[g].bank);
    }
    return status;
}

/* Measures the network called `only`, or all of them when it is NULL. */
static enum ep_status measure_all(const struct nn_gemm *const *gemms, const char *only,
                                  struct ep_error *error)
{
    const size_t features = networks[0].shape.width[0];
    float *x = ep_allocate(IMAGES * features, sizeof *x);
    uint8_t *labels = ep_allocate(IMAGES, sizeof *labels);
    enum ep_status status = EP_OK;
    if (x == NULL || labels == NULL) {
        status = ep_fail(error, EP_NO_MEMORY, "no memory for the images");
    } else {
        for (size_t i = 0; i < IMAGES * features; i++) {
            x[i] = (float)(i * 2654435761U % 1000) / 1000.0F - 0.5F;
        }
        for (size_t i = 0; i < IMAGES; i++) {
            labels[i] = (uint8_t)(i * 7 % 10);
        }
        for (size_t i = 0; i < EP_COUNT(networks) && status == EP_OK; i++) {
            if (only == NULL || strcmp(only, networks[i].name) == 0) {
                status = measure_network(&networks[i], x, labels, gemms, error);
            }
        }
    }
    free(x);
    free(labels);
    return status;
}

int main(int count, char *arguments[])
{
    struct ep_error error;
    struct nn_gemm *automatic = NULL;
    struct nn_gemm *openblas = NULL;
    enum ep_status status = nn_gemm_create(NN_GEMM_AUTO, &automatic, &error);
    if (status == EP_OK) {
        status = nn_gemm_create(NN_GEMM_OPENBLAS, &openblas, &error);
    }
    if (status == EP_OK) {
        printf("%s\n", nn_gemm_description(automatic));
        status = measure_all((const struct nn_gemm *const[]){automatic, openblas},
                             count > 1 ? arguments[1] : NULL, &error);
    }
    if (status != EP_OK) {
        fprintf(stderr, "%s\n", error.text);
    }
    nn_gemm_destroy(openblas);
    nn_gemm_destroy(automatic);
    return status == EP_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
