#include "api/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/problem.h"
#include "core/base/field.h"
#include "core/base/id.h"
#include "core/jobs/job.h"

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

bool query_id(const struct http_request *request, const char *name, const char *what, const char **value,
              struct http_response *response)
{
    if (!query_once(request, name, value, response)) {
        return false;
    }
    if (*value != NULL && !ep_id_valid(*value)) {
        problem_respond(response, PROBLEM_INVALID_QUERY, "%s: must be %s", name, what);
        return false;
    }
    return true;
}

/* Index of the word of `length` bytes; count when it is none of them. */
static size_t find_word(const char *text, size_t length, const char *const *words, size_t count)
{
    size_t i = 0;
    while (i < count && (strlen(words[i]) != length || memcmp(words[i], text, length) != 0)) {
        i++;
    }
    return i;
}

/* "queued, running or failed". */
static void refuse_word(const char *name, const char *got, const char *const *words, size_t count,
                        struct http_response *response)
{
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof list; i++) {
        const char *before = i == 0 ? "" : i + 1 == count ? " or " : ", ";
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", before, words[i]);
    }
    problem_respond(response, PROBLEM_INVALID_QUERY, "%s: got \"%.64s\"; must be %s", name, got, list);
}

bool query_choice(const struct http_request *request, const char *name, const char *const *words,
                  size_t count, size_t *choice, struct http_response *response)
{
    const char *text = NULL;
    if (!query_once(request, name, &text, response)) {
        return false;
    }
    if (text == NULL) {
        return true;
    }
    const size_t found = find_word(text, strlen(text), words, count);
    if (found == count) {
        refuse_word(name, text, words, count, response);
        return false;
    }
    *choice = found;
    return true;
}

/* Adds the words of one parameter. */
static bool read_words(const char *name, const char *value, const char *const *words, size_t count,
                       unsigned *choices, struct http_response *response)
{
    const char *rest = value;
    bool more = true;
    while (more) {
        const size_t length = strcspn(rest, ",");
        const size_t found = find_word(rest, length, words, count);
        if (found == count) {
            refuse_word(name, value, words, count, response);
            return false;
        }
        *choices |= 1U << found;
        more = rest[length] == ',';
        rest += length + 1;
    }
    return true;
}

bool query_choices(const struct http_request *request, const char *name, const char *const *words,
                   size_t count, unsigned *choices, struct http_response *response)
{
    bool fits = true;
    for (size_t i = 0; i < request->query_count && fits; i++) {
        if (strcmp(request->query[i].name, name) == 0) {
            fits = read_words(name, request->query[i].value, words, count, choices, response);
        }
    }
    return fits;
}

bool query_job_states(const struct http_request *request, unsigned *states, struct http_response *response)
{
    const char *words[JOB_STATES];
    for (unsigned i = 0; i < JOB_STATES; i++) {
        words[i] = job_state_name((enum job_state)i);
    }
    return query_choices(request, "state", words, JOB_STATES, states, response);
}
