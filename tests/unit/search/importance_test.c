/* Importance of fields: what the correlation ratio must be where that is known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/macros.h"
#include "core/base/random.h"
#include "core/search/importance.h"

enum { SIDE = 14, POINTS = SIDE * SIDE };

struct grid {
    double a[POINTS];
    double b[POINTS];
    double objective[POINTS];
};

/* weight_a · f(a) + weight_b · f(b) on a grid with log spacing, as of eta and lambda. */
static void fill(struct grid *grid, double weight_a, double weight_b)
{
    for (size_t i = 0; i < POINTS; i++) {
        const size_t row = i / SIDE;
        const double a = (double)row;
        const double b = (double)(i - row * SIDE);
        grid->a[i] = pow(10, -6 + a / 3);
        grid->b[i] = pow(10, -5 + b / 3);
        grid->objective[i] = weight_a * (a - 4) * (a - 4) + weight_b * (b - 4) * (b - 4);
    }
}

static double uniform(uint64_t i)
{
    uint32_t words[4];
    ep_random_block(3, EP_RANDOM_SAMPLE, 0, i, words);
    return words[0] * 0x1p-32;
}

static void a_field_that_explains_all_has_one(void **state)
{
    (void)state;
    struct grid grid;
    fill(&grid, 1, 0);
    assert_true(fabs(search_importance(grid.a, grid.objective, POINTS) - 1) < 1e-12);
    assert_true(search_importance(grid.b, grid.objective, POINTS) < 1e-12);
}

static void sums_split_by_their_variances(void **state)
{
    (void)state;
    struct grid grid;
    fill(&grid, 2, 1);
    assert_true(fabs(search_importance(grid.a, grid.objective, POINTS) - 0.8) < 1e-12);
    assert_true(fabs(search_importance(grid.b, grid.objective, POINTS) - 0.2) < 1e-12);
    /* Neither the objective's unit nor its size matters. */
    for (size_t i = 0; i < POINTS; i++) {
        grid.objective[i] = -7e305 * grid.objective[i];
    }
    assert_true(fabs(search_importance(grid.a, grid.objective, POINTS) - 0.8) < 1e-12);
}

static void an_interaction_belongs_to_neither(void **state)
{
    (void)state;
    const double a[] = {0, 0, 1, 1};
    const double b[] = {0, 1, 0, 1};
    const double objective[] = {0, 1, 1, 0};
    assert_true(search_importance(a, objective, 4) < 1e-12);
    assert_true(search_importance(b, objective, 4) < 1e-12);
}

static void ranges_are_binned(void **state)
{
    (void)state;
    double signal[400];
    double noise[400];
    double objective[400];
    for (size_t i = 0; i < 400; i++) {
        signal[i] = uniform(2 * i);
        noise[i] = uniform(2 * i + 1);
        objective[i] = sin(3 * signal[i]);
    }
    assert_true(search_importance(signal, objective, 400) > 0.95);
    assert_true(search_importance(noise, objective, 400) < 0.1);
    assert_true(search_importance(signal, objective, 50) > 0.85);
    assert_true(search_importance(noise, objective, 50) < 0.3);
    /* A value that half of the trials share is one group, wherever they stand. */
    for (size_t i = 0; i < 400; i++) {
        signal[i] = i % 2 == 0 ? 0.5 : signal[i];
        objective[i] = i % 2 == 0 ? uniform(1000 + i) : 0.5;
    }
    assert_true(search_importance(signal, objective, 400) < 0.05);
}

static void trials_without_numbers_do_not_count(void **state)
{
    (void)state;
    const double values[] = {1, 1, 2, 2, NAN, 1, 3, 2};
    const double objectives[] = {5, 5, 7, 7, 100, NAN, NAN, INFINITY};
    assert_true(fabs(search_importance(values, objectives, EP_COUNT(values)) - 1) < 1e-12);
}

static void too_little_to_tell_is_nan(void **state)
{
    (void)state;
    const double values[] = {1, 2, 2, 3, 1, NAN};
    const double same[] = {0.1, 0.1, 0.1, 0.1, 0.1, 7};
    const double objectives[] = {1, 2, 3, 4, 5, 6};
    assert_true(isnan(search_importance(values, same, EP_COUNT(values))));
    assert_true(isnan(search_importance(values, objectives, 0)));
    assert_true(isnan(search_importance(values + 1, objectives, 2)));
    assert_true(isnan(search_importance(objectives, objectives, EP_COUNT(objectives))));
    assert_true(!isnan(search_importance(values, objectives, 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_that_explains_all_has_one),
        cmocka_unit_test(sums_split_by_their_variances),
        cmocka_unit_test(an_interaction_belongs_to_neither),
        cmocka_unit_test(ranges_are_binned),
        cmocka_unit_test(trials_without_numbers_do_not_count),
        cmocka_unit_test(too_little_to_tell_is_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
