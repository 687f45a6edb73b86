/*
 * How much of the machine's floating-point peak training steps reach.
 *
 *     cmake --preset release && cmake --build --preset release --target bench_engine
 *     build/release/bench/bench_engine [NETWORK [WAY]]
 *
 * Prints, for each network, the medians of interleaved runs: seconds for an epoch of 10 000 random images,
 * which lie in memory as bytes and are turned into numbers mini-batch by mini-batch as the service does it,
 * and the products' FLOP/s as a share of FMA loops on as many threads, measured between the runs.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peak.h"
#include "core/base/clock.h"
#include "core/base/macros.h"
#include "core/base/memory.h"
#include "core/base/vectorised.h"
#include "core/nn/bank.h"

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

/* Ways to compute the same; the first is what the others are compared with. */
static const struct way {
    const char *name;
    enum nn_gemm_choice gemm;
    size_t threads;
    bool bf16;
} ways[] = {
    {"auto, 1 thread", NN_GEMM_AUTO, 1, false},         {"auto, 2 threads", NN_GEMM_AUTO, 2, false},
    {"bf16, 1 thread", NN_GEMM_AUTO, 1, true},          {"bf16, 2 threads", NN_GEMM_AUTO, 2, true},
    {"avx2, 1 thread", NN_GEMM_AVX2, 1, false},         {"libxsmm, 1 thread", NN_GEMM_LIBXSMM, 1, false},
    {"openblas, 1 thread", NN_GEMM_OPENBLAS, 1, false},
};

enum { WAYS = EP_COUNT(ways) };

struct images {
    uint8_t *pixels; /* (IMAGES, features) */
    uint8_t *labels;
    float *mean; /* (features) */
};

/* One network on its way. */
struct runner {
    const struct network *network;
    struct images images;
    struct nn_gemm *gemm; /* NULL: it does not work here */
    struct nn_bank *bank;
    struct nn_workspace *workspace;
    struct nn_team *team;
    size_t threads;
    bool bf16;
    float *x; /* (batch, stride) */
};

EP_VECTORISED
static void convert_line(const uint8_t *restrict pixels, const float *restrict mean, float *restrict x)
{
    for (size_t i = 0; i < 64; i++) {
        x[i] = (float)pixels[i] * (1.0F / 255.0F) - mean[i];
    }
}

/* As core/data/split.c does it. */
static void convert(const uint8_t *pixels, const float *mean, float *x, size_t count)
{
    for (size_t i = 0; i < count; i += 64) {
        __builtin_prefetch(pixels + i + 2 * count);
        convert_line(pixels + i, mean + i, x + i);
    }
}

/* Images from `image` on become rows `row` … of the mini-batch. */
static void read_rows(const struct runner *runner, size_t image, size_t row, size_t rows,
                      const struct nn_part *part)
{
    const size_t features = runner->network->shape.width[0];
    const size_t stride = nn_stride(features);
    float *x = runner->x + (runner->bf16 ? part->index * NN_ROUNDED_ROWS : row) * stride;
    for (size_t i = 0; i < rows; i++) {
        convert(runner->images.pixels + (image + i) * features, runner->images.mean, x + i * stride,
                features);
    }
    if (runner->bf16) {
        nn_workspace_take(runner->workspace, (struct nn_const_matrix){x, stride}, row, rows, features);
    }
}

static void train(void *context, const struct nn_part *part)
{
    const struct runner *runner = context;
    const size_t batch = runner->network->batch;
    const size_t features = runner->network->shape.width[0];
    const size_t stride = nn_stride(features);
    const struct nn_moment moment = {0, 0};
    const size_t pairs = (batch + 1) / 2;
    const struct nn_span mine = nn_span_of(part, pairs);
    const size_t last = 2 * mine.last < batch ? 2 * mine.last : batch;
    double cost;
    for (size_t first = 0; first + batch <= IMAGES; first += batch) {
        const struct nn_batch images = {{runner->x, stride}, runner->images.labels + first, batch};
        for (size_t i = 2 * mine.first; i < last; i += NN_ROUNDED_ROWS) {
            const size_t rows = last - i < NN_ROUNDED_ROWS ? last - i : NN_ROUNDED_ROWS;
            read_rows(runner, first + i, i, rows, part);
        }
        nn_meet(part);
        nn_bank_step(runner->bank, runner->workspace, &images, &moment, part, &cost);
    }
}

