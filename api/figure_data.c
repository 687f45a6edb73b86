#include "api/figure_data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/macros.h"

enum { TICK_SIZE = 12, TITLE_SIZE = 14, SCALE_STEPS = 64 };

/* Viridis, by van der Walt and Smith: even to the eye, also to one that confuses red and green. */
static const unsigned char viridis[][3] = {
    {0x44, 0x01, 0x54}, {0x48, 0x1a, 0x6c}, {0x47, 0x2f, 0x7d}, {0x41, 0x44, 0x87},
    {0x39, 0x56, 0x8c}, {0x31, 0x68, 0x8e}, {0x2a, 0x78, 0x8e}, {0x23, 0x88, 0x8e},
    {0x1f, 0x98, 0x8b}, {0x22, 0xa8, 0x84}, {0x35, 0xb7, 0x79}, {0x54, 0xc5, 0x68},
    {0x7a, 0xd1, 0x51}, {0xa5, 0xdb, 0x36}, {0xd2, 0xe2, 0x1b}, {0xfd, 0xe7, 0x25},
};

double figure_value(const struct figure *figure, size_t trial, size_t column)
{
    const struct search_trials *trials = figure->trials;
    return column == trials->field_count ? trials->items[trial].objective
                                         : trials->values[trial * trials->field_count + column];
}

/* Puts a value among the different ones, while there is room. */
static void add_distinct(struct figure_axis *axis, double value, size_t trial)
{
    size_t at = 0;
    while (at < axis->distinct && axis->values[at] < value) {
        at++;
    }
    if (isnan(value) || (at < axis->distinct && axis->values[at] == value) ||
        axis->distinct == FIGURE_CATEGORIES_MAX) {
        return;
    }
    memmove(&axis->values[at + 1], &axis->values[at], (axis->distinct - at) * sizeof *axis->values);
    memmove(&axis->examples[at + 1], &axis->examples[at], (axis->distinct - at) * sizeof *axis->examples);
    axis->values[at] = value;
    axis->examples[at] = trial;
    axis->distinct++;
}

static bool is_measured(const struct figure *figure, size_t column)
{
    if (column == figure->trials->field_count) {
        return true;
    }
    const enum ep_field_kind kind = job_spec_fields.rows[figure->trials->fields[column]].kind;
    return kind == EP_FIELD_NUMBER || kind == EP_FIELD_INTEGER;
}

/* "decay.every (epochs)" */
static void name_column(const struct figure *figure, size_t column, char name[FIGURE_LABEL_MAX])
{
    static const char *const metrics[] = {"cost, validation", "accuracy, validation (%)"};
    if (column == figure->trials->field_count) {
        snprintf(name, FIGURE_LABEL_MAX, "%s", metrics[figure->trials->settings.metric]);
        return;
    }
    const struct ep_field *field = &job_spec_fields.rows[figure->trials->fields[column]];
    const bool unit = field->unit != NULL && field->unit[0] != '\0';
    snprintf(name, FIGURE_LABEL_MAX, "%s%s%s%s", field->name, unit ? " (" : "", unit ? field->unit : "",
             unit ? ")" : "");
    for (char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash, '/')) {
        *slash = '.';
    }
}

void figure_axis_make(const struct figure *figure, size_t column, double first, double last,
                      struct figure_axis *axis)
{
    double least = INFINITY;
    double most = -INFINITY;
    *axis = (struct figure_axis){.column = column, .categories = !is_measured(figure, column)};
    name_column(figure, column, axis->name);
    for (size_t i = 0; i < figure->count; i++) {
        const double value = figure_value(figure, figure->shown[i], column);
        add_distinct(axis, value, figure->shown[i]);
        if (!isnan(value)) {
            least = fmin(least, value);
            most = fmax(most, value);
        }
    }
    axis->axis = axis_make(least, most, first, last);
}

