#ifndef EP_API_SEARCH_FIGURE_H
#define EP_API_SEARCH_FIGURE_H

#include "api/svg.h"
#include "core/base/error.h"
#include "core/search/searches.h"

/** Figures of a search's trials. */

enum search_figure_kind {
    SEARCH_FIGURE_AUTO,    /**< by how many fields differ: two make a heat map, more parallel coordinates */
    SEARCH_FIGURE_HEATMAP, /**< the objective over two fields; cells where the trials are a grid, dots else */
    SEARCH_FIGURE_PARALLEL, /**< a line for each trial through an axis for each field */
    SEARCH_FIGURE_PROGRESS, /**< the best so far over the trials in the order in which they ended */
};

enum { SEARCH_FIGURE_LEAST = 320, SEARCH_FIGURE_MOST = 4000 }; /**< pixels of width and height */

struct search_figure_options {
    enum search_figure_kind kind;
    size_t x, y;  /**< rows of job_spec_fields for the heat map; job_spec_fields.count: as suits */
    size_t stage; /**< only trials of this one; SEARCH_STAGES_MAX: of all */
    enum svg_theme theme;
    double width, height;
};

/**
 * Draws the trials: *text (from malloc) is an SVG document. The same trials give the same bytes. EP_INVALID:
 * x or y is no field in which the trials differ; EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status search_figure(const struct search_trials *trials,
                                          const struct search_figure_options *options, char **text,
                                          size_t *length, struct ep_error *error);

#endif
