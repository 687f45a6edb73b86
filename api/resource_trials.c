#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/routes.h"
#include "api/search_csv.h"
#include "api/search_json.h"
#include "core/base/memory.h"
#include "core/search/importance.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 1000, MEASURED_DIGITS = 4, ANY_STAGE = SEARCH_STAGES_MAX };
enum { SORT_OBJECTIVE, SORT_CREATED, SORT_FINISHED, SORT_TEST, SORT_FIELDS };
enum { ORDER_ASC, ORDER_DESC, ORDER_DEFAULT };

static const char *const sort_names[] = {"objective", "created", "finished", "accuracy_test"};
static const char *const order_names[] = {"asc", "desc"};

/* Which trials to list, and in what order. */
struct trials_query {
    const char *sort; /* NULL: objective */
    size_t order;
    unsigned states; /* bits; 0: any */
    uint64_t stage;
    uint64_t limit;
    const char *after; /* NULL: from the first */
};

/* Something to sort by; the index settles what is equal. */
struct sortable {
    double key;
    size_t index;
};

static bool read_trials(const struct api_call *call, struct search_trials *trials,
                        struct http_response *response)
{
    struct ep_error error;
    if (searches_read_trials(call->api->searches, call->argument, trials, &error) == EP_OK) {
        return true;
    }
    problem_respond_error(response, &error);
    return false;
}

static bool read_query(const struct http_request *request, struct trials_query *query,
                       struct http_response *response)
{
    *query = (struct trials_query){.order = ORDER_DEFAULT, .stage = ANY_STAGE, .limit = LIMIT_DEFAULT};
    return query_once(request, "sort", &query->sort, response) &&
           query_choice(request, "order", order_names, EP_COUNT(order_names), &query->order, response) &&
           query_job_states(request, &query->states, response) &&
           query_integer(request, "stage", 0, SEARCH_STAGES_MAX - 1, &query->stage, response) &&
           query_integer(request, "limit", 1, LIMIT_MAX, &query->limit, response) &&
           query_id(request, "cursor", "the next_cursor of an earlier answer", &query->after, response);
}

/* What to sort by: one of sort_names, or SORT_FIELDS and a field of the trials. */
static bool find_sort(const struct search_trials *trials, const char *name, size_t *sort,
                      struct http_response *response)
{
    char known[512] = "objective, created, finished, accuracy_test";
    *sort = SORT_OBJECTIVE;
    if (name == NULL) {
        return true;
    }
    for (size_t i = 0; i < EP_COUNT(sort_names); i++) {
        if (strcmp(sort_names[i], name) == 0) {
            *sort = i;
            return true;
        }
    }
    for (size_t i = 0; i < trials->field_count; i++) {
        char field[SEARCH_NAME_MAX];
        if (strcmp(search_field_name(trials->fields[i], field), name) == 0) {
            *sort = SORT_FIELDS + i;
            return true;
        }
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, ", %s", field);
    }
    problem_respond(response, PROBLEM_INVALID_QUERY, "sort: got \"%.64s\"; must be one of %s", name, known);
    return false;
}

static double key_of(const struct search_trials *trials, size_t index, size_t sort)
{
    const struct search_trial *trial = &trials->items[index];
    switch (sort) {
    case SORT_OBJECTIVE:
        return trial->objective;
    case SORT_CREATED:
        return (double)index;
    case SORT_FINISHED:
        return trial->finished_at == 0 ? (double)NAN : (double)trial->finished_at;
    case SORT_TEST:
        return trial->accuracy_test;
    default:
        return trials->values[index * trials->field_count + sort - SORT_FIELDS];
    }
}

