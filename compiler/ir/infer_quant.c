/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of ONNX QuantizeLinear and DequantizeLinear, and the one place where their scales and
 * zero points are checked, whether a model or a text brought them. Must not know about passes. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "compiler/ir/infer.h"

enum { ONNX_FLOAT = 1, FOUND_BYTES = 96 };

static int64_t count_of(const weft_value *value)
{
    int64_t elems = 0;
    return weft_shape_elems(&value->shape, &elems) ? elems : 0;
}

/* A constant, or computed from constants only: a pass evaluates it then. */
static bool is_fixed(const weft_value *value)
{
    if (weft_value_is_constant(value))
        return true;
    const weft_node *node = value->producer;
    for (size_t i = 0; node && i < node->input_count; i++)
        if (node->inputs[i] && !weft_value_is_constant(node->inputs[i]))
            return false;
    return node != NULL && node->input_count > 0;
}

/* 1 / scale must be finite, so numbers below the normal ones are none that can divide. */
static weft_status check_scale(const weft_node *node, weft_diag *diag)
{
    const weft_value *scale = node->inputs[1];
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 1, WEFT_DTYPE_F32, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 1, 0, 1, diag));
    if (!is_fixed(scale))
        return weft_infer_fail(node, scale, WEFT_E_QUANT_NOT_CONSTANT, diag, "a constant",
                               "a value that is computed from the model's input",
                               "the scale is not constant");
    const float *data = scale->data;
    for (int64_t i = 0; data && i < count_of(scale); i++) {
        if (isnormal(data[i]) && data[i] > 0)
            continue;
        char found[FOUND_BYTES];
        const char *kind = isnan(data[i])                        ? "not a number"
                           : isinf(data[i])                      ? "infinite"
                           : data[i] == 0                        ? "zero"
                           : fpclassify(data[i]) == FP_SUBNORMAL ? "denormal, 1/scale overflows"
                                                                 : "negative";
        snprintf(found, sizeof found, "%g at index %" PRId64 " (%s)", (double)data[i], i, kind);
        return weft_infer_fail(node, scale, WEFT_E_QUANT_SCALE, diag,
                               "positive numbers of 2^-126 and more", found,
                               "a scale cannot be used");
    }
    return WEFT_OK;
}

static weft_status check_zero_point(const weft_node *node, weft_diag *diag)
{
    const weft_value *scale = node->inputs[1], *zero = weft_node_input(node, 2);
    if (!zero)
        return WEFT_OK;
    WEFT_INFER_TRY(weft_infer_check_rank(node, 2, 0, 1, diag));
    if (count_of(zero) != count_of(scale)) { /* one element: scalar or list alike */
        char expected[FOUND_BYTES], found[FOUND_BYTES];
        snprintf(expected, sizeof expected, "%" PRId64 ", as many as scales", count_of(scale));
        snprintf(found, sizeof found, "%" PRId64, count_of(zero));
        return weft_infer_fail(node, zero, WEFT_E_QUANT_COUNT, diag, expected, found,
                               "the numbers of scales and zero points differ");
    }
    if (!is_fixed(zero))
        return weft_infer_fail(node, zero, WEFT_E_QUANT_NOT_CONSTANT, diag, "a constant",
                               "a value that is computed from the model's input",
                               "the zero point is not constant");
    const int32_t *wide = zero->dtype == WEFT_DTYPE_I32 ? zero->data : NULL;
    for (int64_t i = 0; wide && i < count_of(zero); i++) {
        if (wide[i] == 0)
            continue;
        char found[FOUND_BYTES];
        snprintf(found, sizeof found, "%" PRId32 " at index %" PRId64, wide[i], i);
        return weft_infer_fail(node, zero, WEFT_E_QUANT_ZERO_POINT, diag, "0", found,
                               "32-bit values have no zero point");
    }
    return WEFT_OK;
}

