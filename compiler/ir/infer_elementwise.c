/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of operators that work element by element. Must not know about any other kind. */
#include <stdio.h>

#include "compiler/ir/infer.h"

static weft_status set_like_first(weft_node *node, weft_diag *diag)
{
    const weft_value *x = node->inputs[0];
    return weft_infer_set(node, 0, x->dtype, &x->shape, diag);
}

weft_status weft_infer_same(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    return set_like_first(node, diag);
}

weft_status weft_infer_numeric(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_NUMERIC, diag));
    return set_like_first(node, diag);
}

weft_status weft_infer_floating(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_FLOAT, diag));
    if (node->op == WEFT_OP_Gelu) {
        int approximate;
        WEFT_INFER_TRY(weft_infer_attr_word(node, "approximate", "none|tanh", &approximate, diag));
    }
    return set_like_first(node, diag);
}

/* The shape that all inputs broadcast to. */
static weft_status broadcast_inputs(const weft_node *node, weft_shape *out_shape, weft_diag *diag)
{
    *out_shape = node->inputs[0]->shape;
    for (size_t i = 1; i < node->input_count; i++) {
        char so_far[WEFT_SHAPE_TEXT], found[WEFT_SHAPE_TEXT];
        const weft_value *input = weft_node_input(node, i);
        if (!input || weft_infer_broadcast(out_shape, &input->shape))
            continue;
        return weft_infer_fail(node, input, WEFT_E_INFER_SHAPE, diag,
                               weft_shape_format(out_shape, so_far),
                               weft_shape_format(&input->shape, found),
                               "the shape of input %zu does not broadcast to the others", i);
    }
    return WEFT_OK;
}

/* All inputs of one element type from the class; the result of out_dtype, or of theirs for NONE. */
static weft_status broadcast_same(weft_node *node, weft_infer_class allowed, weft_dtype out_dtype,
                                  weft_diag *diag)
{
    weft_shape shape;
    weft_dtype dtype = node->inputs[0]->dtype;
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, allowed, diag));
    for (size_t i = 1; i < node->input_count; i++)
        WEFT_INFER_TRY(weft_infer_check_dtype(node, i, dtype, diag));
    WEFT_INFER_TRY(broadcast_inputs(node, &shape, diag));
    return weft_infer_set(node, 0, out_dtype != WEFT_DTYPE_NONE ? out_dtype : dtype, &shape, diag);
}

weft_status weft_infer_arithmetic(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    if (node->op == WEFT_OP_Mod) {
        int64_t fmod_on;
        WEFT_INFER_TRY(weft_infer_attr_int(node, "fmod", 0, 0, 1, &fmod_on, diag));
        if (!fmod_on && weft_infer_check_class(node, 0, WEFT_CLASS_INT, NULL) != WEFT_OK)
            return weft_infer_fail(node, node->inputs[0], WEFT_E_INFER_ATTR, diag,
                                   "fmod=1 for floating point", "fmod=0",
                                   "the integer form needs integers");
    }
    return broadcast_same(node, WEFT_CLASS_NUMERIC, WEFT_DTYPE_NONE, diag);
}

weft_status weft_infer_compare(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    return broadcast_same(node, node->op == WEFT_OP_Equal ? WEFT_CLASS_ANY : WEFT_CLASS_NUMERIC,
                          WEFT_DTYPE_BOOL, diag);
}

weft_status weft_infer_is_nan(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_FLOAT, diag));
    return weft_infer_set(node, 0, WEFT_DTYPE_BOOL, &node->inputs[0]->shape, diag);
}

weft_status weft_infer_logic(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    return broadcast_same(node, WEFT_CLASS_BOOL, WEFT_DTYPE_BOOL, diag);
}

weft_status weft_infer_pow(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    weft_shape shape;
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_NUMERIC, diag));
    WEFT_INFER_TRY(weft_infer_check_class(node, 1, WEFT_CLASS_NUMERIC, diag));
    WEFT_INFER_TRY(broadcast_inputs(node, &shape, diag));
    return weft_infer_set(node, 0, node->inputs[0]->dtype, &shape, diag);
}

weft_status weft_infer_prelu(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0], *slope = node->inputs[1];
    weft_shape shape = x->shape;
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_NUMERIC, diag));
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 1, x->dtype, diag));
    if (!weft_infer_broadcast(&shape, &slope->shape) || !weft_shape_equal(&shape, &x->shape)) {
        char expected[WEFT_SHAPE_TEXT], found[WEFT_SHAPE_TEXT];
        return weft_infer_fail(
            node, slope, WEFT_E_INFER_SHAPE, diag, weft_shape_format(&x->shape, expected),
            weft_shape_format(&slope->shape, found), "the slope does not broadcast to the input");
    }
    return set_like_first(node, diag);
}

weft_status weft_infer_where(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    weft_shape shape;
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_BOOL, diag));
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 2, node->inputs[1]->dtype, diag));
    WEFT_INFER_TRY(broadcast_inputs(node, &shape, diag));
    return weft_infer_set(node, 0, node->inputs[1]->dtype, &shape, diag);
}

weft_status weft_infer_clip(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_NUMERIC, diag));
    for (size_t i = 1; i < 3; i++) {
        const weft_value *limit = weft_node_input(node, i);
        WEFT_INFER_TRY(weft_infer_check_dtype(node, i, node->inputs[0]->dtype, diag));
        int64_t elems;
        char found[WEFT_SHAPE_TEXT];
        if (limit && (!weft_shape_elems(&limit->shape, &elems) || elems != 1))
            return weft_infer_fail(node, limit, WEFT_E_INFER_SHAPE, diag, "one element",
                                   weft_shape_format(&limit->shape, found),
                                   "a limit must be a scalar");
    }
    return set_like_first(node, diag);
}

weft_status weft_infer_cast(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    int64_t to;
    if (!weft_attrs_find(&node->attrs, "to"))
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, "attribute to", "none",
                               "a required attribute is missing");
    WEFT_INFER_TRY(weft_infer_attr_int(node, "to", 0, 0, INT32_MAX, &to, diag));
    weft_dtype dtype = weft_dtype_from_onnx((int32_t)to);
    if (dtype == WEFT_DTYPE_NONE) {
        char found[WEFT_SHAPE_TEXT];
        snprintf(found, sizeof found, "ONNX data type %d", (int)to);
        return weft_infer_fail(node, NULL, WEFT_E_INFER_OPTION, diag,
                               "an integer, floating-point or bool type", found,
                               "the target element type is not supported");
    }
    return weft_infer_set(node, 0, dtype, &node->inputs[0]->shape, diag);
}
