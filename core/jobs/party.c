#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/jobs/jobs_state.h"

/* Whose turn it is. The workers are shared evenly among the parties; within one, what came first is first. */

static const double slice_seconds = 0.4; /* by so much one party may be ahead of another */

struct party *party_find(const struct jobs *jobs, const char *search)
{
    if (search[0] == '\0') {
        return jobs->party_count > 0 ? jobs->parties[0] : NULL;
    }
    /* The newest are asked for most. */
    for (size_t i = jobs->party_count; i-- > 0;) {
        if (strcmp(jobs->parties[i]->id, search) == 0) {
            return jobs->parties[i];
        }
    }
    return NULL;
}

struct party *party_of(struct jobs *jobs, const char *search)
{
    struct party *found = party_find(jobs, search);
    if (found != NULL) {
        return found;
    }
    struct party **longer = reallocarray(jobs->parties, jobs->party_count + 1, sizeof(struct party *));
    if (longer == NULL) {
        return NULL;
    }
    jobs->parties = longer;
    struct party *made = ep_allocate(1, sizeof *made);
    if (made != NULL) {
        memcpy(made->id, search, strlen(search) + 1);
        jobs->parties[jobs->party_count++] = made;
    }
    return made;
}

enum ep_status party_reserve(const struct jobs *jobs, struct party *party, size_t more,
                             struct ep_error *error)
{
    for (size_t i = 0; i < jobs->unit_count; i++) {
        more += jobs->units[i]->party == party ? jobs->units[i]->count : 0;
    }
    return table_reserve(&party->queued, more, error);
}

void party_drop(struct jobs *jobs, struct party *party)
{
    size_t at = 0;
    while (jobs->parties[at] != party) {
        at++;
    }
    jobs->party_count--;
    memmove(&jobs->parties[at], &jobs->parties[at + 1], (jobs->party_count - at) * sizeof(struct party *));
    table_done(&party->queued);
    table_done(&party->trials);
    free(party);
}

/*
 * Whether a unit that nobody is at can go on. One that is over only has to be taken apart, and one that waits
 * may have to store first that some of it have ended.
 */
static bool is_ready(const struct unit *unit)
{
    if (unit->taken) {
        return false;
    }
    const bool due = unit->ends && ep_clock_seconds() >= unit->retry;
    return unit_over(unit) || (!unit->party->paused && (!unit_waits(unit) || due));
}

/* The party's unit that can go on, or NULL. */
static struct unit *ready_unit(const struct jobs *jobs, const struct party *party)
{
    for (size_t i = 0; i < jobs->unit_count; i++) {
        if (jobs->units[i]->party == party && is_ready(jobs->units[i])) {
            return jobs->units[i];
        }
    }
    return NULL;
}

/* The party's oldest job that waits and that nobody is changing, or NULL. */
static struct entry *oldest(const struct party *party)
{
    for (size_t i = 0; i < party->queued.count && !party->paused; i++) {
        if (!party->queued.entries[i]->held) {
            return party->queued.entries[i];
        }
    }
    return NULL;
}

static bool belongs(const struct entry *entry, const struct entry *first)
{
    return entry->job.trial.stage == first->job.trial.stage && entry->job.trial.bank == first->job.trial.bank;
}

/* Bytes of the unit that would be made of an entry. */
static size_t unit_memory(const struct entry *first)
{
    size_t memory = first->cost.memory;
    const struct table *queued = &first->party->queued;
    for (size_t i = 0; i < queued->count && first->party->id[0] != '\0'; i++) {
        const struct entry *entry = queued->entries[i];
        if (entry != first && belongs(entry, first) && !ep_size_add(memory, entry->cost.further, &memory)) {
            return SIZE_MAX;
        }
    }
    return memory;
}

/* Whether there is memory for it beside what runs; alone it always gets its turn. */
static bool fits(const struct jobs *jobs, const struct entry *first)
{
    const size_t limit = jobs->options.memory_limit;
    return jobs->busy == 0 || limit == 0 ||
           (jobs->memory_used <= limit && unit_memory(first) <= limit - jobs->memory_used);
}

