#include "core/nn/trainer_object.h"

/* All of a run that its plan and the images do not give. Random numbers are counted, so that nothing of them
 * is. */

/* What is moved of an outcome: all but where its confusion goes. */
struct ending {
    enum nn_end end;
    size_t epoch, best_epoch;
    double cost_test, accuracy_test;
};

static bool move_member(struct nn_training *run, size_t member, const struct nn_state *state)
{
    struct nn_outcome *outcome = &run->outcomes[member];
    struct ending ending = {outcome->end, outcome->epoch, outcome->best_epoch, outcome->cost_test,
                            outcome->accuracy_test};
    const bool moved = state->move(state->context, &ending, sizeof ending) &&
                       state->move(state->context, &run->waiting[member], sizeof run->waiting[member]);
    outcome->end = ending.end;
    outcome->epoch = ending.epoch;
    outcome->best_epoch = ending.best_epoch;
    outcome->cost_test = ending.cost_test;
    outcome->accuracy_test = ending.accuracy_test;
    return moved;
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
    size_t epoch, step, steps_done;
    double seconds;
    bool testing;
};

static bool move_position(struct nn_training *run, const struct nn_state *state)
{
    struct position position = {run->epoch, run->step, run->steps_done, run->seconds,
                                run->phase == MEASURING_TEST};
    if (!state->move(state->context, &position, sizeof position)) {
        return false;
    }
    run->epoch = position.epoch;
    run->step = position.step;
    run->steps_done = position.steps_done;
    run->seconds = position.seconds;
    run->phase = position.testing ? MEASURING_TEST : TAKING_STEPS;
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
