/* SPDX-License-Identifier: Apache-2.0 */
/* See tile_rule.h. Every candidate plan gets an expected time; the smallest wins. The constants are
 * cycles measured with tests/bench/kernel_bench.c on a Zen 3 core and are ratios more than times:
 * they rank plans, the roofline of the report comes from elsewhere. */
#include "kernels/cpu/tile_rule.h"

/* Share of the multiply-add peak that the k loop of a register tile reaches. */
#define LOOP_EFFICIENCY 0.92
/* Cycles of one register tile outside its k loop, per chunk, and of storing one vector of results.
 */
#define TILE_CYCLES 30.0
#define STORE_CYCLES 3.0
/* Cycles of one tile's input and output transform, per vector of channels. */
#define TRANSFORM2_IN_CYCLES 30.0
#define TRANSFORM2_OUT_CYCLES 35.0
#define TRANSFORM4_IN_CYCLES 90.0
#define TRANSFORM4_OUT_CYCLES 105.0
/* Starting a work-item; a launch; the wake-up of the other threads (PoCL 3.1: 8 us and 12 us
 * measured). */
#define ITEM_CYCLES 600.0
#define LAUNCH_S 8e-6
#define WAKE_S 12e-6
/* Equal items do not take equal times; with few of them a thread waits for so much of one. */
#define UNEVEN 0.06
/* Share of a panel's way from L2 that is waited for when the tiles of the chunk before have fetched
 * it. */
#define PANEL_WAIT 0.25
/* A multiply-add of vectors per cycle and core; both vector units busy. */
#define FMA_PER_CYCLE 2.0
/* Shares of a cache that a chunk of a panel may take. */
#define CHUNK_L1_SHARE 2
#define CHUNK_L2_SHARE 8
#define MB_MAX 128 /* WEFT_MB_MAX of conv.cl */
#define ITEMS_PER_THREAD_MAX 24
#define GATE_PANELS_MAX 32 /* of linear.cl */
/* Keys per chunk; keys from which two panels share a chunk, and how many may. */
#define ATTENTION_CHUNK 64
#define ATTENTION_KEYS_PER_PANEL 256
#define ATTENTION_PANELS_MAX 4

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

static double at_least(double a, double b)
{
    return a > b ? a : b;
}

void weft_cpu_device_init(struct weft_cpu_device *device, int vector_width, int threads)
{
    device->vector_width = vector_width;
    device->threads = threads > 0 ? threads : 1;
    device->l1_bytes = 32 << 10;
    device->l2_bytes = vector_width == 16 ? 1 << 20 : 512 << 10;
    device->local_bytes = 256 << 10;
    device->is_exact = 0;
    device->peak_flops = 3e9 * 2 * FMA_PER_CYCLE * vector_width * device->threads;
    device->memory_bytes_per_s = 12e9 * device->threads;
}

int weft_cpu_tile_rows(const struct weft_cpu_device *device)
{
    return device->vector_width == 16 ? 14 : 6;
}

/* Rows that a block of n really computes: tiles are at most two rows shorter than the tallest. */
static int computed_rows(int n, int tile_rows)
{
    const int tiles = ceil_div(n, tile_rows);
    const int least = tiles * (tile_rows - 2);
    return n > least ? n : least;
}

/* Time of equal work-items on the device's threads when one item takes so many cycles and all of
 * them read so many bytes of weights from memory. The larger of the two hides most of the smaller.
 * The first thread starts at once, the others after their wake-up; with many small items it takes
 * over what they miss, with one item per thread it waits for them. */
