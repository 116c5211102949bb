/* SPDX-License-Identifier: Apache-2.0 */
/* Engine "tiny" in HLS C (C99), printed by weft; do not edit.
 * Matrix array of 2 pixels x 8 channels x 8: 128 products per cycle on 64 DSPs; words of 8 bytes.
 * On chip: 15408 bytes of arrays, most of them twice (ping-pong). */
/* Compilers for CPUs need not know the pragmas; a rule that the engine applies in
 * parts is not called. */
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-function"

#define WEFT_ROWS 2 /* pixels of the matrix array */
#define WEFT_COLS 8 /* output channels of the matrix array */
#define WEFT_SIMD 8 /* depth of the matrix array */
#define WEFT_LANES 8 /* channels at a time of the vector unit and the epilogue */
#define WEFT_X_BYTES 256 /* buffer of patches */
#define WEFT_W_BYTES 512 /* buffer of filters */
#define WEFT_SUMS 128 /* sums of a tile */
#define WEFT_LANE_BYTES 256 /* buffers of the vector unit */
#define WEFT_LINE 16 /* channels of a tile at most */
#define WEFT_PIECE 16 /* elements of a piece of a stream */
#define WEFT_PORT 8 /* bytes of a word of memory */
#define WEFT_COUNT_ROWS 64 /* counts of an average pool at most */
#define WEFT_BANKS 4 /* memories of a line */
#define WEFT_X_BANKS 2 /* memories of the patches */
#define WEFT_W_BANKS 8 /* memories of the filters */
#define WEFT_LANE_ROWS 8 /* rows of the vector unit's line */
#define WEFT_TILE_ROWS 4 /* rows of a tile's line */
#define WEFT_LINE_ROWS 1 /* rows of a line of means */
#define WEFT_PIECE_ROWS 1 /* rows of a piece's line */
#define WEFT_ROW_WORDS 2 /* words of a row that is kept */
#define WEFT_VECTOR_ROWS 2 /* rows of a line of s32 */
#define WEFT_LINE_BLOCKS 2 /* blocks of lanes in a line */
#define WEFT_B_BYTES 512 /* buffer of operand b of products of two activations */
#define WEFT_NORMS 1 /* softmax and LayerNorm */
#define WEFT_EXPS 256 /* exponentials of a softmax */
#define WEFT_NORM_STAGES 128 /* cycles from the sums of a row to its factor */
#define WEFT_NORM_ROWS 16 /* rows of a tile or of a piece */
/* Two products per multiplier; 0 computes the same sums plainly. */
#ifndef WEFT_PACKED
#define WEFT_PACKED 1
#endif

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

/* The integer contract, elements of rows: what softmax and LayerNorm do to one element, and the
 * numbers that a row has once. The mathematics, the error bounds and why nothing overflows:
 * docs/integers.md. Rows that are walked through: weft_int_rows.h; the engine of kernels/fpga walks
 * through its own and prints this text, where a marker before a loop says what hardware makes of
 * it. Tables and multipliers: weft_tables.h. */
#ifndef WEFT_INT_ROW_H
#define WEFT_INT_ROW_H

#ifndef WEFT_INT_H
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
    for (weft_s32 step = 16; step > 0; step >>= 1) {
        #pragma HLS UNROLL factor=5
        if ((spread >> (62 - 2 * (fours + step))) == 0)
            fours += step;
    }
    return fours;
}

