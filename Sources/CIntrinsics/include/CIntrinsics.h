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

/// Has a cache line brought near without waiting for it; any address will do.
static inline void prefetch(const void *_Nonnull address) { __builtin_prefetch(address); }

/// Half precision to single, one number and eight; one instruction where the machine has it.
typedef float float8 __attribute__((ext_vector_type(8)));

static inline float widen_half(unsigned short bits) {
    _Float16 half;
    __builtin_memcpy(&half, &bits, sizeof half);
    return (float)half;
}

static inline float8 widen_half8(const void *_Nonnull address) {
    typedef _Float16 half8 __attribute__((ext_vector_type(8)));
    half8 halves;
    __builtin_memcpy(&halves, address, sizeof halves);
    return __builtin_convertvector(halves, float8);
}

/// The cores that this process may run on, at least 1: on Linux, those its affinity mask allows.
int usable_cores(void);

/// What the calling thread has had of the system: nanoseconds on a core, and how often it went to
/// sleep of its own accord. Zeros where the system does not say.
typedef struct {
    long long nanoseconds;
    long sleeps;
} thread_use;

thread_use thread_use_now(void);

#endif
