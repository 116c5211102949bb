/* SPDX-License-Identifier: Apache-2.0 */
/* See qtile_rule.h. Every candidate plan gets an expected time; the smallest wins. The constants
 * are cycles measured on a Zen 3 core and are ratios more than times: they rank plans. */
#include "kernels/cpu/qtile_rule.h"

#include <stdint.h>

#include "kernels/cpu/qpack.h"

/* One row of a register tile, one step of k, both vectors: two multiplications and two additions,
 * which share the four vector pipes (vpmaddwd takes two of them) and reach 1.6 of the 2 pairs per
 * cycle. vpdpbusd adds by itself. */
#define ROW_STEP_CYCLES_PAIRS 1.25
#define ROW_STEP_CYCLES_QUADS 1.05
/* Cycles of one register tile outside its k loop, per chunk; of finishing one row of a panel. */
#define TILE_CYCLES 40.0
#define FINISH_CYCLES 14.0
/* Bringing activations into local memory: elements per cycle, lines and im2col rows. */
#define PATCH_PER_CYCLE 10.0
#define GATHER_PER_CYCLE 0.5
/* Pixels that are normalised, with AVX-512: sums and results of a vector; root and quotient. */
#define NORM_VECTOR_CYCLES 20.0
#define NORM_PIXEL_CYCLES 150.0
/* Winograd: transforms of one tile, per 16 channels in and per panel out. */
#define TRANSFORM2_IN_CYCLES 45.0
#define TRANSFORM2_OUT_CYCLES 40.0
#define TRANSFORM4_IN_CYCLES 130.0
#define TRANSFORM4_OUT_CYCLES 130.0
#define TILES_MAX 128 /* of qwinograd.cl */
/* As in tile_rule.c. */
#define ITEM_CYCLES 600.0
#define LAUNCH_S 8e-6
#define WAKE_S 12e-6
#define MB_MAX 128 /* WEFT_MB_MAX of qconv.cl */
#define ITEMS_PER_THREAD_MAX 24
/* The chunk of a panel that stays in L1: half of it. */
#define CHUNK_L1_SHARE 2

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int round_up_dot(int n, int dot)
{
    return ceil_div(n, dot) * dot;
}

static int is_pointwise(const struct weft_cpu_qconv_shape *s)
{
    return s->kh == 1 && s->kw == 1 && s->sh == 1 && s->sw == 1 && s->pt == 0 && s->pl == 0 &&
           s->ih == s->oh && s->iw == s->ow && !s->is_nchw;
}

/* Pixels of the largest patch that a block of mb rows has under it, as weft_qconv makes it. */
static double patch_pixels(const struct weft_cpu_qconv_shape *s,
                           const struct weft_cpu_qconv_plan *p)
{
    double most = 0;
    for (int first = 0; first < p->seg_rows; first += p->mb) {
        const int last = least(first + p->mb, p->seg_rows) - 1;
        const int down = last / p->ow - first / p->ow;
        const int across = down > 0 ? p->ow - 1 : last - first;
        const double lines = (double)down * s->sh + (double)(s->kh - 1) * s->dh + 1;
        const double width = (double)across * s->sw + (double)(s->kw - 1) * s->dw + 1;
        most = lines * width > most ? lines * width : most;
    }
    return most;
}

