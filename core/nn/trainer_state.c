#include "core/nn/trainer_object.h"

/* All of a run that its plan and the images do not give. Random numbers are counted, so that nothing of them
 * is. */

/* What is moved of an outcome: all but where its confusion goes. Whatever bytes come back, it can be read. */
struct ending {
    uint64_t end, epoch, best_epoch;
    double cost_test, accuracy_test;
};

static bool move_member(struct nn_training *run, size_t member, const struct nn_state *state)
{
    struct nn_outcome *outcome = &run->outcomes[member];
    struct ending ending = {outcome->end, outcome->epoch, outcome->best_epoch, outcome->cost_test,
                            outcome->accuracy_test};
    unsigned char waits = run->waiting[member] ? 1 : 0;
    if (!state->move(state->context, &ending, sizeof ending) ||
        !state->move(state->context, &waits, sizeof waits) || ending.end > NN_DIVERGED) {
        return false;
    }
    outcome->end = (enum nn_end)ending.end;
    outcome->epoch = (size_t)ending.epoch;
    outcome->best_epoch = (size_t)ending.best_epoch;
    outcome->cost_test = ending.cost_test;
    outcome->accuracy_test = ending.accuracy_test;
    run->waiting[member] = waits != 0;
    return true;
}

static bool move_best(struct nn_training *run, size_t member, const struct nn_state *state)
{
    const struct nn_layout *layout = nn_bank_layout(run->bank);
    struct best *best = &run->best[member];
    return state->move(state->context, &best->epoch, sizeof best->epoch) &&
           state->move(state->context, &best->value, sizeof best->value) &&
           state->move(state->context, best->parameters, layout->parameters * sizeof *best->parameters) &&
           state->move(state->context, best->statistics, layout->statistics * sizeof *best->statistics);
}

/* Where the run stands; in the middle of an evaluation it stands before it. */
struct position {
    uint64_t epoch, step, steps_done, testing;
    double seconds;
};

static bool move_position(struct nn_training *run, const struct nn_state *state)
{
    struct position position = {
        .epoch = run->epoch,
        .step = run->step,
        .steps_done = run->steps_done,
        .testing = run->phase == MEASURING_TEST ? 1 : 0,
        .seconds = run->seconds,
    };
    if (!state->move(state->context, &position, sizeof position)) {
        return false;
    }
    run->epoch = (size_t)position.epoch;
    run->step = (size_t)position.step;
    run->steps_done = (size_t)position.steps_done;
    run->seconds = position.seconds;
    run->phase = position.testing != 0 ? MEASURING_TEST : TAKING_STEPS;
    nn_evaluation_begin(run->evaluation);
    return position.epoch <= run->plan.epochs && position.step <= run->plan.stream.steps;
}

bool nn_training_move_state(struct nn_training *training, const struct nn_state *state)
{
    bool moved = move_position(training, state) && nn_bank_move_state(training->bank, state);
    for (size_t g = 0; g < training->members && moved; g++) {
        moved = move_member(training, g, state) && (training->best == NULL || move_best(training, g, state));
    }
    for (size_t g = 0; g < training->members; g++) {
        training->wanted[g] = training->phase == MEASURING_TEST && training->waiting[g];
    }
    return moved;
}
