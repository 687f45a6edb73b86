#include "api/json.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/problem.h"
#include "core/base/clock.h"

enum { DIGITS_LEAST = 15, DIGITS_MOST = 17 };

/* Where in a text something was found. */
struct position {
    size_t line, column;
};

/* Jansson builds deep values before anybody can judge them, so depth is judged first. */
static bool too_deep(const char *text, size_t length, struct position *at)
{
    size_t level = 0;
    bool quoted = false;
    *at = (struct position){.line = 1};
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        at->column++;
        if (c == '\n') {
            *at = (struct position){.line = at->line + 1};
        } else if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++level > JSON_LEVELS_MAX) {
                return true;
            }
        } else if ((c == ']' || c == '}') && level > 0) {
            level--;
        }
    }
    return false;
}

/* The library's reason, without its own vocabulary. */
static enum ep_status explain(const json_error_t *cause, struct ep_error *error)
{
    const enum json_error_code code = json_error_code(cause);
    if (code == json_error_out_of_memory) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to read the JSON");
    }
    const char *reason = code == json_error_null_character           ? "\\u0000 is not allowed in a text"
                         : code == json_error_premature_end_of_input ? "the JSON ends too early"
                                                                     : cause->text;
    return ep_fail(error, EP_INVALID, "line %d, column %d: %s", cause->line, cause->column, reason);
}

enum ep_status json_read(const char *text, size_t length, json_t **root, struct ep_error *error)
{
    struct position at;
    json_error_t cause;
    if (length == 0) {
        return ep_fail(error, EP_INVALID, "the body is empty; JSON is expected");
    }
    if (too_deep(text, length, &at)) {
        return ep_fail(error, EP_INVALID, "line %zu, column %zu: more than %d levels of lists and objects",
                       at.line, at.column, JSON_LEVELS_MAX);
    }
    *root =
        json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &cause);
    return *root == NULL ? explain(&cause, error) : EP_OK;
}

static double round_to(double value, int digits)
{
    char text[40];
    snprintf(text, sizeof text, "%.*g", digits, value);
    return strtod(text, NULL);
}

json_t *json_number(double value)
{
    return json_rounded(value, DIGITS_LEAST);
}

json_t *json_rounded(double value, int digits)
{
    return isfinite(value) ? json_real(round_to(value, digits)) : json_null();
}

json_t *json_text(const char *text)
{
    json_t *string = json_string(text);
    if (string != NULL) {
        return string;
    }
    char *plain = strdup(text);
    if (plain == NULL) {
        return NULL;
    }
    for (char *c = plain; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80) {
            *c = '?';
        }
    }
    string = json_string(plain);
    free(plain);
    return string;
}

json_t *json_append(json_t *list, json_t *item)
{
    if (list == NULL) {
        json_decref(item);
    } else if (json_array_append_new(list, item) != 0) {
        json_decref(list);
        list = NULL;
    }
    return list;
}

json_t *json_epoch(uint64_t epoch)
{
    return epoch == 0 ? json_null() : json_integer((json_int_t)epoch);
}

json_t *json_time(int64_t ms)
{
    char text[EP_TIME_TEXT];
    if (ms == 0) {
        return json_null();
    }
    ep_clock_format(ms, text);
    return json_string(text);
}

/* The digits with which all numbers of a value are read back as they are. */
static int digits_for(json_t *value)
{
    int digits = DIGITS_LEAST;
    if (json_is_real(value)) {
        const double number = json_real_value(value);
        while (digits < DIGITS_MOST && round_to(number, digits) != number) {
            digits++;
        }
        return digits;
    }
    const char *key;
    json_t *member;
    size_t index;
    json_object_foreach(value, key, member)
    {
        const int wanted = digits_for(member);
        digits = wanted > digits ? wanted : digits;
    }
    json_array_foreach(value, index, member)
    {
        const int wanted = digits_for(member);
        digits = wanted > digits ? wanted : digits;
    }
    return digits;
}

/* Prints what has no members, or only numbers of few digits. */
static bool print_plain(FILE *file, const json_t *value, int digits)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION((size_t)digits);
    return value != NULL && json_dumpf(value, file, flags) == 0;
}

/* The library has one precision for all numbers of a call; a number of many digits must not give them to its
 * neighbours, where 0.9 would become 0.90000000000000002. */
static bool print_value(FILE *file, json_t *value)
{
    const int digits = digits_for(value);
    if (digits == DIGITS_LEAST || json_is_real(value)) {
        return print_plain(file, value, digits);
    }
    const bool list = json_is_array(value);
    const char *before = list ? "[" : "{";
    const char *key;
    json_t *member;
    size_t index;
    bool printed = true;
    json_array_foreach(value, index, member)
    {
        printed = printed && fputs(before, file) >= 0 && print_value(file, member);
        before = ",";
    }
    json_object_foreach(value, key, member)
    {
        json_t *name = json_string(key);
        printed = printed && fputs(before, file) >= 0 && print_plain(file, name, DIGITS_LEAST) &&
                  fputc(':', file) >= 0 && print_value(file, member);
        json_decref(name);
        before = ",";
    }
    return printed && fputc(list ? ']' : '}', file) >= 0;
}

char *json_print(json_t *root, size_t *length)
{
    char *text = NULL;
    FILE *file = open_memstream(&text, length);
    if (file == NULL) {
        return NULL;
    }
    const bool printed = print_value(file, root) && fputc('\n', file) >= 0;
    if (fclose(file) != 0 || !printed) {
        free(text);
        return NULL;
    }
    return text;
}

void json_respond(struct http_response *response, int status, json_t *root)
{
    size_t length = 0;
    char *text = root == NULL ? NULL : json_print(root, &length);
    json_decref(root);
    if (text == NULL) {
        problem_respond_bare(response);
        return;
    }
    response->status = status;
    response->content_type = response->content_type != NULL ? response->content_type : "application/json";
    response->body = text;
    response->body_length = length;
}
