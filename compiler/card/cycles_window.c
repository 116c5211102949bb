/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles of CONV, GROUPED, POOL and MATMUL: runs over matrices, tiles of channels, tiles of pixels
 * and pieces of the depth. Every count is a mean over equal runs, so the price does not depend on
 * the image. */
#include <math.h>

#include "compiler/card/counted.h"

/* Processes in the order of the flow. */
enum { SOURCE, WEIGHTS, SECOND, SUM, FINISH, TARGET, PROCESSES };
static const int load_processes[COUNTED_LOADS] = {SOURCE, WEIGHTS, SECOND};

typedef struct window {
    counted *c;
    bool is_conv; /* on the matrix array */
    bool is_matrix, is_softmax;
    int64_t matrices;              /* one after the other; else 1 */
    bool is_contiguous, is_merged; /* x's channels; whole rows of a window */
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
    window w = {.c = c, .is_matrix = c->words[WEFT_D_KIND] == WEFT_KIND_MATMUL};
    bool is_pool = c->words[WEFT_D_KIND] == WEFT_KIND_POOL;
    w.is_conv = w.is_matrix || c->words[WEFT_D_KIND] == WEFT_KIND_CONV;
    w.is_softmax = w.is_matrix && counted_flag(c, WEFT_FLAG_SOFTMAX);
    w.batch = w.is_matrix ? 1 : counted_size(c, WEFT_D_BATCH);
    w.matrices = w.is_matrix ? counted_size(c, WEFT_D_BATCH) * counted_size(c, WEFT_D_HEADS) : 1;
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
    w.tile_pixels = weft_least(counted_size(c, WEFT_D_TILE_PIXELS), w.pixels);
    w.tile_channels = weft_least(counted_size(c, WEFT_D_TILE_CHANNELS), w.out_channels);
    w.tile_depth = weft_least(counted_size(c, WEFT_D_TILE_DEPTH), w.depth);
    w.is_contiguous = counted_int(c, WEFT_D_X_CHANNEL) == 1;
    w.is_merged = w.is_conv && !w.is_matrix && w.is_contiguous &&
                  counted_int(c, WEFT_D_X_PIXEL) == w.inputs &&
                  counted_int(c, WEFT_D_DILATION_X) == 1;
    w.x_step = divisor3(counted_int(c, WEFT_D_STRIDE_Y) * counted_int(c, WEFT_D_X_ROW),
                        counted_int(c, WEFT_D_STRIDE_X) * counted_int(c, WEFT_D_X_PIXEL),
                        w.batch > 1 ? counted_int(c, WEFT_D_X_IMAGE) : 0);
    if (w.is_matrix)
        w.x_step = divisor3(counted_int(c, WEFT_D_X_PIXEL), counted_int(c, WEFT_D_X_HEAD),
                            counted_int(c, WEFT_D_X_IMAGE));
    return w;
}

/* ---- patches ---- */

typedef struct work {
    double cycles, words;
} work;

