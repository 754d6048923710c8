// QuantizedBlocks: weights in blocks of small integers, their dot products with a row of
// activations, and their values. The layouts are ggml's (see docs/weights.md). Swift has no integer
// dot product that compiles to one instruction.
//
// A weight is (integer - zero) · scale - minimum. A vector holds 32 weights of each of two rows: a
// part of a block.
#ifndef QUANTIZED_BLOCKS_H
#define QUANTIZED_BLOCKS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#endif

// Vectors wider than the machine's are passed in memory, by inlined functions only.
#pragma clang diagnostic ignored "-Wpsabi"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

typedef float lanes2 __attribute__((ext_vector_type(2)));
typedef float lanes4 __attribute__((ext_vector_type(4)));
typedef float lanes8 __attribute__((ext_vector_type(8)));
typedef float lanes16 __attribute__((ext_vector_type(16)));
typedef int8_t signed16 __attribute__((ext_vector_type(16)));
typedef int32_t int4lanes __attribute__((ext_vector_type(4)));
typedef int32_t int8lanes __attribute__((ext_vector_type(8)));
typedef int32_t int16lanes __attribute__((ext_vector_type(16)));
typedef uint8_t bytes16 __attribute__((ext_vector_type(16)));
typedef uint8_t bytes32 __attribute__((ext_vector_type(32)));
typedef uint8_t bytes64 __attribute__((ext_vector_type(64)));

/// The address of a block in each of two rows.
typedef const uint8_t *_Nonnull block_pointer;

typedef enum { Q8_0, Q4_0, Q4_K, Q5_K, Q6_K } block_kind;

/// The parts of a block: 32 weights each.
ALWAYS_INLINE int parts_of(block_kind kind) { return kind == Q8_0 || kind == Q4_0 ? 1 : 8; }

ALWAYS_INLINE int byte_count_of(block_kind kind) {
    switch (kind) {
    case Q8_0: return 34;
    case Q4_0: return 18;
    case Q4_K: return 144;
    case Q5_K: return 176;
    case Q6_K: return 210;
    }
}

/// The integer that stands for 0. Q8_0's are stored with a sign, and read here without one.
ALWAYS_INLINE int zero_of(block_kind kind) {
    switch (kind) {
    case Q8_0: return 128;
    case Q4_0: return 8;
    case Q6_K: return 32;
    case Q4_K:
    case Q5_K: return 0;
    }
}

// Loads. Blocks are not aligned.

ALWAYS_INLINE bytes16 load16(const void *_Nonnull bytes) {
    bytes16 loaded;
    memcpy(&loaded, bytes, sizeof loaded);
    return loaded;
}

ALWAYS_INLINE bytes64 load_two(block_pointer a, block_pointer b) {
    bytes64 both;
    memcpy(&both, a, 32);
    memcpy((uint8_t *)&both + 32, b, 32);
    return both;
}

/// The same 32 bytes twice.
ALWAYS_INLINE bytes64 load_twice(const void *_Nonnull bytes) {
    return load_two((block_pointer)bytes, (block_pointer)bytes);
}

/// A half-precision value as Float. The compiler would load it into part of a register, and so wait
/// for the register's last use, which is the sum. That halves the speed: here, it cannot.
ALWAYS_INLINE float half_at(block_pointer bytes) {
#if defined(__F16C__)
    uint16_t bits;
    memcpy(&bits, bytes, sizeof bits);
    uint32_t wide = bits;
    __asm__("" : "+r"(wide));
    return _mm_cvtph_ps(_mm_cvtsi32_si128((int)wide))[0];
#else
    _Float16 half;
    memcpy(&half, bytes, sizeof half);
    return (float)half;
#endif
}

/// A half-precision value of each row, eight times.
ALWAYS_INLINE lanes16 halves(block_pointer a, block_pointer b) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
    uint16_t bits[2];
    memcpy(&bits[0], a, 2);
    memcpy(&bits[1], b, 2);
    __m256i both = _mm256_mask_set1_epi16(_mm256_set1_epi16(bits[0]), 0xFF00, bits[1]);
    return (lanes16)_mm512_cvtph_ps(both);
