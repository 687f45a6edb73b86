#ifndef EP_DATA_SET_H
#define EP_DATA_SET_H

#include "core/data/catalogue.h"
#include "core/data/dataset.h"

/** Inside core/data only: the life of a dataset in memory. */

/** Writes what `entry` says into `info`, as not available and found in `folder`, which is cut to fit. */
void data_info_fill(struct data_info *info, const struct data_entry *entry, const char *folder);

/** Room for the images that `entry` expects; the digest is still empty. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status data_set_create(const struct data_entry *entry, const char *folder,
                                            struct data_set **set, struct ep_error *error);

/** Releases the set; NULL is fine. */
void data_set_destroy(struct data_set *set);

/** Computes the digest of all that was loaded and marks the set as available. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status data_set_seal(struct data_set *set, struct ep_error *error);

/**
 * Whether all labels (count) of `path` are below `classes`; EP_CORRUPT, naming the first that is not,
 * otherwise.
 */
EP_NODISCARD enum ep_status data_labels_check(const uint8_t *labels, size_t count, size_t classes,
                                              const char *path, struct ep_error *error);

#endif
