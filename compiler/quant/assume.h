/* SPDX-License-Identifier: Apache-2.0 */
/* See assume.c. */
#ifndef WEFT_QUANT_ASSUME_H
#define WEFT_QUANT_ASSUME_H

#include "compiler/ir/graph.h"

/* A copy of a float graph with 8-bit tensors wherever quantising would put them, and no weights: it
 * computes nothing of use, but its shapes and operators are those of the quantised model. Errors:
 * QUANT_*. */
weft_status weft_quant_assume(weft_arena *arena, const weft_graph *graph, weft_graph **out_graph,
                              weft_diag *diag);

#endif
