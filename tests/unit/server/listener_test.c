#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs those above.
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/base/macros.h"
#include "server/listener.h"

enum { BODY_MOST = 60000, REPLY_MOST = 1 << 16, CONNECTIONS = 200 };

#define HOST "Host: localhost\r\n"

/** What the stub handler does besides echoing. */
struct stub {
    atomic_int handled;
    atomic_bool slow; /**< the next answer takes a while */
};

static bool stub_accepts(void *context, const struct http_request *request, size_t length,
                         struct http_response *response)
{
    (void)context;
    (void)length;
    if (strcmp(request->path, "/nobody") != 0) {
        return true;
    }
    *response = (struct http_response){.status = 404, .content_type = "text/plain", .static_body = "no"};
    response->body_length = 2;
    return false;
}

static void stub_handle(void *context, const struct http_request *request, struct http_response *response)
{
    struct stub *stub = context;
    atomic_fetch_add(&stub->handled, 1);
    if (atomic_exchange(&stub->slow, false)) {
        const struct timespec pause = {.tv_nsec = 200000000};
        nanosleep(&pause, NULL);
    }
    unsigned long sum = 0;
    for (size_t i = 0; i < request->body_length; i++) {
        sum += (unsigned char)request->body[i];
    }
    char *text = malloc(2048);
    assert_non_null(text);
    int length = snprintf(text, 1024, "%s %s body %zu sum %lu type %s", http_method_name(request->method),
                          request->path, request->body_length, sum,
                          request->content_type == NULL ? "-" : request->content_type);
    for (size_t i = 0; i < request->query_count && length < 1500; i++) {
        length += snprintf(text + length, 200, " [%s=%s]", request->query[i].name, request->query[i].value);
    }
    length += snprintf(text + length, 32, "%s END", request->query_overflow ? " overflow" : "");
    *response = (struct http_response){.status = 200, .content_type = "text/plain", .body = text};
    response->body_length = (size_t)length;
    http_add_header(response, "X-Stub", "%d", 7);
}

static void stub_refuse(struct http_response *response, int status, const char *detail)
{
    *response = (struct http_response){.status = status, .content_type = "application/problem+json"};
    response->static_body = detail;
    // A detail that the listener has on its stack must be copied.
    response->body = strdup(detail);
    response->body_length = strlen(detail);
}

struct fixture {
    struct stub stub;
    struct log log;
    struct listener *listener;
    struct address address;
};

static int start(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    struct ep_error error;
    fixture->log = (struct log){.descriptor = -1, .level = LEVEL_DEBUG};
    assert_int_equal(address_parse("127.0.0.1:0", &fixture->address, &error), EP_OK);
    const struct listener_options options = {
        .address = fixture->address,
        .connections_most = 1000,
        .idle_seconds = 10,
        .body_most = BODY_MOST,
        .handler = {&fixture->stub, stub_accepts, stub_handle, stub_refuse},
        .log = &fixture->log,
    };
    assert_int_equal(listener_start(&options, &fixture->listener, &error), EP_OK);
    fixture->address.port = listener_port(fixture->listener);
    assert_int_not_equal(fixture->address.port, 0);
    *state = fixture;
    return 0;
}

static int dial(const struct fixture *fixture)
{
    struct ep_error error;
    int descriptor = -1;
    assert_int_equal(address_connect(&fixture->address, 5, &descriptor, &error), EP_OK);
    return descriptor;
}