/* The largest integer whose square is at most `square`, below 2^62: one bit per step. */
WEFT_INT_FN weft_s64 weft_root64(const weft_s64 square)
{
    weft_s64 rest = square, root = 0;
    for (weft_s32 bit = 30; bit >= 0; bit--) {
        #pragma HLS UNROLL factor=31
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

/* The engine's program: the one home of a descriptor's layout. Only enumerations, because plain C,
 * OpenCL C and HLS C read this same text. Must not know how a descriptor is made or executed.
 *
 * A program is an array of descriptors; the engine executes them one after the other until END or
 * until `count` of them are done. A descriptor is WEFT_D_WORDS words of 32 bits, little endian:
 *
 *   byte   0         4         8         12        16                                          255
 *          | kind    | version | step    | flags   | 60 words, meaning by kind, unused ones 0   |
 *
 * Two memories, each below 2^31 bytes: `weights` (read only) and `arena` (all values). Both are
 * accessed as little-endian words of the engine's port, 8 to 64 bytes: they begin at a multiple of
 * that and hold whole words, and a descriptor may touch the other bytes of a word that it reads or
 * writes, without changing them. An offset is a byte offset into one of them; a step (of an
 * address) is a signed number of bytes; elements are single bytes, so bytes and elements are the
 * same number. Offsets need no alignment; vectors of s32 begin at a multiple of 4. Zero points and
 * limits are
 * the values themselves (s8: -128..127, u8: 0..255) unless said; multipliers and shifts are those
 * of kernels/include/weft_int.h. Every rule is that file's. */
#ifndef WEFT_KERNELS_FPGA_DESCRIPTOR_H
#define WEFT_KERNELS_FPGA_DESCRIPTOR_H

enum { WEFT_D_VERSION_NOW = 3, WEFT_D_WORDS = 64, WEFT_D_DIMS = 6 };

enum {
    WEFT_KIND_END = 0,     /* stops the program */
    WEFT_KIND_CONV = 1,    /* QConv2D with group 1 on the matrix array; matrix products are 1x1 */
    WEFT_KIND_GROUPED = 2, /* QConv2D with groups (depthwise) on the vector unit */
    WEFT_KIND_POOL = 3,    /* QPool2D on the vector unit */
    WEFT_KIND_ADD = 4,     /* QAdd */
    WEFT_KIND_MUL = 5,     /* QMul, with or without residual */
    WEFT_KIND_TABLE = 6,   /* QTable */
    WEFT_KIND_MOVE = 7,    /* copy by steps: Transpose, Slice, Concat (one per part), Expand, ... */
    WEFT_KIND_FILL = 8,    /* one byte everywhere: the border of Pad */
    WEFT_KIND_MATMUL = 9,  /* QMatMul on the matrix array: both operands are of the arena */
    WEFT_KIND_SOFTMAX = 10,    /* QSoftmax of innermost rows */
    WEFT_KIND_LAYER_NORM = 11, /* QLayerNorm of innermost rows */
    WEFT_KIND_COUNT
};

/* Word 3. A value is u8 where its SIGNED bit is clear. */
enum {
    WEFT_FLAG_X_SIGNED = 1,     /* x (operand a) */
    WEFT_FLAG_B_SIGNED = 2,     /* CONV, GROUPED: the residual; ADD, MUL, MATMUL: operand b */
    WEFT_FLAG_C_SIGNED = 4,     /* CONV, GROUPED, MATMUL: c before the table (c_type) */
    WEFT_FLAG_T_SIGNED = 8,     /* CONV, GROUPED, MATMUL: the table's elements */
    WEFT_FLAG_R_SIGNED = 16,    /* MUL: the residual */
    WEFT_FLAG_TABLE = 32,       /* CONV, GROUPED, MATMUL: there is a table */
    WEFT_FLAG_RESIDUAL = 64,    /* CONV, GROUPED, MUL: there is a residual */
    WEFT_FLAG_MEAN = 128,       /* CONV, GROUPED: the mean is stored as well */
    WEFT_FLAG_AVERAGE = 256,    /* POOL: average; else maximum */
    WEFT_FLAG_COUNT_PADS = 512, /* POOL, average: count_include_pad */
    WEFT_FLAG_SOFTMAX = 1024    /* MATMUL: y is the softmax of the rows that the others make */
};

/* Words that every kind has. */
enum {
    WEFT_D_KIND = 0,
    WEFT_D_VERSION = 1, /* WEFT_D_VERSION_NOW */
    WEFT_D_STEP = 2,    /* index of the schedule's step, for people and profiles; not executed */
    WEFT_D_FLAGS = 3,
    WEFT_D_X = 4,      /* offset in arena: first element of x (of operand a) */
    WEFT_D_Y = 5,      /* offset in arena: first element of y */
    WEFT_D_B = 6,      /* offset in arena: residual of CONV and GROUPED, operand b of ADD, MUL and
                          MATMUL */
    WEFT_D_TABLE = 12, /* offset in weights: 256 bytes, indexed by u8 value or s8 value + 128 */
    /* The add stage, clamp(round((a - a_zero) * a_mult + (b - b_zero) * b_mult, shift) + y_zero):
     * CONV, GROUPED: a is c, b the residual. ADD: a is x. MUL: a is c, b the residual, and a's zero
     * is C_ZERO, b's R_ZERO. */
    WEFT_D_A_ZERO = 40, /* MUL: zero point of x */
    WEFT_D_A_MULT = 41,
    WEFT_D_B_ZERO = 42, /* MUL: zero point of operand b */
    WEFT_D_B_MULT = 43,
    WEFT_D_ADD_SHIFT = 44,
    WEFT_D_Y_ZERO = 45,
    WEFT_D_Y_MIN = 46,
    WEFT_D_Y_MAX = 47,
    /* c, the value after requantisation (CONV, GROUPED, MUL); without a table and a residual it is
     * y. */
    WEFT_D_C_ZERO = 37,
    WEFT_D_C_MIN = 38,
    WEFT_D_C_MAX = 39
};

/* CONV, GROUPED, POOL, MATMUL: windows. y[n][oy][ox][o] from x[n][iy][ix][i], iy = oy * stride -
 * pad top + ky * dilation. y and the residual are channels last with pixels in a row (position p =
 * oy * width + ox); x has any steps, so NCHW is read in place. */
enum {
    WEFT_D_MEAN = 7,    /* offset in arena: [batch][out channels], contiguous */
    WEFT_D_WEIGHTS = 8, /* offset in weights: s8 [out channels][kh][kw][in channels / groups] */
    /* Offset in weights: s32 per output channel. CONV: bias[o] - pad * (sum of the weights of o)
     * modulo 2^32, pad = word PAD: the array multiplies x as s8 without its zero point taken off.
     * GROUPED: the bias as the operator has it. */
    WEFT_D_BIAS = 9,
    WEFT_D_MULT = 10,  /* offset in weights: s32 per output channel */
    WEFT_D_SHIFT = 11, /* offset in weights: s32 per output channel */
    WEFT_D_BATCH = 13,
    WEFT_D_IN_HEIGHT = 14,
    WEFT_D_IN_WIDTH = 15,
    WEFT_D_IN_CHANNELS = 16, /* all groups together */
    WEFT_D_OUT_HEIGHT = 17,
    WEFT_D_OUT_WIDTH = 18,
    WEFT_D_OUT_CHANNELS = 19,
    WEFT_D_KERNEL_HEIGHT = 20,
    WEFT_D_KERNEL_WIDTH = 21,
    WEFT_D_STRIDE_Y = 22,
    WEFT_D_STRIDE_X = 23,
    WEFT_D_DILATION_Y = 24,
    WEFT_D_DILATION_X = 25,
    WEFT_D_PAD_TOP = 26,
    WEFT_D_PAD_LEFT = 27,
    WEFT_D_X_IMAGE = 28,   /* step from image to image of x */
    WEFT_D_X_ROW = 29,     /* from row to row */
    WEFT_D_X_PIXEL = 30,   /* from column to column */
    WEFT_D_X_CHANNEL = 31, /* from channel to channel: 1 is fast */
    WEFT_D_Y_IMAGE = 32,
    WEFT_D_Y_PIXEL = 33, /* out channels, or more when y is a slice of a concatenation */
    WEFT_D_B_IMAGE = 34,
    WEFT_D_B_PIXEL = 35,
    /* What the padding reads as. CONV: x's zero point in the domain of s8 (x_zero, minus 128 where
     * x is u8). GROUPED, POOL average: x's zero point. POOL maximum: the least value of x's type.
     */
    WEFT_D_PAD = 36,
    WEFT_D_MEAN_MULT = 48, /* mean = clamp(requant(sum of (y - base)) + zero) */
    WEFT_D_MEAN_SHIFT = 49,
    WEFT_D_MEAN_ZERO = 50,
    WEFT_D_MEAN_MIN = 51,
    WEFT_D_MEAN_MAX = 52,
    WEFT_D_MEAN_BASE = 53,
    /* Tiles, chosen by the planner; limits in kernels/fpga/engine.h. A tile is so many positions of
     * the batch, image after image, by so many output channels; depth is how much of the sum is
     * done at a time: CONV: elements of a filter, a multiple of the engine's simd; GROUPED: the
     * same, any number; POOL: taps. */
    WEFT_D_TILE_PIXELS = 54,
    WEFT_D_TILE_CHANNELS = 55,
    WEFT_D_TILE_DEPTH = 56,
    WEFT_D_GROUPS = 57,     /* GROUPED; divides both channel counts */
    WEFT_D_PAD_BOTTOM = 58, /* POOL with COUNT_PADS */
    WEFT_D_PAD_RIGHT = 59,
    WEFT_D_COUNTS = 60,    /* POOL average: offset in weights: s32 {count, mult, shift} each */
    WEFT_D_COUNT_ROWS = 61 /* how many; every count that occurs has one, except 0, which gives
                              clamp(y_zero) */
};

/* MATMUL: y[n][h][p][o] = the sum over i of (x[n][h][p][i] - x_zero) * (b[n][h / share][i][o] -
 * b_zero), requantised to c, through the table, through the softmax of its rows [o], each where its
 * flag is set. A window of 1 x 1: height 1, as many columns as rows of the matrix, IN_CHANNELS i,
 * OUT_CHANNELS o, strides and dilations of 1, no pads. With SOFTMAX a tile has all channels. */
enum {
    WEFT_D_B_SHARE = 7,   /* so many heads of x read one of b */
    WEFT_D_B_DEPTH = 8,   /* step from i to i + 1 in b; this one or the next is 1 */
    WEFT_D_B_COLUMN = 9,  /* from o to o + 1 */
    WEFT_D_SUM_MULT = 10, /* c = clamp(requant(sum) + c_zero) */
    WEFT_D_SUM_SHIFT = 11,
    WEFT_D_HEADS = 57, /* h; steps from head to head: */
    WEFT_D_X_HEAD = 58,
    WEFT_D_Y_HEAD = 59,
    WEFT_D_B_HEAD = 60 /* of b; from image to image B_IMAGE */
    /* PAD and B_ZERO: zero points of x and b in the domain of s8 (minus 128 where they are u8). */
};

/* ADD, MUL, TABLE, MOVE, FILL, SOFTMAX, LAYER_NORM: streams. Up to six dimensions, the last one
 * innermost, unused ones of size 1 in front; y[i] from a[i], b[i], residual[i], each with its own
 * steps (0 broadcasts, negative runs backwards from the offset). Bytes of wider elements are an
 * innermost dimension of MOVE. */
enum {
    WEFT_D_R = 7,             /* offset in arena: residual of MUL */
    WEFT_D_SIZES = 13,        /* 6 words */
    WEFT_D_A_STEPS = 19,      /* 6 words: of x */
    WEFT_D_B_STEPS = 25,      /* 6 words: of b */
    WEFT_D_Y_STEPS = 31,      /* 6 words */
    WEFT_D_R_STEPS = 48,      /* 6 words: of the residual */
    WEFT_D_PRODUCT_MULT = 54, /* MUL: c = clamp(requant((a - a_zero) * (b - b_zero)) + c_zero) */
    WEFT_D_PRODUCT_SHIFT = 55,
    WEFT_D_R_ZERO = 56,
    WEFT_D_FILL = 57 /* FILL: the byte, 0..255 */
};

/* SOFTMAX, LAYER_NORM, and MATMUL with SOFTMAX: what rows are put through; y = clamp(.. + y_zero).
 * Rows of x are its innermost dimension, at most `line` elements of it. LAYER_NORM: scale (gamma)
 * in MULT, bias (beta) in BIAS: offsets in weights, s32 per element of a row. */
enum {
    WEFT_D_EXPS = 48,     /* SOFTMAX: offset in weights: u32 [256], the first one 2^24 */
    WEFT_D_ROW_MULT = 49, /* SOFTMAX: 1 / y_scale */
    WEFT_D_ROW_SHIFT = 50,
    WEFT_D_BETA_SHIFT = 51,  /* LAYER_NORM */
    WEFT_D_EPSILON_LOW = 52, /* LAYER_NORM: E, 64 bits */
    WEFT_D_EPSILON_HIGH = 53
};

#endif

/* ---- the memories: words of WEFT_PORT bytes, little endian; addresses are byte offsets ---- */

#define WEFT_PARTS (WEFT_PORT / 8)

/* What a port moves per cycle. */
struct weft_word {
    weft_u64 part[WEFT_PARTS];
};

/* On the card bytes lie in groups of 8. A word that is moved to where its bytes belong touches one
 * group more than it has. */
struct groups {
    weft_u64 part[WEFT_PARTS + 1];
};

static weft_s32 least(const weft_s32 a, const weft_s32 b)
{
    return a < b ? a : b;
}

static weft_s32 blocks_of(const weft_s32 count, const weft_s32 block)
{
    return (count + block - 1) / block;
}

static weft_u8 byte_of_group(const weft_u64 group, const weft_s32 index)
{
    return (weft_u8)(group >> (8 * index));
}

/* Ones in the first `count` bytes of eight; count may be anything. */
static weft_u64 first_bytes(const weft_s32 count)
{
    return count <= 0 ? 0 : count >= 8 ? ~(weft_u64)0 : ((weft_u64)1 << (8 * count)) - 1;
}

/* Eight times the same byte. */
static weft_u64 repeat_byte(const weft_u8 byte)
{
    return (weft_u64)byte * 0x0101010101010101u;
}

/* Bytes [from, from + count) of a word, so that they begin at byte `to` of the first group, to < 8;
 * in front of them the bytes of `held`, behind them zeros. A shifter of powers of two. */
static struct groups place_bytes(const struct weft_word word, const weft_s32 from,
                                 const weft_s32 to, const weft_s32 count, const weft_u64 held)
{
    weft_u64 parts[WEFT_PARTS + 2];
    #pragma HLS ARRAY_PARTITION variable=parts complete dim=1
    struct groups groups;
    const weft_s32 right = from + 8 - to;
    const weft_s32 bits = right % 8 * 8;
    parts[0] = 0;
    parts[WEFT_PARTS + 1] = 0;
    for (weft_s32 i = 0; i < WEFT_PARTS; i++) {
        #pragma HLS UNROLL factor=1
        parts[i + 1] = word.part[i];
    }
    for (weft_s32 stage = 8; stage > 0; stage /= 2) {
        #pragma HLS UNROLL factor=4
        if ((right / 8 & stage) != 0) {
            for (weft_s32 i = 0; i < WEFT_PARTS + 2; i++) {
                #pragma HLS UNROLL factor=1
                parts[i] = i + stage < WEFT_PARTS + 2 ? parts[i + stage] : 0;
            }
        }
    }
    for (weft_s32 i = 0; i < WEFT_PARTS + 1; i++) {
        #pragma HLS UNROLL factor=1
        const weft_u64 moved =
            bits == 0 ? parts[i] : parts[i] >> bits | parts[i + 1] << (64 - bits);
        const weft_u64 kept = i == 0 ? first_bytes(to) : 0;
        groups.part[i] = (moved & first_bytes(to + count - 8 * i) & ~kept) | (held & kept);
    }
    return groups;
}

/* The way back: the word whose bytes from `to` on are those from byte `from` of the first group
 * on, from < 8. The other bytes mean nothing. */
static struct weft_word gather_bytes(const struct groups groups, const weft_s32 from,
                                     const weft_s32 to)
{
    weft_u64 parts[WEFT_PARTS + 1];
    #pragma HLS ARRAY_PARTITION variable=parts complete dim=1
    struct weft_word word;
    const weft_s32 left = to + 8 - from;
    const weft_s32 bits = left % 8 * 8;
    for (weft_s32 i = 0; i < WEFT_PARTS + 1; i++) {
        #pragma HLS UNROLL factor=1
        parts[i] = groups.part[i];
    }
    for (weft_s32 stage = 8; stage > 0; stage /= 2) {
        #pragma HLS UNROLL factor=4
        if ((left / 8 & stage) != 0) {
            for (weft_s32 i = WEFT_PARTS; i >= 0; i--) {
                #pragma HLS UNROLL factor=1
                parts[i] = i >= stage ? parts[i - stage] : 0;
            }
        }
    }
    for (weft_s32 i = 0; i < WEFT_PARTS; i++) {
        #pragma HLS UNROLL factor=1
        word.part[i] = bits == 0 ? parts[i + 1] : parts[i + 1] << bits | parts[i] >> (64 - bits);
    }
    return word;
}

/* ---- lines: groups in WEFT_BANKS memories, one after the other ---- */

/* Arrays of two and three dimensions are passed without const, because C99 does not convert to
 * them; a function's comment says what it writes. Functions of lines stand in their caller, so that
 * the number of rows is the caller's. */
#define WEFT_ANY 1

/* Writes groups [first, first + count) of a line, count <= WEFT_PARTS + 1. */
static void put_groups(weft_u64 line[WEFT_ANY][WEFT_BANKS], const weft_s32 first,
                       const weft_s32 count, const struct groups groups)
{
#pragma HLS INLINE
    for (weft_s32 bank = 0; bank < WEFT_BANKS; bank++) {
        #pragma HLS UNROLL factor=4
        const weft_s32 index = (bank + WEFT_BANKS - first % WEFT_BANKS) % WEFT_BANKS;
        if (index < count) {
            line[(first + index) / WEFT_BANKS][bank] = groups.part[index];
        }
    }
}

/* Reads groups [first, first + count) of a line; zeros behind them. */
static struct groups get_groups(weft_u64 line[WEFT_ANY][WEFT_BANKS], const weft_s32 first,
                                const weft_s32 count)
{
#pragma HLS INLINE
    struct groups groups = {{0}};
    for (weft_s32 bank = 0; bank < WEFT_BANKS; bank++) {
        #pragma HLS UNROLL factor=4
        const weft_s32 index = (bank + WEFT_BANKS - first % WEFT_BANKS) % WEFT_BANKS;
        if (index < count) {
            groups.part[index] = line[(first + index) / WEFT_BANKS][bank];
        }
    }
    return groups;
}

/* One element of a line: byte, or s32. */
static weft_u8 line_byte(weft_u64 line[WEFT_ANY][WEFT_BANKS], const weft_s32 index)
{
#pragma HLS INLINE
    return byte_of_group(line[index / 8 / WEFT_BANKS][index / 8 % WEFT_BANKS], index % 8);
}

static weft_s32 line_s32(weft_u64 line[WEFT_ANY][WEFT_BANKS], const weft_s32 index)
{
#pragma HLS INLINE
    const weft_u64 group = line[index / 2 / WEFT_BANKS][index / 2 % WEFT_BANKS];
    return (weft_s32)(weft_u32)(group >> (32 * (index % 2)));
}

/* ---- what a descriptor says, as structures that are passed by value ---- */

/* Names are those of the words. */
struct job {
    weft_s32 kind, flags;
    weft_s32 x, y, b, r, mean, weights, bias, mult, shift, table, counts;
    /* CONV, GROUPED, POOL. */
    weft_s32 batch, in_height, in_width, in_channels, out_height, out_width, pixels, out_channels;
    weft_s32 kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x;
    weft_s32 pad_top, pad_left, pad_bottom, pad_right;
    weft_s32 x_image, x_row, x_pixel, x_channel, y_image, y_pixel, b_image, b_pixel, pad;
    weft_s32 mean_mult, mean_shift, mean_zero, mean_min, mean_max, mean_base;
    weft_s32 tile_pixels, tile_channels, tile_depth, count_rows;
    weft_s32 group_inputs, group_outputs; /* channels of one group */
    weft_s32 depth;     /* elements of a filter; POOL: taps */
    weft_s32 is_merged; /* CONV: a row of the window is one stretch of memory */
    weft_s32 taps;      /* stretches in a row of the window */
    weft_s32 length;    /* how much of the depth a stretch is */
    weft_s32 pieces, pixel_tiles;
    /* MATMUL: matrices one after the other. */
    weft_s32 heads, x_head, y_head, b_head, b_share, b_depth, b_column;
    weft_s32 matrices;    /* else 1 */
    weft_s32 matrix_runs; /* of one */
    /* Bytes of x: first tap of the first window; from window to window, tap to tap, group to group;
     * a row of x, its place under a window of CONV and from window to window. */
    weft_u32 first_at, stride_y_bytes, stride_x_bytes, dilation_y_bytes, dilation_x_bytes;
    weft_u32 group_bytes;
    weft_s32 row_bytes, first_column, stride_column;
    /* ADD, MUL, TABLE, MOVE, FILL. */
    weft_s32 sizes[WEFT_D_DIMS];
    weft_s32 a_steps[WEFT_D_DIMS], b_steps[WEFT_D_DIMS], r_steps[WEFT_D_DIMS];
    weft_s32 y_steps[WEFT_D_DIMS];
    weft_s32 rows;                  /* innermost ones */
    weft_s32 y_ascends;             /* y is written from low addresses to high ones */
    weft_s32 piece_rows, row_parts; /* so many rows are a piece, or so many pieces a row */
    weft_s32 pitch;                 /* SOFTMAX, LAYER_NORM: of rows on the card; else 0 */
    weft_s32 product_mult, product_shift, r_zero, fill;
    /* What rows are put through. */
    weft_s32 is_softmax, is_layer_norm, exps, row_mult, row_shift, beta_shift;
    weft_s64 epsilon;
    /* Any. */
    weft_s32 c_zero, c_min, c_max, a_zero, a_mult, b_zero, b_mult, add_shift, y_zero, y_min, y_max;
    weft_s32 runs;
};

static weft_s32 is_window(const struct job job)
{
    return job.kind == WEFT_KIND_CONV || job.kind == WEFT_KIND_GROUPED ||
           job.kind == WEFT_KIND_POOL || job.kind == WEFT_KIND_MATMUL;
}

static weft_s32 has(const struct job job, const weft_s32 flag)
{
    return (job.flags & flag) != 0;
}

static struct job read_window(const struct job read, const weft_s32 d[WEFT_D_WORDS])
{
#pragma HLS INLINE
    struct job job = read;
    if (job.kind == WEFT_KIND_POOL) {
        job.flags &= WEFT_FLAG_X_SIGNED | WEFT_FLAG_AVERAGE | WEFT_FLAG_COUNT_PADS;
    }
    job.mean = d[WEFT_D_MEAN];
    job.weights = d[WEFT_D_WEIGHTS];
    job.bias = d[WEFT_D_BIAS];
    job.mult = d[WEFT_D_MULT];
    job.shift = d[WEFT_D_SHIFT];
    job.batch = d[WEFT_D_BATCH];
    job.in_height = d[WEFT_D_IN_HEIGHT];
    job.in_width = d[WEFT_D_IN_WIDTH];
    job.in_channels = d[WEFT_D_IN_CHANNELS];
    job.out_height = d[WEFT_D_OUT_HEIGHT];
    job.out_width = d[WEFT_D_OUT_WIDTH];
    job.pixels = job.out_height * job.out_width;
    job.out_channels = d[WEFT_D_OUT_CHANNELS];
    job.kernel_height = d[WEFT_D_KERNEL_HEIGHT];
    job.kernel_width = d[WEFT_D_KERNEL_WIDTH];
    job.stride_y = d[WEFT_D_STRIDE_Y];
    job.stride_x = d[WEFT_D_STRIDE_X];
    job.dilation_y = d[WEFT_D_DILATION_Y];
    job.dilation_x = d[WEFT_D_DILATION_X];
    job.pad_top = d[WEFT_D_PAD_TOP];
    job.pad_left = d[WEFT_D_PAD_LEFT];
    job.pad_bottom = d[WEFT_D_PAD_BOTTOM];
    job.pad_right = d[WEFT_D_PAD_RIGHT];
    job.x_image = d[WEFT_D_X_IMAGE];
    job.x_row = d[WEFT_D_X_ROW];
    job.x_pixel = d[WEFT_D_X_PIXEL];
    job.x_channel = d[WEFT_D_X_CHANNEL];
    job.y_image = d[WEFT_D_Y_IMAGE];
    job.y_pixel = d[WEFT_D_Y_PIXEL];
    job.b_image = d[WEFT_D_B_IMAGE];
    job.b_pixel = d[WEFT_D_B_PIXEL];
    job.pad = d[WEFT_D_PAD];
    job.mean_mult = d[WEFT_D_MEAN_MULT];
    job.mean_shift = d[WEFT_D_MEAN_SHIFT];
    job.mean_zero = d[WEFT_D_MEAN_ZERO];
    job.mean_min = d[WEFT_D_MEAN_MIN];
    job.mean_max = d[WEFT_D_MEAN_MAX];
    job.mean_base = d[WEFT_D_MEAN_BASE];
    job.tile_pixels = d[WEFT_D_TILE_PIXELS];
    job.tile_channels = d[WEFT_D_TILE_CHANNELS];
    job.tile_depth = d[WEFT_D_TILE_DEPTH];
    job.counts = d[WEFT_D_COUNTS];
    job.count_rows = job.kind == WEFT_KIND_POOL ? d[WEFT_D_COUNT_ROWS] : 0;
    /* A pool is a convolution with as many groups as channels. */
    const weft_s32 groups = job.kind == WEFT_KIND_POOL      ? job.out_channels
                            : job.kind == WEFT_KIND_GROUPED ? d[WEFT_D_GROUPS]
                                                            : 1;
    job.group_inputs = job.in_channels / groups;
    job.group_outputs = job.out_channels / groups;
    job.depth = job.kernel_height * job.kernel_width * job.group_inputs;
    job.is_merged = job.kind == WEFT_KIND_CONV && job.x_channel == 1 &&
                    job.x_pixel == job.in_channels && job.dilation_x == 1;
    job.taps = job.is_merged ? 1 : job.kernel_width;
    job.length = job.is_merged ? job.kernel_width * job.in_channels : job.group_inputs;
    job.pieces = blocks_of(job.depth, job.tile_depth);
    job.matrices = 1;
    if (job.kind == WEFT_KIND_MATMUL) {
        job.flags &= ~(WEFT_FLAG_MEAN | WEFT_FLAG_RESIDUAL);
        job.heads = d[WEFT_D_HEADS];
        job.x_head = d[WEFT_D_X_HEAD];
        job.y_head = d[WEFT_D_Y_HEAD];
        job.b_head = d[WEFT_D_B_HEAD];
        job.b_share = d[WEFT_D_B_SHARE];
        job.b_depth = d[WEFT_D_B_DEPTH];
        job.b_column = d[WEFT_D_B_COLUMN];
        job.product_mult = d[WEFT_D_SUM_MULT];
        job.product_shift = d[WEFT_D_SUM_SHIFT];
        job.matrices = job.batch * job.heads;
        job.batch = 1;
    }
    job.pixel_tiles = blocks_of(job.batch * job.pixels, job.tile_pixels);
    job.matrix_runs =
        blocks_of(job.out_channels, job.tile_channels) * job.pixel_tiles * job.pieces;
    job.runs = job.matrices * job.matrix_runs;
    job.first_at = (weft_u32)job.x - (weft_u32)job.pad_top * (weft_u32)job.x_row -
                   (weft_u32)job.pad_left * (weft_u32)job.x_pixel;
    job.stride_y_bytes = (weft_u32)job.stride_y * (weft_u32)job.x_row;
    job.stride_x_bytes = (weft_u32)job.stride_x * (weft_u32)job.x_pixel;
    job.dilation_y_bytes = (weft_u32)job.dilation_y * (weft_u32)job.x_row;
    job.dilation_x_bytes = (weft_u32)job.dilation_x * (weft_u32)job.x_pixel;
    job.group_bytes = (weft_u32)job.group_inputs * (weft_u32)job.x_channel;
    job.row_bytes = job.in_width * job.in_channels;
    job.first_column = -job.pad_left * job.in_channels;
    job.stride_column = job.stride_x * job.in_channels;
    return job;
}

static struct job read_stream(const struct job read, const weft_s32 d[WEFT_D_WORDS])
{
#pragma HLS INLINE
    struct job job = read;
    job.r = d[WEFT_D_R];
    job.rows = 1;
    for (weft_s32 i = 0; i < WEFT_D_DIMS; i++) {
        #pragma HLS UNROLL factor=6
        job.sizes[i] = d[WEFT_D_SIZES + i];
        job.a_steps[i] = d[WEFT_D_A_STEPS + i];
        job.b_steps[i] = d[WEFT_D_B_STEPS + i];
        job.r_steps[i] = d[WEFT_D_R_STEPS + i];
        job.y_steps[i] = d[WEFT_D_Y_STEPS + i];
        job.rows *= i < WEFT_D_DIMS - 1 ? job.sizes[i] : 1;
    }
    job.y_ascends = job.y_steps[WEFT_D_DIMS - 1] == 1 || job.sizes[WEFT_D_DIMS - 1] == 1;
    weft_s32 reach = job.sizes[WEFT_D_DIMS - 1]; /* from a row's first byte to behind its last */
    for (weft_s32 i = WEFT_D_DIMS - 2; i >= 0; i--) {
        #pragma HLS UNROLL factor=6
        if (job.sizes[i] > 1) {
            job.y_ascends = job.y_ascends && job.y_steps[i] >= reach;
            reach += job.y_ascends ? (job.sizes[i] - 1) * job.y_steps[i] : 0;
        }
    }
    job.product_mult = d[WEFT_D_PRODUCT_MULT];
    job.product_shift = d[WEFT_D_PRODUCT_SHIFT];
    job.r_zero = d[WEFT_D_R_ZERO];
    job.fill = d[WEFT_D_FILL];
    const weft_s32 length = job.sizes[WEFT_D_DIMS - 1];
    job.piece_rows = length > WEFT_PIECE ? 1 : WEFT_PIECE / length;
    job.row_parts = blocks_of(length, WEFT_PIECE);
    if (job.kind == WEFT_KIND_SOFTMAX || job.kind == WEFT_KIND_LAYER_NORM) {
        job.pitch = blocks_of(length, WEFT_LANES) * WEFT_LANES;
        job.piece_rows = WEFT_LINE / job.pitch;
        job.weights = 0;
        job.bias = d[WEFT_D_BIAS];
        job.mult = d[WEFT_D_MULT];
    }
    job.runs = length > WEFT_PIECE ? job.rows * job.row_parts
                                   : blocks_of(job.rows, job.piece_rows);
    return job;
}

/* All products of sizes are made here and in run_at, once per descriptor and per run, by one
 * multiplier each; the loops that move data only add. */
static struct job read_job(const weft_s32 d[WEFT_D_WORDS])
{
#pragma HLS INLINE off
#pragma HLS ALLOCATION operation instances=mul limit=1
    struct job job = {0};
    job.kind = d[WEFT_D_KIND];
    job.flags = d[WEFT_D_FLAGS];
    job.x = d[WEFT_D_X];
    job.y = d[WEFT_D_Y];
    job.b = d[WEFT_D_B];
    job.table = d[WEFT_D_TABLE];
    job.c_zero = d[WEFT_D_C_ZERO];
    job.c_min = d[WEFT_D_C_MIN];
    job.c_max = d[WEFT_D_C_MAX];
    job.a_zero = d[WEFT_D_A_ZERO];
    job.a_mult = d[WEFT_D_A_MULT];
    job.b_zero = d[WEFT_D_B_ZERO];
    job.b_mult = d[WEFT_D_B_MULT];
    job.add_shift = d[WEFT_D_ADD_SHIFT];
    job.y_zero = d[WEFT_D_Y_ZERO];
    job.y_min = d[WEFT_D_Y_MIN];
    job.y_max = d[WEFT_D_Y_MAX];
    job.is_softmax = job.kind == WEFT_KIND_SOFTMAX ||
                     (job.kind == WEFT_KIND_MATMUL && has(job, WEFT_FLAG_SOFTMAX));
    job.is_layer_norm = job.kind == WEFT_KIND_LAYER_NORM;
    job.exps = d[WEFT_D_EXPS];
    job.row_mult = d[WEFT_D_ROW_MULT];
    job.row_shift = d[WEFT_D_ROW_SHIFT];
    job.beta_shift = d[WEFT_D_BETA_SHIFT];
    job.epsilon = (weft_s64)((weft_u64)(weft_u32)d[WEFT_D_EPSILON_LOW] |
                             (weft_u64)(weft_u32)d[WEFT_D_EPSILON_HIGH] << 32);
    return is_window(job) ? read_window(job, d) : read_stream(job, d);
}

/* ---- runs: what the processes do at the same time for different parts of a descriptor ---- */

/* A tile of pixels, which are numbered over the whole batch, by channels, and a piece of the depth;
 * or a piece of a stream. */
struct run {
    weft_s32 channel, channels, pixels;
    weft_s32 pixel, oy, ox; /* the first one, of its image */
    weft_s32 depth;
    weft_s32 tap_x, skipped;     /* where that begins in the window; skipped of a stretch */
    weft_s32 is_first, is_last;  /* piece of the depth */
    weft_s32 elements;           /* of a stream, with what fills up its rows */
    weft_s32 sum_cycles, cycles; /* of the sums, and of finishing */
    weft_s32 lane_blocks, column_blocks;
    /* The window of the first pixel: its place in x and in a row of x, the addresses of its first
     * tap, of that in its row and in its image; how far from there the piece of the depth begins. */
    weft_s32 iy, ix, column;
    weft_u32 at, row_at, image_at;
    weft_s32 tap_iy, tap_ix;
    weft_u32 tap_row_at, tap_at, skip_at;
    weft_s32 within_group; /* channels before the first one that are of its group */
    weft_u32 groups_at;
    weft_u32 filter_at, factors_at; /* where filters, operand b and the values in memory begin */
    weft_u32 y_at, y_image_at, b_at, b_image_at, mean_at;
    weft_s32 bytes, image_bytes, image_left; /* values of the tile, of an image, from here on */
    weft_s32 ended_images, means;            /* where means are taken */
};

static struct run run_at(const struct job job, const weft_s32 index)
{
#pragma HLS INLINE off
#pragma HLS ALLOCATION operation instances=mul limit=1
    struct run run = {0};
    const weft_s32 is_matrix = job.kind == WEFT_KIND_CONV || job.kind == WEFT_KIND_MATMUL;
    weft_s32 sum_depth = 1;
    if (is_window(job)) {
        weft_u32 x_offset = 0; /* of a matrix */
        weft_u32 y_offset = 0;
        weft_u32 b_offset = 0;
        const weft_s32 piece = index % job.pieces;
        const weft_s32 tile = index % job.matrix_runs / job.pieces;
        if (job.kind == WEFT_KIND_MATMUL) {
            const weft_s32 matrix = index / job.matrix_runs;
            const weft_u32 image_of = (weft_u32)(matrix / job.heads);
            const weft_s32 head = matrix % job.heads;
            x_offset = image_of * (weft_u32)job.x_image + (weft_u32)head * (weft_u32)job.x_head;
            y_offset = image_of * (weft_u32)job.y_image + (weft_u32)head * (weft_u32)job.y_head;
            b_offset = image_of * (weft_u32)job.b_image +
                       (weft_u32)(head / job.b_share) * (weft_u32)job.b_head;
        }
        const weft_s32 pixel = tile % job.pixel_tiles * job.tile_pixels;
        const weft_u32 image = (weft_u32)(pixel / job.pixels);
        run.channel = tile / job.pixel_tiles * job.tile_channels;
        run.channels = least(job.tile_channels, job.out_channels - run.channel);
        run.pixels = least(job.tile_pixels, job.batch * job.pixels - pixel);
        run.pixel = pixel % job.pixels;
        run.oy = run.pixel / job.out_width;
        run.ox = run.pixel % job.out_width;
        const weft_s32 depth_begin = piece * job.tile_depth;
        const weft_s32 tap_y = depth_begin / job.length / job.taps;
        run.depth = least(job.tile_depth, job.depth - depth_begin);
        run.skipped = depth_begin % job.length;
        run.tap_x = depth_begin / job.length % job.taps;
        run.is_first = piece == 0;
        run.is_last = piece == job.pieces - 1;
        run.iy = run.oy * job.stride_y - job.pad_top;
        run.ix = run.ox * job.stride_x - job.pad_left;
        run.column = job.first_column + run.ox * job.stride_column;
        run.image_at = job.first_at + x_offset + image * (weft_u32)job.x_image;
        run.row_at = run.image_at + (weft_u32)run.oy * job.stride_y_bytes;
        run.at = run.row_at + (weft_u32)run.ox * job.stride_x_bytes;
        run.tap_iy = tap_y * job.dilation_y;
        run.tap_ix = run.tap_x * job.dilation_x;
        run.tap_row_at = (weft_u32)tap_y * job.dilation_y_bytes;
        run.tap_at = (weft_u32)run.tap_x * job.dilation_x_bytes;
        run.skip_at = (weft_u32)run.skipped * (weft_u32)job.x_channel;
        run.within_group = run.channel % job.group_outputs;
        run.groups_at = (weft_u32)(run.channel / job.group_outputs) * job.group_bytes;
        run.filter_at = (weft_u32)job.weights + (weft_u32)run.channel * (weft_u32)job.depth +
                        (weft_u32)depth_begin;
        run.y_image_at = (weft_u32)job.y + y_offset + (weft_u32)run.channel +
                         image * (weft_u32)job.y_image;
        run.y_at = run.y_image_at + (weft_u32)run.pixel * (weft_u32)job.y_pixel;
        run.b_image_at = (weft_u32)job.b + (weft_u32)run.channel + image * (weft_u32)job.b_image;
        run.b_at = run.b_image_at + (weft_u32)run.pixel * (weft_u32)job.b_pixel;
        run.mean_at =
            (weft_u32)job.mean + (weft_u32)run.channel + image * (weft_u32)job.out_channels;
        run.factors_at = (weft_u32)job.b + b_offset +
                         (weft_u32)run.channel * (weft_u32)job.b_column +
                         (weft_u32)depth_begin * (weft_u32)job.b_depth;
        run.bytes = run.pixels * run.channels;
        run.image_bytes = job.pixels * run.channels;
        run.image_left = (job.pixels - run.pixel) * run.channels;
        if (run.is_last && has(job, WEFT_FLAG_MEAN)) {
            run.ended_images = (run.pixel + run.pixels) / job.pixels;
        }
        sum_depth = is_matrix ? blocks_of(run.depth, WEFT_SIMD) : run.depth;
    } else {
        const weft_s32 length = job.sizes[WEFT_D_DIMS - 1];
        const weft_s32 done = index % job.row_parts * WEFT_PIECE;
        const weft_s32 pitch = job.pitch > 0 ? job.pitch : length;
        run.elements = job.row_parts > 1
                           ? least(WEFT_PIECE, length - done)
                           : pitch * least(job.piece_rows, job.rows - index * job.piece_rows);
        run.channels = WEFT_COLS; /* elements stand in the array's rows */
        run.is_first = 1;
        run.is_last = 1;
    }
    run.lane_blocks = blocks_of(run.channels, WEFT_LANES);
    run.column_blocks = blocks_of(run.channels, WEFT_COLS);
    run.cycles = is_window(job) ? run.pixels * run.lane_blocks
                                : blocks_of(run.elements, WEFT_LANES);
    const weft_s32 blocks =
        is_matrix ? blocks_of(run.pixels, WEFT_ROWS) * run.column_blocks : run.cycles;
    run.sum_cycles = job.kind == WEFT_KIND_FILL ? 0 : blocks * sum_depth;
    run.means = run.ended_images * run.lane_blocks * WEFT_LANES;
    return run;
}

/* ---- port `source`: patches of the array, windows of the vector unit, rows of a stream. A word of
 * memory per cycle; what the loops carry from cycle to cycle are sums. ---- */

#define WEFT_X_WORDS (WEFT_X_BYTES / (WEFT_ROWS * WEFT_SIMD))

/* A window's place in the image and in a row of it; addresses of its first tap, of the first one in
 * the row of pixels and in the image. They are only used where the tap exists. */
struct place {
    weft_s32 oy, ox, iy, ix, column;
    weft_u32 at, row_at, image_at;
};

static struct place first_place(const struct run run)
{
    struct place place;
    place.oy = run.oy;
    place.ox = run.ox;
    place.iy = run.iy;
    place.ix = run.ix;
    place.column = run.column;
    place.image_at = run.image_at;
    place.row_at = run.row_at;
    place.at = run.at;
    return place;
}

static struct place next_place(const struct job job, const struct place before)
{
    struct place place = before;
    place.ox++;
    place.ix += job.stride_x;
    place.column += job.stride_column;
    place.at += job.stride_x_bytes;
    if (place.ox == job.out_width) {
        place.ox = 0;
        place.ix = -job.pad_left;
        place.column = job.first_column;
        place.oy++;
        place.iy += job.stride_y;
        place.row_at += job.stride_y_bytes;
        if (place.oy == job.out_height) {
            place.oy = 0;
            place.iy = -job.pad_top;
            place.image_at += (weft_u32)job.x_image;
            place.row_at = place.image_at;
        }
        place.at = place.row_at;
    }
    return place;
}

/* One tap of a window, or one row of it where rows are stretches. */
struct tap {
    weft_s32 x, iy, ix;
    weft_u32 at, row_at;
};

static struct tap first_tap(const struct run run, const struct place place)
{
    struct tap tap;
    tap.x = run.tap_x;
    tap.iy = place.iy + run.tap_iy;
    tap.ix = place.ix + run.tap_ix;
    tap.row_at = place.at + run.tap_row_at;
    tap.at = tap.row_at + run.tap_at;
    return tap;
}

static struct tap next_tap(const struct job job, const struct place place,
                           const struct tap before)
{
    struct tap tap = before;
    tap.x++;
    tap.ix += job.dilation_x;
    tap.at += job.dilation_x_bytes;
    if (tap.x == job.taps) {
        tap.x = 0;
        tap.ix = place.ix;
        tap.iy += job.dilation_y;
        tap.row_at += job.dilation_y_bytes;
        tap.at = tap.row_at;
    }
    return tap;
}

/* Whether there is memory behind a tap; of a whole row: behind some of it, maybe. */
static weft_s32 tap_exists(const struct job job, const struct tap tap)
{
    return tap.iy >= 0 && tap.iy < job.in_height &&
           (job.is_merged || (tap.ix >= 0 && tap.ix < job.in_width));
}

/* Bytes [begin, end) of memory's word, `pad` around them; nothing is read when there are none. */
static struct weft_word read_padded(const struct weft_word *source, const weft_u32 index,
                                    const weft_s32 begin, const weft_s32 end, const weft_u64 flip,
                                    const weft_u64 pad)
{
    struct weft_word word = {{0}};
    if (begin < end) {
        word = source[index];
    }
    for (weft_s32 i = 0; i < WEFT_PARTS; i++) {
        #pragma HLS UNROLL factor=1
        const weft_u64 real = first_bytes(end - 8 * i) & ~first_bytes(begin - 8 * i);
        word.part[i] = ((word.part[i] ^ flip) & real) | (pad & ~real);
    }
    return word;
}

/* Patches of a tile, row by row of the tile: im2col by address. Beyond the image it reads as the
 * zero point. Group g of row r lies in memory (r + g) modulo WEFT_X_BANKS, so that neighbouring
 * groups of one row are written at the same time, and so is one group of all rows read. What
 * lies behind the rows of the tile is never used. */
static void load_patches(const struct weft_word *source, const struct job job,
                         const struct run run,
                         weft_s8 x_words[WEFT_X_WORDS][WEFT_X_BANKS][WEFT_SIMD])
{
    const weft_u64 flip = repeat_byte(has(job, WEFT_FLAG_X_SIGNED) ? 0 : 128);
    const weft_u64 pad = repeat_byte(weft_byte_of(job.pad));
    const weft_s32 words = blocks_of(run.depth, WEFT_SIMD);
    struct place place = first_place(run);
    struct tap tap = first_tap(run, place);
    weft_s32 skip = run.skipped; /* of the stretch */
    weft_u32 at = tap.at + run.skip_at;
    weft_s32 left = least(job.length - skip, run.depth);
    weft_s32 k = 0;
    weft_s32 row = 0;
    weft_s32 array_row = 0;
    weft_s32 base = 0;
    weft_u64 held = 0;
    while (row < run.pixels) {
        #pragma HLS LOOP_TRIPCOUNT min=1 max=16
        #pragma HLS PIPELINE II=1
        const weft_s32 exists = tap_exists(job, tap);
        const weft_s32 from = exists ? (weft_s32)(at % WEFT_PORT) : 0;
        const weft_s32 room = exists && job.x_channel != 1 ? 1 : WEFT_PORT - from;
        const weft_s32 count = least(room, left);
        /* Of a whole row: what lies in the image. */
        const weft_s32 column = job.is_merged ? place.column + skip : 0;
        const weft_s32 before = least(column < 0 ? -column : 0, count);
        const weft_s32 inside = job.is_merged ? least(job.row_bytes - column, count) : count;
        const struct weft_word word = read_padded(source, at / WEFT_PORT, from + before,
                                                  exists ? from + inside : 0, flip, pad);
        const struct groups groups = place_bytes(word, from, k % 8, count, held);
        const weft_s32 first = k / 8;
        const weft_s32 touched = blocks_of(k % 8 + count, 8);
        const weft_s32 first_bank = (array_row + first) % WEFT_X_BANKS;
        for (weft_s32 bank = 0; bank < WEFT_X_BANKS; bank++) {
            #pragma HLS UNROLL factor=2
            const weft_s32 index = bank - first_bank + (bank < first_bank ? WEFT_X_BANKS : 0);
            if (index < touched) {
                for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
                    #pragma HLS UNROLL factor=8
                    x_words[base + first + index][bank][s] =
                        (weft_s8)byte_of_group(groups.part[index], s);
                }
            }
        }
        held = groups.part[(k % 8 + count) / 8];
        k += count;
        skip += count;
        at += job.x_channel == 1 ? (weft_u32)count : (weft_u32)job.x_channel;
        left -= count;
        if (k == run.depth) {
            row++;
            array_row++;
            if (array_row == WEFT_ROWS) {
                array_row = 0;
                base += words;
            }
            k = 0;
            skip = run.skipped;
            left = least(job.length - skip, run.depth);
            place = next_place(job, place);
            tap = first_tap(run, place);
            at = tap.at + run.skip_at;
        } else if (left == 0) {
            skip = 0;
            left = least(job.length, run.depth - k);
            tap = next_tap(job, place, tap);
            at = tap.at;
        }
    }
}

/* Bytes under the windows of a tile, [pixel][depth][channel], channels filled up to whole lanes;
 * `pad` beyond the image. An output channel reads the channels of its group: a stretch where every
 * channel is a group and lies next to its neighbours, else one element per cycle. */
static void load_windows(const struct weft_word *source, const struct job job,
                         const struct run run, weft_u64 x_lanes[WEFT_LANE_ROWS][WEFT_BANKS])
{
    const weft_u64 pad = repeat_byte(weft_byte_of(job.pad));
    const weft_s32 pitch = run.lane_blocks * (WEFT_LANES / 8);
    const weft_s32 is_stretch =
        job.group_inputs == 1 && job.group_outputs == 1 && job.x_channel == 1;
    struct place place = first_place(run);
    struct tap tap = first_tap(run, place);
    weft_s32 input = run.skipped;
    weft_u32 input_at = run.skip_at;
    weft_s32 within = run.within_group;
    weft_u32 offset = run.groups_at;
    weft_s32 channel = 0;
    weft_s32 k = 0;
    weft_s32 row = 0;
    weft_s32 base = 0;
    weft_u64 held = 0;
    while (row < run.pixels) {
        #pragma HLS LOOP_TRIPCOUNT min=1 max=256
        #pragma HLS PIPELINE II=1
        const weft_s32 exists = tap_exists(job, tap);
        const weft_u32 at = tap.at + input_at + offset;
        const weft_s32 from = exists ? (weft_s32)(at % WEFT_PORT) : 0;
        const weft_s32 room = exists && !is_stretch ? 1 : WEFT_PORT - from;
        const weft_s32 count = least(room, run.channels - channel);
        const struct weft_word word = read_padded(source, at / WEFT_PORT, from,
                                                  exists ? from + count : 0, 0, pad);
        const struct groups groups = place_bytes(word, from, channel % 8, count, held);
        put_groups(x_lanes, base + channel / 8, blocks_of(channel % 8 + count, 8), groups);
        held = groups.part[(channel % 8 + count) / 8];
        channel += count;
        within++;
        if (is_stretch) {
            offset += (weft_u32)count;
        } else if (within == job.group_outputs) {
            within = 0;
            offset += job.group_bytes;
        }
        if (channel == run.channels) {
            channel = 0;
            within = run.within_group;
            offset = run.groups_at;
            base += pitch;
            k++;
            input++;
            input_at += (weft_u32)job.x_channel;
            if (k == run.depth) {
                k = 0;
                row++;
                input = run.skipped;
                input_at = run.skip_at;
                place = next_place(job, place);
                tap = first_tap(run, place);
            } else if (input == job.length) {
                input = 0;
                input_at = 0;
                tap = next_tap(job, place, tap);
            }
        }
    }
}

/* ---- rows of streams ---- */

/* How far an operand is: indices of the dimensions, then addresses at the start of the first five and
 * of the element that is next; whether a row is on the card, and where it begins in memory. All of it
 * is kept from piece to piece. */
#define WEFT_WALK_NEXT (2 * WEFT_D_DIMS - 1)
#define WEFT_WALK_ROW (2 * WEFT_D_DIMS - 2)
#define WEFT_WALK_HAS_ROW (2 * WEFT_D_DIMS)
#define WEFT_WALK_LAST_ROW (2 * WEFT_D_DIMS + 1)
#define WEFT_WALK_WORDS (2 * WEFT_D_DIMS + 2)

static void walk_begin(const weft_s32 offset, weft_u32 walk[WEFT_WALK_WORDS])
{
    for (weft_s32 i = 0; i < WEFT_D_DIMS; i++) {
        #pragma HLS UNROLL factor=6
        walk[i] = 0;
        walk[WEFT_D_DIMS + i] = (weft_u32)offset;
    }
    walk[WEFT_WALK_HAS_ROW] = 0;
    walk[WEFT_WALK_LAST_ROW] = 0;
}

/* The element that is next. */
static weft_u32 walk_address(const weft_u32 walk[WEFT_WALK_WORDS])
{
    return walk[WEFT_WALK_NEXT];
}

/* Passes `count` elements of a row: one, or several whose step is 0 or 1. */
static void walk_on(const weft_s32 sizes[WEFT_D_DIMS], const weft_s32 steps[WEFT_D_DIMS],
                    const weft_s32 count, weft_u32 walk[WEFT_WALK_WORDS])
{
    const weft_s32 step = steps[WEFT_D_DIMS - 1];
    walk[WEFT_D_DIMS - 1] += (weft_u32)count;
    walk[WEFT_WALK_NEXT] += step == 1 ? (weft_u32)count : (weft_u32)step;
    const weft_s32 row_is_over = walk[WEFT_D_DIMS - 1] == (weft_u32)sizes[WEFT_D_DIMS - 1];
    weft_s32 is_over = row_is_over;
    if (is_over) {
        walk[WEFT_D_DIMS - 1] = 0;
    }
    weft_s32 first_over = WEFT_D_DIMS - 1; /* dimensions from here on begin anew */
    for (weft_s32 i = WEFT_D_DIMS - 2; i >= 0; i--) {
        #pragma HLS UNROLL factor=6
        if (is_over) {
            walk[i]++;
            walk[WEFT_D_DIMS + i] += (weft_u32)steps[i];
            is_over = walk[i] == (weft_u32)sizes[i];
            if (is_over) {
                walk[i] = 0;
                first_over = i;
            }
        }
    }
    for (weft_s32 i = 1; i < WEFT_D_DIMS - 1; i++) {
        #pragma HLS UNROLL factor=6
        if (i >= first_over) {
            walk[WEFT_D_DIMS + i] = walk[WEFT_D_DIMS + i - 1];
        }
    }
    if (row_is_over) {
        walk[WEFT_WALK_NEXT] = walk[WEFT_WALK_ROW];
    }
}

/* Where the elements on the card go on that are at k after walk_on: rows with a pitch are filled up
 * to whole lanes. */
static weft_s32 walk_behind(const weft_s32 pitch, const weft_s32 k,
                            const weft_u32 walk[WEFT_WALK_WORDS])
{
    return pitch > 0 && walk[WEFT_D_DIMS - 1] == 0 ? blocks_of(k, WEFT_LANES) * WEFT_LANES : k;
}

/* The next `elements` of an operand into a line: a word of memory per cycle in contiguous rows and
 * for one that is repeated, else an element. A row that is the one before it again (one gate for all
 * pixels of an image) is taken from `row`, which holds the words of a row that fits. */
static void load_rows(const struct weft_word *memory, const weft_s32 sizes[WEFT_D_DIMS],
                      const weft_s32 steps[WEFT_D_DIMS], const weft_s32 elements,
                      const weft_s32 pitch, weft_u32 walk[WEFT_WALK_WORDS],
                      struct weft_word row[WEFT_ROW_WORDS],
                      weft_u64 line[WEFT_ANY][WEFT_BANKS])
{
#pragma HLS INLINE
    const weft_s32 step = steps[WEFT_D_DIMS - 1];
    const weft_s32 length = sizes[WEFT_D_DIMS - 1];
    weft_s32 k = 0;
    weft_u64 held = 0;
    while (k < elements) {
        #pragma HLS LOOP_TRIPCOUNT min=1 max=16
        #pragma HLS PIPELINE II=1
        const weft_u32 at = walk_address(walk);
        const weft_u32 row_at = walk[WEFT_WALK_ROW];
        const weft_u32 index = at / WEFT_PORT - row_at / WEFT_PORT;
        const weft_s32 row_fits =
            step == 1 && (weft_s32)(row_at % WEFT_PORT) + length <= WEFT_ROW_WORDS * WEFT_PORT;
        const weft_s32 is_there =
            walk[WEFT_WALK_HAS_ROW] != 0 && walk[WEFT_WALK_LAST_ROW] == row_at;
        const weft_s32 rest = length - (weft_s32)walk[WEFT_D_DIMS - 1];
        const weft_s32 place = (weft_s32)(at % WEFT_PORT);
        const weft_s32 from = step == 0 ? 0 : place;
        const weft_s32 room = step == 0 || step == 1 ? WEFT_PORT - from : 1;
        const weft_s32 count = least(room, least(rest, elements - k));
        struct weft_word word;
        if (is_there) {
            word = row[index];
        } else {
            word = memory[at / WEFT_PORT];
        }
        if (row_fits) {
            row[index] = word;
        }
        if (count == rest) {
            walk[WEFT_WALK_HAS_ROW] = (weft_u32)row_fits;
            walk[WEFT_WALK_LAST_ROW] = row_at;
        }
        if (step == 0) {
            const weft_u8 byte = byte_of_group(word.part[place / 8], place % 8);
            for (weft_s32 i = 0; i < WEFT_PARTS; i++) {
                #pragma HLS UNROLL factor=1
                word.part[i] = repeat_byte(byte);
            }
        }
        const struct groups groups = place_bytes(word, from, k % 8, count, held);
        put_groups(line, k / 8, blocks_of(k % 8 + count, 8), groups);
        held = groups.part[(k % 8 + count) / 8];
        k += count;
        walk_on(sizes, steps, count, walk);
        k = walk_behind(pitch, k, walk);
    }
}

static void load_source(const struct weft_word *source, const struct job job,
                        const struct run run, weft_u32 walk[WEFT_WALK_WORDS],
                        struct weft_word row[WEFT_ROW_WORDS],
                        weft_s8 x_words[WEFT_X_WORDS][WEFT_X_BANKS][WEFT_SIMD],
                        weft_u64 x_lanes[WEFT_LANE_ROWS][WEFT_BANKS])
{
    if (job.kind == WEFT_KIND_CONV || job.kind == WEFT_KIND_MATMUL) {
        load_patches(source, job, run, x_words);
    } else if (is_window(job)) {
        load_windows(source, job, run, x_lanes);
    } else if (job.kind != WEFT_KIND_FILL) {
        load_rows(source, job.sizes, job.a_steps, run.elements, job.pitch, walk, row, x_lanes);
    }
}

/* ---- port `weights`: filters, vectors, tables ---- */

#define WEFT_W_WORDS (WEFT_W_BYTES / (WEFT_COLS * WEFT_SIMD))

/* An s32 whose offset is a multiple of 4. */
static weft_s32 read_s32(const struct weft_word *weights, const weft_s32 offset)
{
    const struct weft_word word = weights[(weft_u32)offset / WEFT_PORT];
    const weft_s32 place = offset % WEFT_PORT;
    return (weft_s32)(weft_u32)(word.part[place / 8] >> (8 * (place % 8)));
}

/* A copy for every lane. */
static void load_table(const struct weft_word *weights, const weft_s32 offset,
                       weft_u64 table[WEFT_LANES][32])
{
    for (weft_s32 i = 0; i < 32; i++) {
        #pragma HLS PIPELINE II=2
        const weft_u32 at = (weft_u32)offset + 8 * (weft_u32)i;
        const weft_s32 from = (weft_s32)(at % WEFT_PORT);
        const weft_s32 count = least(WEFT_PORT - from, 8);
        const struct groups begin = place_bytes(weights[at / WEFT_PORT], from, 0, count, 0);
        const struct groups end =
            place_bytes(weights[(at + 7) / WEFT_PORT], 0, count % 8, 8 - count, 0);
        for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
            #pragma HLS UNROLL factor=8
            table[lane][i] = begin.part[0] | end.part[0];
        }
    }
}

