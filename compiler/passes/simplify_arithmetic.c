/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of simplify on arithmetic with f32 constants: Sub and Div become Add and Mul; chains
 * combine in the order Mul, then Add; neutral elements go; limits (Relu, Clip, Max, Min by a
 * scalar) become one Clip or Relu. Must not know layouts.
 *
 * Each rule gives the same value up to the rounding of the combined constants. */
#include <float.h>
#include <math.h>

#include "compiler/passes/rewrite.h"
#include "compiler/passes/simplify.h"

/* The constant operand of a two-input node and, in *out_other, the other one; NULL when there is
 * none of type f32. */
static weft_value *constant_operand(const weft_node *node, weft_value **out_other)
{
    for (size_t i = 0; i < 2; i++) {
        *out_other = node->inputs[1 - i];
        if (weft_rewrite_f32(node->inputs[i]) && !weft_value_is_constant(*out_other))
            return node->inputs[i];
    }
    return NULL;
}

/* x - c and x / c */
static weft_status to_add_or_mul(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    weft_value *c = node->inputs[1];
    const float *data = weft_rewrite_f32(c);
    int64_t elems;
    if ((node->op != WEFT_OP_Sub && node->op != WEFT_OP_Div) || !data ||
        weft_value_is_constant(node->inputs[0]) || !weft_shape_elems(&c->shape, &elems))
        return WEFT_OK;
    float *to = WEFT_NEW_ARRAY(graph->arena, float, (size_t)elems);
    for (int64_t i = 0; i < elems; i++) {
        to[i] = node->op == WEFT_OP_Sub ? -data[i] : 1.0F / data[i];
        if (node->op == WEFT_OP_Div && !isnormal(to[i])) /* the reciprocal would lose digits */
            return WEFT_OK;
    }
    weft_value *constant = weft_graph_add_constant(graph, weft_rewrite_base_name(graph, c->name),
                                                   WEFT_DTYPE_F32, &c->shape, to);
    weft_node *made =
        weft_rewrite_add(graph, node, node->op == WEFT_OP_Sub ? WEFT_OP_Add : WEFT_OP_Mul,
                         node->name, (weft_value *[]){node->inputs[0], constant}, 2, node);
    weft_status status = weft_node_infer(graph, made, diag);
    if (status != WEFT_OK)
        return status;
    *done = true;
    return weft_rewrite_replace(graph, node->outputs[0], made->outputs[0], diag);
}

/* x + 0 and x * 1 */
static weft_status drop_neutral(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    weft_value *x;
    weft_value *c = constant_operand(node, &x);
    if (!c || !weft_rewrite_all_equal(c, node->op == WEFT_OP_Add ? 0.0F : 1.0F) ||
        !weft_rewrite_can_replace(graph, node->outputs[0], x))
        return WEFT_OK;
    *done = true;
    return weft_rewrite_bypass(graph, node->outputs[0], x, diag);
}

/* op2(op1(x, c1), c2), op1's result used here only:
 *   (x * c1) * c2 = x * (c1 * c2)        (x + c1) + c2 = x + (c1 + c2)
 *   (u * c0 + c1) * c2 = u * (c0 * c2) + c1 * c2 */
static weft_status combine_chain(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    weft_value *inner, *x;
    weft_value *c2 = constant_operand(node, &inner);
    weft_node *first = c2 ? inner->producer : NULL;
    if (!first || (first->op != WEFT_OP_Add && first->op != WEFT_OP_Mul) ||
        weft_rewrite_single_user(graph, inner) != node)
        return WEFT_OK;
    weft_value *c1 = constant_operand(first, &x);
    weft_value *y = node->outputs[0];
    if (!c1 || !weft_shape_equal(&x->shape, &y->shape))
        return WEFT_OK;
    bool swap = first->op == WEFT_OP_Add && node->op == WEFT_OP_Mul;
    if (!swap && first->op != node->op)
        return WEFT_OK;
    weft_node *scale = swap ? weft_rewrite_producer(x, WEFT_OP_Mul) : NULL;
    weft_value *unused;
    if (swap && (!scale || !constant_operand(scale, &unused) || x->use_count != 1))
        return WEFT_OK;
    weft_value *both = weft_rewrite_combine(graph, node->op, c1, c2);
    if (!both)
        return WEFT_OK;
    weft_value *left = x;
    if (swap) {
        weft_node *mul = weft_rewrite_add(graph, node, WEFT_OP_Mul, node->name,
                                          (weft_value *[]){x, c2}, 2, node);
        weft_status status = weft_node_infer(graph, mul, diag);
        if (status != WEFT_OK)
            return status;
        left = mul->outputs[0];
    }
    weft_node *made = weft_rewrite_add(graph, node, first->op, first->name,
                                       (weft_value *[]){left, both}, 2, first);
    weft_rewrite_add_sources(graph, made, node);
    weft_status status = weft_node_infer(graph, made, diag);
    if (status != WEFT_OK)
        return status;
    *done = true;
    return weft_rewrite_replace(graph, y, made->outputs[0], diag);
}

