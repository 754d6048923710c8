// Machine instructions and system calls that Swift has no name for, each with a portable fallback.
#ifndef CINTRINSICS_H
#define CINTRINSICS_H

/// Tells the core that this is a spin loop: saves power and leaves the pipeline to a sibling thread.
static inline void spin_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// The cores that this process may run on, at least 1: on Linux, those its affinity mask allows.
int usable_cores(void);

#endif
