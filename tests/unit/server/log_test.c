#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs those above.
#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/log.h"

struct pipe_log {
    int reader;
    struct log log;
};

static struct pipe_log open_log(enum log_level level)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    return (struct pipe_log){.reader = ends[0], .log = {.descriptor = ends[1], .level = level}};
}

/** Reads what was logged, and closes the pipe. */
static void read_log(const struct pipe_log *pipe, char *text, size_t size)
{
    const ssize_t got = read(pipe->reader, text, size - 1);
    text[got > 0 ? got : 0] = '\0';
    close(pipe->reader);
    close(pipe->log.descriptor);
}

static void test_line(void **state)
{
    (void)state;
    const struct pipe_log pipe = open_log(LEVEL_INFO);
    log_line(&pipe.log, LEVEL_INFO, "answer %d", 42);
    char text[256];
    read_log(&pipe, text, sizeof text);
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        assert_true(shape[i] == 'd' ? digit : text[i] == shape[i]);
    }
    assert_string_equal(text + sizeof shape - 1, " info answer 42\n");
}

static void test_levels(void **state)
{
    (void)state;
    const struct pipe_log pipe = open_log(LEVEL_ERROR);
    log_line(&pipe.log, LEVEL_INFO, "dropped");
    log_line(&pipe.log, LEVEL_DEBUG, "dropped");
    log_line(&pipe.log, LEVEL_ERROR, "kept");
    log_announce(&pipe.log, "announced");
    char text[256];
    read_log(&pipe, text, sizeof text);
    assert_null(strstr(text, "dropped"));
    assert_non_null(strstr(text, " error kept\n"));
    assert_non_null(strstr(text, " info announced\n"));
}

/** Nobody may forge a line, or send commands to the terminal of whoever reads the log. */
static void test_controls_are_escaped(void **state)
{
    (void)state;
    const struct pipe_log pipe = open_log(LEVEL_INFO);
    log_line(&pipe.log, LEVEL_INFO, "a%sb",
             "\r\n\x1b[2J\x7f\xc2\x9b"
             "caf\xc3\xa9");
    char text[256];
    read_log(&pipe, text, sizeof text);
    assert_non_null(strstr(text, " info a\\x0d\\x0a\\x1b[2J\\x7f\\xc2\\x9bcaf\xc3\xa9"
                                 "b\n"));
}

static void test_long_message_stays_one_line(void **state)
{
    (void)state;
    static char message[5000];
    memset(message, '\n', sizeof message - 1);
    const struct pipe_log pipe = open_log(LEVEL_INFO);
    log_line(&pipe.log, LEVEL_INFO, "%s", message);
    static char text[10000];
    read_log(&pipe, text, sizeof text);
    const size_t length = strlen(text);
    assert_true(length > 1000 && length <= 4096);
    assert_ptr_equal(strchr(text, '\n'), text + length - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_controls_are_escaped),
        cmocka_unit_test(test_long_message_stays_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
