/* SPDX-License-Identifier: Apache-2.0 */
/* Weights as s8 with one scale per output channel, biases as s32 with the scale of their sums
 * (Jacob et al., "Quantization and training of neural networks for efficient
 * integer-arithmetic-only inference", 2018), and the correction of the mean error that rounded
 * weights leave (Nagel et al., 2019, section 4.2, with means measured on data). Must not know how
 * activations got their scales. */
#include <math.h>

#include "compiler/passes/rewrite.h"
#include "compiler/quant/quant.h"

enum { WEIGHT_MAX = 127 };

/* A bias in units of its sums stays below this: sums add to it, and must fit s32 with it. */
static const double largest_bias = 0x1p29;
static const float smallest_scale = 0x1p-100f; /* below it, products of scales leave f32 */

/* Weights as a matrix: element (o, k) is at o * o_step + k * k_step. An input channel stands behind
 * `taps` neighbouring k. */
typedef struct weight_form {
    const float *data;
    int64_t outputs, depth, o_step, k_step, taps;
    int axis; /* of the output channels */
} weight_form;

static weight_form form_of(const weft_node *node)
{
    const weft_value *w = node->inputs[1];
    const int64_t *dims = w->shape.dims;
    if (node->op == WEFT_OP_Conv) {
        int64_t taps = dims[2] * dims[3], depth = dims[1] * taps;
        return (weight_form){w->data, dims[0], depth, depth, 1, taps, 0};
    }
    if (node->op == WEFT_OP_Gemm && weft_attrs_int(&node->attrs, "transB", 0) != 0)
        return (weight_form){w->data, dims[0], dims[1], dims[1], 1, 1, 0};
    return (weight_form){w->data, dims[1], dims[0], 1, dims[1], 1, 1};
}

/* Place of element k of a row in the order in which CPUs sum: all channels of a tap, then the next
 * tap. Neighbours in this order are the pairs that are added in 16 bits. */
static int64_t place_of(const weight_form *form, int64_t o, int64_t k)
{
    int64_t channels = form->depth / form->taps;
    return o * form->o_step + (k % channels * form->taps + k / channels) * form->k_step;
}

static void read_row(const weight_form *form, int64_t o, float *out_row)
{
    for (int64_t k = 0; k < form->depth; k++)
        out_row[k] = form->data[place_of(form, o, k)];
}

/* ---- codes ---- */

/* Rounds half to even: adding 1.5 * 2^23 leaves no bits behind the point. */
static float rounded(float x)
{
    static const float shift = 0x1.8p23f;
    float clipped = fmaxf(-WEIGHT_MAX, fminf(WEIGHT_MAX, x));
    return (clipped + shift) - shift;
}

/* Codes nearest to a and b, weights in units of the scale, whose sum stays within the limit. */
static void code_pair(float a, float b, int pair_limit, float *out_a, float *out_b)
{
    *out_a = rounded(a);
    *out_b = rounded(b);
    float sum = *out_a + *out_b;
    if (fabsf(sum) <= (float)pair_limit)
        return;
    float most = (float)(sum > 0 ? pair_limit : -pair_limit);
    *out_a = rounded((most + a - b) / 2);
    *out_b = most - *out_a;
}

static double row_error(const float *row, int64_t depth, float scale, int pair_limit)
{
    double error = 0;
    float per_unit = 1 / scale, codes[2];
    for (int64_t k = 0; k < depth; k += 2) {
        float a = row[k] * per_unit, b = k + 1 < depth ? row[k + 1] * per_unit : 0;
        code_pair(a, b, pair_limit, &codes[0], &codes[1]);
        error += (double)((a - codes[0]) * (a - codes[0]) + (b - codes[1]) * (b - codes[1]));
    }
    return error * (double)scale * (double)scale;
}

static void code_row(const weight_form *form, int64_t o, const float *row, float scale,
                     int pair_limit, int8_t *codes)
{
    float per_unit = 1 / scale, pair[2];
    for (int64_t k = 0; k < form->depth; k += 2) {
        bool has_next = k + 1 < form->depth;
        code_pair(row[k] * per_unit, has_next ? row[k + 1] * per_unit : 0, pair_limit, &pair[0],
                  &pair[1]);
        codes[place_of(form, o, k)] = (int8_t)pair[0];
        if (has_next)
            codes[place_of(form, o, k + 1)] = (int8_t)pair[1];
    }
}

/* ---- scales ---- */

/* The scale of one output channel with the least squared error of its weights: the largest one
 * over 127, times a factor between 5/8 (it clips) and 3/2 (pairs keep their limit). */
