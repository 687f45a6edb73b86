/* What the registry knows, where it looks, and that it loads each dataset once for everybody. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/sha256.h"
#include "core/data/catalogue.h"
#include "tests/unit/data/synthetic.h"

enum { THREADS = 8 };

/* A reader without files, which counts its loads and fails on demand. */
static atomic_int slow_loads;
static atomic_bool slow_fails;

static enum ep_status slow_inspect(const struct data_entry *entry, const char *folder, struct ep_error *error)
{
    (void)entry;
    (void)folder;
    (void)error;
    return EP_OK;
}

static enum ep_status slow_load(const struct data_entry *entry, const char *folder, struct data_set *set,
                                struct ep_error *error)
{
    atomic_fetch_add(&slow_loads, 1);
    const struct timespec pause = {.tv_nsec = 50000000};
    nanosleep(&pause, NULL);
    set->train.pixels[0] = 7;
    return atomic_load(&slow_fails) ? ep_fail(error, EP_CORRUPT, "%s/%s fell apart", folder, entry->name)
                                    : EP_OK;
}

static const struct data_reader slow_reader = {.inspect = slow_inspect, .load = slow_load};

static const struct data_entry slow_entry = {
    .name = "slow",
    .folder = "slow",
    .title = "Slow",
    .height = 1,
    .width = 1,
    .channels = 1,
    .classes = 2,
    .train_count = 4,
    .test_count = 2,
    .source = "this test",
    .remedy = "run this test",
    .reader = &slow_reader,
};

struct fixture {
    char first[SYNTHETIC_PATH], second[SYNTHETIC_PATH];
    struct data_entry entries[3];
    struct data_catalogue catalogue;
    struct data_registry *registry;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    folder_create(fixture->first);
    folder_create(fixture->second);
    fixture->entries[0] = synthetic_idx;
    fixture->entries[1] = synthetic_cifar10;
    fixture->entries[2] = slow_entry;
    fixture->catalogue = (struct data_catalogue){.entries = fixture->entries, .count = 3};
    struct ep_error error = {0};
    assert_int_equal(data_registry_create_from(&fixture->catalogue, fixture->first, fixture->second,
                                               &fixture->registry, &error),
                     EP_OK);
    atomic_store(&slow_loads, 0);
    atomic_store(&slow_fails, false);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    data_registry_destroy(fixture->registry);
    folder_remove(fixture->first);
    folder_remove(fixture->second);
    free(fixture);
    return 0;
}

static struct data_info describe(const struct fixture *fixture, const char *name)
{
    struct data_info info;
    struct ep_error error = {0};
    assert_int_equal(data_registry_describe(fixture->registry, name, &info, &error), EP_OK);
    return info;
}

static void unknown_names_are_answered_with_the_known_ones(void **state)
{
    const struct fixture *fixture = *state;
    struct data_info info;
    struct ep_error error = {0};
    assert_int_equal(data_registry_describe(fixture->registry, "mnist", &info, &error), EP_NOT_FOUND);
    assert_contains(error.text, "\"mnist\"");
    assert_contains(error.text, "small-idx, small-cifar, slow");
    const struct data_set *set = NULL;
    assert_int_equal(data_registry_open(fixture->registry, "", &set, &error), EP_NOT_FOUND);
    assert_null(set);
}

static void a_dataset_is_described(void **state)
{
    struct fixture *fixture = *state;
    char folder[SYNTHETIC_PATH];
    folder_add(fixture->first, "cifar", folder);
    synthetic_write_cifar10(folder);
    assert_int_equal(data_registry_count(fixture->registry), 3);
    struct data_info info;
    data_registry_describe_at(fixture->registry, 1, &info);
    assert_true(info.available);
    assert_string_equal(info.fault, "");
    assert_string_equal(info.name, "small-cifar");
    assert_string_equal(info.folder, folder);
    assert_string_equal(info.remedy, "run this test");
    assert_int_equal(info.features, 12);
    assert_int_equal(info.classes, 4);
    assert_string_equal(info.class_names[3], "d");
    assert_int_equal(info.train_count, 10);
    assert_int_equal(info.test_count, 3);
}

static void describing_looks_afresh_and_loads_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_false(describe(fixture, "slow").available);
    char folder[SYNTHETIC_PATH];
    folder_add(fixture->first, "slow", folder);
    assert_true(describe(fixture, "slow").available);
    assert_int_equal(atomic_load(&slow_loads), 0);
}

