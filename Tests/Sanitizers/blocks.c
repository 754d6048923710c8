// Runs the C functions of quantised weights on random bytes, in buffers of exactly the size that they may
// touch. `make test-ubsan` compiles it with the address and the undefined-behaviour sanitizer.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "QuantizedPanels.h"

enum { ROWS = 3, COLUMNS = 2 * PANEL_COLUMNS, K = 512 };

static void *bytes(size_t count) {
    uint8_t *start = malloc(count);
    for (size_t i = 0; i < count; i++) start[i] = (uint8_t)(rand() >> 8);
    return start;
}

/// Quantizes, multiplies in both ways and unpacks. Returns the number of finite products.
static int check(block_kind kind, float special) {
    const int values = parts_of(kind) * 32, blocks = K / values, size = byte_count_of(kind);
    const size_t row_bytes = (size_t)blocks * size;
    uint8_t *weights = bytes(COLUMNS * row_bytes);
    float *x = malloc(ROWS * K * sizeof *x), row[256];
    for (int i = 0; i < ROWS * K; i++) x[i] = (float)(rand() % 2001 - 1000) / 1000;
    x[K + 7] = special;
    for (int i = 0; i < COLUMNS * blocks; i++) quantized_values(kind, weights + i * size, row);

    const int groups = K / group_of(kind);
    quantized_row all = {malloc(ROWS * K), malloc(ROWS * K / 32 * sizeof(float)),
                         malloc(ROWS * groups * sizeof(float)), malloc(ROWS * K)};
    float *out = malloc(ROWS * COLUMNS * sizeof *out), *other = malloc(ROWS * COLUMNS * sizeof *other);
    for (int i = 0; i < ROWS * K / 32; i++) quantize_part(x, kind, all, i);
    for (int i = 0; i < ROWS; i++) {
        quantized_row one = {all.values + i * K, all.scales + i * K / 32, all.sums + i * groups,
                             all.starts + i * K / 4};
        multiply_quantized_rows(kind, weights, COLUMNS, COLUMNS / 2, one, blocks, out + i * COLUMNS);
    }
    quantized_panel panel = {malloc(K * PANEL_COLUMNS), malloc(groups * PANEL_COLUMNS * sizeof(float)),
                             malloc(groups * PANEL_COLUMNS * sizeof(float))};
    for (int start = 0; start < COLUMNS; start += PANEL_COLUMNS) {
        for (int column = 0; column < PANEL_COLUMNS; column += 2) {
            const uint8_t *pair = weights + (start + column) * row_bytes;
            pack_quantized_rows(kind, pair, pair + row_bytes, blocks, column, panel);
        }
        multiply_quantized_panel(kind, panel, all, ROWS, K, other + start, COLUMNS, PANEL_COLUMNS);
    }
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
