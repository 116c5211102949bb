/* SPDX-License-Identifier: Apache-2.0 */
/* lower-quantized, products: Conv, Gemm and MatMul by constant 8-bit weights, and scales and shifts
 * per channel (BatchNormalization), become weft.QConv2D. Which integers they get is in
 * lower_quantized_channels.c. Must not know other operators. */
#include <math.h>
#include <string.h>

#include "compiler/passes/channels_last.h"
#include "compiler/passes/lower_quantized_channels.h"
#include "compiler/passes/rewrite.h"

enum { MAX_AFFINE = 16, MAX_READERS = 64 };

/* ---- scales and shifts per channel between the product and the QuantizeLinear ---- */

static bool read_constant(weft_lq *lq, weft_value *value, const weft_shape *shape, int axis,
                          double *out_numbers)
{
    weft_value constant;
    return value && weft_lq_constant(lq, value, &constant) &&
           weft_rewrite_read_channel(&constant, shape, axis, out_numbers);
}

/* y = x * scale + shift for BatchNormalization; false when statistics are not constant. */
static bool read_batch_norm(weft_lq *lq, const weft_node *node, double *scale, double *shift)
{
    int64_t channels = node->inputs[0]->shape.dims[1];
    weft_shape vector = {.rank = 1, .dims = {channels}};
    double *parts[4];
    for (size_t i = 0; i < 4; i++) {
        parts[i] = WEFT_NEW_ARRAY(lq->graph->arena, double, (size_t)channels);
        if (!read_constant(lq, node->inputs[i + 1], &vector, 0, parts[i]))
            return false;
    }
    double epsilon = (double)weft_attrs_float(&node->attrs, "epsilon", 1e-5F);
    for (int64_t c = 0; c < channels; c++) {
        scale[c] = parts[0][c] / sqrt(parts[3][c] + epsilon);
        shift[c] = parts[1][c] - parts[2][c] * scale[c];
    }
    return true;
}

/* The node as x * scale + shift along axis; gives x, or NULL when it is none. */
static weft_value *read_affine(weft_lq *lq, const weft_node *node, int axis, double *scale,
                               double *shift)
{
    const weft_shape *shape = &node->outputs[0]->shape;
    int64_t channels = shape->dims[axis];
    if (node->op == WEFT_OP_BatchNormalization)
        return axis == 1 && !weft_attrs_int(&node->attrs, "training_mode", 0) &&
                       read_batch_norm(lq, node, scale, shift)
                   ? node->inputs[0]
                   : NULL;
    if (node->op != WEFT_OP_Add && node->op != WEFT_OP_Sub && node->op != WEFT_OP_Mul &&
        node->op != WEFT_OP_Div)
        return NULL;
    for (size_t i = 0; i < 2; i++) {
        weft_value *x = node->inputs[i];
        bool is_swapped = i == 1;
        if ((is_swapped && (node->op == WEFT_OP_Sub || node->op == WEFT_OP_Div)) ||
            !weft_shape_equal(&x->shape, shape) ||
            !read_constant(lq, node->inputs[1 - i], shape, axis, shift))
            continue;
        for (int64_t c = 0; c < channels; c++) {
            double number = shift[c];
            bool is_scale = node->op == WEFT_OP_Mul || node->op == WEFT_OP_Div;
            scale[c] = node->op == WEFT_OP_Mul ? number : node->op == WEFT_OP_Div ? 1 / number : 1;
            shift[c] = is_scale ? 0 : node->op == WEFT_OP_Sub ? -number : number;
        }
        return x;
    }
    return NULL;
}

/* Goes up from value over such nodes; fills scale and shift of the whole way. */
static weft_value *peel_affine(weft_lq *lq, weft_value *value, int axis, double *scale,
                               double *shift)
{
    weft_arena *arena = lq->graph->arena;
    size_t channels = (size_t)value->shape.dims[axis];
    double *a = WEFT_NEW_ARRAY(arena, double, channels),
           *b = WEFT_NEW_ARRAY(arena, double, channels);
    for (size_t c = 0; c < channels; c++) {
        scale[c] = 1;
        shift[c] = 0;
    }
    for (int i = 0; i < MAX_AFFINE && value->producer; i++) {
        weft_value *x = read_affine(lq, value->producer, axis, a, b);
        if (!x)
            break;
        for (size_t c = 0; c < channels; c++) {
            shift[c] += scale[c] * b[c];
            scale[c] *= a[c];
        }
        WEFT_VEC_PUSH(arena, &lq->between, value->producer);
        value = x;
    }
    return value;
}

/* ---- operands ---- */

