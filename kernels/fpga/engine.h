/* SPDX-License-Identifier: Apache-2.0 */
/* An engine's parameters, as the planner chooses them and the printer writes them down, and the
 * limits that they put on a descriptor's tiles. Must not know about graphs or devices. */
#ifndef WEFT_KERNELS_FPGA_ENGINE_H
#define WEFT_KERNELS_FPGA_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/fpga/descriptor.h"

/* The engine is one function (a kernel of one work-item in OpenCL C):
 *   weft_engine(const u32 *program, const word *weights, const word *source, const word *second,
 *               word *target, u32 count)
 * A word is what a memory port moves per cycle: `port` bytes, a structure of u64. source, second
 * and target are all the arena: a process of a dataflow region has a memory port of its own, so x,
 * the second operand (residual) and y each get one. */
#define WEFT_ENGINE_KERNEL "weft_engine"

typedef struct weft_engine_params {
    const char *name;
    int32_t rows, cols;       /* matrix array: pixels (even) x channels (a multiple of lanes) */
    int32_t simd;             /* its depth: 8 */
    int32_t lanes;            /* channels at a time in vector unit and epilogue: 8, 16, 32, 64 */
    int32_t x_bytes, w_bytes; /* one of the two buffers of the array's operands */
    int32_t sums;             /* s32 sums of one tile */
    int32_t lane_bytes;       /* one of the two buffers of each of the vector unit's operands */
    int32_t line;             /* channels of a tile at most; a multiple of lanes */
    int32_t piece;            /* elements of a piece of a stream; a multiple of lanes */
    int32_t port;             /* bytes of a word of memory: 8, 16, 32 or 64 */
    int32_t b_bytes; /* MATMUL: one of the two buffers of its operand b; 0: there is no MATMUL */
    int32_t norms;   /* 1: there are SOFTMAX and LAYER_NORM; 0: not */
    const char *doc;
} weft_engine_params;

/* By name; NULL when there is none. The table ends with a NULL name. */
extern const weft_engine_params weft_engines[];
const weft_engine_params *weft_engine_find(const char *name);
/* The same engine with what some models need: products of two activations, softmax and LayerNorm.
 */
weft_engine_params weft_engine_with(const weft_engine_params *params, bool products, bool norms);
/* Whether the engine has a kind of descriptors. */
bool weft_engine_has_kind(const weft_engine_params *params, int kind);
/* Whether the printer and the engine can work with these numbers. */
bool weft_engine_params_are_valid(const weft_engine_params *params);
/* Bytes of on-chip arrays, each counted once (ping-pong doubles most of them on a card). */
int64_t weft_engine_storage_bytes(const weft_engine_params *params);
/* Words of a stream's row that are kept for the next row, if that is the same one. */
int32_t weft_engine_row_words(const weft_engine_params *params);

/* The window kinds: CONV, GROUPED, POOL, MATMUL. */
bool weft_engine_has_tiles(int kind);
/* Whether a tile of a window kind fits, with p, c, d = TILE_PIXELS, TILE_CHANNELS, TILE_DEPTH,
 * up(a, b) = a rounded up to a multiple of b, and down(a, b):
 *   all:           p, c, d >= 1; c <= line; up(p, rows) * up(c, cols) <= down(sums, rows * cols)
 *   CONV, MATMUL:  d a multiple of simd; up(p, rows) * d <= x_bytes
 *   CONV, GROUPED: up(c, cols) * up(d, simd) <= w_bytes; MATMUL: <= b_bytes
 *   GROUPED, POOL: p * up(c, lanes) * d <= lane_bytes
 */
bool weft_engine_tile_fits(const weft_engine_params *params, int kind, int64_t pixels,
                           int64_t channels, int64_t depth);

/* Where means are taken: whether those of all images that end in a tile fit a line. With i pixels
 * of an image: up(p, i) / i * up(c, lanes) <= line. */
bool weft_engine_means_fit(const weft_engine_params *params, int64_t image_pixels, int64_t pixels,
                           int64_t channels);

/* ---- what the printed source is made of: the home of every count of resources ---- */

/* One array on the card. A bank is a memory of its own that is read and written once per cycle. */
typedef struct weft_engine_array {
    const char *name;
    int32_t banks, depth, bits; /* so many memories of depth x bits */
    int32_t copies; /* 2: ping-pong between two processes; 3: one process stands in between */
} weft_engine_array;

enum { WEFT_ENGINE_ARRAYS_MAX = 36 };

/* Fills `out`, which has room for WEFT_ENGINE_ARRAYS_MAX; how many there are. */
size_t weft_engine_arrays(const weft_engine_params *params, weft_engine_array *out);

/* Multipliers in DSPs of 27 x 18 bits. */
typedef struct weft_engine_dsps {
    int32_t array;     /* two products each */
    int32_t lanes;     /* requantising, sums of two, products of the vector unit and of streams */
    int32_t sizes;     /* of descriptors, runs and pools' windows */
    int32_t attention; /* softmax and LayerNorm; zero points of products of two activations */
} weft_engine_dsps;

static inline int64_t weft_engine_dsps_sum(const weft_engine_dsps *dsps)
{
    return (int64_t)dsps->array + dsps->lanes + dsps->sizes + dsps->attention;
}

weft_engine_dsps weft_engine_multipliers(const weft_engine_params *params);

/* Rows of a pool's counts, and bytes of a word, at most; entries of a table of exponentials. */
enum { WEFT_ENGINE_COUNT_ROWS = 64, WEFT_ENGINE_PORT_MAX = 64, WEFT_ENGINE_EXPS = 256 };

/* Cycles from the sums of a row to its factor (kernels/fpga/norm.body): a division of 64 bits, a
 * bit per stage, behind a root of 31 steps, with multiplications and memories around them. */
enum { WEFT_ENGINE_NORM_STAGES = 128 };

#endif
