#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs those above.
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/machine.h"
#include "core/base/macros.h"
#include "server/options.h"

static const char *const names[] = {"listen", "state", "data", "workers", "memory-limit", "log-level"};
static const char *const variables[] = {"EPOCHD_LISTEN",  "EPOCHD_STATE",        "EPOCHD_DATA",
                                        "EPOCHD_WORKERS", "EPOCHD_MEMORY_LIMIT", "EPOCHD_LOG_LEVEL"};

static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < EP_COUNT(variables); i++) {
        unsetenv(variables[i]);
    }
    return 0;
}

/** Parses up to six arguments; NULL ends them. */
static enum ep_status parse(const char *const words[6], struct options *options, struct ep_error *error)
{
    char texts[7][64] = {"epochd"};
    char *arguments[8] = {texts[0]};
    int count = 1;
    for (; count < 7 && words[count - 1] != NULL; count++) {
        snprintf(texts[count], sizeof texts[count], "%s", words[count - 1]);
        arguments[count] = texts[count];
    }
    return options_parse(count, arguments, options, error);
}

#define PARSE(options, error, ...) parse((const char *const[6]){__VA_ARGS__}, options, error)

static void assert_accepted(const char *const words[6], struct options *options)
{
    struct ep_error error;
    if (parse(words, options, &error) != EP_OK) {
        fail_msg("%s", error.text);
    }
}

#define ACCEPT(options, ...) assert_accepted((const char *const[6]){__VA_ARGS__}, options)

/** The arguments must be refused with a message that has `hint` in it. */
static void assert_refused(const char *const words[6], const char *hint)
{
    struct options options;
    struct ep_error error;
    if (parse(words, &options, &error) != EP_INVALID) {
        fail_msg("accepted: %s %s %s", words[0], words[1], words[2]);
    }
    if (strstr(error.text, hint) == NULL) {
        fail_msg("\"%s\" is not in: %s", hint, error.text);
    }
}

#define REFUSE(hint, ...) assert_refused((const char *const[6]){__VA_ARGS__}, hint)

static void test_defaults(void **state)
{
    (void)state;
    struct options options;
    struct ep_error error;
    // What it points to must outlive the parse: nothing comes from the arguments here.
    assert_int_equal(PARSE(&options, &error, "serve"), EP_OK);
    assert_int_equal(options.command, COMMAND_SERVE);
    assert_string_equal(options.listen.host, "127.0.0.1");
    assert_int_equal(options.listen.port, 8080);
    assert_string_equal(options.state_folder, "./epochd-state");
    assert_string_equal(options.data_folder, "/usr/share/datasets");
    assert_int_equal(options.workers, ep_machine_cores());
    assert_int_equal(options.memory_limit, ep_machine_memory() / 10 * 9);
    assert_int_equal(options.log_level, LEVEL_INFO);
}

static void test_flags(void **state)
{
    (void)state;
    char texts[][32] = {"epochd",  "--workers=7", "serve",  "--listen",
                        "[::1]:0", "--state=/s",  "--data", "/d"};
    char *arguments[EP_COUNT(texts)];
    for (size_t i = 0; i < EP_COUNT(texts); i++) {
        arguments[i] = texts[i];
    }
    struct options options;
    struct ep_error error;
    assert_int_equal(options_parse((int)EP_COUNT(texts), arguments, &options, &error), EP_OK);
    assert_int_equal(options.workers, 7);
    assert_true(options.listen.v6);
    assert_string_equal(options.listen.host, "::1");
    assert_int_equal(options.listen.port, 0);
    assert_string_equal(options.state_folder, "/s");
    assert_string_equal(options.data_folder, "/d");
}

