/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles that fit the engine's buffers (limits: kernels/fpga/engine.h) and take the fewest cycles,
 * counted roughly: processes of a run overlap, so a tile takes as long as the one that is busy
 * longest, and each run a little more. Must not know about: boards, whose memories decide how fast
 * words really come. */
#include "compiler/base/integer.h"
#include "compiler/plan/engine.h"

/* Cycles from a run's first request to its first word, and its handshakes: what short runs cost. */
static const int64_t RUN_CYCLES = 100;
/* So many equal parts of the depth and of the channels are tried: few large tiles win, since every
 * operand is read once per tile of the other. */
enum { PARTS_TRIED = 8 };

/* One of so many equal parts, in whole units; at most all. */
static int64_t part_of(int64_t count, int64_t parts, int64_t unit)
{
    return weft_least(weft_round_up(weft_blocks(count, parts), unit), weft_round_up(count, unit));
}

static int64_t cycles_of(const weft_engine_params *e, const engine_window *w, engine_tile t)
{
    int64_t tiles = weft_blocks(w->pixels, t.pixels) * weft_blocks(w->channels, t.channels);
    int64_t pieces = weft_blocks(w->depth, t.depth);
    int64_t array = weft_blocks(t.pixels, e->rows) * weft_blocks(t.channels, e->cols) *
                    weft_blocks(t.depth, e->simd);
    /* Stretches of patches and of filters begin anywhere in a word. */
    int64_t stretches = weft_most(1, t.depth / w->stretch);
    int64_t patches =
        w->is_strided ? t.pixels * t.depth : t.pixels * (t.depth / e->port + stretches);
    int64_t filters = t.channels * (t.depth / e->port + 1);
    int64_t values = t.pixels * (t.channels / e->port + 1);
    int64_t run = weft_most(array, weft_most(patches, filters)) + RUN_CYCLES;
    int64_t finish = weft_most(t.pixels * weft_blocks(t.channels, e->lanes), values);
    return tiles * weft_most(pieces * run, finish + RUN_CYCLES);
}

/* Pixels that a tile with so many channels may have: a line holds the means of its images. */
static int64_t tile_limit(const weft_engine_params *e, const engine_window *w, int64_t channels)
{
    int64_t images = e->line / weft_round_up(channels, e->lanes);
    return w->has_mean ? weft_least(w->pixels, images * w->image_pixels) : w->pixels;
}

/* The most pixels that fit beside these channels and this depth. */
static int64_t most_pixels(const weft_engine_params *e, const engine_window *w, int64_t channels,
                           int64_t depth)
{
    int64_t array = (int64_t)e->rows * e->cols;
    int64_t blocks_left = e->sums / array / weft_blocks(channels, e->cols);
    int64_t pixels = weft_least(e->x_bytes / depth / e->rows, blocks_left) * e->rows;
    return weft_least(pixels, tile_limit(e, w, channels));
}

engine_tile weft__engine_conv_tile(const weft_engine_params *engine, const engine_window *window)
{
    const weft_engine_params *e = engine;
    int64_t deepest = weft_least(e->x_bytes / e->rows, e->w_bytes / e->cols) / e->simd * e->simd;
    if (window->is_whole)
        deepest = weft_least(deepest, e->w_bytes / weft_round_up(window->channels, e->cols) /
                                          e->simd * e->simd);
    if (deepest < e->simd)
        return (engine_tile){0, 0, 0};
    int64_t first_parts = weft_blocks(window->depth, deepest);
    engine_tile best = {0, 0, 0};
    int64_t best_cycles = INT64_MAX;
    for (int64_t k = first_parts; k < first_parts + PARTS_TRIED; k++) {
        int64_t d = weft_least(part_of(window->depth, k, e->simd), deepest);
        int64_t widest = weft_least(e->w_bytes / d / e->cols * e->cols, e->line);
        for (int64_t n = weft_blocks(window->channels, widest), tried = 0; tried < PARTS_TRIED;
             n++, tried++) {
            int64_t c = weft_least(part_of(window->channels, n, e->cols), window->channels);
            int64_t p = most_pixels(e, window, c, d);
            if (c > widest || p < 1 || (window->is_whole && c < window->channels))
                continue;
            engine_tile tile = {
                weft_least(part_of(window->pixels, weft_blocks(window->pixels, p), e->rows), p), c,
                d};
            int64_t cycles = cycles_of(e, window, tile);
            if (cycles < best_cycles) {
                best_cycles = cycles;
                best = tile;
            }
        }
    }
    /* Valid parameters have room for one block. */
    WEFT_ASSERT(best.pixels > 0 || window->is_whole);
    return best;
}

/* The vector unit: as many channels as there are up to a line, then as much depth and as many
 * pixels as fit. */
engine_tile weft__engine_lane_tile(const weft_engine_params *engine, const engine_window *window)
{
    const weft_engine_params *e = engine;
    int64_t sum_blocks = e->sums / ((int64_t)e->rows * e->cols);
    int64_t c = weft_least(weft_least(window->channels, e->line), sum_blocks * e->cols);
    int64_t d = weft_least(window->depth, e->lane_bytes / e->lanes);
    if (window->has_filters) {
        d = weft_least(d, e->w_bytes / e->cols);
        c = weft_least(c, e->w_bytes / weft_round_up(d, e->simd) / e->cols * e->cols);
    }
    c = weft_least(c, e->lane_bytes / d);
    if (c > e->lanes)
        c = c / e->lanes * e->lanes;
    int64_t used = weft_round_up(c, e->lanes);
    int64_t rows = sum_blocks / weft_blocks(c, e->cols) * e->rows;
    int64_t p = weft_least(weft_least(tile_limit(e, window, c), e->lane_bytes / (used * d)), rows);
    return (engine_tile){p, c, d};
}
