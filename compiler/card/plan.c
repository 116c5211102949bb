/* SPDX-License-Identifier: Apache-2.0 */
/* Which engines: candidates by the DSPs of a region, a coarse bound that orders them, the cycle
 * model for the best of these, and the ladder of all that was tried. Must not know about: single
 * operators, how anything is printed. */
#include "compiler/card/plan.h"

#include <math.h>
#include <stdlib.h>

#include "compiler/base/integer.h"
#include "compiler/base/text.h"
#include "compiler/package/engine_params.h"

/* So many candidates, best bound first, are looked at with the cycle model and few tiles; the best
 * of these with all tiles. */
enum { EVALUATED = 48, FINALISTS = 6 };

/* ---- times ---- */

static double transfer_ns(const weft_board *board, const weft_schedule *schedule)
{
    double bytes = 0;
    if (board->host_gbytes <= 0)
        return 0;
    for (size_t i = 0; i < schedule->input_count; i++)
        bytes += (double)schedule->values[schedule->inputs[i]].size_bytes;
    for (size_t i = 0; i < schedule->output_count; i++)
        bytes += (double)schedule->values[schedule->outputs[i]].size_bytes;
    return bytes / board->host_gbytes;
}

weft_card_times weft_card_times_of(const weft_card_plan *plan, weft_arena *arena,
                                   const weft_card_network *network, bool is_rough)
{
    const weft_card_work *work = &network->work;
    weft_card_times times = {.launches = work->launches, .host_ns = work->host_ns};
    weft_card_tiles *tiles = weft_card_tiles_create(arena, &plan->engine, &plan->timing, is_rough);
    for (size_t i = 0; i < work->count; i++) {
        const weft_card_item *item = work->items[i];
        weft_card_cycles cycles = weft_card_tiles_cycles(tiles, item->words);
        times.engine_cycles += (double)item->times * cycles.total;
        times.macs += item->times * cycles.macs;
    }
    double batch = (double)network->batch, moved = transfer_ns(plan->board, network->schedule);
    double engine_ns = times.engine_cycles * 1e3 / plan->timing.clock_mhz;
    times.latency_ns =
        engine_ns + times.host_ns + moved + (double)times.launches * plan->board->launch_us * 1e3;
    /* With several batches in flight the next launch waits in the unit's queue, and the host works
     * while engines do: the slowest of the three sets the pace. */
    double per_batch = engine_ns / plan->placement.unit_count;
    times.limit = "engines";
    if (moved > per_batch) {
        per_batch = moved;
        times.limit = "transfers";
    }
    if (times.host_ns > per_batch) {
        per_batch = times.host_ns;
        times.limit = "host steps";
    }
    times.images_per_second = per_batch > 0 ? batch * 1e9 / per_batch : 0;
    return times;
}

/* ---- candidates ---- */

typedef struct candidate {
    weft_card_rung rung;
    weft_card_placement placement;
    double bound; /* engines per cycle that they need at least: more is better */
    double merit; /* by the goal, of those that were evaluated: more is better */
} candidate;

typedef struct planning {
    weft_arena *arena;
    const weft_board *board;
    const weft_card_network *network;
    weft_card_goal goal;
    WEFT_VEC(candidate) candidates;
} planning;

/* Words of `simd` bytes that each bank of the operands' buffers holds, blocks of rows x cols sums
 * in a tile, and whether a piece of a stream is as long as the other buffers allow. Depths that
 * fill the device's memories: an UltraRAM is 4096 deep and as good as 8 block RAMs at 2048, a block
 * RAM 512; up to 64 sums per place of the array lie in LUTs, and so does the second residual of a
 * shorter piece. */
static const struct buffers {
    int32_t words, blocks;
    bool has_long_pieces;
} buffer_sizes[] = {{4096, 64, true}, {4096, 64, false}, {2048, 64, true}, {2048, 64, false},
                    {1024, 64, true}, {1024, 64, false}, {512, 64, true},  {512, 64, false},
                    {2048, 32, true}, {2048, 32, false}, {512, 32, true},  {512, 32, false},
                    {512, 16, true},  {512, 16, false}};
