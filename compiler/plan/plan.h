/* SPDX-License-Identifier: Apache-2.0 */
/* From graphs after the passes to schedules, programs and packed weights for one target.
 *
 *   values.c   graph values -> schedule values; aliases; which value owns an output
 *   kernels_*.c  one node -> program, launch arguments, blobs, scratch, partial sums (one file per
 * group of families) arena.c    lifetimes -> offsets deps.c     data and storage hazards ->
 * dependencies cost.c     roofline per step plan.c     the order of all that; plan_json.c the plan
 * as JSON Thread rule: externally locked. Everything lives in the given arena. */
#ifndef WEFT_PLAN_PLAN_H
#define WEFT_PLAN_PLAN_H

#include "compiler/ir/graph.h"
#include "compiler/package/schedule.h"
#include "compiler/plan/target.h"

struct weft_engine_params; /* kernels/fpga/engine.h */

/* How to make the bytes of a blob when the package is written. */
typedef enum weft_recipe {
    WEFT_RECIPE_PLAIN, /* the value, then zeros */
    WEFT_RECIPE_ZEROS, /* no value: a bias that is not there */
    WEFT_RECIPE_CONV,  /* [OC][KH][KW][IC] */
    WEFT_RECIPE_CONV_GATHERED,
    WEFT_RECIPE_WINOGRAD,  /* [OC][3][3][IC] */
    WEFT_RECIPE_LINEAR,    /* [M][K] */
    WEFT_RECIPE_DEPTHWISE, /* [C][KH][KW][IC/group] */
    WEFT_RECIPE_QCONV,     /* [OC][KH][KW][IC] of i8, for the target's dot */
    WEFT_RECIPE_QCONV_GATHERED,
    WEFT_RECIPE_QWINOGRAD /* [OC][3][3][IC] of i8 */
} weft_recipe;

typedef struct weft_blob_recipe {
    weft_recipe kind;
    const weft_value *value;
    int dot; /* WEFT_RECIPE_QCONV*: products per lane */
} weft_blob_recipe;

typedef struct weft_plan {
    weft_manifest manifest;
    const weft_blob_recipe *recipes; /* one per blob */
    const weft_value *const **plain; /* [schedule][value]: the constant behind it, or NULL */
    const weft_graph *const *graphs; /* [schedule] */
} weft_plan;

/* Plans all graphs (the same network at several shapes) for one target and so many compute threads,
 * and for an engine (NULL: none) what it can execute; without such a step the package has no
 * engine. Errors: PLAN_*; all nodes that no kernel can run are reported, then WEFT_UNSUPPORTED is
 * returned. The graphs may get copy nodes (Identity) for outputs that would otherwise share storage
 * with an input, a constant or another output. */
weft_status weft_plan_build(weft_arena *arena, weft_graph *const *graphs, size_t graph_count,
                            const weft_target *target, int threads,
                            const struct weft_engine_params *engine, weft_plan **out_plan,
                            weft_diag *diag);

/* Writes blob i into out (size as the manifest says). Any thread. */
weft_status weft_plan_blob_bytes(const weft_plan *plan, size_t blob, void *out);

/* The plan as JSON text, schema weft.plan/1 (docs/package.md). */
const char *weft_plan_json(const weft_plan *plan, weft_arena *arena);

#endif
