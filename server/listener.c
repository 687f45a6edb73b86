#include "server/listener.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/macros.h"
#include "server/wire.h"

enum {
    THREADS = 2,
    BACKLOG = 1024,
    HEAD_MOST = 32 << 10, /**< bytes of a request line with its headers */
    BODY_LEAST = 4096,    /**< first size of a body's buffer */
    /**
     * Bytes of a refused body that are read all the same. A client that is still sending when the connection
     * closes may never see the answer.
     */
    DISCARD_MOST = 8 << 20,
    WAIT_MOST_MS = 60000, /**< between two looks at the connections' time-outs */
    STOP_MS = 2000,       /**< how long requests being answered may take to finish when the listener stops */
};

/** A thread with connections of its own; all accept from one socket. */
struct worker {
    struct listener *listener;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    bool runs;
};

struct listener {
    struct listener_options options;
    struct worker workers[THREADS];
    int descriptor; /**< the socket listened on */
    int wake;       /**< an eventfd; readable once the workers are to end */
    uint16_t port;
    atomic_size_t answering; /**< exchanges whose answer is being made or sent */
    atomic_bool stopping;    /**< new clients are turned away */
    atomic_bool ending;      /**< the workers are to end */
};

/** One request and its answer; belongs to the connection, from the request line to the completion. */
struct exchange {
    struct listener *listener;
    double started;
    bool begun;     /**< the headers have been read */
    bool answering; /**< counted in the listener's `answering` */
    struct wire_refusal target;
    struct http_request request;
    char *body; /**< (body_capacity); grows up to options.body_most */
    size_t body_length, body_capacity;
    bool refused;     /**< the answer is made already; what still comes of the body is thrown away */
    size_t discarded; /**< bytes thrown away */
    bool close;       /**< the connection ends with the answer */
    struct http_response response;
    int status;          /**< of the answer, once it is queued; 0 before */
    size_t answer_bytes; /**< of the answer's body */
    char method[16];     /**< for the log; cut */
    char path[];         /**< as sent, without the query */
};

/** Called with the request target as sent: the only place where it can be seen undecoded. */
static void *begin_exchange(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)connection;
    const size_t length = strcspn(target, "?");
    struct exchange *exchange = calloc(1, sizeof *exchange + length + 1);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->listener = context;
    exchange->started = ep_clock_seconds();
    exchange->target = wire_check_target(target);
    memcpy(exchange->path, target, length);
    exchange->request.path = exchange->path;
    return exchange;
}

static void log_exchange(const struct exchange *exchange)
{
    const struct log *log = exchange->listener->options.log;
    const double ms = (ep_clock_seconds() - exchange->started) * 1000;
    if (exchange->status == 0) {
        log_line(log, LEVEL_DEBUG, "%s %.512s ended without an answer after %.1f ms", exchange->method,
                 exchange->path, ms);
        return;
    }
    const enum http_method method = exchange->request.method;
    const bool reads = method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OPTIONS;
    log_line(log, reads && exchange->status < 400 ? LEVEL_DEBUG : LEVEL_INFO,
             "%s %.512s %d %zu bytes %.1f ms", exchange->method, exchange->path, exchange->status,
             exchange->answer_bytes, ms);
}

static void end_exchange(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode reason)
{
    (void)context;
    (void)connection;
    (void)reason;
    struct exchange *exchange = *state;
    if (exchange == NULL) {
        return;
    }
    *state = NULL;
    if (exchange->begun) {
        log_exchange(exchange);
    }
    if (exchange->answering) {
        atomic_fetch_sub(&exchange->listener->answering, 1);
    }
    http_response_done(&exchange->response);
    free(exchange->body);
    free(exchange);
}

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    wire_head_add(context, name, value);
    return MHD_YES;
}

static enum MHD_Result add_parameter(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    (void)kind;
    struct http_request *request = context;
    if (request->query_count == HTTP_QUERY_MAX) {
        request->query_overflow = true;
        return MHD_NO;
    }
    request->query[request->query_count++] =
        (struct http_parameter){.name = name, .value = value == NULL ? "" : value};
    return MHD_YES;
}

