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
#include "core/nn/kernels.h"

/* Shapes of the self-test: whole and broken tiles, a single row, and a first layer's long sum. */
static const struct {
    size_t rows, in, out;
} shapes[] = {{1, 1, 1},     {7, 5, 3},    {100, 784, 50}, {33, 130, 65},
              {100, 50, 30}, {64, 64, 64}, {500, 97, 10},  {2, 3072, 50}};

const char *const nn_gemm_choices[] = {"auto", "avx512", "avx2", "libxsmm", "openblas", NULL};

const char *nn_gemm_description(const struct nn_gemm *gemm)
{
    return gemm->description;
}

/* Element (i, k) is numbers[i · row + k · column]. */
struct operand {
    const nn_real *numbers;
    size_t row, column;
};

/* Whether c(m, n) equals a·b·sign. */
static bool product_right(struct operand a, struct operand b, struct nn_matrix c, double sign, size_t m,
                          size_t n, size_t k)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            double magnitude = 0;
            for (size_t t = 0; t < k; t++) {
                const double term =
                    (double)a.numbers[i * a.row + t * a.column] * (double)b.numbers[t * b.row + j * b.column];
                sum += sign * term;
                magnitude += fabs(term);
            }
            /* Any order of summation in float stays within k·2^-24 of the sum of magnitudes. */
            if (!(fabs((double)c.at[i * c.stride + j] - sum) <= (double)(k + 1) * 0x1p-24 * magnitude)) {
                return false;
            }
        }
    }
    return true;
}

/* The operands of a test; all matrices that the products read are random. */
struct trial {
    size_t rows, in, out;
    nn_real *block;
    struct nn_matrix x, w, s, dx, stepped, velocity;
    nn_real *scratch;
};

static bool trial_right(const struct nn_gemm *gemm, const struct trial *t)
{
    const struct operand x = {t->x.at, t->x.stride, 1};
    const struct operand w = {t->w.at, t->w.stride, 1};
    const struct operand w_turned = {t->w.at, 1, t->w.stride};
    const struct operand s = {t->s.at, t->s.stride, 1};
    const struct operand s_turned = {t->s.at, 1, t->s.stride};
    const struct nn_forward_task onward = {.w = nn_const(t->w), .s = t->s, .out = t->out};
    nn_gemm_forward(gemm, nn_const(t->x), &onward, 1, t->rows, t->in);
    if (!product_right(x, w_turned, t->s, 1, t->rows, t->out, t->in)) {
        return false;
    }
    nn_gemm_input_gradient(gemm, nn_const(t->s), nn_const(t->w), t->dx, t->rows, t->in, t->out);
    if (!product_right(s, w, t->dx, 1, t->rows, t->in, t->out)) {
        return false;
    }
    /* From rest at 0 with η = 1 and nothing else, the weights become the gradient's negative. */
    const struct nn_descent plain = {.rule = NN_RULE_HEAVY_BALL, .eta = 1};
    const struct nn_descend_task step = {
        .ds = nn_const(t->s),
        .w = {.theta = t->stepped.at, .velocity = t->velocity.at, .stride = t->stepped.stride},
        .out = t->out,
        .descent = &plain,
    };
    nn_gemm_descend(gemm, nn_const(t->x), &step, 1, t->rows, t->in, t->scratch);
    return product_right(s_turned, x, t->stepped, -1, t->out, t->in, t->rows);
}

static void fill(struct nn_matrix matrix, size_t rows, size_t columns, uint32_t stream)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            uint32_t words[4];
            ep_random_block(i, EP_RANDOM_WEIGHTS, stream, j, words);
            matrix.at[i * matrix.stride + j] = (nn_real)((double)words[0] * 0x1p-31 - 1.0);
        }
    }
}

static struct nn_matrix carve(nn_real **at, size_t rows, size_t columns)
{
    const struct nn_matrix matrix = {*at, nn_stride(columns)};
    *at += rows * matrix.stride;
    return matrix;
}

static bool make_trial(struct trial *t)
{
    size_t scratch;
    const size_t in = nn_stride(t->in);
    const size_t numbers = 2 * t->rows * in + t->rows * nn_stride(t->out) + 3 * t->out * in;
    if (!nn_gemm_scratch(t->in, t->out, &scratch)) {
        return false;
    }
    t->block = ep_allocate(numbers + scratch, sizeof *t->block);
    if (t->block == NULL) {
        return false;
    }
    nn_real *at = t->block;
    t->x = carve(&at, t->rows, t->in);
    t->dx = carve(&at, t->rows, t->in);
    t->s = carve(&at, t->rows, t->out);
    t->w = carve(&at, t->out, t->in);
    t->stepped = carve(&at, t->out, t->in);
    t->velocity = carve(&at, t->out, t->in);
    t->scratch = at;
    return true;
}

