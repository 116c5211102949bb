/* SPDX-License-Identifier: Apache-2.0 */
/* The integer contract: every rule by which 8-bit values are computed, once. Plain C, OpenCL C and
 * HLS C include this same text, so it stays in their common subset: scalars, no calls into a
 * library, no float, no pointer to pointer. Must not know about tensors, devices or models.
 *
 * A value q of 8 bits (u8 or s8) with scale s and zero point z stands for s * (q - z). Weights are
 * s8 with z = 0. Sums are s32; the compiler proves for each layer that they fit. The mathematics of
 * each rule and its error bound: docs/integers.md. Multipliers and shifts: weft_ratio.h. */
#ifndef WEFT_INT_H
#define WEFT_INT_H

#if defined(__OPENCL_VERSION__) || defined(__OPENCL_C_VERSION__)
typedef char weft_s8;
typedef uchar weft_u8;
typedef short weft_s16;
typedef ushort weft_u16;
typedef int weft_s32;
typedef uint weft_u32;
typedef long weft_s64;
typedef ulong weft_u64;
#ifndef WEFT_INT_FN
#define WEFT_INT_FN static inline __attribute__((always_inline, unused))
#endif
#else
#include <stdint.h>
typedef int8_t weft_s8;
typedef uint8_t weft_u8;
typedef int16_t weft_s16;
typedef uint16_t weft_u16;
typedef int32_t weft_s32;
typedef uint32_t weft_u32;
typedef int64_t weft_s64;
typedef uint64_t weft_u64;
#ifndef WEFT_INT_FN
#define WEFT_INT_FN static inline
#endif
#endif

/* A multiplier has at most so many bits (2^22 itself is allowed): times a sum of 32 bits the
 * product has at most 53, so that a double holds it exactly and two DSP multipliers make it. */
#define WEFT_MULT_BITS 22
#define WEFT_MULT_MAX (1 << WEFT_MULT_BITS)
/* Multipliers of the add stage: |q - z| <= 255 < 2^8, two products of at most 2^29 and the
 * rounding stay below 2^31. */
#define WEFT_ADD_MULT_BITS 21
#define WEFT_ADD_MULT_MAX (1 << WEFT_ADD_MULT_BITS)
#define WEFT_SHIFT_MIN 1
#define WEFT_SHIFT_MAX 62
#define WEFT_ADD_SHIFT_MAX 30

/* value / 2^shift, to the nearest integer, halves to the even one (2.5 -> 2, 3.5 -> 4, -2.5 -> -2):
 * the rule of ONNX QuantizeLinear. Right shifts of negative numbers are arithmetic (they round
 * towards minus infinity), as every compiler in use does. 1 <= shift <= 62; |value| < 2^62. */
WEFT_INT_FN weft_s64 weft_round_shift64(const weft_s64 value, const weft_s32 shift)
{
    const weft_s64 below_half = ((weft_s64)1 << (shift - 1)) - 1;
    return (value + below_half + ((value >> shift) & 1)) >> shift;
}

/* The same in 32 bits: 1 <= shift <= 30, |value| < 2^30 + 2^29. */
WEFT_INT_FN weft_s32 weft_round_shift32(const weft_s32 value, const weft_s32 shift)
{
    const weft_s32 below_half = ((weft_s32)1 << (shift - 1)) - 1;
    return (value + below_half + ((value >> shift) & 1)) >> shift;
}

WEFT_INT_FN weft_s32 weft_clamp32(const weft_s32 value, const weft_s32 low, const weft_s32 high)
{
    return value < low ? low : value > high ? high : value;
}

/* Requantisation: clamp(round(sum * mult / 2^shift) + zero, low, high). Any s32 sum; 0 <= mult <=
 * WEFT_MULT_MAX, WEFT_SHIFT_MIN <= shift <= WEFT_SHIFT_MAX, low <= high in the range of u8 or s8.
 */
WEFT_INT_FN weft_s32 weft_requantise(const weft_s32 sum, const weft_s32 mult, const weft_s32 shift,
                                     const weft_s32 zero, const weft_s32 low, const weft_s32 high)
{
    const weft_s64 scaled = weft_round_shift64((weft_s64)sum * mult, shift) + zero;
    return (weft_s32)(scaled < low ? low : scaled > high ? high : scaled);
}

/* The add stage, for a - a_zero and b - b_zero within [-255, 255]:
 * clamp(round((a * a_mult + b * b_mult) / 2^shift) + zero, low, high), 0 <= mult <=
 * WEFT_ADD_MULT_MAX, 1 <= shift <= WEFT_ADD_SHIFT_MAX. */
WEFT_INT_FN weft_s32 weft_add_stage(const weft_s32 a, const weft_s32 a_mult, const weft_s32 b,
                                    const weft_s32 b_mult, const weft_s32 shift,
                                    const weft_s32 zero, const weft_s32 low, const weft_s32 high)
{
    return weft_clamp32(weft_round_shift32(a * a_mult + b * b_mult, shift) + zero, low, high);
}

/* The multiply stage, for a - a_zero and b - b_zero within [-255, 255]; a gate is the same with
 * b = table[code of the gate's argument]. Arguments as weft_requantise. */
WEFT_INT_FN weft_s32 weft_multiply_stage(const weft_s32 a, const weft_s32 b, const weft_s32 mult,
                                         const weft_s32 shift, const weft_s32 zero,
                                         const weft_s32 low, const weft_s32 high)
{
    return weft_requantise(a * b, mult, shift, zero, low, high);
}

/* Where an 8-bit value stands in a table of 256: u8 as it is, s8 from -128 up. */
WEFT_INT_FN weft_s32 weft_table_index(const weft_s32 value, const weft_s32 is_signed)
{
    return is_signed ? value + 128 : value;
}

/* The value of a stored byte, and the byte that stores a value of u8 or s8. */
WEFT_INT_FN weft_s32 weft_byte_value(const weft_u8 byte, const weft_s32 is_signed)
{
    return is_signed ? (weft_s32)(byte ^ 128) - 128 : (weft_s32)byte;
}

WEFT_INT_FN weft_u8 weft_byte_of(const weft_s32 value)
{
    return (weft_u8)((weft_u32)value & 255u);
}

/* An average over `count` elements, a mean over an image: weft_requantise of the sum of x - x_zero
 * with the ratio x_scale / (y_scale * count). 255 * count must stay below 2^31. */
#define WEFT_AVERAGE_COUNT_MAX (1 << 23)

#endif
