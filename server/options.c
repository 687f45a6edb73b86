#include "server/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/machine.h"
#include "core/base/memory.h"

enum { WORKERS_MOST = 256 };

enum {
    FOR_SERVE = 1 << COMMAND_SERVE,
    FOR_TRAIN = 1 << COMMAND_TRAIN,
    FOR_HEALTH = 1 << COMMAND_HEALTH,
};

typedef enum ep_status (*parse_function)(const char *text, struct options *options, struct ep_error *error);

struct row {
    const char *name;      /**< "listen" for --listen */
    const char *variable;  /**< of the environment; NULL: there is none */
    const char *argument;  /**< its name in the help */
    const char *preset;    /**< the default; NULL: found out at the start */
    const char *automatic; /**< says what is found out */
    unsigned commands;     /**< bits 1 << enum command */
    parse_function parse;
    const char *help;
};

struct command_row {
    const char *name;
    const char *arguments;
    const char *summary;
    const char *help;
};

static const struct command_row commands[] = {
    [COMMAND_SERVE] =
        {"serve", "[OPTION…]", "answer HTTP requests and train the jobs that they bring",
         "Runs until SIGTERM or SIGINT; running jobs then stop at the next mini-batch and go back to\n"
         "the queue. A second signal ends the process at once."},
    [COMMAND_TRAIN] =
        {"train", "SPEC.json [OPTION…]", "train one spec without a server",
         "Reads a job spec from SPEC.json (\"-\": standard input), as POST /v1/jobs takes it. Progress\n"
         "goes to standard error, the result as JSON to standard output."},
    [COMMAND_HEALTH] = {"health", "[OPTION…]", "ask a running server whether it is well",
                        "Exit code 0 when GET /healthz answers 200 within 5 seconds."},
    [COMMAND_HELP] = {"help", "[COMMAND]", "explain a command", ""},
};

static enum ep_status parse_listen(const char *text, struct options *options, struct ep_error *error)
{
    return address_parse(text, &options->listen, error);
}

static enum ep_status parse_state(const char *text, struct options *options, struct ep_error *error)
{
    (void)error;
    options->state_folder = text;
    return EP_OK;
}

static enum ep_status parse_data(const char *text, struct options *options, struct ep_error *error)
{
    (void)error;
    options->data_folder = text;
    return EP_OK;
}

/** Reads decimal digits; *rest is what follows them. */
static bool parse_digits(const char *text, size_t *value, const char **rest)
{
    if (!isdigit((unsigned char)text[0])) {
        return false;
    }
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 10);
    *rest = end;
    *value = (size_t)number;
    return errno == 0 && number <= SIZE_MAX;
}

static enum ep_status parse_workers(const char *text, struct options *options, struct ep_error *error)
{
    const char *rest;
    size_t workers;
    if (!parse_digits(text, &workers, &rest) || *rest != '\0' || workers < 1 || workers > WORKERS_MOST) {
        return ep_fail(error, EP_INVALID, "got \"%s\"; it must be a whole number from 1 to %d", text,
                       WORKERS_MOST);
    }
    options->workers = workers;
    return EP_OK;
}

static enum ep_status parse_memory(const char *text, struct options *options, struct ep_error *error)
{
    static const char suffixes[] = "KMGT";
    const char *rest;
    size_t bytes;
    if (parse_digits(text, &bytes, &rest)) {
        size_t factor = 1;
        const char *suffix = *rest != '\0' ? strchr(suffixes, toupper((unsigned char)*rest)) : NULL;
        if (suffix != NULL) {
            factor = (size_t)1 << (10 * (unsigned)(suffix - suffixes + 1));
            rest++;
        }
        if (*rest == '\0' && ep_size_multiply(bytes, factor, &options->memory_limit)) {
            return EP_OK;
        }
    }
    return ep_fail(
        error, EP_INVALID,
        "got \"%s\"; it must be a number of bytes, or one with K, M, G or T behind it, such as 512M", text);
}

