/* SPDX-License-Identifier: Apache-2.0 */
/* lower-masks: a choice between scores and a number below all of them becomes a sum with a mask,
 * which has a kernel; Where(IsNaN(p), 0, p) becomes p where the mask leaves every query a key. Must
 * not know attention beyond its softmax.
 *
 * needs: constants folded.
 * keeps: values where scores are finite and below 2^76; NaN in scores stays NaN.
 * breaks: nothing. */
#include <math.h>

#include "compiler/passes/masks.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

/* From here on x + c is c in f32 for every |x| < 2^76. */
#define LOWEST_SCORE (-0x1p100)

bool weft_mask_leaves_keys(const weft_value *mask)
{
    const float *number = weft_rewrite_f32(mask);
    int64_t keys = mask->shape.rank > 0 ? mask->shape.dims[mask->shape.rank - 1] : 1, elems;
    if (!number || keys < 1 || !weft_shape_elems(&mask->shape, &elems))
        return false;
    for (int64_t row = 0; row < elems / keys; row++) {
        bool any = false;
        for (int64_t i = 0; i < keys; i++)
            any = any || number[row * keys + i] > -INFINITY;
        if (!any)
            return false;
    }
    return true;
}

weft_node *weft_mask_guarded_softmax(const weft_value *value)
{
    const weft_node *choice = weft_rewrite_producer(value, WEFT_OP_Where);
    const weft_node *guard =
        choice ? weft_rewrite_producer(choice->inputs[0], WEFT_OP_IsNaN) : NULL;
    if (!guard || guard->inputs[0] != choice->inputs[2] || guard->inputs[0]->use_count != 2 ||
        !weft_rewrite_all_equal(choice->inputs[1], 0.0F))
        return NULL;
    return weft_rewrite_producer(choice->inputs[2], WEFT_OP_Softmax);
}

bool weft_mask_fits(const weft_value *mask, const weft_shape *scores)
{
    int rank = scores->rank;
    if (mask->dtype != WEFT_DTYPE_F32 || mask->shape.rank > rank || rank < 2)
        return false;
    /* Where images share a dimension with the heads, there must be one mask for all. What is
     * computed is not repeated. */
    weft_shape shape = weft_rewrite_pad_rank(&mask->shape, rank);
    for (int axis = 0; axis < rank; axis++)
        if (shape.dims[axis] != scores->dims[axis] &&
            (shape.dims[axis] != 1 || (axis >= rank - 2 && !weft_rewrite_f32(mask))))
            return false;
    for (int axis = 0; axis < rank - 2; axis++)
        if (rank != 4 && shape.dims[axis] != 1)
            return false;
    return true;
}

/* Rows and columns that stand for all are repeated. */
static weft_value *turned(weft_graph *graph, const weft_value *mask, const weft_shape *from,
                          const weft_shape *to)
{
    int64_t keys = to->dims[2], queries = to->dims[3], rows = from->dims[2], cols = from->dims[3];
    const float *number = weft_rewrite_f32(mask);
    float *made =
        WEFT_NEW_ARRAY(graph->arena, float, (size_t)(to->dims[0] * to->dims[1] * keys * queries));
    for (int64_t part = 0; part < to->dims[0] * to->dims[1]; part++)
        for (int64_t key = 0; key < keys; key++)
            for (int64_t query = 0; query < queries; query++)
                made[(part * keys + key) * queries + query] =
                    number[(part * rows + (rows > 1 ? query : 0)) * cols + (cols > 1 ? key : 0)];
    return weft_graph_add_constant(graph, weft_rewrite_base_name(graph, mask->name), WEFT_DTYPE_F32,
                                   to, made);
}

weft_status weft_mask_keys_first(weft_graph *graph, weft_node *before, weft_value *mask,
                                 const weft_shape *scores, weft_value **out_mask, weft_diag *diag)
{
    static const int64_t perm[4] = {0, 1, 3, 2};
    weft_shape from = weft_rewrite_pad_rank(&mask->shape, 4);
    weft_shape to = {.rank = 4,
                     .dims = {from.dims[0], from.dims[1], scores->dims[scores->rank - 1],
                              scores->dims[scores->rank - 2]}};
    if (weft_rewrite_f32(mask)) {
        *out_mask = turned(graph, mask, &from, &to);
        return WEFT_OK;
    }
    weft_status status = weft_rewrite_reshape(graph, before, mask, &from, NULL, &mask, diag);
    if (status != WEFT_OK)
        return status;
    const char *name =
        weft_arena_printf(graph->arena, "%s/keys_first", weft_rewrite_base_name(graph, mask->name));
    return weft_rewrite_transpose(graph, before, mask, name, perm, NULL, out_mask, diag);
}

