#include <stdbool.h>
#include <string.h>

#include "api/json.h"
#include "api/schema.h"

json_t *schema_encode_value(const struct ep_field *field, const void *member)
{
    json_t *list = NULL;
    switch (field->kind) {
    case EP_FIELD_INTEGER:
        return json_integer((json_int_t) * (const uint64_t *)member);
    case EP_FIELD_NUMBER:
        return json_real(*(const double *)member);
    case EP_FIELD_BOOLEAN:
        return json_boolean(*(const bool *)member);
    case EP_FIELD_TEXT:
        return json_string(member);
    case EP_FIELD_CHOICE:
        return json_string(field->choices[*(const int *)member]);
    case EP_FIELD_INTEGER_LIST: {
        const struct ep_integer_list *integers = member;
        list = json_array();
        for (uint32_t i = 0; i < integers->count && list != NULL; i++) {
            list = json_append(list, json_integer(integers->items[i]));
        }
        break;
    }
    case EP_FIELD_TEXT_LIST: {
        const struct ep_text_list *texts = member;
        list = json_array();
        for (uint32_t i = 0; i < texts->count && list != NULL; i++) {
            list = json_append(list, json_string(texts->items[i]));
        }
        break;
    }
    }
    return list;
}

/* Puts `value` (taken over) at `name` below `root`; false when memory is short. */
static bool place(json_t *root, const char *name, json_t *value)
{
    const char *slash = strchr(name, '/');
    if (slash == NULL) {
        return json_object_set_new(root, name, value) == 0;
    }
    char group[64] = "";
    memcpy(group, name, (size_t)(slash - name) < sizeof group ? (size_t)(slash - name) : 0);
    json_t *object = json_object_get(root, group);
    if (object == NULL) {
        object = json_object();
        if (json_object_set_new(root, group, object) != 0) {
            json_decref(value);
            return false;
        }
    }
    return place(object, slash + 1, value);
}

json_t *schema_encode(const struct ep_fields *fields, const void *source)
{
    json_t *root = json_object();
    for (size_t i = 0; i < fields->count && root != NULL; i++) {
        const struct ep_field *field = &fields->rows[i];
        if (!place(root, field->name, schema_encode_value(field, ep_field_of(field, source)))) {
            json_decref(root);
            root = NULL;
        }
    }
    return root;
}

void schema_take_out(json_t *root, const char *name)
{
    const char *slash = strchr(name, '/');
    if (slash == NULL) {
        json_object_del(root, name);
        return;
    }
    char group[64] = "";
    memcpy(group, name, (size_t)(slash - name) < sizeof group ? (size_t)(slash - name) : 0);
    json_t *object = json_object_get(root, group);
    json_object_del(object, slash + 1);
    if (json_object_size(object) == 0) {
        json_object_del(root, group);
    }
}
