#include <stdio.h>
#include <string.h>

#include "core/jobs/spec.h"

/* Whether a field can change what a job computes. */
static bool changes_result(const char *name)
{
    return strcmp(name, "name") != 0 && strcmp(name, "tags") != 0 && strcmp(name, "threads") != 0;
}

static void add_text(struct ep_sha256 *digest, const char *text)
{
    ep_sha256_add(digest, text, strlen(text));
}

static void add_list(struct ep_sha256 *digest, const struct ep_integer_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%s%u", i == 0 ? "" : ",", list->items[i]);
        add_text(digest, text);
    }
}

static void add_value(struct ep_sha256 *digest, const struct ep_field *field, const struct job_spec *spec)
{
    const void *value = ep_field_of(field, spec);
    char text[40] = "";
    switch (field->kind) {
    case EP_FIELD_INTEGER:
        snprintf(text, sizeof text, "%llu", (unsigned long long)*(const uint64_t *)value);
        break;
    case EP_FIELD_NUMBER:
        /* Adding 0 turns −0 into 0: they train alike. */
        snprintf(text, sizeof text, "%.17g", *(const double *)value + 0.0);
        break;
    case EP_FIELD_BOOLEAN:
        snprintf(text, sizeof text, "%s", *(const bool *)value ? "true" : "false");
        break;
    case EP_FIELD_CHOICE:
        snprintf(text, sizeof text, "%s", field->choices[*(const int *)value]);
        break;
    case EP_FIELD_TEXT:
        add_text(digest, value);
        break;
    case EP_FIELD_INTEGER_LIST:
        add_list(digest, value);
        break;
    case EP_FIELD_TEXT_LIST: /* only the tags are one, and they do not count */
        break;
    }
    add_text(digest, text);
}

enum ep_status job_spec_digest(const struct job_spec *spec, const char *dataset_digest,
                               char text[EP_SHA256_TEXT], struct ep_error *error)
{
    struct ep_sha256 *digest = ep_sha256_create();
    if (digest == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for the digest of a spec");
    }
    for (size_t i = 0; i < job_spec_fields.count; i++) {
        const struct ep_field *field = &job_spec_fields.rows[i];
        if (changes_result(field->name) && job_spec_counts(spec, field->name)) {
            add_text(digest, field->name);
            add_text(digest, "=");
            add_value(digest, field, spec);
            add_text(digest, "\n");
        }
    }
    add_text(digest, dataset_digest);
    ep_sha256_finish(digest, text);
    return EP_OK;
}
