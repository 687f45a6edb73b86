#include "core/jobs/store_columns.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

void store_columns_add_names(sqlite3_str *sql, const char *table, const struct ep_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        sqlite3_str_appendf(sql, ", %s", table);
        for (const char *c = fields->rows[i].name; *c != '\0'; c++) {
            sqlite3_str_append(sql, *c == '/' ? "_" : c, 1);
        }
    }
}

int store_bind_number(sqlite3_stmt *statement, int index, double value)
{
    return isnan(value) ? sqlite3_bind_null(statement, index) : sqlite3_bind_double(statement, index, value);
}

double store_read_number(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_type(statement, column) == SQLITE_NULL ? NAN
                                                                 : sqlite3_column_double(statement, column);
}

int store_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    return sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

bool store_read_text(sqlite3_stmt *statement, int column, char *text, size_t size)
{
    const unsigned char *value = sqlite3_column_text(statement, column);
    const size_t length = (size_t)sqlite3_column_bytes(statement, column);
    if (value == NULL || length >= size || memchr(value, '\0', length) != NULL) {
        return false;
    }
    memcpy(text, value, length);
    text[length] = '\0';
    return true;
}

/* Takes over `text`. */
static int bind_built(sqlite3_stmt *statement, int index, sqlite3_str *text)
{
    if (sqlite3_str_errcode(text) != SQLITE_OK) {
        sqlite3_free(sqlite3_str_finish(text));
        return SQLITE_NOMEM;
    }
    char *built = sqlite3_str_finish(text);
    /* An empty sqlite3_str finishes as NULL, which is not an empty list. */
    return built == NULL ? sqlite3_bind_text(statement, index, "", 0, SQLITE_STATIC)
                         : sqlite3_bind_text(statement, index, built, -1, sqlite3_free);
}

static int bind_integers(sqlite3_stmt *statement, int index, const struct ep_integer_list *list)
{
    if (list->count > EP_INTEGER_LIST_MAX) {
        return SQLITE_RANGE;
    }
    sqlite3_str *text = sqlite3_str_new(NULL);
    for (uint32_t i = 0; i < list->count; i++) {
        sqlite3_str_appendf(text, i == 0 ? "%u" : ",%u", (unsigned)list->items[i]);
    }
    return bind_built(statement, index, text);
}

static bool storable_words(const struct ep_text_list *list)
{
    if (list->count > EP_TEXT_LIST_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->items[i][0] == '\0' || strchr(list->items[i], ' ') != NULL) {
            return false;
        }
    }
    return true;
}

static int bind_words(sqlite3_stmt *statement, int index, const struct ep_text_list *list)
{
    if (!storable_words(list)) {
        return SQLITE_RANGE;
    }
    sqlite3_str *text = sqlite3_str_new(NULL);
    for (uint32_t i = 0; i < list->count; i++) {
        sqlite3_str_appendf(text, i == 0 ? "%s" : " %s", list->items[i]);
    }
    return bind_built(statement, index, text);
}

static int bind_choice(sqlite3_stmt *statement, int index, const struct ep_field *field, int choice)
{
    for (int i = 0; field->choices[i] != NULL; i++) {
        if (i == choice) {
            return store_bind_text(statement, index, field->choices[i]);
        }
    }
    return SQLITE_RANGE;
}

static int bind_field(sqlite3_stmt *statement, int index, const struct ep_field *field, const void *object)
{
    const void *member = ep_field_of(field, object);
    switch (field->kind) {
    case EP_FIELD_INTEGER: {
        const uint64_t value = *(const uint64_t *)member;
        return value > INT64_MAX ? SQLITE_RANGE : sqlite3_bind_int64(statement, index, (int64_t)value);
    }
    case EP_FIELD_NUMBER:
        return store_bind_number(statement, index, *(const double *)member);
    case EP_FIELD_BOOLEAN:
        return sqlite3_bind_int(statement, index, *(const bool *)member);
    case EP_FIELD_TEXT:
        return store_bind_text(statement, index, (const char *)member);
    case EP_FIELD_CHOICE:
        return bind_choice(statement, index, field, *(const int *)member);
    case EP_FIELD_INTEGER_LIST:
        return bind_integers(statement, index, (const struct ep_integer_list *)member);
    case EP_FIELD_TEXT_LIST:
        return bind_words(statement, index, (const struct ep_text_list *)member);
    }
    return SQLITE_RANGE;
}

