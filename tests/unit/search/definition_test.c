/* Searches as clients ask for them: what does not fit together, and where the fault is shown. */
#include "tests/unit/search/search_fixture.h"

#include <stdio.h>
#include <time.h>

#include "core/search/definition.h"

static const struct data_info info = {
    .name = "images", .features = 6, .classes = 3, .train_count = 1000, .test_count = 100};

static const struct job_limits any;

/* A search of stages that is right, for tests to spoil. Its stages are released by check and by drop. */
static struct search_definition search_of(size_t count, const struct search_stage *stages)
{
    struct search_definition definition = {.stage_count = count};
    ep_fields_preset(&search_settings_fields, &definition.settings);
    definition.settings.goal = SEARCH_MAXIMIZE;
    definition.base = preset_spec();
    definition.base.depth = 2;
    definition.base_given = bit("dataset") | bit("epochs") | bit("depth");
    definition.stages = calloc(count + 1, sizeof *stages);
    assert_non_null(definition.stages);
    for (size_t i = 0; i < count; i++) {
        definition.stages[i] = stages[i];
    }
    return definition;
}

static struct search_stage grid(struct search_field field)
{
    return (struct search_stage){.method = SEARCH_GRID, .field_count = 1, .fields = {field}, .shrink = 0.5};
}

static struct search_stage random_of(struct search_field field, uint64_t trials)
{
    struct search_stage stage = grid(field);
    stage.method = SEARCH_RANDOM;
    stage.trials = trials;
    stage.seed = 1;
    return stage;
}

static struct search_stage around(struct search_stage stage)
{
    stage.around_best = true;
    return stage;
}

static struct search_stage pinned(struct search_stage stage, struct search_field pin)
{
    stage.pins[stage.pin_count++] = pin;
    return stage;
}

static struct search_stage with(struct search_stage stage, struct search_field field)
{
    stage.fields[stage.field_count++] = field;
    return stage;
}

static struct search_field etas(void)
{
    return range("eta", 1e-4, 1e-1, 4, SEARCH_LOG);
}

#define SEARCH(...)                                                                                          \
    search_of(EP_COUNT(((const struct search_stage[]){__VA_ARGS__})),                                        \
              (const struct search_stage[]){__VA_ARGS__})

static struct ep_faults check(struct search_definition *definition, bool single)
{
    struct ep_faults faults = {0};
    search_check(definition, single, &info, &any, &faults);
    return faults;
}

/* Checks the search, releases it, and expects exactly one fault; none with a pointer of NULL. */
static void expect(struct search_definition definition, bool single, const char *pointer, const char *part)
{
    const struct ep_faults faults = check(&definition, single);
    const bool right = pointer == NULL ? faults.count == 0
                                       : faults.count == 1 && strcmp(faults.items[0].pointer, pointer) == 0 &&
                                             strstr(faults.items[0].detail, part) != NULL;
    if (!right) {
        fail_msg("%zu faults, not one at \"%s\" with \"%s\"; the first at \"%s\": %s", faults.count,
                 pointer == NULL ? "nothing" : pointer, part, faults.items[0].pointer,
                 faults.items[0].detail);
    }
    search_definition_done(&definition);
}

static void single(struct search_stage stage, const char *pointer, const char *part)
{
    expect(search_of(1, &stage), true, pointer, part);
}

static void defaults_are_as_documented(void **state)
{
    (void)state;
    struct search_settings settings;
    ep_fields_preset(&search_settings_fields, &settings);
    assert_int_equal(settings.metric, SEARCH_ACCURACY);
    assert_int_equal(settings.epoch, SEARCH_LAST_EPOCH);
    assert_int_equal(settings.max_trials, SEARCH_TRIALS_MAX);
    assert_int_equal(settings.halving_factor, 3);
    assert_int_equal(settings.halving_first, 0);
    for (size_t i = 0; i < search_settings_fields.count; i++) {
        assert_true(strlen(search_settings_fields.rows[i].help) > 10);
    }
    settings.halving_first = 4;
    settings.halving_brackets = true;
    const struct search_halving halving = search_halving_of(&settings);
    assert_true(halving.first == 4 && halving.factor == 3 && halving.brackets);
}

