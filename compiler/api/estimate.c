/* SPDX-License-Identifier: Apache-2.0 */
/* weft/card.h: estimates of a network on a board. */
#include <string.h>

#include "compiler/api/estimator.h"
#include "compiler/card/simulate.h"

/* A smaller batch is taken when it costs no more than this much of the throughput. */
static const double NEGLIGIBLE = 0.03;

struct weft_estimate {
    weft_arena *arena;
    const weft_board *board;
    const weft_card_plan *plan;
    const weft_card_network *network;
    weft_card card;
    weft_card_tiles *tiles;
    weft_estimate_info info;
};

static const struct vendor {
    const char *board, *engine;
    double images_per_second, gops, dsp, mhz;
} vendors[] = {
#define WEFT_VENDOR(board, engine, images, gops, dsp, mhz, source)                                 \
    {board, engine, images, gops, dsp, mhz},
#include "compiler/card/vendor.def"
#undef WEFT_VENDOR
};

static void compare_with_vendor(weft_estimate_info *info)
{
    for (size_t i = 0; i < sizeof vendors / sizeof vendors[0]; i++) {
        const struct vendor *v = &vendors[i];
        if (strcmp(v->board, info->board) != 0)
            continue;
        info->vendor = v->engine;
        info->vendor_images_per_second = v->images_per_second;
        info->vendor_gops = v->gops;
        info->vendor_dsp = v->dsp;
        info->vendor_mhz = v->mhz;
        if (v->dsp > 0)
            info->vendor_ratio = info->gops / ((double)info->dsp_used * info->clock_mhz) /
                                 (v->gops / (v->dsp * v->mhz));
    }
}

/* The plan is made for the largest batch, or for the smallest where latency counts; then the batch
 * for throughput is chosen. */
static void choose_batch(weft_estimate *estimate, const weft_estimator *estimator,
                         weft_card_times *out_times)
{
    estimate->network = &estimator->networks[0];
    *out_times = weft_card_times_of(estimate->plan, estimate->arena, estimate->network, false);
    double best = out_times->images_per_second;
    for (int i = 1; i < estimator->count; i++) {
        weft_card_times times =
            weft_card_times_of(estimate->plan, estimate->arena, &estimator->networks[i], false);
        if (times.images_per_second < (1 - NEGLIGIBLE) * best)
            break;
        estimate->network = &estimator->networks[i];
        *out_times = times;
    }
}

/* How long the three things that steps share are busy. */
static void add_up(weft_estimate *estimate)
{
    const weft_card_timing *timing = &estimate->plan->timing;
    const weft_schedule *schedule = estimate->network->schedule;
    weft_estimate_info *info = &estimate->info;
    info->bank_bytes = timing->bank_bytes[WEFT_PORT_SOURCE];
    for (size_t i = 0; i < schedule->step_count; i++) {
        weft_card_cycles cycles;
        weft_card_tiles_step(estimate->tiles, &schedule->steps[i], false, &cycles);
        info->array_cycles += cycles.array;
        info->lane_cycles += cycles.vector + cycles.finish;
        for (int port = 0; port < WEFT_PORT_COUNT; port++)
            if (timing->bank[port] == timing->bank[WEFT_PORT_SOURCE])
                info->bank_cycles += (double)cycles.bytes[port] / info->bank_bytes;
    }
}

static void describe(weft_estimate *estimate, const weft_estimator *estimator)
{
    const weft_card_plan *plan = estimate->plan;
    weft_card_times times;
    choose_batch(estimate, estimator, &times);
    const weft_card_network *single = &estimator->networks[estimator->count - 1];
    weft_card_times alone = weft_card_times_of(plan, estimate->arena, single, false);
    weft_estimate_info *info = &estimate->info;
    int64_t dsp_each = weft_card_engine_resources(plan->board, &plan->engine).dsp;
    *info = (weft_estimate_info){.board = plan->board->name,
                                 .title = plan->board->title,
                                 .rows = plan->engine.rows,
                                 .columns = plan->engine.cols,
                                 .simd = plan->engine.simd,
                                 .lanes = plan->engine.lanes,
                                 .port_bytes = plan->engine.port,
                                 .x_bytes = plan->engine.x_bytes,
                                 .w_bytes = plan->engine.w_bytes,
                                 .sums = plan->engine.sums,
                                 .unit_count = plan->placement.unit_count,
                                 .slr_count = plan->board->slr_count,
                                 .clock_mhz = plan->timing.clock_mhz,
                                 .batch = estimate->network->batch,
                                 .dsp_used = dsp_each * plan->placement.unit_count,
                                 .cycles = times.engine_cycles,
                                 .images_per_second = times.images_per_second,
                                 .limit = times.limit,
                                 .latency_ns = times.latency_ns,
                                 .single_batch = single->batch,
                                 .single_latency_ns = alone.latency_ns,
                                 .host_ns = times.host_ns,
                                 .launches = times.launches,
                                 .step_count = estimate->network->schedule->step_count,
                                 .rung_count = plan->rung_count};
    for (int32_t i = 0; i < plan->board->slr_count; i++)
        info->dsp_usable += plan->board->slrs[i].dsp;
    /* 4 operations are 2 products. */
    if (times.engine_cycles > 0)
        info->efficiency = (double)times.macs / times.engine_cycles / (2.0 * (double)dsp_each);
    info->gops =
        2e-9 * (double)times.macs / (double)estimate->network->batch * times.images_per_second;
    compare_with_vendor(info);
    weft_card_describe(estimate->arena, plan, &estimate->card);
    estimate->tiles = weft_card_tiles_create(estimate->arena, &plan->engine, &plan->timing, false);
    add_up(estimate);
}

