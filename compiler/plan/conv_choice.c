/* SPDX-License-Identifier: Apache-2.0 */
/* See conv_choice.h. Two questions in turn: the algorithm, by estimated time; then the blocks, so that every thread gets the same work, what is
 * read again lies in L2, and the larger of weights and activations is streamed once.
 *
 * Estimate: time = max(products / (efficiency * peak), weight bytes / memory bandwidth) + transforms. Weights come from memory in
 * every inference, because a network's weights together exceed the caches; F(4x4) has 36/9 of the plain weights, F(2x2) 16/9. */
#include "compiler/plan/conv_choice.h"

/* Share of the peak that the product loops reach, and that the transforms (loads and stores mostly) reach. */
static const double PRODUCT_EFFICIENCY = 0.8;
static const double TRANSFORM_EFFICIENCY = 0.12;

enum { MAX_BLOCK_ROWS = 128 }; /* WEFT_MB_MAX of conv.cl: sums that wait between chunks */

static int64_t div_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t tiles_per_image(const weft_conv_shape *shape, int m)
{
    return div_up(shape->oh, m) * div_up(shape->ow, m);
}

static int64_t product_flops(const weft_conv_shape *shape, int m)
{
    return 2 * (m + 2) * (m + 2) * shape->n * tiles_per_image(shape, m) * shape->ic * shape->oc;
}

/* Additions and multiplications of B^T d B and A^T p A per tile and channel, counted from winograd.cl. */
static int64_t transform_flops(const weft_conv_shape *shape, int m)
{
    int64_t tiles = shape->n * tiles_per_image(shape, m);
    int64_t input = m == 2 ? 32 : 12 * 14, output = m == 2 ? 24 : 10 * 13;
    return tiles * (input * shape->ic + output * shape->oc);
}

int64_t weft_conv_winograd_flops(const weft_conv_shape *shape, int m)
{
    return product_flops(shape, m) + transform_flops(shape, m);
}

uint64_t weft_conv_winograd_local_bytes(const weft_conv_shape *shape, const weft_target *target, int m, int tiles)
{
    int64_t vector = target->vector_floats;
    int64_t channels = div_up(shape->ic, vector) * vector + 2 * vector;
    return (uint64_t)((m + 2) * (m + 2) * tiles * channels) * sizeof(float);
}

static double estimate_ns(const weft_conv_shape *shape, const weft_target *target, int threads, int m)
{
    double peak = target->peak_gflops * threads;
    int64_t weights = shape->kh * shape->kw * shape->ic * shape->oc;
    int64_t products = 2 * shape->n * shape->oh * shape->ow * weights;
    double transforms = 0.0;
    if (m != 0) {
        weights = (m + 2) * (m + 2) * shape->ic * shape->oc;
        products = product_flops(shape, m);
        transforms = (double)transform_flops(shape, m) / (peak * TRANSFORM_EFFICIENCY);
    }
    double compute = (double)products / (peak * PRODUCT_EFFICIENCY);
    double memory = (double)weights * sizeof(float) / target->memory_gbytes;
    return (compute > memory ? compute : memory) + transforms;
}

static bool winograd_fits(const weft_conv_shape *shape, const weft_target *target, int m)
{
    return shape->kh == 3 && shape->kw == 3 && shape->sh == 1 && shape->sw == 1 && shape->is_dense && !shape->is_gathered &&
           weft_conv_winograd_local_bytes(shape, target, m, target->tile_rows) <= (uint64_t)target->l2_bytes;
}

/* Rows (or tiles) per block: as many as fit the bound, but a number of blocks that the threads share evenly, and blocks of equal
 * size that fill the register tile. */
