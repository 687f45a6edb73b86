#include "core/data/axes_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/sha256.h"

enum { KEY_LENGTH = 32, PATH_LENGTH = DATA_PATH_MAX + 64 };

static const char suffix[] = ".axes";
static const char magic[8] = "epaxes1";

struct data_axes_cache {
    char folder[DATA_PATH_MAX]; /* "" : nothing is kept */
    pthread_mutex_t lock;       /* held while axes are computed */
};

/* Start of a file; moments, rows and a digest of all that come behind it. */
struct header {
    char magic[8];
    uint64_t features;
};

enum ep_status data_axes_cache_create(const char *state_folder, struct data_axes_cache **cache,
                                      struct ep_error *error)
{
    struct data_axes_cache *made = calloc(1, sizeof *made);
    if (made == NULL || pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return ep_fail(error, EP_NO_MEMORY, "no memory for the cache of principal axes");
    }
    const int length =
        state_folder == NULL ? 0 : snprintf(made->folder, sizeof made->folder, "%s/axes", state_folder);
    if (length < 0 || (size_t)length >= sizeof made->folder) {
        data_axes_cache_destroy(made);
        return ep_fail(error, EP_TOO_LARGE, "the path of the state folder is too long: %s", state_folder);
    }
    *cache = made;
    return EP_OK;
}

void data_axes_cache_destroy(struct data_axes_cache *cache)
{
    if (cache != NULL) {
        pthread_mutex_destroy(&cache->lock);
        free(cache);
    }
}

/* The file that holds the axes of a split; false when memory is short. */
static bool path_of(const struct data_axes_cache *cache, const struct data_split *split,
                    char path[PATH_LENGTH])
{
    char text[EP_SHA256_TEXT];
    struct ep_sha256 *key = ep_sha256_create();
    if (key == NULL) {
        return false;
    }
    char what[160];
    snprintf(what, sizeof what, "%s %zu %d", data_split_digest(split), data_split_count(split, DATA_TRAIN),
             (int)data_split_normalisation(split));
    ep_sha256_add(key, what, strlen(what));
    ep_sha256_finish(key, text);
    snprintf(path, PATH_LENGTH, "%s/%.*s%s", cache->folder, KEY_LENGTH, text, suffix);
    return true;
}

static bool digest_of(const struct data_axes *axes, char text[EP_SHA256_TEXT])
{
    struct ep_sha256 *digest = ep_sha256_create();
    if (digest == NULL) {
        return false;
    }
    ep_sha256_add(digest, axes->moments, axes->features * sizeof *axes->moments);
    ep_sha256_add(digest, axes->rows, axes->features * axes->features * sizeof *axes->rows);
    ep_sha256_finish(digest, text);
    return true;
}

static bool read_body(FILE *file, struct data_axes *axes)
{
    const size_t n = axes->features;
    char stored[EP_SHA256_TEXT];
    char found[EP_SHA256_TEXT];
    axes->moments = ep_allocate(n, sizeof *axes->moments);
    axes->rows = ep_allocate(n * n, sizeof *axes->rows);
    return axes->moments != NULL && axes->rows != NULL &&
           fread(axes->moments, sizeof *axes->moments, n, file) == n &&
           fread(axes->rows, sizeof *axes->rows, n * n, file) == n * n &&
           fread(stored, 1, sizeof stored, file) == sizeof stored && fgetc(file) == EOF &&
           digest_of(axes, found) && memcmp(stored, found, sizeof found) == 0;
}

/* Whether the file holds axes of so many features, whole; they are then in *axes. */
static bool read_file(const char *path, size_t features, struct data_axes *axes)
{
    struct header header;
    FILE *file = fopen(path, "re");
    *axes = (struct data_axes){.features = features};
    bool whole = file != NULL && fread(&header, sizeof header, 1, file) == 1 &&
                 memcmp(header.magic, magic, sizeof magic) == 0 && header.features == features;
    whole = whole && read_body(file, axes);
    if (file != NULL) {
        fclose(file);
    }
    if (!whole) {
        data_axes_done(axes);
    }
    return whole;
}

static bool write_all(FILE *file, const struct data_axes *axes)
{
    const size_t n = axes->features;
    struct header header = {.features = n};
    char digest[EP_SHA256_TEXT];
    memcpy(header.magic, magic, sizeof magic);
    return digest_of(axes, digest) && fwrite(&header, sizeof header, 1, file) == 1 &&
           fwrite(axes->moments, sizeof *axes->moments, n, file) == n &&
           fwrite(axes->rows, sizeof *axes->rows, n * n, file) == n * n &&
           fwrite(digest, 1, sizeof digest, file) == sizeof digest && fflush(file) == 0 &&
           fsync(fileno(file)) == 0;
}

static bool is_cache_file(const char *name)
{
    const size_t length = strlen(name);
    return length == KEY_LENGTH + sizeof suffix - 1 && strcmp(name + KEY_LENGTH, suffix) == 0;
}

/* Removes the oldest file when there are more than may be kept. */
static void prune(const char *folder)
{
    DIR *directory = opendir(folder);
    char oldest[NAME_MAX + 1] = "";
    struct timespec least = {0};
    size_t count = 0;
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        struct stat about;
        if (!is_cache_file(entry->d_name) || fstatat(dirfd(directory), entry->d_name, &about, 0) != 0) {
            continue;
        }
        const struct timespec at = about.st_mtim;
        if (count++ == 0 || at.tv_sec < least.tv_sec ||
            (at.tv_sec == least.tv_sec && at.tv_nsec < least.tv_nsec)) {
            least = at;
            memcpy(oldest, entry->d_name, strlen(entry->d_name) + 1);
        }
    }
    if (count > DATA_AXES_FILES_MAX) {
        (void)unlinkat(dirfd(directory), oldest, 0);
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

/* Keeps the axes. They can be computed again, so a disk that does not take them is no failure. */
static void keep(const struct data_axes_cache *cache, const char *path, const struct data_axes *axes)
{
    char temporary[PATH_LENGTH + 4];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    if (mkdir(cache->folder, 0700) != 0 && errno != EEXIST) {
        return;
    }
    FILE *file = fopen(temporary, "we");
    bool whole = file != NULL && write_all(file, axes);
    if (file != NULL) {
        whole = fclose(file) == 0 && whole;
    }
    if (!whole || rename(temporary, path) != 0) {
        (void)unlink(temporary);
        return;
    }
    prune(cache->folder);
}

static enum ep_status read_or_compute(const struct data_axes_cache *cache, const struct data_split *split,
                                      const struct data_patience *patience, struct data_axes *axes,
                                      struct ep_error *error)
{
    char path[PATH_LENGTH];
    const bool kept = cache->folder[0] != '\0' && path_of(cache, split, path);
    if (kept && read_file(path, data_split_info(split)->features, axes)) {
        return EP_OK;
    }
    const enum ep_status status = data_axes_compute(split, patience, axes, error);
    if (status == EP_OK && kept) {
        keep(cache, path, axes);
    }
    return status;
}

enum ep_status data_axes_cache_get(struct data_axes_cache *cache, const struct data_split *split,
                                   const struct data_patience *patience, struct data_axes *axes,
                                   struct ep_error *error)
{
    pthread_mutex_lock(&cache->lock);
    const enum ep_status status = read_or_compute(cache, split, patience, axes, error);
    pthread_mutex_unlock(&cache->lock);
    return status;
}
