#ifndef EP_DATA_STREAM_H
#define EP_DATA_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/dataset.h"

/** Inside core/data only: the bytes of a plain or gzip file whose length is known beforehand. */

enum {
    DATA_FILE_MAX = DATA_PATH_MAX + 64, /**< room for the path of a file in a dataset's folder */
    DATA_DIGITS_MAX = 32,
};

/** One open file; one thread at a time. */
struct data_stream;

/**
 * Opens FOLDER/NAME, or FOLDER/NAME.gz if `packed`, which is expected to hold `length` bytes once unpacked.
 * EP_UNAVAILABLE: there is no such file; EP_CORRUPT: it is not a regular file; EP_IO; EP_NO_MEMORY;
 * EP_TOO_LARGE: its path is over DATA_FILE_MAX.
 */
EP_NODISCARD enum ep_status data_stream_open(const char *folder, const char *name, bool packed, size_t length,
                                             struct data_stream **stream, struct ep_error *error);

/** Closes the file; NULL is fine. */
void data_stream_close(struct data_stream *stream);

/** Path of the file, as long as it is open. */
const char *data_stream_path(const struct data_stream *stream);

/** EP_CORRUPT when a plain file has not the expected length; that of a packed one shows when it is read. */
EP_NODISCARD enum ep_status data_stream_check_length(const struct data_stream *stream,
                                                     struct ep_error *error);

/** Reads exactly `count` bytes. EP_CORRUPT when there are not as many, or they cannot be unpacked; EP_IO. */
EP_NODISCARD enum ep_status data_stream_read(struct data_stream *stream, void *bytes, size_t count,
                                             struct ep_error *error);

/** Makes sure that nothing follows, and that gzip's checksum is right. EP_CORRUPT, EP_IO. */
EP_NODISCARD enum ep_status data_stream_finish(struct data_stream *stream, struct ep_error *error);

/** Writes `number` with its digits in groups of three ("30 730 000") and returns `text`. */
const char *data_digits(uint64_t number, char text[DATA_DIGITS_MAX]);

#endif
