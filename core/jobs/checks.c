#include "core/jobs/checks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/data/split.h"

const double check_tolerance = 1e-6;

/* Arithmetic that a check may take, which bounds how many parameters it looks at: a few seconds. */
static const double flops_most = 1e11;
/* Passes forward for one parameter: two steps of the difference on two sides. */
static const double passes = 4;

struct checks {
    struct data_registry *registry;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    uint64_t sequence;
    size_t count;
    struct check *list; /* (CHECKS_KEPT_MAX), oldest first */
    size_t *samples;    /* (CHECKS_KEPT_MAX) of each */
    bool cancelled;     /* what runs */
    bool stopping;
};

/* One run, as nn_gradcheck's question sees it. */
struct run {
    struct checks *checks;
    struct check check;
    double began;
    bool late;
};

const char *check_state_name(enum check_state state)
{
    static const char *const names[] = {"queued", "running", "finished", "failed", "cancelled"};
    return names[state];
}

bool check_state_final(enum check_state state)
{
    return state == CHECK_FINISHED || state == CHECK_FAILED || state == CHECK_CANCELLED;
}

bool check_passed(const struct check *check)
{
    size_t checked = 0;
    bool right = check->state == CHECK_FINISHED;
    for (size_t i = 0; i < check->result.count; i++) {
        checked += check->result.parts[i].checked;
        right = right && check->result.parts[i].worst <= check_tolerance;
    }
    return right && checked > 0;
}

/* Index of the check of that id; count when there is none. The caller has the lock. */
static size_t find(const struct checks *checks, const char *id)
{
    size_t i = 0;
    while (i < checks->count && strcmp(checks->list[i].id, id) != 0) {
        i++;
    }
    return i;
}

static void remove_at(struct checks *checks, size_t index)
{
    const size_t behind = checks->count - index - 1;
    memmove(&checks->list[index], &checks->list[index + 1], behind * sizeof *checks->list);
    memmove(&checks->samples[index], &checks->samples[index + 1], behind * sizeof *checks->samples);
    checks->count--;
}

/* Index of the first check in that state; count when there is none. */
static size_t first_in(const struct checks *checks, enum check_state state)
{
    size_t i = 0;
    while (i < checks->count && checks->list[i].state != state) {
        i++;
    }
    return i;
}

static bool go_on(void *context, size_t done)
{
    struct run *run = context;
    struct checks *checks = run->checks;
    run->late = ep_clock_seconds() - run->began > CHECK_SECONDS_MAX;
    pthread_mutex_lock(&checks->lock);
    checks->list[find(checks, run->check.id)].done = done;
    const bool wanted = !checks->cancelled && !checks->stopping;
    pthread_mutex_unlock(&checks->lock);
    return wanted && !run->late;
}

/* The mini-batch in double precision. */
static enum ep_status read_images(struct run *run, const struct data_info *info, double *x, uint8_t *labels,
                                  struct ep_error *error)
{
    const struct job_spec *spec = &run->check.spec;
    const struct data_set *set = NULL;
    struct data_split *split = NULL;
    float *pixels = ep_allocate(run->check.images * info->features, sizeof *pixels);
    if (pixels == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for %zu images", run->check.images);
    }
    enum ep_status status = data_registry_open(run->checks->registry, spec->dataset, &set, error);
    if (status == EP_OK) {
        status = data_split_create(set, (size_t)spec->train_size, (size_t)spec->validation_size,
                                   (enum data_normalize)spec->normalize, &split, error);
    }
    if (status == EP_OK) {
        data_split_read(split, DATA_TRAIN, 0, run->check.images, pixels, info->features, labels);
        for (size_t i = 0; i < run->check.images * info->features; i++) {
            x[i] = (double)pixels[i];
        }
    }
    data_split_destroy(split);
    free(pixels);
    return status;
}