enum { BUFFER_SIZES = sizeof buffer_sizes / sizeof buffer_sizes[0] };

static weft_engine_params make_engine(const planning *p, int32_t rows, int32_t cols, int32_t lanes,
                                      int32_t port, struct buffers buffers)
{
    enum { SIMD = 8, LANE_BYTES = 32768, IN_LUTS = 64 };
    int32_t sums = rows * cols * buffers.blocks;
    int32_t piece = sums < LANE_BYTES ? sums : LANE_BYTES;
    int32_t addend = 8 * (port / 4 > lanes / 2 ? port / 4 : lanes / 2) * IN_LUTS;
    if (!buffers.has_long_pieces && addend < piece)
        piece = addend;
    const weft_engine_params engine = {.name = "card",
                                       .rows = rows,
                                       .cols = cols,
                                       .simd = SIMD,
                                       .lanes = lanes,
                                       .port = port,
                                       .x_bytes = rows * SIMD * buffers.words,
                                       .w_bytes = cols * SIMD * buffers.words,
                                       .sums = sums,
                                       .lane_bytes = LANE_BYTES,
                                       .line = p->network->line,
                                       .piece = piece / lanes * lanes,
                                       .doc = "planned for a card"};
    return weft_engine_with(&engine, p->network->work.products, p->network->work.norms);
}

static int64_t word_of(const uint32_t d[WEFT_D_WORDS], int word)
{
    return (int32_t)d[word];
}

static int64_t product_of(const uint32_t d[WEFT_D_WORDS], int first, int count)
{
    int64_t product = 1;
    for (int i = 0; i < count; i++)
        product *= word_of(d, first + i);
    return product;
}

/* Cycles of a descriptor that no tile and no overlap can avoid: its products on the array, its
 * results through the lanes, and its bytes through the bank of the values. */
static double bound_of(const uint32_t d[WEFT_D_WORDS], const weft_engine_params *p,
                       double bank_bytes)
{
    int64_t kind = word_of(d, WEFT_D_KIND);
    if (!weft_engine_has_tiles((int)kind)) {
        double elements = (double)product_of(d, WEFT_D_SIZES, WEFT_D_DIMS);
        double operands = kind == WEFT_KIND_ADD ? 3 : kind == WEFT_KIND_MUL ? 4 : 2;
        double passes = kind == WEFT_KIND_SOFTMAX || kind == WEFT_KIND_LAYER_NORM ? 2 : 1;
        return fmax(passes * elements / p->lanes, operands * elements / bank_bytes);
    }
    bool is_matrix = kind == WEFT_KIND_MATMUL;
    int64_t pixels = product_of(d, WEFT_D_OUT_HEIGHT, 2) * word_of(d, WEFT_D_BATCH);
    pixels *= is_matrix ? word_of(d, WEFT_D_HEADS) : 1;
    int64_t channels = word_of(d, WEFT_D_OUT_CHANNELS),
            taps = product_of(d, WEFT_D_KERNEL_HEIGHT, 2);
    double finish = (double)(pixels * weft_blocks(channels, p->lanes));
    if (kind != WEFT_KIND_CONV && !is_matrix)
        return finish * (double)taps;
    if ((word_of(d, WEFT_D_FLAGS) & WEFT_FLAG_SOFTMAX) != 0 && is_matrix)
        finish *= 2;
    int64_t depth = taps * word_of(d, WEFT_D_IN_CHANNELS);
    double array = (double)(weft_blocks(pixels, p->rows) * weft_blocks(channels, p->cols)) *
                   (double)weft_blocks(depth, p->simd);
    /* Patches are read again for every tile of channels; a tile has no more than the sums of one
     * row of blocks allow. */
    int64_t most_channels = p->sums / p->rows;
    double read = (double)(pixels * depth) * (double)weft_blocks(channels, most_channels);
    return fmax(fmax(array, finish), (read + (double)(pixels * channels)) / bank_bytes);
}

