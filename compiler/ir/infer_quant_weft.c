/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of weft's 8-bit operators: types, shapes, and that zero points, limits, multipliers
 * and shifts are in the ranges of kernels/include/weft_int.h, so that every executor can rely on
 * them. Must not know about scales. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "compiler/ir/infer.h"
#include "kernels/include/weft_int.h"

static bool is_8bit(weft_dtype dtype)
{
    return dtype == WEFT_DTYPE_U8 || dtype == WEFT_DTYPE_I8;
}

static weft_status check_8bit(const weft_node *node, size_t input, weft_diag *diag)
{
    const weft_value *value = weft_node_input(node, input);
    if (!value || is_8bit(value->dtype))
        return WEFT_OK;
    return weft_infer_fail(node, value, WEFT_E_INFER_DTYPE, diag, "u8 or i8",
                           weft_dtype_name(value->dtype), "an 8-bit operand is needed");
}

weft_status weft_infer_q_dtype(const weft_node *node, const char *attr, weft_dtype *out_dtype,
                               weft_diag *diag)
{
    int index;
    WEFT_INFER_TRY(weft_infer_attr_word(node, attr, "i8|u8", &index, diag));
    *out_dtype = index == 0 ? WEFT_DTYPE_I8 : WEFT_DTYPE_U8;
    return WEFT_OK;
}

static int64_t lowest(weft_dtype dtype)
{
    return dtype == WEFT_DTYPE_U8 ? 0 : -128;
}

static weft_status check_zero(const weft_node *node, const char *attr, weft_dtype dtype,
                              weft_diag *diag)
{
    int64_t zero, low = lowest(dtype);
    return weft_infer_attr_int(node, attr, 0, low, low + 255, &zero, diag);
}

weft_status weft_infer_q_operand(const weft_node *node, size_t input, const char *zero,
                                 weft_diag *diag)
{
    const weft_value *value = weft_node_input(node, input);
    WEFT_INFER_TRY(check_8bit(node, input, diag));
    return value && zero ? check_zero(node, zero, value->dtype, diag) : WEFT_OK;
}

weft_status weft_infer_q_stage(const weft_node *node, const char *zero, const char *min,
                               const char *max, weft_dtype dtype, weft_diag *diag)
{
    int64_t low, high, least = lowest(dtype), most = least + 255;
    WEFT_INFER_TRY(check_zero(node, zero, dtype, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, min, least, least, most, &low, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, max, most, least, most, &high, diag));
    if (low <= high)
        return WEFT_OK;
    char expected[64], found[64];
    snprintf(expected, sizeof expected, "%s <= %s", min, max);
    snprintf(found, sizeof found, "%" PRId64 " and %" PRId64, low, high);
    return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, expected, found,
                           "the limits of an 8-bit result are in the wrong order");
}

weft_status weft_infer_q_ratio(const weft_node *node, const char *mult, const char *shift,
                               weft_diag *diag)
{
    int64_t number;
    WEFT_INFER_TRY(weft_infer_attr_int(node, mult, 0, 0, WEFT_MULT_MAX, &number, diag));
    return weft_infer_attr_int(node, shift, WEFT_SHIFT_MIN, WEFT_SHIFT_MIN, WEFT_SHIFT_MAX, &number,
                               diag);
}

static weft_status check_add(const weft_node *node, const char *a, const char *b, const char *shift,
                             weft_diag *diag)
{
    int64_t number;
    WEFT_INFER_TRY(weft_infer_attr_int(node, a, 0, 0, WEFT_ADD_MULT_MAX, &number, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, b, 0, 0, WEFT_ADD_MULT_MAX, &number, diag));
    return weft_infer_attr_int(node, shift, 1, 1, WEFT_ADD_SHIFT_MAX, &number, diag);
}

weft_status weft_infer_q_table_operand(const weft_node *node, size_t input, weft_diag *diag)
{
    weft_shape shape = {.rank = 1, .dims = {WEFT_INFER_TABLE_ENTRIES}};
    WEFT_INFER_TRY(check_8bit(node, input, diag));
    return weft_infer_check_shape(node, input, &shape, diag);
}

