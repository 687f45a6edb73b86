#include "tests/unit/jobs/store_fixture.h"

#include <pthread.h>

struct fixture {
    char folder[FOLDER_MAX];
    struct store *store;
    uint64_t sequence;
};

static int set_up(void **state)
{
    struct fixture *fixture = ep_allocate(1, sizeof *fixture);
    assert_non_null(fixture);
    make_folder(fixture->folder);
    fixture->store = open_store(fixture->folder);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    store_close(fixture->store);
    remove_folder(fixture->folder);
    free(fixture);
    return 0;
}

static void reopen(struct fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = open_store(fixture->folder);
}

/* Inserts a new job; the caller releases it with job_done. */
static void insert_new(struct fixture *fixture, struct job *job)
{
    make_job(job, &fixture->sequence);
    assert_int_equal(store_insert(fixture->store, job, NULL), EP_OK);
}

static void append_rows(struct fixture *fixture, const char *id, size_t first, size_t last)
{
    for (size_t epoch = first; epoch <= last; epoch++) {
        const struct nn_epoch row = make_row(epoch);
        assert_int_equal(store_append(fixture->store, id, &row, NULL), EP_OK);
    }
}

/* The history of a job after `since` is that of make_row for the epochs first … last. */
static void assert_history(struct fixture *fixture, const char *id, uint64_t since, size_t first, size_t last)
{
    struct nn_epoch *rows = NULL;
    size_t count = 0;
    assert_int_equal(store_read_history(fixture->store, id, since, &rows, &count, NULL), EP_OK);
    assert_int_equal(count, last + 1 - first);
    for (size_t i = 0; i < count; i++) {
        const struct nn_epoch wanted = make_row(first + i);
        assert_same_row(&rows[i], &wanted);
    }
    free(rows);
}

static void assert_no_history(struct fixture *fixture, const char *id)
{
    assert_history(fixture, id, 0, 1, 0);
}

static void fill_text(const struct ep_field *field, char *text)
{
    const char *pattern =
        field->form == EP_TEXT_WORD ? "a.B-c_9" : "gr\xc3\xbc\xc3\x9f'e \"\xe2\x82\xac\" %s ;--\\ ";
    const size_t length = strlen(pattern);
    for (uint32_t i = 0; i < field->length_most; i++) {
        text[i] = pattern[i % length];
    }
    text[field->length_most] = '\0';
}

static void fill_words(struct ep_text_list *list, const struct ep_field *field)
{
    list->count = field->items_most;
    for (uint32_t i = 0; i < list->count; i++) {
        memset(list->items[i], 'x', field->length_most);
        list->items[i][0] = (char)('a' + (int)i);
        list->items[i][field->length_most] = '\0';
    }
}

/* The largest value that a field may have. */
static void fill_field(const struct ep_field *field, struct job_spec *spec)
{
    void *member = ep_field_at(field, spec);
    switch (field->kind) {
    case EP_FIELD_INTEGER:
        *(uint64_t *)member = (uint64_t)field->most;
        break;
    case EP_FIELD_NUMBER:
        *(double *)member = field->most / 3.0 + 1e-17;
        break;
    case EP_FIELD_BOOLEAN:
        *(bool *)member = !*(bool *)member;
        break;
    case EP_FIELD_CHOICE:
        while (field->choices[*(int *)member + 1] != NULL) {
            ++*(int *)member;
        }
        break;
    case EP_FIELD_TEXT:
        fill_text(field, member);
        break;
    case EP_FIELD_INTEGER_LIST: {
        struct ep_integer_list *list = member;
        list->count = field->items_most;
        for (uint32_t i = 0; i < list->count; i++) {
            list->items[i] = (uint32_t)field->most - i;
        }
        break;
    }
    case EP_FIELD_TEXT_LIST:
        fill_words(member, field);
        break;
    }
}

