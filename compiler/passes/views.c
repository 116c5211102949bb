/* SPDX-License-Identifier: Apache-2.0 */
/* Views and transposes: merge, bypass, make canonical. Must not know any pass. */
#include "compiler/passes/views.h"

#include "compiler/passes/rewrite.h"

/* A reduction of axes that all have one element gives that element. */
static bool reduces_nothing(const weft_node *node)
{
    const weft_value *x = node->inputs[0], *axes = weft_node_input(node, 1);
    int64_t list[WEFT_MAX_RANK];
    size_t count = 0;
    if (x->dtype != WEFT_DTYPE_F32 ||
        (axes &&
         (!weft_value_const_ints(axes, list, WEFT_MAX_RANK, &count) || count > WEFT_MAX_RANK)))
        return false;
    if (count == 0) {
        int64_t elems;
        return weft_attrs_int(&node->attrs, "noop_with_empty_axes", 0) == 0 &&
               weft_shape_elems(&x->shape, &elems) && elems == 1;
    }
    for (size_t i = 0; i < count; i++)
        if (x->shape.dims[list[i] < 0 ? list[i] + x->shape.rank : list[i]] != 1)
            return false;
    return true;
}

bool weft_view_is(const weft_node *node)
{
    switch ((int)node->op) {
    case WEFT_OP_Reshape:
    case WEFT_OP_Flatten:
    case WEFT_OP_Squeeze:
    case WEFT_OP_Unsqueeze: return true;
    case WEFT_OP_ReduceMean:
    case WEFT_OP_ReduceSum:
    case WEFT_OP_ReduceMax:
    case WEFT_OP_ReduceMin:
    case WEFT_OP_ReduceProd: return reduces_nothing(node);
    default: return false;
    }
}

static bool is_canonical(const weft_node *node)
{
    const weft_shape *shape = &node->outputs[0]->shape;
    int64_t dims[WEFT_MAX_RANK];
    size_t count;
    if (node->op != WEFT_OP_Reshape ||
        !weft_value_const_ints(node->inputs[1], dims, WEFT_MAX_RANK, &count) ||
        count != (size_t)shape->rank)
        return false;
    for (size_t i = 0; i < count; i++)
        if (dims[i] != shape->dims[i])
            return false;
    return true;
}

weft_status weft_view_visit(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag)
{
    if (!weft_view_is(node))
        return WEFT_OK;
    weft_value *x = node->inputs[0], *y = node->outputs[0];
    weft_node *before = weft_rewrite_producer(x, WEFT_OP_Reshape);
    weft_value *root = before ? before->inputs[0] : x;
    if (weft_shape_equal(&root->shape, &y->shape) || weft_shape_equal(&x->shape, &y->shape)) {
        weft_value *same = weft_shape_equal(&root->shape, &y->shape) ? root : x;
        if (!weft_rewrite_can_replace(graph, y, same))
            return WEFT_OK;
        if (same != x)
            weft_rewrite_add_sources(graph, node, before);
        *out_done = true;
        return weft_rewrite_bypass(graph, y, same, diag);
    }
    if (is_canonical(node) && !before && !weft_value_is_constant(x))
        return WEFT_OK;
    if (weft_value_is_constant(x) && weft_value_is_output(graph, y))
        return WEFT_OK;
    weft_value *view = NULL;
    weft_status status = weft_rewrite_reshape(graph, node, x, &y->shape, node, &view, diag);
    if (status != WEFT_OK)
        return status;
    *out_done = true;
    return weft_rewrite_replace(graph, y, view, diag);
}

static bool same_transpose(const weft_node *a, const weft_node *b)
{
    if (a->op != WEFT_OP_Transpose || a->inputs[0] != b->inputs[0])
        return false;
    int64_t left[WEFT_MAX_RANK], right[WEFT_MAX_RANK];
    weft_rewrite_perm(a, left);
    weft_rewrite_perm(b, right);
    for (int i = 0; i < a->inputs[0]->shape.rank; i++)
        if (left[i] != right[i])
            return false;
    return true;
}

weft_status weft_view_visit_transpose(weft_graph *graph, weft_node *node, bool *out_done,
                                      weft_diag *diag)
{
    if (node->op != WEFT_OP_Transpose)
        return WEFT_OK;
    weft_value *x = node->inputs[0], *y = node->outputs[0];
    int rank = x->shape.rank;
    int64_t perm[WEFT_MAX_RANK], first[WEFT_MAX_RANK];
    weft_rewrite_perm(node, perm);
    if (weft_rewrite_perm_is_identity(perm, rank) && weft_rewrite_can_replace(graph, y, x)) {
        *out_done = true;
        return weft_rewrite_bypass(graph, y, x, diag);
    }
    weft_node *before = weft_rewrite_producer(x, WEFT_OP_Transpose);
    if (before) {
        weft_rewrite_perm(before, first);
        for (int i = 0; i < rank; i++)
            perm[i] = first[perm[i]];
        weft_node_set_input(graph, node, 0, before->inputs[0]);
        weft_attrs_set_ints(&node->attrs, graph->arena, "perm", perm, (size_t)rank);
        weft_rewrite_add_sources(graph, node, before);
        *out_done = true;
        return weft_node_infer(graph, node, diag);
    }
    weft_node *twin = x->producer ? x->producer->next : graph->first;
    while (twin != node && !same_transpose(twin, node))
        twin = twin->next;
    if (twin == node || !weft_rewrite_can_replace(graph, y, twin->outputs[0]))
        return WEFT_OK;
    *out_done = true;
    return weft_rewrite_bypass(graph, y, twin->outputs[0], diag);
}

weft_status weft_view_from_transpose(weft_graph *graph, weft_node *node, bool *out_done,
                                     weft_diag *diag)
{
    if (node->op != WEFT_OP_Transpose)
        return WEFT_OK;
    weft_value *x = node->inputs[0], *y = node->outputs[0];
    int64_t perm[WEFT_MAX_RANK];
    weft_rewrite_perm(node, perm);
    if (!weft_rewrite_perm_is_view(perm, &x->shape) || weft_shape_equal(&x->shape, &y->shape) ||
        weft_value_is_constant(x))
        return WEFT_OK;
    weft_node *before = weft_rewrite_producer(x, WEFT_OP_Reshape);
    if (before && weft_shape_equal(&before->inputs[0]->shape, &y->shape)) {
        if (!weft_rewrite_can_replace(graph, y, before->inputs[0]))
            return WEFT_OK;
        weft_rewrite_add_sources(graph, node, before);
        *out_done = true;
        return weft_rewrite_bypass(graph, y, before->inputs[0], diag);
    }
    weft_value *view = NULL;
    weft_status status = weft_rewrite_reshape(graph, node, x, &y->shape, node, &view, diag);
    if (status != WEFT_OK)
        return status;
    *out_done = true;
    return weft_rewrite_replace(graph, y, view, diag);
}
