/* Jobs from their creation to their end: order, cancelling, deleting, failing, lists and histories. */
#include "tests/unit/jobs/jobs_fixture.h"

static void a_job_runs_to_its_end(void **state)
{
    struct fixture *fixture = *state;
    open_jobs(fixture);
    char id[EP_ID_TEXT];
    const struct job_spec spec = make_spec(5);
    create(fixture, &spec, id);
    wait_for(fixture, id, JOB_SUCCEEDED);
    struct job job;
    assert_int_equal(jobs_get(fixture->jobs, id, &job, NULL), EP_OK);
    assert_int_equal(job.transition_count, 3);
    assert_int_equal(job.transitions[1].state, JOB_RUNNING);
    assert_int_equal(job.transitions[2].state, JOB_SUCCEEDED);
    assert_true(job.created_at <= job.started_at && job.started_at <= job.finished_at);
    assert_int_equal(job.finished_at, job.transitions[2].at);
    assert_true(job.accuracy_test > 0.95);
    assert_true(job.cost_test > 0 && job.cost_test < 0.5);
    assert_int_equal(job.failure.status, EP_OK);
    assert_int_equal(job.progress.epoch, 5);
    assert_int_equal(job.progress.epochs, 5);
    assert_int_equal(job.progress.step, 50);
    assert_int_equal(job.progress.steps, 50);
    assert_true(job.progress.fraction == 1 && job.progress.remaining_seconds == 0);
    assert_true(job.progress.images_per_second > 0);
    assert_true(job.has_latest && job.latest.epoch == 5);
    struct jobs_history history = history_of(fixture, id, 0);
    assert_int_equal(history.count, 5);
    assert_true(history.accuracy_test == job.accuracy_test);
    for (size_t i = 0; i < history.count; i++) {
        assert_int_equal(history.rows[i].epoch, i + 1);
    }
    assert_true(history.rows[4].cost_train < history.rows[0].cost_train);
    jobs_history_done(&history);
    job_done(&job);
    assert_true(jobs_estimate_seconds(fixture->jobs, 1e6) > 0);
    assert_int_equal(atomic_load(&fixture->faults), 0);
}

static void equal_specs_give_equal_numbers(void **state)
{
    struct fixture *fixture = *state;
    open_jobs(fixture);
    enum { COPIES = 4 };
    char ids[COPIES][EP_ID_TEXT];
    const struct job_spec spec = make_spec(4);
    for (size_t i = 0; i < COPIES; i++) {
        create(fixture, &spec, ids[i]);
    }
    struct jobs_history first = {0};
    for (size_t i = 0; i < COPIES; i++) {
        wait_for(fixture, ids[i], JOB_SUCCEEDED);
        struct jobs_history history = history_of(fixture, ids[i], 0);
        if (i == 0) {
            first = history;
            continue;
        }
        assert_int_equal(history.count, first.count);
        for (size_t r = 0; r < first.count; r++) {
            assert_true(history.rows[r].cost_train == first.rows[r].cost_train);
            assert_true(history.rows[r].accuracy_validation == first.rows[r].accuracy_validation);
        }
        jobs_history_done(&history);
    }
    jobs_history_done(&first);
}

static void the_oldest_runs_first_and_others_wait(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.workers = 1;
    open_jobs(fixture);
    char ids[4][EP_ID_TEXT];
    const struct job_spec endless = make_spec(LONG_EPOCHS);
    const struct job_spec brief = make_spec(1000);
    create(fixture, &endless, ids[0]);
    for (size_t i = 1; i < 4; i++) {
        create(fixture, &brief, ids[i]);
    }
    wait_for_rows(fixture, ids[0], 3);
    struct jobs_load load;
    jobs_read_load(fixture->jobs, &load);
    assert_int_equal(load.busy, 1);
    assert_int_equal(load.by_state[JOB_RUNNING], 1);
    assert_int_equal(load.by_state[JOB_QUEUED], 3);
    assert_true(load.memory_used > 0);
    /* One list, so that all are seen at one moment. */
    struct jobs_page page;
    const struct jobs_query query = {.limit = 4};
    assert_int_equal(jobs_list(fixture->jobs, &query, &page, NULL), EP_OK);
    const struct job *newest = page.items;
    assert_true(newest[3].progress.remaining_seconds > 0);
    for (size_t i = 0; i < 2; i++) {
        assert_true(newest[i].progress.remaining_seconds > newest[i + 1].progress.remaining_seconds);
    }
    jobs_page_done(&page);
    struct job job;
    assert_int_equal(jobs_cancel(fixture->jobs, ids[0], &job, NULL), EP_OK);
    job_done(&job);
    int64_t before = 0;
    for (size_t i = 1; i < 4; i++) {
        wait_for(fixture, ids[i], JOB_SUCCEEDED);
        assert_int_equal(jobs_get(fixture->jobs, ids[i], &job, NULL), EP_OK);
        assert_true(job.started_at >= before);
        before = job.finished_at;
        job_done(&job);
    }
    jobs_read_load(fixture->jobs, &load);
    assert_int_equal(load.by_state[JOB_SUCCEEDED], 3);
    assert_int_equal(load.by_state[JOB_CANCELLED], 1);
}