static void every_field_of_a_job_survives(void **state)
{
    struct fixture *fixture = *state;
    struct job bare;
    make_job(&bare, &fixture->sequence);
    struct job full;
    make_job(&full, &fixture->sequence);
    for (size_t i = 0; i < job_spec_fields.count; i++) {
        fill_field(&job_spec_fields.rows[i], &full.spec);
        assert_false(same_field(&job_spec_fields.rows[i], &full.spec, &bare.spec));
    }
    memset(full.spec_digest, 'f', sizeof full.spec_digest - 1);
    full.cancel_requested = true;
    full.started_at = 1700000000456;
    full.finished_at = INT64_MAX;
    full.cost_test = 1.0 / 3.0;
    full.accuracy_test = INFINITY;
    memset(full.model_sha256, 'a', sizeof full.model_sha256 - 1);
    full.failed_epoch = 7;
    full.best_epoch = 5;
    full.axes = 256;
    full.axes_variance = 0.96;
    uint32_t counts[] = {1, 2, 3, 4000000000, 5, 6, 7, 8, 9};
    const struct job_confusion confusion = {3, counts};
    assert_int_equal(job_confusion_copy(&confusion, &full.confusion, NULL), EP_OK);
    (void)ep_fail(&full.failure, EP_DIVERGED, "the cost of epoch 7 isn't \"finite\"");
    move_job(&full, JOB_FAILED, 1700000000789, "d\xc3\xa9j\xc3\xa0 'vu'; DROP TABLE job");
    assert_int_equal(store_insert(fixture->store, &bare, NULL), EP_OK);
    assert_int_equal(store_insert(fixture->store, &full, NULL), EP_OK);

    reopen(fixture);
    struct loaded loaded = load_all(fixture->store);
    assert_int_equal(loaded.count, 2);
    assert_same_job(&loaded.jobs[0], &bare);
    assert_same_job(&loaded.jobs[1], &full);
    assert_int_equal(loaded.jobs[1].progress.epochs, full.spec.epochs);
    assert_int_equal(loaded.jobs[1].progress.epoch, 0);
    assert_false(loaded.jobs[1].has_latest);
    loaded_done(&loaded);
    job_done(&bare);
    job_done(&full);
}

static void jobs_come_back_oldest_first(void **state)
{
    struct fixture *fixture = *state;
    enum { JOBS = 20 };
    char ids[JOBS][EP_ID_TEXT];
    for (size_t i = 0; i < JOBS; i++) {
        struct job job;
        insert_new(fixture, &job);
        memcpy(ids[i], job.id, sizeof ids[i]);
        job_done(&job);
    }
    for (int round = 0; round < 2; round++) {
        struct loaded loaded = load_all(fixture->store);
        assert_int_equal(loaded.count, JOBS);
        for (size_t i = 0; i < JOBS; i++) {
            assert_string_equal(loaded.jobs[i].id, ids[i]);
        }
        loaded_done(&loaded);
        reopen(fixture);
    }
}

static void an_update_is_there_after_reopening(void **state)
{
    struct fixture *fixture = *state;
    struct job job;
    struct job other;
    insert_new(fixture, &job);
    insert_new(fixture, &other);
    job.started_at = 5;
    move_job(&job, JOB_RUNNING, 5, "");
    assert_int_equal(store_update(fixture->store, &job, 1, NULL), EP_OK);
    job.cancel_requested = true;
    assert_int_equal(store_update(fixture->store, &job, 2, NULL), EP_OK);
    job.finished_at = 6;
    job.cost_test = 0.25;
    job.accuracy_test = 0.875;
    (void)ep_fail(&job.failure, EP_CANCELLED, "cancelled");
    move_job(&job, JOB_CANCELLED, 6, "asked for");
    assert_int_equal(store_update(fixture->store, &job, 2, NULL), EP_OK);

    reopen(fixture);
    struct loaded loaded = load_all(fixture->store);
    assert_int_equal(loaded.count, 2);
    assert_same_job(&loaded.jobs[0], &job);
    assert_same_job(&loaded.jobs[1], &other);
    loaded_done(&loaded);
    job_done(&job);
    job_done(&other);
}

static void transitions_stay_bounded_first_and_newest_kept(void **state)
{
    struct fixture *fixture = *state;
    struct job job;
    insert_new(fixture, &job);
    for (int i = 1; i < 200; i++) {
        move_job(&job, i % 2 == 1 ? JOB_RUNNING : JOB_QUEUED, i, "");
        assert_int_equal(store_update(fixture->store, &job, job.transition_count - 1, NULL), EP_OK);
    }
    struct loaded loaded = load_all(fixture->store);
    assert_int_equal(loaded.jobs[0].transition_count, JOB_TRANSITIONS_MAX);
    const struct job_transition *found = loaded.jobs[0].transitions;
    assert_int_equal(found[0].at, job.created_at);
    assert_int_equal(found[1].at, 1);
    for (int i = 0; i < JOB_TRANSITIONS_MAX / 2; i++) {
        assert_int_equal(found[JOB_TRANSITIONS_MAX - 1 - i].at, 199 - i);
    }
    loaded_done(&loaded);
    job_done(&job);
}

