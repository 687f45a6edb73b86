#include "core/data/registry.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/data/catalogue.h"
#include "core/data/set.h"

static const char packages_folder[] = "/usr/share/datasets";

enum { PLACES = 2, PLACE_MAX = DATA_PATH_MAX - DATA_SUB_FOLDER_MAX };

enum slot_state { SLOT_EMPTY, SLOT_LOADING, SLOT_LOADED };

/* What the registry holds of one dataset of the catalogue. */
struct slot {
    enum slot_state state;
    uint64_t attempts;       /* loads begun so far */
    struct data_set *set;    /* when loaded */
    struct ep_error failure; /* of the last load that failed */
};

struct data_registry {
    const struct data_catalogue *catalogue;
    size_t places;
    char place[PLACES][PLACE_MAX]; /* (places) where sub-folders are looked for, in this order */
    pthread_mutex_t mutex;         /* guards the slots; never held while files are read */
    pthread_cond_t changed;        /* a slot has left SLOT_LOADING */
    struct slot *slots;            /* (catalogue->count) */
};

/* Writes the folder of `entry` in `place`. */
static void join(char folder[DATA_PATH_MAX], const char *place, const struct data_entry *entry)
{
    snprintf(folder, DATA_PATH_MAX, "%s/%.*s", place, DATA_SUB_FOLDER_MAX - 1, entry->folder);
}

static enum ep_status add_place(struct data_registry *registry, const char *path, struct ep_error *error)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    char *place = registry->place[registry->places];
    if (length >= sizeof registry->place[0]) {
        return ep_fail(error, EP_TOO_LARGE, "the path of the data folder is too long: %s", path);
    }
    memcpy(place, path, length);
    place[length] = '\0';
    if (registry->places == 0 || strcmp(place, registry->place[0]) != 0) {
        registry->places++;
    }
    return EP_OK;
}

enum ep_status data_registry_create_from(const struct data_catalogue *catalogue, const char *folder,
                                         const char *fallback, struct data_registry **registry,
                                         struct ep_error *error)
{
    struct data_registry *created = calloc(1, sizeof *created);
    struct slot *slots = calloc(catalogue->count, sizeof *slots);
    if (created == NULL || slots == NULL) {
        free(created);
        free(slots);
        return ep_fail(error, EP_NO_MEMORY, "there is not enough memory for the list of datasets");
    }
    created->catalogue = catalogue;
    created->slots = slots;
    pthread_mutex_init(&created->mutex, NULL);
    pthread_cond_init(&created->changed, NULL);
    enum ep_status status = add_place(created, folder, error);
    if (status == EP_OK) {
        status = add_place(created, fallback, error);
    }
    if (status != EP_OK) {
        data_registry_destroy(created);
        return status;
    }
    *registry = created;
    return EP_OK;
}

enum ep_status data_registry_create(const char *folder, struct data_registry **registry,
                                    struct ep_error *error)
{
    return data_registry_create_from(&data_catalogue, folder, packages_folder, registry, error);
}

void data_registry_destroy(struct data_registry *registry)
{
    if (registry == NULL) {
        return;
    }
    for (size_t i = 0; i < registry->catalogue->count; i++) {
        data_set_destroy(registry->slots[i].set);
    }
    pthread_cond_destroy(&registry->changed);
    pthread_mutex_destroy(&registry->mutex);
    free(registry->slots);
    free(registry);
}

size_t data_registry_count(const struct data_registry *registry)
{
    return registry->catalogue->count;
}

/*
 * Writes the folder of `entry`: in the first place that has one, whatever its state, so that a faulty copy is
 * reported and not passed over. When none has one, `folder` is that of the first place.
 */
static enum ep_status find_folder(const struct data_registry *registry, const struct data_entry *entry,
                                  char folder[DATA_PATH_MAX], struct ep_error *error)
{
    for (size_t i = 0; i < registry->places; i++) {
        join(folder, registry->place[i], entry);
        struct stat status;
        if (stat(folder, &status) == 0) {
            const bool folder_found = S_ISDIR(status.st_mode);
            return folder_found ? EP_OK : ep_fail(error, EP_UNAVAILABLE, "%s is not a folder", folder);
        }
        if (errno != ENOENT && errno != ENOTDIR) {
            return ep_fail_errno(error, EP_IO, errno, "%s cannot be examined", folder);
        }
    }
    join(folder, registry->place[0], entry);
    if (registry->places == 1) {
        return ep_fail(error, EP_UNAVAILABLE, "there is no folder %s", folder);
    }
    return ep_fail(error, EP_UNAVAILABLE, "there is no folder %s in %s or %s", entry->folder,
                   registry->place[0], registry->place[1]);
}

