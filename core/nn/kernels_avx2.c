/* The kernels for AVX2 and FMA: compiled for them, and run only where they are. */
#include <immintrin.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Two of the processor's vectors, lanes 0 to 7 and 8 to 15. */
typedef struct {
    __m256 low, high;
} vec;

ALWAYS_INLINE vec zero(void)
{
    return (vec){_mm256_setzero_ps(), _mm256_setzero_ps()};
}

ALWAYS_INLINE vec load(const float *at)
{
    return (vec){_mm256_loadu_ps(at), _mm256_loadu_ps(at + 8)};
}

ALWAYS_INLINE void store(float *at, vec a)
{
    _mm256_storeu_ps(at, a.low);
    _mm256_storeu_ps(at + 8, a.high);
}

ALWAYS_INLINE vec broadcast(const float *at)
{
    const __m256 all = _mm256_broadcast_ss(at);
    return (vec){all, all};
}

ALWAYS_INLINE vec fma_vec(vec a, vec b, vec c)
{
    return (vec){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}

ALWAYS_INLINE vec add(vec a, vec b)
{
    return (vec){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}

ALWAYS_INLINE vec subtract(vec a, vec b)
{
    return (vec){_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}

ALWAYS_INLINE vec multiply(vec a, vec b)
{
    return (vec){_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}

ALWAYS_INLINE vec divide(vec a, vec b)
{
    return (vec){_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}

ALWAYS_INLINE vec root(vec a)
{
    return (vec){_mm256_sqrt_ps(a.low), _mm256_sqrt_ps(a.high)};
}

/* Lane j plus lane j + 8, then plus lane j + 4: a quarter. */
ALWAYS_INLINE __m128 quarter(vec part)
{
    const __m256 half = _mm256_add_ps(part.low, part.high);
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

ALWAYS_INLINE __m128 fold_2(__m128 a, __m128 b)
{
    return _mm_add_ps(_mm_shuffle_ps(a, b, 0x44), _mm_shuffle_ps(a, b, 0xEE));
}

ALWAYS_INLINE __m128 fold_1(__m128 a, __m128 b)
{
    return _mm_add_ps(_mm_shuffle_ps(a, b, 0x88), _mm_shuffle_ps(a, b, 0xDD));
}

/* Four sums. */
ALWAYS_INLINE __m128 sum_four(const vec *parts)
{
    return fold_1(fold_2(quarter(parts[0]), quarter(parts[1])), fold_2(quarter(parts[2]), quarter(parts[3])));
}

ALWAYS_INLINE vec sum_lanes(const vec *parts)
{
    return (vec){_mm256_set_m128(sum_four(parts + 4), sum_four(parts)),
                 _mm256_set_m128(sum_four(parts + 12), sum_four(parts + 8))};
}

#define OUTER_M        6
#define OUTER_N        1
#define OUTER_SIZES(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define INNER_M        3
#define INNER_N        2
#define INNER_PARTS    16
#define INNER_SIZES(X) X(1, 1) X(1, 2) X(2, 1) X(2, 2) X(3, 1) X(3, 2)

#include "core/nn/kernels_body.h"

const struct nn_kernels *nn_kernels_avx2(void)
{
    static const struct nn_kernels kernels = {"AVX2", forward, input_gradient, descend};
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kernels : NULL;
}
