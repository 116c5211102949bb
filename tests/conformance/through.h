/* SPDX-License-Identifier: Apache-2.0 */
/* The ways a conformance case can be run. A way takes an imported graph of the case and computes
 * its outputs. */
#ifndef WEFT_TESTS_CONFORMANCE_THROUGH_H
#define WEFT_TESTS_CONFORMANCE_THROUGH_H

#include "compiler/ir/graph.h"
#include "tests/conformance/onnx_case.h"

/* inputs[i] belongs to graph->inputs[i], outputs[i] to graph->outputs[i] and has memory. */
typedef struct through_tensors {
    const weft_graph *graph;
    weft_tensor *inputs, *outputs;
    size_t input_count, output_count;
} through_tensors;

typedef struct through_way through_way;
struct through_way {
    const char *name;    /* of --through */
    const char *allow;   /* file beside this one: cases that must pass */
    const char *backend; /* of the runtime; NULL: the graph is run by the reference kernels */
    int level;           /* of optimisation */
    /* folder: a place for files of this run. The model's bytes are in test. */
    weft_status (*run)(const through_way *way, const char *folder, const onnx_case *test,
                       const through_tensors *tensors, weft_diag *diag);
};

/* NULL when the runtime's backend has a usable device here, otherwise why not. */
const char *through_backend_missing(const char *backend);

/* Compiles the case at way->level and runs the package on way->backend. */
weft_status through_compile(const through_way *way, const char *folder, const onnx_case *test,
                            const through_tensors *tensors, weft_diag *diag);

#endif
