/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of ONNX QuantizeLinear and DequantizeLinear. Must not know about passes. */
#include "compiler/ir/infer.h"

/* One scale for all, or one per index of the axis; the zero point likewise. */
static weft_status check_parameters(const weft_node *node, weft_diag *diag)
{
    const weft_value *x = node->inputs[0], *scale = node->inputs[1];
    int64_t block_size;
    WEFT_INFER_TRY(
        weft_infer_attr_int(node, "block_size", 0, INT64_MIN, INT64_MAX, &block_size, diag));
    if (block_size != 0)
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, "block_size=0",
                               "another block size", "scales per block are not supported");
    WEFT_INFER_TRY(weft_infer_check_rank(node, 1, 0, 1, diag));
    if (weft_node_input(node, 2))
        WEFT_INFER_TRY(weft_infer_check_shape(node, 2, &scale->shape, diag));
    if (scale->shape.rank == 0 || scale->shape.dims[0] == 1)
        return WEFT_OK;
    int axis;
    WEFT_INFER_TRY(weft_infer_axis(node, weft_attrs_int(&node->attrs, "axis", 1), x->shape.rank,
                                   false, &axis, diag));
    weft_shape expected = {.rank = 1, .dims = {x->shape.dims[axis]}};
    return weft_infer_check_shape(node, 1, &expected, diag);
}

/* The integer type that QuantizeLinear writes; NONE when it is not one of those supported. */
static weft_dtype quantized_dtype(const weft_node *node)
{
    const weft_value *zero = weft_node_input(node, 2);
    int64_t wanted = weft_attrs_int(&node->attrs, "output_dtype", 0);
    weft_dtype dtype = zero         ? zero->dtype
                       : wanted > 0 ? weft_dtype_from_onnx((int32_t)wanted)
                                    : WEFT_DTYPE_U8;
    return dtype == WEFT_DTYPE_U8 || dtype == WEFT_DTYPE_I8 ? dtype : WEFT_DTYPE_NONE;
}

weft_status weft_infer_quantize_linear(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 0, WEFT_DTYPE_F32, diag));
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 1, WEFT_DTYPE_F32, diag));
    WEFT_INFER_TRY(check_parameters(node, diag));
    weft_dtype dtype = quantized_dtype(node);
    if (dtype == WEFT_DTYPE_NONE)
        return weft_infer_fail(node, weft_node_input(node, 2), WEFT_E_INFER_DTYPE, diag,
                               "u8 or i8", "another type", "quantised values have 8 bits");
    return weft_infer_set(node, 0, dtype, &node->inputs[0]->shape, diag);
}

weft_status weft_infer_dequantize_linear(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 1, WEFT_DTYPE_F32, diag));
    WEFT_INFER_TRY(check_parameters(node, diag));
    if (x->dtype != WEFT_DTYPE_U8 && x->dtype != WEFT_DTYPE_I8 && x->dtype != WEFT_DTYPE_I32)
        return weft_infer_fail(node, x, WEFT_E_INFER_DTYPE, diag, "u8, i8 or i32",
                               weft_dtype_name(x->dtype),
                               "quantised values have 8 bits, biases 32");
    if (weft_node_input(node, 2))
        WEFT_INFER_TRY(weft_infer_check_dtype(node, 2, x->dtype, diag));
    return weft_infer_set(node, 0, WEFT_DTYPE_F32, &x->shape, diag);
}
