/* SPDX-License-Identifier: Apache-2.0 */
/* A board: what hls/boards/NAME.json says, checked. A card is data, not code: a file of the user's
 * own is as good as one of ours. Must not know about: graphs, engines, plans. */
#ifndef WEFT_CARD_BOARD_H
#define WEFT_CARD_BOARD_H

#include "compiler/base/arena.h"
#include "weft/status.h"

enum { WEFT_BOARD_SLRS = 8, WEFT_BOARD_MEMORIES = 4, WEFT_BOARD_PLATFORMS = 16 };

/* What a kernel may use of one super logic region: the shell's share is taken off. */
typedef struct weft_board_slr {
    int64_t lut, ff, dsp, bram36, uram;
} weft_board_slr;

/* Memory of one kind. A connectivity file calls bank i "TAG[i]". */
typedef struct weft_board_memory {
    const char *tag; /* "HBM", "DDR", "PS" */
    int32_t banks;
    int64_t bank_bytes;
    double bank_gbytes; /* 10^9 bytes per second, one bank, theoretical */
    double efficiency;  /* share of it that long runs reach */
    double latency_ns;  /* from a kernel's request to its first data */
    int32_t port_bits;  /* of one AXI port into it */
    int32_t ports;      /* AXI ports into all its banks; 0: as many as are asked for */
    int32_t slr[64];    /* per bank: the region whose logic reaches it without a crossing */
} weft_board_memory;

/* One name of `v++ --platform`, and the tools that know it. */
typedef struct weft_board_platform {
    const char *name;
    const char *first_tool, *last_tool; /* "2021.2"; NULL: not bounded */
} weft_board_platform;

typedef struct weft_board {
    const char *name;     /* "u280" */
    const char *title;    /* "Alveo U280" */
    const char *part;     /* "xcu280-fsvh2892-2L-e" */
    int32_t dsp_bits[2];  /* the two factors of a DSP's multiplier: 27, 18 */
    weft_board_slr total; /* of the device, for people */
    weft_board_slr slrs[WEFT_BOARD_SLRS];
    int32_t slr_count;
    int64_t slr_wires; /* between two neighbouring regions; 0: not known */
    weft_board_memory memories[WEFT_BOARD_MEMORIES];
    int32_t memory_count;
    double clock_mhz;   /* that is planned with */
    double host_gbytes; /* PCIe, one direction, 10^9 bytes per second; 0: memory is shared */
    double launch_us;   /* from the host's call to the first cycle, and back */
    weft_board_platform platforms[WEFT_BOARD_PLATFORMS];
    int32_t platform_count; /* 0: no v++ platform; why_no_platform says what there is instead */
    const char *why_no_platform;
    /* Shares of an SLR that a plan may use before placement gets unsure. */
    double limit_lut, limit_ff, limit_dsp, limit_bram, limit_uram;
} weft_board;

/* By name ("u280"), or from a file when the name holds '/' or ends in ".json". Everything lives in
 * the arena. All problems of the file are reported. Errors: BOARD_*. */
weft_status weft_board_open(weft_arena *arena, const char *name, const weft_board **out_board,
                            weft_diag *diag);
/* Names of the boards that are built in, ended by NULL. */
extern const char *const weft_board_names[];

#endif