static enum ep_status parse_gemm(const char *text, struct options *options, struct ep_error *error)
{
    for (int i = 0; nn_gemm_choices[i] != NULL; i++) {
        if (strcmp(text, nn_gemm_choices[i]) == 0) {
            options->gemm = (enum nn_gemm_choice)i;
            return EP_OK;
        }
    }
    return ep_fail(error, EP_INVALID, "got \"%s\"; it must be auto, avx512, avx2, libxsmm or openblas", text);
}

static enum ep_status parse_numerics(const char *text, struct options *options, struct ep_error *error)
{
    options->portable = strcmp(text, "portable") == 0;
    return options->portable || strcmp(text, "fast") == 0
               ? EP_OK
               : ep_fail(error, EP_INVALID, "got \"%s\"; it must be fast or portable", text);
}

static enum ep_status parse_log_level(const char *text, struct options *options, struct ep_error *error)
{
    if (!log_level_parse(text, &options->log_level)) {
        return ep_fail(error, EP_INVALID, "got \"%s\"; it must be error, info or debug", text);
    }
    return EP_OK;
}

static const struct row rows[] = {
    {.name = "listen",
     .variable = "EPOCHD_LISTEN",
     .argument = "ADDR:PORT",
     .preset = "127.0.0.1:8080",
     .commands = FOR_SERVE | FOR_HEALTH,
     .parse = parse_listen,
     .help = "address of the server; port 0 takes a free one"},
    {.name = "state",
     .variable = "EPOCHD_STATE",
     .argument = "DIR",
     .preset = "./epochd-state",
     .commands = FOR_SERVE,
     .parse = parse_state,
     .help = "folder of the jobs; made if it is missing"},
    {.name = "data",
     .variable = "EPOCHD_DATA",
     .argument = "DIR",
     .preset = "/usr/share/datasets",
     .commands = FOR_SERVE | FOR_TRAIN,
     .parse = parse_data,
     .help = "folder of the datasets"},
    {.name = "workers",
     .variable = "EPOCHD_WORKERS",
     .argument = "N",
     .automatic = "the cores that it may use",
     .commands = FOR_SERVE,
     .parse = parse_workers,
     .help = "jobs that run at the same time, 1 to 256"},
    {.name = "memory-limit",
     .variable = "EPOCHD_MEMORY_LIMIT",
     .argument = "BYTES[K|M|G|T]",
     .automatic = "90 % of the memory",
     .commands = FOR_SERVE | FOR_TRAIN,
     .parse = parse_memory,
     .help = "memory that jobs may take together; 0: any"},
    {.name = "gemm",
     .variable = "EPOCHD_GEMM",
     .argument = "auto|avx512|avx2|libxsmm|openblas",
     .preset = "auto",
     .commands = FOR_SERVE | FOR_TRAIN,
     .parse = parse_gemm,
     .help = "what computes matrix products; the libraries change last bits"},
    {.name = "numerics",
     .variable = "EPOCHD_NUMERICS",
     .argument = "fast|portable",
     .preset = "fast",
     .commands = FOR_SERVE | FOR_TRAIN,
     .parse = parse_numerics,
     .help = "portable: refuses whatever would not give the same bits on every processor with AVX2"},
    {.name = "log-level",
     .variable = "EPOCHD_LOG_LEVEL",
     .argument = "error|info|debug",
     .preset = "info",
     .commands = FOR_SERVE,
     .parse = parse_log_level,
     .help = "what is logged; info leaves out requests that only read"},
};

enum { ROWS = EP_COUNT(rows) };

/** The values given on the command line, by row; NULL where there is none. */
struct given {
    const char *flags[ROWS];
    const char *words[2]; /**< the command and its argument */
    size_t word_count;
    bool help, version;
};

