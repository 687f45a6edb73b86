#ifndef EP_API_FIGURE_DATA_H
#define EP_API_FIGURE_DATA_H

#include "api/axis.h"
#include "api/search_figure.h"

/** What the figures of a search share. Private to them. */

enum { FIGURE_CATEGORIES_MAX = 64, FIGURE_LABEL_MAX = 160 };

/** A field, or the objective, with its axis. */
struct figure_axis {
    size_t column; /**< of the trials' values; trials->field_count: the objective */
    char name[FIGURE_LABEL_MAX];
    bool categories;                        /**< values are told apart, not measured */
    size_t distinct;                        /**< different values, at most FIGURE_CATEGORIES_MAX */
    double values[FIGURE_CATEGORIES_MAX];   /**< (distinct) rising */
    size_t examples[FIGURE_CATEGORIES_MAX]; /**< (distinct) trials that have them */
    struct axis axis;
};

struct figure {
    const struct search_trials *trials;
    const struct search_figure_options *options;
    const struct svg_colours *colours;
    struct svg *svg;
    size_t count;
    size_t *shown;                   /**< (count) indices of the trials drawn, by age; owned */
    size_t best;                     /**< the best trial; trials->count: there is none */
    double low, high;                /**< objectives, low < high */
    double left, right, top, bottom; /**< the frame in which data are drawn */
    bool halo;                       /**< labels lie on lines */
};

double figure_value(const struct figure *figure, size_t trial, size_t column);

/** Looks at a column's values and lays its axis between two pixels. */
void figure_axis_make(const struct figure *figure, size_t column, double first, double last,
                      struct figure_axis *axis);

/** The pixel of a trial on an axis; NaN when it has no value there. */
double figure_axis_at(const struct figure *figure, const struct figure_axis *axis, size_t trial);

/** What a category of an axis is called. */
void figure_category(const struct figure *figure, const struct figure_axis *axis, size_t category,
                     char label[FIGURE_LABEL_MAX]);

/** The colour of an objective, between the worst and the best shown: "#rrggbb". */
void figure_colour(const struct figure *figure, double objective, char colour[8]);

/** Ink that is readable on a colour. */
const char *figure_ink_on(const char colour[8]);

/** An objective as text: accuracies as per cent. */
void figure_objective(const struct figure *figure, double objective, char text[AXIS_LABEL_MAX]);

/** Draws ticks and a title below (or left of) the frame. */
void figure_draw_axis(const struct figure *figure, const struct figure_axis *axis, bool upright);

/** Draws the scale of the colours right of the frame. */
void figure_draw_scale(const struct figure *figure);

void figure_heatmap(const struct figure *figure, size_t x, size_t y);
void figure_parallel(const struct figure *figure, const size_t *columns, size_t count);
void figure_progress(const struct figure *figure);

#endif
