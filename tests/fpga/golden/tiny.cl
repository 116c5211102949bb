/* SPDX-License-Identifier: Apache-2.0 */
/* Engine "tiny" in OpenCL C 1.2, printed by weft; do not edit.
 * Matrix array of 2 pixels x 4 channels x 4: 32 products per cycle on 16 DSPs.
 * On chip: 2432 bytes of arrays, most of them twice (ping-pong). */
/* Compilers for CPUs need not know the attributes, and vectorise loops
 * better than copies of their bodies. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wunknown-attributes"
#endif
#ifdef __xilinx__
#define WEFT_UNROLL(n) __attribute__((opencl_unroll_hint(n)))
#else
#define WEFT_UNROLL(n)
#endif

#define WEFT_ROWS 2 /* pixels of the matrix array */
#define WEFT_COLS 4 /* output channels of the matrix array */
#define WEFT_SIMD 4 /* depth of the matrix array */
#define WEFT_LANES 4 /* channels at a time of the vector unit and the epilogue */
#define WEFT_X_BYTES 256 /* buffer of patches */
#define WEFT_W_BYTES 256 /* buffer of filters */
#define WEFT_SUMS 64 /* sums of a tile */
#define WEFT_LANE_BYTES 256 /* buffers of the vector unit */
#define WEFT_LINE 16 /* channels of a tile at most, elements of a piece of a stream */
#define WEFT_COUNT_ROWS 64 /* counts of an average pool at most */
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
 * accessed as little-endian words of 8 bytes: they begin at a multiple of 8 and hold whole words,
 * and a descriptor may touch the other bytes of a word that it reads or writes, without changing
 * them. An offset is a byte offset into one of them; a step (of an address) is a signed number of
 * bytes; elements are single bytes, so bytes and elements are the same number. Offsets need no
 * alignment, but rows that begin at a multiple of 8 are eight times as fast; vectors of s32 begin
 * at a multiple of 4. Zero points and limits are
 * the values themselves (s8: -128..127, u8: 0..255) unless said; multipliers and shifts are those
 * of kernels/include/weft_int.h. Every rule is that file's. */
#ifndef WEFT_KERNELS_FPGA_DESCRIPTOR_H
#define WEFT_KERNELS_FPGA_DESCRIPTOR_H

enum { WEFT_D_VERSION_NOW = 1, WEFT_D_WORDS = 64, WEFT_D_DIMS = 6 };

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
    WEFT_KIND_COUNT
};

/* Word 3. A value is u8 where its SIGNED bit is clear. */
enum {
    WEFT_FLAG_X_SIGNED = 1,    /* x (operand a) */
    WEFT_FLAG_B_SIGNED = 2,    /* CONV, GROUPED: the residual; ADD, MUL: operand b */
    WEFT_FLAG_C_SIGNED = 4,    /* CONV, GROUPED: c before the table (c_type) */
    WEFT_FLAG_T_SIGNED = 8,    /* CONV, GROUPED: the table's elements */
    WEFT_FLAG_R_SIGNED = 16,   /* MUL: the residual */
    WEFT_FLAG_TABLE = 32,      /* CONV, GROUPED: there is a table */
    WEFT_FLAG_RESIDUAL = 64,   /* CONV, GROUPED, MUL: there is a residual */
    WEFT_FLAG_MEAN = 128,      /* CONV, GROUPED: the mean is stored as well */
    WEFT_FLAG_AVERAGE = 256,   /* POOL: average; else maximum */
    WEFT_FLAG_COUNT_PADS = 512 /* POOL, average: count_include_pad */
};

