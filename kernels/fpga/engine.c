/* SPDX-License-Identifier: Apache-2.0 */
/* See engine.h. */
#include "kernels/fpga/engine.h"

#include <string.h>

#include "compiler/base/integer.h"

const weft_engine_params weft_engines[] = {
#define WEFT_ENGINE(name, rows, cols, simd, lanes, x_bytes, w_bytes, sums, lane_bytes, line,       \
                    piece, port, doc)                                                              \
    {name,       rows, cols,  simd, lanes, x_bytes, w_bytes, sums,                                 \
     lane_bytes, line, piece, port, 0,     0,       doc},
#include "kernels/fpga/engines.def"
#undef WEFT_ENGINE
    {NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL}};

const weft_engine_params *weft_engine_find(const char *name)
{
    for (const weft_engine_params *engine = weft_engines; engine->name != NULL; engine++)
        if (strcmp(engine->name, name) == 0)
            return engine;
    return NULL;
}

weft_engine_params weft_engine_with(const weft_engine_params *params, bool products, bool norms)
{
    /* A block RAM is 512 words deep: heads of 64 channels and 64 blocks of columns. */
    enum { B_WORDS = 512 };
    weft_engine_params with = *params;
    int32_t most = with.cols * with.simd * B_WORDS;
    with.b_bytes = !products ? 0 : with.w_bytes < most ? with.w_bytes : most;
    with.norms = norms;
    return with;
}

bool weft_engine_has_kind(const weft_engine_params *params, int kind)
{
    if (kind == WEFT_KIND_MATMUL)
        return params->b_bytes > 0;
    return (kind != WEFT_KIND_SOFTMAX && kind != WEFT_KIND_LAYER_NORM) || params->norms != 0;
}

/* What one tile keeps on chip; also what one executing thread needs as stack when the engine's C
 * runs on a CPU, which is why it has a limit: a quarter of the 8 MB that threads usually get. */
enum { STORAGE_BYTES_MAX = 2 << 20, LENGTH_MAX = 1 << 20 };

static bool is_multiple(int32_t value, int32_t of)
{
    return value >= of && value <= LENGTH_MAX && value % of == 0;
}

static bool is_power_of_2(int32_t value, int32_t least, int32_t most)
{
    return value >= least && value <= most && (value & (value - 1)) == 0;
}

bool weft_engine_params_are_valid(const weft_engine_params *params)
{
    const weft_engine_params *p = params;
    if (p->rows < 2 || p->rows > 256 || p->rows % 2 != 0 || p->cols < 1 || p->cols > 256)
        return false;
    /* Eight packed products are what 18 bits hold (kernels/fpga/sum.body), and a group of bytes. */
    if (p->simd != 8 || !is_power_of_2(p->lanes, 8, 64) ||
        !is_power_of_2(p->port, 8, WEFT_ENGINE_PORT_MAX))
        return false;
    if (!is_multiple(p->x_bytes, p->rows * p->simd) ||
        !is_multiple(p->w_bytes, p->cols * p->simd) || p->cols % p->lanes != 0 ||
        !is_multiple(p->lane_bytes, p->lanes) || !is_multiple(p->line, p->lanes) ||
        !is_multiple(p->piece, p->lanes) || p->sums < p->rows * p->cols || p->sums > LENGTH_MAX)
        return false;
    if ((p->b_bytes != 0 && !is_multiple(p->b_bytes, p->cols * p->simd)) || p->norms < 0 ||
        p->norms > 1)
        return false;
    /* A tile of one pixel is not wider than its sums. A piece of a stream, and rows that are
     * normalised, are a row of the vector unit's windows, and of the tile. */
    int32_t sums = p->sums / (p->rows * p->cols) * (p->rows * p->cols);
    int32_t most = sums < p->lane_bytes ? sums : p->lane_bytes;
    return p->line <= sums && p->piece <= most && (p->norms == 0 || p->line <= most) &&
           weft_engine_storage_bytes(p) <= STORAGE_BYTES_MAX;
}

