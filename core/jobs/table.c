#include "core/jobs/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

enum { CAPACITY_LEAST = 64 };

enum ep_status table_reserve(struct table *table, size_t more, struct ep_error *error)
{
    size_t wanted;
    if (ep_size_add(table->count, more, &wanted) && wanted <= table->capacity) {
        return EP_OK;
    }
    size_t capacity = table->capacity < CAPACITY_LEAST ? CAPACITY_LEAST : table->capacity;
    while (capacity < wanted && ep_size_multiply(capacity, 2, &capacity)) {
    }
    struct entry **entries =
        capacity < wanted ? NULL : reallocarray(table->entries, capacity, sizeof(struct entry *));
    if (entries == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for more jobs than %zu", table->count);
    }
    table->entries = entries;
    table->capacity = capacity;
    return EP_OK;
}

void table_add(struct table *table, struct entry *entry)
{
    /* New jobs are the youngest, so that this mostly appends. */
    const size_t at = table_seek(table, entry->job.id);
    memmove(&table->entries[at + 1], &table->entries[at], (table->count - at) * sizeof(struct entry *));
    table->entries[at] = entry;
    table->count++;
}

size_t table_seek(const struct table *table, const char *id)
{
    size_t low = 0;
    size_t high = table->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(table->entries[middle]->job.id, id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct entry *table_find(const struct table *table, const char *id)
{
    const size_t at = table_seek(table, id);
    return at < table->count && strcmp(table->entries[at]->job.id, id) == 0 ? table->entries[at] : NULL;
}

void table_remove(struct table *table, const struct entry *entry)
{
    const size_t at = table_seek(table, entry->job.id);
    if (at == table->count || table->entries[at] != entry) {
        return;
    }
    table->count--;
    memmove(&table->entries[at], &table->entries[at + 1], (table->count - at) * sizeof(struct entry *));
}

void table_done(struct table *table)
{
    free(table->entries);
    *table = (struct table){0};
}

struct entry *entry_create(const struct job *job)
{
    struct entry *entry = ep_allocate(1, sizeof *entry);
    if (entry != NULL) {
        entry->job = *job;
        entry->cost.flops = NAN;
        entry->starts_in = NAN;
    }
    return entry;
}

void entry_destroy(struct entry *entry)
{
    if (entry != NULL) {
        job_done(&entry->job);
        free(entry->rows);
        free(entry);
    }
}