#else
    lanes16 both;
    both.lo = half_at(a);
    both.hi = half_at(b);
    return both;
#endif
}

/// Eight bytes of each row.
ALWAYS_INLINE bytes16 eight_bytes(const void *_Nonnull a, const void *_Nonnull b) {
    bytes16 both;
    memcpy(&both, a, 8);
    memcpy((uint8_t *)&both + 8, b, 8);
    return both;
}

// Integers and scales of a block.

/// The integers of a block's j-th part.
ALWAYS_INLINE bytes64 integers(block_kind kind, block_pointer a, block_pointer b, int j) {
    switch (kind) {
    case Q8_0: return load_two(a + 2, b + 2) ^ 128;
    case Q4_0: {
        bytes32 both, low, high;
        both.lo = load16(a + 2);
        both.hi = load16(b + 2);
        low = both & 15;
        high = both >> 4;
        bytes64 result;
        result.lo.lo = low.lo;
        result.lo.hi = high.lo;
        result.hi.lo = low.hi;
        result.hi.hi = high.hi;
        return result;
    }
    case Q4_K:
    case Q5_K: {
        int start = (kind == Q4_K ? 16 : 48) + j / 2 * 32;
        bytes64 pair = load_two(a + start, b + start);
        bytes64 low = j % 2 ? pair >> 4 : pair & 15;
        if (kind == Q4_K) return low;
        return low | (load_two(a + 16, b + 16) >> (uint8_t)j & 1) << 4;
    }
    case Q6_K: {
        int start = j / 4 * 64 + j % 2 * 32;
        bytes64 pair = load_two(a + start, b + start);
        start = 128 + j / 4 * 32;
        bytes64 high = load_two(a + start, b + start) >> (uint8_t)(j % 4 * 2) & 3;
        return (j % 4 < 2 ? pair & 15 : pair >> 4) | high << 4;
    }
    }
}

/// The scales of two blocks: half of each vector belongs to each row.
typedef struct {
    /// Each part's, Q6_K: each 16 weights' of the first four parts.
    lanes16 scales;
    /// Q6_K: of the last four parts.
    lanes16 more_scales;
    /// Q4_K and Q5_K: each part's minimum.
    lanes16 minima;
} block_scales;

/// The eight 6-bit scales, then the eight 6-bit minima, that 12 bytes hold.
ALWAYS_INLINE bytes16 scales_and_minima(const uint8_t *_Nonnull bytes) {
    uint32_t s[3];
    memcpy(s, bytes, sizeof s);
    // the low four bits of the last four are in s[2], their high two bits above those of the first four
    uint32_t packed[4] = {
        s[0] & 0x3F3F3F3F, (s[2] & 0x0F0F0F0F) | (s[0] >> 2 & 0x30303030),
        s[1] & 0x3F3F3F3F, (s[2] >> 4 & 0x0F0F0F0F) | (s[1] >> 2 & 0x30303030)};
    return load16(packed);
}

ALWAYS_INLINE block_scales scales_of(block_kind kind, block_pointer a, block_pointer b) {
    switch (kind) {
    case Q8_0:
    case Q4_0: return (block_scales){halves(a, b), 0, 0};
    case Q4_K:
    case Q5_K: {
        bytes16 p = scales_and_minima(a + 4), q = scales_and_minima(b + 4), scales, minima;
        scales.lo = p.lo;
        scales.hi = q.lo;
        minima.lo = p.hi;
        minima.hi = q.hi;
        return (block_scales){__builtin_convertvector(scales, lanes16) * halves(a, b), 0,
                              __builtin_convertvector(minima, lanes16) * halves(a + 2, b + 2)};
    }
    case Q6_K: {
        lanes16 d = halves(a + 208, b + 208);
        signed16 first = (signed16)eight_bytes(a + 192, b + 192);
        signed16 last = (signed16)eight_bytes(a + 200, b + 200);
        return (block_scales){__builtin_convertvector(first, lanes16) * d,
                              __builtin_convertvector(last, lanes16) * d, 0};
    }
    }
}

