#ifndef EP_BASE_FIELD_H
#define EP_BASE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Tables that describe the fields of a plain struct: one row a field, with its type, range, default and
 * meaning. The JSON decoder and encoder, the store's columns, the digest and the tests against openapi.yaml
 * all read the same table, so that there is one truth about a body.
 */

enum ep_field_kind {
    EP_FIELD_INTEGER,      /**< uint64_t */
    EP_FIELD_NUMBER,       /**< double, always finite */
    EP_FIELD_BOOLEAN,      /**< bool */
    EP_FIELD_TEXT,         /**< char[size], UTF-8, zero-terminated */
    EP_FIELD_CHOICE,       /**< int, an index into `choices` */
    EP_FIELD_INTEGER_LIST, /**< struct ep_integer_list */
    EP_FIELD_TEXT_LIST,    /**< struct ep_text_list */
};

enum { EP_INTEGER_LIST_MAX = 31, EP_TEXT_LIST_MAX = 16, EP_TEXT_ITEM_MAX = 32 };

struct ep_integer_list {
    uint32_t count;
    uint32_t items[EP_INTEGER_LIST_MAX];
};

struct ep_text_list {
    uint32_t count;
    char items[EP_TEXT_LIST_MAX][EP_TEXT_ITEM_MAX + 1];
};

/** Characters that a text may be made of. */
enum ep_text_form {
    EP_TEXT_FREE, /**< any characters but controls (below U+0020, and U+007F) */
    EP_TEXT_WORD, /**< A-Z a-z 0-9 . _ - and not starting with a dot */
};

struct ep_field {
    const char *name; /**< "eta"; a member of a nested object is written "decay/every" */
    enum ep_field_kind kind;
    size_t offset; /**< offsetof the member in its struct */
    bool required; /**< absent is a fault; otherwise `preset` (or the code that resolves the spec) fills it */
    bool derived;  /**< has no fixed default: what an absent value becomes depends on other fields */
    double least, most;         /**< range of a number, of an integer, or of each item of an integer list */
    bool above_least;           /**< `least` itself is not allowed */
    uint32_t items_most;        /**< longest list; 0 for other kinds */
    uint32_t length_most;       /**< longest text, or item of a text list, in bytes */
    enum ep_text_form form;     /**< what texts are made of */
    const char *const *choices; /**< NULL-terminated names of a choice */
    double preset;    /**< default: number, integer, 0 or 1, index of a choice; unused for texts and lists */
    const char *unit; /**< "" where there is none */
    const char *help; /**< meaning, in a sentence */
};

/** A table and the struct it describes. */
struct ep_fields {
    const struct ep_field *rows;
    size_t count;
    size_t size; /**< of the struct described */
};

/** Address of the member that `field` describes in `object`. */
static inline void *ep_field_at(const struct ep_field *field, void *object)
{
    return (char *)object + field->offset;
}

/** As ep_field_at, for reading. */
static inline const void *ep_field_of(const struct ep_field *field, const void *object)
{
    return (const char *)object + field->offset;
}

/** Writes the default of every row into `object` (texts and lists: empty). */
void ep_fields_preset(const struct ep_fields *fields, void *object);

/** Row number of `name`, or fields->count. */
size_t ep_fields_find(const struct ep_fields *fields, const char *name);

/** Whether every byte of `text` (length bytes) is allowed by `form`; UTF-8 validity is the decoder's
 * business. */
bool ep_text_allowed(enum ep_text_form form, const char *text, size_t length);

#endif
