/* SPDX-License-Identifier: Apache-2.0 */
/* See simulate.h: a descriptor as a flow, a step as its descriptors. */
#include "compiler/card/simulate.h"

#include <math.h>
#include <string.h>

#include "compiler/card/simulate_jobs.h"

const char *const weft_card_process_names[WEFT_CARD_PROCESS_COUNT] = {
    "source", "weights", "second", "sum", "finish", "target"};

/* ---- one descriptor ---- */

static bool is_on_array(uint32_t kind)
{
    return kind == WEFT_KIND_CONV || kind == WEFT_KIND_MATMUL;
}

static weft_card_limit limit_of(const weft_card_simulation *s, uint32_t kind)
{
    static const weft_card_limit limits[WEFT_CARD_PROCESS_COUNT] = {
        [WEFT_PROCESS_SOURCE] = WEFT_LIMIT_VALUES, [WEFT_PROCESS_WEIGHTS] = WEFT_LIMIT_WEIGHTS,
        [WEFT_PROCESS_SECOND] = WEFT_LIMIT_VALUES, [WEFT_PROCESS_SUM] = WEFT_LIMIT_VECTOR,
        [WEFT_PROCESS_FINISH] = WEFT_LIMIT_VECTOR, [WEFT_PROCESS_TARGET] = WEFT_LIMIT_VALUES};
    int best = 0;
    for (int i = 1; i < WEFT_CARD_PROCESS_COUNT; i++)
        if (s->shares[i].busy > s->shares[best].busy)
            best = i;
    if (2 * (double)s->shares[best].busy < s->cycles.total)
        return WEFT_LIMIT_LATENCY;
    return best == WEFT_PROCESS_SUM && is_on_array(kind) ? WEFT_LIMIT_ARRAY : limits[best];
}

static int64_t useful_products(const uint32_t *words)
{
    uint32_t kind = words[WEFT_D_KIND];
    if (!is_on_array(kind) && kind != WEFT_KIND_GROUPED)
        return 0;
    int64_t groups = 1;
    if (kind == WEFT_KIND_GROUPED && words[WEFT_D_GROUPS] > 0)
        groups = words[WEFT_D_GROUPS];
    int64_t heads = kind == WEFT_KIND_MATMUL ? words[WEFT_D_HEADS] : 1;
    return heads * (int64_t)words[WEFT_D_BATCH] * words[WEFT_D_OUT_HEIGHT] *
           words[WEFT_D_OUT_WIDTH] * words[WEFT_D_OUT_CHANNELS] * words[WEFT_D_KERNEL_HEIGHT] *
           words[WEFT_D_KERNEL_WIDTH] * (words[WEFT_D_IN_CHANNELS] / groups);
}

/* Before the runs: 32 rows of a table with two words each, exponentials a word each, three words
 * for each of a pool's counts. */
static double constants(const weft_card_timing *timing, const uint32_t *words)
{
    uint32_t kind = words[WEFT_D_KIND];
    double latency = timing->latency[WEFT_PORT_WEIGHTS];
    if (kind == WEFT_KIND_POOL)
        return words[WEFT_D_COUNT_ROWS] > 0 ? latency + 3 * words[WEFT_D_COUNT_ROWS] : 0;
    bool has_flag = (words[WEFT_D_FLAGS] & WEFT_FLAG_TABLE) != 0;
    bool reads_table = kind == WEFT_KIND_TABLE ||
                       (has_flag && (kind == WEFT_KIND_CONV || kind == WEFT_KIND_GROUPED ||
                                     kind == WEFT_KIND_MATMUL));
    bool reads_exps = kind == WEFT_KIND_SOFTMAX ||
                      (kind == WEFT_KIND_MATMUL && (words[WEFT_D_FLAGS] & WEFT_FLAG_SOFTMAX) != 0);
    return (reads_table ? latency + 32 * 2 : 0) + (reads_exps ? latency + WEFT_ENGINE_EXPS : 0);
}

static void take_results(const sim_flow *flow, const weft_card_timing *timing,
                         weft_card_simulation *out)
{
    const sim_memory *memory = &flow->memory;
    for (int i = 0; i < WEFT_CARD_PROCESS_COUNT; i++)
        out->shares[i] = flow->processes[i].share;
    for (int port = 0; port < WEFT_PORT_COUNT; port++) {
        out->cycles.bytes[port] = memory->queues[port].issued * (int64_t)timing->port_bytes;
        out->bank_busy[port] = memory->banks[memory->queues[port].bank].busy;
    }
    out->cycles.bytes[WEFT_PORT_TARGET] +=
        memory->queues[SIM_WRITES].issued * (int64_t)timing->port_bytes;
    out->cycles.bytes[WEFT_PORT_PROGRAM] = WEFT_D_WORDS * (int64_t)sizeof(uint32_t);
    for (int32_t i = 0; i < memory->bank_count; i++)
        out->page_misses += memory->banks[i].misses;
}

