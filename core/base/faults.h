#ifndef EP_BASE_FAULTS_H
#define EP_BASE_FAULTS_H

#include <stddef.h>

#include "core/base/macros.h"

/**
 * Everything that is wrong with one input, collected so that its sender learns of all of it at once.
 * A plain value: initialise with {0}, nothing to release. Faults past the capacity are counted, not kept.
 */

enum { EP_FAULTS_MAX = 64 };

struct ep_fault {
    char pointer[128]; /**< JSON Pointer (RFC 6901) to the faulty value; "" is the whole input. */
    char detail[512];  /**< What was got and what is allowed, in a sentence. */
};

struct ep_faults {
    size_t count;   /**< Faults kept in `items`. */
    size_t dropped; /**< Faults that found no room. */
    struct ep_fault items[EP_FAULTS_MAX];
};

/** Adds a fault at `pointer`, cutting over-long text. */
void ep_faults_add(struct ep_faults *faults, const char *pointer, const char *format, ...) EP_PRINTF(3, 4);

#endif
