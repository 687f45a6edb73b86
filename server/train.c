#include "server/train.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "core/base/clock.h"
#include "core/base/machine.h"
#include "core/base/memory.h"
#include "core/nn/gemm.h"
#include "server/progress.h"
#include "server/signals.h"

/** One run and what comes out of it. */
struct run {
    struct job job;
    struct job_cost cost;
    struct jobs_history history; /**< room for one row an epoch; owned */
    struct progress progress;
    int signal; /**< that stopped it; 0: none */
};

/** Reads the spec's text, which the caller frees. One byte over the limit tells an over-long file. */
static enum ep_status read_spec(const char *path, char **text, size_t *length, struct ep_error *error)
{
    const bool standard_input = strcmp(path, "-") == 0;
    FILE *file = standard_input ? stdin : fopen(path, "re");
    if (file == NULL) {
        return ep_fail_errno(error, EP_NOT_FOUND, errno, "cannot open %s", path);
    }
    enum ep_status status = EP_OK;
    char *bytes = malloc(API_BODY_MAX + 1);
    if (bytes == NULL) {
        status = ep_fail(error, EP_NO_MEMORY, "no memory to read %s", path);
    } else {
        *length = fread(bytes, 1, API_BODY_MAX + 1, file);
        if (ferror(file)) {
            status = ep_fail_errno(error, EP_IO, errno, "cannot read %s", path);
        } else if (*length > API_BODY_MAX) {
            status = ep_fail(error, EP_TOO_LARGE, "%s is larger than the %d bytes that are allowed", path,
                             API_BODY_MAX);
        }
    }
    if (!standard_input) {
        fclose(file);
    }
    if (status != EP_OK) {
        free(bytes);
        return status;
    }
    *text = bytes;
    return EP_OK;
}

static void print_faults(const struct ep_faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct ep_fault *fault = &faults->items[i];
        fprintf(stderr, "%s: %s\n", fault->pointer[0] != '\0' ? fault->pointer : "(the whole spec)",
                fault->detail);
    }
    if (faults->dropped > 0) {
        fprintf(stderr, "and %zu more\n", faults->dropped);
    }
}

/** Reads and resolves the spec into the job; prints what is wrong with it. */
static enum ep_status load_spec(const struct options *options, const struct job_run_means *tools,
                                struct job *job)
{
    struct ep_error error;
    char *text = NULL;
    size_t length = 0;
    enum ep_status status = read_spec(options->spec, &text, &length, &error);
    if (status != EP_OK) {
        fprintf(stderr, "epochd: %s\n", error.text);
        return status;
    }
    const struct job_limits limits = {.memory = options->memory_limit,
                                      .portable = options->portable,
                                      .bf16 = nn_gemm_has_bf16(tools->gemm)};
    struct ep_faults *faults = calloc(1, sizeof *faults);
    if (faults == NULL) {
        status = ep_fail(&error, EP_NO_MEMORY, "no memory to read %s", options->spec);
    } else {
        status = api_decode_job_spec(text, length, tools->registry, &limits, &job->spec, job->spec_digest,
                                     faults, &error);
    }
    if (status != EP_OK) {
        fprintf(stderr, "epochd: %s: %s\n", options->spec, error.text);
    }
    if (status != EP_OK && faults != NULL) {
        print_faults(faults);
    }
    free(faults);
    free(text);
    return status;
}

static enum nn_verdict on_poll(void *context, size_t member, size_t steps_done)
{
    (void)member;
    struct run *run = context;
    progress_step(&run->progress, steps_done);
    if (run->signal == 0) {
        run->signal = signals_poll();
        if (run->signal != 0) {
            signals_restore();
        }
    }
    return run->signal == 0 ? NN_GO_ON : NN_STOP;
}

static void on_epoch(void *context, size_t member, const struct nn_epoch *epoch)
{
    (void)member;
    struct run *run = context;
    progress_epoch(&run->progress, epoch);
    if (run->history.count < run->job.spec.epochs) {
        run->history.rows[run->history.count++] = *epoch;
    }
}

/** Computes what the run takes, and makes room for its history. */
static enum ep_status prepare(struct run *run, struct data_registry *registry, struct ep_error *error)
{
    struct data_info info;
    const struct job_spec *spec = &run->job.spec;
    enum ep_status status = data_registry_describe(registry, spec->dataset, &info, error);
    if (status == EP_OK) {
        status = job_cost_of(spec, &info, &run->cost, error);
    }
    if (status != EP_OK) {
        return status;
    }
    run->history.rows = ep_allocate((size_t)spec->epochs, sizeof *run->history.rows);
    if (run->history.rows == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for the history");
    }
    uint64_t sequence = 0;
    return ep_id_create(&sequence, run->job.id, error);
}

