#ifndef EP_NN_TRAINER_OBJECT_H
#define EP_NN_TRAINER_OBJECT_H

#include <stdbool.h>

#include "core/nn/evaluation.h"
#include "core/nn/trainer.h"

/** What is in a run. Private to the trainer. */

/* What is kept of a member's best epoch. */
struct best {
    size_t epoch; /* from 1; 0: there is none */
    double value;
    nn_real *parameters, *statistics;
};

/* What the team does, or does next. */
enum phase { TAKING_STEPS, MEASURING_TRAIN, MEASURING_VALIDATION, MEASURING_TEST };

/*
 * A training run. What is per member has `members` elements. Only part 0 of the team writes here, between two
 * meetings.
 */
struct nn_training {
    struct nn_bank *bank;
    struct nn_plan plan;
    const struct nn_observer *observer; /* of the present call */
    struct nn_outcome *outcomes;
    size_t members;
    struct nn_team *team;
    struct nn_workspace *workspace;
    struct nn_evaluation *evaluation;
    nn_real *x;      /* (rows of a mini-batch or of all threads' evaluations, stride) */
    uint8_t *labels; /* (the same rows) */
    double *costs;   /* of the mini-batch */
    bool *wanted;    /* in an evaluation */
    bool *waiting;   /* has done its epochs; the test set comes last */
    struct best *best;
    struct nn_epoch *rows; /* of the epoch being measured */
    size_t steps_done;     /* mini-batches in all epochs */
    size_t epoch;          /* from 0 */
    size_t step;           /* mini-batches done in this epoch */
    bool begun;            /* the stream knows the epoch */
    double seconds;        /* that this epoch has taken, but for the present call */
    double started;        /* when the epoch did, or went on */
    bool going;            /* some member trains */
    bool whole;            /* the evaluation came to its end */
    enum phase phase;
    enum phase entered; /* the phase when the team was called */
    bool parked;        /* the observer said so */
};

#endif
