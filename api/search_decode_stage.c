#include <string.h>

#include "api/schema.h"
#include "api/search_decode.h"
#include "core/base/macros.h"

enum { NAME_MAX_BYTES = 64 };

/* A stage being decoded. */
struct stage_decoding {
    json_t *object;
    const char *pointer;
    struct search_stage *stage;
    struct ep_faults *faults;
};

/* The row of a field called `name` in a search ("decay.every"); job_spec_fields.count, with a fault, when
 * trials cannot differ in it. */
static size_t find_row(const char *pointer, const char *name, struct ep_faults *faults)
{
    static const struct schema_place place = {.pointer = "", .noun = "a spec"};
    char path[NAME_MAX_BYTES] = "";
    const size_t none = job_spec_fields.count;
    const bool possible = strlen(name) < sizeof path && strchr(name, '/') == NULL;
    if (possible) {
        strncpy(path, name, sizeof path - 1);
    }
    for (char *dot = strchr(path, '.'); dot != NULL; dot = strchr(dot, '.')) {
        *dot = '/';
    }
    const size_t row = possible ? ep_fields_find(&job_spec_fields, path) : none;
    if (row == none) {
        if (possible && path[0] != '\0' && schema_is_group(&job_spec_fields, path)) {
            ep_faults_add(faults, pointer,
                          "is an object of a spec; its fields are named one by one here, as in decay.every");
        } else {
            schema_refuse_unknown(&job_spec_fields, &place, pointer, path, faults);
        }
        return none;
    }
    const enum ep_field_kind kind = job_spec_fields.rows[row].kind;
    if (kind == EP_FIELD_TEXT || kind == EP_FIELD_TEXT_LIST) {
        ep_faults_add(faults, pointer, "%s is the same in all trials; set it in the base", name);
        return none;
    }
    return row;
}

/* Decodes the fields that the stage varies, or, with `pins`, sets. False when memory is short. */
static bool decode_fields(const struct stage_decoding *decoding, const char *member, bool pins)
{
    struct search_stage *stage = decoding->stage;
    struct ep_faults *faults = decoding->faults;
    json_t *object = json_object_get(decoding->object, member);
    char pointer[SCHEMA_POINTER_MAX];
    schema_point(decoding->pointer, member, pointer);
    if (object != NULL && !json_is_object(object)) {
        char got[SCHEMA_WORDS_MAX];
        schema_got(object, got);
        ep_faults_add(faults, pointer, "got %s; %s must be an object of fields of the spec", got, member);
    }
    if (json_object_size(object) > SEARCH_FIELDS_MAX) {
        ep_faults_add(faults, pointer, "has %zu fields; at most %d are allowed", json_object_size(object),
                      SEARCH_FIELDS_MAX);
    }
    size_t *count = pins ? &stage->pin_count : &stage->field_count;
    bool room = true;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        char at[SCHEMA_POINTER_MAX];
        schema_point(pointer, key, at);
        const size_t row = find_row(at, key, faults);
        if (row == job_spec_fields.count || *count == SEARCH_FIELDS_MAX || !room) {
            continue;
        }
        if (pins) {
            room = search_decode_pin(at, value, row, &stage->pins[*count], faults);
        } else {
            room = search_decode_field(at, value, stage->method == SEARCH_GRID, row, &stage->fields[*count],
                                       faults);
        }
        ++*count;
    }
    return room;
}

static void add_fault(const struct stage_decoding *decoding, const char *member, const char *text)
{
    char pointer[SCHEMA_POINTER_MAX];
    schema_point(decoding->pointer, member, pointer);
    ep_faults_add(decoding->faults, pointer, "%s", text);
}

/* What does not go with a grid, or with points that are drawn. */
static void check_members(const struct stage_decoding *decoding, bool grid)
{
    static const char *const of_random[] = {"trials", "seed", "sampler", "batch"};
    const json_t *sampler = json_object_get(decoding->object, "sampler");
    for (size_t i = 0; grid && i < EP_COUNT(of_random); i++) {
        if (json_object_get(decoding->object, of_random[i]) != NULL) {
            add_fault(decoding, of_random[i], "goes only with random");
        }
    }
    if (!grid && json_object_get(decoding->object, "trials") == NULL) {
        add_fault(decoding, "trials", "is missing; random needs to know how many points to draw");
    }
    if (!grid && json_object_get(decoding->object, "batch") != NULL &&
        (sampler == NULL || (json_is_string(sampler) && strcmp(json_string_value(sampler), "random") == 0))) {
        add_fault(decoding, "batch", "goes only with sampler tpe");
    }
}

enum ep_status search_decode_stage(json_t *object, const char *pointer, struct search_stage *stage,
                                   struct ep_faults *faults, struct ep_error *error)
{
    static const char *const others[] = {"grid", "random", "pivot", NULL};
    const struct schema_place place = {.pointer = pointer, .noun = "a stage", .others = others};
    const struct stage_decoding decoding = {
        .object = object, .pointer = pointer, .stage = stage, .faults = faults};
    const bool grid = json_object_get(object, "grid") != NULL;
    const bool random = json_object_get(object, "random") != NULL;
    struct search_stage_members members;
    uint64_t given = 0;
    *stage = (struct search_stage){.method = SEARCH_GRID};
    schema_decode_at(&search_stage_fields, &place, object, &members, &given, faults);
    stage->trials = members.trials;
    stage->seed = members.seed;
    stage->batch = members.batch;
    stage->shrink = members.shrink;
    stage->around_best = (given >> ep_fields_find(&search_stage_fields, "around") & 1) != 0;
    if (random && !grid) {
        stage->method = members.sampler == 0 ? SEARCH_RANDOM : SEARCH_TPE;
    }
    if (grid && random) {
        ep_faults_add(faults, pointer, "has grid and random; only one of them is allowed");
    } else if (grid || random) {
        check_members(&decoding, grid);
    } else if (json_is_object(object)) {
        add_fault(&decoding, "grid", "is missing; a stage needs grid or random");
    }
    if (((grid || random) && !decode_fields(&decoding, grid ? "grid" : "random", false)) ||
        !decode_fields(&decoding, "pivot", true)) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for a stage of a search");
    }
    return EP_OK;
}
