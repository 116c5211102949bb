/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of operators that view or permute a tensor's elements under another shape: reshapes,
 * transpose, concatenation, split, expansion. Must not know about arithmetic. */
#include <inttypes.h>
#include <stdio.h>

#include "compiler/ir/infer.h"

static weft_status fail_elems(const weft_node *node, const weft_shape *wanted, weft_diag *diag)
{
    char expected[WEFT_SHAPE_TEXT + 48], found[WEFT_SHAPE_TEXT], text[WEFT_SHAPE_TEXT];
    snprintf(expected, sizeof expected, "as many elements as %s has",
             weft_shape_format(&node->inputs[0]->shape, text));
    return weft_infer_fail(node, node->inputs[0], WEFT_E_INFER_SHAPE, diag, expected,
                           weft_shape_format(wanted, found),
                           "the target shape holds another number of elements");
}

weft_status weft_infer_trilu(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0], *diagonal = weft_node_input(node, 1);
    int64_t elems, ignored;
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 2, WEFT_MAX_RANK, diag));
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 1, WEFT_DTYPE_I64, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "upper", 1, 0, 1, &ignored, diag));
    char found[WEFT_SHAPE_TEXT];
    if (diagonal && (!weft_shape_elems(&diagonal->shape, &elems) || elems != 1))
        return weft_infer_fail(node, diagonal, WEFT_E_INFER_SHAPE, diag, "one element",
                               weft_shape_format(&diagonal->shape, found),
                               "the diagonal must be a scalar");
    return weft_infer_set(node, 0, x->dtype, &x->shape, diag);
}

weft_status weft_infer_reshape(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    int64_t wanted[WEFT_MAX_RANK], elems, known = 1;
    size_t count;
    WEFT_INFER_TRY(weft_infer_const_ints(node, 1, wanted, WEFT_MAX_RANK, &count, diag));
    bool allow_zero = weft_attrs_int(&node->attrs, "allowzero", 0) != 0;
    weft_shape y = {.rank = (int)count};
    int open = -1;
    for (int i = 0; i < y.rank; i++) {
        y.dims[i] = wanted[i];
        if (wanted[i] == 0 && !allow_zero) {
            if (i >= x->shape.rank)
                return weft_infer_fail(node, node->inputs[1], WEFT_E_INFER_SHAPE, diag,
                                       "0 only where the input has a dimension",
                                       "0 beyond the input's rank",
                                       "the target shape copies a dimension that does not exist");
            y.dims[i] = x->shape.dims[i];
        }
        if (wanted[i] < -1 || (wanted[i] == -1 && open >= 0)) {
            char found[WEFT_SHAPE_TEXT];
            snprintf(found, sizeof found, "%" PRId64 " in place %d", wanted[i], i);
            return weft_infer_fail(node, node->inputs[1], WEFT_E_INFER_SHAPE, diag,
                                   "dimensions of 0 or more, and -1 at most once", found,
                                   "the target shape is not valid");
        }
        if (wanted[i] == -1)
            open = i;
        else if (!weft_mul_i64(known, y.dims[i], &known))
            return fail_elems(node, &y, diag);
    }
    if (!weft_shape_elems(&x->shape, &elems))
        return fail_elems(node, &y, diag);
    if (open >= 0) {
        if (known == 0 || elems % known != 0)
            return fail_elems(node, &y, diag);
        y.dims[open] = elems / known;
    } else if (known != elems) {
        return fail_elems(node, &y, diag);
    }
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}

weft_status weft_infer_flatten(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    int axis;
    WEFT_INFER_TRY(weft_infer_axis(node, weft_attrs_int(&node->attrs, "axis", 1), x->shape.rank,
                                   true, &axis, diag));
    weft_shape before = {.rank = axis}, after = {.rank = x->shape.rank - axis}, y = {.rank = 2};
    for (int i = 0; i < x->shape.rank; i++)
        *(i < axis ? &before.dims[i] : &after.dims[i - axis]) = x->shape.dims[i];
    if (!weft_shape_elems(&before, &y.dims[0]) || !weft_shape_elems(&after, &y.dims[1]))
        return fail_elems(node, &x->shape, diag);
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}

