#include "core/base/memory.h"
#include "core/nn/workspace.h"

enum ep_status nn_memory_of(const struct nn_shape *shape, size_t members, size_t rows, size_t *bytes,
                            struct ep_error *error)
{
    struct nn_layout layout;
    const enum ep_status status = nn_layout_of(shape, &layout, error);
    if (status != EP_OK) {
        return status;
    }
    size_t numbers;
    size_t workspace;
    if (!ep_size_multiply(layout.parameters, 2, &numbers) ||
        !ep_size_add(numbers, layout.statistics, &numbers) || !ep_size_multiply(numbers, members, &numbers) ||
        !nn_workspace_count(shape, rows, &workspace) || !ep_size_add(numbers, workspace, &numbers) ||
        !ep_size_multiply(numbers, sizeof(nn_real), bytes)) {
        return ep_fail(error, EP_TOO_LARGE, "the network takes more memory than can be counted");
    }
    return EP_OK;
}
