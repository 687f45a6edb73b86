#ifndef EP_JOBS_JOBS_STATE_H
#define EP_JOBS_JOBS_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/jobs/estimate.h"
#include "core/jobs/jobs.h"
#include "core/jobs/store.h"
#include "core/jobs/table.h"

/**
 * What jobs.c (the face), trials.c (what searches ask for), change.c (durable changes), party.c (whose turn
 * it is), unit.c (what runs) and pool.c (the workers) share. Private to the jobs.
 */

/** Those who share the workers evenly: the trials of one search, or all jobs that no search made. */
struct party {
    char id[EP_ID_TEXT]; /**< of the search; "": jobs without one */
    struct table queued; /**< those that wait, oldest first */
    struct table trials; /**< all jobs of a search, by age; empty without one */
    size_t running;      /**< workers that are at it */
    double served;       /**< seconds of workers so far, those of the present runs left out */
    bool paused;         /**< nothing of it may run */
};

/** Jobs that run together. Members do not change; those that have ended before the others stay. */
struct unit {
    struct jobs *jobs;
    struct party *party;
    size_t count;
    struct entry **members; /**< (count), by rising id; each has `unit` set to this */
    struct job_run *run;    /**< NULL before it first runs */
    size_t memory;          /**< bytes, as estimated */
    bool taken;             /**< a worker is at it; otherwise it stands still */
    double since;           /**< ep_clock_seconds() when it was taken */
    double looked;          /**< when its worker last looked whether others should have the turn */
    bool ends;              /**< some member is over and not yet stored as such; its worker's own
                                while it is taken */
    double retry;           /**< not before this time is that tried again; likewise */
};

struct jobs {
    struct jobs_options options; /**< const; the folder's name is not kept */
    struct store *store;         /**< thread-safe; never called with the lock held */

    pthread_mutex_t lock; /**< guards all below, and what entries hold of jobs, but not their atomics */
    pthread_cond_t
        changed;      /**< signalled when an entry is let go, a job comes, room is made, or at the end */
    struct table all; /**< every job; owns the entries */
    struct party **parties; /**< (party_count); the first is that of jobs without a search; owned */
    size_t party_count;
    struct unit **units; /**< (unit_count); owned */
    size_t unit_count, unit_capacity;
    size_t busy; /**< workers at a unit */
    size_t by_state[JOB_STATES];
    size_t creating; /**< places in the queue promised to jobs that are on their way to the store */
    size_t memory_used;
    uint64_t sequence;         /**< of the ids */
    struct pace pace;          /**< of one worker */
    double estimated;          /**< ep_clock_seconds() of the newest estimate of the queue; 0: none */
    double *free_at;           /**< (workers) scratch of the estimate */
    struct estimate_run *runs; /**< (workers) likewise */
    bool stopping;
    size_t thread_count;
    pthread_t *threads; /**< (workers), the first thread_count started */

    pthread_mutex_t
        watch_lock; /**< guards the two below, also while they are called; never taken with `lock` */
    void (*watch)(void *context, const char *search); /**< of trials; NULL: nobody */
    void *watcher;
};

/**
 * Waits until nobody else holds the entry of job `id` and holds it; release with jobs_let_go. Whoever holds
 * several takes them by rising id. Takes and leaves the lock. NULL when there is no such job.
 */
struct entry *jobs_hold(struct jobs *jobs, const char *id);

/** Lets others change the entry again. Takes and leaves the lock. */
void jobs_let_go(struct jobs *jobs, struct entry *entry);

/** A change of a held entry on its way to the store. */
struct jobs_change {
    struct entry *entry;
    struct job next; /**< a changed copy of its job */
    size_t first;    /**< its first new transition; next.transition_count when there is none */
};

/**
 * Writes the changes of `count` held entries to the store in one commit, tells of their transitions, and then
 * makes them visible. Takes over what they own in any case. Takes and leaves the lock. As store_update_all;
 * nothing was changed then.
 */
EP_NODISCARD enum ep_status jobs_commit(struct jobs *jobs, struct jobs_change *changes, size_t count,
                                        struct ep_error *error);

