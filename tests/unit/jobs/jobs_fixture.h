#ifndef EP_TESTS_JOBS_FIXTURE_H
#define EP_TESTS_JOBS_FIXTURE_H

#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/jobs/jobs.h"
#include "core/nn/gemm.h"
#include "tests/unit/jobs/dots.h"
#include "tests/unit/jobs/store_fixture.h"

/** Jobs on a made-up dataset in a folder of their own, and what tests do with them. */

enum { LONG_EPOCHS = 10000, PATIENCE_SECONDS = 30 };

struct fixture {
    char folder[FOLDER_MAX];
    struct data_registry *registry;
    struct nn_gemm *gemm;
    struct data_axes_cache *axes;
    struct jobs *jobs;
    struct jobs_options options;
    atomic_int faults;
};

static inline void on_transition(void *context, const struct job *job)
{
    struct fixture *fixture = context;
    if (job->transition_count == 0 || job->transitions[job->transition_count - 1].state != job->state) {
        atomic_fetch_add(&fixture->faults, 1);
    }
}

static inline void on_fault(void *context, const char *job_id, const struct ep_error *error)
{
    struct fixture *fixture = context;
    (void)job_id;
    (void)error;
    atomic_fetch_add(&fixture->faults, 1);
}

static inline void open_jobs(struct fixture *fixture)
{
    struct ep_error error;
    if (jobs_open(&fixture->options, &fixture->jobs, &error) != EP_OK) {
        fail_msg("%s", error.text);
    }
}

static inline void reopen(struct fixture *fixture)
{
    jobs_close(fixture->jobs);
    fixture->jobs = NULL;
    open_jobs(fixture);
}

static inline int set_up(void **state)
{
    struct fixture *fixture = ep_allocate(1, sizeof *fixture);
    assert_non_null(fixture);
    make_folder(fixture->folder);
    assert_int_equal(nn_gemm_create(NN_GEMM_AUTO, &fixture->gemm, NULL), EP_OK);
    char path[FOLDER_MAX + 8];
    for (size_t i = 0; i < dots_catalogue.count; i++) {
        snprintf(path, sizeof path, "%s/%s", fixture->folder, dots_entries[i].folder);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    assert_int_equal(
        data_registry_create_from(&dots_catalogue, fixture->folder, "/nowhere", &fixture->registry, NULL),
        EP_OK);
    assert_int_equal(data_axes_cache_create(fixture->folder, &fixture->axes, NULL), EP_OK);
    fixture->options = (struct jobs_options){
        .state_folder = fixture->folder,
        .registry = fixture->registry,
        .gemm = fixture->gemm,
        .axes = fixture->axes,
        .workers = 2,
        .queued_most = 40,
        .on_transition = on_transition,
        .on_fault = on_fault,
        .context = fixture,
    };
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    jobs_close(fixture->jobs);
    data_registry_destroy(fixture->registry);
    data_axes_cache_destroy(fixture->axes);
    nn_gemm_destroy(fixture->gemm);
    remove_folder(fixture->folder);
    free(fixture);
    return 0;
}

static inline struct job_spec make_spec(uint64_t epochs)
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

static inline void create(struct fixture *fixture, const struct job_spec *spec, char id[EP_ID_TEXT])
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

static inline enum job_state state_of(struct fixture *fixture, const char *id)
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

static inline void take_a_nap(void)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    nanosleep(&pause, NULL);
}

/* Waits until the job is in `wanted`; fails when it ends otherwise or takes too long. */
static inline void wait_for(struct fixture *fixture, const char *id, enum job_state wanted)
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

static inline struct jobs_history history_of(struct fixture *fixture, const char *id, uint64_t since)
{
    struct jobs_history history;
    assert_int_equal(jobs_read_history(fixture->jobs, id, since, &history, NULL), EP_OK);
    return history;
}

static inline void wait_for_rows(struct fixture *fixture, const char *id, size_t rows)
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

#endif