static void a_history_can_be_read_before_it_is_committed(void **state)
{
    struct fixture *fixture = *state;
    struct job job;
    struct job other;
    insert_new(fixture, &job);
    insert_new(fixture, &other);
    assert_no_history(fixture, job.id);
    append_rows(fixture, job.id, 1, 9);
    append_rows(fixture, other.id, 1, 2);
    assert_history(fixture, job.id, 0, 1, 9);
    assert_history(fixture, job.id, 4, 5, 9);
    assert_history(fixture, job.id, 9, 10, 9);
    assert_history(fixture, job.id, UINT64_MAX, 10, 9);
    append_rows(fixture, job.id, 10, 12);
    job.progress.step = 345;
    move_job(&job, JOB_RUNNING, 2, "");
    assert_int_equal(store_update(fixture->store, &job, 1, NULL), EP_OK);

    reopen(fixture);
    assert_history(fixture, job.id, 0, 1, 12);
    assert_history(fixture, other.id, 0, 1, 2);
    struct loaded loaded = load_all(fixture->store);
    const struct nn_epoch newest = make_row(12);
    assert_true(loaded.jobs[0].has_latest);
    assert_same_row(&loaded.jobs[0].latest, &newest);
    assert_int_equal(loaded.jobs[0].progress.epoch, 12);
    assert_int_equal(loaded.jobs[0].progress.step, 345);
    assert_int_equal(loaded.jobs[1].latest.epoch, 2);
    loaded_done(&loaded);
    job_done(&job);
    job_done(&other);
}

static void a_row_of_the_same_epoch_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct job job;
    insert_new(fixture, &job);
    struct nn_epoch row = make_row(1);
    row.seconds = 99.0;
    assert_int_equal(store_append(fixture->store, job.id, &row, NULL), EP_OK);
    append_rows(fixture, job.id, 1, 1);
    assert_history(fixture, job.id, 0, 1, 1);
    job_done(&job);
}

static void going_back_to_queued_drops_the_history(void **state)
{
    struct fixture *fixture = *state;
    struct job job;
    struct job other;
    insert_new(fixture, &job);
    insert_new(fixture, &other);
    move_job(&job, JOB_RUNNING, 5, "");
    assert_int_equal(store_update(fixture->store, &job, 1, NULL), EP_OK);
    append_rows(fixture, job.id, 1, 5);
    append_rows(fixture, other.id, 1, 5);
    move_job(&job, JOB_QUEUED, 6, "the server stopped");
    assert_int_equal(store_update(fixture->store, &job, 2, NULL), EP_OK);
    assert_no_history(fixture, job.id);
    assert_history(fixture, other.id, 0, 1, 5);
    struct loaded loaded = load_all(fixture->store);
    assert_false(loaded.jobs[0].has_latest);
    assert_same_job(&loaded.jobs[0], &job);
    loaded_done(&loaded);
    job_done(&job);
    job_done(&other);
}

static void a_deleted_job_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct job job;
    struct job other;
    insert_new(fixture, &job);
    insert_new(fixture, &other);
    append_rows(fixture, job.id, 1, 3);
    append_rows(fixture, other.id, 1, 3);
    assert_int_equal(store_delete(fixture->store, job.id, NULL), EP_OK);
    assert_no_history(fixture, job.id);
    assert_int_equal(store_delete(fixture->store, job.id, NULL), EP_NOT_FOUND);
    /* The id is free again, and comes without the old transitions. */
    assert_int_equal(store_insert(fixture->store, &job, NULL), EP_OK);
    assert_int_equal(store_delete(fixture->store, job.id, NULL), EP_OK);

    reopen(fixture);
    struct loaded loaded = load_all(fixture->store);
    assert_int_equal(loaded.count, 1);
    assert_same_job(&loaded.jobs[0], &other);
    loaded_done(&loaded);
    assert_history(fixture, other.id, 0, 1, 3);
    job_done(&job);
    job_done(&other);
}

