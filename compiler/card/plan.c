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

/* ---- candidates ---- */

typedef struct candidate {
    weft_card_rung rung;
    weft_card_placement placement;
    bool is_usable; /* it fits, and holds every row of scores */
    double bound;   /* engines per cycle that they need at least: more is better */
    double merit;   /* by the goal, of those that were evaluated: more is better */
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

static bool holds_all(const weft_card_work *work, const weft_engine_params *engine)
{
    bool holds = true;
    for (size_t i = 0; i < work->count && holds; i++)
        holds = weft_card_tiles_exist(engine, work->items[i]->words);
    return holds;
}

static void add_candidate(planning *p, const weft_engine_params *engine)
{
    candidate c = {.rung = {.engine = *engine}, .merit = -INFINITY};
    weft_card_place(p->board, engine, &p->network->footprint, WEFT_CARD_UNITS, &c.placement);
    c.rung.unit_count = c.placement.unit_count;
    c.rung.shortage = c.placement.shortage;
    c.rung.verdict = "does not fit";
    bool fits = c.rung.unit_count > 0;
    c.is_usable = fits && holds_all(&p->network->work, engine);
    if (fits && !c.is_usable)
        c.rung.verdict = "holds no row of scores";
    if (c.is_usable) {
        weft_card_timing timing =
            weft_card_timing_of(p->board, engine, c.placement.units[0].memory,
                                c.placement.units[0].bank, c.placement.sharing);
        double bank = fmin(timing.bank_bytes[WEFT_PORT_SOURCE], timing.port_bytes);
        int32_t counted = p->goal == WEFT_GOAL_LATENCY ? 1 : c.rung.unit_count;
        double cycles = weft_card_bound(&p->network->work, engine, bank);
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
    if (!c->is_usable)
        return;
    try_candidate(p, c, &trial);
    weft_card_times times = weft_card_times_of(&trial, p->arena, p->network, is_rough);
    WEFT_ASSERT(times.engine_cycles < INFINITY); /* every descriptor has a tile */
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
        if (!c->is_usable || alike >= OF_ONE_ARRAY)
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

/* Engines fit, but an attention has longer rows than any of them holds. */
static weft_status no_row_fits(const planning *p, int64_t most, weft_diag *diag)
{
    int64_t longest = 0;
    for (size_t i = 0; i < p->network->work.count; i++) {
        const uint32_t *d = p->network->work.items[i]->words;
        if (!weft_card_tiles_exist(&p->candidates.data[0].rung.engine, d))
            longest = weft_most(longest, d[WEFT_D_OUT_CHANNELS]);
    }
    weft_status status =
        weft_diag_error(diag, WEFT_E_CARD_NO_FIT,
                        "no engine that fits board %s holds a row of scores", p->board->name);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "attention over at most %lld tokens",
                        (long long)most);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%lld tokens", (long long)longest);
    return status;
}

static weft_status too_large(const planning *p, weft_diag *diag)
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
    return status;
}

static weft_status no_fit(const planning *p, weft_diag *diag)
{
    int64_t tokens = 0; /* that an engine holds which fits */
    for (size_t i = 0; i < p->candidates.count; i++) {
        const weft_card_rung *rung = &p->candidates.data[i].rung;
        if (rung->unit_count > 0)
            tokens = weft_most(tokens, rung->engine.sums / rung->engine.rows);
    }
    weft_status status = tokens > 0 ? no_row_fits(p, tokens, diag) : too_large(p, diag);
    weft_diag_field_set(
        diag, WEFT_DIAG_TRY,
        "a smaller batch or resolution, or a larger board: weft estimate MODEL --board all");
    return status;
}

/* ---- ladder ---- */

/* Evaluated ones by speed, then those with a bound, then others, largest first. */
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
    if (!p.candidates.data[0].is_usable)
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
