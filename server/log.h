#ifndef EP_SERVER_LOG_H
#define EP_SERVER_LOG_H

#include <stdbool.h>

#include "core/base/macros.h"

/** One line per event: time (RFC 3339, UTC), level, message. */

enum log_level { LEVEL_ERROR, LEVEL_INFO, LEVEL_DEBUG, LEVELS };

/** A plain value; const after set-up, so that any thread may log through it. */
struct log {
    int descriptor;       /**< written to; borrowed */
    enum log_level level; /**< less urgent lines are dropped */
};

/** "error", "info", "debug"; never NULL. */
const char *log_level_name(enum log_level level);

/** Whether `name` names a level, which is then in *level. */
EP_NODISCARD bool log_level_parse(const char *name, enum log_level *level);

/**
 * Writes one line with a single write(2), so that lines of several threads never mix. Control characters of
 * the message are escaped; a long message is cut.
 */
void log_line(const struct log *log, enum log_level level, const char *format, ...) EP_PRINTF(3, 4);

/** Writes a line of level info whatever the level of the log is: what whoever started us waits for. */
void log_announce(const struct log *log, const char *format, ...) EP_PRINTF(2, 3);

#endif
