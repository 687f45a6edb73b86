#include "api/query.h"

#include <stdlib.h>
#include <string.h>

#include "api/problem.h"
#include "core/base/field.h"

enum { DIGITS_MAX = 18 };

bool query_once(const struct http_request *request, const char *name, const char **value,
                struct http_response *response)
{
    size_t count = 0;
    for (size_t i = 0; i < request->query_count; i++) {
        if (strcmp(request->query[i].name, name) == 0) {
            *value = request->query[i].value;
            count++;
        }
    }
    if (count > 1) {
        problem_respond(response, PROBLEM_INVALID_QUERY, "%s: was given %zu times", name, count);
    }
    return count <= 1;
}

bool query_word(const struct http_request *request, const char *name, const char **value,
                struct http_response *response)
{
    if (!query_once(request, name, value, response)) {
        return false;
    }
    const size_t length = *value == NULL ? 1 : strlen(*value);
    if (*value != NULL &&
        (length == 0 || length > EP_TEXT_ITEM_MAX || !ep_text_allowed(EP_TEXT_WORD, *value, length))) {
        problem_respond(response, PROBLEM_INVALID_QUERY,
                        "%s: must be a word of 1 to %d of A-Z a-z 0-9 . _ - that does not start with a dot",
                        name, EP_TEXT_ITEM_MAX);
        return false;
    }
    return true;
}

bool query_boolean(const struct http_request *request, const char *name, bool *value,
                   struct http_response *response)
{
    const char *text = NULL;
    if (!query_once(request, name, &text, response)) {
        return false;
    }
    if (text == NULL) {
        return true;
    }
    *value = strcmp(text, "true") == 0;
    if (!*value && strcmp(text, "false") != 0) {
        problem_respond(response, PROBLEM_INVALID_QUERY, "%s: got %.32s; must be true or false", name, text);
        return false;
    }
    return true;
}

bool query_integer(const struct http_request *request, const char *name, uint64_t least, uint64_t most,
                   uint64_t *value, struct http_response *response)
{
    const char *text = NULL;
    if (!query_once(request, name, &text, response)) {
        return false;
    }
    if (text == NULL) {
        return true;
    }
    const size_t digits = strspn(text, "0123456789");
    const bool number = digits > 0 && digits <= DIGITS_MAX && text[digits] == '\0';
    *value = number ? strtoull(text, NULL, 10) : 0;
    if (!number || *value < least || *value > most) {
        problem_respond(response, PROBLEM_INVALID_QUERY,
                        "%s: got %.32s; must be an integer from %llu to %llu", name, text,
                        (unsigned long long)least, (unsigned long long)most);
        return false;
    }
    return true;
}
