/* SPDX-License-Identifier: Apache-2.0 */
/* The epilogue of weft.Conv2D, weft.Linear and weft.Gate (activation, residual add) and how the
 * nodes that follow become part of it. Must not know what comes before the epilogue. */
#ifndef WEFT_PASSES_EPILOGUE_H
#define WEFT_PASSES_EPILOGUE_H

#include "compiler/ir/graph.h"

bool weft_epilogue_has_act(const weft_node *node);
/* Copies act, act_min, act_max of `from` into the attributes <prefix>, <prefix>_min, <prefix>_max
 * of node. */
void weft_epilogue_copy_act(weft_graph *graph, weft_node *node, const char *prefix,
                            const weft_node *from);
/* Relu, Gelu, Clip with constant limits, Sigmoid or swish (x * sigmoid(x)) that alone reads output
 * 0 of node becomes its act. */
weft_status weft_epilogue_fuse_act(weft_graph *graph, weft_node *node, bool *out_done,
                                   weft_diag *diag);

/* The input of node that holds a residual. */
size_t weft_epilogue_residual_input(const weft_node *node);
/* On Add: the later in order of those operands that come from a node of the operators allowed, are
 * read by the Add only and have an epilogue still empty takes the other operand as residual and
 * moves to the Add's place. */
weft_status weft_epilogue_fuse_add(weft_graph *graph, weft_node *add,
                                   bool (*is_allowed)(weft_op op), bool *out_done, weft_diag *diag);

#endif
