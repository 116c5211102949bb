/* SPDX-License-Identifier: Apache-2.0 */
/* Engines into regions, ports onto banks. Must not know about: networks. */
#include <string.h>

#include "compiler/card/plan.h"

const char *weft_card_resource_name(weft_card_resource resource)
{
    static const char *const names[] = {"LUT",  "FF",    "DSP",          "BRAM36",
                                        "URAM", "wires", "memory ports", "memory bytes"};
    return (size_t)resource < sizeof names / sizeof names[0] ? names[resource] : "nothing";
}

weft_board_slr weft_card_limit_of(const weft_board *board, int32_t slr)
{
    const weft_board_slr *have = &board->slrs[slr];
    return (weft_board_slr){.lut = (int64_t)((double)have->lut * board->limit_lut),
                            .ff = (int64_t)((double)have->ff * board->limit_ff),
                            .dsp = (int64_t)((double)have->dsp * board->limit_dsp),
                            .bram36 = (int64_t)((double)have->bram36 * board->limit_bram),
                            .uram = (int64_t)((double)have->uram * board->limit_uram)};
}

/* ---- memory ---- */

/* What a memory's logic takes of the region beside it, as FINN counts it (platforms.py): once for
 * the HBM's ports, once per DDR controller. A processor's own memory has a hard controller. */
static weft_board_slr logic_of(const weft_board_memory *memory)
{
    if (strcmp(memory->tag, "HBM") == 0)
        return (weft_board_slr){.lut = 10718, .ff = 21793, .bram36 = 4};
    if (strcmp(memory->tag, "DDR") == 0)
        return (weft_board_slr){.lut = 33256, .ff = 44889, .dsp = 3, .bram36 = 100};
    return (weft_board_slr){0};
}

static bool is_hbm(const weft_board_memory *memory)
{
    return strcmp(memory->tag, "HBM") == 0;
}

/* State of placing: how many engines keep what in each bank. */
typedef struct placing {
    const weft_board *board;
    const weft_card_footprint *footprint;
    weft_board_slr engine;
    int64_t port_wires[WEFT_PORT_COUNT];
    int32_t memory; /* that all engines use */
    int32_t users[64];
    int64_t bytes[64];
    weft_card_placement *out;
} placing;

static int32_t distance(int32_t a, int32_t b)
{
    return a < b ? b - a : a - b;
}

/* The bank with room that is nearest, and of these the one that fewest engines use. -1: none. */
static int32_t choose_bank(const placing *p, int32_t slr, int64_t bytes)
{
    const weft_board_memory *memory = &p->board->memories[p->memory];
    int32_t best = -1;
    for (int32_t bank = 0; bank < memory->banks; bank++) {
        if (p->bytes[bank] + bytes > memory->bank_bytes)
            continue;
        if (best >= 0) {
            int32_t far = distance(memory->slr[bank], slr) - distance(memory->slr[best], slr);
            if (far > 0 || (far == 0 && p->users[bank] >= p->users[best]))
                continue;
        }
        best = bank;
    }
    return best;
}

/* ---- resources ---- */

static void add(weft_board_slr *sum, const weft_board_slr *part)
{
    sum->lut += part->lut;
    sum->ff += part->ff;
    sum->dsp += part->dsp;
    sum->bram36 += part->bram36;
    sum->uram += part->uram;
}

/* The resource that is exceeded most, as a share of its limit. */
static weft_card_shortage exceeded(const weft_board_slr *used, const weft_board_slr *limit,
                                   int32_t slr, double *out_share)
{
    const int64_t needed[] = {used->lut, used->ff, used->dsp, used->bram36, used->uram};
    const int64_t available[] = {limit->lut, limit->ff, limit->dsp, limit->bram36, limit->uram};
    weft_card_shortage worst = {.resource = WEFT_RESOURCE_COUNT, .slr = slr};
    *out_share = 1;
    for (int i = 0; i < 5; i++) {
        double share = (double)needed[i] / (double)(available[i] > 0 ? available[i] : 1);
        if (needed[i] <= available[i] || share <= *out_share)
            continue;
        *out_share = share;
        worst = (weft_card_shortage){(weft_card_resource)i, slr, needed[i], available[i]};
    }
    return worst;
}

/* Wires of an AXI port that leaves a region: data, and about 100 of addresses and handshakes for
 * each direction; strobes beside what is written. */
static void count_wires(const weft_engine_params *params, int64_t wires[WEFT_PORT_COUNT])
{
    enum { DIRECTION = 100, CONTROL = 120 /* AXI-Lite of the unit */ };
    int64_t bits = 8 * (int64_t)params->port;
    wires[WEFT_PORT_PROGRAM] = CONTROL;
    wires[WEFT_PORT_WEIGHTS] = wires[WEFT_PORT_SOURCE] = wires[WEFT_PORT_SECOND] = bits + DIRECTION;
    wires[WEFT_PORT_TARGET] = bits + DIRECTION + bits + bits / 8 + DIRECTION;
}

/* The AXI ports of an engine: its program comes through that of the weights. */
enum { MASTERS = WEFT_PORT_COUNT - 1 };

/* ---- one engine more ---- */

