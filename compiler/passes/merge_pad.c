/* SPDX-License-Identifier: Apache-2.0 */
/* merge-pad: a Pad of the two spatial axes in front of weft.Conv2D, weft.QConv2D or weft.Pool2D
 * becomes part of that node's pads, where the result is exactly the same. Must not know
 * channels-first layout: it runs after the transposes are out of the way.
 *
 * needs: types and shapes.
 * keeps: values exactly.
 * breaks: nothing. */
#include <math.h>
#include <string.h>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

/* Pads of H and W, ONNX order (top, left, bottom, right), when nothing else is padded and nothing
 * is cut. */
static bool spatial_pads(const weft_node *pad, int64_t out[4])
{
    const weft_value *axes = weft_node_input(pad, 3);
    int64_t list[2 * WEFT_MAX_RANK], axis[WEFT_MAX_RANK];
    size_t count, rank = (size_t)pad->inputs[0]->shape.rank, axis_count = rank;
    if (rank != 4 || strcmp(weft_attrs_string(&pad->attrs, "mode", "constant"), "constant") != 0 ||
        !weft_value_const_ints(pad->inputs[1], list, 2 * WEFT_MAX_RANK, &count) ||
        (axes && !weft_value_const_ints(axes, axis, WEFT_MAX_RANK, &axis_count)) ||
        axis_count > WEFT_MAX_RANK || count != 2 * axis_count)
        return false;
    memset(out, 0, 4 * sizeof *out);
    for (size_t i = 0; i < axis_count; i++) {
        int64_t at = !axes ? (int64_t)i : axis[i] < 0 ? axis[i] + 4 : axis[i];
        int64_t begin = list[i], end = list[i + axis_count];
        if (begin == 0 && end == 0)
            continue;
        if ((at != 1 && at != 2) || begin < 0 || end < 0)
            return false;
        out[at - 1] = begin;
        out[at + 1] = end;
    }
    return true;
}

/* Padding value; 0 when absent. False when it is not constant. */
static bool pad_value(const weft_node *pad, double *out)
{
    *out = 0.0;
    return !weft_node_input(pad, 2) || weft_value_const_scalar(pad->inputs[2], out);
}

static bool is_non_negative(const weft_value *value)
{
    const weft_node *node = value->producer;
    if (!node)
        return false;
    const char *act = weft_attrs_string(&node->attrs, "act", "none");
    return node->op == WEFT_OP_Relu || node->op == WEFT_OP_Sigmoid || strcmp(act, "relu") == 0 ||
           strcmp(act, "sigmoid") == 0;
}

/* Whether pads may be added to those the pool has. */
static bool pool_takes(weft_graph *graph, weft_node *pool, const weft_node *pad,
                       const int64_t pads[4], double value)
{
    int64_t kernel[2] = {1, 1}, dilations[2], own[4];
    bool is_max = strcmp(weft_attrs_string(&pool->attrs, "mode", "max"), "max") == 0,
         has_pads = false;
    weft_attrs_ints(&pool->attrs, "kernel_shape", kernel, 2, 1);
    weft_attrs_ints(&pool->attrs, "dilations", dilations, 2, 1);
    weft_attrs_ints(&pool->attrs, "pads", own, 4, 0);
    for (int i = 0; i < 4; i++) {
        has_pads = has_pads || own[i] != 0;
        /* every window keeps an element of the input, as ONNX asks of pads */
        if (own[i] + pads[i] >= kernel[i % 2] || dilations[i % 2] != 1)
            return false;
    }
    if (weft_attrs_int(&pool->attrs, "ceil_mode", 0)) /* would drop windows that begin in padding */
        return false;
    if (is_max) /* pads are minus infinity; a zero turned into that was not the maximum of its
                   window */
        return (value == 0.0 && is_non_negative(pad->inputs[0])) || value == -HUGE_VAL;
    if (value != 0.0 || (has_pads && weft_attrs_int(&pool->attrs, "count_include_pad", 0) == 0))
        return false;
    weft_attrs_set_int(&pool->attrs, graph->arena, "count_include_pad", 1);
    return true;
}

static weft_status visit(weft_graph *graph, weft_node *node, size_t *changes, weft_diag *diag)
{
    weft_node *pad = weft_rewrite_producer(node->inputs[0], WEFT_OP_Pad);
    int64_t pads[4], own[4];
    double value;
    if (!pad || !spatial_pads(pad, pads) || !pad_value(pad, &value))
        return WEFT_OK;
    bool is_conv = node->op == WEFT_OP_Conv2D || node->op == WEFT_OP_QConv2D;
    /* what padding of a convolution stands for; x_zero is absent in f32 */
    double nothing = (double)weft_attrs_int(&node->attrs, "x_zero", 0);
    if (is_conv && (value != nothing || weft_attrs_int(&node->attrs, "x_nchw", 0) ||
                    weft_attrs_int(&node->attrs, "pool", 0)))
        return WEFT_OK;
    if (!is_conv && !pool_takes(graph, node, pad, pads, value))
        return WEFT_OK;
    weft_attrs_ints(&node->attrs, "pads", own, 4, 0);
    for (int i = 0; i < 4; i++)
        own[i] += pads[i];
    weft_attrs_set_ints(&node->attrs, graph->arena, "pads", own, 4);
    weft_node_set_input(graph, node, 0, pad->inputs[0]);
    weft_rewrite_add_sources(graph, node, pad);
    ++*changes;
    return weft_node_infer(graph, node, diag);
}

weft_status weft_pass_merge_pad(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    for (weft_node *node = graph->first; node; node = node->next) {
        bool merged;
        do { /* a Pad may stand before another */
            size_t before = *out_changes;
            weft_status status = WEFT_OK;
            if (node->op == WEFT_OP_Conv2D || node->op == WEFT_OP_QConv2D ||
                node->op == WEFT_OP_Pool2D)
                status = visit(graph, node, out_changes, diag);
            if (status != WEFT_OK)
                return status;
            merged = *out_changes > before;
        } while (merged);
    }
    weft_rewrite_remove_dead(graph);
    return WEFT_OK;
}