int32_t weft_engine_row_words(const weft_engine_params *params)
{
    enum { IN_LUTS = 64 }; /* as many words as a memory of LUTs has */
    int32_t words = params->line / params->port;
    return words < 1 ? 1 : words < IN_LUTS ? words : IN_LUTS;
}

bool weft_engine_has_tiles(int kind)
{
    return kind == WEFT_KIND_CONV || kind == WEFT_KIND_GROUPED || kind == WEFT_KIND_POOL ||
           kind == WEFT_KIND_MATMUL;
}

bool weft_engine_tile_fits(const weft_engine_params *params, int kind, int64_t pixels,
                           int64_t channels, int64_t depth)
{
    const weft_engine_params *p = params;
    if (pixels < 1 || channels < 1 || depth < 1 || pixels > LENGTH_MAX || channels > p->line ||
        depth > LENGTH_MAX)
        return false;
    int64_t lanes = weft_round_up(channels, p->lanes), columns = weft_round_up(channels, p->cols),
            rows = weft_round_up(pixels, p->rows), array = (int64_t)p->rows * p->cols;
    if (rows * columns > p->sums / array * array)
        return false;
    bool is_array = kind == WEFT_KIND_CONV || kind == WEFT_KIND_MATMUL;
    int32_t filters = kind == WEFT_KIND_MATMUL ? p->b_bytes : p->w_bytes;
    if (!is_array && pixels * lanes * depth > p->lane_bytes)
        return false;
    if (kind != WEFT_KIND_POOL && columns * weft_round_up(depth, p->simd) > filters)
        return false;
    return !is_array || (depth % p->simd == 0 && rows * depth <= p->x_bytes);
}

bool weft_engine_means_fit(const weft_engine_params *params, int64_t image_pixels, int64_t pixels,
                           int64_t channels)
{
    int64_t images = weft_round_up(pixels, image_pixels) / image_pixels;
    return images * weft_round_up(channels, params->lanes) <= params->line;
}

int64_t weft_engine_storage_bytes(const weft_engine_params *params)
{
    weft_engine_array list[WEFT_ENGINE_ARRAYS_MAX];
    size_t count = weft_engine_arrays(params, list);
    int64_t bits = 0;
    for (size_t i = 0; i < count; i++)
        bits += (int64_t)list[i].banks * list[i].depth * list[i].bits;
    return bits / 8;
}

/* ---- resources ---- */

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static int32_t blocks(int32_t count, int32_t block)
{
    return (count + block - 1) / block;
}

/* Rows of a tile, and of a piece of a stream. */
static int32_t norm_rows(const weft_engine_params *p)
{
    return larger(p->sums / (p->rows * p->cols) * p->rows, p->line / p->lanes);
}

static void add(weft_engine_array *out, size_t *count, weft_engine_array array)
{
    if (array.banks > 0)
        out[(*count)++] = array;
}

