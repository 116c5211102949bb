/* SPDX-License-Identifier: Apache-2.0 */
/* Running a graph with the reference interpreter on seeded inputs, and comparing two runs. Must not
 * know passes. */
#ifndef WEFT_TESTS_PASSES_RUN_H
#define WEFT_TESTS_PASSES_RUN_H

#include "compiler/ir/graph.h"

typedef struct run_result {
    size_t count; /* graph outputs */
    weft_tensor *outputs;
    const char **names;
} run_result;

/* Inputs depend on name, shape and seed only. Everything lives in the graph's arena. Fails the test
 * on an error. */
run_result run_graph(weft_graph *graph, uint64_t seed, weft_diag *diag);
/* Largest absolute difference over the largest absolute value of a's output, the worst over all
 * outputs; names, types and shapes must be the same, integers equal. */
double run_difference(const run_result *a, const run_result *b);

/* What a rewrite may change: folded weights are rounded once more, and a few dozen layers add up.
 * The interpreter itself sums in double. */
#define RUN_TOLERANCE 1e-5

#endif
