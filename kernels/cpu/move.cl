/* SPDX-License-Identifier: Apache-2.0 */
/* Data movement without arithmetic, elements of 4 bytes unless said otherwise: transpose, slice, concatenation, padding, layout change. One kernel copies a
 * box of up to eight dimensions between two strided places; the other fills one. A transpose is a copy with permuted
 * strides, a concatenation one copy per input with an offset in y, a slice one with an offset (and steps) in x, constant
 * padding a fill and a copy, reflected padding copies with negative strides. Work-group size 1, global {ceil(rows / block), 1} for copies, rows being
 * d0*..*d6, and {rows, 1} for fills. */

INLINE int box_offset(int row, const int d1, const int d2, const int d3, const int d4, const int d5, const int d6,
                      const int s0, const int s1, const int s2, const int s3, const int s4, const int s5, const int s6)
{
    int at = row % d6 * s6;
    row /= d6;
    at += row % d5 * s5;
    row /= d5;
    at += row % d4 * s4;
    row /= d4;
    at += row % d3 * s3;
    row /= d3;
    at += row % d2 * s2;
    row /= d2;
    at += row % d1 * s1;
    return at + row / d1 * s0;
}

/* What moves rows of a box: `rows` of them from `block` * the item's number on, d7 elements each. A launch costs PoCL about 0.1 us per work-item, which is
 * more than a short row takes, so an item has many; where each begins is counted like the wheels of an odometer. */
#define COPY_ROWS(COPY_ROW)                                                                                                          \
    const int d[7] = {1, d1, d2, d3, d4, d5, d6}, xs[7] = {x0, x1, x2, x3, x4, x5, x6}, ys[7] = {y0, y1, y2, y3, y4, y5, y6};        \
    const int first = (int)get_global_id(0) * block, last = min(first + block, rows);                                                \
    int wheel[7], x_at = x_off, y_at = y_off, left = first;                                                                          \
    for (int i = 6; i >= 0; i--) {                                                                                                   \
        wheel[i] = i > 0 ? left % d[i] : left;                                                                                       \
        left /= d[i];                                                                                                                \
        x_at += wheel[i] * xs[i];                                                                                                    \
        y_at += wheel[i] * ys[i];                                                                                                    \
    }                                                                                                                                \
    for (int row = first; row < last; row++) {                                                                                       \
        COPY_ROW                                                                                                                     \
        int i = 6;                                                                                                                   \
        for (; i > 0 && ++wheel[i] == d[i]; i--) {                                                                                   \
            wheel[i] = 0;                                                                                                            \
            x_at -= (d[i] - 1) * xs[i];                                                                                              \
            y_at -= (d[i] - 1) * ys[i];                                                                                              \
        }                                                                                                                            \
        x_at += xs[i];                                                                                                               \
        y_at += ys[i];                                                                                                               \
    }

__kernel void weft_copy(__global const float *restrict x, __global float *restrict y, const int x_off, const int y_off,
                        const int d1, const int d2, const int d3, const int d4, const int d5, const int d6,
                        const int d7, const int x0, const int x1, const int x2, const int x3, const int x4,
                        const int x5, const int x6, const int x7, const int y0, const int y1, const int y2,
                        const int y3, const int y4, const int y5, const int y6, const int y7, const int rows, const int block)
{
    if (x7 == 1 && y7 == 1) {
        COPY_ROWS(for (int k = 0; k < d7; k += WEFT_VW) store_part(load_part(x + x_at + k, d7 - k), y + y_at + k, d7 - k);)
    } else {
        COPY_ROWS(for (int k = 0; k < d7; k++) y[y_at + k * y7] = x[x_at + k * x7];)
    }
}

/* The same for elements of one byte; wider ones are several of them. */
__kernel void weft_copy_bytes(__global const uchar *restrict x, __global uchar *restrict y, const int x_off, const int y_off,
                              const int d1, const int d2, const int d3, const int d4, const int d5, const int d6,
                              const int d7, const int x0, const int x1, const int x2, const int x3, const int x4,
                              const int x5, const int x6, const int x7, const int y0, const int y1, const int y2,
                              const int y3, const int y4, const int y5, const int y6, const int y7, const int rows, const int block)
{
    if (x7 == 1 && y7 == 1) {
        COPY_ROWS(for (int k = 0; k < d7; k++) y[y_at + k] = x[x_at + k];)
    } else {
        COPY_ROWS(for (int k = 0; k < d7; k++) y[y_at + k * y7] = x[x_at + k * x7];)
    }
}

__kernel void weft_fill(__global float *restrict y, const float value, const int y_off, const int d1, const int d2,
                        const int d3, const int d4, const int d5, const int d6, const int d7, const int y0,
                        const int y1, const int y2, const int y3, const int y4, const int y5, const int y6, const int y7)
{
    const int row = (int)get_global_id(0);
    __global float *to = y + y_off + box_offset(row, d1, d2, d3, d4, d5, d6, y0, y1, y2, y3, y4, y5, y6);
    for (int i = 0; i < d7; i++)
        to[i * y7] = value;
}

/* The same for elements of one byte. */
__kernel void weft_fill_bytes(__global uchar *restrict y, const int value, const int y_off, const int d1, const int d2,
                              const int d3, const int d4, const int d5, const int d6, const int d7, const int y0,
                              const int y1, const int y2, const int y3, const int y4, const int y5, const int y6,
                              const int y7)
{
    const int row = (int)get_global_id(0);
    __global uchar *to = y + y_off + box_offset(row, d1, d2, d3, d4, d5, d6, y0, y1, y2, y3, y4, y5, y6);
    for (int i = 0; i < d7; i++)
        to[i * y7] = (uchar)value;
}