/// Element i of the first half, eight times, then element i of the second half.
#define SPREAD(v, i)                                                                             \
    __builtin_shufflevector(v, v, i, i, i, i, i, i, i, i, i + 8, i + 8, i + 8, i + 8, i + 8,     \
                            i + 8, i + 8, i + 8)
/// Elements i and i + 1, four times each, in both halves.
#define SPREAD_PAIR(v, i)                                                                        \
    __builtin_shufflevector(v, v, i, i, i, i, i + 1, i + 1, i + 1, i + 1, i + 8, i + 8, i + 8,   \
                            i + 8, i + 9, i + 9, i + 9, i + 9)

/// The scale of each four weights of part j.
ALWAYS_INLINE lanes16 scale_lanes(block_kind kind, block_scales block, int j) {
    if (parts_of(kind) == 1) return block.scales;
    if (kind == Q6_K) {
        lanes16 v = j < 4 ? block.scales : block.more_scales;
        switch (j % 4) {
        case 0: return SPREAD_PAIR(v, 0);
        case 1: return SPREAD_PAIR(v, 2);
        case 2: return SPREAD_PAIR(v, 4);
        default: return SPREAD_PAIR(v, 6);
        }
    }
    switch (j) {
    case 0: return SPREAD(block.scales, 0);
    case 1: return SPREAD(block.scales, 1);
    case 2: return SPREAD(block.scales, 2);
    case 3: return SPREAD(block.scales, 3);
    case 4: return SPREAD(block.scales, 4);
    case 5: return SPREAD(block.scales, 5);
    case 6: return SPREAD(block.scales, 6);
    default: return SPREAD(block.scales, 7);
    }
}

// Activations.

/// A row of activations as 8-bit integers within ±127: value i is values[i] · scales[i / 32].
typedef struct {
    int8_t *_Nonnull values;
    float *_Nonnull scales;
    /// The sum of each group of activations.
    float *_Nonnull sums;
    /// The sum of each four values times the weights' -zero: their integer product begins with it.
    int32_t *_Nonnull starts;
} quantized_row;

/// The weights that share a scale: 32, but 16 in Q6_K.
ALWAYS_INLINE int group_of(block_kind kind) { return kind == Q6_K ? 16 : 32; }

/// Quantizes the i-th 32 activations of a row. One that is not finite makes their scale NaN.
static inline void quantize_part(const float *_Nonnull row, block_kind kind, quantized_row out,
                                 int i) {
    lanes16 x[2];
    memcpy(x, row + 32 * i, sizeof x);
    lanes16 magnitudes = __builtin_elementwise_max(__builtin_elementwise_abs(x[0]),
                                                   __builtin_elementwise_abs(x[1]));
    lanes8 m8 = __builtin_elementwise_max(magnitudes.lo, magnitudes.hi);
    lanes4 m4 = __builtin_elementwise_max(m8.lo, m8.hi);
    lanes2 m2 = __builtin_elementwise_max(m4.lo, m4.hi);
    float largest = __builtin_elementwise_max(m2[0], m2[1]);
    lanes16 zeros = x[0] * 0 + x[1] * 0;  // or NaN where x is not finite
    lanes8 z8 = zeros.lo + zeros.hi;
    lanes4 z4 = z8.lo + z8.hi;
    out.scales[i] = largest / 127 + ((z4[0] + z4[1]) + (z4[2] + z4[3]));
    float inverse = largest > 0 ? 127 / largest : 0;
    int32_t sums[2];
    for (int half = 0; half < 2; half++) {
        lanes16 scaled = __builtin_elementwise_roundeven(x[half] * inverse);
        scaled = __builtin_elementwise_min(__builtin_elementwise_max(scaled, (lanes16)-127),
                                           (lanes16)127);
        int16lanes integers = __builtin_convertvector(scaled, int16lanes);
        signed16 values = __builtin_convertvector(integers, signed16);
        memcpy(out.values + 32 * i + 16 * half, &values, sizeof values);
        int8lanes pairs = integers.even + integers.odd;
        int4lanes quads = pairs.even + pairs.odd;
        sums[half] = (quads[0] + quads[1]) + (quads[2] + quads[3]);
        quads *= -zero_of(kind);
        memcpy(out.starts + 8 * i + 4 * half, &quads, sizeof quads);
    }
    if (group_of(kind) == 16) {
        out.sums[2 * i] = out.scales[i] * (float)sums[0];
        out.sums[2 * i + 1] = out.scales[i] * (float)sums[1];
    } else {
        out.sums[i] = out.scales[i] * (float)(sums[0] + sums[1]);
    }
}

