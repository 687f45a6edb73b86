#include "core/nn/gemm_libxsmm.h"

#include <libxsmm.h>
#include <limits.h>
#include <sys/mman.h>

/*
 * A product is cut into tiles that keep their operands in cache and the processor's registers full. LIBXSMM
 * thinks in columns: a row-major (k, m) is its (m, k). Each element of c is summed over k in one order, in
 * blocks of TILE_K, wherever its tile lies.
 */
enum { TILE_M = 64, TILE_N = 128, TILE_N_TURNED = 96, TILE_K = 256 };

/* Numbers between the columns that LIBXSMM sees. */
struct strides {
    libxsmm_blasint a, b, c;
};

/* A dimension: whole tiles, and what is left. */
struct cut {
    size_t size, tile;
};

/* Kernels by whether the tile is a rest in m, in n, in k, and whether it adds to what is in c. */
struct kernels {
    libxsmm_smmfunction of[2][2][2][2];
};

/* Tiles of equal size, as near to `most` as may be: a rest of a few columns would cost as much as a tile. */
static struct cut cut_evenly(size_t size, size_t most)
{
    const size_t tiles = (size + most - 1) / most;
    return (struct cut){size, (size + tiles - 1) / tiles};
}

static size_t tile_at(struct cut cut, size_t at)
{
    return cut.size - at < cut.tile ? cut.size - at : cut.tile;
}

/* The size of whole tiles, or of the rest; 0 when there are none of these. */
static size_t size_of(struct cut cut, int rest)
{
    if (cut.size < cut.tile || cut.tile == 0) {
        return rest != 0 ? cut.size : 0;
    }
    return rest != 0 ? cut.size % cut.tile : cut.tile;
}

/* Makes all kernels that the product needs; false when one cannot be made. */
static bool make_kernels(struct cut m, struct cut n, struct cut k, bool b_turned, struct strides strides,
                         struct kernels *kernels)
{
    const int flags = b_turned ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
    const int prefetch = LIBXSMM_PREFETCH_NONE;
    const float alpha = 1;
    for (int i = 0; i < 16; i++) {
        const int m_rest = i & 1;
        const int n_rest = i >> 1 & 1;
        const int k_rest = i >> 2 & 1;
        const int adds = i >> 3;
        const size_t tile_m = size_of(m, m_rest);
        const size_t tile_n = size_of(n, n_rest);
        const size_t tile_k = size_of(k, k_rest);
        if (tile_m == 0 || tile_n == 0 || tile_k == 0 || (adds != 0 && k.size <= k.tile)) {
            continue;
        }
        const float beta = (float)adds;
        const libxsmm_smmfunction made =
            libxsmm_smmdispatch((libxsmm_blasint)tile_m, (libxsmm_blasint)tile_n, (libxsmm_blasint)tile_k,
                                &strides.a, &strides.b, &strides.c, &alpha, &beta, &flags, &prefetch);
        if (made == NULL) {
            return false;
        }
        kernels->of[m_rest][n_rest][k_rest][adds] = made;
    }
    return true;
}

/*
 * Whether memory that was written may be made executable. Where a security policy forbids that, LIBXSMM 1.17
 * would jump into memory that is not.
 */
static bool may_make_code(void)
{
    enum { SIZE = 4096 };
    void *page = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return false;
    }
    const bool may = mprotect(page, SIZE, PROT_READ | PROT_EXEC) == 0;
    munmap(page, SIZE);
    return may;
}

bool gemm_libxsmm_start(void)
{
    if (!may_make_code()) {
        return false;
    }
    libxsmm_init();
    const libxsmm_blasint size = 8;
    return libxsmm_get_target_archid() >= LIBXSMM_X86_AVX2 &&
           libxsmm_smmdispatch(size, size, size, NULL, NULL, NULL, NULL, NULL, NULL, NULL) != NULL;
}

const char *gemm_libxsmm_target(void)
{
    return libxsmm_get_target_arch();
}

const char *gemm_libxsmm_version(void)
{
    return LIBXSMM_CONFIG_VERSION;
}

/*
 * The kernels leave the upper halves of the vector registers dirty, after which every SSE instruction waits
 * for the one before it: code compiled for any x86-64 would run several times slower.
 */
static void clean_registers(void)
{
    __asm__ volatile("vzeroupper" ::: "memory");
}

bool gemm_libxsmm_multiply(struct nn_const_matrix a, struct nn_const_matrix b, bool b_turned,
                           struct nn_matrix c, size_t m, size_t n, size_t k)
{
    if (m == 0 || n == 0 || k == 0 || m > INT_MAX || n > INT_MAX || k > INT_MAX) {
        return false;
    }
    const struct cut cut_m = {m, TILE_M};
    const struct cut cut_n = cut_evenly(n, b_turned ? TILE_N_TURNED : TILE_N);
    const struct cut cut_k = {k, TILE_K};
    const struct strides strides = {(libxsmm_blasint)a.stride, (libxsmm_blasint)b.stride,
                                    (libxsmm_blasint)c.stride};
    struct kernels kernels = {0};
    if (!make_kernels(cut_m, cut_n, cut_k, b_turned, strides, &kernels)) {
        return false;
    }
    for (size_t i = 0; i < m; i += TILE_M) {
        const int m_rest = tile_at(cut_m, i) < TILE_M;
        for (size_t j = 0; j < n; j += cut_n.tile) {
            const int n_rest = tile_at(cut_n, j) < cut_n.tile;
            for (size_t l = 0; l < k; l += TILE_K) {
                const int k_rest = tile_at(cut_k, l) < TILE_K;
                const float *b_tile = b.at + (b_turned ? l * b.stride + j : j * b.stride + l);
                kernels.of[m_rest][n_rest][k_rest][l > 0](a.at + l * a.stride + i, b_tile,
                                                          c.at + j * c.stride + i);
            }
        }
    }
    clean_registers();
    return true;
}
