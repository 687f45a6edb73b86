/* Points of grids and of random stages, what they make of a spec, and stages around a best. */
#include "tests/unit/search/search_fixture.h"

static void assert_close(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-12 * fabs(expected))) {
        fail_msg("%.17g is not %.17g", value, expected);
    }
}

static void ranges_have_their_exact_ends(void **state)
{
    (void)state;
    static const double ends[][2] = {{0.1, 0.7}, {1e-6, 1e-2}, {3e-8, 99.9}, {0.3, 0.3}, {1e-300, 1e-3}};
    for (size_t i = 0; i < EP_COUNT(ends); i++) {
        for (int scale = SEARCH_LINEAR; scale <= SEARCH_LOG; scale++) {
            const struct search_field field =
                range("eta", ends[i][0], ends[i][1], 5, (enum search_scale)scale);
            assert_true(search_field_value(&field, 0) == ends[i][0]);
            assert_true(search_field_value(&field, 1) == ends[i][1]);
            for (int step = 0; step <= 64; step++) {
                const double t = step / 64.0;
                const double value = search_field_value(&field, t);
                assert_true(value >= ends[i][0] && value <= ends[i][1]);
                if (ends[i][0] < ends[i][1]) {
                    /* Values are of six digits, which is coarse where a range is narrow. */
                    assert_true(fabs(search_field_share(&field, value) - t) < 1e-4);
                }
            }
            assert_true(search_field_share(&field, ends[i][0]) == 0);
            assert_true(search_field_share(&field, 2 * ends[i][1]) == 1);
        }
    }
    const struct search_field decades = range("eta", 1e-6, 1e-2, 5, SEARCH_LOG);
    assert_close(search_field_value(&decades, 0.25), 1e-5);
    assert_close(search_field_value(&decades, 0.5), 1e-4);
    const struct search_field halves = range("lambda", 0, 1, 3, SEARCH_LINEAR);
    assert_true(search_field_value(&halves, 0.5) == 0.5);
}

static void integers_are_rounded_and_stay_inside(void **state)
{
    (void)state;
    const struct search_field linear = range("batch_size", 10, 13, 5, SEARCH_LINEAR);
    assert_true(search_field_value(&linear, 0.49) == 11);
    assert_true(search_field_value(&linear, 0.51) == 12);
    const struct search_field powers = range("batch_size", 1, 1024, 11, SEARCH_LOG);
    for (int i = 0; i <= 10; i++) {
        assert_true(search_field_value(&powers, i / 10.0) == exp2(i));
    }
    const struct search_field between = range("batch_size", 2.4, 5.6, 2, SEARCH_LINEAR);
    assert_true(search_field_value(&between, 0) == 3);
    assert_true(search_field_value(&between, 1) == 5);
}

static void lists_share_the_way_evenly(void **state)
{
    (void)state;
    struct search_field field = LIST("eta", 7, 3, 5, 9);
    assert_true(search_field_value(&field, 0) == 7);
    assert_true(search_field_value(&field, 0.25) == 3);
    assert_true(search_field_value(&field, 0.74) == 5);
    assert_true(search_field_value(&field, 1) == 9);
    assert_true(search_field_share(&field, 3) == 0.375);
    assert_true(isnan(search_field_share(&field, 4)));
    free(field.values);
}

static void the_last_field_of_a_grid_changes_fastest(void **state)
{
    (void)state;
    struct search_stage stage = {
        .method = SEARCH_GRID,
        .field_count = 3,
        .fields = {LIST("activation", 2, 0), range("eta", 0.1, 0.3, 3, SEARCH_LINEAR),
                   HIDDEN({.count = 1, .items = {5}}, {.count = 2, .items = {7, 8}})},
    };
    assert_int_equal(search_grid_count(&stage), 12);
    for (size_t i = 0; i < 12; i++) {
        struct search_point point;
        search_grid_point(&stage, i, &point);
        assert_true(point.at[0] == (i < 6 ? 2 : 0));
        assert_close(point.at[1], 0.1 + 0.1 * (double)(i / 2 % 3));
        assert_true(point.at[2] == (double)(i % 2));
    }
    stage.fields[1] = range("eta", 0.4, 0.4, 1, SEARCH_LOG);
    struct search_point point;
    search_grid_point(&stage, 3, &point);
    assert_true(point.at[0] == 0 && point.at[1] == 0.4 && point.at[2] == 1);
    search_stage_done(&stage);
    assert_int_equal(stage.field_count, 0);
}

