/* SPDX-License-Identifier: Apache-2.0 */
/* What one engine takes: arrays from kernels/fpga/engine.c by the rules of pack.c, multipliers from
 * there as well, and logic by counting operators. A count from the source, before any synthesis:
 * logic of HLS differs by a quarter in either direction. Must not know about: graphs. */
#include "compiler/card/card.h"
#include "compiler/card/pack.h"

/* ---- logic ---- */

typedef struct logic {
    int64_t lut, ff;
} logic;

static int64_t wide_ports(void)
{
    return WEFT_PORT_COUNT - 1; /* all but the program's, which has 32 bits */
}

/* One pair of rows and one column: `simd` packed products of 36 bits, added in a tree of carry
 * chains, one LUT per bit; taken apart into two sums; two adders of 32 bits with the choice of
 * what they add to. Registers after every level. */
static logic of_array(const weft_engine_params *p)
{
    int64_t pairs = (int64_t)p->rows / 2 * p->cols;
    int64_t tree = (int64_t)(p->simd - 1) * 38, apart = 20, sums = 2 * 32;
    return (logic){pairs * (tree + apart + sums), pairs * (tree + 38 + 3 * sums)};
}

/* One lane: a rounding shift of 64 bits (six levels of 2:1 choices, two to a LUT), once for c and
 * once behind the residual with 40 bits, limits, adders, table and mean. */
static logic of_lanes(const weft_engine_params *p)
{
    int64_t shifts = 64 * 3 + 40 * 3, rest = 8 * 32;
    return (logic){p->lanes * (shifts + rest), p->lanes * 2 * (shifts + rest)};
}

/* One wide port: the m_axi adapter with its queues' control, and bytes of any alignment shifted
 * into place (log2(port) levels of 2:1 choices, two to a LUT). */
static logic of_ports(const weft_engine_params *p)
{
    int64_t bits = 8 * (int64_t)p->port, levels = 0;
    while (1 << levels < p->port)
        levels++;
    int64_t adapter = 1500 + 3 * bits, shift = bits * (levels + 1) / 2;
    return (logic){wide_ports() * (adapter + shift), wide_ports() * (2 * adapter + 3 * bits)};
}

/* Rows: per lane two rounding shifts of 64 bits beside each other, what chooses the largest value
 * and adds up 64 bits; a division of 64 bits and a root of 31 steps, a subtraction of 64 bits per
 * stage. Products of two activations: per row and column a tree that adds 8 bytes to a sum, per
 * column the choice between two operands and two ways to lie, 64 bits each. */
static logic of_attention(const weft_engine_params *p)
{
    enum { STAGES = 64 + 31, SHIFTS = 2 * 64 * 3, SUMS = 3 * 64, TREE = 7 * 11 + 32, CHOICE = 64 };
    int64_t rows = p->norms * ((int64_t)p->lanes * (SHIFTS + SUMS) + STAGES * 64);
    int64_t products =
        p->b_bytes > 0 ? (int64_t)(p->rows + p->cols) * TREE + (int64_t)p->cols * CHOICE : 0;
    return (logic){rows + products, 2 * (rows + products)};
}

/* Address arithmetic and control of the processes: counters and compares of 32 bits. */
static logic of_control(void)
{
    enum { PROCESSES = 16, LUT_EACH = 1200, FF_EACH = 1500 };
    return (logic){PROCESSES * LUT_EACH, PROCESSES * FF_EACH};
}

/* ---- all ---- */

/* The m_axi adapters keep what is under way: 16 bursts of 16 words in either direction, the
 * defaults of Vitis HLS (UG1399), for reading and, at the target, for writing as well. */
static int64_t adapter_bram18(const weft_engine_params *p)
{
    int64_t queue = weft__card_pack(1, 16 * 16, 8 * (int64_t)p->port).bram18;
    return queue * (wide_ports() + 1);
}

weft_board_slr weft_card_engine_resources(const weft_board *board, const weft_engine_params *params)
{
    (void)board; /* all boards have multipliers of at least 27 x 18 bits */
    weft_engine_array arrays[WEFT_ENGINE_ARRAYS_MAX];
    size_t count = weft_engine_arrays(params, arrays);
    logic parts[] = {of_array(params), of_lanes(params), of_ports(params), of_control(),
                     of_attention(params)};
    weft_engine_dsps dsps = weft_engine_multipliers(params);
    weft_board_slr sum = {.dsp = weft_engine_dsps_sum(&dsps)};
    int64_t halves = adapter_bram18(params);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        sum.lut += parts[i].lut;
        sum.ff += parts[i].ff;
    }
    for (size_t i = 0; i < count; i++) {
        weft__card_storage storage =
            weft__card_pack(arrays[i].banks, arrays[i].depth, arrays[i].bits);
        sum.lut += arrays[i].copies * storage.lut;
        sum.uram += arrays[i].copies * storage.uram;
        halves += arrays[i].copies * storage.bram18;
    }
    sum.bram36 = (halves + 1) / 2;
    return sum;
}
