/* SPDX-License-Identifier: Apache-2.0 */
/* Cards: the boards that are known, and what a model would do on one. Everything is predicted by a
 * model (docs/estimate.md); no tool of a vendor and no card is asked. Self-contained in C and C++.
 * Nothing here prints or exits; no global state. */
#ifndef WEFT_CARD_H
#define WEFT_CARD_H

#include "weft/compiler.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- boards ---- */

enum { WEFT_CARD_RESOURCES = 5 }; /* LUT, FF, DSP, BRAM36, URAM */
const char *weft_card_resource_title(int resource);

typedef struct weft_board_info {
    const char *name, *title, *part;
    int slr_count;
    int64_t usable[WEFT_CARD_RESOURCES]; /* by kernels, all regions together */
    const char *memory;                  /* "32 x 256 MB HBM, 460 GB/s" */
    double clock_mhz;
    const char *platform; /* newest one of v++; NULL: there is none */
} weft_board_info;

typedef struct weft_boards weft_boards;
/* The boards that are built in. */
weft_status weft_boards_create(weft_diag *diag, weft_boards **out_boards);
void weft_boards_destroy(weft_boards *boards); /* NULL accepted */
size_t weft_boards_count(const weft_boards *boards);
void weft_boards_get(const weft_boards *boards, size_t index, weft_board_info *out_info);

/* ---- estimates ---- */

typedef enum weft_estimate_goal {
    WEFT_ESTIMATE_THROUGHPUT, /* most images per second */
    WEFT_ESTIMATE_LATENCY     /* shortest time of one batch */
} weft_estimate_goal;

/* A model prepared for estimates; the model may be closed afterwards. A float model is taken as if
 * it were quantised: cycles do not depend on scales. batch 0: chosen for each board. Errors:
 * IMPORT_*, QUANT_*, PLAN_*, CARD_NOTHING. */
typedef struct weft_estimator weft_estimator;
weft_status weft_estimator_create(const weft_model *model, int64_t batch, weft_diag *diag,
                                  weft_estimator **out_estimator);
void weft_estimator_destroy(weft_estimator *estimator); /* NULL accepted */

typedef struct weft_estimator_info {
    const char *model;
    bool is_assumed;    /* a float model, estimated as if it were quantised */
    bool has_one_batch; /* its shapes fix the batch: no other can be looked at */
    int64_t macs;       /* of one image, on the engine */
    size_t step_count, host_step_count;
} weft_estimator_info;
void weft_estimator_get_info(const weft_estimator *estimator, weft_estimator_info *out_info);

/* Plans for a board: a name, or a file (weft list boards, docs/boards.md). The estimator must
 * outlive it, and may be used for several boards at a time. Errors: BOARD_*, CARD_*. */
typedef struct weft_estimate weft_estimate;
weft_status weft_estimate_create(weft_estimator *estimator, const char *board,
                                 weft_estimate_goal goal, weft_diag *diag,
                                 weft_estimate **out_estimate);
void weft_estimate_destroy(weft_estimate *estimate); /* NULL accepted */

typedef struct weft_estimate_info {
    const char *board, *title;
    int rows, columns, simd, lanes, port_bytes;
    int64_t x_bytes, w_bytes, sums;
    int unit_count, slr_count;
    double clock_mhz;
    int64_t batch; /* of throughput */
    int64_t dsp_used, dsp_usable;
    double cycles;            /* of one batch on one engine */
    double images_per_second; /* all engines, several batches in flight */
    const char *limit;        /* of the throughput: "engines", "transfers" or "host steps" */
    double latency_ns;        /* of one such batch, launches, host steps and transfers included */
    int64_t single_batch;     /* smallest batch that was looked at */
    double single_latency_ns; /* of that one */
    double host_ns;           /* host steps of one batch of throughput */
    int64_t launches;         /* per batch */
    double efficiency;        /* share of 4 operations per DSP used and cycle */
    /* Cycles of the batch in which each is busy; they overlap. */
    double array_cycles, lane_cycles, bank_cycles; /* bank: the one of the values */
    double bank_bytes;                             /* that it moves per cycle */
    double gops;                                   /* 2 operations per product */
    const char *vendor; /* the vendor's own engine on this card; NULL: nothing published */
    double vendor_images_per_second; /* of ResNet-50 */
    double vendor_gops;
    double vendor_dsp, vendor_mhz; /* dsp 0: not published */
    double vendor_ratio;           /* our GOPS per DSP and MHz over theirs; 0: not known */
    size_t step_count, rung_count;
} weft_estimate_info;
void weft_estimate_get_info(const weft_estimate *estimate, weft_estimate_info *out_info);

enum { WEFT_CARD_BOUNDS = 5 }; /* array, vector, weights, values, latency */

typedef struct weft_estimate_step {
    const char *name, *op;
    bool is_host;
    int64_t macs, bytes;
    double cycles, time_ns;                /* of one batch */
    const char *bound;                     /* of the longest part: "array" to "latency"; "host" */
    double bound_cycles[WEFT_CARD_BOUNDS]; /* cycles, by what each part waits for */
    double share_of_peak;                  /* of the array's products */
} weft_estimate_step;
void weft_estimate_get_step(const weft_estimate *estimate, size_t index,
                            weft_estimate_step *out_step);

typedef struct weft_estimate_slr {
    int64_t used[WEFT_CARD_RESOURCES], limit[WEFT_CARD_RESOURCES], usable[WEFT_CARD_RESOURCES];
    int units;
    int64_t wires, wire_limit; /* to the next region; limit 0: not known */
} weft_estimate_slr;
void weft_estimate_get_slr(const weft_estimate *estimate, int index, weft_estimate_slr *out_slr);

typedef struct weft_estimate_unit {
    const char *name;
    int slr;
    const char *banks[5]; /* program, weights, source, second, target */
    int64_t weights_bytes, arena_bytes;
} weft_estimate_unit;
void weft_estimate_get_unit(const weft_estimate *estimate, int index, weft_estimate_unit *out_unit);

/* Something that was tried. */
typedef struct weft_estimate_rung {
    int rows, columns, lanes, port_bytes, unit_count;
    int64_t x_bytes, w_bytes, sums;
    double images_per_second; /* 0: not evaluated */
    const char *verdict;
    const char *short_of; /* what one engine more is short of; NULL: nothing */
    int short_slr;
    int64_t needed, available;
} weft_estimate_rung;
void weft_estimate_get_rung(const weft_estimate *estimate, size_t index,
                            weft_estimate_rung *out_rung);

/* ---- simulation ---- */

/* Of one process of an engine: cycles in which it moved a word or computed, began a run, waited for
 * memory, for data, for an array to become free. What is missing to the step's it had ended. */
typedef struct weft_simulation_process {
    int64_t busy, starting, memory, starved, blocked;
} weft_simulation_process;

enum { WEFT_SIMULATION_PROCESSES = 6 };
const char *weft_simulation_process_title(int process); /* "source"; NULL: no such process */

typedef struct weft_simulation {
    double cycles;       /* of one batch, word by word */
    double model_cycles; /* of weft_estimate_step */
    weft_simulation_process processes[WEFT_SIMULATION_PROCESSES];
    int64_t page_misses; /* of all banks' chips */
} weft_simulation;

/* Replays a step of an estimate on a simulated engine: the check of its cycles (docs/estimate.md).
 * Takes up to a second for a large step. False: the host executes the step, or there is no memory.
 */
bool weft_estimate_simulate(const weft_estimate *estimate, size_t step,
                            weft_simulation *out_simulation);

#ifdef __cplusplus
}
#endif
#endif