/** The library's copy of an answer, which owns the body from then on; NULL when memory is short. */
static struct MHD_Response *make_response(struct exchange *exchange)
{
    struct http_response *answer = &exchange->response;
    struct MHD_Response *response = NULL;
    if (answer->body != NULL) {
        response = MHD_create_response_from_buffer(answer->body_length, answer->body, MHD_RESPMEM_MUST_FREE);
    } else {
        // The library takes a pointer to non-const also for what it only reads.
        union {
            const char *constant;
            void *plain;
        } body = {.constant = answer->static_body};
        const size_t length = body.constant != NULL ? answer->body_length : 0;
        response = MHD_create_response_from_buffer(length, body.plain, MHD_RESPMEM_PERSISTENT);
    }
    if (response == NULL) {
        return NULL;
    }
    exchange->answer_bytes = exchange->request.method == HTTP_HEAD ? 0 : answer->body_length;
    answer->body = NULL;
    return response;
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct exchange *exchange)
{
    const struct http_response *answer = &exchange->response;
    struct MHD_Response *response = make_response(exchange);
    if (response == NULL) {
        return MHD_NO;
    }
    bool added = MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES &&
                 MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES;
    if (answer->content_type != NULL) {
        added = added && MHD_add_response_header(response, "Content-Type", answer->content_type) == MHD_YES;
    }
    if (exchange->close) {
        added = added && MHD_add_response_header(response, "Connection", "close") == MHD_YES;
    }
    for (size_t i = 0; i < answer->header_count; i++) {
        const struct http_header *header = &answer->headers[i];
        added = added && MHD_add_response_header(response, header->name, header->value) == MHD_YES;
    }
    const enum MHD_Result queued =
        added ? MHD_queue_response(connection, (unsigned)answer->status, response) : MHD_NO;
    MHD_destroy_response(response);
    if (queued == MHD_YES) {
        exchange->status = answer->status;
    } else {
        log_line(exchange->listener->options.log, LEVEL_ERROR, "the answer %d to %s %.512s could not be sent",
                 answer->status, exchange->method, exchange->path);
    }
    return queued;
}

static enum MHD_Result answer(struct MHD_Connection *connection, struct exchange *exchange)
{
    exchange->answering = true;
    atomic_fetch_add(&exchange->listener->answering, 1);
    if (!exchange->refused) {
        const struct listener_handler *handler = &exchange->listener->options.handler;
        exchange->request.body = exchange->body;
        exchange->request.body_length = exchange->body_length;
        handler->handle(handler->context, &exchange->request, &exchange->response);
        free(exchange->body);
        exchange->body = NULL;
    }
    return send_answer(connection, exchange);
}

static void refuse(struct exchange *exchange, int status, const char *detail)
{
    exchange->refused = true;
    exchange->listener->options.handler.refuse(&exchange->response, status, detail);
}

static void refuse_size(struct exchange *exchange)
{
    char detail[96];
    snprintf(detail, sizeof detail, "the body is larger than the %zu bytes that are allowed",
             exchange->listener->options.body_most);
    exchange->close = true;
    refuse(exchange, 413, detail);
}

/** Judges an announced body before it is read. */
static void judge_body(struct exchange *exchange, const struct wire_head *head, size_t length)
{
    const struct listener_options *options = &exchange->listener->options;
    if (head->content_encoding) {
        refuse(exchange, 415, "the body must not be compressed: send it without Content-Encoding");
    } else if (!options->handler.accepts(options->handler.context, &exchange->request, length,
                                         &exchange->response)) {
        exchange->refused = true;
        exchange->close = exchange->response.status == 413;
    } else if (length > options->body_most) {
        refuse_size(exchange);
    }
}