weft_status weft_infer_squeeze(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    uint32_t mask = 0;
    bool given = weft_node_input(node, 1) != NULL;
    if (given)
        WEFT_INFER_TRY(weft_infer_axes(node, 1, x->shape.rank, &mask, diag));
    weft_shape y = {.rank = 0};
    for (int i = 0; i < x->shape.rank; i++) {
        bool removed = given ? mask & (1U << i) : x->shape.dims[i] == 1;
        if (removed && x->shape.dims[i] != 1) {
            char expected[64], found[WEFT_SHAPE_TEXT];
            snprintf(expected, sizeof expected, "size 1 in dimension %d", i);
            return weft_infer_fail(node, x, WEFT_E_INFER_SHAPE, diag, expected,
                                   weft_shape_format(&x->shape, found),
                                   "only dimensions of size 1 can be removed");
        }
        if (!removed)
            y.dims[y.rank++] = x->shape.dims[i];
    }
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}

weft_status weft_infer_unsqueeze(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    int64_t axes[WEFT_MAX_RANK];
    size_t count;
    uint32_t mask;
    WEFT_INFER_TRY(weft_infer_const_ints(node, 1, axes, WEFT_MAX_RANK, &count, diag));
    weft_shape y = {.rank = x->shape.rank + (int)count};
    if (y.rank > WEFT_MAX_RANK)
        return weft_infer_set(node, 0, x->dtype, &y, diag); /* refuses, with its message */
    WEFT_INFER_TRY(weft_infer_axes(node, 1, y.rank, &mask, diag));
    for (int i = 0, from = 0; i < y.rank; i++)
        y.dims[i] = mask & (1U << i) ? 1 : x->shape.dims[from++];
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}

weft_status weft_infer_transpose(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    int rank = x->shape.rank;
    weft_shape y = {.rank = rank};
    int64_t perm[WEFT_MAX_RANK];
    if (weft_attrs_find(&node->attrs, "perm"))
        WEFT_INFER_TRY(
            weft_infer_attr_ints(node, "perm", perm, (size_t)rank, 0, 0, rank - 1, diag));
    else
        for (int i = 0; i < rank; i++)
            perm[i] = rank - 1 - i;
    uint32_t seen = 0;
    for (int i = 0; i < rank; i++) {
        seen |= 1U << perm[i];
        y.dims[i] = x->shape.dims[perm[i]];
    }
    if (seen != (1U << rank) - 1)
        return weft_infer_fail(node, x, WEFT_E_INFER_ATTR, diag, "each axis once", "an axis twice",
                               "perm is not a permutation");
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}

weft_status weft_infer_concat(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *first = node->inputs[0];
    int axis;
    if (!weft_attrs_find(&node->attrs, "axis"))
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, "attribute axis", "none",
                               "a required attribute is missing");
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 1, WEFT_MAX_RANK, diag));
    WEFT_INFER_TRY(weft_infer_axis(node, weft_attrs_int(&node->attrs, "axis", 0), first->shape.rank,
                                   false, &axis, diag));
    weft_shape y = first->shape;
    for (size_t i = 1; i < node->input_count; i++) {
        const weft_value *input = node->inputs[i];
        weft_shape fitting = first->shape;
        WEFT_INFER_TRY(weft_infer_check_dtype(node, i, first->dtype, diag));
        WEFT_INFER_TRY(weft_infer_check_rank(node, i, first->shape.rank, first->shape.rank, diag));
        fitting.dims[axis] = input->shape.dims[axis];
        WEFT_INFER_TRY(weft_infer_check_shape(node, i, &fitting, diag));
        if (!weft_add_i64(y.dims[axis], input->shape.dims[axis], &y.dims[axis]))
            y.dims[axis] = INT64_MAX; /* refused below */
    }
    return weft_infer_set(node, 0, first->dtype, &y, diag);
}

/* Part sizes from num_outputs or, without it, from the number of outputs: equal, the last may be
 * smaller. */