/* Words that every kind has. */
enum {
    WEFT_D_KIND = 0,
    WEFT_D_VERSION = 1, /* WEFT_D_VERSION_NOW */
    WEFT_D_STEP = 2,    /* index of the schedule's step, for people and profiles; not executed */
    WEFT_D_FLAGS = 3,
    WEFT_D_X = 4,      /* offset in arena: first element of x (of operand a) */
    WEFT_D_Y = 5,      /* offset in arena: first element of y */
    WEFT_D_B = 6,      /* offset in arena: residual of CONV and GROUPED, operand b of ADD and MUL */
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

/* CONV, GROUPED, POOL: windows. y[n][oy][ox][o] from x[n][iy][ix][i], iy = oy * stride - pad top +
 * ky * dilation. y and the residual are channels last with pixels in a row (position p = oy *
 * width + ox); x has any steps, so NCHW is read in place. */
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
     * one image by so many output channels; depth is how much of the sum is done at a time: CONV:
     * elements of a filter, a multiple of the engine's simd; GROUPED: the same, any number; POOL:
     * taps. */
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

/* ADD, MUL, TABLE, MOVE, FILL: streams. Up to six dimensions, the last one innermost, unused ones
 * of size 1 in front; y[i] from a[i], b[i], residual[i], each with its own steps (0 broadcasts,
 * negative runs backwards from the offset). Bytes of wider elements are an innermost dimension of
 * MOVE. */
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

#endif

/* ---- the memories: words of 8 bytes, little endian; addresses are byte offsets ---- */

/* One byte of a word. */
static weft_u8 byte_of_word(const weft_u64 word, const weft_s32 index)
{
    return (weft_u8)(word >> (8 * index));
}

static weft_u8 byte_at(const __global weft_u64 *memory, const weft_s32 at)
{
    return byte_of_word(memory[at / 8], at % 8);
}

/* Changes one byte; its neighbours in the word may belong to another value. */
static void put_byte(__global weft_u64 *memory, const weft_s32 at, const weft_u8 value)
{
    const weft_s32 shift = 8 * (at % 8);
    const weft_u64 others = memory[at / 8] & ~((weft_u64)255 << shift);
    memory[at / 8] = others | (weft_u64)value << shift;
}

/* An s32 of a vector in `weights`, whose offset is a multiple of 4. */
static weft_s32 read_s32(const __global weft_u64 *memory, const weft_s32 at)
{
    return (weft_s32)(weft_u32)(memory[at / 8] >> (8 * (at % 8)));
}

/* `count` elements into a line: a word per cycle where they are contiguous and aligned (the rest of
 * the last word comes along), else a byte. */
static void load_line(const __global weft_u64 *memory, const weft_s32 at, const weft_s32 step,
                      const weft_s32 count, weft_u8 line[WEFT_LINE])
{
    if (step == 1 && at % 8 == 0) {
        __attribute__((xcl_pipeline_loop(1)))
        for (weft_s32 i = 0; i < count; i += 8) {
            const weft_u64 word = memory[at / 8 + i / 8];
            WEFT_UNROLL(8)
            for (weft_s32 b = 0; b < 8; b++) {
                line[i + b] = byte_of_word(word, b);
            }
        }
    } else {
        __attribute__((xcl_pipeline_loop(1)))
        for (weft_s32 i = 0; i < count; i++) {
            line[i] = byte_at(memory, at + i * step);
        }
    }
}

/* The reverse: whole words, and bytes for what is left. */
static void store_line(__global weft_u64 *memory, const weft_s32 at, const weft_s32 step,
                       const weft_s32 count, const weft_u8 line[WEFT_LINE])
{
    const weft_s32 whole = step == 1 && at % 8 == 0 ? count / 8 * 8 : 0;
    __attribute__((xcl_pipeline_loop(1)))
    for (weft_s32 i = 0; i < whole; i += 8) {
        weft_u64 word = 0;
        WEFT_UNROLL(8)
        for (weft_s32 b = 0; b < 8; b++) {
            word |= (weft_u64)line[i + b] << (8 * b);
        }
        memory[at / 8 + i / 8] = word;
    }
    __attribute__((xcl_pipeline_loop(1)))
    for (weft_s32 i = whole; i < count; i++) {
        put_byte(memory, at + i * step, line[i]);
    }
}

/* ---- what a descriptor says, as structures that are passed by value ---- */

/* CONV, GROUPED and POOL. Names are those of the words. */
struct window_job {
    weft_s32 kind, flags;
    weft_s32 x, y, b, mean, weights, bias, mult, shift, table;
    weft_s32 batch, in_height, in_width, in_channels, out_width, pixels, out_channels;
    weft_s32 kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x;
    weft_s32 pad_top, pad_left, pad_bottom, pad_right;
    weft_s32 x_image, x_row, x_pixel, x_channel, y_image, y_pixel, b_image, b_pixel, pad;
    weft_s32 c_zero, c_min, c_max, a_zero, a_mult, b_zero, b_mult, add_shift, y_zero, y_min, y_max;
    weft_s32 mean_mult, mean_shift, mean_zero, mean_min, mean_max, mean_base;
    weft_s32 tile_pixels, tile_channels, tile_depth, counts, count_rows;
    weft_s32 group_inputs, group_outputs; /* channels of one group */
    weft_s32 depth; /* elements of a filter; POOL: taps */
};

static struct window_job read_window_job(const weft_s32 d[WEFT_D_WORDS])
{
    struct window_job job;
    job.kind = d[WEFT_D_KIND];
    job.flags = d[WEFT_D_FLAGS];
    job.x = d[WEFT_D_X];
    job.y = d[WEFT_D_Y];
    job.b = d[WEFT_D_B];
    job.mean = d[WEFT_D_MEAN];
    job.weights = d[WEFT_D_WEIGHTS];
    job.bias = d[WEFT_D_BIAS];
    job.mult = d[WEFT_D_MULT];
    job.shift = d[WEFT_D_SHIFT];
    job.table = d[WEFT_D_TABLE];
    job.batch = d[WEFT_D_BATCH];
    job.in_height = d[WEFT_D_IN_HEIGHT];
    job.in_width = d[WEFT_D_IN_WIDTH];
    job.in_channels = d[WEFT_D_IN_CHANNELS];
    job.out_width = d[WEFT_D_OUT_WIDTH];
    job.pixels = d[WEFT_D_OUT_HEIGHT] * d[WEFT_D_OUT_WIDTH];
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
    job.count_rows = d[WEFT_D_COUNT_ROWS];
    /* A pool is a convolution with as many groups as channels. */
    const weft_s32 groups = job.kind == WEFT_KIND_CONV   ? 1
                            : job.kind == WEFT_KIND_POOL ? job.out_channels
                                                         : d[WEFT_D_GROUPS];
    job.group_inputs = job.in_channels / groups;
    job.group_outputs = job.out_channels / groups;
    job.depth = job.kernel_height * job.kernel_width * job.group_inputs;
    return job;
}

/* ADD, MUL, TABLE, MOVE and FILL. */
struct stream_job {
    weft_s32 kind, flags;
    weft_s32 x, y, b, r, table;
    weft_s32 sizes[WEFT_D_DIMS];
    weft_s32 a_steps[WEFT_D_DIMS], b_steps[WEFT_D_DIMS], r_steps[WEFT_D_DIMS];
    weft_s32 y_steps[WEFT_D_DIMS];
    weft_s32 product_mult, product_shift, c_zero, c_min, c_max;
    weft_s32 a_zero, a_mult, b_zero, b_mult, r_zero, add_shift, y_zero, y_min, y_max, fill;
};

static struct stream_job read_stream_job(const weft_s32 d[WEFT_D_WORDS])
{
    struct stream_job job;
    job.kind = d[WEFT_D_KIND];
    job.flags = d[WEFT_D_FLAGS];
    job.x = d[WEFT_D_X];
    job.y = d[WEFT_D_Y];
    job.b = d[WEFT_D_B];
    job.r = d[WEFT_D_R];
    job.table = d[WEFT_D_TABLE];
    WEFT_UNROLL(6)
    for (weft_s32 i = 0; i < WEFT_D_DIMS; i++) {
        job.sizes[i] = d[WEFT_D_SIZES + i];
        job.a_steps[i] = d[WEFT_D_A_STEPS + i];
        job.b_steps[i] = d[WEFT_D_B_STEPS + i];
        job.r_steps[i] = d[WEFT_D_R_STEPS + i];
        job.y_steps[i] = d[WEFT_D_Y_STEPS + i];
    }
    job.product_mult = d[WEFT_D_PRODUCT_MULT];
    job.product_shift = d[WEFT_D_PRODUCT_SHIFT];
    job.c_zero = d[WEFT_D_C_ZERO];
    job.c_min = d[WEFT_D_C_MIN];
    job.c_max = d[WEFT_D_C_MAX];
    job.a_zero = d[WEFT_D_A_ZERO];
    job.a_mult = d[WEFT_D_A_MULT];
    job.b_zero = d[WEFT_D_B_ZERO];
    job.b_mult = d[WEFT_D_B_MULT];
    job.r_zero = d[WEFT_D_R_ZERO];
    job.add_shift = d[WEFT_D_ADD_SHIFT];
    job.y_zero = d[WEFT_D_Y_ZERO];
    job.y_min = d[WEFT_D_Y_MIN];
    job.y_max = d[WEFT_D_Y_MAX];
    job.fill = d[WEFT_D_FILL];
    return job;
}

/* ---- tiles ---- */

/* Positions [pixel, pixel + pixels) of one image by channels [channel, channel + channels). */
struct tile {
    weft_s32 image, pixel, pixels, channel, channels;
};

static weft_s32 least(const weft_s32 a, const weft_s32 b)
{
    return a < b ? a : b;
}

static weft_s32 blocks_of(const weft_s32 count, const weft_s32 block)
{
    return (count + block - 1) / block;
}

static struct tile tile_at(const struct window_job job, const weft_s32 image,
                           const weft_s32 pixel_tile, const weft_s32 channel_tile)
{
    struct tile tile;
    tile.image = image;
    tile.pixel = pixel_tile * job.tile_pixels;
    tile.pixels = least(job.tile_pixels, job.pixels - tile.pixel);
    tile.channel = channel_tile * job.tile_channels;
    tile.channels = least(job.tile_channels, job.out_channels - tile.channel);
    return tile;
}

/* Elements of the sum that piece `piece` of the depth covers. */
static weft_s32 piece_depth(const struct window_job job, const weft_s32 piece)
{
    return least(job.tile_depth, job.depth - piece * job.tile_depth);
}

/* ---- the matrix array: WEFT_ROWS pixels x WEFT_COLS channels x WEFT_SIMD of the depth ---- */

/* Arrays of two and three dimensions are passed without const, because C99 does not convert to
 * them; a function's comment says what it writes. */

#define WEFT_X_WORDS (WEFT_X_BYTES / (WEFT_ROWS * WEFT_SIMD))
#define WEFT_W_WORDS (WEFT_W_BYTES / (WEFT_COLS * WEFT_SIMD))
#define WEFT_BLOCKS (WEFT_SUMS / (WEFT_ROWS * WEFT_COLS))
#define WEFT_SUM_WORDS (WEFT_SUMS / WEFT_LANES)

#if WEFT_SIMD > 8 || 8 % WEFT_SIMD != 0 || WEFT_ROWS % 2 != 0 || WEFT_COLS % WEFT_LANES != 0
#error "the array packs pairs of rows and at most 8 products, and drains into lanes"
#endif

/* Two products with one multiplier: a DSP multiplies 27 bits by 18, so (a1 * 2^18 + a0) * w makes
 * a1 * w and a0 * w in one go, and WEFT_SIMD <= 8 of them are added up before they are taken
 * apart. Proof that they can be: each product of two s8 lies in [-128 * 127, 128 * 128], so eight
 * of them in [-130048, 131072] = [-(2^17 - 1024), 2^17], -128 as a weight included. Starting from
 * 2^17 - 1 the low sum lies in [1023, 2^18 - 1]: it never borrows from the high sum, which is
 * therefore exactly the packed sum shifted right by 18. */
#define WEFT_PACK_BITS 18
#define WEFT_PACK_START ((1 << (WEFT_PACK_BITS - 1)) - 1)

/* Patches of a tile, [row block][word][row][simd]: im2col by address. Beyond the image it reads as
 * the zero point; rows beyond the tile and depth beyond the filter meet nothing that is kept. A
 * cycle takes 8 bytes where a run of channels is contiguous and aligned, else one. */
static void load_patches(const __global weft_u64 *source, const struct window_job job,
                         const struct tile tile, const weft_s32 piece,
                         weft_s8 x_words[WEFT_X_WORDS][WEFT_ROWS][WEFT_SIMD])
{
    const weft_u8 flip = (job.flags & WEFT_FLAG_X_SIGNED) != 0 ? 0 : 128;
    const weft_s32 depth = piece_depth(job, piece);
    const weft_s32 words = blocks_of(depth, WEFT_SIMD);
    const weft_s32 rows = blocks_of(tile.pixels, WEFT_ROWS) * WEFT_ROWS;
    const weft_s32 first_tap = piece * job.tile_depth / job.in_channels;
    const weft_s32 first_channel = piece * job.tile_depth % job.in_channels;
    const weft_s32 first_ky = first_tap / job.kernel_width;
    const weft_s32 first_kx = first_tap % job.kernel_width;
    weft_s32 oy = tile.pixel / job.out_width;
    weft_s32 ox = tile.pixel % job.out_width;
    __attribute__((xcl_loop_tripcount(1, 32)))
    for (weft_s32 row = 0; row < rows; row++) {
        const weft_s32 base = row / WEFT_ROWS * words;
        weft_s32 ky = first_ky;
        weft_s32 kx = first_kx;
        weft_s32 channel = first_channel;
        weft_s32 k = 0;
        /* A run lies within one tap, or is the rest of the last word. */
        __attribute__((xcl_loop_tripcount(1, 32)))
        while (k < words * WEFT_SIMD) {
            const weft_s32 iy = oy * job.stride_y - job.pad_top + ky * job.dilation_y;
            const weft_s32 ix = ox * job.stride_x - job.pad_left + kx * job.dilation_x;
            const weft_s32 is_inside = row < tile.pixels && k < depth && iy >= 0 &&
                                       iy < job.in_height && ix >= 0 && ix < job.in_width;
            const weft_s32 run = k < depth ? least(job.in_channels - channel, depth - k)
                                           : words * WEFT_SIMD - k;
            const weft_s32 at = is_inside ? job.x + tile.image * job.x_image + iy * job.x_row +
                                                ix * job.x_pixel + channel * job.x_channel
                                          : 0;
            if (is_inside && job.x_channel == 1 && at % 8 == 0 && k % WEFT_SIMD == 0) {
                __attribute__((xcl_pipeline_loop(1)))
                for (weft_s32 i = 0; i < run; i += 8) {
                    const weft_u64 word = source[at / 8 + i / 8];
                    WEFT_UNROLL(8)
                    for (weft_s32 b = 0; b < 8; b++) {
                        if (i + b < run) {
                            x_words[base + k / WEFT_SIMD + (i + b) / WEFT_SIMD][row % WEFT_ROWS]
                                   [b % WEFT_SIMD] = (weft_s8)(byte_of_word(word, b) ^ flip);
                        }
                    }
                }
            } else if (is_inside) {
                __attribute__((xcl_pipeline_loop(1)))
                for (weft_s32 i = 0; i < run; i++) {
                    x_words[base + (k + i) / WEFT_SIMD][row % WEFT_ROWS][(k + i) % WEFT_SIMD] =
                        (weft_s8)(byte_at(source, at + i * job.x_channel) ^ flip);
                }
            } else {
                __attribute__((xcl_pipeline_loop(1)))
                for (weft_s32 i = 0; i < run; i++) {
                    x_words[base + (k + i) / WEFT_SIMD][row % WEFT_ROWS][(k + i) % WEFT_SIMD] =
                        (weft_s8)job.pad;
                }
            }
            k += run;
            channel = 0;
            kx++;
            if (kx == job.kernel_width) {
                kx = 0;
                ky++;
            }
        }
        ox++;
        if (ox == job.out_width) {
            ox = 0;
            oy++;
        }
    }
}

/* Filters of a tile, [column block][word][simd][column]; zeros beyond channels and depth. */
static void load_filters(const __global weft_u64 *weights, const struct window_job job,
                         const struct tile tile, const weft_s32 piece,
                         weft_s8 w_words[WEFT_W_WORDS][WEFT_SIMD][WEFT_COLS])
{
    const weft_s32 depth = piece_depth(job, piece);
    const weft_s32 words = blocks_of(depth, WEFT_SIMD);
    const weft_s32 columns = blocks_of(tile.channels, WEFT_COLS) * WEFT_COLS;
    __attribute__((xcl_loop_tripcount(1, 16)))
    for (weft_s32 column = 0; column < columns; column++) {
        const weft_s32 base = column / WEFT_COLS * words;
        const weft_s32 at =
            job.weights + (tile.channel + column) * job.depth + piece * job.tile_depth;
        const weft_s32 kept = column < tile.channels ? depth : 0;
        const weft_s32 whole = at % 8 == 0 ? kept / 8 * 8 : 0;
        __attribute__((xcl_pipeline_loop(1)))
        for (weft_s32 k = 0; k < whole; k += 8) {
            const weft_u64 word = weights[at / 8 + k / 8];
            WEFT_UNROLL(8)
            for (weft_s32 b = 0; b < 8; b++) {
                w_words[base + (k + b) / WEFT_SIMD][b % WEFT_SIMD][column % WEFT_COLS] =
                    (weft_s8)byte_of_word(word, b);
            }
        }
        __attribute__((xcl_pipeline_loop(1)))
        for (weft_s32 k = whole; k < kept; k++) {
            w_words[base + k / WEFT_SIMD][k % WEFT_SIMD][column % WEFT_COLS] =
                (weft_s8)byte_at(weights, at + k);
        }
        __attribute__((xcl_pipeline_loop(1)))
        for (weft_s32 k = kept; k < words * WEFT_SIMD; k++) {
            w_words[base + k / WEFT_SIMD][k % WEFT_SIMD][column % WEFT_COLS] = 0;
        }
    }
}

/* One cycle of the array: sums[row][column] += sum over simd of x[row][simd] * w[simd][column].
 * Sums wrap at 2^32, as registers do; the compiler proves that the last one fits. */
static void multiply_word(weft_s8 x[WEFT_ROWS][WEFT_SIMD], weft_s8 w[WEFT_SIMD][WEFT_COLS],
                          weft_u32 sums[WEFT_ROWS][WEFT_COLS])
{
#if WEFT_PACKED
    WEFT_UNROLL(1)
    for (weft_s32 pair = 0; pair < WEFT_ROWS / 2; pair++) {
        weft_s64 packed[WEFT_COLS];
        WEFT_UNROLL(4)
        for (weft_s32 column = 0; column < WEFT_COLS; column++) {
            packed[column] = WEFT_PACK_START;
        }
        WEFT_UNROLL(4)
        for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
            const weft_s32 both = x[2 * pair + 1][s] * (1 << WEFT_PACK_BITS) + x[2 * pair][s];
            WEFT_UNROLL(4)
            for (weft_s32 column = 0; column < WEFT_COLS; column++) {
                packed[column] += (weft_s64)both * w[s][column];
            }
        }
        WEFT_UNROLL(4)
        for (weft_s32 column = 0; column < WEFT_COLS; column++) {
            const weft_u32 low = (weft_u32)packed[column] & ((1u << WEFT_PACK_BITS) - 1u);
            sums[2 * pair][column] += low - WEFT_PACK_START;
            sums[2 * pair + 1][column] += (weft_u32)(packed[column] >> WEFT_PACK_BITS);
        }
    }
#else
    WEFT_UNROLL(2)
    for (weft_s32 row = 0; row < WEFT_ROWS; row++) {
        WEFT_UNROLL(4)
        for (weft_s32 s = 0; s < WEFT_SIMD; s++) {
            WEFT_UNROLL(4)
            for (weft_s32 column = 0; column < WEFT_COLS; column++) {
                sums[row][column] += (weft_u32)((weft_s32)x[row][s] * w[s][column]);
            }
        }
    }
#endif
}

