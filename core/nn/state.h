#ifndef EP_NN_STATE_H
#define EP_NN_STATE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Where the state of a run is kept. A state is a row of pieces, and whoever has one names them in one order:
 * to save them `move` takes the bytes, to restore them it fills them. False: it cannot, and nothing more is
 * moved.
 */
struct nn_state {
    void *context;
    bool (*move)(void *context, void *bytes, size_t count);
};

#endif