/** The row of the option that argument[0, length) names, without its dashes; ROWS when there is none. */
static size_t find_row(const char *name, size_t length)
{
    size_t i = 0;
    while (i < ROWS && (strlen(rows[i].name) != length || strncmp(rows[i].name, name, length) != 0)) {
        i++;
    }
    return i;
}

/** Takes the option at arguments[*at], and its value, which may be the next argument. */
static enum ep_status take_option(int count, char *const arguments[], int *at, struct given *given,
                                  struct ep_error *error)
{
    const char *argument = arguments[*at];
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
        given->help = true;
        return EP_OK;
    }
    if (strcmp(argument, "--version") == 0) {
        given->version = true;
        return EP_OK;
    }
    const size_t dashes = strncmp(argument, "--", 2) == 0 ? 2 : 0;
    const size_t length = strcspn(argument + dashes, "=");
    const size_t row = dashes > 0 ? find_row(argument + dashes, length) : ROWS;
    if (row == ROWS) {
        return ep_fail(error, EP_INVALID, "unknown option %s", argument);
    }
    const char *value = NULL;
    if (argument[dashes + length] == '=') {
        value = argument + dashes + length + 1;
    } else if (*at + 1 < count) {
        value = arguments[++*at];
    }
    if (value == NULL || value[0] == '\0') {
        return ep_fail(error, EP_INVALID, "--%s needs a value: --%s %s", rows[row].name, rows[row].name,
                       rows[row].argument);
    }
    given->flags[row] = value;
    return EP_OK;
}

static enum ep_status split(int count, char *const arguments[], struct given *given, struct ep_error *error)
{
    bool options_end = false;
    for (int at = 1; at < count; at++) {
        const char *argument = arguments[at];
        if (!options_end && strcmp(argument, "--") == 0) {
            options_end = true;
        } else if (!options_end && argument[0] == '-' && argument[1] != '\0') {
            const enum ep_status taken = take_option(count, arguments, &at, given, error);
            if (taken != EP_OK) {
                return taken;
            }
        } else if (given->word_count == EP_COUNT(given->words)) {
            return ep_fail(error, EP_INVALID, "\"%s\" is one argument too many", argument);
        } else {
            given->words[given->word_count++] = argument;
        }
    }
    return EP_OK;
}

static enum ep_status find_command(const char *name, enum command *command, struct ep_error *error)
{
    for (size_t i = 0; i < EP_COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            *command = (enum command)i;
            return EP_OK;
        }
    }
    return ep_fail(error, EP_INVALID, "unknown command \"%s\"; there are serve, train, health and help",
                   name);
}

/** Gives every option of the command its value: from its flag, the environment or the default. */
static enum ep_status fill(const struct given *given, struct options *options, struct ep_error *error)
{
    const unsigned command = 1U << options->command;
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        if ((row->commands & command) == 0) {
            if (given->flags[i] != NULL) {
                return ep_fail(error, EP_INVALID, "%s does not take --%s", commands[options->command].name,
                               row->name);
            }
            continue;
        }
        const char *from_environment = row->variable != NULL ? getenv(row->variable) : NULL;
        const bool has_variable = from_environment != NULL && from_environment[0] != '\0';
        const bool has_flag = given->flags[i] != NULL;
        const char *text = has_flag ? given->flags[i] : has_variable ? from_environment : row->preset;
        struct ep_error reason;
        if (text != NULL && row->parse(text, options, &reason) != EP_OK) {
            return ep_fail(error, EP_INVALID, "%s%s: %s", has_flag ? "--" : "",
                           has_flag ? row->name : row->variable, reason.text);
        }
    }
    return EP_OK;
}

static void preset(struct options *options)
{
    const size_t cores = ep_machine_cores();
    *options = (struct options){
        .topic = COMMAND_HELP,
        .workers = cores < WORKERS_MOST ? cores : WORKERS_MOST,
        .memory_limit = ep_machine_memory() / 10 * 9,
    };
}

