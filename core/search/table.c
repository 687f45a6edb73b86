#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/search/record.h"

/* Trials as tables and figures show them. */

/* Where the jobs are copied to while they are locked; items are those of the views, in the same order. */
struct filling {
    struct search_trials *trials;
    size_t next;
};

static void fill_values(void *context, const struct jobs_trial *trial)
{
    struct filling *filling = context;
    struct search_trials *trials = filling->trials;
    const struct job_spec *spec = &trial->job->spec;
    const size_t at = filling->next;
    if (at == trials->count || strcmp(trials->items[at].id, trial->job->id) != 0) {
        return; /* a younger one, which the views do not have */
    }
    filling->next++;
    for (size_t f = 0; f < trials->field_count; f++) {
        const struct ep_field *field = &job_spec_fields.rows[trials->fields[f]];
        const void *value = ep_field_of(field, spec);
        double *to = &trials->values[at * trials->field_count + f];
        if (field->kind == EP_FIELD_INTEGER) {
            *to = (double)*(const uint64_t *)value;
        } else if (field->kind == EP_FIELD_NUMBER) {
            *to = *(const double *)value;
        } else if (field->kind == EP_FIELD_BOOLEAN) {
            *to = *(const bool *)value ? 1 : 0;
        } else if (field->kind == EP_FIELD_CHOICE) {
            *to = *(const int *)value;
        } else {
            trials->hidden[at] = spec->hidden;
        }
    }
}

static bool same_list(const struct ep_integer_list *a, const struct ep_integer_list *b)
{
    return a->count == b->count && memcmp(a->items, b->items, a->count * sizeof *a->items) == 0;
}

/* Lists are told apart by the first trial that has them; there are few. */
static void number_lists(struct search_trials *trials, size_t f)
{
    size_t *firsts = ep_allocate(trials->count, sizeof *firsts);
    size_t count = 0;
    for (size_t i = 0; i < trials->count; i++) {
        size_t found = 0;
        while (firsts != NULL && found < count &&
               !same_list(&trials->hidden[firsts[found]], &trials->hidden[i])) {
            found++;
        }
        if (firsts != NULL && found == count) {
            firsts[count++] = i;
        }
        trials->values[i * trials->field_count + f] = firsts == NULL ? (double)NAN : (double)firsts[found];
    }
    free(firsts);
}

static void add_fields(struct search_trials *trials, const struct search_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        for (size_t f = 0; f < trials->field_count; f++) {
            known = known || trials->fields[f] == fields[i].row;
        }
        if (!known && trials->field_count < EP_COUNT(trials->fields)) {
            trials->fields[trials->field_count++] = fields[i].row;
        }
    }
}

static enum ep_status fill(struct searches *searches, const struct record *record, const struct views *views,
                           struct search_trials *trials, struct ep_error *error)
{
    const size_t hidden = ep_fields_find(&job_spec_fields, "hidden");
    struct filling filling = {.trials = trials};
    trials->items = ep_allocate(views->count, sizeof *trials->items);
    trials->values = ep_allocate(views->count * trials->field_count, sizeof *trials->values);
    for (size_t f = 0; f < trials->field_count; f++) {
        if (trials->fields[f] == hidden) {
            trials->hidden = ep_allocate(views->count, sizeof *trials->hidden);
            if (trials->hidden == NULL) {
                return ep_fail(error, EP_NO_MEMORY, "no memory for the trials of search %s", record->id);
            }
        }
    }
    if (trials->items == NULL || trials->values == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for the trials of search %s", record->id);
    }
    trials->count = views->count;
    for (size_t i = 0; i < views->count; i++) {
        trials->items[i] = views->items[i].trial;
    }
    jobs_visit_trials(searches->options.jobs, record->id, fill_values, &filling);
    for (size_t f = 0; f < trials->field_count; f++) {
        if (trials->fields[f] == hidden) {
            number_lists(trials, f);
        }
    }
    return EP_OK;
}

enum ep_status record_read_trials(struct searches *searches, const struct record *record,
                                  struct search_trials *trials, struct ep_error *error)
{
    const struct search_definition *definition = &record->definition;
    struct views views;
    *trials = (struct search_trials){.settings = definition->settings};
    for (size_t s = 0; s < definition->stage_count; s++) {
        add_fields(trials, definition->stages[s].fields, definition->stages[s].field_count);
        add_fields(trials, definition->stages[s].pins, definition->stages[s].pin_count);
    }
    enum ep_status status = views_read(searches, record, &views, error);
    if (status == EP_OK) {
        status = fill(searches, record, &views, trials, error);
    }
    views_done(&views);
    if (status != EP_OK) {
        search_trials_done(trials);
    }
    return status;
}

void search_trials_done(struct search_trials *trials)
{
    free(trials->items);
    free(trials->values);
    free(trials->hidden);
    *trials = (struct search_trials){0};
}

/* A trial's place and what decides it. */
struct ranked {
    double loss;
    size_t index;
};

static int by_loss(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    if (isnan(x->loss) != isnan(y->loss)) {
        return isnan(x->loss) ? 1 : -1;
    }
    if (!isnan(x->loss) && x->loss != y->loss) {
        return x->loss < y->loss ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

bool search_trials_rank(const struct search_trials *trials, size_t *order)
{
    struct ranked *ranked = ep_allocate(trials->count, sizeof *ranked);
    if (ranked == NULL) {
        return false;
    }
    for (size_t i = 0; i < trials->count; i++) {
        ranked[i] = (struct ranked){search_loss(&trials->settings, trials->items[i].objective), i};
    }
    qsort(ranked, trials->count, sizeof *ranked, by_loss);
    for (size_t i = 0; i < trials->count; i++) {
        order[i] = ranked[i].index;
    }
    free(ranked);
    return true;
}
