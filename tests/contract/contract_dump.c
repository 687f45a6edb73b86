/* Prints the program's own tables of fields, routes and problems as JSON, to be compared with openapi.yaml.
 */
#include <stdio.h>

#include "api/problem.h"
#include "api/routes.h"
#include "api/search_decode.h"
#include "core/jobs/spec.h"

static json_t *choices_json(const struct ep_field *field)
{
    json_t *list = json_array();
    for (size_t i = 0; field->choices != NULL && field->choices[i] != NULL; i++) {
        json_array_append_new(list, json_string(field->choices[i]));
    }
    return list;
}

static json_t *field_json(const struct ep_field *field)
{
    static const char *const kinds[] = {
        [EP_FIELD_INTEGER] = "integer", [EP_FIELD_NUMBER] = "number", [EP_FIELD_BOOLEAN] = "boolean",
        [EP_FIELD_TEXT] = "text",       [EP_FIELD_CHOICE] = "choice", [EP_FIELD_INTEGER_LIST] = "integers",
        [EP_FIELD_TEXT_LIST] = "texts",
    };
    return json_pack("{s:s, s:s, s:b, s:b, s:f, s:f, s:b, s:i, s:i, s:b, s:o, s:f}", "name", field->name,
                     "kind", kinds[field->kind], "required", field->required, "derived", field->derived,
                     "least", field->least, "most", field->most, "above_least", field->above_least,
                     "items_most", (int)field->items_most, "length_most", (int)field->length_most, "word",
                     field->form == EP_TEXT_WORD, "choices", choices_json(field), "preset", field->preset);
}

static json_t *route_json(const struct api_route *route)
{
    json_t *query = json_array();
    for (size_t i = 0; route->query[i] != NULL; i++) {
        json_array_append_new(query, json_string(route->query[i]));
    }
    return json_pack("{s:s, s:s, s:s, s:b, s:o}", "method", http_method_name(route->method), "path",
                     route->path, "operation", route->operation, "body", route->body != API_BODY_NONE,
                     "query", query);
}

static json_t *fields_json(const struct ep_fields *table)
{
    json_t *fields = json_array();
    for (size_t i = 0; i < table->count; i++) {
        json_array_append_new(fields, field_json(&table->rows[i]));
    }
    return fields;
}

int main(void)
{
    json_t *routes = json_array();
    size_t count;
    const struct api_route *table = api_routes(&count);
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(routes, route_json(&table[i]));
    }
    json_t *problems = json_array();
    for (unsigned i = 0; i < PROBLEM_COUNT; i++) {
        json_array_append_new(problems, json_string(problem_row((enum problem)i)->code));
    }
    json_t *root =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:{s:i, s:i, s:i, s:i}}", "fields",
                  fields_json(&job_spec_fields), "search", fields_json(&search_settings_fields), "stage",
                  fields_json(&search_stage_fields), "range", fields_json(&search_range_fields), "routes",
                  routes, "problems", problems, "limits", "stages", (int)SEARCH_STAGES_MAX, "fields",
                  (int)SEARCH_FIELDS_MAX, "values", (int)SEARCH_VALUES_MAX, "trials", (int)SEARCH_TRIALS_MAX);
    const int failed = json_dumpf(root, stdout, JSON_INDENT(1));
    json_decref(root);
    return failed == 0 ? 0 : 1;
}
