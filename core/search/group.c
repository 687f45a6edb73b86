#include "core/search/group.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/jobs/run.h"

enum {
    BANK_MOST = 8,              /* networks; more gain nothing */
    BANK_PARAMETERS = 16 << 20, /* of all of them; more do not stay in cache from one pass to the next */
};

/* A seat with what it is sorted by. */
struct place {
    uint64_t hash; /* of what members of a bank share, and of the bracket */
    size_t index;
};

static int by_hash(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Most members of a bank of such networks. */
static size_t members_most(const struct job_cost *cost, const struct search_group_options *options)
{
    size_t most = BANK_PARAMETERS / (cost->parameters > 0 ? (size_t)cost->parameters : 1);
    most = most < BANK_MOST ? most : BANK_MOST;
    if (options->memory_limit > 0) {
        const size_t share = options->memory_limit / options->workers;
        const size_t left = share > cost->memory ? share - cost->memory : 0;
        const size_t fit = 1 + left / (cost->further > 0 ? cost->further : 1);
        most = fit < most ? fit : most;
    }
    return most < 1 ? 1 : most;
}

/* How many banks `count` networks make, at most `most` in each: a multiple of the workers if that is
 * possible. */
static size_t banks_for(size_t count, size_t most, size_t workers)
{
    size_t banks = (count + most - 1) / most;
    const size_t even = (banks + workers - 1) / workers * workers;
    return even <= count ? even : count < workers ? count : banks;
}

/* Deals the places, which share, to banks of sizes that differ by one at most. */
static uint32_t deal(struct search_seat *seats, const struct place *places, size_t count,
                     const struct search_group_options *options, uint32_t bank)
{
    const size_t most = members_most(seats[places[0].index].cost, options);
    const size_t banks = banks_for(count, most, options->workers);
    for (size_t i = 0; i < count; i++) {
        seats[places[i].index].bank = bank + (uint32_t)(i * banks / count);
    }
    return bank + (uint32_t)banks;
}

static bool together(const struct search_seat *a, const struct search_seat *b)
{
    return a->bracket == b->bracket && job_specs_share(a->spec, b->spec);
}

enum ep_status search_group(struct search_seat *seats, size_t count,
                            const struct search_group_options *options, struct ep_error *error)
{
    struct place *places = ep_allocate(count, sizeof *places);
    if (places == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to group %zu trials", count);
    }
    for (size_t i = 0; i < count; i++) {
        places[i] = (struct place){job_spec_share_hash(seats[i].spec) + seats[i].bracket, i};
    }
    qsort(places, count, sizeof *places, by_hash);
    uint32_t bank = options->first;
    size_t first = 0;
    for (size_t i = 1; i <= count; i++) {
        /* Two that differ may have one hash; then the group ends early, which only costs time. */
        if (i == count || !together(&seats[places[first].index], &seats[places[i].index])) {
            bank = deal(seats, &places[first], i - first, options, bank);
            first = i;
        }
    }
    free(places);
    return EP_OK;
}
