#ifndef EP_BASE_MACHINE_H
#define EP_BASE_MACHINE_H

#include <stddef.h>

/**
 * What this process may use of the machine. Limits of a container (cgroup v2) count, not only the hardware.
 * All functions are thread-safe and cheap enough to call per request.
 */

/** Cores this process may use: its affinity mask, cut by the cgroup's CPU quota rounded up; at least 1. */
size_t ep_machine_cores(void);

/** Bytes of memory in all: the machine's, or the cgroup's limit if that is lower. 0 when unknown. */
size_t ep_machine_memory(void);

/** Resident set size of this process in bytes. 0 when unknown. */
size_t ep_machine_resident(void);

/** Writes the processor's model name (or "unknown") into `name`, cut to `size`. */
void ep_machine_processor(char *name, size_t size);

#endif