/* 8-bit constant weights and their scales. [OC][depth], output channels first; output_axis of w. */
static bool read_weights(weft_lq *lq, const weft_node *node, const weft_value *w, int output_axis,
                         weft_lq_channels *out)
{
    static const int64_t swap[2] = {1, 0};
    const weft_node *transpose = weft_rewrite_producer(w, WEFT_OP_Transpose);
    if (transpose && w->shape.rank == 2) { /* a linear layer's weights, dequantised before */
        int64_t perm[WEFT_MAX_RANK];
        weft_rewrite_perm(transpose, perm);
        if (perm[0] == 1) {
            w = transpose->inputs[0];
            output_axis = 1 - output_axis;
        }
    }
    const weft_node *dequantize = weft_rewrite_producer(w, WEFT_OP_DequantizeLinear);
    weft_value *codes = dequantize ? dequantize->inputs[0] : NULL;
    if (!dequantize || !weft_value_is_constant(codes) ||
        (codes->dtype != WEFT_DTYPE_U8 && codes->dtype != WEFT_DTYPE_I8)) {
        weft_lq_refuse(lq, node, "its weights are not 8-bit constants");
        return false;
    }
    if (codes->shape.rank == 2 && output_axis == 1)
        codes = weft_rewrite_permute_constant(lq->graph, codes, swap);
    out->weights = codes;
    int64_t axis = weft_attrs_int(&dequantize->attrs, "axis", 1);
    axis = axis < 0 ? axis + w->shape.rank : axis;
    return weft_lq_read_weight_scales(lq, node, dequantize, axis == output_axis, out);
}

/* The bias of the node, per output channel: numbers, and the integers it has with their scale. */
static bool read_bias(weft_lq *lq, const weft_node *node, weft_value *bias, double factor,
                      const weft_shape *shape, int axis, weft_lq_channels *out)
{
    if (!bias)
        return true;
    weft_value constant;
    if (!weft_lq_constant(lq, bias, &constant) ||
        !weft_rewrite_read_channel(&constant, shape, axis, out->bias)) {
        weft_lq_refuse(lq, node, "its bias is not a constant per channel");
        return false;
    }
    for (size_t o = 0; o < out->count; o++)
        out->bias[o] *= factor;
    const weft_node *dequantize = weft_rewrite_producer(bias, WEFT_OP_DequantizeLinear);
    if (dequantize && dequantize->inputs[0]->dtype == WEFT_DTYPE_I32 && factor == 1 &&
        bias->shape.rank == 1 && (size_t)bias->shape.dims[0] == out->count) {
        out->bias_codes = dequantize->inputs[0]->data;
        out->bias_scale = dequantize->inputs[1];
    }
    return true;
}

/* All that reads the value ends in 8 bits; else computing it twice would cost more than it gives.
 * *budget bounds the readers looked at. */
static bool only_quantised(const weft_graph *graph, const weft_value *value, int *budget)
{
    if (weft_value_is_output(graph, value) || (*budget)-- <= 0)
        return false;
    size_t left = value->use_count;
    for (const weft_node *user = value->producer->next; user && left > 0; user = user->next)
        for (size_t i = 0; i < user->input_count; i++) {
            if (user->inputs[i] != value)
                continue;
            left--;
            bool passes = user->op == WEFT_OP_Relu || user->op == WEFT_OP_Clip ||
                          user->op == WEFT_OP_Max || user->op == WEFT_OP_Min ||
                          user->op == WEFT_OP_BatchNormalization || user->op == WEFT_OP_Add ||
                          user->op == WEFT_OP_Sub || user->op == WEFT_OP_Mul ||
                          user->op == WEFT_OP_Div;
            if (user->op != WEFT_OP_QuantizeLinear &&
                !(passes && only_quantised(graph, user->outputs[0], budget)))
                return false;
        }
    return true;
}

/* ---- the operators ---- */

/* weft.QConv2D on x, [N, H, W, C]; its result. */
static weft_status add_conv(weft_lq *lq, weft_node *core, weft_value *x, const weft_lq_codes *codes,
                            const weft_lq_channels *channels, const weft_window2d *window,
                            int64_t group, weft_value **out)
{
    weft_value *inputs[5] = {x};
    weft_lq_channel_constants(lq, core, channels, inputs);
    weft_node *node = weft_lq_add(lq, WEFT_OP_QConv2D, core, inputs, 5);
    if (window)
        weft_window2d_set(lq->graph, node, window);
    if (group != 1)
        weft_lq_set(lq, node, "group", group);
    weft_lq_set(lq, node, "x_zero", codes->zero);
    weft_lq_set_dtype(lq, node, "c_type", lq->result.dtype);
    weft_lq_set_stage(lq, node, "c", &lq->result);
    weft_lq_set(lq, node, "a_zero", lq->result.zero); /* of the result, where a mean is taken */
    weft_lq_set_dtype(lq, node, "to", lq->result.dtype);
    weft_lq_set(lq, node, "acc_bits", channels->sum_bits);
    *out = node->outputs[0];
    return weft_node_infer(lq->graph, node, lq->diag);
}