int weft_cpu_qconv_complete(const struct weft_cpu_device *device,
                            const struct weft_cpu_qconv_shape *s, struct weft_cpu_qconv_plan *p)
{
    const int panels = ceil_div(s->oc, 2 * device->vector_width);
    const int elem_bytes = s->dot == 4 ? 1 : 2;
    p->groups = ceil_div(panels, p->pg);
    p->ih = s->ih;
    p->iw = s->iw;
    p->oh = s->oh;
    p->ow = s->ow;
    double bytes;
    if (p->method != WEFT_CPU_QDIRECT) {
        const int m = p->method == WEFT_CPU_QWINOGRAD2 ? 2 : 4, side = m + 2;
        const int tiles = ceil_div(s->oh, m) * ceil_div(s->ow, m);
        p->t_block = least(p->t_block, tiles);
        p->blocks = ceil_div(tiles, p->t_block);
        p->segments = s->n;
        p->seg_rows = s->oh * s->ow;
        bytes = side * side *
                (p->t_block * 2.0 * ceil_div(s->ic, 16) * 16 + 64 +
                 (p->t_block + 1) * 8.0 * device->vector_width);
        p->local_bytes = bytes > INT32_MAX ? 0 : (size_t)bytes;
        return p->local_bytes > 0;
    }
    if (is_pointwise(s) && p->gather == WEFT_CPU_QPATCH) {
        p->iw = p->ow = s->oh * s->ow * (s->has_sums ? 1 : s->n);
        p->ih = p->oh = 1;
    }
    const int is_joined = p->gather == WEFT_CPU_QROWS && !s->has_sums;
    p->seg_rows = p->oh * p->ow * (is_joined ? s->n : 1);
    p->segments = s->n * s->oh * s->ow / p->seg_rows;
    p->mb = least(p->mb, p->seg_rows);
    p->blocks = ceil_div(p->seg_rows, p->mb);
    if (p->gather == WEFT_CPU_QROWS)
        bytes = (double)p->mb * round_up_dot(s->kh * s->kw * s->ic, s->dot) * elem_bytes;
    else
        bytes = patch_pixels(s, p) * round_up_dot(s->ic, s->dot) * elem_bytes;
    p->local_bytes = bytes > INT32_MAX ? 0 : (size_t)bytes;
    return p->local_bytes > 0;
}

/* Rows that a block of n really computes: tiles are at most two rows shorter than the tallest, or
 * one row. */
static int computed_rows(int n, int tile_rows)
{
    const int tiles = ceil_div(n, tile_rows);
    const int fewest = tiles * (tile_rows - 2);
    return n > fewest || n == 1 ? n : fewest;
}

static double cycles_per_s(const struct weft_cpu_device *d)
{
    return d->peak_flops / (d->threads * 4.0 * d->vector_width);
}

static double total_s(const struct weft_cpu_device *d, double item_cycles, int items,
                      double weight_bytes, int row_blocks)
{
    const double item_s = (item_cycles + ITEM_CYCLES) / cycles_per_s(d);
    const double wake_s = d->threads > 1 ? WAKE_S : 0;
    const double compute_s = items <= 2 * d->threads
                                 ? item_s * ceil_div(items, d->threads) + wake_s
                                 : item_s * (items + 0.5) / d->threads + wake_s / 2;
    /* Weights beyond L2 are streamed once more by each thread that takes other rows meanwhile. */
    const int readers = weight_bytes <= (double)d->l2_bytes ? 1 : least(row_blocks, d->threads);
    const double memory_s = weight_bytes * (1 + 0.5 * (readers - 1)) / d->memory_bytes_per_s;
    return LAUNCH_S +
           (compute_s > memory_s ? compute_s + 0.25 * memory_s : memory_s + 0.25 * compute_s);
}

static void consider(struct weft_cpu_qconv_plan *best, const struct weft_cpu_qconv_plan *plan)
{
    if (best->expected_s <= 0 || plan->expected_s < best->expected_s)
        *best = *plan;
}

static double row_step_cycles(const struct weft_cpu_qconv_shape *s)
{
    return s->dot == 4 ? ROW_STEP_CYCLES_QUADS : ROW_STEP_CYCLES_PAIRS;
}

/* The number of panels to try behind pg. Items normalise the same rows each, so that few are wanted
 * of rows that are few: as many as threads. */
static int next_panels(int pg, int panels, int threads, int is_normalised)
{
    const int share = ceil_div(panels, threads);
    return is_normalised && pg < share && share < 2 * pg ? share : least(2 * pg, panels);
}

