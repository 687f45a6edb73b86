#ifndef EP_BASE_MEMORY_H
#define EP_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/macros.h"

/** a × b into *product; false (and *product untouched) when it does not fit. */
EP_NODISCARD bool ep_size_multiply(size_t a, size_t b, size_t *product);

/** a + b into *sum; false (and *sum untouched) when it does not fit. */
EP_NODISCARD bool ep_size_add(size_t a, size_t b, size_t *sum);

/**
 * Zeroed room for `count` elements of `size` bytes, aligned to 64 bytes (a cache line and the widest vector).
 * NULL when count × size overflows or memory is short; a count of 0 gives a valid pointer. Release with
 * free().
 */
EP_NODISCARD void *ep_allocate(size_t count, size_t size);

#endif
