/* Specs as JSON: every field's limits, all faults at once, and back again without loss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "api/schema.h"
#include "core/jobs/spec.h"

/* What came of decoding a text. */
struct decoded {
    struct job_spec spec;
    uint64_t given;
    struct ep_faults faults;
};

static struct decoded decode(const char *text)
{
    struct decoded decoded = {0};
    json_t *root = NULL;
    struct ep_error error;
    if (json_read(text, strlen(text), &root, &error) != EP_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    schema_decode(&job_spec_fields, root, &decoded.spec, &decoded.given, &decoded.faults);
    json_decref(root);
    return decoded;
}

/* Decodes a spec that is complete but for "MEMBERS". */
static struct decoded decode_with(const char *members)
{
    char text[4096];
    snprintf(text, sizeof text, "{\"dataset\": \"d\", \"epochs\": 1%s%s}", members[0] == '\0' ? "" : ", ",
             members);
    return decode(text);
}

/* Members of a spec, and where the fault is; NULL: there is none. */
static const struct {
    const char *members, *pointer;
} limit_cases[] = {
    {"\"train_size\": 1", NULL},
    {"\"train_size\": 0", "/train_size"},
    {"\"train_size\": 10000000", NULL},
    {"\"train_size\": 10000001", "/train_size"},
    {"\"train_size\": 1e2", NULL},
    {"\"train_size\": 1.5", "/train_size"},
    {"\"train_size\": -1", "/train_size"},
    {"\"train_size\": \"1\"", "/train_size"},
    {"\"train_size\": true", "/train_size"},
    {"\"train_size\": null", "/train_size"},
    {"\"train_size\": [1]", "/train_size"},
    {"\"train_size\": 1e300", "/train_size"},
    {"\"validation_size\": 0", NULL},
    {"\"validation_size\": -0.0", NULL},
    {"\"depth\": 0", "/depth"},
    {"\"depth\": 1", NULL},
    {"\"depth\": 32", NULL},
    {"\"depth\": 33", "/depth"},
    {"\"depth\": 99999999999999999999999999", "/depth"},
    {"\"hidden\": []", NULL},
    {"\"hidden\": [1, 65536]", NULL},
    {"\"hidden\": [1, 65537]", "/hidden/1"},
    {"\"hidden\": [0]", "/hidden/0"},
    {"\"hidden\": [1000000000]", "/hidden/0"},
    {"\"hidden\": [\"a\"]", "/hidden/0"},
    {"\"hidden\": 5", "/hidden"},
    {"\"hidden\": {}", "/hidden"},
    {"\"hidden\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", NULL},
    {"\"hidden\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "/hidden"},
    {"\"batch_norm\": false", NULL},
    {"\"batch_norm\": 1", "/batch_norm"},
    {"\"eta\": 100", NULL},
    {"\"eta\": 100.0000001", "/eta"},
    {"\"eta\": 0", "/eta"},
    {"\"eta\": 1e-300", NULL},
    {"\"eta\": -1", "/eta"},
    {"\"lambda\": 0", NULL},
    {"\"lambda\": -1e-9", "/lambda"},
    {"\"momentum\": 0.9999", NULL},
    {"\"momentum\": 1", "/momentum"},
    {"\"decay\": {}", NULL},
    {"\"decay\": {\"every\": 1}", NULL},
    {"\"decay\": {\"every\": 0}", "/decay/every"},
    {"\"decay\": {\"factor\": 0}", "/decay/factor"},
    {"\"decay\": {\"factor\": 1}", NULL},
    {"\"decay\": {\"often\": 1}", "/decay/often"},
    {"\"decay\": 10", "/decay"},
    {"\"decay\": null", "/decay"},
    {"\"decay/every\": 10", "/decay~1every"},
    {"\"init\": {\"kind\": \"xavier\"}", NULL},
    {"\"init\": {\"kind\": \"He\"}", "/init/kind"},
    {"\"init\": {\"kind\": 1}", "/init/kind"},
    {"\"init\": {\"std\": 11}", "/init/std"},
    {"\"init\": {\"kind\": {\"std\": 1}}", "/init/kind"},
    {"\"normalize\": \"standard\"", NULL},
    {"\"normalize\": \"std\"", "/normalize"},
    {"\"seed\": 9007199254740991", NULL},
    {"\"seed\": 9007199254740992", "/seed"},
    {"\"name\": \"\"", NULL},
    {"\"name\": \"a\\tb\"", "/name"},
    {"\"name\": \"\\u007f\"", "/name"},
    {"\"name\": \"\xc3\xa9 \xe2\x82\xac\"", NULL},
    {"\"tags\": []", NULL},
    {"\"tags\": [\"a\", \"b\"]", NULL},
    {"\"tags\": [\"a\", \"a\"]", "/tags/1"},
    {"\"tags\": [\"\"]", "/tags/0"},
    {"\"tags\": [\"a b\"]", "/tags/0"},
    {"\"tags\": [\"abcdefghijklmnopqrstuvwxyz012345\"]", NULL},
    {"\"tags\": [\"abcdefghijklmnopqrstuvwxyz0123456\"]", "/tags/0"},
    {"\"tags\": [1]", "/tags/0"},
    {"\"tags\": "
     "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\","
     "\"15\",\"16\",\"17\"]",
     "/tags"},
    {"\"unknown\": 1", "/unknown"},
    {"\"\": 1", "/"},
    {"\"a~b\": 1", "/a~0b"},
};

static void each_field_has_its_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < EP_COUNT(limit_cases); i++) {
        const struct decoded decoded = decode_with(limit_cases[i].members);
        const char *pointer = decoded.faults.count == 0 ? NULL : decoded.faults.items[0].pointer;
        const bool right = limit_cases[i].pointer == NULL
                               ? pointer == NULL
                               : pointer != NULL && strcmp(pointer, limit_cases[i].pointer) == 0;
        if (!right || decoded.faults.count > 1) {
            fail_msg("%s: %zu faults, the first at %s", limit_cases[i].members, decoded.faults.count,
                     pointer == NULL ? "nowhere" : pointer);
        }
    }
}