/* Filters of a tile, channel by channel, spread over memories as patches are; zeros in the last
 * group behind the depth. With the last piece of the depth the vectors of the tile's channels. */
static void load_weights(const struct weft_word *weights, const struct job job,
                         const struct run run,
                         weft_s8 w_words[WEFT_W_WORDS][WEFT_W_BANKS][WEFT_SIMD],
                         weft_u64 bias[WEFT_VECTOR_ROWS][WEFT_BANKS],
                         weft_u64 mult[WEFT_VECTOR_ROWS][WEFT_BANKS],
                         weft_u64 shift[WEFT_VECTOR_ROWS][WEFT_BANKS])
{
    const weft_s32 words = blocks_of(run.depth, WEFT_SIMD);
    const weft_s32 has_filters = job.kind == WEFT_KIND_CONV || job.kind == WEFT_KIND_GROUPED;
    const weft_s32 filters = has_filters ? run.channels : 0;
    /* Bias, multipliers, shifts; LAYER_NORM: beta, gamma. */
    const weft_s32 vectors = has_filters && run.is_last ? 3 : job.is_layer_norm ? 2 : 0;
    const weft_s32 vector_bytes =
        4 * (job.is_layer_norm ? job.sizes[WEFT_D_DIMS - 1] : run.channels);
    const weft_s32 stretches = filters + vectors;
    const weft_u32 vector_offset = 4 * (weft_u32)run.channel;
    weft_u32 filter_at = run.filter_at;
    weft_u32 at = filters > 0 ? filter_at : (weft_u32)job.bias;
    weft_s32 left = filters > 0 ? run.depth : vector_bytes;
    weft_s32 k = 0;
    weft_s32 stretch = 0;
    weft_s32 column = 0;
    weft_s32 base = 0;
    weft_u64 held = 0;
    while (stretch < stretches) {
        #pragma HLS LOOP_TRIPCOUNT min=0 max=8
        #pragma HLS PIPELINE II=1
        const weft_s32 from = (weft_s32)(at % WEFT_PORT);
        const weft_s32 count = least(WEFT_PORT - from, left);
        const struct groups groups =
            place_bytes(weights[at / WEFT_PORT], from, k % 8, count, held);
        const weft_s32 first = k / 8;
        const weft_s32 touched = blocks_of(k % 8 + count, 8);
        if (stretch < filters) {
            const weft_s32 first_bank = (column + first) % WEFT_W_BANKS;
            for (weft_s32 bank = 0; bank < WEFT_W_BANKS; bank++) {
                #pragma HLS UNROLL factor=8
                const weft_s32 index = bank - first_bank + (bank < first_bank ? WEFT_W_BANKS : 0);
                if (index < touched) {
                    for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
                        #pragma HLS UNROLL factor=8
                        w_words[base + first + index][bank][s] =
                            (weft_s8)byte_of_group(groups.part[index], s);
                    }
                }
            }
        } else if (stretch == filters) {
            put_groups(bias, first, touched, groups);
        } else if (stretch == filters + 1) {
            put_groups(mult, first, touched, groups);
        } else {
            put_groups(shift, first, touched, groups);
        }
        held = groups.part[(k % 8 + count) / 8];
        k += count;
        at += (weft_u32)count;
        left -= count;
        if (left == 0) {
            stretch++;
            column++;
            if (column == WEFT_COLS) {
                column = 0;
                base += words;
            }
            filter_at += (weft_u32)job.depth;
            k = 0;
            left = stretch < filters ? run.depth : vector_bytes;
            at = stretch < filters        ? filter_at
                 : stretch == filters     ? (weft_u32)job.bias + vector_offset
                 : stretch == filters + 1 ? (weft_u32)job.mult + vector_offset
                                          : (weft_u32)job.shift + vector_offset;
        }
    }
}