static void losses_are_lower_when_better(void **state)
{
    (void)state;
    struct search_settings settings = {.goal = SEARCH_MAXIMIZE};
    assert_true(search_loss(&settings, 0.75) == -0.75);
    settings.goal = SEARCH_MINIMIZE;
    assert_true(search_loss(&settings, 0.75) == 0.75);
    assert_true(isnan(search_loss(&settings, NAN)));
}

static void copies_own_what_they_have(void **state)
{
    (void)state;
    struct search_definition definition = SEARCH(
        grid(LIST("eta", 1, 2)), pinned(around(grid(relative("eta", 3, SEARCH_LOG))), LIST("lambda", 1)));
    snprintf(definition.settings.name, sizeof definition.settings.name, "coarse, fine");
    struct search_definition copy;
    assert_int_equal(search_definition_copy(&definition, &copy, NULL), EP_OK);
    search_definition_done(&definition);
    search_definition_done(&definition);
    assert_string_equal(copy.settings.name, "coarse, fine");
    assert_int_equal(copy.stage_count, 2);
    assert_true(copy.stages[0].fields[0].values[1] == 2 && copy.stages[1].pins[0].values[0] == 1);
    search_definition_done(&copy);
}

static void what_fits_together_has_no_faults(void **state)
{
    (void)state;
    single(grid(etas()), NULL, "");
    single(random_of(etas(), 10000), NULL, "");
    single(grid(range("epochs", 3, 3, 1, SEARCH_LINEAR)), NULL, "");
    single(with(grid(LIST("batch_norm", 0, 1)), LIST("activation", 0, 1, 2)), NULL, "");
    single(grid(HIDDEN({.count = 0}, {.count = 2, .items = {9, 8}})), NULL, "");
    expect(SEARCH(grid(LIST("eta", 0.1, 0.2)), around(grid(relative("eta", 3, SEARCH_LOG))),
                  around(grid(relative("eta", 3, SEARCH_LOG)))),
           false, NULL, "");
    /* What all stages set may be missing from the base. */
    struct search_definition definition = SEARCH(grid(LIST("depth", 1, 2)), around(grid(etas())));
    definition.base_given &= ~bit("depth");
    expect(definition, false, NULL, "");
    definition = SEARCH(grid(etas()), pinned(grid(etas()), LIST("depth", 3)));
    definition.base_given &= ~bit("depth");
    expect(definition, false, "/base/depth", "is missing");
    definition = SEARCH(grid(LIST("validation_size", 10, 20)));
    definition.base.validation_size = 0;
    definition.base_given |= bit("validation_size");
    expect(definition, true, NULL, "");
    /* An odd goal is a goal. */
    definition = SEARCH(grid(etas()));
    definition.settings.metric = SEARCH_COST;
    expect(definition, true, NULL, "");
    /* Without a dataset all that does not depend on it. */
    definition = SEARCH(grid(LIST("train_size", 5000)));
    struct ep_faults faults = {0};
    search_check(&definition, true, NULL, &any, &faults);
    assert_int_equal(faults.count, 0);
    search_definition_done(&definition);
}

static void stages_are_counted(void **state)
{
    (void)state;
    expect(search_of(0, NULL), false, "/stages", "0 stages");
    struct search_stage stages[SEARCH_STAGES_MAX + 1];
    for (size_t i = 0; i <= SEARCH_STAGES_MAX; i++) {
        stages[i] = grid(etas());
    }
    expect(search_of(SEARCH_STAGES_MAX, stages), false, NULL, "");
    expect(search_of(SEARCH_STAGES_MAX + 1, stages), false, "/stages", "17 stages");
}

