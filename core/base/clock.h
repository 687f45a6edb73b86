#ifndef EP_BASE_CLOCK_H
#define EP_BASE_CLOCK_H

#include <stdint.h>

/** Room for an RFC 3339 time in UTC with milliseconds and its terminating zero. */
enum { EP_TIME_TEXT = 32 };

/** Wall-clock time in milliseconds since 1970-01-01 UTC. Thread-safe. */
int64_t ep_clock_wall_ms(void);

/** Seconds on a clock that never goes back; only differences mean anything. Thread-safe. */
double ep_clock_seconds(void);

/** Writes `ms` (since 1970, UTC) as "2026-11-23T11:29:20.123Z" (RFC 3339) into `text`. */
void ep_clock_format(int64_t ms, char text[EP_TIME_TEXT]);

#endif