static void test_environment(void **state)
{
    (void)state;
    struct options options;
    setenv("EPOCHD_LISTEN", "127.0.0.1:9", 1);
    setenv("EPOCHD_STATE", "/state", 1);
    setenv("EPOCHD_DATA", "/data", 1);
    setenv("EPOCHD_WORKERS", "3", 1);
    setenv("EPOCHD_MEMORY_LIMIT", "2G", 1);
    setenv("EPOCHD_LOG_LEVEL", "debug", 1);
    ACCEPT(&options, "serve");
    assert_int_equal(options.listen.port, 9);
    assert_string_equal(options.state_folder, "/state");
    assert_string_equal(options.data_folder, "/data");
    assert_int_equal(options.workers, 3);
    assert_int_equal(options.memory_limit, (size_t)2 << 30);
    assert_int_equal(options.log_level, LEVEL_DEBUG);
}

static void test_flag_wins_over_environment(void **state)
{
    (void)state;
    struct options options;
    setenv("EPOCHD_WORKERS", "nonsense", 1);
    ACCEPT(&options, "serve", "--workers", "5");
    assert_int_equal(options.workers, 5);
    REFUSE("EPOCHD_WORKERS: got \"nonsense\"", "serve");
    // It is no business of a command that has no workers.
    ACCEPT(&options, "train", "spec.json");
}

static void test_empty_variable_is_unset(void **state)
{
    (void)state;
    struct options options;
    setenv("EPOCHD_LISTEN", "", 1);
    setenv("EPOCHD_WORKERS", "", 1);
    ACCEPT(&options, "serve");
    assert_int_equal(options.listen.port, 8080);
    assert_int_equal(options.workers, ep_machine_cores());
}

static void test_bad_values(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"--listen", "8080"},
        {"--listen", "127.0.0.1"},
        {"--listen", "127.0.0.1:"},
        {"--listen", "127.0.0.1:65536"},
        {"--listen", "127.0.0.1:-1"},
        {"--listen", "127.0.0.1:80x"},
        {"--listen", ":8080"},
        {"--listen", "::1:8080"},
        {"--listen", "[::1]"},
        {"--listen", "[]:80"},
        {"--listen", "example.org:80"},
        {"--listen", "127.0.0.256:80"},
        {"--workers", "0"},
        {"--workers", "257"},
        {"--workers", "-1"},
        {"--workers", "2.5"},
        {"--workers", "two"},
        {"--workers", " 2"},
        {"--workers", "99999999999999999999"},
        {"--memory-limit", "-1"},
        {"--memory-limit", "1X"},
        {"--memory-limit", "1KK"},
        {"--memory-limit", "G"},
        {"--memory-limit", "1.5G"},
        {"--memory-limit", "99999999T"},
        {"--memory-limit", "99999999999999999999"},
        {"--log-level", "loud"},
        {"--log-level", "INFO"},
    };
    for (size_t i = 0; i < EP_COUNT(bad); i++) {
        char hint[96];
        snprintf(hint, sizeof hint, "%s: got \"%s\"; ", bad[i][0], bad[i][1]);
        REFUSE(hint, "serve", bad[i][0], bad[i][1]);
    }
}

static void test_good_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
    } sizes[] = {
        {"0", 0},
        {"1000", 1000},
        {"1K", 1024},
        {"512M", (size_t)512 << 20},
        {"3g", (size_t)3 << 30},
        {"1T", (size_t)1 << 40},
    };
    struct options options;
    for (size_t i = 0; i < EP_COUNT(sizes); i++) {
        ACCEPT(&options, "serve", "--memory-limit", sizes[i].text);
        assert_int_equal(options.memory_limit, sizes[i].bytes);
    }
    ACCEPT(&options, "serve", "--workers", "256");
    assert_int_equal(options.workers, 256);
    ACCEPT(&options, "serve", "--listen", "127.0.0.1:65535");
    assert_int_equal(options.listen.port, 65535);
    ACCEPT(&options, "serve", "--listen", "localhost:1");
    assert_string_equal(options.listen.host, "127.0.0.1");
}

