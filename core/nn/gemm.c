#include "core/nn/gemm.h"

#include <cblas.h>

#include "core/base/memory.h"

#ifdef NN_DOUBLE
#define GEMM cblas_dgemm
#else
#define GEMM cblas_sgemm
#include "core/nn/gemm_libxsmm.h"
#include "core/nn/gemm_object.h"
#endif

/* Units whose gradient is in memory at a time when a library computes it. */
enum { GRADIENT_UNITS = 64 };

bool nn_gemm_divisible(const struct nn_gemm *gemm)
{
#ifdef NN_DOUBLE
    (void)gemm;
    return false;
#else
    return gemm->kernels != NULL;
#endif
}

void nn_gemm_forward(const struct nn_gemm *gemm, struct nn_const_matrix x,
                     const struct nn_forward_task *tasks, size_t count, size_t rows, size_t in)
{
#ifdef NN_DOUBLE
    (void)gemm;
#else
    if (gemm->kernels != NULL) {
        gemm->kernels->forward(x, tasks, count, rows, in);
        return;
    }
#endif
    for (size_t i = 0; i < count; i++) {
        const struct nn_forward_task *t = &tasks[i];
        /* LIBXSMM has no kernel for this one, which would need w turned over. */
        GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)t->out, (int)in, 1, x.at, (int)x.stride,
             t->w.at, (int)t->w.stride, 0, t->s.at, (int)t->s.stride);
    }
}

void nn_gemm_input_gradient(const struct nn_gemm *gemm, struct nn_const_matrix ds, struct nn_const_matrix w,
                            struct nn_matrix dx, size_t rows, size_t in, size_t out)
{
#ifdef NN_DOUBLE
    (void)gemm;
#else
    if (gemm->kernels != NULL) {
        gemm->kernels->input_gradient(ds, w, dx, rows, in, out);
        return;
    }
    if (gemm->libxsmm && gemm_libxsmm_multiply(w, ds, false, dx, in, rows, out)) {
        return;
    }
#endif
    GEMM(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)in, (int)out, 1, ds.at, (int)ds.stride,
         w.at, (int)w.stride, 0, dx.at, (int)dx.stride);
}

bool nn_gemm_scratch(size_t in, size_t out, size_t *numbers)
{
    return ep_size_multiply(nn_stride(in), out < GRADIENT_UNITS ? out : GRADIENT_UNITS, numbers);
}

/* gradient(out, in) = ds(rows, out)ᵀ · x(rows, in) */
static void gradient_of(const struct nn_gemm *gemm, struct nn_const_matrix x, struct nn_const_matrix ds,
                        struct nn_matrix gradient, size_t rows, size_t in, size_t out)
{
#ifdef NN_DOUBLE
    (void)gemm;
#else
    if (gemm->libxsmm && gemm_libxsmm_multiply(x, ds, true, gradient, in, out, rows)) {
        return;
    }
#endif
    GEMM(CblasRowMajor, CblasTrans, CblasNoTrans, (int)out, (int)in, (int)rows, 1, ds.at, (int)ds.stride,
         x.at, (int)x.stride, 0, gradient.at, (int)gradient.stride);
}

void nn_gemm_descend(const struct nn_gemm *gemm, struct nn_const_matrix x,
                     const struct nn_descend_task *tasks, size_t count, size_t rows, size_t in,
                     nn_real *scratch)
{
#ifndef NN_DOUBLE
    if (gemm->kernels != NULL) {
        gemm->kernels->descend(x, tasks, count, rows, in);
        return;
    }
#endif
    struct nn_matrix gradient = {.stride = nn_stride(in)};
    gradient.at = scratch;
    for (size_t i = 0; i < count; i++) {
        const struct nn_descend_task *t = &tasks[i];
        for (size_t first = 0; first < t->out; first += GRADIENT_UNITS) {
            const size_t units = t->out - first < GRADIENT_UNITS ? t->out - first : GRADIENT_UNITS;
            const struct nn_const_matrix ds = {t->ds.at + first, t->ds.stride};
            gradient_of(gemm, x, ds, gradient, rows, in, units);
            for (size_t u = 0; u < units; u++) {
                nn_descend(nn_slots_at(t->w, first + u, 0), gradient.at + u * gradient.stride, in,
                           t->descent);
            }
        }
    }
}

#ifdef NN_DOUBLE
bool nn_gemm_has_bf16(const struct nn_gemm *gemm)
{
    (void)gemm;
    return false;
}

void nn_gemm_forward16(const struct nn_gemm *gemm, struct nn_half_matrix x,
                       const struct nn_forward_task *tasks, size_t count, size_t rows, size_t in)
{
    (void)gemm, (void)x, (void)tasks, (void)count, (void)rows, (void)in;
}

void nn_gemm_descend16(const struct nn_gemm *gemm, struct nn_pair_matrix x,
                       const struct nn_descend_task *tasks, size_t count, size_t pairs, size_t in)
{
    (void)gemm, (void)x, (void)tasks, (void)count, (void)pairs, (void)in;
}

void nn_gemm_round16(const struct nn_gemm *gemm, struct nn_const_matrix x, size_t rows, size_t columns,
                     struct nn_half_matrix halves, struct nn_pair_matrix pairs)
{
    (void)gemm, (void)x, (void)rows, (void)columns, (void)halves, (void)pairs;
}
#else
bool nn_gemm_has_bf16(const struct nn_gemm *gemm)
{
    return gemm->kernels16 != NULL;
}

void nn_gemm_forward16(const struct nn_gemm *gemm, struct nn_half_matrix x,
                       const struct nn_forward_task *tasks, size_t count, size_t rows, size_t in)
{
    gemm->kernels16->forward(x, tasks, count, rows, in);
}

void nn_gemm_descend16(const struct nn_gemm *gemm, struct nn_pair_matrix x,
                       const struct nn_descend_task *tasks, size_t count, size_t pairs, size_t in)
{
    gemm->kernels16->descend(x, tasks, count, pairs, in);
}

void nn_gemm_round16(const struct nn_gemm *gemm, struct nn_const_matrix x, size_t rows, size_t columns,
                     struct nn_half_matrix halves, struct nn_pair_matrix pairs)
{
    gemm->kernels16->round(x, rows, columns, halves, pairs);
}
#endif