static void counts_of_grids_do_not_wrap(void **state)
{
    (void)state;
    struct search_stage stage = {.method = SEARCH_GRID, .field_count = SEARCH_FIELDS_MAX};
    for (size_t i = 0; i < SEARCH_FIELDS_MAX; i++) {
        stage.fields[i] = range("eta", 0.1, 0.3, 256, SEARCH_LINEAR);
    }
    assert_true(search_grid_count(&stage) == SIZE_MAX); /* 2^64 */
    stage.fields[7].count = 255;
    assert_true(search_grid_count(&stage) == ((size_t)1 << 56) * 255);
    stage.fields[6].count = SIZE_MAX;
    assert_true(search_grid_count(&stage) == SIZE_MAX);
    stage.fields[7].count = 0;
    assert_int_equal(search_grid_count(&stage), 0);
}

static void random_points_are_spread_evenly(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct search_stage stage = {
        .method = SEARCH_RANDOM,
        .field_count = 5,
        .fields = {range("lambda", 2, 4, 0, SEARCH_LINEAR), range("eta", 1e-6, 1e-2, 0, SEARCH_LOG),
                   LIST("momentum", 0.5, 0.7, 0.9), range("epochs", 1, 4, 0, SEARCH_LINEAR),
                   range("batch_size", 1, 100, 0, SEARCH_LOG)},
        .trials = COUNT,
        .seed = 5,
    };
    double mean = 0;
    double square = 0;
    double log_mean = 0;
    double product = 0;
    size_t of_list[3] = {0};
    size_t of_integer[5] = {0};
    size_t small = 0;
    for (size_t i = 0; i < COUNT; i++) {
        struct search_point point;
        search_random_point(&stage, i, &point);
        assert_true(point.at[0] >= 2 && point.at[0] <= 4 && point.at[1] >= 1e-6 && point.at[1] <= 1e-2);
        const double u = point.at[0] - 3;
        const double v = log10(point.at[1]) + 4;
        mean += u / COUNT;
        square += u * u / COUNT;
        log_mean += v / COUNT;
        product += u * v / COUNT;
        of_list[point.at[2] == 0.5 ? 0 : point.at[2] == 0.7 ? 1 : 2]++;
        assert_true(point.at[3] >= 1 && point.at[3] <= 4 && point.at[3] == floor(point.at[3]));
        of_integer[(size_t)point.at[3]]++;
        small += point.at[4] < 10 ? 1 : 0;
    }
    /* Five standard errors each. */
    assert_true(fabs(mean) < 5 * sqrt(1.0 / 3 / COUNT));
    assert_true(fabs(square - 1.0 / 3) < 5 * sqrt(4.0 / 45 / COUNT));
    assert_true(fabs(log_mean) < 5 * sqrt(4.0 / 3 / COUNT));
    assert_true(fabs(product) < 5 * sqrt(4.0 / 9 / COUNT));
    for (size_t i = 0; i < 3; i++) {
        assert_true(fabs((double)of_list[i] - COUNT / 3.0) < 5 * sqrt(COUNT * 2.0 / 9));
    }
    for (size_t i = 1; i <= 4; i++) {
        assert_true(fabs((double)of_integer[i] - COUNT / 4.0) < 5 * sqrt(COUNT * 3.0 / 16));
    }
    const double expected = log(9.5 / 0.5) / log(100.5 / 0.5);
    assert_true(fabs((double)small / COUNT - expected) < 5 * sqrt(expected * (1 - expected) / COUNT));
    search_stage_done(&stage);
}

