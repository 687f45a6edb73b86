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

double nn_softmax_cost(nn_real *s, const uint8_t *labels, size_t rows, size_t classes, size_t *correct)
{
    double cost = 0;
    for (size_t i = 0; i < rows; i++) {
        nn_real *row = s + i * classes;
        const size_t top = largest(row, classes);
        if (top == labels[i]) {
            ++*correct;
        }
        cost += softmax_row(row, classes, top, labels[i]);
    }
    return cost;
}

void nn_softmax_gradient(nn_real *p, const uint8_t *labels, size_t rows, size_t classes)
{
    const nn_real share = (nn_real)1 / (nn_real)rows;
    for (size_t i = 0; i < rows; i++) {
        nn_real *row = p + i * classes;
        row[labels[i]] -= 1;
        for (size_t j = 0; j < classes; j++) {
            row[j] *= share;
        }
    }
}