/* ---- products of two activations: operand b through port `second`, what zero points need ---- */

#define WEFT_B_WORDS (WEFT_B_BYTES / (WEFT_COLS * WEFT_SIMD))
#define WEFT_COL_GROUPS (WEFT_COLS / 8)

/* Operand b of a tile. Where its columns are stretches they lie as filters do (load_weights). Where
 * its rows are, nothing is transposed: group g of row i lies in memory (i % 8 * WEFT_COL_GROUPS + g)
 * modulo WEFT_W_BANKS, so that neighbouring groups of one row are written at the same time, and so
 * are all columns of a block in 8 rows read. */
static void load_factors(const struct weft_word *second, const struct job job,
                         const struct run run,
                         weft_s8 b_words[WEFT_B_WORDS][WEFT_W_BANKS][WEFT_SIMD])
{
    const weft_u64 flip = repeat_byte(has(job, WEFT_FLAG_B_SIGNED) ? 0 : 128);
    const weft_s32 words = blocks_of(run.depth, WEFT_SIMD);
    const weft_s32 is_rows = job.b_depth != 1;
    const weft_s32 stretches = is_rows ? run.depth : run.channels;
    const weft_s32 length = is_rows ? run.channels : run.depth;
    const weft_u32 step = (weft_u32)(is_rows ? job.b_depth : job.b_column);
    weft_u32 stretch_at = run.factors_at;
    weft_u32 at = stretch_at;
    weft_s32 left = length;
    weft_s32 k = 0;
    weft_s32 stretch = 0;
    weft_s32 inner = 0; /* of 8 rows, or of a block of columns */
    weft_s32 base = 0;
    weft_u64 held = 0;
    while (stretch < stretches) {
        #pragma HLS LOOP_TRIPCOUNT min=0 max=8
        #pragma HLS PIPELINE II=1
        const weft_s32 from = (weft_s32)(at % WEFT_PORT);
        const weft_s32 count = least(WEFT_PORT - from, left);
        struct weft_word word = second[at / WEFT_PORT];
        for (weft_s32 i = 0; i < WEFT_PARTS; i++) {
            #pragma HLS UNROLL factor=1
            word.part[i] ^= flip;
        }
        const struct groups groups = place_bytes(word, from, k % 8, count, held);
        const weft_s32 first = k / 8;
        const weft_s32 touched = blocks_of(k % 8 + count, 8);
        const weft_s32 first_bank =
            ((is_rows ? inner * WEFT_COL_GROUPS : inner) + first) % WEFT_W_BANKS;
        for (weft_s32 bank = 0; bank < WEFT_W_BANKS; bank++) {
            #pragma HLS UNROLL factor=8
            const weft_s32 index = bank - first_bank + (bank < first_bank ? WEFT_W_BANKS : 0);
            if (index < touched) {
                const weft_s32 group = first + index;
                const weft_s32 place =
                    base + (is_rows ? group / WEFT_COL_GROUPS * words : group);
                for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
                    #pragma HLS UNROLL factor=8
                    b_words[place][bank][s] = (weft_s8)byte_of_group(groups.part[index], s);
                }
            }
        }
        held = groups.part[(k % 8 + count) / 8];
        k += count;
        at += (weft_u32)count;
        left -= count;
        if (left == 0) {
            stretch++;
            inner++;
            if (inner == (is_rows ? 8 : WEFT_COLS)) {
                inner = 0;
                base += is_rows ? 1 : words;
            }
            stretch_at += step;
            at = stretch_at;
            k = 0;
            left = length;
        }
    }
}

