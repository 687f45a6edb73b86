#include "core/search/tpe.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/search/halving.h"

/*
 * Both densities are sums of kernels over all fields at once, so that fields which belong together stay
 * together (Falkner, Klein, Hutter: BOHB, ICML 2018), one kernel around each trial and a flat one that keeps
 * every point possible. They live where a range goes from 0 to 1 along its scale.
 */

enum {
    STARTUP = 10, /* random points, or STARTUP_FIELD for each field if that is more */
    STARTUP_FIELD = 2,
    CANDIDATES = 24,
    DRAWS_MAX = 192, /* for a candidate that has not been tried */
    GOOD_MAX = 25,
    OTHERS_MAX = 500, /* a density needs no more; it bounds the time of a proposal */
    NARROWEST = 100,  /* kernels to a range's width, at most */
};

static const double good_share = 0.15;
static const double pi = 3.14159265358979323846;

/* A density: the mean of its kernels. */
struct mixture {
    const struct search_stage *stage;
    size_t count;                    /* kernels; the first is the flat one */
    double *at;                      /* (count, fields) share of a range, index in a list; NaN: anywhere */
    double *offset;                  /* (count) log of what a kernel of ranges is at its middle */
    double *terms;                   /* (count) scratch */
    double width[SEARCH_FIELDS_MAX]; /* of a range: standard deviation; of a list: weight of other values */
};

/* Numbers of one proposal, one after the other. */
struct draws {
    uint64_t seed;
    uint32_t stream;
    uint64_t block;
};

static double draw_uniform(struct draws *draws)
{
    uint32_t words[4];
    ep_random_block(draws->seed, EP_RANDOM_PROPOSE, draws->stream, draws->block, words);
    draws->block++;
    return ((double)words[0] + 0.5) * 0x1p-32;
}

static double draw_normal(struct draws *draws)
{
    double normal;
    ep_random_normals(draws->seed, EP_RANDOM_PROPOSE, draws->stream, 4 * draws->block, &normal, 1);
    draws->block++;
    return normal;
}

/* Where a field's value lies; NaN where that cannot be said. */
static double coordinate(const struct search_field *field, double value)
{
    if (!field->is_list) {
        return isnan(value) ? NAN : fmin(fmax(search_field_share(field, value), 0), 1);
    }
    if (field->lists != NULL) {
        return value >= 0 && value < (double)field->count ? floor(value) : NAN;
    }
    for (size_t i = 0; i < field->count; i++) {
        if (field->values[i] == value) {
            return (double)i;
        }
    }
    return NAN;
}

static double value_at(const struct search_field *field, double at)
{
    if (!field->is_list) {
        return search_field_value(field, at);
    }
    return field->lists != NULL ? at : field->values[(size_t)at];
}

static void mixture_done(struct mixture *mixture)
{
    free(mixture->at);
    free(mixture->offset);
    free(mixture->terms);
}

/* Room for `room` kernels besides the flat one, which it begins with. */
static bool mixture_begin(struct mixture *mixture, const struct search_stage *stage, size_t room)
{
    *mixture = (struct mixture){.stage = stage, .count = 1};
    mixture->at = ep_allocate(room + 1, stage->field_count * sizeof *mixture->at);
    mixture->offset = ep_allocate(room + 1, sizeof *mixture->offset);
    mixture->terms = ep_allocate(room + 1, sizeof *mixture->terms);
    if (mixture->at == NULL || mixture->offset == NULL || mixture->terms == NULL) {
        return false;
    }
    for (size_t f = 0; f < stage->field_count; f++) {
        mixture->at[f] = NAN;
    }
    return true;
}

/* Adds a kernel; what it is at its middle follows with the widths. */
static void mixture_add(struct mixture *mixture, const struct search_point *point)
{
    const size_t fields = mixture->stage->field_count;
    double *at = mixture->at + mixture->count * fields;
    for (size_t f = 0; f < fields; f++) {
        at[f] = coordinate(&mixture->stage->fields[f], point->at[f]);
    }
    mixture->count++;
}

/* A normal distribution cut at 0 and 1 has less than all of its mass there. */
static void kernel_scale(struct mixture *mixture, size_t kernel)
{
    const size_t fields = mixture->stage->field_count;
    mixture->offset[kernel] = 0;
    for (size_t f = 0; f < fields; f++) {
        const double at = mixture->at[kernel * fields + f];
        if (!mixture->stage->fields[f].is_list && !isnan(at)) {
            const double unit = mixture->width[f] * sqrt(2);
            const double mass = (erf((1 - at) / unit) + erf(at / unit)) / 2;
            mixture->offset[kernel] -= log(sqrt(pi) * unit * mass);
        }
    }
}