/** The first call for a request: its headers are there, its body is not. */
static enum MHD_Result read_head(struct MHD_Connection *connection, struct exchange *exchange,
                                 const char *method)
{
    struct http_request *request = &exchange->request;
    exchange->begun = true;
    snprintf(exchange->method, sizeof exchange->method, "%s", method);
    request->method = http_method_parse(method);
    request->content_type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
    request->accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept");
    struct wire_head head = {0};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &head);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_parameter, request);

    struct wire_refusal refusal = exchange->target;
    if (refusal.status == 0) {
        refusal = wire_check_head(&head, &exchange->listener->options.address);
    }
    if (refusal.status != 0) {
        exchange->close = true;
        refuse(exchange, refusal.status, refusal.detail);
        return answer(connection, exchange);
    }
    size_t length;
    if (!wire_announces_body(&head, &length)) {
        return MHD_YES;
    }
    judge_body(exchange, &head, length);
    // Other clients are sending already, and would miss an answer that comes before they are done.
    const bool waiting = head.expects || length > DISCARD_MOST;
    if (exchange->refused && waiting) {
        exchange->close = true;
        return answer(connection, exchange);
    }
    return MHD_YES;
}

/** Makes room for `more` bytes of the body. The client's announcement is not trusted: room follows bytes. */
static bool grow_body(struct exchange *exchange, size_t more)
{
    const size_t needed = exchange->body_length + more;
    if (needed <= exchange->body_capacity) {
        return true;
    }
    const size_t most = exchange->listener->options.body_most;
    size_t capacity = exchange->body_capacity == 0 ? BODY_LEAST : exchange->body_capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    capacity = capacity < most ? capacity : most;
    char *body = realloc(exchange->body, capacity);
    if (body == NULL) {
        return false;
    }
    exchange->body = body;
    exchange->body_capacity = capacity;
    return true;
}

/** Takes in a piece of the body; no answer may be queued here. MHD_NO ends the connection without one. */
static enum MHD_Result read_body(struct exchange *exchange, const char *bytes, size_t length)
{
    if (!exchange->refused && length > exchange->listener->options.body_most - exchange->body_length) {
        refuse_size(exchange);
    }
    if (!exchange->refused && !grow_body(exchange, length)) {
        refuse(exchange, 503, "the server is short of memory; try again later");
    }
    if (exchange->refused) {
        exchange->discarded += length;
        return exchange->discarded <= DISCARD_MOST ? MHD_YES : MHD_NO;
    }
    memcpy(exchange->body + exchange->body_length, bytes, length);
    exchange->body_length += length;
    return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    (void)context;
    (void)url;
    (void)version;
    struct exchange *exchange = *state;
    if (exchange == NULL) {
        return MHD_NO;
    }
    if (!exchange->begun) {
        return read_head(connection, exchange, method);
    }
    if (*upload_size > 0) {
        const enum MHD_Result taken = read_body(exchange, upload, *upload_size);
        *upload_size = 0;
        return taken;
    }
    return answer(connection, exchange);
}

/** Messages of the library are about single connections, so they are for debugging. */
EP_PRINTF(2, 0)
static void log_library(void *context, const char *format, va_list arguments)
{
    const struct listener *listener = context;
    char message[512];
    if (vsnprintf(message, sizeof message, format, arguments) < 0) {
        return;
    }
    message[strcspn(message, "\n")] = '\0';
    log_line(listener->options.log, LEVEL_DEBUG, "http: %s", message);
}

/** Turns new clients away while the listener stops. */
static enum MHD_Result may_connect(void *context, const struct sockaddr *address, socklen_t length)
{
    const struct listener *listener = context;
    (void)address;
    (void)length;
    return atomic_load(&listener->stopping) ? MHD_NO : MHD_YES;
}

/**
 * The library's loop, turned by a thread of ours. The one that 0.9.75 brings sleeps on with ready connections
 * when exactly 128 of them become ready at once, and cannot be stopped without a race that ends the process.
 */
