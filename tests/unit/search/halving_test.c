/* Successive halving: rungs, shares of the brackets, and who goes on. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/macros.h"
#include "core/search/halving.h"

static void brackets_are_counted_without_rounding(void **state)
{
    (void)state;
    const struct {
        struct search_halving halving;
        uint64_t epochs;
        size_t brackets;
    } cases[] = {
        {{.first = 0, .factor = 3, .brackets = true}, 81, 0},
        {{.first = 1, .factor = 3, .brackets = false}, 81, 1},
        {{.first = 1, .factor = 3, .brackets = true}, 1, 1},
        {{.first = 1, .factor = 3, .brackets = true}, 80, 4},
        {{.first = 1, .factor = 3, .brackets = true}, 81, 5}, /* Hyperband, table 1 */
        {{.first = 1, .factor = 5, .brackets = true}, 125, 4},
        {{.first = 1, .factor = 10, .brackets = true}, 1000, 4},
        {{.first = 1, .factor = 10, .brackets = true}, 999, 3},
        {{.first = 2, .factor = 3, .brackets = true}, 53, 3},
        {{.first = 2, .factor = 3, .brackets = true}, 54, 4},
        {{.first = 9, .factor = 3, .brackets = true}, 8, 1},
        {{.first = 1, .factor = 2, .brackets = true}, UINT64_MAX, SEARCH_RUNGS_MAX},
        {{.first = UINT64_MAX, .factor = UINT64_MAX, .brackets = true}, UINT64_MAX, 1},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        assert_int_equal(search_brackets(&cases[i].halving, cases[i].epochs), cases[i].brackets);
    }
}

static void rungs_rise_by_the_factor_below_the_epochs(void **state)
{
    (void)state;
    const struct search_halving halving = {.first = 1, .factor = 3, .brackets = true};
    const uint64_t whole[] = {1, 3, 9, 27};
    for (size_t bracket = 0; bracket < 5; bracket++) {
        uint64_t rungs[SEARCH_RUNGS_MAX] = {0};
        assert_int_equal(search_rungs(&halving, 81, bracket, rungs), 4 - bracket);
        assert_memory_equal(rungs, whole + bracket, (4 - bracket) * sizeof *rungs);
    }
    uint64_t rungs[SEARCH_RUNGS_MAX] = {0};
    assert_int_equal(search_rungs(&halving, 82, 4, rungs), 1);
    assert_int_equal(rungs[0], 81);
    assert_int_equal(search_rungs(&(struct search_halving){.factor = 3}, 81, 0, rungs), 0);
    assert_int_equal(search_rungs(&halving, 1, 0, rungs), 0);

    const struct search_halving doubling = {.first = 1, .factor = 2};
    assert_int_equal(search_rungs(&doubling, UINT64_MAX, 0, rungs), SEARCH_RUNGS_MAX);
    assert_int_equal(rungs[SEARCH_RUNGS_MAX - 1], 1 << (SEARCH_RUNGS_MAX - 1));
    const struct search_halving steep = {.first = 3, .factor = UINT64_MAX / 2};
    assert_int_equal(search_rungs(&steep, UINT64_MAX, 0, rungs), 1);
}

static void deal(const struct search_halving *halving, uint64_t epochs, size_t count, uint64_t seed,
                 size_t counts[SEARCH_RUNGS_MAX])
{
    memset(counts, 0, SEARCH_RUNGS_MAX * sizeof *counts);
    for (size_t i = 0; i < count; i++) {
        const size_t bracket = search_bracket_of(halving, epochs, i, count, seed);
        assert_in_range(bracket, 0, search_brackets(halving, epochs) - 1);
        counts[bracket]++;
    }
}

