#include "core/base/random.h"

#include <Random123/philox.h>
#include <math.h>

static const double pi = 3.14159265358979323846;

void ep_random_block(uint64_t seed, enum ep_random_purpose purpose, uint32_t stream, uint64_t block,
                     uint32_t words[4])
{
    const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    const philox4x32_ctr_t counter = {{(uint32_t)block, (uint32_t)(block >> 32), stream, (uint32_t)purpose}};
    const philox4x32_ctr_t result = philox4x32(counter, key);
    for (int i = 0; i < 4; i++) {
        words[i] = result.v[i];
    }
}

/* Uniform in (0, 1], so that its logarithm is finite. */
static double unit_interval(uint32_t word)
{
    return ((double)word + 1.0) * 0x1p-32;
}

void ep_random_normals(uint64_t seed, enum ep_random_purpose purpose, uint32_t stream, uint64_t first,
                       double *out, size_t count)
{
    for (size_t i = 0; i < count; i += 4) {
        uint32_t words[4];
        ep_random_block(seed, purpose, stream, (first + i) / 4, words);
        for (size_t pair = 0; pair < 4 && i + pair < count; pair += 2) {
            const double radius = sqrt(-2.0 * log(unit_interval(words[pair])));
            const double angle = 2.0 * pi * unit_interval(words[pair + 1]);
            out[i + pair] = radius * cos(angle);
            if (i + pair + 1 < count) {
                out[i + pair + 1] = radius * sin(angle);
            }
        }
    }
}

void ep_random_permutation(uint64_t seed, enum ep_random_purpose purpose, uint32_t stream, uint32_t *out,
                           uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = i;
    }
    for (uint32_t i = count; i > 1; i--) {
        uint32_t words[4];
        ep_random_block(seed, purpose, stream, i, words);
        /* The upper half of (64 random bits) × i: uniform below i but for a bias under 2^-32. */
        const uint64_t low = ((uint64_t)words[1] * i) >> 32;
        const uint32_t other = (uint32_t)(((uint64_t)words[0] * i + low) >> 32);
        const uint32_t kept = out[i - 1];
        out[i - 1] = out[other];
        out[other] = kept;
    }
}
