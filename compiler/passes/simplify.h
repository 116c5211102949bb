/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the pass simplify only: rules on arithmetic with constants. */
#ifndef WEFT_PASSES_SIMPLIFY_H
#define WEFT_PASSES_SIMPLIFY_H

#include "compiler/ir/graph.h"

/* Tries the rules of simplify_arithmetic.c on a node; sets *out_done when the graph changed (node
 * may be gone). */
weft_status weft_simplify_arithmetic(weft_graph *graph, weft_node *node, bool *out_done,
                                     weft_diag *diag);

#endif
