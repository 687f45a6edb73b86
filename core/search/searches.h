#ifndef EP_SEARCH_SEARCHES_H
#define EP_SEARCH_SEARCHES_H

#include "core/jobs/jobs.h"
#include "core/search/definition.h"

/**
 * The searches of a server. A trial is a job; a thread of the searches looks at the jobs whenever one has
 * changed, and adds the trials that follow, cuts those that fall behind, and ends searches. What it decides
 * follows from the definition and from the trials alone, so that after a restart it decides the same. All
 * functions but open and close may be called from any thread.
 *
 *             create                all trials ended, the target reached, or time up
 *   (none) ─────────▶ running ──────────────────────────────▶ succeeded, or failed when no trial has an
 * objective │  ▲  │                                  │ pause │  │  │ cancel                           │ more
 * trials ▼  │  └──────────▶ cancelled             └──▶ running paused ───────────▶
 */
struct searches;

enum search_state {
    SEARCH_RUNNING,
    SEARCH_PAUSED,
    SEARCH_SUCCEEDED,
    SEARCH_FAILED,
    SEARCH_CANCELLED,
    SEARCH_STATES
};

/** "running" and so on; never NULL. */
const char *search_state_name(enum search_state state);
EP_NODISCARD bool search_state_parse(const char *name, enum search_state *state);
bool search_state_final(enum search_state state);

struct searches_options {
    struct jobs *jobs;              /**< borrowed; must outlive the searches */
    struct data_registry *registry; /**< likewise */
    struct job_limits limits;
    /** Reads a definition from what encode made of it: the form in which it is stored. */
    enum ep_status (*decode)(const char *text, struct search_definition *definition, struct ep_error *error);
    /** The text of a definition; the caller frees it. NULL when memory is short. */
    char *(*encode)(const struct search_definition *definition);
    /** Told of a failure that no caller can be told of; may be NULL. */
    void (*on_fault)(void *context, const char *search_id, const struct ep_error *error);
    /** Told of each change of a search's state, on the thread that made it; may be NULL. */
    void (*on_state)(void *context, const char *search_id, enum search_state state, const char *reason);
    void *context;
};

EP_NODISCARD enum ep_status searches_open(const struct searches_options *options, struct searches **searches,
                                          struct ep_error *error);

/** Ends the thread; call it before jobs_close. NULL is fine. */
void searches_close(struct searches *searches);

/** Trials that train side by side. */
struct search_bank {
    uint32_t stage;  /**< from 0 */
    uint32_t number; /**< in its stage, from 0 */
    size_t trials;
    uint64_t parameters; /**< of all of them */
    size_t memory;       /**< bytes, the dataset included */
};

/** What a search takes, as far as it is known: later stages around a best count with their trials. */
struct search_plan {
    size_t trials;
    size_t bank_count;
    struct search_bank *banks; /**< (bank_count) of the stages that are planned so far; owned */
    double flops;
    size_t memory;  /**< bytes at most, with all workers busy */
    double seconds; /**< on all workers; NaN: unknown */
};

/** Plans a checked definition without storing anything. Release with search_plan_done. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status searches_plan(struct searches *searches,
                                          const struct search_definition *definition,
                                          struct search_plan *plan, struct ep_error *error);
void search_plan_done(struct search_plan *plan);

/** A trial as the tables and figures of a search show it. */
struct search_trial {
    char id[EP_ID_TEXT]; /**< of the job */
    enum job_state state;
    uint32_t stage;   /**< from 0 */
    uint32_t ordinal; /**< in its stage, from 0 */
    uint32_t bank;    /**< in its stage, from 0 */
    uint64_t epoch, epochs;
    uint64_t cut_epoch;                          /**< the rung at which it was cut; 0: it was not */
    uint64_t failed_epoch;                       /**< in which it diverged; 0: it did not */
    double objective;                            /**< NaN: there is none yet, or it failed */
    uint64_t objective_epoch;                    /**< 0 without */
    double cost_validation, accuracy_validation; /**< best so far; NaN: none */
    double accuracy_test;                        /**< NaN: not measured */
    int64_t started_at, finished_at;             /**< wall clock ms; 0: not yet */
};

/** All trials of a search with the fields in which they differ. */
struct search_trials {
    struct search_settings settings;
    size_t field_count;
    size_t fields[2 * SEARCH_FIELDS_MAX]; /**< rows of job_spec_fields that some stage varies or pins */
    size_t count;
    struct search_trial *items; /**< (count), in order of creation; owned */
    /** (count, field_count): the trials' values as in struct search_point; of "hidden" the index of its first
     * trial with the same list; owned */
    double *values;
    struct ep_integer_list *hidden; /**< (count), when "hidden" is among the fields; owned, or NULL */
};

