/* Searches on a small dataset: what is made, what is cut, and that a restart loses nothing. */
#include "tests/unit/search/search_fixture.h"

#include "core/search/searches.h"
#include "tests/unit/jobs/jobs_fixture.h"

enum { TEXTS_MAX = 64, SLOW_EPOCHS = 400 };

/* Definitions by number: what stands for their text. */
static struct search_definition texts[TEXTS_MAX];
static size_t text_count;

static char *encode(const struct search_definition *definition)
{
    char *text = NULL;
    assert_true(text_count < TEXTS_MAX);
    assert_int_equal(search_definition_copy(definition, &texts[text_count], NULL), EP_OK);
    assert_true(asprintf(&text, "%zu", text_count++) > 0);
    return text;
}

static enum ep_status decode(const char *text, struct search_definition *definition, struct ep_error *error)
{
    return search_definition_copy(&texts[strtoul(text, NULL, 10)], definition, error);
}

struct world {
    struct fixture *fixture;
    struct searches *searches;
};

static void open_world(struct world *world)
{
    const struct searches_options options = {
        .jobs = world->fixture->jobs,
        .registry = world->fixture->registry,
        .decode = decode,
        .encode = encode,
    };
    struct ep_error error;
    if (searches_open(&options, &world->searches, &error) != EP_OK) {
        fail_msg("%s", error.text);
    }
}

static void restart(struct world *world)
{
    searches_close(world->searches);
    reopen(world->fixture);
    open_world(world);
}

static int start(void **state)
{
    struct world *world = ep_allocate(1, sizeof *world);
    assert_non_null(world);
    void *fixture = NULL;
    set_up(&fixture);
    world->fixture = fixture;
    open_jobs(world->fixture);
    open_world(world);
    *state = world;
    return 0;
}

static int finish(void **state)
{
    struct world *world = *state;
    void *fixture = world->fixture;
    searches_close(world->searches);
    tear_down(&fixture);
    for (size_t i = 0; i < text_count; i++) {
        search_definition_done(&texts[i]);
    }
    text_count = 0;
    free(world);
    return 0;
}

/* A definition of stages that the caller has made; takes them over. */
static struct search_definition define(const struct search_stage *stages, size_t count, uint64_t epochs)
{
    struct search_definition definition = {.base = make_spec(epochs), .stage_count = count};
    const char *const given[] = {"dataset", "train_size", "validation_size", "depth", "epochs", "batch_size"};
    ep_fields_preset(&search_settings_fields, &definition.settings);
    definition.settings.metric = SEARCH_ACCURACY;
    definition.settings.goal = SEARCH_MAXIMIZE;
    definition.base.hidden.count = 0;
    definition.base.depth = 2;
    for (size_t i = 0; i < EP_COUNT(given); i++) {
        definition.base_given |= (uint64_t)1 << row(given[i]);
    }
    definition.stages = ep_allocate(count, sizeof *stages);
    assert_non_null(definition.stages);
    memcpy(definition.stages, stages, count * sizeof *stages);
    return definition;
}

static struct search_stage grid_of(struct search_field a, struct search_field b)
{
    return (struct search_stage){.method = SEARCH_GRID, .field_count = 2, .fields = {a, b}, .shrink = 0.25};
}

/* Creates a search and releases its definition. */
static void submit(struct world *world, struct search_definition *definition, char id[EP_ID_TEXT])
{
    struct search search;
    struct ep_error error;
    if (searches_create(world->searches, definition, &search, &error) != EP_OK) {
        fail_msg("%s", error.text);
    }
    memcpy(id, search.id, EP_ID_TEXT);
    search_done(&search);
    search_definition_done(definition);
}

static struct search look(struct world *world, const char *id)
{
    struct search search;
    assert_int_equal(searches_get(world->searches, id, &search, NULL), EP_OK);
    return search;
}

/* Waits until the search is in `wanted`, and gives a snapshot. */
static struct search await(struct world *world, const char *id, enum search_state wanted)
{
    const double end = ep_clock_seconds() + PATIENCE_SECONDS;
    struct search search = look(world, id);
    while (search.state != wanted) {
        if (search_state_final(search.state) || ep_clock_seconds() > end) {
            fail_msg("the search is %s (%s), not %s", search_state_name(search.state), search.reason,
                     search_state_name(wanted));
        }
        search_done(&search);
        take_a_nap();
        search = look(world, id);
    }
    return search;
}

