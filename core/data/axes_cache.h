#ifndef EP_DATA_AXES_CACHE_H
#define EP_DATA_AXES_CACHE_H

#include "core/data/axes.h"

/**
 * Principal axes on disk: computed once for each dataset, number of training images and way to normalise, and
 * read by all who need them afterwards. Thread-safe; axes are computed for one caller at a time, and those
 * who want the same wait.
 */
struct data_axes_cache;

/** Files that are kept; beyond them the one that was written first goes. */
enum { DATA_AXES_FILES_MAX = 16 };

/** Files go to the folder "axes" in `state_folder`, which exists; NULL: nothing is kept. EP_NO_MEMORY;
 * EP_TOO_LARGE. */
EP_NODISCARD enum ep_status data_axes_cache_create(const char *state_folder, struct data_axes_cache **cache,
                                                   struct ep_error *error);

/** NULL is fine. */
void data_axes_cache_destroy(struct data_axes_cache *cache);

/**
 * The axes of the split's training inputs, from disk or computed and kept there. A file that is damaged is
 * replaced, and one that cannot be written is done without. Release with data_axes_done. As
 * data_axes_compute.
 */
EP_NODISCARD enum ep_status data_axes_cache_get(struct data_axes_cache *cache, const struct data_split *split,
                                                const struct data_patience *patience, struct data_axes *axes,
                                                struct ep_error *error);

#endif