static weft_status lower_conv(weft_lq *lq, weft_node *core, weft_lq_channels *channels, bool *done)
{
    const weft_lq_codes *codes = NULL;
    weft_value *x = NULL, *y = NULL, *w = core->inputs[1];
    const weft_shape *shape = &core->outputs[0]->shape;
    if (shape->rank != 3 && shape->rank != 4) {
        weft_lq_refuse(lq, core, "it has more than two spatial dimensions");
        return WEFT_OK;
    }
    weft_status status = weft_lq_trace_affine(lq, core->inputs[0], &codes);
    if (status != WEFT_OK || !codes) {
        weft_lq_refuse(lq, core, "what it reads is not quantised");
        return status;
    }
    int64_t group = weft_attrs_int(&core->attrs, "group", 1);
    if (!read_weights(lq, core, w, 0, channels) ||
        !read_bias(lq, core, weft_node_input(core, 2), 1, &(weft_shape){1, {shape->dims[1]}}, 0,
                   channels) ||
        !weft_lq_solve_channels(lq, core, codes, channels))
        return WEFT_OK;
    weft_window2d window;
    status = weft_window2d_read(core, &w->shape, &window, lq->diag);
    if (status == WEFT_OK)
        status = weft_to_channels_last(lq->graph, lq->at, core->name, codes->value, &x, lq->diag);
    weft_shape w_shape = weft_shape_as_2d(&channels->weights->shape);
    channels->weights = weft_rewrite_permute_constant(
        lq->graph, weft_rewrite_view_constant(lq->graph, channels->weights, &w_shape),
        weft_to_nhwc);
    if (status == WEFT_OK)
        status = add_conv(lq, core, x, codes, channels, &window, group, &y);
    if (status == WEFT_OK)
        status = weft_from_channels_last(lq->graph, lq->at, core->name, y, shape, &y, lq->diag);
    *done = true;
    return status == WEFT_OK ? weft_lq_finish(lq, y) : status;
}

/* x [.., K] by weights [N, K] as a 1x1 convolution over [1, M, 1, K]. */
static weft_status lower_matrix(weft_lq *lq, weft_node *core, weft_lq_channels *channels,
                                bool *done)
{
    const weft_lq_codes *codes = NULL;
    bool is_gemm = core->op == WEFT_OP_Gemm;
    const weft_shape *shape = &core->outputs[0]->shape;
    weft_value *x = NULL, *y = NULL, *w = core->inputs[1],
               *bias = is_gemm ? weft_node_input(core, 2) : NULL;
    float alpha = is_gemm ? weft_attrs_float(&core->attrs, "alpha", 1.0F) : 1.0F,
          beta = is_gemm ? weft_attrs_float(&core->attrs, "beta", 1.0F) : 1.0F;
    int output_axis = is_gemm && weft_attrs_int(&core->attrs, "transB", 0) ? 0 : 1;
    if (w->shape.rank != 2 || shape->rank < 2 || core->inputs[0]->shape.rank != shape->rank) {
        weft_lq_refuse(lq, core, "both operands are computed, or are no matrices");
        return WEFT_OK;
    }
    if (is_gemm && weft_attrs_int(&core->attrs, "transA", 0)) {
        weft_lq_refuse(lq, core, "its first operand is transposed");
        return WEFT_OK;
    }
    weft_status status = weft_lq_trace_affine(lq, core->inputs[0], &codes);
    if (status != WEFT_OK || !codes) {
        weft_lq_refuse(lq, core, "what it reads is not quantised");
        return status;
    }
    channels->factor = (double)alpha;
    if (!read_weights(lq, core, w, output_axis, channels) ||
        !read_bias(lq, core, beta == 0.0F ? NULL : bias, (double)beta, shape, shape->rank - 1,
                   channels) ||
        !weft_lq_solve_channels(lq, core, codes, channels))
        return WEFT_OK;
    int64_t depth = codes->value->shape.dims[shape->rank - 1], elems = 0;
    WEFT_ASSERT(weft_shape_elems(&codes->value->shape, &elems)); /* inference accepted it */
    weft_shape rows = {4, {1, elems / depth, 1, depth}},
               filters = {4, {(int64_t)channels->count, 1, 1, depth}};
    channels->weights = weft_rewrite_view_constant(lq->graph, channels->weights, &filters);
    status = weft_rewrite_reshape(lq->graph, lq->at, codes->value, &rows, NULL, &x, lq->diag);
    if (status == WEFT_OK)
        status = add_conv(lq, core, x, codes, channels, NULL, 1, &y);
    if (status == WEFT_OK)
        status = weft_rewrite_reshape(lq->graph, lq->at, y, shape, NULL, &y, lq->diag);
    *done = true;
    return status == WEFT_OK ? weft_lq_finish(lq, y) : status;
}