static void jobs_can_be_cancelled_until_they_end(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.workers = 1;
    open_jobs(fixture);
    char running[EP_ID_TEXT];
    char queued[EP_ID_TEXT];
    const struct job_spec endless = make_spec(LONG_EPOCHS);
    create(fixture, &endless, running);
    create(fixture, &endless, queued);
    wait_for_rows(fixture, running, 2);
    struct job job;
    assert_int_equal(jobs_cancel(fixture->jobs, queued, &job, NULL), EP_OK);
    assert_int_equal(job.state, JOB_CANCELLED);
    assert_true(job.finished_at > 0 && job.started_at == 0 && job.progress.remaining_seconds == 0);
    job_done(&job);
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(jobs_cancel(fixture->jobs, running, &job, NULL), EP_OK);
        assert_true(job.cancel_requested);
        job_done(&job);
    }
    wait_for(fixture, running, JOB_CANCELLED);
    assert_int_equal(jobs_cancel(fixture->jobs, running, &job, NULL), EP_OK);
    job_done(&job);
    reopen(fixture);
    assert_int_equal(state_of(fixture, running), JOB_CANCELLED);
    assert_int_equal(state_of(fixture, queued), JOB_CANCELLED);
    struct jobs_history history = history_of(fixture, running, 0);
    assert_true(history.count >= 2);
    jobs_history_done(&history);
    const struct job_spec brief = make_spec(1);
    create(fixture, &brief, queued);
    wait_for(fixture, queued, JOB_SUCCEEDED);
    struct ep_error error;
    assert_int_equal(jobs_cancel(fixture->jobs, queued, &job, &error), EP_CONFLICT);
    assert_non_null(strstr(error.text, "succeeded"));
    assert_int_equal(jobs_cancel(fixture->jobs, "nonsense", &job, &error), EP_NOT_FOUND);
}

static void only_ended_jobs_can_be_deleted(void **state)
{
    struct fixture *fixture = *state;
    open_jobs(fixture);
    char id[EP_ID_TEXT];
    const struct job_spec endless = make_spec(LONG_EPOCHS);
    create(fixture, &endless, id);
    struct ep_error error;
    assert_int_equal(jobs_delete(fixture->jobs, id, &error), EP_CONFLICT);
    wait_for(fixture, id, JOB_RUNNING);
    assert_int_equal(jobs_delete(fixture->jobs, id, &error), EP_CONFLICT);
    struct job job;
    assert_int_equal(jobs_cancel(fixture->jobs, id, &job, NULL), EP_OK);
    job_done(&job);
    wait_for(fixture, id, JOB_CANCELLED);
    assert_int_equal(jobs_delete(fixture->jobs, id, &error), EP_OK);
    assert_int_equal(jobs_delete(fixture->jobs, id, &error), EP_NOT_FOUND);
    assert_int_equal(jobs_get(fixture->jobs, id, &job, &error), EP_NOT_FOUND);
    struct jobs_history history;
    assert_int_equal(jobs_read_history(fixture->jobs, id, 0, &history, &error), EP_NOT_FOUND);
    reopen(fixture);
    assert_int_equal(jobs_get(fixture->jobs, id, &job, &error), EP_NOT_FOUND);
}

static void failures_say_why_and_leave_others_alone(void **state)
{
    struct fixture *fixture = *state;
    open_jobs(fixture);
    char diverging[EP_ID_TEXT];
    char lost[EP_ID_TEXT];
    char sound[EP_ID_TEXT];
    struct job_spec spec = make_spec(50);
    spec.eta = 10;
    spec.lambda = 100; /* each step multiplies the weights by 1 − 2·eta·lambda */
    create(fixture, &spec, diverging);
    spec = make_spec(3);
    create(fixture, &spec, sound);
    snprintf(spec.dataset, sizeof spec.dataset, "lost");
    create(fixture, &spec, lost);
    wait_for(fixture, sound, JOB_SUCCEEDED);
    wait_for(fixture, diverging, JOB_FAILED);
    wait_for(fixture, lost, JOB_FAILED);
    reopen(fixture);
    struct job job;
    assert_int_equal(jobs_get(fixture->jobs, diverging, &job, NULL), EP_OK);
    assert_int_equal(job.failure.status, EP_DIVERGED);
    assert_in_range(job.failed_epoch, 1, 50);
    assert_true(isnan(job.accuracy_test));
    assert_non_null(strstr(job.failure.text, "eta"));
    job_done(&job);
    assert_int_equal(jobs_get(fixture->jobs, lost, &job, NULL), EP_OK);
    assert_int_equal(job.failure.status, EP_UNAVAILABLE);
    assert_int_equal(job.failed_epoch, 0);
    assert_non_null(strstr(job.failure.text, "lost"));
    job_done(&job);
}

