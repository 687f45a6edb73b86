#include <math.h>

#include "core/nn/layers.h"

#ifdef NN_DOUBLE
#define EXP exp
#else
#define EXP expf
#endif

static size_t largest(const nn_real *row, size_t count)
{
    size_t best = 0;
    for (size_t j = 1; j < count; j++) {
        if (row[j] > row[best]) {
            best = j;
        }
    }
    return best;
}

/* One row of scores to probabilities; returns −log p(label). */
static double softmax_row(nn_real *row, size_t classes, size_t top, size_t label)
{
    const nn_real peak = row[top];
    const double distance = (double)peak - (double)row[label];
    double sum = 0;
    for (size_t j = 0; j < classes; j++) {
        row[j] = EXP(row[j] - peak);
        sum += (double)row[j];
    }
    const nn_real share = (nn_real)(1.0 / sum);
    for (size_t j = 0; j < classes; j++) {
        row[j] *= share;
    }
    return log(sum) + distance;
}

void nn_softmax(struct nn_matrix s, const uint8_t *labels, struct nn_row_cost *costs, size_t rows,
                size_t classes)
{
    for (size_t i = 0; i < rows; i++) {
        nn_real *row = s.at + i * s.stride;
        costs[i].guess = largest(row, classes);
        costs[i].cost = softmax_row(row, classes, costs[i].guess, labels[i]);
    }
}

void nn_softmax_gradient(struct nn_matrix p, const uint8_t *labels, size_t rows, size_t classes, size_t batch)
{
    const nn_real share = (nn_real)1 / (nn_real)batch;
    for (size_t i = 0; i < rows; i++) {
        nn_real *row = p.at + i * p.stride;
        row[labels[i]] -= 1;
        for (size_t j = 0; j < classes; j++) {
            row[j] *= share;
        }
    }
}
