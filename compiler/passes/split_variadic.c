/* SPDX-License-Identifier: Apache-2.0 */
/* split-variadic: Sum, Max and Min of n inputs become n - 1 nodes of two (Add, Max, Min), one input
 * is bypassed (Identity between a graph input and output). Must not know anything else.
 *
 * needs: types and shapes.
 * keeps: the order of the sum, left to right.
 * breaks: nothing. */
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

static weft_status split(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    weft_op op = node->op == WEFT_OP_Sum ? WEFT_OP_Add : node->op;
    weft_value *value = node->inputs[0];
    if (node->input_count == 1) {
        if (weft_rewrite_can_replace(graph, node->outputs[0], value))
            return weft_rewrite_bypass(graph, node->outputs[0], value, diag);
        op = WEFT_OP_Identity;
    }
    size_t step = 1;
    do {
        weft_value *pair[2] = {value, weft_node_input(node, step)};
        weft_node *made = weft_rewrite_add(graph, node, op, node->name, pair,
                                           op == WEFT_OP_Identity ? 1 : 2, node);
        weft_status status = weft_node_infer(graph, made, diag);
        if (status != WEFT_OK)
            return status;
        value = made->outputs[0];
    } while (++step < node->input_count);
    return weft_rewrite_replace(graph, node->outputs[0], value, diag);
}

weft_status weft_pass_split_variadic(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    for (weft_node *node = graph->first, *next; node; node = next) {
        next = node->next;
        bool is_sum = node->op == WEFT_OP_Sum;
        if (!is_sum &&
            ((node->op != WEFT_OP_Max && node->op != WEFT_OP_Min) || node->input_count == 2))
            continue;
        weft_status status = split(graph, node, diag);
        if (status != WEFT_OK)
            return status;
        ++*out_changes;
    }
    return WEFT_OK;
}