/* Adds one piece of the depth to the sums of the tile, block by block of the array's size. */
static void multiply(const struct window_job job, const struct tile tile, const weft_s32 piece,
                     weft_s8 x_words[WEFT_X_WORDS][WEFT_ROWS][WEFT_SIMD],
                     weft_s8 w_words[WEFT_W_WORDS][WEFT_SIMD][WEFT_COLS],
                     weft_u32 blocks[WEFT_BLOCKS][WEFT_ROWS][WEFT_COLS])
{
    const weft_s32 words = blocks_of(piece_depth(job, piece), WEFT_SIMD);
    const weft_s32 row_blocks = blocks_of(tile.pixels, WEFT_ROWS);
    const weft_s32 column_blocks = blocks_of(tile.channels, WEFT_COLS);
    __attribute__((xcl_loop_tripcount(1, 8)))
    for (weft_s32 row_block = 0; row_block < row_blocks; row_block++) {
        __attribute__((xcl_loop_tripcount(1, 8)))
        for (weft_s32 column_block = 0; column_block < column_blocks; column_block++) {
            const weft_s32 block = row_block * column_blocks + column_block;
            weft_u32 sums[WEFT_ROWS][WEFT_COLS]
                __attribute__((xcl_array_partition(complete, 1)))
                __attribute__((xcl_array_partition(complete, 2)));
            WEFT_UNROLL(2)
            for (weft_s32 row = 0; row < WEFT_ROWS; row++) {
                WEFT_UNROLL(4)
                for (weft_s32 column = 0; column < WEFT_COLS; column++) {
                    sums[row][column] = piece == 0 ? 0 : blocks[block][row][column];
                }
            }
            __attribute__((xcl_loop_tripcount(1, 32)))
            __attribute__((xcl_pipeline_loop(1)))
            for (weft_s32 word = 0; word < words; word++) {
                multiply_word(x_words[row_block * words + word],
                              w_words[column_block * words + word], sums);
            }
            WEFT_UNROLL(2)
            for (weft_s32 row = 0; row < WEFT_ROWS; row++) {
                WEFT_UNROLL(4)
                for (weft_s32 column = 0; column < WEFT_COLS; column++) {
                    blocks[block][row][column] = sums[row][column];
                }
            }
        }
    }
}