static enum ep_status compare(struct run *run, size_t samples, struct ep_error *error)
{
    struct data_info info;
    struct nn_shape shape;
    struct nn_member_options options;
    enum ep_status status =
        data_registry_describe(run->checks->registry, run->check.spec.dataset, &info, error);
    if (status != EP_OK) {
        return status;
    }
    job_spec_shape(&run->check.spec, &info, &shape);
    job_spec_member(&run->check.spec, &options);
    double *x = ep_allocate(run->check.images * info.features, sizeof *x);
    uint8_t labels[CHECK_IMAGES];
    if (x == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for %zu images", run->check.images);
    }
    status = read_images(run, &info, x, labels, error);
    if (status == EP_OK) {
        const struct nn_gradcheck_plan plan = {
            .x = x,
            .labels = labels,
            .rows = run->check.images,
            .samples = samples,
            .seed = run->check.spec.seed,
            .go_on = go_on,
            .context = run,
        };
        status = nn_gradcheck(&shape, &options, &plan, &run->check.result, error);
    }
    free(x);
    return status;
}

/* What the end of a run means. */
static void conclude(struct run *run, enum ep_status status, const struct ep_error *error)
{
    struct check *check = &run->check;
    check->seconds = ep_clock_seconds() - run->began;
    check->finished_at = ep_clock_wall_ms();
    check->state = CHECK_FINISHED;
    if (status == EP_OK) {
        check->done = check->planned;
    } else if (status == EP_CANCELLED && !run->late) {
        check->state = CHECK_CANCELLED;
    } else {
        check->state = CHECK_FAILED;
        check->failure = *error;
    }
    if (run->late) {
        check->failure = (struct ep_error){.status = EP_OK};
        (void)(ep_fail(&check->failure, EP_TOO_LARGE,
                       "it was not done after %d s; ask for fewer samples, or a smaller network",
                       CHECK_SECONDS_MAX) == EP_OK);
    }
}

/* Runs the check at `index`. Takes the lock held and returns with it held. */
static void run_check(struct checks *checks, size_t index)
{
    struct run run = {.checks = checks, .check = checks->list[index], .began = ep_clock_seconds()};
    const size_t samples = checks->samples[index];
    struct ep_error error = {.status = EP_OK};
    checks->list[index].state = CHECK_RUNNING;
    checks->cancelled = false;
    pthread_mutex_unlock(&checks->lock);
    const enum ep_status status = compare(&run, samples, &error);
    pthread_mutex_lock(&checks->lock);
    const size_t now = find(checks, run.check.id);
    run.check.done = checks->list[now].done;
    conclude(&run, status, &error);
    checks->list[now] = run.check;
}

static void *work(void *context)
{
    struct checks *checks = context;
    pthread_mutex_lock(&checks->lock);
    while (!checks->stopping) {
        const size_t next = first_in(checks, CHECK_QUEUED);
        if (next < checks->count) {
            run_check(checks, next);
        } else {
            pthread_cond_wait(&checks->changed, &checks->lock);
        }
    }
    pthread_mutex_unlock(&checks->lock);
    return NULL;
}

enum ep_status checks_create(struct data_registry *registry, struct checks **checks, struct ep_error *error)
{
    struct checks *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->registry = registry;
        made->list = ep_allocate(CHECKS_KEPT_MAX, sizeof *made->list);
        made->samples = ep_allocate(CHECKS_KEPT_MAX, sizeof *made->samples);
    }
    int code = made == NULL || made->list == NULL || made->samples == NULL ? -1 : 0;
    if (code == 0) {
        pthread_mutex_init(&made->lock, NULL);
        pthread_cond_init(&made->changed, NULL);
        code = pthread_create(&made->thread, NULL, work, made);
    }
    if (code != 0) {
        if (made != NULL) {
            free(made->list);
            free(made->samples);
        }
        free(made);
        return code < 0
                   ? ep_fail(error, EP_NO_MEMORY, "no memory for gradient checks")
                   : ep_fail_errno(error, EP_UNAVAILABLE, code, "cannot start the thread of gradient checks");
    }
    *checks = made;
    return EP_OK;
}

void checks_destroy(struct checks *checks)
{
    if (checks == NULL) {
        return;
    }
    pthread_mutex_lock(&checks->lock);
    checks->stopping = true;
    pthread_cond_broadcast(&checks->changed);
    pthread_mutex_unlock(&checks->lock);
    pthread_join(checks->thread, NULL);
    pthread_mutex_destroy(&checks->lock);
    pthread_cond_destroy(&checks->changed);
    free(checks->list);
    free(checks->samples);
    free(checks);
}

