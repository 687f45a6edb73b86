/* Jobs over restarts, with little memory, on a full disk, and with many clients at once. */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "tests/unit/jobs/jobs_fixture.h"

static void stopping_puts_running_jobs_back(void **state)
{
    struct fixture *fixture = *state;
    open_jobs(fixture);
    char id[EP_ID_TEXT];
    char undisturbed[EP_ID_TEXT];
    const struct job_spec spec = make_spec(400);
    create(fixture, &spec, undisturbed);
    wait_for(fixture, undisturbed, JOB_SUCCEEDED);
    create(fixture, &spec, id);
    wait_for_rows(fixture, id, 2);
    jobs_close(fixture->jobs);

    struct store *store = open_store(fixture->folder);
    struct loaded loaded = load_all(store);
    const struct job *stored = find_job(&loaded, id);
    assert_non_null(stored);
    assert_int_equal(stored->state, JOB_QUEUED);
    assert_int_equal(stored->started_at, 0);
    assert_false(stored->has_latest);
    assert_int_equal(stored->transition_count, 3);
    assert_non_null(strstr(stored->transitions[2].reason, "server stopped"));
    loaded_done(&loaded);
    store_close(store);

    open_jobs(fixture);
    wait_for(fixture, id, JOB_SUCCEEDED);
    struct jobs_history history = history_of(fixture, id, 0);
    struct jobs_history expected = history_of(fixture, undisturbed, 0);
    assert_int_equal(history.count, 400);
    assert_int_equal(expected.count, 400);
    assert_true(history.rows[399].cost_train == expected.rows[399].cost_train);
    assert_true(history.accuracy_test == expected.accuracy_test);
    jobs_history_done(&expected);
    jobs_history_done(&history);
}

static void leave_running(struct fixture *fixture, bool cancel_requested, char id[EP_ID_TEXT])
{
    struct store *store = open_store(fixture->folder);
    struct job job;
    uint64_t sequence = 0;
    make_job(&job, &sequence);
    job.spec = make_spec(2);
    move_job(&job, JOB_RUNNING, job.created_at + 10, "");
    job.started_at = job.created_at + 10;
    job.cancel_requested = cancel_requested;
    assert_int_equal(store_insert(store, &job, NULL), EP_OK);
    const struct nn_epoch row = make_row(1);
    assert_int_equal(store_append(store, job.id, &row, NULL), EP_OK);
    store_close(store);
    memcpy(id, job.id, EP_ID_TEXT);
    job_done(&job);
}

static void an_interrupted_job_runs_again(void **state)
{
    struct fixture *fixture = *state;
    char id[EP_ID_TEXT];
    char unwanted[EP_ID_TEXT];
    leave_running(fixture, false, id);
    leave_running(fixture, true, unwanted);
    open_jobs(fixture);
    assert_int_equal(state_of(fixture, unwanted), JOB_CANCELLED);
    wait_for(fixture, id, JOB_SUCCEEDED);
    struct job job;
    assert_int_equal(jobs_get(fixture->jobs, id, &job, NULL), EP_OK);
    assert_int_equal(job.transition_count, 5);
    assert_int_equal(job.transitions[2].state, JOB_QUEUED);
    assert_non_null(strstr(job.transitions[2].reason, "interrupted"));
    job_done(&job);
    struct jobs_history history = history_of(fixture, id, 0);
    assert_int_equal(history.count, 2);
    assert_true(history.rows[0].eta == 0.02 && history.rows[1].epoch == 2);
    jobs_history_done(&history);
}

