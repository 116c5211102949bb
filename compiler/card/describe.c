/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as a package has it. Must not know about: how plans are found. */
#include <math.h>

#include "compiler/card/plan.h"
#include "compiler/package/engine_params.h"

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
