#ifndef EP_DATA_CATALOGUE_H
#define EP_DATA_CATALOGUE_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/data/dataset.h"
#include "core/data/registry.h"

/** Inside core/data only. A new dataset is a row in catalogue.c and, for a new file format, a reader. */

enum { DATA_SUB_FOLDER_MAX = 64 };

struct data_entry;

/** How to read a file format. Functions are called from any thread, without a lock held. */
struct data_reader {
    /**
     * Cheaply looks whether the files in `folder` are what `entry` says: they exist and have the right sizes
     * or headers. EP_UNAVAILABLE: one is missing; EP_CORRUPT; EP_IO; EP_NO_MEMORY.
     */
    enum ep_status (*inspect)(const struct data_entry *entry, const char *folder, struct ep_error *error);
    /**
     * Fills the parts of `set`, which have room for exactly the images that `entry` expects, and checks every
     * byte that can be wrong. Same statuses.
     */
    enum ep_status (*load)(const struct data_entry *entry, const char *folder, struct data_set *set,
                           struct ep_error *error);
};

/** What the server knows of a dataset before it looks at any file. */
struct data_entry {
    const char *name;
    const char *folder; /**< its sub-folder of the data folder, below DATA_SUB_FOLDER_MAX bytes */
    const char *title;
    size_t height, width, channels;
    size_t classes; /**< at most DATA_CLASSES_MAX */
    const char *const *class_names;
    size_t train_count, test_count;
    const char *source;
    const char *remedy;
    const struct data_reader *reader;
};

struct data_catalogue {
    const struct data_entry *entries; /**< (count) */
    size_t count;
};

/** The known datasets. */
extern const struct data_catalogue data_catalogue;

/** IDX files as of MNIST, gzip-compressed or plain: one channel. */
extern const struct data_reader data_idx_reader;

/** The binary version of CIFAR-10. */
extern const struct data_reader data_cifar10_reader;

/** As data_registry_create, for another catalogue (borrowed) and another second place to look at. */
EP_NODISCARD enum ep_status data_registry_create_from(const struct data_catalogue *catalogue,
                                                      const char *folder, const char *fallback,
                                                      struct data_registry **registry,
                                                      struct ep_error *error);

#endif
