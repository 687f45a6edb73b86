#include "api/svg.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct svg {
    enum svg_theme theme;
    bool failed;
    size_t length, capacity;
    char *text; /* (capacity) grows up to SVG_BYTES_MAX */
};

static const struct svg_colours themes[] = {
    [SVG_LIGHT] = {.paper = "#ffffff", .ink = "#1a1a1a", .faint = "#d0d0d0", .accent = "#c2185b"},
    [SVG_DARK] = {.paper = "#14171a", .ink = "#e8e8e8", .faint = "#3a4046", .accent = "#ff7aa8"},
};

const struct svg_colours *svg_colours(enum svg_theme theme)
{
    return &themes[theme];
}

static bool make_room(struct svg *svg, size_t more)
{
    size_t capacity = svg->capacity == 0 ? 4096 : svg->capacity;
    if (svg->failed || more >= SVG_BYTES_MAX - svg->length) {
        svg->failed = true;
        return false;
    }
    while (capacity <= svg->length + more) {
        capacity *= 2;
    }
    if (capacity > svg->capacity) {
        char *text = realloc(svg->text, capacity);
        if (text == NULL) {
            svg->failed = true;
            return false;
        }
        svg->text = text;
        svg->capacity = capacity;
    }
    return true;
}

void svg_add(struct svg *svg, const char *format, ...)
{
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        svg->failed = true;
    } else if (make_room(svg, (size_t)length)) {
        vsnprintf(svg->text + svg->length, (size_t)length + 1, format, again);
        svg->length += (size_t)length;
    }
    va_end(again);
}

static void add_escaped(struct svg *svg, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            svg_add(svg, "&amp;");
            break;
        case '<':
            svg_add(svg, "&lt;");
            break;
        case '>':
            svg_add(svg, "&gt;");
            break;
        case '"':
            svg_add(svg, "&quot;");
            break;
        default:
            svg_add(svg, "%c", (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
            break;
        }
    }
}

struct svg *svg_create(double width, double height, enum svg_theme theme, const char *title,
                       const char *description)
{
    struct svg *svg = calloc(1, sizeof *svg);
    if (svg == NULL) {
        return NULL;
    }
    svg->theme = theme;
    svg_add(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
        "role=\"img\" font-family=\"Helvetica, Arial, sans-serif\">\n<title>",
        width, height, width, height);
    add_escaped(svg, title);
    svg_add(svg, "</title>\n<desc>");
    add_escaped(svg, description);
    svg_add(svg, "</desc>\n<rect width=\"100%%\" height=\"100%%\" fill=\"%s\"/>\n", themes[theme].paper);
    return svg;
}

void svg_destroy(struct svg *svg)
{
    if (svg != NULL) {
        free(svg->text);
        free(svg);
    }
}

void svg_text(struct svg *svg, const struct svg_label *label, const char *text)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    svg_add(svg, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.0f\" text-anchor=\"%s\" fill=\"%s\"", label->x,
            label->y, label->size, anchors[label->anchor],
            label->colour != NULL ? label->colour : themes[svg->theme].ink);
    if (label->strong) {
        svg_add(svg, " font-weight=\"bold\"");
    }
    if (label->halo) {
        svg_add(svg, " paint-order=\"stroke\" stroke=\"%s\" stroke-width=\"4\"", themes[svg->theme].paper);
    }
    if (label->upwards) {
        svg_add(svg, " transform=\"rotate(-90 %.1f %.1f)\"", label->x, label->y);
    }
    svg_add(svg, ">");
    add_escaped(svg, text);
    svg_add(svg, "</text>\n");
}

char *svg_finish(struct svg *svg, size_t *length)
{
    svg_add(svg, "</svg>\n");
    if (svg->failed) {
        return NULL;
    }
    char *text = svg->text;
    *length = svg->length;
    svg->text = NULL;
    svg->length = svg->capacity = 0;
    return text;
}
