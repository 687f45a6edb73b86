#include <stdint.h>
#include <string.h>

#include "core/base/macros.h"
#include "core/data/catalogue.h"
#include "core/data/set.h"
#include "core/data/stream.h"

/*
 * The binary version of CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html): files of records without a
 * header, a record being one label byte and the pixels, channel by channel, row by row.
 */

static const char *const train_files[] = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
};
static const char test_file[] = "test_batch.bin";

static size_t features_of(const struct data_entry *entry)
{
    return entry->height * entry->width * entry->channels;
}

static size_t images_per_train_file(const struct data_entry *entry)
{
    return entry->train_count / EP_COUNT(train_files);
}

/* Opens a file of the length that `count` records have. */
static enum ep_status open_checked(const struct data_entry *entry, const char *folder, const char *name,
                                   size_t count, struct data_stream **stream, struct ep_error *error)
{
    struct data_stream *opened = NULL;
    enum ep_status status =
        data_stream_open(folder, name, false, count * (1 + features_of(entry)), &opened, error);
    if (status == EP_OK) {
        status = data_stream_check_length(opened, error);
    }
    if (status != EP_OK) {
        data_stream_close(opened);
        return status;
    }
    *stream = opened;
    return EP_OK;
}

static enum ep_status inspect_file(const struct data_entry *entry, const char *folder, const char *name,
                                   size_t count, struct ep_error *error)
{
    struct data_stream *stream = NULL;
    const enum ep_status status = open_checked(entry, folder, name, count, &stream, error);
    data_stream_close(stream);
    return status;
}

static enum ep_status read_records(struct data_stream *stream, size_t features, const struct data_part *part,
                                   struct ep_error *error)
{
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < part->count && status == EP_OK; i++) {
        status = data_stream_read(stream, &part->labels[i], 1, error);
        if (status == EP_OK) {
            status = data_stream_read(stream, part->pixels + i * features, features, error);
        }
    }
    return status;
}

/* Fills `part`, which is the piece of the training or test part that this file holds. */
static enum ep_status load_file(const struct data_entry *entry, const char *folder, const char *name,
                                const struct data_part *part, struct ep_error *error)
{
    struct data_stream *stream = NULL;
    enum ep_status status = open_checked(entry, folder, name, part->count, &stream, error);
    if (status == EP_OK) {
        status = read_records(stream, features_of(entry), part, error);
    }
    if (status == EP_OK) {
        status = data_stream_finish(stream, error);
    }
    if (status == EP_OK) {
        status =
            data_labels_check(part->labels, part->count, entry->classes, data_stream_path(stream), error);
    }
    data_stream_close(stream);
    return status;
}

static enum ep_status inspect(const struct data_entry *entry, const char *folder, struct ep_error *error)
{
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < EP_COUNT(train_files) && status == EP_OK; i++) {
        status = inspect_file(entry, folder, train_files[i], images_per_train_file(entry), error);
    }
    if (status == EP_OK) {
        status = inspect_file(entry, folder, test_file, entry->test_count, error);
    }
    return status;
}

static enum ep_status load(const struct data_entry *entry, const char *folder, struct data_set *set,
                           struct ep_error *error)
{
    const size_t count = images_per_train_file(entry);
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < EP_COUNT(train_files) && status == EP_OK; i++) {
        const struct data_part piece = {
            .count = count,
            .pixels = set->train.pixels + i * count * features_of(entry),
            .labels = set->train.labels + i * count,
        };
        status = load_file(entry, folder, train_files[i], &piece, error);
    }
    if (status == EP_OK) {
        status = load_file(entry, folder, test_file, &set->test, error);
    }
    return status;
}

const struct data_reader data_cifar10_reader = {.inspect = inspect, .load = load};