static void random_points_depend_on_seed_field_and_index_alone(void **state)
{
    (void)state;
    struct search_stage stage = {
        .method = SEARCH_RANDOM,
        .field_count = 2,
        .fields = {range("eta", 0.1, 0.9, 0, SEARCH_LINEAR), range("lambda", 0.1, 0.9, 0, SEARCH_LINEAR)},
        .trials = 10,
        .seed = 1,
    };
    struct search_point forth[10];
    struct search_point again;
    for (size_t i = 0; i < 10; i++) {
        search_random_point(&stage, i, &forth[i]);
        assert_true(forth[i].at[0] != forth[i].at[1]);
        assert_true(i == 0 || forth[i].at[0] != forth[i - 1].at[0]);
    }
    stage.trials = 10000;
    for (size_t i = 10; i-- > 0;) {
        search_random_point(&stage, i, &again);
        assert_memory_equal(&again, &forth[i], sizeof again);
    }
    stage.field_count = 1;
    search_random_point(&stage, 4, &again);
    assert_true(again.at[0] == forth[4].at[0]);
    stage.seed = (uint64_t)1 << 32 | 1;
    search_random_point(&stage, 4, &again);
    assert_true(again.at[0] != forth[4].at[0]);
}

static void points_are_written_into_specs_and_read_back(void **state)
{
    (void)state;
    struct search_stage stage = {
        .method = SEARCH_GRID,
        .field_count = 5,
        .fields = {LIST("eta", 0.5), LIST("epochs", 7), LIST("batch_norm", 0), LIST("decay/kind", NN_COSINE),
                   HIDDEN({.count = 1, .items = {5}}, {.count = 2, .items = {7, 8}})},
        .pin_count = 1,
        .pins = {LIST("lambda", 0.25)},
    };
    const struct search_point point = {{0.5, 7, 0, NN_COSINE, 1}};
    struct job_spec spec = preset_spec();
    uint64_t given = bit("seed") | bit("depth");
    search_apply(&stage, &point, &spec, &given);
    assert_true(spec.eta == 0.5 && spec.lambda == 0.25);
    assert_int_equal(spec.epochs, 7);
    assert_false(spec.batch_norm);
    assert_int_equal(spec.decay_kind, NN_COSINE);
    assert_int_equal(spec.hidden.count, 2);
    assert_int_equal(spec.hidden.items[1], 8);
    assert_int_equal(given, bit("seed") | bit("eta") | bit("epochs") | bit("batch_norm") | bit("decay/kind") |
                                bit("hidden") | bit("lambda"));
    struct search_point back;
    search_point_of(&stage, &spec, &back);
    assert_memory_equal(&back, &point, sizeof back);
    spec.hidden.items[1] = 9;
    spec.eta = 0.4;
    search_point_of(&stage, &spec, &back);
    assert_true(isnan(back.at[0]) && back.at[1] == 7 && isnan(back.at[4]));
    search_stage_done(&stage);
}

static void depth_and_hidden_take_each_others_place(void **state)
{
    (void)state;
    struct search_stage stage = {.field_count = 1, .fields = {range("depth", 1, 3, 3, SEARCH_LINEAR)}};
    struct search_point point = {{3}};
    struct job_spec spec = preset_spec();
    uint64_t given = bit("hidden");
    search_apply(&stage, &point, &spec, &given);
    assert_int_equal(given, bit("depth"));
    assert_int_equal(spec.depth, 3);
    stage.pin_count = 1;
    stage.pins[0] = HIDDEN({.count = 2, .items = {4, 4}});
    given = 0;
    search_apply(&stage, &point, &spec, &given);
    assert_int_equal(given, bit("depth") | bit("hidden"));
    stage.field_count = 0;
    given = bit("depth");
    search_apply(&stage, &point, &spec, &given);
    assert_int_equal(given, bit("hidden"));
    search_stage_done(&stage);
}

