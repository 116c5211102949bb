/* SPDX-License-Identifier: Apache-2.0 */
/* hoist-rows: where only some rows of a result are used (the class token after the last block), the
 * choice moves above operators that work row by row, so that rows nobody reads are not computed. A
 * Gather of one index becomes a Slice and a view. Must not know networks.
 *
 * needs: Linear; attention and token convolutions fused.
 * keeps: values exactly.
 * breaks: nothing. Ends because each step moves a Slice above one more node. */
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

/* Rows start .. start + length - 1 along an axis of x. */
typedef struct rows {
    int axis;
    int64_t start, length;
} rows;

/* A Slice with step 1 of one axis of an f32 tensor. */
static bool read_slice(const weft_node *node, rows *out)
{
    int64_t start, axis = 0, step = 1, end;
    size_t count, other = 1;
    if (node->op != WEFT_OP_Slice || node->outputs[0]->dtype != WEFT_DTYPE_F32 ||
        weft_value_is_constant(node->inputs[0]) ||
        !weft_value_const_ints(node->inputs[1], &start, 1, &count) || count != 1 ||
        !weft_value_const_ints(node->inputs[2], &end, 1, &other))
        return false;
    const weft_value *axes = weft_node_input(node, 3), *steps = weft_node_input(node, 4);
    if ((axes && (!weft_value_const_ints(axes, &axis, 1, &other) || other != 1)) ||
        (steps && (!weft_value_const_ints(steps, &step, 1, &other) || other != 1)) || step != 1)
        return false;
    const weft_shape *shape = &node->inputs[0]->shape;
    out->axis = (int)(axis < 0 ? axis + shape->rank : axis);
    int64_t size = shape->dims[out->axis];
    start += start < 0 ? size : 0;
    out->start = start < 0 ? 0 : start;
    out->length = node->outputs[0]->shape.dims[out->axis];
    return out->length > 0 && out->length < size;
}

static weft_value *ints(weft_graph *graph, int64_t number)
{
    return weft_graph_add_constant_ints(graph, NULL, &number, 1);
}

static bool same_rows(const weft_node *node, const weft_value *x, const rows *r)
{
    rows other;
    return node->inputs[0] == x && read_slice(node, &other) && other.axis == r->axis &&
           other.start == r->start && other.length == r->length;
}

/* These rows of x: a Slice that is there already, moved up when it stands behind `before`, or a new
 * one before `before`. */
static weft_status slice_of(weft_graph *graph, weft_node *before, weft_value *x, const rows *r,
                            const weft_node *source, weft_value **out, weft_diag *diag)
{
    bool is_behind = false;
    for (weft_node *node = x->producer ? x->producer->next : graph->first; node;
         node = node->next) {
        is_behind = is_behind || node == before;
        if (node == before || node == source || !same_rows(node, x, r))
            continue;
        if (is_behind)
            weft_graph_move_before(graph, node, before);
        weft_rewrite_add_sources(graph, node, source);
        *out = node->outputs[0];
        return WEFT_OK;
    }
    weft_value *inputs[5] = {x, ints(graph, r->start), ints(graph, r->start + r->length),
                             ints(graph, r->axis), ints(graph, 1)};
    const char *name =
        weft_arena_printf(graph->arena, "%s/rows", weft_rewrite_base_name(graph, x->name));
    weft_node *node = weft_rewrite_add(graph, before, WEFT_OP_Slice, name, inputs, 5, NULL);
    weft_rewrite_add_sources(graph, node, source);
    *out = node->outputs[0];
    weft_status status = weft_node_infer(graph, node, diag);
    if (status != WEFT_OK || !weft_value_is_constant(x))
        return status;
    return weft_node_fold(graph, node, diag);
}

/* Gather of one index along an axis: the same elements as a Slice. */
static weft_status gather_to_slice(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    int64_t index, axis = weft_attrs_int(&node->attrs, "axis", 0);
    size_t count;
    weft_value *x = node->inputs[0], *y = node->outputs[0], *chosen = NULL, *view = NULL;
    if (y->dtype != WEFT_DTYPE_F32 || weft_value_is_constant(x) ||
        !weft_value_const_ints(node->inputs[1], &index, 1, &count) || count != 1)
        return WEFT_OK;
    rows r = {.axis = (int)(axis < 0 ? axis + x->shape.rank : axis), .length = 1};
    r.start = index < 0 ? index + x->shape.dims[r.axis] : index;
    weft_status status = slice_of(graph, node, x, &r, node, &chosen, diag);
    if (status == WEFT_OK)
        status = weft_rewrite_reshape(graph, node, chosen, &y->shape, node, &view, diag);
    if (status != WEFT_OK || !weft_rewrite_can_replace(graph, y, view))
        return status;
    *done = true;
    return weft_rewrite_replace(graph, y, view, diag);
}

/* Which inputs of the node the rows are taken from; bit i is input i. 0: the node does not work row
 * by row along the axis. */
