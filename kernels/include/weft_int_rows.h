/* SPDX-License-Identifier: Apache-2.0 */
/* The integer contract, rows: sums, softmax and LayerNorm over a row of 8-bit values, in integers
 * alone. Same subset and same readers as weft_int.h: bounded loops, 64-bit integers at most, one
 * division per row, no float. Rules of single elements: weft_int_row.h. Must not know about tensors
 * or devices.
 *
 * Rows are bytes; is_signed tells whether they hold s8. Element i stands at i * stride. A kernel
 * that keeps its rows elsewhere defines the address spaces first: WEFT_MEM of the rows, WEFT_TABLE
 * of the tables (in OpenCL C both are __global otherwise, in C there is none). */
#ifndef WEFT_INT_ROWS_H
#define WEFT_INT_ROWS_H

#ifndef WEFT_INT_ROW_H
#include "kernels/include/weft_int_row.h"
#endif

#if defined(__OPENCL_VERSION__) || defined(__OPENCL_C_VERSION__)
#ifndef WEFT_MEM
#define WEFT_MEM __global
#endif
#ifndef WEFT_TABLE
#define WEFT_TABLE __global
#endif
#else
#ifndef WEFT_MEM
#define WEFT_MEM
#endif
#ifndef WEFT_TABLE
#define WEFT_TABLE
#endif
#endif

/* ---- sums and maxima ---- */

/* Sum of x - zero: count <= WEFT_AVERAGE_COUNT_MAX. */
WEFT_INT_FN weft_s32 weft_row_sum(const WEFT_MEM weft_u8 *x, const weft_s32 count,
                                  const weft_s32 stride, const weft_s32 is_signed,
                                  const weft_s32 zero)
{
    weft_s32 sum = 0;
    for (weft_s32 i = 0; i < count; i++)
        sum += weft_byte_value(x[i * stride], is_signed) - zero;
    return sum;
}

/* The largest value of a row of at least one element. */
WEFT_INT_FN weft_s32 weft_row_max(const WEFT_MEM weft_u8 *x, const weft_s32 count,
                                  const weft_s32 stride, const weft_s32 is_signed)
{
    weft_s32 largest = weft_byte_value(x[0], is_signed);
    for (weft_s32 i = 1; i < count; i++) {
        const weft_s32 value = weft_byte_value(x[i * stride], is_signed);
        largest = value > largest ? value : largest;
    }
    return largest;
}

/* ---- softmax ---- */

/* Softmax of a row, 1 <= count <= WEFT_SOFTMAX_MAX; y may be x. */
WEFT_INT_FN void weft_softmax_row(const WEFT_MEM weft_u8 *x, WEFT_MEM weft_u8 *y,
                                  const weft_s32 count, const weft_s32 stride,
                                  const weft_s32 is_signed, const WEFT_TABLE weft_u32 *exps,
                                  const weft_s32 mult, const weft_s32 shift, const weft_s32 zero,
                                  const weft_s32 low, const weft_s32 high)
{
    const weft_s32 largest = weft_row_max(x, count, stride, is_signed);
    weft_s64 sum = (weft_s64)exps[largest - weft_byte_value(x[0], is_signed)];
    for (weft_s32 i = 1; i < count; i++)
        sum += (weft_s64)exps[largest - weft_byte_value(x[i * stride], is_signed)];
    const weft_s64 factor = weft_softmax_factor(sum, mult);
    for (weft_s32 i = 0; i < count; i++) {
        const weft_u32 value = exps[largest - weft_byte_value(x[i * stride], is_signed)];
        y[i * stride] = weft_byte_of(weft_softmax_stage(value, factor, shift, zero, low, high));
    }
}

/* ---- LayerNorm ---- */

/* LayerNorm of a row, 1 <= count <= WEFT_ROW_MAX, 0 <= epsilon <= WEFT_SPREAD_EPSILON_MAX; y may
 * be x. */
WEFT_INT_FN void weft_layer_norm_row(const WEFT_MEM weft_u8 *x, WEFT_MEM weft_u8 *y,
                                     const weft_s32 count, const weft_s32 stride,
                                     const weft_s32 is_signed, const weft_s64 epsilon,
                                     const WEFT_TABLE weft_s32 *gamma,
                                     const WEFT_TABLE weft_s32 *beta, const weft_s32 beta_shift,
                                     const weft_s32 shift, const weft_s32 zero, const weft_s32 low,
                                     const weft_s32 high)
{
    weft_s32 sum = 0, squares = 0;
    for (weft_s32 i = 0; i < count; i++) {
        const weft_s32 value = weft_byte_value(x[i * stride], is_signed);
        sum += value;
        squares += value * value;
    }
    const weft_s64 spread = weft_layer_norm_spread(count, sum, squares, epsilon);
    const weft_s32 fours = weft_spread_fours(spread);
    const weft_s64 inverse = weft_inverse_root(spread, fours);
    for (weft_s32 i = 0; i < count; i++) {
        const weft_s32 value = weft_byte_value(x[i * stride], is_signed);
        const weft_s32 unit = weft_layer_norm_unit(count, sum, value, inverse, fours);
        y[i * stride] = weft_byte_of(
            weft_layer_norm_stage(unit, gamma[i], beta[i], beta_shift, shift, zero, low, high));
    }
}

#endif
