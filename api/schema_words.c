#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema.h"

enum { WORD_MAX = 63, SHOWN_MAX = 40 };

static void allow_number(const struct ep_field *field, const char *noun, char *words, size_t size)
{
    if (field->above_least) {
        snprintf(words, size, "%s above %.15g and at most %.15g", noun, field->least, field->most);
    } else {
        snprintf(words, size, "%s from %.16g to %.16g", noun, field->least, field->most);
    }
}

static void allow_choice(const struct ep_field *field, char *words, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; field->choices[i] != NULL && used < size; i++) {
        const char *before = i == 0 ? "" : field->choices[i + 1] == NULL ? " or " : ", ";
        used += (size_t)snprintf(words + used, size - used, "%s\"%s\"", before, field->choices[i]);
    }
}

void schema_allowed(const struct ep_field *field, char words[SCHEMA_WORDS_MAX])
{
    const bool word = field->form == EP_TEXT_WORD;
    switch (field->kind) {
    case EP_FIELD_INTEGER:
        allow_number(field, "an integer", words, SCHEMA_WORDS_MAX);
        break;
    case EP_FIELD_NUMBER:
        allow_number(field, "a number", words, SCHEMA_WORDS_MAX);
        break;
    case EP_FIELD_BOOLEAN:
        snprintf(words, SCHEMA_WORDS_MAX, "true or false");
        break;
    case EP_FIELD_TEXT:
        snprintf(words, SCHEMA_WORDS_MAX,
                 word ? "a word of 1 to %u of A-Z a-z 0-9 . _ - that does not start with a dot"
                      : "a text of at most %u bytes without control characters",
                 field->length_most);
        break;
    case EP_FIELD_CHOICE:
        allow_choice(field, words, SCHEMA_WORDS_MAX);
        break;
    case EP_FIELD_INTEGER_LIST:
        snprintf(words, SCHEMA_WORDS_MAX, "a list of at most %u integers from %.15g to %.15g",
                 field->items_most, field->least, field->most);
        break;
    case EP_FIELD_TEXT_LIST:
        snprintf(words, SCHEMA_WORDS_MAX,
                 "a list of at most %u different words of 1 to %u of A-Z a-z 0-9 . _ -", field->items_most,
                 field->length_most);
        break;
    }
}

void schema_allowed_item(const struct ep_field *field, char words[SCHEMA_WORDS_MAX])
{
    if (field->kind == EP_FIELD_INTEGER_LIST) {
        allow_number(field, "an integer", words, SCHEMA_WORDS_MAX);
    } else {
        snprintf(words, SCHEMA_WORDS_MAX,
                 "a word of 1 to %u of A-Z a-z 0-9 . _ - that does not start with a dot, and each only once",
                 field->length_most);
    }
}

/* With as many digits as tell the number from its neighbours: one just out of range must not look right. */
static void show_number(double value, char words[SCHEMA_WORDS_MAX])
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(words, SCHEMA_WORDS_MAX, "%.*g", digits, value);
        if (strtod(words, NULL) == value) {
            break;
        }
    }
}

void schema_got(const json_t *value, char words[SCHEMA_WORDS_MAX])
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        snprintf(words, SCHEMA_WORDS_MAX, "an object");
        break;
    case JSON_ARRAY:
        snprintf(words, SCHEMA_WORDS_MAX, "a list of %zu items", json_array_size(value));
        break;
    case JSON_STRING:
        if (json_string_length(value) <= SHOWN_MAX &&
            ep_text_allowed(EP_TEXT_FREE, json_string_value(value), json_string_length(value))) {
            snprintf(words, SCHEMA_WORDS_MAX, "the text \"%s\"", json_string_value(value));
        } else {
            snprintf(words, SCHEMA_WORDS_MAX, "a text of %zu bytes", json_string_length(value));
        }
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        show_number(json_number_value(value), words);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        snprintf(words, SCHEMA_WORDS_MAX, "%s", json_is_true(value) ? "true" : "false");
        break;
    case JSON_NULL:
        snprintf(words, SCHEMA_WORDS_MAX, "null");
        break;
    }
}

size_t schema_distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    const size_t rows = strnlen(a, WORD_MAX);
    const size_t columns = strnlen(b, WORD_MAX);
    for (size_t j = 0; j <= columns; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= rows; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            const size_t changed = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < changed ? replaced : changed;
        }
    }
    return row[columns];
}
