/* SPDX-License-Identifier: Apache-2.0 */
/* Times of a network on a plan: engines, transfers and host. Must not know about: how plans are
 * found, how anything is printed. */
#include "compiler/card/plan.h"

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
