#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "api/schema.h"

enum { NAME_MAX_BYTES = 64, POINTER_MAX = SCHEMA_POINTER_MAX, CLOSE_ENOUGH = 2 };

/* An object being decoded. */
struct decoding {
    const struct ep_fields *fields;
    const struct schema_place *place;
    void *target;
    uint64_t given;
    struct ep_faults *faults;
};

/* A field's name as people write it: "decay.every". */
static const char *words_of(const char *name, char words[NAME_MAX_BYTES])
{
    snprintf(words, NAME_MAX_BYTES, "%s", name);
    for (char *slash = strchr(words, '/'); slash != NULL; slash = strchr(slash, '/')) {
        *slash = '.';
    }
    return words;
}

static void refuse(const struct ep_field *field, const char *pointer, const json_t *value,
                   struct ep_faults *faults)
{
    char allowed[SCHEMA_WORDS_MAX];
    char got[SCHEMA_WORDS_MAX];
    char name[NAME_MAX_BYTES];
    schema_allowed(field, allowed);
    schema_got(value, got);
    ep_faults_add(faults, pointer, "got %s; %s must be %s", got, words_of(field->name, name), allowed);
}

/* The same for item `index` of a list. */
static void refuse_item(const struct ep_field *field, const char *pointer, size_t index, const json_t *item,
                        struct ep_faults *faults)
{
    char allowed[SCHEMA_WORDS_MAX];
    char got[SCHEMA_WORDS_MAX];
    char at[POINTER_MAX + 24];
    char name[NAME_MAX_BYTES];
    schema_allowed_item(field, allowed);
    schema_got(item, got);
    snprintf(at, sizeof at, "%s/%zu", pointer, index);
    ep_faults_add(faults, at, "got %s; each item of %s must be %s", got, words_of(field->name, name),
                  allowed);
}

static bool in_range(const struct ep_field *field, double number)
{
    return (field->above_least ? number > field->least : number >= field->least) && number <= field->most;
}

/* The tables allow no integer beyond 2^53, so that a double holds each exactly. */
static bool read_integer(const struct ep_field *field, const json_t *value, double *number)
{
    *number = json_number_value(value);
    return json_is_number(value) && *number == trunc(*number) && in_range(field, *number);
}

static bool read_text(const struct ep_field *field, const json_t *value, char *text)
{
    const size_t length = json_string_length(value);
    const bool fits = json_is_string(value) && length <= field->length_most &&
                      (field->form == EP_TEXT_FREE || length > 0) &&
                      ep_text_allowed(field->form, json_string_value(value), length);
    if (fits) {
        memcpy(text, json_string_value(value), length + 1);
    }
    return fits;
}

static bool read_choice(const struct ep_field *field, const json_t *value, int *choice)
{
    for (int i = 0; json_is_string(value) && field->choices[i] != NULL; i++) {
        if (strcmp(field->choices[i], json_string_value(value)) == 0) {
            *choice = i;
            return true;
        }
    }
    return false;
}

static bool read_integers(const struct ep_field *field, const char *pointer, const json_t *list,
                          struct ep_integer_list *integers, struct ep_faults *faults)
{
    integers->count = 0;
    if (!json_is_array(list) || json_array_size(list) > field->items_most) {
        refuse(field, pointer, list, faults);
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        double number;
        if (read_integer(field, item, &number)) {
            integers->items[integers->count++] = (uint32_t)number;
        } else {
            refuse_item(field, pointer, i, item, faults);
        }
    }
    return integers->count == json_array_size(list);
}

