/* SPDX-License-Identifier: Apache-2.0 */
/* Rewrites of nodes that move no data (Reshape and its kin, reductions over axes of size 1) and of
 * Transpose, which several passes need. Must not know any pass. */
#ifndef WEFT_PASSES_VIEWS_H
#define WEFT_PASSES_VIEWS_H

#include "compiler/ir/graph.h"

/* Reshape, Flatten, Squeeze, Unsqueeze, or a Reduce* over axes of size 1 only. */
bool weft_view_is(const weft_node *node);
/* Makes a view a Reshape with a constant shape that reads past views before it, or bypasses it.
 * Sets *out_done when the graph changed; node may be gone then. */
weft_status weft_view_visit(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag);
/* On a Transpose: bypasses the identity, merges with a Transpose before it, joins an equal one of
 * the same value. */
weft_status weft_view_visit_transpose(weft_graph *graph, weft_node *node, bool *out_done,
                                      weft_diag *diag);
/* A Transpose that moves only axes of size 1 becomes a Reshape. */
weft_status weft_view_from_transpose(weft_graph *graph, weft_node *node, bool *out_done,
                                     weft_diag *diag);

#endif
