#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/nn/gemm.h"
#include "core/nn/gemm_libxsmm.h"
#include "core/nn/gemm_object.h"

/* Shapes of the self-test: whole and broken tiles, a single row, and a first layer's long sum. */
static const struct {
    size_t rows, in, out;
} shapes[] = {{1, 1, 1},     {7, 5, 3},    {100, 784, 50}, {33, 130, 65},
              {100, 50, 30}, {64, 64, 64}, {500, 97, 10},  {2, 3072, 50}};

const char *const nn_gemm_choices[] = {"auto", "libxsmm", "openblas", NULL};

const char *nn_gemm_description(const struct nn_gemm *gemm)
{
    return gemm->description;
}

/* Whether c(m, n) equals a·b, where element (i, k) of a is a[i·a_row + k·a_column] and so on. */
struct operand {
    const nn_real *numbers;
    size_t row, column;
};

static bool product_right(struct operand a, struct operand b, const nn_real *c, size_t m, size_t n, size_t k)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            double magnitude = 0;
            for (size_t t = 0; t < k; t++) {
                const double term =
                    (double)a.numbers[i * a.row + t * a.column] * (double)b.numbers[t * b.row + j * b.column];
                sum += term;
                magnitude += fabs(term);
            }
            /* Any order of summation in float stays within k·2^-24 of the sum of magnitudes. */
            if (!(fabs((double)c[i * n + j] - sum) <= (double)(k + 1) * 0x1p-24 * magnitude)) {
                return false;
            }
        }
    }
    return true;
}

static bool shape_right(const struct nn_gemm *gemm, size_t rows, size_t in, size_t out, nn_real *x,
                        nn_real *w, nn_real *s, nn_real *result)
{
    const struct operand x_plain = {x, in, 1};
    const struct operand x_turned = {x, 1, in};
    const struct operand w_plain = {w, out, 1};
    const struct operand w_turned = {w, 1, out};
    nn_gemm_forward(gemm, x, w, s, rows, in, out);
    bool right = product_right(x_plain, w_plain, s, rows, out, in);
    const struct operand s_plain = {s, out, 1};
    nn_gemm_weight_gradient(gemm, x, s, result, rows, in, out);
    right = right && product_right(x_turned, s_plain, result, in, out, rows);
    nn_gemm_input_gradient(gemm, s, w, result, rows, in, out);
    return right && product_right(s_plain, w_turned, result, rows, in, out);
}

static void fill(nn_real *numbers, size_t count, uint32_t stream)
{
    for (size_t i = 0; i < count; i += 4) {
        uint32_t words[4];
        ep_random_block(0, EP_RANDOM_WEIGHTS, stream, i, words);
        for (size_t j = 0; j < 4 && i + j < count; j++) {
            numbers[i + j] = (nn_real)((double)words[j] * 0x1p-31 - 1.0);
        }
    }
}

static enum ep_status test_shape(const struct nn_gemm *gemm, size_t index, struct ep_error *error)
{
    const size_t rows = shapes[index].rows;
    const size_t in = shapes[index].in;
    const size_t out = shapes[index].out;
    const size_t largest = rows * in > in * out ? rows * in : in * out;
    nn_real *x = ep_allocate(rows * in, sizeof *x);
    nn_real *w = ep_allocate(in * out, sizeof *w);
    nn_real *s = ep_allocate(rows * out, sizeof *s);
    nn_real *result = ep_allocate(largest, sizeof *result);
    enum ep_status status = EP_OK;
    if (x == NULL || w == NULL || s == NULL || result == NULL) {
        status = ep_fail(error, EP_NO_MEMORY, "no memory for the self-test of the matrix products");
    } else {
        fill(x, rows * in, 0);
        fill(w, in * out, 1);
        if (!shape_right(gemm, rows, in, out, x, w, s, result)) {
            status = ep_fail(error, EP_INTERNAL, "%s multiplies wrongly: %zu images, layer %zu to %zu",
                             gemm->description, rows, in, out);
        }
    }
    free(x);
    free(w);
    free(s);
    free(result);
    return status;
}

static enum ep_status self_test(const struct nn_gemm *gemm, struct ep_error *error)
{
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < EP_COUNT(shapes) && status == EP_OK; i++) {
        status = test_shape(gemm, i, error);
    }
    return status;
}

static enum ep_status try_libxsmm(struct nn_gemm *gemm, struct ep_error *error)
{
    if (!gemm_libxsmm_start()) {
        return ep_fail(error, EP_UNAVAILABLE,
                       "LIBXSMM cannot make kernels here: the processor has no AVX2, or memory that is made "
                       "executable is forbidden; use openblas or auto");
    }
    gemm->libxsmm = true;
    snprintf(gemm->description, sizeof gemm->description, "LIBXSMM %s %s; %s", gemm_libxsmm_version(),
             gemm_libxsmm_target(), openblas_get_config());
    return self_test(gemm, error);
}

static enum ep_status try_openblas(struct nn_gemm *gemm, struct ep_error *error)
{
    gemm->libxsmm = false;
    snprintf(gemm->description, sizeof gemm->description, "%s", openblas_get_config());
    return self_test(gemm, error);
}

static enum ep_status choose(struct nn_gemm *gemm, enum nn_gemm_choice choice, struct ep_error *error)
{
    if (openblas_get_parallel() == OPENBLAS_OPENMP) {
        return ep_fail(
            error, EP_INTERNAL,
            "this OpenBLAS is built for OpenMP, which cannot be held to one thread a call; install "
            "libopenblas0-pthread");
    }
    openblas_set_num_threads(1);
    enum ep_status status = EP_UNAVAILABLE;
    if (choice != NN_GEMM_OPENBLAS) {
        status = try_libxsmm(gemm, error);
    }
    if (status != EP_OK && choice != NN_GEMM_LIBXSMM) {
        status = try_openblas(gemm, error);
    }
    return status;
}

enum ep_status nn_gemm_create(enum nn_gemm_choice choice, struct nn_gemm **gemm, struct ep_error *error)
{
    struct nn_gemm *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to choose what computes matrix products");
    }
    const enum ep_status status = choose(made, choice, error);
    if (status != EP_OK) {
        nn_gemm_destroy(made);
        return status;
    }
    *gemm = made;
    return EP_OK;
}

void nn_gemm_destroy(struct nn_gemm *gemm)
{
    free(gemm);
}
