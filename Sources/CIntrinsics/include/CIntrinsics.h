// CIntrinsics: machine instructions and a setting of malloc that Swift has no name for, each with a
// portable fallback. Kernels, the thread pool and Storage use them.
#ifndef CINTRINSICS_H
#define CINTRINSICS_H

#include "QuantizedBlocks.h"

#if defined(__linux__)
#include <malloc.h>
#endif

/// Tells the core that this is a spin loop: saves power and leaves the pipeline to a sibling thread.
static inline void spin_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// Half precision to single, one number and eight: one instruction where the machine has it.
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

/// Half of a row of a matrix product's register tile: the widest vector that the compiler may use,
/// but at least 8 numbers.
#if defined(__AVX512F__)
typedef float tile_vector __attribute__((ext_vector_type(16)));
#else
typedef float tile_vector __attribute__((ext_vector_type(8)));
#endif

/// Has malloc keep freed blocks of up to 32 MiB for later ones, in place of returning them to the
/// system. Only glibc can be told; other libraries decide for themselves.
static inline void keep_freed_memory(void) {
#if defined(__GLIBC__)
    mallopt(M_MMAP_THRESHOLD, 1 << 25);
    mallopt(M_TRIM_THRESHOLD, 1 << 28);
#endif
}

#endif