static void fields_that_cannot_be_varied(void **state)
{
    (void)state;
    single(grid(LIST("threads", 1, 2)), "/grid/threads", "base");
    single(grid((struct search_field){.row = row("name"), .is_list = true, .count = 1}), "/grid/name",
           "base");
    single(grid((struct search_field){.row = row("tags"), .is_list = true, .count = 1}), "/grid/tags",
           "base");
    single(grid((struct search_field){.row = row("dataset"), .count = 1}), "/grid/dataset", "base");
    single(pinned(grid(etas()), LIST("threads", 2)), "/pivot/threads", "base");
    single(with(grid(etas()), LIST("eta", 1)), "/grid/eta", "twice");
    single(pinned(grid(etas()), LIST("eta", 1)), "/pivot/eta", "varied");
    single(pinned(pinned(grid(etas()), LIST("lambda", 1)), LIST("lambda", 1)), "/pivot/lambda", "twice");
    single(pinned(grid(etas()), LIST("lambda", 1, 2)), "/pivot/lambda", "one value");
    single((struct search_stage){.method = SEARCH_GRID}, "/grid", "varies no field");
}

static void values_that_fields_cannot_have(void **state)
{
    (void)state;
    single(grid(LIST("eta", 0.1, 0)), "/grid/eta", "a value is 0; eta is a number above 0 and at most 100");
    single(grid(LIST("epochs", 3, 2.5)), "/grid/epochs", "2.5; epochs is a whole number of at least 1");
    single(grid(LIST("epochs", 10001)), "/grid/epochs", "10001");
    single(grid(LIST("decay/factor", NAN)), "/grid/decay.factor", "nan");
    single(grid(LIST("batch_norm", 0, 2)), "/grid/batch_norm", "value 1");
    single(grid(LIST("optimizer", 2)), "/grid/optimizer", "value 0");
    single(grid(HIDDEN({.count = 1, .items = {5}}, {.count = 2, .items = {5, 0}})), "/grid/hidden",
           "value 1");
    single(grid(HIDDEN({.count = 1, .items = {65537}})), "/grid/hidden", "value 0");
    single(grid(list_of("eta", NULL, 0)), "/grid/eta", "no values");
    double many[SEARCH_VALUES_MAX + 1];
    for (size_t i = 0; i < EP_COUNT(many); i++) {
        many[i] = 0.5;
    }
    single(grid(list_of("eta", many, SEARCH_VALUES_MAX + 1)), "/grid/eta", "1001 values");
    expect(SEARCH(grid(etas()), pinned(random_of(etas(), 3), LIST("lambda", -1))), false,
           "/stages/1/pivot/lambda", "-1");
}

static void ranges_that_cannot_be(void **state)
{
    (void)state;
    single(grid(range("eta", 0.2, 0.1, 3, SEARCH_LINEAR)), "/grid/eta",
           "from is 0.2, which is more than to, 0.1");
    single(grid(range("lambda", 0, 1, 3, SEARCH_LOG)), "/grid/lambda", "log");
    single(grid(range("lambda", 0, 101, 3, SEARCH_LINEAR)), "/grid/lambda", "to is 101");
    single(grid(range("lambda", -1, 1, 3, SEARCH_LINEAR)), "/grid/lambda", "from is -1");
    single(grid(range("lambda", 0, INFINITY, 3, SEARCH_LINEAR)), "/grid/lambda", "to is inf");
    single(grid(range("lambda", NAN, 1, 3, SEARCH_LINEAR)), "/grid/lambda", "both from and to");
    single(grid(range("decay/every", 1.5, 3, 3, SEARCH_LINEAR)), "/grid/decay.every", "whole");
    single(grid(range("batch_norm", 0, 1, 2, SEARCH_LINEAR)), "/grid/batch_norm", "list");
    single(grid(range("hidden", 1, 2, 2, SEARCH_LINEAR)), "/grid/hidden", "list");
    single(grid(range("eta", 0.1, 0.2, 0, SEARCH_LINEAR)), "/grid/eta", "count of 0");
    single(grid(range("eta", 0.1, 0.2, 1, SEARCH_LINEAR)), "/grid/eta", "count of 1");
    single(grid(range("eta", 0.1, 0.2, 1001, SEARCH_LINEAR)), "/grid/eta", "count of 1001");
    single(random_of(range("eta", 0.1, 101, 0, SEARCH_LINEAR), 3), "/random/eta", "to is 101");
}

