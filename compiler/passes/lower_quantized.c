/* SPDX-License-Identifier: Apache-2.0 */
/* lower-quantized: float operators between DequantizeLinear and QuantizeLinear become weft's 8-bit
 * operators. Each QuantizeLinear of the model stays a rounding to 8 bits. What has no such form
 * stays in float and is listed in the graph with the reason. Must not know how the operators are
 * lowered: that is in lower_quantized_*.c.
 *
 * needs: types and shapes; constants folded, but not DequantizeLinear of constants.
 * keeps: values up to the rounding of scales to multipliers (kernels/include/weft_ratio.h): a code
 * may differ by one where the exact result lies halfway between two.
 * breaks: DequantizeLinear of constants is gone; 8-bit MaxPool too. */
#include "compiler/passes/lower_quantized.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compiler/passes/fold_constants.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "kernels/include/weft_int.h"

enum { REASON_BYTES = 160, MAX_BETWEEN = 16 };

void weft_lq_refuse(weft_lq *lq, const weft_node *node, const char *format, ...)
{
    char text[REASON_BYTES];
    if (weft_map_get(&lq->reasons, node->name) != NULL)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    weft_map_put(&lq->reasons, node->name,
                 weft_arena_strndup(lq->graph->arena, text, strlen(text)));
}

/* ---- building ---- */

weft_node *weft_lq_add(weft_lq *lq, weft_op op, const weft_node *core, weft_value *const *inputs,
                       size_t input_count)
{
    weft_node *node =
        weft_rewrite_add(lq->graph, lq->at, op, core->name, inputs, input_count, core);
    for (size_t i = lq->between.count; i > 0; i--)
        weft_rewrite_add_sources(lq->graph, node, lq->between.data[i - 1]);
    weft_rewrite_add_sources(lq->graph, node, lq->at);
    return node;
}

void weft_lq_set(weft_lq *lq, weft_node *node, const char *name, int64_t value)
{
    weft_attrs_set_int(&node->attrs, lq->graph->arena, name, value);
}

void weft_lq_set_dtype(weft_lq *lq, weft_node *node, const char *name, weft_dtype dtype)
{
    weft_attrs_set_string(&node->attrs, lq->graph->arena, name, weft_dtype_name(dtype));
}

static int32_t lowest(weft_dtype dtype)
{
    return dtype == WEFT_DTYPE_U8 ? 0 : -128;
}

void weft_lq_set_stage(weft_lq *lq, weft_node *node, const char *stage,
                       const weft_lq_result *result)
{
    weft_arena *arena = lq->graph->arena;
    weft_lq_set(lq, node, weft_arena_printf(arena, "%s_zero", stage), result->zero);
    if (result->low != lowest(result->dtype))
        weft_lq_set(lq, node, weft_arena_printf(arena, "%s_min", stage), result->low);
    if (result->high != lowest(result->dtype) + 255)
        weft_lq_set(lq, node, weft_arena_printf(arena, "%s_max", stage), result->high);
}

weft_status weft_lq_finish(weft_lq *lq, weft_value *value)
{
    weft_value *y = lq->at->outputs[0];
    if (!weft_rewrite_can_replace(lq->graph, y, value)) { /* an input as an output */
        weft_node *copy =
            weft_rewrite_add(lq->graph, lq->at, WEFT_OP_Identity, lq->at->name, &value, 1, lq->at);
        weft_status status = weft_node_infer(lq->graph, copy, lq->diag);
        if (status != WEFT_OK)
            return status;
        value = copy->outputs[0];
    }
    lq->changes++;
    return weft_rewrite_replace(lq->graph, y, value, lq->diag);
}

/* ---- what a QuantizeLinear writes ---- */

static bool read_result(weft_lq *lq, const weft_node *node)
{
    double zero = 0;
    const weft_value *offset = weft_node_input(node, 2);
    if (!weft_value_const_scalar(node->inputs[1], &lq->result.scale) ||
        (offset && !weft_value_const_scalar(offset, &zero)))
        return false;
    lq->result.dtype = node->outputs[0]->dtype;
    lq->result.zero = (int32_t)zero;
    lq->result.low = lowest(lq->result.dtype);
    lq->result.high = lq->result.low + 255;
    return lq->result.scale > 0 && isfinite(lq->result.scale);
}

/* y = min(max(x, low), high) with constants; gives x, or NULL. */
static weft_value *read_limits(const weft_node *node, float *low, float *high)
{
    double least = -INFINITY, most = INFINITY;
    weft_value *x = node->inputs[0];
    const weft_value *min = NULL, *max = NULL;
    if (node->op == WEFT_OP_Relu) {
        least = 0;
    } else if (node->op == WEFT_OP_Clip) {
        min = weft_node_input(node, 1);
        max = weft_node_input(node, 2);
    } else if ((node->op == WEFT_OP_Max || node->op == WEFT_OP_Min) && node->input_count == 2) {
        const weft_value *constant = node->inputs[1];
        if (weft_value_is_constant(x)) {
            constant = x;
            x = node->inputs[1];
        }
        min = node->op == WEFT_OP_Max ? constant : NULL;
        max = node->op == WEFT_OP_Min ? constant : NULL;
    } else {
        return NULL;
    }
    if ((min && !weft_value_const_scalar(min, &least)) ||
        (max && !weft_value_const_scalar(max, &most)) || !(least <= most) ||
        !weft_shape_equal(&x->shape, &node->outputs[0]->shape))
        return NULL;
    *low = (float)least;
    *high = (float)most;
    return x;
}

