/* The tree-structured Parzen estimator: what it proposes, and that it finds more than chance does. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/macros.h"
#include "core/base/random.h"
#include "core/search/tpe.h"

enum { STARTUP = 10 };

static double batch_norm_values[] = {0, 1};
static double optimizers[] = {0, 1, 2};
static double momenta[] = {0.5, 0.9, 0.99};
static struct ep_integer_list shapes[5];

static size_t row(const char *name)
{
    const size_t found = ep_fields_find(&job_spec_fields, name);
    assert_true(found < job_spec_fields.count);
    return found;
}

static struct search_field range(const char *name, enum search_scale scale, double from, double to)
{
    return (struct search_field){.row = row(name), .scale = scale, .from = from, .to = to};
}

static struct search_field list(const char *name, size_t count, double *values)
{
    return (struct search_field){.row = row(name), .is_list = true, .count = count, .values = values};
}

static struct search_field list_of_shapes(void)
{
    return (struct search_field){
        .row = row("hidden"), .is_list = true, .count = EP_COUNT(shapes), .lists = shapes};
}

static struct search_stage pair_of_ranges(uint64_t seed)
{
    return (struct search_stage){
        .method = SEARCH_TPE,
        .seed = seed,
        .field_count = 2,
        .fields = {range("eta", SEARCH_LOG, 1e-6, 1), range("lambda", SEARCH_LOG, 1e-6, 0.1)},
    };
}

static void ask(const struct search_stage *stage, const struct search_point *points, const double *losses,
                size_t seen, size_t count, struct search_point *proposals)
{
    struct ep_error error;
    assert_int_equal(search_tpe_propose(stage, points, losses, seen, seen, count, proposals, &error), EP_OK);
}

static double normal(uint64_t seed, size_t i)
{
    double number;
    ep_random_normals(seed, EP_RANDOM_SAMPLE, 0, 4 * (uint64_t)i, &number, 1);
    return number;
}

/* The error, in points, of a network over (eta, lambda): it falls with log eta to a cliff, is nearly flat in
 * lambda, and no two runs agree better than within half a point. */
static double network(const struct search_point *point, uint64_t seed, size_t i)
{
    const double eta = log10(point->at[0]);
    const double lambda = log10(point->at[1]) + 3;
    const double cliff = -1.55 - 0.05 * lambda;
    double error = 90 - 44 / (1 + exp(-1.6 * (eta + 3.6)));
    error += lambda * lambda * (lambda > 0 ? 0.33 : 0.05);
    error += eta > cliff ? 120 * (eta - cliff) : 0;
    return fmin(error, 90) + 0.5 * normal(seed, i);
}

static void begins_with_random_points(void **state)
{
    (void)state;
    struct search_stage stage = pair_of_ranges(5);
    struct search_point proposals[2 * STARTUP];
    ask(&stage, NULL, NULL, 0, EP_COUNT(proposals), proposals);
    for (size_t i = 0; i < EP_COUNT(proposals); i++) {
        struct search_point point = {0};
        search_random_point(&stage, i, &point);
        assert_memory_equal(&point, &proposals[i], sizeof point);
    }
    /* So it goes on while every trial fails. */
    double losses[STARTUP];
    for (size_t i = 0; i < STARTUP; i++) {
        losses[i] = NAN;
    }
    struct search_point next[STARTUP];
    ask(&stage, proposals, losses, STARTUP, STARTUP, next);
    assert_memory_equal(next, proposals + STARTUP, sizeof next);
}

static void points_follow_from_the_arguments(void **state)
{
    (void)state;
    struct search_stage stage = pair_of_ranges(5);
    struct search_point points[STARTUP] = {0};
    double losses[STARTUP];
    ask(&stage, NULL, NULL, 0, STARTUP, points);
    for (size_t i = 0; i < STARTUP; i++) {
        losses[i] = network(&points[i], 1, i);
    }
    struct search_point once[4];
    struct search_point again[4];
    ask(&stage, points, losses, STARTUP, 4, once);
    ask(&stage, points, losses, STARTUP, 4, again);
    assert_memory_equal(once, again, sizeof once);
    ask(&stage, points, losses, STARTUP, 2, again);
    assert_memory_equal(once, again, 2 * sizeof *once);

    stage.seed = 6;
    ask(&stage, points, losses, STARTUP, 1, again);
    assert_memory_not_equal(once, again, sizeof *once);
    stage.seed = 5;
    losses[0] = -1000;
    ask(&stage, points, losses, STARTUP, 1, again);
    assert_memory_not_equal(once, again, sizeof *once);
}

