#ifndef EP_SEARCH_RECORD_H
#define EP_SEARCH_RECORD_H

#include <pthread.h>

#include "core/jobs/trials.h"
#include "core/search/searches.h"

/** What the files of the searches share: searches.c (the face), advance.c (what comes next), snapshot.c.
 * Private. */

/** A search in memory. Whoever holds a record may change it; others only read it, under the lock. */
struct record {
    char id[EP_ID_TEXT];
    enum search_state state;
    char reason[JOB_REASON_MAX + 1];
    int64_t created_at, finished_at;
    double seconds; /**< in which it ran, up to `since` */
    double since;   /**< ep_clock_seconds() of the moment from which on it runs; 0: it does not */
    struct search_definition definition; /**< owned */
    size_t known;                        /**< stages whose values are known */
    struct search_stage
        stages[SEARCH_STAGES_MAX]; /**< the first `known`: as they came out around a best; owned */
    size_t bank_count;
    struct search_bank *banks;       /**< (bank_count) of the trials that are jobs; owned */
    double flops;                    /**< of the trials that are jobs */
    char ending[JOB_REASON_MAX + 1]; /**< why no trials are to follow; "" */
    bool held;
    bool awake; /**< something happened since it was looked at */
};

struct searches {
    struct searches_options options;
    size_t workers, memory_limit;
    pthread_mutex_t lock;    /**< guards all below, and records as they say */
    pthread_cond_t changed;  /**< a record is let go or awake, or the end */
    struct record **records; /**< (count), by rising id; owned */
    size_t count, capacity;
    uint64_t sequence; /**< of the ids */
    bool stopping;
    bool started;
    pthread_t thread;
};

/* searches.c */

/** The record of that id, or NULL. The caller has the lock. */
struct record *searches_find(const struct searches *searches, const char *id);

/** Waits until nobody else holds the record, and holds it; NULL when there is none. */
struct record *searches_hold(struct searches *searches, const char *id);

/** Lets others hold it. */
void searches_let_go(struct searches *searches, struct record *record);

/** Has the thread look at a search; `context` is the searches. */
void searches_wake(void *context, const char *id);

/** A snapshot of a held record. */
EP_NODISCARD enum ep_status searches_snapshot(struct searches *searches, const struct record *record,
                                              struct search *search, struct ep_error *error);

enum ep_status searches_not_found(const char *id, struct ep_error *error);

/** Releases a record that is in no table. NULL is fine. */
void record_destroy(struct record *record);

/** A trial as decisions see it. */
struct view {
    struct search_trial trial;
    uint64_t hold;
    uint64_t steps_done, steps;
    bool waits;
};

struct views {
    size_t count;
    struct view *items; /**< (count), by age; owned */
};

/* snapshot.c */

/** The trials of a search as they are now. Release with views_done. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status views_read(struct searches *searches, const struct record *record,
                                       struct views *views, struct ep_error *error);
void views_done(struct views *views);

/** Of the trials of `stage` (SEARCH_STAGES_MAX: of all) the one with the lowest loss; NULL when none has one.
 */
const struct view *views_best(const struct record *record, const struct views *views, size_t stage);

/** Trials of a stage that are jobs. */
size_t views_made(const struct views *views, size_t stage);

/** Whether all trials of a stage have ended. */
bool views_ended(const struct views *views, size_t stage);

/** Trials that a stage will have, max_trials considered. */
size_t record_planned(const struct record *record, size_t stage);

/** Seconds that it has run so far. */
double record_seconds(const struct record *record);

/** A snapshot. The caller has the lock. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status record_snapshot(struct searches *searches, const struct record *record,
                                            struct search *search, struct ep_error *error);

/* table.c */

/** As searches_read_trials. The caller has the lock. */
EP_NODISCARD enum ep_status record_read_trials(struct searches *searches, const struct record *record,
                                               struct search_trials *trials, struct ep_error *error);

/* stage.c: the caller holds the record. */

/**
 * Works out the values of the first stage that is not known. EP_INVALID: there is nothing that it could lie
 * around; EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status record_know_stage(struct searches *searches, struct record *record,
                                              const struct views *views, struct ep_error *error);

/**
 * Adds the trials of a known stage, of which `made` are there, that may be made now: all, or the next few of
 * a sampler that looks at results. As record_add_trials.
 */
EP_NODISCARD enum ep_status record_extend_stage(struct searches *searches, struct record *record,
                                                size_t stage, const struct views *views, size_t made,
                                                struct ep_error *error);

/* halve.c: likewise. */

/** Judges the rungs of a stage to which all have come. EP_IO, EP_NO_MEMORY. */
EP_NODISCARD enum ep_status record_halve(struct searches *searches, const struct record *record,
                                         const struct views *views, size_t stage, struct ep_error *error);

/** Has trials that have not ended wait at the lowest rung at which nobody was cut yet. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status record_recover_holds(struct searches *searches, const struct record *record,
                                                 const struct views *views, size_t stage,
                                                 struct ep_error *error);

/* advance.c: likewise. */

/** Has everything happen that follows from how the trials stand. */
void record_advance(struct searches *searches, struct record *record);

/** After a restart: says what is known of the stages, the banks, and where trials wait. EP_NO_MEMORY;
 * EP_CORRUPT. */
EP_NODISCARD enum ep_status record_recover(struct searches *searches, struct record *record,
                                           struct ep_error *error);

/** Puts the record into `state` and stores it. EP_IO: it is as it was. */
EP_NODISCARD enum ep_status record_move(struct searches *searches, struct record *record,
                                        enum search_state state, const char *reason, struct ep_error *error);

/* create.c */

/**
 * Adds trials `first` … first + count − 1 of a known stage at `points`, in one go. As jobs_create_trials;
 * EP_INVALID: one of them is no job.
 */
EP_NODISCARD enum ep_status record_add_trials(struct searches *searches, struct record *record, size_t stage,
                                              size_t first, size_t count, const struct search_point *points,
                                              struct ep_error *error);

/** Counts a job of a bank in a list of banks. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status banks_count(struct search_bank **banks, size_t *count, uint32_t stage,
                                        uint32_t bank, const struct job_cost *cost, struct ep_error *error);

/** Bytes of the largest banks when all workers have one. */
size_t banks_memory(const struct search_bank *banks, size_t count, size_t workers);

#endif
