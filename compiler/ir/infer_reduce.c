/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of pools, reductions and normalisations. Must not know about layouts other than
 * ONNX's. */
#include <stdio.h>

#include "compiler/ir/infer.h"

weft_status weft_infer_pool(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    int64_t ignored;
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_NUMERIC, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 3, WEFT_MAX_RANK, diag));
    if (node->op == WEFT_OP_AveragePool)
        WEFT_INFER_TRY(weft_infer_attr_int(node, "count_include_pad", 0, 0, 1, &ignored, diag));
    else
        WEFT_INFER_TRY(weft_infer_attr_int(node, "storage_order", 0, 0, 1, &ignored, diag));
    weft_infer_window window = {.spatial = x->shape.rank - 2};
    weft_shape y = {.rank = x->shape.rank, .dims = {x->shape.dims[0], x->shape.dims[1]}};
    WEFT_INFER_TRY(weft_infer_window_read(node, &x->shape.dims[2], &window, diag));
    WEFT_INFER_TRY(weft_infer_window_apply(node, &x->shape.dims[2], &window, &y.dims[2], diag));
    WEFT_INFER_TRY(weft_infer_set(node, 0, x->dtype, &y, diag));
    return weft_infer_set(node, 1, WEFT_DTYPE_I64, &y, diag);
}

weft_status weft_infer_global_pool(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_FLOAT, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 3, WEFT_MAX_RANK, diag));
    weft_shape y = x->shape;
    for (int i = 2; i < y.rank; i++)
        y.dims[i] = 1;
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}

weft_status weft_infer_reduce(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    uint32_t mask = 0;
    bool has_bool = node->op == WEFT_OP_ReduceMax || node->op == WEFT_OP_ReduceMin;
    WEFT_INFER_TRY(
        weft_infer_check_class(node, 0, has_bool ? WEFT_CLASS_ANY : WEFT_CLASS_NUMERIC, diag));
    if (weft_node_input(node, 1))
        WEFT_INFER_TRY(weft_infer_axes(node, 1, x->shape.rank, &mask, diag));
    if (mask == 0 && weft_attrs_int(&node->attrs, "noop_with_empty_axes", 0) == 0)
        mask = (1U << x->shape.rank) - 1;
    bool keeps = weft_attrs_int(&node->attrs, "keepdims", 1) != 0;
    weft_shape y = {.rank = 0};
    for (int i = 0; i < x->shape.rank; i++) {
        bool reduced = mask & (1U << i);
        if (!reduced || keeps)
            y.dims[y.rank++] = reduced ? 1 : x->shape.dims[i];
    }
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}

weft_status weft_infer_softmax(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    int axis;
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_FLOAT, diag));
    WEFT_INFER_TRY(weft_infer_axis(node, weft_attrs_int(&node->attrs, "axis", -1), x->shape.rank,
                                   false, &axis, diag));
    return weft_infer_set(node, 0, x->dtype, &x->shape, diag);
}

weft_status weft_infer_cum_sum(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0], *axis = node->inputs[1];
    int64_t elems, ignored;
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_NUMERIC, diag));
    WEFT_INFER_TRY(weft_infer_check_class(node, 1, WEFT_CLASS_INT, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "exclusive", 0, 0, 1, &ignored, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "reverse", 0, 0, 1, &ignored, diag));
    char found[WEFT_SHAPE_TEXT];
    if (!weft_shape_elems(&axis->shape, &elems) || elems != 1)
        return weft_infer_fail(node, axis, WEFT_E_INFER_SHAPE, diag, "one element",
                               weft_shape_format(&axis->shape, found), "the axis must be a scalar");
    double value;
    int checked;
    if (weft_value_const_scalar(axis, &value))
        WEFT_INFER_TRY(weft_infer_axis(node, (int64_t)value, x->shape.rank, false, &checked, diag));
    return weft_infer_set(node, 0, x->dtype, &x->shape, diag);
}

weft_status weft_infer_batch_norm(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_FLOAT, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 2, WEFT_MAX_RANK, diag));
    if (weft_attrs_int(&node->attrs, "training_mode", 0) != 0 || node->output_count > 1)
        return weft_infer_fail(node, NULL, WEFT_E_INFER_OPTION, diag,
                               "training_mode=0 and one output",
                               node->output_count > 1 ? "more than one output" : "training_mode=1",
                               "training mode is not supported");
    weft_shape channels = {.rank = 1, .dims = {x->shape.dims[1]}};
    for (size_t i = 1; i < 5; i++) {
        WEFT_INFER_TRY(weft_infer_check_class(node, i, WEFT_CLASS_FLOAT, diag));
        WEFT_INFER_TRY(weft_infer_check_shape(node, i, &channels, diag));
    }
    return weft_infer_set(node, 0, x->dtype, &x->shape, diag);
}

weft_status weft_infer_layer_norm(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    int axis;
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_FLOAT, diag));
    WEFT_INFER_TRY(weft_infer_axis(node, weft_attrs_int(&node->attrs, "axis", -1), x->shape.rank,
                                   false, &axis, diag));
    weft_shape normalised = {.rank = x->shape.rank - axis}, kept = x->shape;
    for (int i = axis; i < x->shape.rank; i++) {
        normalised.dims[i - axis] = x->shape.dims[i];
        kept.dims[i] = 1;
    }
    for (size_t i = 1; i < 3; i++) {
        const weft_value *factor = weft_node_input(node, i);
        weft_shape joint = normalised;
        char expected[WEFT_SHAPE_TEXT], found[WEFT_SHAPE_TEXT];
        WEFT_INFER_TRY(weft_infer_check_dtype(node, i, x->dtype, diag));
        if (factor && (!weft_infer_broadcast(&joint, &factor->shape) ||
                       !weft_shape_equal(&joint, &normalised)))
            return weft_infer_fail(node, factor, WEFT_E_INFER_SHAPE, diag,
                                   weft_shape_format(&normalised, expected),
                                   weft_shape_format(&factor->shape, found),
                                   "input %zu does not broadcast to the normalised dimensions", i);
    }
    WEFT_INFER_TRY(weft_infer_set(node, 0, x->dtype, &x->shape, diag));
    WEFT_INFER_TRY(weft_infer_set(node, 1, WEFT_DTYPE_F32, &kept, diag));
    return weft_infer_set(node, 2, WEFT_DTYPE_F32, &kept, diag);
}