static void copies_own_what_they_have(void **state)
{
    (void)state;
    struct search_stage stage = {
        .method = SEARCH_TPE,
        .field_count = 2,
        .fields = {LIST("eta", 1, 2, 3), HIDDEN({.count = 1, .items = {5}})},
        .trials = 9,
        .pin_count = 1,
        .pins = {LIST("lambda", 4)},
    };
    struct search_stage copy;
    assert_int_equal(search_stage_copy(&stage, &copy, NULL), EP_OK);
    search_stage_done(&stage);
    assert_int_equal(copy.method, SEARCH_TPE);
    assert_int_equal(copy.trials, 9);
    assert_true(copy.fields[0].values[2] == 3 && copy.pins[0].values[0] == 4);
    assert_int_equal(copy.fields[1].lists[0].items[0], 5);
    search_stage_done(&copy);
    search_stage_done(&copy);
}

/* Stage `stage` after `before`; fails unless it can be. */
static struct search_stage around(const struct search_stage *stage, const struct search_stage *before,
                                  const struct job_spec *best)
{
    struct search_stage after;
    struct ep_error error = {.text = ""};
    if (search_stage_around(stage, before, best, &after, &error) != EP_OK) {
        fail_msg("%s", error.text);
    }
    assert_false(after.around_best);
    return after;
}

static void ranges_lie_around_the_best_in_their_scale(void **state)
{
    (void)state;
    struct search_stage before = {
        .field_count = 4,
        .fields = {range("eta", 1e-5, 1e-1, 5, SEARCH_LOG), range("dropout", 0.2, 0.6, 5, SEARCH_LINEAR),
                   LIST("batch_size", 200, 100, 300), range("lambda", 1e-6, 1e-4, 3, SEARCH_LOG)},
    };
    struct search_stage stage = {
        .field_count = 4,
        .fields = {relative("lambda", 7, SEARCH_LINEAR), relative("eta", 3, SEARCH_LOG),
                   relative("dropout", 4, SEARCH_LINEAR), relative("batch_size", 5, SEARCH_LINEAR)},
        .shrink = 0.5,
    };
    struct job_spec best = preset_spec();
    best.eta = 1e-1;
    best.dropout = 0.5;
    best.batch_size = 100;
    best.lambda = 5e-5;
    struct search_stage after = around(&stage, &before, &best);
    assert_int_equal(after.pin_count, 0);
    assert_int_equal(after.fields[1].count, 3);
    assert_int_equal(after.fields[1].scale, SEARCH_LOG);
    assert_close(after.fields[1].from, 1e-2);
    assert_close(after.fields[1].to, 1); /* beyond the range of the stage before */
    assert_close(after.fields[2].from, 0.4);
    assert_close(after.fields[2].to, 0.6);
    assert_true(after.fields[3].from == 50 && after.fields[3].to == 150);
    assert_close(after.fields[0].from, 5e-5 - 0.25 * 9.9e-5);
    search_stage_done(&after);
    search_stage_done(&before);
}

