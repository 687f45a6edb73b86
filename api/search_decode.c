#include "api/search_decode.h"

#include <string.h>

#include "api/api.h"
#include "api/json.h"
#include "api/schema.h"
#include "core/base/macros.h"
#include "core/base/memory.h"

/* Members of a stage, which stand at the top when it is the only one. */
static const char *const stage_members[] = {"grid",  "random", "trials", "seed", "sampler",
                                            "batch", "around", "shrink", "pivot"};
enum { ALWAYS_IN_STAGES = 6 /* those from here on never stand at the top */ };

static void decode_settings(json_t *root, struct search_settings *settings, struct ep_faults *faults)
{
    static const char *const others[] = {"base",    "stages", "grid",   "random", "trials", "seed",
                                         "sampler", "batch",  "around", "shrink", "pivot",  NULL};
    static const struct schema_place place = {.pointer = "", .noun = "a search", .others = others};
    uint64_t given = 0;
    schema_decode_at(&search_settings_fields, &place, root, settings, &given, faults);
    settings->has_target = (given >> ep_fields_find(&search_settings_fields, "target") & 1) != 0;
    if ((given >> ep_fields_find(&search_settings_fields, "objective/goal") & 1) == 0) {
        settings->goal = settings->metric == SEARCH_COST ? SEARCH_MINIMIZE : SEARCH_MAXIMIZE;
    }
}

static void decode_base(json_t *root, struct search_definition *definition, struct ep_faults *faults)
{
    static const struct schema_place place = {.pointer = "/base", .noun = "a spec"};
    json_t *base = json_object_get(root, "base");
    if (json_is_object(base)) {
        schema_decode_at(&job_spec_fields, &place, base, &definition->base, &definition->base_given, faults);
        return;
    }
    /* A base that is no object is one fault, not one for each field that it would need. */
    ep_fields_preset(&job_spec_fields, &definition->base);
    definition->base.depth = 1;
    definition->base.epochs = JOB_EPOCHS_MAX;
    definition->base_given = (uint64_t)1 << ep_fields_find(&job_spec_fields, "depth");
    if (base == NULL) {
        ep_faults_add(faults, "/base", "is missing; it must be a job spec, which all trials start from");
    } else {
        char got[SCHEMA_WORDS_MAX];
        schema_got(base, got);
        ep_faults_add(faults, "/base", "got %s; it must be a job spec, which all trials start from", got);
    }
}

/* Makes room for `count` stages. */
static enum ep_status make_stages(struct search_definition *definition, size_t count, struct ep_error *error)
{
    definition->stages = ep_allocate(count, sizeof *definition->stages);
    if (definition->stages == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for the stages of a search");
    }
    definition->stage_count = count;
    return EP_OK;
}

/* Decodes the stage whose members stand at the top. */
static enum ep_status decode_single(json_t *root, struct search_definition *definition,
                                    struct ep_faults *faults, struct ep_error *error)
{
    json_t *object = json_object();
    int failed = object == NULL;
    for (size_t i = 0; i < EP_COUNT(stage_members); i++) {
        json_t *value = json_object_get(root, stage_members[i]);
        if (value != NULL && i < ALWAYS_IN_STAGES) {
            failed += json_object_set(object, stage_members[i], value) != 0;
        } else if (value != NULL) {
            char pointer[SCHEMA_POINTER_MAX];
            schema_point("", stage_members[i], pointer);
            ep_faults_add(faults, pointer, "goes only into a stage of stages");
        }
    }
    enum ep_status status = failed == 0 ? make_stages(definition, 1, error)
                                        : ep_fail(error, EP_NO_MEMORY, "no memory for the stage of a search");
    if (status == EP_OK) {
        status = search_decode_stage(object, "", &definition->stages[0], faults, error);
    }
    json_decref(object);
    return status;
}

static enum ep_status decode_stages(json_t *root, struct search_definition *definition,
                                    struct ep_faults *faults, struct ep_error *error)
{
    json_t *stages = json_object_get(root, "stages");
    const size_t count = json_array_size(stages);
    for (size_t i = 0; i < EP_COUNT(stage_members); i++) {
        if (json_object_get(root, stage_members[i]) != NULL) {
            char pointer[SCHEMA_POINTER_MAX];
            schema_point("", stage_members[i], pointer);
            ep_faults_add(faults, pointer, "does not go with stages; put it into one of them");
        }
    }
    if (count == 0 || count > SEARCH_STAGES_MAX) {
        char got[SCHEMA_WORDS_MAX];
        schema_got(stages, got);
        ep_faults_add(faults, "/stages", "got %s; it must be a list of 1 to %d stages", got,
                      SEARCH_STAGES_MAX);
        return EP_OK;
    }
    enum ep_status status = make_stages(definition, count, error);
    for (size_t i = 0; i < count && status == EP_OK; i++) {
        char pointer[SCHEMA_POINTER_MAX];
        snprintf(pointer, sizeof pointer, "/stages/%zu", i);
        status =
            search_decode_stage(json_array_get(stages, i), pointer, &definition->stages[i], faults, error);
    }
    return status;
}

enum ep_status search_decode(json_t *root, struct search_definition *definition, bool *single,
                             struct ep_faults *faults, struct ep_error *error)
{
    *definition = (struct search_definition){.stages = NULL};
    *single = false;
    decode_settings(root, &definition->settings, faults);
    if (!json_is_object(root)) {
        return EP_OK;
    }
    decode_base(root, definition, faults);
    if (json_object_get(root, "stages") != NULL) {
        return decode_stages(root, definition, faults, error);
    }
    if (json_object_get(root, "grid") == NULL && json_object_get(root, "random") == NULL) {
        ep_faults_add(faults, "", "needs one of grid, random and stages, which say what to try");
        return EP_OK;
    }
    *single = true;
    return decode_single(root, definition, faults, error);
}

enum ep_status api_decode_stored_search(const char *text, struct search_definition *definition,
                                        struct ep_error *error)
{
    json_t *root = NULL;
    bool single = false;
    struct ep_faults faults = {.count = 0};
    *definition = (struct search_definition){.stages = NULL};
    enum ep_status status = json_read(text, strlen(text), &root, error);
    if (status != EP_OK) {
        return status == EP_NO_MEMORY ? status : ep_fail(error, EP_CORRUPT, "a stored search is not JSON");
    }
    status = search_decode(root, definition, &single, &faults, error);
    json_decref(root);
    if (status == EP_OK && faults.count > 0) {
        status = ep_fail(error, EP_CORRUPT, "a stored search is damaged: %s: %s", faults.items[0].pointer,
                         faults.items[0].detail);
    }
    if (status != EP_OK) {
        search_definition_done(definition);
    }
    return status;
}