static void choose_direct(const struct weft_cpu_device *d, const struct weft_cpu_qconv_shape *s,
                          enum weft_cpu_qgather gather, struct weft_cpu_qconv_plan *best)
{
    const int nr = 2 * d->vector_width, mr = weft_cpu_tile_rows(d);
    const int panels = ceil_div(s->oc, nr);
    const int is_rows = gather == WEFT_CPU_QROWS;
    const int icp = round_up_dot(s->ic, s->dot);
    /* As weft_qconv walks k: runs of elements that lie next to each other. */
    const int run = is_rows      ? round_up_dot(s->kh * s->kw * s->ic, s->dot)
                    : s->dw == 1 ? s->kw * icp
                                 : icp;
    const int runs = is_rows ? 1 : s->dw == 1 ? s->kh : s->kh * s->kw;
    const int chunk = (int)(d->l1_bytes / CHUNK_L1_SHARE) / nr / 64 * 64;
    struct weft_cpu_qconv_plan p = {.method = WEFT_CPU_QDIRECT, .gather = gather};
    p.kc = run <= chunk + chunk / 2 ? run : chunk;
    p.tc = run > chunk ? 1 : least(chunk / run, runs);
    p.tc = p.tc > 0 ? p.tc : 1;
    const double k = (double)run * runs, steps = k / s->dot;
    const double chunks = (double)ceil_div(runs, p.tc) * ceil_div(run, p.kc);
    const double weight_bytes = k * panels * nr;
    const int all_rows = s->n * s->oh * s->ow;
    for (p.pg = 1;; p.pg = next_panels(p.pg, panels, d->threads, s->is_normalised)) {
        for (int blocks = 1; blocks <= all_rows; blocks++) {
            p.mb = least(ceil_div(all_rows, blocks), MB_MAX);
            if (blocks > 1 && p.mb == least(ceil_div(all_rows, blocks - 1), MB_MAX))
                continue;
            if (!weft_cpu_qconv_complete(d, s, &p))
                continue;
            const int items = p.blocks * p.segments * p.groups;
            if (p.local_bytes > d->local_bytes)
                continue;
            if (best->expected_s > 0 && p.mb < MB_MAX && items > ITEMS_PER_THREAD_MAX * d->threads)
                break;
            const int mb = least(p.mb, p.seg_rows);
            const double rows = computed_rows(mb, mr);
            const double panel_cycles = rows * steps * row_step_cycles(s) +
                                        ceil_div(mb, mr) * chunks * TILE_CYCLES +
                                        mb * FINISH_CYCLES + k * nr / 24;
            const double elems = (double)p.local_bytes / (s->dot == 4 ? 1 : 2);
            const double vectors = ceil_div(s->ic, d->vector_width);
            const double norm_cycles =
                s->is_normalised ? mb * (vectors * NORM_VECTOR_CYCLES + NORM_PIXEL_CYCLES) : 0;
            const double form_cycles = s->is_normalised ? 0
                                       : is_rows && (s->ic < 16 || s->is_nchw)
                                           ? elems / GATHER_PER_CYCLE
                                           : elems / PATCH_PER_CYCLE;
            const double spill_cycles =
                (double)p.local_bytes > (double)d->l2_bytes / 2 ? elems / 8 * p.pg : 0;
            p.expected_s = total_s(d, panel_cycles * p.pg + form_cycles + spill_cycles, items,
                                   weight_bytes, p.blocks * p.segments) +
                           norm_cycles * ceil_div(items, d->threads) / cycles_per_s(d);
            consider(best, &p);
        }
        if (p.pg == panels)
            break;
    }
}

