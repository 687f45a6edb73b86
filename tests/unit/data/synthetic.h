#ifndef EP_TESTS_DATA_SYNTHETIC_H
#define EP_TESTS_DATA_SYNTHETIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/data/catalogue.h"

/** Small datasets with known content, and files that hold them. Everything here fails the test on error. */

enum { SYNTHETIC_PATH = 256 };

/** Bytes that grow and shrink in a test; release with free(bytes.data). */
struct bytes {
    uint8_t *data;
    size_t count;
};

/** The same as the real ones, but with 12 + 5 images of 3 × 2 × 1, and 10 + 3 of 2 × 2 × 3, in 4 classes. */
extern const struct data_entry synthetic_idx;
extern const struct data_entry synthetic_cifar10;

/** The four IDX files, without .gz, and the six of CIFAR-10. */
enum { SYNTHETIC_IDX_FILES = 4, SYNTHETIC_CIFAR10_FILES = 6 };
extern const char *const synthetic_idx_names[SYNTHETIC_IDX_FILES];
extern const char *const synthetic_cifar10_names[SYNTHETIC_CIFAR10_FILES];

/** What pixel `feature` and the label of image `image` are in the training or test part. */
uint8_t synthetic_pixel(bool test, size_t image, size_t feature);
uint8_t synthetic_label(bool test, size_t image);

/** The whole (unpacked) content of a file. */
struct bytes synthetic_idx_content(size_t file);
struct bytes synthetic_cifar10_content(size_t file);

/** Writes all files of a dataset into `folder`. */
void synthetic_write_idx(const char *folder, bool packed);
void synthetic_write_cifar10(const char *folder);

/** `bytes` as one gzip member. */
struct bytes bytes_packed(const struct bytes *bytes);

/** Appends `count` bytes. */
void bytes_append(struct bytes *bytes, const void *more, size_t count);

/** Writes FOLDER/NAME, replacing what was there. */
void file_write(const char *folder, const char *name, const struct bytes *bytes);

/** A new empty folder; remove it with everything in it by folder_remove. */
void folder_create(char path[SYNTHETIC_PATH]);
void folder_remove(const char *path);

/** Makes FOLDER/NAME and writes its path. */
void folder_add(const char *folder, const char *name, char path[SYNTHETIC_PATH]);

/** Fails unless `set` holds exactly the images of `entry`. */
void synthetic_assert_loaded(const struct data_set *set, const struct data_entry *entry);

/** Fails, showing both, unless `part` occurs in `text`. */
void assert_contains(const char *text, const char *part);

#endif
