#ifndef EP_TESTS_DOTS_H
#define EP_TESTS_DOTS_H

#include "core/data/catalogue.h"

/** A small dataset without files that a network of any depth learns at once, and one that is not there. */

enum {
    DOTS_SIDE = 4,
    DOTS_FEATURES = DOTS_SIDE * DOTS_SIDE,
    DOTS_CLASSES = 4,
    DOTS_TRAIN = 600,
    DOTS_TEST = 100
};

static inline void dots_fill(struct data_part *part, unsigned salt)
{
    unsigned noise = salt;
    for (size_t i = 0; i < part->count; i++) {
        part->labels[i] = (uint8_t)(i * 7 % 13 % DOTS_CLASSES);
        for (size_t f = 0; f < DOTS_FEATURES; f++) {
            noise = noise * 1664525U + 1013904223U;
            part->pixels[i * DOTS_FEATURES + f] =
                (uint8_t)((f % DOTS_CLASSES == part->labels[i] ? 128 : 0) + (noise >> 25));
        }
    }
}

static inline enum ep_status dots_inspect(const struct data_entry *entry, const char *folder,
                                          struct ep_error *error)
{
    (void)folder;
    return entry->train_count == DOTS_TRAIN ? EP_OK
                                            : ep_fail(error, EP_UNAVAILABLE, "%s is not here", entry->name);
}

static inline enum ep_status dots_load(const struct data_entry *entry, const char *folder,
                                       struct data_set *set, struct ep_error *error)
{
    const enum ep_status status = dots_inspect(entry, folder, error);
    if (status == EP_OK) {
        dots_fill(&set->train, 1);
        dots_fill(&set->test, 2);
    }
    return status;
}

static const struct data_reader dots_reader = {.inspect = dots_inspect, .load = dots_load};
static const char *const dots_classes[] = {"north", "east", "south", "west"};

#define DOTS_ENTRY(its_name, its_train_count)                                                                \
    {                                                                                                        \
        .name = (its_name), .folder = (its_name), .title = "Dots", .height = DOTS_SIDE, .width = DOTS_SIDE,  \
        .channels = 1, .classes = DOTS_CLASSES, .class_names = dots_classes,                                 \
        .train_count = (its_train_count), .test_count = DOTS_TEST, .source = "a test",                       \
        .remedy = "there is none", .reader = &dots_reader,                                                   \
    }

static const struct data_entry dots_entries[] = {DOTS_ENTRY("dots", DOTS_TRAIN),
                                                 DOTS_ENTRY("lost", DOTS_TRAIN + 1)};

static const struct data_catalogue dots_catalogue = {.entries = dots_entries, .count = 2};

#endif
