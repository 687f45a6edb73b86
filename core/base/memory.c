#include "core/base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    ALIGNMENT = 64,
    /* From here on memory is asked for in huge pages: fewer of them to look up, and always the same lines of
     * the caches. */
    LARGE = 1 << 19,
    HUGE_PAGE = 1 << 21,
};

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
    size_t rounded;
    if (!ep_size_multiply(count, size, &bytes) || !ep_size_add(bytes, HUGE_PAGE, &rounded)) {
        return NULL;
    }
    const size_t alignment = bytes >= LARGE ? HUGE_PAGE : ALIGNMENT;
    rounded = (bytes / alignment + 1) * alignment;
    void *memory = aligned_alloc(alignment, rounded);
    if (memory != NULL) {
        if (alignment == HUGE_PAGE) {
            (void)madvise(memory, rounded, MADV_HUGEPAGE); /* where that cannot be, it is only slower */
        }
        memset(memory, 0, bytes);
    }
    return memory;
}