static void brackets_get_the_shares_of_hyperband(void **state)
{
    (void)state;
    const struct search_halving halving = {.first = 1, .factor = 3, .brackets = true};
    size_t counts[SEARCH_RUNGS_MAX];
    /* ceil(5 / (s + 1) · 3^s) for s = 4 … 0: 81, 34, 15, 8, 5 trials of 143. */
    const size_t hyperband[] = {81, 34, 15, 8, 5};
    for (uint64_t seed = 0; seed < 5; seed++) {
        deal(&halving, 81, 143, seed, counts);
        assert_memory_equal(counts, hyperband, sizeof hyperband);
        deal(&halving, 81, 1430, seed, counts);
        for (size_t i = 0; i < EP_COUNT(hyperband); i++) {
            assert_int_equal(counts[i], 10 * hyperband[i]);
        }
    }
    for (size_t count = 5; count < 200; count++) {
        deal(&halving, 81, count, count, counts);
        for (size_t i = 0; i < EP_COUNT(hyperband); i++) {
            assert_true(counts[i] >= 1);
            /* Within one of the share, but for the one that each bracket gets. */
            const double share = (double)(hyperband[i] * count) / 143;
            assert_true(fabs((double)counts[i] - share) < (count < 29 ? 3 : 1));
        }
    }
    deal(&halving, 81, 1, 0, counts);
    assert_int_equal(counts[0], 1);
}

static void trials_are_dealt_by_the_seed(void **state)
{
    (void)state;
    enum { COUNT = 10000, HALF = COUNT / 2 };
    const struct search_halving halving = {.first = 1, .factor = 3, .brackets = true};
    size_t lowest_of_first_half = 0;
    size_t counts[SEARCH_RUNGS_MAX];
    deal(&halving, 81, COUNT, 1, counts);
    size_t same = 0;
    for (size_t i = 0; i < COUNT; i++) {
        const size_t bracket = search_bracket_of(&halving, 81, i, COUNT, 1);
        lowest_of_first_half += i < HALF && bracket == 0 ? 1 : 0;
        same += bracket == search_bracket_of(&halving, 81, i, COUNT, 2) ? 1 : 0;
        assert_int_equal(bracket, search_bracket_of(&halving, 81, i, COUNT, 1));
    }
    /* Six standard deviations about half of them; another seed agrees as often as chance has it, 39.2 %. */
    assert_true(fabs((double)lowest_of_first_half - (double)counts[0] / 2) < 6 * 25);
    assert_true(fabs((double)same - 0.392 * COUNT) < 6 * 50);
}

static void one_in_n_survives(void **state)
{
    (void)state;
    const struct search_halving halving = {.first = 1, .factor = 3};
    assert_int_equal(search_survivors(&halving, 0), 1);
    assert_int_equal(search_survivors(&halving, 2), 1);
    assert_int_equal(search_survivors(&halving, 8), 2);
    assert_int_equal(search_survivors(&halving, 9), 3);
}

static void the_lowest_losses_are_kept(void **state)
{
    (void)state;
    const double losses[] = {2, NAN, 1, 1, -INFINITY, INFINITY, NAN};
    /* From the best: 4, 2, 3, 0, 5, 1, 6. */
    const size_t ranks[] = {3, 5, 1, 2, 0, 4, 6};
    for (size_t keep = 0; keep <= EP_COUNT(losses) + 1; keep++) {
        bool cut[EP_COUNT(losses)];
        assert_true(search_cut(losses, EP_COUNT(losses), keep, cut));
        for (size_t i = 0; i < EP_COUNT(losses); i++) {
            assert_int_equal(cut[i], ranks[i] >= keep);
        }
    }
    assert_true(search_cut(losses, 0, 1, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brackets_are_counted_without_rounding),
        cmocka_unit_test(rungs_rise_by_the_factor_below_the_epochs),
        cmocka_unit_test(brackets_get_the_shares_of_hyperband),
        cmocka_unit_test(trials_are_dealt_by_the_seed),
        cmocka_unit_test(one_in_n_survives),
        cmocka_unit_test(the_lowest_losses_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