static unsigned row_inputs(const weft_node *node, const rows *r)
{
    const weft_shape *y = &node->outputs[0]->shape;
    int64_t axis;
    switch ((int)node->op) {
    case WEFT_OP_Gelu:
    case WEFT_OP_Relu:
    case WEFT_OP_Sigmoid:
    case WEFT_OP_Tanh:
    case WEFT_OP_Erf: return 1U;
    case WEFT_OP_Add:
    case WEFT_OP_Mul: return 3U;
    case WEFT_OP_LayerNormalization:
        axis = weft_attrs_int(&node->attrs, "axis", -1);
        return r->axis < (axis < 0 ? axis + y->rank : axis) ? 1U : 0U;
    case WEFT_OP_Linear: return r->axis < y->rank - 1 ? 9U : 0U;
    case WEFT_OP_Attention: /* a mask has its queries elsewhere */
        return r->axis == 1 && !weft_node_input(node, 4) ? 9U : 0U;
    case WEFT_OP_TokenConv: /* class tokens: the residual alone */
        return r->axis == 1 && weft_node_input(node, 3) &&
                       r->start + r->length <= weft_attrs_int(&node->attrs, "prefix", 0)
                   ? 8U
                   : 0U;
    default: return 0U;
    }
}

/* All readers of value take the same rows, or, with and_others, other ones: a class token here and
 * the patches there. */
static bool is_read_by_rows_only(const weft_graph *graph, const weft_value *value, const rows *r,
                                 bool and_others)
{
    size_t readers = 0;
    rows other;
    if (weft_value_is_output(graph, value))
        return false;
    for (const weft_node *node = value->producer->next; node; node = node->next) {
        if (node->op != WEFT_OP_Slice || node->inputs[0] != value || !read_slice(node, &other) ||
            other.axis != r->axis)
            continue;
        bool is_same = other.start == r->start && other.length == r->length;
        bool is_apart =
            other.start >= r->start + r->length || r->start >= other.start + other.length;
        readers += is_same || (and_others && is_apart);
    }
    return readers == value->use_count;
}

/* The rows of an operand of a node whose result has the shape given; an operand that is the same
 * for all rows stays. */
static weft_status operand_rows(weft_graph *graph, weft_node *slice, weft_value *x,
                                const weft_shape *shape, const rows *r, weft_value **out,
                                weft_diag *diag)
{
    rows own = *r;
    own.axis -= shape->rank - x->shape.rank;
    *out = x;
    if (own.axis < 0 || x->shape.dims[own.axis] == 1)
        return WEFT_OK;
    return slice_of(graph, slice, x, &own, slice, out, diag);
}

static weft_status hoist(weft_graph *graph, weft_node *slice, const rows *r, unsigned inputs,
                         weft_diag *diag)
{
    weft_node *node = slice->inputs[0]->producer;
    weft_value *copy[8] = {NULL};
    if (node->op == WEFT_OP_TokenConv) {
        weft_value *chosen = NULL;
        weft_status status =
            operand_rows(graph, slice, node->inputs[3], &node->outputs[0]->shape, r, &chosen, diag);
        return status == WEFT_OK ? weft_rewrite_replace(graph, slice->outputs[0], chosen, diag)
                                 : status;
    }
    for (size_t i = 0; i < node->input_count; i++) {
        copy[i] = node->inputs[i];
        if (!(inputs >> i & 1U) || !copy[i])
            continue;
        weft_status status =
            operand_rows(graph, slice, copy[i], &node->outputs[0]->shape, r, &copy[i], diag);
        if (status != WEFT_OK)
            return status;
    }
    weft_node *made =
        weft_rewrite_add(graph, slice, node->op, node->name, copy, node->input_count, node);
    weft_rewrite_copy_attrs(graph, made, node);
    weft_status status = weft_node_infer(graph, made, diag);
    return status == WEFT_OK
               ? weft_rewrite_replace(graph, slice->outputs[0], made->outputs[0], diag)
               : status;
}

/* The rows are one part of a concatenation along their axis. */
static weft_value *part_of_concat(const weft_node *concat, const rows *r)
{
    int64_t axis = weft_attrs_int(&concat->attrs, "axis", 0), start = 0;
    axis += axis < 0 ? concat->outputs[0]->shape.rank : 0;
    for (size_t i = 0; axis == r->axis && i < concat->input_count; i++) {
        weft_value *part = concat->inputs[i];
        if (start == r->start && part->shape.dims[axis] == r->length)
            return weft_value_is_constant(part) ? NULL : part;
        start += part->shape.dims[axis];
    }
    return NULL;
}

static weft_status visit(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    rows r;
    if (node->op == WEFT_OP_Gather)
        return gather_to_slice(graph, node, done, diag);
    if (!read_slice(node, &r) || !node->inputs[0]->producer ||
        node->inputs[0]->producer->output_count != 1)
        return WEFT_OK;
    if (node->inputs[0]->producer->op == WEFT_OP_Concat) {
        weft_value *part = part_of_concat(node->inputs[0]->producer, &r);
        if (!part || !weft_rewrite_can_replace(graph, node->outputs[0], part))
            return WEFT_OK;
        *done = true;
        return weft_rewrite_bypass(graph, node->outputs[0], part, diag);
    }
    unsigned inputs = row_inputs(node->inputs[0]->producer, &r);
    bool is_norm = node->inputs[0]->producer->op == WEFT_OP_LayerNormalization;
    if (!inputs || !is_read_by_rows_only(graph, node->inputs[0], &r, is_norm))
        return WEFT_OK;
    *done = true;
    return hoist(graph, node, &r, inputs, diag);
}

weft_status weft_pass_hoist_rows(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    return weft_rewrite_backwards_until_still(graph, visit, out_changes, diag);
}