/* Where(c, number, x) with constants c and number <= LOWEST_SCORE: x + Where(c, number, 0). The
 * same with c the other way round. */
static weft_status lower_choice(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    const weft_value *choice = node->inputs[0];
    weft_value *y = node->outputs[0];
    size_t scores = weft_value_is_constant(node->inputs[1]) ? 2 : 1;
    weft_value *x = node->inputs[scores];
    double number;
    int64_t elems;
    if (y->dtype != WEFT_DTYPE_F32 || !choice->data || weft_value_is_constant(x) ||
        !weft_value_const_scalar(node->inputs[3 - scores], &number) || !(number <= LOWEST_SCORE) ||
        !weft_shape_equal(&x->shape, &y->shape) || !weft_shape_elems(&choice->shape, &elems))
        return WEFT_OK;
    const uint8_t *chosen = choice->data;
    float *mask = WEFT_NEW_ARRAY(graph->arena, float, (size_t)elems);
    for (int64_t i = 0; i < elems; i++)
        mask[i] = (chosen[i] != 0) == (scores == 2) ? (float)number : 0.0F;
    weft_value *inputs[2] = {x, weft_graph_add_constant(graph,
                                                        weft_rewrite_base_name(graph, choice->name),
                                                        WEFT_DTYPE_F32, &choice->shape, mask)};
    weft_node *sum = weft_rewrite_add(graph, node, WEFT_OP_Add, node->name, inputs, 2, node);
    weft_status status = weft_node_infer(graph, sum, diag);
    *done = true;
    return status == WEFT_OK ? weft_rewrite_replace(graph, y, sum->outputs[0], diag) : status;
}

/* Scores that are finite for finite inputs, but for a mask. */
static bool has_finite_row(const weft_node *softmax)
{
    const weft_value *scores = softmax->inputs[0];
    const weft_node *from = scores->producer;
    int64_t axis = weft_attrs_int(&softmax->attrs, "axis", -1);
    if (!from || (axis != -1 && axis != scores->shape.rank - 1))
        return false;
    if (from->op == WEFT_OP_Add)
        for (size_t i = 0; i < 2; i++)
            if (weft_value_is_constant(from->inputs[i]))
                return weft_mask_leaves_keys(from->inputs[i]);
    return from->op == WEFT_OP_MatMul || from->op == WEFT_OP_Mul || from->op == WEFT_OP_Div;
}

/* A mask that only the run knows: it has no kernel, and one error says so, not one for each node.
 */
static bool is_open_choice(const weft_node *node)
{
    double number;
    for (size_t i = 1; i < 3; i++)
        if (weft_value_const_scalar(node->inputs[i], &number) && number <= LOWEST_SCORE)
            return !weft_value_is_constant(node->inputs[0]);
    return false;
}

static weft_status refuse_choice(const weft_node *node, weft_diag *diag)
{
    weft_status status = weft_diag_error(diag, WEFT_E_PASS_NO_LOWERING,
                                         "a mask of bool is not known before the run");
    weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", node->name);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s chooses by the tensor %s", weft_op_name(node->op),
                        node->inputs[0]->name);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "make the mask a constant, or numbers that are added to the scores: 0 and "
                        "minus infinity");
    return status;
}

static weft_status visit(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    if (node->op != WEFT_OP_Where)
        return WEFT_OK;
    weft_value *y = node->outputs[0];
    const weft_node *softmax = weft_mask_guarded_softmax(y);
    if (!softmax && is_open_choice(node))
        return refuse_choice(node, diag);
    if (!softmax)
        return lower_choice(graph, node, done, diag);
    if (!has_finite_row(softmax) || !weft_rewrite_can_replace(graph, y, softmax->outputs[0]))
        return WEFT_OK;
    *done = true;
    return weft_rewrite_bypass(graph, y, softmax->outputs[0], diag);
}

weft_status weft_pass_lower_masks(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    return weft_rewrite_until_still(graph, visit, out_changes, diag);
}
