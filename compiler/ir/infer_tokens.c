/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of weft's operators on tokens, [batch, tokens, channels]. Must not know where the
 * tokens come from. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "compiler/ir/infer.h"

enum { RANGE_TEXT = 96 }; /* texts of "expected" and "found" about channels */

weft_status weft_infer_norm_epsilon(const weft_node *node, weft_diag *diag)
{
    const weft_attr *attr = weft_attrs_find(&node->attrs, "norm_epsilon");
    if (!attr || (isfinite(attr->f) && attr->f >= 0.0))
        return WEFT_OK;
    char found[RANGE_TEXT];
    snprintf(found, sizeof found, "%g", (double)attr->f);
    return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, "a number of 0 or more", found,
                           "attribute norm_epsilon is out of range");
}

/* How the heads of one operand lie in its channels: head h has `size` of them from
 * offset + h * step on. */
typedef struct head_channels {
    const char *offset_name, *step_name;
    size_t input;
    int64_t heads, size;
} head_channels;

static weft_status check_channels(const weft_node *node, const head_channels *part, weft_diag *diag)
{
    const weft_value *value = node->inputs[part->input];
    int64_t offset, step, end, channels = value->shape.dims[2];
    WEFT_INFER_TRY(weft_infer_attr_int(node, part->offset_name, 0, 0, INT32_MAX, &offset, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, part->step_name, 0, 0, INT32_MAX, &step, diag));
    step = step ? step : part->size;
    end = offset + (part->heads - 1) * step + part->size; /* all factors are below 2^31 */
    if (end <= channels)
        return WEFT_OK;
    char expected[RANGE_TEXT], found[RANGE_TEXT];
    snprintf(expected, sizeof expected,
             "at least %" PRId64 " channels for %" PRId64 " heads of %" PRId64, end, part->heads,
             part->size);
    snprintf(found, sizeof found, "%" PRId64 " channels", channels);
    return weft_infer_fail(node, value, WEFT_E_INFER_HEADS, diag, expected, found,
                           "input %zu has too few channels for its heads", part->input);
}

static weft_status check_head_counts(const weft_node *node, int64_t heads, int64_t kv_heads,
                                     weft_diag *diag)
{
    if (heads % kv_heads == 0)
        return WEFT_OK;
    char expected[RANGE_TEXT], found[RANGE_TEXT];
    snprintf(expected, sizeof expected, "kv_heads that divide %" PRId64 " heads", heads);
    snprintf(found, sizeof found, "%" PRId64, kv_heads);
    return weft_infer_fail(node, NULL, WEFT_E_INFER_HEADS, diag, expected, found,
                           "query heads cannot share key and value heads evenly");
}

static weft_status check_attention_inputs(const weft_node *node, weft_diag *diag)
{
    const weft_shape *q = &node->inputs[0]->shape, *k = &node->inputs[1]->shape;
    for (size_t i = 0; i < 3; i++)
        WEFT_INFER_TRY(weft_infer_check_rank(node, i, 3, 3, diag));
    weft_shape like_q = *k, like_k = node->inputs[2]->shape;
    like_q.dims[0] = q->dims[0];
    like_k.dims[0] = k->dims[0];
    like_k.dims[1] = k->dims[1];
    WEFT_INFER_TRY(weft_infer_check_shape(node, 1, &like_q, diag)); /* the batch */
    return weft_infer_check_shape(node, 2, &like_k, diag);          /* the batch and the tokens */
}

weft_status weft_infer_attention_shape(const weft_node *node, weft_shape *out_shape,
                                       weft_diag *diag)
{
    int64_t heads, kv_heads, size, v_size;
    WEFT_INFER_TRY(check_attention_inputs(node, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "heads", 0, 1, INT32_MAX, &heads, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "kv_heads", 0, 0, INT32_MAX, &kv_heads, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "head_size", 0, 1, INT32_MAX, &size, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "v_head_size", 0, 0, INT32_MAX, &v_size, diag));
    kv_heads = kv_heads ? kv_heads : heads;
    v_size = v_size ? v_size : size;
    WEFT_INFER_TRY(check_head_counts(node, heads, kv_heads, diag));
    const head_channels parts[] = {{"q_offset", "q_step", 0, heads, size},
                                   {"k_offset", "k_step", 1, kv_heads, size},
                                   {"v_offset", "v_step", 2, kv_heads, v_size}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        WEFT_INFER_TRY(check_channels(node, &parts[i], diag));
    *out_shape = node->inputs[0]->shape;
    out_shape->dims[2] = heads * v_size;
    return WEFT_OK;
}

/* One for all images or one each, one for all heads or one each. */
static weft_status check_mask(const weft_node *node, weft_diag *diag)
{
    const weft_value *mask = weft_node_input(node, 4);
    const weft_shape *q = &node->inputs[0]->shape, *k = &node->inputs[1]->shape;
    weft_shape shape = {.rank = 4, .dims = {1, 1, k->dims[1], q->dims[1]}};
    if (mask && mask->shape.rank == 4) {
        shape.dims[0] = mask->shape.dims[0] != 1 ? q->dims[0] : 1;
        shape.dims[1] = mask->shape.dims[1] != 1 ? weft_attrs_int(&node->attrs, "heads", 1) : 1;
    }
    return weft_infer_check_shape(node, 4, &shape, diag);
}

weft_status weft_infer_attention(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    weft_shape y = {0};
    for (size_t i = 0; i < node->input_count; i++)
        WEFT_INFER_TRY(weft_infer_check_dtype(node, i, WEFT_DTYPE_F32, diag));
    WEFT_INFER_TRY(weft_infer_attention_shape(node, &y, diag));
    const weft_attr *scale = weft_attrs_find(&node->attrs, "scale");
    if (!scale || !isfinite(scale->f))
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, "attribute scale, finite",
                               scale ? "not finite" : "none", "scores need a scale");
    WEFT_INFER_TRY(weft_infer_check_shape(node, 3, &y, diag));
    WEFT_INFER_TRY(check_mask(node, diag));
    return weft_infer_set(node, 0, WEFT_DTYPE_F32, &y, diag);
}