static bool contains(const struct ep_text_list *texts, const char *text)
{
    for (uint32_t i = 0; i < texts->count; i++) {
        if (strcmp(texts->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_texts(const struct ep_field *field, const char *pointer, const json_t *list,
                       struct ep_text_list *texts, struct ep_faults *faults)
{
    texts->count = 0;
    if (!json_is_array(list) || json_array_size(list) > field->items_most) {
        refuse(field, pointer, list, faults);
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (read_text(field, item, texts->items[texts->count]) &&
            !contains(texts, texts->items[texts->count])) {
            texts->count++;
        } else {
            refuse_item(field, pointer, i, item, faults);
        }
    }
    return texts->count == json_array_size(list);
}

/* Reads one value that is not a list; false when it is wrong. */
static bool read_value(const struct ep_field *field, const json_t *value, void *member)
{
    double number;
    bool fits = false;
    switch (field->kind) {
    case EP_FIELD_INTEGER:
        fits = read_integer(field, value, &number);
        if (fits) {
            *(uint64_t *)member = (uint64_t)number;
        }
        break;
    case EP_FIELD_NUMBER:
        number = json_number_value(value);
        fits = json_is_number(value) && in_range(field, number);
        if (fits) {
            *(double *)member = number;
        }
        break;
    case EP_FIELD_BOOLEAN:
        fits = json_is_boolean(value);
        if (fits) {
            *(bool *)member = json_is_true(value);
        }
        break;
    case EP_FIELD_TEXT:
        fits = read_text(field, value, member);
        break;
    case EP_FIELD_CHOICE:
        fits = read_choice(field, value, member);
        break;
    case EP_FIELD_INTEGER_LIST:
    case EP_FIELD_TEXT_LIST:
        break;
    }
    return fits;
}

bool schema_read(const struct ep_field *field, const char *pointer, const json_t *value, void *member,
                 struct ep_faults *faults)
{
    if (field->kind == EP_FIELD_INTEGER_LIST) {
        return read_integers(field, pointer, value, member, faults);
    }
    if (field->kind == EP_FIELD_TEXT_LIST) {
        return read_texts(field, pointer, value, member, faults);
    }
    const bool fits = read_value(field, value, member);
    if (!fits) {
        refuse(field, pointer, value, faults);
    }
    return fits;
}

bool schema_is_group(const struct ep_fields *fields, const char *name)
{
    const size_t length = strlen(name);
    for (size_t i = 0; i < fields->count; i++) {
        if (strncmp(fields->rows[i].name, name, length) == 0 && fields->rows[i].name[length] == '/') {
            return true;
        }
    }
    return false;
}

void schema_point(const char *prefix, const char *key, char pointer[SCHEMA_POINTER_MAX])
{
    const int length = snprintf(pointer, POINTER_MAX, "%s/", prefix);
    size_t used = length < POINTER_MAX ? (size_t)length : POINTER_MAX - 1;
    for (; *key != '\0' && used + 3 < POINTER_MAX; key++) {
        const char *escaped = *key == '~' ? "~0" : *key == '/' ? "~1" : NULL;
        if (escaped != NULL) {
            memcpy(pointer + used, escaped, 2);
            used += 2;
        } else {
            pointer[used++] = *key;
        }
    }
    /* What was cut in the middle of a character would not be UTF-8. */
    while (*key != '\0' && used > 0 && ((unsigned char)pointer[used - 1] & 0x80) != 0) {
        used--;
    }
    pointer[used] = '\0';
}

/* How far `name` is from what somebody may have meant: a whole name, or the last part of one. */
static size_t distance_to(const char *name, const char *candidate)
{
    const char *last = strrchr(candidate, '/');
    const size_t whole = schema_distance(name, candidate);
    const size_t member = last == NULL ? whole : schema_distance(name, last + 1);
    return whole < member ? whole : member;
}

/* The name that somebody may have meant by `name`, or NULL. */
static const char *nearest(const struct ep_fields *fields, const char *const *others, const char *name)
{
    const char *best = NULL;
    size_t least = strlen(name) <= CLOSE_ENOUGH ? strlen(name) : CLOSE_ENOUGH + 1;
    for (size_t i = 0; i < fields->count; i++) {
        const size_t distance = distance_to(name, fields->rows[i].name);
        if (distance < least) {
            least = distance;
            best = fields->rows[i].name;
        }
    }
    for (size_t i = 0; others != NULL && others[i] != NULL; i++) {
        const size_t distance = distance_to(name, others[i]);
        if (distance < least) {
            least = distance;
            best = others[i];
        }
    }
    return best;
}

void schema_refuse_unknown(const struct ep_fields *fields, const struct schema_place *place,
                           const char *pointer, const char *name, struct ep_faults *faults)
{
    char dotted[NAME_MAX_BYTES];
    const char *meant = nearest(fields, place->others, name);
    if (meant == NULL) {
        ep_faults_add(faults, pointer, "is not a field of %s", place->noun);
    } else {
        ep_faults_add(faults, pointer, "is not a field of %s; did you mean %s?", place->noun,
                      words_of(meant, dotted));
    }
}

/* Whether somebody else reads the member at the top of the object. */
static bool is_other(const struct schema_place *place, const char *prefix, const char *key)
{
    bool other = false;
    for (size_t i = 0; prefix[0] == '\0' && place->others != NULL && place->others[i] != NULL; i++) {
        other = other || strcmp(place->others[i], key) == 0;
    }
    return other;
}

/* Reads the members of `object`, which is at `pointer` and whose fields' names start with `prefix`. */
static void read_members(struct decoding *decoding, json_t *object, const char *pointer, const char *prefix);

static void read_member(struct decoding *decoding, const char *pointer, const char *prefix, const char *key,
                        json_t *value)
{
    char at[POINTER_MAX];
    char name[NAME_MAX_BYTES] = "";
    if (is_other(decoding->place, prefix, key)) {
        return;
    }
    schema_point(pointer, key, at);
    const int length = snprintf(name, sizeof name, "%s%s", prefix, key);
    const bool possible = length > 0 && (size_t)length < sizeof name && strchr(key, '/') == NULL;
    const size_t row = possible ? ep_fields_find(decoding->fields, name) : decoding->fields->count;
    if (row < decoding->fields->count) {
        const struct ep_field *field = &decoding->fields->rows[row];
        decoding->given |= (uint64_t)1 << row;
        (void)schema_read(field, at, value, ep_field_at(field, decoding->target), decoding->faults);
    } else if (!possible || !schema_is_group(decoding->fields, name)) {
        schema_refuse_unknown(decoding->fields, decoding->place, at, name, decoding->faults);
    } else if (!json_is_object(value)) {
        char got[SCHEMA_WORDS_MAX];
        schema_got(value, got);
        ep_faults_add(decoding->faults, at, "got %s; %s must be an object", got, name);
    } else {
        char deeper[NAME_MAX_BYTES + 1];
        snprintf(deeper, sizeof deeper, "%s/", name);
        read_members(decoding, value, at, deeper);
    }
}

static void read_members(struct decoding *decoding, json_t *object, const char *pointer, const char *prefix)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        read_member(decoding, pointer, prefix, key, value);
    }
}

void schema_decode_at(const struct ep_fields *fields, const struct schema_place *place, json_t *object,
                      void *target, uint64_t *given, struct ep_faults *faults)
{
    struct decoding decoding = {.fields = fields, .place = place, .target = target, .faults = faults};
    ep_fields_preset(fields, target);
    *given = 0;
    if (!json_is_object(object)) {
        char got[SCHEMA_WORDS_MAX];
        schema_got(object, got);
        ep_faults_add(faults, place->pointer, "got %s; %s must be an object", got, place->noun);
        return;
    }
    read_members(&decoding, object, place->pointer, "");
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->rows[i].required && (decoding.given >> i & 1) == 0) {
            char allowed[SCHEMA_WORDS_MAX];
            char pointer[POINTER_MAX];
            schema_allowed(&fields->rows[i], allowed);
            snprintf(pointer, sizeof pointer, "%s/%s", place->pointer, fields->rows[i].name);
            ep_faults_add(faults, pointer, "is missing; it must be %s", allowed);
        }
    }
    *given = decoding.given;
}

void schema_decode(const struct ep_fields *fields, json_t *object, void *target, uint64_t *given,
                   struct ep_faults *faults)
{
    static const struct schema_place top = {.pointer = "", .noun = "a spec"};
    schema_decode_at(fields, &top, object, target, given, faults);
}