/* Eight rows of a block of columns as the array takes them, from what turn_columns makes of them;
 * rows behind the depth are zeros. */
static void turn_over(weft_s8 w[WEFT_SIMD][WEFT_COLS], const weft_s32 rows,
                      weft_s8 turned[WEFT_SIMD][WEFT_COLS])
{
    for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
        #pragma HLS UNROLL factor=8
        for (weft_s32 column = 0; column < WEFT_COLS; column++) {
            #pragma HLS UNROLL factor=8
            const weft_s8 value = w[column % 8][s * WEFT_COL_GROUPS + column / 8];
            turned[s][column] = s < rows ? value : 0;
        }
    }
}

/* What zero points take from the sums of a tile: with a and b in the domain of s8,
 * (a - a_zero) * (b - b_zero) summed over the depth is
 * a * b - b_zero * (row's sum of a) - a_zero * (column's sum of b) + depth * a_zero * b_zero. */
static weft_u32 zero_points(const struct job job, const weft_s32 row_sum, const weft_s32 column_sum)
{
    return (weft_u32)job.depth * (weft_u32)job.pad * (weft_u32)job.b_zero -
           (weft_u32)job.b_zero * (weft_u32)row_sum - (weft_u32)job.pad * (weft_u32)column_sum;
}

/* Sums of what the array multiplies in one cycle. */
static void add_word(weft_s8 x[WEFT_ROWS][WEFT_SIMD], weft_s8 w[WEFT_SIMD][WEFT_COLS],
                     weft_s32 rows[WEFT_ROWS], weft_s32 columns[WEFT_COLS])
{
    for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
        #pragma HLS UNROLL factor=8
        for (weft_s32 row = 0; row < WEFT_ROWS; row++) {
            #pragma HLS UNROLL factor=2
            rows[row] = (weft_s32)((weft_u32)rows[row] + (weft_u32)x[row][s]);
        }
        for (weft_s32 column = 0; column < WEFT_COLS; column++) {
            #pragma HLS UNROLL factor=8
            columns[column] = (weft_s32)((weft_u32)columns[column] + (weft_u32)w[s][column]);
        }
    }
}

/* ---- sums of a tile: the matrix array, WEFT_ROWS pixels x WEFT_COLS channels x WEFT_SIMD of the
 * depth, and the vector unit, WEFT_LANES channels at a time ---- */

#define WEFT_BLOCKS (WEFT_SUMS / (WEFT_ROWS * WEFT_COLS))

#if WEFT_SIMD != 8 || WEFT_ROWS % 2 != 0 || WEFT_COLS % WEFT_LANES != 0 || WEFT_LANES % 8 != 0
#error "the array packs pairs of rows and takes groups of 8, and drains into lanes"
#endif

/* Two products with one multiplier: a DSP multiplies 27 bits by 18, so (a1 * 2^18 + a0) * w makes
 * a1 * w and a0 * w in one go, and WEFT_SIMD <= 8 of them are added up before they are taken
 * apart. Proof that they can be: each product of two s8 lies in [-128 * 127, 128 * 128], so eight
 * of them in [-130048, 131072] = [-(2^17 - 1024), 2^17], -128 as a weight included. Starting from
 * 2^17 - 1 the low sum lies in [1023, 2^18 - 1]: it never borrows from the high sum, which is
 * therefore exactly the packed sum shifted right by 18. */
#define WEFT_PACK_BITS 18
#define WEFT_PACK_START ((1 << (WEFT_PACK_BITS - 1)) - 1)

/* One cycle of the array: sums[row][column] += sum over simd of x[row][simd] * w[simd][column].
 * Sums wrap at 2^32, as registers do; the compiler proves that the last one fits. */
static void multiply_word(weft_s8 x[WEFT_ROWS][WEFT_SIMD], weft_s8 w[WEFT_SIMD][WEFT_COLS],
                          weft_u32 sums[WEFT_ROWS][WEFT_COLS])
{
#if WEFT_PACKED
    for (weft_s32 pair = 0; pair < WEFT_ROWS / 2; pair++) {
        #pragma HLS UNROLL factor=1
        weft_s64 packed[WEFT_COLS];
        for (weft_s32 column = 0; column < WEFT_COLS; column++) {
            #pragma HLS UNROLL factor=8
            packed[column] = WEFT_PACK_START;
        }
        for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
            #pragma HLS UNROLL factor=8
            const weft_s32 both = x[2 * pair + 1][s] * (1 << WEFT_PACK_BITS) + x[2 * pair][s];
            for (weft_s32 column = 0; column < WEFT_COLS; column++) {
                #pragma HLS UNROLL factor=8
                packed[column] += (weft_s64)both * w[s][column];
            }
        }
        for (weft_s32 column = 0; column < WEFT_COLS; column++) {
            #pragma HLS UNROLL factor=8
            const weft_u32 low = (weft_u32)packed[column] & ((1u << WEFT_PACK_BITS) - 1u);
            sums[2 * pair][column] += low - WEFT_PACK_START;
            sums[2 * pair + 1][column] += (weft_u32)(packed[column] >> WEFT_PACK_BITS);
        }
    }
#else
    for (weft_s32 row = 0; row < WEFT_ROWS; row++) {
        #pragma HLS UNROLL factor=2
        for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
            #pragma HLS UNROLL factor=8
            for (weft_s32 column = 0; column < WEFT_COLS; column++) {
                #pragma HLS UNROLL factor=8
                sums[row][column] += (weft_u32)((weft_s32)x[row][s] * w[s][column]);
            }
        }
    }
#endif
}

/* The groups of one place in the depth, of all rows: those of row r stand in line[(r + turn) modulo
 * WEFT_X_BANKS]. A shifter of powers of two; `line` is changed. */
static void turn_rows(weft_s8 line[WEFT_X_BANKS][WEFT_SIMD], const weft_s32 turn,
                      weft_s8 x[WEFT_ROWS][WEFT_SIMD])
{
    weft_s8 moved[WEFT_X_BANKS][WEFT_SIMD];
    #pragma HLS ARRAY_PARTITION variable=moved complete dim=1
    #pragma HLS ARRAY_PARTITION variable=moved complete dim=2
    for (weft_s32 stage = 1; stage < WEFT_X_BANKS; stage *= 2) {
        #pragma HLS UNROLL factor=8
        if ((turn & stage) != 0) {
            for (weft_s32 bank = 0; bank < WEFT_X_BANKS; bank++) {
                #pragma HLS UNROLL factor=2
                for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
                    #pragma HLS UNROLL factor=8
                    moved[bank][s] = line[(bank + stage) % WEFT_X_BANKS][s];
                }
            }
            for (weft_s32 bank = 0; bank < WEFT_X_BANKS; bank++) {
                #pragma HLS UNROLL factor=2
                for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
                    #pragma HLS UNROLL factor=8
                    line[bank][s] = moved[bank][s];
                }
            }
        }
    }
    for (weft_s32 row = 0; row < WEFT_ROWS; row++) {
        #pragma HLS UNROLL factor=2
        for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
            #pragma HLS UNROLL factor=8
            x[row][s] = line[row][s];
        }
    }
}

/* The same of all columns, [simd][column]. */
static void turn_columns(weft_s8 line[WEFT_W_BANKS][WEFT_SIMD], const weft_s32 turn,
                         weft_s8 w[WEFT_SIMD][WEFT_COLS])
{
    weft_s8 moved[WEFT_W_BANKS][WEFT_SIMD];
    #pragma HLS ARRAY_PARTITION variable=moved complete dim=1
    #pragma HLS ARRAY_PARTITION variable=moved complete dim=2
    for (weft_s32 stage = 1; stage < WEFT_W_BANKS; stage *= 2) {
        #pragma HLS UNROLL factor=8
        if ((turn & stage) != 0) {
            for (weft_s32 bank = 0; bank < WEFT_W_BANKS; bank++) {
                #pragma HLS UNROLL factor=8
                for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
                    #pragma HLS UNROLL factor=8
                    moved[bank][s] = line[(bank + stage) % WEFT_W_BANKS][s];
                }
            }
            for (weft_s32 bank = 0; bank < WEFT_W_BANKS; bank++) {
                #pragma HLS UNROLL factor=8
                for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
                    #pragma HLS UNROLL factor=8
                    line[bank][s] = moved[bank][s];
                }
            }
        }
    }
    for (weft_s32 column = 0; column < WEFT_COLS; column++) {
        #pragma HLS UNROLL factor=8
        for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
            #pragma HLS UNROLL factor=8
            w[s][column] = line[column][s];
        }
    }
}

/* Adds one piece of the depth to the sums of the tile, block by block of the array's size, without
 * a pause between blocks. `partial` keeps them until the last piece, which hands them on. */
static void multiply(const struct job job, const struct run run,
                     weft_s8 x_words[WEFT_X_WORDS][WEFT_X_BANKS][WEFT_SIMD],
                     weft_s8 w_words[WEFT_W_WORDS][WEFT_W_BANKS][WEFT_SIMD],
                     weft_s8 b_words[WEFT_B_WORDS][WEFT_W_BANKS][WEFT_SIMD],
                     weft_s32 row_partial[WEFT_BLOCKS][WEFT_ROWS],
                     weft_s32 column_partial[WEFT_BLOCKS][WEFT_COLS],
                     weft_s32 row_sums[WEFT_BLOCKS][WEFT_ROWS],
                     weft_s32 column_sums[WEFT_BLOCKS][WEFT_COLS],
                     weft_u32 partial[WEFT_BLOCKS][WEFT_ROWS][WEFT_COLS],
                     weft_u32 sums[WEFT_BLOCKS][WEFT_ROWS][WEFT_COLS])
{
    const weft_s32 words = blocks_of(run.depth, WEFT_SIMD);
    const weft_s32 is_product = job.kind == WEFT_KIND_MATMUL;
    const weft_s32 is_rows = is_product && job.b_depth != 1; /* how b lies (load_factors) */
    weft_s32 row_held[WEFT_ROWS] = {0};
    #pragma HLS ARRAY_PARTITION variable=row_held complete dim=1
    weft_s32 column_held[WEFT_COLS] = {0};
    #pragma HLS ARRAY_PARTITION variable=column_held complete dim=1
    weft_s32 row_block = 0;
    weft_s32 block_turn = 0;
    weft_u32 held[WEFT_ROWS][WEFT_COLS];
    #pragma HLS ARRAY_PARTITION variable=held complete dim=1
    #pragma HLS ARRAY_PARTITION variable=held complete dim=2
    weft_s32 word = 0;
    weft_s32 x_turn = 0;
    weft_s32 w_turn = 0;
    weft_s32 column_block = 0;
    weft_s32 x_base = 0;
    weft_s32 w_base = 0;
    weft_s32 block = 0;
    for (weft_s32 cycle = 0; cycle < run.sum_cycles; cycle++) {
        #pragma HLS LOOP_TRIPCOUNT min=1 max=16
        #pragma HLS PIPELINE II=1
        #pragma HLS DEPENDENCE variable=partial inter false
        weft_s8 x_line[WEFT_X_BANKS][WEFT_SIMD];
        #pragma HLS ARRAY_PARTITION variable=x_line complete dim=1
        #pragma HLS ARRAY_PARTITION variable=x_line complete dim=2
        weft_s8 w_line[WEFT_W_BANKS][WEFT_SIMD];
        #pragma HLS ARRAY_PARTITION variable=w_line complete dim=1
        #pragma HLS ARRAY_PARTITION variable=w_line complete dim=2
        weft_s8 x[WEFT_ROWS][WEFT_SIMD];
        #pragma HLS ARRAY_PARTITION variable=x complete dim=1
        #pragma HLS ARRAY_PARTITION variable=x complete dim=2
        weft_s8 w[WEFT_SIMD][WEFT_COLS];
        #pragma HLS ARRAY_PARTITION variable=w complete dim=1
        #pragma HLS ARRAY_PARTITION variable=w complete dim=2
        for (weft_s32 bank = 0; bank < WEFT_X_BANKS; bank++) {
            #pragma HLS UNROLL factor=2
            for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
                #pragma HLS UNROLL factor=8
                x_line[bank][s] = x_words[x_base + word][bank][s];
            }
        }
        for (weft_s32 bank = 0; bank < WEFT_W_BANKS; bank++) {
            #pragma HLS UNROLL factor=8
            for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
                #pragma HLS UNROLL factor=8
                w_line[bank][s] = is_product ? b_words[w_base + word][bank][s]
                                             : w_words[w_base + word][bank][s];
            }
        }
        turn_rows(x_line, x_turn, x);
        weft_s8 w_turned[WEFT_SIMD][WEFT_COLS];
        #pragma HLS ARRAY_PARTITION variable=w_turned complete dim=1
        #pragma HLS ARRAY_PARTITION variable=w_turned complete dim=2
        turn_columns(w_line, is_rows ? block_turn : w_turn, w);
        if (is_rows) {
            turn_over(w, run.depth - WEFT_SIMD * word, w_turned);
            for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
                #pragma HLS UNROLL factor=8
                for (weft_s32 column = 0; column < WEFT_COLS; column++) {
                    #pragma HLS UNROLL factor=8
                    w[s][column] = w_turned[s][column];
                }
            }
        }
        if (word == 0) {
            for (weft_s32 row = 0; row < WEFT_ROWS; row++) {
                #pragma HLS UNROLL factor=2
                for (weft_s32 column = 0; column < WEFT_COLS; column++) {
                    #pragma HLS UNROLL factor=8
                    held[row][column] = run.is_first ? 0 : partial[block][row][column];
                }
            }
        }
        multiply_word(x, w, held);
        if (word == 0) {
            for (weft_s32 row = 0; row < WEFT_ROWS; row++) {
                #pragma HLS UNROLL factor=2
                row_held[row] = run.is_first ? 0 : row_partial[row_block][row];
            }
            for (weft_s32 column = 0; column < WEFT_COLS; column++) {
                #pragma HLS UNROLL factor=8
                column_held[column] = run.is_first ? 0 : column_partial[column_block][column];
            }
        }
        add_word(x, w, row_held, column_held);
        if (word == words - 1 && column_block == 0) {
            for (weft_s32 row = 0; row < WEFT_ROWS; row++) {
                #pragma HLS UNROLL factor=2
                row_partial[row_block][row] = row_held[row];
                row_sums[row_block][row] = row_held[row];
            }
        }
        if (word == words - 1 && row_block == 0) {
            for (weft_s32 column = 0; column < WEFT_COLS; column++) {
                #pragma HLS UNROLL factor=8
                column_partial[column_block][column] = column_held[column];
                column_sums[column_block][column] = column_held[column];
            }
        }
        word++;
        x_turn = x_turn == WEFT_X_BANKS - 1 ? 0 : x_turn + 1;
        w_turn = w_turn == WEFT_W_BANKS - 1 ? 0 : w_turn + 1;
        if (word == words) {
            for (weft_s32 row = 0; row < WEFT_ROWS; row++) {
                #pragma HLS UNROLL factor=2
                for (weft_s32 column = 0; column < WEFT_COLS; column++) {
                    #pragma HLS UNROLL factor=8
                    partial[block][row][column] = held[row][column];
                    sums[block][row][column] = held[row][column];
                }
            }
            word = 0;
            x_turn = 0;
            w_turn = 0;
            block++;
            w_base += words;
            column_block++;
            block_turn = (block_turn + WEFT_COL_GROUPS) % WEFT_W_BANKS;
            if (column_block == run.column_blocks) {
                column_block = 0;
                w_base = 0;
                x_base += words;
                row_block++;
                block_turn = 0;
            }
        }
    }
}

/* The vector unit: products of a group's channels, values, or the larger one. A stream is windows of
 * one element that is the largest; what stands behind its last element is never stored. */
