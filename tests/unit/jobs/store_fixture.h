#ifndef EP_TESTS_STORE_FIXTURE_H
#define EP_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/jobs/store.h"

/** Folders, jobs and comparisons that the tests of the store share. */

enum { FOLDER_MAX = 256 };

/** Makes an empty folder of its own for a test. */
static inline void make_folder(char folder[FOLDER_MAX])
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, FOLDER_MAX, "%s/epochd-store-XXXXXX", parent == NULL ? P_tmpdir : parent);
    assert_non_null(mkdtemp(folder));
}

static inline int remove_one(const char *path, const struct stat *about, int type, struct FTW *at)
{
    (void)about;
    (void)type;
    (void)at;
    return remove(path);
}

static inline void remove_folder(const char *folder)
{
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline struct store *open_store(const char *folder)
{
    struct store *store = NULL;
    struct ep_error error = {.status = EP_OK};
    if (store_open(folder, &store, &error) != EP_OK) {
        fail_msg("%s", error.text);
    }
    return store;
}

/** A queued job with one transition; release it with job_done. NULL transitions when memory is short. */
static inline void make_job(struct job *job, uint64_t *sequence)
{
    *job = (struct job){.state = JOB_QUEUED, .created_at = 1700000000123, .cost_test = NAN};
    job->accuracy_test = NAN;
    job->axes_variance = NAN;
    job->best = job_no_best;
    ep_fields_preset(&job_spec_fields, &job->spec);
    job->spec.depth = 1;
    job->spec.epochs = 20;
    job->transitions = ep_allocate(1, sizeof *job->transitions);
    if (job->transitions != NULL && ep_id_create(sequence, job->id, NULL) == EP_OK) {
        job->transition_count = 1;
        job->transitions[0] = (struct job_transition){.state = JOB_QUEUED, .at = job->created_at};
    }
}

/** Adds a transition to `state` at time `at`. */
static inline void move_job(struct job *job, enum job_state state, int64_t at, const char *reason)
{
    job->transitions = reallocarray(job->transitions, job->transition_count + 1, sizeof *job->transitions);
    assert_non_null(job->transitions);
    struct job_transition *transition = &job->transitions[job->transition_count];
    *transition = (struct job_transition){.state = state, .at = at};
    snprintf(transition->reason, sizeof transition->reason, "%s", reason);
    job->transition_count++;
    job->state = state;
}

static inline struct nn_epoch make_row(size_t epoch)
{
    return (struct nn_epoch){
        .epoch = epoch,
        .eta = 0.02 / (double)epoch,
        .cost_train = 2.3 / (double)epoch,
        .cost_validation = epoch % 2 == 0 ? 1.0 / 3.0 : NAN,
        .accuracy_train = 0.1,
        .accuracy_validation = epoch % 2 == 0 ? 0.7 : NAN,
        .seconds = 1e-3,
    };
}

static inline bool same_number(double a, double b)
{
    return isnan(a) ? isnan(b) : a == b;
}

static inline void assert_same_row(const struct nn_epoch *a, const struct nn_epoch *b)
{
    assert_int_equal(a->epoch, b->epoch);
    assert_true(same_number(a->eta, b->eta));
    assert_true(same_number(a->cost_train, b->cost_train));
    assert_true(same_number(a->cost_validation, b->cost_validation));
    assert_true(same_number(a->accuracy_train, b->accuracy_train));
    assert_true(same_number(a->accuracy_validation, b->accuracy_validation));
    assert_true(same_number(a->seconds, b->seconds));
}

static inline bool same_field(const struct ep_field *field, const void *a, const void *b)
{
    const void *left = ep_field_of(field, a);
    const void *right = ep_field_of(field, b);
    switch (field->kind) {
    case EP_FIELD_INTEGER:
        return *(const uint64_t *)left == *(const uint64_t *)right;
    case EP_FIELD_NUMBER:
        return same_number(*(const double *)left, *(const double *)right);
    case EP_FIELD_BOOLEAN:
        return *(const bool *)left == *(const bool *)right;
    case EP_FIELD_CHOICE:
        return *(const int *)left == *(const int *)right;
    case EP_FIELD_TEXT:
        return strcmp((const char *)left, (const char *)right) == 0;
    case EP_FIELD_INTEGER_LIST: {
        const struct ep_integer_list *x = left;
        const struct ep_integer_list *y = right;
        return x->count == y->count && memcmp(x->items, y->items, x->count * sizeof x->items[0]) == 0;
    }
    case EP_FIELD_TEXT_LIST: {
        const struct ep_text_list *x = left;
        const struct ep_text_list *y = right;
        for (uint32_t i = 0; i < x->count; i++) {
            if (x->count != y->count || strcmp(x->items[i], y->items[i]) != 0) {
                return false;
            }
        }
        return x->count == y->count;
    }
    }
    return false;
}

static inline void assert_same_job(const struct job *a, const struct job *b)
{
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->spec_digest, b->spec_digest);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->cancel_requested, b->cancel_requested);
    assert_int_equal(a->created_at, b->created_at);
    assert_int_equal(a->started_at, b->started_at);
    assert_int_equal(a->finished_at, b->finished_at);
    assert_true(same_number(a->cost_test, b->cost_test));
    assert_true(same_number(a->accuracy_test, b->accuracy_test));
    assert_string_equal(a->model_sha256, b->model_sha256);
    assert_int_equal(a->best_epoch, b->best_epoch);
    assert_int_equal(a->axes, b->axes);
    assert_true(same_number(a->axes_variance, b->axes_variance));
    assert_int_equal(a->confusion.classes, b->confusion.classes);
    for (size_t i = 0; i < a->confusion.classes * a->confusion.classes; i++) {
        assert_int_equal(a->confusion.counts[i], b->confusion.counts[i]);
    }
    assert_int_equal(a->failure.status, b->failure.status);
    assert_string_equal(a->failure.text, b->failure.text);
    assert_int_equal(a->failed_epoch, b->failed_epoch);
    for (size_t i = 0; i < job_spec_fields.count; i++) {
        if (!same_field(&job_spec_fields.rows[i], &a->spec, &b->spec)) {
            fail_msg("\"%s\" is not what it was", job_spec_fields.rows[i].name);
        }
    }
    assert_int_equal(a->transition_count, b->transition_count);
    for (size_t i = 0; i < a->transition_count; i++) {
        assert_int_equal(a->transitions[i].state, b->transitions[i].state);
        assert_int_equal(a->transitions[i].at, b->transitions[i].at);
        assert_string_equal(a->transitions[i].reason, b->transitions[i].reason);
    }
}

