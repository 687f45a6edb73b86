#include "core/nn/team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/memory.h"

/*
 * Threads of a mini-batch meet every few microseconds, so they spin for the others; one that waits longer
 * lets other programs have the processor.
 */
enum { SPINS = 4096 };

struct nn_barrier {
    size_t count;
    _Alignas(64) atomic_size_t arrived;
    _Alignas(64) atomic_uint round;
};

struct helper {
    struct nn_team *team;
    size_t index;
    pthread_t thread;
};

struct nn_team {
    size_t size;
    struct helper *helpers; /* (size − 1) */
    struct nn_barrier *barrier;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t called, back;
    void (*work)(void *, const struct nn_part *);
    void *context;
    size_t threads; /* of the task */
    unsigned task;  /* counts tasks */
    size_t busy;    /* helpers that are not back yet */
    bool ending;
};

const struct nn_part nn_alone = {.index = 0, .count = 1};

static void relax(void)
{
#ifdef __x86_64__
    __builtin_ia32_pause();
#endif
}

static void wait_for_round(struct nn_barrier *barrier, unsigned round)
{
    for (int spins = 0; atomic_load_explicit(&barrier->round, memory_order_acquire) == round; spins++) {
        if (spins < SPINS) {
            relax();
        } else {
            sched_yield();
        }
    }
}

void nn_meet(const struct nn_part *part)
{
    struct nn_barrier *barrier = part->barrier;
    if (part->count == 1) {
        return;
    }
    const unsigned round = atomic_load_explicit(&barrier->round, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&barrier->arrived, 1, memory_order_acq_rel) + 1 == barrier->count) {
        atomic_store_explicit(&barrier->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&barrier->round, round + 1, memory_order_release);
    } else {
        wait_for_round(barrier, round);
    }
}

struct nn_span nn_span_of(const struct nn_part *part, size_t size)
{
    const size_t whole = size / part->count;
    const size_t rest = size % part->count;
    const size_t first = part->index * whole + (part->index < rest ? part->index : rest);
    return (struct nn_span){first, first + whole + (part->index < rest ? 1 : 0)};
}

static void *help(void *context)
{
    const struct helper *helper = context;
    struct nn_team *team = helper->team;
    unsigned done = 0;
    pthread_mutex_lock(&team->lock);
    while (true) {
        while (!team->ending && team->task == done) {
            pthread_cond_wait(&team->called, &team->lock);
        }
        if (team->ending) {
            break;
        }
        done = team->task;
        if (helper->index >= team->threads) {
            continue;
        }
        const struct nn_part part = {helper->index, team->threads, team->barrier};
        pthread_mutex_unlock(&team->lock);
        team->work(team->context, &part);
        pthread_mutex_lock(&team->lock);
        if (--team->busy == 0) {
            pthread_cond_signal(&team->back);
        }
    }
    pthread_mutex_unlock(&team->lock);
    return NULL;
}

/* Starts helpers as long as the system gives threads. */
static void start_helpers(struct nn_team *team, size_t threads)
{
    while (team->size < threads) {
        struct helper *helper = &team->helpers[team->size - 1];
        *helper = (struct helper){.team = team, .index = team->size};
        if (pthread_create(&helper->thread, NULL, help, helper) != 0) {
            break;
        }
        team->size++;
    }
}

enum ep_status nn_team_create(size_t threads, struct nn_team **team, struct ep_error *error)
{
    struct nn_team *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->size = 1;
        made->helpers = ep_allocate(threads, sizeof *made->helpers);
        made->barrier = ep_allocate(1, sizeof *made->barrier);
    }
    if (made == NULL || made->helpers == NULL || made->barrier == NULL) {
        if (made != NULL) {
            free(made->helpers);
            free(made->barrier);
        }
        free(made);
        return ep_fail(error, EP_NO_MEMORY, "no memory for %zu threads", threads);
    }
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->called, NULL);
    pthread_cond_init(&made->back, NULL);
    start_helpers(made, threads);
    *team = made;
    return EP_OK;
}

void nn_team_destroy(struct nn_team *team)
{
    if (team == NULL) {
        return;
    }
    pthread_mutex_lock(&team->lock);
    team->ending = true;
    pthread_cond_broadcast(&team->called);
    pthread_mutex_unlock(&team->lock);
    for (size_t i = 0; i + 1 < team->size; i++) {
        pthread_join(team->helpers[i].thread, NULL);
    }
    pthread_mutex_destroy(&team->lock);
    pthread_cond_destroy(&team->called);
    pthread_cond_destroy(&team->back);
    free(team->helpers);
    free(team->barrier);
    free(team);
}

size_t nn_team_size(const struct nn_team *team)
{
    return team->size;
}

void nn_team_run(struct nn_team *team, size_t threads, void (*work)(void *, const struct nn_part *),
                 void *context)
{
    if (threads <= 1) {
        work(context, &nn_alone);
        return;
    }
    pthread_mutex_lock(&team->lock);
    team->barrier->count = threads;
    team->work = work;
    team->context = context;
    team->threads = threads;
    team->busy = threads - 1;
    team->task++;
    pthread_cond_broadcast(&team->called);
    pthread_mutex_unlock(&team->lock);
    const struct nn_part part = {0, threads, team->barrier};
    work(context, &part);
    pthread_mutex_lock(&team->lock);
    while (team->busy > 0) {
        pthread_cond_wait(&team->back, &team->lock);
    }
    pthread_mutex_unlock(&team->lock);
}
