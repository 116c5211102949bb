/* SPDX-License-Identifier: Apache-2.0 */
/* Rewriting the graph: users, building, replacing, permutations. Constants are in
 * rewrite_constant.c. Must not know any pass. */
#include "compiler/passes/rewrite.h"

#include <string.h>

/* ---- users ---- */

static bool reads(const weft_node *node, const weft_value *value)
{
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] == value)
            return true;
    return false;
}

weft_node *weft_rewrite_first_user(const weft_graph *graph, const weft_value *value)
{
    weft_node *node = value->producer ? value->producer->next : graph->first;
    while (node && !reads(node, value))
        node = node->next;
    return node;
}

weft_node *weft_rewrite_single_user(const weft_graph *graph, const weft_value *value)
{
    if (value->use_count != 1 || weft_value_is_output(graph, value))
        return NULL;
    return weft_rewrite_first_user(graph, value);
}

weft_node *weft_rewrite_producer(const weft_value *value, weft_op op)
{
    return value && value->producer && value->producer->op == op ? value->producer : NULL;
}

bool weft_rewrite_is_before(const weft_node *a, const weft_node *b)
{
    const weft_node *from_a = a->next, *from_b = b->next;
    for (;;) { /* both ways at once: neighbours are found quickly whichever comes first */
        if (from_a == b)
            return true;
        if (from_b == a || (!from_a && !from_b))
            return false;
        from_a = from_a ? from_a->next : NULL;
        from_b = from_b ? from_b->next : NULL;
    }
}

/* ---- building ---- */

static bool has_source(const weft_node *node, const char *name)
{
    for (size_t i = 0; i < node->source_count; i++)
        if (strcmp(node->sources[i], name) == 0)
            return true;
    return false;
}

void weft_rewrite_add_sources(weft_graph *graph, weft_node *node, const weft_node *from)
{
    size_t fresh = 0;
    for (size_t i = 0; i < from->source_count; i++)
        fresh += !has_source(node, from->sources[i]);
    if (fresh == 0)
        return;
    if (fresh == from->source_count) {
        weft_node_add_sources(graph, node, from);
        return;
    }
    const char **names = WEFT_NEW_ARRAY(graph->arena, const char *, fresh);
    weft_node part = {.sources = names};
    for (size_t i = 0; i < from->source_count; i++)
        if (!has_source(node, from->sources[i]))
            names[part.source_count++] = from->sources[i];
    weft_node_add_sources(graph, node, &part);
}

const char *weft_rewrite_base_name(weft_graph *graph, const char *name)
{
    for (;;) {
        size_t length = strlen(name), end = length;
        while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9')
            end--;
        if (end == length || end < 2 || name[end - 1] != '.')
            return name;
        const char *base = weft_arena_strndup(graph->arena, name, end - 1);
        if (!weft_graph_find_value(graph, base))
            return name;
        name = base;
    }
}

weft_node *weft_rewrite_add(weft_graph *graph, weft_node *before, weft_op op, const char *name,
                            weft_value *const *inputs, size_t input_count, const weft_node *source)
{
    const char *output_name = source && source->outputs[0] ? source->outputs[0]->name : name;
    output_name = output_name ? weft_rewrite_base_name(graph, output_name) : NULL;
    weft_node *node =
        weft_graph_add_node(graph, before, op, name, inputs, input_count, &output_name, 1);
    if (source)
        weft_rewrite_add_sources(graph, node, source);
    return node;
}

void weft_rewrite_copy_attrs(weft_graph *graph, weft_node *node, const weft_node *from)
{
    node->attrs.count = from->attrs.count;
    node->attrs.capacity = from->attrs.count;
    node->attrs.data =
        weft_arena_dup(graph->arena, from->attrs.data, from->attrs.count * sizeof(weft_attr));
}

bool weft_rewrite_can_replace(const weft_graph *graph, const weft_value *from, const weft_value *to)
{
    if (from == to || from->dtype != to->dtype || !from->has_shape || !to->has_shape ||
        !weft_shape_equal(&from->shape, &to->shape))
        return false;
    return !weft_value_is_output(graph, from) ||
           (to->producer && !to->is_input && !to->data && !weft_value_is_output(graph, to));
}

static bool is_dead(const weft_node *node)
{
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] && node->outputs[i]->use_count)
            return false;
    return true;
}

weft_status weft_rewrite_replace(weft_graph *graph, weft_value *from, weft_value *to,
                                 weft_diag *diag)
{
    if (!weft_rewrite_can_replace(graph, from, to)) {
        char old_shape[WEFT_SHAPE_TEXT], new_shape[WEFT_SHAPE_TEXT];
        weft_status status = weft_diag_error(diag, WEFT_E_PASS_CHANGED_SHAPE,
                                             "a rewrite would change the type of '%s'", from->name);
        weft_diag_field_set(diag, WEFT_DIAG_TENSOR, "%s", from->name);
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s %s", weft_dtype_name(from->dtype),
                            weft_shape_format(&from->shape, old_shape));
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s %s", weft_dtype_name(to->dtype),
                            weft_shape_format(&to->shape, new_shape));
        return status;
    }
    weft_node *old = from->producer;
    weft_graph_replace_uses(graph, from, to);
    if (old && is_dead(old))
        weft_graph_remove_node(graph, old);
    return WEFT_OK;
}