/** Sends until all is sent or the other end has closed. */
static bool send_all(int descriptor, const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t sent = send(descriptor, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/** Receives until the other end closes; false after the time-out of the socket. */
static bool receive_all(int descriptor, char reply[REPLY_MOST])
{
    size_t length = 0;
    ssize_t got = 0;
    do {
        got = recv(descriptor, reply + length, REPLY_MOST - 1 - length, 0);
        length += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    reply[length] = '\0';
    return got == 0 || errno == ECONNRESET;
}

/** Receives until `text` has come; false when it did not. */
static bool receive_until(int descriptor, const char *text, char reply[REPLY_MOST])
{
    size_t length = 0;
    reply[0] = '\0';
    while (strstr(reply, text) == NULL) {
        const ssize_t got = recv(descriptor, reply + length, REPLY_MOST - 1 - length, 0);
        if (got <= 0) {
            return false;
        }
        length += (size_t)got;
        reply[length] = '\0';
    }
    return true;
}

/** Sends bytes on a connection of their own and gives back everything until the server closes it. */
static void converse(const struct fixture *fixture, const char *bytes, size_t length, char reply[REPLY_MOST])
{
    const int descriptor = dial(fixture);
    send_all(descriptor, bytes, length);
    if (!receive_all(descriptor, reply)) {
        fail_msg("the server did not close the connection after: %.60s; got: %.200s", bytes, reply);
    }
    close(descriptor);
}

static void ask(const struct fixture *fixture, const char *text, char reply[REPLY_MOST])
{
    converse(fixture, text, strlen(text), reply);
}

static int status_of(const char *reply)
{
    return strncmp(reply, "HTTP/1.1 ", 9) == 0 ? (int)strtol(reply + 9, NULL, 10) : 0;
}

static void assert_contains(const char *reply, const char *text)
{
    if (strstr(reply, text) == NULL) {
        fail_msg("\"%s\" is not in: %s", text, reply);
    }
}

static size_t count_of(const char *reply, const char *text)
{
    size_t count = 0;
    for (const char *at = strstr(reply, text); at != NULL; at = strstr(at + 1, text)) {
        count++;
    }
    return count;
}

/** Whatever a test did, the server must answer afterwards. */
static int finish(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->listener != NULL) {
        char reply[REPLY_MOST];
        ask(fixture, "GET /after HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", reply);
        assert_int_equal(status_of(reply), 200);
        listener_stop(fixture->listener);
    }
    free(fixture);
    return 0;
}

/** Sends `text`, which must be refused with `status`, unhandled, with a closed connection. */
static void assert_refused(struct fixture *fixture, const char *text, int status)
{
    char reply[REPLY_MOST];
    const int handled = atomic_load(&fixture->stub.handled);
    ask(fixture, text, reply);
    if (status_of(reply) != status) {
        fail_msg("expected %d after: %s; got: %s", status, text, reply);
    }
    assert_contains(reply, "Connection: close\r\n");
    assert_contains(reply, "application/problem+json");
    assert_int_equal(count_of(reply, "HTTP/1.1 "), 1);
    assert_int_equal(atomic_load(&fixture->stub.handled), handled);
}

static void test_answers(void **state)
{
    char reply[REPLY_MOST];
    ask(*state, "GET /a%20b?x=1&y=a+%26b&z HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", reply);
    assert_int_equal(status_of(reply), 200);
    assert_contains(reply, "GET /a%20b body 0 sum 0 type - [x=1] [y=a &b] [z=] END");
    assert_contains(reply, "X-Content-Type-Options: nosniff\r\n");
    assert_contains(reply, "Cache-Control: no-store\r\n");
    assert_contains(reply, "Content-Type: text/plain\r\n");
    assert_contains(reply, "X-Stub: 7\r\n");
}

static void test_split_bytes(void **state)
{
    static const char text[] = "POST /split?q=1 HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
                               "Content-Length: 3\r\nConnection: close\r\n\r\nabc";
    char reply[REPLY_MOST];
    const int descriptor = dial(*state);
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        assert_true(send_all(descriptor, text + i, 1));
        if (i % 16 == 0) {
            const struct timespec pause = {.tv_nsec = 1000000};
            nanosleep(&pause, NULL);
        }
    }
    assert_true(receive_all(descriptor, reply));
    close(descriptor);
    assert_contains(reply, "POST /split body 3 sum 294 type application/json [q=1] END");
}

static void test_pipelined(void **state)
{
    char reply[REPLY_MOST];
    ask(*state,
        "GET /one HTTP/1.1\r\n" HOST "\r\n"
        "POST /two HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab"
        "GET /three HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
        reply);
    const char *one = strstr(reply, "GET /one");
    const char *two = strstr(reply, "POST /two body 2");
    const char *three = strstr(reply, "GET /three");
    assert_true(one != NULL && two != NULL && three != NULL && one < two && two < three);
    assert_int_equal(count_of(reply, "HTTP/1.1 200"), 3);
}

static void test_keep_alive(void **state)
{
    char reply[REPLY_MOST];
    const int descriptor = dial(*state);
    for (int i = 0; i < 3; i++) {
        static const char text[] = "GET /again HTTP/1.1\r\n" HOST "\r\n";
        assert_true(send_all(descriptor, text, sizeof text - 1));
        assert_true(receive_until(descriptor, "END", reply));
        assert_int_equal(status_of(reply), 200);
    }
    close(descriptor);
}

static void test_head_has_no_body(void **state)
{
    char reply[REPLY_MOST];
    ask(*state, "HEAD /h HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", reply);
    assert_int_equal(status_of(reply), 200);
    assert_contains(reply, "Content-Length: 31\r\n");
    const char *end = strstr(reply, "\r\n\r\n");
    assert_non_null(end);
    assert_string_equal(end, "\r\n\r\n");
}

/** Every shape, under methods that the library treats differently. */
static void test_smuggling_shapes(void **state)
{
    static const char *const shapes[] = {
        HOST HOST "\r\n",
        "Host: localhost\r\nhost: evil.example\r\n\r\n",
        "\r\n",
        HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        HOST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HOST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HOST "Content-Length : 3\r\n\r\nabc",
        HOST "Foo : 3\r\n\r\n",
        HOST "Content-Length: 9\r\nContent-Length: 9\r\n\r\nshort",
        HOST "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
        HOST "Transfer-Encoding: xchunked\r\n\r\n",
    };
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "BREW"};
    for (size_t m = 0; m < EP_COUNT(methods); m++) {
        for (size_t i = 0; i < EP_COUNT(shapes); i++) {
            char text[512];
            snprintf(text, sizeof text, "%s /x HTTP/1.1\r\n%s", methods[m], shapes[i]);
            assert_refused(*state, text, 400);
        }
    }
}