/* What follows from the 8-bit convolution result: table, residual, mean. Gives y's type. */
static weft_status check_conv_stages(const weft_node *node, weft_dtype *out_dtype, weft_diag *diag)
{
    weft_dtype c, y;
    const weft_value *table = weft_node_input(node, 5), *residual = weft_node_input(node, 6);
    WEFT_INFER_TRY(weft_infer_q_dtype(node, "c_type", &c, diag));
    WEFT_INFER_TRY(weft_infer_q_dtype(node, "to", &y, diag));
    WEFT_INFER_TRY(weft_infer_q_stage(node, "c_zero", "c_min", "c_max", c, diag));
    WEFT_INFER_TRY(weft_infer_q_table_operand(node, 5, diag));
    c = table ? table->dtype : c;
    WEFT_INFER_TRY(check_zero(node, "a_zero", c, diag));
    WEFT_INFER_TRY(weft_infer_q_ratio(node, "mean_mult", "mean_shift", diag));
    WEFT_INFER_TRY(check_zero(node, "mean_zero", y, diag));
    if (residual) {
        WEFT_INFER_TRY(check_8bit(node, 6, diag));
        WEFT_INFER_TRY(check_zero(node, "b_zero", residual->dtype, diag));
        WEFT_INFER_TRY(check_add(node, "a_mult", "b_mult", "add_shift", diag));
        WEFT_INFER_TRY(weft_infer_q_stage(node, "y_zero", "y_min", "y_max", y, diag));
    } else if (y != c) {
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, weft_dtype_name(c),
                               weft_dtype_name(y),
                               "without a residual the result has the type of the convolution");
    }
    *out_dtype = y;
    return WEFT_OK;
}

/* A multiplier or shift for each channel, as far as it is known; types and shapes are right. */
static weft_status check_channel_range(const weft_node *node, size_t input, int32_t low,
                                       int32_t high, const char *what, weft_diag *diag)
{
    const weft_value *value = node->inputs[input];
    const int32_t *data = value->data;
    for (int64_t i = 0; data && i < value->shape.dims[0]; i++) {
        if (data[i] >= low && data[i] <= high)
            continue;
        char expected[64], found[64];
        snprintf(expected, sizeof expected, "%s from %" PRId32 " to %" PRId32, what, low, high);
        snprintf(found, sizeof found, "%" PRId32 " at index %" PRId64, data[i], i);
        return weft_infer_fail(node, value, WEFT_E_INFER_ATTR, diag, expected, found,
                               "a ratio is outside of what the integer rules allow");
    }
    return WEFT_OK;
}

/* The sum of y - Y0 over an image fits 32 bits. */
static weft_status check_mean(const weft_node *node, const weft_shape *y, weft_diag *diag)
{
    if (node->output_count < 2 || !node->outputs[1] ||
        y->dims[1] <= WEFT_AVERAGE_COUNT_MAX / y->dims[2])
        return WEFT_OK;
    char expected[64], found[64];
    snprintf(expected, sizeof expected, "at most %d pixels", WEFT_AVERAGE_COUNT_MAX);
    snprintf(found, sizeof found, "%" PRId64 " x %" PRId64, y->dims[1], y->dims[2]);
    return weft_infer_fail(node, node->outputs[1], WEFT_E_INFER_TOO_LARGE, diag, expected, found,
                           "the image is too large for the mean's 32-bit sums");
}

/* Biases, multipliers and shifts: one for each output channel. */
static weft_status check_channel_vectors(const weft_node *node, int64_t channels, weft_diag *diag)
{
    weft_shape channel = {.rank = 1, .dims = {channels}};
    for (size_t i = 2; i < 5; i++) {
        WEFT_INFER_TRY(weft_infer_check_dtype(node, i, WEFT_DTYPE_I32, diag));
        WEFT_INFER_TRY(weft_infer_check_shape(node, i, &channel, diag));
    }
    WEFT_INFER_TRY(check_channel_range(node, 3, 0, WEFT_MULT_MAX, "a multiplier", diag));
    WEFT_INFER_TRY(check_channel_range(node, 4, WEFT_SHIFT_MIN, WEFT_SHIFT_MAX, "a shift", diag));
    return WEFT_OK;
}

bool weft_infer_q_is_pointwise(const weft_node *node)
{
    int64_t pads[4], strides[2];
    const int64_t *w = node->inputs[1]->shape.dims;
    weft_attrs_ints(&node->attrs, "pads", pads, 4, 0);
    weft_attrs_ints(&node->attrs, "strides", strides, 2, 1);
    return w[1] == 1 && w[2] == 1 && weft_attrs_int(&node->attrs, "group", 1) == 1 &&
           weft_attrs_int(&node->attrs, "x_nchw", 0) == 0 && strides[0] == 1 && strides[1] == 1 &&
           pads[0] == 0 && pads[1] == 0 && pads[2] == 0 && pads[3] == 0;
}

/* Pixels that are normalised before a convolution of known shape, and the zero point of what it
 * multiplies. */