static struct search_trials trials_of(struct world *world, const char *id)
{
    struct search_trials trials;
    assert_int_equal(searches_read_trials(world->searches, id, &trials, NULL), EP_OK);
    return trials;
}

static void model_of(struct world *world, const char *id, char text[EP_SHA256_TEXT])
{
    struct job job;
    assert_int_equal(jobs_get(world->fixture->jobs, id, &job, NULL), EP_OK);
    memcpy(text, job.model_sha256, EP_SHA256_TEXT);
    job_done(&job);
}

/* Trains the spec of a trial as a job of its own. */
static void alone(struct world *world, const char *trial, char text[EP_SHA256_TEXT])
{
    struct job job;
    char id[EP_ID_TEXT];
    assert_int_equal(jobs_get(world->fixture->jobs, trial, &job, NULL), EP_OK);
    create(world->fixture, &job.spec, id);
    job_done(&job);
    wait_for(world->fixture, id, JOB_SUCCEEDED);
    model_of(world, id, text);
}

static void a_grid_trains_each_point_as_a_job_of_its_own_would(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    const struct search_stage stage =
        grid_of(range("eta", 1e-3, 1e-1, 3, SEARCH_LOG), LIST("batch_norm", 0, 1));
    struct search_definition definition = define(&stage, 1, 4);
    submit(world, &definition, id);
    struct search search = await(world, id, SEARCH_SUCCEEDED);
    assert_int_equal(search.trials, 6);
    assert_int_equal(search.by_state[JOB_SUCCEEDED], 6);
    assert_int_equal(search.plan.bank_count, 4); /* two shapes, two workers */
    assert_true(search.has_best);
    assert_true(search.fraction == 1);
    struct search_trials trials = trials_of(world, id);
    size_t order[6];
    assert_true(search_trials_rank(&trials, order));
    assert_string_equal(trials.items[order[0]].id, search.best.id);
    assert_int_equal(trials.count, 6);
    assert_int_equal(trials.field_count, 2);
    for (size_t i = 0; i < trials.count; i++) {
        char in_bank[EP_SHA256_TEXT];
        char by_itself[EP_SHA256_TEXT];
        assert_int_equal(trials.items[i].ordinal, i);
        assert_int_equal(trials.items[i].objective_epoch, 4);
        const size_t decade = i / 2;
        assert_true(fabs(trials.values[2 * i] - 1e-3 * pow(10, (double)decade)) < 1e-9);
        assert_true(trials.values[2 * i + 1] == (double)(i % 2));
        model_of(world, trials.items[i].id, in_bank);
        alone(world, trials.items[i].id, by_itself);
        assert_string_equal(in_bank, by_itself);
    }
    search_trials_done(&trials);
    search_done(&search);
}

static void a_trial_that_diverges_is_last_and_stops_nobody(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    const struct search_stage stage = grid_of(LIST("eta", 0.1, 1, 10), LIST("lambda", 0, 100));
    struct search_definition definition = define(&stage, 1, 30);
    submit(world, &definition, id);
    struct search search = await(world, id, SEARCH_SUCCEEDED);
    struct search_trials trials = trials_of(world, id);
    size_t order[6];
    assert_true(search_trials_rank(&trials, order));
    assert_int_equal(search.by_state[JOB_SUCCEEDED], 3);
    assert_int_equal(search.by_state[JOB_FAILED], 3);
    for (size_t i = 3; i < 6; i++) {
        assert_int_equal(trials.items[order[i]].state, JOB_FAILED);
        assert_true(trials.items[order[i]].failed_epoch >= 1);
        assert_true(isnan(trials.items[order[i]].objective));
    }
    search_trials_done(&trials);
    search_done(&search);
}

