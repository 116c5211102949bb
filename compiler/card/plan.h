/* SPDX-License-Identifier: Apache-2.0 */
/* From a network's schedule and a board to the engines that fit and are fastest.
 *
 *   place.c   engines -> regions and banks; what they take; what is short
 *   tiles.c   the fastest tile of every window descriptor, by the cycle model
 *   network.c a graph -> its schedule at some batch
 *   work.c    a schedule -> its descriptors, equal ones once
 *   bound.c   cycles that an engine cannot avoid
 *   times.c   a network on a plan -> latency, images per second
 *   plan.c    candidates, their evaluation, the choice, and the ladder of what was tried
 *   describe.c  a plan -> what a package says of it
 *
 * Must not know about: how anything is printed, XRT, v++. */
#ifndef WEFT_CARD_PLAN_H
#define WEFT_CARD_PLAN_H

#include "compiler/card/card.h"
#include "compiler/ir/graph.h"

/* ---- placing ---- */

typedef enum weft_card_resource {
    WEFT_RESOURCE_LUT,
    WEFT_RESOURCE_FF,
    WEFT_RESOURCE_DSP,
    WEFT_RESOURCE_BRAM,
    WEFT_RESOURCE_URAM,
    WEFT_RESOURCE_WIRES, /* between regions */
    WEFT_RESOURCE_PORTS, /* of a memory */
    WEFT_RESOURCE_BANK,  /* bytes of a memory's bank */
    WEFT_RESOURCE_COUNT  /* nothing is short */
} weft_card_resource;
const char *weft_card_resource_name(weft_card_resource resource); /* "LUT" */

/* What keeps one more engine out of the region where it is nearest to fitting. */
typedef struct weft_card_shortage {
    weft_card_resource resource; /* COUNT: nothing */
    int32_t slr;
    int64_t needed, available; /* for all that is there and one more; within the limit */
} weft_card_shortage;

enum { WEFT_CARD_UNITS = 16 };

typedef struct weft_card_placement {
    int32_t unit_count;
    struct weft_card_place {
        int32_t slr;
        int32_t memory[WEFT_PORT_COUNT], bank[WEFT_PORT_COUNT];
    } units[WEFT_CARD_UNITS];
    int32_t sharing[WEFT_PORT_COUNT];     /* engines behind one bank, of the port that has most */
    weft_board_slr used[WEFT_BOARD_SLRS]; /* memory controllers included */
    int64_t wires[WEFT_BOARD_SLRS];       /* between region i and i + 1 */
    weft_card_shortage shortage;          /* of one engine more */
} weft_card_placement;

/* Bytes that each engine keeps in memory. */
typedef struct weft_card_footprint {
    int64_t weights_bytes, arena_bytes;
} weft_card_footprint;

/* As many engines as fit, at most `most`. */
void weft_card_place(const weft_board *board, const weft_engine_params *params,
                     const weft_card_footprint *footprint, int32_t most,
                     weft_card_placement *out_placement);

/* What a plan may use of a region. */
weft_board_slr weft_card_limit_of(const weft_board *board, int32_t slr);

/* ---- tiles ---- */

/* Chosen tiles by a descriptor's geometry, so that equal layers are looked at once. is_rough: fewer
 * are tried, for telling candidates apart. */
typedef struct weft_card_tiles weft_card_tiles;
weft_card_tiles *weft_card_tiles_create(weft_arena *arena, const weft_engine_params *params,
                                        const weft_card_timing *timing, bool is_rough);
/* Predicts a step with the best tiles. With `sets`, they are written into its descriptors. False:
 * the step runs on the host. */
bool weft_card_tiles_step(weft_card_tiles *tiles, weft_step *step, bool sets,
                          weft_card_cycles *out_cycles);

/* The same for one descriptor, tiles chosen for it alone. */
weft_card_cycles weft_card_tiles_cycles(const weft_card_tiles *tiles,
                                        const uint32_t words[WEFT_D_WORDS]);
/* Whether some tile of the descriptor fits such an engine: all do but rows of scores that are
 * longer than the sums of a row of the array. */
bool weft_card_tiles_exist(const weft_engine_params *params, const uint32_t words[WEFT_D_WORDS]);
/* Geometry without numbers that cycles do not depend on: descriptors with equal keys take equal
 * cycles on every engine. */
const char *weft_card_descriptor_key(weft_arena *arena, const uint32_t words[WEFT_D_WORDS]);

/* ---- work ---- */

typedef struct weft_card_item {
    uint32_t words[WEFT_D_WORDS];
    int64_t times; /* descriptors with this key */
} weft_card_item;

