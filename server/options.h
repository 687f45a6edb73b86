#ifndef EP_SERVER_OPTIONS_H
#define EP_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/base/error.h"
#include "core/nn/gemm.h"
#include "server/address.h"
#include "server/log.h"

/** The command line and the environment, from one table that --help is made of too. */

/** Exit codes of the program. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_TROUBLE = 1, /**< a run-time failure: the port is taken, the store is damaged, the disk is full … */
    EXIT_USAGE = 2,   /**< wrong usage, or an invalid spec */
    EXIT_TRAINING = 3, /**< training diverged or failed */
    EXIT_SIGNAL = 128, /**< plus the number of the signal that interrupted train */
};

enum command { COMMAND_SERVE, COMMAND_TRAIN, COMMAND_HEALTH, COMMAND_HELP, COMMAND_VERSION, COMMANDS };

/** A plain value; texts are borrowed from the arguments, the environment and the table. */
struct options {
    enum command command;
    enum command
        topic; /**< of COMMAND_HELP: the command that help is wanted for; COMMAND_HELP: all of them */
    struct address listen;
    const char *state_folder;
    const char *data_folder;
    size_t workers;
    size_t memory_limit; /**< bytes; 0: none */
    enum nn_gemm_choice gemm;
    bool portable; /**< results must be the same bits on every processor with AVX2 */
    enum log_level log_level;
    const char *spec; /**< of COMMAND_TRAIN: a path, or "-" */
};

/**
 * Reads the command line (`arguments` as main gets them) and, for what it leaves open, the environment; what
 * both leave open has its default. An empty variable counts as unset. EP_INVALID with the first thing wrong.
 */
EP_NODISCARD enum ep_status options_parse(int count, char *const arguments[], struct options *options,
                                          struct ep_error *error);

/** Writes the help on a command, or on all of them for COMMAND_HELP. */
void options_print_help(FILE *file, enum command topic);

#endif