static void sum_lanes(const struct job job, const struct run run,
                      weft_u64 x_lanes[WEFT_LANE_ROWS][WEFT_BANKS],
                      weft_s8 w_words[WEFT_W_WORDS][WEFT_W_BANKS][WEFT_SIMD],
                      weft_u32 partial[WEFT_BLOCKS][WEFT_ROWS][WEFT_COLS],
                      weft_u32 sums[WEFT_BLOCKS][WEFT_ROWS][WEFT_COLS])
{
    const weft_s32 depth = is_window(job) ? run.depth : 1;
    const weft_s32 words = blocks_of(depth, WEFT_SIMD);
    const weft_s32 is_signed = has(job, WEFT_FLAG_X_SIGNED);
    const weft_s32 is_product = job.kind == WEFT_KIND_GROUPED;
    const weft_s32 is_max = !is_product && !has(job, WEFT_FLAG_AVERAGE);
    const weft_s32 zero = is_window(job) ? job.pad : 0;
    const weft_s32 start = !is_max ? 0 : is_window(job) ? job.y_min : -128;
    const weft_s32 group_step = WEFT_LANES / 8;
    const weft_s32 tap_groups = run.lane_blocks * group_step;
    weft_s32 held[WEFT_LANES];
    #pragma HLS ARRAY_PARTITION variable=held complete dim=1
    weft_s32 k = 0;
    weft_s32 lane_block = 0;
    weft_s32 row = 0; /* within the array's rows */
    weft_s32 block_base = 0; /* first block of these rows */
    weft_s32 x_base = 0; /* group of the pixel's first byte, and from there of the tap's */
    weft_s32 tap_base = 0;
    weft_s32 w_base = 0; /* first word of the block's filters */
    for (weft_s32 cycle = 0; cycle < run.sum_cycles; cycle++) {
        #pragma HLS LOOP_TRIPCOUNT min=1 max=256
        #pragma HLS PIPELINE II=1
        #pragma HLS DEPENDENCE variable=partial inter false
        const weft_s32 x_first = x_base + tap_base + lane_block * group_step;
        const weft_s32 column = lane_block * WEFT_LANES % WEFT_COLS;
        const weft_s32 column_block = lane_block * WEFT_LANES / WEFT_COLS;
        const weft_s32 block = block_base + column_block;
        const weft_s32 w_row = w_base + k / 8;
        const weft_s32 is_over = k == depth - 1;
        for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
            #pragma HLS UNROLL factor=8
            if (lane_block * WEFT_LANES + lane < run.channels) {
                const weft_s32 x =
                    weft_byte_value(line_byte(x_lanes, 8 * x_first + lane), is_signed);
                const weft_s32 w =
                    is_product ? w_words[w_row][(column + lane + k / 8) % WEFT_W_BANKS][k % 8] : 1;
                const weft_s32 before =
                    k > 0          ? held[lane]
                    : run.is_first ? start
                                   : (weft_s32)partial[block][row][column + lane];
                const weft_u32 sum = (weft_u32)before + (weft_u32)((x - zero) * w);
                const weft_s32 larger = x > before ? x : before;
                held[lane] = is_max ? larger : (weft_s32)sum;
                if (is_over) {
                    partial[block][row][column + lane] = (weft_u32)held[lane];
                    sums[block][row][column + lane] = (weft_u32)held[lane];
                }
            }
        }
        k++;
        tap_base += tap_groups;
        if (is_over) {
            k = 0;
            lane_block++;
            w_base += lane_block * WEFT_LANES % WEFT_COLS == 0 ? words : 0;
            if (lane_block == run.lane_blocks) {
                lane_block = 0;
                w_base = 0;
                x_base += tap_base;
                row++;
                if (row == WEFT_ROWS) {
                    row = 0;
                    block_base += run.column_blocks;
                }
            }
            tap_base = 0;
        }
    }
}

static void sum(const struct job job, const struct run run,
                weft_s8 x_words[WEFT_X_WORDS][WEFT_X_BANKS][WEFT_SIMD],
                weft_u64 x_lanes[WEFT_LANE_ROWS][WEFT_BANKS],
                weft_s8 w_words[WEFT_W_WORDS][WEFT_W_BANKS][WEFT_SIMD],
                weft_s8 b_words[WEFT_B_WORDS][WEFT_W_BANKS][WEFT_SIMD],
                weft_s32 row_partial[WEFT_BLOCKS][WEFT_ROWS],
                weft_s32 column_partial[WEFT_BLOCKS][WEFT_COLS],
                weft_s32 row_sums[WEFT_BLOCKS][WEFT_ROWS],
                weft_s32 column_sums[WEFT_BLOCKS][WEFT_COLS],
                weft_u32 partial[WEFT_BLOCKS][WEFT_ROWS][WEFT_COLS],
                weft_u32 sums[WEFT_BLOCKS][WEFT_ROWS][WEFT_COLS])
{
    if (job.kind == WEFT_KIND_CONV || job.kind == WEFT_KIND_MATMUL) {
        multiply(job, run, x_words, w_words, b_words, row_partial, column_partial, row_sums,
                 column_sums, partial, sums);
    } else {
        sum_lanes(job, run, x_lanes, w_words, partial, sums);
    }
}

/* ---- ports `second` and `target`: residuals and second operands in, values out ---- */

/* Pixels of a tile in memory: rows of channels. Where a tile has all channels of y, rows of one
 * image are one stretch. */
struct stretch {
    weft_u32 at, image_at;
    weft_s32 left, tile_left, image_left; /* bytes of the stretch that are not done, and so on */
};

/* Whether rows lie behind each other in memory and on the card. */
static weft_s32 is_dense(const struct run run, const weft_s32 pixel_step)
{
    return pixel_step == run.channels && run.channels % WEFT_LANES == 0;
}

static struct stretch first_stretch(const struct run run, const weft_u32 at,
                                    const weft_u32 image_at, const weft_s32 pixel_step)
{
    struct stretch stretch;
    stretch.at = at;
    stretch.image_at = image_at;
    stretch.tile_left = run.bytes;
    stretch.image_left = run.image_left;
    stretch.left =
        is_dense(run, pixel_step) ? least(run.bytes, run.image_left) : run.channels;
    return stretch;
}

/* Passes `count` bytes of the stretch, and to the next one behind its end. */
static struct stretch stretch_on(const struct run run, const struct stretch before,
                                 const weft_s32 count, const weft_s32 image_step,
                                 const weft_s32 pixel_step)
{
    struct stretch stretch = before;
    stretch.at += (weft_u32)count;
    stretch.left -= count;
    stretch.tile_left -= count;
    stretch.image_left -= count;
    if (stretch.left == 0) {
        stretch.at += (weft_u32)(pixel_step - run.channels);
        if (stretch.image_left == 0) {
            stretch.image_left = run.image_bytes;
            stretch.image_at += (weft_u32)image_step;
            stretch.at = stretch.image_at;
        }
        stretch.left = is_dense(run, pixel_step) ? least(stretch.tile_left, stretch.image_left)
                                                 : run.channels;
    }
    return stretch;
}

/* ---- second ---- */

/* The residual of a tile, [pixel][channel], channels filled up to whole lanes. */
static void load_residual(const struct weft_word *second, const struct job job,
                          const struct run run, weft_u64 residual[WEFT_TILE_ROWS][WEFT_BANKS])
{
    const weft_s32 pitch = run.lane_blocks * WEFT_LANES;
    struct stretch stretch = first_stretch(run, run.b_at, run.b_image_at, job.b_pixel);
    weft_s32 k = 0;
    weft_s32 row = 0; /* where the next one begins */
    weft_u64 held = 0;
    while (stretch.tile_left > 0) {
        #pragma HLS LOOP_TRIPCOUNT min=1 max=128
        #pragma HLS PIPELINE II=1
        const weft_s32 from = (weft_s32)(stretch.at % WEFT_PORT);
        const weft_s32 count = least(WEFT_PORT - from, stretch.left);
        const struct groups groups =
            place_bytes(second[stretch.at / WEFT_PORT], from, k % 8, count, held);
        put_groups(residual, k / 8, blocks_of(k % 8 + count, 8), groups);
        held = groups.part[(k % 8 + count) / 8];
        k += count;
        stretch = stretch_on(run, stretch, count, job.b_image, job.b_pixel);
        if (k == row + run.channels) {
            row += pitch;
            k = row;
        }
    }
}

static void load_second(const struct weft_word *second, const struct job job,
                        const struct run run, weft_u32 b_walk[WEFT_WALK_WORDS],
                        weft_u32 r_walk[WEFT_WALK_WORDS], struct weft_word b_row[WEFT_ROW_WORDS],
                        struct weft_word r_row[WEFT_ROW_WORDS],
                        weft_s8 b_words[WEFT_B_WORDS][WEFT_W_BANKS][WEFT_SIMD],
                        weft_u64 residual[WEFT_TILE_ROWS][WEFT_BANKS],
                        weft_u64 addend[WEFT_PIECE_ROWS][WEFT_BANKS])
{
    if (job.kind == WEFT_KIND_MATMUL) {
        load_factors(second, job, run, b_words);
    }
    if (is_window(job)) {
        if (run.is_last && job.kind != WEFT_KIND_POOL && has(job, WEFT_FLAG_RESIDUAL)) {
            load_residual(second, job, run, residual);
        }
    } else if (job.kind == WEFT_KIND_ADD || job.kind == WEFT_KIND_MUL) {
        load_rows(second, job.sizes, job.b_steps, run.elements, 0, b_walk, b_row, residual);
        if (job.kind == WEFT_KIND_MUL && has(job, WEFT_FLAG_RESIDUAL)) {
            load_rows(second, job.sizes, job.r_steps, run.elements, 0, r_walk, r_row, addend);
        }
    }
}

/* ---- target ---- */

/* A word of y that is being put together: neighbouring stretches may share it. */
struct pending {
    weft_u32 index;
    struct weft_word word, mask; /* bytes, and ones where they are known */
};

/* Writes a word; what is not known of it stays as it is. */
static void write_pending(struct weft_word *target, const struct pending pending)
{
    struct weft_word word = pending.word;
    weft_s32 is_broken = 0;
    weft_s32 is_empty = 1;
    for (weft_s32 i = 0; i < WEFT_PARTS; i++) {
        #pragma HLS UNROLL factor=1
        is_broken = is_broken || pending.mask.part[i] != ~(weft_u64)0;
        is_empty = is_empty && pending.mask.part[i] == 0;
    }
    if (is_broken && !is_empty) {
        const struct weft_word old = target[pending.index];
        for (weft_s32 i = 0; i < WEFT_PARTS; i++) {
            #pragma HLS UNROLL factor=1
            word.part[i] |= old.part[i] & ~pending.mask.part[i];
        }
    }
    if (!is_empty) {
        target[pending.index] = word;
    }
}

/* Adds bytes [to, to + count) of word `index`, after writing the one before it when that is
 * another. */
static struct pending add_bytes(struct weft_word *target, const struct pending before,
                                const weft_u32 index, const struct weft_word word,
                                const weft_s32 to, const weft_s32 count)
{
    struct pending pending = before;
    if (index != before.index) {
        write_pending(target, before);
    }
    for (weft_s32 i = 0; i < WEFT_PARTS; i++) {
        #pragma HLS UNROLL factor=1
        const weft_u64 mask = first_bytes(to + count - 8 * i) & ~first_bytes(to - 8 * i);
        const weft_u64 kept = index == before.index ? before.word.part[i] : 0;
        const weft_u64 known = index == before.index ? before.mask.part[i] : 0;
        pending.word.part[i] = (kept & ~mask) | (word.part[i] & mask);
        pending.mask.part[i] = known | mask;
    }
    pending.index = index;
    return pending;
}

static void store_tile(struct weft_word *target, const struct job job,
                       const struct run run, weft_u64 values[WEFT_TILE_ROWS][WEFT_BANKS])
{
    const weft_s32 pitch = run.lane_blocks * WEFT_LANES;
    struct stretch stretch = first_stretch(run, run.y_at, run.y_image_at, job.y_pixel);
    struct pending pending = {0};
    weft_s32 k = 0;
    weft_s32 row = 0; /* where the next one begins */
    while (stretch.tile_left > 0) {
        #pragma HLS LOOP_TRIPCOUNT min=1 max=128
        #pragma HLS PIPELINE II=1
        #pragma HLS DEPENDENCE variable=target inter false
        const weft_s32 to = (weft_s32)(stretch.at % WEFT_PORT);
        const weft_s32 count = least(WEFT_PORT - to, stretch.left);
        const struct groups groups = get_groups(values, k / 8, blocks_of(k % 8 + count, 8));
        pending = add_bytes(target, pending, stretch.at / WEFT_PORT,
                            gather_bytes(groups, k % 8, to), to, count);
        k += count;
        stretch = stretch_on(run, stretch, count, job.y_image, job.y_pixel);
        if (k == row + run.channels) {
            row += pitch;
            k = row;
        }
    }
    write_pending(target, pending);
}

/* The means of the images that end in this tile, [image][channel] on the card and in memory. */
static void store_means(struct weft_word *target, const struct job job,
                        const struct run run, weft_u64 means[WEFT_LINE_ROWS][WEFT_BANKS])
{
    const weft_s32 pitch = run.lane_blocks * WEFT_LANES;
    struct pending pending = {0};
    weft_u32 image_at = run.mean_at;
    weft_u32 at = image_at;
    weft_s32 image = 0;
    weft_s32 base = 0;
    weft_s32 k = 0;
    weft_s32 left = run.channels;
    while (image < run.ended_images) {
        #pragma HLS LOOP_TRIPCOUNT min=1 max=16
        #pragma HLS PIPELINE II=1
        #pragma HLS DEPENDENCE variable=target inter false
        const weft_s32 to = (weft_s32)(at % WEFT_PORT);
        const weft_s32 count = least(WEFT_PORT - to, left);
        const struct groups groups = get_groups(means, k / 8, blocks_of(k % 8 + count, 8));
        pending = add_bytes(target, pending, at / WEFT_PORT, gather_bytes(groups, k % 8, to), to,
                            count);
        k += count;
        at += (weft_u32)count;
        left -= count;
        if (left == 0) {
            image++;
            image_at += (weft_u32)job.out_channels;
            at = image_at;
            base += pitch;
            k = base;
            left = run.channels;
        }
    }
    write_pending(target, pending);
}

/* The next elements of y, from byte k of the values on, as far as they lie in one word; k after them.
 */
static weft_s32 row_bytes(const struct job job, const struct run run, const weft_s32 k,
                          const weft_u32 walk[WEFT_WALK_WORDS])
{
    const weft_s32 step = job.y_steps[WEFT_D_DIMS - 1];
    const weft_s32 rest = job.sizes[WEFT_D_DIMS - 1] - (weft_s32)walk[WEFT_D_DIMS - 1];
    const weft_s32 to = (weft_s32)(walk_address(walk) % WEFT_PORT);
    return least(step == 1 ? WEFT_PORT - to : 1, least(rest, run.elements - k));
}

static struct pending add_row_bytes(struct weft_word *target, const struct pending before,
                                    const weft_s32 k, const weft_s32 count,
                                    const weft_u32 walk[WEFT_WALK_WORDS],
                                    weft_u64 values[WEFT_TILE_ROWS][WEFT_BANKS])
{
    const weft_u32 at = walk_address(walk);
    const weft_s32 to = (weft_s32)(at % WEFT_PORT);
    const struct groups groups = get_groups(values, k / 8, blocks_of(k % 8 + count, 8));
    return add_bytes(target, before, at / WEFT_PORT, gather_bytes(groups, k % 8, to), to, count);
}

/* The next piece of y: whole rows, or a part of one. Where addresses only grow, a word is written
 * once, and no write waits for another; else an element may meet a word that was just written. */
static void store_rows(struct weft_word *target, const struct job job,
                       const struct run run, weft_u32 walk[WEFT_WALK_WORDS],
                       weft_u64 values[WEFT_TILE_ROWS][WEFT_BANKS])
{
    struct pending pending = {0};
    weft_s32 k = 0;
    const weft_s32 ascending = job.y_ascends ? run.elements : 0;
    while (k < ascending) {
        #pragma HLS LOOP_TRIPCOUNT min=0 max=16
        #pragma HLS PIPELINE II=1
        #pragma HLS DEPENDENCE variable=target inter false
        const weft_s32 count = row_bytes(job, run, k, walk);
        pending = add_row_bytes(target, pending, k, count, walk, values);
        k += count;
        walk_on(job.sizes, job.y_steps, count, walk);
        k = walk_behind(job.pitch, k, walk);
    }
    while (k < run.elements) {
        #pragma HLS LOOP_TRIPCOUNT min=0 max=16
        const weft_s32 count = row_bytes(job, run, k, walk);
        pending = add_row_bytes(target, pending, k, count, walk, values);
        k += count;
        walk_on(job.sizes, job.y_steps, count, walk);
        k = walk_behind(job.pitch, k, walk);
    }
    write_pending(target, pending);
}