/** Everything about the trials of a search. Release with search_trials_done. EP_NOT_FOUND; EP_NO_MEMORY. */
EP_NODISCARD enum ep_status searches_read_trials(struct searches *searches, const char *id,
                                                 struct search_trials *trials, struct ep_error *error);
void search_trials_done(struct search_trials *trials);

/**
 * Indices of `trials` from the best to the worst: those without an objective last, in order of creation.
 * `order` has room for all. False when memory is short.
 */
EP_NODISCARD bool search_trials_rank(const struct search_trials *trials, size_t *order);

/** A stage as far as it has come. */
struct search_stage_summary {
    size_t trials;         /**< planned */
    size_t made;           /**< that are jobs already */
    size_t ended;          /**< in a final state, cut ones included */
    char best[EP_ID_TEXT]; /**< "" when no trial has an objective */
    double objective;      /**< of the best; NaN */
};

/** A search as others see it: a snapshot, owned by whoever asked for it. */
struct search {
    char id[EP_ID_TEXT];
    enum search_state state;
    char reason[JOB_REASON_MAX + 1];     /**< why it is in this state; "" */
    int64_t created_at, finished_at;     /**< wall clock ms; 0: not yet */
    double seconds;                      /**< in which it ran, pauses left out */
    struct search_definition definition; /**< owned */
    size_t trials;                       /**< planned in all stages */
    size_t by_state[JOB_STATES];         /**< trials that are jobs; cut ones are cancelled */
    size_t cut;                          /**< of the cancelled ones */
    double fraction;                     /**< of the work planned, 0 … 1 */
    double remaining_seconds;            /**< NaN: unknown */
    bool has_best;
    struct search_trial best;
    size_t stage_count;
    struct search_stage_summary *stages; /**< (stage_count); owned */
    struct search_plan plan;             /**< its banks; owned */
};

void search_done(struct search *search);

/** Adds a search. On EP_OK it is on disk, its first trials follow at once, and *search is its snapshot.
 * EP_UNAVAILABLE: there are too many; EP_IO; EP_NO_MEMORY. */
EP_NODISCARD enum ep_status searches_create(struct searches *searches,
                                            const struct search_definition *definition, struct search *search,
                                            struct ep_error *error);

/** EP_NOT_FOUND; EP_NO_MEMORY. */
EP_NODISCARD enum ep_status searches_get(struct searches *searches, const char *id, struct search *search,
                                         struct ep_error *error);

struct searches_page {
    size_t count;
    struct search *items;  /**< (count), newest first; owned */
    char next[EP_ID_TEXT]; /**< "" when this is the last */
};

/** Snapshots, newest first, older than the id `before` (NULL: from the newest), in one of `states` (bits; 0:
 * any). */
EP_NODISCARD enum ep_status searches_list(struct searches *searches, unsigned states, const char *before,
                                          size_t limit, struct searches_page *page, struct ep_error *error);
void searches_page_done(struct searches_page *page);

/** Stops it: waiting trials are cancelled at once, running ones at their next mini-batch. EP_CONFLICT: it has
 * ended otherwise; EP_NOT_FOUND; EP_IO. */
EP_NODISCARD enum ep_status searches_cancel(struct searches *searches, const char *id, struct search *search,
                                            struct ep_error *error);

/** Trials that run stand still within a second, and none is started. EP_CONFLICT: it has ended. */
EP_NODISCARD enum ep_status searches_pause(struct searches *searches, const char *id, struct search *search,
                                           struct ep_error *error);

/** EP_CONFLICT: it has ended. A search that runs stays so. */
EP_NODISCARD enum ep_status searches_resume(struct searches *searches, const char *id, struct search *search,
                                            struct ep_error *error);

/** Adds a stage, also to a search that has ended. EP_CONFLICT: it was cancelled; EP_INVALID: it does not fit,
 * too many stages. */
EP_NODISCARD enum ep_status searches_extend(struct searches *searches, const char *id,
                                            const struct search_stage *stage, struct search *search,
                                            struct ep_error *error);

/** Removes a search that has ended, with its trials. EP_CONFLICT; EP_NOT_FOUND; EP_IO. */
EP_NODISCARD enum ep_status searches_delete(struct searches *searches, const char *id,
                                            struct ep_error *error);

#endif
