#ifndef EP_BASE_ID_H
#define EP_BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

/** Room for an id and its terminating zero. */
enum { EP_ID_TEXT = 37 };

/**
 * A new UUID version 7 (RFC 9562, section 5.7) as 36 lower-case characters: 48 bits of wall-clock
 * milliseconds, a 12-bit counter, then random bits from the kernel, so that ids cannot be guessed. `sequence`
 * (0 at first) is the caller's memory of the newest id: ids made with one sequence sort in the order they
 * were made. The caller lets one thread at a time use a sequence. EP_IO when the kernel gives no random
 * bytes.
 */
EP_NODISCARD enum ep_status ep_id_create(uint64_t *sequence, char id[EP_ID_TEXT], struct ep_error *error);

/** The sequence from which ids go on that are newer than `id`, which must be valid. */
uint64_t ep_id_sequence(const char *id);

/** Whether `text` has the form that ep_id_create gives. */
bool ep_id_valid(const char *text);

#endif
