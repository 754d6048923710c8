// CIntrinsics: the system calls: the cores this process may use, and what a thread has had of one.

#define _GNU_SOURCE  // for sched_getaffinity and RUSAGE_THREAD
#include "CIntrinsics.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

int usable_cores(void) {
#if defined(__linux__)
    cpu_set_t mask;
    if (sched_getaffinity(0, sizeof mask, &mask) == 0) return CPU_COUNT(&mask);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

thread_use thread_use_now(void) {
    thread_use use = {0, 0};
#if defined(__linux__)
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage) != 0) return use;
    long long seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec;
    long long microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    use.nanoseconds = (seconds * 1000000 + microseconds) * 1000;
    use.sleeps = usage.ru_nvcsw;
#endif
    return use;
}