static double bound_cycles(const weft_card_work *work, const weft_engine_params *p,
                           double bank_bytes)
{
    double sum = 0;
    for (size_t i = 0; i < work->count; i++)
        sum += (double)work->items[i]->times * bound_of(work->items[i]->words, p, bank_bytes);
    return sum;
}

static void add_candidate(planning *p, const weft_engine_params *engine)
{
    candidate c = {.rung = {.engine = *engine}, .merit = -INFINITY};
    weft_card_place(p->board, engine, &p->network->footprint, WEFT_CARD_UNITS, &c.placement);
    c.rung.unit_count = c.placement.unit_count;
    c.rung.shortage = c.placement.shortage;
    c.rung.verdict = "does not fit";
    if (c.rung.unit_count > 0) {
        weft_card_timing timing =
            weft_card_timing_of(p->board, engine, c.placement.units[0].memory,
                                c.placement.units[0].bank, c.placement.sharing);
        double bank = fmin(timing.bank_bytes[WEFT_PORT_SOURCE], timing.port_bytes);
        int32_t counted = p->goal == WEFT_GOAL_LATENCY ? 1 : c.rung.unit_count;
        double cycles = bound_cycles(&p->network->work, engine, bank);
        c.bound = cycles > 0 ? counted / cycles : 0;
        c.rung.verdict = "slower by a bound";
    }
    WEFT_VEC_PUSH(p->arena, &p->candidates, c);
}

/* The most rows that so many DSPs pay for. */
static int32_t rows_of(const planning *p, int32_t cols, int32_t lanes, int32_t port, int64_t dsp)
{
    enum { ROWS_MAX = 128 };
    int32_t rows = ROWS_MAX;
    for (; rows >= 2; rows -= 2) {
        weft_engine_params engine = make_engine(p, rows, cols, lanes, port, buffer_sizes[0]);
        weft_engine_dsps dsps = weft_engine_multipliers(&engine);
        if (weft_engine_dsps_sum(&dsps) <= dsp)
            break;
    }
    return rows;
}

/* An array for so many DSPs; smaller ones as long as nothing fits. */
static void add_arrays(planning *p, int64_t dsp)
{
    static const int32_t lane_counts[] = {8, 16, 32, 64}, port_bytes[] = {64, 32};
    enum { COLS_MAX = 64 };
    for (size_t l = 0; l < sizeof lane_counts / sizeof lane_counts[0]; l++)
        for (size_t w = 0; w < sizeof port_bytes / sizeof port_bytes[0]; w++)
            for (int32_t cols = lane_counts[l]; cols <= COLS_MAX; cols *= 2)
                for (int b = 0; b < BUFFER_SIZES; b++) {
                    int32_t rows = rows_of(p, cols, lane_counts[l], port_bytes[w], dsp);
                    for (; rows >= 2; rows = rows * 3 / 8 * 2) {
                        weft_engine_params engine = make_engine(p, rows, cols, lane_counts[l],
                                                                port_bytes[w], buffer_sizes[b]);
                        if (!weft_engine_params_are_valid(&engine))
                            break; /* smaller buffers come */
                        add_candidate(p, &engine);
                        if (p->candidates.data[p->candidates.count - 1].rung.unit_count > 0)
                            break;
                    }
                }
}

static void add_all(planning *p)
{
    int64_t last = 0;
    for (int32_t slr = 0; slr < p->board->slr_count; slr++) {
        int64_t dsp = weft_card_limit_of(p->board, slr).dsp;
        if (dsp == last)
            continue;
        last = dsp;
        add_arrays(p, dsp);
        add_arrays(p, dsp / 2);
        add_arrays(p, dsp / 3);
        add_arrays(p, dsp / 4);
    }
}

/* ---- choice ---- */

static int by_bound(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->bound != y->bound)
        return x->bound < y->bound ? 1 : -1;
    /* Larger buffers first: they need less of the memories. */
    int32_t sums = y->rung.engine.sums - x->rung.engine.sums;
    return sums != 0 ? sums : y->rung.engine.piece - x->rung.engine.piece;
}