static float scale_of(const float *row, int64_t depth, bool searches, int pair_limit)
{
    enum { FIRST = 20, LAST = 48, UNIT = 32 };
    float largest = 0;
    for (int64_t k = 0; k < depth; k++)
        largest = fmaxf(largest, fabsf(row[k]));
    float whole = largest / WEIGHT_MAX, best = whole;
    if (!searches || !(whole > smallest_scale))
        return whole;
    double least = row_error(row, depth, whole, pair_limit);
    for (int i = FIRST; i <= (pair_limit < 2 * WEIGHT_MAX ? LAST : UNIT); i++) {
        float scale = whole * (float)i / UNIT;
        double error = row_error(row, depth, scale, pair_limit);
        if (error < least) {
            least = error;
            best = scale;
        }
    }
    return best;
}

/* Not so small that the bias, in units of the sums, would not fit s32; not zero. */
static float usable_scale(float scale, double bias, float x_scale)
{
    scale = fmaxf(scale, (float)(fabs(bias) / ((double)x_scale * largest_bias)));
    return scale > smallest_scale ? scale : 1.0f; /* nothing but zeros: any scale is right */
}

/* ---- bias ---- */

/* The part of the output positions along one axis at which tap `tap` of a convolution lies on the
 * image and not on its padding. */
static double share_on_image(const weft_node *node, int axis, int64_t tap)
{
    int64_t in = node->inputs[0]->shape.dims[axis + 2],
            out = node->outputs[0]->shape.dims[axis + 2];
    int64_t pads[4], strides[2], dilations[2], inside = 0;
    weft_attrs_ints(&node->attrs, "pads", pads, 4, 0);
    weft_attrs_ints(&node->attrs, "strides", strides, 2, 1);
    weft_attrs_ints(&node->attrs, "dilations", dilations, 2, 1);
    for (int64_t i = 0; i < out; i++) {
        int64_t at = i * strides[axis] - pads[axis] + tap * dilations[axis];
        inside += at >= 0 && at < in;
    }
    return (double)inside / (double)out;
}

/* Shares of all taps of the window; NULL for what is no convolution with padding. */
static double *tap_shares(weft_quant *quant, const weft_node *node)
{
    if (node->op != WEFT_OP_Conv)
        return NULL;
    const int64_t *dims = node->inputs[1]->shape.dims;
    double *shares = WEFT_NEW_ARRAY(quant->arena, double, (size_t)(dims[2] * dims[3]));
    for (int64_t y = 0; y < dims[2]; y++)
        for (int64_t x = 0; x < dims[3]; x++)
            shares[y * dims[3] + x] = share_on_image(node, 0, y) * share_on_image(node, 1, x);
    return shares;
}

/* The mean that output o gains by its weights' rounding: the sum over the inputs of
 * (rounded - exact) * mean of the input. */
static double mean_gain(const weft_quant_point *x, const weft_node *node, const weight_form *form,
                        const int8_t *codes, float scale, const double *shares, int64_t o)
{
    int64_t group = node->op == WEFT_OP_Conv ? weft_attrs_int(&node->attrs, "group", 1) : 1;
    int64_t per_group = form->depth / form->taps, first = o / (form->outputs / group) * per_group;
    double gain = 0;
    if (x->summed == 0)
        return 0;
    for (int64_t k = 0; k < form->depth; k++) {
        double mean = x->sums[first + k / form->taps] / (double)x->summed;
        int8_t code = codes[o * form->o_step + k * form->k_step];
        double off =
            (double)code * (double)scale - (double)form->data[o * form->o_step + k * form->k_step];
        gain += off * mean * (shares != NULL ? shares[k % form->taps] : 1);
    }
    return gain;
}

/* ---- nodes ---- */

weft_status weft_quant_add_dequantised(weft_quant *quant, weft_node *node, const char *name,
                                       weft_value *codes, const float *scales,
                                       const void *zero_points, int64_t count, int axis,
                                       weft_value **out_value, weft_diag *diag)
{
    weft_graph *graph = quant->graph;
    weft_shape shape = {.rank = count > 1 ? 1 : 0, .dims = {count}};
    const char *scale_name = weft_arena_printf(quant->arena, "%s_scale", name);
    const char *zero_name = weft_arena_printf(quant->arena, "%s_zero_point", name);
    const char *output = weft_arena_printf(quant->arena, "%s_DequantizeLinear_Output", name);
    weft_value *inputs[3] = {
        codes, weft_graph_add_constant(graph, scale_name, WEFT_DTYPE_F32, &shape, scales),
        weft_graph_add_constant(graph, zero_name, codes->dtype, &shape, zero_points)};
    weft_node *made = weft_graph_add_node(
        graph, node, WEFT_OP_DequantizeLinear,
        weft_arena_printf(quant->arena, "%s_DequantizeLinear", name), inputs, 3, &output, 1);
    if (count > 1)
        weft_attrs_set_int(&made->attrs, quant->arena, "axis", axis);
    *out_value = made->outputs[0];
    return weft_node_infer(graph, made, diag);
}

