/* How far jobs are and when they will be done, against numbers worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/macros.h"
#include "core/jobs/estimate.h"

/* A job of 10 epochs of 10 mini-batches of 100 images; ids give the order. */
static struct entry *make_entry(unsigned number, enum job_state state, double flops)
{
    struct job job = {.state = state,
                      .spec = {.train_size = 1000, .batch_size = 100, .epochs = 10, .batch_norm = true}};
    snprintf(job.id, sizeof job.id, "%08u", number);
    struct entry *entry = entry_create(&job);
    assert_non_null(entry);
    entry->cost.flops = flops;
    return entry;
}

static bool close_to(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static void pace_favours_what_is_new(void **state)
{
    (void)state;
    struct pace pace = {0};
    assert_true(isnan(pace_seconds(&pace, 100)));
    pace_add(&pace, 1000, 1);
    assert_true(close_to(pace_seconds(&pace, 500), 0.5));
    for (int i = 0; i < 200; i++) {
        pace_add(&pace, 1000, 2);
    }
    assert_true(close_to(pace_seconds(&pace, 500), 1));
    const struct pace before = pace;
    pace_add(&pace, NAN, 1);
    pace_add(&pace, 1000, 0);
    pace_add(&pace, 1000, INFINITY);
    assert_memory_equal(&before, &pace, sizeof pace);
}

static void an_older_epoch_counts_nine_tenths_of_the_next(void **state)
{
    (void)state;
    struct pace pace = {0};
    pace_add(&pace, 1000, 1);
    pace_add(&pace, 1000, 2);
    assert_true(close_to(pace_seconds(&pace, 900 + 1000), 0.9 + 2));
    pace_add(&pace, 500, 4);
    assert_true(close_to(pace_seconds(&pace, 810 + 900 + 500), 0.81 + 1.8 + 4));
}

static void behind_a_job_of_unknown_length_nothing_is_known(void **state)
{
    (void)state;
    const struct pace none = {0};
    struct table queued = {0};
    double free_at[1];
    struct entry *waiting[2];
    struct job_progress progress;
    assert_int_equal(table_reserve(&queued, 2, NULL), EP_OK);
    for (unsigned i = 0; i < 2; i++) {
        waiting[i] = make_entry(i, JOB_QUEUED, 300);
        table_add(&queued, waiting[i]);
    }
    assert_true(isnan(estimate_queue(&queued, NULL, 0, &none, free_at, 1)));
    assert_true(waiting[0]->starts_in == 0);
    assert_true(isnan(waiting[1]->starts_in));
    estimate_progress(waiting[1], &none, 100, 0, &progress);
    assert_true(isnan(progress.remaining_seconds));
    for (size_t i = 0; i < 2; i++) {
        entry_destroy(waiting[i]);
    }
    table_done(&queued);
}

static void the_queue_is_worked_off_by_whoever_is_free(void **state)
{
    (void)state;
    const struct pace pace = {.flops = 100, .seconds = 1};
    struct table queued = {0};
    /* Half of it took 5 s, so that the other half takes 5 s more, whatever the pace of others is. */
    const struct estimate_run busy = {.fraction = 0.5, .elapsed = 5, .flops = 1000};
    double free_at[2];
    assert_int_equal(table_reserve(&queued, 3, NULL), EP_OK);
    struct entry *waiting[3];
    for (unsigned i = 0; i < 3; i++) {
        waiting[i] = make_entry(i + 1, JOB_QUEUED, 300);
        table_add(&queued, waiting[i]);
    }
    assert_true(close_to(estimate_queue(&queued, &busy, 1, &pace, free_at, 2), 8));
    assert_true(close_to(waiting[0]->starts_in, 0));
    assert_true(close_to(waiting[1]->starts_in, 3));
    assert_true(close_to(waiting[2]->starts_in, 5));
    struct job_progress progress;
    estimate_progress(waiting[2], &pace, 101, 1, &progress);
    assert_true(close_to(progress.remaining_seconds, 5 - 1 + 3));
    estimate_progress(waiting[0], &pace, 101, 1, &progress);
    assert_true(close_to(progress.remaining_seconds, 3));
    assert_true(isnan(progress.images_per_second));
    assert_true(close_to(estimate_queue(&queued, &busy, 1, &pace, free_at, 1), 5 + 3 + 3 + 3));
    assert_true(close_to(waiting[2]->starts_in, 5 + 3 + 3));
    for (size_t i = 0; i < 3; i++) {
        entry_destroy(waiting[i]);
    }
    table_done(&queued);
}

static void an_idle_worker_is_found_beside_one_that_may_never_be_free(void **state)
{
    (void)state;
    const struct pace pace = {.flops = 100, .seconds = 1};
    struct table queued = {0};
    double free_at[2];
    assert_int_equal(table_reserve(&queued, 3, NULL), EP_OK);
    struct entry *unknown = make_entry(1, JOB_QUEUED, NAN);
    struct entry *next = make_entry(2, JOB_QUEUED, 300);
    struct entry *last = make_entry(3, JOB_QUEUED, 300);
    table_add(&queued, unknown);
    table_add(&queued, next);
    table_add(&queued, last);
    assert_true(isnan(estimate_queue(&queued, NULL, 0, &pace, free_at, 2)));
    assert_true(close_to(next->starts_in, 0));
    assert_true(close_to(last->starts_in, 3));
    entry_destroy(unknown);
    entry_destroy(next);
    entry_destroy(last);
    table_done(&queued);
}

static void nothing_is_known_before_anything_was_measured(void **state)
{
    (void)state;
    const struct pace none = {0};
    struct entry *entry = make_entry(1, JOB_QUEUED, 300);
    struct job_progress progress;
    estimate_progress(entry, &none, 100, 0, &progress);
    assert_true(isnan(progress.remaining_seconds));
    entry->job.state = JOB_RUNNING;
    entry->began = 99.9;
    estimate_progress(entry, &none, 100, 0, &progress);
    assert_true(isnan(progress.remaining_seconds));
    assert_true(isnan(progress.images_per_second));
    assert_true(progress.fraction == 0);
    entry_destroy(entry);
}

static void progress_of_a_running_job(void **state)
{
    (void)state;
    const struct pace pace = {.flops = 100, .seconds = 1};
    struct entry *entry = make_entry(1, JOB_RUNNING, 1000);
    struct job_progress progress;
    entry->began = 90;
    /* After 1 % the pace of others still says more: 10 s in all. */
    atomic_store(&entry->steps, 1);
    estimate_progress(entry, &pace, 100, 0, &progress);
    assert_true(close_to(progress.remaining_seconds, 9.9));
    atomic_store(&entry->steps, 25);
    entry->job.has_latest = true;
    entry->job.latest.epoch = 2;
    estimate_progress(entry, &pace, 100, 0, &progress);
    assert_int_equal(progress.epoch, 2);
    assert_int_equal(progress.epochs, 10);
    assert_int_equal(progress.step, 25);
    assert_int_equal(progress.steps, 100);
    assert_true(progress.fraction == 0.25);
    assert_true(close_to(progress.remaining_seconds, 30));
    assert_true(close_to(progress.images_per_second, 250));
    entry_destroy(entry);
}

static void a_smaller_last_batch_counts_with_its_images(void **state)
{
    (void)state;
    const struct pace pace = {.flops = 100, .seconds = 1};
    struct entry *entry = make_entry(1, JOB_RUNNING, 1000);
    struct job_progress progress;
    entry->job.spec.train_size = 950;
    entry->began = 90;
    /* Two epochs of 950 images, and 3 mini-batches of 100, in 10 s. */
    atomic_store(&entry->steps, 23);
    estimate_progress(entry, &pace, 100, 0, &progress);
    assert_int_equal(progress.steps, 100);
    assert_true(close_to(progress.images_per_second, (2 * 950 + 3 * 100) / 10.0));
    assert_true(close_to(progress.remaining_seconds, 10 * 77 / 23.0));
    entry_destroy(entry);
}

static void a_job_that_was_put_back_waits_like_a_new_one(void **state)
{
    (void)state;
    const struct pace pace = {.flops = 100, .seconds = 1};
    struct entry *entry = make_entry(1, JOB_QUEUED, 1000);
    struct job_progress progress;
    /* Traces of the run that was broken off. */
    entry->began = 50;
    entry->ended = 60;
    atomic_store(&entry->steps, 20);
    entry->starts_in = 4;
    estimate_progress(entry, &pace, 101, 1, &progress);
    assert_true(isnan(progress.images_per_second));
    assert_true(close_to(progress.remaining_seconds, 4 - 1 + 10));
    entry_destroy(entry);
}

static void jobs_that_end_early_stay_where_they_are(void **state)
{
    (void)state;
    static const enum job_state ends[] = {JOB_FAILED, JOB_CANCELLED};
    const struct pace pace = {.flops = 100, .seconds = 1};
    for (size_t i = 0; i < EP_COUNT(ends); i++) {
        struct entry *entry = make_entry(1, ends[i], 1000);
        struct job_progress progress;
        atomic_store(&entry->steps, 25);
        entry->began = 3;
        entry->ended = 5;
        estimate_progress(entry, &pace, 1000, 0, &progress);
        assert_true(progress.fraction == 0.25 && progress.remaining_seconds == 0);
        assert_int_equal(progress.epoch, 0);
        assert_true(close_to(progress.images_per_second, 25 * 100 / 2.0));
        entry_destroy(entry);
    }
}

static void progress_of_a_job_that_has_ended(void **state)
{
    (void)state;
    const struct pace pace = {.flops = 100, .seconds = 1};
    struct entry *entry = make_entry(1, JOB_SUCCEEDED, 1000);
    struct job_progress progress;
    atomic_store(&entry->steps, 100);
    /* From an earlier life of the server only wall-clock times are left. */
    entry->job.started_at = 1000000;
    entry->job.finished_at = 1004000;
    estimate_progress(entry, &pace, 7, 0, &progress);
    assert_true(progress.fraction == 1 && progress.remaining_seconds == 0);
    assert_true(close_to(progress.images_per_second, 10 * 1000 / 4.0));
    entry->began = 3;
    entry->ended = 5;
    estimate_progress(entry, &pace, 1000, 0, &progress);
    assert_true(close_to(progress.images_per_second, 10 * 1000 / 2.0));
    entry_destroy(entry);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pace_favours_what_is_new),
        cmocka_unit_test(an_older_epoch_counts_nine_tenths_of_the_next),
        cmocka_unit_test(behind_a_job_of_unknown_length_nothing_is_known),
        cmocka_unit_test(the_queue_is_worked_off_by_whoever_is_free),
        cmocka_unit_test(an_idle_worker_is_found_beside_one_that_may_never_be_free),
        cmocka_unit_test(nothing_is_known_before_anything_was_measured),
        cmocka_unit_test(progress_of_a_running_job),
        cmocka_unit_test(a_smaller_last_batch_counts_with_its_images),
        cmocka_unit_test(a_job_that_was_put_back_waits_like_a_new_one),
        cmocka_unit_test(jobs_that_end_early_stay_where_they_are),
        cmocka_unit_test(progress_of_a_job_that_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