static void test_wrong_usage(void **state)
{
    (void)state;
    REFUSE("a command is missing", NULL);
    REFUSE("unknown command \"sreve\"", "sreve");
    REFUSE("unknown option --nonsense", "serve", "--nonsense");
    REFUSE("unknown option --work=3", "serve", "--work=3");
    REFUSE("unknown option -x", "serve", "-x");
    REFUSE("--state needs a value", "serve", "--state");
    REFUSE("--state needs a value", "serve", "--state=");
    REFUSE("train needs the file", "train");
    REFUSE("one argument too many", "train", "a.json", "b.json");
    REFUSE("serve does not take \"x\"", "serve", "x");
    REFUSE("train does not take --workers", "train", "a.json", "--workers", "2");
    REFUSE("health does not take --data", "health", "--data", "/d");
    REFUSE("unknown command", "help", "nonsense");
}

static void test_commands(void **state)
{
    (void)state;
    struct options options;
    ACCEPT(&options, "train", "-", "--data", "/d");
    assert_int_equal(options.command, COMMAND_TRAIN);
    ACCEPT(&options, "health", "--listen", "127.0.0.1:1");
    assert_int_equal(options.command, COMMAND_HEALTH);
    ACCEPT(&options, "--version");
    assert_int_equal(options.command, COMMAND_VERSION);
    ACCEPT(&options, "--help");
    assert_int_equal(options.command, COMMAND_HELP);
    assert_int_equal(options.topic, COMMAND_HELP);
    ACCEPT(&options, "train", "--help");
    assert_int_equal(options.command, COMMAND_HELP);
    assert_int_equal(options.topic, COMMAND_TRAIN);
    ACCEPT(&options, "help", "serve");
    assert_int_equal(options.topic, COMMAND_SERVE);
    ACCEPT(&options, "train", "--", "--odd-name.json");
    assert_int_equal(options.command, COMMAND_TRAIN);
}

/** The help on `topic`, which the caller frees. */
static char *help_on(enum command topic)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    assert_non_null(file);
    options_print_help(file, topic);
    fclose(file);
    assert_non_null(text);
    return text;
}

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, text);
    }
}

static void test_help_has_everything(void **state)
{
    (void)state;
    char *text = help_on(COMMAND_HELP);
    for (size_t i = 0; i < EP_COUNT(names); i++) {
        char flag[32];
        snprintf(flag, sizeof flag, "--%s ", names[i]);
        assert_contains(text, flag);
        assert_contains(text, variables[i]);
    }
    assert_contains(text, "epochd serve");
    assert_contains(text, "epochd train SPEC.json");
    assert_contains(text, "epochd health");
    assert_contains(text, "127.0.0.1:8080");
    assert_contains(text, "./epochd-state");
    assert_contains(text, "Exit codes:");
    assert_contains(text, "130");
    assert_contains(text, "143");
    free(text);
    text = help_on(COMMAND_TRAIN);
    assert_contains(text, "--data");
    assert_null(strstr(text, "--workers"));
    assert_contains(text, "Exit codes:");
    free(text);
}

#define IN_CLEAN_ENVIRONMENT(test) cmocka_unit_test_setup(test, clear_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_CLEAN_ENVIRONMENT(test_defaults),
        IN_CLEAN_ENVIRONMENT(test_flags),
        IN_CLEAN_ENVIRONMENT(test_environment),
        IN_CLEAN_ENVIRONMENT(test_flag_wins_over_environment),
        IN_CLEAN_ENVIRONMENT(test_empty_variable_is_unset),
        IN_CLEAN_ENVIRONMENT(test_bad_values),
        IN_CLEAN_ENVIRONMENT(test_good_values),
        IN_CLEAN_ENVIRONMENT(test_wrong_usage),
        IN_CLEAN_ENVIRONMENT(test_commands),
        IN_CLEAN_ENVIRONMENT(test_help_has_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
