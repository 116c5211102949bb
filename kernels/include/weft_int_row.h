/* SPDX-License-Identifier: Apache-2.0 */
/* The integer contract, elements of rows: what softmax and LayerNorm do to one element, and the
 * numbers that a row has once. The mathematics, the error bounds and why nothing overflows:
 * docs/integers.md. Rows that are walked through: weft_int_rows.h; the engine of kernels/fpga walks
 * through its own and prints this text, where a marker before a loop says what hardware makes of
 * it. Tables and multipliers: weft_tables.h. */
#ifndef WEFT_INT_ROW_H
#define WEFT_INT_ROW_H

#ifndef WEFT_INT_H
#include "kernels/include/weft_int.h"
#endif

/* Elements of a row of LayerNorm, and of softmax. */
#define WEFT_ROW_MAX 4096
#define WEFT_SOFTMAX_MAX 16384
/* Products of two differences q - zero that a sum of 32 bits holds: 255 * 255 * 33025 < 2^31. */
#define WEFT_DEPTH_MAX 33025

/* ---- softmax ---- */

/* exps[d] = round(2^WEFT_EXP_BITS * exp(-x_scale * d)) for a value that is d below the row's
 * largest; exps[0] = WEFT_EXP_ONE, so the sum of a row lies in [2^24, 2^38]. */
#define WEFT_EXP_BITS 24
#define WEFT_EXP_ONE (1 << WEFT_EXP_BITS)
/* Bits below the point of the row's factor; with an output shift of at most 24 the whole shift
 * stays within WEFT_SHIFT_MAX. */
#define WEFT_SOFTMAX_BITS 38
#define WEFT_SOFTMAX_SHIFT_MAX (WEFT_SHIFT_MAX - WEFT_SOFTMAX_BITS)

/* The row's factor: round(mult * 2^WEFT_SOFTMAX_BITS / sum), halves up; mult / 2^shift stands for
 * 1 / y_scale. 0 <= mult <= WEFT_MULT_MAX, 2^24 <= sum <= 2^38. */
WEFT_INT_FN weft_s64 weft_softmax_factor(const weft_s64 sum, const weft_s32 mult)
{
    const weft_u64 scaled = (weft_u64)mult << WEFT_SOFTMAX_BITS;
    return (weft_s64)((scaled + ((weft_u64)sum >> 1)) / (weft_u64)sum);
}

/* One element: clamp(round(exp * factor / 2^(38 + shift)) + zero, low, high), 1 <= shift <=
 * WEFT_SOFTMAX_SHIFT_MAX. */
WEFT_INT_FN weft_s32 weft_softmax_stage(const weft_u32 exp_value, const weft_s64 factor,
                                        const weft_s32 shift, const weft_s32 zero,
                                        const weft_s32 low, const weft_s32 high)
{
    const weft_s64 value =
        weft_round_shift64((weft_s64)exp_value * factor, WEFT_SOFTMAX_BITS + shift) + zero;
    return (weft_s32)(value < low ? low : value > high ? high : value);
}

/* ---- LayerNorm ---- */

/* With q the values of a row of n: S1 = sum q, S2 = sum q^2, c = n q - S1, V = n S2 - S1^2; then
 * (q - mean) / sqrt(variance) = c / sqrt(V), all of it exact and independent of the zero point. The
 * spread is 2^WEFT_SPREAD_BITS (V + epsilon n^2 / x_scale^2), at least 1 and below 2^62. */
#define WEFT_SPREAD_BITS 20
#define WEFT_SPREAD_EPSILON_MAX ((weft_s64)1 << 61)

WEFT_INT_FN weft_s64 weft_layer_norm_spread(const weft_s32 count, const weft_s32 sum,
                                            const weft_s32 squares, const weft_s64 epsilon)
{
    const weft_s64 variance = (weft_s64)count * squares - (weft_s64)sum * sum;
    const weft_s64 spread = variance * ((weft_s64)1 << WEFT_SPREAD_BITS) + epsilon;
    return spread < 1 ? 1 : spread;
}

/* How often a spread can be multiplied by 4 and stay below 2^62; then it is at least 2^60. */
WEFT_INT_FN weft_s32 weft_spread_fours(const weft_s64 spread)
{
    weft_s32 fours = 0;
    /* @unroll 5 */
    for (weft_s32 step = 16; step > 0; step >>= 1) {
        if ((spread >> (62 - 2 * (fours + step))) == 0)
            fours += step;
    }
    return fours;
}

/* The largest integer whose square is at most `square`, below 2^62: one bit per step. */
WEFT_INT_FN weft_s64 weft_root64(const weft_s64 square)
{
    weft_s64 rest = square, root = 0;
    /* @unroll 31 */
    for (weft_s32 bit = 30; bit >= 0; bit--) {
        const weft_s64 trial = (2 * root + ((weft_s64)1 << bit)) << bit;
        if (rest >= trial) {
            rest -= trial;
            root += (weft_s64)1 << bit;
        }
    }
    return root;
}

/* round(2^62 / root(spread * 4^fours)), halves up: in [2^31, 2^32]. */
WEFT_INT_FN weft_s64 weft_inverse_root(const weft_s64 spread, const weft_s32 fours)
{
    const weft_s64 root = weft_root64(spread << (2 * fours));
    return (((weft_s64)1 << 62) + (root >> 1)) / root;
}

/* A normalised element has so many bits below the point and is within [-2^24, 2^24]: sqrt(n - 1)
 * standard deviations are the most that one element can lie from the mean. */
#define WEFT_UNIT_BITS 18
#define WEFT_UNIT_SHIFT (62 - WEFT_UNIT_BITS - WEFT_SPREAD_BITS / 2)

/* round(2^WEFT_UNIT_BITS * c / sqrt(V + ...)) for c = count * value - sum. */
WEFT_INT_FN weft_s32 weft_layer_norm_unit(const weft_s32 count, const weft_s32 sum,
                                          const weft_s32 value, const weft_s64 inverse,
                                          const weft_s32 fours)
{
    return (weft_s32)weft_round_shift64((weft_s64)(count * value - sum) * inverse,
                                        WEFT_UNIT_SHIFT - fours);
}

/* Scale and bias of a channel: clamp(round((unit * gamma + beta * 2^beta_shift) / 2^shift) + zero,
 * low, high). |gamma| <= WEFT_MULT_MAX, |beta| <= 2^30, 0 <= beta_shift <= 30, 1 <= shift <= 62. */
#define WEFT_BETA_BITS 30
#define WEFT_BETA_SHIFT_MAX 30
WEFT_INT_FN weft_s32 weft_layer_norm_stage(const weft_s32 unit, const weft_s32 gamma,
                                           const weft_s32 beta, const weft_s32 beta_shift,
                                           const weft_s32 shift, const weft_s32 zero,
                                           const weft_s32 low, const weft_s32 high)
{
    const weft_s64 sum = (weft_s64)unit * gamma + (weft_s64)beta * ((weft_s64)1 << beta_shift);
    const weft_s64 value = weft_round_shift64(sum, shift) + zero;
    return (weft_s32)(value < low ? low : value > high ? high : value);
}

#endif
