#include "api/search_figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/figure_data.h"

enum { TITLE_SIZE = 17, SUBTITLE_SIZE = 13 };

/* Chooses the trials, and finds the range of their objectives and the best. */
static bool choose_trials(struct figure *figure)
{
    const struct search_trials *trials = figure->trials;
    double least = INFINITY;
    figure->shown = calloc(trials->count + 1, sizeof *figure->shown);
    figure->best = trials->count;
    figure->low = INFINITY;
    figure->high = -INFINITY;
    if (figure->shown == NULL) {
        return false;
    }
    for (size_t i = 0; i < trials->count; i++) {
        const struct search_trial *trial = &trials->items[i];
        if (figure->options->stage != SEARCH_STAGES_MAX && trial->stage != figure->options->stage) {
            continue;
        }
        const double loss = search_loss(&trials->settings, trial->objective);
        figure->shown[figure->count++] = i;
        if (isfinite(loss)) {
            figure->low = fmin(figure->low, trial->objective);
            figure->high = fmax(figure->high, trial->objective);
        }
        if (loss < least) {
            least = loss;
            figure->best = i;
        }
    }
    if (!(figure->low < figure->high)) {
        const double middle = isfinite(figure->low) ? figure->low : 0;
        const double half = fmax(fabs(middle) * 0.05, 1e-3);
        figure->low = middle - half;
        figure->high = middle + half;
    }
    return true;
}

/* Columns in which the trials shown differ; how many. */
static size_t list_columns(const struct figure *figure, size_t *columns)
{
    size_t count = 0;
    for (size_t c = 0; c < figure->trials->field_count; c++) {
        bool differs = false;
        for (size_t i = 1; i < figure->count && !differs; i++) {
            differs = figure_value(figure, figure->shown[i], c) != figure_value(figure, figure->shown[0], c);
        }
        if (differs) {
            columns[count++] = c;
        }
    }
    return count;
}

static size_t column_of(const struct figure *figure, size_t row)
{
    size_t c = 0;
    while (c < figure->trials->field_count && figure->trials->fields[c] != row) {
        c++;
    }
    return c;
}

/* The columns of a heat map: those asked for, and else the first that differ. */
static enum ep_status choose_pair(const struct figure *figure, const size_t *columns, size_t count, size_t *x,
                                  size_t *y, struct ep_error *error)
{
    const size_t none = figure->trials->field_count;
    const bool x_given = figure->options->x < job_spec_fields.count;
    const bool y_given = figure->options->y < job_spec_fields.count;
    *x = x_given ? column_of(figure, figure->options->x) : none;
    *y = y_given ? column_of(figure, figure->options->y) : none;
    if ((x_given && *x == none) || (y_given && *y == none)) {
        return ep_fail(error, EP_INVALID, "the search does not vary that field");
    }
    for (size_t i = 0; i < count; i++) {
        if (*x == none && columns[i] != *y) {
            *x = columns[i];
        } else if (*y == none && columns[i] != *x) {
            *y = columns[i];
        }
    }
    if (*x == none || *y == none || *x == *y) {
        return ep_fail(error, EP_INVALID, "a heat map needs two fields in which the trials differ");
    }
    return EP_OK;
}

static enum search_figure_kind kind_of(const struct figure *figure, size_t columns)
{
    if (figure->options->kind != SEARCH_FIGURE_AUTO) {
        return figure->options->kind;
    }
    return columns == 2  ? SEARCH_FIGURE_HEATMAP
           : columns > 2 ? SEARCH_FIGURE_PARALLEL
                         : SEARCH_FIGURE_PROGRESS;
}

/* "accuracy on the validation images: best 42.9 % of 196 trials" */
static void describe(const struct figure *figure, char text[FIGURE_LABEL_MAX])
{
    const bool accuracy = figure->trials->settings.metric == SEARCH_ACCURACY;
    char best[AXIS_LABEL_MAX] = "";
    if (figure->best == figure->trials->count) {
        snprintf(text, FIGURE_LABEL_MAX, "%zu trials; none has a value yet", figure->count);
        return;
    }
    figure_objective(figure, figure->trials->items[figure->best].objective, best);
    snprintf(text, FIGURE_LABEL_MAX, "%s on the validation images: %s%s is the best of %zu trials",
             accuracy ? "accuracy" : "cost", best, accuracy ? " %" : "", figure->count);
}

static bool begin(struct figure *figure)
{
    const struct search_figure_options *options = figure->options;
    const char *name = figure->trials->settings.name;
    char description[FIGURE_LABEL_MAX];
    describe(figure, description);
    figure->colours = svg_colours(options->theme);
    figure->left = 100;
    figure->right = options->width - 128;
    figure->top = 76;
    figure->bottom = options->height - 64;
    figure->svg = svg_create(options->width, options->height, options->theme,
                             name[0] != '\0' ? name : "search", description);
    if (figure->svg == NULL) {
        return false;
    }
    const struct svg_label title = {.x = figure->left, .y = 30, .size = TITLE_SIZE, .strong = true};
    const struct svg_label subtitle = {.x = figure->left, .y = 54, .size = SUBTITLE_SIZE};
    svg_text(figure->svg, &title, name[0] != '\0' ? name : "search");
    svg_text(figure->svg, &subtitle, description);
    return true;
}

static enum ep_status draw(struct figure *figure, struct ep_error *error)
{
    size_t columns[2 * SEARCH_FIELDS_MAX];
    const size_t count = list_columns(figure, columns);
    const enum search_figure_kind kind = kind_of(figure, count);
    size_t x = 0;
    size_t y = 0;
    enum ep_status status = EP_OK;
    if (kind == SEARCH_FIGURE_HEATMAP) {
        status = choose_pair(figure, columns, count, &x, &y, error);
    }
    if (status != EP_OK) {
        return status;
    }
    if (!begin(figure)) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for the figure");
    }
    if (kind == SEARCH_FIGURE_PARALLEL && count > 0) {
        figure->right = figure->options->width - 60;
        figure_parallel(figure, columns, count);
    } else {
        svg_add(figure->svg,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" stroke=\"%s\"/>\n",
                figure->left, figure->top, figure->right - figure->left, figure->bottom - figure->top,
                figure->colours->faint);
        if (kind == SEARCH_FIGURE_HEATMAP) {
            figure_heatmap(figure, x, y);
        } else {
            figure_progress(figure);
        }
    }
    return EP_OK;
}

enum ep_status search_figure(const struct search_trials *trials, const struct search_figure_options *options,
                             char **text, size_t *length, struct ep_error *error)
{
    struct figure figure = {.trials = trials, .options = options};
    *text = NULL;
    enum ep_status status = EP_OK;
    if (!choose_trials(&figure)) {
        status = ep_fail(error, EP_NO_MEMORY, "no memory for the figure");
    }
    if (status == EP_OK) {
        status = draw(&figure, error);
    }
    if (status == EP_OK) {
        *text = svg_finish(figure.svg, length);
        status = *text != NULL ? EP_OK : ep_fail(error, EP_NO_MEMORY, "no memory for the figure");
    }
    svg_destroy(figure.svg);
    free(figure.shown);
    return status;
}