static void a_name_has_at_most_128_bytes(void **state)
{
    (void)state;
    char members[300] = "\"name\": \"";
    const size_t start = strlen(members);
    memset(members + start, 'x', 129);
    memcpy(members + start + 128, "\"", 2);
    assert_int_equal(decode_with(members).faults.count, 0);
    memcpy(members + start + 128, "x\"", 3);
    assert_int_equal(decode_with(members).faults.count, 1);
}

static void all_faults_come_at_once(void **state)
{
    (void)state;
    const struct decoded decoded =
        decode("{\"epochs\": 0, \"eta\": -1, \"hiden\": [], \"decay\": {\"evry\": 1},"
               "\"tags\": [\"a b\", \"c\", \"d e\"]}");
    static const char *const expected[][2] = {
        {"/epochs", "from 1 to 10000"},
        {"/eta", "got -1; eta must be a number above 0 and at most 100"},
        {"/hiden", "did you mean hidden?"},
        {"/decay/evry", "did you mean decay.every?"},
        {"/tags/0", "\"a b\""},
        {"/tags/2", "\"d e\""},
        {"/dataset", "is missing"},
    };
    assert_int_equal(decoded.faults.count, EP_COUNT(expected));
    for (size_t i = 0; i < EP_COUNT(expected); i++) {
        assert_string_equal(decoded.faults.items[i].pointer, expected[i][0]);
        if (strstr(decoded.faults.items[i].detail, expected[i][1]) == NULL) {
            fail_msg("%s: %s", expected[i][0], decoded.faults.items[i].detail);
        }
    }
}

static void a_spec_is_an_object(void **state)
{
    (void)state;
    static const char *const texts[] = {"[]", "1", "\"a\"", "null", "true", "[{}]"};
    for (size_t i = 0; i < EP_COUNT(texts); i++) {
        const struct decoded decoded = decode(texts[i]);
        assert_int_equal(decoded.faults.count, 1);
        assert_string_equal(decoded.faults.items[0].pointer, "");
    }
}

static void thousands_of_faults_are_counted_not_kept(void **state)
{
    (void)state;
    char text[32768] = "{";
    size_t used = 1;
    for (int i = 0; i < 2000; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "\"x%d\": 1, ", i);
    }
    snprintf(text + used, sizeof text - used, "\"y\": 1}");
    const struct decoded decoded = decode(text);
    assert_int_equal(decoded.faults.count, EP_FAULTS_MAX);
    assert_int_equal(decoded.faults.count + decoded.faults.dropped, 2001 + 2);
}