/* The sums of a tile in the order of pixels and channels, [pixel][lane block][lane]. */
static void drain(const struct tile tile, weft_u32 blocks[WEFT_BLOCKS][WEFT_ROWS][WEFT_COLS],
                  weft_s32 sums[WEFT_SUM_WORDS][WEFT_LANES])
{
    const weft_s32 column_blocks = blocks_of(tile.channels, WEFT_COLS);
    const weft_s32 lane_blocks = blocks_of(tile.channels, WEFT_LANES);
    __attribute__((xcl_loop_tripcount(1, 64)))
    for (weft_s32 row = 0; row < tile.pixels; row++) {
        __attribute__((xcl_loop_tripcount(1, 16)))
        __attribute__((xcl_pipeline_loop(1)))
        for (weft_s32 word = 0; word < lane_blocks; word++) {
            const weft_s32 column = word * WEFT_LANES;
            const weft_s32 block = row / WEFT_ROWS * column_blocks + column / WEFT_COLS;
            WEFT_UNROLL(4)
            for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
                sums[row * lane_blocks + word][lane] =
                    (weft_s32)blocks[block][row % WEFT_ROWS][column % WEFT_COLS + lane];
            }
        }
    }
}

/* The sums of a tile. Loading a piece of the depth overlaps with multiplying the one before it. */
static void sum_on_array(const __global weft_u64 *weights, const __global weft_u64 *source,
                         const struct window_job job, const struct tile tile,
                         weft_s32 sums[WEFT_SUM_WORDS][WEFT_LANES])
{
    const weft_s32 pieces = blocks_of(job.depth, job.tile_depth);
    weft_u32 blocks[WEFT_BLOCKS][WEFT_ROWS][WEFT_COLS]
        __attribute__((xcl_array_partition(complete, 2)))
        __attribute__((xcl_array_partition(complete, 3)));
    __attribute__((xcl_dataflow))
    for (weft_s32 piece = 0; piece < pieces; piece++) {
        weft_s8 x_words[WEFT_X_WORDS][WEFT_ROWS][WEFT_SIMD]
            __attribute__((xcl_array_partition(complete, 2)))
            __attribute__((xcl_array_partition(complete, 3)));
        weft_s8 w_words[WEFT_W_WORDS][WEFT_SIMD][WEFT_COLS]
            __attribute__((xcl_array_partition(complete, 2)))
            __attribute__((xcl_array_partition(complete, 3)));
        load_patches(source, job, tile, piece, x_words);
        load_filters(weights, job, tile, piece, w_words);
        multiply(job, tile, piece, x_words, w_words, blocks);
    }
    drain(tile, blocks, sums);
}

/* ---- the epilogue: from the sums of a tile to bytes in the arena ---- */

/* One vector of s32 per output channel of the tile. */
static void load_vector(const __global weft_u64 *weights, const weft_s32 offset,
                        const struct tile tile, weft_s32 vector[WEFT_LINE])
{
    __attribute__((xcl_loop_tripcount(1, 16)))
    __attribute__((xcl_pipeline_loop(1)))
    for (weft_s32 i = 0; i < tile.channels; i++) {
        vector[i] = read_s32(weights, offset + 4 * (tile.channel + i));
    }
}

static void load_table(const __global weft_u64 *weights, const weft_s32 offset, weft_u8 table[256])
{
    __attribute__((xcl_pipeline_loop(1)))
    for (weft_s32 i = 0; i < 256; i++) {
        table[i] = byte_at(weights, offset + i);
    }
}

/* The stages of one element: requantise, table, residual. */
static weft_s32 finish_one(const struct window_job job, const weft_s32 sum, const weft_s32 mult,
                           const weft_s32 shift, const weft_u8 table[256], const weft_u8 residual)
{
    weft_s32 value = weft_requantise(sum, mult, shift, job.c_zero, job.c_min, job.c_max);
    if ((job.flags & WEFT_FLAG_TABLE) != 0) {
        const weft_s32 index =
            weft_table_index(value, (job.flags & WEFT_FLAG_C_SIGNED) != 0);
        value = weft_byte_value(table[index], (job.flags & WEFT_FLAG_T_SIGNED) != 0);
    }
    if ((job.flags & WEFT_FLAG_RESIDUAL) != 0) {
        const weft_s32 other =
            weft_byte_value(residual, (job.flags & WEFT_FLAG_B_SIGNED) != 0);
        value = weft_add_stage(value - job.a_zero, job.a_mult, other - job.b_zero, job.b_mult,
                               job.add_shift, job.y_zero, job.y_min, job.y_max);
    }
    return value;
}