static void a_later_stage_lies_around_the_best_of_the_one_before(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    struct search_stage stages[] = {
        grid_of(range("eta", 1e-5, 1e-1, 5, SEARCH_LOG), LIST("lambda", 1e-6, 1e-4)),
        {.method = SEARCH_GRID, .field_count = 1, .fields = {relative("eta", 4, SEARCH_LOG)}},
    };
    stages[1].around_best = true;
    stages[1].shrink = 0.25;
    struct search_definition definition = define(stages, 2, 3);
    submit(world, &definition, id);
    struct search search = await(world, id, SEARCH_SUCCEEDED);
    struct search_trials trials = trials_of(world, id);
    assert_int_equal(search.trials, 14);
    assert_int_equal(trials.count, 14);
    assert_int_equal(search.stages[1].ended, 4);
    size_t best = 0;
    while (strcmp(trials.items[best].id, search.stages[0].best) != 0) {
        best++;
    }
    const double eta = trials.values[2 * best];
    /* Four decades, a quarter of them: half a decade on both sides. */
    for (size_t i = 10; i < 14; i++) {
        assert_true(trials.values[2 * i + 1] == trials.values[2 * best + 1]);
        assert_true(trials.values[2 * i] >= eta / sqrt(10) * 0.999 &&
                    trials.values[2 * i] <= eta * sqrt(10) * 1.001);
    }
    search_trials_done(&trials);
    search_done(&search);
}

static struct search_definition halving_definition(uint64_t epochs, bool brackets)
{
    const struct search_stage stage = {.method = SEARCH_RANDOM,
                                       .field_count = 1,
                                       .fields = {range("eta", 1e-5, 1e-1, 0, SEARCH_LOG)},
                                       .trials = 18,
                                       .seed = 3};
    struct search_definition definition = define(&stage, 1, epochs);
    definition.settings.halving_first = 1;
    definition.settings.halving_factor = 3;
    definition.settings.halving_brackets = brackets;
    return definition;
}

static void halving_cuts_two_thirds_at_each_rung_and_keeps_their_histories(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    struct search_definition definition = halving_definition(6, false);
    submit(world, &definition, id);
    struct search search = await(world, id, SEARCH_SUCCEEDED);
    struct search_trials trials = trials_of(world, id);
    size_t by_cut[7] = {0};
    double worst_kept = 1;
    double best_cut = 0;
    for (size_t i = 0; i < trials.count; i++) {
        struct jobs_history history = history_of(world->fixture, trials.items[i].id, 0);
        const uint64_t cut = trials.items[i].cut_epoch;
        by_cut[cut]++;
        assert_int_equal(history.count, cut == 0 ? 6 : cut);
        if (cut == 1) {
            best_cut = fmax(best_cut, history.rows[0].accuracy_validation);
        } else {
            worst_kept = fmin(worst_kept, history.rows[0].accuracy_validation);
        }
        assert_int_equal(trials.items[i].state, cut == 0 ? JOB_SUCCEEDED : JOB_CANCELLED);
        jobs_history_done(&history);
    }
    assert_int_equal(by_cut[1], 12);
    assert_int_equal(by_cut[3], 4);
    assert_int_equal(by_cut[0], 2);
    assert_true(worst_kept >= best_cut);
    assert_int_equal(search.cut, 16);
    search_trials_done(&trials);
    search_done(&search);
}

static void brackets_start_at_different_rungs(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    struct search_definition definition = halving_definition(6, true);
    submit(world, &definition, id);
    struct search search = await(world, id, SEARCH_SUCCEEDED);
    struct search_trials trials = trials_of(world, id);
    bool first_at_three = false;
    for (size_t i = 0; i < trials.count; i++) {
        first_at_three = first_at_three || trials.items[i].cut_epoch == 3;
    }
    assert_int_equal(trials.count, 18);
    assert_true(first_at_three);
    assert_true(search.by_state[JOB_SUCCEEDED] >= 2);
    search_trials_done(&trials);
    search_done(&search);
}

