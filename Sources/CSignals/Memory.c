// Memory.c: allocations that fail. Swift's runtime crashes when the system has no memory left, so
// these functions stand in front of the C library's, and end the program with a sentence instead.
// A program on macOS cannot replace them, and a sanitizer brings its own.
#define _GNU_SOURCE
#include "CSignals.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER
#endif
#endif

#if defined(__GLIBC__) && !defined(HAS_SANITIZER)

/// The function that one of the same name stands in front of: the C library's, or a preloaded one's.
static void *next(const char *name, void *_Atomic *address) {
    if (!*address) *address = dlsym(RTLD_NEXT, name);
    return *address;
}
#define NEXT(function)                                          \
    ({                                                          \
        static void *_Atomic address;                           \
        (__typeof__(&function))next(#function, &address);       \
    })

static void *checked(void *memory, size_t count) {
    if (!memory && count > 0) exit_out_of_memory(count);
    return memory;
}

void *malloc(size_t count) { return checked(NEXT(malloc)(count), count); }

void *calloc(size_t count, size_t size) {
    size_t byte_count;
    if (__builtin_mul_overflow(count, size, &byte_count)) byte_count = SIZE_MAX;
    return checked(NEXT(calloc)(count, size), byte_count);
}

void *realloc(void *memory, size_t count) { return checked(NEXT(realloc)(memory, count), count); }

void *aligned_alloc(size_t alignment, size_t count) {
    return checked(NEXT(aligned_alloc)(alignment, count), count);
}

int posix_memalign(void **memory, size_t alignment, size_t count) {
    int error = NEXT(posix_memalign)(memory, alignment, count);
    if (error == ENOMEM) exit_out_of_memory(count);
    return error;
}

#endif