/* The window covers the grid without changing its size. */
static weft_status check_same_size(const weft_node *node, const weft_shape *w, const int64_t *pads,
                                   weft_diag *diag)
{
    for (int i = 0; i < 2; i++) {
        if (pads[i] + pads[2 + i] + 1 == w->dims[i] && pads[i] < w->dims[i])
            continue;
        char expected[RANGE_TEXT], found[RANGE_TEXT];
        snprintf(expected, sizeof expected, "pads of %" PRId64 " together", w->dims[i] - 1);
        snprintf(found, sizeof found, "%" PRId64 " and %" PRId64, pads[i], pads[2 + i]);
        return weft_infer_fail(node, node->inputs[1], WEFT_E_INFER_SHAPE, diag, expected, found,
                               "the window changes the size of the grid along %s",
                               i == 0 ? "h" : "w");
    }
    return WEFT_OK;
}

weft_status weft_infer_token_grid(const weft_node *node, const weft_shape *window,
                                  weft_shape *out_shape, weft_diag *diag)
{
    const weft_shape *x = &node->inputs[0]->shape;
    int64_t grid[2], pads[4], prefix, offset, channels = window->dims[2];
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 3, 3, diag));
    if (!weft_attrs_find(&node->attrs, "grid"))
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, "attribute grid", "none",
                               "a required attribute is missing");
    WEFT_INFER_TRY(weft_infer_attr_ints(node, "grid", grid, 2, 1, 1, INT32_MAX, diag));
    WEFT_INFER_TRY(weft_infer_attr_ints(node, "pads", pads, 4, 1, 0, INT32_MAX, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "prefix", 0, 0, INT32_MAX, &prefix, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "x_offset", 0, 0, INT32_MAX, &offset, diag));
    WEFT_INFER_TRY(check_same_size(node, window, pads, diag));
    weft_shape wanted = {.rank = 3, .dims = {x->dims[0], prefix + grid[0] * grid[1], x->dims[2]}};
    WEFT_INFER_TRY(weft_infer_check_shape(node, 0, &wanted, diag));
    if (offset > x->dims[2] - channels) {
        char expected[RANGE_TEXT], found[RANGE_TEXT];
        snprintf(expected, sizeof expected, "at least %" PRId64 " channels", offset + channels);
        snprintf(found, sizeof found, "%" PRId64 " channels", x->dims[2]);
        return weft_infer_fail(node, node->inputs[0], WEFT_E_INFER_SHAPE, diag, expected, found,
                               "input 0 has too few channels");
    }
    *out_shape = (weft_shape){.rank = 3, .dims = {x->dims[0], x->dims[1], channels}};
    return WEFT_OK;
}

weft_status weft_infer_token_conv(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    weft_shape y = {0};
    const weft_shape *w = &node->inputs[1]->shape;
    for (size_t i = 0; i < node->input_count; i++)
        WEFT_INFER_TRY(weft_infer_check_dtype(node, i, WEFT_DTYPE_F32, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 1, 3, 3, diag));
    WEFT_INFER_TRY(weft_infer_token_grid(node, w, &y, diag));
    weft_shape bias = {.rank = 1, .dims = {w->dims[2]}};
    WEFT_INFER_TRY(weft_infer_check_shape(node, 2, &bias, diag));
    WEFT_INFER_TRY(weft_infer_check_shape(node, 3, &y, diag));
    return weft_infer_set(node, 0, WEFT_DTYPE_F32, &y, diag);
}