static void memory_decides_how_many_run(void **state)
{
    struct fixture *fixture = *state;
    const struct job_spec spec = make_spec(LONG_EPOCHS);
    struct data_info info;
    struct job_cost cost;
    assert_int_equal(data_registry_describe(fixture->registry, "dots", &info, NULL), EP_OK);
    assert_int_equal(job_cost_of(&spec, &info, &cost, NULL), EP_OK);
    for (size_t together = 0; together <= 2; together++) {
        /* A limit below what one job takes still lets it run alone. */
        fixture->options.memory_limit = together == 0 ? 1 : together * cost.memory;
        open_jobs(fixture);
        char ids[2][EP_ID_TEXT];
        create(fixture, &spec, ids[0]);
        create(fixture, &spec, ids[1]);
        wait_for_rows(fixture, ids[0], 20);
        if (together == 2) {
            wait_for(fixture, ids[1], JOB_RUNNING);
        } else {
            assert_int_equal(state_of(fixture, ids[1]), JOB_QUEUED);
        }
        for (size_t i = 0; i < 2; i++) {
            struct job job;
            assert_int_equal(jobs_cancel(fixture->jobs, ids[i], &job, NULL), EP_OK);
            job_done(&job);
            wait_for(fixture, ids[i], JOB_CANCELLED);
        }
        jobs_close(fixture->jobs);
        fixture->jobs = NULL;
    }
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    (void)signal(SIGXFSZ, SIG_IGN);
    open_jobs(fixture);
    char id[EP_ID_TEXT];
    const struct job_spec spec = make_spec(2000);
    create(fixture, &spec, id);
    wait_for_rows(fixture, id, 1);
    limit_files(0);
    struct job job;
    struct ep_error error;
    const enum ep_status refused = jobs_create(fixture->jobs, &spec, "digest", &job, &error);
    const enum ep_status uncancelled = jobs_cancel(fixture->jobs, id, &job, &error);
    const double end = ep_clock_seconds() + PATIENCE_SECONDS;
    while (atomic_load(&fixture->faults) == 0 && ep_clock_seconds() < end) {
        take_a_nap();
    }
    const enum job_state meanwhile = state_of(fixture, id);
    limit_files(RLIM_INFINITY);
    assert_int_equal(refused, EP_IO);
    assert_int_equal(uncancelled, EP_IO);
    assert_int_equal(meanwhile, JOB_RUNNING);
    assert_true(atomic_load(&fixture->faults) > 0);
    wait_for(fixture, id, JOB_SUCCEEDED);
    create(fixture, &spec, id);
    reopen(fixture);
    const struct jobs_query query = {.limit = 10};
    struct jobs_page page;
    assert_int_equal(jobs_list(fixture->jobs, &query, &page, NULL), EP_OK);
    assert_int_equal(page.count, 2);
    assert_int_equal(page.items[1].state, JOB_SUCCEEDED);
    jobs_page_done(&page);
}

static void *pester(void *context)
{
    struct fixture *fixture = context;
    for (unsigned i = 0; i < 25; i++) {
        struct job_spec spec = make_spec(i % 3 == 0 ? LONG_EPOCHS : 2);
        struct job job;
        if (jobs_create(fixture->jobs, &spec, "digest", &job, NULL) == EP_OK) {
            job_done(&job);
        }
        const struct jobs_query query = {.limit = 7};
        struct jobs_page page;
        if (jobs_list(fixture->jobs, &query, &page, NULL) != EP_OK) {
            return NULL;
        }
        for (size_t k = 0; k < page.count; k++) {
            struct jobs_history history;
            if (jobs_read_history(fixture->jobs, page.items[k].id, 0, &history, NULL) == EP_OK) {
                jobs_history_done(&history);
            }
            if (jobs_cancel(fixture->jobs, page.items[k].id, &job, NULL) == EP_OK) {
                job_done(&job);
            }
            (void)(jobs_delete(fixture->jobs, page.items[k].id, NULL) == EP_OK);
        }
        jobs_page_done(&page);
    }
    return fixture;
}

static void many_clients_at_once(void **state)
{
    struct fixture *fixture = *state;
    open_jobs(fixture);
    pthread_t threads[4];
    for (size_t i = 0; i < EP_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, pester, fixture), 0);
    }
    for (size_t i = 0; i < EP_COUNT(threads); i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, fixture);
    }
    /* What memory says and what the disk says must be the same. */
    struct jobs_page page;
    const struct jobs_query query = {.limit = 200};
    assert_int_equal(jobs_list(fixture->jobs, &query, &page, NULL), EP_OK);
    for (size_t i = 0; i < page.count; i++) {
        struct job job;
        if (jobs_cancel(fixture->jobs, page.items[i].id, &job, NULL) == EP_OK) {
            job_done(&job);
            wait_for(fixture, page.items[i].id, JOB_CANCELLED);
        }
    }
    jobs_page_done(&page);
    assert_int_equal(jobs_list(fixture->jobs, &query, &page, NULL), EP_OK);
    struct jobs_load load;
    jobs_read_load(fixture->jobs, &load);
    assert_int_equal(load.by_state[JOB_QUEUED] + load.by_state[JOB_RUNNING], 0);
    size_t total = 0;
    for (size_t i = 0; i < JOB_STATES; i++) {
        total += load.by_state[i];
    }
    assert_int_equal(total, page.count);
    jobs_close(fixture->jobs);
    fixture->jobs = NULL;
    struct store *store = open_store(fixture->folder);
    struct loaded loaded = load_all(store);
    assert_int_equal(loaded.count, page.count);
    for (size_t i = 0; i < page.count; i++) {
        assert_same_job(&page.items[i], &loaded.jobs[loaded.count - 1 - i]);
    }
    loaded_done(&loaded);
    store_close(store);
    jobs_page_done(&page);
    assert_int_equal(atomic_load(&fixture->faults), 0);
}

static void a_folder_in_use_is_refused(void **state)
{
    struct fixture *fixture = *state;
    open_jobs(fixture);
    struct jobs *second = NULL;
    struct ep_error error;
    assert_int_equal(jobs_open(&fixture->options, &second, &error), EP_UNAVAILABLE);
    assert_null(second);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stopping_puts_running_jobs_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interrupted_job_runs_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_decides_how_many_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_clients_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_in_use_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