static void test_targets(void **state)
{
    static const char *const targets[] = {
        "/..",
        "/a/../b",
        "/a%2fb",
        "/a%2Fb",
        "/%2e%2E/x",
        "/a%5cb",
        "/a\\b",
        "/a%00",
        "/?q=a%00",
        "/a b",
        "/a\"b",
        "/a<b>",
        "/caf\xc3\xa9",
        "/a\001b",
        "*",
        "x",
        "/a#b",
        "/a?b=\x7f",
        "http://localhost/x",
    };
    for (size_t i = 0; i < EP_COUNT(targets); i++) {
        char text[256];
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n" HOST "\r\n", targets[i]);
        assert_refused(*state, text, 400);
    }
}

static void test_old_http_needs_a_host_too(void **state)
{
    assert_refused(*state, "GET /x HTTP/1.0\r\n\r\n", 400);
}

static void test_hosts(void **state)
{
    static const char *const foreign[] = {"evil.example",
                                          "evil.example:80",
                                          "localhost.evil.example",
                                          "127.0.0.1.nip.io",
                                          "8.8.8.8",
                                          "[::2]",
                                          "localhost:x",
                                          "",
                                          "[::1",
                                          "localhost:99999",
                                          "localhost@evil"};
    static const char *const own[] = {"localhost",   "LOCALHOST:8080", "127.0.0.1",
                                      "127.0.0.1:1", "[::1]:80",       "127.1.2.3"};
    char text[256];
    for (size_t i = 0; i < EP_COUNT(foreign); i++) {
        snprintf(text, sizeof text, "GET /x HTTP/1.1\r\nHost: %s\r\n\r\n", foreign[i]);
        assert_refused(*state, text, 421);
    }
    for (size_t i = 0; i < EP_COUNT(own); i++) {
        char reply[REPLY_MOST];
        snprintf(text, sizeof text, "GET /x HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", own[i]);
        ask(*state, text, reply);
        assert_int_equal(status_of(reply), 200);
    }
}

static void test_query_overflow(void **state)
{
    char text[1024] = "GET /many?";
    size_t length = strlen(text);
    for (int i = 0; i < HTTP_QUERY_MAX + 1; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "p%d=1&", i);
    }
    snprintf(text + length - 1, sizeof text - length, " HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    char reply[REPLY_MOST];
    ask(*state, text, reply);
    assert_contains(reply, "[p31=1] overflow END");
}

static void test_chunked_body(void **state)
{
    char reply[REPLY_MOST];
    ask(*state,
        "POST /c HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\nConnection: close\r\n\r\n"
        "1\r\na\r\nA;x=y\r\nbbbbbbbbbb\r\n0\r\n\r\n",
        reply);
    assert_contains(reply, "POST /c body 11 sum 1077 type");
}

/** A request whose body is `length` times 'x', after `head`. The caller frees it. */
static char *with_body(const char *head, size_t length, size_t *total)
{
    const size_t start_of_body = strlen(head);
    char *text = malloc(start_of_body + length + 1);
    assert_non_null(text);
    memcpy(text, head, start_of_body);
    memset(text + start_of_body, 'x', length);
    text[start_of_body + length] = '\0';
    *total = start_of_body + length;
    return text;
}