static enum ep_status test_shape(const struct nn_gemm *gemm, size_t index, struct ep_error *error)
{
    struct trial trial = {.rows = shapes[index].rows, .in = shapes[index].in, .out = shapes[index].out};
    if (!make_trial(&trial)) {
        return ep_fail(error, EP_NO_MEMORY, "no memory for the self-test of the matrix products");
    }
    fill(trial.x, trial.rows, trial.in, 0);
    fill(trial.w, trial.out, trial.in, 1);
    const bool right = trial_right(gemm, &trial);
    free(trial.block);
    return right ? EP_OK
                 : ep_fail(error, EP_INTERNAL, "%s multiplies wrongly: %zu images, layer %zu to %zu",
                           gemm->description, trial.rows, trial.in, trial.out);
}

static enum ep_status self_test(const struct nn_gemm *gemm, struct ep_error *error)
{
    enum ep_status status = EP_OK;
    for (size_t i = 0; i < EP_COUNT(shapes) && status == EP_OK; i++) {
        status = test_shape(gemm, i, error);
    }
    return status;
}

static enum ep_status try_kernels(struct nn_gemm *gemm, const struct nn_kernels *kernels,
                                  struct ep_error *error)
{
    if (kernels == NULL) {
        return ep_fail(error, EP_UNAVAILABLE,
                       "this processor lacks the instructions of the kernels asked for; use auto");
    }
    gemm->kernels = kernels;
    snprintf(gemm->description, sizeof gemm->description, "%s kernels", kernels->name);
    return self_test(gemm, error);
}

static enum ep_status try_libxsmm(struct nn_gemm *gemm, struct ep_error *error)
{
    if (!gemm_libxsmm_start()) {
        return ep_fail(error, EP_UNAVAILABLE,
                       "LIBXSMM cannot make kernels here: the processor has no AVX2, or memory that is made "
                       "executable is forbidden; use auto");
    }
    gemm->libxsmm = true;
    snprintf(gemm->description, sizeof gemm->description, "LIBXSMM %s %s; %s", gemm_libxsmm_version(),
             gemm_libxsmm_target(), openblas_get_config());
    return self_test(gemm, error);
}

static enum ep_status try_openblas(struct nn_gemm *gemm, struct ep_error *error)
{
    gemm->kernels = NULL;
    snprintf(gemm->description, sizeof gemm->description, "%s", openblas_get_config());
    return self_test(gemm, error);
}

static enum ep_status try_auto(struct nn_gemm *gemm, struct ep_error *error)
{
    const struct nn_kernels *widest = nn_kernels_avx512() != NULL ? nn_kernels_avx512() : nn_kernels_avx2();
    if (try_kernels(gemm, widest, error) != EP_OK) {
        return try_openblas(gemm, error);
    }
    gemm->kernels16 = nn_kernels_bf16();
    return EP_OK;
}

static enum ep_status try_choice(struct nn_gemm *gemm, enum nn_gemm_choice choice, struct ep_error *error)
{
    switch (choice) {
    case NN_GEMM_AUTO:
        break;
    case NN_GEMM_AVX512:
        gemm->kernels16 = nn_kernels_bf16();
        return try_kernels(gemm, nn_kernels_avx512(), error);
    case NN_GEMM_AVX2:
        return try_kernels(gemm, nn_kernels_avx2(), error);
    case NN_GEMM_LIBXSMM:
        return try_libxsmm(gemm, error);
    case NN_GEMM_OPENBLAS:
        return try_openblas(gemm, error);
    }
    return try_auto(gemm, error);
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
    return try_choice(gemm, choice, error);
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

enum ep_status nn_gemm_create_portable(enum nn_gemm_choice choice, struct nn_gemm **gemm,
                                       struct ep_error *error)
{
    struct nn_gemm *made = NULL;
    const enum ep_status status = nn_gemm_create(choice, &made, error);
    if (made != NULL && made->kernels == NULL) {
        const enum ep_status refused = ep_fail(
            error, EP_UNAVAILABLE,
            "portable numerics need the engine's own kernels, and those a processor with AVX2 and FMA; "
            "products would be computed by %s",
            made->description);
        nn_gemm_destroy(made);
        return refused;
    }
    if (made != NULL) {
        *gemm = made;
    }
    return status;
}

void nn_gemm_destroy(struct nn_gemm *gemm)
{
    free(gemm);
}