/* x * scale[c] + shift[c] on an 8-bit tensor: a 1x1 convolution of every channel by itself. */
static weft_status lower_scale(weft_lq *lq, weft_value *x, int axis, weft_lq_channels *channels,
                               bool *done)
{
    const weft_lq_codes *codes = NULL;
    weft_node *core = (weft_node *)(uintptr_t)lq->between.data[lq->between.count - 1];
    weft_value *y = NULL;
    int64_t elems = 0, count = (int64_t)channels->count;
    bool is_last = axis == x->shape.rank - 1;
    weft_status status = weft_lq_trace_affine(lq, x, &codes);
    if (status != WEFT_OK || !codes || (!is_last && x->shape.rank != 3 && x->shape.rank != 4))
        return status;
    if (!weft_lq_scale_weights(lq, core, codes, channels) ||
        !weft_lq_solve_channels(lq, core, codes, channels))
        return WEFT_OK;
    WEFT_ASSERT(weft_shape_elems(&x->shape, &elems)); /* inference accepted it */
    weft_shape rows = {4, {1, elems / count, 1, count}}, filters = {4, {count, 1, 1, 1}};
    weft_value *view = NULL;
    if (is_last)
        status =
            weft_rewrite_reshape(lq->graph, lq->at, codes->value, &rows, NULL, &view, lq->diag);
    else
        status =
            weft_to_channels_last(lq->graph, lq->at, core->name, codes->value, &view, lq->diag);
    channels->weights = weft_rewrite_view_constant(lq->graph, channels->weights, &filters);
    if (status == WEFT_OK)
        status = add_conv(lq, core, view, codes, channels, NULL, count, &y);
    if (status == WEFT_OK && is_last)
        status = weft_rewrite_reshape(lq->graph, lq->at, y, &x->shape, NULL, &y, lq->diag);
    else if (status == WEFT_OK)
        status = weft_from_channels_last(lq->graph, lq->at, core->name, y, &x->shape, &y, lq->diag);
    *done = true;
    return status == WEFT_OK ? weft_lq_finish(lq, y) : status;
}

static weft_status lower_along(weft_lq *lq, weft_value *value, int axis, bool *done)
{
    size_t count = (size_t)value->shape.dims[axis];
    weft_arena *arena = lq->graph->arena;
    weft_lq_channels channels = {.count = count,
                                 .factor = 1,
                                 .scale = WEFT_NEW_ARRAY(arena, double, count),
                                 .shift = WEFT_NEW_ARRAY(arena, double, count),
                                 .bias = WEFT_NEW_ARRAY(arena, double, count)};
    weft_value *x = peel_affine(lq, value, axis, channels.scale, channels.shift);
    weft_node *core = x->producer;
    bool is_conv = core && core->op == WEFT_OP_Conv,
         is_matrix = core && (core->op == WEFT_OP_Gemm || core->op == WEFT_OP_MatMul);
    int budget = MAX_READERS;
    if (((is_conv && axis == 1) || (is_matrix && axis == value->shape.rank - 1)) &&
        !only_quantised(lq->graph, x, &budget)) {
        weft_lq_refuse(lq, core, "its result is used in float, too");
        return WEFT_OK;
    }
    if (is_conv && axis == 1)
        return lower_conv(lq, core, &channels, done);
    if (is_matrix && axis == value->shape.rank - 1)
        return lower_matrix(lq, core, &channels, done);
    return x != value ? lower_scale(lq, x, axis, &channels, done) : WEFT_OK;
}

weft_status weft_lq_product(weft_lq *lq, weft_value *value, bool *out_done)
{
    size_t limits = lq->between.count;
    int rank = value->shape.rank;
    weft_status status = WEFT_OK;
    if (rank > 1)
        status = lower_along(lq, value, 1, out_done);
    lq->between.count = *out_done ? lq->between.count : limits;
    if (status == WEFT_OK && !*out_done && rank > 0 && rank != 2)
        status = lower_along(lq, value, rank - 1, out_done);
    return status;
}