weft_value *weft_lq_peel_limits(weft_lq *lq, weft_value *value)
{
    for (int i = 0; i < MAX_BETWEEN && value->producer; i++) {
        float limits[2];
        int32_t codes[2];
        weft_value *x = read_limits(value->producer, &limits[0], &limits[1]);
        if (!x || x->dtype != WEFT_DTYPE_F32)
            break;
        /* rounding grows with the number, so limits may be applied to the codes */
        weft_lq_quantise(&lq->result, limits, 2, codes);
        int32_t low = lq->result.low, high = lq->result.high;
        lq->result.low = weft_clamp32(codes[0], low, high);
        lq->result.high = weft_clamp32(codes[1], low, high);
        WEFT_VEC_PUSH(lq->graph->arena, &lq->between, value->producer);
        value = x;
    }
    return value;
}

/* Two QuantizeLinear of one tensor to the same codes are one. */
static weft_node *find_twin(const weft_graph *graph, const weft_node *node)
{
    weft_value *x = node->inputs[0];
    weft_node *other = x->producer ? x->producer->next : graph->first;
    for (; other != node; other = other->next) {
        if (other->op != WEFT_OP_QuantizeLinear || other->inputs[0] != x ||
            other->outputs[0]->dtype != node->outputs[0]->dtype)
            continue;
        double scales[2], zeros[2] = {0, 0};
        const weft_node *both[2] = {other, node};
        bool is_same = true;
        for (int i = 0; i < 2; i++) {
            const weft_value *zero = weft_node_input(both[i], 2);
            is_same = is_same && weft_value_const_scalar(both[i]->inputs[1], &scales[i]) &&
                      (!zero || weft_value_const_scalar(zero, &zeros[i]));
        }
        if (is_same && scales[0] == scales[1] && zeros[0] == zeros[1])
            return other;
    }
    return NULL;
}

static weft_status join_twins(weft_lq *lq)
{
    for (weft_node *node = lq->graph->first, *next; node; node = next) {
        next = node->next;
        weft_node *twin = node->op == WEFT_OP_QuantizeLinear ? find_twin(lq->graph, node) : NULL;
        if (!twin || !weft_rewrite_can_replace(lq->graph, node->outputs[0], twin->outputs[0]))
            continue;
        lq->changes++;
        weft_status status =
            weft_rewrite_bypass(lq->graph, node->outputs[0], twin->outputs[0], lq->diag);
        if (status != WEFT_OK)
            return status;
    }
    return WEFT_OK;
}

/* ---- the walk ---- */

static bool moves_only(weft_op op)
{
    switch ((int)op) {
    case WEFT_OP_Cast:
    case WEFT_OP_Concat:
    case WEFT_OP_DequantizeLinear:
    case WEFT_OP_Expand:
    case WEFT_OP_Flatten:
    case WEFT_OP_Gather:
    case WEFT_OP_Identity:
    case WEFT_OP_Pad:
    case WEFT_OP_Reshape:
    case WEFT_OP_Slice:
    case WEFT_OP_Split:
    case WEFT_OP_Squeeze:
    case WEFT_OP_Tile:
    case WEFT_OP_Transpose:
    case WEFT_OP_Unsqueeze: return true;
    default: return false;
    }
}

/* A constant behind nodes that only move or dequantise. */
static bool is_from_constant(const weft_value *value)
{
    for (int i = 0; i < MAX_BETWEEN && value->producer && moves_only(value->producer->op); i++)
        value = value->producer->inputs[0];
    return weft_value_is_constant(value);
}

/* A product of two computed matrices, with factors behind it. */
static weft_status lower_matmul(weft_lq *lq, weft_value *value, bool *done)
{
    size_t limits = lq->between.count;
    double factor;
    weft_node *core = weft_lq_peel_factors(lq, value, &factor)->producer;
    weft_status status = WEFT_OK;
    if (core && core->op == WEFT_OP_MatMul && !is_from_constant(core->inputs[1]))
        status = weft_lq_matmul(lq, core, factor, done);
    lq->between.count = *done ? lq->between.count : limits;
    return status;
}