/* Finishes a tile and adds its values to the sums of the mean. `second` is where the residual is;
 * it may be y itself: a row of channels is read before it is written. */
static void finish_tile(const __global weft_u64 *second, __global weft_u64 *target,
                        const struct window_job job, const struct tile tile,
                        const weft_s32 bias[WEFT_LINE], const weft_s32 mult[WEFT_LINE],
                        const weft_s32 shift[WEFT_LINE], const weft_u8 table[256],
                        weft_s32 sums[WEFT_SUM_WORDS][WEFT_LANES], weft_s32 means[WEFT_LINE])
{
    const weft_s32 has_residual = (job.flags & WEFT_FLAG_RESIDUAL) != 0;
    const weft_s32 lane_blocks = blocks_of(tile.channels, WEFT_LANES);
    weft_u8 residual[WEFT_LINE]
        __attribute__((xcl_array_partition(cyclic, 4, 1)));
    weft_u8 line[WEFT_LINE]
        __attribute__((xcl_array_partition(cyclic, 4, 1)));
    __attribute__((xcl_loop_tripcount(1, 64)))
    for (weft_s32 row = 0; row < tile.pixels; row++) {
        const weft_s32 pixel = tile.pixel + row;
        const weft_s32 from =
            job.b + tile.image * job.b_image + pixel * job.b_pixel + tile.channel;
        const weft_s32 to =
            job.y + tile.image * job.y_image + pixel * job.y_pixel + tile.channel;
        load_line(second, from, 1, has_residual ? tile.channels : 0, residual);
        __attribute__((xcl_loop_tripcount(1, 16)))
        __attribute__((xcl_pipeline_loop(1)))
        for (weft_s32 word = 0; word < lane_blocks; word++) {
            WEFT_UNROLL(4)
            for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
                const weft_s32 i = word * WEFT_LANES + lane;
                if (i < tile.channels) {
                    const weft_u32 sum =
                        (weft_u32)sums[row * lane_blocks + word][lane] + (weft_u32)bias[i];
                    const weft_u8 other = has_residual ? residual[i] : 0;
                    const weft_s32 value =
                        finish_one(job, (weft_s32)sum, mult[i], shift[i], table, other);
                    line[i] = weft_byte_of(value);
                    means[i] =
                        (weft_s32)((weft_u32)means[i] + (weft_u32)(value - job.mean_base));
                }
            }
        }
        store_line(target, to, 1, tile.channels, line);
    }
}

static void clear_means(const struct tile tile, weft_s32 means[WEFT_LINE])
{
    __attribute__((xcl_pipeline_loop(1)))
    for (weft_s32 i = 0; i < tile.channels; i++) {
        means[i] = 0;
    }
}

static void store_means(__global weft_u64 *target, const struct window_job job,
                        const struct tile tile, const weft_s32 means[WEFT_LINE])
{
    weft_u8 line[WEFT_LINE];
    __attribute__((xcl_pipeline_loop(1)))
    for (weft_s32 i = 0; i < tile.channels; i++) {
        line[i] = weft_byte_of(weft_requantise(means[i], job.mean_mult, job.mean_shift,
                                               job.mean_zero, job.mean_min, job.mean_max));
    }
    store_line(target, job.mean + tile.image * job.out_channels + tile.channel, 1, tile.channels,
               line);
}

/* ---- the vector unit on windows: WEFT_LANES channels at a time ---- */

#define WEFT_LANE_WORDS (WEFT_LANE_BYTES / WEFT_LANES)

/* Bytes under the windows of a tile, [pixel][depth][lane block][lane]; `pad` beyond the image. An
 * output channel reads the channels of its group. */
static void load_lanes(const __global weft_u64 *source, const struct window_job job,
                       const struct tile tile, const weft_s32 piece,
                       weft_u8 x_lanes[WEFT_LANE_WORDS][WEFT_LANES])
{
    const weft_s32 depth = piece_depth(job, piece);
    const weft_s32 lane_blocks = blocks_of(tile.channels, WEFT_LANES);
    const weft_s32 first_group = tile.channel / job.group_outputs;
    const weft_s32 first_within = tile.channel % job.group_outputs;
    const weft_s32 is_run =
        job.group_inputs == 1 && job.group_outputs == 1 && job.x_channel == 1;
    __attribute__((xcl_loop_tripcount(1, 64)))
    for (weft_s32 row = 0; row < tile.pixels; row++) {
        const weft_s32 oy = (tile.pixel + row) / job.out_width;
        const weft_s32 ox = (tile.pixel + row) % job.out_width;
        __attribute__((xcl_loop_tripcount(1, 64)))
        for (weft_s32 k = 0; k < depth; k++) {
            const weft_s32 tap = (piece * job.tile_depth + k) / job.group_inputs;
            const weft_s32 input = (piece * job.tile_depth + k) % job.group_inputs;
            const weft_s32 ky = tap / job.kernel_width;
            const weft_s32 kx = tap % job.kernel_width;
            const weft_s32 iy = oy * job.stride_y - job.pad_top + ky * job.dilation_y;
            const weft_s32 ix = ox * job.stride_x - job.pad_left + kx * job.dilation_x;
            const weft_s32 is_inside =
                iy >= 0 && iy < job.in_height && ix >= 0 && ix < job.in_width;
            const weft_s32 at =
                is_inside ? job.x + tile.image * job.x_image + iy * job.x_row +
                                ix * job.x_pixel +
                                (first_group * job.group_inputs + input) * job.x_channel
                          : 0;
            const weft_s32 base = (row * depth + k) * lane_blocks;
            if (is_inside && is_run && at % 8 == 0) {
                __attribute__((xcl_pipeline_loop(1)))
                for (weft_s32 i = 0; i < tile.channels; i += 8) {
                    const weft_u64 word = source[at / 8 + i / 8];
                    WEFT_UNROLL(8)
                    for (weft_s32 b = 0; b < 8; b++) {
                        if (i + b < tile.channels) {
                            x_lanes[base + (i + b) / WEFT_LANES][(i + b) % WEFT_LANES] =
                                byte_of_word(word, b);
                        }
                    }
                }
            } else {
                weft_s32 within = first_within;
                weft_s32 from = at;
                __attribute__((xcl_pipeline_loop(1)))
                for (weft_s32 i = 0; i < tile.channels; i++) {
                    x_lanes[base + i / WEFT_LANES][i % WEFT_LANES] =
                        is_inside ? byte_at(source, from) : weft_byte_of(job.pad);
                    within++;
                    if (within == job.group_outputs) {
                        within = 0;
                        from += job.group_inputs * job.x_channel;
                    }
                }
            }
        }
    }
}