static void a_full_queue_refuses_more(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.workers = 1;
    fixture->options.queued_most = 3;
    open_jobs(fixture);
    char id[EP_ID_TEXT];
    const struct job_spec endless = make_spec(LONG_EPOCHS);
    create(fixture, &endless, id);
    wait_for(fixture, id, JOB_RUNNING);
    for (int i = 0; i < 3; i++) {
        create(fixture, &endless, id);
    }
    struct job job;
    struct ep_error error;
    assert_int_equal(jobs_create(fixture->jobs, &endless, "digest", &job, &error), EP_UNAVAILABLE);
    assert_int_equal(jobs_cancel(fixture->jobs, id, &job, NULL), EP_OK);
    job_done(&job);
    create(fixture, &endless, id);
}

/* What a killed process leaves: a job that runs, with a few rows. */
static void lists_are_newest_first_in_pages(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.workers = 1;
    open_jobs(fixture);
    enum { JOBS = 10 };
    char ids[JOBS][EP_ID_TEXT];
    for (size_t i = 0; i < JOBS; i++) {
        struct job_spec spec = make_spec(i == 0 ? LONG_EPOCHS : 1);
        if (i % 2 == 1) {
            spec.tags = (struct ep_text_list){.count = 2, .items = {"even", "odd"}};
        }
        create(fixture, &spec, ids[i]);
    }
    wait_for(fixture, ids[0], JOB_RUNNING);
    struct jobs_query query = {.limit = 4};
    char before[EP_ID_TEXT];
    size_t seen = 0;
    struct jobs_page page;
    do {
        assert_int_equal(jobs_list(fixture->jobs, &query, &page, NULL), EP_OK);
        for (size_t i = 0; i < page.count; i++) {
            assert_string_equal(page.items[i].id, ids[JOBS - 1 - seen]);
            seen++;
        }
        memcpy(before, page.next, sizeof before);
        query.before = before;
        jobs_page_done(&page);
    } while (before[0] != '\0');
    assert_int_equal(seen, JOBS);
    query = (struct jobs_query){.limit = 5, .tag = "odd"};
    assert_int_equal(jobs_list(fixture->jobs, &query, &page, NULL), EP_OK);
    assert_int_equal(page.count, 5);
    assert_string_equal(page.next, "");
    jobs_page_done(&page);
    query = (struct jobs_query){.limit = 5, .states = 1U << JOB_RUNNING, .dataset = "dots"};
    assert_int_equal(jobs_list(fixture->jobs, &query, &page, NULL), EP_OK);
    assert_int_equal(page.count, 1);
    assert_string_equal(page.items[0].id, ids[0]);
    jobs_page_done(&page);
    query = (struct jobs_query){.limit = 5, .dataset = "cifar-10"};
    assert_int_equal(jobs_list(fixture->jobs, &query, &page, NULL), EP_OK);
    assert_int_equal(page.count, 0);
    jobs_page_done(&page);
}

static void a_history_starts_where_it_is_asked_to(void **state)
{
    struct fixture *fixture = *state;
    open_jobs(fixture);
    char id[EP_ID_TEXT];
    const struct job_spec endless = make_spec(LONG_EPOCHS);
    create(fixture, &endless, id);
    wait_for_rows(fixture, id, 5);
    struct jobs_history history = history_of(fixture, id, 3);
    assert_true(history.count >= 2);
    assert_int_equal(history.rows[0].epoch, 4);
    assert_true(isnan(history.accuracy_test));
    jobs_history_done(&history);
    history = history_of(fixture, id, UINT64_MAX);
    assert_int_equal(history.count, 0);
    jobs_history_done(&history);
    struct job job;
    assert_int_equal(jobs_cancel(fixture->jobs, id, &job, NULL), EP_OK);
    job_done(&job);
    wait_for(fixture, id, JOB_CANCELLED);
    history = history_of(fixture, id, 3);
    assert_int_equal(history.rows[0].epoch, 4);
    jobs_history_done(&history);
    history = history_of(fixture, id, UINT64_MAX);
    assert_int_equal(history.count, 0);
    jobs_history_done(&history);
}

/* Files of this process may not grow beyond `bytes`: writing fails with EFBIG. */
/* Does what clients do, at random, to jobs that other threads work on too. */
int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_job_runs_to_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_specs_give_equal_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_runs_first_and_others_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(jobs_can_be_cancelled_until_they_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_ended_jobs_can_be_deleted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_say_why_and_leave_others_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_queue_refuses_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_are_newest_first_in_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_history_starts_where_it_is_asked_to, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
