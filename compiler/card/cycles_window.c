/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles of CONV, GROUPED and POOL: runs over tiles of channels, tiles of pixels and pieces of the
 * depth. Every count is a mean over equal runs, so the price does not depend on the image. */
#include "compiler/card/counted.h"

/* Processes in the order of the flow. */
enum { SOURCE, WEIGHTS, SUM, SECOND, FINISH, TARGET, PROCESSES };

typedef struct window {
    counted *c;
    bool is_conv, is_contiguous, is_merged; /* x's channels; whole rows of a window */
    int64_t batch, out_height, out_width, pixels, in_height, in_width, out_channels, outputs;
    int64_t kernel_width, inputs; /* channels of x under one output channel */
    int64_t depth, tile_pixels, tile_channels, tile_depth;
    int64_t x_step; /* divides the distance of any two windows */
} window;

static int64_t divisor3(int64_t a, int64_t b, int64_t c)
{
    return weft__common_divisor(a, weft__common_divisor(b, c));
}

static window window_of(counted *c)
{
    window w = {.c = c, .is_conv = c->words[WEFT_D_KIND] == WEFT_KIND_CONV};
    bool is_pool = c->words[WEFT_D_KIND] == WEFT_KIND_POOL;
    w.batch = counted_size(c, WEFT_D_BATCH);
    w.out_height = counted_size(c, WEFT_D_OUT_HEIGHT);
    w.out_width = counted_size(c, WEFT_D_OUT_WIDTH);
    w.pixels = w.batch * w.out_height * w.out_width;
    w.in_height = counted_size(c, WEFT_D_IN_HEIGHT);
    w.in_width = counted_size(c, WEFT_D_IN_WIDTH);
    w.out_channels = counted_size(c, WEFT_D_OUT_CHANNELS);
    w.kernel_width = counted_size(c, WEFT_D_KERNEL_WIDTH);
    int64_t in_channels = counted_size(c, WEFT_D_IN_CHANNELS);
    int64_t groups = w.is_conv ? 1 : is_pool ? in_channels : counted_size(c, WEFT_D_GROUPS);
    w.inputs = in_channels / groups;
    w.outputs = w.out_channels / groups;
    w.depth = counted_size(c, WEFT_D_KERNEL_HEIGHT) * w.kernel_width * w.inputs;
    w.tile_pixels = least(counted_size(c, WEFT_D_TILE_PIXELS), w.pixels);
    w.tile_channels = least(counted_size(c, WEFT_D_TILE_CHANNELS), w.out_channels);
    w.tile_depth = least(counted_size(c, WEFT_D_TILE_DEPTH), w.depth);
    w.is_contiguous = counted_int(c, WEFT_D_X_CHANNEL) == 1;
    w.is_merged = w.is_conv && w.is_contiguous && counted_int(c, WEFT_D_X_PIXEL) == w.inputs &&
                  counted_int(c, WEFT_D_DILATION_X) == 1;
    w.x_step = divisor3(counted_int(c, WEFT_D_STRIDE_Y) * counted_int(c, WEFT_D_X_ROW),
                        counted_int(c, WEFT_D_STRIDE_X) * counted_int(c, WEFT_D_X_PIXEL),
                        w.batch > 1 ? counted_int(c, WEFT_D_X_IMAGE) : 0);
    return w;
}

/* ---- patches ---- */

typedef struct work {
    double cycles, words;
} work;

/* Share of output positions whose tap, at `offset` from the window's place, lies in [0, size). */
static double inside_share(int64_t outputs, int64_t stride, int64_t offset, int64_t size)
{
    int64_t low = offset >= 0 ? 0 : blocks_of(-offset, stride);
    int64_t high = offset >= size ? 0 : (size - 1 - offset) / stride + 1;
    int64_t inside = least(high, outputs) - least(low, outputs);
    return inside > 0 ? (double)inside / (double)outputs : 0;
}

/* A stretch of `bytes` elements of the window's row or tap `index`, `skipped` after its start:
 * the mean over all pixels. */
