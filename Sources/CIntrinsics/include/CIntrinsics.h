// CIntrinsics: machine instructions and a malloc setting that Swift does not offer, each with a
// portable fallback. Kernels, ThreadPool and Storage use them.
#ifndef CINTRINSICS_H
#define CINTRINSICS_H

#include "QuantizedPanels.h"

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

/// Half precision to Float, one value and eight: a single instruction if the machine has it.
typedef float float8 __attribute__((ext_vector_type(8)));

static inline float widen_half(unsigned short bits) {
    _Float16 half;
    __builtin_memcpy(&half, &bits, sizeof half);
    return (float)half;
}

/// Float to half precision, rounded to the nearest; of two, to the even one.
static inline unsigned short narrow_half(float value) {
    _Float16 half = (_Float16)value;
    unsigned short bits;
    __builtin_memcpy(&bits, &half, sizeof bits);
    return bits;
}

static inline float8 widen_half8(const void *_Nonnull address) {
    typedef _Float16 half8 __attribute__((ext_vector_type(8)));
    half8 values;
    __builtin_memcpy(&values, address, sizeof values);
    return __builtin_convertvector(values, float8);
}

/// The vector of Gemm's register tiles: the widest of this machine, but at least 8 Floats.
#if defined(__AVX512F__)
typedef float tile_vector __attribute__((ext_vector_type(16)));
#else
typedef float tile_vector __attribute__((ext_vector_type(8)));
#endif

/// Makes malloc reuse freed blocks of up to 32 MiB instead of returning them to the system. It
/// affects glibc only.
static inline void keep_freed_memory(void) {
#if defined(__GLIBC__)
    mallopt(M_MMAP_THRESHOLD, 1 << 25);
    mallopt(M_TRIM_THRESHOLD, 1 << 28);
#endif
}

#endif