static void check_body_of(const struct fixture *fixture, size_t length, char reply[REPLY_MOST])
{
    char head[256];
    snprintf(head, sizeof head,
             "POST /b HTTP/1.1\r\n" HOST "Content-Length: %zu\r\nConnection: close\r\n\r\n", length);
    size_t total;
    char *text = with_body(head, length, &total);
    converse(fixture, text, total, reply);
    free(text);
}

static void test_ceiling(void **state)
{
    char reply[REPLY_MOST];
    check_body_of(*state, BODY_MOST, reply);
    assert_contains(reply, "POST /b body 60000 sum 7200000 ");
    check_body_of(*state, BODY_MOST + 1, reply);
    assert_int_equal(status_of(reply), 413);
    assert_contains(reply, "larger than the 60000 bytes");
    check_body_of(*state, 1 << 20, reply);
    assert_int_equal(status_of(reply), 413);
    assert_contains(reply, "Connection: close\r\n");
}

/** Sends chunks of 64 KiB, `count` of them, and then the end of the body. False when the server hung up. */
static bool send_chunks(int descriptor, size_t count)
{
    static const char head[] = "POST /c HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n";
    size_t length;
    char *chunk = with_body("10000\r\n", 0x10000, &length);
    bool open = send_all(descriptor, head, sizeof head - 1);
    for (size_t i = 0; open && i < count; i++) {
        open = send_all(descriptor, chunk, length) && send_all(descriptor, "\r\n", 2);
    }
    free(chunk);
    return open && send_all(descriptor, "0\r\n\r\n", 5);
}

static void test_chunked_over_the_ceiling(void **state)
{
    struct fixture *fixture = *state;
    char reply[REPLY_MOST];
    int descriptor = dial(fixture);
    assert_true(send_chunks(descriptor, 4));
    assert_true(receive_all(descriptor, reply));
    close(descriptor);
    assert_int_equal(status_of(reply), 413);
    assert_contains(reply, "Connection: close\r\n");

    // What does not end is cut off.
    descriptor = dial(fixture);
    assert_false(send_chunks(descriptor, 1000));
    close(descriptor);
    assert_int_equal(atomic_load(&fixture->stub.handled), 0);
}

static void test_announced_oversize(void **state)
{
    assert_refused(*state, "POST /b HTTP/1.1\r\n" HOST "Content-Length: 10737418240\r\n\r\n", 413);
    assert_refused(*state, "POST /b HTTP/1.1\r\n" HOST "Content-Length: 10737418240\r\n\r\nsome of it", 413);
    assert_refused(*state, "PUT /b HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n",
                   413);
    assert_refused(*state, "DELETE /b HTTP/1.1\r\n" HOST "Content-Length: 10737418240\r\n\r\n", 413);
    char reply[REPLY_MOST];
    ask(*state, "POST /b HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n", reply);
    assert_true(status_of(reply) == 400 || status_of(reply) == 413);
    ask(*state, "POST /b HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", reply);
    assert_int_equal(status_of(reply), 400);
}

static void test_expect_continue(void **state)
{
    static const char head[] = "POST /e HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n"
                               "Connection: close\r\n\r\n";
    char reply[REPLY_MOST];
    const int descriptor = dial(*state);
    assert_true(send_all(descriptor, head, sizeof head - 1));
    assert_true(receive_until(descriptor, "100 Continue\r\n\r\n", reply));
    assert_true(send_all(descriptor, "abc", 3));
    assert_true(receive_all(descriptor, reply));
    close(descriptor);
    assert_contains(reply, "POST /e body 3 sum 294");
}

static void test_compressed_body(void **state)
{
    char reply[REPLY_MOST];
    ask(*state,
        "POST /z HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\nContent-Length: 3\r\n"
        "Connection: close\r\n\r\nabc",
        reply);
    assert_int_equal(status_of(reply), 415);
}

/** A body that is not wanted is read past, so that the next request on the connection is found. */
static void test_unwanted_body(void **state)
{
    struct fixture *fixture = *state;
    char reply[REPLY_MOST];
    ask(fixture,
        "POST /nobody HTTP/1.1\r\n" HOST "Content-Length: 23\r\n\r\nGET /hidden HTTP/1.1\r\n\n"
        "GET /next HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
        reply);
    assert_int_equal(status_of(reply), 404);
    assert_contains(reply, "GET /next");
    assert_int_equal(count_of(reply, "HTTP/1.1 "), 2);
    assert_int_equal(atomic_load(&fixture->stub.handled), 1);
}

