/* SPDX-License-Identifier: Apache-2.0 */
/* What a trace says about the order of elements, and the nodes that make a traced value again. Must
 * not know how traces come to be. */
#include "compiler/passes/rewrite.h"
#include "compiler/passes/trace.h"

bool weft_trace_is_reshape(const weft_trace *trace)
{
    int64_t expected = 1, elems;
    for (size_t i = trace->count; i-- > 0; expected *= trace->factors[i].size)
        if (trace->factors[i].stride != expected)
            return false;
    return trace->offset == 0 && weft_shape_elems(&trace->root->shape, &elems) &&
           elems == expected && trace->scale == 1.0;
}

/* The factors by falling stride. */
static void sort_factors(const weft_trace *trace, size_t *out_order)
{
    for (size_t i = 0; i < trace->count; i++) {
        size_t at = i;
        for (; at > 0 && trace->factors[out_order[at - 1]].stride < trace->factors[i].stride; at--)
            out_order[at] = out_order[at - 1];
        out_order[at] = i;
    }
}

bool weft_trace_is_whole(const weft_trace *trace)
{
    size_t order[WEFT_TRACE_FACTORS];
    int64_t expected = 1, elems;
    sort_factors(trace, order);
    for (size_t i = trace->count; i-- > 0; expected *= trace->factors[order[i]].size)
        if (trace->factors[order[i]].stride != expected)
            return false;
    return trace->offset == 0 && weft_shape_elems(&trace->root->shape, &elems) && elems == expected;
}

bool weft_trace_same(const weft_trace *a, const weft_trace *b)
{
    if (a->count != b->count || a->offset != b->offset || a->scale != b->scale)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->factors[i].dim != b->factors[i].dim || a->factors[i].size != b->factors[i].size ||
            a->factors[i].stride != b->factors[i].stride)
            return false;
    return true;
}

/* ---- making ---- */

static weft_status add_transpose(weft_graph *graph, weft_node *before, weft_value *x,
                                 const int64_t *perm, const weft_node *source,
                                 weft_value **out_value, weft_diag *diag)
{
    const char *name =
        weft_arena_printf(graph->arena, "%s/permuted", weft_rewrite_base_name(graph, x->name));
    return weft_rewrite_transpose(graph, before, x, name, perm, source, out_value, diag);
}

weft_status weft_trace_make(weft_graph *graph, weft_node *before, const weft_trace *trace,
                            const weft_shape *shape, const weft_node *source,
                            weft_value **out_value, weft_diag *diag)
{
    WEFT_ASSERT(weft_trace_is_whole(trace) && trace->scale == 1.0);
    weft_value *x = trace->root;
    weft_status status = WEFT_OK;
    if (!weft_trace_is_reshape(trace)) {
        size_t order[WEFT_TRACE_FACTORS];
        int64_t perm[WEFT_MAX_RANK];
        weft_shape sizes = {.rank = (int)trace->count};
        WEFT_ASSERT(trace->count <= WEFT_MAX_RANK);
        sort_factors(trace, order);
        for (size_t i = 0; i < trace->count; i++) {
            sizes.dims[i] = trace->factors[order[i]].size;
            perm[order[i]] = (int64_t)i;
        }
        status = weft_rewrite_reshape(graph, before, x, &sizes, source, &x, diag);
        if (status == WEFT_OK)
            status = add_transpose(graph, before, x, perm, source, &x, diag);
    }
    if (status == WEFT_OK)
        status = weft_rewrite_reshape(graph, before, x, shape, source, &x, diag);
    *out_value = x;
    return status;
}

weft_status weft_trace_collapse(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag)
{
    if (node->op != WEFT_OP_Transpose && node->op != WEFT_OP_Reshape)
        return WEFT_OK;
    weft_trace trace;
    weft_value *y = node->outputs[0], *view = NULL;
    weft_trace_value(y, WEFT_TRACE_RENAMED, &trace);
    if (trace.root == node->inputs[0] || trace.root == y || !weft_trace_is_reshape(&trace))
        return WEFT_OK;
    weft_status status =
        weft_rewrite_reshape(graph, node, trace.root, &y->shape, node, &view, diag);
    if (status != WEFT_OK || !weft_rewrite_can_replace(graph, y, view))
        return status;
    weft_node *heir = view->producer;
    if (heir)
        weft_trace_add_sources(graph, heir, y, trace.root);
    *out_done = true;
    return weft_rewrite_replace(graph, y, view, diag);
}