static double total_s(const struct weft_cpu_device *d, double item_cycles, int items,
                      double weight_bytes)
{
    const double hz = d->peak_flops / (d->threads * FMA_PER_CYCLE * 2 * d->vector_width);
    const double item_s = (item_cycles + ITEM_CYCLES) / hz;
    const double wake_s = d->threads > 1 ? WAKE_S : 0;
    const double compute_s = items <= 2 * d->threads
                                 ? item_s * (ceil_div(items, d->threads) + UNEVEN) + wake_s
                                 : item_s * (items + 0.5) / d->threads + wake_s / 2;
    const double memory_s = weight_bytes / d->memory_bytes_per_s;
    return LAUNCH_S + at_least(compute_s, memory_s) +
           0.25 * (compute_s < memory_s ? compute_s : memory_s);
}

/* Weights that exceed L2 are streamed once more by each thread that takes other rows at the same
 * time. Where there are several groups of panels for each thread and a group stays in L2, a thread
 * takes all blocks of its groups. */
static double streamed_bytes(const struct weft_cpu_device *d, double weight_bytes, int row_blocks,
                             int groups)
{
    const int is_by_group =
        groups >= 2 * d->threads && weight_bytes / groups <= (double)d->l2_bytes / 2;
    const int readers = weight_bytes <= (double)d->l2_bytes || row_blocks <= 1 || is_by_group ? 1
                        : row_blocks < d->threads ? row_blocks
                                                  : d->threads;
    return weight_bytes * (1 + 0.5 * (readers - 1));
}

static void consider(struct weft_cpu_conv_plan *best, const struct weft_cpu_conv_plan *plan)
{
    if (best->expected_s <= 0 || plan->expected_s < best->expected_s)
        *best = *plan;
}

/* The part of a panel that all tiles of a block pass over before the next part. Tiles of 14 rows
 * read it slowly enough for L2; lower ones want it in L1, beside the rows and the waiting sums. */
static size_t chunk_bytes(const struct weft_cpu_device *d)
{
    return d->vector_width == 16 ? d->l2_bytes / CHUNK_L2_SHARE : d->l1_bytes / CHUNK_L1_SHARE;
}

static void choose_direct(const struct weft_cpu_device *d, const struct weft_cpu_conv_shape *s,
                          struct weft_cpu_conv_plan *best)
{
    const int nr = 2 * d->vector_width, mr = weft_cpu_tile_rows(d);
    const int panels = ceil_div(s->oc, nr);
    const int row = s->is_gathered ? s->ic * s->kh * s->kw : s->ic;
    const int taps = s->is_gathered ? 1 : s->kh * s->kw;
    const int chunk = (int)(chunk_bytes(d) / sizeof(float)) / nr;
    struct weft_cpu_conv_plan p = {.method = WEFT_CPU_DIRECT};
    p.kc = row <= chunk + chunk / 2 ? row : chunk;
    p.tc = row > chunk ? 1 : chunk / row < taps ? chunk / row : taps;
    p.seg_rows = (s->has_sums ? 1 : s->n) * s->oh * s->ow;
    p.segments = s->has_sums ? s->n : 1;
    const double chunks = (double)ceil_div(taps, p.tc) * ceil_div(row, p.kc);
    const double k = (double)row * taps;
    const double weight_bytes = k * panels * nr * sizeof(float);
    const int blocks_least = ceil_div(p.seg_rows, MB_MAX);
    for (p.pg = 1; p.pg < 2 * panels; p.pg *= 2) {
        const int pg = p.pg < panels ? p.pg : panels;
        p.groups = ceil_div(panels, pg);
        for (int blocks = blocks_least; blocks <= p.seg_rows; blocks++) {
            const int items = blocks * p.segments * p.groups;
            if (blocks > blocks_least && items > ITEMS_PER_THREAD_MAX * d->threads)
                break;
            p.mb = ceil_div(p.seg_rows, blocks);
            p.blocks = ceil_div(p.seg_rows, p.mb);
            if (p.blocks != blocks)
                continue;
            const double rows = computed_rows(p.mb, mr), tiles = ceil_div(p.mb, mr);
            const double panel_cycles = rows * k * 2 / (FMA_PER_CYCLE * LOOP_EFFICIENCY) +
                                        tiles * chunks * TILE_CYCLES + 2 * p.mb * STORE_CYCLES;
            const double gather_cycles = !s->is_gathered     ? 0
                                         : s->kh * s->kw > 1 ? 3.0 * p.mb * row
                                                             : 8.0 * p.mb * row / d->vector_width;
            /* A block's rows are read again for every panel: from L2 when they fit in half of it,
             * else from further away. */
            const double a_bytes =
                (double)p.mb * row * (s->is_gathered ? 1 : s->sh * s->sw) * sizeof(float);
            const double first_read_cycles = a_bytes / 12;
            const double spill_cycles = a_bytes > (double)d->l2_bytes / 2 ? a_bytes / 16 * pg : 0;
            /* Panels that all the blocks of one thread read come from L2 or beyond, once per block.
             */
            const double panel_load_cycles =
                k * nr * sizeof(float) / 24 *
                (tiles >= 4 ? PANEL_WAIT : 1 - (1 - PANEL_WAIT) * tiles / 4);
            p.expected_s =
                total_s(d,
                        (panel_cycles + panel_load_cycles) * pg + gather_cycles +
                            first_read_cycles + spill_cycles,
                        items, streamed_bytes(d, weight_bytes, blocks * p.segments, p.groups));
            struct weft_cpu_conv_plan candidate = p;
            candidate.pg = pg;
            candidate.scratch_elems =
                s->is_gathered ? (size_t)items * (size_t)p.mb * (size_t)row : 0;
            consider(best, &candidate);
        }
    }
}

