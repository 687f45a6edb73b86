#include "core/base/machine.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool read_first_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    const bool got = fgets(line, size, file) != NULL;
    fclose(file);
    return got;
}

static size_t affinity_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        return (size_t)CPU_COUNT(&set);
    }
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}

size_t ep_machine_cores(void)
{
    const size_t cores = affinity_cores();
    char line[64];
    if (!read_first_line("/sys/fs/cgroup/cpu.max", line, sizeof line)) {
        return cores;
    }
    char *end;
    const double quota = strtod(line, &end);
    const double period = strtod(end, NULL);
    if (end == line || quota <= 0 || period <= 0) {
        return cores;
    }
    size_t allowed = (size_t)(quota / period);
    if ((double)allowed * period < quota) {
        allowed++;
    }
    return allowed < cores ? allowed : cores;
}

size_t ep_machine_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGESIZE);
    const size_t memory = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : 0;
    char line[64];
    if (!read_first_line("/sys/fs/cgroup/memory.max", line, sizeof line)) {
        return memory;
    }
    const unsigned long long limit = strtoull(line, NULL, 10);
    return limit > 0 && (memory == 0 || limit < memory) ? (size_t)limit : memory;
}

size_t ep_machine_resident(void)
{
    char line[128];
    if (!read_first_line("/proc/self/statm", line, sizeof line)) {
        return 0;
    }
    char *rest;
    strtoull(line, &rest, 10);
    const unsigned long long pages = strtoull(rest, NULL, 10);
    const long page = sysconf(_SC_PAGESIZE);
    return page > 0 ? (size_t)pages * (size_t)page : 0;
}

void ep_machine_processor(char *name, size_t size)
{
    snprintf(name, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (file == NULL) {
        return;
    }
    char line[256];
    while (fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(name, size, "%s", colon + 1 + strspn(colon + 1, " "));
            break;
        }
    }
    fclose(file);
}
