#ifndef EP_NN_BANK_H
#define EP_NN_BANK_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/nn/gemm.h"
#include "core/nn/matrix.h"
#include "core/nn/network.h"
#include "core/nn/state.h"
#include "core/nn/team.h"

/**
 * A bank: G ≥ 1 networks of one shape that train on one stream of mini-batches. Their units lie side by side:
 * layer l is one matrix with a row of weights for each unit of each member. A member's numbers depend on its
 * own options and on the images only, never on who sits beside it or on how many threads there are.
 *
 * Evaluating is const and needs no lock; a step is taken by a whole team and needs the bank to itself. What a
 * pass needs besides the bank lies in a workspace.
 */

struct nn_bank;
struct nn_workspace;

/** Images: x (rows, features), labels (rows) below the number of classes. */
struct nn_batch {
    struct nn_const_matrix x;
    const uint8_t *labels;
    size_t rows;
};

/**
 * A bank of `count` members with initial weights drawn and momenta zero. The options are copied.
 * EP_INVALID, EP_TOO_LARGE as nn_layout_of; EP_NO_MEMORY. Release with nn_bank_destroy.
 */
EP_NODISCARD enum ep_status nn_bank_create(const struct nn_shape *shape,
                                           const struct nn_member_options *members, size_t count,
                                           struct nn_bank **bank, struct ep_error *error);

/** Releases the bank; NULL is fine. */
void nn_bank_destroy(struct nn_bank *bank);

/** Numbers that nn_bank_create allocates for members whose optimisers are as in `options`; false on overflow.
 */
EP_NODISCARD bool nn_bank_numbers(const struct nn_shape *shape, const struct nn_member_options *options,
                                  size_t count, size_t *numbers);

/** What a workspace is for. */
struct nn_room {
    size_t members; /**< of the bank that trains in it; 1 to evaluate */
    size_t rows;    /**< most images in a pass */
    size_t threads; /**< most threads in a team; 0: it is for evaluating only, by one */
    bool dropout;   /**< some member leaves units out */
};

/**
 * Room for passes through networks of `shape`, whose products `gemm` (borrowed) computes. EP_TOO_LARGE,
 * EP_NO_MEMORY. Release with nn_workspace_destroy.
 */
EP_NODISCARD enum ep_status nn_workspace_create(const struct nn_shape *shape, const struct nn_room *room,
                                                const struct nn_gemm *gemm, struct nn_workspace **workspace,
                                                struct ep_error *error);

/** Images that are best rounded at a time: so few stay in cache between being read and being rounded. */
enum { NN_ROUNDED_ROWS = 8 };

/**
 * With bf16 in the shape the passes below see these images instead of their batch's x: images first (even) …
 * first + rows − 1 of the mini-batch, x(rows, features). Threads may each take their own.
 */
void nn_workspace_take(struct nn_workspace *workspace, struct nn_const_matrix x, size_t first, size_t rows,
                       size_t features);

/** Releases the workspace; NULL is fine. */
void nn_workspace_destroy(struct nn_workspace *workspace);

/** Numbers that nn_workspace_create allocates; false on overflow. */
EP_NODISCARD bool nn_workspace_numbers(const struct nn_shape *shape, const struct nn_room *room,
                                       size_t *numbers);

const struct nn_shape *nn_bank_shape(const struct nn_bank *bank);
const struct nn_layout *nn_bank_layout(const struct nn_bank *bank);
size_t nn_bank_members(const struct nn_bank *bank);
const struct nn_member_options *nn_bank_options(const struct nn_bank *bank, size_t member);

/** Whether any member leaves units out. */
bool nn_bank_drops_out(const struct nn_bank *bank);

/** Number `index` of the member's parameters, counted as nn_layout says; valid as long as the bank. */
nn_real *nn_bank_parameter(struct nn_bank *bank, size_t member, size_t index);

/** Number `index` of the member's moving averages. */
nn_real *nn_bank_statistic(struct nn_bank *bank, size_t member, size_t index);

/** Copies a member's parameters and moving averages out, each laid out as nn_layout says. */
void nn_bank_read(const struct nn_bank *bank, size_t member, nn_real *parameters, nn_real *statistics);

/** Copies them in. */
void nn_bank_write(struct nn_bank *bank, size_t member, const nn_real *parameters, const nn_real *statistics);

/**
 * Moves all that training has made of the bank: weights, momenta, moving averages, who still trains; in the
 * machine's own numbers. False: `state` said so, or what was restored cannot be (the bank is of no use then).
 * Between mini-batches only.
 */
EP_NODISCARD bool nn_bank_move_state(struct nn_bank *bank, const struct nn_state *state);

/** Leaves a member out of all further steps. No team may be at work. */
void nn_bank_retire(struct nn_bank *bank, size_t member);

/** Whether the member has not been retired. */
bool nn_bank_trains(const struct nn_bank *bank, size_t member);

/** Members that have not been retired. */
size_t nn_bank_training(const struct nn_bank *bank);

/** Where in training a mini-batch is, both counted from 0. */
struct nn_moment {
    size_t epoch;
    uint64_t step; /**< mini-batches before it, in all epochs */
};

/**
 * One step, along the gradient of mean cross-entropy + λ Σ‖W‖², of all members that train, by descent.h's
 * rules with η of the epoch. Every thread of the team calls it with its part and the same arguments.
 * costs: (members) the mini-batch's mean cross-entropy before the step, written by part 0; a member whose
 * cost is not finite is left as it was. The workspace is the team's, with room for all members.
 */
void nn_bank_step(struct nn_bank *bank, struct nn_workspace *workspace, const struct nn_batch *batch,
                  const struct nn_moment *moment, const struct nn_part *part, double *costs);

/**
 * Cost of the mini-batch as nn_bank_step computes it (batch statistics, dropout, penalty), without changing
 * the bank; by one thread.
 */
double nn_bank_batch_cost(const struct nn_bank *bank, size_t member, struct nn_workspace *workspace,
                          const struct nn_batch *batch, const struct nn_moment *moment);

/** Sums over evaluated images. */
struct nn_tally {
    double cross_entropy; /**< Σ −log p(label) */
    size_t correct;       /**< images whose largest probability is at their label (the first one, if tied) */
    size_t images;
};

/**
 * Evaluates some members, each with its moving averages, and adds to tallies: (members of the bank). When
 * `confusion` is not NULL, (members, classes, classes), also counts each image by member, label and guess. By
 * one thread; the workspace has room for all members of the bank, or for the only one that is asked for.
 */
void nn_bank_evaluate(const struct nn_bank *bank, const size_t *members, size_t count,
                      struct nn_workspace *workspace, const struct nn_batch *batch, struct nn_tally *tallies,
                      uint64_t *confusion);

/** λ Σ‖W‖² of the member, summed in double precision over all layers' weights, nothing else. */
double nn_bank_penalty(const struct nn_bank *bank, size_t member);

#endif
