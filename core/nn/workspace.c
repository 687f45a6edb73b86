#include "core/nn/workspace.h"

#include <stdlib.h>

#include "core/base/memory.h"

/* Every part starts on its own cache line, for the vector units' sake. */
enum { GRAIN = 64 / sizeof(nn_real) };

/* Hands out parts of a block; counts only while the block is NULL. */
struct carver {
    nn_real *block;
    size_t used;
    bool overflow;
};

static nn_real *carve(struct carver *carver, size_t a, size_t b)
{
    nn_real *part = carver->block == NULL ? NULL : carver->block + carver->used;
    size_t count;
    if (!ep_size_multiply(a, b, &count) || !ep_size_add(count, GRAIN - 1, &count) ||
        !ep_size_add(carver->used, count - count % GRAIN, &carver->used)) {
        carver->overflow = true;
    }
    return part;
}

static void place(const struct nn_shape *shape, size_t rows, struct carver *carver,
                  struct nn_workspace *workspace)
{
    size_t widest = 0;
    size_t largest = 0;
    for (size_t l = 0; l < shape->layers; l++) {
        const size_t out = shape->width[l + 1];
        workspace->output[l] = carve(carver, rows, out);
        if (nn_layer_normalised(shape, l)) {
            workspace->normalised[l] = carve(carver, rows, out);
            workspace->mean[l] = carve(carver, 1, out);
            workspace->variance[l] = carve(carver, 1, out);
            workspace->inverse[l] = carve(carver, 1, out);
        }
        size_t weights = 0;
        carver->overflow = !ep_size_multiply(shape->width[l], out, &weights) || carver->overflow;
        largest = weights > largest ? weights : largest;
        widest = out > widest ? out : widest;
    }
    workspace->delta[0] = carve(carver, rows, widest);
    workspace->delta[1] = carve(carver, rows, widest);
    workspace->gradient = carve(carver, 1, largest);
    workspace->scratch = carve(carver, 2, widest);
}

bool nn_workspace_count(const struct nn_shape *shape, size_t rows, size_t *count)
{
    struct nn_workspace unused = {0};
    struct carver carver = {0};
    place(shape, rows, &carver, &unused);
    *count = carver.used;
    return !carver.overflow;
}

enum ep_status nn_workspace_create(const struct nn_shape *shape, size_t rows, const struct nn_gemm *gemm,
                                   struct nn_workspace **workspace, struct ep_error *error)
{
    size_t count;
    if (!nn_workspace_count(shape, rows, &count)) {
        return ep_fail(error, EP_TOO_LARGE, "the activations of %zu images are more than can be counted",
                       rows);
    }
    struct nn_workspace *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->rows = rows;
        made->gemm = gemm;
        made->block = ep_allocate(count, sizeof *made->block);
    }
    if (made == NULL || made->block == NULL) {
        nn_workspace_destroy(made);
        return ep_fail(error, EP_NO_MEMORY, "no memory for the activations of %zu images", rows);
    }
    struct carver carver = {.block = made->block};
    place(shape, rows, &carver, made);
    *workspace = made;
    return EP_OK;
}

void nn_workspace_destroy(struct nn_workspace *workspace)
{
    if (workspace != NULL) {
        free(workspace->block);
        free(workspace);
    }
}