/** Takes the word behind the command: the spec of train, the topic of help. */
static enum ep_status take_argument(const struct given *given, struct options *options,
                                    struct ep_error *error)
{
    const char *argument = given->word_count > 1 ? given->words[1] : NULL;
    if (options->command == COMMAND_HELP) {
        return argument != NULL ? find_command(argument, &options->topic, error) : EP_OK;
    }
    if (options->command == COMMAND_TRAIN) {
        options->spec = argument;
        return argument != NULL
                   ? EP_OK
                   : ep_fail(error, EP_INVALID, "train needs the file of a spec: train SPEC.json");
    }
    return argument == NULL ? EP_OK
                            : ep_fail(error, EP_INVALID, "%s does not take \"%s\"",
                                      commands[options->command].name, argument);
}

enum ep_status options_parse(int count, char *const arguments[], struct options *options,
                             struct ep_error *error)
{
    struct given given = {.word_count = 0};
    preset(options);
    enum ep_status status = split(count, arguments, &given, error);
    if (status != EP_OK) {
        return status;
    }
    if (given.word_count > 0) {
        status = find_command(given.words[0], &options->command, error);
    } else if (!given.help && !given.version) {
        status = ep_fail(error, EP_INVALID, "a command is missing; there are serve, train, health and help");
    }
    if (status != EP_OK) {
        return status;
    }
    if (given.help || given.version) {
        options->topic = given.word_count > 0 ? options->command : COMMAND_HELP;
        options->command = given.help ? COMMAND_HELP : COMMAND_VERSION;
        return EP_OK;
    }
    status = take_argument(&given, options, error);
    return status == EP_OK ? fill(&given, options, error) : status;
}

static void print_option(FILE *file, const struct row *row)
{
    char name[64];
    snprintf(name, sizeof name, "--%s %s", row->name, row->argument);
    fprintf(file, "  %-32s %s\n", name, row->help);
    fprintf(file, "  %-32s default: %s", "", row->preset != NULL ? row->preset : row->automatic);
    if (row->variable != NULL) {
        fprintf(file, "; or %s", row->variable);
    }
    fputc('\n', file);
}

static void print_options(FILE *file, unsigned mask)
{
    for (size_t i = 0; i < ROWS; i++) {
        if ((rows[i].commands & mask) != 0) {
            print_option(file, &rows[i]);
        }
    }
}

static void print_overview(FILE *file)
{
    fputs("epochd trains fully connected networks that are asked for over HTTP.\n\nUsage:\n", file);
    for (size_t i = 0; i < EP_COUNT(commands); i++) {
        char line[64];
        snprintf(line, sizeof line, "epochd %s %s", commands[i].name, commands[i].arguments);
        fprintf(file, "  %-32s %s\n", line, commands[i].summary);
    }
    fputs("  epochd --help | --version\n", file);
    for (size_t i = 0; i < EP_COUNT(commands); i++) {
        if (i != COMMAND_HELP) {
            fprintf(file, "\nOptions of %s:\n", commands[i].name);
            print_options(file, 1U << i);
        }
    }
    fputs("\nAn option on the command line wins over its environment variable.\n", file);
}

void options_print_help(FILE *file, enum command topic)
{
    if (topic == COMMAND_HELP || topic >= EP_COUNT(commands)) {
        print_overview(file);
    } else {
        const struct command_row *command = &commands[topic];
        fprintf(file, "epochd %s %s: %s\n\n%s\n\nOptions:\n", command->name, command->arguments,
                command->summary, command->help);
        print_options(file, 1U << topic);
    }
    fputs("\nExit codes:\n"
          "    0  done; serve: stopped by SIGTERM or SIGINT\n"
          "    1  a run-time failure: the port is taken, the store is damaged, the disk is full …\n"
          "    2  wrong usage, or an invalid spec\n"
          "    3  training diverged or failed\n"
          "  130  train was interrupted by SIGINT (143: by SIGTERM)\n",
          file);
}
