#include <string.h>

#include "core/jobs/run.h"

/* Fields that the members of a bank each have for themselves. */
static const char *const own[] = {
    "dropout",      "eta",        "lambda",       "optimizer", "momentum",   "nesterov",
    "adam/beta1",   "adam/beta2", "adam/epsilon", "warm_up",   "decay/kind", "decay/every",
    "decay/factor", "init/kind",  "init/std",     "threads",   "name",       "tags",
};

/* Whether the seed says which images come when, and what is done to them. */
static bool seed_orders(const struct job_spec *spec)
{
    return spec->shuffle || spec->augment_flip || spec->augment_shift > 0;
}

static bool is_own(const struct ep_field *field, const struct job_spec *spec)
{
    for (size_t i = 0; i < EP_COUNT(own); i++) {
        if (strcmp(field->name, own[i]) == 0) {
            return true;
        }
    }
    return strcmp(field->name, "seed") == 0 && !seed_orders(spec);
}

/* The bytes of a field's value that mean something. */
static const void *value_of(const struct ep_field *field, const struct job_spec *spec, size_t *bytes)
{
    const void *at = ep_field_of(field, spec);
    switch (field->kind) {
    case EP_FIELD_INTEGER:
        *bytes = sizeof(uint64_t);
        break;
    case EP_FIELD_NUMBER:
        *bytes = sizeof(double);
        break;
    case EP_FIELD_BOOLEAN:
        *bytes = sizeof(bool);
        break;
    case EP_FIELD_CHOICE:
        *bytes = sizeof(int);
        break;
    case EP_FIELD_TEXT:
        *bytes = strlen(at);
        break;
    case EP_FIELD_INTEGER_LIST: {
        const struct ep_integer_list *list = at;
        *bytes = list->count * sizeof *list->items;
        at = list->items;
        break;
    }
    case EP_FIELD_TEXT_LIST:
        *bytes = 0;
        break;
    }
    return at;
}

bool job_specs_share(const struct job_spec *a, const struct job_spec *b)
{
    bool same = seed_orders(a) == seed_orders(b);
    for (size_t i = 0; i < job_spec_fields.count && same; i++) {
        const struct ep_field *field = &job_spec_fields.rows[i];
        if (!is_own(field, a)) {
            size_t bytes_a;
            size_t bytes_b;
            const void *value_a = value_of(field, a, &bytes_a);
            const void *value_b = value_of(field, b, &bytes_b);
            same = bytes_a == bytes_b && memcmp(value_a, value_b, bytes_a) == 0;
        }
    }
    return same;
}

/* FNV-1a: Fowler, Noll, Vo. */
uint64_t job_spec_share_hash(const struct job_spec *spec)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < job_spec_fields.count; i++) {
        const struct ep_field *field = &job_spec_fields.rows[i];
        if (!is_own(field, spec)) {
            size_t bytes;
            const unsigned char *value = value_of(field, spec, &bytes);
            for (size_t b = 0; b < bytes; b++) {
                hash = (hash ^ value[b]) * 1099511628211U;
            }
        }
    }
    return hash;
}
