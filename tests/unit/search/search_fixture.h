#ifndef EP_TESTS_SEARCH_FIXTURE_H
#define EP_TESTS_SEARCH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/macros.h"
#include "core/base/memory.h"
#include "core/search/space.h"

/* Fields of stages, written briefly. */

static inline size_t row(const char *name)
{
    const size_t found = ep_fields_find(&job_spec_fields, name);
    assert_true(found < job_spec_fields.count);
    return found;
}

static inline struct search_field range(const char *name, double from, double to, size_t count,
                                        enum search_scale scale)
{
    return (struct search_field){.row = row(name), .count = count, .scale = scale, .from = from, .to = to};
}

static inline struct search_field relative(const char *name, size_t count, enum search_scale scale)
{
    return range(name, NAN, NAN, count, scale);
}

static inline struct search_field list_of(const char *name, const double *values, size_t count)
{
    struct search_field field = {.row = row(name), .is_list = true, .count = count};
    field.values = ep_allocate(count, sizeof *values);
    assert_non_null(field.values);
    for (size_t i = 0; i < count; i++) {
        field.values[i] = values[i];
    }
    return field;
}

#define LIST(name, ...)                                                                                      \
    list_of(name, (const double[]){__VA_ARGS__}, EP_COUNT(((const double[]){__VA_ARGS__})))

static inline struct search_field hidden_of(const struct ep_integer_list *lists, size_t count)
{
    struct search_field field = {.row = row("hidden"), .is_list = true, .count = count};
    field.lists = ep_allocate(count, sizeof *lists);
    assert_non_null(field.lists);
    memcpy(field.lists, lists, count * sizeof *lists);
    return field;
}

#define HIDDEN(...)                                                                                          \
    hidden_of((const struct ep_integer_list[]){__VA_ARGS__},                                                 \
              EP_COUNT(((const struct ep_integer_list[]){__VA_ARGS__})))

static inline struct job_spec preset_spec(void)
{
    struct job_spec spec = {0};
    ep_fields_preset(&job_spec_fields, &spec);
    strcpy(spec.dataset, "images");
    spec.epochs = 10;
    return spec;
}

static inline uint64_t bit(const char *name)
{
    return (uint64_t)1 << row(name);
}

#endif
