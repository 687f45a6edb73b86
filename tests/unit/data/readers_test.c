/* Good files give exactly their images; every kind of damage is refused, with the file's name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/data/set.h"
#include "core/data/stream.h"
#include "tests/unit/data/synthetic.h"

enum { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS };

static int set_up(void **state)
{
    char *folder = malloc(SYNTHETIC_PATH);
    assert_non_null(folder);
    folder_create(folder);
    *state = folder;
    return 0;
}

static int tear_down(void **state)
{
    folder_remove(*state);
    free(*state);
    return 0;
}

static enum ep_status load(const struct data_entry *entry, const char *folder, struct data_set **set,
                           struct ep_error *error)
{
    assert_int_equal(data_set_create(entry, folder, set, error), EP_OK);
    return entry->reader->load(entry, folder, *set, error);
}

static void assert_good(const struct data_entry *entry, const char *folder)
{
    struct ep_error error = {0};
    struct data_set *set = NULL;
    if (entry->reader->inspect(entry, folder, &error) != EP_OK ||
        load(entry, folder, &set, &error) != EP_OK) {
        fail_msg("%s", error.text);
    }
    synthetic_assert_loaded(set, entry);
    data_set_destroy(set);
}

struct expectation {
    enum ep_status status;
    const char *text;
    bool cheap; /* inspection sees it too */
};

