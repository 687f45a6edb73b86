#include <stdint.h>
#include <string.h>

#include "core/data/catalogue.h"
#include "core/data/set.h"
#include "core/data/stream.h"

/*
 * The IDX format (LeCun, Cortes and Burges: The MNIST database of handwritten digits): two zero bytes, the
 * type of the numbers (8: unsigned bytes), the number of dimensions, each dimension as a big-endian 32-bit
 * number, and then the numbers.
 */

enum { MARK_SIZE = 4, DIMENSION_SIZE = 4, UNSIGNED_BYTES = 8, IMAGE_RANK = 3, LABEL_RANK = 1 };

/* What one of the four files must hold. */
struct idx_file {
    const char *name; /* without .gz */
    const char *noun; /* what the first dimension counts */
    size_t rank;
    size_t dimensions[IMAGE_RANK];
};

static struct idx_file image_file(const struct data_entry *entry, const char *name, size_t count)
{
    return (struct idx_file){.name = name,
                             .noun = "images",
                             .rank = IMAGE_RANK,
                             .dimensions = {count, entry->height, entry->width}};
}

static struct idx_file label_file(const char *name, size_t count)
{
    return (struct idx_file){.name = name, .noun = "labels", .rank = LABEL_RANK, .dimensions = {count}};
}

static size_t header_size(const struct idx_file *file)
{
    return MARK_SIZE + file->rank * DIMENSION_SIZE;
}

static size_t numbers_in(const struct idx_file *file)
{
    size_t numbers = 1;
    for (size_t i = 0; i < file->rank; i++) {
        numbers *= file->dimensions[i];
    }
    return numbers;
}

/* Opens the packed file, or the plain one if that is the only one. */
static enum ep_status open_either(const struct idx_file *file, const char *folder,
                                  struct data_stream **stream, struct ep_error *error)
{
    const size_t length = header_size(file) + numbers_in(file);
    const enum ep_status packed = data_stream_open(folder, file->name, true, length, stream, error);
    if (packed != EP_UNAVAILABLE) {
        return packed;
    }
    struct ep_error other = {0};
    const enum ep_status plain = data_stream_open(folder, file->name, false, length, stream, &other);
    if (plain == EP_UNAVAILABLE) {
        return packed;
    }
    return plain == EP_OK ? EP_OK : ep_fail(error, plain, "%s", other.text);
}

static enum ep_status check_mark(const struct idx_file *file, const uint8_t mark[MARK_SIZE], const char *path,
                                 struct ep_error *error)
{
    const uint8_t expected[MARK_SIZE] = {0, 0, UNSIGNED_BYTES, (uint8_t)file->rank};
    if (memcmp(mark, expected, MARK_SIZE) == 0) {
        return EP_OK;
    }
    return ep_fail(error, EP_CORRUPT,
                   "%s starts with the bytes %02x %02x %02x %02x; an IDX file of %s starts with "
                   "%02x %02x %02x %02x",
                   path, mark[0], mark[1], mark[2], mark[3], file->noun, expected[0], expected[1],
                   expected[2], expected[3]);
}

static enum ep_status check_dimensions(const struct idx_file *file, const size_t found[IMAGE_RANK],
                                       const char *path, struct ep_error *error)
{
    const size_t *expected = file->dimensions;
    if (found[0] != expected[0]) {
        char holds[DATA_DIGITS_MAX];
        char wanted[DATA_DIGITS_MAX];
        return ep_fail(error, EP_CORRUPT, "%s says that it holds %s %s; %s are expected", path,
                       data_digits(found[0], holds), file->noun, data_digits(expected[0], wanted));
    }
    if (file->rank == IMAGE_RANK && (found[1] != expected[1] || found[2] != expected[2])) {
        return ep_fail(error, EP_CORRUPT,
                       "%s says that its images are %zu × %zu pixels; %zu × %zu are expected", path, found[1],
                       found[2], expected[1], expected[2]);
    }
    return EP_OK;
}

