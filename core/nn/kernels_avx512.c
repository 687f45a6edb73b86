/* The kernels for AVX-512: compiled for it, and run only where it is. */
#include <immintrin.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

typedef __m512 vec;

ALWAYS_INLINE vec zero(void)
{
    return _mm512_setzero_ps();
}

ALWAYS_INLINE vec load(const float *at)
{
    return _mm512_loadu_ps(at);
}

ALWAYS_INLINE void store(float *at, vec a)
{
    _mm512_storeu_ps(at, a);
}

ALWAYS_INLINE vec broadcast(const float *at)
{
    return _mm512_set1_ps(*at);
}

ALWAYS_INLINE vec fma_vec(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

ALWAYS_INLINE vec add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}

ALWAYS_INLINE vec subtract(vec a, vec b)
{
    return _mm512_sub_ps(a, b);
}

ALWAYS_INLINE vec multiply(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}

ALWAYS_INLINE vec divide(vec a, vec b)
{
    return _mm512_div_ps(a, b);
}

ALWAYS_INLINE vec root(vec a)
{
    return _mm512_sqrt_ps(a);
}

/* Lane j of both plus lane j + 8: the first eight lanes are a's. */
ALWAYS_INLINE vec fold_8(vec a, vec b)
{
    return add(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
}

/* Of two results of fold_8, lane j plus lane j + 4: four vectors' quarters. */
ALWAYS_INLINE vec fold_4(vec a, vec b)
{
    return add(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xDD));
}

/* Quarters of the vectors i, i + 4, i + 8 and i + 12. */
ALWAYS_INLINE vec quarters(const vec *parts)
{
    return fold_4(fold_8(parts[0], parts[4]), fold_8(parts[8], parts[12]));
}

ALWAYS_INLINE vec fold_2(vec a, vec b)
{
    return add(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xEE));
}

ALWAYS_INLINE vec fold_1(vec a, vec b)
{
    return add(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xDD));
}

ALWAYS_INLINE vec sum_lanes(const vec *parts)
{
    const vec even = fold_2(quarters(parts), quarters(parts + 1));
    const vec odd = fold_2(quarters(parts + 2), quarters(parts + 3));
    return fold_1(even, odd);
}

#define OUTER_M              12
#define OUTER_N              2
#define OUTER_SIZES(X)       X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define INNER_M              5
#define INNER_N              5
#define INNER_PARTS          32
#define INNER_SIZES_OF(X, m) X(m, 1) X(m, 2) X(m, 3) X(m, 4) X(m, 5)
#define INNER_SIZES(X)                                                                                       \
    INNER_SIZES_OF(X, 1) INNER_SIZES_OF(X, 2) INNER_SIZES_OF(X, 3) INNER_SIZES_OF(X, 4) INNER_SIZES_OF(X, 5)

#include "core/nn/kernels_body.h"

#include "core/nn/kernels_bf16.h"

const struct nn_kernels *nn_kernels_avx512(void)
{
    static const struct nn_kernels kernels = {"AVX-512", forward, input_gradient, descend};
    return __builtin_cpu_supports("avx512f") ? &kernels : NULL;
}

const struct nn_kernels16 *nn_kernels_bf16(void)
{
    static const struct nn_kernels16 kernels = {forward16, descend16, round16};
    return nn_kernels_avx512() != NULL && __builtin_cpu_supports("avx512bf16") ? &kernels : NULL;
}
