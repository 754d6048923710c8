// CIntrinsics: the one function that is not inline: how many cores this process may use.

#define _GNU_SOURCE  // for sched_getaffinity
#include "CIntrinsics.h"

#include <sched.h>
#include <unistd.h>

int usable_cores(void) {
#if defined(__linux__)
    cpu_set_t mask;
    if (sched_getaffinity(0, sizeof mask, &mask) == 0) return CPU_COUNT(&mask);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}
