#include <stdio.h>

#include "server/health.h"
#include "server/options.h"
#include "server/serve.h"
#include "server/train.h"

static enum exit_code print(const struct options *options)
{
    if (options->command == COMMAND_VERSION) {
        puts("epochd " EPOCHD_VERSION);
    } else {
        options_print_help(stdout, options->topic);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("epochd: standard output");
        return EXIT_TROUBLE;
    }
    return EXIT_DONE;
}

int main(int count, char *arguments[])
{
    struct options options;
    struct ep_error error;
    if (options_parse(count, arguments, &options, &error) != EP_OK) {
        fprintf(stderr, "epochd: %s\nepochd --help shows what there is.\n", error.text);
        return EXIT_USAGE;
    }
    switch (options.command) {
    case COMMAND_SERVE:
        return (int)serve_run(&options);
    case COMMAND_TRAIN:
        return (int)train_run(&options);
    case COMMAND_HEALTH:
        return (int)health_run(&options);
    case COMMAND_HELP:
    case COMMAND_VERSION:
    case COMMANDS:
        break;
    }
    return (int)print(&options);
}
