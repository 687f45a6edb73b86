#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "api/schema.h"
#include "api/search_decode.h"
#include "api/search_json.h"

const char *search_field_name(size_t row, char name[SEARCH_NAME_MAX])
{
    snprintf(name, SEARCH_NAME_MAX, "%s", job_spec_fields.rows[row].name);
    for (char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash, '/')) {
        *slash = '.';
    }
    return name;
}

/* A number as a field's value: an integer, a switch, the name of a choice. */
static json_t *number_json(const struct ep_field *row, double value)
{
    if (!isfinite(value)) {
        return json_null();
    }
    switch (row->kind) {
    case EP_FIELD_INTEGER:
        return json_integer((json_int_t)value);
    case EP_FIELD_BOOLEAN:
        return json_boolean(value != 0);
    case EP_FIELD_CHOICE:
        return json_string(row->choices[(size_t)value]);
    case EP_FIELD_NUMBER:
    case EP_FIELD_TEXT:
    case EP_FIELD_INTEGER_LIST:
    case EP_FIELD_TEXT_LIST:
        break;
    }
    return json_real(value);
}

/* Value `index` of a list. */
static json_t *listed_json(const struct search_field *field, size_t index)
{
    const struct ep_field *row = &job_spec_fields.rows[field->row];
    return field->lists != NULL ? schema_encode_value(row, &field->lists[index])
                                : number_json(row, field->values[index]);
}

/* Sets a member (taken over) of `object`, which is released, and becomes NULL, when memory is short. */
static void set(json_t **object, const char *key, json_t *value)
{
    if (*object == NULL) {
        json_decref(value);
    } else if (json_object_set_new(*object, key, value) != 0) {
        json_decref(*object);
        *object = NULL;
    }
}

static json_t *field_json(const struct search_field *field, bool grid)
{
    const struct ep_field *row = &job_spec_fields.rows[field->row];
    if (field->is_list) {
        json_t *list = json_array();
        for (size_t i = 0; i < field->count && list != NULL; i++) {
            list = json_append(list, listed_json(field, i));
        }
        return list;
    }
    const struct search_range_members members = {.count = field->count, .scale = (int)field->scale};
    json_t *range = json_object();
    if (!isnan(field->from)) {
        set(&range, "from", number_json(row, field->from));
        set(&range, "to", number_json(row, field->to));
    }
    for (size_t i = 0; i < search_range_fields.count; i++) {
        const struct ep_field *member = &search_range_fields.rows[i];
        if (grid || strcmp(member->name, "count") != 0) {
            set(&range, member->name, schema_encode_value(member, ep_field_of(member, &members)));
        }
    }
    return range;
}

static json_t *fields_json(const struct search_stage *stage)
{
    json_t *object = json_object();
    for (size_t i = 0; i < stage->field_count; i++) {
        char name[SEARCH_NAME_MAX];
        set(&object, search_field_name(stage->fields[i].row, name),
            field_json(&stage->fields[i], stage->method == SEARCH_GRID));
    }
    return object;
}

static json_t *pivot_json(const struct search_stage *stage)
{
    json_t *object = json_object();
    for (size_t i = 0; i < stage->pin_count; i++) {
        char name[SEARCH_NAME_MAX];
        set(&object, search_field_name(stage->pins[i].row, name), listed_json(&stage->pins[i], 0));
    }
    return object;
}

/* Whether the stage has the member: a grid has no seed. */
static bool has_member(const struct search_stage *stage, const char *name, bool single)
{
    if (strcmp(name, "around") == 0) {
        return stage->around_best;
    }
    if (strcmp(name, "shrink") == 0) {
        return !single;
    }
    return stage->method == SEARCH_TPE || (stage->method == SEARCH_RANDOM && strcmp(name, "batch") != 0);
}

/* Sets the members of a stage in `object`, which may be that of the search. */
static void set_stage(json_t **object, const struct search_stage *stage, bool single)
{
    const struct search_stage_members members = {
        .trials = stage->trials,
        .seed = stage->seed,
        .sampler = stage->method == SEARCH_TPE,
        .batch = stage->batch,
        .shrink = stage->shrink,
    };
    set(object, stage->method == SEARCH_GRID ? "grid" : "random", fields_json(stage));
    for (size_t i = 0; i < search_stage_fields.count; i++) {
        const struct ep_field *member = &search_stage_fields.rows[i];
        if (has_member(stage, member->name, single)) {
            set(object, member->name, schema_encode_value(member, ep_field_of(member, &members)));
        }
    }
    if (stage->pin_count > 0) {
        set(object, "pivot", pivot_json(stage));
    }
}

/* Whether the only stage can be written at the top. */
static bool is_single(const struct search_definition *definition)
{
    const double preset = search_stage_fields.rows[ep_fields_find(&search_stage_fields, "shrink")].preset;
    const struct search_stage *stage = definition->stages;
    return definition->stage_count == 1 && !stage->around_best && stage->pin_count == 0 &&
           stage->shrink == preset;
}

json_t *search_definition_json(const struct search_definition *definition, json_t *base)
{
    json_t *root = schema_encode(&search_settings_fields, &definition->settings);
    if (!definition->settings.has_target && root != NULL) {
        schema_take_out(root, "target");
    }
    set(&root, "base", base);
    if (is_single(definition)) {
        set_stage(&root, definition->stages, true);
        return root;
    }
    json_t *stages = json_array();
    for (size_t i = 0; i < definition->stage_count && stages != NULL; i++) {
        json_t *stage = json_object();
        set_stage(&stage, &definition->stages[i], false);
        stages = json_append(stages, stage);
    }
    set(&root, "stages", stages);
    return root;
}

json_t *search_base_json(const struct search_definition *definition)
{
    json_t *root = schema_encode(&job_spec_fields, &definition->base);
    for (size_t i = 0; i < job_spec_fields.count && root != NULL; i++) {
        if ((definition->base_given >> i & 1) == 0) {
            schema_take_out(root, job_spec_fields.rows[i].name);
        }
    }
    return root;
}

char *api_encode_search(const struct search_definition *definition)
{
    size_t length = 0;
    json_t *root = search_definition_json(definition, search_base_json(definition));
    char *text = root == NULL ? NULL : json_print(root, &length);
    json_decref(root);
    return text;
}

json_t *search_value_json(const struct search_trials *trials, size_t index, size_t field)
{
    const struct ep_field *row = &job_spec_fields.rows[trials->fields[field]];
    if (row->kind == EP_FIELD_INTEGER_LIST) {
        return trials->hidden == NULL ? json_null() : schema_encode_value(row, &trials->hidden[index]);
    }
    return number_json(row, trials->values[index * trials->field_count + field]);
}

json_t *search_values_json(const struct search_trials *trials, size_t index)
{
    json_t *object = json_object();
    for (size_t i = 0; i < trials->field_count; i++) {
        char name[SEARCH_NAME_MAX];
        set(&object, search_field_name(trials->fields[i], name), search_value_json(trials, index, i));
    }
    return object;
}