// Dot products.

/// Adds the products of four neighbouring bytes to each lane.
ALWAYS_INLINE int16lanes dot4(int16lanes sums, bytes64 weights, bytes64 activations) {
#if defined(__AVX512VNNI__)
    return (int16lanes)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)weights, (__m512i)activations);
#else
    typedef int8_t signed64 __attribute__((ext_vector_type(64)));
    typedef int16_t short64 __attribute__((ext_vector_type(64)));
    typedef int32_t int32lanes __attribute__((ext_vector_type(32)));
    short64 products = __builtin_convertvector(weights, short64) *
                       __builtin_convertvector((signed64)activations, short64);
    int32lanes pairs = __builtin_convertvector(products.even, int32lanes) +
                       __builtin_convertvector(products.odd, int32lanes);
    return sums + pairs.even + pairs.odd;
#endif
}

/// The integer products of a part. Without an instruction for unsigned bytes up to 255, Q8_0's
/// integers are given their sign back, and the row's `starts` are not needed.
ALWAYS_INLINE int16lanes dot_part(block_kind kind, bytes64 weights, quantized_row x, int part) {
    bytes64 activations = load_twice(x.values + 32 * part);
    int16lanes starts = 0;
    if (zero_of(kind) != 0) starts = (int16lanes)load_twice(x.starts + 8 * part);
#if defined(__AVX512VNNI__)
    return dot4(starts, weights, activations);
#elif defined(__AVX2__)
    __m256i w[2], v[2], sums[2];
    if (kind == Q8_0) weights ^= 128;
    memcpy(w, &weights, sizeof w);
    memcpy(v, &activations, sizeof v);
    for (int row = 0; row < 2; row++) {
        __m256i pairs = kind == Q8_0 ? _mm256_maddubs_epi16(_mm256_abs_epi8(w[row]),
                                                            _mm256_sign_epi8(v[row], w[row]))
                                     : _mm256_maddubs_epi16(w[row], v[row]);
        sums[row] = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    }
    int16lanes products;
    memcpy(&products, sums, sizeof products);
    return kind == Q8_0 ? products : products + starts;
#elif defined(__ARM_FEATURE_DOTPROD)
    int8x16_t w[4], v[4];
    int32x4_t sums[4];
    if (kind == Q8_0) weights ^= 128, starts = 0;
    memcpy(w, &weights, sizeof w);
    memcpy(v, &activations, sizeof v);
    memcpy(sums, &starts, sizeof sums);
    for (int i = 0; i < 4; i++) sums[i] = vdotq_s32(sums[i], w[i], v[i]);
    int16lanes products;
    memcpy(&products, sums, sizeof products);
    return products;
#else
    return dot4(starts, weights, activations);
#endif
}

ALWAYS_INLINE lanes16 as_floats(int16lanes integers) {
    return __builtin_convertvector(integers, lanes16);
}

