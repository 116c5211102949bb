/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles by predicted cycles: every descriptor with windows is tried with some dozens of tiles that
 * fit, and keeps the fastest. Must not know about: boards, graphs. */
#include <math.h>
#include <string.h>

#include "compiler/base/integer.h"
#include "compiler/base/text.h"
#include "compiler/card/plan.h"

typedef struct tile {
    int64_t pixels, channels, depth;
} tile;

typedef struct entry {
    tile best;
    weft_card_cycles cycles;
} entry;

enum { TRIED = 4, ROUGHLY_TRIED = 2 };
enum { MOST_PORT = 128 }; /* no port is wider: an offset modulo this says all about words */

struct weft_card_tiles {
    weft_arena *arena;
    weft_engine_params params;
    weft_card_timing timing;
    weft_map known; /* geometry as text -> entry */
    int tried;      /* parts of the depth, and of the channels, that are looked at */
};

weft_card_tiles *weft_card_tiles_create(weft_arena *arena, const weft_engine_params *params,
                                        const weft_card_timing *timing, bool is_rough)
{
    weft_card_tiles *tiles = WEFT_NEW(arena, weft_card_tiles);
    tiles->arena = arena;
    tiles->params = *params;
    tiles->timing = *timing;
    weft_map_init(&tiles->known, arena);
    tiles->tried = is_rough ? ROUGHLY_TRIED : TRIED;
    return tiles;
}

/* One of `parts` equal parts of count, in whole units. */
static int64_t part_of(int64_t count, int64_t parts, int64_t unit)
{
    return weft_blocks(weft_blocks(count, parts), unit) * unit;
}

/* What is being tiled. */
typedef struct search {
    const weft_card_tiles *tiles;
    uint32_t words[WEFT_D_WORDS];
    int64_t pixels, channels, depth;
    int64_t pixel_unit, channel_unit, depth_unit;
    bool is_whole; /* a tile has all channels */
    bool has_best;
    entry best;
} search;

/* A line holds the means of the images that end in a tile (kernels/fpga/engine.h). */
static int64_t tile_limit(const search *s, int64_t channels)
{
    const weft_engine_params *p = &s->tiles->params;
    int64_t image = (int64_t)s->words[WEFT_D_OUT_HEIGHT] * s->words[WEFT_D_OUT_WIDTH];
    bool has_mean =
        s->words[WEFT_D_KIND] != WEFT_KIND_POOL && (s->words[WEFT_D_FLAGS] & WEFT_FLAG_MEAN) != 0;
    int64_t images = p->line / (weft_blocks(channels, p->lanes) * p->lanes);
    return has_mean ? weft_least(s->pixels, images * image) : s->pixels;
}

static void consider(search *s, tile t)
{
    t.channels = weft_least(t.channels, s->channels);
    if (s->is_whole && t.channels < s->channels)
        return;
    t.pixels = weft_least(t.pixels, tile_limit(s, t.channels));
    if (!weft_engine_tile_fits(&s->tiles->params, (int)s->words[WEFT_D_KIND], t.pixels, t.channels,
                               t.depth))
        return;
    s->words[WEFT_D_TILE_PIXELS] = (uint32_t)t.pixels;
    s->words[WEFT_D_TILE_CHANNELS] = (uint32_t)t.channels;
    s->words[WEFT_D_TILE_DEPTH] = (uint32_t)t.depth;
    weft_card_cycles cycles =
        weft_card_descriptor_cycles(&s->tiles->params, &s->tiles->timing, s->words);
    if (s->has_best && cycles.total >= s->best.cycles.total)
        return;
    s->has_best = true;
    s->best = (entry){t, cycles};
}

/* The largest number of pixels that fits with these channels and depth; 0: none. */
static int64_t most_pixels(const search *s, int64_t channels, int64_t depth)
{
    const weft_engine_params *p = &s->tiles->params;
    bool is_matrix = s->words[WEFT_D_KIND] == WEFT_KIND_MATMUL;
    bool is_conv = is_matrix || s->words[WEFT_D_KIND] == WEFT_KIND_CONV;
    if (s->is_whole && channels < s->channels)
        return 0;
    int64_t columns = weft_blocks(channels, p->cols),
            lanes = weft_blocks(channels, p->lanes) * p->lanes;
    int64_t sum_blocks = p->sums / ((int64_t)p->rows * p->cols);
    int64_t by_buffer = is_conv ? p->x_bytes / depth : p->lane_bytes / (lanes * depth);
    int64_t by_sums = sum_blocks / columns * p->rows;
    if (s->words[WEFT_D_KIND] != WEFT_KIND_POOL &&
        columns * p->cols * (weft_blocks(depth, p->simd) * p->simd) >
            (is_matrix ? p->b_bytes : p->w_bytes))
        return 0;
    return weft_least(weft_least(by_buffer, by_sums) / s->pixel_unit * s->pixel_unit,
                      tile_limit(s, channels));
}