static void choose_winograd(const struct weft_cpu_device *d, const struct weft_cpu_qconv_shape *s,
                            int m, struct weft_cpu_qconv_plan *best)
{
    const int nr = 2 * d->vector_width, mr = weft_cpu_tile_rows(d), side = m + 2;
    const int panels = ceil_div(s->oc, nr), tiles = ceil_div(s->oh, m) * ceil_div(s->ow, m);
    const double frequencies = side * side, steps = ceil_div(s->ic, 2);
    const double panel_bytes = frequencies * steps * nr * 4;
    struct weft_cpu_qconv_plan p = {.method = m == 2 ? WEFT_CPU_QWINOGRAD2 : WEFT_CPU_QWINOGRAD4};
    for (p.pg = 1;; p.pg *= 2) {
        p.pg = least(p.pg, panels);
        for (int blocks = ceil_div(tiles, TILES_MAX); blocks <= tiles; blocks++) {
            p.t_block = ceil_div(tiles, blocks);
            if (!weft_cpu_qconv_complete(d, s, &p))
                continue;
            const int items = p.blocks * p.segments * p.groups;
            if (items > ITEMS_PER_THREAD_MAX * d->threads)
                break;
            if (p.blocks != blocks || p.local_bytes > d->local_bytes)
                continue;
            const double product_cycles =
                frequencies * (computed_rows(p.t_block, mr) * steps * row_step_cycles(s) +
                               ceil_div(p.t_block, mr) * TILE_CYCLES);
            const double in_cycles = p.t_block * ceil_div(s->ic, 16) *
                                     (m == 2 ? TRANSFORM2_IN_CYCLES : TRANSFORM4_IN_CYCLES);
            const double out_cycles =
                p.t_block *
                ((m == 2 ? TRANSFORM2_OUT_CYCLES : TRANSFORM4_OUT_CYCLES) + m * m * FINISH_CYCLES);
            const double load_cycles =
                panel_bytes / (panel_bytes * panels < (double)d->l2_bytes / 2 ? 24 : 12);
            p.expected_s =
                total_s(d, (product_cycles + load_cycles + out_cycles) * p.pg + in_cycles, items,
                        panel_bytes * panels, p.blocks * p.segments);
            consider(best, &p);
        }
        if (p.pg == panels)
            break;
    }
}

int weft_cpu_qconv_choose(const struct weft_cpu_device *device,
                          const struct weft_cpu_qconv_shape *s,
                          struct weft_cpu_qconv_plan *out_plan)
{
    struct weft_cpu_qconv_plan best = {.expected_s = 0};
    /* Few channels waste steps and copies as lines; a 1x1 with a stride would copy what it skips.
     */
    const int is_strided_point = s->kh == 1 && s->kw == 1 && (s->sh > 1 || s->sw > 1);
    const int wants_rows = s->is_nchw || is_strided_point || (s->ic < 8 && s->kh * s->kw > 1);
    const unsigned methods = s->methods == 0 ? ~0u : s->methods;
    const int is_direct = (methods & 1u << WEFT_CPU_QDIRECT) != 0;
    if (is_direct && !wants_rows)
        choose_direct(device, s, WEFT_CPU_QPATCH, &best);
    if (is_direct && best.expected_s <= 0 && !s->is_normalised)
        choose_direct(device, s, WEFT_CPU_QROWS, &best);
    const int is_3x3 = s->kh == 3 && s->kw == 3 && s->sh == 1 && s->sw == 1 && s->dh == 1 &&
                       s->dw == 1 && s->ic >= 16 && !s->is_nchw;
    if (is_3x3 && s->dot == 2 && s->sum_bound <= WEFT_QWINOGRAD2_SUM_MAX &&
        (methods & 1u << WEFT_CPU_QWINOGRAD2))
        choose_winograd(device, s, 2, &best);
    if (is_3x3 && s->dot == 2 && s->sum_bound <= WEFT_QWINOGRAD4_SUM_MAX &&
        (methods & 1u << WEFT_CPU_QWINOGRAD4))
        choose_winograd(device, s, 4, &best);
    *out_plan = best;
    return best.expected_s > 0;
}