static void ranges_are_cut_at_the_limits_of_their_fields(void **state)
{
    (void)state;
    struct search_stage before = {
        .field_count = 5,
        .fields = {range("eta", 0.125, 80, 5, SEARCH_LINEAR), range("dropout", 0.2, 0.9, 5, SEARCH_LINEAR),
                   range("lambda", 0, 10, 5, SEARCH_LINEAR), range("batch_size", 1, 64, 3, SEARCH_LOG),
                   range("pca/components", 1, 16, 3, SEARCH_LOG)},
    };
    struct search_stage stage = {
        .field_count = 5,
        .fields = {relative("eta", 3, SEARCH_LINEAR), relative("dropout", 3, SEARCH_LINEAR),
                   relative("lambda", 3, SEARCH_LINEAR), relative("batch_size", 3, SEARCH_LOG),
                   relative("pca/components", 3, SEARCH_LOG)},
        .shrink = 1,
    };
    struct job_spec best = preset_spec();
    best.eta = 1;
    best.dropout = 0.9;
    best.lambda = 0;
    best.batch_size = 2;
    best.components = 1;
    struct search_stage after = around(&stage, &before, &best);
    assert_true(after.fields[0].from == 0.125); /* 0 itself is no learning rate */
    assert_close(after.fields[0].to, 1 + 79.875 / 2);
    assert_close(after.fields[1].from, 0.55);
    assert_true(after.fields[1].to == 0.95);
    assert_true(after.fields[2].from == 0 && after.fields[2].to == 5);
    assert_true(after.fields[3].from == 1 && after.fields[3].to == 16);
    assert_true(after.fields[4].from == 1 && after.fields[4].to == 4); /* 0 axes have no logarithm */
    search_stage_done(&after);
    /* With a tiny width the best itself stays inside, whatever its logarithm is rounded to. */
    for (int i = 1; i < 200; i++) {
        struct search_field *eta = &before.fields[0];
        *eta = range("eta", 0.01, 0.01 * (1 + 1e-15 * i), 3, SEARCH_LOG);
        stage.fields[0].scale = SEARCH_LOG;
        best.eta = 0.0137 * i;
        after = around(&stage, &before, &best);
        assert_true(after.fields[0].from <= best.eta && after.fields[0].to >= best.eta);
        search_stage_done(&after);
    }
}

static void fields_that_are_not_named_keep_the_best(void **state)
{
    (void)state;
    struct search_stage before = {
        .field_count = 4,
        .fields = {range("eta", 0.1, 1, 5, SEARCH_LOG), LIST("batch_norm", 0, 1),
                   HIDDEN({.count = 1, .items = {5}}, {.count = 1, .items = {6}}), LIST("epochs", 3, 4)},
        .pin_count = 2,
        .pins = {LIST("seed", 3), LIST("lambda", 0.5)},
    };
    struct search_stage stage = {
        .field_count = 1,
        .fields = {relative("eta", 5, SEARCH_LOG)},
        .around_best = true,
        .shrink = 0.1,
        .pin_count = 2,
        .pins = {LIST("lambda", 0.75), LIST("epochs", 9)},
    };
    struct job_spec best = preset_spec();
    best.eta = 0.5;
    best.batch_norm = true;
    best.hidden = (struct ep_integer_list){.count = 1, .items = {6}};
    best.seed = 3;
    best.epochs = 4;
    struct search_stage after = around(&stage, &before, &best);
    assert_int_equal(after.field_count, 1);
    assert_int_equal(after.pin_count, 5);
    struct job_spec spec = preset_spec();
    spec.batch_norm = false;
    uint64_t given = 0;
    struct search_point point;
    search_grid_point(&after, 2, &point);
    search_apply(&after, &point, &spec, &given);
    assert_close(spec.eta, 0.5);
    assert_true(spec.batch_norm && spec.lambda == 0.75);
    assert_int_equal(spec.hidden.items[0], 6);
    assert_int_equal(spec.seed, 3);
    assert_int_equal(spec.epochs, 9);
    assert_int_equal(given, bit("eta") | bit("batch_norm") | bit("hidden") | bit("seed") | bit("lambda") |
                                bit("epochs"));
    search_stage_done(&after);
    /* A depth of its own takes the place of the best's hidden widths. */
    stage.fields[0] = range("depth", 2, 4, 3, SEARCH_LINEAR);
    after = around(&stage, &before, &best);
    assert_int_equal(after.pin_count, 5);
    for (size_t i = 0; i < after.pin_count; i++) {
        assert_true(after.pins[i].row != row("hidden"));
    }
    search_stage_done(&after);
    search_stage_done(&stage);
    search_stage_done(&before);
}