/* Codes named after the constant that they stand for, dequantised, as input `index` of node. */
static weft_status set_constant(weft_quant *quant, weft_node *node, size_t index, const char *name,
                                weft_dtype dtype, const weft_shape *shape, const void *data,
                                const float *scales, int64_t count, int axis, weft_diag *diag)
{
    const void *zeros = weft_arena_alloc(quant->arena, (size_t)count * weft_dtype_bytes(dtype));
    name = weft_rewrite_base_name(quant->graph, name);
    weft_value *value, *codes = weft_graph_add_constant(
                           quant->graph, weft_arena_printf(quant->arena, "%s_quantized", name),
                           dtype, shape, data);
    weft_status status = weft_quant_add_dequantised(quant, node, name, codes, scales, zeros, count,
                                                    axis, &value, diag);
    if (status == WEFT_OK)
        weft_node_set_input(quant->graph, node, index, value);
    return status;
}

/* Scales of all outputs, and the codes they give. */
static void quantise_rows(const weft_quant *quant, const weight_form *form, const float *bias,
                          float x_scale, float *scales, int8_t *codes)
{
    bool per_channel = quant->params.per_channel;
    int pair_limit = quant->params.pair_limit;
    float *row = WEFT_NEW_ARRAY(quant->arena, float, (size_t)form->depth), largest = 0;
    for (int64_t o = 0; o < form->outputs; o++) {
        read_row(form, o, row);
        scales[o] = usable_scale(scale_of(row, form->depth, per_channel, pair_limit),
                                 bias != NULL ? (double)bias[o] : 0, x_scale);
        largest = fmaxf(largest, scales[o]);
    }
    for (int64_t o = 0; o < form->outputs; o++) {
        read_row(form, o, row);
        scales[o] = per_channel ? scales[o] : largest;
        code_row(form, o, row, scales[o], pair_limit, codes);
    }
}

weft_status weft_quant_make_weights(weft_quant *quant, weft_node *node, weft_diag *diag)
{
    weft_arena *arena = quant->arena;
    const weft_value *w = node->inputs[1];
    const weft_quant_point *x = weft_quant_point_of(quant, node->inputs[0]);
    WEFT_ASSERT(x != NULL);
    float x_scale = quant->points.data[x->shares].range.scale;
    weight_form form = form_of(node);
    const weft_value *bias_value = node->op == WEFT_OP_MatMul ? NULL : weft_node_input(node, 2);
    const float *bias = bias_value != NULL ? bias_value->data : NULL;
    float *scales = WEFT_NEW_ARRAY(arena, float, (size_t)form.outputs);
    int8_t *codes = WEFT_NEW_ARRAY(arena, int8_t, (size_t)(form.outputs * form.depth));
    quantise_rows(quant, &form, bias, x_scale, scales, codes);
    int32_t *sums = WEFT_NEW_ARRAY(arena, int32_t, (size_t)form.outputs);
    float *sum_scales = WEFT_NEW_ARRAY(arena, float, (size_t)form.outputs);
    const double *shares = tap_shares(quant, node);
    bool corrects = quant->params.bias_correction && node->op != WEFT_OP_MatMul;
    for (int64_t o = 0; o < form.outputs; o++) {
        double value = bias != NULL ? (double)bias[o] : 0;
        if (corrects)
            value -= mean_gain(x, node, &form, codes, scales[o], shares, o);
        sum_scales[o] = x_scale * scales[o];
        double level = nearbyint(value / (double)sum_scales[o]);
        sums[o] = (int32_t)fmax(-largest_bias * 2, fmin(largest_bias * 2, level));
    }
    int64_t count = quant->params.per_channel ? form.outputs : 1;
    weft_status status = set_constant(quant, node, 1, w->name, WEFT_DTYPE_I8, &w->shape, codes,
                                      scales, count, form.axis, diag);
    if (status != WEFT_OK || (bias == NULL && !corrects))
        return status;
    weft_shape shape = {.rank = 1, .dims = {form.outputs}};
    const char *name =
        bias != NULL ? bias_value->name : weft_arena_printf(arena, "%s_bias", node->name);
    return set_constant(quant, node, 2, name, WEFT_DTYPE_I32, &shape, sums, sum_scales, count, 0,
                        diag);
}