/** Fills *change with a copy of a held entry's job. Takes and leaves the lock. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status jobs_draft(struct jobs *jobs, struct entry *entry, struct jobs_change *change,
                                       struct ep_error *error);

/** Moves a draft to `state`, with times and reason. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status jobs_draft_move(struct jobs_change *change, enum job_state state,
                                            const char *reason, struct ep_error *error);

/** Moves `count` held entries' jobs to `state`, as jobs_commit. */
EP_NODISCARD enum ep_status jobs_move(struct jobs *jobs, struct entry *const *entries, size_t count,
                                      enum job_state state, const char *reason, struct ep_error *error);

/** Gives an entry its place in all tables but the queue. The caller has the lock. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status jobs_place(struct jobs *jobs, struct entry *entry, struct ep_error *error);

/** A snapshot of the entry's job with its progress. The caller has the lock. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status jobs_snapshot(struct jobs *jobs, const struct entry *entry, struct job *job,
                                          struct ep_error *error);

/** What jobs_snapshot writes as the progress. The caller has the lock. */
void jobs_measure(struct jobs *jobs, const struct entry *entry, struct job_progress *progress);

/** Seconds until a party has nothing more to do; NaN: unknown. The caller has the lock. */
double jobs_party_remaining(struct jobs *jobs, const struct party *party);

/**
 * Works out what a job that is to wait takes; what cannot be known stays unknown. *info is zeroed at first
 * and remembers the dataset between calls, so that not every job looks at its files. Needs no lock.
 */
void jobs_weigh(const struct jobs *jobs, struct entry *entry, struct data_info *info);

/** Waits on `changed` for at most `seconds`; the caller has the lock. */
void jobs_wait(struct jobs *jobs, double seconds);

/** Tells whoever watches that trials of a search have changed. Without the lock. */
void jobs_tell(struct jobs *jobs, const char *search);

/* party.c: the caller has the lock. */

/** The party of a search ("": of jobs without one), made if there is none; NULL when memory is short. */
struct party *party_of(struct jobs *jobs, const char *search);

/** The same, or NULL when there is none. */
struct party *party_find(const struct jobs *jobs, const char *search);

/** Makes room for `more` jobs in the queue beside those that may have to go back into it. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status party_reserve(const struct jobs *jobs, struct party *party, size_t more,
                                          struct ep_error *error);

/** Forgets a party that has no jobs any more. */
void party_drop(struct jobs *jobs, struct party *party);

/** Puts an entry into its party's queue, for which there is room. */
void party_queue(struct jobs *jobs, struct entry *entry);

/** What a worker is to do next. */
struct turn {
    struct unit *unit;   /**< to go on with it; NULL: … */
    struct entry *first; /**< … to start this entry with those that belong to it */
};

/** False when there is nothing to do, or no room for it. */
bool party_next(const struct jobs *jobs, struct turn *turn);

/** Whether the worker at `unit` should let others have their turn now. */
bool party_yields(const struct jobs *jobs, const struct unit *unit, double now);

/** How many workers have something to do, now or soon; counting ends at `most`. */
size_t party_demand(const struct jobs *jobs, size_t most);

/* unit.c */

/**
 * Makes a unit of a queued entry and those of its bank, takes them out of the queue and holds them. The
 * caller has the lock. NULL when memory is short.
 */
struct unit *unit_create(struct jobs *jobs, struct entry *first);

/** Whether all members are in a final state. The caller has the lock. */
bool unit_over(const struct unit *unit);

/** Whether members wait for their search at the end of an epoch. The caller has the lock. */
bool unit_waits(const struct unit *unit);

/** Stores that the held members run, and lets them go; false when that cannot be done now: they are held. */
bool unit_start(struct unit *unit);

/** Runs until all members have ended and are stored as that (true), or others have their turn (false). */
bool unit_go(struct unit *unit);

/** Takes it apart; members that are queued again wait. The caller has the lock. */
void unit_destroy(struct unit *unit);

/* pool.c */

/** Starts the workers. EP_UNAVAILABLE when the system gives no thread; those started go on. */
EP_NODISCARD enum ep_status pool_start(struct jobs *jobs, struct ep_error *error);

/** Has running jobs stop at their next mini-batch, waits for the workers to end, and queues what stood still.
 */
void pool_stop(struct jobs *jobs);

#endif
