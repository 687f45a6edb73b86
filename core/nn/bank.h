#ifndef EP_NN_BANK_H
#define EP_NN_BANK_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/nn/gemm.h"
#include "core/nn/network.h"
#include "core/nn/real.h"

/**
 * A bank: G ≥ 1 networks of one shape that train on one stream of mini-batches. A member's numbers depend on
 * its own options and on the images only, never on who sits beside it.
 *
 * Evaluating is const and needs no lock; a step writes its member and needs the bank to itself. What a pass
 * needs besides the bank lies in a workspace, which one thread owns.
 */

struct nn_bank;
struct nn_workspace;

/**
 * A bank of `count` members with initial weights drawn and momenta zero. The options are copied.
 * EP_INVALID, EP_TOO_LARGE as nn_layout_of; EP_NO_MEMORY. Release with nn_bank_destroy.
 */
EP_NODISCARD enum ep_status nn_bank_create(const struct nn_shape *shape,
                                           const struct nn_member_options *members, size_t count,
                                           struct nn_bank **bank, struct ep_error *error);

/** Releases the bank; NULL is fine. */
void nn_bank_destroy(struct nn_bank *bank);

/**
 * Room for passes over up to `rows` images through networks of `shape`, whose products `gemm` (borrowed)
 * computes. Release with nn_workspace_destroy.
 */
EP_NODISCARD enum ep_status nn_workspace_create(const struct nn_shape *shape, size_t rows,
                                                const struct nn_gemm *gemm, struct nn_workspace **workspace,
                                                struct ep_error *error);

/** Releases the workspace; NULL is fine. */
void nn_workspace_destroy(struct nn_workspace *workspace);

/** Bytes that a bank of `members` networks and a workspace of `rows` images take; EP_TOO_LARGE on overflow.
 */
EP_NODISCARD enum ep_status nn_memory_of(const struct nn_shape *shape, size_t members, size_t rows,
                                         size_t *bytes, struct ep_error *error);

const struct nn_shape *nn_bank_shape(const struct nn_bank *bank);
size_t nn_bank_members(const struct nn_bank *bank);
const struct nn_member_options *nn_bank_options(const struct nn_bank *bank, size_t member);

/** The member's parameters, laid out as nn_layout says; valid as long as the bank. */
nn_real *nn_bank_parameters(struct nn_bank *bank, size_t member);

/** The member's moving averages, laid out as nn_layout says; valid as long as the bank. */
nn_real *nn_bank_statistics(struct nn_bank *bank, size_t member);

/**
 * One step of gradient descent with momentum of `member` on a mini-batch (Rumelhart, Hinton, Williams 1986):
 *   v ← momentum·v − η·(∂cost/∂θ);  θ ← θ + v   (or Nesterov's form of it, see layers.h)
 * with cost = mean cross-entropy + λ Σ‖W‖², and η of epoch `epoch` (from 0).
 * x: (rows, features); labels: (rows) below the number of classes; 1 ≤ rows ≤ the workspace's.
 * Returns the mini-batch's mean cross-entropy before the step; when that is not finite the member is left as
 * it was.
 */
double nn_bank_step(struct nn_bank *bank, size_t member, struct nn_workspace *workspace, const nn_real *x,
                    const uint8_t *labels, size_t rows, size_t epoch);

/** Cost of the mini-batch as nn_bank_step computes it (batch statistics, penalty), without changing the bank.
 */
double nn_bank_batch_cost(const struct nn_bank *bank, size_t member, struct nn_workspace *workspace,
                          const nn_real *x, const uint8_t *labels, size_t rows);

/** Sums over evaluated images. */
struct nn_tally {
    double cross_entropy; /**< Σ −log p(label) */
    size_t correct;       /**< images whose largest probability is at their label (the first one, if tied) */
    size_t images;
};

/** Evaluates `member` with its moving averages on x: (rows, features) and adds to `tally`. */
void nn_bank_evaluate(const struct nn_bank *bank, size_t member, struct nn_workspace *workspace,
                      const nn_real *x, const uint8_t *labels, size_t rows, struct nn_tally *tally);

/** λ Σ‖W‖² of the member, summed in double precision over all layers' weights, not the biases. */
double nn_bank_penalty(const struct nn_bank *bank, size_t member);

#endif