/* Scott's rule for n points in d fields, deviation · n^(-1 / (d + 4)), but not narrower than few points allow
 * (Bergstra, Yamins, Cox, ICML 2013, as in Hyperopt). */
static double range_width(const struct mixture *mixture, size_t field)
{
    const size_t fields = mixture->stage->field_count;
    double mean = 0;
    double squares = 0;
    double known = 0;
    for (size_t k = 0; k < mixture->count; k++) {
        const double at = mixture->at[k * fields + field];
        if (!isnan(at)) {
            const double apart = at - mean;
            known += 1;
            mean += apart / known;
            squares += apart * (at - mean);
        }
    }
    const double deviation = known > 1 ? sqrt(squares / (known - 1)) : 0;
    const double scott = known > 1 ? deviation * pow(known, -1 / ((double)fields + 4)) : 0;
    return fmin(fmax(scott, 1 / fmin((double)mixture->count + 1, NARROWEST)), 1);
}

static void mixture_measure(struct mixture *mixture)
{
    for (size_t f = 0; f < mixture->stage->field_count; f++) {
        mixture->width[f] =
            mixture->stage->fields[f].is_list ? 1 / (double)mixture->count : range_width(mixture, f);
    }
    for (size_t k = 0; k < mixture->count; k++) {
        kernel_scale(mixture, k);
    }
}

/* Log of the density at a point, given by its coordinates. */
static double mixture_log(const struct mixture *mixture, const double *point)
{
    const size_t fields = mixture->stage->field_count;
    double hit[SEARCH_FIELDS_MAX];
    double miss[SEARCH_FIELDS_MAX];
    double any[SEARCH_FIELDS_MAX];
    for (size_t f = 0; f < fields; f++) {
        const double values = (double)mixture->stage->fields[f].count;
        hit[f] = log((1 + mixture->width[f]) / (1 + values * mixture->width[f]));
        miss[f] = log(mixture->width[f] / (1 + values * mixture->width[f]));
        any[f] = -log(values);
    }
    double largest = -INFINITY;
    for (size_t k = 0; k < mixture->count; k++) {
        const double *at = mixture->at + k * fields;
        double term = mixture->offset[k];
        for (size_t f = 0; f < fields; f++) {
            const double apart = point[f] - at[f];
            if (mixture->stage->fields[f].is_list) {
                term += isnan(apart) ? any[f] : (fabs(apart) < 0.5 ? hit[f] : miss[f]);
            } else if (!isnan(apart)) {
                term -= apart / mixture->width[f] * (apart / mixture->width[f]) / 2;
            }
        }
        mixture->terms[k] = term;
        largest = fmax(largest, term);
    }
    double sum = 0;
    for (size_t k = 0; k < mixture->count; k++) {
        sum += exp(mixture->terms[k] - largest);
    }
    return largest + log(sum / (double)mixture->count);
}

static size_t draw_below(struct draws *draws, size_t count)
{
    return (size_t)(draw_uniform(draws) * (double)count);
}

/* Draws a point of the stage from a density. */
static void mixture_draw(const struct mixture *mixture, struct draws *draws, struct search_point *point)
{
    const size_t fields = mixture->stage->field_count;
    const double *kernel = mixture->at + draw_below(draws, mixture->count) * fields;
    for (size_t f = 0; f < fields; f++) {
        const struct search_field *field = &mixture->stage->fields[f];
        double at = kernel[f];
        if (field->is_list) {
            const double others = (double)field->count * mixture->width[f];
            if (isnan(at) || draw_uniform(draws) * (1 + others) > 1) {
                at = (double)draw_below(draws, field->count);
            }
        } else if (isnan(at)) {
            at = draw_uniform(draws);
        } else {
            /* The middle lies in 0 … 1 and no kernel is wider, so that a third of the draws at least fit. */
            do {
                at = kernel[f] + mixture->width[f] * draw_normal(draws);
            } while (at < 0 || at > 1);
        }
        point->at[f] = value_at(field, at);
    }
}

/* What a call knows. */
struct proposer {
    const struct search_stage *stage;
    const struct search_point *points; /* (seen) */
    size_t seen;
    struct mixture good;
    struct mixture others;
};