typedef struct weft_card_work {
    weft_card_item **items;
    size_t count;
    int64_t launches;     /* stretches of engine steps between host steps */
    double host_ns;       /* steps that the host executes */
    bool products, norms; /* that an engine needs (weft_engine_with) */
} weft_card_work;

/* Cycles of the work that an engine cannot avoid whose values' bank moves so many bytes per cycle.
 */
double weft_card_bound(const weft_card_work *work, const weft_engine_params *params,
                       double bank_bytes);

void weft_card_work_of(weft_arena *arena, const weft_schedule *schedule, weft_card_work *out_work);

/* ---- planning ---- */

/* The line of engines that are planned for a card, unless a softmax has longer rows. */
enum { WEFT_CARD_LINE = 4096 };
/* What graphs are planned for while the card's engine is not known: what steps become does not
 * depend on it, but for rows that fit a line. */
weft_engine_params weft_card_planning_engine(weft_graph *const *graphs, size_t count);
/* An engine by name, its line as long as the longest row that a softmax or LayerNorm of the graphs
 * has; as it is where its other buffers do not hold such a row. */
weft_engine_params weft_card_named_engine(const weft_engine_params *named,
                                          weft_graph *const *graphs, size_t count);

typedef enum weft_card_goal { WEFT_GOAL_THROUGHPUT, WEFT_GOAL_LATENCY } weft_card_goal;

typedef struct weft_card_rung {
    weft_engine_params engine;
    int32_t unit_count;          /* that fit; 0: not even one */
    weft_card_shortage shortage; /* of the next */
    double images_per_second;    /* 0: not evaluated, because a bound or the fit ruled it out */
    const char *verdict;         /* "chosen", "slower", "does not fit", ... */
} weft_card_rung;

/* The network at one batch. */
typedef struct weft_card_network {
    weft_schedule *schedule; /* planned for any engine: only tiles depend on its parameters */
    weft_card_work work;
    int64_t batch;
    int32_t line; /* that the engine gets */
    weft_card_footprint footprint;
} weft_card_network;

/* A graph as imported, at another batch (0: its own), planned. A float graph is taken as if it were
 * quantised. Errors: those of inference, QUANT_*, PASS_*, PLAN_*, CARD_NOTHING. */
weft_status weft_card_network_make(weft_arena *arena, const weft_graph *graph, int64_t batch,
                                   weft_card_network *out_network, bool *out_is_assumed,
                                   weft_diag *diag);
/* Of a schedule that is planned already, for any engine. Errors: CARD_NOTHING. */
weft_status weft_card_network_of(weft_arena *arena, const weft_graph *graph,
                                 weft_schedule *schedule, weft_card_network *out_network,
                                 weft_diag *diag);
/* The pass that is left out for cards, so that images become channels-last before the engine reads
 * them. */
extern const char weft_card_skipped_pass[];
/* Takes the engine's descriptors from steps that the host does while it prepares the input. */
void weft_card_leave_to_host(weft_schedule *schedule);

typedef struct weft_card_plan {
    const weft_board *board;
    weft_engine_params engine;
    weft_card_placement placement;
    weft_card_timing timing;
    weft_card_rung *rungs;
    size_t rung_count;
} weft_card_plan;

/* Times of a network on a plan. */
typedef struct weft_card_times {
    double engine_cycles;     /* one batch on one engine */
    double host_ns;           /* steps that the host executes, one batch */
    int64_t launches;         /* stretches of engine steps between host steps */
    int64_t macs;             /* useful products of the engine, one batch */
    double latency_ns;        /* one batch: launches, engine, host steps and transfers */
    double images_per_second; /* all engines busy, several batches in flight */
    const char *limit;        /* "engines", "transfers", "host steps" */
} weft_card_times;
weft_card_times weft_card_times_of(const weft_card_plan *plan, weft_arena *arena,
                                   const weft_card_network *network, bool is_rough);

/* Chooses. Errors: CARD_*, with what is short by how much. */
weft_status weft_card_plan_make(weft_arena *arena, const weft_board *board,
                                const weft_card_network *network, weft_card_goal goal,
                                weft_card_plan **out_plan, weft_diag *diag);

/* Gives a schedule that was planned for the plan's engine the fastest tiles and each step's cycles.
 */
void weft_card_set_schedule(weft_arena *arena, const weft_card_plan *plan, weft_schedule *schedule);

/* The plan as a package has it. */
void weft_card_describe(weft_arena *arena, const weft_card_plan *plan, weft_card *out_card);

#endif