static void *serve(void *context)
{
    const struct worker *worker = context;
    const int library = MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    struct pollfd sources[] = {
        {.fd = library, .events = POLLIN},
        {.fd = worker->listener->wake, .events = POLLIN},
    };
    while (!atomic_load(&worker->listener->ending)) {
        MHD_UNSIGNED_LONG_LONG due;
        const bool limited = MHD_get_timeout(worker->daemon, &due) == MHD_YES;
        poll(sources, EP_COUNT(sources), limited && due < WAIT_MOST_MS ? (int)due : WAIT_MOST_MS);
        MHD_run(worker->daemon);
    }
    return NULL;
}

static struct MHD_Daemon *start_daemon(struct listener *listener)
{
    const struct listener_options *options = &listener->options;
    const unsigned flags = MHD_USE_EPOLL | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    const struct MHD_OptionItem items[] = {
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)((options->connections_most + THREADS - 1) / THREADS), NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)options->idle_seconds, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MOST, NULL},
        {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL},
        {MHD_OPTION_LISTEN_SOCKET, listener->descriptor, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(flags | (options->address.v6 ? (unsigned)MHD_USE_IPv6 : 0U), 0, may_connect,
                            listener, on_request, listener, MHD_OPTION_EXTERNAL_LOGGER, log_library, listener,
                            MHD_OPTION_URI_LOG_CALLBACK, begin_exchange, listener,
                            MHD_OPTION_NOTIFY_COMPLETED, end_exchange, NULL, MHD_OPTION_ARRAY, items,
                            MHD_OPTION_END);
}

static bool start_workers(struct listener *listener)
{
    for (size_t i = 0; i < THREADS; i++) {
        struct worker *worker = &listener->workers[i];
        worker->listener = listener;
        worker->daemon = start_daemon(listener);
        if (worker->daemon == NULL) {
            return false;
        }
        worker->runs = pthread_create(&worker->thread, NULL, serve, worker) == 0;
        if (!worker->runs) {
            return false;
        }
    }
    return true;
}

/** Ends the workers with all their connections, and the socket. */
static void end_workers(struct listener *listener)
{
    atomic_store(&listener->ending, true);
    eventfd_write(listener->wake, 1);
    for (size_t i = 0; i < THREADS; i++) {
        if (listener->workers[i].runs) {
            pthread_join(listener->workers[i].thread, NULL);
        }
    }
    for (size_t i = 0; i < THREADS; i++) {
        if (listener->workers[i].daemon != NULL) {
            // Else each of them would close the socket that they share.
            MHD_quiesce_daemon(listener->workers[i].daemon);
            MHD_stop_daemon(listener->workers[i].daemon);
        }
    }
    close(listener->descriptor);
}

static void release(struct listener *listener)
{
    close(listener->wake);
    free(listener);
}

enum ep_status listener_start(const struct listener_options *options, struct listener **listener,
                              struct ep_error *error)
{
    struct listener *created = calloc(1, sizeof *created);
    if (created == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for the listener");
    }
    created->options = *options;
    created->wake = eventfd(0, EFD_CLOEXEC);
    if (created->wake < 0) {
        free(created);
        return ep_fail(error, EP_IO, "no file descriptor for the listener: %s", strerror(errno));
    }
    const enum ep_status opened =
        address_listen(&options->address, BACKLOG, &created->descriptor, &created->port, error);
    if (opened != EP_OK) {
        release(created);
        return opened;
    }
    if (!start_workers(created)) {
        end_workers(created);
        release(created);
        return ep_fail(error, EP_INTERNAL, "the HTTP library did not start");
    }
    *listener = created;
    return EP_OK;
}

uint16_t listener_port(const struct listener *listener)
{
    return listener->port;
}

void listener_stop(struct listener *listener)
{
    if (listener == NULL) {
        return;
    }
    atomic_store(&listener->stopping, true);
    const struct timespec pause = {.tv_nsec = 5000000};
    for (int waited = 0; waited < STOP_MS && atomic_load(&listener->answering) > 0; waited += 5) {
        nanosleep(&pause, NULL);
    }
    end_workers(listener);
    release(listener);
}