static void stages_around_a_best(void **state)
{
    (void)state;
    single(around(grid(etas())), "/around", "before the first");
    single(grid(relative("eta", 3, SEARCH_LOG)), "/grid/eta", "no stage before");
    expect(SEARCH(grid(etas()), around(random_of(relative("lambda", 0, SEARCH_LOG), 3))), false,
           "/stages/1/random/lambda", "does not vary");
    expect(SEARCH(grid(LIST("lambda", 0, 1)), around(grid(relative("lambda", 3, SEARCH_LOG)))), false,
           "/stages/1/grid/lambda", "log scale");
    expect(SEARCH(grid(range("eta", 0.1, 1, 2, SEARCH_LINEAR)),
                  around(grid(relative("eta", 3, SEARCH_LINEAR))),
                  around(grid(relative("eta", 3, SEARCH_LOG)))),
           false, "/stages/2/grid/eta", "log scale");
    expect(SEARCH(grid(etas()), around(grid(relative("eta", 0, SEARCH_LOG)))), false, "/stages/1/grid/eta",
           "count of 0");
    struct search_definition definition = SEARCH(grid(etas()), around(grid(relative("eta", 3, SEARCH_LOG))));
    definition.stages[1].shrink = 0;
    expect(definition, false, "/stages/1/shrink", "at most 1");
    static const char *const names[] = {"epochs",   "batch_size", "momentum", "seed",
                                        "nesterov", "lambda",     "eta"};
    struct search_stage wide = {.method = SEARCH_GRID};
    for (size_t i = 0; i < EP_COUNT(names); i++) {
        wide = with(wide, list_of(names[i], (const double[]){i == 1 ? 2 : i < 2 || i > 3 ? 1 : 0.5}, 1));
    }
    wide.fields[3].values[0] = 7;
    definition = SEARCH(pinned(pinned(wide, LIST("train_size", 9)), LIST("dropout", 0.5)),
                        around(grid(LIST("decay/every", 3))));
    expect(definition, false, "/stages/1/around", "9 fields");
}

static void trials_are_counted(void **state)
{
    (void)state;
    single(random_of(etas(), 0), "/trials", "got 0");
    single(random_of(etas(), SEARCH_TRIALS_MAX + 1), "/trials", "10001");
    expect(SEARCH(grid(etas()), random_of(etas(), 0)), false, "/stages/1/trials", "got 0");
    struct search_stage stage = random_of(etas(), 5);
    stage.method = SEARCH_TPE;
    single(stage, "/batch", "got 0");
    stage = random_of(etas(), 5);
    stage.method = SEARCH_TPE;
    stage.batch = 2;
    single(stage, NULL, "");
    stage = grid(range("eta", 0.1, 1, 1000, SEARCH_LINEAR));
    stage = with(stage, range("lambda", 0.1, 1, 1000, SEARCH_LINEAR));
    stage = with(stage, range("decay/factor", 0.1, 1, 1000, SEARCH_LINEAR));
    stage = with(stage, range("dropout", 0.1, 0.9, 1000, SEARCH_LINEAR));
    single(stage, "/grid", "1000000000000 points");
    for (size_t i = 0; i < 3; i++) {
        static const char *const names[] = {"momentum", "seed", "warm_up"};
        stage = with(stage, range(names[i], 0, 0.9, 1000, SEARCH_LINEAR));
        stage.fields[4 + i].to = i == 0 ? 0.9 : 5;
    }
    single(stage, "/grid", "more than");
    struct search_definition definition = SEARCH(random_of(etas(), 6000), random_of(etas(), 6000));
    expect(definition, false, "/stages", "12000 trials");
    definition = SEARCH(random_of(etas(), 6000), random_of(etas(), 6000));
    definition.settings.max_trials = 9000;
    expect(definition, false, NULL, "");
}