/* Filters of a tile, [depth][lane block][lane]; nothing for a pool. */
static void load_lane_filters(const __global weft_u64 *weights, const struct window_job job,
                              const struct tile tile, const weft_s32 piece,
                              weft_s8 w_lanes[WEFT_LANE_WORDS][WEFT_LANES])
{
    const weft_s32 depth = piece_depth(job, piece);
    const weft_s32 lane_blocks = blocks_of(tile.channels, WEFT_LANES);
    const weft_s32 channels = job.kind == WEFT_KIND_GROUPED ? tile.channels : 0;
    __attribute__((xcl_loop_tripcount(0, 16)))
    for (weft_s32 i = 0; i < channels; i++) {
        const weft_s32 at = job.weights + (tile.channel + i) * job.depth + piece * job.tile_depth;
        __attribute__((xcl_pipeline_loop(1)))
        for (weft_s32 k = 0; k < depth; k++) {
            w_lanes[k * lane_blocks + i / WEFT_LANES][i % WEFT_LANES] =
                (weft_s8)byte_at(weights, at + k);
        }
    }
}

/* Adds one piece of the depth to the sums of the tile: products, values, or the larger one. */
static void accumulate_lanes(const struct window_job job, const struct tile tile,
                             const weft_s32 piece,
                             weft_u8 x_lanes[WEFT_LANE_WORDS][WEFT_LANES],
                             weft_s8 w_lanes[WEFT_LANE_WORDS][WEFT_LANES],
                             weft_s32 held[WEFT_SUM_WORDS][WEFT_LANES])
{
    const weft_s32 depth = piece_depth(job, piece);
    const weft_s32 lane_blocks = blocks_of(tile.channels, WEFT_LANES);
    const weft_s32 is_signed = (job.flags & WEFT_FLAG_X_SIGNED) != 0;
    const weft_s32 is_product = job.kind == WEFT_KIND_GROUPED;
    const weft_s32 is_max = !is_product && (job.flags & WEFT_FLAG_AVERAGE) == 0;
    const weft_s32 start = is_max ? job.y_min : 0;
    __attribute__((xcl_loop_tripcount(1, 64)))
    for (weft_s32 row = 0; row < tile.pixels; row++) {
        __attribute__((xcl_loop_tripcount(1, 16)))
        for (weft_s32 word = 0; word < lane_blocks; word++) {
            const weft_s32 lanes = least(WEFT_LANES, tile.channels - word * WEFT_LANES);
            weft_s32 sums[WEFT_LANES]
                __attribute__((xcl_array_partition(complete, 1)));
            WEFT_UNROLL(4)
            for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
                sums[lane] = piece == 0 ? start : held[row * lane_blocks + word][lane];
            }
            __attribute__((xcl_loop_tripcount(1, 64)))
            __attribute__((xcl_pipeline_loop(1)))
            for (weft_s32 k = 0; k < depth; k++) {
                WEFT_UNROLL(4)
                for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
                    if (lane < lanes) {
                        const weft_s32 x = weft_byte_value(
                            x_lanes[(row * depth + k) * lane_blocks + word][lane], is_signed);
                        const weft_s32 w =
                            is_product ? w_lanes[k * lane_blocks + word][lane] : 1;
                        const weft_u32 sum = (weft_u32)sums[lane] + (weft_u32)((x - job.pad) * w);
                        const weft_s32 larger = x > sums[lane] ? x : sums[lane];
                        sums[lane] = is_max ? larger : (weft_s32)sum;
                    }
                }
            }
            WEFT_UNROLL(4)
            for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
                held[row * lane_blocks + word][lane] = sums[lane];
            }
        }
    }
}

static void drain_lanes(const struct tile tile, weft_s32 held[WEFT_SUM_WORDS][WEFT_LANES],
                        weft_s32 sums[WEFT_SUM_WORDS][WEFT_LANES])
{
    const weft_s32 words = tile.pixels * blocks_of(tile.channels, WEFT_LANES);
    __attribute__((xcl_loop_tripcount(1, 16)))
    __attribute__((xcl_pipeline_loop(1)))
    for (weft_s32 word = 0; word < words; word++) {
        WEFT_UNROLL(4)
        for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
            sums[word][lane] = held[word][lane];
        }
    }
}

/* The sums of a tile; pieces overlap as on the array. */
static void sum_on_lanes(const __global weft_u64 *weights, const __global weft_u64 *source,
                         const struct window_job job, const struct tile tile,
                         weft_s32 sums[WEFT_SUM_WORDS][WEFT_LANES])
{
    const weft_s32 pieces = blocks_of(job.depth, job.tile_depth);
    weft_s32 held[WEFT_SUM_WORDS][WEFT_LANES]
        __attribute__((xcl_array_partition(complete, 2)));
    __attribute__((xcl_dataflow))
    for (weft_s32 piece = 0; piece < pieces; piece++) {
        weft_u8 x_lanes[WEFT_LANE_WORDS][WEFT_LANES]
            __attribute__((xcl_array_partition(complete, 2)));
        weft_s8 w_lanes[WEFT_LANE_WORDS][WEFT_LANES]
            __attribute__((xcl_array_partition(complete, 2)));
        load_lanes(source, job, tile, piece, x_lanes);
        load_lane_filters(weights, job, tile, piece, w_lanes);
        accumulate_lanes(job, tile, piece, x_lanes, w_lanes, held);
    }
    drain_lanes(tile, held, sums);
}

/* Elements of a window along one axis that exist, counting pads where the pool does. */
static weft_s32 taps_inside(const weft_s32 start, const weft_s32 taps, const weft_s32 dilation,
                            const weft_s32 low, const weft_s32 high)
{
    weft_s32 count = 0;
    __attribute__((xcl_pipeline_loop(1)))
    for (weft_s32 tap = 0; tap < taps; tap++) {
        const weft_s32 at = start + tap * dilation;
        count += at >= low && at < high;
    }
    return count;
}

/* Finishes a tile of a pool: the maximum, or the average by the multiplier of its count. */
static void finish_pool(__global weft_u64 *target, const struct window_job job,
                        const struct tile tile, const weft_s32 counts[WEFT_COUNT_ROWS],
                        const weft_s32 mults[WEFT_COUNT_ROWS],
                        const weft_s32 shifts[WEFT_COUNT_ROWS],
                        weft_s32 sums[WEFT_SUM_WORDS][WEFT_LANES])
{
    const weft_s32 is_average = (job.flags & WEFT_FLAG_AVERAGE) != 0;
    const weft_s32 has_pads = (job.flags & WEFT_FLAG_COUNT_PADS) != 0;
    const weft_s32 top = has_pads ? job.pad_top : 0;
    const weft_s32 left = has_pads ? job.pad_left : 0;
    const weft_s32 bottom = job.in_height + (has_pads ? job.pad_bottom : 0);
    const weft_s32 right = job.in_width + (has_pads ? job.pad_right : 0);
    const weft_s32 lane_blocks = blocks_of(tile.channels, WEFT_LANES);
    weft_u8 line[WEFT_LINE]
        __attribute__((xcl_array_partition(cyclic, 4, 1)));
    __attribute__((xcl_loop_tripcount(1, 64)))
    for (weft_s32 row = 0; row < tile.pixels; row++) {
        const weft_s32 pixel = tile.pixel + row;
        const weft_s32 y = pixel / job.out_width * job.stride_y - job.pad_top;
        const weft_s32 x = pixel % job.out_width * job.stride_x - job.pad_left;
        const weft_s32 count =
            taps_inside(y, job.kernel_height, job.dilation_y, -top, bottom) *
            taps_inside(x, job.kernel_width, job.dilation_x, -left, right);
        weft_s32 mult = 0; /* no element: the sum is 0, and so is the average */
        weft_s32 shift = 1;
        __attribute__((xcl_pipeline_loop(1)))
        for (weft_s32 i = 0; i < job.count_rows; i++) {
            if (counts[i] == count) {
                mult = mults[i];
                shift = shifts[i];
            }
        }
        __attribute__((xcl_loop_tripcount(1, 16)))
        __attribute__((xcl_pipeline_loop(1)))
        for (weft_s32 word = 0; word < lane_blocks; word++) {
            WEFT_UNROLL(4)
            for (weft_s32 lane = 0; lane < WEFT_LANES; lane++) {
                if (word * WEFT_LANES + lane < tile.channels) {
                    const weft_s32 sum = sums[row * lane_blocks + word][lane];
                    const weft_s32 value =
                        is_average
                            ? weft_requantise(sum, mult, shift, job.y_zero, job.y_min, job.y_max)
                            : weft_clamp32(sum, job.y_min, job.y_max);
                    line[word * WEFT_LANES + lane] = weft_byte_of(value);
                }
            }
        }
        store_line(target, job.y + tile.image * job.y_image + pixel * job.y_pixel + tile.channel,
                   1, tile.channels, line);
    }
}