/* Works out how large the check is, and how many parameters of a part it looks at. */
static enum ep_status plan(const struct job_spec *spec, const struct data_info *info, struct check *check,
                           size_t *samples, struct ep_error *error)
{
    struct nn_shape shape;
    size_t parts;
    job_spec_shape(spec, info, &shape);
    enum ep_status status = nn_gradcheck_count(&shape, 0, &check->parameters, error);
    if (status == EP_OK) {
        status = nn_gradcheck_count(&shape, 1, &parts, error);
    }
    if (status != EP_OK) {
        return status;
    }
    if (check->parameters > CHECK_PARAMETERS_MAX) {
        return ep_fail(error, EP_INVALID,
                       "a network of %zu parameters is too large to check; at most %d are allowed",
                       check->parameters, CHECK_PARAMETERS_MAX);
    }
    check->images = spec->train_size < CHECK_IMAGES ? (size_t)spec->train_size : CHECK_IMAGES;
    const double each = passes * nn_forward_flops(&shape) * (double)check->images;
    if (each * (double)check->parameters > flops_most) {
        const double most = flops_most / each / (double)parts;
        const size_t affordable = most < 1 ? 1 : (size_t)most;
        *samples = *samples == 0 || *samples > affordable ? affordable : *samples;
    }
    return nn_gradcheck_count(&shape, *samples, &check->planned, error);
}

/* Adds the check to the list; the oldest that has ended makes room. The caller has the lock. */
static enum ep_status add(struct checks *checks, struct check *check, size_t samples, struct ep_error *error)
{
    size_t waiting = 0;
    size_t ended = checks->count;
    for (size_t i = checks->count; i-- > 0;) {
        waiting += checks->list[i].state == CHECK_QUEUED ? 1 : 0;
        ended = check_state_final(checks->list[i].state) ? i : ended;
    }
    if (waiting >= CHECKS_WAITING_MAX) {
        return ep_fail(error, EP_UNAVAILABLE, "%zu gradient checks wait already; try again later", waiting);
    }
    const enum ep_status status = ep_id_create(&checks->sequence, check->id, error);
    if (status != EP_OK) {
        return status;
    }
    if (checks->count == CHECKS_KEPT_MAX) {
        remove_at(checks, ended);
    }
    checks->list[checks->count] = *check;
    checks->samples[checks->count] = samples;
    checks->count++;
    pthread_cond_broadcast(&checks->changed);
    return EP_OK;
}

enum ep_status checks_start(struct checks *checks, const struct job_spec *spec, size_t samples,
                            struct check *check, struct ep_error *error)
{
    struct data_info info;
    *check = (struct check){.spec = *spec, .state = CHECK_QUEUED, .created_at = ep_clock_wall_ms()};
    enum ep_status status = data_registry_describe(checks->registry, spec->dataset, &info, error);
    if (status == EP_OK) {
        status = plan(spec, &info, check, &samples, error);
    }
    if (status == EP_OK) {
        pthread_mutex_lock(&checks->lock);
        status = add(checks, check, samples, error);
        pthread_mutex_unlock(&checks->lock);
    }
    return status;
}

static enum ep_status not_found(const char *id, struct ep_error *error)
{
    return ep_fail(error, EP_NOT_FOUND, "there is no gradient check %s", id);
}

enum ep_status checks_get(struct checks *checks, const char *id, struct check *check, struct ep_error *error)
{
    pthread_mutex_lock(&checks->lock);
    const size_t index = find(checks, id);
    const bool found = index < checks->count;
    if (found) {
        *check = checks->list[index];
    }
    pthread_mutex_unlock(&checks->lock);
    return found ? EP_OK : not_found(id, error);
}

size_t checks_list(struct checks *checks, struct check *list)
{
    pthread_mutex_lock(&checks->lock);
    const size_t count = checks->count;
    for (size_t i = 0; i < count; i++) {
        list[i] = checks->list[count - 1 - i];
    }
    pthread_mutex_unlock(&checks->lock);
    return count;
}

enum ep_status checks_remove(struct checks *checks, const char *id, struct ep_error *error)
{
    pthread_mutex_lock(&checks->lock);
    const size_t index = find(checks, id);
    const bool found = index < checks->count;
    if (found && checks->list[index].state == CHECK_RUNNING) {
        checks->cancelled = true;
    } else if (found) {
        remove_at(checks, index);
    }
    pthread_mutex_unlock(&checks->lock);
    return found ? EP_OK : not_found(id, error);
}