static weft_status make(weft_estimate *estimate, weft_estimator *estimator, const char *board,
                        weft_estimate_goal goal, weft_diag *diag)
{
    if (WEFT_ARENA_TRY(estimate->arena))
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while planning");
    weft_status status = weft_board_open(estimate->arena, board, &estimate->board, diag);
    if (status != WEFT_OK)
        return status;
    bool is_latency = goal == WEFT_ESTIMATE_LATENCY;
    weft_card_plan *plan = NULL;
    status =
        weft_card_plan_make(estimate->arena, estimate->board,
                            &estimator->networks[is_latency ? estimator->count - 1 : 0],
                            is_latency ? WEFT_GOAL_LATENCY : WEFT_GOAL_THROUGHPUT, &plan, diag);
    estimate->plan = plan;
    if (status == WEFT_OK)
        describe(estimate, estimator);
    return status;
}

weft_status weft_estimate_create(weft_estimator *estimator, const char *board,
                                 weft_estimate_goal goal, weft_diag *diag,
                                 weft_estimate **out_estimate)
{
    *out_estimate = NULL;
    if (estimator == NULL || board == NULL)
        return weft_diag_error(diag, WEFT_E_API_USE,
                               "weft_estimate_create: needs an estimator and a board");
    weft_arena *arena = weft_arena_create();
    if (arena == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    if (WEFT_ARENA_TRY(arena)) {
        weft_arena_destroy(arena);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    }
    weft_estimate *estimate = WEFT_NEW(arena, weft_estimate);
    estimate->arena = arena;
    weft_status status = make(estimate, estimator, board, goal, diag);
    if (status == WEFT_OK)
        *out_estimate = estimate;
    else
        weft_arena_destroy(arena);
    return status;
}

void weft_estimate_destroy(weft_estimate *estimate)
{
    if (estimate != NULL)
        weft_arena_destroy(estimate->arena); /* the estimate lies in it */
}

void weft_estimate_get_info(const weft_estimate *estimate, weft_estimate_info *out_info)
{
    *out_info = estimate->info;
}

void weft_estimate_get_step(const weft_estimate *estimate, size_t index,
                            weft_estimate_step *out_step)
{
    static const char *const bounds[] = {"array", "vector", "weights", "values", "latency"};
    _Static_assert(sizeof bounds / sizeof bounds[0] == WEFT_LIMIT_COUNT, "one word per limit");
    _Static_assert((int)WEFT_CARD_BOUNDS == (int)WEFT_LIMIT_COUNT, "one number per limit");
    *out_step = (weft_estimate_step){0};
    if (index >= estimate->network->schedule->step_count)
        return;
    weft_step *step = &estimate->network->schedule->steps[index];
    weft_card_cycles cycles;
    out_step->name = step->name;
    out_step->op = step->op;
    out_step->is_host = !weft_card_tiles_step(estimate->tiles, step, false, &cycles);
    if (out_step->is_host) {
        out_step->macs = step->cost.macs;
        out_step->bytes =
            step->cost.weight_bytes + step->cost.input_bytes + step->cost.output_bytes;
        out_step->time_ns = step->cost.ideal_ns;
        out_step->bound = "host";
        return;
    }
    const weft_engine_params *engine = &estimate->plan->engine;
    double peak = (double)engine->rows * engine->cols * engine->simd;
    out_step->macs = cycles.macs;
    for (int port = 0; port < WEFT_PORT_COUNT; port++)
        out_step->bytes += cycles.bytes[port];
    out_step->cycles = cycles.total;
    out_step->time_ns = cycles.total * 1e3 / estimate->plan->timing.clock_mhz;
    out_step->bound = bounds[cycles.limit];
    for (int i = 0; i < WEFT_CARD_BOUNDS; i++)
        out_step->bound_cycles[i] = cycles.limited[i];
    out_step->share_of_peak = cycles.total > 0 ? (double)cycles.macs / cycles.total / peak : 0;
}

void weft_estimate_get_slr(const weft_estimate *estimate, int index, weft_estimate_slr *out_slr)
{
    *out_slr = (weft_estimate_slr){0};
    if (index < 0 || index >= estimate->board->slr_count)
        return;
    const weft_card_placement *placement = &estimate->plan->placement;
    weft_board_slr limit = weft_card_limit_of(estimate->board, index);
    weft__slr_resources(out_slr->used, &placement->used[index]);
    weft__slr_resources(out_slr->limit, &limit);
    weft__slr_resources(out_slr->usable, &estimate->board->slrs[index]);
    for (int32_t i = 0; i < placement->unit_count; i++)
        out_slr->units += placement->units[i].slr == index;
    out_slr->wires = placement->wires[index];
    out_slr->wire_limit = estimate->board->slr_wires;
}

void weft_estimate_get_unit(const weft_estimate *estimate, int index, weft_estimate_unit *out_unit)
{
    *out_unit = (weft_estimate_unit){0};
    if (index < 0 || (size_t)index >= estimate->card.unit_count)
        return;
    const weft_card_unit *unit = &estimate->card.units[index];
    *out_unit = (weft_estimate_unit){.name = unit->name,
                                     .slr = unit->slr,
                                     .weights_bytes = estimate->network->footprint.weights_bytes,
                                     .arena_bytes = estimate->network->footprint.arena_bytes};
    memcpy(out_unit->banks, unit->banks, sizeof unit->banks);
}

void weft_estimate_get_rung(const weft_estimate *estimate, size_t index,
                            weft_estimate_rung *out_rung)
{
    *out_rung = (weft_estimate_rung){0};
    if (index >= estimate->plan->rung_count)
        return;
    const weft_card_rung *rung = &estimate->plan->rungs[index];
    *out_rung = (weft_estimate_rung){.rows = rung->engine.rows,
                                     .columns = rung->engine.cols,
                                     .lanes = rung->engine.lanes,
                                     .port_bytes = rung->engine.port,
                                     .unit_count = rung->unit_count,
                                     .x_bytes = rung->engine.x_bytes,
                                     .w_bytes = rung->engine.w_bytes,
                                     .sums = rung->engine.sums,
                                     .images_per_second = rung->images_per_second,
                                     .verdict = rung->verdict,
                                     .short_slr = rung->shortage.slr,
                                     .needed = rung->shortage.needed,
                                     .available = rung->shortage.available};
    if (rung->shortage.resource != WEFT_RESOURCE_COUNT)
        out_rung->short_of = weft_card_resource_name(rung->shortage.resource);
}

/* ---- simulation ---- */

const char *weft_simulation_process_title(int process)
{
    _Static_assert(WEFT_SIMULATION_PROCESSES == (int)WEFT_CARD_PROCESS_COUNT, "one number");
    return process >= 0 && process < WEFT_SIMULATION_PROCESSES ? weft_card_process_names[process]
                                                               : NULL;
}

/* A step with descriptors of its own, so that the chosen tiles can be written into them. */
static weft_step copy_step(weft_arena *arena, const weft_step *step)
{
    weft_step copy = *step;
    if (step->descriptor_count == 0)
        return copy;
    copy.descriptors = weft_arena_dup(arena, step->descriptors,
                                      step->descriptor_count * sizeof *step->descriptors);
    for (size_t i = 0; i < copy.descriptor_count; i++)
        copy.descriptors[i].words =
            weft_arena_dup(arena, copy.descriptors[i].words,
                           copy.descriptors[i].word_count * sizeof *copy.descriptors[i].words);
    return copy;
}

bool weft_estimate_simulate(const weft_estimate *estimate, size_t step,
                            weft_simulation *out_simulation)
{
    const weft_schedule *schedule = estimate->network->schedule;
    const weft_card_plan *plan = estimate->plan;
    *out_simulation = (weft_simulation){0};
    if (step >= schedule->step_count || WEFT_ARENA_TRY(estimate->arena))
        return false;
    weft_card_cycles model;
    weft_card_simulation found;
    weft_step copy = copy_step(estimate->arena, &schedule->steps[step]);
    if (!weft_card_tiles_step(estimate->tiles, &copy, true, &model) ||
        !weft_card_step_simulate(&plan->engine, &plan->timing, schedule, &copy, &found))
        return false;
    out_simulation->cycles = found.cycles.total;
    out_simulation->model_cycles = model.total;
    out_simulation->page_misses = found.page_misses;
    for (int i = 0; i < WEFT_SIMULATION_PROCESSES; i++) {
        const weft_card_share *share = &found.shares[i];
        out_simulation->processes[i] = (weft_simulation_process){
            share->busy, share->starting, share->memory, share->starved, share->blocked};
    }
    return true;
}