/** Writes how the run ended into its job. */
static enum ep_status conclude(struct run *run, const struct job_result *result, struct ep_error *error)
{
    struct job *job = &run->job;
    job->finished_at = ep_clock_wall_ms();
    const struct nn_outcome *outcome = &result->outcome;
    run->history.accuracy_test = outcome->accuracy_test;
    job->has_latest = run->history.count > 0;
    if (job->has_latest) {
        job->latest = run->history.rows[run->history.count - 1];
    }
    job->progress = (struct job_progress){
        .epoch = run->history.count,
        .epochs = job->spec.epochs,
        .step = run->progress.done,
        .steps = run->cost.steps,
        .fraction = outcome->end == NN_FINISHED ? 1 : (double)run->progress.done / (double)run->cost.steps,
        .images_per_second = progress_rate(&run->progress),
    };
    job->state = outcome->end == NN_FINISHED  ? JOB_SUCCEEDED
                 : outcome->end == NN_STOPPED ? JOB_CANCELLED
                                              : JOB_FAILED;
    return job_run_conclude(result, job, error);
}

static enum ep_status print_result(const struct run *run, struct ep_error *error)
{
    const enum ep_status status = api_print_result(stdout, &run->job, &run->history, error);
    if (status == EP_OK && (fflush(stdout) != 0 || ferror(stdout))) {
        return ep_fail_errno(error, EP_IO, errno, "cannot write the result to standard output");
    }
    return status;
}

/** Trains and prints the result. EP_CANCELLED: a signal came; EP_DIVERGED. */
static enum ep_status train(struct run *run, const struct job_run_means *tools, struct ep_error *error)
{
    const struct job_run_observer observer = {.context = run, .poll = on_poll, .epoch = on_epoch};
    struct job_run *training = NULL;
    const struct job_spec *spec = &run->job.spec;
    run->job.created_at = run->job.started_at = ep_clock_wall_ms();
    progress_start(&run->progress, stderr, spec->epochs, run->cost.steps, spec->train_size);
    struct job_run_means means = *tools;
    means.threads = spec->threads > 0 ? (size_t)spec->threads : ep_machine_cores();
    bool ended;
    enum ep_status status = job_run_create(&spec, 1, &means, &training, error);
    if (status == EP_OK) {
        status = job_run_go(training, &observer, &ended, error);
    }
    progress_end(&run->progress);
    if (status == EP_OK) {
        status = conclude(run, job_run_result(training, 0), error);
    }
    job_run_destroy(training);
    if (status == EP_OK) {
        status = print_result(run, error);
    }
    if (status == EP_OK && run->job.state == JOB_FAILED) {
        return ep_fail(error, EP_DIVERGED, "%s", run->job.failure.text);
    }
    if (status == EP_OK && run->job.state == JOB_CANCELLED) {
        return ep_fail(error, EP_CANCELLED, "stopped by %s after %llu of %llu mini-batches",
                       signals_name(run->signal), (unsigned long long)run->progress.done,
                       (unsigned long long)run->cost.steps);
    }
    return status;
}

static enum exit_code train_with(const struct options *options, const struct job_run_means *tools)
{
    struct run run = {
        .job = {.cost_test = NAN, .accuracy_test = NAN, .axes_variance = NAN, .best = job_no_best}};
    enum ep_status status = load_spec(options, tools, &run.job);
    if (status != EP_OK) {
        return status == EP_INVALID || status == EP_NOT_FOUND || status == EP_TOO_LARGE ? EXIT_USAGE
                                                                                        : EXIT_TROUBLE;
    }
    struct ep_error error;
    status = prepare(&run, tools->registry, &error);
    // Only now: until here Ctrl-C may end the program at once, also while it waits for standard input.
    if (status == EP_OK) {
        status = signals_hold(&error);
    }
    if (status == EP_OK) {
        status = train(&run, tools, &error);
    }
    free(run.history.rows);
    job_done(&run.job);
    if (status == EP_OK) {
        return EXIT_DONE;
    }
    fprintf(stderr, "epochd: %s\n", error.text);
    if (status == EP_CANCELLED) {
        return (enum exit_code)(EXIT_SIGNAL + run.signal);
    }
    return status == EP_DIVERGED || status == EP_INTERNAL || status == EP_NO_MEMORY ? EXIT_TRAINING
                                                                                    : EXIT_TROUBLE;
}

enum exit_code train_run(const struct options *options)
{
    struct ep_error error;
    struct nn_gemm *gemm = NULL;
    struct job_run_means tools = {0};
    enum exit_code code = EXIT_TROUBLE;
    enum ep_status status = options->portable ? nn_gemm_create_portable(options->gemm, &gemm, &error)
                                              : nn_gemm_create(options->gemm, &gemm, &error);
    tools.gemm = gemm;
    if (status == EP_OK) {
        status = data_registry_create(options->data_folder, &tools.registry, &error);
    }
    if (status == EP_OK) {
        status = data_axes_cache_create(NULL, &tools.axes, &error);
    }
    if (status == EP_OK) {
        code = train_with(options, &tools);
    } else {
        fprintf(stderr, "epochd: %s\n", error.text);
    }
    data_axes_cache_destroy(tools.axes);
    data_registry_destroy(tools.registry);
    nn_gemm_destroy(gemm);
    return code;
}
