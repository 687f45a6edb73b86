#include "core/base/field.h"

#include <string.h>

static void preset_row(const struct ep_field *field, void *object)
{
    void *member = ep_field_at(field, object);
    switch (field->kind) {
    case EP_FIELD_INTEGER:
        *(uint64_t *)member = (uint64_t)field->preset;
        break;
    case EP_FIELD_NUMBER:
        *(double *)member = field->preset;
        break;
    case EP_FIELD_BOOLEAN:
        *(bool *)member = field->preset != 0;
        break;
    case EP_FIELD_CHOICE:
        *(int *)member = (int)field->preset;
        break;
    case EP_FIELD_TEXT:
    case EP_FIELD_INTEGER_LIST:
    case EP_FIELD_TEXT_LIST:
        break;
    }
}

void ep_fields_preset(const struct ep_fields *fields, void *object)
{
    memset(object, 0, fields->size);
    for (size_t i = 0; i < fields->count; i++) {
        preset_row(&fields->rows[i], object);
    }
}

size_t ep_fields_find(const struct ep_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (strcmp(fields->rows[i].name, name) == 0) {
            return i;
        }
    }
    return fields->count;
}

static bool word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool ep_text_allowed(enum ep_text_form form, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (form == EP_TEXT_WORD ? !word_character(text[i]) : c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return form != EP_TEXT_WORD || length == 0 || text[0] != '.';
}
