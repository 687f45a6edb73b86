#ifndef EP_BASE_SHA256_H
#define EP_BASE_SHA256_H

#include <stddef.h>

#include "core/base/macros.h"

/** Room for a SHA-256 digest (FIPS 180-4) in lower-case hexadecimal with its terminating zero. */
enum { EP_SHA256_TEXT = 65 };

/** A digest being computed; opaque. One thread at a time. */
struct ep_sha256;

/** Starts a digest; NULL when memory is short. */
EP_NODISCARD struct ep_sha256 *ep_sha256_create(void);

/** Adds `length` bytes. */
void ep_sha256_add(struct ep_sha256 *digest, const void *bytes, size_t length);

/** Writes the digest of all bytes added and releases `digest`. */
void ep_sha256_finish(struct ep_sha256 *digest, char text[EP_SHA256_TEXT]);

#endif
