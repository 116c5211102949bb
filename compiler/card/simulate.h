/* SPDX-License-Identifier: Apache-2.0 */
/* One engine executing descriptors, cycle by cycle: every word of memory through its port's queue
 * and its bank, every run of every process. It knows nothing of the closed form (cycles.c), with
 * which it shares only how descriptors add up to steps; both are written from what the engine
 * does, and each is the check of the other. What is simulated and what is not: docs/estimate.md,
 * "Simulation". Must not know about: how it is printed. */
#ifndef WEFT_CARD_SIMULATE_H
#define WEFT_CARD_SIMULATE_H

#include "compiler/card/card.h"

/* Processes of a descriptor's dataflow region. */
typedef enum weft_card_process {
    WEFT_PROCESS_SOURCE,  /* loads patches, windows, operand a */
    WEFT_PROCESS_WEIGHTS, /* loads filters, vectors, tables */
    WEFT_PROCESS_SECOND,  /* loads the residual, operands b and r */
    WEFT_PROCESS_SUM,     /* the matrix array, or the vector unit's lanes */
    WEFT_PROCESS_FINISH,  /* from sums to bytes; a stream's elements */
    WEFT_PROCESS_TARGET,  /* stores */
    WEFT_CARD_PROCESS_COUNT
} weft_card_process;
extern const char *const weft_card_process_names[WEFT_CARD_PROCESS_COUNT];

/* Cycles of one process; what is missing to the total it had ended, or there was no region. */
typedef struct weft_card_share {
    int64_t busy;     /* it moved a word or computed */
    int64_t starting; /* between two runs */
    int64_t memory;   /* in a run, but waiting for its port: latency, or a bank that is busy */
    int64_t starved;  /* waiting for its producers to end a run */
    int64_t blocked;  /* waiting for its consumers to free an array */
} weft_card_share;

typedef struct weft_card_simulation {
    weft_card_cycles cycles;
    weft_card_share shares[WEFT_CARD_PROCESS_COUNT];
    int64_t page_misses;
    double bank_busy[WEFT_PORT_COUNT]; /* cycles that the bank behind the port moved data */
} weft_card_simulation;

/* One descriptor, offsets resolved. */
weft_card_simulation weft_card_simulate(const weft_engine_params *params,
                                        const weft_card_timing *timing,
                                        const uint32_t words[WEFT_D_WORDS]);
/* A schedule's step: all its descriptors. False: the step runs on the host. Values of the arena lie
 * where the schedule says, inputs and outputs behind them; blobs begin at multiples of 1 MB,
 * because a schedule does not say where: only where a blob begins within a page counts. */
bool weft_card_step_simulate(const weft_engine_params *params, const weft_card_timing *timing,
                             const weft_schedule *schedule, const weft_step *step,
                             weft_card_simulation *out_simulation);

#endif