static void wrong_ids_are_refused_and_spoil_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct ep_error error;
    struct job job;
    struct job stranger;
    insert_new(fixture, &job);
    make_job(&stranger, &fixture->sequence);
    const struct nn_epoch row = make_row(1);
    append_rows(fixture, job.id, 1, 1);
    assert_int_equal(store_append(fixture->store, stranger.id, &row, NULL), EP_OK);
    assert_int_equal(store_insert(fixture->store, &job, &error), EP_CONFLICT);
    assert_non_null(strstr(error.text, job.id));
    assert_int_equal(store_delete(fixture->store, stranger.id, &error), EP_NOT_FOUND);
    assert_non_null(strstr(error.text, stranger.id));
    assert_int_equal(store_update(fixture->store, &stranger, 0, NULL), EP_NOT_FOUND);
    assert_int_equal(store_append(fixture->store, "short", &row, NULL), EP_NOT_FOUND);
    assert_int_equal(store_delete(fixture->store, "", NULL), EP_NOT_FOUND);
    stranger.id[0] = '\0';
    assert_int_equal(store_insert(fixture->store, &stranger, NULL), EP_INVALID);
    struct loaded loaded = load_all(fixture->store);
    assert_int_equal(loaded.count, 1);
    assert_same_job(&loaded.jobs[0], &job);
    loaded_done(&loaded);
    assert_history(fixture, job.id, 0, 1, 1);
    job_done(&job);
    job_done(&stranger);
}

static void a_value_that_cannot_be_stored_stores_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct job job;
    make_job(&job, &fixture->sequence);
    job.spec.tags.count = 1;
    snprintf(job.spec.tags.items[0], sizeof job.spec.tags.items[0], "two words");
    assert_int_equal(store_insert(fixture->store, &job, NULL), EP_INVALID);
    job.spec.tags.count = 0;
    job.spec.seed = UINT64_MAX;
    assert_int_equal(store_insert(fixture->store, &job, NULL), EP_INVALID);
    job.spec.seed = 0;
    /* Fails after the job's own row was written. */
    job.transitions[0].state = JOB_STATES;
    assert_int_equal(store_insert(fixture->store, &job, NULL), EP_INTERNAL);
    struct loaded loaded = load_all(fixture->store);
    assert_int_equal(loaded.count, 0);
    loaded_done(&loaded);
    job.transitions[0].state = JOB_QUEUED;
    assert_int_equal(store_insert(fixture->store, &job, NULL), EP_OK);
    job_done(&job);
}

static void a_lost_row_is_reported_by_the_next_update(void **state)
{
    struct fixture *fixture = *state;
    const struct nn_epoch unstorable = {.epoch = 0};
    struct ep_error error;
    struct job job;
    insert_new(fixture, &job);
    move_job(&job, JOB_RUNNING, 5, "");
    assert_int_equal(store_update(fixture->store, &job, 1, NULL), EP_OK);
    assert_int_equal(store_append(fixture->store, job.id, &unstorable, NULL), EP_OK);
    append_rows(fixture, job.id, 1, 2);
    move_job(&job, JOB_SUCCEEDED, 6, "");
    assert_int_equal(store_update(fixture->store, &job, 2, &error), EP_IO);
    assert_non_null(strstr(error.text, "lost"));
    struct loaded loaded = load_all(fixture->store);
    assert_int_equal(loaded.jobs[0].state, JOB_RUNNING);
    loaded_done(&loaded);
    assert_int_equal(store_update(fixture->store, &job, 2, NULL), EP_OK);
    assert_history(fixture, job.id, 0, 1, 2);

    /* What drops the history anyway need not know. */
    assert_int_equal(store_append(fixture->store, job.id, &unstorable, NULL), EP_OK);
    move_job(&job, JOB_QUEUED, 7, "");
    assert_int_equal(store_update(fixture->store, &job, 3, NULL), EP_OK);
    move_job(&job, JOB_RUNNING, 8, "");
    assert_int_equal(store_update(fixture->store, &job, 4, NULL), EP_OK);
    job_done(&job);
}

static void a_long_history_is_whole(void **state)
{
    struct fixture *fixture = *state;
    struct job job;
    insert_new(fixture, &job);
    append_rows(fixture, job.id, 1, JOB_EPOCHS_MAX);
    assert_history(fixture, job.id, 0, 1, JOB_EPOCHS_MAX);
    job_done(&job);
}

static void only_one_may_have_the_folder(void **state)
{
    struct fixture *fixture = *state;
    struct store *second = NULL;
    struct ep_error error;
    assert_int_equal(store_open(fixture->folder, &second, &error), EP_UNAVAILABLE);
    assert_non_null(strstr(error.text, fixture->folder));
    assert_null(second);
    reopen(fixture);
}

