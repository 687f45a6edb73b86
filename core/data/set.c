#include "core/data/set.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"

void data_info_fill(struct data_info *info, const struct data_entry *entry, const char *folder)
{
    *info = (struct data_info){
        .name = entry->name,
        .title = entry->title,
        .height = entry->height,
        .width = entry->width,
        .channels = entry->channels,
        .features = entry->height * entry->width * entry->channels,
        .classes = entry->classes,
        .class_names = entry->class_names,
        .train_count = entry->train_count,
        .test_count = entry->test_count,
        .source = entry->source,
        .remedy = entry->remedy,
    };
    snprintf(info->folder, sizeof info->folder, "%s", folder);
}

static bool allocate_part(struct data_part *part, size_t count, size_t features)
{
    part->count = count;
    part->pixels = ep_allocate(count, features);
    part->labels = ep_allocate(count, sizeof *part->labels);
    return part->pixels != NULL && part->labels != NULL;
}

enum ep_status data_set_create(const struct data_entry *entry, const char *folder, struct data_set **set,
                               struct ep_error *error)
{
    struct data_set *created = calloc(1, sizeof *created);
    bool whole = created != NULL;
    if (whole) {
        data_info_fill(&created->info, entry, folder);
        whole = allocate_part(&created->train, entry->train_count, created->info.features) &&
                allocate_part(&created->test, entry->test_count, created->info.features);
    }
    if (!whole) {
        data_set_destroy(created);
        return ep_fail(error, EP_NO_MEMORY, "there is not enough memory for the images of %s", entry->name);
    }
    *set = created;
    return EP_OK;
}

static void release_part(struct data_part *part)
{
    free(part->pixels);
    free(part->labels);
}

void data_set_destroy(struct data_set *set)
{
    if (set != NULL) {
        release_part(&set->train);
        release_part(&set->test);
        free(set);
    }
}

static void add_part(struct ep_sha256 *digest, const struct data_part *part, size_t features)
{
    ep_sha256_add(digest, part->pixels, part->count * features);
    ep_sha256_add(digest, part->labels, part->count);
}

enum ep_status data_set_seal(struct data_set *set, struct ep_error *error)
{
    struct ep_sha256 *digest = ep_sha256_create();
    if (digest == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "there is not enough memory for the digest of %s",
                       set->info.name);
    }
    add_part(digest, &set->train, set->info.features);
    add_part(digest, &set->test, set->info.features);
    ep_sha256_finish(digest, set->digest);
    set->info.available = true;
    return EP_OK;
}

enum ep_status data_labels_check(const uint8_t *labels, size_t count, size_t classes, const char *path,
                                 struct ep_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (labels[i] >= classes) {
            return ep_fail(error, EP_CORRUPT, "%s: label %u at image %zu; labels go from 0 to %zu", path,
                           labels[i], i, classes - 1);
        }
    }
    return EP_OK;
}
