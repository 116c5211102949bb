/* SPDX-License-Identifier: Apache-2.0 */
/* sink-transposes: every transpose moves towards the outputs, past operators that do not care about
 * the order of axes, until it meets its inverse and both go, or moves only axes of size 1 and is a
 * view. Must not know where transposes come from; the rules per operator are in sink_rules.c.
 *
 * needs: types and shapes.
 * keeps: values exactly, up to the order of sums in reductions.
 * breaks: element-wise operators and reductions may stand in any axis order afterwards.
 * Ends because each step moves a transpose behind one more node of a finite order, or removes one.
 */
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/sink.h"
#include "compiler/passes/trace.h"
#include "compiler/passes/views.h"

/* Reshape(T(x)) with T a view is Reshape(x). */
static weft_status view_of_transpose(weft_graph *graph, weft_node *node, bool *done,
                                     weft_diag *diag)
{
    weft_node *transpose = weft_rewrite_producer(weft_node_input(node, 0), WEFT_OP_Transpose);
    if (node->op != WEFT_OP_Reshape || !transpose)
        return WEFT_OK;
    int64_t perm[WEFT_MAX_RANK];
    weft_rewrite_perm(transpose, perm);
    if (!weft_rewrite_perm_is_view(perm, &transpose->inputs[0]->shape))
        return WEFT_OK;
    weft_rewrite_add_sources(graph, node, transpose);
    weft_node_set_input(graph, node, 0, transpose->inputs[0]);
    *done = true;
    return weft_node_infer(graph, node, diag);
}

static weft_status visit_view(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    weft_status status = view_of_transpose(graph, node, done, diag);
    return status != WEFT_OK || *done ? status : weft_view_visit(graph, node, done, diag);
}

/* T(Reshape(x)) with T a view. Elsewhere a transpose stays one: it can still meet its inverse. */
static weft_status transpose_of_view(weft_graph *graph, weft_node *node, bool *done,
                                     weft_diag *diag)
{
    if (!weft_rewrite_producer(weft_node_input(node, 0), WEFT_OP_Reshape))
        return WEFT_OK;
    return weft_view_from_transpose(graph, node, done, diag);
}

typedef weft_status (*rule)(weft_graph *, weft_node *, bool *, weft_diag *);

static weft_status sweep(weft_graph *graph, const rule *rules, size_t *sweeps_left, size_t *changes,
                         weft_diag *diag)
{
    size_t round;
    do {
        round = 0;
        if ((*sweeps_left)-- == 0)
            return weft_diag_error(diag, WEFT_E_INTERNAL,
                                   "sink-transposes does not come to an end");
        for (weft_node *node = graph->first, *next; node; node = next) {
            next = node->next;
            bool done = false;
            for (size_t i = 0; rules[i] && !done; i++) {
                weft_status status = rules[i](graph, node, &done, diag);
                if (status != WEFT_OK)
                    return status;
            }
            round += done;
        }
        weft_rewrite_remove_dead(graph);
        *changes += round;
    } while (round > 0);
    return WEFT_OK;
}

weft_status weft_pass_sink_transposes(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    static const rule sinking[] = {visit_view,
                                   weft_view_visit_transpose,
                                   weft_trace_collapse,
                                   transpose_of_view,
                                   weft_sink_through,
                                   weft_sink_view,
                                   NULL};
    static const rule ending[] = {weft_view_from_transpose, visit_view, weft_sink_view, NULL};
    /* A transpose needs at most one sweep per node that it passes; a few more for views. */
    size_t sweeps_left = 2 * graph->node_count + 64, before;
    *out_changes = 0;
    do { /* a view that the end made may let another transpose pass */
        before = *out_changes;
        weft_status status = sweep(graph, sinking, &sweeps_left, out_changes, diag);
        if (status == WEFT_OK)
            status = sweep(graph, ending, &sweeps_left, out_changes, diag);
        if (status != WEFT_OK)
            return status;
    } while (*out_changes > before);
    return WEFT_OK;
}