static work stretch_work(const window *w, int64_t index, int64_t skipped, int64_t elements)
{
    const counted *c = w->c;
    int64_t ky = w->is_merged ? index : index / w->kernel_width;
    int64_t kx = w->is_merged ? 0 : index % w->kernel_width;
    int64_t stride_y = counted_size(c, WEFT_D_STRIDE_Y);
    int64_t stride_x = counted_size(c, WEFT_D_STRIDE_X);
    int64_t y = ky * counted_int(c, WEFT_D_DILATION_Y) - counted_int(c, WEFT_D_PAD_TOP);
    int64_t x = kx * counted_int(c, WEFT_D_DILATION_X) - counted_int(c, WEFT_D_PAD_LEFT);
    double inside = inside_share(w->out_height, stride_y, y, w->in_height);
    if (!w->is_merged)
        inside *= inside_share(w->out_width, stride_x, x, w->in_width);
    int64_t at = counted_int(c, WEFT_D_X) + y * counted_int(c, WEFT_D_X_ROW) +
                 x * counted_int(c, WEFT_D_X_PIXEL) + skipped;
    double words = w->is_contiguous ? weft__words_touched(at, w->x_step, elements, c->word_bytes)
                                    : (double)elements;
    double padding = (double)blocks_of(elements, c->word_bytes);
    double word_cycles = weft__card_word_cycles(c, WEFT_PORT_SOURCE);
    return (work){inside * words * word_cycles + (1 - inside) * padding, inside * words};
}

/* Elements [low, high) of the depth of CONV, of one pixel. */
static work patch_work(const window *w, int64_t low, int64_t high)
{
    int64_t length = w->is_merged ? w->kernel_width * w->inputs : w->inputs;
    work sum = {0, 0};
    while (low < high) {
        int64_t index = low / length, skipped = low % length;
        int64_t elements = least(high - low, length - skipped);
        work part = stretch_work(w, index, skipped, elements);
        sum.cycles += part.cycles;
        sum.words += part.words;
        low += elements;
    }
    return sum;
}

/* The same for the vector unit: every element of the depth is a stretch of the tile's channels,
 * of single elements where an input channel does not belong to one output channel. */
static work lane_work(const window *w, int64_t low, int64_t high, int64_t channels)
{
    bool is_stretch = w->inputs == 1 && w->outputs == 1;
    work sum = {0, 0};
    for (int64_t k = low; k < high; k++) {
        work part = stretch_work(w, k / w->inputs, k % w->inputs, is_stretch ? channels : 1);
        sum.cycles += is_stretch ? part.cycles : part.cycles * (double)channels;
        sum.words += is_stretch ? part.words : part.words * (double)channels;
    }
    return sum;
}

/* ---- runs ---- */

/* A tile of the descriptor, and the cycles of its runs. */
typedef struct tile_runs {
    int64_t whole_pieces; /* and one last piece */
    double first[WEFT_FLOW_PROCESSES], whole[WEFT_FLOW_PROCESSES], last[WEFT_FLOW_PROCESSES];
} tile_runs;

static double words_of_rows(const window *w, int at, int pixel_step, int64_t pixels,
                            int64_t channels, double *out_broken)
{
    const counted *c = w->c;
    int64_t step = counted_int(c, pixel_step), begin = counted_int(c, at);
    if (step == channels) { /* whole rows: one stretch */
        *out_broken =
            weft__words_broken(begin, w->tile_pixels * step, pixels * step, c->word_bytes);
        return weft__words_touched(begin, w->tile_pixels * step, pixels * step, c->word_bytes);
    }
    int64_t every = weft__common_divisor(step, w->tile_channels);
    *out_broken = (double)pixels * weft__words_broken(begin, every, channels, c->word_bytes);
    return (double)pixels * weft__words_touched(begin, every, channels, c->word_bytes);
}

/* Bias, multiplier and shift of a tile's channels. */
static double vector_words(const window *w, int64_t channels)
{
    static const int vectors[] = {WEFT_D_BIAS, WEFT_D_MULT, WEFT_D_SHIFT};
    double words = 0;
    for (int i = 0; i < 3; i++)
        words += weft__words_touched(counted_int(w->c, vectors[i]), 4 * w->tile_channels,
                                     4 * channels, w->c->word_bytes);
    return words;
}