size_t weft_engine_arrays(const weft_engine_params *params, weft_engine_array *out)
{
    const weft_engine_params *p = params;
    /* Groups are 8 bytes; a word that is shifted into place touches one more than it has. */
    int32_t groups = p->port / 8 + 1, array = p->rows * p->cols;
    int32_t sum_blocks = p->sums / array, banks = larger(p->port / 4, p->lanes / 2);
    int32_t tile = blocks(sum_blocks * array, 8 * banks), line = blocks(p->line, 8 * banks);
    int32_t vector = blocks(4 * p->line, 8 * banks), lines = p->line / p->lanes;
    /* With products of two activations `sum` stands between load_second and finish. */
    bool has_products = p->b_bytes > 0;
    int32_t second = has_products ? 3 : 2, norms = p->norms, rows = norm_rows(p);
    int32_t piece = blocks(p->piece, 8 * banks);
    int32_t row_words = weft_engine_row_words(p);
    const weft_engine_array list[] = {
        {"x_words", larger(p->rows, groups), p->x_bytes / (p->rows * p->simd), 64, 2},
        {"w_words", larger(p->cols, groups), p->w_bytes / (p->cols * p->simd), 64, 2},
        {"x_lanes", banks, blocks(p->lane_bytes, 8 * banks), 64, 2},
        {"partial", array, sum_blocks, 32, 1},
        {"sums", array, sum_blocks, 32, 2},
        {"bias", banks, vector, 64, 3},
        {"mult", banks, vector, 64, 3},
        {"shift", banks, vector, 64, 3},
        {"residual", banks, tile, 64, second},
        {"addend", banks, piece, 64, second},
        {"a_row", 1, row_words, 8 * p->port, 1},
        {"b_row", 1, row_words, 8 * p->port, 1},
        {"r_row", 1, row_words, 8 * p->port, 1},
        {"values", banks, tile, 64, 2},
        {"totals", p->lanes, lines, 32, 1},
        {"ended", p->lanes, lines, 32, 1},
        {"means", banks, line, 64, 2},
        {"table", p->lanes, 32, 64, 1},
        {"counts", 3 * WEFT_ENGINE_COUNT_ROWS, 1, 32, 1}, /* counts, mults, shifts */
        {"b_words", has_products ? larger(p->cols, groups) : 0, p->b_bytes / (p->cols * p->simd),
         64, 2},
        {"row_partial", has_products ? p->rows : 0, sum_blocks, 32, 1},
        {"column_partial", has_products ? p->cols : 0, sum_blocks, 32, 1},
        {"row_sums", has_products ? p->rows : 0, sum_blocks, 32, 2},
        {"column_sums", has_products ? p->cols : 0, sum_blocks, 32, 2},
        {"codes", norms * banks, tile, 64, 1},
        {"exps", norms * p->lanes, WEFT_ENGINE_EXPS, 32, 1},
        {"highest", norms, rows, 32, 1},
        {"squares", norms, rows, 32, 1},
        {"fours", norms, rows, 32, 1},
        {"amounts", norms, rows, 32, 1},
        {"factors", norms, rows, 64, 1},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        add(out, &count, list[i]);
    return count;
}

weft_engine_dsps weft_engine_multipliers(const weft_engine_params *params)
{
    /* Per lane: 32 x 22 bits of requantising are 4, 9 x 22 bits of a sum of two are 1 each,
     * products of 9 x 9 bits of windows and of streams 1 each. The means have a requantiser of
     * their own. */
    enum { REQUANTISE = 4, SUM_OF_TWO = 2, PRODUCTS = 2 };
    /* A product of two s32 that is cut to 32 bits is 3. One multiplier each for the sizes of a
     * descriptor and of a run (job.body: read_job, run_at), one for a pool's counts (finish.body).
     */
    enum { PRODUCT_OF_S32 = 3, SIZE_PRODUCTS = 3 };
    /* Per lane: a square; 25 x 37 bits of softmax (3); count and value, 21 x 33 and 26 x 24 bits of
     * LayerNorm (1, 2, 2). Per row two products of 64 bits. */
    enum { NORM_LANE = 1 + 3 + 1 + 2 + 2, NORM_ROW = 8 };
    /* The zero point of x times the sum of a column, per lane; that of b times the sum of a row. */
    enum { ZERO_POINT = 2 };
    int32_t products = params->b_bytes > 0 ? 1 : 0;
    return (weft_engine_dsps){
        .array = params->rows * params->cols * params->simd / 2,
        .lanes = params->lanes * (REQUANTISE + SUM_OF_TWO + PRODUCTS) + REQUANTISE,
        .sizes = PRODUCT_OF_S32 * SIZE_PRODUCTS,
        .attention = params->norms * (params->lanes * NORM_LANE + NORM_ROW) +
                     products * (params->lanes + 1) * ZERO_POINT,
    };
}
