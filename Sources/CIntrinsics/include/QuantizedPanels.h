// QuantizedPanels: products of many rows of activations with quantised weights. A panel holds 32
// rows of weights, their integers interleaved by fours: one instruction multiplies 16 rows.
#ifndef QUANTIZED_PANELS_H
#define QUANTIZED_PANELS_H

#include "QuantizedBlocks.h"

#define PANEL_COLUMNS 32
#define PANEL_TILE_ROWS 4

/// Whether the machine multiplies bytes fast enough for panels to pay.
static const int has_integer_products =
#if defined(__AVX512VNNI__)
    1;
#else
    0;
#endif

/// 32 rows of weights, as columns: a weight is integer · scale - minimum.
typedef struct {
    /// [k / 4, 32, 4]
    uint8_t *_Nonnull integers;
    /// [k / group, 32]
    float *_Nonnull scales, *_Nonnull minima;
} quantized_panel;

/// Packs two rows of `count` blocks into the columns `column` and `column + 1`.
ALWAYS_INLINE void pack_rows(block_kind kind, block_pointer a, block_pointer b, int count,
                             int column, quantized_panel panel) {
    const int parts = parts_of(kind), size = byte_count_of(kind), groups = 32 / group_of(kind);
    for (int i = 0; i < count; i++, a += size, b += size) {
        block_scales scales = scales_of(kind, a, b);
#pragma clang loop unroll(full)
        for (int j = 0; j < parts; j++) {
            int part = i * parts + j;
            int32_t fours[16];
            bytes64 weights = integers(kind, a, b, j);
            memcpy(fours, &weights, sizeof fours);
            uint8_t *target = panel.integers + ((size_t)part * 8 * PANEL_COLUMNS + column) * 4;
            for (int step = 0; step < 8; step++) {
                memcpy(target + step * PANEL_COLUMNS * 4, &fours[step], 4);
                memcpy(target + step * PANEL_COLUMNS * 4 + 4, &fours[step + 8], 4);
            }
            lanes16 lanes = scale_lanes(kind, scales, j);
            for (int group = 0; group < groups; group++) {
                float *s = panel.scales + (part * groups + group) * PANEL_COLUMNS + column;
                float *m = panel.minima + (part * groups + group) * PANEL_COLUMNS + column;
                s[0] = lanes[4 * group];
                s[1] = lanes[4 * group + 8];
                m[0] = (float)zero_of(kind) * s[0] + scales.minima[j];
                m[1] = (float)zero_of(kind) * s[1] + scales.minima[j + 8];
            }
        }
    }
}

/// Multiplies four rows of activations by a panel. Missing rows repeat the last one.
ALWAYS_INLINE void multiply_tile(int group, quantized_panel panel, quantized_row x, int rows, int k,
                                 lanes16 out[_Nonnull PANEL_TILE_ROWS][2]) {
    typedef struct { lanes16 half[2]; } columns;
    const int groups = k / group;
    columns sums[PANEL_TILE_ROWS] = {0};
    const int8_t *values[PANEL_TILE_ROWS];
    const float *scales[PANEL_TILE_ROWS], *totals[PANEL_TILE_ROWS];
#pragma clang loop unroll(full)
    for (int i = 0; i < PANEL_TILE_ROWS; i++) {
        int row = i < rows ? i : rows - 1;
        values[i] = x.values + (size_t)row * k;
        scales[i] = x.scales + (size_t)row * (k / 32);
        totals[i] = x.sums + (size_t)row * groups;
    }
    const uint8_t *weights = panel.integers;
    for (int g = 0; g < groups; g++) {
        int16lanes dot[PANEL_TILE_ROWS][2] = {0};
#pragma clang loop unroll(full)
        for (int step = 0; step < group / 4; step++, weights += 128) {
            bytes64 w[2];
            memcpy(w, weights, sizeof w);
#pragma clang loop unroll(full)
            for (int i = 0; i < PANEL_TILE_ROWS; i++) {
                int32_t four;
                memcpy(&four, values[i] + g * group + step * 4, sizeof four);
                dot[i][0] = dot4(dot[i][0], w[0], (bytes64)(int16lanes)four);
                dot[i][1] = dot4(dot[i][1], w[1], (bytes64)(int16lanes)four);
            }
        }
        lanes16 scale[2], minimum[2];
        memcpy(scale, panel.scales + g * PANEL_COLUMNS, sizeof scale);
        memcpy(minimum, panel.minima + g * PANEL_COLUMNS, sizeof minimum);
#pragma clang loop unroll(full)
        for (int i = 0; i < PANEL_TILE_ROWS; i++) {
            float s = scales[i][g * group / 32], total = totals[i][g];
            sums[i].half[0] += as_floats(dot[i][0]) * (scale[0] * s) - minimum[0] * total;
            sums[i].half[1] += as_floats(dot[i][1]) * (scale[1] * s) - minimum[1] * total;
        }
    }
    memcpy(out, sums, sizeof sums);
}

/// Multiplies `m` rows of activations by a panel; stores `count` columns of each.
ALWAYS_INLINE void multiply_panel(int group, quantized_panel panel, quantized_row x, int m, int k,
                                 float *_Nonnull out, ptrdiff_t stride, int count) {
    for (int i = 0; i < m; i += PANEL_TILE_ROWS) {
        lanes16 tile[PANEL_TILE_ROWS][2];
        int rows = m - i < PANEL_TILE_ROWS ? m - i : PANEL_TILE_ROWS;
        quantized_row first = {x.values + (size_t)i * k, x.scales + (size_t)i * (k / 32),
                               x.sums + (size_t)i * (k / group), x.starts};
        multiply_tile(group, panel, first, rows, k, tile);
        for (int row = 0; row < rows; row++) {
            memcpy(out + (i + row) * stride, tile[row], (size_t)count * sizeof(float));
        }
    }
}

// For Swift, each kind is compiled apart.

static inline void pack_quantized_rows(block_kind kind, block_pointer a, block_pointer b, int count,
                                       int column, quantized_panel panel) {
    switch (kind) {
    case Q8_0: return pack_rows(Q8_0, a, b, count, column, panel);
    case Q4_0: return pack_rows(Q4_0, a, b, count, column, panel);
    case Q4_K: return pack_rows(Q4_K, a, b, count, column, panel);
    case Q5_K: return pack_rows(Q5_K, a, b, count, column, panel);
    case Q6_K: return pack_rows(Q6_K, a, b, count, column, panel);
    }
}

static inline void multiply_quantized_panel(block_kind kind, quantized_panel panel, quantized_row x,
                                            int m, int k, float *_Nonnull out, ptrdiff_t stride,
                                            int count) {
    if (group_of(kind) == 16) {
        multiply_panel(16, panel, x, m, k, out, stride, count);
    } else {
        multiply_panel(32, panel, x, m, k, out, stride, count);
    }
}

#endif
