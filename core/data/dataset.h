#ifndef EP_DATA_DATASET_H
#define EP_DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/sha256.h"

/** Labelled images, held once as bytes for everybody who trains on them. */

enum { DATA_CLASSES_MAX = 256, DATA_PATH_MAX = 512 };

/** What is known of a dataset without reading its images. */
struct data_info {
    const char *name;  /**< "cifar-10" */
    const char *title; /**< "CIFAR-10: 60 000 colour images of 32 × 32 pixels in 10 classes" */
    size_t height, width, channels;
    size_t
        features; /**< numbers in an image: height × width × channels, channel planes one after the other */
    size_t classes;
    const char *const *class_names; /**< (classes) */
    size_t train_count, test_count;
    const char *source;         /**< who made it, and where it is described */
    const char *remedy;         /**< how to get it, for a user of Debian */
    bool available;             /**< its files are there and have the right sizes or headers */
    char folder[DATA_PATH_MAX]; /**< where it is, or was looked for first */
    char fault[512];            /**< why it is not available; "" when it is */
};

/** Images of one part: pixels (count, features) as bytes, labels (count) below the number of classes. */
struct data_part {
    size_t count;
    uint8_t *pixels;
    uint8_t *labels;
};

/** A dataset in memory; const once loaded, so any number of threads may read it. */
struct data_set {
    struct data_info info;
    struct data_part train, test;
    char digest[EP_SHA256_TEXT]; /**< SHA-256 of training pixels, labels, test pixels, labels */
};

#endif