/* Loading must fail as expected, and name FOLDER/NAME; inspecting must too, or see nothing. */
static void assert_bad(const struct data_entry *entry, const char *folder, const char *name,
                       const struct expectation *expected)
{
    char path[2 * SYNTHETIC_PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct ep_error error = {0};
    struct data_set *set = NULL;
    assert_int_equal(load(entry, folder, &set, &error), expected->status);
    assert_int_equal(error.status, expected->status);
    assert_contains(error.text, expected->text);
    assert_contains(error.text, path);
    data_set_destroy(set);
    error = (struct ep_error){0};
    const enum ep_status inspected = entry->reader->inspect(entry, folder, &error);
    assert_int_equal(inspected, expected->cheap ? expected->status : EP_OK);
    if (expected->cheap) {
        assert_contains(error.text, expected->text);
    }
}

static void sound_idx_files_load(void **state)
{
    synthetic_write_idx(*state, true);
    assert_good(&synthetic_idx, *state);
}

static void plain_idx_files_load_too(void **state)
{
    synthetic_write_idx(*state, false);
    assert_good(&synthetic_idx, *state);
}

static void packed_idx_files_go_first(void **state)
{
    synthetic_write_idx(*state, true);
    struct bytes nonsense = {0};
    bytes_append(&nonsense, "nonsense", 8);
    file_write(*state, synthetic_idx_names[TRAIN_IMAGES], &nonsense);
    free(nonsense.data);
    assert_good(&synthetic_idx, *state);
}

static void several_gzip_members_are_one_file(void **state)
{
    synthetic_write_idx(*state, true);
    struct bytes content = synthetic_idx_content(TEST_IMAGES);
    struct bytes head = {.data = content.data, .count = 21};
    struct bytes tail = {.data = content.data + 21, .count = content.count - 21};
    struct bytes raw = bytes_packed(&head);
    struct bytes second = bytes_packed(&tail);
    bytes_append(&raw, second.data, second.count);
    file_write(*state, "t10k-images-idx3-ubyte.gz", &raw);
    assert_good(&synthetic_idx, *state);
    free(second.data);
    free(raw.data);
    free(content.data);
}

static void mark_is_wrong(struct bytes *content)
{
    content->data[0] = 1;
}

static void type_is_float(struct bytes *content)
{
    content->data[2] = 0x0d;
}

static void rank_is_wrong(struct bytes *content)
{
    content->data[3] = 2;
}

static void one_more_is_promised(struct bytes *content)
{
    content->data[7]++;
}

static void four_billion_are_promised(struct bytes *content)
{
    memset(content->data + 4, 0xff, 4);
}

static void height_is_wrong(struct bytes *content)
{
    content->data[11] = 9;
}

static void last_byte_is_missing(struct bytes *content)
{
    content->count--;
}

static void header_is_cut(struct bytes *content)
{
    content->count = 6;
}

static void nothing_is_left(struct bytes *content)
{
    content->count = 0;
}

static void half_is_left(struct bytes *content)
{
    content->count /= 2;
}

static void a_byte_follows(struct bytes *content)
{
    bytes_append(content, "x", 1);
}

static void one_label_is_dropped(struct bytes *content)
{
    content->data[7]--;
    content->count--;
}

static void label_is_too_large(struct bytes *content)
{
    content->data[8 + 7] = 4;
}

static void checksum_is_wrong(struct bytes *raw)
{
    raw->data[raw->count - 8] ^= 1;
}

static void gzip_length_is_wrong(struct bytes *raw)
{
    raw->data[raw->count - 1] ^= 1;
}

static void an_empty_member_follows(struct bytes *raw)
{
    const struct bytes nothing = {.data = raw->data};
    struct bytes member = bytes_packed(&nothing);
    bytes_append(raw, member.data, member.count);
    free(member.data);
}

static void another_member_follows(struct bytes *raw)
{
    const struct bytes more = {.data = raw->data, .count = 3};
    struct bytes member = bytes_packed(&more);
    bytes_append(raw, member.data, member.count);
    free(member.data);
}

struct damage {
    size_t file;
    void (*change)(struct bytes *bytes);
    struct expectation expected;
};

static const struct damage content_damages[] = {
    {TRAIN_IMAGES, mark_is_wrong, {EP_CORRUPT, "starts with the bytes 01 00 08 03", true}},
    {TRAIN_IMAGES, type_is_float, {EP_CORRUPT, "starts with the bytes 00 00 0d 03", true}},
    {TEST_LABELS, rank_is_wrong, {EP_CORRUPT, "an IDX file of labels starts with 00 00 08 01", true}},
    {TEST_IMAGES, one_more_is_promised, {EP_CORRUPT, "holds 6 images; 5 are expected", true}},
    {TRAIN_IMAGES, four_billion_are_promised, {EP_CORRUPT, "4 294 967 295 images; 12 are expected", true}},
    {TRAIN_LABELS, four_billion_are_promised, {EP_CORRUPT, "4 294 967 295 labels", true}},
    {TEST_IMAGES, height_is_wrong, {EP_CORRUPT, "9 × 2 pixels; 3 × 2 are expected", true}},
    {TRAIN_LABELS, one_label_is_dropped, {EP_CORRUPT, "holds 11 labels; 12 are expected", true}},
    {TRAIN_LABELS, label_is_too_large, {EP_CORRUPT, "label 4 at image 7; labels go from 0 to 3", false}},
    {TRAIN_LABELS, header_is_cut, {EP_CORRUPT, "ends after 6 bytes", true}},
    {TEST_IMAGES, nothing_is_left, {EP_CORRUPT, "ends after 0 bytes", true}},
};

static void damaged_idx_content_is_refused(void **state)
{
    for (size_t i = 0; i < 2 * EP_COUNT(content_damages); i++) {
        const struct damage *damage = &content_damages[i / 2];
        const bool packed = i % 2 == 1;
        char folder[SYNTHETIC_PATH];
        char name[SYNTHETIC_PATH];
        snprintf(name, sizeof name, "%zu", i);
        folder_add(*state, name, folder);
        synthetic_write_idx(folder, packed);
        struct bytes content = synthetic_idx_content(damage->file);
        damage->change(&content);
        struct bytes raw = bytes_packed(&content);
        snprintf(name, sizeof name, "%s%s", synthetic_idx_names[damage->file], packed ? ".gz" : "");
        file_write(folder, name, packed ? &raw : &content);
        assert_bad(&synthetic_idx, folder, name, &damage->expected);
        free(raw.data);
        free(content.data);
    }
}

static void lengths_of_idx_files_are_checked(void **state)
{
    const struct damage plain[] = {
        {TRAIN_IMAGES, last_byte_is_missing, {EP_CORRUPT, "is 87 bytes long; 88 are expected", true}},
        {TEST_LABELS, a_byte_follows, {EP_CORRUPT, "is 14 bytes long; 13 are expected", true}},
    };
    const struct damage packed[] = {
        {TRAIN_IMAGES,
         last_byte_is_missing,
         {EP_CORRUPT, "ends after 87 bytes of unpacked data; 88 are expected", false}},
        {TEST_LABELS,
         a_byte_follows,
         {EP_CORRUPT, "goes on after the 13 bytes of unpacked data that are expected", false}},
    };
    for (size_t i = 0; i < EP_COUNT(plain); i++) {
        struct bytes content = synthetic_idx_content(plain[i].file);
        plain[i].change(&content);
        synthetic_write_idx(*state, false);
        file_write(*state, synthetic_idx_names[plain[i].file], &content);
        assert_bad(&synthetic_idx, *state, synthetic_idx_names[plain[i].file], &plain[i].expected);
        free(content.data);
    }
    for (size_t i = 0; i < EP_COUNT(packed); i++) {
        struct bytes content = synthetic_idx_content(packed[i].file);
        packed[i].change(&content);
        struct bytes raw = bytes_packed(&content);
        char name[SYNTHETIC_PATH];
        snprintf(name, sizeof name, "%s.gz", synthetic_idx_names[packed[i].file]);
        synthetic_write_idx(*state, true);
        file_write(*state, name, &raw);
        assert_bad(&synthetic_idx, *state, name, &packed[i].expected);
        free(raw.data);
        free(content.data);
    }
}

static const struct damage gzip_damages[] = {
    {TRAIN_IMAGES, nothing_is_left, {EP_CORRUPT, "is cut short", true}},
    {TRAIN_IMAGES, half_is_left, {EP_CORRUPT, "is cut short", false}},
    {TEST_LABELS, last_byte_is_missing, {EP_CORRUPT, "is cut short", false}},
    {TEST_IMAGES, checksum_is_wrong, {EP_CORRUPT, "gzip file: incorrect data check", false}},
    {TEST_IMAGES, gzip_length_is_wrong, {EP_CORRUPT, "gzip file: incorrect length check", false}},
    {TRAIN_LABELS, a_byte_follows, {EP_CORRUPT, "is cut short", false}},
    {TRAIN_LABELS, another_member_follows, {EP_CORRUPT, "goes on after the 20 bytes", false}},
    {TEST_LABELS, mark_is_wrong, {EP_CORRUPT, "gzip file: incorrect header check", true}},
};

static void damaged_gzip_files_are_refused(void **state)
{
    for (size_t i = 0; i < EP_COUNT(gzip_damages); i++) {
        const struct damage *damage = &gzip_damages[i];
        struct bytes content = synthetic_idx_content(damage->file);
        struct bytes raw = bytes_packed(&content);
        damage->change(&raw);
        char name[SYNTHETIC_PATH];
        snprintf(name, sizeof name, "%s.gz", synthetic_idx_names[damage->file]);
        synthetic_write_idx(*state, true);
        file_write(*state, name, &raw);
        assert_bad(&synthetic_idx, *state, name, &damage->expected);
        free(raw.data);
        free(content.data);
    }
}

static void rubbish_after_gzip_data_is_refused(void **state)
{
    struct bytes content = synthetic_idx_content(TEST_LABELS);
    struct bytes raw = bytes_packed(&content);
    bytes_append(&raw, "some rubbish", 12);
    synthetic_write_idx(*state, true);
    file_write(*state, "t10k-labels-idx1-ubyte.gz", &raw);
    const struct expectation expected = {EP_CORRUPT, "gzip file: incorrect header check", false};
    assert_bad(&synthetic_idx, *state, "t10k-labels-idx1-ubyte.gz", &expected);
    free(raw.data);
    free(content.data);
}

static void an_empty_gzip_member_does_no_harm(void **state)
{
    struct bytes content = synthetic_idx_content(TEST_LABELS);
    struct bytes raw = bytes_packed(&content);
    an_empty_member_follows(&raw);
    synthetic_write_idx(*state, true);
    file_write(*state, "t10k-labels-idx1-ubyte.gz", &raw);
    assert_good(&synthetic_idx, *state);
    free(raw.data);
    free(content.data);
}

static void packed_names_hold_packed_data(void **state)
{
    struct bytes content = synthetic_idx_content(TRAIN_LABELS);
    synthetic_write_idx(*state, true);
    file_write(*state, "train-labels-idx1-ubyte.gz", &content);
    const struct expectation expected = {EP_CORRUPT, "is not a sound gzip file", true};
    assert_bad(&synthetic_idx, *state, "train-labels-idx1-ubyte.gz", &expected);
    free(content.data);
}

static void remove_file(const char *folder, const char *name)
{
    char path[2 * SYNTHETIC_PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(remove(path), 0);
}

static void missing_and_irregular_idx_files_are_told(void **state)
{
    const char *name = "t10k-images-idx3-ubyte.gz";
    char path[2 * SYNTHETIC_PATH];
    snprintf(path, sizeof path, "%s/%s", (const char *)*state, name);
    synthetic_write_idx(*state, true);
    remove_file(*state, name);
    const struct expectation missing = {EP_UNAVAILABLE, "is missing", true};
    assert_bad(&synthetic_idx, *state, name, &missing);
    const struct expectation irregular = {EP_CORRUPT, "is not a regular file", true};
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_bad(&synthetic_idx, *state, name, &irregular);
    remove_file(*state, name);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_bad(&synthetic_idx, *state, name, &irregular);
}

static void sound_cifar10_files_load(void **state)
{
    synthetic_write_cifar10(*state);
    assert_good(&synthetic_cifar10, *state);
}

static void wrong_cifar10_label(struct bytes *content)
{
    content->data[13] = 255;
}

static void damaged_cifar10_files_are_refused(void **state)
{
    const struct damage damages[] = {
        {2, last_byte_is_missing, {EP_CORRUPT, "is 25 bytes long; 26 are expected", true}},
        {4, a_byte_follows, {EP_CORRUPT, "is 27 bytes long; 26 are expected", true}},
        {5, nothing_is_left, {EP_CORRUPT, "is 0 bytes long; 39 are expected", true}},
        {0, wrong_cifar10_label, {EP_CORRUPT, "label 255 at image 1; labels go from 0 to 3", false}},
        {5, wrong_cifar10_label, {EP_CORRUPT, "label 255 at image 1; labels go from 0 to 3", false}},
    };
    for (size_t i = 0; i < EP_COUNT(damages); i++) {
        synthetic_write_cifar10(*state);
        struct bytes content = synthetic_cifar10_content(damages[i].file);
        damages[i].change(&content);
        const char *name = synthetic_cifar10_names[damages[i].file];
        file_write(*state, name, &content);
        assert_bad(&synthetic_cifar10, *state, name, &damages[i].expected);
        free(content.data);
    }
    synthetic_write_cifar10(*state);
    remove_file(*state, "data_batch_4.bin");
    const struct expectation missing = {EP_UNAVAILABLE, "is missing", true};
    assert_bad(&synthetic_cifar10, *state, "data_batch_4.bin", &missing);
}

static void sizes_are_written_in_groups(void **state)
{
    (void)state;
    char text[DATA_DIGITS_MAX];
    assert_string_equal(data_digits(0, text), "0");
    assert_string_equal(data_digits(999, text), "999");
    assert_string_equal(data_digits(30730000, text), "30 730 000");
    assert_string_equal(data_digits(UINT64_MAX, text), "18 446 744 073 709 551 615");
}

#define ON_FILES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FILES(sound_idx_files_load),
        ON_FILES(plain_idx_files_load_too),
        ON_FILES(packed_idx_files_go_first),
        ON_FILES(several_gzip_members_are_one_file),
        ON_FILES(damaged_idx_content_is_refused),
        ON_FILES(lengths_of_idx_files_are_checked),
        ON_FILES(damaged_gzip_files_are_refused),
        ON_FILES(rubbish_after_gzip_data_is_refused),
        ON_FILES(an_empty_gzip_member_does_no_harm),
        ON_FILES(packed_names_hold_packed_data),
        ON_FILES(missing_and_irregular_idx_files_are_told),
        ON_FILES(sound_cifar10_files_load),
        ON_FILES(damaged_cifar10_files_are_refused),
        cmocka_unit_test(sizes_are_written_in_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