static bool among(const struct search_point *points, size_t count, const struct search_point *point,
                  size_t fields)
{
    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        while (same < fields && points[i].at[same] == point->at[same]) {
            same++;
        }
        if (same == fields) {
            return true;
        }
    }
    return false;
}

/* The best of the candidates; one that was tried already, which would only give the same again, when there is
 * no other. `proposals` are the `made` ones of this call. */
static void propose(const struct proposer *proposer, struct draws *draws,
                    const struct search_point *proposals, size_t made, struct search_point *chosen)
{
    const struct search_stage *stage = proposer->stage;
    const size_t fields = stage->field_count;
    double best = -INFINITY;
    bool fresh = false;
    for (size_t drawn = 0; drawn < CANDIDATES || (!fresh && drawn < DRAWS_MAX); drawn++) {
        struct search_point point = {0};
        mixture_draw(&proposer->good, draws, &point);
        double at[SEARCH_FIELDS_MAX] = {0};
        for (size_t f = 0; f < fields; f++) {
            at[f] = coordinate(&stage->fields[f], point.at[f]);
        }
        const double score = mixture_log(&proposer->good, at) - mixture_log(&proposer->others, at);
        const bool untried = !among(proposer->points, proposer->seen, &point, fields) &&
                             !among(proposals, made, &point, fields);
        if (drawn == 0 || (untried && !fresh) || (untried == fresh && score > best)) {
            *chosen = point;
            best = score;
            fresh = untried;
        }
    }
}

/* Splits the trials by their losses into the two densities, with room for `count` others more. */
static bool proposer_begin(struct proposer *proposer, const double *losses, size_t count)
{
    size_t numbers = 0;
    for (size_t i = 0; i < proposer->seen; i++) {
        numbers += isnan(losses[i]) ? 0 : 1;
    }
    size_t good = (size_t)ceil(good_share * (double)proposer->seen);
    good = good < numbers ? good : numbers;
    good = good < GOOD_MAX ? good : GOOD_MAX;
    const size_t rest = proposer->seen - good;
    const size_t others = rest < OTHERS_MAX ? rest : OTHERS_MAX;
    bool *cut = ep_allocate(proposer->seen, sizeof *cut);
    const bool fits = cut != NULL && search_cut(losses, proposer->seen, good, cut) &&
                      mixture_begin(&proposer->good, proposer->stage, good) &&
                      mixture_begin(&proposer->others, proposer->stage, others + count);
    size_t due = 0;
    for (size_t i = 0; fits && i < proposer->seen; i++) {
        if (!cut[i]) {
            mixture_add(&proposer->good, &proposer->points[i]);
            continue;
        }
        due += others; /* `others` of the `rest`, evenly spread over them */
        if (due >= rest) {
            due -= rest;
            mixture_add(&proposer->others, &proposer->points[i]);
        }
    }
    free(cut);
    if (fits) {
        mixture_measure(&proposer->good);
        mixture_measure(&proposer->others);
    }
    return fits;
}

enum ep_status search_tpe_propose(const struct search_stage *stage, const struct search_point *points,
                                  const double *losses, size_t seen, size_t first, size_t count,
                                  struct search_point *proposals, struct ep_error *error)
{
    struct proposer proposer = {.stage = stage, .points = points, .seen = seen};
    if (!proposer_begin(&proposer, losses, count)) {
        mixture_done(&proposer.good);
        mixture_done(&proposer.others);
        return ep_fail(error, EP_NO_MEMORY, "not enough memory to propose %zu trials", count);
    }
    const size_t by_fields = STARTUP_FIELD * stage->field_count;
    const size_t startup = by_fields > STARTUP ? by_fields : STARTUP;
    for (size_t i = 0; i < count; i++) {
        const size_t index = first + i;
        struct search_point point = {0};
        if (index < startup || proposer.good.count == 1) {
            search_random_point(stage, index, &point);
        } else {
            struct draws draws = {.seed = stage->seed, .stream = (uint32_t)index};
            propose(&proposer, &draws, proposals, i, &point);
        }
        proposals[i] = point;
        /* Taken for as bad as the others until it is known (the constant liar: Ginsbourger, Le Riche,
         * Carraro, 2010), it keeps those that follow away. */
        mixture_add(&proposer.others, &point);
        kernel_scale(&proposer.others, proposer.others.count - 1);
    }
    mixture_done(&proposer.good);
    mixture_done(&proposer.others);
    return EP_OK;
}
