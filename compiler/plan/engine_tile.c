/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles that fit the engine's buffers (limits: kernels/fpga/engine.h) and read as little as they
 * can. */
#include "compiler/plan/engine.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t blocks(int64_t count, int64_t block)
{
    return (count + block - 1) / block;
}

static int64_t round_up(int64_t count, int64_t block)
{
    return blocks(count, block) * block;
}

/* So many equal parts as `most` asks for, in multiples of `unit`. */
static int64_t even_part(int64_t count, int64_t most, int64_t unit)
{
    int64_t part = round_up(blocks(count, blocks(count, most)), unit);
    return part < most ? part : most;
}

/* Filters stay for all tiles of pixels when they are one piece deep, so what counts is how often
 * patches and filters are read: patches once per tile of channels, filters once per tile of pixels.
 */
engine_tile weft__engine_conv_tile(const weft_engine_params *engine, int64_t pixels,
                                   int64_t channels, int64_t depth)
{
    int64_t rows = engine->rows, cols = engine->cols, simd = engine->simd;
    int64_t most_depth = least(engine->x_bytes / rows, engine->w_bytes / cols) / simd * simd;
    int64_t d = even_part(depth, most_depth, simd);
    engine_tile best = {0, 0, d};
    int64_t best_bytes = INT64_MAX;
    for (int64_t c = cols; c <= engine->w_bytes / d && c <= engine->sums / rows; c += cols) {
        int64_t used = least(least(c, engine->line), channels);
        int64_t p = least(least(engine->x_bytes / d, engine->sums / c) / rows * rows, pixels);
        if (used < c - cols + 1 || p < 1)
            break;
        int64_t bytes =
            blocks(channels, used) * pixels * depth + blocks(pixels, p) * channels * depth;
        if (bytes < best_bytes) {
            best_bytes = bytes;
            best = (engine_tile){p, used, d};
        }
    }
    WEFT_ASSERT(best.pixels > 0); /* valid parameters have room for one block */
    return best;
}

/* The vector unit: as many lanes as there are channels up to a line, then as many pixels as fit. */
engine_tile weft__engine_lane_tile(const weft_engine_params *engine, int64_t pixels,
                                   int64_t channels, int64_t depth)
{
    int64_t d = least(depth, engine->lane_bytes / engine->lanes);
    int64_t most = least(least(engine->line, engine->sums), engine->lane_bytes / d);
    int64_t c = least(channels, most);
    if (c > engine->lanes)
        c = c / engine->lanes * engine->lanes;
    int64_t used = round_up(c, engine->lanes);
    int64_t p = least(pixels, least(engine->lane_bytes / (used * d), engine->sums / used));
    return (engine_tile){p, c, d};
}
