#ifndef EP_API_AXIS_H
#define EP_API_AXIS_H

#include <stdbool.h>
#include <stddef.h>

/** From numbers to places along a line of a figure. A plain value. */

enum { AXIS_TICKS_MAX = 16, AXIS_LABEL_MAX = 32 };

struct axis {
    bool log;
    double from, to;    /**< values at the ends, from < to; above 0 with `log` */
    double first, last; /**< pixels at the ends; last may be below first */
    size_t tick_count;
    double ticks[AXIS_TICKS_MAX]; /**< round values within the ends */
};

/**
 * An axis for values from `least` to `most` between two pixels, a little wider than they are; logarithmic
 * when the values are above 0 and span more than a factor of 50. Equal or not finite ends are widened.
 */
struct axis axis_make(double least, double most, double first, double last);

/** The pixel of a value. */
double axis_at(const struct axis *axis, double value);

/** A number as people write it: 0.02, 1e-6, 2.5e-8. */
void axis_label(double value, char text[AXIS_LABEL_MAX]);

#endif
