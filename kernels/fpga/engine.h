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
 *   weft_engine(const u32 *program, const u64 *weights, const u64 *source, const u64 *second,
 *               u64 *target, u32 count)
 * source, second and target are all the arena: a process of a dataflow region has a memory port of
 * its own, so x, the second operand (residual) and y each get one. */
#define WEFT_ENGINE_KERNEL "weft_engine"

typedef struct weft_engine_params {
    const char *name;
    int32_t rows, cols;       /* matrix array: pixels (even) x channels (a multiple of lanes) */
    int32_t simd;             /* its depth: 1, 2, 4 or 8 */
    int32_t lanes;            /* channels at a time in the vector unit and the epilogue */
    int32_t x_bytes, w_bytes; /* one of the two buffers of the array's operands */
    int32_t sums;             /* s32 sums of one tile */
    int32_t lane_bytes;       /* one of the two buffers of each of the vector unit's operands */
    int32_t line;             /* channels of a tile at most; elements of a piece of a stream;
                                 a multiple of lanes and of 8 */
    const char *doc;
} weft_engine_params;

/* By name; NULL when there is none. The table ends with a NULL name. */
extern const weft_engine_params weft_engines[];
const weft_engine_params *weft_engine_find(const char *name);
/* Whether the printer and the engine can work with these numbers. */
bool weft_engine_params_are_valid(const weft_engine_params *params);
/* Bytes of on-chip arrays, each counted once (ping-pong doubles most of them on a card). */
int64_t weft_engine_storage_bytes(const weft_engine_params *params);

/* Whether a tile of a window kind fits, with p, c, d = TILE_PIXELS, TILE_CHANNELS, TILE_DEPTH and
 * up(a, b) = a rounded up to a multiple of b:
 *   all:           p, c, d >= 1; c <= line
 *   CONV:          d a multiple of simd; up(p, rows) * d <= x_bytes; up(c, cols) * d <= w_bytes;
 *                  up(p, rows) * up(c, cols) <= sums
 *   GROUPED, POOL: p * up(c, lanes) * d <= lane_bytes; p * up(c, lanes) <= sums */
bool weft_engine_tile_fits(const weft_engine_params *params, int kind, int64_t pixels,
                           int64_t channels, int64_t depth);
/* Rows of a pool's counts at most. */
enum { WEFT_ENGINE_COUNT_ROWS = 64 };

#endif
