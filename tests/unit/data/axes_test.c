/* Principal axes: against the definition, folded back, and kept on disk. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cblas.h>
#include <cmocka.h>

#include "core/base/memory.h"
#include "core/data/axes_cache.h"
#include "core/data/batches.h"
#include "core/data/projection.h"

enum { FEATURES = 12, TRAIN = 400, TEST = 30, UNITS = 3, NAME_LENGTH = 256 };

struct images {
    struct data_set set;
    uint8_t train_pixels[TRAIN * FEATURES], train_labels[TRAIN];
    uint8_t test_pixels[TEST * FEATURES], test_labels[TEST];
};

/* Pixels that hang together: each is a mix of a few random numbers, the later ones weaker. */
static void fill(uint8_t *pixels, size_t count, uint32_t number)
{
    for (size_t i = 0; i < count; i++) {
        double hidden[4];
        for (size_t h = 0; h < 4; h++) {
            number = number * 1664525U + 1013904223U;
            hidden[h] = ((double)(number >> 8) / 0x1p24 - 0.5) * 60 / (double)(h + 1);
        }
        for (size_t j = 0; j < FEATURES; j++) {
            double value = 128;
            for (size_t h = 0; h < 4; h++) {
                value += hidden[h] * cos((double)(j * (h + 1)));
            }
            pixels[i * FEATURES + j] = (uint8_t)value;
        }
    }
}

static int set_up(void **state)
{
    struct images *images = calloc(1, sizeof *images);
    assert_non_null(images);
    fill(images->train_pixels, TRAIN, 1);
    fill(images->test_pixels, TEST, 2);
    images->set = (struct data_set){
        .info = {.name = "made-up", .features = FEATURES, .classes = 2},
        .train = {.count = TRAIN, .pixels = images->train_pixels, .labels = images->train_labels},
        .test = {.count = TEST, .pixels = images->test_pixels, .labels = images->test_labels},
        .digest = "digest",
    };
    *state = images;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static struct data_split *cut(const struct images *images, size_t train)
{
    struct data_split *split = NULL;
    assert_int_equal(data_split_create(&images->set, train, 50, DATA_NORMALIZE_MEAN, &split, NULL), EP_OK);
    return split;
}

static const struct data_patience patient;

static struct data_axes compute(const struct data_split *split)
{
    struct data_axes axes;
    assert_int_equal(data_axes_compute(split, &patient, &axes, NULL), EP_OK);
    return axes;
}

static double dot(const float *a, const float *b)
{
    double sum = 0;
    for (size_t j = 0; j < FEATURES; j++) {
        sum += (double)a[j] * (double)b[j];
    }
    return sum;
}

static void axes_are_orthonormal_and_inputs_do_not_correlate_along_them(void **state)
{
    struct data_split *split = cut(*state, 300);
    struct data_axes axes = compute(split);
    float x[300 * FEATURES];
    uint8_t labels[300];
    data_split_read(split, DATA_TRAIN, 0, 300, x, FEATURES, labels);
    for (size_t a = 0; a < FEATURES; a++) {
        for (size_t b = 0; b < FEATURES; b++) {
            const float *row_a = axes.rows + a * FEATURES;
            const float *row_b = axes.rows + b * FEATURES;
            double moment = 0;
            for (size_t i = 0; i < 300; i++) {
                moment += dot(x + i * FEATURES, row_a) * dot(x + i * FEATURES, row_b) / 300;
            }
            assert_true(fabs(dot(row_a, row_b) - (a == b ? 1 : 0)) < 1e-6);
            assert_true(fabs(moment - (a == b ? axes.moments[a] : 0)) < 1e-7);
        }
        assert_true(a == 0 || axes.moments[a] <= axes.moments[a - 1]);
    }
    data_axes_done(&axes);
    data_split_destroy(split);
}

static void a_share_of_the_variance_needs_as_many_axes(void **state)
{
    (void)state;
    double moments[] = {5, 3, 1, 1, 0};
    const struct data_axes axes = {.features = 5, .moments = moments};
    static const struct {
        double variance;
        size_t needed;
    } cases[] = {{0.01, 1}, {0.5, 1}, {0.51, 2}, {0.8, 2}, {0.85, 3}, {1, 4}};
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        assert_int_equal(data_axes_needed(&axes, cases[i].variance), cases[i].needed);
    }
    assert_true(data_axes_share(&axes, 1) == 0.5 && data_axes_share(&axes, 4) == 1);
}

