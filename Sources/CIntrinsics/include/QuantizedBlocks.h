// QuantizedBlocks: dot products with rows of quantised weights, and their values as Floats. The blocks
// are ggml's (see docs/weights.md). Swift has no integer dot product that compiles to one instruction.
#ifndef QUANTIZED_BLOCKS_H
#define QUANTIZED_BLOCKS_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#endif

typedef float lanes8 __attribute__((ext_vector_type(8)));
typedef float lanes16 __attribute__((ext_vector_type(16)));
typedef int32_t int8lanes __attribute__((ext_vector_type(8)));
typedef uint8_t bytes16 __attribute__((ext_vector_type(16)));
typedef uint8_t bytes32 __attribute__((ext_vector_type(32)));

/// A row of activations as 8-bit integers: value i is values[i] · scales[i / 32].
typedef struct {
    const int8_t *_Nonnull values;
    const float *_Nonnull scales;
    /// The sum of each 16 activations, for weights that have an offset.
    const float *_Nonnull sums;
} quantized_row;

/// A dot product under way.
typedef struct {
    lanes8 lanes;
    float offset;
} dot_sums;

/// The i-th of four half-precision values. All four are converted, by an instruction that the
/// compiler cannot change: it would load one into part of a register, and so wait for the register's
/// last use, which is the sum. That halves the speed.
static inline float half_at(const uint8_t *_Nonnull bytes, int i) {
#if defined(__F16C__)
    __m128 four;
    __asm__("vcvtph2ps %1, %0" : "=x"(four) : "m"(*(const char(*)[8])bytes));
    return four[i];
#else
    _Float16 half;
    memcpy(&half, bytes + 2 * i, sizeof half);
    return (float)half;
#endif
}

static inline bytes16 load16(const void *_Nonnull bytes) {
    bytes16 loaded;
    memcpy(&loaded, bytes, sizeof loaded);
    return loaded;
}

static inline bytes32 load32(const void *_Nonnull bytes) {
    bytes32 loaded;
    memcpy(&loaded, bytes, sizeof loaded);
    return loaded;
}

/// Eight sums of four neighbouring products each: weights of 0 to 128, activations within ±127.
static inline int8lanes dot_unsigned(bytes32 weights, bytes32 activations) {
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
    return (int8lanes)_mm256_dpbusd_epi32(_mm256_setzero_si256(), (__m256i)weights,
                                          (__m256i)activations);
#elif defined(__AVX2__)
    __m256i pairs = _mm256_maddubs_epi16((__m256i)weights, (__m256i)activations);
    return (int8lanes)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
#else
    typedef int8_t signed32 __attribute__((ext_vector_type(32)));
    typedef int16_t short32 __attribute__((ext_vector_type(32)));
    typedef int32_t int16lanes __attribute__((ext_vector_type(16)));
    short32 products = __builtin_convertvector(weights, short32) *
                       __builtin_convertvector((signed32)activations, short32);
    int16lanes pairs = __builtin_convertvector(products.even + products.odd, int16lanes);
    return pairs.even + pairs.odd;
#endif
}

/// The same for weights of -128 to 127.
static inline int8lanes dot_signed(bytes32 weights, bytes32 activations) {
#if defined(__AVX2__)
    __m256i magnitudes = _mm256_abs_epi8((__m256i)weights);
    __m256i signs = _mm256_sign_epi8((__m256i)activations, (__m256i)weights);
    return dot_unsigned((bytes32)magnitudes, (bytes32)signs);
#elif defined(__ARM_FEATURE_DOTPROD)
    int8x16_t w[2], x[2];
    memcpy(w, &weights, sizeof w);
    memcpy(x, &activations, sizeof x);
    int32x4_t sums[2] = {vdotq_s32(vdupq_n_s32(0), w[0], x[0]),
                         vdotq_s32(vdupq_n_s32(0), w[1], x[1])};
    int8lanes lanes;
    memcpy(&lanes, sums, sizeof lanes);
    return lanes;
#else
    typedef int8_t signed32 __attribute__((ext_vector_type(32)));
    typedef int16_t short32 __attribute__((ext_vector_type(32)));
    typedef int32_t int16lanes __attribute__((ext_vector_type(16)));
    short32 products = __builtin_convertvector((signed32)weights, short32) *
                       __builtin_convertvector((signed32)activations, short32);
    int16lanes pairs = __builtin_convertvector(products.even, int16lanes) +
                       __builtin_convertvector(products.odd, int16lanes);
    return pairs.even + pairs.odd;
#endif
}

/// Adds integer sums times a scale, in one instruction where there is one.
static inline void add_scaled(dot_sums *_Nonnull sums, int8lanes dot, float scale) {
    sums->lanes += __builtin_convertvector(dot, lanes8) * scale;
}

