/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of ONNX's convolution and matrix products. Must not know about layouts other than
 * ONNX's. */
#include <inttypes.h>
#include <stdio.h>

#include "compiler/ir/infer.h"

weft_status weft_infer_conv(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0], *w = node->inputs[1];
    int64_t group;
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_FLOAT, diag));
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 1, x->dtype, diag));
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 2, x->dtype, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 3, WEFT_MAX_RANK, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 1, x->shape.rank, x->shape.rank, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "group", 1, 1, INT32_MAX, &group, diag));
    char expected[WEFT_SHAPE_TEXT], found[WEFT_SHAPE_TEXT];
    for (int i = 0; i < w->shape.rank; i++)
        if (w->shape.dims[i] < 1)
            return weft_infer_fail(node, w, WEFT_E_INFER_SHAPE, diag, "dimensions of 1 or more",
                                   weft_shape_format(&w->shape, found), "the weights are empty");
    int64_t out_channels = w->shape.dims[0];
    if (x->shape.dims[1] % group != 0 || x->shape.dims[1] / group != w->shape.dims[1] ||
        out_channels % group != 0) {
        snprintf(expected, sizeof expected,
                 "weights of %" PRId64 " input channels (%" PRId64 " in %" PRId64
                 " groups), and output channels in "
                 "whole groups",
                 x->shape.dims[1] / group, x->shape.dims[1], group);
        return weft_infer_fail(node, w, WEFT_E_INFER_SHAPE, diag, expected,
                               weft_shape_format(&w->shape, found),
                               "channels of input, weights and groups do not fit");
    }
    weft_shape bias = {.rank = 1, .dims = {out_channels}};
    WEFT_INFER_TRY(weft_infer_check_shape(node, 2, &bias, diag));
    weft_infer_window window = {.spatial = x->shape.rank - 2};
    for (int i = 0; i < window.spatial; i++)
        window.kernel[i] = w->shape.dims[2 + i];
    weft_shape y = {.rank = x->shape.rank, .dims = {x->shape.dims[0], out_channels}};
    WEFT_INFER_TRY(weft_infer_window_read(node, &x->shape.dims[2], &window, diag));
    WEFT_INFER_TRY(weft_infer_window_apply(node, &x->shape.dims[2], &window, &y.dims[2], diag));
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}

static weft_status fail_inner(const weft_node *node, int64_t expected_dim, int64_t found_dim,
                              weft_diag *diag)
{
    char expected[64], found[64];
    snprintf(expected, sizeof expected, "%" PRId64 " rows in the second matrix", expected_dim);
    snprintf(found, sizeof found, "%" PRId64, found_dim);
    return weft_infer_fail(node, node->inputs[1], WEFT_E_INFER_SHAPE, diag, expected, found,
                           "the inner dimensions of the product differ");
}

weft_status weft_infer_gemm(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *a = node->inputs[0], *b = node->inputs[1], *c = weft_node_input(node, 2);
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_NUMERIC, diag));
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 1, a->dtype, diag));
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 2, a->dtype, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 2, 2, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 1, 2, 2, diag));
    int trans_a = weft_attrs_int(&node->attrs, "transA", 0) != 0;
    int trans_b = weft_attrs_int(&node->attrs, "transB", 0) != 0;
    if (a->shape.dims[!trans_a] != b->shape.dims[trans_b])
        return fail_inner(node, a->shape.dims[!trans_a], b->shape.dims[trans_b], diag);
    weft_shape y = {.rank = 2, .dims = {a->shape.dims[trans_a], b->shape.dims[!trans_b]}};
    weft_shape with_c = y;
    if (c && (!weft_infer_broadcast(&with_c, &c->shape) || !weft_shape_equal(&with_c, &y))) {
        char expected[WEFT_SHAPE_TEXT], found[WEFT_SHAPE_TEXT];
        return weft_infer_fail(node, c, WEFT_E_INFER_SHAPE, diag, weft_shape_format(&y, expected),
                               weft_shape_format(&c->shape, found),
                               "the addend does not broadcast to the product");
    }
    return weft_infer_set(node, 0, a->dtype, &y, diag);
}

weft_status weft_infer_matmul(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *a = node->inputs[0], *b = node->inputs[1];
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_NUMERIC, diag));
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 1, a->dtype, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 1, WEFT_MAX_RANK, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 1, 1, WEFT_MAX_RANK, diag));
    int a_rank = a->shape.rank, b_rank = b->shape.rank;
    int64_t inner = a->shape.dims[a_rank - 1];
    int64_t rows_b = b->shape.dims[b_rank > 1 ? b_rank - 2 : 0];
    if (inner != rows_b)
        return fail_inner(node, inner, rows_b, diag);
    weft_shape y = {.rank = a_rank > 2 ? a_rank - 2 : 0},
               batch_b = {.rank = b_rank > 2 ? b_rank - 2 : 0};
    for (int i = 0; i < y.rank; i++)
        y.dims[i] = a->shape.dims[i];
    for (int i = 0; i < batch_b.rank; i++)
        batch_b.dims[i] = b->shape.dims[i];
    if (!weft_infer_broadcast(&y, &batch_b)) {
        char expected[WEFT_SHAPE_TEXT], found[WEFT_SHAPE_TEXT];
        return weft_infer_fail(node, b, WEFT_E_INFER_SHAPE, diag, weft_shape_format(&y, expected),
                               weft_shape_format(&batch_b, found),
                               "the leading dimensions do not broadcast");
    }
    if (a_rank > 1)
        y.dims[y.rank++] = a->shape.dims[a_rank - 2];
    if (b_rank > 1)
        y.dims[y.rank++] = b->shape.dims[b_rank - 1];
    return weft_infer_set(node, 0, a->dtype, &y, diag);
}
