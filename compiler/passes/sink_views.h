/* SPDX-License-Identifier: Apache-2.0 */
/* The rule of the pass sink-views, for a pass that leaves views of tokens behind. */
#ifndef WEFT_PASSES_SINK_VIEWS_H
#define WEFT_PASSES_SINK_VIEWS_H

#include "compiler/ir/graph.h"

/* A product of a view of tokens, an activation of a view of what it makes, or a view of views. */
weft_status weft_sink_token_view(weft_graph *graph, weft_node *node, bool *out_done,
                                 weft_diag *diag);

#endif