/* What the party would do next; false when there is nothing. */
static bool next_of(const struct jobs *jobs, const struct party *party, struct turn *turn)
{
    turn->unit = ready_unit(jobs, party);
    turn->first = turn->unit == NULL ? oldest(party) : NULL;
    return turn->unit != NULL || turn->first != NULL;
}

/* Seconds of workers that a party has had. */
static double served(const struct jobs *jobs, const struct party *party, double now)
{
    double seconds = party->served;
    for (size_t i = 0; i < jobs->unit_count; i++) {
        const struct unit *unit = jobs->units[i];
        seconds += unit->party == party && unit->taken ? now - unit->since : 0;
    }
    return seconds;
}

/* Whether anything of the party runs or could. */
static bool is_active(const struct jobs *jobs, const struct party *party)
{
    struct turn ignored;
    return party->running > 0 || next_of(jobs, party, &ignored);
}

void party_queue(struct jobs *jobs, struct entry *entry)
{
    struct party *party = entry->party;
    if (!is_active(jobs, party)) {
        /* Who comes late does not make up for the time before. */
        const double now = ep_clock_seconds();
        double least = -1;
        for (size_t i = 0; i < jobs->party_count; i++) {
            const struct party *other = jobs->parties[i];
            if (other != party && is_active(jobs, other)) {
                const double seconds = served(jobs, other, now);
                least = least < 0 || seconds < least ? seconds : least;
            }
        }
        party->served = least > party->served ? least : party->served;
    }
    table_add(&party->queued, entry);
}

bool party_next(const struct jobs *jobs, struct turn *turn)
{
    const double now = ep_clock_seconds();
    const struct party *best = NULL;
    double best_served = 0;
    *turn = (struct turn){0};
    for (size_t i = 0; i < jobs->party_count; i++) {
        const struct party *party = jobs->parties[i];
        struct turn its;
        if (!next_of(jobs, party, &its)) {
            continue;
        }
        const double seconds = served(jobs, party, now);
        if (best == NULL || party->running < best->running ||
            (party->running == best->running && seconds < best_served)) {
            best = party;
            best_served = seconds;
            *turn = its;
        }
    }
    /* For one that needs more memory than is left, room is kept: none overtakes it. */
    return best != NULL && (turn->unit != NULL || fits(jobs, turn->first));
}

bool party_yields(const struct jobs *jobs, const struct unit *unit, double now)
{
    const struct party *own = unit->party;
    if (own->paused) {
        return true;
    }
    for (size_t i = 0; i < jobs->party_count; i++) {
        const struct party *other = jobs->parties[i];
        struct turn its;
        if (other == own || other->running >= own->running || !next_of(jobs, other, &its) ||
            (its.first != NULL && !fits(jobs, its.first))) {
            continue;
        }
        if (own->running - other->running >= 2 ||
            served(jobs, own, now) > served(jobs, other, now) + slice_seconds) {
            return true;
        }
    }
    return false;
}

/* Banks that wait, as far as `most`; those of one bank are mostly next to each other. */
static size_t count_banks(const struct party *party, size_t most)
{
    const struct table *queued = &party->queued;
    size_t count = queued->count > 0 ? 1 : 0;
    for (size_t i = 1; i < queued->count && count < most; i++) {
        const bool alone = party->id[0] == '\0';
        count += alone || !belongs(queued->entries[i], queued->entries[i - 1]);
    }
    return count;
}

size_t party_demand(const struct jobs *jobs, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < jobs->unit_count && count < most; i++) {
        count += jobs->units[i]->taken || is_ready(jobs->units[i]);
    }
    for (size_t i = 0; i < jobs->party_count && count < most; i++) {
        count += jobs->parties[i]->paused ? 0 : count_banks(jobs->parties[i], most - count);
    }
    return count;
}