/* What a first layer says of projected images, its folded weights say of the images themselves. */
static void folded_weights_see_inputs_as_the_axes_show_them(void **state)
{
    struct data_split *split = cut(*state, 300);
    struct data_axes axes = compute(split);
    struct data_projection *projection = NULL;
    enum { AXES = 4 };
    assert_int_equal(data_projection_create(split, &axes, AXES, &patient, &projection, NULL), EP_OK);
    float w[AXES * UNITS];
    float folded[FEATURES * UNITS];
    for (size_t i = 0; i < EP_COUNT(w); i++) {
        w[i] = (float)cos((double)i);
    }
    data_axes_fold(&axes, AXES, w, UNITS, folded);
    for (unsigned s = DATA_TRAIN; s <= DATA_TEST; s++) {
        float x[FEATURES];
        float seen[AXES];
        uint8_t label;
        const size_t image = data_split_count(split, (enum data_subset)s) - 1;
        data_split_read(split, (enum data_subset)s, image, 1, x, FEATURES, &label);
        data_projection_read(projection, (enum data_subset)s, image, 1, seen, AXES, &label);
        for (size_t u = 0; u < UNITS; u++) {
            double by_axes = 0;
            double by_inputs = 0;
            for (size_t k = 0; k < AXES; k++) {
                by_axes += (double)seen[k] * (double)w[k * UNITS + u];
            }
            for (size_t j = 0; j < FEATURES; j++) {
                by_inputs += (double)x[j] * (double)folded[j * UNITS + u];
            }
            assert_true(fabs(by_axes - by_inputs) < 1e-5);
        }
    }
    data_projection_destroy(projection);
    data_axes_done(&axes);
    data_split_destroy(split);
}

static void mini_batches_come_from_the_projection(void **state)
{
    struct data_split *split = cut(*state, 300);
    struct data_axes axes = compute(split);
    struct data_projection *projection = NULL;
    struct data_batches *batches = NULL;
    assert_int_equal(data_projection_create(split, &axes, 2, &patient, &projection, NULL), EP_OK);
    struct data_batches_options options = {
        .batch_size = 10, .shuffle = true, .seed = 5, .readers = 1, .projection = projection};
    assert_int_equal(data_batches_create(split, &options, &batches, NULL), EP_OK);
    data_batches_begin(batches, 0);
    double sum = 0;
    double all = 0;
    for (size_t step = 0; step < 30; step++) {
        float x[10 * 3];
        uint8_t labels[10];
        data_batches_read(batches, 0, (struct data_piece){step, 0, 10}, x, 3, labels);
        for (size_t i = 0; i < 10; i++) {
            sum += (double)x[i * 3] * (double)x[i * 3];
        }
    }
    all = axes.moments[0] * 300;
    assert_true(fabs(sum - all) < 1e-4 * all);
    data_batches_destroy(batches);
    options.augment.flip = true;
    assert_int_equal(data_batches_create(split, &options, &batches, NULL), EP_INVALID);
    data_projection_destroy(projection);
    data_axes_done(&axes);
    data_split_destroy(split);
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static void work_can_be_cancelled(void **state)
{
    struct data_split *split = cut(*state, 300);
    const struct data_patience impatient = {.go_on = never};
    struct data_axes axes;
    struct data_projection *projection = NULL;
    assert_int_equal(data_axes_compute(split, &impatient, &axes, NULL), EP_CANCELLED);
    axes = compute(split);
    assert_int_equal(data_projection_create(split, &axes, 2, &impatient, &projection, NULL), EP_CANCELLED);
    data_axes_done(&axes);
    data_split_destroy(split);
}

struct folder {
    char path[NAME_LENGTH];
    struct data_axes_cache *cache;
};

static void open_cache(struct folder *folder)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder->path, sizeof folder->path, "%s/epochd-axes-XXXXXX", parent == NULL ? P_tmpdir : parent);
    assert_non_null(mkdtemp(folder->path));
    assert_int_equal(data_axes_cache_create(folder->path, &folder->cache, NULL), EP_OK);
}

