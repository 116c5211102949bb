/* SPDX-License-Identifier: Apache-2.0 */
/* Data movement without arithmetic, elements of 4 bytes unless said otherwise: transpose, slice, concatenation, padding, layout change. One kernel copies a
 * box of up to eight dimensions between two strided places; the other fills one. A transpose is a copy with permuted
 * strides, a concatenation one copy per input with an offset in y, a slice one with an offset (and steps) in x, constant
 * padding a fill and a copy, reflected padding copies with negative strides. Work-group size 1, global {d0*..*d6, 1}. */

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

__kernel void weft_copy(__global const float *restrict x, __global float *restrict y, const int x_off, const int y_off,
                        const int d1, const int d2, const int d3, const int d4, const int d5, const int d6,
                        const int d7, const int x0, const int x1, const int x2, const int x3, const int x4,
                        const int x5, const int x6, const int x7, const int y0, const int y1, const int y2,
                        const int y3, const int y4, const int y5, const int y6, const int y7)
{
    const int row = (int)get_global_id(0);
    __global const float *from = x + x_off + box_offset(row, d1, d2, d3, d4, d5, d6, x0, x1, x2, x3, x4, x5, x6);
    __global float *to = y + y_off + box_offset(row, d1, d2, d3, d4, d5, d6, y0, y1, y2, y3, y4, y5, y6);
    if (x7 == 1 && y7 == 1) {
        for (int i = 0; i < d7; i += WEFT_VW)
            store_part(load_part(from + i, d7 - i), to + i, d7 - i);
        return;
    }
    for (int i = 0; i < d7; i++)
        to[i * y7] = from[i * x7];
}

/* The same for elements of one byte; wider ones are several of them. */
__kernel void weft_copy_bytes(__global const uchar *restrict x, __global uchar *restrict y, const int x_off, const int y_off,
                              const int d1, const int d2, const int d3, const int d4, const int d5, const int d6,
                              const int d7, const int x0, const int x1, const int x2, const int x3, const int x4,
                              const int x5, const int x6, const int x7, const int y0, const int y1, const int y2,
                              const int y3, const int y4, const int y5, const int y6, const int y7)
{
    const int row = (int)get_global_id(0);
    __global const uchar *from = x + x_off + box_offset(row, d1, d2, d3, d4, d5, d6, x0, x1, x2, x3, x4, x5, x6);
    __global uchar *to = y + y_off + box_offset(row, d1, d2, d3, d4, d5, d6, y0, y1, y2, y3, y4, y5, y6);
    if (x7 == 1 && y7 == 1) {
        for (int i = 0; i < d7; i++)
            to[i] = from[i];
        return;
    }
    for (int i = 0; i < d7; i++)
        to[i * y7] = from[i * x7];
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