static void values_are_those_of_the_fields(void **state)
{
    (void)state;
    const struct search_stage stage = {
        .method = SEARCH_TPE,
        .seed = 2,
        .field_count = 7,
        .fields =
            {
                range("eta", SEARCH_LOG, 1e-6, 1),
                range("dropout", SEARCH_LINEAR, 0.1, 0.1),
                range("batch_size", SEARCH_LOG, 8, 512),
                list("batch_norm", 2, batch_norm_values),
                list("optimizer", 3, optimizers),
                list("momentum", 3, momenta),
                list_of_shapes(),
            },
    };
    enum { SEEN = 60, MORE = 40 };
    struct search_point points[SEEN + MORE];
    double losses[SEEN];
    for (size_t i = 0; i < SEEN; i++) {
        search_random_point(&stage, i, &points[i]);
        losses[i] = i % 7 == 0 ? NAN : normal(3, i) + points[i].at[6];
    }
    /* What a list no longer has is no reason to stumble. */
    points[3].at[5] = NAN;
    points[4].at[0] = NAN;
    points[5].at[6] = 99;
    ask(&stage, points, losses, SEEN, MORE, points + SEEN);
    size_t seen_hidden[5] = {0};
    for (size_t i = SEEN; i < SEEN + MORE; i++) {
        const double *at = points[i].at;
        assert_true(at[0] >= 1e-6 && at[0] <= 1);
        assert_true(fabs(at[1] - 0.1) < 1e-12);
        assert_true(at[2] >= 8 && at[2] <= 512 && at[2] == floor(at[2]));
        assert_true(at[3] == 0 || at[3] == 1);
        assert_true(at[4] == 0 || at[4] == 1 || at[4] == 2);
        assert_true(at[5] == 0.5 || at[5] == 0.9 || at[5] == 0.99);
        assert_true(at[6] >= 0 && at[6] <= 4 && at[6] == floor(at[6]));
        seen_hidden[(size_t)at[6]]++;
    }
    /* The better the value, the more of them. */
    assert_true(seen_hidden[0] + seen_hidden[1] > seen_hidden[3] + seen_hidden[4] + 8);
}

static double mean_distance(const struct search_stage *stage, const struct search_point *points, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            double squares = 0;
            for (size_t f = 0; f < stage->field_count; f++) {
                const struct search_field *field = &stage->fields[f];
                squares += pow(search_field_share(field, points[i].at[f]) -
                                   search_field_share(field, points[j].at[f]),
                               2);
            }
            sum += sqrt(squares);
        }
    }
    return sum / ((double)(count * (count - 1)) / 2);
}

static void points_of_a_call_keep_apart(void **state)
{
    (void)state;
    enum { SEEN = 30, BATCH = 10 };
    double together = 0;
    double alone = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        const struct search_stage stage = pair_of_ranges(seed);
        struct search_point points[SEEN] = {0};
        double losses[SEEN];
        for (size_t i = 0; i < SEEN; i++) {
            search_random_point(&stage, i, &points[i]);
            losses[i] = network(&points[i], seed, i);
        }
        struct search_point proposals[BATCH];
        ask(&stage, points, losses, SEEN, BATCH, proposals);
        together += mean_distance(&stage, proposals, BATCH);
        for (size_t i = 0; i < BATCH; i++) {
            assert_int_equal(
                search_tpe_propose(&stage, points, losses, SEEN, SEEN + i, 1, &proposals[i], NULL), EP_OK);
        }
        alone += mean_distance(&stage, proposals, BATCH);
    }
    assert_true(together > 1.2 * alone);
}