static void choose_winograd(const struct weft_cpu_device *d, const struct weft_cpu_conv_shape *s,
                            int m, struct weft_cpu_conv_plan *best)
{
    const int nr = 2 * d->vector_width, mr = weft_cpu_tile_rows(d), side = m + 2;
    const int panels = ceil_div(s->oc, nr), icv = ceil_div(s->ic, d->vector_width);
    const int tiles = ceil_div(s->oh, m) * ceil_div(s->ow, m);
    struct weft_cpu_conv_plan p = {.method = m == 2 ? WEFT_CPU_WINOGRAD2 : WEFT_CPU_WINOGRAD4};
    p.seg_rows = s->oh * s->ow;
    p.segments = s->n;
    const double frequencies = side * side;
    const double weight_bytes = frequencies * s->ic * panels * nr * sizeof(float);
    for (p.pg = 1; p.pg < 2 * panels; p.pg *= 2) {
        const int pg = p.pg < panels ? p.pg : panels;
        p.groups = ceil_div(panels, pg);
        for (int blocks = 1; blocks <= tiles; blocks++) {
            const int items = blocks * p.segments * p.groups;
            if (items > ITEMS_PER_THREAD_MAX * d->threads && blocks > 1)
                break;
            p.t_block = ceil_div(tiles, blocks);
            p.blocks = ceil_div(tiles, p.t_block);
            p.local_bytes = sizeof(float) * (size_t)(side * side) *
                            ((size_t)p.t_block * (size_t)(icv * d->vector_width + nr) + 32);
            if (p.blocks != blocks || p.local_bytes > d->local_bytes)
                continue;
            const double rows = computed_rows(p.t_block, mr);
            const double product_cycles =
                frequencies * (rows * s->ic * 2 / (FMA_PER_CYCLE * LOOP_EFFICIENCY) +
                               ceil_div(p.t_block, mr) * TILE_CYCLES);
            const double in_cycles =
                p.t_block * icv * (m == 2 ? TRANSFORM2_IN_CYCLES : TRANSFORM4_IN_CYCLES);
            const double out_cycles =
                p.t_block * 2 * (m == 2 ? TRANSFORM2_OUT_CYCLES : TRANSFORM4_OUT_CYCLES);
            const double panel_load_cycles = frequencies * s->ic * nr * sizeof(float) /
                                             (weight_bytes < (double)d->l2_bytes / 2 ? 24 : 12);
            p.expected_s =
                total_s(d, (product_cycles + panel_load_cycles + out_cycles) * pg + in_cycles,
                        items, weight_bytes);
            struct weft_cpu_conv_plan candidate = p;
            candidate.pg = pg;
            consider(best, &candidate);
        }
    }
}

