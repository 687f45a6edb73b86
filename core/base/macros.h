#ifndef EP_BASE_MACROS_H
#define EP_BASE_MACROS_H

/** Compiler attributes and small helpers used by every folder. */

#define EP_NODISCARD         __attribute__((warn_unused_result))
#define EP_PRINTF(at, first) __attribute__((format(printf, at, first)))

/** Number of elements of an array whose size is known. */
#define EP_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
