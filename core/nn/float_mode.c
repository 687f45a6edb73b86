#include "core/nn/float_mode.h"

#ifdef __SSE2__
#include <immintrin.h>

struct nn_float_mode nn_float_mode_enter(void)
{
    const struct nn_float_mode mode = {_mm_getcsr()};
    _MM_SET_FLUSH_ZERO_MODE(_MM_FLUSH_ZERO_ON);
    _mm_setcsr(_mm_getcsr() | 0x0040U); /* denormals are zero */
    return mode;
}

void nn_float_mode_leave(struct nn_float_mode mode)
{
    _mm_setcsr(mode.saved);
}
#else
struct nn_float_mode nn_float_mode_enter(void)
{
    return (struct nn_float_mode){0};
}

void nn_float_mode_leave(struct nn_float_mode mode)
{
    (void)mode;
}
#endif
