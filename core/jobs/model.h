#ifndef EP_JOBS_MODEL_H
#define EP_JOBS_MODEL_H

#include "core/base/error.h"
#include "core/base/sha256.h"
#include "core/data/axes.h"
#include "core/nn/bank.h"

/** A trained network as one that takes pixels, whatever it was trained on. Private to the jobs. */

/**
 * The digest of a bank's member, as struct job_result says. Where it was trained on principal `axes` (NULL:
 * on pixels) the rotation becomes part of its first layer. EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status job_model_digest(const struct nn_bank *bank, size_t member,
                                             const struct data_axes *axes, char text[EP_SHA256_TEXT],
                                             struct ep_error *error);

#endif