static void the_base_has_to_be_a_job(void **state)
{
    (void)state;
    struct search_definition definition = SEARCH(grid(etas()));
    definition.base.train_size = 5000;
    definition.base_given |= bit("train_size");
    expect(definition, true, "/base/train_size", "1000");
    definition = SEARCH(grid(etas()));
    definition.base_given |= bit("validation_size");
    expect(definition, true, "/base/validation_size", "is 0");
    /* What is known to be wrong is not found again, and not believed. */
    definition = SEARCH(grid(etas()));
    definition.base_given |= bit("decay/kind") | bit("init/std");
    struct ep_faults faults = {0};
    ep_faults_add(&faults, "/base/init/kind", "got a number");
    search_check(&definition, true, &info, &any, &faults);
    assert_int_equal(faults.count, 1);
    search_definition_done(&definition);
}

static void halving_has_to_fit(void **state)
{
    (void)state;
    struct search_definition definition = SEARCH(grid(etas()));
    definition.settings.halving_first = 9;
    expect(definition, true, NULL, "");
    definition = SEARCH(grid(etas()));
    definition.settings.halving_first = 10;
    expect(definition, true, "/halving/epochs", "below the 10 epochs");
    definition = SEARCH(grid(etas()), pinned(grid(etas()), LIST("epochs", 3)));
    definition.settings.halving_first = 3;
    expect(definition, false, "/halving/epochs", "below the 3 epochs");
    definition = SEARCH(pinned(grid(etas()), LIST("epochs", 30)));
    definition.settings.halving_first = 20;
    expect(definition, true, NULL, "");
    definition = SEARCH(grid(etas()));
    definition.settings.halving_first = 2;
    definition.settings.halving_factor = 1;
    expect(definition, true, "/halving/factor", "got 1");
    definition = SEARCH(grid(LIST("epochs", 5, 6)));
    definition.settings.halving_first = 2;
    expect(definition, true, "/halving", "epochs");
    definition = SEARCH(grid(etas()));
    definition.settings.halving_brackets = true;
    expect(definition, true, "/halving/epochs", "missing");
}

/* Trials of depth 2 and more where a job may take as much memory as one of `depth` does. */
static void trials_may_take_as_much_as(uint64_t depth)
{
    struct search_definition definition = SEARCH(grid(LIST("depth", 2, 3)));
    struct job_spec spec = definition.base;
    struct job_cost cost;
    struct ep_faults faults = {0};
    spec.depth = depth;
    job_spec_resolve(&spec, definition.base_given, &info, &any, &faults);
    assert_int_equal(job_cost_of(&spec, &info, &cost, NULL), EP_OK);
    const struct job_limits limits = {.memory = cost.memory};
    search_check(&definition, true, &info, &limits, &faults);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.items[0].pointer, "/grid/depth");
    assert_non_null(strstr(faults.items[0].detail, "hidden: training this network"));
    assert_non_null(strstr(faults.items[0].detail, "depth 3"));
    search_definition_done(&definition);
}