/// The dot products of two rows of `count` blocks with one row of activations.
ALWAYS_INLINE lanes2 dot_rows(block_kind kind, block_pointer a, block_pointer b, quantized_row x,
                              int count) {
    const int parts = parts_of(kind), size = byte_count_of(kind), ahead = 4096;
    lanes16 sums = 0;
    for (int i = 0; i < count; i++, a += size, b += size) {
        for (int line = 0; line < size; line += 64) {
            __builtin_prefetch(a + line + ahead);
            __builtin_prefetch(b + line + ahead);
        }
        block_scales scales = scales_of(kind, a, b);
#pragma clang loop unroll(full)
        for (int j = 0; j < parts; j++) {
            int part = i * parts + j;
            int16lanes dot = dot_part(kind, integers(kind, a, b, j), x, part);
            sums += as_floats(dot) * (scale_lanes(kind, scales, j) * x.scales[part]);
        }
        if (kind == Q4_K || kind == Q5_K) {
            sums -= scales.minima * (lanes16)load_twice(x.sums + 8 * i);
        }
    }
    lanes8 s8 = sums.even + sums.odd;
    lanes4 s4 = s8.even + s8.odd;
    return s4.even + s4.odd;
}

/// The products of `count` rows of weights with one row of activations: two rows at a time, `half`
/// of all apart, so that each is one stream of memory.
ALWAYS_INLINE void multiply_rows(block_kind kind, block_pointer rows, int count, int half,
                                 quantized_row x, int blocks, float *_Nonnull out) {
    size_t row_bytes = (size_t)blocks * byte_count_of(kind);
    for (int i = 0; i < half; i++) {
        int other = i + half < count ? i + half : count - 1;
        lanes2 pair = dot_rows(kind, rows + i * row_bytes, rows + other * row_bytes, x, blocks);
        out[i] = pair[0];
        out[other] = pair[1];
    }
}

// Values.

/// The values of a block.
ALWAYS_INLINE void values_of(block_kind kind, block_pointer block, float *_Nonnull out) {
    block_scales scales = scales_of(kind, block, block);
#pragma clang loop unroll(full)
    for (int j = 0; j < parts_of(kind); j++) {
        bytes32 part = integers(kind, block, block, j).lo;
        lanes16 lanes = scale_lanes(kind, scales, j);
        lanes16 zero = (float)zero_of(kind);
        float minimum = kind == Q4_K || kind == Q5_K ? scales.minima[j] : 0;
        lanes16 first = (__builtin_convertvector(part.lo, lanes16) - zero) * lanes[0] - minimum;
        lanes16 last = (__builtin_convertvector(part.hi, lanes16) - zero) * lanes[4] - minimum;
        memcpy(out + 32 * j, &first, sizeof first);
        memcpy(out + 32 * j + 16, &last, sizeof last);
    }
}

// For Swift, each kind is compiled apart.

static inline void multiply_quantized_rows(block_kind kind, block_pointer rows, int count, int half,
                                           quantized_row x, int blocks, float *_Nonnull out) {
    switch (kind) {
    case Q8_0: return multiply_rows(Q8_0, rows, count, half, x, blocks, out);
    case Q4_0: return multiply_rows(Q4_0, rows, count, half, x, blocks, out);
    case Q4_K: return multiply_rows(Q4_K, rows, count, half, x, blocks, out);
    case Q5_K: return multiply_rows(Q5_K, rows, count, half, x, blocks, out);
    case Q6_K: return multiply_rows(Q6_K, rows, count, half, x, blocks, out);
    }
}

static inline void quantized_values(block_kind kind, block_pointer block, float *_Nonnull out) {
    switch (kind) {
    case Q8_0: return values_of(Q8_0, block, out);
    case Q4_0: return values_of(Q4_0, block, out);
    case Q4_K: return values_of(Q4_K, block, out);
    case Q5_K: return values_of(Q5_K, block, out);
    case Q6_K: return values_of(Q6_K, block, out);
    }
}

#endif
