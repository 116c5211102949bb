/* SPDX-License-Identifier: Apache-2.0 */
/* Small random convolutional graphs in ONNX form: everything that passes rewrite, and what they
 * must leave alone, in random order and with random sharing. Must not know passes. */
#ifndef WEFT_TESTS_PASSES_RANDOM_GRAPH_H
#define WEFT_TESTS_PASSES_RANDOM_GRAPH_H

#include "tests/passes/build.h"

/* Fills b->graph; the same graph for the same b->state. */
void random_graph_build(build *b);

#endif