static weft_status check_conv_norm(const weft_node *node, weft_diag *diag)
{
    weft_dtype normalised;
    const weft_value *x = node->inputs[0];
    bool has_scale = weft_node_input(node, 7) != NULL, has_bias = weft_node_input(node, 8) != NULL;
    if (!has_scale && !has_bias)
        return check_zero(node, "x_zero", x->dtype, diag);
    if (has_scale != has_bias)
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ARITY, diag,
                               "scale and bias of the normalisation", "one of them",
                               "a normalisation has both");
    if (!weft_infer_q_is_pointwise(node))
        return weft_infer_fail(node, x, WEFT_E_INFER_ATTR, diag,
                               "a 1 x 1 convolution of all channels, without strides and pads",
                               "another one", "only pixels as they are can be normalised");
    WEFT_INFER_TRY(weft_infer_q_dtype(node, "norm_type", &normalised, diag));
    WEFT_INFER_TRY(weft_infer_q_stage(node, "x_zero", "norm_min", "norm_max", normalised, diag));
    return weft_infer_q_norm(node, 7, x->shape.dims[3], "norm_", diag);
}

weft_status weft_infer_q_conv2d(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    int64_t bits;
    weft_shape y = {0};
    weft_dtype dtype = WEFT_DTYPE_NONE;
    WEFT_INFER_TRY(check_8bit(node, 0, diag));
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 1, WEFT_DTYPE_I8, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "acc_bits", 32, 1, 32, &bits, diag));
    WEFT_INFER_TRY(check_conv_stages(node, &dtype, diag));
    WEFT_INFER_TRY(weft_infer_conv2d_shape(node, &y, diag));
    WEFT_INFER_TRY(check_conv_norm(node, diag));
    int64_t out_channels = y.dims[3];
    weft_shape mean = {.rank = 2, .dims = {y.dims[0], out_channels}};
    WEFT_INFER_TRY(check_channel_vectors(node, out_channels, diag));
    WEFT_INFER_TRY(weft_infer_check_shape(node, 6, &y, diag));
    WEFT_INFER_TRY(weft_infer_set(node, 0, dtype, &y, diag));
    WEFT_INFER_TRY(check_mean(node, &y, diag));
    return weft_infer_set(node, 1, dtype, &mean, diag);
}

/* The shape of a and b broadcast together. */
static weft_status broadcast(const weft_node *node, weft_shape *out_shape, weft_diag *diag)
{
    char a[WEFT_SHAPE_TEXT], b[WEFT_SHAPE_TEXT];
    *out_shape = node->inputs[0]->shape;
    if (weft_infer_broadcast(out_shape, &node->inputs[1]->shape))
        return WEFT_OK;
    return weft_infer_fail(node, node->inputs[1], WEFT_E_INFER_SHAPE, diag,
                           weft_shape_format(&node->inputs[0]->shape, a),
                           weft_shape_format(&node->inputs[1]->shape, b),
                           "the operands do not broadcast");
}

/* w [C, kh, kw, 1], as weft.QConv2D has the filters of a depthwise convolution. */
weft_status weft_infer_q_token_conv(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    int64_t bits;
    weft_shape y = {0};
    weft_dtype dtype = WEFT_DTYPE_NONE;
    WEFT_INFER_TRY(check_8bit(node, 0, diag));
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 1, WEFT_DTYPE_I8, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 1, 4, 4, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "acc_bits", 32, 1, 32, &bits, diag));
    WEFT_INFER_TRY(check_zero(node, "x_zero", node->inputs[0]->dtype, diag));
    WEFT_INFER_TRY(check_conv_stages(node, &dtype, diag));
    const int64_t *w = node->inputs[1]->shape.dims;
    weft_shape window = {.rank = 3, .dims = {w[1], w[2], w[0]}},
               filters = {.rank = 4, .dims = {w[0], w[1], w[2], 1}};
    WEFT_INFER_TRY(weft_infer_check_shape(node, 1, &filters, diag));
    WEFT_INFER_TRY(weft_infer_token_grid(node, &window, &y, diag));
    WEFT_INFER_TRY(check_channel_vectors(node, w[0], diag));
    WEFT_INFER_TRY(weft_infer_check_shape(node, 6, &y, diag));
    return weft_infer_set(node, 0, dtype, &y, diag);
}

weft_status weft_infer_q_add(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    weft_dtype dtype;
    weft_shape shape;
    WEFT_INFER_TRY(check_8bit(node, 0, diag));
    WEFT_INFER_TRY(check_8bit(node, 1, diag));
    WEFT_INFER_TRY(weft_infer_q_dtype(node, "to", &dtype, diag));
    WEFT_INFER_TRY(check_zero(node, "a_zero", node->inputs[0]->dtype, diag));
    WEFT_INFER_TRY(check_zero(node, "b_zero", node->inputs[1]->dtype, diag));
    WEFT_INFER_TRY(check_add(node, "a_mult", "b_mult", "shift", diag));
    WEFT_INFER_TRY(weft_infer_q_stage(node, "y_zero", "y_min", "y_max", dtype, diag));
    WEFT_INFER_TRY(broadcast(node, &shape, diag));
    return weft_infer_set(node, 0, dtype, &shape, diag);
}