static void try_candidate(const planning *p, const candidate *c, weft_card_plan *plan)
{
    plan->engine = c->rung.engine;
    plan->placement = c->placement;
    plan->timing = weft_card_timing_of(p->board, &plan->engine, plan->placement.units[0].memory,
                                       plan->placement.units[0].bank, plan->placement.sharing);
}

/* What is compared: more is better. */
static double merit_of(weft_card_goal goal, const weft_card_times *times)
{
    return goal == WEFT_GOAL_LATENCY ? -times->latency_ns : times->images_per_second;
}

static void evaluate(const planning *p, candidate *c, bool is_rough)
{
    weft_card_plan trial = {.board = p->board};
    if (c->rung.unit_count == 0)
        return;
    try_candidate(p, c, &trial);
    weft_card_times times = weft_card_times_of(&trial, p->arena, p->network, is_rough);
    if (times.engine_cycles == INFINITY) {
        c->rung.verdict = "holds no row of scores";
        c->merit = -INFINITY;
        return;
    }
    c->rung.images_per_second = times.images_per_second;
    c->rung.verdict = "slower";
    c->merit = merit_of(p->goal, &times);
}

static int by_merit(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->merit != y->merit)
        return x->merit < y->merit ? 1 : -1;
    return by_bound(a, b);
}

static bool is_same_array(const weft_card_rung *a, const weft_card_rung *b)
{
    return a->engine.rows == b->engine.rows && a->engine.cols == b->engine.cols &&
           a->engine.lanes == b->engine.lanes && a->engine.port == b->engine.port &&
           a->unit_count == b->unit_count;
}

/* Evaluates the candidates with the best bounds, few of each array so that buffers alone do not
 * fill the list, and moves them to the front, best first. Returns how many. */
static size_t evaluate_roughly(planning *p)
{
    enum { OF_ONE_ARRAY = 3 };
    size_t count = 0;
    for (size_t i = 0; i < p->candidates.count && count < EVALUATED; i++) {
        candidate *c = &p->candidates.data[i];
        int alike = 0;
        for (size_t k = 0; k < count; k++)
            alike += is_same_array(&p->candidates.data[k].rung, &c->rung);
        if (c->rung.unit_count == 0 || alike >= OF_ONE_ARRAY)
            continue;
        candidate first = p->candidates.data[count];
        evaluate(p, c, true);
        p->candidates.data[count] = *c;
        if (count != i)
            *c = first;
        count++;
    }
    qsort(p->candidates.data, count, sizeof(candidate), by_merit);
    return count;
}

static weft_status no_fit(const planning *p, weft_diag *diag)
{
    const weft_card_shortage *shortage = NULL;
    for (size_t i = 0; i < p->candidates.count; i++)
        shortage = &p->candidates.data[i].rung.shortage; /* the smallest comes last */
    weft_status status =
        weft_diag_error(diag, WEFT_E_CARD_NO_FIT, "no engine fits board %s", p->board->name);
    if (shortage == NULL)
        return status;
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "at most %lld %s in SLR%d",
                        (long long)shortage->available, weft_card_resource_name(shortage->resource),
                        (int)shortage->slr);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%lld for the smallest engine",
                        (long long)shortage->needed);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        shortage->resource == WEFT_RESOURCE_BANK
                            ? "a smaller batch or resolution, or a board with larger banks"
                            : "a larger board: weft estimate MODEL --board all");
    return status;
}

/* ---- ladder ---- */

/* Evaluated ones by speed, then those with a bound, then those that do not fit, largest first. */
static int by_worth(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->rung.images_per_second != y->rung.images_per_second)
        return x->rung.images_per_second < y->rung.images_per_second ? 1 : -1;
    if (x->bound != y->bound)
        return x->bound < y->bound ? 1 : -1;
    int32_t size =
        y->rung.engine.rows * y->rung.engine.cols - x->rung.engine.rows * x->rung.engine.cols;
    return size != 0 ? size : y->rung.engine.sums - x->rung.engine.sums;
}

