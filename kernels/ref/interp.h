/* SPDX-License-Identifier: Apache-2.0 */
/* Running a whole graph with the reference kernels, node by node: what a model means. Used to
 * compare a graph before and after a pass, and by the conformance tests. Knows nothing about plans,
 * devices and packages. */
#ifndef WEFT_KERNELS_REF_INTERP_H
#define WEFT_KERNELS_REF_INTERP_H

#include "compiler/ir/graph.h"

/* Computes the outputs of an inferred, sorted graph. inputs[i] belongs to graph->inputs[i],
 * outputs[i] to graph->outputs[i]; all have the dtype and shape of the value and memory of the
 * caller. Values are freed after their last use. Errors: API_USE for a tensor that does not fit,
 * EVAL_FAILED naming the node (with the kernel's status), NO_MEMORY. Thread rule: a graph may be
 * run by several threads as long as none changes it. */
weft_status weft_ref_run_graph(const weft_graph *graph, const weft_tensor *inputs,
                               weft_tensor *outputs, weft_diag *diag);

#endif