weft_card_simulation weft_card_simulate(const weft_engine_params *params,
                                        const weft_card_timing *timing,
                                        const uint32_t words[WEFT_D_WORDS])
{
    uint32_t kind = words[WEFT_D_KIND];
    weft_card_simulation out = {.cycles.total = timing->setup};
    if (kind == WEFT_KIND_END)
        return out;
    union {
        sim_window_job window;
        sim_stream_job stream;
    } job;
    sim_flow flow = {.handshake = (int64_t)ceil(timing->handshake)};
    weft__sim_memory_init(&flow.memory, timing);
    if (weft_engine_has_tiles((int)kind))
        weft__sim_window_begin(&job.window, &flow, params, timing, words);
    else
        weft__sim_stream_begin(&job.stream, &flow, params, timing, words);
    out.cycles.total += constants(timing, words) + (double)weft__sim_flow_run(&flow);
    take_results(&flow, timing, &out);
    const weft_card_share *shares = out.shares;
    out.cycles.source = (double)shares[WEFT_PROCESS_SOURCE].busy;
    out.cycles.weights = (double)shares[WEFT_PROCESS_WEIGHTS].busy;
    out.cycles.second = (double)shares[WEFT_PROCESS_SECOND].busy;
    *(is_on_array(kind) ? &out.cycles.array : &out.cycles.vector) =
        (double)shares[WEFT_PROCESS_SUM].busy;
    out.cycles.finish = (double)shares[WEFT_PROCESS_FINISH].busy;
    out.cycles.target = (double)shares[WEFT_PROCESS_TARGET].busy;
    out.cycles.macs = useful_products(words);
    out.cycles.limit = limit_of(&out, kind);
    return out;
}

/* ---- a step ---- */

static uint64_t round_up(uint64_t bytes)
{
    return (bytes + WEFT_STORAGE_ALIGN - 1) / WEFT_STORAGE_ALIGN * WEFT_STORAGE_ALIGN;
}

/* Where a value's storage begins. Ports stand behind the arena, and constants behind these. */
static uint64_t value_offset(const weft_schedule *schedule, int32_t index)
{
    const weft_schedule_value *values = schedule->values;
    if (values[index].place == WEFT_PLACE_ALIAS)
        index = values[index].alias_of;
    if (values[index].place == WEFT_PLACE_ARENA)
        return values[index].offset_bytes;
    uint64_t offset = round_up(schedule->arena_bytes);
    bool is_constant = values[index].place == WEFT_PLACE_CONSTANT;
    for (int32_t i = 0; i < (int32_t)schedule->value_count; i++) {
        bool is_port = values[i].place == WEFT_PLACE_INPUT || values[i].place == WEFT_PLACE_OUTPUT;
        bool is_alike = is_constant ? values[i].place == WEFT_PLACE_CONSTANT : is_port;
        if ((i < index && is_alike) || (is_constant && is_port))
            offset += round_up(values[i].size_bytes);
    }
    return offset;
}

static uint32_t resolve(const weft_schedule *schedule, const weft_arg *word)
{
    enum { BLOB_SHIFT = 20 };
    uint64_t base = word->kind == WEFT_ARG_VALUE     ? value_offset(schedule, word->index)
                    : word->kind == WEFT_ARG_BLOB    ? (uint64_t)word->index << BLOB_SHIFT
                    : word->kind == WEFT_ARG_SCRATCH ? word->offset_bytes
                                                     : 0;
    /* Where a descriptor's offset can still be: below 2^31. */
    return (uint32_t)(base % (1u << 31)) + (uint32_t)word->i;
}

static void add(weft_card_simulation *sum, const weft_card_simulation *one, double *longest)
{
    weft_card_cycles_add(&sum->cycles, &one->cycles, longest);
    for (int i = 0; i < WEFT_PORT_COUNT; i++)
        sum->bank_busy[i] += one->bank_busy[i];
    for (int i = 0; i < WEFT_CARD_PROCESS_COUNT; i++) {
        sum->shares[i].busy += one->shares[i].busy;
        sum->shares[i].starting += one->shares[i].starting;
        sum->shares[i].memory += one->shares[i].memory;
        sum->shares[i].starved += one->shares[i].starved;
        sum->shares[i].blocked += one->shares[i].blocked;
    }
    sum->page_misses += one->page_misses;
}

bool weft_card_step_simulate(const weft_engine_params *params, const weft_card_timing *timing,
                             const weft_schedule *schedule, const weft_step *step,
                             weft_card_simulation *out_simulation)
{
    double longest = 0;
    *out_simulation = (weft_card_simulation){0};
    for (size_t i = 0; i < step->descriptor_count; i++) {
        uint32_t words[WEFT_D_WORDS] = {0};
        const weft_descriptor *descriptor = &step->descriptors[i];
        for (size_t w = 0; w < descriptor->word_count; w++)
            words[w] = resolve(schedule, &descriptor->words[w]);
        weft_card_simulation one = weft_card_simulate(params, timing, words);
        add(out_simulation, &one, &longest);
    }
    return step->descriptor_count > 0;
}