void weft_cpu_conv_choose(const struct weft_cpu_device *device,
                          const struct weft_cpu_conv_shape *shape,
                          struct weft_cpu_conv_plan *out_plan)
{
    struct weft_cpu_conv_plan best = {.expected_s = 0};
    const unsigned methods = shape->methods == 0 ? ~0u : shape->methods;
    if (methods & 1u << WEFT_CPU_DIRECT)
        choose_direct(device, shape, &best);
    if (shape->kh == 3 && shape->kw == 3 && shape->sh == 1 && shape->sw == 1 && shape->dh == 1 &&
        shape->dw == 1 && !shape->is_gathered && shape->ic >= device->vector_width) {
        if (methods & 1u << WEFT_CPU_WINOGRAD2)
            choose_winograd(device, shape, 2, &best);
        if (!device->is_exact && (methods & 1u << WEFT_CPU_WINOGRAD4))
            choose_winograd(device, shape, 4, &best);
    }
    *out_plan = best;
}

int weft_cpu_linear_panels(const struct weft_cpu_device *device, int oc, int k)
{
    /* Memory-bound: one item of at least 32 KB, and at least four per thread so that they end
     * together. */
    const int panels = ceil_div(oc, 2 * device->vector_width);
    const int most = ceil_div(panels, 4 * device->threads);
    const int least = ceil_div(32 << 10, k * 2 * device->vector_width * (int)sizeof(float));
    return least > most ? (most > 0 ? most : 1) : most;
}

void weft_cpu_gate_blocks(const struct weft_cpu_device *device, int k, int oc, int pixels,
                          int *out_pg, int *out_pixels_per_block)
{
    /* Wide rows of pixels stream best. Each pixel block computes its channels' gate again, so there
     * are only as many as give every thread one item, or two where the gate is small. */
    const int panels = ceil_div(oc, 2 * device->vector_width);
    const int pg = panels < GATE_PANELS_MAX ? panels : GATE_PANELS_MAX;
    const int groups = ceil_div(panels, pg);
    const int is_small = (double)k * oc * (double)sizeof(float) < (double)device->l2_bytes;
    const int items = (is_small ? 2 : 1) * device->threads;
    const int blocks = ceil_div(items, groups);
    *out_pg = pg;
    *out_pixels_per_block = ceil_div(pixels, blocks < pixels ? blocks : pixels);
}

void weft_cpu_attention_blocks(const struct weft_cpu_device *device, int tasks, int queries,
                               int keys, int depth, int channels,
                               struct weft_cpu_attention_plan *out_plan)
{
    /* A chunk's scores stay in L1 beside one panel of queries. With many keys several panels share
     * a chunk: each row of keys and values lies in another page, and walking all of them costs
     * more than the caches say. All threads get several items. */
    const int nr = 2 * device->vector_width, panels = ceil_div(queries, nr);
    int pg = keys / ATTENTION_KEYS_PER_PANEL;
    pg = pg < 1 ? 1 : pg > ATTENTION_PANELS_MAX ? ATTENTION_PANELS_MAX : pg;
    while (pg > 1 && tasks * ceil_div(panels, pg) < 4 * device->threads)
        pg--;
    const int chunks = ceil_div(keys, ATTENTION_CHUNK);
    out_plan->pg = pg;
    out_plan->blocks = ceil_div(panels, pg);
    out_plan->kc = ceil_div(keys, chunks);
    out_plan->local_bytes =
        sizeof(float) * (size_t)nr *
        ((size_t)pg * ((size_t)depth + (size_t)channels + 2) + (size_t)out_plan->kc);
}