static enum ep_status read_header(const struct idx_file *file, struct data_stream *stream,
                                  struct ep_error *error)
{
    uint8_t header[MARK_SIZE + IMAGE_RANK * DIMENSION_SIZE] = {0};
    enum ep_status status = data_stream_read(stream, header, MARK_SIZE, error);
    if (status == EP_OK) {
        status = check_mark(file, header, data_stream_path(stream), error);
    }
    if (status == EP_OK) {
        status = data_stream_read(stream, header + MARK_SIZE, file->rank * DIMENSION_SIZE, error);
    }
    if (status != EP_OK) {
        return status;
    }
    size_t found[IMAGE_RANK] = {0};
    for (size_t i = 0; i < file->rank; i++) {
        const uint8_t *bytes = header + MARK_SIZE + i * DIMENSION_SIZE;
        found[i] = (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | (size_t)bytes[3];
    }
    return check_dimensions(file, found, data_stream_path(stream), error);
}

/* Opens a file whose header is right; the numbers come next. */
static enum ep_status open_checked(const struct idx_file *file, const char *folder,
                                   struct data_stream **stream, struct ep_error *error)
{
    struct data_stream *opened = NULL;
    enum ep_status status = open_either(file, folder, &opened, error);
    if (status == EP_OK) {
        status = read_header(file, opened, error);
    }
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

static enum ep_status inspect_file(const struct idx_file *file, const char *folder, struct ep_error *error)
{
    struct data_stream *stream = NULL;
    const enum ep_status status = open_checked(file, folder, &stream, error);
    data_stream_close(stream);
    return status;
}

/* Reads all numbers; their upper bound is checked by the caller, through `classes`, where they are labels. */
static enum ep_status load_file(const struct idx_file *file, const char *folder, size_t classes,
                                uint8_t *numbers, struct ep_error *error)
{
    struct data_stream *stream = NULL;
    enum ep_status status = open_checked(file, folder, &stream, error);
    if (status == EP_OK) {
        status = data_stream_read(stream, numbers, numbers_in(file), error);
    }
    if (status == EP_OK) {
        status = data_stream_finish(stream, error);
    }
    if (status == EP_OK && file->rank == LABEL_RANK) {
        status = data_labels_check(numbers, numbers_in(file), classes, data_stream_path(stream), error);
    }
    data_stream_close(stream);
    return status;
}

enum { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS, FILES };

static void list_files(const struct data_entry *entry, struct idx_file files[FILES])
{
    files[TRAIN_IMAGES] = image_file(entry, "train-images-idx3-ubyte", entry->train_count);
    files[TRAIN_LABELS] = label_file("train-labels-idx1-ubyte", entry->train_count);
    files[TEST_IMAGES] = image_file(entry, "t10k-images-idx3-ubyte", entry->test_count);
    files[TEST_LABELS] = label_file("t10k-labels-idx1-ubyte", entry->test_count);
}

static enum ep_status inspect(const struct data_entry *entry, const char *folder, struct ep_error *error)
{
    struct idx_file files[FILES];
    list_files(entry, files);
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < FILES && status == EP_OK; i++) {
        status = inspect_file(&files[i], folder, error);
    }
    return status;
}

static enum ep_status load(const struct data_entry *entry, const char *folder, struct data_set *set,
                           struct ep_error *error)
{
    struct idx_file files[FILES];
    list_files(entry, files);
    uint8_t *const numbers[FILES] = {
        [TRAIN_IMAGES] = set->train.pixels,
        [TRAIN_LABELS] = set->train.labels,
        [TEST_IMAGES] = set->test.pixels,
        [TEST_LABELS] = set->test.labels,
    };
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < FILES && status == EP_OK; i++) {
        status = load_file(&files[i], folder, entry->classes, numbers[i], error);
    }
    return status;
}

const struct data_reader data_idx_reader = {.inspect = inspect, .load = load};
