#ifndef EP_SERVER_PROGRESS_H
#define EP_SERVER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/nn/trainer.h"

/**
 * Shows a training run to whoever sits at the terminal: one line that is rewritten, or, when the output goes
 * elsewhere, one line per epoch. A plain value; one thread at a time.
 */
struct progress {
    FILE *file; /**< borrowed */
    bool terminal;
    uint64_t epochs, steps;  /**< of the whole run */
    double images;           /**< training images of the whole run, each counted once an epoch */
    uint64_t done;           /**< mini-batches done */
    double started, written; /**< ep_clock_seconds(); written: when the line was rewritten last */
    struct nn_epoch latest;  /**< epoch 0: none yet */
};

/** Starts the clock of a run of `epochs` epochs and `steps` mini-batches in all, over `images` images each
 * epoch. */
void progress_start(struct progress *progress, FILE *file, uint64_t epochs, uint64_t steps, uint64_t images);

/** `done` mini-batches of all are done. */
void progress_step(struct progress *progress, uint64_t done);

/** An epoch is done. */
void progress_epoch(struct progress *progress, const struct nn_epoch *epoch);

/** The run is over: leaves the last line standing. */
void progress_end(struct progress *progress);

/** Training images per second so far; NaN: unknown. */
double progress_rate(const struct progress *progress);

#endif
