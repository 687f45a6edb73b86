#include <string.h>

#include "api/problem.h"
#include "api/query.h"
#include "api/routes.h"
#include "api/search_figure.h"
#include "api/search_json.h"

enum { WIDTH_DEFAULT = 860, HEIGHT_DEFAULT = 600 };

static const char *const kind_names[] = {"auto", "heatmap", "parallel", "progress"};
static const char *const theme_names[] = {"light", "dark"};

/* A field of the spec, by the name that searches have for it. */
static bool read_field(const struct http_request *request, const char *parameter, size_t *row,
                       struct http_response *response)
{
    const char *value = NULL;
    *row = job_spec_fields.count;
    if (!query_once(request, parameter, &value, response)) {
        return false;
    }
    for (size_t i = 0; i < job_spec_fields.count && value != NULL; i++) {
        char name[SEARCH_NAME_MAX];
        if (strcmp(search_field_name(i, name), value) == 0) {
            *row = i;
        }
    }
    if (value != NULL && *row == job_spec_fields.count) {
        problem_respond(response, PROBLEM_INVALID_QUERY, "%s: %.64s is not a field that the search varies",
                        parameter, value);
        return false;
    }
    return true;
}

static bool read_query(const struct http_request *request, struct search_figure_options *options,
                       struct http_response *response)
{
    size_t kind = SEARCH_FIGURE_AUTO;
    size_t theme = SVG_LIGHT;
    uint64_t stage = SEARCH_STAGES_MAX;
    uint64_t width = WIDTH_DEFAULT;
    uint64_t height = HEIGHT_DEFAULT;
    const bool fits =
        query_choice(request, "kind", kind_names, EP_COUNT(kind_names), &kind, response) &&
        read_field(request, "x", &options->x, response) && read_field(request, "y", &options->y, response) &&
        query_integer(request, "stage", 0, SEARCH_STAGES_MAX - 1, &stage, response) &&
        query_choice(request, "theme", theme_names, EP_COUNT(theme_names), &theme, response) &&
        query_integer(request, "width", SEARCH_FIGURE_LEAST, SEARCH_FIGURE_MOST, &width, response) &&
        query_integer(request, "height", SEARCH_FIGURE_LEAST, SEARCH_FIGURE_MOST, &height, response);
    options->kind = (enum search_figure_kind)kind;
    options->theme = (enum svg_theme)theme;
    options->stage = (size_t)stage;
    options->width = (double)width;
    options->height = (double)height;
    return fits;
}

void get_search_figure(const struct api_call *call, struct http_response *response)
{
    struct search_figure_options options = {0};
    struct search_trials trials;
    struct ep_error error;
    if (!read_query(call->request, &options, response)) {
        return;
    }
    if (searches_read_trials(call->api->searches, call->argument, &trials, &error) != EP_OK) {
        problem_respond_error(response, &error);
        return;
    }
    const enum ep_status status =
        search_figure(&trials, &options, &response->body, &response->body_length, &error);
    search_trials_done(&trials);
    if (status == EP_OK) {
        response->status = 200;
        response->content_type = "image/svg+xml";
    } else if (status == EP_INVALID) {
        problem_respond(response, PROBLEM_INVALID_QUERY, "%s", error.text);
    } else {
        problem_respond_error(response, &error);
    }
}