/* ---- one descriptor of a window kind ---- */

/* CONV and GROUPED. The sums of a tile are made while the tile before it is finished. */
static void run_convolution(const __global weft_u64 *weights, const __global weft_u64 *source,
                            const __global weft_u64 *second, __global weft_u64 *target,
                            const struct window_job job)
{
    const weft_s32 pixel_tiles = blocks_of(job.pixels, job.tile_pixels);
    const weft_s32 channel_tiles = blocks_of(job.out_channels, job.tile_channels);
    weft_u8 table[256]
        __attribute__((xcl_array_partition(complete, 1))) = {0};
    if ((job.flags & WEFT_FLAG_TABLE) != 0) {
        load_table(weights, job.table, table);
    }
    __attribute__((xcl_loop_tripcount(1, 64)))
    for (weft_s32 channel_tile = 0; channel_tile < channel_tiles; channel_tile++) {
        weft_s32 bias[WEFT_LINE]
            __attribute__((xcl_array_partition(cyclic, 4, 1)));
        weft_s32 mult[WEFT_LINE]
            __attribute__((xcl_array_partition(cyclic, 4, 1)));
        weft_s32 shift[WEFT_LINE]
            __attribute__((xcl_array_partition(cyclic, 4, 1)));
        weft_s32 means[WEFT_LINE]
            __attribute__((xcl_array_partition(cyclic, 4, 1)));
        const struct tile column = tile_at(job, 0, 0, channel_tile);
        load_vector(weights, job.bias, column, bias);
        load_vector(weights, job.mult, column, mult);
        load_vector(weights, job.shift, column, shift);
        __attribute__((xcl_loop_tripcount(1, 8)))
        for (weft_s32 image = 0; image < job.batch; image++) {
            clear_means(column, means);
            if (job.kind == WEFT_KIND_CONV) {
                __attribute__((xcl_dataflow))
                for (weft_s32 pixel_tile = 0; pixel_tile < pixel_tiles; pixel_tile++) {
                    weft_s32 sums[WEFT_SUM_WORDS][WEFT_LANES]
                        __attribute__((xcl_array_partition(complete, 2)));
                    const struct tile tile = tile_at(job, image, pixel_tile, channel_tile);
                    sum_on_array(weights, source, job, tile, sums);
                    finish_tile(second, target, job, tile, bias, mult, shift, table, sums, means);
                }
            } else {
                __attribute__((xcl_dataflow))
                for (weft_s32 pixel_tile = 0; pixel_tile < pixel_tiles; pixel_tile++) {
                    weft_s32 sums[WEFT_SUM_WORDS][WEFT_LANES]
                        __attribute__((xcl_array_partition(complete, 2)));
                    const struct tile tile = tile_at(job, image, pixel_tile, channel_tile);
                    sum_on_lanes(weights, source, job, tile, sums);
                    finish_tile(second, target, job, tile, bias, mult, shift, table, sums, means);
                }
            }
            if ((job.flags & WEFT_FLAG_MEAN) != 0) {
                store_means(target, job, tile_at(job, image, 0, channel_tile), means);
            }
        }
    }
}

static void run_pool(const __global weft_u64 *weights, const __global weft_u64 *source,
                     __global weft_u64 *target, const struct window_job job)
{
    const weft_s32 pixel_tiles = blocks_of(job.pixels, job.tile_pixels);
    const weft_s32 channel_tiles = blocks_of(job.out_channels, job.tile_channels);
    weft_s32 counts[WEFT_COUNT_ROWS];
    weft_s32 mults[WEFT_COUNT_ROWS];
    weft_s32 shifts[WEFT_COUNT_ROWS];
    __attribute__((xcl_pipeline_loop(3)))
    for (weft_s32 i = 0; i < job.count_rows; i++) {
        counts[i] = read_s32(weights, job.counts + 12 * i);
        mults[i] = read_s32(weights, job.counts + 12 * i + 4);
        shifts[i] = read_s32(weights, job.counts + 12 * i + 8);
    }
    __attribute__((xcl_loop_tripcount(1, 64)))
    for (weft_s32 channel_tile = 0; channel_tile < channel_tiles; channel_tile++) {
        __attribute__((xcl_loop_tripcount(1, 8)))
        for (weft_s32 image = 0; image < job.batch; image++) {
            __attribute__((xcl_dataflow))
            for (weft_s32 pixel_tile = 0; pixel_tile < pixel_tiles; pixel_tile++) {
                weft_s32 sums[WEFT_SUM_WORDS][WEFT_LANES]
                    __attribute__((xcl_array_partition(complete, 2)));
                const struct tile tile = tile_at(job, image, pixel_tile, channel_tile);
                sum_on_lanes(weights, source, job, tile, sums);
                finish_pool(target, job, tile, counts, mults, shifts, sums);
            }
        }
    }
}

/* ---- streams: element-wise operators and moves, a piece of a row at a time ---- */

/* Offsets of a piece's first elements, and how many elements it has. */
struct piece {
    weft_s32 x, b, r, y, count;
};

static struct piece piece_at(const struct stream_job job, const weft_s32 i0, const weft_s32 i1,
                             const weft_s32 i2, const weft_s32 i3, const weft_s32 i4,
                             const weft_s32 i5)
{
    struct piece piece;
    piece.x = job.x + i0 * job.a_steps[0] + i1 * job.a_steps[1] + i2 * job.a_steps[2] +
              i3 * job.a_steps[3] + i4 * job.a_steps[4] + i5 * job.a_steps[5];
    piece.b = job.b + i0 * job.b_steps[0] + i1 * job.b_steps[1] + i2 * job.b_steps[2] +
              i3 * job.b_steps[3] + i4 * job.b_steps[4] + i5 * job.b_steps[5];
    piece.r = job.r + i0 * job.r_steps[0] + i1 * job.r_steps[1] + i2 * job.r_steps[2] +
              i3 * job.r_steps[3] + i4 * job.r_steps[4] + i5 * job.r_steps[5];
    piece.y = job.y + i0 * job.y_steps[0] + i1 * job.y_steps[1] + i2 * job.y_steps[2] +
              i3 * job.y_steps[3] + i4 * job.y_steps[4] + i5 * job.y_steps[5];
    piece.count = least(WEFT_LINE, job.sizes[5] - i5);
    return piece;
}