/// Keeps the compiler from computing eight numbers one by one because each is used alone.
static inline lanes8 as_vector(lanes8 lanes) {
#if defined(__AVX__)
    __asm__("" : "+x"(lanes));
#endif
    return lanes;
}

/// The eight 6-bit scales and the eight 6-bit minima that 12 bytes hold.
static inline void scales_and_minima(const uint8_t *_Nonnull bytes, lanes8 *_Nonnull scales,
                                     lanes8 *_Nonnull minima) {
    typedef uint8_t bytes8 __attribute__((ext_vector_type(8)));
    uint32_t s[3];
    memcpy(s, bytes, sizeof s);
    // the last four have two bits above those of the first four
    uint32_t packed[4] = {
        s[0] & 0x3F3F3F3F, (s[2] & 0x0F0F0F0F) | (s[0] >> 2 & 0x30303030),
        s[1] & 0x3F3F3F3F, (s[2] >> 4 & 0x0F0F0F0F) | (s[1] >> 2 & 0x30303030)};
    bytes8 both[2];
    memcpy(both, packed, sizeof both);
    *scales = __builtin_convertvector(both[0], lanes8);
    *minima = __builtin_convertvector(both[1], lanes8);
}

// One block's part of a dot product; x is the row of activations, i the block's number in its row.

static inline void dot_q8_0(const uint8_t *_Nonnull block, quantized_row x, int i,
                            dot_sums *_Nonnull sums) {
    int8lanes dot = dot_signed(load32(block + 2), load32(x.values + 32 * i));
    add_scaled(sums, dot, half_at(block, 0) * x.scales[i]);
}

static inline void dot_q4_0(const uint8_t *_Nonnull block, quantized_row x, int i,
                            dot_sums *_Nonnull sums) {
    bytes16 nibbles = load16(block + 2);
    bytes32 weights;
    weights.lo = nibbles & 15;
    weights.hi = nibbles >> 4;
    float d = half_at(block, 0);
    add_scaled(sums, dot_unsigned(weights, load32(x.values + 32 * i)), d * x.scales[i]);
    sums->offset -= 8 * d * (x.sums[2 * i] + x.sums[2 * i + 1]);
}

/// The activations' sums of each 32.
static inline lanes8 sums_of_32(const float *_Nonnull sums) {
    lanes16 halves;
    memcpy(&halves, sums, sizeof halves);
    return halves.even + halves.odd;
}

static inline lanes8 floats8(const void *_Nonnull floats) {
    lanes8 loaded;
    memcpy(&loaded, floats, sizeof loaded);
    return loaded;
}

/// The j-th 32 weights of a Q4_K block, 0 to 15, and of Q5_K, 0 to 31, where `high` has the fifth bits.
static inline bytes32 weights_k(const uint8_t *_Nullable high, const uint8_t *_Nonnull nibbles,
                                int j) {
    bytes32 pair = load32(nibbles + j / 2 * 32);
    bytes32 weights = j % 2 ? pair >> 4 : pair & 15;
    return high ? weights | (load32(high) >> (uint8_t)j & 1) << 4 : weights;
}

/// All scales of a Q4_K or Q5_K block are made at once.
static inline void dot_k(const uint8_t *_Nonnull block, const uint8_t *_Nullable high,
                         const uint8_t *_Nonnull nibbles, quantized_row x, int i,
                         dot_sums *_Nonnull sums) {
    lanes8 scales, minima;
    scales_and_minima(block + 4, &scales, &minima);
    scales = as_vector(scales * half_at(block, 0) * floats8(x.scales + 8 * i));
    sums->lanes -= as_vector(minima) * half_at(block, 1) * sums_of_32(x.sums + 16 * i);
#pragma clang loop unroll(full)
    for (int j = 0; j < 8; j++) {
        int8lanes dot = dot_unsigned(weights_k(high, nibbles, j),
                                     load32(x.values + 32 * (8 * i + j)));
        add_scaled(sums, dot, scales[j]);
    }
}

static inline void dot_q4_k(const uint8_t *_Nonnull block, quantized_row x, int i,
                            dot_sums *_Nonnull sums) {
    dot_k(block, NULL, block + 16, x, i, sums);
}

static inline void dot_q5_k(const uint8_t *_Nonnull block, quantized_row x, int i,
                            dot_sums *_Nonnull sums) {
    dot_k(block, block + 16, block + 48, x, i, sums);
}

/// The j-th 32 weights of a Q6_K block, 0 to 63.
static inline bytes32 weights_q6_k(const uint8_t *_Nonnull block, int j) {
    bytes32 low = load32(block + j / 4 * 64 + j % 2 * 32);
    bytes32 high = load32(block + 128 + j / 4 * 32) >> (uint8_t)(j % 4 * 2) & 3;
    return (j % 4 < 2 ? low & 15 : low >> 4) | high << 4;
}