static weft_status lower_operator(weft_lq *lq, weft_value *value, bool *done)
{
    weft_node *core = value->producer;
    weft_status status = lower_matmul(lq, value, done);
    if (status != WEFT_OK || *done)
        return status;
    switch (core ? (int)core->op : WEFT_OP_NONE) {
    case WEFT_OP_Add:
    case WEFT_OP_Sub: status = weft_lq_sum(lq, core, done); break;
    case WEFT_OP_Mul: status = weft_lq_multiply(lq, core, done); break;
    case WEFT_OP_AveragePool:
    case WEFT_OP_GlobalAveragePool:
    case WEFT_OP_ReduceMean: status = weft_lq_average(lq, core, done); break;
    case WEFT_OP_Concat: status = weft_lq_concat(lq, core, done); break;
    case WEFT_OP_Softmax: status = weft_lq_softmax(lq, core, done); break;
    case WEFT_OP_LayerNormalization: status = weft_lq_layer_norm(lq, core, done); break;
    default: break;
    }
    if (status == WEFT_OK && !*done)
        status = weft_lq_product(lq, value, done);
    return status;
}

static weft_status visit_quantize(weft_lq *lq, weft_node *node)
{
    weft_value *x = node->inputs[0], *y = NULL;
    const weft_lq_codes *codes = NULL;
    bool done = false;
    lq->at = node;
    lq->between.count = 0;
    if (!read_result(lq, node)) {
        if (x->producer)
            weft_lq_refuse(lq, x->producer, "its result is quantised with a scale per channel");
        return WEFT_OK;
    }
    weft_status status = weft_lq_trace_codes(lq, x, &codes);
    if (status != WEFT_OK)
        return status;
    if (codes) {
        status = weft_lq_requantise(lq, x->producer, codes, &y);
        return status == WEFT_OK ? weft_lq_finish(lq, y) : status;
    }
    return lower_operator(lq, weft_lq_peel_limits(lq, x), &done);
}

/* MaxPool on 8-bit tensors, as QOperator models have it. */
static weft_status visit_pool(weft_lq *lq, weft_node *node)
{
    weft_value *y = NULL;
    lq->at = node;
    lq->between.count = 0;
    weft_status status = weft_lq_maximum(lq, node, node->inputs[0], &y);
    return status == WEFT_OK && y ? weft_lq_finish(lq, y) : status;
}

/* ---- what stays in float ---- */

static const char *default_reason(const weft_graph *graph, const weft_node *node)
{
    for (size_t i = 0; i < node->input_count; i++) {
        const weft_value *x = node->inputs[i];
        if (x && !weft_value_is_constant(x) && x->dtype == WEFT_DTYPE_F32 &&
            !weft_rewrite_producer(x, WEFT_OP_DequantizeLinear))
            return "what it reads is not quantised";
    }
    const weft_node *user = weft_rewrite_first_user(graph, node->outputs[0]);
    if (!user || user->op != WEFT_OP_QuantizeLinear)
        return "its result is not quantised";
    return "this operator has no 8-bit form";
}

static void list_floats(weft_lq *lq)
{
    weft_graph *graph = lq->graph;
    graph->is_quantised = true;
    graph->floats.count = 0;
    for (const weft_node *node = graph->first; node; node = node->next) {
        const weft_value *y = node->outputs[0];
        if (!y || y->dtype != WEFT_DTYPE_F32 || moves_only(node->op))
            continue;
        const char *reason = weft_map_get(&lq->reasons, node->name);
        weft_float_node entry = {.name = node->name,
                                 .op = node->op,
                                 .reason = reason ? reason : default_reason(graph, node),
                                 .macs = weft_node_cost(node).macs};
        WEFT_VEC_PUSH(graph->arena, &graph->floats, entry);
    }
}

static bool has_quantised(const weft_graph *graph)
{
    for (size_t i = 0; i < graph->inputs.count; i++)
        if (graph->inputs.data[i]->dtype == WEFT_DTYPE_U8 ||
            graph->inputs.data[i]->dtype == WEFT_DTYPE_I8)
            return true;
    for (const weft_node *node = graph->first; node; node = node->next)
        if (node->op == WEFT_OP_QuantizeLinear || node->op == WEFT_OP_DequantizeLinear)
            return true;
    return false;
}

weft_status weft_pass_lower_quantized(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    weft_lq lq = {.graph = graph, .diag = diag};
    *out_changes = 0;
    if (!has_quantised(graph))
        return WEFT_OK;
    weft_map_init(&lq.reasons, graph->arena);
    for (size_t i = 0; i < graph->values.count; i++)
        graph->values.data[i]->mark = 0;
    weft_status joined = join_twins(&lq);
    if (joined != WEFT_OK)
        return joined;
    for (weft_node *node = graph->first, *next; node; node = next) {
        weft_status status = WEFT_OK;
        next = node->next;
        if (node->op == WEFT_OP_QuantizeLinear)
            status = visit_quantize(&lq, node);
        else if (node->op == WEFT_OP_MaxPool && node->outputs[0] &&
                 (node->outputs[0]->dtype == WEFT_DTYPE_U8 ||
                  node->outputs[0]->dtype == WEFT_DTYPE_I8))
            status = visit_pool(&lq, node);
        if (status != WEFT_OK)
            return status;
    }
    weft_rewrite_remove_dead(graph);
    *out_changes = lq.changes;
    weft_status folded = weft_fold_constants(graph, true, out_changes, diag);
    list_floats(&lq); /* what constants alone make is gone by now */
    return folded;
}
