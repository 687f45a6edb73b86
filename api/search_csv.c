#include "api/search_csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/search_json.h"
#include "core/base/clock.h"

enum { DIGITS_LEAST = 15, DIGITS_MOST = 17 };

/* What was measured, as in JSON; nothing when there is none. */
static void print_measured(FILE *file, double value)
{
    if (isfinite(value)) {
        fprintf(file, "%.*g", DIGITS_LEAST, value);
    }
}

/* With as many digits as it takes to read the same number back; nothing when there is none. */
static void print_number(FILE *file, double value)
{
    char text[40] = "";
    for (int digits = DIGITS_LEAST; isfinite(value) && digits <= DIGITS_MOST; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    fputs(text, file);
}

static void print_epoch(FILE *file, uint64_t epoch)
{
    if (epoch > 0) {
        fprintf(file, "%" PRIu64, epoch);
    }
}

static void print_time(FILE *file, int64_t ms)
{
    char text[EP_TIME_TEXT];
    if (ms != 0) {
        ep_clock_format(ms, text);
        fputs(text, file);
    }
}

static void print_value(FILE *file, const struct search_trials *trials, size_t index, size_t field)
{
    const struct ep_field *row = &job_spec_fields.rows[trials->fields[field]];
    const double value = trials->values[index * trials->field_count + field];
    if (row->kind == EP_FIELD_INTEGER_LIST && trials->hidden != NULL) {
        const struct ep_integer_list *list = &trials->hidden[index];
        fputs("\"[", file);
        for (uint32_t i = 0; i < list->count; i++) {
            fprintf(file, "%s%" PRIu32, i == 0 ? "" : ",", list->items[i]);
        }
        fputs("]\"", file);
    } else if (row->kind == EP_FIELD_CHOICE && isfinite(value)) {
        fputs(row->choices[(size_t)value], file);
    } else if (row->kind == EP_FIELD_BOOLEAN && isfinite(value)) {
        fputs(value != 0 ? "true" : "false", file);
    } else {
        print_number(file, value);
    }
}

static void print_trial(FILE *file, const struct search_trials *trials, size_t index)
{
    const struct search_trial *trial = &trials->items[index];
    fprintf(file, "%s,%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%s,", trial->id, trial->stage, trial->ordinal,
            trial->bank, job_state_name(trial->state));
    print_epoch(file, trial->cut_epoch);
    fputc(',', file);
    print_epoch(file, trial->failed_epoch);
    fprintf(file, ",%" PRIu64 ",%" PRIu64 ",", trial->epoch, trial->epochs);
    print_measured(file, trial->objective);
    fputc(',', file);
    print_epoch(file, trial->objective_epoch);
    fputc(',', file);
    print_measured(file, trial->cost_validation);
    fputc(',', file);
    print_measured(file, trial->accuracy_validation);
    fputc(',', file);
    print_measured(file, trial->accuracy_test);
    fputc(',', file);
    print_time(file, trial->started_at);
    fputc(',', file);
    print_time(file, trial->finished_at);
    for (size_t i = 0; i < trials->field_count; i++) {
        fputc(',', file);
        print_value(file, trials, index, i);
    }
    fputs("\r\n", file);
}

char *search_trials_csv(const struct search_trials *trials, size_t *length)
{
    char *text = NULL;
    FILE *file = open_memstream(&text, length);
    if (file == NULL) {
        return NULL;
    }
    fputs("id,stage,ordinal,bank,state,cut_epoch,failed_epoch,epoch,epochs,objective,objective_epoch,"
          "cost_validation,accuracy_validation,accuracy_test,started_at,finished_at",
          file);
    for (size_t i = 0; i < trials->field_count; i++) {
        char name[SEARCH_NAME_MAX];
        fprintf(file, ",%s", search_field_name(trials->fields[i], name));
    }
    fputs("\r\n", file);
    for (size_t i = 0; i < trials->count; i++) {
        print_trial(file, trials, i);
    }
    const bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
