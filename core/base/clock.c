#include "core/base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t ep_clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

double ep_clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void ep_clock_format(int64_t ms, char text[EP_TIME_TEXT])
{
    int64_t millis = ms % 1000;
    time_t seconds = (time_t)(ms / 1000);
    if (millis < 0) {
        millis += 1000;
        seconds--;
    }
    struct tm utc;
    gmtime_r(&seconds, &utc);
    char whole[24];
    strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, EP_TIME_TEXT, "%s.%03dZ", whole, (int)millis);
}
