/* SPDX-License-Identifier: Apache-2.0 */
/* layout: convolution and pooling over one or two spatial dimensions become weft.Conv2D and
 * weft.Pool2D between explicit transposes, weights are re-laid to [OC, KH, KW, IC/group], auto_pad
 * becomes explicit pads, global pooling becomes a reduction. Must not try to remove a transpose:
 * sink-transposes does.
 *
 * needs: types and shapes; weights constant; batch normalisation folded.
 * keeps: values exactly, up to the order of sums.
 * breaks: Conv, MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool are gone. What has no
 * lowering is an error; all such nodes are reported. */
#include "compiler/passes/channels_last.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

static weft_status fail(const weft_node *node, const char *why, const char *try, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_PASS_NO_LOWERING, "%s node '%s' cannot be lowered",
                        weft_op_name(node->op), node->name);
    weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", node->name);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", why);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "%s", try);
    return status;
}

/* Puts made's channels-last result in the place of node's result. */
static weft_status finish(weft_graph *graph, weft_node *node, weft_node *made, weft_diag *diag)
{
    weft_value *y = NULL;
    weft_status status = weft_node_infer(graph, made, diag);
    if (status == WEFT_OK)
        status = weft_from_channels_last(graph, node, node->name, made->outputs[0],
                                         &node->outputs[0]->shape, &y, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, node->outputs[0], y, diag) : status;
}

static const char *const try_2d =
    "weft has convolution and pooling over one and two spatial dimensions";

static weft_status lower_conv(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    weft_value *w = node->inputs[1], *bias = weft_node_input(node, 2), *x = NULL;
    int rank = node->inputs[0]->shape.rank;
    if (rank != 3 && rank != 4)
        return fail(node, "it has more than two spatial dimensions", try_2d, diag);
    if (!weft_rewrite_f32(w) || (bias && !weft_rewrite_f32(bias)))
        return fail(node, "its weights or bias are computed at run time",
                    "export the model with constant weights", diag);
    weft_window2d window;
    weft_status status = weft_window2d_read(node, &w->shape, &window, diag);
    if (status == WEFT_OK)
        status = weft_to_channels_last(graph, node, node->name, node->inputs[0], &x, diag);
    if (status != WEFT_OK)
        return status;
    weft_shape w_shape = weft_shape_as_2d(&w->shape);
    if (rank == 3)
        w = weft_rewrite_view_constant(graph, w, &w_shape);
    weft_value *inputs[3] = {x, weft_rewrite_permute_constant(graph, w, weft_to_nhwc), bias};
    weft_node *made =
        weft_rewrite_add(graph, node, WEFT_OP_Conv2D, node->name, inputs, bias ? 3 : 2, node);
    weft_window2d_set(graph, made, &window);
    weft_attrs_set_int(&made->attrs, graph->arena, "group",
                       weft_attrs_int(&node->attrs, "group", 1));
    return finish(graph, node, made, diag);
}

static weft_status lower_pool(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    weft_value *x = NULL;
    bool is_max = node->op == WEFT_OP_MaxPool;
    int rank = node->inputs[0]->shape.rank;
    if (rank != 3 && rank != 4)
        return fail(node, "it has more than two spatial dimensions", try_2d, diag);
    if (node->output_count > 1 && node->outputs[1] && node->outputs[1]->use_count)
        return fail(node, "the indices of the maxima are used",
                    "export the model without return_indices", diag);
    weft_window2d window;
    weft_status status = weft_window2d_read(node, NULL, &window, diag);
    if (status == WEFT_OK)
        status = weft_to_channels_last(graph, node, node->name, node->inputs[0], &x, diag);
    if (status != WEFT_OK)
        return status;
    weft_node *made = weft_rewrite_add(graph, node, WEFT_OP_Pool2D, node->name, &x, 1, node);
    weft_attrs_set_string(&made->attrs, graph->arena, "mode", is_max ? "max" : "average");
    weft_attrs_set_ints(&made->attrs, graph->arena, "kernel_shape", window.kernel, 2);
    weft_window2d_set(graph, made, &window);
    weft_attrs_set_int(&made->attrs, graph->arena, "ceil_mode", window.ceil_mode);
    if (!is_max)
        weft_attrs_set_int(&made->attrs, graph->arena, "count_include_pad",
                           weft_attrs_int(&node->attrs, "count_include_pad", 0));
    return finish(graph, node, made, diag);
}

static weft_status lower_global(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    weft_value *x = node->inputs[0];
    int64_t axes[WEFT_MAX_RANK];
    size_t count = 0;
    for (int axis = 2; axis < x->shape.rank; axis++)
        axes[count++] = axis;
    if (count == 0)
        return fail(node, "its input has no spatial dimension", "remove the node", diag);
    weft_value *inputs[2] = {x, weft_graph_add_constant_ints(graph, NULL, axes, count)};
    weft_op op = node->op == WEFT_OP_GlobalMaxPool ? WEFT_OP_ReduceMax : WEFT_OP_ReduceMean;
    weft_node *made = weft_rewrite_add(graph, node, op, node->name, inputs, 2, node);
    weft_status status = weft_node_infer(graph, made, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, node->outputs[0], made->outputs[0], diag)
                             : status;
}

static weft_status visit(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag)
{
    typedef weft_status (*lowering)(weft_graph *, weft_node *, weft_diag *);
    lowering lower = NULL;
    switch ((int)node->op) {
    case WEFT_OP_Conv: lower = lower_conv; break;
    case WEFT_OP_MaxPool:
    case WEFT_OP_AveragePool: lower = lower_pool; break;
    case WEFT_OP_GlobalAveragePool:
    case WEFT_OP_GlobalMaxPool: lower = lower_global; break;
    case WEFT_OP_BatchNormalization:
        return fail(node, "its statistics are computed at run time or in training mode",
                    "export the model in evaluation mode", diag);
    default: return WEFT_OK;
    }
    if (node->outputs[0]->dtype != WEFT_DTYPE_F32)
        return fail(node, "it does not compute in f32", "export the model in f32", diag);
    *out_done = true;
    return lower(graph, node, diag);
}

weft_status weft_pass_layout(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    weft_status first = WEFT_OK;
    *out_changes = 0;
    for (weft_node *node = graph->first, *next; node; node = next) {
        next = node->next;
        bool done = false;
        weft_status status = visit(graph, node, &done, diag);
        if (first == WEFT_OK)
            first = status;
        *out_changes += done;
    }
    return first;
}