/* Calls `visit` with the path of each file that is kept; how many there are. */
static size_t each_file(const struct folder *folder, void (*visit)(const char *path))
{
    char command[NAME_LENGTH + 16];
    char path[NAME_LENGTH + 128];
    size_t count = 0;
    snprintf(command, sizeof command, "ls -1 %s/axes", folder->path);
    FILE *list = popen(command, "r"); /* NOLINT(cert-env33-c): a path of this test's own */
    assert_non_null(list);
    char name[100];
    while (fscanf(list, "%99s", name) == 1) {
        snprintf(path, sizeof path, "%s/axes/%s", folder->path, name);
        visit(path);
        count++;
    }
    pclose(list);
    return count;
}

static void look(const char *path)
{
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
}

static void drop(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

/* Changes a byte in the middle. */
static void damage(const char *path)
{
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, 200, SEEK_SET), 0);
    const int byte = fgetc(file);
    assert_int_equal(fseek(file, 200, SEEK_SET), 0);
    assert_int_not_equal(fputc(byte ^ 1, file), EOF);
    assert_int_equal(fclose(file), 0);
}

static void close_cache(struct folder *folder)
{
    char path[NAME_LENGTH + 8];
    each_file(folder, drop);
    snprintf(path, sizeof path, "%s/axes", folder->path);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder->path), 0);
    data_axes_cache_destroy(folder->cache);
}

static void assert_kept(struct folder *folder, const struct data_split *split,
                        const struct data_patience *patience)
{
    struct data_axes expected = compute(split);
    struct data_axes axes;
    assert_int_equal(data_axes_cache_get(folder->cache, split, patience, &axes, NULL), EP_OK);
    assert_memory_equal(axes.rows, expected.rows, sizeof(float) * FEATURES * FEATURES);
    assert_memory_equal(axes.moments, expected.moments, sizeof(double) * FEATURES);
    data_axes_done(&axes);
    data_axes_done(&expected);
}

static void axes_are_kept_on_disk_and_damage_is_noticed(void **state)
{
    struct data_split *split = cut(*state, 300);
    struct folder folder;
    open_cache(&folder);
    assert_kept(&folder, split, &patient);
    assert_int_equal(each_file(&folder, look), 1);
    /* Who may not compute can only have read. */
    const struct data_patience impatient = {.go_on = never};
    assert_kept(&folder, split, &impatient);
    each_file(&folder, damage);
    struct data_axes axes;
    assert_int_equal(data_axes_cache_get(folder.cache, split, &impatient, &axes, NULL), EP_CANCELLED);
    assert_kept(&folder, split, &patient);
    assert_kept(&folder, split, &impatient);
    close_cache(&folder);
    data_split_destroy(split);
}

static void only_so_many_files_are_kept(void **state)
{
    struct folder folder;
    open_cache(&folder);
    for (size_t i = 0; i < DATA_AXES_FILES_MAX + 3; i++) {
        struct data_split *split = cut(*state, 200 + i);
        assert_kept(&folder, split, &patient);
        data_split_destroy(split);
    }
    assert_int_equal(each_file(&folder, look), DATA_AXES_FILES_MAX);
    close_cache(&folder);
}

static void without_a_folder_nothing_is_kept(void **state)
{
    struct data_split *split = cut(*state, 300);
    struct folder folder = {.cache = NULL};
    assert_int_equal(data_axes_cache_create(NULL, &folder.cache, NULL), EP_OK);
    assert_kept(&folder, split, &patient);
    assert_kept(&folder, split, &patient);
    data_axes_cache_destroy(folder.cache);
    data_split_destroy(split);
}

int main(void)
{
    openblas_set_num_threads(1); /* as the program has it: results depend on it */
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(axes_are_orthonormal_and_inputs_do_not_correlate_along_them, set_up,
                                        tear_down),
        cmocka_unit_test(a_share_of_the_variance_needs_as_many_axes),
        cmocka_unit_test_setup_teardown(folded_weights_see_inputs_as_the_axes_show_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mini_batches_come_from_the_projection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(work_can_be_cancelled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(axes_are_kept_on_disk_and_damage_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_so_many_files_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_folder_nothing_is_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