/* Parts worth trying: whole, and a few equal shares. More parts overlap better and start more
 * often. */
static const int64_t part_counts[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 1024};
enum { PART_COUNTS = sizeof part_counts / sizeof part_counts[0] };

static void search_pixels(search *s, int64_t channels, int64_t depth)
{
    static const int64_t finer[] = {1, 2, 4};
    int64_t most = most_pixels(s, channels, depth);
    if (most < 1)
        return;
    int64_t fewest = weft_blocks(s->pixels, most);
    for (size_t i = 0; i < sizeof finer / sizeof finer[0] && (int)i < s->tiles->tried; i++) {
        int64_t pixels = part_of(s->pixels, fewest * finer[i], s->pixel_unit);
        consider(s, (tile){weft_least(pixels, most), channels, depth});
        if (pixels <= s->pixel_unit)
            break;
    }
}

static void search_all(search *s)
{
    int64_t last_depth = 0;
    int depths = 0;
    for (int d = 0; d < PART_COUNTS && depths < s->tiles->tried; d++) {
        int64_t depth = part_of(s->depth, part_counts[d], s->depth_unit), last = 0;
        if (depth == last_depth)
            continue;
        last_depth = depth;
        bool fits = false;
        int channel_counts = 0;
        for (int c = 0; c < PART_COUNTS && channel_counts < s->tiles->tried; c++) {
            int64_t channels = part_of(s->channels, part_counts[c], s->channel_unit);
            if (channels == last || most_pixels(s, channels, depth) < 1)
                continue;
            last = channels;
            fits = true;
            channel_counts++;
            search_pixels(s, channels, depth);
        }
        depths += fits;
    }
}

static void start(search *s)
{
    const weft_engine_params *p = &s->tiles->params;
    const uint32_t *w = s->words;
    bool is_matrix = w[WEFT_D_KIND] == WEFT_KIND_MATMUL;
    bool is_conv = is_matrix || w[WEFT_D_KIND] == WEFT_KIND_CONV,
         is_pool = w[WEFT_D_KIND] == WEFT_KIND_POOL;
    int64_t taps = (int64_t)w[WEFT_D_KERNEL_HEIGHT] * w[WEFT_D_KERNEL_WIDTH];
    int64_t groups = is_conv || w[WEFT_D_GROUPS] == 0 ? 1 : w[WEFT_D_GROUPS];
    s->pixels =
        (int64_t)w[WEFT_D_OUT_HEIGHT] * w[WEFT_D_OUT_WIDTH] * (is_matrix ? 1 : w[WEFT_D_BATCH]);
    s->is_whole = is_matrix && (w[WEFT_D_FLAGS] & WEFT_FLAG_SOFTMAX) != 0;
    s->channels = w[WEFT_D_OUT_CHANNELS];
    s->depth = is_pool ? taps : taps * w[WEFT_D_IN_CHANNELS] / groups;
    s->pixel_unit = is_conv ? p->rows : 1;
    s->channel_unit = is_conv ? p->cols : p->lanes;
    s->depth_unit = is_conv ? p->simd : 1;
}

/* Of a stream: sizes, steps, and where its operands begin within a word. */
static const char *stream_key(weft_arena *arena, const uint32_t words[WEFT_D_WORDS])
{
    static const int begins[] = {WEFT_D_X, WEFT_D_Y, WEFT_D_B};
    weft_text text;
    weft_text_init(&text, arena);
    weft_text_printf(&text, "%u %u", words[WEFT_D_KIND],
                     words[WEFT_D_FLAGS] & (uint32_t)(WEFT_FLAG_TABLE | WEFT_FLAG_RESIDUAL));
    for (int i = WEFT_D_SIZES; i < WEFT_D_Y_STEPS + WEFT_D_DIMS; i++)
        weft_text_printf(&text, " %x", words[i]);
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
        weft_text_printf(&text, " %x", words[begins[i]] % MOST_PORT);
    for (int i = 0; i < WEFT_D_DIMS && words[WEFT_D_KIND] == WEFT_KIND_MUL; i++)
        weft_text_printf(&text, " %x", words[WEFT_D_R_STEPS + i]);
    if (words[WEFT_D_KIND] == WEFT_KIND_MUL)
        weft_text_printf(&text, " %x", words[WEFT_D_R] % MOST_PORT);
    if (words[WEFT_D_KIND] == WEFT_KIND_LAYER_NORM)
        weft_text_printf(&text, " %x %x", words[WEFT_D_BIAS] % MOST_PORT,
                         words[WEFT_D_MULT] % MOST_PORT);
    return text.data;
}