static void load_piece(const __global weft_u64 *source, const __global weft_u64 *second,
                       const struct stream_job job, const struct piece piece,
                       weft_u8 a_line[WEFT_LINE], weft_u8 b_line[WEFT_LINE],
                       weft_u8 r_line[WEFT_LINE])
{
    if (job.kind != WEFT_KIND_FILL) {
        load_line(source, piece.x, job.a_steps[WEFT_D_DIMS - 1], piece.count, a_line);
    }
    if (job.kind == WEFT_KIND_ADD || job.kind == WEFT_KIND_MUL) {
        load_line(second, piece.b, job.b_steps[WEFT_D_DIMS - 1], piece.count, b_line);
    }
    if (job.kind == WEFT_KIND_MUL && (job.flags & WEFT_FLAG_RESIDUAL) != 0) {
        load_line(second, piece.r, job.r_steps[WEFT_D_DIMS - 1], piece.count, r_line);
    }
}

static weft_s32 add_one(const struct stream_job job, const weft_u8 a, const weft_u8 b)
{
    const weft_s32 first = weft_byte_value(a, (job.flags & WEFT_FLAG_X_SIGNED) != 0);
    const weft_s32 other = weft_byte_value(b, (job.flags & WEFT_FLAG_B_SIGNED) != 0);
    return weft_add_stage(first - job.a_zero, job.a_mult, other - job.b_zero, job.b_mult,
                          job.add_shift, job.y_zero, job.y_min, job.y_max);
}

static weft_s32 multiply_one(const struct stream_job job, const weft_u8 a, const weft_u8 b,
                             const weft_u8 r)
{
    const weft_s32 first = weft_byte_value(a, (job.flags & WEFT_FLAG_X_SIGNED) != 0);
    const weft_s32 other = weft_byte_value(b, (job.flags & WEFT_FLAG_B_SIGNED) != 0);
    weft_s32 value =
        weft_multiply_stage(first - job.a_zero, other - job.b_zero, job.product_mult,
                            job.product_shift, job.c_zero, job.c_min, job.c_max);
    if ((job.flags & WEFT_FLAG_RESIDUAL) != 0) {
        const weft_s32 residual = weft_byte_value(r, (job.flags & WEFT_FLAG_R_SIGNED) != 0);
        value = weft_add_stage(value - job.c_zero, job.a_mult, residual - job.r_zero, job.b_mult,
                               job.add_shift, job.y_zero, job.y_min, job.y_max);
    }
    return value;
}

static void compute_piece(const struct stream_job job, const struct piece piece,
                          const weft_u8 table[256], const weft_u8 a_line[WEFT_LINE],
                          const weft_u8 b_line[WEFT_LINE], const weft_u8 r_line[WEFT_LINE],
                          weft_u8 y_line[WEFT_LINE])
{
    if (job.kind == WEFT_KIND_ADD) {
        __attribute__((xcl_pipeline_loop(1)))
        WEFT_UNROLL(4)
        for (weft_s32 i = 0; i < piece.count; i++) {
            y_line[i] = weft_byte_of(add_one(job, a_line[i], b_line[i]));
        }
    } else if (job.kind == WEFT_KIND_MUL) {
        __attribute__((xcl_pipeline_loop(1)))
        WEFT_UNROLL(4)
        for (weft_s32 i = 0; i < piece.count; i++) {
            y_line[i] = weft_byte_of(multiply_one(job, a_line[i], b_line[i], r_line[i]));
        }
    } else if (job.kind == WEFT_KIND_TABLE) {
        const weft_s32 is_signed = (job.flags & WEFT_FLAG_X_SIGNED) != 0;
        __attribute__((xcl_pipeline_loop(1)))
        for (weft_s32 i = 0; i < piece.count; i++) {
            y_line[i] = table[weft_table_index(weft_byte_value(a_line[i], is_signed), is_signed)];
        }
    } else {
        const weft_s32 is_move = job.kind == WEFT_KIND_MOVE;
        __attribute__((xcl_pipeline_loop(1)))
        WEFT_UNROLL(4)
        for (weft_s32 i = 0; i < piece.count; i++) {
            y_line[i] = is_move ? a_line[i] : weft_byte_of(job.fill);
        }
    }
}

/* Pieces of one innermost row: loading, computing and storing overlap. */
static void run_row(const __global weft_u64 *source, const __global weft_u64 *second,
                    __global weft_u64 *target, const struct stream_job job, const weft_u8 table[256],
                    const weft_s32 i0, const weft_s32 i1, const weft_s32 i2, const weft_s32 i3,
                    const weft_s32 i4)
{
    __attribute__((xcl_dataflow))
    for (weft_s32 i5 = 0; i5 < job.sizes[5]; i5 += WEFT_LINE) {
        weft_u8 a_line[WEFT_LINE]
            __attribute__((xcl_array_partition(cyclic, 4, 1)));
        weft_u8 b_line[WEFT_LINE]
            __attribute__((xcl_array_partition(cyclic, 4, 1)));
        weft_u8 r_line[WEFT_LINE]
            __attribute__((xcl_array_partition(cyclic, 4, 1)));
        weft_u8 y_line[WEFT_LINE]
            __attribute__((xcl_array_partition(cyclic, 4, 1)));
        const struct piece piece = piece_at(job, i0, i1, i2, i3, i4, i5);
        load_piece(source, second, job, piece, a_line, b_line, r_line);
        compute_piece(job, piece, table, a_line, b_line, r_line, y_line);
        store_line(target, piece.y, job.y_steps[WEFT_D_DIMS - 1], piece.count, y_line);
    }
}

static void run_stream(const __global weft_u64 *weights, const __global weft_u64 *source,
                       const __global weft_u64 *second, __global weft_u64 *target,
                       const struct stream_job job)
{
    weft_u8 table[256] = {0};
    if (job.kind == WEFT_KIND_TABLE) {
        load_table(weights, job.table, table);
    }
    __attribute__((xcl_loop_tripcount(1, 64)))
    for (weft_s32 i0 = 0; i0 < job.sizes[0]; i0++) {
        __attribute__((xcl_loop_tripcount(1, 64)))
        for (weft_s32 i1 = 0; i1 < job.sizes[1]; i1++) {
            __attribute__((xcl_loop_tripcount(1, 64)))
            for (weft_s32 i2 = 0; i2 < job.sizes[2]; i2++) {
                __attribute__((xcl_loop_tripcount(1, 64)))
                for (weft_s32 i3 = 0; i3 < job.sizes[3]; i3++) {
                    __attribute__((xcl_loop_tripcount(1, 64)))
                    for (weft_s32 i4 = 0; i4 < job.sizes[4]; i4++) {
                        run_row(source, second, target, job, table, i0, i1, i2, i3, i4);
                    }
                }
            }
        }
    }
}

/* ---- the engine: walks the program ---- */

/* source, second and target are the same memory, the arena. */
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void weft_engine(const __global weft_u32 *program, const __global weft_u64 *weights,
                        const __global weft_u64 *source, const __global weft_u64 *second,
                        __global weft_u64 *target, const weft_u32 count)
{
    __attribute__((xcl_loop_tripcount(1, 1024)))
    for (weft_u32 index = 0; index < count; index++) {
        weft_s32 words[WEFT_D_WORDS]
            __attribute__((xcl_array_partition(complete, 1)));
        __attribute__((xcl_pipeline_loop(1)))
        for (weft_u32 i = 0; i < WEFT_D_WORDS; i++) {
            words[i] = (weft_s32)program[index * WEFT_D_WORDS + i];
        }
        const weft_s32 kind = words[WEFT_D_KIND];
        if (kind == WEFT_KIND_END) {
            break;
        }
        if (kind == WEFT_KIND_CONV || kind == WEFT_KIND_GROUPED) {
            run_convolution(weights, source, second, target, read_window_job(words));
        } else if (kind == WEFT_KIND_POOL) {
            run_pool(weights, source, target, read_window_job(words));
        } else {
            run_stream(weights, source, second, target, read_stream_job(words));
        }
    }
}
