#include "server/serve.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/api.h"
#include "core/base/clock.h"
#include "core/nn/gemm.h"
#include "server/listener.h"
#include "server/signals.h"

enum {
    CONNECTIONS_MOST = 1000,
    CONNECTIONS_LEAST = 16,
    OTHER_DESCRIPTORS = 256, /**< what the process needs besides connections */
    IDLE_SECONDS = 30,
    QUEUED_MOST = 10000,
};

/** The parts of a running server, in the order in which they are made; NULL where not made yet. */
struct server {
    struct log log;
    struct nn_gemm *gemm;
    struct data_axes_cache *axes;
    struct data_registry *registry;
    struct jobs *jobs;
    struct searches *searches;
    struct checks *checks;
    struct api api;
    struct listener *listener;
};

static void log_transition(void *context, const struct job *job)
{
    const struct log *log = context;
    const char *reason = job->transition_count > 0 ? job->transitions[job->transition_count - 1].reason : "";
    log_line(log, LEVEL_INFO, "job %s %s%s%s", job->id, job_state_name(job->state),
             reason[0] != '\0' ? ": " : "", reason);
}

static void log_fault(void *context, const char *job_id, const struct ep_error *error)
{
    log_line(context, LEVEL_ERROR, "job %s: %s", job_id, error->text);
}

static void log_search_state(void *context, const char *search_id, enum search_state state,
                             const char *reason)
{
    log_line(context, LEVEL_INFO, "search %s %s%s%s", search_id, search_state_name(state),
             reason[0] != '\0' ? ": " : "", reason);
}

static void log_search_fault(void *context, const char *search_id, const struct ep_error *error)
{
    log_line(context, LEVEL_ERROR, "search %s: %s", search_id, error->text);
}

static bool accepts(void *context, const struct http_request *request, size_t length,
                    struct http_response *response)
{
    return api_accepts(context, request, length, response);
}

static void handle(void *context, const struct http_request *request, struct http_response *response)
{
    api_handle(context, request, response);
}

/** Lets the process have the descriptors that its connections need; returns how many connections it can have.
 */
static size_t raise_descriptors(const struct log *log)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return CONNECTIONS_LEAST;
    }
    const rlim_t wanted = CONNECTIONS_MOST + OTHER_DESCRIPTORS;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
            return CONNECTIONS_LEAST;
        }
    }
    if (limit.rlim_cur >= wanted) {
        return CONNECTIONS_MOST;
    }
    const size_t connections = limit.rlim_cur > OTHER_DESCRIPTORS + CONNECTIONS_LEAST
                                   ? (size_t)(limit.rlim_cur - OTHER_DESCRIPTORS)
                                   : CONNECTIONS_LEAST;
    log_line(log, LEVEL_INFO, "only %zu connections at a time, because the limit of open files is %llu",
             connections, (unsigned long long)limit.rlim_cur);
    return connections;
}

/** Opens the jobs and the searches among them. */
static enum ep_status open_jobs(struct server *server, const struct options *options,
                                const struct job_limits *limits, struct ep_error *error)
{
    const struct jobs_options jobs = {
        .state_folder = options->state_folder,
        .registry = server->registry,
        .gemm = server->gemm,
        .axes = server->axes,
        .workers = options->workers,
        .queued_most = QUEUED_MOST,
        .memory_limit = options->memory_limit,
        .on_transition = log_transition,
        .on_fault = log_fault,
        .context = &server->log,
    };
    const enum ep_status status = jobs_open(&jobs, &server->jobs, error);
    if (status != EP_OK) {
        return status;
    }
    const struct searches_options searches = {
        .jobs = server->jobs,
        .registry = server->registry,
        .limits = *limits,
        .decode = api_decode_stored_search,
        .encode = api_encode_search,
        .on_fault = log_search_fault,
        .on_state = log_search_state,
        .context = &server->log,
    };
    return searches_open(&searches, &server->searches, error);
}

/** Makes all parts of `server`, whose log is set; what was made before a failure stays in it. */
static enum ep_status start(struct server *server, const struct options *options, struct ep_error *error)
{
    enum ep_status status = options->portable ? nn_gemm_create_portable(options->gemm, &server->gemm, error)
                                              : nn_gemm_create(options->gemm, &server->gemm, error);
    if (status == EP_OK) {
        status = data_registry_create(options->data_folder, &server->registry, error);
    }
    if (status == EP_OK) {
        status = data_axes_cache_create(options->state_folder, &server->axes, error);
    }
    const struct job_limits limits = {
        .memory = options->memory_limit,
        .portable = options->portable,
        .bf16 = status == EP_OK && nn_gemm_has_bf16(server->gemm),
    };
    if (status == EP_OK) {
        status = open_jobs(server, options, &limits, error);
    }
    if (status == EP_OK) {
        status = checks_create(server->registry, &server->checks, error);
    }
    if (status != EP_OK) {
        return status;
    }
    server->api = (struct api){
        .jobs = server->jobs,
        .searches = server->searches,
        .checks = server->checks,
        .registry = server->registry,
        .gemm = server->gemm,
        .limits = limits,
        .version = EPOCHD_VERSION,
        .started_seconds = ep_clock_seconds(),
    };
    const struct listener_options listener = {
        .address = options->listen,
        .connections_most = raise_descriptors(&server->log),
        .idle_seconds = IDLE_SECONDS,
        .body_most = API_BODY_MAX,
        .handler = {.context = &server->api, .accepts = accepts, .handle = handle, .refuse = api_refuse},
        .log = &server->log,
    };
    return listener_start(&listener, &server->listener, error);
}

/** Ends all parts in the reverse order: no request meets jobs that are closed. */
static void stop(struct server *server)
{
    listener_stop(server->listener);
    checks_destroy(server->checks);
    searches_close(server->searches);
    jobs_close(server->jobs);
    data_axes_cache_destroy(server->axes);
    data_registry_destroy(server->registry);
    nn_gemm_destroy(server->gemm);
}

static void announce(const struct server *server, const struct options *options)
{
    struct address address = options->listen;
    address.port = listener_port(server->listener);
    char text[ADDRESS_TEXT];
    address_format(&address, text);
    log_line(&server->log, LEVEL_INFO, "matrix products by %s", nn_gemm_description(server->gemm));
    log_announce(&server->log, "epochd " EPOCHD_VERSION " listening on http://%s", text);
}

enum exit_code serve_run(const struct options *options)
{
    struct server server = {.log = {.descriptor = STDERR_FILENO, .level = options->log_level}};
    if (!address_is_loopback(&options->listen)) {
        log_line(&server.log, LEVEL_ERROR,
                 "--listen: %s is not a loopback address; only 127.0.0.1 or [::1] are supported so far, "
                 "because there is no access control yet",
                 options->listen.host);
        return EXIT_USAGE;
    }
    struct ep_error error;
    enum ep_status status = signals_hold(&error);
    if (status == EP_OK) {
        status = start(&server, options, &error);
    }
    if (status == EP_OK) {
        announce(&server, options);
        const int number = signals_wait();
        log_line(&server.log, LEVEL_INFO, "stopping because of %s", signals_name(number));
    } else {
        log_line(&server.log, LEVEL_ERROR, "%s", error.text);
    }
    signals_end_at_once();
    stop(&server);
    if (status == EP_OK) {
        log_line(&server.log, LEVEL_INFO, "stopped");
    }
    return status == EP_OK ? EXIT_DONE : EXIT_TROUBLE;
}