/* Share of output positions whose tap, at `offset` from the window's place, lies in [0, size). */
static double inside_share(int64_t outputs, int64_t stride, int64_t offset, int64_t size)
{
    int64_t low = offset >= 0 ? 0 : weft_blocks(-offset, stride);
    int64_t high = offset >= size ? 0 : (size - 1 - offset) / stride + 1;
    int64_t inside = weft_least(high, outputs) - weft_least(low, outputs);
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
    double padding = (double)weft_blocks(elements, c->word_bytes);
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
        int64_t elements = weft_least(high - low, length - skipped);
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

/* So many equal tiles. */
typedef struct tile_kind {
    int64_t pixels, channels, count;
} tile_kind;

/* Rows of a tile in y or the residual; out_broken: ends that are not the end of a word. */
static double row_words(const window *w, int at, int pixel_step, const tile_kind *t,
                        double *out_broken)
{
    const counted *c = w->c;
    int64_t step = counted_int(c, pixel_step), begin = counted_int(c, at);
    int64_t every = weft__common_divisor(step, w->tile_channels), bytes = t->channels, count = 1;
    if (step == t->channels) { /* whole rows: one stretch */
        every = w->tile_pixels * step;
        bytes = t->pixels * step;
    } else {
        count = t->pixels;
    }
    *out_broken = (double)count * weft__words_broken(begin, every, bytes, c->word_bytes);
    return (double)count * weft__words_touched(begin, every, bytes, c->word_bytes);
}

/* Bias, multiplier and shift of a tile's channels. */
static double vector_words(const window *w, int64_t channels)
{
    static const int vectors[] = {WEFT_D_BIAS, WEFT_D_MULT, WEFT_D_SHIFT};
    double words = 0;
    if (w->c->words[WEFT_D_KIND] == WEFT_KIND_POOL || w->is_matrix)
        return 0;
    for (int i = 0; i < 3; i++)
        words += weft__words_touched(counted_int(w->c, vectors[i]), 4 * w->tile_channels,
                                     4 * channels, w->c->word_bytes);
    return words;
}

/* Elements [low, high) of the depth, in pieces. */
typedef struct depth_range {
    int64_t low, high, pieces;
} depth_range;

/* The mean over the pieces, of all the tile's pixels. */
static work patches_of(const window *w, const tile_kind *t, depth_range range)
{
    work sum = {0, 0};
    for (int64_t k = range.low; k < range.high; k += w->tile_depth) {
        int64_t end = weft_least(range.high, k + w->tile_depth);
        work piece = w->is_conv ? patch_work(w, k, end) : lane_work(w, k, end, t->channels);
        sum.cycles += piece.cycles;
        sum.words += piece.words;
    }
    double scale = (double)t->pixels / (double)range.pieces;
    return (work){sum.cycles * scale, sum.words * scale};
}

static double filter_words(const window *w, const tile_kind *t, depth_range range)
{
    const counted *c = w->c;
    if (c->words[WEFT_D_KIND] == WEFT_KIND_POOL || w->is_matrix)
        return 0;
    int64_t depth = (range.high - range.low) / range.pieces, every = w->depth;
    if (range.pieces > 1)
        every = weft__common_divisor(every, depth);
    return (double)t->channels * weft__words_touched(counted_int(c, WEFT_D_WEIGHTS) + range.low,
                                                     every, depth, c->word_bytes);
}

/* Operand b of a product of matrices: its rows or its columns. */
static double factor_words(const window *w, const tile_kind *t, depth_range range)
{
    const counted *c = w->c;
    int64_t depth = (range.high - range.low) / range.pieces, at = counted_int(c, WEFT_D_B);
    int64_t matrix =
        weft__common_divisor(counted_int(c, WEFT_D_B_HEAD), counted_int(c, WEFT_D_B_IMAGE));
    if (counted_int(c, WEFT_D_B_DEPTH) == 1) {
        int64_t every = weft__common_divisor(matrix, counted_int(c, WEFT_D_B_COLUMN));
        return (double)t->channels *
               weft__words_touched(at + range.low, every, depth, c->word_bytes);
    }
    int64_t every = weft__common_divisor(matrix, counted_int(c, WEFT_D_B_DEPTH));
    if (w->tile_channels < w->out_channels)
        every = weft__common_divisor(every, w->tile_channels);
    return (double)depth * weft__words_touched(at, every, t->channels, c->word_bytes);
}

/* The processes behind the sums, in the run of the last piece. */
static void put_end(const window *w, const tile_kind *t, double run[WEFT_FLOW_PROCESSES])
{
    counted *c = w->c;
    double tiles = (double)t->count, broken = 0, lanes = c->params->lanes;
    double finish = (double)(t->pixels * weft_blocks(t->channels, c->params->lanes));
    double stored = row_words(w, WEFT_D_Y, WEFT_D_Y_PIXEL, t, &broken);
    if (counted_flag(c, WEFT_FLAG_MEAN)) { /* a line per image: the tile's share of them */
        double images = (double)t->pixels / (double)(w->out_height * w->out_width);
        finish += images * (double)weft_blocks(t->channels, c->params->lanes) * lanes;
        stored += images * weft__words_touched(counted_int(c, WEFT_D_MEAN), w->tile_channels,
                                               t->channels, c->word_bytes);
    }
    if (w->is_softmax)
        finish += weft__card_norm_cycles(c, true, (double)t->pixels,
                                         (double)weft_blocks(t->channels, c->params->lanes));
    double store = stored * weft__card_word_cycles(c, WEFT_PORT_TARGET);
    run[FINISH] += finish;
    c->result.finish += tiles * finish;
    /* A word of which a part is written is read first; those behind it wait for it. */
    run[TARGET] += store + fmin(1, broken) * c->timing->latency[WEFT_PORT_TARGET];
    c->result.target += tiles * store;
    weft__card_move(c, WEFT_PORT_TARGET, tiles * (stored + broken));
}

static tile_runs tile_runs_of(const window *w, const tile_kind *t)
{
    counted *c = w->c;
    const weft_engine_params *e = c->params;
    tile_runs runs = {.whole_pieces = weft_blocks(w->depth, w->tile_depth) - 1};
    int64_t cut = runs.whole_pieces * w->tile_depth;
    depth_range ranges[2] = {{0, cut, runs.whole_pieces}, {cut, w->depth, 1}};
    double tiles = (double)t->count, broken = 0;
    double residual = counted_flag(c, WEFT_FLAG_RESIDUAL) && !w->is_matrix
                          ? row_words(w, WEFT_D_B, WEFT_D_B_PIXEL, t, &broken)
                          : 0;
    for (int last = 0; last < 2; last++) {
        double *run = last ? runs.last : runs.whole;
        depth_range range = ranges[last];
        if (range.pieces == 0)
            continue;
        work patch = patches_of(w, t, range);
        double weights = filter_words(w, t, range) + (last ? vector_words(w, t->channels) : 0);
        const counted_loads loads = {
            {patch.words, weights,
             w->is_matrix ? factor_words(w, t, range)
             : last       ? residual
                          : 0},
            {patch.cycles - patch.words * weft__card_word_cycles(c, WEFT_PORT_SOURCE), 0, 0}};
        int64_t depth = (range.high - range.low) / range.pieces;
        double sum = w->is_conv
                         ? (double)(weft_blocks(t->pixels, e->rows) *
                                    weft_blocks(t->channels, e->cols) * weft_blocks(depth, e->simd))
                         : (double)(t->pixels * weft_blocks(t->channels, e->lanes) * depth);
        double times = tiles * (double)range.pieces;
        weft__card_put_loads(c, load_processes, &loads, false, run);
        weft__card_count_loads(c, &loads, times);
        run[SUM] = sum + c->timing->handshake;
        run[FINISH] = run[TARGET] = c->timing->handshake;
        *(w->is_conv ? &c->result.array : &c->result.vector) += times * sum;
        if (last)
            put_end(w, t, run);
        if (last == (runs.whole_pieces == 0)) { /* the tile's first run */
            for (int k = 0; k < PROCESSES; k++)
                runs.first[k] = run[k];
            weft__card_put_loads(c, load_processes, &loads, true, runs.first);
        }
    }
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

/* `count` tiles of so many channels. */
static column_runs column_runs_of(const window *w, int64_t channels, int64_t count)
{
    column_runs column = {.whole_tiles = weft_blocks(w->pixels, w->tile_pixels) - 1};
    int64_t rest = w->pixels - column.whole_tiles * w->tile_pixels;
    count *= w->matrices;
    if (column.whole_tiles > 0) {
        tile_kind whole = {w->tile_pixels, channels, count * column.whole_tiles};
        column.whole = tile_runs_of(w, &whole);
    }
    tile_kind last = {rest, channels, count};
    column.last = tile_runs_of(w, &last);
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

/* All columns of the tiles of a matrix, or of a convolution. */
typedef struct matrix_runs {
    int64_t whole_columns; /* and one last column */
    column_runs whole, last;
} matrix_runs;

static void add_matrix(weft__flow *flow, const void *context)
{
    const matrix_runs *matrix = context;
    weft__flow_repeat(flow, matrix->whole_columns, add_column, &matrix->whole);
    add_column(flow, &matrix->last);
}

double weft__card_count_window(counted *c, const void *context)
{
    (void)context;
    window w = window_of(c);
    c->has_sums = true;
    weft__flow flow = {
        .count = PROCESSES,
        .producers = {[SUM] = 1u << SOURCE | 1u << WEIGHTS,
                      [FINISH] = 1u << SUM | 1u << SECOND,
                      [TARGET] = 1u << FINISH},
    };
    if (c->params->b_bytes > 0) /* sums wait for the second operand of products */
        flow.producers[SUM] |= 1u << SECOND;
    int64_t whole = weft_blocks(w.out_channels, w.tile_channels) - 1;
    double tiles = (double)(w.matrices * (whole + 1) * weft_blocks(w.pixels, w.tile_pixels));
    c->runs[WEFT_PORT_SECOND] = c->runs[WEFT_PORT_TARGET] = tiles;
    c->runs[WEFT_PORT_SOURCE] = c->runs[WEFT_PORT_WEIGHTS] =
        tiles * (double)weft_blocks(w.depth, w.tile_depth);
    if (w.is_matrix)
        c->runs[WEFT_PORT_SECOND] = c->runs[WEFT_PORT_SOURCE];
    matrix_runs matrix = {.whole_columns = whole};
    if (whole > 0)
        matrix.whole = column_runs_of(&w, w.tile_channels, whole);
    matrix.last = column_runs_of(&w, w.out_channels - whole * w.tile_channels, 1);
    weft__flow_repeat(&flow, w.matrices, add_matrix, &matrix);
    if (c->words[WEFT_D_KIND] != WEFT_KIND_POOL)
        c->result.macs = w.matrices * w.pixels * w.out_channels * w.depth;
    return weft__flow_end(&flow);
}
