/* SPDX-License-Identifier: Apache-2.0 */
/* The ways a conformance case can be run. A way takes an imported graph of the case and computes
 * its outputs. */
#ifndef WEFT_TESTS_CONFORMANCE_THROUGH_H
#define WEFT_TESTS_CONFORMANCE_THROUGH_H

#include "compiler/ir/graph.h"
#include "tests/conformance/onnx_case.h"

/* inputs[i] belongs to graph->inputs[i], outputs[i] to graph->outputs[i] and has memory. The
 * model's bytes are in test. */
typedef struct through_way {
    const char *name;  /* of --through */
    const char *allow; /* file beside this one: cases that must pass */
    weft_status (*run)(const onnx_case *test, const weft_graph *graph, const weft_tensor *inputs,
                       weft_tensor *outputs, weft_diag *diag);
} through_way;

#endif