/* Rising keys; those that are not numbers last. */
static int compare(const void *left, const void *right)
{
    const struct sortable *a = left;
    const struct sortable *b = right;
    if (isnan(a->key) != isnan(b->key)) {
        return isnan(a->key) ? 1 : -1;
    }
    if (a->key < b->key || a->key > b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return a->index < b->index ? -1 : 1;
}

static void sort_trials(const struct search_trials *trials, size_t sort, size_t order,
                        struct sortable *sorted)
{
    const bool best_first = sort == SORT_OBJECTIVE && trials->settings.goal == SEARCH_MAXIMIZE;
    const bool falling = order == ORDER_DEFAULT ? best_first : order == ORDER_DESC;
    for (size_t i = 0; i < trials->count; i++) {
        const double key = key_of(trials, i, sort);
        sorted[i] = (struct sortable){.key = falling ? -key : key, .index = i};
    }
    qsort(sorted, trials->count, sizeof *sorted, compare);
}

/* Writes each trial's place among those that have an objective, from 1; 0 without. False: memory is short. */
static bool rank_trials(const struct search_trials *trials, size_t *ranks)
{
    size_t *order = ep_allocate(trials->count, sizeof *order);
    const bool ranked = order != NULL && search_trials_rank(trials, order);
    for (size_t i = 0; i < trials->count && ranked; i++) {
        ranks[order[i]] = isnan(trials->items[order[i]].objective) ? 0 : i + 1;
    }
    free(order);
    return ranked;
}

static bool fits(const struct search_trial *trial, const struct trials_query *query)
{
    return (query->states == 0 || (query->states >> trial->state & 1) != 0) &&
           (query->stage == ANY_STAGE || query->stage == trial->stage);
}

/* Where the page starts among the sorted; count + 1 when the cursor's trial is not there. */
static size_t find_start(const struct search_trials *trials, const struct sortable *sorted, const char *after)
{
    size_t at = 0;
    if (after == NULL) {
        return 0;
    }
    while (at < trials->count && strcmp(trials->items[sorted[at].index].id, after) != 0) {
        at++;
    }
    return at + 1;
}

static json_t *page_json(const struct search_trials *trials, const struct trials_query *query,
                         const struct sortable *sorted, const size_t *ranks, size_t start)
{
    json_t *list = json_array();
    const char *last = NULL;
    size_t count = 0;
    bool more = false;
    for (size_t i = start; i < trials->count && list != NULL && !more; i++) {
        const size_t index = sorted[i].index;
        const struct search_trial *trial = &trials->items[index];
        if (!fits(trial, query)) {
            continue;
        }
        more = count == query->limit;
        if (!more) {
            list =
                json_append(list, search_trial_json(trial, search_values_json(trials, index), ranks[index]));
            last = trial->id;
            count++;
        }
    }
    return json_pack("{s:o, s:o}", "data", list, "next_cursor", more ? json_string(last) : json_null());
}

static void answer_page(const struct search_trials *trials, const struct trials_query *query, size_t sort,
                        struct http_response *response)
{
    struct sortable *sorted = ep_allocate(trials->count, sizeof *sorted);
    size_t *ranks = ep_allocate(trials->count, sizeof *ranks);
    if (sorted == NULL || ranks == NULL || !rank_trials(trials, ranks)) {
        problem_respond_bare(response);
    } else {
        sort_trials(trials, sort, query->order, sorted);
        const size_t start = find_start(trials, sorted, query->after);
        if (start > trials->count) {
            problem_respond(response, PROBLEM_INVALID_QUERY, "cursor: this search has no trial %s",
                            query->after);
        } else {
            json_respond(response, 200, page_json(trials, query, sorted, ranks, start));
        }
    }
    free(sorted);
    free(ranks);
}

void list_trials(const struct api_call *call, struct http_response *response)
{
    struct trials_query query;
    struct search_trials trials;
    size_t sort = SORT_OBJECTIVE;
    if (!read_query(call->request, &query, response) || !read_trials(call, &trials, response)) {
        return;
    }
    if (find_sort(&trials, query.sort, &sort, response)) {
        answer_page(&trials, &query, sort, response);
    }
    search_trials_done(&trials);
}

void get_trials_csv(const struct api_call *call, struct http_response *response)
{
    struct search_trials trials;
    size_t length = 0;
    if (!read_trials(call, &trials, response)) {
        return;
    }
    char *text = search_trials_csv(&trials, &length);
    search_trials_done(&trials);
    if (text == NULL) {
        problem_respond_bare(response);
        return;
    }
    response->status = 200;
    response->content_type = "text/csv; charset=utf-8";
    response->body = text;
    response->body_length = length;
    http_add_header(response, "Content-Disposition", "attachment; filename=\"search-%s.csv\"",
                    call->argument);
}

/* Writes how important each field of the trials is, the most important first. False: memory is short. */
static bool measure(const struct search_trials *trials, struct sortable *fields)
{
    double *values = ep_allocate(trials->count, sizeof *values);
    double *objectives = ep_allocate(trials->count, sizeof *objectives);
    const bool room = values != NULL && objectives != NULL;
    for (size_t i = 0; i < trials->count && room; i++) {
        objectives[i] = trials->items[i].objective;
    }
    for (size_t f = 0; f < trials->field_count && room; f++) {
        for (size_t i = 0; i < trials->count; i++) {
            values[i] = trials->values[i * trials->field_count + f];
        }
        fields[f] =
            (struct sortable){.key = -search_importance(values, objectives, trials->count), .index = f};
    }
    free(values);
    free(objectives);
    return room;
}

void get_importance(const struct api_call *call, struct http_response *response)
{
    struct search_trials trials;
    struct sortable fields[EP_COUNT(trials.fields)];
    if (!read_trials(call, &trials, response)) {
        return;
    }
    if (measure(&trials, fields)) {
        qsort(fields, trials.field_count, sizeof *fields, compare);
        json_t *list = json_array();
        for (size_t i = 0; i < trials.field_count && list != NULL; i++) {
            char name[SEARCH_NAME_MAX];
            search_field_name(trials.fields[fields[i].index], name);
            list = json_append(list, json_pack("{s:s, s:o}", "field", name, "importance",
                                               json_rounded(-fields[i].key, MEASURED_DIGITS)));
        }
        json_respond(response, 200, json_pack("{s:o}", "data", list));
    } else {
        problem_respond_bare(response);
    }
    search_trials_done(&trials);
}