static void a_long_key_is_cut_between_characters(void **state)
{
    (void)state;
    char text[600] = "{\"";
    for (int i = 0; i < 120; i++) {
        strncat(text, "\xe2\x82\xac", sizeof text - strlen(text) - 1);
    }
    strncat(text, "\": 1}", sizeof text - strlen(text) - 1);
    const struct decoded decoded = decode(text);
    json_t *pointer = json_string(decoded.faults.items[0].pointer);
    assert_non_null(pointer);
    json_decref(pointer);
}

static void what_is_absent_has_its_default(void **state)
{
    (void)state;
    const struct decoded decoded = decode_with("\"decay\": {\"every\": 3}");
    assert_int_equal(decoded.faults.count, 0);
    assert_true(decoded.spec.eta == 0.02 && decoded.spec.momentum == 0.9 && decoded.spec.lambda == 0);
    assert_true(decoded.spec.decay_factor == 0.95 && decoded.spec.decay_every == 3);
    assert_true(decoded.spec.batch_norm && decoded.spec.shuffle);
    assert_int_equal(decoded.spec.batch_size, 100);
    assert_int_equal(decoded.spec.seed, 1);
    assert_int_equal(__builtin_popcountll(decoded.given), 3);
}

static void what_was_decoded_can_be_encoded(void **state)
{
    (void)state;
    static const char text[] =
        "{\"dataset\":\"cifar-10\",\"train_size\":123,\"validation_size\":45,\"normalize\":\"none\","
        "\"pca\":{\"components\":0,\"variance\":0.5},\"depth\":3,"
        "\"hidden\":[50,30],\"activation\":\"tanh\",\"batch_norm\":false,\"scale_shift\":true,"
        "\"dropout\":0.25,\"eta\":0.07,\"lambda\":2.0309e-8,\"epochs\":10,\"batch_size\":7,"
        "\"optimizer\":\"adam\",\"momentum\":0.5,\"nesterov\":true,"
        "\"adam\":{\"beta1\":0.75,\"beta2\":0.9375,\"epsilon\":1e-7},\"warm_up\":2,"
        "\"decay\":{\"kind\":\"step\",\"every\":2,\"factor\":0.25},"
        "\"init\":{\"kind\":\"gaussian\",\"std\":0.125},\"shuffle\":false,\"augment\":{\"flip\":true,"
        "\"shift\":3},\"seed\":9007199254740991,\"early_stopping\":{\"patience\":4,\"watch\":\"accuracy\"},"
        "\"precision\":\"bf16\",\"threads\":2,"
        "\"name\":\"caf\xc3\xa9\",\"tags\":[\"a\",\"b\"]}\n";
    const struct decoded decoded = decode(text);
    assert_int_equal(decoded.faults.count, 0);
    json_t *root = schema_encode(&job_spec_fields, &decoded.spec);
    assert_non_null(root);
    size_t length = 0;
    char *printed = json_print(root, &length);
    json_decref(root);
    assert_non_null(printed);
    assert_string_equal(printed, text);
    free(printed);
}

static void distance_is_that_of_levenshtein(void **state)
{
    (void)state;
    assert_int_equal(schema_distance("", ""), 0);
    assert_int_equal(schema_distance("abc", ""), 3);
    assert_int_equal(schema_distance("", "abc"), 3);
    assert_int_equal(schema_distance("kitten", "sitting"), 3);
    assert_int_equal(schema_distance("eta", "eta"), 0);
    assert_int_equal(schema_distance("eta", "beta"), 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_has_its_limits),
        cmocka_unit_test(a_name_has_at_most_128_bytes),
        cmocka_unit_test(all_faults_come_at_once),
        cmocka_unit_test(a_spec_is_an_object),
        cmocka_unit_test(thousands_of_faults_are_counted_not_kept),
        cmocka_unit_test(a_long_key_is_cut_between_characters),
        cmocka_unit_test(what_is_absent_has_its_default),
        cmocka_unit_test(what_was_decoded_can_be_encoded),
        cmocka_unit_test(distance_is_that_of_levenshtein),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
