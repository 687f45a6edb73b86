#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/figure_data.h"

/* The objective over two fields. */

enum { TEXT_LEAST = 32, CELL_TEXT = 11 };

/* A pair of axes, and the best trial at each crossing of their values. */
struct map {
    const struct figure *figure;
    struct figure_axis x, y;
    size_t *cells; /* (y.distinct, x.distinct) trials; trials->count: none */
};

static size_t index_of(const struct figure_axis *axis, double value)
{
    size_t at = 0;
    while (at + 1 < axis->distinct && axis->values[at] != value) {
        at++;
    }
    return at;
}

/* Whether trial `a` is shown rather than `b`, which may be none. */
static bool is_better(const struct figure *figure, size_t a, size_t b)
{
    const struct search_trials *trials = figure->trials;
    if (b == trials->count || isnan(trials->items[b].objective)) {
        return true;
    }
    return search_loss(&trials->settings, trials->items[a].objective) <
           search_loss(&trials->settings, trials->items[b].objective);
}

/* Puts the trials into cells; how many of these are taken. */
static size_t fill_cells(struct map *map)
{
    const struct figure *figure = map->figure;
    const size_t none = figure->trials->count;
    size_t taken = 0;
    for (size_t c = 0; c < map->x.distinct * map->y.distinct; c++) {
        map->cells[c] = none;
    }
    for (size_t i = 0; i < figure->count; i++) {
        const size_t trial = figure->shown[i];
        const size_t column = index_of(&map->x, figure_value(figure, trial, map->x.column));
        const size_t row = index_of(&map->y, figure_value(figure, trial, map->y.column));
        size_t *cell = &map->cells[row * map->x.distinct + column];
        taken += *cell == none;
        *cell = is_better(figure, trial, *cell) ? trial : *cell;
    }
    return taken;
}

static void draw_cell(const struct map *map, size_t row, size_t column, double width, double height)
{
    const struct figure *figure = map->figure;
    const size_t trial = map->cells[row * map->x.distinct + column];
    const double x = figure->left + (double)column * width;
    const double y = figure->bottom - (double)(row + 1) * height;
    const double objective =
        trial == figure->trials->count ? (double)NAN : figure->trials->items[trial].objective;
    if (trial == figure->trials->count) {
        return;
    }
    if (isnan(objective)) {
        const bool failed = figure->trials->items[trial].state == JOB_FAILED;
        svg_add(figure->svg, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"/>\n", x,
                y, width, height, failed ? "url(#failed)" : "none");
        return;
    }
    char colour[8];
    char text[AXIS_LABEL_MAX];
    figure_colour(figure, objective, colour);
    svg_add(figure->svg, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"/>\n", x, y,
            width + 0.4, height + 0.4, colour);
    if (width >= TEXT_LEAST && height >= CELL_TEXT + 3) {
        const struct svg_label label = {.x = x + width / 2,
                                        .y = y + height / 2 + 4,
                                        .size = CELL_TEXT,
                                        .anchor = SVG_MIDDLE,
                                        .colour = figure_ink_on(colour)};
        figure_objective(figure, objective, text);
        svg_text(figure->svg, &label, text);
    }
}

/* Ticks in the middle of cells, as if the values were categories. */
static void draw_cells(struct map *map)
{
    const struct figure *figure = map->figure;
    const double width = (figure->right - figure->left) / (double)map->x.distinct;
    const double height = (figure->bottom - figure->top) / (double)map->y.distinct;
    svg_add(figure->svg, "<g shape-rendering=\"crispEdges\">\n");
    for (size_t row = 0; row < map->y.distinct; row++) {
        for (size_t column = 0; column < map->x.distinct; column++) {
            draw_cell(map, row, column, width, height);
        }
    }
    svg_add(figure->svg, "</g>\n");
    map->x.categories = map->y.categories = true;
    if (figure->best < figure->trials->count) {
        const size_t column = index_of(&map->x, figure_value(figure, figure->best, map->x.column));
        const size_t row = index_of(&map->y, figure_value(figure, figure->best, map->y.column));
        svg_add(figure->svg,
                "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"none\" stroke=\"%s\" "
                "stroke-width=\"3\"/>\n",
                figure->left + (double)column * width, figure->bottom - (double)(row + 1) * height, width,
                height, figure->colours->accent);
    }
}

static void draw_dots(const struct map *map)
{
    const struct figure *figure = map->figure;
    for (size_t i = 0; i < figure->count; i++) {
        const size_t trial = figure->shown[i];
        const struct search_trial *item = &figure->trials->items[trial];
        const double x = figure_axis_at(figure, &map->x, trial);
        const double y = figure_axis_at(figure, &map->y, trial);
        char colour[8];
        if (isnan(x) || isnan(y)) {
            continue;
        }
        if (!isnan(item->objective)) {
            figure_colour(figure, item->objective, colour);
            svg_add(figure->svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"%s\" stroke=\"%s\"/>\n", x,
                    y, colour, figure->colours->paper);
        } else if (item->state == JOB_FAILED) {
            svg_add(figure->svg, "<path d=\"M%.1f %.1fl8 8m0 -8l-8 8\" stroke=\"%s\"/>\n", x - 4, y - 4,
                    figure->colours->ink);
        }
    }
    if (figure->best < figure->trials->count) {
        svg_add(figure->svg,
                "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"8\" fill=\"none\" stroke=\"%s\" stroke-width=\"3\"/>\n",
                figure_axis_at(figure, &map->x, figure->best), figure_axis_at(figure, &map->y, figure->best),
                figure->colours->accent);
    }
}

void figure_heatmap(const struct figure *figure, size_t x, size_t y)
{
    struct map map = {.figure = figure};
    figure_axis_make(figure, x, figure->left, figure->right, &map.x);
    figure_axis_make(figure, y, figure->bottom, figure->top, &map.y);
    const bool few = map.x.distinct < FIGURE_CATEGORIES_MAX && map.y.distinct < FIGURE_CATEGORIES_MAX;
    const size_t cells = map.x.distinct * map.y.distinct;
    map.cells = few && cells > 0 ? calloc(cells, sizeof *map.cells) : NULL;
    svg_add(figure->svg,
            "<defs><pattern id=\"failed\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
            "<path d=\"M0 6L6 0\" stroke=\"%s\"/></pattern></defs>\n",
            figure->colours->ink);
    if (map.cells != NULL && fill_cells(&map) == cells) {
        draw_cells(&map);
    } else {
        draw_dots(&map);
    }
    free(map.cells);
    figure_draw_axis(figure, &map.x, false);
    figure_draw_axis(figure, &map.y, true);
    figure_draw_scale(figure);
}
