/* SPDX-License-Identifier: Apache-2.0 */
/* What memory ports move per cycle. Every constant has its physical reason here; none is fitted to
 * a measurement. Must not know about: graphs, descriptors' contents. */
#include <math.h>

#include "compiler/card/dram.h"

/* HLS does not double-pump, and 300 MHz is the default clock of every Alveo platform. */
static const double CLOCK_MHZ_MAX = 300;

/* Reading a descriptor: its 64 words arrive one per cycle through a port of 32 bits after one
 * latency; then the words are decoded and the region's processes are started in turn. */
enum { DESCRIPTOR_CYCLES = WEFT_D_WORDS, START_CYCLES = 16 };

/* Between two runs of a process: two cycles of ap_done and ap_start, and its pipeline fills again.
 * The deepest one, the array's, has about 16 stages: reading a buffer 2, a DSP 4, three levels of
 * adders 3, taking products apart 1, reading and adding sums 4, storing 2. */
enum { HANDSHAKE_CYCLES = 18 };

/* Rows are gone through by a loop of its own, with a pipeline of about as many stages as a
 * handshake has; elements follow the factors of their rows at a distance. */
static const double NORM_FILL_CYCLES = HANDSHAKE_CYCLES + WEFT_ENGINE_NORM_STAGES;

weft_card_timing weft_card_timing_of(const weft_board *board, const weft_engine_params *params,
                                     const int32_t memory[WEFT_PORT_COUNT],
                                     const int32_t bank[WEFT_PORT_COUNT],
                                     const int32_t units_per_bank[WEFT_PORT_COUNT])
{
    weft_card_timing timing = {.clock_mhz = fmin(board->clock_mhz, CLOCK_MHZ_MAX),
                               .port_bytes = (double)params->port,
                               .handshake = HANDSHAKE_CYCLES,
                               .norm_fill = NORM_FILL_CYCLES};
    for (int port = 0; port < WEFT_PORT_COUNT; port++) {
        const weft_board_memory *from = &board->memories[memory[port]];
        double bytes = from->bank_gbytes * 1e3 * from->efficiency / timing.clock_mhz;
        timing.bank_bytes[port] = bytes / units_per_bank[port];
        timing.dram[port] = weft_card_dram_of(from, timing.clock_mhz, units_per_bank[port]);
        /* Banks of different memories are different banks. */
        timing.bank[port] = memory[port] * 64 + bank[port];
        timing.latency[port] = ceil(from->latency_ns * timing.clock_mhz / 1e3);
    }
    timing.setup = timing.latency[WEFT_PORT_PROGRAM] + DESCRIPTOR_CYCLES + START_CYCLES;
    return timing;
}
