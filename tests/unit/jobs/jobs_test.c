/* Jobs from their creation to their end, over restarts, full queues, full disks and many threads. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/jobs/jobs.h"
#include "core/nn/gemm.h"
#include "tests/unit/jobs/dots.h"
#include "tests/unit/jobs/store_fixture.h"

enum { LONG_EPOCHS = 10000, PATIENCE_SECONDS = 30 };

struct fixture {
    char folder[FOLDER_MAX];
    struct data_registry *registry;
    struct jobs *jobs;
    struct jobs_options options;
    atomic_int faults;
};

static void on_transition(void *context, const struct job *job)
{
    struct fixture *fixture = context;
    if (job->transition_count == 0 || job->transitions[job->transition_count - 1].state != job->state) {
        atomic_fetch_add(&fixture->faults, 1);
    }
}

static void on_fault(void *context, const char *job_id, const struct ep_error *error)
{
    struct fixture *fixture = context;
    (void)job_id;
    (void)error;
    atomic_fetch_add(&fixture->faults, 1);
}

static void open_jobs(struct fixture *fixture)
{
    struct ep_error error;
    if (jobs_open(&fixture->options, &fixture->jobs, &error) != EP_OK) {
        fail_msg("%s", error.text);
    }
}

static void reopen(struct fixture *fixture)
{
    jobs_close(fixture->jobs);
    fixture->jobs = NULL;
    open_jobs(fixture);
}

static int set_up(void **state)
{
    struct fixture *fixture = ep_allocate(1, sizeof *fixture);
    assert_non_null(fixture);
    make_folder(fixture->folder);
    char path[FOLDER_MAX + 8];
    for (size_t i = 0; i < dots_catalogue.count; i++) {
        snprintf(path, sizeof path, "%s/%s", fixture->folder, dots_entries[i].folder);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    assert_int_equal(
        data_registry_create_from(&dots_catalogue, fixture->folder, "/nowhere", &fixture->registry, NULL),
        EP_OK);
    fixture->options = (struct jobs_options){
        .state_folder = fixture->folder,
        .registry = fixture->registry,
        .workers = 2,
        .queued_most = 40,
        .on_transition = on_transition,
        .on_fault = on_fault,
        .context = fixture,
    };
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    jobs_close(fixture->jobs);
    data_registry_destroy(fixture->registry);
    remove_folder(fixture->folder);
    free(fixture);
    return 0;
}

static struct job_spec make_spec(uint64_t epochs)
{
    struct job_spec spec = {0};
    ep_fields_preset(&job_spec_fields, &spec);
    snprintf(spec.dataset, sizeof spec.dataset, "dots");
    spec.train_size = 500;
    spec.validation_size = 100;
    spec.depth = 2;
    spec.hidden = (struct ep_integer_list){.count = 1, .items = {8}};
    spec.epochs = epochs;
    spec.batch_size = 50;
    return spec;
}

static void create(struct fixture *fixture, const struct job_spec *spec, char id[EP_ID_TEXT])
{
    struct job job;
    struct ep_error error;
    if (jobs_create(fixture->jobs, spec, "digest", &job, &error) != EP_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(job.state, JOB_QUEUED);
    assert_int_equal(job.transition_count, 1);
    memcpy(id, job.id, EP_ID_TEXT);
    job_done(&job);
}

static enum job_state state_of(struct fixture *fixture, const char *id)
{
    struct job job;
    assert_int_equal(jobs_get(fixture->jobs, id, &job, NULL), EP_OK);
    const enum job_state state = job.state;
    if (state == JOB_FAILED) {
        print_message("failed: %s\n", job.failure.text);
    }
    job_done(&job);
    return state;
}

static void take_a_nap(void)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    nanosleep(&pause, NULL);
}

/* Waits until the job is in `wanted`; fails when it ends otherwise or takes too long. */
static void wait_for(struct fixture *fixture, const char *id, enum job_state wanted)
{
    const double end = ep_clock_seconds() + PATIENCE_SECONDS;
    enum job_state state = state_of(fixture, id);
    while (state != wanted) {
        if (job_state_final(state) || ep_clock_seconds() > end) {
            fail_msg("the job is %s, not %s", job_state_name(state), job_state_name(wanted));
        }
        take_a_nap();
        state = state_of(fixture, id);
    }
}

static struct jobs_history history_of(struct fixture *fixture, const char *id, uint64_t since)
{
    struct jobs_history history;
    assert_int_equal(jobs_read_history(fixture->jobs, id, since, &history, NULL), EP_OK);
    return history;
}

static void wait_for_rows(struct fixture *fixture, const char *id, size_t rows)
{
    const double end = ep_clock_seconds() + PATIENCE_SECONDS;
    size_t count = 0;
    while (count < rows) {
        assert_true(ep_clock_seconds() < end);
        take_a_nap();
        struct jobs_history history = history_of(fixture, id, 0);
        count = history.count;
        jobs_history_done(&history);
    }
}

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
    double waits[4];
    for (size_t i = 0; i < 4; i++) {
        struct job job;
        assert_int_equal(jobs_get(fixture->jobs, ids[i], &job, NULL), EP_OK);
        waits[i] = job.progress.remaining_seconds;
        job_done(&job);
    }
    assert_true(waits[0] > 0 && waits[1] > waits[0] && waits[2] > waits[1] && waits[3] > waits[2]);
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

/* What a killed process leaves: a job that runs, with a few rows. */
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

/* Files of this process may not grow beyond `bytes`: writing fails with EFBIG. */
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

/* Does what clients do, at random, to jobs that other threads work on too. */
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
        cmocka_unit_test_setup_teardown(a_job_runs_to_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_specs_give_equal_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_runs_first_and_others_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(jobs_can_be_cancelled_until_they_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_ended_jobs_can_be_deleted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_say_why_and_leave_others_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_queue_refuses_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopping_puts_running_jobs_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interrupted_job_runs_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_are_newest_first_in_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_history_starts_where_it_is_asked_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_decides_how_many_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_clients_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_in_use_is_refused, set_up, tear_down),
    };
    if (nn_gemm_start(NULL) != EP_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
