/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the pass sink-transposes only: how each operator lets a transpose through.
 */
#ifndef WEFT_PASSES_SINK_H
#define WEFT_PASSES_SINK_H

#include "compiler/ir/graph.h"

/* op(Transpose(x), ...) becomes Transpose(op(x, ...)) where the operator allows it and the other
 * operands cost nothing to bring along. Sets *out_done when the graph changed; node is gone then.
 */
weft_status weft_sink_through(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag);
/* op(Reshape(x)) becomes Reshape(op(x)) for an element-wise op of one tensor that alone reads the
 * view. */
weft_status weft_sink_view(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag);

#endif
