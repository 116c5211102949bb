/* SPDX-License-Identifier: Apache-2.0 */
/* The passes and their pipeline: rewrite an inferred graph in place until the planner can take it.
 * Must not know about targets, kernels' tiles or files.
 *
 * A pass needs a graph whose values all have types and shapes, keeps that true, keeps the names and
 * the order of graph inputs and outputs, is deterministic, and allocates only in the graph's arena.
 * Names of the model's nodes stay in the `sources` of the nodes that do their work. Thread rule:
 * externally locked per graph. */
#ifndef WEFT_PASSES_PASSES_H
#define WEFT_PASSES_PASSES_H

#include "compiler/ir/graph.h"

typedef enum weft_pass {
#define WEFT_PASS(name, ...) WEFT_PASS_##name,
#include "compiler/passes/passes.def"
#undef WEFT_PASS
    WEFT_PASS_COUNT
} weft_pass;

#define WEFT_PASS(name, ...)                                                                       \
    weft_status weft_pass_##name(weft_graph *graph, size_t *out_changes, weft_diag *diag);
#include "compiler/passes/passes.def"
#undef WEFT_PASS

typedef struct weft_pass_row {
    const char *name; /* "fold-constants" */
    bool required, idempotent;
    const char *doc;
    weft_status (*run)(weft_graph *graph, size_t *out_changes, weft_diag *diag);
} weft_pass_row;

/* The table; index below WEFT_PASS_COUNT. */
const weft_pass_row *weft_pass_get(size_t index);
/* By name; NULL when unknown. */
const weft_pass_row *weft_pass_find(const char *name);

typedef struct weft_pass_stats {
    const char *name;
    uint64_t time_ns; /* 0 for a pass that the level leaves out */
    size_t nodes_before, nodes_after;
    size_t changes; /* rewrites done */
} weft_pass_stats;

typedef struct weft_pass_params {
    int level;              /* 0: only required lowering; 1: everything */
    bool verify;            /* weft_graph_verify after each pass */
    const char *dump_after; /* pass name, "all", or NULL */
    void (*dump)(void *user, const char *pass, const char *text);
    void *user;
    const char *skip; /* name of a pass to leave out, or NULL; not a required one */
} weft_pass_params;
/* clang-format off */
#define WEFT_PASS_PARAMS_DEFAULT {1, false, NULL, NULL, NULL, NULL}
/* clang-format on */

/* Runs the pipeline on a graph that weft_graph_infer accepted. params NULL: the default. stats:
 * WEFT_PASS_COUNT entries or NULL. Stops at the first pass that fails; a pass reports all its
 * errors. Errors: PASS_UNKNOWN for dump_after, PASS_NO_LOWERING, PASS_CHANGED_SHAPE, and the
 * verifier's. */
weft_status weft_passes_run(weft_graph *graph, const weft_pass_params *params,
                            weft_pass_stats *stats, weft_diag *diag);

#endif
