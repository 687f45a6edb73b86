#include "api/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double log_from = 50; /* the factor from which on an axis is logarithmic */
enum { STEPS_WANTED = 6 };

static void add_tick(struct axis *axis, double value)
{
    const double slack = 1e-9 * (axis->log ? value : axis->to - axis->from);
    if (axis->tick_count < AXIS_TICKS_MAX && value >= axis->from - slack && value <= axis->to + slack) {
        axis->ticks[axis->tick_count++] = value;
    }
}

/* Powers of ten, not more than there is room for; with few of them 2 and 5 times these, too. */
static void add_log_ticks(struct axis *axis)
{
    const int low = (int)floor(log10(axis->from));
    const int high = (int)ceil(log10(axis->to));
    const int stride = (high - low) / 10 + 1;
    const bool few = high - low <= 3;
    for (int power = low; power <= high; power += stride) {
        add_tick(axis, pow(10, power));
        if (few) {
            add_tick(axis, 2 * pow(10, power));
            add_tick(axis, 5 * pow(10, power));
        }
    }
}

/* Multiples of 1, 2 or 5 times a power of ten. */
static void add_linear_ticks(struct axis *axis)
{
    const double rough = (axis->to - axis->from) / STEPS_WANTED;
    const double power = pow(10, floor(log10(rough)));
    const double factor = rough / power;
    const double step = power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
    const double first = ceil(axis->from / step);
    for (int i = 0; i < AXIS_TICKS_MAX; i++) {
        const double value = (first + i) * step;
        add_tick(axis, fabs(value) < step / 1e6 ? 0 : value);
    }
}

struct axis axis_make(double least, double most, double first, double last)
{
    struct axis axis = {.first = first, .last = last};
    if (!isfinite(least) || !isfinite(most)) {
        least = most = 0;
    }
    axis.log = least > 0 && most / least > log_from;
    if (axis.log) {
        const double margin = exp(0.02 * (log(most) - log(least)));
        axis.from = least / margin;
        axis.to = most * margin;
        add_log_ticks(&axis);
    } else {
        const double width = most > least ? most - least : fmax(fabs(most), 1e-12);
        axis.from = least - 0.04 * width;
        axis.to = most + 0.04 * width;
        add_linear_ticks(&axis);
    }
    return axis;
}

double axis_at(const struct axis *axis, double value)
{
    const double share = axis->log ? (log(value) - log(axis->from)) / (log(axis->to) - log(axis->from))
                                   : (value - axis->from) / (axis->to - axis->from);
    return axis->first + share * (axis->last - axis->first);
}

/* "1e-06" is "1e-6" to people. */
static void shorten_exponent(char *text)
{
    char *e = strchr(text, 'e');
    if (e == NULL) {
        return;
    }
    char *digits = e + 1;
    char *to = digits;
    if (*digits == '-') {
        to++;
    }
    digits += *digits == '-' || *digits == '+';
    while (*digits == '0' && digits[1] != '\0') {
        digits++;
    }
    memmove(to, digits, strlen(digits) + 1);
}

void axis_label(double value, char text[AXIS_LABEL_MAX])
{
    const double size = fabs(value);
    snprintf(text, AXIS_LABEL_MAX, size > 0 && (size < 1e-3 || size >= 1e6) ? "%.2e" : "%.3g", value);
    char *e = strchr(text, 'e');
    char *point = strchr(text, '.');
    if (e != NULL && point != NULL && point < e) {
        char *end = e;
        while (end[-1] == '0') {
            end--;
        }
        end -= end[-1] == '.';
        memmove(end, e, strlen(e) + 1);
    }
    shorten_exponent(text);
}
