/* The small things that everything stands on. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/faults.h"
#include "core/base/field.h"
#include "core/base/id.h"
#include "core/base/machine.h"
#include "core/base/memory.h"
#include "core/base/sha256.h"

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    size_t size = 5;
    assert_true(ep_size_multiply(3, 4, &size));
    assert_int_equal(size, 12);
    assert_false(ep_size_multiply(SIZE_MAX / 2, 3, &size));
    assert_false(ep_size_add(SIZE_MAX, 1, &size));
    assert_int_equal(size, 12);
    assert_null(ep_allocate(SIZE_MAX / 4, 8));
    assert_null(ep_allocate(SIZE_MAX - 10, 1));
}

static void memory_is_aligned_and_zero(void **state)
{
    (void)state;
    for (size_t count = 0; count < 200; count += 13) {
        unsigned char *memory = ep_allocate(count, 1);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 64, 0);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(memory[i], 0);
        }
        free(memory);
    }
}

static void errors_carry_status_and_text(void **state)
{
    (void)state;
    struct ep_error error = {0};
    assert_int_equal(ep_fail(&error, EP_CORRUPT, "file %s", "a"), EP_CORRUPT);
    assert_string_equal(error.text, "file a");
    assert_int_equal(ep_fail(&error, EP_IO, "around %s", error.text), EP_IO);
    assert_string_equal(error.text, "around file a");
    assert_int_equal(ep_fail_errno(&error, EP_IO, ENOENT, "b"), EP_IO);
    assert_string_equal(error.text, "b: No such file or directory");
    assert_int_equal(ep_fail(NULL, EP_IO, "nobody listens"), EP_IO);
    char longer[2000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(ep_fail_errno(&error, EP_IO, ENOENT, "%s", longer), EP_IO);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

static void faults_past_the_room_are_counted(void **state)
{
    (void)state;
    struct ep_faults *faults = calloc(1, sizeof *faults);
    for (int i = 0; i < EP_FAULTS_MAX + 3; i++) {
        ep_faults_add(faults, "/a", "fault %d", i);
    }
    assert_int_equal(faults->count, EP_FAULTS_MAX);
    assert_int_equal(faults->dropped, 3);
    assert_string_equal(faults->items[EP_FAULTS_MAX - 1].detail, "fault 63");
    free(faults);
}

static void times_are_written_as_rfc_3339(void **state)
{
    (void)state;
    char text[EP_TIME_TEXT];
    ep_clock_format(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    ep_clock_format(1709210096789, text); /* a leap day */
    assert_string_equal(text, "2024-02-29T12:34:56.789Z");
    ep_clock_format(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static void ids_sort_in_the_order_they_were_made(void **state)
{
    (void)state;
    uint64_t sequence = 0;
    char last[EP_ID_TEXT] = "";
    for (int i = 0; i < 10000; i++) { /* more than 4096 in a millisecond are possible */
        char id[EP_ID_TEXT];
        assert_int_equal(ep_id_create(&sequence, id, NULL), EP_OK);
        assert_true(ep_id_valid(id));
        assert_true(strcmp(last, id) < 0);
        memcpy(last, id, sizeof last);
    }
    assert_false(ep_id_valid(""));
    assert_false(ep_id_valid("01890a5d-ac96-774b-bcce-b302099a805"));
    assert_false(ep_id_valid("01890a5d-ac96-774b-bcce-b302099a80577"));
    assert_false(ep_id_valid("01890A5D-ac96-774b-bcce-b302099a8057"));
    assert_false(ep_id_valid("01890a5d-ac96-474b-bcce-b302099a8057"));
}

static void sha256_gives_the_published_digest(void **state)
{
    (void)state;
    char text[EP_SHA256_TEXT];
    struct ep_sha256 *digest = ep_sha256_create();
    ep_sha256_add(digest, "a", 1);
    ep_sha256_add(digest, "bc", 2);
    ep_sha256_finish(digest, text); /* FIPS 180-4, the example "abc" */
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void the_machine_has_something(void **state)
{
    (void)state;
    char name[128];
    ep_machine_processor(name, sizeof name);
    assert_true(ep_machine_cores() >= 1);
    assert_true(ep_machine_memory() > 1 << 20);
    assert_true(ep_machine_resident() > 1 << 16);
    assert_true(strlen(name) > 0);
}

struct sample {
    uint64_t count;
    double rate;
    bool on;
    char text[8];
};

static const struct ep_field sample_rows[] = {
    {.name = "count", .kind = EP_FIELD_INTEGER, .offset = offsetof(struct sample, count), .preset = 7},
    {.name = "rate", .kind = EP_FIELD_NUMBER, .offset = offsetof(struct sample, rate), .preset = 0.5},
    {.name = "on", .kind = EP_FIELD_BOOLEAN, .offset = offsetof(struct sample, on), .preset = 1},
    {.name = "text", .kind = EP_FIELD_TEXT, .offset = offsetof(struct sample, text)},
};

static void presets_fill_a_struct(void **state)
{
    (void)state;
    const struct ep_fields fields = {sample_rows, EP_COUNT(sample_rows), sizeof(struct sample)};
    struct sample sample = {.text = "old"};
    ep_fields_preset(&fields, &sample);
    assert_int_equal(sample.count, 7);
    assert_true(sample.rate == 0.5);
    assert_true(sample.on);
    assert_string_equal(sample.text, "");
    assert_int_equal(ep_fields_find(&fields, "on"), 2);
    assert_int_equal(ep_fields_find(&fields, "off"), 4);
}

static void texts_are_made_of_allowed_characters(void **state)
{
    (void)state;
    assert_true(ep_text_allowed(EP_TEXT_WORD, "table-1.a_B", 11));
    assert_false(ep_text_allowed(EP_TEXT_WORD, ".hidden", 7));
    assert_false(ep_text_allowed(EP_TEXT_WORD, "a b", 3));
    assert_false(ep_text_allowed(EP_TEXT_WORD, "a/b", 3));
    assert_true(ep_text_allowed(EP_TEXT_FREE, "η = 0.02 \"best\"", 16));
    assert_false(ep_text_allowed(EP_TEXT_FREE, "a\nb", 3));
    assert_false(ep_text_allowed(EP_TEXT_FREE, "a\x7f", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(memory_is_aligned_and_zero),
        cmocka_unit_test(errors_carry_status_and_text),
        cmocka_unit_test(faults_past_the_room_are_counted),
        cmocka_unit_test(times_are_written_as_rfc_3339),
        cmocka_unit_test(ids_sort_in_the_order_they_were_made),
        cmocka_unit_test(sha256_gives_the_published_digest),
        cmocka_unit_test(the_machine_has_something),
        cmocka_unit_test(presets_fill_a_struct),
        cmocka_unit_test(texts_are_made_of_allowed_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
