/*
 * How much of the machine's floating-point peak whole training runs reach, with the costs of the whole
 * training and validation sets after each epoch: banks of several networks, and how much of the time
 * evaluations take.
 *
 *     cmake --preset release && cmake --build --preset release --target bench_bank
 *     EPOCHD_DATA=FOLDER build/release/bench/bench_bank [THREADS]
 *
 * Needs CIFAR-10: 10 000 training, 10 000 validation images, networks 3072-50-30-10 with batch normalisation,
 * mini-batches of 100. Prints medians of interleaved runs, as shares of FMA loops on as many threads that run
 * in between, counting the networks' own products only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peak.h"
#include "core/base/clock.h"
#include "core/base/machine.h"
#include "core/base/macros.h"
#include "core/base/memory.h"
#include "core/data/batches.h"
#include "core/data/registry.h"
#include "core/data/split.h"
#include "core/nn/trainer.h"

enum { IMAGES = 10000, BATCH = 100, EPOCHS = 10, ROUNDS = 5, MEMBERS_MOST = 32 };

static const size_t banks[] = {1, 4, 8, 16, 32};

static const struct nn_shape shape = {.layers = 3, .width = {3072, 50, 30, 10}, .batch_norm = true};

struct bench {
    struct data_split *split;
    struct data_batches *batches;
    struct nn_gemm *gemm;
    size_t threads;
    double evaluating; /* seconds, between the last mini-batch of an epoch and its report */
    double since;
    size_t evaluated; /* mini-batches after which the newest evaluation began */
    size_t resident;  /* most bytes */
};

static void begin(void *context, size_t epoch)
{
    const struct bench *bench = context;
    data_batches_begin(bench->batches, epoch);
}

static size_t rows(const void *context, size_t step)
{
    const struct bench *bench = context;
    return data_batches_rows(bench->batches, step);
}

static void read(void *context, size_t reader, size_t step, size_t first, size_t count, struct nn_matrix x,
                 uint8_t *labels)
{
    const struct bench *bench = context;
    const struct data_piece piece = {step, first, count};
    data_batches_read(bench->batches, reader, piece, x.at, x.stride, labels);
}

static void read_train(const void *context, size_t first, size_t count, struct nn_matrix x, uint8_t *labels)
{
    data_split_read(context, DATA_TRAIN, first, count, x.at, x.stride, labels);
}

static void read_validation(const void *context, size_t first, size_t count, struct nn_matrix x,
                            uint8_t *labels)
{
    data_split_read(context, DATA_VALIDATION, first, count, x.at, x.stride, labels);
}

static enum nn_verdict poll(void *context, size_t member, size_t steps_done)
{
    struct bench *bench = context;
    if (member == 0 && steps_done > 0 && steps_done % (IMAGES / BATCH) == 0 &&
        steps_done > bench->evaluated) {
        bench->since = ep_clock_seconds();
        bench->evaluated = steps_done;
    }
    return NN_GO_ON;
}

static void end_epoch(void *context, size_t member, const struct nn_epoch *epoch)
{
    struct bench *bench = context;
    (void)epoch;
    if (member == 0) {
        bench->evaluating += ep_clock_seconds() - bench->since;
        const size_t resident = ep_machine_resident();
        bench->resident = resident > bench->resident ? resident : bench->resident;
    }
}