typedef struct limits {
    double low, high; /* infinite: none */
    weft_value *x;
} limits;

/* Reads y = min(max(x, low), high) from a node whose result has the shape of x. */
static bool read_limits(const weft_node *node, limits *out)
{
    *out = (limits){-INFINITY, INFINITY, node->inputs[0]};
    if (node->outputs[0]->dtype != WEFT_DTYPE_F32)
        return false;
    if (node->op == WEFT_OP_Relu) {
        out->low = 0.0;
        return true;
    }
    if (node->op == WEFT_OP_Clip) {
        const weft_value *low = weft_node_input(node, 1), *high = weft_node_input(node, 2);
        if ((low && !weft_value_const_scalar(low, &out->low)) ||
            (high && !weft_value_const_scalar(high, &out->high)))
            return false;
    } else if ((node->op == WEFT_OP_Max || node->op == WEFT_OP_Min) && node->input_count == 2) {
        const weft_value *c = constant_operand(node, &out->x);
        if (!c || !weft_value_const_scalar(c, node->op == WEFT_OP_Max ? &out->low : &out->high) ||
            !weft_shape_equal(&out->x->shape, &node->outputs[0]->shape))
            return false;
    } else {
        return false;
    }
    /* the largest finite number as a limit is how exporters say that there is none */
    if (out->low <= -(double)FLT_MAX)
        out->low = -INFINITY;
    if (out->high >= (double)FLT_MAX)
        out->high = INFINITY;
    return out->low <= out->high;
}

static weft_value *limit_constant(weft_graph *graph, double limit)
{
    if (isinf(limit))
        return NULL;
    float number = (float)limit;
    return weft_graph_add_constant(graph, NULL, WEFT_DTYPE_F32, &(weft_shape){.rank = 0},
                                   weft_arena_dup(graph->arena, &number, sizeof number));
}

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* Two limits after each other are one; [0, inf) is Relu; Max and Min by a scalar are Clip. */
static weft_status merge_limits(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    limits outer, inner;
    if (!read_limits(node, &outer))
        return WEFT_OK;
    weft_node *first = outer.x->producer;
    bool merge =
        first && read_limits(first, &inner) && weft_rewrite_single_user(graph, outer.x) == node;
    if (merge) {
        outer.x = inner.x;
        inner.low = clamp(inner.low, outer.low, outer.high);
        inner.high = clamp(inner.high, outer.low, outer.high);
        outer.low = inner.low;
        outer.high = inner.high;
    }
    bool is_relu = outer.low == 0.0 && isinf(outer.high);
    if (!merge && (node->op == WEFT_OP_Relu || (node->op == WEFT_OP_Clip && !is_relu)))
        return WEFT_OK;
    weft_value *inputs[3] = {outer.x, NULL, NULL};
    if (!is_relu) {
        inputs[1] = limit_constant(graph, outer.low);
        inputs[2] = limit_constant(graph, outer.high);
    }
    weft_node *made =
        weft_rewrite_add(graph, node, is_relu ? WEFT_OP_Relu : WEFT_OP_Clip, node->name, inputs,
                         is_relu     ? 1
                         : inputs[2] ? 3
                                     : 2,
                         node);
    if (merge)
        weft_rewrite_add_sources(graph, made, first);
    weft_status status = weft_node_infer(graph, made, diag);
    if (status != WEFT_OK)
        return status;
    *done = true;
    return weft_rewrite_replace(graph, node->outputs[0], made->outputs[0], diag);
}

weft_status weft_simplify_arithmetic(weft_graph *graph, weft_node *node, bool *out_done,
                                     weft_diag *diag)
{
    weft_status status = WEFT_OK;
    if (node->outputs[0]->dtype != WEFT_DTYPE_F32)
        return status;
    switch ((int)node->op) {
    case WEFT_OP_Sub:
    case WEFT_OP_Div: return to_add_or_mul(graph, node, out_done, diag);
    case WEFT_OP_Add:
    case WEFT_OP_Mul:
        status = drop_neutral(graph, node, out_done, diag);
        if (status != WEFT_OK || *out_done)
            return status;
        return combine_chain(graph, node, out_done, diag);
    case WEFT_OP_Relu:
    case WEFT_OP_Clip:
    case WEFT_OP_Max:
    case WEFT_OP_Min: return merge_limits(graph, node, out_done, diag);
    default: return status;
    }
}