static size_t category_of(const struct figure_axis *axis, double value)
{
    size_t at = 0;
    while (at < axis->distinct && axis->values[at] != value) {
        at++;
    }
    return at;
}

double figure_axis_at(const struct figure *figure, const struct figure_axis *axis, size_t trial)
{
    const double value = figure_value(figure, trial, axis->column);
    if (isnan(value)) {
        return NAN;
    }
    if (!axis->categories) {
        return axis_at(&axis->axis, value);
    }
    const double share = ((double)category_of(axis, value) + 0.5) / (double)axis->distinct;
    return axis->axis.first + share * (axis->axis.last - axis->axis.first);
}

void figure_category(const struct figure *figure, const struct figure_axis *axis, size_t category,
                     char label[FIGURE_LABEL_MAX])
{
    const double value = axis->values[category];
    const struct ep_field *field = &job_spec_fields.rows[figure->trials->fields[axis->column]];
    if (field->kind == EP_FIELD_BOOLEAN) {
        snprintf(label, FIGURE_LABEL_MAX, "%s", value > 0 ? "true" : "false");
    } else if (field->kind == EP_FIELD_CHOICE) {
        snprintf(label, FIGURE_LABEL_MAX, "%s", field->choices[(size_t)value]);
    } else if (field->kind == EP_FIELD_INTEGER_LIST && figure->trials->hidden != NULL) {
        const struct ep_integer_list *list = &figure->trials->hidden[axis->examples[category]];
        int used = snprintf(label, FIGURE_LABEL_MAX, "%s", list->count == 0 ? "none" : "");
        for (uint32_t i = 0; i < list->count && used < FIGURE_LABEL_MAX - 12; i++) {
            used += snprintf(label + used, FIGURE_LABEL_MAX - (size_t)used, "%s%u", i > 0 ? "-" : "",
                             list->items[i]);
        }
    } else {
        axis_label(value, label);
    }
}

void figure_colour(const struct figure *figure, double objective, char colour[8])
{
    const bool lower_is_better = figure->trials->settings.goal == SEARCH_MINIMIZE;
    double share = (objective - figure->low) / (figure->high - figure->low);
    share = lower_is_better ? 1 - share : share;
    const size_t last = EP_COUNT(viridis) - 1;
    share = fmin(fmax(share, 0), 1) * (double)last;
    const size_t below = share >= (double)last ? last - 1 : (size_t)share;
    unsigned mixed[3];
    for (size_t c = 0; c < 3; c++) {
        const double part = share - (double)below;
        mixed[c] = (unsigned)lround((1 - part) * viridis[below][c] + part * viridis[below + 1][c]);
    }
    snprintf(colour, 8, "#%02x%02x%02x", mixed[0] & 0xffU, mixed[1] & 0xffU, mixed[2] & 0xffU);
}

const char *figure_ink_on(const char colour[8])
{
    const unsigned long rgb = strtoul(colour + 1, NULL, 16);
    const double light =
        0.299 * (double)(rgb >> 16 & 0xff) + 0.587 * (double)(rgb >> 8 & 0xff) + 0.114 * (double)(rgb & 0xff);
    return light > 120 ? "#000000" : "#ffffff";
}

void figure_objective(const struct figure *figure, double objective, char text[AXIS_LABEL_MAX])
{
    if (figure->trials->settings.metric == SEARCH_ACCURACY) {
        snprintf(text, AXIS_LABEL_MAX, "%.1f", 100 * objective);
    } else {
        snprintf(text, AXIS_LABEL_MAX, "%.4g", objective);
    }
}

/* What stands at a tick of a measured axis. */
static void label_tick(const struct figure *figure, const struct figure_axis *axis, double value,
                       char text[AXIS_LABEL_MAX])
{
    const bool percent =
        axis->column == figure->trials->field_count && figure->trials->settings.metric == SEARCH_ACCURACY;
    axis_label(percent ? 100 * value : value, text);
}