static void what_is_nowhere_is_unavailable(void **state)
{
    struct fixture *fixture = *state;
    const struct data_info info = describe(fixture, "small-idx");
    assert_false(info.available);
    assert_contains(info.fault, fixture->first);
    assert_contains(info.fault, fixture->second);
    assert_contains(info.folder, fixture->first);
    const struct data_set *set = NULL;
    struct ep_error error = {0};
    assert_int_equal(data_registry_open(fixture->registry, "small-idx", &set, &error), EP_UNAVAILABLE);
    assert_contains(error.text, "there is no folder idx");
    assert_contains(error.text, "run this test");
}

static void the_second_place_serves_when_the_first_has_no_folder(void **state)
{
    struct fixture *fixture = *state;
    char folder[SYNTHETIC_PATH];
    folder_add(fixture->second, "idx", folder);
    synthetic_write_idx(folder, true);
    assert_string_equal(describe(fixture, "small-idx").folder, folder);
    const struct data_set *set = NULL;
    struct ep_error error = {0};
    assert_int_equal(data_registry_open(fixture->registry, "small-idx", &set, &error), EP_OK);
    synthetic_assert_loaded(set, &synthetic_idx);
    assert_true(set->info.available);
    assert_string_equal(set->info.folder, folder);
}

static void a_faulty_first_place_is_not_passed_over(void **state)
{
    struct fixture *fixture = *state;
    char folder[SYNTHETIC_PATH];
    folder_add(fixture->second, "idx", folder);
    synthetic_write_idx(folder, true);
    const struct bytes nothing = {.data = (uint8_t[]){0}};
    file_write(fixture->first, "idx", &nothing);
    assert_contains(describe(fixture, "small-idx").fault, "is not a folder");

    char path[2 * SYNTHETIC_PATH];
    snprintf(path, sizeof path, "%s/idx", fixture->first);
    assert_int_equal(remove(path), 0);
    folder_add(fixture->first, "idx", folder);
    const struct data_info info = describe(fixture, "small-idx");
    assert_false(info.available);
    assert_contains(info.fault, fixture->first);
    assert_contains(info.fault, "train-images-idx3-ubyte.gz is missing");
    assert_string_equal(info.folder, folder);
    const struct data_set *set = NULL;
    struct ep_error error = {0};
    assert_int_equal(data_registry_open(fixture->registry, "small-idx", &set, &error), EP_UNAVAILABLE);
    assert_contains(error.text, "train-images-idx3-ubyte.gz is missing");
}

static void the_digest_covers_all_pixels_and_labels(void **state)
{
    struct fixture *fixture = *state;
    char folder[SYNTHETIC_PATH];
    folder_add(fixture->first, "cifar", folder);
    synthetic_write_cifar10(folder);
    struct ep_sha256 *digest = ep_sha256_create();
    assert_non_null(digest);
    for (int test = 0; test < 2; test++) {
        const size_t count = test ? 3 : 10;
        for (size_t i = 0; i < count * 12; i++) {
            const uint8_t pixel = synthetic_pixel(test, i / 12, i % 12);
            ep_sha256_add(digest, &pixel, 1);
        }
        for (size_t i = 0; i < count; i++) {
            const uint8_t label = synthetic_label(test, i);
            ep_sha256_add(digest, &label, 1);
        }
    }
    char expected[EP_SHA256_TEXT];
    ep_sha256_finish(digest, expected);
    const struct data_set *set = NULL;
    struct ep_error error = {0};
    assert_int_equal(data_registry_open(fixture->registry, "small-cifar", &set, &error), EP_OK);
    assert_string_equal(set->digest, expected);
}

struct request {
    pthread_t thread;
    pthread_barrier_t *start;
    struct data_registry *registry;
    enum ep_status status;
    struct ep_error error;
    const struct data_set *set;
};

static void *ask(void *context)
{
    struct request *request = context;
    pthread_barrier_wait(request->start);
    request->status = data_registry_open(request->registry, "slow", &request->set, &request->error);
    return NULL;
}

static void ask_from_many_threads(struct data_registry *registry, struct request requests[THREADS])
{
    pthread_barrier_t start;
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        requests[i] = (struct request){.start = &start, .registry = registry};
        assert_int_equal(pthread_create(&requests[i].thread, NULL, ask, &requests[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(requests[i].thread, NULL), 0);
    }
    pthread_barrier_destroy(&start);
}

static void many_threads_share_one_load(void **state)
{
    struct fixture *fixture = *state;
    char folder[SYNTHETIC_PATH];
    folder_add(fixture->first, "slow", folder);
    struct request requests[THREADS];
    ask_from_many_threads(fixture->registry, requests);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(requests[i].status, EP_OK);
        assert_non_null(requests[i].set);
        assert_ptr_equal(requests[i].set, requests[0].set);
        assert_int_equal(requests[i].set->train.pixels[0], 7);
    }
    assert_int_equal(atomic_load(&slow_loads), 1);
}