static void trials_have_to_be_jobs(void **state)
{
    (void)state;
    single(with(grid(etas()), LIST("batch_size", 100, 950, 1000)), "/grid/batch_size",
           "got 950; there are only 900 training images (in the trial with eta 0.0001, batch_size 950)");
    single(pinned(grid(etas()), LIST("batch_size", 950)), "/pivot/batch_size", "eta 0.0001, batch_size 950");
    /* The fault is where the stage says nothing. */
    expect(SEARCH(grid(etas()), random_of(LIST("train_size", 500, 50), 20)), false, NULL, "");
    struct search_definition definition = SEARCH(grid(etas()), random_of(LIST("train_size", 500, 50), 20));
    definition.base_given |= bit("batch_size");
    expect(definition, false, "/stages/1/random", "batch_size: got 100; there are only 50");
    definition = SEARCH(grid(LIST("decay/kind", NN_STEP, NN_COSINE)));
    definition.base_given |= bit("decay/factor");
    expect(definition, true, "/grid", "decay.factor: goes only with decay.kind");
    /* A group of fields, and what stands for another field. */
    single(pinned(grid(LIST("augment/flip", 0, 1)), LIST("pca/components", 3)), "/grid/augment.flip",
           "augment.flip true, pca.components 3");
    trials_may_take_as_much_as(2);
    single(grid(HIDDEN({.count = 1, .items = {5}}, {.count = 2, .items = {65536, 65536}})), NULL, "");
    single(grid(LIST("validation_size", 10, 0)), "/grid/validation_size",
           "in the trial with validation_size 0");
    /* One that is drawn, though neither corner of the space is wrong. */
    single(random_of(LIST("batch_size", 10, 950, 20), 30), "/random/batch_size", "950");
    /* Trials that are never made do not count, nor do those that depend on a best. */
    definition = SEARCH(grid(LIST("batch_size", 100, 950)));
    definition.settings.max_trials = 1;
    expect(definition, true, NULL, "");
    expect(SEARCH(grid(LIST("train_size", 900, 100)), around(grid(LIST("batch_size", 950)))), false, NULL,
           "");
    expect(SEARCH(grid(LIST("train_size", 900, 100)), grid(LIST("batch_size", 950))), false,
           "/stages/1/grid/batch_size", "950");
}

static void each_stage_tells_of_its_own_faults(void **state)
{
    (void)state;
    struct search_definition definition = SEARCH(
        grid(LIST("batch_size", 950)), with(grid(LIST("eta", -1)), range("lambda", 1, 0, 2, SEARCH_LOG)),
        grid(LIST("batch_size", 960, 970)));
    definition.settings.halving_first = 20;
    const struct ep_faults faults = check(&definition, false);
    static const char *const pointers[] = {"/stages/1/grid/eta", "/stages/1/grid/lambda", "/halving/epochs",
                                           "/stages/0/grid/batch_size", "/stages/2/grid/batch_size"};
    assert_int_equal(faults.count, EP_COUNT(pointers));
    for (size_t i = 0; i < EP_COUNT(pointers); i++) {
        assert_string_equal(faults.items[i].pointer, pointers[i]);
    }
    search_definition_done(&definition);
}

static void ten_thousand_trials_are_checked_in_no_time(void **state)
{
    (void)state;
    struct search_definition definition = SEARCH(
        with(grid(range("eta", 1e-6, 1e-2, 100, SEARCH_LOG)), range("lambda", 1e-6, 1, 100, SEARCH_LOG)));
    const clock_t began = clock();
    const struct ep_faults faults = check(&definition, true);
    const double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
    assert_int_equal(faults.count, 0);
    print_message("%.3f s for 10000 trials\n", seconds);
    assert_true(seconds < 2); /* of a debug build with sanitizers */
    search_definition_done(&definition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_as_documented),
        cmocka_unit_test(losses_are_lower_when_better),
        cmocka_unit_test(copies_own_what_they_have),
        cmocka_unit_test(what_fits_together_has_no_faults),
        cmocka_unit_test(stages_are_counted),
        cmocka_unit_test(fields_that_cannot_be_varied),
        cmocka_unit_test(values_that_fields_cannot_have),
        cmocka_unit_test(ranges_that_cannot_be),
        cmocka_unit_test(stages_around_a_best),
        cmocka_unit_test(trials_are_counted),
        cmocka_unit_test(the_base_has_to_be_a_job),
        cmocka_unit_test(halving_has_to_fit),
        cmocka_unit_test(trials_have_to_be_jobs),
        cmocka_unit_test(each_stage_tells_of_its_own_faults),
        cmocka_unit_test(ten_thousand_trials_are_checked_in_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
