/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the pass fuse-quantized only. */
#ifndef WEFT_PASSES_FUSE_QUANTIZED_H
#define WEFT_PASSES_FUSE_QUANTIZED_H

#include "compiler/ir/graph.h"

/* weft.QConv2D or weft.QMul that still may take a sum: it has no residual and no mean. */
bool weft_fuse_q_takes_sum(const weft_node *node);
/* weft.QTable: nothing where it changes no value; part of the table, the limits or the convolution
 * before it. Sets *out_done when the graph changed; node is gone then. */
weft_status weft_fuse_q_table(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag);

/* A QMul or QAdd of tables of the same codes becomes one table of them. */
weft_status weft_fuse_q_unary(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag);

/* A QTable or QAdd behind a view of a convolution goes before the view. */
weft_status weft_fuse_q_past_view(weft_graph *graph, weft_node *node, bool *out_done,
                                  weft_diag *diag);

/* A QLayerNorm that only products read becomes part of them; it is dead then. */
weft_status weft_fuse_q_norm(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag);

#endif
