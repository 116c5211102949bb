/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of weft's own channels-last operators. Their meaning is in docs/operators.md. Must
 * not know about ONNX layouts beyond the one input that Conv2D may take channels first. */
#include <inttypes.h>
#include <stdio.h>

#include "compiler/ir/infer.h"

static weft_status check_f32(const weft_node *node, weft_diag *diag)
{
    for (size_t i = 0; i < node->input_count; i++)
        WEFT_INFER_TRY(weft_infer_check_dtype(node, i, WEFT_DTYPE_F32, diag));
    return WEFT_OK;
}

/* The activation attribute of that name, and its limits for clip. */
static weft_status check_act(const weft_node *node, const char *name, const char *min_name,
                             const char *max_name, weft_diag *diag)
{
    int act;
    WEFT_INFER_TRY(
        weft_infer_attr_word(node, name, "none|relu|clip|sigmoid|silu|gelu|gelu_tanh", &act, diag));
    bool is_clip = act == 2;
    bool has_min = weft_attrs_find(&node->attrs, min_name),
         has_max = weft_attrs_find(&node->attrs, max_name);
    if (!is_clip || (has_min && has_max))
        return WEFT_OK;
    return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, "both limits of the clip",
                           has_min || has_max ? "one" : "none", "%s and %s are needed with %s=clip",
                           min_name, max_name, name);
}

weft_status weft_infer_conv2d_shape(const weft_node *node, weft_shape *out_shape, weft_diag *diag)
{
    const weft_value *x = node->inputs[0], *w = node->inputs[1];
    int64_t group, pool, x_nchw, pads[4];
    weft_infer_window window = {.spatial = 2};
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 4, 4, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 1, 4, 4, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "group", 1, 1, INT32_MAX, &group, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "pool", 0, 0, 1, &pool, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "x_nchw", 0, 0, 1, &x_nchw, diag));
    WEFT_INFER_TRY(weft_infer_attr_ints(node, "strides", window.strides, 2, 1, 1, INT32_MAX, diag));
    WEFT_INFER_TRY(
        weft_infer_attr_ints(node, "dilations", window.dilations, 2, 1, 1, INT32_MAX, diag));
    WEFT_INFER_TRY(weft_infer_attr_ints(node, "pads", pads, 4, 0, 0, INT32_MAX, diag));
    int64_t spatial[2], out[2], channels = x->shape.dims[x_nchw ? 1 : 3],
                                out_channels = w->shape.dims[0];
    for (int i = 0; i < 2; i++) {
        spatial[i] = x->shape.dims[(x_nchw ? 2 : 1) + i];
        if (pool)
            spatial[i] = spatial[i] / 2 + spatial[i] % 2;
        window.kernel[i] = w->shape.dims[1 + i];
        window.pads_begin[i] = pads[i];
        window.pads_end[i] = pads[2 + i];
    }
    char expected[WEFT_SHAPE_TEXT], found[WEFT_SHAPE_TEXT];
    if (channels % group != 0 || out_channels % group != 0 ||
        channels / group != w->shape.dims[3] || out_channels < 1 || channels < 1 ||
        window.kernel[0] < 1 || window.kernel[1] < 1) {
        snprintf(expected, sizeof expected,
                 "output channels x kernel x kernel x %" PRId64 ", in %" PRId64 " groups",
                 channels / group, group);
        return weft_infer_fail(node, w, WEFT_E_INFER_SHAPE, diag, expected,
                               weft_shape_format(&w->shape, found),
                               "channels of input, weights and groups do not fit");
    }
    WEFT_INFER_TRY(weft_infer_window_apply(node, spatial, &window, out, diag));
    *out_shape = (weft_shape){.rank = 4, .dims = {x->shape.dims[0], out[0], out[1], out_channels}};
    return WEFT_OK;
}

weft_status weft_infer_conv2d(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    weft_shape y = {0};
    WEFT_INFER_TRY(check_f32(node, diag));
    WEFT_INFER_TRY(check_act(node, "act", "act_min", "act_max", diag));
    WEFT_INFER_TRY(weft_infer_conv2d_shape(node, &y, diag));
    int64_t out_channels = y.dims[3];
    weft_shape vector = {.rank = 2, .dims = {y.dims[0], out_channels}},
               bias = {.rank = 1, .dims = {out_channels}};
    WEFT_INFER_TRY(weft_infer_check_shape(node, 2, &bias, diag));
    WEFT_INFER_TRY(weft_infer_check_shape(node, 3, &y, diag));
    WEFT_INFER_TRY(weft_infer_check_shape(node, 4, &vector, diag));
    if (weft_node_input(node, 4) && !weft_node_input(node, 3))
        return weft_infer_fail(node, node->inputs[4], WEFT_E_INFER_ARITY, diag,
                               "a residual for the gate", "none", "a gate needs a residual");
    WEFT_INFER_TRY(weft_infer_set(node, 0, WEFT_DTYPE_F32, &y, diag));
    return weft_infer_set(node, 1, WEFT_DTYPE_F32, &vector, diag);
}

