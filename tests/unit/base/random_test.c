/* Random numbers: the published known answers, and the distributions that are drawn from them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/macros.h"
#include "core/base/random.h"

/* Philox4x32-10 known answers of the Random123 distribution (kat_vectors), with key = seed. */
static void philox_gives_the_published_numbers(void **state)
{
    (void)state;
    uint32_t words[4];
    ep_random_block(0, (enum ep_random_purpose)0, 0, 0, words);
    const uint32_t zero[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    assert_memory_equal(words, zero, sizeof zero);

    ep_random_block(UINT64_MAX, (enum ep_random_purpose)0xffffffff, 0xffffffff, UINT64_MAX, words);
    const uint32_t ones[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    assert_memory_equal(words, ones, sizeof ones);
}

static void normals_have_the_moments_of_the_normal_distribution(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    double *numbers = malloc(COUNT * sizeof *numbers);
    ep_random_normals(7, EP_RANDOM_WEIGHTS, 3, 0, numbers, COUNT);
    double sums[5] = {0};
    double largest = 0;
    for (size_t i = 0; i < COUNT; i++) {
        for (int k = 1; k <= 4; k++) {
            sums[k] += pow(numbers[i], k) / COUNT;
        }
        largest = fmax(largest, fabs(numbers[i]));
    }
    free(numbers);
    /* Five standard errors of each moment. */
    assert_true(fabs(sums[1]) < 5 * sqrt(1.0 / COUNT));
    assert_true(fabs(sums[2] - 1) < 5 * sqrt(2.0 / COUNT));
    assert_true(fabs(sums[3]) < 5 * sqrt(15.0 / COUNT));
    assert_true(fabs(sums[4] - 3) < 5 * sqrt(96.0 / COUNT));
    assert_true(largest > 4 && largest < 7);
}

static void normals_do_not_depend_on_where_a_request_starts(void **state)
{
    (void)state;
    double whole[50];
    double part[13];
    ep_random_normals(1, EP_RANDOM_WEIGHTS, 0, 0, whole, EP_COUNT(whole));
    ep_random_normals(1, EP_RANDOM_WEIGHTS, 0, 8, part, EP_COUNT(part));
    assert_memory_equal(part, whole + 8, sizeof part);
}

static void seeds_streams_and_purposes_give_different_numbers(void **state)
{
    (void)state;
    uint32_t base[4];
    uint32_t other[4];
    ep_random_block(1, EP_RANDOM_WEIGHTS, 0, 0, base);
    ep_random_block(2, EP_RANDOM_WEIGHTS, 0, 0, other);
    assert_memory_not_equal(base, other, sizeof base);
    ep_random_block(1ULL << 32 | 1, EP_RANDOM_WEIGHTS, 0, 0, other);
    assert_memory_not_equal(base, other, sizeof base);
    ep_random_block(1, EP_RANDOM_ORDER, 0, 0, other);
    assert_memory_not_equal(base, other, sizeof base);
    ep_random_block(1, EP_RANDOM_WEIGHTS, 1, 0, other);
    assert_memory_not_equal(base, other, sizeof base);
}

static void a_permutation_holds_every_index_once(void **state)
{
    (void)state;
    enum { COUNT = 10007 };
    uint32_t *order = malloc(COUNT * sizeof *order);
    unsigned char *seen = calloc(COUNT, 1);
    ep_random_permutation(1, EP_RANDOM_ORDER, 5, order, COUNT);
    size_t fixed = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(order[i] < COUNT);
        assert_int_equal(seen[order[i]], 0);
        seen[order[i]] = 1;
        fixed += order[i] == i;
    }
    free(order);
    free(seen);
    assert_true(fixed < 10); /* one on average */
}

/* All 24 orders of four things, equally often: chi-square with 23 degrees of freedom below its 99.99 % point.
 */
static void permutations_are_equally_likely(void **state)
{
    (void)state;
    enum { DRAWS = 24000 };
    size_t counts[256] = {0};
    for (uint32_t stream = 0; stream < DRAWS; stream++) {
        uint32_t order[4];
        ep_random_permutation(9, EP_RANDOM_ORDER, stream, order, 4);
        counts[order[0] << 6 | order[1] << 4 | order[2] << 2 | order[3]]++;
    }
    double chi = 0;
    size_t orders = 0;
    for (size_t i = 0; i < EP_COUNT(counts); i++) {
        if (counts[i] > 0) {
            orders++;
            chi += pow((double)counts[i] - DRAWS / 24.0, 2) / (DRAWS / 24.0);
        }
    }
    assert_int_equal(orders, 24);
    assert_true(chi < 57.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_numbers),
        cmocka_unit_test(normals_have_the_moments_of_the_normal_distribution),
        cmocka_unit_test(normals_do_not_depend_on_where_a_request_starts),
        cmocka_unit_test(seeds_streams_and_purposes_give_different_numbers),
        cmocka_unit_test(a_permutation_holds_every_index_once),
        cmocka_unit_test(permutations_are_equally_likely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
