#include "core/search/halving.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/random.h"

/* Rounds of the Feistel network: four make a permutation that looks random (Luby, Rackoff, 1988). */
enum { ROUNDS = 4 };

size_t search_brackets(const struct search_halving *halving, uint64_t epochs)
{
    if (halving->first == 0) {
        return 0;
    }
    if (!halving->brackets || halving->factor < 2) {
        return 1;
    }
    size_t brackets = 1;
    for (uint64_t most = epochs / halving->first / halving->factor; most > 0 && brackets < SEARCH_RUNGS_MAX;
         most /= halving->factor) {
        brackets++;
    }
    return brackets;
}

size_t search_rungs(const struct search_halving *halving, uint64_t epochs, size_t bracket,
                    uint64_t rungs[SEARCH_RUNGS_MAX])
{
    if (halving->first == 0 || halving->factor < 2) {
        return 0;
    }
    uint64_t rung = halving->first;
    size_t count = 0;
    for (size_t power = 0; rung < epochs && count < SEARCH_RUNGS_MAX; power++) {
        if (power >= bracket) {
            rungs[count] = rung;
            count++;
        }
        if (rung > epochs / halving->factor) {
            break;
        }
        rung *= halving->factor;
    }
    return count;
}

/* Trials of each bracket, by largest remainders, and then at least one each if there are enough. */
static void share_out(const struct search_halving *halving, size_t brackets, size_t count,
                      size_t counts[SEARCH_RUNGS_MAX])
{
    double shares[SEARCH_RUNGS_MAX];
    double sum = 0;
    double power = 1;
    for (size_t s = 0; s < brackets; s++) { /* s as in Hyperband: rungs below the highest */
        shares[brackets - 1 - s] = ceil((double)brackets * power / (double)(s + 1));
        sum += shares[brackets - 1 - s];
        power *= (double)halving->factor;
    }
    size_t left = count;
    for (size_t i = 0; i < brackets; i++) {
        const double quota = shares[i] / sum * (double)count;
        counts[i] = (size_t)quota < left ? (size_t)quota : left;
        shares[i] = quota - (double)counts[i];
        left -= counts[i];
    }
    for (; left > 0; left--) {
        size_t largest = 0;
        for (size_t i = 1; i < brackets; i++) {
            largest = shares[i] > shares[largest] ? i : largest;
        }
        counts[largest]++;
        shares[largest] -= 1;
    }
    for (size_t i = 0; count >= brackets && i < brackets; i++) {
        if (counts[i] == 0) {
            size_t richest = 0;
            for (size_t j = 1; j < brackets; j++) {
                richest = counts[j] > counts[richest] ? j : richest;
            }
            counts[richest]--;
            counts[i]++;
        }
    }
}

/* The place of `value` in a permutation of 0 … count - 1: a Feistel network on the next even number of bits,
 * walked until it is back below `count` (Black, Rogaway: Ciphers with Arbitrary Finite Domains, 2002). */
static uint64_t permuted(uint64_t value, uint64_t count, uint64_t seed)
{
    unsigned half = 1;
    while (half < 32 && (count - 1) >> (2 * half) != 0) {
        half++;
    }
    const uint64_t mask = (UINT64_C(1) << half) - 1;
    do {
        uint64_t left = value >> half;
        uint64_t right = value & mask;
        for (uint32_t round = 0; round < ROUNDS; round++) {
            uint32_t words[4];
            ep_random_block(seed, EP_RANDOM_DEAL, round, right, words);
            const uint64_t mixed = left ^ (words[0] & mask);
            left = right;
            right = mixed;
        }
        value = left << half | right;
    } while (value >= count);
    return value;
}

size_t search_bracket_of(const struct search_halving *halving, uint64_t epochs, size_t ordinal, size_t count,
                         uint64_t seed)
{
    const size_t brackets = search_brackets(halving, epochs);
    if (brackets < 2 || ordinal >= count) {
        return 0;
    }
    size_t counts[SEARCH_RUNGS_MAX] = {0};
    share_out(halving, brackets, count, counts);
    uint64_t place = permuted(ordinal, count, seed);
    size_t bracket = 0;
    while (bracket + 1 < brackets && place >= counts[bracket]) {
        place -= counts[bracket];
        bracket++;
    }
    return bracket;
}

size_t search_survivors(const struct search_halving *halving, size_t count)
{
    const uint64_t survivors = halving->factor > 0 ? count / halving->factor : count;
    return survivors > 0 ? (size_t)survivors : 1;
}

struct standing {
    double loss;
    size_t trial;
};

static int by_loss(const void *left, const void *right)
{
    const struct standing *a = left;
    const struct standing *b = right;
    const int nan_a = isnan(a->loss) ? 1 : 0;
    const int nan_b = isnan(b->loss) ? 1 : 0;
    if (nan_a != nan_b) {
        return nan_a - nan_b;
    }
    if (a->loss < b->loss || a->loss > b->loss) {
        return a->loss < b->loss ? -1 : 1;
    }
    return (a->trial > b->trial) - (a->trial < b->trial);
}

bool search_cut(const double *losses, size_t count, size_t keep, bool *cut)
{
    struct standing *standings = ep_allocate(count, sizeof *standings);
    if (standings == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        standings[i] = (struct standing){.loss = losses[i], .trial = i};
    }
    qsort(standings, count, sizeof *standings, by_loss);
    for (size_t i = 0; i < count; i++) {
        cut[standings[i].trial] = i >= keep;
    }
    free(standings);
    return true;
}