weft_status weft_infer_linear(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0], *w = node->inputs[1];
    WEFT_INFER_TRY(check_f32(node, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 1, WEFT_MAX_RANK, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 1, 2, 2, diag));
    WEFT_INFER_TRY(check_act(node, "act", "act_min", "act_max", diag));
    WEFT_INFER_TRY(weft_infer_norm_epsilon(node, diag));
    int last = x->shape.rank - 1;
    weft_shape w_shape = {.rank = 2, .dims = {w->shape.dims[0], x->shape.dims[last]}};
    weft_shape bias = {.rank = 1, .dims = {w->shape.dims[0]}}, y = x->shape;
    y.dims[last] = w->shape.dims[0];
    WEFT_INFER_TRY(weft_infer_check_shape(node, 1, &w_shape, diag));
    WEFT_INFER_TRY(weft_infer_check_shape(node, 2, &bias, diag));
    WEFT_INFER_TRY(weft_infer_check_shape(node, 3, &y, diag));
    return weft_infer_set(node, 0, WEFT_DTYPE_F32, &y, diag);
}

weft_status weft_infer_gate(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *w = node->inputs[1], *t = node->inputs[3];
    int gate_act;
    WEFT_INFER_TRY(check_f32(node, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 2, 2, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 1, 2, 2, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 3, 4, 4, diag));
    WEFT_INFER_TRY(weft_infer_attr_word(
        node, "gate_act", "sigmoid|none|relu|clip|silu|gelu|gelu_tanh", &gate_act, diag));
    if (gate_act == 3)
        WEFT_INFER_TRY(check_act(node, "gate_act", "gate_act_min", "gate_act_max", diag));
    WEFT_INFER_TRY(check_act(node, "act", "act_min", "act_max", diag));
    weft_shape h_shape = {.rank = 2, .dims = {t->shape.dims[0], w->shape.dims[1]}};
    weft_shape w_shape = {.rank = 2, .dims = {t->shape.dims[3], w->shape.dims[1]}};
    weft_shape bias = {.rank = 1, .dims = {t->shape.dims[3]}};
    weft_shape mean = {.rank = 2, .dims = {t->shape.dims[0], t->shape.dims[3]}};
    WEFT_INFER_TRY(weft_infer_check_shape(node, 0, &h_shape, diag));
    WEFT_INFER_TRY(weft_infer_check_shape(node, 1, &w_shape, diag));
    WEFT_INFER_TRY(weft_infer_check_shape(node, 2, &bias, diag));
    WEFT_INFER_TRY(weft_infer_check_shape(node, 4, &t->shape, diag));
    WEFT_INFER_TRY(weft_infer_set(node, 0, WEFT_DTYPE_F32, &t->shape, diag));
    return weft_infer_set(node, 1, WEFT_DTYPE_F32, &mean, diag);
}

weft_status weft_infer_pool2d_shape(const weft_node *node, weft_infer_window *out_window,
                                    weft_shape *out_shape, weft_diag *diag)
{
    const weft_value *x = node->inputs[0];
    int mode;
    int64_t pads[4], ceil_mode, count_pad;
    weft_infer_window window = {.spatial = 2};
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 4, 4, diag));
    WEFT_INFER_TRY(weft_infer_attr_word(node, "mode", "max|average", &mode, diag));
    if (!weft_attrs_find(&node->attrs, "kernel_shape"))
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, "attribute kernel_shape",
                               "none", "a required attribute is missing");
    WEFT_INFER_TRY(
        weft_infer_attr_ints(node, "kernel_shape", window.kernel, 2, 1, 1, INT32_MAX, diag));
    WEFT_INFER_TRY(weft_infer_attr_ints(node, "strides", window.strides, 2, 1, 1, INT32_MAX, diag));
    WEFT_INFER_TRY(
        weft_infer_attr_ints(node, "dilations", window.dilations, 2, 1, 1, INT32_MAX, diag));
    WEFT_INFER_TRY(weft_infer_attr_ints(node, "pads", pads, 4, 0, 0, INT32_MAX, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "ceil_mode", 0, 0, 1, &ceil_mode, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "count_include_pad", 0, 0, 1, &count_pad, diag));
    window.ceil_mode = ceil_mode != 0;
    for (int i = 0; i < 2; i++) {
        window.pads_begin[i] = pads[i];
        window.pads_end[i] = pads[2 + i];
    }
    *out_shape = x->shape;
    *out_window = window;
    return weft_infer_window_apply(node, &x->shape.dims[1], &window, &out_shape->dims[1], diag);
}

weft_status weft_infer_pool2d(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    weft_infer_window window = {.spatial = 2};
    weft_shape y = {0};
    WEFT_INFER_TRY(check_f32(node, diag));
    WEFT_INFER_TRY(weft_infer_pool2d_shape(node, &window, &y, diag));
    return weft_infer_set(node, 0, WEFT_DTYPE_F32, &y, diag);
}