/* Cycles of a tile's runs; `count` such tiles are added to what processes do in total, of which
 * `columns` begin a tile of channels. */
static tile_runs tile_runs_of(const window *w, int64_t pixels, int64_t channels, int64_t count,
                              int64_t columns)
{
    counted *c = w->c;
    const weft_engine_params *e = c->params;
    const weft_card_timing *t = c->timing;
    tile_runs runs = {.whole_pieces = blocks_of(w->depth, w->tile_depth) - 1};
    int64_t cut = runs.whole_pieces * w->tile_depth;
    bool is_pool = c->words[WEFT_D_KIND] == WEFT_KIND_POOL;
    double tiles = (double)count, rows = (double)pixels;
    double weight_cycles = weft__card_word_cycles(c, WEFT_PORT_WEIGHTS);
    for (int part = 0; part < 2; part++) {
        double *run = part == 0 ? runs.whole : runs.last;
        int64_t low = part == 0 ? 0 : cut, high = part == 0 ? cut : w->depth;
        int64_t pieces = part == 0 ? runs.whole_pieces : 1,
                depth = part == 0 ? w->tile_depth : w->depth - cut;
        if (pieces == 0)
            continue;
        work patch = {0, 0};
        for (int64_t k = low; k < high; k += w->tile_depth) {
            int64_t end = least(high, k + w->tile_depth);
            work piece = w->is_conv ? patch_work(w, k, end) : lane_work(w, k, end, channels);
            patch.cycles += rows * piece.cycles;
            patch.words += rows * piece.words;
        }
        double filters =
            is_pool ? 0
                    : (double)channels *
                          weft__words_touched(counted_int(c, WEFT_D_WEIGHTS) + low,
                                              part == 0 ? weft__common_divisor(w->depth, depth)
                                                        : w->depth,
                                              depth, c->word_bytes);
        double sum = w->is_conv ? (double)(blocks_of(pixels, e->rows) *
                                           blocks_of(channels, e->cols) * blocks_of(depth, e->simd))
                                : (double)(pixels * blocks_of(channels, e->lanes) * depth);
        double each = (double)pieces;
        run[SOURCE] = t->latency[WEFT_PORT_SOURCE] + patch.cycles / each + t->handshake;
        run[WEIGHTS] = is_pool
                           ? t->handshake
                           : t->latency[WEFT_PORT_WEIGHTS] + filters * weight_cycles + t->handshake;
        run[SUM] = sum + t->handshake;
        run[SECOND] = run[FINISH] = run[TARGET] = t->handshake;
        c->result.source += tiles * patch.cycles;
        c->result.weights += tiles * each * filters * weight_cycles;
        *(w->is_conv ? &c->result.array : &c->result.vector) += tiles * each * sum;
        weft__card_move(c, WEFT_PORT_SOURCE, tiles * patch.words);
        weft__card_move(c, WEFT_PORT_WEIGHTS, tiles * each * filters);
    }

    double finish = (double)(pixels * blocks_of(channels, e->lanes)), broken = 0;
    runs.last[FINISH] += finish;
    c->result.finish += tiles * finish;
    if (counted_flag(c, WEFT_FLAG_RESIDUAL)) {
        double words = words_of_rows(w, WEFT_D_B, WEFT_D_B_PIXEL, pixels, channels, &broken);
        double cycles = words * weft__card_word_cycles(c, WEFT_PORT_SECOND);
        runs.last[SECOND] += t->latency[WEFT_PORT_SECOND] + cycles;
        c->result.second += tiles * cycles;
        weft__card_move(c, WEFT_PORT_SECOND, tiles * words);
    }
    double stored = words_of_rows(w, WEFT_D_Y, WEFT_D_Y_PIXEL, pixels, channels, &broken);
    if (counted_flag(c, WEFT_FLAG_MEAN)) /* a line per image: the tile's share of them */
        stored += rows / (double)(w->out_height * w->out_width) *
                  weft__words_touched(counted_int(c, WEFT_D_MEAN), w->tile_channels, channels,
                                      c->word_bytes);
    double store_cycles = (stored + broken) * weft__card_word_cycles(c, WEFT_PORT_TARGET);
    runs.last[TARGET] += store_cycles;
    c->result.target += tiles * store_cycles;
    weft__card_move(c, WEFT_PORT_TARGET, tiles * (stored + broken));

    double vectors = is_pool ? 0 : vector_words(w, channels);
    double *begins = runs.whole_pieces > 0 ? runs.whole : runs.last;
    for (int k = 0; k < PROCESSES; k++)
        runs.first[k] = begins[k];
    runs.first[WEIGHTS] += vectors * weight_cycles;
    c->result.weights += (double)columns * vectors * weight_cycles;
    weft__card_move(c, WEFT_PORT_WEIGHTS, (double)columns * vectors);
    return runs;
}