static void a_sampler_that_looks_at_results_proposes_in_batches(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    const struct search_stage stage = {.method = SEARCH_TPE,
                                       .field_count = 1,
                                       .fields = {range("eta", 1e-5, 1e-1, 0, SEARCH_LOG)},
                                       .trials = 25,
                                       .batch = 6,
                                       .seed = 1};
    struct search_definition definition = define(&stage, 1, 2);
    submit(world, &definition, id);
    struct search search = await(world, id, SEARCH_SUCCEEDED);
    assert_int_equal(search.by_state[JOB_SUCCEEDED], 25);
    assert_int_equal(search.plan.bank_count, 4 * 2 + 1);
    search_done(&search);
}

static void the_target_ends_a_search(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    const struct search_stage stage = {.method = SEARCH_TPE,
                                       .field_count = 1,
                                       .fields = {range("eta", 0.01, 0.1, 0, SEARCH_LOG)},
                                       .trials = 1000,
                                       .batch = 4,
                                       .seed = 1};
    struct search_definition definition = define(&stage, 1, 2);
    definition.settings.has_target = true;
    definition.settings.target = 0.3;
    submit(world, &definition, id);
    struct search search = await(world, id, SEARCH_SUCCEEDED);
    assert_true(search.best.objective >= 0.3);
    assert_non_null(strstr(search.reason, "target"));
    assert_true(search.by_state[JOB_SUCCEEDED] < 1000);
    search_done(&search);
}

static void time_ends_a_search(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    const struct search_stage stage = grid_of(LIST("eta", 0.01, 0.02), LIST("lambda", 0, 1e-6));
    struct search_definition definition = define(&stage, 1, JOB_EPOCHS_MAX);
    definition.settings.max_seconds = 0.2;
    submit(world, &definition, id);
    struct search search = await(world, id, SEARCH_SUCCEEDED);
    assert_non_null(strstr(search.reason, "time"));
    assert_int_equal(search.by_state[JOB_CANCELLED], 4);
    search_done(&search);
}

static struct search_definition slow_definition(void)
{
    const struct search_stage stage = grid_of(LIST("eta", 0.01, 0.02, 0.03), LIST("lambda", 0, 1e-6));
    return define(&stage, 1, SLOW_EPOCHS);
}

static uint64_t steps_of(struct world *world, const char *id)
{
    struct search search = look(world, id);
    const uint64_t progress = (uint64_t)(search.fraction * 1e9);
    search_done(&search);
    return progress;
}

static void nap_for(double seconds)
{
    const double end = ep_clock_seconds() + seconds;
    while (ep_clock_seconds() < end) {
        take_a_nap();
    }
}

static void a_pause_stands_still_and_lets_others_on(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    char other[EP_ID_TEXT];
    struct search_definition definition = slow_definition();
    submit(world, &definition, id);
    struct search search = await(world, id, SEARCH_RUNNING);
    search_done(&search);
    while (steps_of(world, id) == 0) {
        take_a_nap();
    }
    assert_int_equal(searches_pause(world->searches, id, &search, NULL), EP_OK);
    assert_int_equal(search.state, SEARCH_PAUSED);
    search_done(&search);
    nap_for(0.3);
    const uint64_t before = steps_of(world, id);
    const struct job_spec spec = make_spec(3);
    create(world->fixture, &spec, other);
    wait_for(world->fixture, other, JOB_SUCCEEDED);
    nap_for(0.1);
    assert_int_equal(steps_of(world, id), before);
    assert_int_equal(searches_resume(world->searches, id, &search, NULL), EP_OK);
    search_done(&search);
    search = await(world, id, SEARCH_SUCCEEDED);
    assert_int_equal(search.by_state[JOB_SUCCEEDED], 6);
    struct search_trials trials = trials_of(world, id);
    char paused[EP_SHA256_TEXT];
    char steady[EP_SHA256_TEXT];
    model_of(world, trials.items[5].id, paused);
    alone(world, trials.items[5].id, steady);
    assert_string_equal(paused, steady);
    search_trials_done(&trials);
    search_done(&search);
}