static void test_abandoned(void **state)
{
    static const char *const pieces[] = {
        "",
        "GET",
        "GET /x HTTP/1.1\r\n",
        "GET /x HTTP/1.1\r\nHost: loc",
        "POST /x HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nabc",
        "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\na",
        "\r\n\r\n\r\n",
        "nonsense\r\n\r\n",
        "\x16\x03\x01\x02",
        "GET /x HTTP/9.9\r\n" HOST "\r\n",
        "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    for (size_t i = 0; i < EP_COUNT(pieces); i++) {
        const int descriptor = dial(*state);
        send_all(descriptor, pieces[i], strlen(pieces[i]));
        close(descriptor);
    }
    char *head;
    size_t total;
    head = with_body("GET /x HTTP/1.1\r\n" HOST "Long: ", 100000, &total);
    const int descriptor = dial(*state);
    send_all(descriptor, head, total);
    close(descriptor);
    free(head);
}

static void test_many_connections(void **state)
{
    static const char text[] = "GET /many HTTP/1.1\r\n" HOST "\r\n";
    int descriptors[CONNECTIONS];
    for (size_t i = 0; i < CONNECTIONS; i++) {
        descriptors[i] = dial(*state);
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        assert_true(send_all(descriptors[i], text, sizeof text - 1));
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        char reply[REPLY_MOST];
        assert_true(receive_until(descriptors[i], "END", reply));
        assert_int_equal(status_of(reply), 200);
        close(descriptors[i]);
    }
}

static void test_stop_lets_answers_finish(void **state)
{
    static const char text[] = "GET /slow HTTP/1.1\r\n" HOST "\r\n";
    struct fixture *fixture = *state;
    atomic_store(&fixture->stub.slow, true);
    const int busy = dial(fixture);
    const int idle = dial(fixture);
    assert_true(send_all(busy, text, sizeof text - 1));
    while (atomic_load(&fixture->stub.handled) == 0) {
        const struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
    }
    listener_stop(fixture->listener);
    fixture->listener = NULL;
    char reply[REPLY_MOST];
    assert_true(receive_all(busy, reply));
    assert_int_equal(status_of(reply), 200);
    assert_true(receive_all(idle, reply));
    assert_string_equal(reply, "");
    close(busy);
    close(idle);
    struct ep_error error;
    int descriptor;
    assert_int_equal(address_connect(&fixture->address, 1, &descriptor, &error), EP_IO);
}

static void test_taken_port(void **state)
{
    struct fixture *fixture = *state;
    const struct listener_options options = {
        .address = fixture->address,
        .connections_most = 10,
        .idle_seconds = 10,
        .body_most = BODY_MOST,
        .handler = {&fixture->stub, stub_accepts, stub_handle, stub_refuse},
        .log = &fixture->log,
    };
    struct ep_error error;
    struct listener *second = NULL;
    assert_int_equal(listener_start(&options, &second, &error), EP_IO);
    assert_null(second);
    char address[ADDRESS_TEXT];
    address_format(&fixture->address, address);
    assert_contains(error.text, address);
    assert_contains(error.text, "in use");
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_answers),
        WITH_SERVER(test_split_bytes),
        WITH_SERVER(test_pipelined),
        WITH_SERVER(test_keep_alive),
        WITH_SERVER(test_head_has_no_body),
        WITH_SERVER(test_smuggling_shapes),
        WITH_SERVER(test_targets),
        WITH_SERVER(test_old_http_needs_a_host_too),
        WITH_SERVER(test_hosts),
        WITH_SERVER(test_query_overflow),
        WITH_SERVER(test_chunked_body),
        WITH_SERVER(test_ceiling),
        WITH_SERVER(test_chunked_over_the_ceiling),
        WITH_SERVER(test_announced_oversize),
        WITH_SERVER(test_expect_continue),
        WITH_SERVER(test_compressed_body),
        WITH_SERVER(test_unwanted_body),
        WITH_SERVER(test_abandoned),
        WITH_SERVER(test_many_connections),
        WITH_SERVER(test_stop_lets_answers_finish),
        WITH_SERVER(test_taken_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