static void what_cannot_be_around_a_best_is_refused(void **state)
{
    (void)state;
    struct search_stage before = {.field_count = 1, .fields = {range("lambda", 0, 1, 5, SEARCH_LINEAR)}};
    struct search_stage stage = {.field_count = 1, .fields = {relative("eta", 5, SEARCH_LOG)}, .shrink = 1};
    struct job_spec best = preset_spec();
    struct search_stage after;
    struct ep_error error;
    assert_int_equal(search_stage_around(&stage, &before, &best, &after, &error), EP_INVALID);
    assert_non_null(strstr(error.text, "\"eta\""));
    assert_int_equal(after.field_count, 0);
    stage.fields[0].row = row("lambda");
    assert_int_equal(search_stage_around(&stage, &before, &best, &after, &error), EP_INVALID);
    assert_non_null(strstr(error.text, "log"));
    static const char *const names[] = {"eta",        "epochs",      "batch_size",    "momentum",
                                        "warm_up",    "decay/every", "decay/factor",  "init/std",
                                        "train_size", "depth",       "augment/shift", "seed"};
    before = (struct search_stage){.field_count = SEARCH_FIELDS_MAX, .pin_count = 4};
    for (size_t i = 0; i < EP_COUNT(names); i++) {
        struct search_field *field = i < 8 ? &before.fields[i] : &before.pins[i - 8];
        *field = LIST(names[i], 1);
    }
    stage = (struct search_stage){.field_count = 1, .fields = {LIST("lambda", 1)}, .around_best = true};
    assert_int_equal(search_stage_around(&stage, &before, &best, &after, &error), EP_INVALID);
    assert_non_null(strstr(error.text, "8"));
    search_stage_done(&stage);
    search_stage_done(&before);
}

static void values_of_ranges_have_six_digits(void **state)
{
    (void)state;
    const struct search_field eta = range("eta", 1e-6, 1e-2, 14, SEARCH_LOG);
    assert_true(search_field_value(&eta, 1.0 / 13) == 2.03092e-6);
    assert_true(search_field_value(&eta, 12.0 / 13) == 0.00492388);
    const struct search_field linear = range("eta", 0.02, 0.1, 20, SEARCH_LINEAR);
    assert_true(search_field_value(&linear, 1.0 / 19) == 0.0242105);
    const struct search_field exact = range("eta", 0.123456789, 0.987654321, 3, SEARCH_LINEAR);
    assert_true(search_field_value(&exact, 0) == 0.123456789);
    assert_true(search_field_value(&exact, 1) == 0.987654321);
    const struct search_field narrow = range("eta", 0.123456789, 0.12345679, 3, SEARCH_LINEAR);
    assert_true(search_field_value(&narrow, 0.5) >= 0.123456789);
    assert_true(search_field_value(&narrow, 0.5) <= 0.12345679);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_have_their_exact_ends),
        cmocka_unit_test(values_of_ranges_have_six_digits),
        cmocka_unit_test(integers_are_rounded_and_stay_inside),
        cmocka_unit_test(lists_share_the_way_evenly),
        cmocka_unit_test(the_last_field_of_a_grid_changes_fastest),
        cmocka_unit_test(counts_of_grids_do_not_wrap),
        cmocka_unit_test(random_points_are_spread_evenly),
        cmocka_unit_test(random_points_depend_on_seed_field_and_index_alone),
        cmocka_unit_test(points_are_written_into_specs_and_read_back),
        cmocka_unit_test(depth_and_hidden_take_each_others_place),
        cmocka_unit_test(copies_own_what_they_have),
        cmocka_unit_test(ranges_lie_around_the_best_in_their_scale),
        cmocka_unit_test(ranges_are_cut_at_the_limits_of_their_fields),
        cmocka_unit_test(fields_that_are_not_named_keep_the_best),
        cmocka_unit_test(what_cannot_be_around_a_best_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
