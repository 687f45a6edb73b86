#include "core/data/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    INPUT_SIZE = 1 << 17,
    GZIP_ONLY = MAX_WBITS + 16, /* zlib: largest window, and a gzip header instead of zlib's */
};

struct data_stream {
    int descriptor; /* -1 before it is open */
    bool packed;
    bool inflating;    /* the zlib state is to be released */
    bool ended;        /* every byte of the file was given */
    bool member_ended; /* between two gzip members, or after the last */
    uint64_t size;     /* of the file as it lies there */
    size_t length;     /* expected, unpacked */
    size_t position;   /* bytes given so far, unpacked */
    z_stream zlib;     /* next_in and avail_in say which input is still unused, for plain files too */
    char path[DATA_FILE_MAX];
    uint8_t input[INPUT_SIZE];
};

const char *data_digits(uint64_t number, char text[DATA_DIGITS_MAX])
{
    char plain[DATA_DIGITS_MAX];
    const int digits = snprintf(plain, sizeof plain, "%llu", (unsigned long long)number);
    size_t used = 0;
    for (int i = 0; i < digits; i++) {
        if (i > 0 && (digits - i) % 3 == 0) {
            text[used++] = ' ';
        }
        text[used++] = plain[i];
    }
    text[used] = '\0';
    return text;
}

static enum ep_status open_file(struct data_stream *stream, struct ep_error *error)
{
    /* Without O_NONBLOCK, opening a FIFO would wait for somebody to write to it. */
    stream->descriptor = open(stream->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (stream->descriptor < 0) {
        const int code = errno;
        if (code == ENOENT || code == ENOTDIR) {
            return ep_fail(error, EP_UNAVAILABLE, "%s is missing", stream->path);
        }
        return ep_fail_errno(error, EP_IO, code, "%s cannot be opened", stream->path);
    }
    struct stat status;
    if (fstat(stream->descriptor, &status) != 0) {
        return ep_fail_errno(error, EP_IO, errno, "%s cannot be examined", stream->path);
    }
    if (!S_ISREG(status.st_mode)) {
        return ep_fail(error, EP_CORRUPT, "%s is not a regular file", stream->path);
    }
    stream->size = (uint64_t)status.st_size;
    if (stream->packed) {
        if (inflateInit2(&stream->zlib, GZIP_ONLY) != Z_OK) {
            return ep_fail(error, EP_NO_MEMORY, "there is not enough memory to unpack %s", stream->path);
        }
        stream->inflating = true;
    }
    return EP_OK;
}

enum ep_status data_stream_open(const char *folder, const char *name, bool packed, size_t length,
                                struct data_stream **stream, struct ep_error *error)
{
    struct data_stream *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "there is not enough memory to read %s/%s", folder, name);
    }
    opened->descriptor = -1;
    opened->packed = packed;
    opened->length = length;
    const int needed =
        snprintf(opened->path, sizeof opened->path, "%s/%s%s", folder, name, packed ? ".gz" : "");
    enum ep_status status = EP_OK;
    if (needed < 0 || (size_t)needed >= sizeof opened->path) {
        status = ep_fail(error, EP_TOO_LARGE, "the path of %s is too long: %s", name, folder);
    } else {
        status = open_file(opened, error);
    }
    if (status != EP_OK) {
        data_stream_close(opened);
        return status;
    }
    *stream = opened;
    return EP_OK;
}

void data_stream_close(struct data_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    if (stream->inflating) {
        inflateEnd(&stream->zlib);
    }
    if (stream->descriptor >= 0) {
        close(stream->descriptor);
    }
    free(stream);
}

const char *data_stream_path(const struct data_stream *stream)
{
    return stream->path;
}

enum ep_status data_stream_check_length(const struct data_stream *stream, struct ep_error *error)
{
    if (stream->packed || stream->size == stream->length) {
        return EP_OK;
    }
    char size[DATA_DIGITS_MAX];
    char length[DATA_DIGITS_MAX];
    return ep_fail(error, EP_CORRUPT, "%s is %s bytes long; %s are expected", stream->path,
                   data_digits(stream->size, size), data_digits(stream->length, length));
}