static void a_failed_load_fails_for_all_and_is_tried_again(void **state)
{
    struct fixture *fixture = *state;
    char folder[SYNTHETIC_PATH];
    folder_add(fixture->first, "slow", folder);
    atomic_store(&slow_fails, true);
    struct request requests[THREADS];
    ask_from_many_threads(fixture->registry, requests);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(requests[i].status, EP_CORRUPT);
        assert_int_equal(requests[i].error.status, EP_CORRUPT);
        assert_contains(requests[i].error.text, "fell apart");
        assert_null(requests[i].set);
    }
    const int failures = atomic_load(&slow_loads);
    atomic_store(&slow_fails, false);
    const struct data_set *set = NULL;
    assert_int_equal(data_registry_open(fixture->registry, "slow", &set, NULL), EP_OK);
    assert_non_null(set);
    assert_int_equal(atomic_load(&slow_loads), failures + 1);
}

static void folders_may_end_with_slashes_but_not_be_endless(void **state)
{
    struct fixture *fixture = *state;
    char folder[SYNTHETIC_PATH];
    folder_add(fixture->first, "slow", folder);
    char slashed[SYNTHETIC_PATH + 2];
    snprintf(slashed, sizeof slashed, "%s//", fixture->first);
    struct data_registry *registry = NULL;
    struct ep_error error = {0};
    assert_int_equal(
        data_registry_create_from(&fixture->catalogue, slashed, fixture->first, &registry, &error), EP_OK);
    struct data_info info;
    data_registry_describe_at(registry, 2, &info);
    assert_string_equal(info.folder, folder);
    data_registry_describe_at(registry, 0, &info);
    assert_null(strstr(info.fault, " or "));
    data_registry_destroy(registry);

    char endless[2 * DATA_PATH_MAX];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_int_equal(data_registry_create(endless, &registry, &error), EP_TOO_LARGE);
    data_registry_destroy(NULL);
}

static void the_catalogue_holds_the_two_real_datasets(void **state)
{
    (void)state;
    const struct {
        const char *name, *folder, *remedy;
        size_t features, train_count;
    } expected[] = {
        {"fashion-mnist", "/fashion-mnist", "apt-get install dataset-fashion-mnist", 784, 60000},
        {"cifar-10", "/cifar-10-batches-bin", "cifar-10-binary.tar.gz", 3072, 50000},
    };
    char empty[SYNTHETIC_PATH];
    folder_create(empty);
    struct data_registry *registry = NULL;
    struct ep_error error = {0};
    assert_int_equal(data_registry_create_from(&data_catalogue, empty, empty, &registry, &error), EP_OK);
    for (size_t i = 0; i < EP_COUNT(expected); i++) {
        struct data_info info;
        assert_int_equal(data_registry_describe(registry, expected[i].name, &info, &error), EP_OK);
        assert_false(info.available);
        assert_contains(info.folder, expected[i].folder);
        assert_contains(info.remedy, expected[i].remedy);
        assert_int_equal(info.features, expected[i].features);
        assert_int_equal(info.train_count, expected[i].train_count);
        assert_int_equal(info.test_count, 10000);
        assert_int_equal(info.classes, 10);
    }
    data_registry_destroy(registry);
    folder_remove(empty);
}

#define ON_REGISTRY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_REGISTRY(unknown_names_are_answered_with_the_known_ones),
        ON_REGISTRY(a_dataset_is_described),
        ON_REGISTRY(describing_looks_afresh_and_loads_nothing),
        ON_REGISTRY(what_is_nowhere_is_unavailable),
        ON_REGISTRY(the_second_place_serves_when_the_first_has_no_folder),
        ON_REGISTRY(a_faulty_first_place_is_not_passed_over),
        ON_REGISTRY(the_digest_covers_all_pixels_and_labels),
        ON_REGISTRY(many_threads_share_one_load),
        ON_REGISTRY(a_failed_load_fails_for_all_and_is_tried_again),
        ON_REGISTRY(folders_may_end_with_slashes_but_not_be_endless),
        cmocka_unit_test(the_catalogue_holds_the_two_real_datasets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
