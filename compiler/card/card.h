/* SPDX-License-Identifier: Apache-2.0 */
/* Planning for a card: which engines, how many, where; what they take of the device and how long a
 * program takes. All numbers are predicted by a model before synthesis.
 *
 *   board.c      boards as data
 *   resources.c  engine parameters -> LUT, FF, DSP, BRAM, URAM
 *   timing.c     board, engine, banks -> what a memory port moves per cycle
 *   cycles.c     one descriptor -> cycles
 *   dram.c       memory chips' own times
 *   simulate.c   a program -> cycles, cycle by cycle; the check of cycles.c (simulate.h)
 *   plan.c       model and board -> the engines that fit and are fastest, and the ladder to them
 *
 * Must not know about: how anything is printed, XRT, v++. */
#ifndef WEFT_CARD_CARD_H
#define WEFT_CARD_CARD_H

#include "compiler/card/board.h"
#include "compiler/package/schedule.h"
#include "kernels/fpga/engine.h"

/* ---- resources ---- */

/* What one engine takes, counted from its source (kernels/fpga/engine.h: arrays and operators). */
weft_board_slr weft_card_engine_resources(const weft_board *board,
                                          const weft_engine_params *params);

/* ---- timing ---- */

/* The engine's memory ports, in the order of the kernel's arguments. */
typedef enum weft_card_port {
    WEFT_PORT_PROGRAM,
    WEFT_PORT_WEIGHTS,
    WEFT_PORT_SOURCE,
    WEFT_PORT_SECOND,
    WEFT_PORT_TARGET,
    WEFT_PORT_COUNT
} weft_card_port;

/* How a bank's memory chips behave, in cycles of the engine (compiler/card/dram.h); only the
 * simulation looks this deep. */
typedef struct weft_card_dram {
    double peak_bytes;  /* per cycle, with nothing lost; 0: the bank is a plain server of bank_bytes
                           per cycle without pages, refresh and turn-arounds */
    double atom_bytes;  /* the least that one access moves */
    double page_bytes;  /* that one activation opens, over all bank groups */
    int32_t page_sets;  /* how many pages can be open at the same time */
    double precharge;   /* tRP: closing a page */
    double activate;    /* tRCD: opening one, until its columns can be read */
    double column;      /* tCL: from a read command to its data */
    double row_cycle;   /* tRC: between two activations of one page set */
    double four_pages;  /* tFAW: five activations take at least as long */
    double after_read;  /* tRTP: from a read to closing its page */
    double after_write; /* tWR: the same for a write */
    double write_to_read, read_to_write; /* of the data bus idle when its direction turns */
    double refresh, refresh_interval;    /* tRFC, tREFI: nothing else happens meanwhile */
} weft_card_dram;

typedef struct weft_card_timing {
    double clock_mhz;
    double port_bytes;                  /* per cycle, at most, through one port */
    double bank_bytes[WEFT_PORT_COUNT]; /* per cycle, of the bank behind it, efficiency included */
    int32_t bank[WEFT_PORT_COUNT];      /* ports with the same number share a bank's bytes */
    double latency[WEFT_PORT_COUNT];    /* cycles from a request to its first data */
    double setup;                       /* cycles to read a descriptor and start its processes */
    double handshake;                   /* cycles between two runs of a dataflow process */
    double norm_fill; /* cycles of a run until the first row of a norm has its factor */
    weft_card_dram dram[WEFT_PORT_COUNT]; /* of the bank behind each port; zero: a plain server */
} weft_card_timing;

/* Of one engine on one board. units_per_bank: how many engines share each bank of this one. */
weft_card_timing weft_card_timing_of(const weft_board *board, const weft_engine_params *params,
                                     const int32_t memory[WEFT_PORT_COUNT],
                                     const int32_t bank[WEFT_PORT_COUNT],
                                     const int32_t units_per_bank[WEFT_PORT_COUNT]);

/* ---- cycles ---- */

typedef enum weft_card_limit {
    WEFT_LIMIT_ARRAY,   /* the matrix array's DSPs */
    WEFT_LIMIT_VECTOR,  /* lanes of vector unit or epilogue */
    WEFT_LIMIT_WEIGHTS, /* bytes of weights */
    WEFT_LIMIT_VALUES,  /* bytes of activations */
    WEFT_LIMIT_LATENCY, /* too little work to fill pipelines */
    WEFT_LIMIT_COUNT
} weft_card_limit;

typedef struct weft_card_cycles {
    double total;
    /* Cycles each process is busy; overlapping, so they do not add up to total. */
    double source, weights, second, array, vector, finish, target;
    int64_t bytes[WEFT_PORT_COUNT];   /* moved through each port */
    int64_t macs;                     /* useful products */
    weft_card_limit limit;            /* of the longest descriptor */
    double limited[WEFT_LIMIT_COUNT]; /* of a step: total by the limits of its descriptors */
} weft_card_cycles;

/* One descriptor: its 64 words, offsets resolved or 0 (they only decide about alignment: a resolved
 * offset is taken as it is). */
weft_card_cycles weft_card_descriptor_cycles(const weft_engine_params *params,
                                             const weft_card_timing *timing,
                                             const uint32_t words[WEFT_D_WORDS]);

/* The words of a package's descriptor. Values and blobs begin at multiples of more than a word, so
 * what a descriptor adds to the beginning says all about alignment. */
void weft_card_descriptor_words(const weft_descriptor *descriptor,
                                uint32_t out_words[WEFT_D_WORDS]);
/* One more descriptor of a step, whose limit is that of the longest one: *longest is 0 before the
 * first. */
void weft_card_cycles_add(weft_card_cycles *sum, const weft_card_cycles *part, double *longest);

/* A schedule's step: all its descriptors. False: the step runs on the host. */
bool weft_card_step_cycles(const weft_engine_params *params, const weft_card_timing *timing,
                           const weft_step *step, weft_card_cycles *out_cycles);

#endif