/* Forms of newer opsets. */
static weft_status check_form(const weft_node *node, weft_diag *diag)
{
    static const struct {
        const char *name;
        int64_t other; /* allowed besides absence and 0; saturate concerns 8-bit floats only */
        const char *why;
    } rows[] = {{"block_size", 0, "scales per block are not supported"},
                {"precision", ONNX_FLOAT, "scaling is done in f32"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = weft_attrs_int(&node->attrs, rows[i].name, 0);
        if (value == 0 || value == rows[i].other)
            continue;
        char found[FOUND_BYTES];
        snprintf(found, sizeof found, "%s=%" PRId64, rows[i].name, value);
        return weft_infer_fail(node, NULL, WEFT_E_QUANT_FORM, diag, "attribute absent or 0", found,
                               "%s", rows[i].why);
    }
    return WEFT_OK;
}

weft_status weft_infer_quantisation(const weft_node *node, weft_diag *diag)
{
    WEFT_INFER_TRY(check_form(node, diag));
    WEFT_INFER_TRY(check_scale(node, diag));
    return check_zero_point(node, diag);
}

/* One scale for all, or one per index of the axis. */
static weft_status check_axis(const weft_node *node, weft_diag *diag)
{
    const weft_value *x = node->inputs[0], *scale = node->inputs[1];
    int64_t axis = weft_attrs_int(&node->attrs, "axis", 1), count = count_of(scale);
    if (count == 1)
        return WEFT_OK;
    char expected[FOUND_BYTES], found[FOUND_BYTES];
    if (axis < -x->shape.rank || axis >= x->shape.rank) {
        snprintf(expected, sizeof expected, "%d to %d", -x->shape.rank, x->shape.rank - 1);
        snprintf(found, sizeof found, "axis=%" PRId64, axis);
        return weft_infer_fail(node, x, WEFT_E_QUANT_AXIS, diag, expected, found,
                               "the axis of the scales is out of range");
    }
    int64_t size = x->shape.dims[axis < 0 ? axis + x->shape.rank : axis];
    if (count == size)
        return WEFT_OK;
    snprintf(expected, sizeof expected, "1, or %" PRId64 " as axis %" PRId64 " has", size, axis);
    snprintf(found, sizeof found, "%" PRId64, count);
    return weft_infer_fail(node, scale, WEFT_E_QUANT_COUNT, diag, expected, found,
                           "the number of scales does not fit the axis");
}

static weft_status fail_type(const weft_node *node, const weft_value *value, weft_dtype dtype,
                             const char *expected, weft_diag *diag)
{
    return weft_infer_fail(node, value, WEFT_E_QUANT_FORM, diag, expected,
                           dtype == WEFT_DTYPE_NONE ? "another type" : weft_dtype_name(dtype),
                           "quantised values have 8 bits, biases 32");
}

weft_status weft_infer_quantize_linear(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *zero = weft_node_input(node, 2);
    int64_t wanted = weft_attrs_int(&node->attrs, "output_dtype", 0);
    weft_dtype named =
        wanted > 0 && wanted <= INT32_MAX ? weft_dtype_from_onnx((int32_t)wanted) : WEFT_DTYPE_NONE;
    weft_dtype dtype = zero ? zero->dtype : wanted != 0 ? named : WEFT_DTYPE_U8;
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 0, WEFT_DTYPE_F32, diag));
    WEFT_INFER_TRY(weft_infer_quantisation(node, diag));
    if (dtype != WEFT_DTYPE_U8 && dtype != WEFT_DTYPE_I8)
        return fail_type(node, zero, dtype, "u8 or i8", diag);
    if (zero && wanted != 0 && named != dtype)
        return weft_infer_fail(node, zero, WEFT_E_QUANT_ZERO_POINT, diag,
                               named == WEFT_DTYPE_NONE ? "output_dtype" : weft_dtype_name(named),
                               weft_dtype_name(dtype),
                               "the zero point has another type than the result");
    WEFT_INFER_TRY(check_axis(node, diag));
    return weft_infer_set(node, 0, dtype, &node->inputs[0]->shape, diag);
}

weft_status weft_infer_dequantize_linear(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0], *zero = weft_node_input(node, 2);
    int64_t wanted = weft_attrs_int(&node->attrs, "output_dtype", 0);
    WEFT_INFER_TRY(weft_infer_quantisation(node, diag));
    if (x->dtype != WEFT_DTYPE_U8 && x->dtype != WEFT_DTYPE_I8 && x->dtype != WEFT_DTYPE_I32)
        return fail_type(node, x, x->dtype, "u8, i8 or i32", diag);
    if (wanted != 0 && wanted != ONNX_FLOAT)
        return weft_infer_fail(node, NULL, WEFT_E_QUANT_FORM, diag, "f32", "another output_dtype",
                               "values are dequantised to f32");
    if (zero && zero->dtype != x->dtype)
        return weft_infer_fail(node, zero, WEFT_E_QUANT_ZERO_POINT, diag, weft_dtype_name(x->dtype),
                               weft_dtype_name(zero->dtype),
                               "the zero point has another type than the quantised value");
    WEFT_INFER_TRY(check_axis(node, diag));
    return weft_infer_set(node, 0, WEFT_DTYPE_F32, &x->shape, diag);
}