enum ep_status store_columns_bind(sqlite3_stmt *statement, int first, const struct ep_fields *fields,
                                  const void *object, struct ep_error *error)
{
    for (size_t i = 0; i < fields->count; i++) {
        const int code = bind_field(statement, first + (int)i, &fields->rows[i], object);
        if (code == SQLITE_NOMEM) {
            return ep_fail(error, EP_NO_MEMORY, "not enough memory to store \"%s\"", fields->rows[i].name);
        }
        if (code != SQLITE_OK) {
            return ep_fail(error, EP_INVALID, "the value of \"%s\" cannot be stored", fields->rows[i].name);
        }
    }
    return EP_OK;
}

/* One number of "50,30" from *at on; *at moves behind it and its comma. */
static bool read_item(const char **at, uint32_t *item)
{
    uint64_t value = 0;
    const char *c = *at;
    if (*c < '0' || *c > '9') {
        return false;
    }
    for (; *c >= '0' && *c <= '9'; c++) {
        value = value * 10 + (uint64_t)(*c - '0');
        if (value > UINT32_MAX) {
            return false;
        }
    }
    if (*c == ',') {
        c++;
        if (*c == '\0') {
            return false;
        }
    } else if (*c != '\0') {
        return false;
    }
    *item = (uint32_t)value;
    *at = c;
    return true;
}

static bool read_integers(sqlite3_stmt *statement, int column, struct ep_integer_list *list)
{
    char text[EP_INTEGER_LIST_MAX * 11 + 1];
    if (!store_read_text(statement, column, text, sizeof text)) {
        return false;
    }
    list->count = 0;
    for (const char *at = text; *at != '\0'; list->count++) {
        if (list->count == EP_INTEGER_LIST_MAX || !read_item(&at, &list->items[list->count])) {
            return false;
        }
    }
    return true;
}

static bool read_words(sqlite3_stmt *statement, int column, struct ep_text_list *list)
{
    char text[EP_TEXT_LIST_MAX * (EP_TEXT_ITEM_MAX + 1) + 1];
    if (!store_read_text(statement, column, text, sizeof text)) {
        return false;
    }
    list->count = 0;
    for (const char *at = text; *at != '\0'; list->count++) {
        const size_t length = strcspn(at, " ");
        if (list->count == EP_TEXT_LIST_MAX || length == 0 || length > EP_TEXT_ITEM_MAX) {
            return false;
        }
        memcpy(list->items[list->count], at, length);
        list->items[list->count][length] = '\0';
        at += length;
        at += *at == ' ' ? 1 : 0;
    }
    return true;
}

static bool read_choice(sqlite3_stmt *statement, int column, const struct ep_field *field, int *choice)
{
    char name[64];
    if (!store_read_text(statement, column, name, sizeof name)) {
        return false;
    }
    for (int i = 0; field->choices[i] != NULL; i++) {
        if (strcmp(field->choices[i], name) == 0) {
            *choice = i;
            return true;
        }
    }
    return false;
}

static bool read_field(sqlite3_stmt *statement, int column, const struct ep_field *field, void *object)
{
    void *member = ep_field_at(field, object);
    switch (field->kind) {
    case EP_FIELD_INTEGER: {
        const int64_t value = sqlite3_column_int64(statement, column);
        *(uint64_t *)member = (uint64_t)value;
        return value >= 0;
    }
    case EP_FIELD_NUMBER:
        *(double *)member = store_read_number(statement, column);
        return true;
    case EP_FIELD_BOOLEAN:
        *(bool *)member = sqlite3_column_int(statement, column) != 0;
        return true;
    case EP_FIELD_TEXT:
        return store_read_text(statement, column, (char *)member, (size_t)field->length_most + 1);
    case EP_FIELD_CHOICE:
        return read_choice(statement, column, field, (int *)member);
    case EP_FIELD_INTEGER_LIST:
        return read_integers(statement, column, (struct ep_integer_list *)member);
    case EP_FIELD_TEXT_LIST:
        return read_words(statement, column, (struct ep_text_list *)member);
    }
    return false;
}

enum ep_status store_columns_read(sqlite3_stmt *statement, int first, const struct ep_fields *fields,
                                  void *object, struct ep_error *error)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (!read_field(statement, first + (int)i, &fields->rows[i], object)) {
            return ep_fail(error, EP_CORRUPT, "\"%s\": a stored value of \"%s\" makes no sense",
                           sqlite3_db_filename(sqlite3_db_handle(statement), "main"), fields->rows[i].name);
        }
    }
    return EP_OK;
}