static void nothing_is_tried_twice_while_something_is_left(void **state)
{
    (void)state;
    enum { HIDDEN = EP_COUNT(shapes), POINTS = 3 * HIDDEN };
    const struct search_stage stage = {
        .method = SEARCH_TPE,
        .seed = 1,
        .field_count = 2,
        .fields = {list("optimizer", 3, optimizers), list_of_shapes()},
    };
    struct search_point points[POINTS + 5];
    double losses[POINTS];
    for (size_t i = 0; i < POINTS; i++) {
        points[i] = (struct search_point){.at = {(double)(i % 3), (double)(i % HIDDEN)}};
        losses[i] = (double)i;
    }
    ask(&stage, points, losses, STARTUP, 5, points + STARTUP);
    size_t times[POINTS] = {0};
    for (size_t i = 0; i < POINTS; i++) {
        times[(size_t)points[i].at[0] * HIDDEN + (size_t)points[i].at[1]]++;
    }
    for (size_t i = 0; i < POINTS; i++) {
        assert_int_equal(times[i], 1);
    }
    ask(&stage, points, losses, POINTS, 5, points + POINTS);
}

static void failed_trials_are_kept_away_from(void **state)
{
    (void)state;
    enum { SEEN = 40, BATCH = 20 };
    const struct search_stage stage = pair_of_ranges(9);
    struct search_point points[SEEN] = {0};
    double losses[SEEN];
    for (size_t i = 0; i < SEEN; i++) {
        search_random_point(&stage, i, &points[i]);
        losses[i] = points[i].at[0] > 1e-3 ? NAN : normal(1, i);
    }
    struct search_point proposals[BATCH];
    ask(&stage, points, losses, SEEN, BATCH, proposals);
    size_t diverge = 0;
    for (size_t i = 0; i < BATCH; i++) {
        diverge += proposals[i].at[0] > 1e-3 ? 1 : 0;
    }
    assert_true(diverge <= BATCH / 4); /* half of them by chance */
}

static int by_size(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void sixty_find_more_than_twice_as_many_at_random(void **state)
{
    (void)state;
    enum { SEEDS = 21, TRIALS = 60, AT_RANDOM = 120, BATCH = 10 };
    double margins[SEEDS];
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const struct search_stage stage = pair_of_ranges(seed);
        struct search_point points[TRIALS] = {0};
        double losses[TRIALS];
        double best = INFINITY;
        for (size_t i = 0; i < TRIALS; i++) {
            if (i % BATCH == 0) {
                ask(&stage, points, losses, i, BATCH, points + i);
            }
            losses[i] = network(&points[i], seed, i);
            best = fmin(best, losses[i]);
        }
        double best_random = INFINITY;
        for (size_t i = 0; i < AT_RANDOM; i++) {
            struct search_point point = {0};
            search_random_point(&stage, 1000 + i, &point);
            best_random = fmin(best_random, network(&point, seed, 1000 + i));
        }
        margins[seed] = best - best_random;
    }
    qsort(margins, SEEDS, sizeof *margins, by_size);
    assert_true(margins[SEEDS / 2] < 0);
}

static void ten_thousand_trials_are_no_burden(void **state)
{
    (void)state;
    enum { BATCH = 20 };
    const struct search_stage stage = pair_of_ranges(1);
    static struct search_point points[SEARCH_TRIALS_MAX];
    static double losses[SEARCH_TRIALS_MAX];
    for (size_t i = 0; i < SEARCH_TRIALS_MAX; i++) {
        search_random_point(&stage, i, &points[i]);
        losses[i] = network(&points[i], 1, i);
    }
    struct search_point proposals[BATCH];
    ask(&stage, points, losses, SEARCH_TRIALS_MAX - BATCH, BATCH, proposals);
    size_t near = 0;
    for (size_t i = 0; i < BATCH; i++) {
        near += proposals[i].at[0] > 1e-3 && proposals[i].at[0] < 0.1 ? 1 : 0;
    }
    assert_true(near >= BATCH * 3 / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_with_random_points),
        cmocka_unit_test(points_follow_from_the_arguments),
        cmocka_unit_test(values_are_those_of_the_fields),
        cmocka_unit_test(points_of_a_call_keep_apart),
        cmocka_unit_test(nothing_is_tried_twice_while_something_is_left),
        cmocka_unit_test(failed_trials_are_kept_away_from),
        cmocka_unit_test(sixty_find_more_than_twice_as_many_at_random),
        cmocka_unit_test(ten_thousand_trials_are_no_burden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