static void store(struct weft_word *target, const struct job job, const struct run run,
                  weft_u32 walk[WEFT_WALK_WORDS], weft_u64 values[WEFT_TILE_ROWS][WEFT_BANKS],
                  weft_u64 means[WEFT_LINE_ROWS][WEFT_BANKS])
{
    if (!is_window(job)) {
        store_rows(target, job, run, walk, values);
    } else if (run.is_last) {
        store_tile(target, job, run, values);
        store_means(target, job, run, means);
    }
}

/* ---- rows as a whole: softmax and LayerNorm of the values that finish has made. With finishing,
 * what a row has in common is noted; then its elements are gone through again, WEFT_LANES per
 * cycle. ---- */

/* A copy for every lane. */
static void load_exps(const struct weft_word *weights, const weft_s32 offset,
                      weft_u32 exps[WEFT_LANES][WEFT_EXPS])
{
    for (weft_s32 i = 0; i < WEFT_EXPS; i++) {
        #pragma HLS PIPELINE II=1
        const weft_u32 value = (weft_u32)read_s32(weights, offset + 4 * i);
        for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
            #pragma HLS UNROLL factor=8
            exps[lane][i] = value;
        }
    }
}

/* A block of lanes in the rows of a tile or of a piece of a stream. */
struct norm_place {
    weft_s32 rows, blocks, length; /* how many; of a row; its elements */
    weft_s32 row, block;
    weft_s32 is_signed;
};

static struct norm_place first_of_norm(const struct job job, const struct run run)
{
    struct norm_place place;
    const weft_s32 is_tile = is_window(job);
    place.length = is_tile ? run.channels : job.pitch > 0 ? job.sizes[WEFT_D_DIMS - 1] : WEFT_PIECE;
    place.blocks = blocks_of(place.length, WEFT_LANES);
    place.rows = is_tile ? run.pixels : job.pitch > 0 ? run.elements / job.pitch : 1;
    place.row = 0;
    place.block = 0;
    place.is_signed = has(job, !is_tile                      ? WEFT_FLAG_X_SIGNED
                               : has(job, WEFT_FLAG_TABLE) ? WEFT_FLAG_T_SIGNED
                                                             : WEFT_FLAG_C_SIGNED);
    return place;
}

static struct norm_place next_of_norm(const struct norm_place before)
{
    struct norm_place place = before;
    place.block++;
    if (place.block == place.blocks) {
        place.block = 0;
        place.row++;
    }
    return place;
}

/* Of the elements of a row so far. */
struct norm_sums {
    weft_s32 highest, sum, squares;
};

static struct norm_sums add_to_norm(const struct norm_place place, const struct norm_sums before,
                                    const weft_u64 bytes[WEFT_LANES / 8])
{
    struct norm_sums sums = before;
    if (place.block == 0) {
        sums.highest = -128;
        sums.sum = 0;
        sums.squares = 0;
    }
    for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
        #pragma HLS UNROLL factor=8
        if (place.block * WEFT_LANES + lane < place.length) {
            const weft_s32 value =
                weft_byte_value(byte_of_group(bytes[lane / 8], lane % 8), place.is_signed);
            sums.highest = value > sums.highest ? value : sums.highest;
            sums.sum += value;
            sums.squares = (weft_s32)((weft_u32)sums.squares + (weft_u32)(value * value));
        }
    }
    return sums;
}

/* What all elements of a row are multiplied with: a division, in LayerNorm of a root. */
struct norm_factor {
    weft_s64 factor;
    weft_s32 fours;
};

static struct norm_factor factor_of(const struct job job, const weft_s32 length,
                                    const weft_s64 exp_sum, const weft_s32 sum,
                                    const weft_s32 squares)
{
    struct norm_factor found;
    found.fours = 0;
    if (job.is_softmax) {
        found.factor = weft_softmax_factor(exp_sum, job.row_mult);
    } else {
        const weft_s64 spread = weft_layer_norm_spread(length, sum, squares, job.epsilon);
        found.fours = weft_spread_fours(spread);
        found.factor = weft_inverse_root(spread, found.fours);
    }
    return found;
}

/* The exponentials of a block of lanes, added up. */
static weft_s64 add_exps(const struct norm_place place, const weft_s32 cycle,
                         const weft_s32 highest, weft_u64 codes[WEFT_TILE_ROWS][WEFT_BANKS],
                         weft_u32 exps[WEFT_LANES][WEFT_EXPS])
{
    weft_s64 sum = 0;
    for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
        #pragma HLS UNROLL factor=8
        if (place.block * WEFT_LANES + lane < place.length) {
            const weft_s32 value =
                weft_byte_value(line_byte(codes, cycle * WEFT_LANES + lane), place.is_signed);
            sum += (weft_s64)exps[lane][highest - value];
        }
    }
    return sum;
}

/* Two places go through the tile: `ahead` finds the factors of rows, `behind` makes their elements.
 * In between lie as many cycles as a factor is on its way, so that the loop never waits for one. */
static void normalise(const struct job job, const struct run run,
                      weft_u64 bias[WEFT_VECTOR_ROWS][WEFT_BANKS],
                      weft_u64 mult[WEFT_VECTOR_ROWS][WEFT_BANKS],
                      weft_u64 codes[WEFT_TILE_ROWS][WEFT_BANKS],
                      weft_u32 exps[WEFT_LANES][WEFT_EXPS],
                      const weft_s32 highest[WEFT_NORM_ROWS], const weft_s32 amounts[WEFT_NORM_ROWS],
                      const weft_s32 squares[WEFT_NORM_ROWS], weft_s64 factors[WEFT_NORM_ROWS],
                      weft_s32 fours[WEFT_NORM_ROWS],
                      weft_u64 values[WEFT_TILE_ROWS][WEFT_BANKS])
{
    struct norm_place ahead = first_of_norm(job, run);
    struct norm_place behind = ahead;
    const weft_s32 cycles = ahead.rows * ahead.blocks;
    /* A sum of exponentials is there with the row's last block, all else before its first. */
    const weft_s32 known = job.is_softmax ? ahead.blocks - 1 : 0;
    const weft_s32 lag = WEFT_NORM_STAGES + known;
    weft_s64 held = 0;
    for (weft_s32 cycle = 0; cycle < cycles + lag; cycle++) {
        #pragma HLS LOOP_TRIPCOUNT min=1 max=128
        #pragma HLS PIPELINE II=1
        #pragma HLS DEPENDENCE variable=factors inter false
        #pragma HLS DEPENDENCE variable=fours inter false
        weft_u64 bytes[WEFT_LANES / 8] = {0};
        #pragma HLS ARRAY_PARTITION variable=bytes complete dim=1
        if (cycle < cycles) {
            if (job.is_softmax) {
                held = (ahead.block == 0 ? 0 : held) +
                       add_exps(ahead, cycle, highest[ahead.row], codes, exps);
            }
            if (ahead.block == known) {
                const struct norm_factor found = factor_of(
                    job, ahead.length, held, amounts[ahead.row], squares[ahead.row]);
                factors[ahead.row] = found.factor;
                fours[ahead.row] = found.fours;
            }
            ahead = next_of_norm(ahead);
        }
        if (cycle >= lag) {
            const weft_s32 at = cycle - lag;
            for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
                #pragma HLS UNROLL factor=8
                const weft_s32 element = behind.block * WEFT_LANES + lane;
                if (element < behind.length) {
                    const weft_s32 x = weft_byte_value(line_byte(codes, at * WEFT_LANES + lane),
                                                       behind.is_signed);
                    weft_s32 value;
                    if (job.is_softmax) {
                        value = weft_softmax_stage(exps[lane][highest[behind.row] - x],
                                                   factors[behind.row], job.row_shift, job.y_zero,
                                                   job.y_min, job.y_max);
                    } else {
                        const weft_s32 unit =
                            weft_layer_norm_unit(behind.length, amounts[behind.row], x,
                                                 factors[behind.row], fours[behind.row]);
                        value = weft_layer_norm_stage(
                            unit, line_s32(mult, element), line_s32(bias, element),
                            job.beta_shift, job.row_shift, job.y_zero, job.y_min, job.y_max);
                    }
                    bytes[lane / 8] |= (weft_u64)weft_byte_of(value) << (8 * (lane % 8));
                }
            }
            for (weft_s32 i = 0; i < WEFT_LANES / 8; i++) {
                #pragma HLS UNROLL factor=1
                const weft_s32 group = at * (WEFT_LANES / 8) + i;
                values[group / WEFT_BANKS][group % WEFT_BANKS] = bytes[i];
            }
            behind = next_of_norm(behind);
        }
    }
}

/* ---- from sums to bytes: WEFT_LANES values per cycle, of tiles and of streams ---- */

/* Which of the stages a descriptor has, and the numbers that all elements share. */
struct stages {
    weft_s32 is_product, is_requantised, has_bias, has_table, is_sum, is_largest, is_constant;
    weft_s32 zero, low, high; /* of requantising */
    weft_s32 index_signed, table_signed, other_signed, from_addend;
    weft_s32 a_zero, b_zero; /* of the sum of two */
};

static struct stages stages_of(const struct job job)
{
    struct stages stages;
    const weft_s32 is_pool = job.kind == WEFT_KIND_POOL;
    const weft_s32 is_matrix = job.kind == WEFT_KIND_MATMUL;
    const weft_s32 is_convolution = is_window(job) && !is_pool && !is_matrix;
    const weft_s32 is_average = is_pool && has(job, WEFT_FLAG_AVERAGE);
    stages.is_product = job.kind == WEFT_KIND_MUL;
    stages.is_requantised = is_convolution || is_matrix || is_average || stages.is_product;
    stages.has_bias = is_convolution;
    stages.has_table = job.kind == WEFT_KIND_TABLE ||
                       ((is_convolution || is_matrix) && has(job, WEFT_FLAG_TABLE));
    stages.is_sum = job.kind == WEFT_KIND_ADD ||
                    ((is_convolution || stages.is_product) && has(job, WEFT_FLAG_RESIDUAL));
    stages.is_largest = is_pool && !is_average;
    stages.is_constant = job.kind == WEFT_KIND_FILL;
    stages.zero = is_pool ? job.y_zero : job.c_zero;
    stages.low = is_pool ? job.y_min : job.c_min;
    stages.high = is_pool ? job.y_max : job.c_max;
    stages.index_signed =
        has(job, job.kind == WEFT_KIND_TABLE ? WEFT_FLAG_X_SIGNED : WEFT_FLAG_C_SIGNED);
    stages.table_signed = has(job, WEFT_FLAG_T_SIGNED);
    stages.from_addend = stages.is_product;
    stages.other_signed = has(job, stages.is_product ? WEFT_FLAG_R_SIGNED : WEFT_FLAG_B_SIGNED);
    stages.a_zero = stages.is_product ? job.c_zero : job.a_zero;
    stages.b_zero = stages.is_product ? job.r_zero : job.b_zero;
    return stages;
}

/* One element. `sum`: of a tile, or operand a; `second`: the residual, or operand b; `addend`: the
 * residual of a product. */
static weft_s32 finish_one(const struct job job, const struct stages stages, const weft_s32 sum,
                           const weft_s32 mult, const weft_s32 shift, const weft_u8 second,
                           const weft_u8 addend, const weft_u64 table[32])
{
    const weft_s32 b = weft_byte_value(second, has(job, WEFT_FLAG_B_SIGNED));
    weft_s32 value = stages.is_product ? (sum - job.a_zero) * (b - job.b_zero) : sum;
    if (stages.is_requantised) {
        value = weft_requantise(value, mult, shift, stages.zero, stages.low, stages.high);
    }
    if (stages.is_largest) {
        value = weft_clamp32(value, stages.low, stages.high);
    }
    if (stages.has_table) {
        const weft_s32 index = weft_table_index(value, stages.index_signed);
        value = weft_byte_value(byte_of_group(table[index / 8], index % 8), stages.table_signed);
    }
    if (stages.is_sum) {
        const weft_s32 other =
            weft_byte_value(stages.from_addend ? addend : second, stages.other_signed);
        value = weft_add_stage(value - stages.a_zero, job.a_mult, other - stages.b_zero,
                               job.b_mult, job.add_shift, job.y_zero, job.y_min, job.y_max);
    }
    return stages.is_constant ? job.fill : value;
}

/* Elements of a pool's window along one axis that lie in [low, high). */
static weft_s32 taps_inside(const weft_s32 start, const weft_s32 taps, const weft_s32 dilation,
                            const weft_s32 low, const weft_s32 high)
{
    const weft_s32 begin = start < low ? blocks_of(low - start, dilation) : 0;
    const weft_s32 end = start < high ? least(taps, blocks_of(high - start, dilation)) : 0;
    return end > begin ? end - begin : 0;
}

/* How many elements an average is over, of the window at (iy, ix); the pads count where the pool says
 * so. */
static weft_s32 window_count(const struct job job, const weft_s32 iy, const weft_s32 ix)
{
    const weft_s32 pads = has(job, WEFT_FLAG_COUNT_PADS);
    return taps_inside(iy, job.kernel_height, job.dilation_y, pads ? -job.pad_top : 0,
                       job.in_height + (pads ? job.pad_bottom : 0)) *
           taps_inside(ix, job.kernel_width, job.dilation_x, pads ? -job.pad_left : 0,
                       job.in_width + (pads ? job.pad_right : 0));
}

/* A multiplier for each count that occurs. */
struct ratio {
    weft_s32 mult, shift;
};

static struct ratio find_ratio(const weft_s32 count, const weft_s32 count_rows,
                               const weft_s32 counts[WEFT_COUNT_ROWS],
                               const weft_s32 mults[WEFT_COUNT_ROWS],
                               const weft_s32 shifts[WEFT_COUNT_ROWS])
{
    struct ratio ratio;
    ratio.mult = 0; /* no element: the sum is 0, and so is the average */
    ratio.shift = 1;
    for (weft_s32 i = 0; i < WEFT_COUNT_ROWS; i++) {
        #pragma HLS UNROLL factor=64
        if (i < count_rows && counts[i] == count) {
            ratio.mult = mults[i];
            ratio.shift = shifts[i];
        }
    }
    return ratio;
}

/* The values of a tile or of a piece of a stream. Sums of the mean are kept from tile to tile
 * (`totals`), and put aside (`ended`, image by image) where one ends. */