static void add_whole_piece(weft__flow *flow, const void *context)
{
    weft__flow_run(flow, ((const tile_runs *)context)->whole);
}

static void add_tile(weft__flow *flow, const void *context)
{
    const tile_runs *runs = context;
    weft__flow_repeat(flow, runs->whole_pieces, add_whole_piece, runs);
    weft__flow_run(flow, runs->last);
}

/* The tile that begins a tile of channels. */
static void add_first_tile(weft__flow *flow, const tile_runs *runs)
{
    weft__flow_run(flow, runs->first);
    if (runs->whole_pieces > 0) {
        weft__flow_repeat(flow, runs->whole_pieces - 1, add_whole_piece, runs);
        weft__flow_run(flow, runs->last);
    }
}

/* A tile of channels over all pixels. */
typedef struct column_runs {
    int64_t whole_tiles; /* and one last tile */
    tile_runs whole, last;
} column_runs;

static column_runs column_runs_of(const window *w, int64_t channels, int64_t count)
{
    column_runs column = {.whole_tiles = blocks_of(w->pixels, w->tile_pixels) - 1};
    int64_t rest = w->pixels - column.whole_tiles * w->tile_pixels;
    if (column.whole_tiles > 0)
        column.whole = tile_runs_of(w, w->tile_pixels, channels, count * column.whole_tiles, count);
    column.last = tile_runs_of(w, rest, channels, count, column.whole_tiles > 0 ? 0 : count);
    return column;
}

static void add_column(weft__flow *flow, const void *context)
{
    const column_runs *column = context;
    if (column->whole_tiles == 0) {
        add_first_tile(flow, &column->last);
        return;
    }
    add_first_tile(flow, &column->whole);
    weft__flow_repeat(flow, column->whole_tiles - 1, add_tile, &column->whole);
    add_tile(flow, &column->last);
}

double weft__card_count_window(counted *c)
{
    window w = window_of(c);
    weft__flow flow = {
        .count = PROCESSES,
        .producers = {[SUM] = 1u << SOURCE | 1u << WEIGHTS,
                      [FINISH] = 1u << SUM | 1u << SECOND,
                      [TARGET] = 1u << FINISH},
    };
    double table = 0;
    if (counted_flag(c, WEFT_FLAG_TABLE)) {
        double words = weft__words_touched(counted_int(c, WEFT_D_TABLE), 0, 256, c->word_bytes);
        table = c->timing->latency[WEFT_PORT_WEIGHTS] +
                words * weft__card_word_cycles(c, WEFT_PORT_WEIGHTS);
        weft__card_move(c, WEFT_PORT_WEIGHTS, words);
    }
    int64_t whole = blocks_of(w.out_channels, w.tile_channels) - 1;
    if (whole > 0) {
        column_runs column = column_runs_of(&w, w.tile_channels, whole);
        weft__flow_repeat(&flow, whole, add_column, &column);
    }
    column_runs column = column_runs_of(&w, w.out_channels - whole * w.tile_channels, 1);
    add_column(&flow, &column);
    if (c->words[WEFT_D_KIND] != WEFT_KIND_POOL)
        c->result.macs = w.pixels * w.out_channels * w.depth;
    return table + weft__flow_end(&flow);
}
