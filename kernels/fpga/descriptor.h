/* SPDX-License-Identifier: Apache-2.0 */
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
