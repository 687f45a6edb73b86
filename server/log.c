#include "server/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"

/** A line stays below PIPE_BUF, so that a write to a pipe is whole too. */
enum { MESSAGE_MAX = 1024, LINE_MAX_BYTES = 4000 };

static const char *const level_names[] = {
    [LEVEL_ERROR] = "error",
    [LEVEL_INFO] = "info",
    [LEVEL_DEBUG] = "debug",
};

const char *log_level_name(enum log_level level)
{
    return (unsigned)level < EP_COUNT(level_names) ? level_names[level] : "unknown";
}

bool log_level_parse(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < EP_COUNT(level_names); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/** Bytes of the character at `text` if a terminal may take it for a command: C0, DEL, or C1 in UTF-8. */
static size_t control_length(const unsigned char *text)
{
    if (text[0] < 0x20 || text[0] == 0x7f) {
        return 1;
    }
    return text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0 ? 2 : 0;
}

/** Appends `message`, as far as there is room for it, with every byte of a control character as \xNN. */
static size_t append_escaped(char *line, size_t length, const char *message)
{
    const unsigned char *at = (const unsigned char *)message;
    size_t controls = 0;
    for (; *at != '\0' && length + sizeof "\\xNN\n" <= LINE_MAX_BYTES; at++) {
        controls = controls > 0 ? controls : control_length(at);
        if (controls > 0) {
            length += (size_t)snprintf(line + length, LINE_MAX_BYTES - length, "\\x%02x", *at);
            controls--;
        } else {
            line[length++] = (char)*at;
        }
    }
    return length;
}

static void write_line(const struct log *log, enum log_level level, const char *message)
{
    char time[EP_TIME_TEXT];
    ep_clock_format(ep_clock_wall_ms(), time);
    char line[LINE_MAX_BYTES];
    size_t length = (size_t)snprintf(line, sizeof line, "%s %s ", time, log_level_name(level));
    length = append_escaped(line, length, message);
    line[length++] = '\n';
    ssize_t written;
    do {
        written = write(log->descriptor, line, length);
    } while (written < 0 && errno == EINTR);
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
    if (level > log->level) {
        return;
    }
    char message[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    write_line(log, level, message);
}

void log_announce(const struct log *log, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    write_line(log, LEVEL_INFO, message);
}
