/* SPDX-License-Identifier: Apache-2.0 */
/* split-sums: a constant added to a concatenation that has a constant part (a class token in front
 * of the patches, then the table of positions) is added to the parts: the constant part is computed
 * here, and what another part's producer makes can take the sum as it is made. Must not know what
 * produces a part.
 *
 * needs: constants folded; layout done.
 * keeps: values exactly.
 * breaks: nothing. */
#include <string.h>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

/* Indices start .. start + length - 1 of an axis of an f32 constant. */
static weft_value *slice_constant(weft_graph *graph, const weft_value *value, int axis,
                                  int64_t start, int64_t length)
{
    weft_shape shape = value->shape;
    int64_t outer = 1, inner = 1, size = shape.dims[axis];
    if (size == length)
        return weft_rewrite_view_constant(graph, value, &shape);
    for (int i = 0; i < shape.rank; i++) {
        outer *= i < axis ? shape.dims[i] : 1;
        inner *= i > axis ? shape.dims[i] : 1;
    }
    shape.dims[axis] = length;
    const float *from = weft_rewrite_f32(value);
    float *to = WEFT_NEW_ARRAY(graph->arena, float, (size_t)(outer * length * inner));
    for (int64_t i = 0; i < outer; i++)
        memcpy(to + i * length * inner, from + (i * size + start) * inner,
               (size_t)(length * inner) * sizeof *to);
    return weft_graph_add_constant(graph, weft_rewrite_base_name(graph, value->name),
                                   WEFT_DTYPE_F32, &shape, to);
}

/* part + constant before node; below a view that only this sum reads, so that the producer meets
 * it. */
static weft_status add_to_part(weft_graph *graph, weft_node *node, weft_value *part,
                               weft_value *constant, weft_value **out, weft_diag *diag)
{
    weft_node *view = weft_rewrite_producer(part, WEFT_OP_Reshape);
    weft_value *x = part;
    if (view && part->use_count == 1 && weft_shape_equal(&constant->shape, &part->shape)) {
        x = view->inputs[0];
        constant = weft_rewrite_view_constant(graph, constant, &x->shape);
    }
    weft_node *add = weft_rewrite_add(graph, node, WEFT_OP_Add, node->name,
                                      (weft_value *[]){x, constant}, 2, node);
    weft_status status = weft_node_infer(graph, add, diag);
    if (status == WEFT_OK)
        status = weft_rewrite_reshape(graph, node, add->outputs[0], &part->shape, NULL, out, diag);
    return status;
}

static weft_status split(weft_graph *graph, weft_node *add, weft_node *concat,
                         const weft_value *constant, int axis, weft_diag *diag)
{
    weft_value **parts = WEFT_NEW_ARRAY(graph->arena, weft_value *, concat->input_count);
    int64_t start = 0;
    weft_shape own = weft_rewrite_pad_rank(&constant->shape, concat->outputs[0]->shape.rank);
    const weft_value *padded = weft_rewrite_view_constant(graph, constant, &own);
    for (size_t i = 0; i < concat->input_count; i++) {
        weft_value *part = concat->inputs[i];
        int64_t length = own.dims[axis] == 1 ? 1 : part->shape.dims[axis];
        weft_value *slice =
            slice_constant(graph, padded, axis, own.dims[axis] == 1 ? 0 : start, length);
        start += part->shape.dims[axis];
        parts[i] = NULL;
        if (weft_rewrite_f32(part))
            parts[i] = weft_rewrite_combine(graph, WEFT_OP_Add, part, slice);
        weft_status status =
            parts[i] ? WEFT_OK : add_to_part(graph, add, part, slice, &parts[i], diag);
        if (status != WEFT_OK)
            return status;
    }
    weft_node *made = weft_rewrite_add(graph, add, WEFT_OP_Concat, concat->name, parts,
                                       concat->input_count, concat);
    weft_rewrite_copy_attrs(graph, made, concat);
    weft_rewrite_add_sources(graph, made, add);
    weft_status status = weft_node_infer(graph, made, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, add->outputs[0], made->outputs[0], diag)
                             : status;
}

static weft_status visit(weft_graph *graph, weft_node *add, bool *done, weft_diag *diag)
{
    for (size_t i = 0; add->op == WEFT_OP_Add && i < 2; i++) {
        const weft_value *constant = add->inputs[1 - i];
        weft_node *concat = weft_rewrite_producer(add->inputs[i], WEFT_OP_Concat);
        if (!concat || !weft_rewrite_f32(constant) ||
            weft_rewrite_single_user(graph, add->inputs[i]) != add ||
            !weft_shape_equal(&add->inputs[i]->shape, &add->outputs[0]->shape))
            continue;
        bool has_constant = false;
        for (size_t k = 0; k < concat->input_count; k++)
            has_constant = has_constant || weft_rewrite_f32(concat->inputs[k]);
        int64_t axis = weft_attrs_int(&concat->attrs, "axis", 0);
        axis += axis < 0 ? add->outputs[0]->shape.rank : 0;
        if (!has_constant)
            continue;
        *done = true;
        return split(graph, add, concat, constant, (int)axis, diag);
    }
    return WEFT_OK;
}

weft_status weft_pass_split_sums(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    for (weft_node *node = graph->first, *next; node; node = next) {
        bool done = false;
        next = node->next;
        weft_status status = visit(graph, node, &done, diag);
        if (status != WEFT_OK)
            return status;
        *out_changes += done;
    }
    if (*out_changes > 0)
        weft_rewrite_remove_dead(graph);
    return WEFT_OK;
}