/* The best of every array's shape is enough for people. */
static bool is_known_shape(const weft_card_plan *plan, const weft_card_rung *rung)
{
    for (size_t i = 0; i < plan->rung_count; i++)
        if (plan->rungs[i].engine.rows == rung->engine.rows &&
            plan->rungs[i].engine.cols == rung->engine.cols &&
            (plan->rungs[i].unit_count == 0) == (rung->unit_count == 0))
            return true;
    return false;
}

static void keep_rungs(planning *p, weft_card_plan *plan)
{
    enum { RUNGS = 16 };
    plan->rungs = WEFT_NEW_ARRAY(p->arena, weft_card_rung, RUNGS);
    qsort(p->candidates.data, p->candidates.count, sizeof(candidate), by_worth);
    for (int fits = 1; fits >= 0; fits--) {
        size_t room = fits ? RUNGS - RUNGS / 4 : RUNGS;
        for (size_t i = 0; i < p->candidates.count && plan->rung_count < room; i++) {
            const weft_card_rung *rung = &p->candidates.data[i].rung;
            if ((rung->unit_count > 0) == (fits == 1) && !is_known_shape(plan, rung))
                plan->rungs[plan->rung_count++] = *rung;
        }
    }
}

weft_status weft_card_plan_make(weft_arena *arena, const weft_board *board,
                                const weft_card_network *network, weft_card_goal goal,
                                weft_card_plan **out_plan, weft_diag *diag)
{
    *out_plan = NULL;
    planning p = {.arena = arena, .board = board, .network = network, .goal = goal};
    add_all(&p);
    if (p.candidates.count == 0)
        return no_fit(&p, diag);
    qsort(p.candidates.data, p.candidates.count, sizeof(candidate), by_bound);
    if (p.candidates.data[0].rung.unit_count == 0)
        return no_fit(&p, diag);
    weft_card_plan best = {.board = board};
    size_t count = evaluate_roughly(&p), chosen = 0;
    for (size_t i = 0; i < count && i < FINALISTS; i++) {
        evaluate(&p, &p.candidates.data[i], false);
        if (p.candidates.data[i].merit > p.candidates.data[chosen].merit)
            chosen = i;
    }
    try_candidate(&p, &p.candidates.data[chosen], &best);
    p.candidates.data[chosen].rung.verdict = "chosen";
    *out_plan = weft_arena_dup(arena, &best, sizeof best);
    keep_rungs(&p, *out_plan);
    return WEFT_OK;
}

/* ---- description ---- */

void weft_card_set_schedule(weft_arena *arena, const weft_card_plan *plan, weft_schedule *schedule)
{
    weft_card_tiles *tiles = weft_card_tiles_create(arena, &plan->engine, &plan->timing, false);
    weft_card_leave_to_host(schedule);
    for (size_t i = 0; i < schedule->step_count; i++) {
        weft_card_cycles cycles;
        if (weft_card_tiles_step(tiles, &schedule->steps[i], true, &cycles))
            schedule->steps[i].cost.cycles = (int64_t)ceil(cycles.total);
    }
}

static const char *newest_platform(const weft_board *board)
{
    return board->platform_count > 0 ? board->platforms[0].name : NULL;
}

void weft_card_describe(weft_arena *arena, const weft_card_plan *plan, weft_card *out_card)
{
    const weft_card_placement *placement = &plan->placement;
    *out_card = (weft_card){.board = plan->board->name,
                            .part = plan->board->part,
                            .platform = newest_platform(plan->board),
                            .clock_mhz = plan->timing.clock_mhz,
                            .unit_count = (size_t)placement->unit_count};
    out_card->units = WEFT_NEW_ARRAY(arena, weft_card_unit, out_card->unit_count);
    for (size_t i = 0; i < out_card->unit_count; i++) {
        weft_card_unit *unit = &out_card->units[i];
        unit->name = weft_arena_printf(arena, "%s_%zu", WEFT_ENGINE_KERNEL, i + 1);
        unit->slr = placement->units[i].slr;
        for (int port = 0; port < WEFT_CARD_PORTS; port++)
            unit->banks[port] = weft_arena_printf(
                arena, "%s[%d]", plan->board->memories[placement->units[i].memory[port]].tag,
                (int)placement->units[i].bank[port]);
    }
}
