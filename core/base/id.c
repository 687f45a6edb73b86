#include "core/base/id.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/clock.h"

enum ep_status ep_id_create(uint64_t *sequence, char id[EP_ID_TEXT], struct ep_error *error)
{
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
        return ep_fail_errno(error, EP_IO, errno, "no random bytes from the kernel");
    }
    /* RFC 9562, 6.2: the 12 bits behind the milliseconds count on when the clock has not moved. */
    const uint64_t now = (uint64_t)ep_clock_wall_ms() << 12;
    const uint64_t mine = now > *sequence ? now : *sequence + 1;
    const uint64_t ms = mine >> 12;
    *sequence = mine;
    snprintf(id, EP_ID_TEXT, "%08x-%04x-7%03x-%04x-%012llx", (unsigned)(ms >> 16), (unsigned)(ms & 0xffff),
             (unsigned)(mine & 0xfff), (unsigned)(0x8000 | (random >> 50)),
             (unsigned long long)(random & 0xffffffffffff));
    return EP_OK;
}

uint64_t ep_id_sequence(const char *id)
{
    const uint64_t high = strtoull(id, NULL, 16);
    const uint64_t low = strtoull(id + 9, NULL, 16);
    const uint64_t counter = strtoull(id + 15, NULL, 16);
    return (high << 16 | low) << 12 | counter;
}

bool ep_id_valid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < sizeof form; i++) {
        const bool hex = text[i] != '\0' && strchr("0123456789abcdef", text[i]) != NULL;
        if (form[i] == 'x' ? !hex : text[i] != form[i]) {
            return false;
        }
    }
    return true;
}
