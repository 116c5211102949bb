/* SPDX-License-Identifier: Apache-2.0 */
/* sink-views: tokens [batch, tokens, channels] that an exporter sees as rows for a product (Gemm)
 * stay tokens; the view moves behind the product and its activation, until it meets the way back.
 * Must not know what else reads tokens.
 *
 * needs: Linear.
 * keeps: values exactly.
 * breaks: nothing. Ends because each step moves a view behind one more node, or removes one. */
#include "compiler/passes/sink_views.h"

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/trace.h"

/* A product of tokens seen as rows. */
static weft_status move_view(weft_graph *graph, weft_node *linear, bool *done, weft_diag *diag)
{
    weft_node *view = weft_rewrite_producer(linear->inputs[0], WEFT_OP_Reshape);
    weft_value *x = view ? view->inputs[0] : NULL, *y = linear->outputs[0], *out = NULL;
    if (!x || x->shape.rank != 3 || weft_node_input(linear, 3) ||
        x->shape.dims[2] != linear->inputs[1]->shape.dims[1])
        return WEFT_OK;
    weft_node *made = weft_rewrite_add(graph, linear, WEFT_OP_Linear, linear->name, linear->inputs,
                                       linear->input_count, linear);
    weft_node_set_input(graph, made, 0, x);
    weft_rewrite_copy_attrs(graph, made, linear);
    weft_status status = weft_node_infer(graph, made, diag);
    if (status == WEFT_OK)
        status = weft_rewrite_reshape(graph, linear, made->outputs[0], &y->shape, view, &out, diag);
    if (status != WEFT_OK)
        return status;
    *done = true;
    return weft_rewrite_replace(graph, y, out, diag);
}

/* An activation of what such a product makes. */
static weft_status move_view_of_act(weft_graph *graph, weft_node *act, bool *done, weft_diag *diag)
{
    weft_value *y = act->outputs[0], *out = NULL;
    weft_node *view = weft_rewrite_producer(act->inputs[0], WEFT_OP_Reshape);
    weft_node *linear = view ? weft_rewrite_producer(view->inputs[0], WEFT_OP_Linear) : NULL;
    if (!linear || linear->outputs[0]->shape.rank != 3 ||
        weft_rewrite_single_user(graph, act->inputs[0]) != act ||
        weft_rewrite_single_user(graph, linear->outputs[0]) != view)
        return WEFT_OK;
    weft_node *made =
        weft_rewrite_add(graph, act, act->op, act->name, act->inputs, act->input_count, act);
    weft_node_set_input(graph, made, 0, linear->outputs[0]);
    weft_rewrite_copy_attrs(graph, made, act);
    weft_status status = weft_node_infer(graph, made, diag);
    if (status == WEFT_OK)
        status = weft_rewrite_reshape(graph, act, made->outputs[0], &y->shape, view, &out, diag);
    if (status != WEFT_OK)
        return status;
    *done = true;
    return weft_rewrite_replace(graph, y, out, diag);
}

weft_status weft_sink_token_view(weft_graph *graph, weft_node *node, bool *out_done,
                                 weft_diag *diag)
{
    switch ((int)node->op) {
    case WEFT_OP_Linear: return move_view(graph, node, out_done, diag);
    case WEFT_OP_Gelu:
    case WEFT_OP_Relu:
    case WEFT_OP_Sigmoid:
    case WEFT_OP_Clip: return move_view_of_act(graph, node, out_done, diag);
    default: return weft_trace_collapse(graph, node, out_done, diag);
    }
}

weft_status weft_pass_sink_views(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    return weft_rewrite_until_still(graph, weft_sink_token_view, out_changes, diag);
}
