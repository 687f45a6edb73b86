#ifndef EP_API_SVG_H
#define EP_API_SVG_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/macros.h"

/** Writes a drawing as SVG 1.1. The same calls give the same bytes. Lengths are pixels, y grows downwards. */
struct svg;

enum svg_theme { SVG_LIGHT, SVG_DARK };

enum { SVG_BYTES_MAX = 8 << 20 }; /**< a drawing that would be larger fails */

/** What a theme draws with. */
struct svg_colours {
    const char *paper, *ink, *faint, *accent; /**< "#rrggbb" */
};

const struct svg_colours *svg_colours(enum svg_theme theme);

/**
 * Begins a drawing with a background; `title` and `description` are read out to those who do not see it. NULL
 * when memory is short. Release with svg_destroy.
 */
struct svg *svg_create(double width, double height, enum svg_theme theme, const char *title,
                       const char *description);

/** NULL is fine. */
void svg_destroy(struct svg *svg);

/** Adds markup. Texts among the arguments must be ours, not clients'. */
void svg_add(struct svg *svg, const char *format, ...) EP_PRINTF(2, 3);

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

/** Where and how a text stands: the height of its letters' foot is y. */
struct svg_label {
    double x, y;
    double size;
    enum svg_anchor anchor;
    bool upwards; /**< turned by a quarter to the left */
    bool strong;
    bool halo;          /**< with a rim of the paper's colour, to be read on lines */
    const char *colour; /**< NULL: the theme's ink */
};

/** Adds a text, whoever wrote it: markup in it is escaped, control characters become blanks. */
void svg_text(struct svg *svg, const struct svg_label *label, const char *text);

/** The finished drawing, from malloc; NULL when memory was short or it is larger than SVG_BYTES_MAX. */
char *svg_finish(struct svg *svg, size_t *length);

#endif
