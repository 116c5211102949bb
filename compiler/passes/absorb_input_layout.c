/* SPDX-License-Identifier: Apache-2.0 */
/* absorb-input-layout: a transpose from channels-first that only first-layer convolutions read
 * goes; they read the image as it is (x_nchw = 1). Must not know other operators.
 *
 * needs: transposes sunk.
 * keeps: values exactly.
 * breaks: an input of weft.Conv2D with x_nchw = 1 is channels-first. */
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

/* With this few channels a kernel loads them one plane after the other at no loss; with more,
 * channels-last rows are the vectors that it lives on. Images have one to four. */
#define MAX_PLANES 4

static bool can_read_planes(const weft_node *node, const weft_value *value)
{
    for (size_t i = 1; i < node->input_count; i++)
        if (node->inputs[i] == value)
            return false;
    return (node->op == WEFT_OP_Conv2D || node->op == WEFT_OP_QConv2D) &&
           node->inputs[0] == value && !weft_attrs_int(&node->attrs, "x_nchw", 0) &&
           !weft_attrs_int(&node->attrs, "pool", 0) &&
           weft_attrs_int(&node->attrs, "group", 1) == 1;
}

static weft_status visit(weft_graph *graph, weft_node *transpose, size_t *changes, weft_diag *diag)
{
    static const int64_t to_nhwc[4] = {0, 2, 3, 1};
    weft_value *x = transpose->inputs[0], *y = transpose->outputs[0];
    int64_t perm[WEFT_MAX_RANK];
    size_t readers = 0;
    weft_rewrite_perm(transpose, perm);
    if (x->shape.rank != 4 || x->shape.dims[1] > MAX_PLANES || weft_value_is_output(graph, y))
        return WEFT_OK;
    for (int i = 0; i < 4; i++)
        if (perm[i] != to_nhwc[i])
            return WEFT_OK;
    for (weft_node *node = transpose->next; node; node = node->next)
        readers += can_read_planes(node, y);
    if (readers == 0 || readers != y->use_count)
        return WEFT_OK;
    for (weft_node *node = transpose->next; node; node = node->next) {
        if (!can_read_planes(node, y))
            continue;
        weft_node_set_input(graph, node, 0, x);
        weft_attrs_set_int(&node->attrs, graph->arena, "x_nchw", 1);
        weft_rewrite_add_sources(graph, node, transpose);
        weft_status status = weft_node_infer(graph, node, diag);
        if (status != WEFT_OK)
            return status;
    }
    weft_graph_remove_node(graph, transpose);
    ++*changes;
    return WEFT_OK;
}

weft_status weft_pass_absorb_input_layout(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    for (weft_node *node = graph->first, *next; node; node = next) {
        next = node->next;
        weft_status status = WEFT_OK;
        if (node->op == WEFT_OP_Transpose)
            status = visit(graph, node, out_changes, diag);
        if (status != WEFT_OK)
            return status;
    }
    return WEFT_OK;
}