weft_status weft_rewrite_bypass(weft_graph *graph, weft_value *from, weft_value *to,
                                weft_diag *diag)
{
    weft_node *heir = to->producer ? to->producer : weft_rewrite_first_user(graph, from);
    if (heir && from->producer && weft_rewrite_can_replace(graph, from, to))
        weft_rewrite_add_sources(graph, heir, from->producer);
    return weft_rewrite_replace(graph, from, to, diag);
}

size_t weft_rewrite_remove_dead(weft_graph *graph)
{
    size_t removed = 0;
    for (weft_node *node = graph->last, *prev; node; node = prev) {
        prev = node->prev;
        if (is_dead(node)) {
            weft_graph_remove_node(graph, node);
            removed++;
        }
    }
    return removed;
}

weft_status weft_rewrite_reshape(weft_graph *graph, weft_node *before, weft_value *value,
                                 const weft_shape *shape, const weft_node *source,
                                 weft_value **out_value, weft_diag *diag)
{
    *out_value = value;
    if (weft_shape_equal(&value->shape, shape))
        return WEFT_OK;
    if (weft_value_is_constant(value)) {
        *out_value = weft_rewrite_view_constant(graph, value, shape);
        return WEFT_OK;
    }
    weft_node *view = weft_rewrite_producer(value, WEFT_OP_Reshape);
    if (view) {
        value = view->inputs[0];
        if (weft_shape_equal(&value->shape, shape)) {
            if (value->producer)
                weft_rewrite_add_sources(graph, value->producer, view);
            *out_value = value;
            return WEFT_OK;
        }
    }
    weft_value *dims = weft_graph_add_constant_ints(graph, NULL, shape->dims, (size_t)shape->rank);
    const char *name =
        weft_arena_printf(graph->arena, "%s/view", weft_rewrite_base_name(graph, value->name));
    weft_node *node = weft_rewrite_add(graph, before, WEFT_OP_Reshape, name,
                                       (weft_value *[]){value, dims}, 2, NULL);
    if (source)
        weft_rewrite_add_sources(graph, node, source);
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] == 0)
            weft_attrs_set_int(&node->attrs, graph->arena, "allowzero", 1);
    if (view)
        weft_rewrite_add_sources(graph, node, view);
    *out_value = node->outputs[0];
    return weft_node_infer(graph, node, diag);
}

/* ---- permutations ---- */

void weft_rewrite_perm(const weft_node *transpose, int64_t *out_perm)
{
    int rank = transpose->inputs[0]->shape.rank;
    if (weft_attrs_ints(&transpose->attrs, "perm", out_perm, (size_t)rank, 0) > 0)
        return;
    for (int i = 0; i < rank; i++)
        out_perm[i] = rank - 1 - i;
}

bool weft_rewrite_perm_is_identity(const int64_t *perm, int rank)
{
    for (int i = 0; i < rank; i++)
        if (perm[i] != i)
            return false;
    return true;
}

bool weft_rewrite_perm_is_view(const int64_t *perm, const weft_shape *shape)
{
    int64_t last = -1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[perm[i]] == 1)
            continue;
        if (perm[i] < last)
            return false;
        last = perm[i];
    }
    return true;
}

void weft_rewrite_perm_invert(const int64_t *perm, int rank, int64_t *out_inverse)
{
    for (int i = 0; i < rank; i++)
        out_inverse[perm[i]] = i;
}

weft_shape weft_rewrite_perm_shape(const int64_t *perm, const weft_shape *shape)
{
    weft_shape result = {.rank = shape->rank};
    for (int i = 0; i < shape->rank; i++)
        result.dims[i] = shape->dims[perm[i]];
    return result;
}

weft_status weft_rewrite_transpose(weft_graph *graph, weft_node *before, weft_value *x,
                                   const char *name, const int64_t *perm, const weft_node *source,
                                   weft_value **out_value, weft_diag *diag)
{
    weft_node *node = weft_rewrite_add(graph, before, WEFT_OP_Transpose, name, &x, 1, NULL);
    if (source)
        weft_rewrite_add_sources(graph, node, source);
    weft_attrs_set_ints(&node->attrs, graph->arena, "perm", perm, (size_t)x->shape.rank);
    *out_value = node->outputs[0];
    return weft_node_infer(graph, node, diag);
}

static weft_status until_still(weft_graph *graph, weft_rewrite_visit *visit, bool is_backwards,
                               size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    size_t before;
    do {
        before = *out_changes;
        weft_node *node = is_backwards ? graph->last : graph->first;
        while (node) {
            bool done = false;
            weft_node *next = is_backwards ? node->prev : node->next;
            weft_status status = visit(graph, node, &done, diag);
            if (status != WEFT_OK)
                return status;
            *out_changes += done;
            node = next;
        }
        weft_rewrite_remove_dead(graph);
    } while (*out_changes > before);
    return WEFT_OK;
}

weft_status weft_rewrite_until_still(weft_graph *graph, weft_rewrite_visit *visit,
                                     size_t *out_changes, weft_diag *diag)
{
    return until_still(graph, visit, false, out_changes, diag);
}

weft_status weft_rewrite_backwards_until_still(weft_graph *graph, weft_rewrite_visit *visit,
                                               size_t *out_changes, weft_diag *diag)
{
    return until_still(graph, visit, true, out_changes, diag);
}