/* Finds the files of `entry` and looks at them as cheaply as its reader can. */
static enum ep_status locate(const struct data_registry *registry, const struct data_entry *entry,
                             char folder[DATA_PATH_MAX], struct ep_error *error)
{
    const enum ep_status status = find_folder(registry, entry, folder, error);
    return status == EP_OK ? entry->reader->inspect(entry, folder, error) : status;
}

void data_registry_describe_at(const struct data_registry *registry, size_t index, struct data_info *info)
{
    const struct data_entry *entry = &registry->catalogue->entries[index];
    char folder[DATA_PATH_MAX];
    struct ep_error error = {0};
    const enum ep_status status = locate(registry, entry, folder, &error);
    data_info_fill(info, entry, folder);
    info->available = status == EP_OK;
    if (!info->available) {
        snprintf(info->fault, sizeof info->fault, "%s", error.text);
    }
}

/* Writes the names of all known datasets, as "a, b, c". */
static void list_names(const struct data_catalogue *catalogue, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < catalogue->count && used < size; i++) {
        const int added =
            snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "", catalogue->entries[i].name);
        used += added > 0 ? (size_t)added : 0;
    }
}

static enum ep_status find_entry(const struct data_registry *registry, const char *name, size_t *index,
                                 struct ep_error *error)
{
    const struct data_catalogue *catalogue = registry->catalogue;
    for (size_t i = 0; i < catalogue->count; i++) {
        if (strcmp(catalogue->entries[i].name, name) == 0) {
            *index = i;
            return EP_OK;
        }
    }
    char names[256];
    list_names(catalogue, names, sizeof names);
    return ep_fail(error, EP_NOT_FOUND, "there is no dataset \"%.64s\"; the known ones are %s", name, names);
}

enum ep_status data_registry_describe(const struct data_registry *registry, const char *name,
                                      struct data_info *info, struct ep_error *error)
{
    size_t index = 0;
    const enum ep_status status = find_entry(registry, name, &index, error);
    if (status == EP_OK) {
        data_registry_describe_at(registry, index, info);
    }
    return status;
}

static enum ep_status load(const struct data_registry *registry, const struct data_entry *entry,
                           struct data_set **set, struct ep_error *error)
{
    char folder[DATA_PATH_MAX];
    enum ep_status status = locate(registry, entry, folder, error);
    if (status == EP_UNAVAILABLE) {
        char reason[sizeof error->text];
        snprintf(reason, sizeof reason, "%s", error->text);
        return ep_fail(error, status, "%s; to get the dataset: %s", reason, entry->remedy);
    }
    struct data_set *loaded = NULL;
    if (status == EP_OK) {
        status = data_set_create(entry, folder, &loaded, error);
    }
    if (status == EP_OK) {
        status = entry->reader->load(entry, folder, loaded, error);
    }
    if (status == EP_OK) {
        status = data_set_seal(loaded, error);
    }
    if (status != EP_OK) {
        data_set_destroy(loaded);
        return status;
    }
    *set = loaded;
    return EP_OK;
}

/* Loads into an empty slot. The mutex is held at entry and at return, but not in between. */
static void fill_slot(struct data_registry *registry, struct slot *slot, const struct data_entry *entry)
{
    slot->state = SLOT_LOADING;
    slot->attempts++;
    pthread_mutex_unlock(&registry->mutex);

    struct data_set *set = NULL;
    struct ep_error failure = {0};
    const enum ep_status status = load(registry, entry, &set, &failure);

    pthread_mutex_lock(&registry->mutex);
    slot->set = set;
    slot->state = status == EP_OK ? SLOT_LOADED : SLOT_EMPTY;
    slot->failure = failure;
    pthread_cond_broadcast(&registry->changed);
}

/* Waits for the load that is under way, and not for any that starts after it. The mutex is held. */
static void await_slot(struct data_registry *registry, const struct slot *slot)
{
    const uint64_t attempt = slot->attempts;
    while (slot->state == SLOT_LOADING && slot->attempts == attempt) {
        pthread_cond_wait(&registry->changed, &registry->mutex);
    }
}

enum ep_status data_registry_open(struct data_registry *registry, const char *name,
                                  const struct data_set **set, struct ep_error *error)
{
    size_t index = 0;
    enum ep_status status = find_entry(registry, name, &index, error);
    if (status != EP_OK) {
        return status;
    }
    struct slot *slot = &registry->slots[index];
    pthread_mutex_lock(&registry->mutex);
    if (slot->state == SLOT_EMPTY) {
        fill_slot(registry, slot, &registry->catalogue->entries[index]);
    } else {
        await_slot(registry, slot);
    }
    if (slot->set != NULL) {
        *set = slot->set;
    } else {
        status = ep_fail(error, slot->failure.status, "%s", slot->failure.text);
    }
    pthread_mutex_unlock(&registry->mutex);
    return status;
}
