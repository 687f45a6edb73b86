#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/figure_data.h"

/* Parallel coordinates, and the best so far. */

enum { TICK_SIZE = 12, AXES_MAX = SEARCH_FIELDS_MAX * 2 + 1, THIN_FROM = 500 };

static void draw_line(const struct figure *figure, const struct figure_axis *axes, const double *places,
                      size_t count, size_t trial)
{
    const double objective = figure->trials->items[trial].objective;
    const bool best = trial == figure->best;
    const bool failed = isnan(objective);
    char colour[8] = "";
    if (!failed) {
        figure_colour(figure, objective, colour);
    }
    svg_add(figure->svg, "<path d=\"");
    bool drawn = false;
    for (size_t a = 0; a < count; a++) {
        const double y = figure_axis_at(figure, &axes[a], trial);
        if (!isnan(y)) {
            svg_add(figure->svg, "%s%.1f %.1f", drawn ? "L" : "M", places[a], y);
            drawn = true;
        }
    }
    const double width = best ? 4 : figure->count > THIN_FROM ? 0.7 : 1.5;
    svg_add(figure->svg, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\"%s/>\n",
            failed ? figure->colours->faint
            : best ? figure->colours->accent
                   : colour,
            width,
            failed ? " stroke-dasharray=\"3 3\""
            : best ? ""
                   : " stroke-opacity=\"0.8\"");
}

static void draw_upright(const struct figure *figure, const struct figure_axis *axis, double x,
                         enum svg_anchor anchor)
{
    struct figure shifted = *figure;
    struct figure_axis nameless = *axis;
    const struct svg_label name = {
        .x = x, .y = figure->bottom + 24, .size = TICK_SIZE, .anchor = anchor, .strong = true};
    nameless.name[0] = '\0';
    shifted.left = x;
    shifted.halo = true;
    svg_add(figure->svg, "<path d=\"M%.1f %.1fV%.1f\" stroke=\"%s\"/>\n", x, figure->top, figure->bottom,
            figure->colours->ink);
    figure_draw_axis(&shifted, &nameless, true);
    svg_text(figure->svg, &name, axis->name);
}

void figure_parallel(const struct figure *figure, const size_t *columns, size_t count)
{
    struct figure_axis *axes = calloc(AXES_MAX, sizeof *axes);
    double places[AXES_MAX];
    if (axes == NULL) {
        return;
    }
    for (size_t a = 0; a <= count; a++) {
        const size_t column = a < count ? columns[a] : figure->trials->field_count;
        figure_axis_make(figure, column, figure->bottom, figure->top, &axes[a]);
        places[a] = figure->left + (figure->right - figure->left) * (double)a / (double)count;
    }
    /* Those without a value lie below, the best on top. */
    for (int layer = 0; layer < 2; layer++) {
        for (size_t i = 0; i < figure->count; i++) {
            const size_t trial = figure->shown[i];
            if (trial != figure->best && isnan(figure->trials->items[trial].objective) == (layer == 0)) {
                draw_line(figure, axes, places, count + 1, trial);
            }
        }
    }
    if (figure->best < figure->trials->count) {
        draw_line(figure, axes, places, count + 1, figure->best);
    }
    for (size_t a = 0; a <= count; a++) {
        draw_upright(figure, &axes[a], places[a], a == count ? SVG_END : SVG_MIDDLE);
    }
    free(axes);
}

/* A trial that has ended, and when. */
struct ended {
    int64_t at;
    size_t trial;
};

static int by_time(const void *a, const void *b)
{
    const struct ended *x = a;
    const struct ended *y = b;
    if (x->at != y->at) {
        return x->at < y->at ? -1 : 1;
    }
    return x->trial < y->trial ? -1 : x->trial > y->trial;
}

static void draw_trials(const struct figure *figure, const struct ended *ended, size_t count,
                        const struct figure_axis *objective, const struct axis *order)
{
    const struct search_trials *trials = figure->trials;
    for (size_t i = 0; i < count; i++) {
        const size_t trial = ended[i].trial;
        const double x = axis_at(order, (double)(i + 1));
        const double y = figure_axis_at(figure, objective, trial);
        if (isnan(y)) {
            svg_add(figure->svg, "<path d=\"M%.1f %.1fl6 6m0 -6l-6 6\" stroke=\"%s\"/>\n", x - 3,
                    figure->bottom - 10, figure->colours->ink);
        } else {
            char colour[8];
            figure_colour(figure, trials->items[trial].objective, colour);
            svg_add(figure->svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x, y, colour);
        }
    }
}

static void draw_best(const struct figure *figure, const struct ended *ended, size_t count,
                      const struct figure_axis *objective, const struct axis *order)
{
    const struct search_trials *trials = figure->trials;
    double least = INFINITY;
    bool any = false;
    svg_add(figure->svg, "<path d=\"");
    for (size_t i = 0; i < count; i++) {
        const size_t trial = ended[i].trial;
        const double loss = search_loss(&trials->settings, trials->items[trial].objective);
        if (loss < least) {
            const double x = axis_at(order, (double)(i + 1));
            svg_add(figure->svg, any ? "H%.1fV%.1f" : "M%.1f %.1f", x,
                    figure_axis_at(figure, objective, trial));
            least = loss;
            any = true;
        }
    }
    svg_add(figure->svg, "%sH%.1f\" fill=\"none\" stroke=\"%s\" stroke-width=\"2.5\"/>\n", any ? "" : "M0 0",
            any ? axis_at(order, (double)count) : 0.0, figure->colours->accent);
}

void figure_progress(const struct figure *figure)
{
    struct ended *ended = calloc(figure->count + 1, sizeof *ended);
    size_t count = 0;
    if (ended == NULL) {
        return;
    }
    for (size_t i = 0; i < figure->count; i++) {
        const struct search_trial *trial = &figure->trials->items[figure->shown[i]];
        if (trial->finished_at > 0) {
            ended[count++] = (struct ended){trial->finished_at, figure->shown[i]};
        }
    }
    qsort(ended, count, sizeof *ended, by_time);
    struct figure_axis objective;
    figure_axis_make(figure, figure->trials->field_count, figure->bottom, figure->top, &objective);
    struct figure_axis order = {.name = "trials in the order in which they ended"};
    order.axis = axis_make(0, count > 0 ? (double)count : 1, figure->left, figure->right);
    draw_trials(figure, ended, count, &objective, &order.axis);
    draw_best(figure, ended, count, &objective, &order.axis);
    figure_draw_axis(figure, &order, false);
    figure_draw_axis(figure, &objective, true);
    free(ended);
}
