/* SPDX-License-Identifier: Apache-2.0 */
/* See simulate_flow.h. */
#include "compiler/card/simulate_flow.h"

#include <string.h>

/* ---- waiting and starting ---- */

static bool have_ended(const sim_flow *flow, const int32_t *list, int64_t run)
{
    for (int32_t i = 0; i < SIM_LINKS && list[i] != SIM_NONE; i++)
        if (flow->processes[list[i]].run <= run)
            return false;
    return true;
}

static void start_run(sim_flow *flow, sim_process *process)
{
    process->state = SIM_RUNNING;
    process->item = process->sub_item = 0;
    process->has_stretch = false;
    process->walk_ends = process->walk == NULL;
    process->starting = flow->handshake;
    process->cycles_left = process->count != NULL ? process->count(flow->job, process) : 0;
}

static bool run_is_over(const sim_flow *flow, const sim_process *process)
{
    return process->starting == 0 && process->cycles_left == 0 && process->walk_ends &&
           !process->has_stretch && process->changing_count == 0 &&
           (process->queue == SIM_NONE ||
            flow->memory.queues[process->queue].returned >= process->reads);
}

static void end_runs(sim_flow *flow)
{
    for (int32_t i = 0; i < flow->process_count; i++) {
        sim_process *process = &flow->processes[i];
        if (process->state != SIM_RUNNING || !run_is_over(flow, process))
            continue;
        process->run++;
        process->state = process->run == flow->run_count ? SIM_ENDED : SIM_WAITING;
    }
}

static void start_runs(sim_flow *flow)
{
    for (int32_t i = 0; i < flow->process_count; i++) {
        sim_process *process = &flow->processes[i];
        if (process->state == SIM_WAITING && have_ended(flow, process->producers, process->run) &&
            have_ended(flow, process->consumers, process->run - 2))
            start_run(flow, process);
    }
}

/* ---- a cycle of a process that walks ---- */

static int64_t floor_to(int64_t value, int64_t unit)
{
    return value / unit * unit;
}

static int64_t word_bytes(const sim_flow *flow)
{
    return (int64_t)flow->memory.word_bytes;
}

static bool is_contiguous(const sim_stretch *stretch)
{
    return stretch->step == 1 && stretch->repeats <= 1;
}

static bool take_stretch(sim_flow *flow, sim_process *process)
{
    while (!process->has_stretch && !process->walk_ends) {
        sim_stretch *stretch = &process->stretch;
        if (!process->walk(flow->job, process, stretch)) {
            process->walk_ends = true;
            break;
        }
        int64_t word = word_bytes(flow);
        process->has_stretch = stretch->bytes > 0;
        process->position = 0;
        process->last_word = -1;
        process->stretch_end = stretch->bytes;
        if (is_contiguous(stretch))
            process->stretch_end = (floor_to(stretch->address + stretch->bytes - 1, word) -
                                    floor_to(stretch->address, word)) /
                                       word +
                                   1;
    }
    return process->has_stretch;
}

/* The word under the present position, and whether any of it is memory. */
static bool word_at(const sim_flow *flow, const sim_process *process, int64_t *out_address)
{
    const sim_stretch *stretch = &process->stretch;
    int64_t word = word_bytes(flow);
    if (stretch->first >= stretch->end)
        return false;
    if (!is_contiguous(stretch)) {
        int64_t repeats = stretch->repeats > 0 ? stretch->repeats : 1;
        int64_t element = (process->position + stretch->phase) / repeats;
        *out_address = floor_to(stretch->address + element * stretch->step, word);
        return true;
    }
    *out_address = floor_to(stretch->address, word) + process->position * word;
    return *out_address + word > stretch->first && *out_address < stretch->end;
}

static void advance(sim_process *process)
{
    process->has_moved = true;
    process->position++;
    process->has_stretch = process->position < process->stretch_end;
}

static void load_word(sim_flow *flow, sim_process *process, int64_t now)
{
    int64_t address;
    if (!take_stretch(flow, process))
        return;
    /* An element of the word that came last needs no request of its own. */
    if (word_at(flow, process, &address) && address != process->last_word) {
        if (!weft__sim_memory_has_room(&flow->memory, process->queue))
            return;
        weft__sim_memory_issue(&flow->memory, process->queue, address, now);
        process->reads++;
        process->last_word = address;
    }
    advance(process);
}

