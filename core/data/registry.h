#ifndef EP_DATA_REGISTRY_H
#define EP_DATA_REGISTRY_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/data/dataset.h"

/**
 * The datasets that this server knows by name, and those of them that it has loaded. Thread-safe.
 *
 * A dataset is looked for in the data folder first and then in Debian's place for such packages,
 * /usr/share/datasets: NAME's own sub-folder is "fashion-mnist" or "cifar-10-batches-bin".
 */
struct data_registry;

/** `folder` need not exist. EP_NO_MEMORY; EP_TOO_LARGE when its path leaves no room in DATA_PATH_MAX. */
EP_NODISCARD enum ep_status data_registry_create(const char *folder, struct data_registry **registry,
                                                 struct ep_error *error);

/** Releases the registry and all loaded datasets; nobody may use them any more. NULL is fine. */
void data_registry_destroy(struct data_registry *registry);

/** Number of known datasets, available or not. */
size_t data_registry_count(const struct data_registry *registry);

/** Describes the dataset of rank `index` (< count), looking at its files afresh but reading no images. */
void data_registry_describe_at(const struct data_registry *registry, size_t index, struct data_info *info);

/** The same by name; EP_NOT_FOUND, with the known names in the text, when there is none of that name. */
EP_NODISCARD enum ep_status data_registry_describe(const struct data_registry *registry, const char *name,
                                                   struct data_info *info, struct ep_error *error);

/**
 * The dataset in memory, loading it at the first call (once, even if many ask at the same time); it stays
 * loaded and is valid as long as the registry. EP_NOT_FOUND: no such name; EP_UNAVAILABLE: its files are not
 * there; EP_CORRUPT: a file is truncated, over-long or has wrong numbers (the text names it); EP_IO;
 * EP_NO_MEMORY. A failed load is tried again at the next call.
 */
EP_NODISCARD enum ep_status data_registry_open(struct data_registry *registry, const char *name,
                                               const struct data_set **set, struct ep_error *error);

#endif