static inline void dot_q6_k(const uint8_t *_Nonnull block, quantized_row x, int i,
                            dot_sums *_Nonnull sums) {
    typedef int8_t signed8 __attribute__((ext_vector_type(8)));
    float d = half_at(block + 202, 3);
#pragma clang loop unroll(full)
    for (int part = 0; part < 2; part++) {
        // eight scales, each of 16 weights
        signed8 bytes;
        memcpy(&bytes, block + 192 + 8 * part, sizeof bytes);
        lanes8 scales = __builtin_convertvector(bytes, lanes8) * d;
        sums->lanes -= 32 * scales * floats8(x.sums + 16 * i + 8 * part);
#pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) {
            int at = 8 * i + 4 * part + j;
            int8lanes dot = dot_unsigned(weights_q6_k(block, 4 * part + j),
                                         load32(x.values + 32 * at));
            float s0 = scales[2 * j], s1 = scales[2 * j + 1];
            lanes8 scale = {s0, s0, s0, s0, s1, s1, s1, s1};
            sums->lanes += __builtin_convertvector(dot, lanes8) * (scale * x.scales[at]);
        }
    }
}

static inline float total(dot_sums sums) {
    lanes8 v = sums.lanes;
    return ((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7])) + sums.offset;
}

// The dot products of two rows of `count` blocks with one row of activations.
#define DOT_TWO_ROWS(name, size)                                                                 \
    static inline lanes2 name##_rows(const uint8_t *_Nonnull a, const uint8_t *_Nonnull b,       \
                                     quantized_row x, int count) {                               \
        dot_sums sa = {0, 0}, sb = {0, 0};                                                       \
        for (int i = 0; i < count; i++) {                                                        \
            __builtin_prefetch(a + (size_t)i * size + 2048);                                     \
            __builtin_prefetch(b + (size_t)i * size + 2048);                                     \
            name(a + (size_t)i * size, x, i, &sa);                                               \
            name(b + (size_t)i * size, x, i, &sb);                                               \
        }                                                                                        \
        return (lanes2){total(sa), total(sb)};                                                   \
    }

typedef float lanes2 __attribute__((ext_vector_type(2)));
DOT_TWO_ROWS(dot_q8_0, 34)
DOT_TWO_ROWS(dot_q4_0, 18)
DOT_TWO_ROWS(dot_q4_k, 144)
DOT_TWO_ROWS(dot_q5_k, 176)
DOT_TWO_ROWS(dot_q6_k, 210)

// The values of one block.

/// (weight - zero) · scale - minimum, of 16 weights.
static inline void store_values(bytes16 weights, float zero, float scale, float minimum,
                                float *_Nonnull out) {
    lanes16 values = (__builtin_convertvector(weights, lanes16) - zero) * scale - minimum;
    memcpy(out, &values, sizeof values);
}

static inline void values_q8_0(const uint8_t *_Nonnull block, float *_Nonnull out) {
    float d = half_at(block, 0);
    for (int l = 0; l < 32; l++) out[l] = d * (int8_t)block[2 + l];
}

static inline void values_q4_0(const uint8_t *_Nonnull block, float *_Nonnull out) {
    float d = half_at(block, 0);
    bytes16 nibbles = load16(block + 2);
    store_values(nibbles & 15, 8, d, 0, out);
    store_values(nibbles >> 4, 8, d, 0, out + 16);
}

static inline void values_k(const uint8_t *_Nonnull block, const uint8_t *_Nullable high,
                            const uint8_t *_Nonnull nibbles, float *_Nonnull out) {
    lanes8 scales, minima;
    scales_and_minima(block + 4, &scales, &minima);
    scales *= half_at(block, 0);
    minima *= half_at(block, 1);
#pragma clang loop unroll(full)
    for (int j = 0; j < 8; j++) {
        bytes32 weights = weights_k(high, nibbles, j);
        store_values(weights.lo, 0, scales[j], minima[j], out + 32 * j);
        store_values(weights.hi, 0, scales[j], minima[j], out + 32 * j + 16);
    }
}

static inline void values_q4_k(const uint8_t *_Nonnull block, float *_Nonnull out) {
    values_k(block, NULL, block + 16, out);
}

static inline void values_q5_k(const uint8_t *_Nonnull block, float *_Nonnull out) {
    values_k(block, block + 16, block + 48, out);
}

static inline void values_q6_k(const uint8_t *_Nonnull block, float *_Nonnull out) {
    const int8_t *scales = (const int8_t *)block + 192;
    float d = half_at(block + 202, 3);
#pragma clang loop unroll(full)
    for (int j = 0; j < 8; j++) {
        bytes32 weights = weights_q6_k(block, j);
        store_values(weights.lo, 32, d * scales[2 * j], 0, out + 32 * j);
        store_values(weights.hi, 32, d * scales[2 * j + 1], 0, out + 32 * j + 16);
    }
}

#endif
