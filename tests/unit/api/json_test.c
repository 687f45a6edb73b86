/* JSON in: what is not JSON is refused with its place. JSON out: numbers are short and read back as they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "core/base/memory.h"

static void what_is_not_json_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "empty"},
        {" ", "line 1"},
        {"{", "too early"},
        {"{\"a\": 1,\n \"b\" 2}", "line 2"},
        {"{\"a\": 1, \"a\": 2}", "duplicate"},
        {"{\"a\": {\"b\": 1, \"b\": 2}}", "duplicate"},
        {"{\"a\": NaN}", "line 1"},
        {"{\"a\": Infinity}", "line 1"},
        {"{\"a\": 1e309}", "line 1"},
        {"{\"a\": -1e309}", "line 1"},
        {"{\"a\": 01}", "line 1"},
        {"{\"a\": \"\\u0000\"}", "\\u0000"},
        {"{\"a\": \"\xff\"}", "0xff"},
        {"{\"a\": \"\xed\xa0\x80\"}", "line 1"},
        {"{\"a\": \"\\ud800\"}", "line 1"},
        {"\xef\xbb\xbf{}", "line 1"},
        {"{} {}", "line 1"},
        {"{}x", "line 1"},
        {"{'a': 1}", "line 1"},
        {"{\"a\": 1,}", "line 1"},
        {"{\"a\": tru}", "line 1"},
        {"// {}", "line 1"},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        json_t *root = NULL;
        struct ep_error error;
        const enum ep_status status = json_read(cases[i].text, strlen(cases[i].text), &root, &error);
        if (status != EP_INVALID || strstr(error.text, cases[i].part) == NULL) {
            fail_msg("%s: %s", cases[i].text, status == EP_OK ? "was taken" : error.text);
        }
        assert_null(strstr(error.text, "JSON_"));
    }
}

static void bytes_behind_the_end_are_not_read(void **state)
{
    (void)state;
    char *exact = malloc(2);
    assert_non_null(exact);
    exact[0] = '{';
    exact[1] = '}';
    json_t *root = NULL;
    assert_int_equal(json_read(exact, 2, &root, NULL), EP_OK);
    json_decref(root);
    free(exact);
    assert_int_equal(json_read("{}\0", 3, &root, NULL), EP_INVALID);
}

/* `levels` lists in each other. */
static char *make_deep(size_t levels)
{
    char *text = ep_allocate(2 * levels + 1, 1);
    assert_non_null(text);
    memset(text, '[', levels);
    memset(text + levels, ']', levels);
    return text;
}

static void depth_is_limited(void **state)
{
    (void)state;
    static const struct {
        size_t levels;
        enum ep_status status;
    } cases[] = {{32, EP_OK}, {33, EP_INVALID}, {400000, EP_INVALID}};
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        char *text = make_deep(cases[i].levels);
        json_t *root = NULL;
        struct ep_error error;
        assert_int_equal(json_read(text, strlen(text), &root, &error), cases[i].status);
        if (cases[i].status != EP_OK) {
            assert_non_null(strstr(error.text, "column 33"));
        }
        json_decref(root);
        free(text);
    }
    /* Brackets in texts are no levels, also behind an escaped quote. */
    static const char quoted[] = "[\"[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[[[[[\\\\\"]";
    json_t *root = NULL;
    assert_int_equal(json_read(quoted, sizeof quoted - 1, &root, NULL), EP_OK);
    json_decref(root);
}

/* Prints [value] and gives what is between the brackets; the caller frees it. */
static char *print(json_t *value)
{
    json_t *list = json_pack("[o]", value);
    assert_non_null(list);
    size_t length = 0;
    char *text = json_print(list, &length);
    json_decref(list);
    assert_non_null(text);
    assert_int_equal(strlen(text), length);
    assert_string_equal(text + length - 2, "]\n");
    text[length - 2] = '\0';
    memmove(text, text + 1, length - 2);
    return text;
}

static void assert_printed(json_t *value, const char *expected)
{
    char *text = print(value);
    assert_string_equal(text, expected);
    free(text);
}

static void numbers_are_short(void **state)
{
    (void)state;
    assert_printed(json_real(0.1), "0.1");
    assert_printed(json_real(0.95), "0.95");
    assert_printed(json_real(2.0309e-8), "2.0309e-8");
    assert_printed(json_real(0.02), "0.02");
    assert_printed(json_number(1.0 / 3), "0.333333333333333");
    assert_printed(json_rounded(1234.5678, 4), "1235.0");
    assert_printed(json_number(NAN), "null");
    assert_printed(json_number(INFINITY), "null");
    assert_printed(json_number(-INFINITY), "null");
    assert_printed(json_integer(9007199254740991), "9007199254740991");
}

static void numbers_read_back_as_they_are(void **state)
{
    (void)state;
    uint64_t bits = 88172645463325252;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) {
            continue;
        }
        char *text = print(json_real(value));
        assert_true(strtod(text, NULL) == value);
        free(text);
    }
}

static void a_text_is_always_printable(void **state)
{
    (void)state;
    assert_printed(json_text("caf\xc3\xa9 \"x\"\n"), "\"caf\xc3\xa9 \\\"x\\\"\\n\"");
    assert_printed(json_text("caf\xc3"), "\"caf?\"");
    assert_printed(json_time(0), "null");
    assert_printed(json_time(1700000000123), "\"2023-11-14T22:13:20.123Z\"");
}

static void an_answer_that_cannot_be_made_is_a_problem(void **state)
{
    (void)state;
    struct http_response response = {0};
    json_respond(&response, 200, NULL);
    assert_int_equal(response.status, 503);
    assert_string_equal(response.content_type, "application/problem+json");
    json_t *root = NULL;
    assert_int_equal(json_read(response.static_body, response.body_length, &root, NULL), EP_OK);
    json_decref(root);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(bytes_behind_the_end_are_not_read),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(numbers_are_short),
        cmocka_unit_test(numbers_read_back_as_they_are),
        cmocka_unit_test(a_text_is_always_printable),
        cmocka_unit_test(an_answer_that_cannot_be_made_is_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
