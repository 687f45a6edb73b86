#include "tests/unit/data/synthetic.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static const char *const classes[] = {"a", "b", "c", "d"};

const struct data_entry synthetic_idx = {
    .name = "small-idx",
    .folder = "idx",
    .title = "Small: 17 grey images",
    .height = 3,
    .width = 2,
    .channels = 1,
    .classes = EP_COUNT(classes),
    .class_names = classes,
    .train_count = 12,
    .test_count = 5,
    .source = "this test",
    .remedy = "run this test",
    .reader = &data_idx_reader,
};

const struct data_entry synthetic_cifar10 = {
    .name = "small-cifar",
    .folder = "cifar",
    .title = "Small: 13 colour images",
    .height = 2,
    .width = 2,
    .channels = 3,
    .classes = EP_COUNT(classes),
    .class_names = classes,
    .train_count = 10,
    .test_count = 3,
    .source = "this test",
    .remedy = "run this test",
    .reader = &data_cifar10_reader,
};

const char *const synthetic_idx_names[SYNTHETIC_IDX_FILES] = {
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
};

const char *const synthetic_cifar10_names[SYNTHETIC_CIFAR10_FILES] = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
    "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin",
};

uint8_t synthetic_pixel(bool test, size_t image, size_t feature)
{
    return (uint8_t)(image * 31 + feature * 7 + (test ? 100 : 0));
}

uint8_t synthetic_label(bool test, size_t image)
{
    return (uint8_t)((image + (test ? 1 : 0)) % EP_COUNT(classes));
}

void bytes_append(struct bytes *bytes, const void *more, size_t count)
{
    bytes->data = realloc(bytes->data, bytes->count + count + 1);
    assert_non_null(bytes->data);
    memcpy(bytes->data + bytes->count, more, count);
    bytes->count += count;
}

static void append_byte(struct bytes *bytes, size_t value)
{
    const uint8_t byte = (uint8_t)value;
    bytes_append(bytes, &byte, 1);
}

static void append_image(struct bytes *bytes, bool test, size_t image, size_t features)
{
    for (size_t feature = 0; feature < features; feature++) {
        append_byte(bytes, synthetic_pixel(test, image, feature));
    }
}

struct bytes synthetic_idx_content(size_t file)
{
    const bool test = file >= 2;
    const bool images = file % 2 == 0;
    const size_t count = test ? synthetic_idx.test_count : synthetic_idx.train_count;
    const uint8_t header[] = {0, 0, 8, images ? 3 : 1, 0, 0, 0, (uint8_t)count, 0, 0, 0, 3, 0, 0, 0, 2};
    struct bytes bytes = {0};
    bytes_append(&bytes, header, images ? 16 : 8);
    for (size_t image = 0; image < count; image++) {
        if (images) {
            append_image(&bytes, test, image, 6);
        } else {
            append_byte(&bytes, synthetic_label(test, image));
        }
    }
    return bytes;
}

struct bytes synthetic_cifar10_content(size_t file)
{
    const bool test = file == SYNTHETIC_CIFAR10_FILES - 1;
    const size_t count = test ? 3 : 2;
    const size_t first = test ? 0 : 2 * file;
    struct bytes bytes = {0};
    for (size_t image = first; image < first + count; image++) {
        append_byte(&bytes, synthetic_label(test, image));
        append_image(&bytes, test, image, 12);
    }
    return bytes;
}

struct bytes bytes_packed(const struct bytes *bytes)
{
    struct bytes packed = {.data = calloc(1, bytes->count + 1024)};
    assert_non_null(packed.data);
    z_stream zlib = {
        .next_in = bytes->data,
        .avail_in = (unsigned)bytes->count,
        .next_out = packed.data,
        .avail_out = (unsigned)bytes->count + 1024,
    };
    assert_int_equal(deflateInit2(&zlib, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    packed.count = zlib.total_out;
    deflateEnd(&zlib);
    return packed;
}

void file_write(const char *folder, const char *name, const struct bytes *bytes)
{
    char path[2 * SYNTHETIC_PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->data, 1, bytes->count, file), bytes->count);
    assert_int_equal(fclose(file), 0);
}

void synthetic_write_idx(const char *folder, bool packed)
{
    for (size_t file = 0; file < SYNTHETIC_IDX_FILES; file++) {
        struct bytes content = synthetic_idx_content(file);
        if (packed) {
            char name[SYNTHETIC_PATH];
            snprintf(name, sizeof name, "%s.gz", synthetic_idx_names[file]);
            struct bytes raw = bytes_packed(&content);
            file_write(folder, name, &raw);
            free(raw.data);
        } else {
            file_write(folder, synthetic_idx_names[file], &content);
        }
        free(content.data);
    }
}

void synthetic_write_cifar10(const char *folder)
{
    for (size_t file = 0; file < SYNTHETIC_CIFAR10_FILES; file++) {
        struct bytes content = synthetic_cifar10_content(file);
        file_write(folder, synthetic_cifar10_names[file], &content);
        free(content.data);
    }
}

void folder_create(char path[SYNTHETIC_PATH])
{
    const char *parent = getenv("TMPDIR");
    snprintf(path, SYNTHETIC_PATH, "%s/epochd-data-XXXXXX", parent != NULL ? parent : P_tmpdir);
    assert_non_null(mkdtemp(path));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void folder_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void folder_add(const char *folder, const char *name, char path[SYNTHETIC_PATH])
{
    const int needed = snprintf(path, SYNTHETIC_PATH, "%s/%s", folder, name);
    assert_in_range(needed, 1, SYNTHETIC_PATH - 1);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void assert_part_loaded(const struct data_part *part, bool test, size_t count, size_t features)
{
    assert_int_equal(part->count, count);
    for (size_t image = 0; image < count; image++) {
        assert_int_equal(part->labels[image], synthetic_label(test, image));
        for (size_t feature = 0; feature < features; feature++) {
            assert_int_equal(part->pixels[image * features + feature], synthetic_pixel(test, image, feature));
        }
    }
}

void synthetic_assert_loaded(const struct data_set *set, const struct data_entry *entry)
{
    const size_t features = entry->height * entry->width * entry->channels;
    assert_int_equal(set->info.features, features);
    assert_part_loaded(&set->train, false, entry->train_count, features);
    assert_part_loaded(&set->test, true, entry->test_count, features);
}

void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}