/* Tries a region; what it would use goes to next. */
static weft_card_shortage try_region(const placing *p, int32_t slr, placing *next,
                                     weft_card_placement *placed, double *out_share)
{
    const weft_board_memory *memory = &p->board->memories[p->memory];
    *placed = *p->out;
    *next = *p;
    next->out = placed;
    struct weft_card_place *unit = &placed->units[placed->unit_count++];
    unit->slr = slr;
    int32_t weights = choose_bank(next, slr, p->footprint->weights_bytes);
    if (weights >= 0) {
        next->bytes[weights] += p->footprint->weights_bytes;
        next->users[weights]++;
    }
    int32_t arena = weights < 0 ? -1 : choose_bank(next, slr, p->footprint->arena_bytes);
    if (arena < 0) {
        *out_share = 1e9;
        return (weft_card_shortage){WEFT_RESOURCE_BANK, slr,
                                    weights < 0 ? p->footprint->weights_bytes
                                                : p->footprint->arena_bytes,
                                    memory->bank_bytes};
    }
    const int32_t masters = MASTERS * placed->unit_count;
    if (memory->ports > 0 && masters > memory->ports) {
        *out_share = (double)masters / memory->ports;
        return (weft_card_shortage){WEFT_RESOURCE_PORTS, slr, masters, memory->ports};
    }
    next->bytes[arena] += p->footprint->arena_bytes;
    next->users[arena] += arena != weights;
    add(&placed->used[slr], &p->engine);
    for (int port = 0; port < WEFT_PORT_COUNT; port++) {
        int32_t bank = port <= WEFT_PORT_WEIGHTS ? weights : arena;
        unit->memory[port] = p->memory;
        unit->bank[port] = bank;
        int32_t low = slr < memory->slr[bank] ? slr : memory->slr[bank];
        for (int32_t i = low; i < low + distance(slr, memory->slr[bank]); i++)
            placed->wires[i] += p->port_wires[port];
    }
    weft_board_slr logic = logic_of(memory);
    for (int i = 0; i < 2; i++) {
        int32_t bank = i == 0 ? weights : arena;
        bool is_new = p->users[bank] == 0 && (i == 0 || arena != weights) &&
                      (!is_hbm(memory) || (p->out->unit_count == 0 && i == 0));
        if (is_new)
            add(&placed->used[memory->slr[bank]], &logic);
    }
    weft_card_shortage worst = {.resource = WEFT_RESOURCE_COUNT};
    *out_share = 1;
    for (int32_t i = 0; i < p->board->slr_count; i++) {
        double share;
        weft_board_slr limit = weft_card_limit_of(p->board, i);
        weft_card_shortage here = exceeded(&placed->used[i], &limit, i, &share);
        if (here.resource != WEFT_RESOURCE_COUNT && share > *out_share) {
            worst = here;
            *out_share = share;
        }
        share = (double)placed->wires[i] /
                (double)(p->board->slr_wires > 0 ? p->board->slr_wires : INT64_MAX);
        if (share > *out_share) {
            worst =
                (weft_card_shortage){WEFT_RESOURCE_WIRES, i, placed->wires[i], p->board->slr_wires};
            *out_share = share;
        }
    }
    return worst;
}

/* Share of a region's DSPs that is used: the emptiest region is filled first. */
static double fill_of(const weft_board *board, const weft_card_placement *placement, int32_t slr)
{
    int64_t have = board->slrs[slr].dsp;
    return (double)placement->used[slr].dsp / (double)(have > 0 ? have : 1);
}

static bool add_engine(placing *p)
{
    weft_card_shortage least = {.resource = WEFT_RESOURCE_COUNT};
    double least_share = 0, best_fill = 0;
    placing best_state = *p;
    weft_card_placement best = *p->out;
    bool is_found = false;
    for (int32_t slr = 0; slr < p->board->slr_count; slr++) {
        placing next;
        weft_card_placement placed;
        double share;
        weft_card_shortage shortage = try_region(p, slr, &next, &placed, &share);
        if (shortage.resource == WEFT_RESOURCE_COUNT) {
            double fill = fill_of(p->board, &placed, slr);
            if (!is_found || fill < best_fill) {
                best_fill = fill;
                best = placed;
                best_state = next;
                is_found = true;
            }
        } else if (least.resource == WEFT_RESOURCE_COUNT || share < least_share) {
            least = shortage;
            least_share = share;
        }
    }
    weft_card_placement *out = p->out;
    if (is_found) {
        *p = best_state;
        *out = best;
        p->out = out;
    } else {
        out->shortage = least;
    }
    return is_found;
}

/* The memory with most bandwidth in all. */
static int32_t choose_memory(const weft_board *board)
{
    int32_t best = 0;
    for (int32_t i = 1; i < board->memory_count; i++)
        if (board->memories[i].bank_gbytes * board->memories[i].banks >
            board->memories[best].bank_gbytes * board->memories[best].banks)
            best = i;
    return best;
}

void weft_card_place(const weft_board *board, const weft_engine_params *params,
                     const weft_card_footprint *footprint, int32_t most,
                     weft_card_placement *out_placement)
{
    *out_placement = (weft_card_placement){.shortage = {.resource = WEFT_RESOURCE_COUNT}};
    placing p = {.board = board,
                 .footprint = footprint,
                 .engine = weft_card_engine_resources(board, params),
                 .memory = choose_memory(board),
                 .out = out_placement};
    count_wires(params, p.port_wires);
    while (out_placement->unit_count < most && out_placement->unit_count < WEFT_CARD_UNITS &&
           add_engine(&p))
        continue;
    for (int port = 0; port < WEFT_PORT_COUNT; port++)
        for (int32_t i = 0; i < out_placement->unit_count; i++) {
            int32_t users = p.users[out_placement->units[i].bank[port]];
            if (users > out_placement->sharing[port])
                out_placement->sharing[port] = users;
        }
}