weft_status weft_infer_q_mul(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    weft_dtype c, y;
    weft_shape shape;
    const weft_value *residual = weft_node_input(node, 2);
    for (size_t i = 0; i < 3; i++)
        WEFT_INFER_TRY(check_8bit(node, i, diag));
    WEFT_INFER_TRY(weft_infer_q_dtype(node, "c_type", &c, diag));
    WEFT_INFER_TRY(weft_infer_q_dtype(node, "to", &y, diag));
    WEFT_INFER_TRY(check_zero(node, "a_zero", node->inputs[0]->dtype, diag));
    WEFT_INFER_TRY(check_zero(node, "b_zero", node->inputs[1]->dtype, diag));
    WEFT_INFER_TRY(weft_infer_q_ratio(node, "mult", "shift", diag));
    WEFT_INFER_TRY(weft_infer_q_stage(node, "c_zero", "c_min", "c_max", c, diag));
    WEFT_INFER_TRY(broadcast(node, &shape, diag));
    WEFT_INFER_TRY(weft_infer_check_shape(node, 0, &shape, diag));
    if (residual) {
        WEFT_INFER_TRY(weft_infer_check_shape(node, 2, &shape, diag));
        WEFT_INFER_TRY(check_zero(node, "r_zero", residual->dtype, diag));
        WEFT_INFER_TRY(check_add(node, "c_mult", "r_mult", "add_shift", diag));
        WEFT_INFER_TRY(weft_infer_q_stage(node, "y_zero", "y_min", "y_max", y, diag));
    } else if (y != c) {
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, weft_dtype_name(c),
                               weft_dtype_name(y),
                               "without a residual the result has the type of the product");
    }
    return weft_infer_set(node, 0, y, &shape, diag);
}

/* counts, mults and shifts: one entry for each number of elements that a window can have. */
static weft_status check_average(const weft_node *node, int64_t most, weft_diag *diag)
{
    static const char *const lists[] = {"counts", "mults", "shifts"};
    const int64_t least[] = {1, 0, WEFT_SHIFT_MIN},
                  largest[] = {most, WEFT_MULT_MAX, WEFT_SHIFT_MAX};
    size_t entries = 0;
    for (size_t i = 0; i < 3; i++) {
        const weft_attr *list = weft_attrs_find(&node->attrs, lists[i]);
        size_t count = list && list->kind == WEFT_ATTR_INTS ? list->count : 0;
        bool fits = count > 0 && (i == 0 || count == entries);
        entries = i == 0 ? count : entries;
        for (size_t k = 0; fits && k < count; k++)
            fits = list->ints[k] >= least[i] && list->ints[k] <= largest[i];
        if (!fits)
            return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag,
                                   "counts, mults and shifts of one length and in range", lists[i],
                                   "an average needs a multiplier for each count");
    }
    return WEFT_OK;
}

weft_status weft_infer_q_pool2d(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    int mode;
    weft_dtype dtype;
    weft_infer_window window = {.spatial = 2};
    weft_shape y = {0};
    WEFT_INFER_TRY(check_8bit(node, 0, diag));
    WEFT_INFER_TRY(weft_infer_attr_word(node, "mode", "max|average", &mode, diag));
    WEFT_INFER_TRY(weft_infer_pool2d_shape(node, &window, &y, diag));
    WEFT_INFER_TRY(weft_infer_q_dtype(node, "to", &dtype, diag));
    WEFT_INFER_TRY(check_zero(node, "x_zero", x->dtype, diag));
    WEFT_INFER_TRY(weft_infer_q_stage(node, "y_zero", "y_min", "y_max", dtype, diag));
    /* |x - zero| <= 255: a window of 2^23 elements still fits an s32 sum. */
    const int64_t most = WEFT_AVERAGE_COUNT_MAX;
    if (window.kernel[0] > most / window.kernel[1])
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, "at most 2^23 elements",
                               "a larger window", "the window is too large for 32-bit sums");
    if (mode == 1)
        WEFT_INFER_TRY(check_average(node, window.kernel[0] * window.kernel[1], diag));
    else if (dtype != x->dtype)
        return weft_infer_fail(node, x, WEFT_E_INFER_ATTR, diag, weft_dtype_name(x->dtype),
                               weft_dtype_name(dtype), "a maximum keeps the type of its input");
    return weft_infer_set(node, 0, dtype, &y, diag);
}

weft_status weft_infer_q_table(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    WEFT_INFER_TRY(check_8bit(node, 0, diag));
    WEFT_INFER_TRY(weft_infer_q_table_operand(node, 1, diag));
    return weft_infer_set(node, 0, node->inputs[1]->dtype, &node->inputs[0]->shape, diag);
}