static void draw_tick(const struct figure *figure, double at, bool upright, const char *text)
{
    const struct svg_label label = {
        .x = upright ? figure->left - 8 : at,
        .y = upright ? at + 4 : figure->bottom + 20,
        .size = TICK_SIZE,
        .anchor = upright ? SVG_END : SVG_MIDDLE,
        .halo = figure->halo,
    };
    const double x = upright ? figure->left : at;
    const double y = upright ? at : figure->bottom;
    svg_add(figure->svg, "<path d=\"M%.1f %.1f%s\" stroke=\"%s\"/>\n", x, y, upright ? "h-5" : "v5",
            figure->colours->ink);
    svg_text(figure->svg, &label, text);
}

/* Categories, as many as there is room for. */
static void draw_categories(const struct figure *figure, const struct figure_axis *axis, bool upright)
{
    const double length = fabs(axis->axis.last - axis->axis.first);
    const double each = length / (double)axis->distinct;
    const double wanted = upright ? 1.3 * TICK_SIZE : 4.5 * TICK_SIZE;
    const size_t stride = (size_t)ceil(wanted / each);
    for (size_t c = 0; c < axis->distinct; c += stride) {
        char text[FIGURE_LABEL_MAX];
        const double share = ((double)c + 0.5) / (double)axis->distinct;
        figure_category(figure, axis, c, text);
        draw_tick(figure, axis->axis.first + share * (axis->axis.last - axis->axis.first), upright, text);
    }
}

void figure_draw_axis(const struct figure *figure, const struct figure_axis *axis, bool upright)
{
    if (axis->categories) {
        draw_categories(figure, axis, upright);
    }
    for (size_t i = 0; i < axis->axis.tick_count && !axis->categories; i++) {
        char text[AXIS_LABEL_MAX];
        label_tick(figure, axis, axis->axis.ticks[i], text);
        draw_tick(figure, axis_at(&axis->axis, axis->axis.ticks[i]), upright, text);
    }
    const struct svg_label title = {
        .x = upright ? figure->left - 76 : (figure->left + figure->right) / 2,
        .y = upright ? (figure->top + figure->bottom) / 2 : figure->bottom + 44,
        .size = TITLE_SIZE,
        .anchor = SVG_MIDDLE,
        .upwards = upright,
    };
    svg_text(figure->svg, &title, axis->name);
}

void figure_draw_scale(const struct figure *figure)
{
    const double left = figure->right + 24;
    const double height = (figure->bottom - figure->top) / SCALE_STEPS;
    for (int i = 0; i < SCALE_STEPS; i++) {
        char colour[8];
        const double share = (i + 0.5) / SCALE_STEPS;
        figure_colour(figure, figure->high + share * (figure->low - figure->high), colour);
        svg_add(figure->svg, "<rect x=\"%.1f\" y=\"%.2f\" width=\"16\" height=\"%.2f\" fill=\"%s\"/>\n", left,
                figure->top + i * height, height + 0.5, colour);
    }
    const struct axis axis = axis_make(figure->low, figure->high, figure->bottom, figure->top);
    for (size_t i = 0; i < axis.tick_count; i++) {
        char text[AXIS_LABEL_MAX];
        const double share = (axis.ticks[i] - figure->low) / (figure->high - figure->low);
        const double y = figure->bottom + share * (figure->top - figure->bottom);
        const struct svg_label label = {.x = left + 22, .y = y + 4, .size = TICK_SIZE};
        if (share >= 0 && share <= 1) {
            figure_objective(figure, axis.ticks[i], text);
            svg_text(figure->svg, &label, text);
        }
    }
    struct figure_axis objective;
    figure_axis_make(figure, figure->trials->field_count, 0, 1, &objective);
    const struct svg_label title = {.x = left + 76,
                                    .y = (figure->top + figure->bottom) / 2,
                                    .size = TITLE_SIZE,
                                    .anchor = SVG_MIDDLE,
                                    .upwards = true};
    svg_text(figure->svg, &title, objective.name);
}