static enum ep_status refuse_second(void *context, struct job *job, struct ep_error *error)
{
    size_t *seen = context;
    job_done(job);
    ++*seen;
    return *seen == 2 ? ep_fail(error, EP_TOO_LARGE, "enough") : EP_OK;
}

static void a_visitor_can_stop_the_load(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 3; i++) {
        struct job job;
        insert_new(fixture, &job);
        job_done(&job);
    }
    size_t seen = 0;
    struct ep_error error;
    assert_int_equal(store_load(fixture->store, refuse_second, &seen, &error), EP_TOO_LARGE);
    assert_string_equal(error.text, "enough");
    assert_int_equal(seen, 2);
    struct loaded loaded = load_all(fixture->store);
    assert_int_equal(loaded.count, 3);
    loaded_done(&loaded);
}

enum { THREADS = 16, JOBS_EACH = 50, ROWS_EACH = 5 };

struct load_thread {
    pthread_t thread;
    struct store *store;
    char ids[JOBS_EACH][EP_ID_TEXT];
    size_t failures;
};

static void insert_and_append(struct load_thread *mine, size_t which)
{
    uint64_t sequence = 0;
    struct job job;
    make_job(&job, &sequence);
    memcpy(mine->ids[which], job.id, sizeof mine->ids[which]);
    mine->failures += store_insert(mine->store, &job, NULL) != EP_OK ? 1 : 0;
    for (size_t epoch = 1; epoch <= ROWS_EACH; epoch++) {
        const struct nn_epoch row = make_row(epoch);
        mine->failures += store_append(mine->store, job.id, &row, NULL) != EP_OK ? 1 : 0;
    }
    if (which % 10 == 0) {
        struct nn_epoch *rows = NULL;
        size_t count = 0;
        mine->failures +=
            store_read_history(mine->store, job.id, 0, &rows, &count, NULL) != EP_OK || count != ROWS_EACH
                ? 1
                : 0;
        free(rows);
    }
    job_done(&job);
}

static void *insert_many(void *argument)
{
    struct load_thread *mine = argument;
    for (size_t i = 0; i < JOBS_EACH; i++) {
        insert_and_append(mine, i);
    }
    return NULL;
}

static void many_threads_lose_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct load_thread *threads = ep_allocate(THREADS, sizeof *threads);
    assert_non_null(threads);
    for (size_t i = 0; i < THREADS; i++) {
        threads[i].store = fixture->store;
        assert_int_equal(pthread_create(&threads[i].thread, NULL, insert_many, &threads[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i].thread, NULL);
    }
    reopen(fixture);
    struct loaded loaded = load_all(fixture->store);
    assert_int_equal(loaded.count, THREADS * JOBS_EACH);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(threads[i].failures, 0);
        for (size_t j = 0; j < JOBS_EACH; j++) {
            const struct job *job = find_job(&loaded, threads[i].ids[j]);
            assert_non_null(job);
            assert_int_equal(job->transition_count, 1);
            assert_int_equal(job->latest.epoch, ROWS_EACH);
        }
        assert_history(fixture, threads[i].ids[0], 0, 1, ROWS_EACH);
    }
    loaded_done(&loaded);
    free(threads);
}

static void names_of_states_are_one_to_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < JOB_STATES; i++) {
        enum job_state parsed = JOB_STATES;
        assert_true(job_state_parse(job_state_name((enum job_state)i), &parsed));
        assert_int_equal(parsed, i);
    }
    enum job_state parsed;
    assert_false(job_state_parse("paused", &parsed));
    assert_false(job_state_parse("", &parsed));
    assert_false(job_state_final(JOB_QUEUED) || job_state_final(JOB_RUNNING));
    assert_true(job_state_final(JOB_SUCCEEDED) && job_state_final(JOB_FAILED) &&
                job_state_final(JOB_CANCELLED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_field_of_a_job_survives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(jobs_come_back_oldest_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_update_is_there_after_reopening, set_up, tear_down),
        cmocka_unit_test_setup_teardown(transitions_stay_bounded_first_and_newest_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_history_can_be_read_before_it_is_committed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_of_the_same_epoch_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(going_back_to_queued_drops_the_history, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deleted_job_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_ids_are_refused_and_spoil_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_that_cannot_be_stored_stores_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_row_is_reported_by_the_next_update, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_history_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_one_may_have_the_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_visitor_can_stop_the_load, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_threads_lose_nothing, set_up, tear_down),
        cmocka_unit_test(names_of_states_are_one_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
