#include "core/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

bool ep_size_multiply(size_t a, size_t b, size_t *product)
{
    size_t result;
    if (__builtin_mul_overflow(a, b, &result)) {
        return false;
    }
    *product = result;
    return true;
}

bool ep_size_add(size_t a, size_t b, size_t *sum)
{
    size_t result;
    if (__builtin_add_overflow(a, b, &result)) {
        return false;
    }
    *sum = result;
    return true;
}

void *ep_allocate(size_t count, size_t size)
{
    size_t bytes;
    if (!ep_size_multiply(count, size, &bytes) || !ep_size_add(bytes, ALIGNMENT, &bytes)) {
        return NULL;
    }
    bytes -= bytes % ALIGNMENT;
    void *memory = aligned_alloc(ALIGNMENT, bytes);
    if (memory != NULL) {
        memset(memory, 0, bytes);
    }
    return memory;
}
