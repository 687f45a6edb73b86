#include "core/base/faults.h"

#include <stdarg.h>
#include <stdio.h>

void ep_faults_add(struct ep_faults *faults, const char *pointer, const char *format, ...)
{
    if (faults->count == EP_FAULTS_MAX) {
        faults->dropped++;
        return;
    }
    struct ep_fault *fault = &faults->items[faults->count++];
    snprintf(fault->pointer, sizeof fault->pointer, "%s", pointer);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fault->detail, sizeof fault->detail, format, arguments);
    va_end(arguments);
}