static void a_job_starts_soon_beside_a_search(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    char other[EP_ID_TEXT];
    struct search search;
    const struct search_stage stage = grid_of(LIST("eta", 0.01, 0.02, 0.03), LIST("lambda", 0, 1e-6));
    struct search_definition definition = define(&stage, 1, JOB_EPOCHS_MAX);
    submit(world, &definition, id);
    while (steps_of(world, id) == 0) {
        take_a_nap();
    }
    const struct job_spec spec = make_spec(2);
    const double begun = ep_clock_seconds();
    create(world->fixture, &spec, other);
    wait_for(world->fixture, other, JOB_SUCCEEDED);
    assert_true(ep_clock_seconds() - begun < 5);
    search = look(world, id);
    assert_int_equal(search.state, SEARCH_RUNNING);
    search_done(&search);
    assert_int_equal(searches_cancel(world->searches, id, &search, NULL), EP_OK);
    assert_int_equal(search.state, SEARCH_CANCELLED);
    search_done(&search);
    const double end = ep_clock_seconds() + PATIENCE_SECONDS;
    search = look(world, id);
    while (search.by_state[JOB_CANCELLED] < 6 && ep_clock_seconds() < end) {
        search_done(&search);
        take_a_nap();
        search = look(world, id);
    }
    assert_int_equal(search.by_state[JOB_CANCELLED], 6);
    search_done(&search);
    assert_int_equal(searches_delete(world->searches, id, NULL), EP_OK);
    assert_int_equal(searches_get(world->searches, id, &search, NULL), EP_NOT_FOUND);
    struct jobs_load load;
    jobs_read_load(world->fixture->jobs, &load);
    assert_int_equal(load.by_state[JOB_CANCELLED], 0);
}

static void one_trial_can_be_cancelled(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    struct job job;
    struct search_definition definition = slow_definition();
    submit(world, &definition, id);
    struct search_trials trials = trials_of(world, id);
    assert_int_equal(jobs_cancel(world->fixture->jobs, trials.items[1].id, &job, NULL), EP_OK);
    job_done(&job);
    struct search search = await(world, id, SEARCH_SUCCEEDED);
    assert_int_equal(search.by_state[JOB_SUCCEEDED], 5);
    assert_int_equal(search.by_state[JOB_CANCELLED], 1);
    assert_int_equal(jobs_delete(world->fixture->jobs, trials.items[1].id, NULL), EP_CONFLICT);
    search_trials_done(&trials);
    search_done(&search);
}

static void a_search_that_has_ended_can_go_on_with_another_stage(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    const struct search_stage stage = grid_of(LIST("eta", 0.01, 0.02), LIST("lambda", 0, 1e-6));
    struct search_definition definition = define(&stage, 1, 2);
    submit(world, &definition, id);
    struct search search = await(world, id, SEARCH_SUCCEEDED);
    search_done(&search);
    struct search_stage more = {.method = SEARCH_RANDOM,
                                .field_count = 1,
                                .fields = {range("eta", 0.001, 0.1, 0, SEARCH_LOG)},
                                .trials = 3,
                                .seed = 2};
    assert_int_equal(searches_extend(world->searches, id, &more, &search, NULL), EP_OK);
    assert_int_equal(search.state, SEARCH_RUNNING);
    search_done(&search);
    search = await(world, id, SEARCH_SUCCEEDED);
    assert_int_equal(search.by_state[JOB_SUCCEEDED], 7);
    search_done(&search);
}

/* The ids of all trials, for comparison. */
static void assert_ids_kept(const struct search_trials *before, const struct search_trials *after)
{
    assert_true(after->count >= before->count);
    for (size_t i = 0; i < before->count; i++) {
        assert_string_equal(before->items[i].id, after->items[i].id);
        assert_int_equal(before->items[i].bank, after->items[i].bank);
    }
}

static void a_restart_loses_no_trial_and_runs_none_twice(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    struct search_definition definition = slow_definition();
    submit(world, &definition, id);
    struct search_trials before = trials_of(world, id);
    nap_for(0.05);
    restart(world);
    nap_for(0.05);
    restart(world);
    struct search search = await(world, id, SEARCH_SUCCEEDED);
    struct search_trials after = trials_of(world, id);
    assert_int_equal(after.count, 6);
    assert_ids_kept(&before, &after);
    assert_int_equal(search.by_state[JOB_SUCCEEDED], 6);
    assert_int_equal(search.plan.bank_count, 2);
    char restarted[EP_SHA256_TEXT];
    char steady[EP_SHA256_TEXT];
    model_of(world, after.items[0].id, restarted);
    alone(world, after.items[0].id, steady);
    assert_string_equal(restarted, steady);
    search_trials_done(&before);
    search_trials_done(&after);
    search_done(&search);
}

