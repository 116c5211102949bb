/* SPDX-License-Identifier: Apache-2.0 */
/* Small random graphs in QDQ form: every operator that has an 8-bit form, in random order, with
 * random sharing, scales, zero points and types. Must not know passes. */
#ifndef WEFT_TESTS_PASSES_QUANTISED_GRAPH_H
#define WEFT_TESTS_PASSES_QUANTISED_GRAPH_H

#include "tests/passes/build.h"

/* Fills b->graph with so many layers; the same graph for the same b->state. Outputs are 8-bit
 * tensors, and floats behind a DequantizeLinear. */
void quantised_graph_build(build *b, size_t layers);

#endif
