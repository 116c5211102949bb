/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-quantized, views: a table or sum behind a Reshape of a convolution's result goes in front of
 * it, so that the convolution can take it. Must not know what the convolution takes. */
#include "compiler/passes/fuse_quantized.h"
#include "compiler/passes/rewrite.h"

/* The convolution whose result operand i of the node is under another shape; nobody else reads
 * either. */
static weft_node *conv_behind(const weft_graph *graph, const weft_node *node, size_t i)
{
    const weft_node *view = weft_rewrite_producer(node->inputs[i], WEFT_OP_Reshape);
    weft_node *conv = view ? weft_rewrite_producer(view->inputs[0], WEFT_OP_QConv2D) : NULL;
    return conv && conv->outputs[0] == view->inputs[0] && weft_fuse_q_takes_sum(conv) &&
                   weft_rewrite_single_user(graph, node->inputs[i]) == node &&
                   weft_rewrite_single_user(graph, view->inputs[0]) == view
               ? conv
               : NULL;
}

weft_status weft_fuse_q_past_view(weft_graph *graph, weft_node *node, bool *out_done,
                                  weft_diag *diag)
{
    bool is_sum = node->op == WEFT_OP_QAdd;
    weft_value *y = node->outputs[0], *view = NULL;
    if (!is_sum && node->op != WEFT_OP_QTable)
        return WEFT_OK;
    for (size_t i = 0; i < (is_sum ? 2 : 1); i++) {
        const weft_node *conv = conv_behind(graph, node, i);
        if (!conv || (is_sum && !weft_shape_equal(&node->inputs[1 - i]->shape, &y->shape)) ||
            !weft_shape_equal(&node->inputs[i]->shape, &y->shape))
            continue;
        weft_value *x = conv->outputs[0], *inputs[2] = {node->inputs[0], node->inputs[1]};
        weft_status status = WEFT_OK;
        inputs[i] = x;
        if (is_sum)
            status = weft_rewrite_reshape(graph, node, inputs[1 - i], &x->shape, NULL,
                                          &inputs[1 - i], diag);
        if (status != WEFT_OK)
            return status;
        weft_node *made = weft_rewrite_add(graph, node, node->op, node->name, inputs, 2, node);
        weft_rewrite_copy_attrs(graph, made, node);
        *out_done = true;
        status = weft_node_infer(graph, made, diag);
        if (status == WEFT_OK)
            status =
                weft_rewrite_reshape(graph, node, made->outputs[0], &y->shape, NULL, &view, diag);
        return status == WEFT_OK ? weft_rewrite_replace(graph, y, view, diag) : status;
    }
    return WEFT_OK;
}