static void a_paused_search_is_paused_after_a_restart(void **state)
{
    struct world *world = *state;
    char id[EP_ID_TEXT];
    struct search_definition definition = slow_definition();
    submit(world, &definition, id);
    struct search search;
    assert_int_equal(searches_pause(world->searches, id, &search, NULL), EP_OK);
    search_done(&search);
    restart(world);
    nap_for(0.1);
    search = look(world, id);
    assert_int_equal(search.state, SEARCH_PAUSED);
    assert_int_equal(search.by_state[JOB_QUEUED], 6);
    search_done(&search);
    assert_int_equal(searches_cancel(world->searches, id, &search, NULL), EP_OK);
    search_done(&search);
}

/* Whatever was interrupted when: the same trials are cut. */
static void halving_ends_the_same_however_often_it_is_interrupted(void **state)
{
    struct world *world = *state;
    char steady[EP_ID_TEXT];
    char id[EP_ID_TEXT];
    struct search_definition definition = halving_definition(90, false);
    submit(world, &definition, steady);
    struct search search = await(world, steady, SEARCH_SUCCEEDED);
    search_done(&search);
    definition = halving_definition(90, false);
    submit(world, &definition, id);
    for (size_t i = 0; i < 6; i++) {
        nap_for(0.02);
        restart(world);
    }
    search = await(world, id, SEARCH_SUCCEEDED);
    search_done(&search);
    struct search_trials expected = trials_of(world, steady);
    struct search_trials trials = trials_of(world, id);
    assert_int_equal(trials.count, expected.count);
    for (size_t i = 0; i < trials.count; i++) {
        assert_int_equal(trials.items[i].cut_epoch, expected.items[i].cut_epoch);
        assert_true(trials.items[i].objective == expected.items[i].objective);
    }
    search_trials_done(&expected);
    search_trials_done(&trials);
}

static void ten_thousand_trials_are_planned_in_a_second(void **state)
{
    struct world *world = *state;
    struct search_plan plan;
    const struct search_stage stage =
        grid_of(range("eta", 1e-5, 1e-1, 100, SEARCH_LOG), range("lambda", 1e-8, 1e-2, 100, SEARCH_LOG));
    struct search_definition definition = define(&stage, 1, 10);
    assert_int_equal(searches_plan(world->searches, &definition, &plan, NULL), EP_OK);
    assert_int_equal(plan.trials, 10000);
    size_t seats = 0;
    for (size_t b = 0; b < plan.bank_count; b++) {
        seats += plan.banks[b].trials;
    }
    assert_int_equal(seats, 10000);
    assert_true(plan.flops > 0);
    search_plan_done(&plan);
    search_definition_done(&definition);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(a_grid_trains_each_point_as_a_job_of_its_own_would),
        WITH_WORLD(a_trial_that_diverges_is_last_and_stops_nobody),
        WITH_WORLD(a_later_stage_lies_around_the_best_of_the_one_before),
        WITH_WORLD(halving_cuts_two_thirds_at_each_rung_and_keeps_their_histories),
        WITH_WORLD(brackets_start_at_different_rungs),
        WITH_WORLD(a_sampler_that_looks_at_results_proposes_in_batches),
        WITH_WORLD(the_target_ends_a_search),
        WITH_WORLD(time_ends_a_search),
        WITH_WORLD(a_pause_stands_still_and_lets_others_on),
        WITH_WORLD(a_job_starts_soon_beside_a_search),
        WITH_WORLD(one_trial_can_be_cancelled),
        WITH_WORLD(a_search_that_has_ended_can_go_on_with_another_stage),
        WITH_WORLD(a_restart_loses_no_trial_and_runs_none_twice),
        WITH_WORLD(a_paused_search_is_paused_after_a_restart),
        WITH_WORLD(halving_ends_the_same_however_often_it_is_interrupted),
        WITH_WORLD(ten_thousand_trials_are_planned_in_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