static weft_status even_parts(const weft_node *node, int64_t dim, int64_t *out_part,
                              weft_diag *diag)
{
    int64_t count, outputs = (int64_t)node->output_count;
    bool given = weft_attrs_find(&node->attrs, "num_outputs") != NULL;
    WEFT_INFER_TRY(
        weft_infer_attr_int(node, "num_outputs", outputs, outputs, outputs, &count, diag));
    *out_part = dim / count + (dim % count != 0);
    bool fits = given ? *out_part * (count - 1) <= dim : dim % count == 0;
    if (fits)
        return WEFT_OK;
    char expected[96], found[64];
    snprintf(expected, sizeof expected, "a dimension that divides into %" PRId64 " parts", count);
    snprintf(found, sizeof found, "%" PRId64, dim);
    return weft_infer_fail(node, node->inputs[0], WEFT_E_INFER_SHAPE, diag, expected, found,
                           "the axis cannot be split evenly");
}

weft_status weft_infer_split(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    const weft_value *x = node->inputs[0];
    int axis;
    WEFT_INFER_TRY(weft_infer_axis(node, weft_attrs_int(&node->attrs, "axis", 0), x->shape.rank,
                                   false, &axis, diag));
    int64_t dim = x->shape.dims[axis], part = 0, left = dim;
    int64_t *parts = NULL;
    if (weft_node_input(node, 1)) {
        size_t count;
        parts = WEFT_NEW_ARRAY(graph->arena, int64_t, node->output_count);
        WEFT_INFER_TRY(weft_infer_const_ints(node, 1, parts, node->output_count, &count, diag));
        if (count != node->output_count) {
            char expected[64], found[64];
            snprintf(expected, sizeof expected, "%zu sizes, one per output", node->output_count);
            snprintf(found, sizeof found, "%zu", count);
            return weft_infer_fail(node, node->inputs[1], WEFT_E_INFER_SHAPE, diag, expected, found,
                                   "the number of sizes is not the number of outputs");
        }
    } else {
        WEFT_INFER_TRY(even_parts(node, dim, &part, diag));
    }
    weft_shape y = x->shape;
    bool fits = true;
    for (size_t i = 0; i < node->output_count && fits; i++) {
        y.dims[axis] = parts ? parts[i] : part < left ? part : left;
        fits = y.dims[axis] >= 0 && y.dims[axis] <= left;
        if (fits) {
            left -= y.dims[axis];
            WEFT_INFER_TRY(weft_infer_set(node, i, x->dtype, &y, diag));
        }
    }
    if (fits && left == 0)
        return WEFT_OK;
    char expected[96];
    snprintf(expected, sizeof expected, "sizes of 0 or more that sum to %" PRId64, dim);
    return weft_infer_fail(node, node->inputs[1], WEFT_E_INFER_SHAPE, diag, expected, "another sum",
                           "the sizes do not make up the axis");
}

weft_status weft_infer_expand(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    size_t count;
    weft_shape target = {.rank = 0}, y = x->shape;
    WEFT_INFER_TRY(weft_infer_const_ints(node, 1, target.dims, WEFT_MAX_RANK, &count, diag));
    target.rank = (int)count;
    if (!weft_infer_broadcast(&y, &target)) {
        char expected[WEFT_SHAPE_TEXT], found[WEFT_SHAPE_TEXT];
        return weft_infer_fail(node, node->inputs[1], WEFT_E_INFER_SHAPE, diag,
                               weft_shape_format(&x->shape, expected),
                               weft_shape_format(&target, found),
                               "the target shape does not broadcast with the input");
    }
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}

weft_status weft_infer_tile(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    int64_t repeats[WEFT_MAX_RANK];
    size_t count;
    weft_shape y = x->shape;
    WEFT_INFER_TRY(weft_infer_const_ints(node, 1, repeats, WEFT_MAX_RANK, &count, diag));
    if (count != (size_t)y.rank) {
        char expected[64], found[64];
        snprintf(expected, sizeof expected, "%d repeats, one per dimension", y.rank);
        snprintf(found, sizeof found, "%zu", count);
        return weft_infer_fail(node, node->inputs[1], WEFT_E_INFER_SHAPE, diag, expected, found,
                               "the number of repeats is not the input's rank");
    }
    for (int i = 0; i < y.rank; i++)
        if (repeats[i] < 0 || !weft_mul_i64(y.dims[i], repeats[i], &y.dims[i])) {
            char found[64];
            snprintf(found, sizeof found, "%" PRId64, repeats[i]);
            return weft_infer_fail(node, node->inputs[1], WEFT_E_INFER_SHAPE, diag,
                                   "0 or more, within 64 bits", found, "a repeat is out of range");
        }
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}