/* Makes sure that there is unused input, unless the file is at its end; *more says which. */
static enum ep_status fill(struct data_stream *stream, bool *more, struct ep_error *error)
{
    if (stream->zlib.avail_in == 0) {
        ssize_t got = 0;
        do {
            got = read(stream->descriptor, stream->input, sizeof stream->input);
        } while (got < 0 && errno == EINTR);
        if (got < 0) {
            return ep_fail_errno(error, EP_IO, errno, "%s cannot be read", stream->path);
        }
        stream->zlib.next_in = stream->input;
        stream->zlib.avail_in = (unsigned)got;
    }
    *more = stream->zlib.avail_in > 0;
    return EP_OK;
}

static enum ep_status take_plain(struct data_stream *stream, uint8_t *bytes, size_t room, size_t *got,
                                 struct ep_error *error)
{
    bool more = false;
    const enum ep_status status = fill(stream, &more, error);
    if (status != EP_OK) {
        return status;
    }
    const unsigned taken = stream->zlib.avail_in < room ? stream->zlib.avail_in : (unsigned)room;
    if (more) {
        memcpy(bytes, stream->zlib.next_in, taken);
        stream->zlib.next_in += taken;
        stream->zlib.avail_in -= taken;
    }
    stream->ended = !more;
    *got = taken;
    return EP_OK;
}

/* One step of unpacking. A file may hold several gzip members one after the other (RFC 1952, 2.2), so
 * whatever follows a member must be another one. */
static enum ep_status take_packed(struct data_stream *stream, uint8_t *bytes, size_t room, size_t *got,
                                  struct ep_error *error)
{
    bool more = false;
    const enum ep_status status = fill(stream, &more, error);
    if (status != EP_OK) {
        return status;
    }
    if (!more && stream->member_ended) {
        stream->ended = true;
        *got = 0;
        return EP_OK;
    }
    if (stream->member_ended) {
        inflateReset(&stream->zlib);
        stream->member_ended = false;
    }
    const unsigned offered = room < UINT_MAX ? (unsigned)room : UINT_MAX;
    stream->zlib.next_out = bytes;
    stream->zlib.avail_out = offered;
    const int result = inflate(&stream->zlib, Z_NO_FLUSH);
    *got = offered - stream->zlib.avail_out;
    switch (result) {
    case Z_OK:
        return EP_OK;
    case Z_STREAM_END:
        stream->member_ended = true;
        return EP_OK;
    case Z_BUF_ERROR:
        return ep_fail(error, EP_CORRUPT, "%s is cut short: its gzip data does not come to an end",
                       stream->path);
    case Z_MEM_ERROR:
        return ep_fail(error, EP_NO_MEMORY, "there is not enough memory to unpack %s", stream->path);
    default:
        return ep_fail(error, EP_CORRUPT, "%s is not a sound gzip file: %s", stream->path,
                       stream->zlib.msg != NULL ? stream->zlib.msg : "its data cannot be unpacked");
    }
}

/* Reads up to `room` bytes, fewer only at the end. */
static enum ep_status take(struct data_stream *stream, uint8_t *bytes, size_t room, size_t *taken,
                           struct ep_error *error)
{
    *taken = 0;
    while (*taken < room && !stream->ended) {
        size_t got = 0;
        const enum ep_status status = stream->packed
                                          ? take_packed(stream, bytes + *taken, room - *taken, &got, error)
                                          : take_plain(stream, bytes + *taken, room - *taken, &got, error);
        if (status != EP_OK) {
            return status;
        }
        *taken += got;
    }
    stream->position += *taken;
    return EP_OK;
}

enum ep_status data_stream_read(struct data_stream *stream, void *bytes, size_t count, struct ep_error *error)
{
    size_t taken = 0;
    const enum ep_status status = take(stream, bytes, count, &taken, error);
    if (status == EP_OK && taken < count) {
        char position[DATA_DIGITS_MAX];
        char length[DATA_DIGITS_MAX];
        return ep_fail(error, EP_CORRUPT, "%s ends after %s bytes%s; %s are expected", stream->path,
                       data_digits(stream->position, position), stream->packed ? " of unpacked data" : "",
                       data_digits(stream->length, length));
    }
    return status;
}

enum ep_status data_stream_finish(struct data_stream *stream, struct ep_error *error)
{
    uint8_t byte = 0;
    size_t taken = 0;
    const enum ep_status status = take(stream, &byte, 1, &taken, error);
    if (status == EP_OK && taken > 0) {
        char length[DATA_DIGITS_MAX];
        return ep_fail(error, EP_CORRUPT, "%s goes on after the %s bytes%s that are expected", stream->path,
                       data_digits(stream->length, length), stream->packed ? " of unpacked data" : "");
    }
    return status;
}