static double train(struct bench *bench, size_t members)
{
    struct nn_member_options options[MEMBERS_MOST];
    struct nn_outcome outcomes[MEMBERS_MOST] = {{0}};
    struct nn_bank *bank = NULL;
    for (size_t g = 0; g < members; g++) {
        options[g] = (struct nn_member_options){.eta = 1e-4 * (double)(g + 1),
                                                .lambda = 1e-6,
                                                .momentum = 0.9,
                                                .schedule = NN_CONSTANT,
                                                .seed = g};
    }
    const struct nn_plan plan = {
        .gemm = bench->gemm,
        .epochs = EPOCHS,
        .threads = bench->threads,
        .stream = {bench, IMAGES / BATCH, BATCH, begin, rows, read},
        .train = {bench->split, IMAGES, read_train},
        .validation = {bench->split, IMAGES, read_validation},
    };
    const struct nn_observer observer = {.context = bench, .poll = poll, .epoch = end_epoch};
    bench->evaluating = 0;
    bench->evaluated = 0;
    const double started = ep_clock_seconds();
    if (nn_bank_create(&shape, options, members, &bank, NULL) != EP_OK ||
        nn_train(bank, &plan, &observer, outcomes, NULL) != EP_OK) {
        fputs("no memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    const double seconds = ep_clock_seconds() - started;
    nn_bank_destroy(bank);
    return seconds;
}

static void measure(struct bench *bench)
{
    double seconds[EP_COUNT(banks)][ROUNDS];
    double share[EP_COUNT(banks)][ROUNDS];
    double evaluation[EP_COUNT(banks)][ROUNDS];
    const double evaluated = 2.0 * IMAGES * nn_forward_flops(&shape);
    const double flops = EPOCHS * (IMAGES * nn_training_flops(&shape) + evaluated);
    for (size_t r = 0; r < ROUNDS; r++) {
        for (size_t b = 0; b < EP_COUNT(banks); b++) {
            const double peak = peak_flops(bench->threads);
            seconds[b][r] = train(bench, banks[b]);
            share[b][r] = flops * (double)banks[b] / seconds[b][r] / peak;
            evaluation[b][r] = bench->evaluating / seconds[b][r];
        }
    }
    printf("%zu threads, %d epochs with both whole costs after each; evaluations are %.0f %% of the FLOPs\n",
           bench->threads, EPOCHS, 100 * EPOCHS * evaluated / flops);
    for (size_t b = 0; b < EP_COUNT(banks); b++) {
        printf("bank of %2zu  %.3f s, %.4f s a network  %3.0f %% of the FMA peak, %2.0f %% of the time "
               "evaluating\n",
               banks[b], median(seconds[b], ROUNDS), median(seconds[b], ROUNDS) / (double)banks[b],
               100 * median(share[b], ROUNDS), 100 * median(evaluation[b], ROUNDS));
    }
}

/* What a run adds to the process beside the dataset, against what cannot be done without. */
static void weigh(struct bench *bench)
{
    static const struct nn_member_options options[MEMBERS_MOST] = {{0}};
    size_t promised;
    struct nn_layout layout;
    const size_t before = ep_machine_resident();
    bench->resident = 0;
    train(bench, MEMBERS_MOST);
    if (nn_layout_of(&shape, &layout, NULL) == EP_OK &&
        nn_memory_of(&shape, options, MEMBERS_MOST, BATCH, bench->threads, false, &promised, NULL) == EP_OK) {
        const double units = 2 * (50 + 30) + 10; /* with what batch normalisation keeps */
        const double needed =
            sizeof(float) * (MEMBERS_MOST * (2.0 * (double)layout.parameters + BATCH * units) +
                             BATCH * (double)shape.width[0]);
        printf("bank of 32: %.1f MB above the dataset, %.1f MB promised; parameters, momenta and activations "
               "are "
               "%.1f MB\n",
               (double)(bench->resident - before) / 1e6, (double)promised / 1e6, needed / 1e6);
    }
}

int main(int count, char *arguments[])
{
    struct ep_error error = {0};
    struct data_registry *registry = NULL;
    const struct data_set *set = NULL;
    const char *folder = getenv("EPOCHD_DATA");
    const long threads = count > 1 ? strtol(arguments[1], NULL, 10) : 2;
    struct bench bench = {.threads = threads > 0 ? (size_t)threads : 1};
    const struct data_batches_options options = {.batch_size = BATCH, .least = 2, .readers = bench.threads};
    enum ep_status status = data_registry_create(folder == NULL ? "" : folder, &registry, &error);
    if (status == EP_OK) {
        status = data_registry_open(registry, "cifar-10", &set, &error);
    }
    if (status == EP_OK) {
        status = data_split_create(set, IMAGES, IMAGES, DATA_NORMALIZE_MEAN, &bench.split, &error);
    }
    if (status == EP_OK) {
        status = data_batches_create(bench.split, &options, &bench.batches, &error);
    }
    if (status == EP_OK) {
        status = nn_gemm_create(NN_GEMM_AUTO, &bench.gemm, &error);
    }
    if (status == EP_OK) {
        weigh(&bench);
        measure(&bench);
    } else {
        fprintf(stderr, "%s\n", error.text);
    }
    nn_gemm_destroy(bench.gemm);
    data_batches_destroy(bench.batches);
    data_split_destroy(bench.split);
    data_registry_destroy(registry);
    return status == EP_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