/* A store takes one word in and writes one word out per cycle; a word of which it has only a part
 * is read in between, and those behind it wait for it. */
static void store_word(sim_flow *flow, sim_process *process, int64_t now)
{
    sim_memory *memory = &flow->memory;
    int64_t address, word = word_bytes(flow);
    if (take_stretch(flow, process) && process->changing_count < SIM_OUTSTANDING) {
        const sim_stretch *stretch = &process->stretch;
        bool is_memory = word_at(flow, process, &address);
        WEFT_ASSERT(is_memory && "a store has no padding");
        bool is_whole =
            is_contiguous(stretch) && address >= stretch->first && address + word <= stretch->end;
        if (is_whole || weft__sim_memory_has_room(memory, process->queue)) {
            if (!is_whole) {
                weft__sim_memory_issue(memory, process->queue, address, now);
                process->reads++;
            }
            int32_t at = (process->changing_first + process->changing_count++) % SIM_OUTSTANDING;
            process->changing[at].address = address;
            process->changing[at].read = is_whole ? 0 : process->reads;
            advance(process);
        }
    }
    if (process->changing_count > 0 && weft__sim_memory_has_room(memory, SIM_WRITES) &&
        memory->queues[process->queue].returned >=
            process->changing[process->changing_first].read) {
        weft__sim_memory_issue(memory, SIM_WRITES,
                               process->changing[process->changing_first].address, now);
        process->changing_first = (process->changing_first + 1) % SIM_OUTSTANDING;
        process->changing_count--;
        process->has_moved = true;
    }
}

/* ---- cycles ---- */

static void run_cycle(sim_flow *flow, sim_process *process, int64_t now)
{
    process->has_moved = false;
    if (process->state != SIM_RUNNING || process->starting > 0)
        return;
    if (process->writes)
        store_word(flow, process, now);
    else if (process->queue != SIM_NONE)
        load_word(flow, process, now);
}

/* How many cycles pass until something can happen: one, unless nothing is on its way and every
 * process that runs only counts. */
static int64_t cycles_to_pass(const sim_flow *flow)
{
    int64_t least = INT64_MAX;
    bool is_idle = weft__sim_memory_is_idle(&flow->memory);
    for (int32_t i = 0; i < flow->process_count; i++) {
        const sim_process *process = &flow->processes[i];
        if (process->state != SIM_RUNNING)
            continue;
        int64_t left = process->starting > 0 ? process->starting : process->cycles_left;
        if (left == 0 || !is_idle)
            return 1;
        least = left < least ? left : least;
    }
    WEFT_ASSERT((least < INT64_MAX || !is_idle) && "the processes wait for one another");
    return least < INT64_MAX ? least : 1;
}

static void account(sim_flow *flow, sim_process *process, int64_t cycles)
{
    weft_card_share *share = &process->share;
    if (process->state == SIM_ENDED)
        return;
    if (process->state == SIM_WAITING) {
        bool starves = !have_ended(flow, process->producers, process->run);
        share->starved += starves ? cycles : 0;
        share->blocked += starves ? 0 : cycles;
        return;
    }
    if (process->starting > 0) {
        process->starting -= cycles;
        share->starting += cycles;
    } else if (process->cycles_left > 0) {
        process->cycles_left -= cycles;
        share->busy += cycles;
    } else {
        share->busy += process->has_moved ? cycles : 0;
        share->memory += process->has_moved ? 0 : cycles;
    }
}

static bool is_over(const sim_flow *flow)
{
    for (int32_t i = 0; i < flow->process_count; i++)
        if (flow->processes[i].state != SIM_ENDED)
            return false;
    return weft__sim_memory_is_idle(&flow->memory);
}

int64_t weft__sim_flow_run(sim_flow *flow)
{
    int64_t now = 0;
    for (;;) {
        weft__sim_memory_collect(&flow->memory, now);
        end_runs(flow);
        if (is_over(flow))
            return now;
        start_runs(flow);
        for (int32_t i = 0; i < flow->process_count; i++)
            run_cycle(flow, &flow->processes[i], now);
        weft__sim_memory_serve(&flow->memory, now);
        int64_t cycles = cycles_to_pass(flow);
        for (int32_t i = 0; i < flow->process_count; i++)
            account(flow, &flow->processes[i], cycles);
        now += cycles;
    }
}