static double train_epoch(struct runner *runner)
{
    const double started = ep_clock_seconds();
    nn_team_run(runner->team, runner->threads, train, runner);
    return ep_clock_seconds() - started;
}

static bool prepare(struct runner *runner, const struct network *network, struct images images,
                    const struct way *way)
{
    const struct nn_member_options options = {
        .eta = 0.001, .momentum = 0.9, .lambda = 1e-6, .schedule = NN_CONSTANT};
    const struct nn_room room = {.members = 1, .rows = network->batch, .threads = way->threads};
    struct nn_shape shape = network->shape;
    shape.bf16 = way->bf16;
    *runner =
        (struct runner){.network = network, .images = images, .threads = way->threads, .bf16 = way->bf16};
    runner->x = ep_allocate(network->batch * nn_stride(network->shape.width[0]), sizeof *runner->x);
    return runner->x != NULL && nn_gemm_create(way->gemm, &runner->gemm, NULL) == EP_OK &&
           (!way->bf16 || nn_gemm_has_bf16(runner->gemm)) &&
           nn_bank_create(&shape, &options, 1, &runner->bank, NULL) == EP_OK &&
           nn_workspace_create(&shape, &room, runner->gemm, &runner->workspace, NULL) == EP_OK &&
           nn_team_create(way->threads, &runner->team, NULL) == EP_OK;
}

static void release(struct runner *runner)
{
    nn_team_destroy(runner->team);
    nn_workspace_destroy(runner->workspace);
    nn_bank_destroy(runner->bank);
    nn_gemm_destroy(runner->gemm);
    free(runner->x);
}

static void print(const struct network *network, double seconds[][ROUNDS], double share[][ROUNDS],
                  const bool *works)
{
    const double first = median(seconds[0], ROUNDS);
    for (size_t w = 0; w < WAYS; w++) {
        if (works[w]) {
            const double middle = median(seconds[w], ROUNDS);
            printf(
                "%-18s batch %3zu  %-18s  %.4f s  %3.0f %% of the FMA peak  %.2f x the speed of the first\n",
                network->name, network->batch, ways[w].name, middle, 100 * median(share[w], ROUNDS),
                first / middle);
        }
    }
}

/* Trains one epoch on each way in turn, so that all meet the same weather. */
static void measure(const struct network *network, struct images images, const char *way)
{
    struct runner runners[WAYS];
    bool works[WAYS];
    double seconds[WAYS][ROUNDS];
    double share[WAYS][ROUNDS];
    const size_t trained = IMAGES / network->batch * network->batch;
    const double flops = nn_training_flops(&network->shape) * (double)trained;
    for (size_t w = 0; w < WAYS; w++) {
        runners[w] = (struct runner){.gemm = NULL};
        works[w] = (way == NULL || strcmp(way, ways[w].name) == 0) &&
                   prepare(&runners[w], network, images, &ways[w]);
        if (works[w]) {
            train_epoch(&runners[w]);
        }
    }
    for (size_t r = 0; r < ROUNDS; r++) {
        for (size_t w = 0; w < WAYS; w++) {
            if (works[w]) {
                const double peak = peak_flops(ways[w].threads);
                seconds[w][r] = train_epoch(&runners[w]);
                share[w][r] = flops / seconds[w][r] / peak;
            }
        }
    }
    print(network, seconds, share, works);
    for (size_t w = 0; w < WAYS; w++) {
        release(&runners[w]);
    }
}

int main(int count, char *arguments[])
{
    const size_t features = networks[0].shape.width[0];
    const struct images images = {ep_allocate(IMAGES, features), ep_allocate(IMAGES, 1),
                                  ep_allocate(features, sizeof(float))};
    if (images.pixels == NULL || images.labels == NULL || images.mean == NULL) {
        fputs("no memory for the images\n", stderr);
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < IMAGES; i++) {
        images.labels[i] = (uint8_t)(i * 7 % 10);
        for (size_t j = 0; j < features; j++) {
            images.pixels[i * features + j] = (uint8_t)((i * features + j) * 2654435761U >> 24);
        }
    }
    for (size_t j = 0; j < features; j++) {
        images.mean[j] = 0.5F;
    }
    for (size_t i = 0; i < EP_COUNT(networks); i++) {
        if (count < 2 || strcmp(arguments[1], networks[i].name) == 0) {
            measure(&networks[i], images, count > 2 ? arguments[2] : NULL);
        }
    }
    free(images.pixels);
    free(images.labels);
    free(images.mean);
    return EXIT_SUCCESS;
}
