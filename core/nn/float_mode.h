#ifndef EP_NN_FLOAT_MODE_H
#define EP_NN_FLOAT_MODE_H

/**
 * How the calling thread treats denormal numbers. Training flushes them to zero: decaying momenta become
 * denormal by the thousand, and each costs a hundred cycles. It is set around each run, so that a result does
 * not depend on the thread it was computed on.
 */
struct nn_float_mode {
    unsigned saved;
};

/** Turns flush-to-zero and denormals-are-zero on for this thread (where the processor has them). */
struct nn_float_mode nn_float_mode_enter(void);

/** Puts back what was before. */
void nn_float_mode_leave(struct nn_float_mode mode);

#endif
