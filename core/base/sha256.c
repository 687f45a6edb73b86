#include "core/base/sha256.h"

#include <nettle/sha2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct ep_sha256 {
    struct sha256_ctx context;
};

struct ep_sha256 *ep_sha256_create(void)
{
    struct ep_sha256 *digest = malloc(sizeof *digest);
    if (digest != NULL) {
        sha256_init(&digest->context);
    }
    return digest;
}

void ep_sha256_add(struct ep_sha256 *digest, const void *bytes, size_t length)
{
    sha256_update(&digest->context, length, bytes);
}

void ep_sha256_finish(struct ep_sha256 *digest, char text[EP_SHA256_TEXT])
{
    uint8_t raw[SHA256_DIGEST_SIZE];
    sha256_digest(&digest->context, sizeof raw, raw);
    free(digest);
    for (size_t i = 0; i < sizeof raw; i++) {
        snprintf(text + 2 * i, 3, "%02x", raw[i]);
    }
}
