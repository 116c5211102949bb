/* SPDX-License-Identifier: Apache-2.0 */
/* The rewrite of the pass fold-constants, for a pass that leaves constants behind. */
#ifndef WEFT_PASSES_FOLD_CONSTANTS_H
#define WEFT_PASSES_FOLD_CONSTANTS_H

#include "compiler/ir/graph.h"

/* Evaluates nodes whose inputs are all constant; DequantizeLinear only with and_quantised, because
 * lower-quantized wants the integers. Adds to *changes. */
weft_status weft_fold_constants(weft_graph *graph, bool and_quantised, size_t *changes,
                                weft_diag *diag);

#endif
