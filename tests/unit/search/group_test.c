/* Which trials train side by side. */
#include "tests/unit/search/search_fixture.h"

#include "core/search/group.h"

enum { TRIALS_MOST = 10000 };

struct world {
    struct job_spec specs[TRIALS_MOST];
    struct search_seat seats[TRIALS_MOST];
};

static const struct job_cost small = {.parameters = 155410, .memory = 70 << 20, .further = 3 << 20};

static int make_world(void **state)
{
    struct world *world = ep_allocate(1, sizeof *world);
    assert_non_null(world);
    for (size_t i = 0; i < TRIALS_MOST; i++) {
        struct job_spec *spec = &world->specs[i];
        ep_fields_preset(&job_spec_fields, spec);
        spec->hidden = (struct ep_integer_list){.count = 2, .items = {50, 30}};
        spec->depth = 3;
        spec->eta = (double)(i + 1);
        world->seats[i] = (struct search_seat){.spec = spec, .cost = &small};
    }
    *state = world;
    return 0;
}

static int drop_world(void **state)
{
    free(*state);
    return 0;
}

/* Groups the first `count` trials, and counts the members of each bank; how many banks there are. */
static size_t group(struct world *world, size_t count, const struct search_group_options *options,
                    size_t members[TRIALS_MOST])
{
    size_t banks = 0;
    assert_int_equal(search_group(world->seats, count, options, NULL), EP_OK);
    memset(members, 0, TRIALS_MOST * sizeof *members);
    for (size_t i = 0; i < count; i++) {
        assert_true(world->seats[i].bank >= options->first && world->seats[i].bank < TRIALS_MOST);
        banks += members[world->seats[i].bank]++ == 0;
    }
    return banks;
}

static void all_workers_have_as_much_to_do(void **state)
{
    static size_t members[TRIALS_MOST];
    const struct search_group_options two = {.workers = 2};
    const struct search_group_options four = {.workers = 4, .first = 7};
    const size_t counts[] = {2, 3, 5, 16, 17, 60, 196};
    for (size_t c = 0; c < EP_COUNT(counts); c++) {
        const size_t banks = group(*state, counts[c], &two, members);
        assert_int_equal(banks % 2, 0);
        for (size_t b = 0; b < banks; b++) {
            assert_true(members[b] >= counts[c] / banks && members[b] <= (counts[c] + banks - 1) / banks);
        }
    }
    assert_int_equal(group(*state, 1, &two, members), 1);
    assert_int_equal(group(*state, 3, &four, members), 3);
    assert_int_equal(group(*state, 4, &four, members), 4);
}

static void only_those_that_share_are_in_a_bank(void **state)
{
    static size_t members[TRIALS_MOST];
    struct world *world = *state;
    const struct search_group_options options = {.workers = 1};
    world->specs[1].batch_norm = !world->specs[1].batch_norm;
    world->specs[2].hidden.items[1] = 31;
    world->specs[3].epochs += 1;
    world->specs[4].seed += 1;
    world->seats[5].bracket = 1;
    /* What each member has for itself does not part them. */
    world->specs[7].momentum = 0.5;
    world->specs[7].lambda = 0.1;
    world->specs[7].dropout = 0.2;
    world->specs[7].decay_kind = NN_COSINE;
    assert_int_equal(group(world, 8, &options, members), 6);
    assert_int_equal(world->seats[0].bank, world->seats[6].bank);
    assert_int_equal(world->seats[0].bank, world->seats[7].bank);
    /* A seed that does not order the images does not part them either. */
    world->specs[0].shuffle = world->specs[4].shuffle = world->specs[6].shuffle = world->specs[7].shuffle =
        false;
    assert_int_equal(group(world, 8, &options, members), 5);
    assert_int_equal(world->seats[0].bank, world->seats[4].bank);
}

static void a_bank_fits_into_a_workers_share_of_the_memory(void **state)
{
    static size_t members[TRIALS_MOST];
    const struct search_group_options options = {.workers = 2, .memory_limit = (size_t)2 * (76 << 20)};
    assert_int_equal(group(*state, 12, &options, members), 4);
    const struct search_group_options tight = {.workers = 2, .memory_limit = 1 << 20};
    assert_int_equal(group(*state, 12, &tight, members), 12);
}

static void large_networks_train_apart(void **state)
{
    static size_t members[TRIALS_MOST];
    struct world *world = *state;
    const struct job_cost large = {.parameters = 20 << 20, .memory = 500 << 20, .further = 200 << 20};
    const struct search_group_options options = {.workers = 2};
    for (size_t i = 0; i < 12; i++) {
        world->seats[i].cost = &large;
    }
    assert_int_equal(group(world, 12, &options, members), 12);
}

static void ten_thousand_that_do_not_share_are_told_apart(void **state)
{
    static size_t members[TRIALS_MOST];
    struct world *world = *state;
    const struct search_group_options options = {.workers = 2};
    for (size_t i = 0; i < TRIALS_MOST; i++) {
        world->specs[i].seed = i;
    }
    assert_int_equal(group(world, TRIALS_MOST, &options, members), TRIALS_MOST);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, drop_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(all_workers_have_as_much_to_do),
        WITH_WORLD(only_those_that_share_are_in_a_bank),
        WITH_WORLD(a_bank_fits_into_a_workers_share_of_the_memory),
        WITH_WORLD(large_networks_train_apart),
        WITH_WORLD(ten_thousand_that_do_not_share_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