static void finish_values(const struct job job, const struct run run,
                          const weft_s32 counts[WEFT_COUNT_ROWS],
                          const weft_s32 mults[WEFT_COUNT_ROWS],
                          const weft_s32 shifts[WEFT_COUNT_ROWS],
                          weft_u64 table[WEFT_LANES][32],
                          weft_u64 bias[WEFT_VECTOR_ROWS][WEFT_BANKS],
                          weft_u64 mult[WEFT_VECTOR_ROWS][WEFT_BANKS],
                          weft_u64 shift[WEFT_VECTOR_ROWS][WEFT_BANKS],
                          weft_u64 residual[WEFT_TILE_ROWS][WEFT_BANKS],
                          weft_u64 addend[WEFT_PIECE_ROWS][WEFT_BANKS],
                          weft_u32 sums[WEFT_BLOCKS][WEFT_ROWS][WEFT_COLS],
                          weft_s32 row_sums[WEFT_BLOCKS][WEFT_ROWS],
                          weft_s32 column_sums[WEFT_BLOCKS][WEFT_COLS],
                          weft_s32 totals[WEFT_LINE_BLOCKS][WEFT_LANES],
                          weft_s32 ended[WEFT_LINE_BLOCKS][WEFT_LANES],
                          weft_u64 codes[WEFT_TILE_ROWS][WEFT_BANKS],
                          weft_s32 highest[WEFT_NORM_ROWS], weft_s32 amounts[WEFT_NORM_ROWS],
                          weft_s32 squares[WEFT_NORM_ROWS],
                          weft_u64 values[WEFT_TILE_ROWS][WEFT_BANKS])
{
    const struct stages stages = stages_of(job);
    const weft_s32 is_average = stages.is_requantised && job.kind == WEFT_KIND_POOL;
    const weft_s32 cycles = run.is_last ? run.cycles : 0;
    struct ratio ratio;
    ratio.mult = job.product_mult;
    ratio.shift = job.product_shift;
    weft_s32 pixel = run.pixel; /* of the image */
    weft_s32 ox = run.ox;
    weft_s32 iy = run.iy;
    weft_s32 ix = run.ix;
    weft_s32 lane_block = 0;
    weft_s32 row = 0; /* within the array's rows */
    weft_s32 block_base = 0; /* first block of these rows */
    weft_s32 row_block = 0;
    weft_s32 ended_base = 0; /* block of the image that ends next */
    struct norm_place norm = first_of_norm(job, run);
    struct norm_sums held = {0};
    for (weft_s32 cycle = 0; cycle < cycles; cycle++) {
        #pragma HLS LOOP_TRIPCOUNT min=1 max=128
        #pragma HLS PIPELINE II=1
        #pragma HLS DEPENDENCE variable=totals inter false
        const weft_s32 column = lane_block * WEFT_LANES % WEFT_COLS;
        const weft_s32 block = block_base + lane_block * WEFT_LANES / WEFT_COLS;
        const weft_s32 is_begin = pixel == 0;
        const weft_s32 is_end = pixel == job.pixels - 1;
        weft_u64 bytes[WEFT_LANES / 8] = {0};
        #pragma HLS ARRAY_PARTITION variable=bytes complete dim=1
        if (is_average && lane_block == 0) {
            ratio = find_ratio(window_count(job, iy, ix), job.count_rows, counts, mults, shifts);
        }
        for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
            #pragma HLS UNROLL factor=8
            const weft_s32 channel = lane_block * WEFT_LANES + lane;
            if (channel < run.channels) {
                const weft_s32 at = cycle * WEFT_LANES + lane;
                const weft_s32 column_block = lane_block * WEFT_LANES / WEFT_COLS;
                const weft_u32 added =
                    stages.has_bias ? (weft_u32)line_s32(bias, channel)
                    : job.kind == WEFT_KIND_MATMUL
                        ? zero_points(job, row_sums[row_block][row],
                                      column_sums[column_block][column + lane])
                        : 0;
                const weft_u32 sum =
                    stages.is_constant ? 0 : sums[block][row][column + lane] + added;
                const weft_s32 value = finish_one(
                    job, stages, (weft_s32)sum,
                    stages.has_bias ? line_s32(mult, channel) : ratio.mult,
                    stages.has_bias ? line_s32(shift, channel) : ratio.shift,
                    stages.is_product || stages.is_sum ? line_byte(residual, at) : 0,
                    stages.from_addend && stages.is_sum ? line_byte(addend, at) : 0, table[lane]);
                const weft_u32 before = is_begin ? 0 : (weft_u32)totals[lane_block][lane];
                const weft_s32 total =
                    (weft_s32)(before + (weft_u32)value - (weft_u32)job.mean_base);
                totals[lane_block][lane] = total;
                if (is_end && has(job, WEFT_FLAG_MEAN)) {
                    ended[ended_base + lane_block][lane] = total;
                }
                bytes[lane / 8] |= (weft_u64)weft_byte_of(value) << (8 * (lane % 8));
            }
        }
        for (weft_s32 i = 0; i < WEFT_LANES / 8; i++) {
            #pragma HLS UNROLL factor=1
            const weft_s32 group = cycle * (WEFT_LANES / 8) + i;
            values[group / WEFT_BANKS][group % WEFT_BANKS] = bytes[i];
            codes[group / WEFT_BANKS][group % WEFT_BANKS] = bytes[i];
        }
        held = add_to_norm(norm, held, bytes);
        if (norm.block == norm.blocks - 1) {
            highest[norm.row] = held.highest;
            amounts[norm.row] = held.sum;
            squares[norm.row] = held.squares;
        }
        norm = next_of_norm(norm);
        lane_block++;
        if (lane_block == run.lane_blocks) {
            lane_block = 0;
            row++;
            if (row == WEFT_ROWS) {
                row = 0;
                block_base += run.column_blocks;
                row_block++;
            }
            pixel++;
            ox++;
            ix += job.stride_x;
            if (ox == job.out_width) {
                ox = 0;
                ix = -job.pad_left;
                iy += job.stride_y;
            }
            if (pixel == job.pixels) {
                pixel = 0;
                ended_base += run.lane_blocks;
                iy = -job.pad_top;
            }
        }
    }
}

/* The means of the images that ended: one per cycle. */
static void finish_means(const struct job job, const struct run run,
                         weft_s32 ended[WEFT_LINE_BLOCKS][WEFT_LANES],
                         weft_u64 means[WEFT_LINE_ROWS][WEFT_BANKS])
{
    weft_u64 bytes = 0;
    for (weft_s32 i = 0; i < run.means; i++) {
        #pragma HLS LOOP_TRIPCOUNT min=0 max=16
        #pragma HLS PIPELINE II=1
        const weft_s32 mean =
            weft_requantise(ended[i / WEFT_LANES][i % WEFT_LANES], job.mean_mult, job.mean_shift,
                            job.mean_zero, job.mean_min, job.mean_max);
        bytes = (i % 8 == 0 ? 0 : bytes) | (weft_u64)weft_byte_of(mean) << (8 * (i % 8));
        means[i / 8 / WEFT_BANKS][i / 8 % WEFT_BANKS] = bytes;
    }
}

static void finish(const struct job job, const struct run run,
                   const weft_s32 counts[WEFT_COUNT_ROWS], const weft_s32 mults[WEFT_COUNT_ROWS],
                   const weft_s32 shifts[WEFT_COUNT_ROWS], weft_u64 table[WEFT_LANES][32],
                   weft_u64 bias[WEFT_VECTOR_ROWS][WEFT_BANKS],
                   weft_u64 mult[WEFT_VECTOR_ROWS][WEFT_BANKS],
                   weft_u64 shift[WEFT_VECTOR_ROWS][WEFT_BANKS],
                   weft_u64 residual[WEFT_TILE_ROWS][WEFT_BANKS],
                   weft_u64 addend[WEFT_PIECE_ROWS][WEFT_BANKS],
                   weft_u32 sums[WEFT_BLOCKS][WEFT_ROWS][WEFT_COLS],
                   weft_s32 row_sums[WEFT_BLOCKS][WEFT_ROWS],
                   weft_s32 column_sums[WEFT_BLOCKS][WEFT_COLS],
                   weft_s32 totals[WEFT_LINE_BLOCKS][WEFT_LANES],
                   weft_s32 ended[WEFT_LINE_BLOCKS][WEFT_LANES],
                   weft_u64 codes[WEFT_TILE_ROWS][WEFT_BANKS],
                   weft_u32 exps[WEFT_LANES][WEFT_EXPS], weft_s32 highest[WEFT_NORM_ROWS],
                   weft_s32 amounts[WEFT_NORM_ROWS], weft_s32 squares[WEFT_NORM_ROWS],
                   weft_s64 factors[WEFT_NORM_ROWS], weft_s32 fours[WEFT_NORM_ROWS],
                   weft_u64 values[WEFT_TILE_ROWS][WEFT_BANKS],
                   weft_u64 means[WEFT_LINE_ROWS][WEFT_BANKS])
{
    finish_values(job, run, counts, mults, shifts, table, bias, mult, shift, residual, addend, sums,
                  row_sums, column_sums,
                  totals, ended,
                  codes, highest, amounts, squares,
                  values);
    if ((job.is_softmax || job.is_layer_norm) && run.is_last) {
        normalise(job, run, bias, mult, codes, exps, highest, amounts, squares, factors, fours,
                  values);
    }
    finish_means(job, run, ended, means);
}

/* ---- the engine: walks the program ---- */

/* One descriptor: its runs, one after the other, in processes that work on neighbouring runs at the
 * same time. Arrays that are declared in the loop are handed from process to process; those in
 * front of it belong to one process, or do not change in the loop. */
static void run_descriptor(const struct weft_word *weights,
                           const struct weft_word *source,
                           const struct weft_word *second,
                           struct weft_word *target, const struct job job)
{
    weft_u64 table[WEFT_LANES][32];
    #pragma HLS ARRAY_PARTITION variable=table complete dim=1
    weft_s32 counts[WEFT_COUNT_ROWS];
    #pragma HLS ARRAY_PARTITION variable=counts complete dim=1
    weft_s32 mults[WEFT_COUNT_ROWS];
    #pragma HLS ARRAY_PARTITION variable=mults complete dim=1
    weft_s32 shifts[WEFT_COUNT_ROWS];
    #pragma HLS ARRAY_PARTITION variable=shifts complete dim=1
    weft_u32 partial[WEFT_BLOCKS][WEFT_ROWS][WEFT_COLS];
    #pragma HLS ARRAY_PARTITION variable=partial complete dim=2
    #pragma HLS ARRAY_PARTITION variable=partial complete dim=3
    weft_s32 totals[WEFT_LINE_BLOCKS][WEFT_LANES];
    #pragma HLS ARRAY_PARTITION variable=totals complete dim=2
    weft_s32 ended[WEFT_LINE_BLOCKS][WEFT_LANES];
    #pragma HLS ARRAY_PARTITION variable=ended complete dim=2
    weft_u32 a_walk[WEFT_WALK_WORDS];
    #pragma HLS ARRAY_PARTITION variable=a_walk complete dim=1
    weft_u32 b_walk[WEFT_WALK_WORDS];
    #pragma HLS ARRAY_PARTITION variable=b_walk complete dim=1
    weft_u32 r_walk[WEFT_WALK_WORDS];
    #pragma HLS ARRAY_PARTITION variable=r_walk complete dim=1
    weft_u32 y_walk[WEFT_WALK_WORDS];
    #pragma HLS ARRAY_PARTITION variable=y_walk complete dim=1
    struct weft_word a_row[WEFT_ROW_WORDS];
    struct weft_word b_row[WEFT_ROW_WORDS];
    struct weft_word r_row[WEFT_ROW_WORDS];
    walk_begin(job.x, a_walk);
    walk_begin(job.b, b_walk);
    walk_begin(job.r, r_walk);
    walk_begin(job.y, y_walk);
    weft_s32 row_partial[WEFT_BLOCKS][WEFT_ROWS];
    #pragma HLS ARRAY_PARTITION variable=row_partial complete dim=2
    weft_s32 column_partial[WEFT_BLOCKS][WEFT_COLS];
    #pragma HLS ARRAY_PARTITION variable=column_partial complete dim=2
    weft_u64 codes[WEFT_TILE_ROWS][WEFT_BANKS];
    #pragma HLS ARRAY_PARTITION variable=codes complete dim=2
    weft_u32 exps[WEFT_LANES][WEFT_EXPS];
    #pragma HLS ARRAY_PARTITION variable=exps complete dim=1
    weft_s32 highest[WEFT_NORM_ROWS];
    weft_s32 amounts[WEFT_NORM_ROWS];
    weft_s32 squares[WEFT_NORM_ROWS];
    weft_s64 factors[WEFT_NORM_ROWS];
    weft_s32 fours[WEFT_NORM_ROWS];
    if (job.is_softmax) {
        load_exps(weights, job.exps, exps);
    }
    if (stages_of(job).has_table) {
        load_table(weights, job.table, table);
    }
    for (weft_s32 i = 0; i < job.count_rows; i++) {
        #pragma HLS LOOP_TRIPCOUNT min=0 max=64
        #pragma HLS PIPELINE II=3
        counts[i] = read_s32(weights, job.counts + 12 * i);
        mults[i] = read_s32(weights, job.counts + 12 * i + 4);
        shifts[i] = read_s32(weights, job.counts + 12 * i + 8);
    }
    for (weft_s32 index = 0; index < job.runs; index++) {
        #pragma HLS LOOP_TRIPCOUNT min=1 max=4096
        #pragma HLS DATAFLOW
        weft_s8 x_words[WEFT_X_WORDS][WEFT_X_BANKS][WEFT_SIMD];
        #pragma HLS ARRAY_PARTITION variable=x_words complete dim=2
        #pragma HLS ARRAY_RESHAPE variable=x_words complete dim=3
        weft_s8 w_words[WEFT_W_WORDS][WEFT_W_BANKS][WEFT_SIMD];
        #pragma HLS ARRAY_PARTITION variable=w_words complete dim=2
        #pragma HLS ARRAY_RESHAPE variable=w_words complete dim=3
        weft_u64 x_lanes[WEFT_LANE_ROWS][WEFT_BANKS];
        #pragma HLS ARRAY_PARTITION variable=x_lanes complete dim=2
        weft_u64 bias[WEFT_VECTOR_ROWS][WEFT_BANKS];
        #pragma HLS ARRAY_PARTITION variable=bias complete dim=2
        #pragma HLS STREAM variable=bias type=pipo depth=3
        weft_u64 mult[WEFT_VECTOR_ROWS][WEFT_BANKS];
        #pragma HLS ARRAY_PARTITION variable=mult complete dim=2
        #pragma HLS STREAM variable=mult type=pipo depth=3
        weft_u64 shift[WEFT_VECTOR_ROWS][WEFT_BANKS];
        #pragma HLS ARRAY_PARTITION variable=shift complete dim=2
        #pragma HLS STREAM variable=shift type=pipo depth=3
        weft_u32 sums[WEFT_BLOCKS][WEFT_ROWS][WEFT_COLS];
        #pragma HLS ARRAY_PARTITION variable=sums complete dim=2
        #pragma HLS ARRAY_PARTITION variable=sums complete dim=3
        weft_s8 b_words[WEFT_B_WORDS][WEFT_W_BANKS][WEFT_SIMD];
        #pragma HLS ARRAY_PARTITION variable=b_words complete dim=2
        #pragma HLS ARRAY_RESHAPE variable=b_words complete dim=3
        weft_s32 row_sums[WEFT_BLOCKS][WEFT_ROWS];
        #pragma HLS ARRAY_PARTITION variable=row_sums complete dim=2
        weft_s32 column_sums[WEFT_BLOCKS][WEFT_COLS];
        #pragma HLS ARRAY_PARTITION variable=column_sums complete dim=2
        weft_u64 residual[WEFT_TILE_ROWS][WEFT_BANKS];
        #pragma HLS ARRAY_PARTITION variable=residual complete dim=2
        #pragma HLS STREAM variable=residual type=pipo depth=3
        weft_u64 addend[WEFT_PIECE_ROWS][WEFT_BANKS];
        #pragma HLS ARRAY_PARTITION variable=addend complete dim=2
        #pragma HLS STREAM variable=addend type=pipo depth=3
        weft_u64 values[WEFT_TILE_ROWS][WEFT_BANKS];
        #pragma HLS ARRAY_PARTITION variable=values complete dim=2
        weft_u64 means[WEFT_LINE_ROWS][WEFT_BANKS];
        #pragma HLS ARRAY_PARTITION variable=means complete dim=2
        const struct run run = run_at(job, index);
        load_source(source, job, run, a_walk, a_row, x_words, x_lanes);
        load_weights(weights, job, run, w_words, bias, mult, shift);
        load_second(second, job, run, b_walk, r_walk, b_row, r_row, b_words, residual, addend);
        sum(job, run, x_words, x_lanes, w_words, b_words, row_partial, column_partial, row_sums,
            column_sums, partial, sums);
        finish(job, run, counts, mults, shifts, table, bias, mult, shift, residual, addend, sums,
               row_sums, column_sums,
               totals, ended,
               codes, exps, highest, amounts, squares, factors, fours,
               values, means);
        store(target, job, run, y_walk, values, means);
    }
}

/* source, second and target are the same memory, the arena. */
void weft_engine(const weft_u32 *program, const struct weft_word *weights,
                        const struct weft_word *source,
                        const struct weft_word *second, struct weft_word *target,
                        const weft_u32 count)
{
#pragma HLS INTERFACE m_axi port=program offset=slave bundle=gmem_weights num_read_outstanding=64 num_write_outstanding=64 max_read_burst_length=4 max_write_burst_length=4 max_widen_bitwidth=32
#pragma HLS INTERFACE s_axilite port=program bundle=control
#pragma HLS INTERFACE m_axi port=weights offset=slave bundle=gmem_weights num_read_outstanding=64 num_write_outstanding=64 max_read_burst_length=4 max_write_burst_length=4 max_widen_bitwidth=64
#pragma HLS AGGREGATE variable=weights compact=auto
#pragma HLS INTERFACE s_axilite port=weights bundle=control
#pragma HLS INTERFACE m_axi port=source offset=slave bundle=gmem_source num_read_outstanding=64 num_write_outstanding=64 max_read_burst_length=4 max_write_burst_length=4 max_widen_bitwidth=64
#pragma HLS AGGREGATE variable=source compact=auto
#pragma HLS INTERFACE s_axilite port=source bundle=control
#pragma HLS INTERFACE m_axi port=second offset=slave bundle=gmem_second num_read_outstanding=64 num_write_outstanding=64 max_read_burst_length=4 max_write_burst_length=4 max_widen_bitwidth=64
#pragma HLS AGGREGATE variable=second compact=auto
#pragma HLS INTERFACE s_axilite port=second bundle=control
#pragma HLS INTERFACE m_axi port=target offset=slave bundle=gmem_target num_read_outstanding=64 num_write_outstanding=64 max_read_burst_length=4 max_write_burst_length=4 max_widen_bitwidth=64
#pragma HLS AGGREGATE variable=target compact=auto
#pragma HLS INTERFACE s_axilite port=target bundle=control
#pragma HLS INTERFACE s_axilite port=count bundle=control
#pragma HLS INTERFACE s_axilite port=return bundle=control
    for (weft_u32 index = 0; index < count; index++) {
        #pragma HLS LOOP_TRIPCOUNT min=1 max=1024
        weft_s32 words[WEFT_D_WORDS];
        #pragma HLS ARRAY_PARTITION variable=words complete dim=1
        for (weft_u32 i = 0; i < WEFT_D_WORDS; i++) {
            #pragma HLS PIPELINE II=1
            words[i] = (weft_s32)program[index * WEFT_D_WORDS + i];
        }
        if (words[WEFT_D_KIND] == WEFT_KIND_END) {
            break;
        }
        run_descriptor(weights, source, second, target, read_job(words));
    }
}