/** Jobs that were loaded. */
struct loaded {
    size_t count, capacity;
    struct job *jobs;
};

static inline enum ep_status keep(void *context, struct job *job, struct ep_error *error)
{
    struct loaded *loaded = context;
    if (loaded->count == loaded->capacity) {
        const size_t capacity = 2 * loaded->capacity + 16;
        struct job *jobs = reallocarray(loaded->jobs, capacity, sizeof *jobs);
        if (jobs == NULL) {
            job_done(job);
            return ep_fail(error, EP_NO_MEMORY, "not enough memory for the test");
        }
        loaded->jobs = jobs;
        loaded->capacity = capacity;
    }
    loaded->jobs[loaded->count++] = *job;
    return EP_OK;
}

static inline struct loaded load_all(struct store *store)
{
    struct loaded loaded = {.jobs = NULL};
    struct ep_error error = {.status = EP_OK};
    if (store_load(store, keep, &loaded, &error) != EP_OK) {
        fail_msg("%s", error.text);
    }
    return loaded;
}

static inline const struct job *find_job(const struct loaded *loaded, const char *id)
{
    for (size_t i = 0; i < loaded->count; i++) {
        if (strcmp(loaded->jobs[i].id, id) == 0) {
            return &loaded->jobs[i];
        }
    }
    return NULL;
}

static inline void loaded_done(struct loaded *loaded)
{
    for (size_t i = 0; i < loaded->count; i++) {
        job_done(&loaded->jobs[i]);
    }
    free(loaded->jobs);
}

#endif
