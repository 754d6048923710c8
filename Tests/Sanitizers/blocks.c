// Runs the C functions of quantised weights on random bytes, in buffers of exactly the size that they may
// touch, and compares their results with double precision. `make test-ubsan` compiles it with the address
// and the undefined-behaviour sanitizer, `make check-portable` for arm64.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "QuantizedPanels.h"

// numbers that neither tiles, panels nor pairs of rows divide
enum { ROWS = 5, COLUMNS = 2 * PANEL_COLUMNS - 1, K = 512 };

static void *bytes(size_t count) {
    uint8_t *start = malloc(count);
    for (size_t i = 0; i < count; i++) start[i] = (uint8_t)(rand() >> 8);
    return start;
}

static double half(const uint8_t *b) {
    int bits = b[0] | b[1] << 8, exponent = bits >> 10 & 31, fraction = bits & 1023;
    double value = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return bits >> 15 ? -value : value;
}

/// Weight i of a block, from the format's description.
static double weight(block_kind kind, const uint8_t *b, int i) {
    const int part = i / 32, l = i % 32;
    switch (kind) {
    case Q8_0: return half(b) * (int8_t)b[2 + i];
    case Q4_0: return half(b) * ((i < 16 ? b[2 + i] & 15 : b[2 + i - 16] >> 4) - 8);
    case Q4_K:
    case Q5_K: {
        const uint8_t *s = b + 4, *low = b + (kind == Q4_K ? 16 : 48) + i / 64 * 32;
        int scale = part < 4 ? s[part] & 63 : (s[part + 4] & 15) | s[part - 4] >> 6 << 4;
        int minimum = part < 4 ? s[part + 4] & 63 : s[part + 4] >> 4 | s[part] >> 6 << 4;
        int q = i % 64 < 32 ? low[l] & 15 : low[l] >> 4;
        if (kind == Q5_K) q += (b[16 + l] >> part & 1) * 16;
        return half(b) * scale * q - half(b + 2) * minimum;
    }
    case Q6_K: {
        int group = part % 4, low = b[i / 128 * 64 + group % 2 * 32 + l];
        int high = b[128 + i / 128 * 32 + l] >> 2 * group & 3;
        return half(b + 208) * (int8_t)b[192 + i / 16] * ((group < 2 ? low & 15 : low >> 4) + high * 16 - 32);
    }
    }
    return NAN;
}

/// Gives every block scales of either sign around 1/64.
static void set_scales(block_kind kind, uint8_t *blocks, int count) {
    for (uint8_t *b = blocks; count-- > 0; b += byte_count_of(kind)) {
        int offset = kind == Q6_K ? 208 : 0;
        for (int i = 0; i < (kind == Q4_K || kind == Q5_K ? 2 : 1); i++) {
            b[offset + 2 * i + 1] = (uint8_t)((rand() & 1) << 7 | 9 << 2 | (rand() & 3));
        }
    }
}

/// Compares the values of blocks, and the products with `x` in both ways, with double precision.
static void compare(block_kind kind, const uint8_t *weights, const float *x, const float *out, const float *other) {
    const int values = parts_of(kind) * 32, blocks = K / values, size = byte_count_of(kind);
    float found[256];
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        const uint8_t *row = weights + (size_t)(i % COLUMNS) * blocks * size;
        double sum = 0, norm = 0;
        for (int k = 0; k < K; k++) {
            double w = weight(kind, row + k / values * size, k % values);
            if (k % values == 0) quantized_values(kind, row + k / values * size, found);
            if (fabs(found[k % values] - w) > 1e-5) exit(puts("a value differs"));
            sum += w * x[i / COLUMNS * K + k];
            norm += w * w;
        }
        if (fabs(out[i] - sum) > 0.01 * sqrt(norm)) exit(puts("a product of rows differs"));
        if (fabs(other[i] - sum) > 0.01 * sqrt(norm)) exit(puts("a product of panels differs"));
    }
}

/// Quantizes, multiplies in both ways and unpacks. Returns the number of finite products.
static int check(block_kind kind, float special) {
    const int values = parts_of(kind) * 32, blocks = K / values, size = byte_count_of(kind);
    const size_t row_bytes = (size_t)blocks * size;
    uint8_t *weights = bytes(COLUMNS * row_bytes);
    if (special == 0.5f) set_scales(kind, weights, COLUMNS * blocks);
    float *x = malloc(ROWS * K * sizeof *x), row[256];
    for (int i = 0; i < ROWS * K; i++) x[i] = (float)(rand() % 2001 - 1000) / 1000;
    x[K + 7] = special;
    memset(x + 2 * K, 0, 64 * sizeof *x);  // groups without a largest value
    for (int i = 0; i < COLUMNS * blocks; i++) quantized_values(kind, weights + i * size, row);

    const int groups = K / group_of(kind);
    quantized_row all = {malloc(ROWS * K), malloc(ROWS * K / 32 * sizeof(float)),
                         malloc(ROWS * groups * sizeof(float)), malloc(ROWS * K)};
    float *out = malloc(ROWS * COLUMNS * sizeof *out), *other = malloc(ROWS * COLUMNS * sizeof *other);
    for (int i = 0; i < ROWS * K / 32; i++) quantize_part(x, kind, all, i);
    for (int i = 0; i < ROWS; i++) {
        quantized_row one = {all.values + i * K, all.scales + i * K / 32, all.sums + i * groups,
                             all.starts + i * K / 4};
        multiply_quantized_rows(kind, weights, COLUMNS, (COLUMNS + 1) / 2, one, blocks, out + i * COLUMNS);
    }
    quantized_panel panel = {malloc(K * PANEL_COLUMNS), malloc(groups * PANEL_COLUMNS * sizeof(float)),
                             malloc(groups * PANEL_COLUMNS * sizeof(float))};
    for (int start = 0; start < COLUMNS; start += PANEL_COLUMNS) {
        int count = COLUMNS - start < PANEL_COLUMNS ? COLUMNS - start : PANEL_COLUMNS;
        for (int column = 0; column < count; column += 2) {
            const uint8_t *pair = weights + (start + column) * row_bytes;
            pack_quantized_rows(kind, pair, pair + (column + 1 < count) * row_bytes, blocks, column, panel);
        }
        multiply_quantized_panel(kind, panel, all, ROWS, K, other + start, COLUMNS, count);
    }
    if (special == 0.5f) compare(kind, weights, x, out, other);
    int finite = 0;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        if (!isfinite(out[i]) || !isfinite(other[i])) continue;
        finite++;
        if (i / COLUMNS == 1 && !isfinite(special)) exit(puts("a number made of one that is not finite"));
    }
    free(weights), free(x), free(out), free(other), free(all.values), free(all.scales), free(all.sums);
    free(all.starts), free(panel.integers), free(panel.scales), free(panel.minima);
    return finite;
}

int main(void) {
    const float specials[] = {0.5f, 0, 1e-45f, 1e-39f, 3e38f, -3e38f, INFINITY, -INFINITY, NAN};
    int finite = 0;
    for (block_kind kind = Q8_0; kind <= Q6_K; kind++) {
        for (int i = 0; i < 9; i++) finite += check(kind, specials[i]);
    }
    printf("%d finite products\n", finite);
    return finite > 0 ? 0 : 1;
}