const char *weft_card_descriptor_key(weft_arena *arena, const uint32_t words[WEFT_D_WORDS])
{
    if (!weft_engine_has_tiles((int)words[WEFT_D_KIND]))
        return stream_key(arena, words);
    weft_text text;
    weft_text_init(&text, arena);
    weft_text_printf(&text, "%u %u", words[WEFT_D_KIND],
                     words[WEFT_D_FLAGS] & (uint32_t)(WEFT_FLAG_TABLE | WEFT_FLAG_RESIDUAL |
                                                      WEFT_FLAG_MEAN | WEFT_FLAG_SOFTMAX));
    for (int i = WEFT_D_B_SHARE; i <= WEFT_D_B_COLUMN && words[WEFT_D_KIND] == WEFT_KIND_MATMUL;
         i++)
        weft_text_printf(&text, " %x", words[i]);
    for (int i = WEFT_D_BATCH; i <= WEFT_D_B_PIXEL; i++)
        weft_text_printf(&text, " %x", words[i]);
    weft_text_printf(&text, " %x %x %x", words[WEFT_D_GROUPS], words[WEFT_D_X] % MOST_PORT,
                     words[WEFT_D_Y] % MOST_PORT);
    return text.data;
}

static entry search_best(const weft_card_tiles *tiles, const uint32_t words[WEFT_D_WORDS])
{
    const tile planned = {words[WEFT_D_TILE_PIXELS], words[WEFT_D_TILE_CHANNELS],
                          words[WEFT_D_TILE_DEPTH]};
    search s = {.tiles = tiles};
    memcpy(s.words, words, sizeof s.words);
    start(&s);
    consider(&s, planned); /* stays when nothing is better */
    search_all(&s);
    /* Valid parameters hold one block of anything, but not every row of scores. */
    WEFT_ASSERT(s.has_best || s.is_whole);
    return s.has_best ? s.best : (entry){planned, {.total = INFINITY}};
}

bool weft_card_tiles_exist(const weft_engine_params *params, const uint32_t words[WEFT_D_WORDS])
{
    bool is_whole =
        words[WEFT_D_KIND] == WEFT_KIND_MATMUL && (words[WEFT_D_FLAGS] & WEFT_FLAG_SOFTMAX) != 0;
    return !is_whole || weft_engine_tile_fits(params, WEFT_KIND_MATMUL, 1,
                                              words[WEFT_D_OUT_CHANNELS], params->simd);
}

weft_card_cycles weft_card_tiles_cycles(const weft_card_tiles *tiles,
                                        const uint32_t words[WEFT_D_WORDS])
{
    if (weft_engine_has_tiles((int)words[WEFT_D_KIND]))
        return search_best(tiles, words).cycles;
    return weft_card_descriptor_cycles(&tiles->params, &tiles->timing, words);
}

static weft_card_cycles best_of(weft_card_tiles *tiles, const uint32_t words[WEFT_D_WORDS],
                                tile *out_tile)
{
    const char *key = weft_card_descriptor_key(tiles->arena, words);
    entry *known = weft_map_get(&tiles->known, key);
    if (known == NULL) {
        entry best = search_best(tiles, words);
        known = weft_arena_dup(tiles->arena, &best, sizeof best);
        weft_map_put(&tiles->known, key, known);
    }
    *out_tile = known->best;
    return known->cycles;
}

bool weft_card_tiles_step(weft_card_tiles *tiles, weft_step *step, bool sets,
                          weft_card_cycles *out_cycles)
{
    double longest = 0;
    *out_cycles = (weft_card_cycles){0};
    for (size_t i = 0; i < step->descriptor_count; i++) {
        weft_descriptor *descriptor = &step->descriptors[i];
        uint32_t words[WEFT_D_WORDS];
        weft_card_descriptor_words(descriptor, words);
        weft_card_cycles part;
        if (weft_engine_has_tiles((int)words[WEFT_D_KIND])) {
            tile best;
            part = best_of(tiles, words, &best);
            if (sets) {
                WEFT_ASSERT(descriptor->word_count > WEFT_D_TILE_DEPTH);
                descriptor->words[WEFT_D_TILE_PIXELS].i = (int32_t)best.pixels;
                descriptor->words[WEFT_D_TILE_CHANNELS].i = (int32_t)best.channels;
                descriptor->words[WEFT_D_TILE_DEPTH].i = (int32_t)best.depth;
            }
        } else {
            part = weft_card_descriptor_cycles(&tiles->params, &tiles->timing, words);
        }
        weft_card_cycles_add(out_cycles, &part, &longest);
    }
    return step->descriptor_count > 0;
}