static int64_t balanced_rows(int64_t rows, int64_t images, int64_t most, int threads, int tile_rows)
{
    int64_t blocks = div_up(rows, most);
    if ((images * blocks) % threads != 0 && rows >= 2 * tile_rows * threads)
        while ((images * blocks) % threads != 0)
            blocks++;
    int64_t size = div_up(rows, blocks);
    int64_t rounded = div_up(size, tile_rows) * tile_rows;
    /* Rounding up to whole register tiles must not cost a block more than it saves. */
    return div_up(rows, rounded) == blocks && rounded <= most ? rounded : size;
}

static void choose_direct_blocks(const weft_conv_shape *shape, const weft_target *target, int threads,
                                 weft_conv_choice *choice)
{
    int64_t panel = 2 * target->vector_floats;
    int64_t panels = div_up(shape->oc, panel);
    int64_t rows = shape->n * shape->oh * shape->ow;
    int64_t segment = shape->wants_sums ? shape->oh * shape->ow : rows;
    int64_t taps = shape->kh * shape->kw;
    int64_t depth = taps * shape->ic;

    /* The chunk of a panel that all rows of a block pass over stays in half of L1. */
    int64_t chunk = target->l1_bytes / 2 / (panel * (int64_t)sizeof(float));
    choice->chunk_taps = 1;
    choice->chunk_channels = (int)min_i64(shape->ic, chunk);
    if (shape->ic <= chunk)
        choice->chunk_taps = (int)min_i64(taps, chunk / shape->ic > 0 ? chunk / shape->ic : 1);

    /* Rows of a block: what they read stays in half of L2 while the panels pass by. */
    int64_t read_per_row = shape->is_gathered ? depth : shape->ic * shape->sh * shape->sw;
    int64_t most = target->l2_bytes / 2 / (read_per_row * (int64_t)sizeof(float));
    most = most < target->tile_rows ? target->tile_rows : min_i64(most, MAX_BLOCK_ROWS);
    choice->block_rows = (int)balanced_rows(segment, rows / segment, most, threads, target->tile_rows);
    choice->group_panels = (int)panels;
    int64_t blocks = rows / segment * div_up(segment, choice->block_rows);
    /* Too few blocks for the threads, or more weights than activations: share out the panels instead, and each weight is read by
     * one thread only. Gathering would be repeated per group, so gathered rows stay whole unless threads would idle. */
    bool is_weight_bound = depth * shape->oc > rows * shape->ic && !shape->is_gathered;
    if (blocks % threads != 0 || is_weight_bound) {
        choice->block_rows = (int)min_i64(segment, most);
        blocks = rows / segment * div_up(segment, choice->block_rows);
        if (panels >= threads)
            choice->group_panels = (int)div_up(panels, threads);
    }
}

static void choose_winograd_blocks(const weft_conv_shape *shape, const weft_target *target, int threads,
                                   weft_conv_choice *choice)
{
    int m = choice->winograd;
    int64_t panels = div_up(shape->oc, 2 * target->vector_floats);
    int64_t tiles = tiles_per_image(shape, m);
    int64_t one = (int64_t)weft_conv_winograd_local_bytes(shape, target, m, 1);
    int64_t most = target->l2_bytes * 3 / 4 / one;
    if (most < target->tile_rows)
        most = target->tile_rows;
    choice->block_rows = (int)balanced_rows(tiles, shape->n, most, threads, target->tile_rows);
    choice->group_panels = (int)panels;
}

weft_conv_choice weft_conv_choose(const weft_conv_shape *shape, const weft_target *target, int threads)
{
    weft_conv_choice best = {.winograd = 0, .estimated_ns = estimate_ns(shape, target, threads, 0)};
    for (int m = 2; m <= 4; m += 2) {
        if (!winograd_fits(shape, target, m))
            continue;
        double ns = estimate_ns(shape, target, threads, m);
        if (ns < best.estimated_ns)
            best = (weft_conv_choice){.winograd = m, .estimated_ns = ns};
    }
    if (best.winograd == 0)
        choose_direct_blocks(shape, target, threads, &best);
    else
        choose_winograd_blocks(shape, target, threads, &best);
    return best;
}
