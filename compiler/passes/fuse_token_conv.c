/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-token-conv: a depthwise convolution over tokens, cut from a product by channels and without
 * the class tokens in front, becomes weft.TokenConv, which reads them in place and gives all
 * tokens; the zeros that are joined for the class tokens go, and the sum with another tensor of
 * tokens becomes its residual. Must not know attention; whole images stay convolutions. What is
 * different in 8 bits is in fuse_token_conv_quantized.c.
 *
 * needs: weights constant; before layout.
 * keeps: values exactly, up to the order of sums.
 * breaks: nothing. */
#include "compiler/passes/channels_last.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/token_conv.h"
#include "compiler/passes/trace.h"

static bool is_depthwise(const weft_node *conv, weft_window2d *window, weft_diag *diag)
{
    const weft_value *x = conv->inputs[0], *w = conv->inputs[1], *bias = weft_node_input(conv, 2);
    if (conv->op != WEFT_OP_Conv || x->dtype != WEFT_DTYPE_F32 || x->shape.rank != 4 ||
        !weft_rewrite_f32(w) || (bias && !weft_rewrite_f32(bias)) || w->shape.dims[1] != 1 ||
        w->shape.dims[0] != x->shape.dims[1] ||
        weft_attrs_int(&conv->attrs, "group", 1) != x->shape.dims[1] ||
        weft_window2d_read(conv, &w->shape, window, diag) != WEFT_OK)
        return false;
    for (int i = 0; i < 2; i++)
        if (window->strides[i] != 1 || window->dilations[i] != 1 ||
            window->pads[i] >= w->shape.dims[2 + i] ||
            window->pads[i] + window->pads[2 + i] + 1 != w->shape.dims[2 + i])
            return false;
    return true;
}

bool weft_token_grid_read(weft_value *image, bool is_nchw, weft_token_grid *t)
{
    weft_trace trace;
    weft_trace_factor lead[WEFT_TRACE_FACTORS], spatial[WEFT_TRACE_FACTORS];
    const int64_t *dims = image->shape.dims;
    const int channel = is_nchw ? 1 : 3, row = is_nchw ? 2 : 1;
    int64_t image_stride, head_stride, row_stride, column_stride, elems;
    weft_trace_value(image, WEFT_TRACE_CHOSEN, &trace);
    size_t lead_count = weft_trace_dim(&trace, 0, lead);
    size_t spatial_count = weft_trace_dim(&trace, row, spatial);
    spatial_count += weft_trace_dim(&trace, row + 1, spatial + spatial_count);
    *t = (weft_token_grid){
        .root = trace.root, .channels = dims[channel], .h = dims[row], .w = dims[row + 1]};
    if (trace.root == image || !weft_shape_elems(&trace.root->shape, &elems) ||
        !weft_trace_dim_is(&trace, channel, dims[channel], 1) || t->h * t->w < 2 ||
        !weft_trace_cut(spatial, spatial_count, t->h, t->w, &row_stride, &column_stride))
        return false;
    t->row = t->w > 1 ? column_stride : row_stride;
    /* the heads of an image lie in its rows */
    t->heads =
        lead_count > 0 && lead[lead_count - 1].stride < t->row ? lead[lead_count - 1].size : 1;
    t->batch = dims[0] / t->heads;
    if (!weft_trace_cut(lead, lead_count, t->batch, t->heads, &image_stride, &head_stride) ||
        (t->h > 1 && row_stride != t->w * t->row) || elems % (t->batch * t->row) != 0)
        return false;
    int64_t token_count = elems / (t->batch * t->row);
    t->prefix = trace.offset / t->row;
    t->offset = trace.offset % t->row;
    return t->prefix + t->h * t->w == token_count &&
           (t->batch == 1 || image_stride == token_count * t->row) &&
           (t->heads == 1 || head_stride == t->channels) &&
           t->offset + t->heads * t->channels <= t->row &&
           (t->prefix > 0 || t->row > t->heads * t->channels);
}

/* numbers[c][tap] of a head's channels as [tap][head][c]. */
static weft_value *filters_of(weft_graph *graph, const weft_value *w, const weft_shape *shape,
                              int64_t heads)
{
    const float *from = weft_rewrite_f32(w);
    int64_t channels = w->shape.dims[0], taps, all = heads * channels;
    taps = shape->rank == 3 ? shape->dims[0] * shape->dims[1] : 1;
    float *to = WEFT_NEW_ARRAY(graph->arena, float, (size_t)(taps * all));
    for (int64_t i = 0; i < taps * all; i++)
        to[i] = from[i % channels * taps + i / all];
    return weft_graph_add_constant(graph, weft_rewrite_base_name(graph, w->name), WEFT_DTYPE_F32,
                                   shape, to);
}

weft_status weft_token_grid_rows(weft_graph *graph, weft_node *before, const weft_token_grid *t,
                                 weft_value **out_rows, weft_diag *diag)
{
    weft_shape rows = {.rank = 3, .dims = {t->batch, t->prefix + t->h * t->w, t->row}};
    return weft_rewrite_reshape(graph, before, t->root, &rows, NULL, out_rows, diag);
}

void weft_token_grid_set(weft_graph *graph, weft_node *node, const weft_token_grid *t,
                         const int64_t *pads)
{
    weft_attrs_set_ints(&node->attrs, graph->arena, "grid", (int64_t[]){t->h, t->w}, 2);
    weft_attrs_set_ints(&node->attrs, graph->arena, "pads", pads, 4);
    if (t->prefix > 0)
        weft_attrs_set_int(&node->attrs, graph->arena, "prefix", t->prefix);
    if (t->offset > 0)
        weft_attrs_set_int(&node->attrs, graph->arena, "x_offset", t->offset);
}

weft_status weft_token_grid_image(weft_graph *graph, weft_node *before, const weft_token_grid *t,
                                  weft_value *y, bool is_nchw, const weft_shape *shape,
                                  weft_value **out_image, weft_diag *diag)
{
    int64_t row = t->heads * t->channels;
    if (t->prefix > 0) {
        weft_value *inputs[4] = {
            y, weft_graph_add_constant_ints(graph, NULL, &t->prefix, 1),
            weft_graph_add_constant_ints(graph, NULL, (int64_t[]){t->prefix + t->h * t->w}, 1),
            weft_graph_add_constant_ints(graph, NULL, (int64_t[]){1}, 1)};
        const char *name = weft_arena_printf(graph->arena, "%s/grid", before->name);
        weft_node *slice = weft_rewrite_add(graph, before, WEFT_OP_Slice, name, inputs, 4, NULL);
        weft_status status = weft_node_infer(graph, slice, diag);
        if (status != WEFT_OK)
            return status;
        y = slice->outputs[0];
    }
    weft_trace image = {.root = y, .scale = 1.0};
    const weft_trace_factor factors[2][5] = {{{0, t->batch, t->h * t->w * row},
                                              {0, t->heads, t->channels},
                                              {1, t->h, t->w * row},
                                              {2, t->w, row},
                                              {3, t->channels, 1}},
                                             {{0, t->batch, t->h * t->w * row},
                                              {0, t->heads, t->channels},
                                              {1, t->channels, 1},
                                              {2, t->h, t->w * row},
                                              {3, t->w, row}}};
    for (size_t i = 0; i < 5; i++)
        if (factors[is_nchw][i].size > 1)
            image.factors[image.count++] = factors[is_nchw][i];
    return weft_trace_make(graph, before, &image, shape, NULL, out_image, diag);
}

static weft_status lower_conv(weft_graph *graph, weft_node *conv, const weft_token_grid *t,
                              const weft_window2d *window, weft_diag *diag)
{
    weft_value *x = NULL, *y = NULL, *w = conv->inputs[1], *bias = weft_node_input(conv, 2);
    weft_shape filters = {.rank = 3,
                          .dims = {w->shape.dims[2], w->shape.dims[3], t->heads * t->channels}};
    weft_shape vector = {.rank = 1, .dims = {t->heads * t->channels}};
    weft_status status = weft_token_grid_rows(graph, conv, t, &x, diag);
    if (status != WEFT_OK)
        return status;
    weft_value *inputs[3] = {x, filters_of(graph, w, &filters, t->heads),
                             bias ? filters_of(graph, bias, &vector, t->heads) : NULL};
    weft_node *node =
        weft_rewrite_add(graph, conv, WEFT_OP_TokenConv, conv->name, inputs, bias ? 3 : 2, conv);
    weft_trace_add_sources(graph, node, conv->inputs[0], t->root);
    weft_token_grid_set(graph, node, t, window->pads);
    status = weft_node_infer(graph, node, diag);
    if (status == WEFT_OK)
        status = weft_token_grid_image(graph, conv, t, node->outputs[0], true,
                                       &conv->outputs[0]->shape, &y, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, conv->outputs[0], y, diag) : status;
}

/* The convolution over tokens that made the value, of any type, still without a residual. */
static weft_node *token_conv(const weft_value *value)
{
    weft_node *conv = weft_rewrite_producer(value, WEFT_OP_TokenConv);
    size_t residual = 3;
    if (!conv) {
        conv = weft_rewrite_producer(value, WEFT_OP_QTokenConv);
        residual = 6;
    }
    return conv && !weft_node_input(conv, residual) ? conv : NULL;
}

/* Zeros joined in front of the tokens of the grid: the class tokens' rows of weft.TokenConv. */
static weft_status drop_zeros(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    if (node->op != WEFT_OP_Concat || node->input_count != 2 ||
        !weft_value_is_constant(node->inputs[0]))
        return WEFT_OK;
    weft_trace trace;
    weft_value *y = node->outputs[0], *view = NULL;
    int64_t axis = weft_attrs_int(&node->attrs, "axis", 0);
    axis += axis < 0 ? y->shape.rank : 0;
    weft_trace_value(node->inputs[1], WEFT_TRACE_CHOSEN, &trace);
    weft_node *conv = token_conv(trace.root);
    int64_t prefix = node->inputs[0]->shape.dims[axis];
    if (!conv || prefix != weft_attrs_int(&conv->attrs, "prefix", 0))
        return WEFT_OK;
    int64_t all = trace.root->shape.dims[1], row = trace.root->shape.dims[2];
    if (trace.offset != prefix * row || !weft_trace_dim_is(&trace, (int)axis, all - prefix, row))
        return WEFT_OK;
    /* the same with all tokens */
    weft_trace whole = {.root = trace.root, .scale = 1.0};
    bool is_placed = false;
    for (size_t i = 0; i <= trace.count; i++) {
        bool is_axis = i < trace.count && trace.factors[i].dim == axis;
        bool is_behind = i == trace.count || trace.factors[i].dim > axis;
        if (!is_placed && (is_axis || is_behind)) {
            whole.factors[whole.count++] = (weft_trace_factor){(int)axis, all, row};
            is_placed = true;
        }
        if (i < trace.count && !is_axis)
            whole.factors[whole.count++] = trace.factors[i];
    }
    if (!weft_trace_is_whole(&whole) || !weft_token_conv_takes_prefix(graph, conv, node->inputs[0]))
        return WEFT_OK;
    *done = true;
    weft_trace_add_sources(graph, trace.root->producer, node->inputs[1], trace.root);
    weft_rewrite_add_sources(graph, trace.root->producer, node);
    weft_status status = weft_trace_make(graph, node, &whole, &y->shape, NULL, &view, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, y, view, diag) : status;
}

/* The convolution over tokens behind operand i of an Add that can take the other operand as
 * residual. */
static weft_node *taker(const weft_graph *graph, const weft_node *add, size_t i,
                        const weft_trace *traces)
{
    const weft_trace *mine = &traces[i], *other = &traces[1 - i];
    weft_node *conv = token_conv(mine->root);
    int64_t elems, other_elems;
    bool is_quantised = add->op == WEFT_OP_QAdd;
    if (!conv || (conv->op == WEFT_OP_QTokenConv) != is_quantised ||
        (is_quantised && !weft_token_conv_takes_sum(conv, add, i)) ||
        !weft_trace_same(mine, other) || !weft_trace_is_whole(mine) ||
        weft_value_is_constant(other->root) || !weft_shape_elems(&mine->root->shape, &elems) ||
        !weft_shape_elems(&other->root->shape, &other_elems) || elems != other_elems)
        return NULL;
    const weft_value *at = mine->root;
    while (at != add->inputs[i]) {
        const weft_node *user = weft_rewrite_single_user(graph, at);
        if (!user)
            return NULL;
        at = user->outputs[0];
    }
    return weft_rewrite_single_user(graph, at) == add ? conv : NULL;
}

static weft_status take_residual(weft_graph *graph, weft_node *add, bool *done, weft_diag *diag)
{
    weft_trace traces[2];
    weft_value *y = add->outputs[0], *residual = NULL, *view = NULL;
    weft_node *conv = NULL;
    size_t mine = 0;
    bool is_quantised = add->op == WEFT_OP_QAdd;
    if ((!is_quantised && (add->op != WEFT_OP_Add || y->dtype != WEFT_DTYPE_F32)) ||
        !weft_shape_equal(&add->inputs[0]->shape, &add->inputs[1]->shape))
        return WEFT_OK;
    for (size_t i = 0; i < 2; i++)
        weft_trace_value(add->inputs[i], WEFT_TRACE_CHOSEN, &traces[i]);
    for (size_t i = 0; i < 2 && !conv; i++) {
        conv = taker(graph, add, i, traces);
        mine = i;
    }
    if (!conv)
        return WEFT_OK;
    *done = true;
    weft_status status = weft_rewrite_reshape(graph, add, traces[1 - mine].root,
                                              &traces[mine].root->shape, NULL, &residual, diag);
    if (status != WEFT_OK)
        return status;
    weft_rewrite_add_sources(graph, conv, add);
    weft_trace_add_sources(graph, conv, add->inputs[0], traces[0].root);
    weft_trace_add_sources(graph, conv, add->inputs[1], traces[1].root);
    weft_graph_move_before(graph, conv, add);
    weft_node_set_input(graph, conv, is_quantised ? 6 : 3, residual);
    if (is_quantised)
        weft_token_conv_set_sum(graph, conv, add, mine);
    status = weft_node_infer(graph, conv, diag);
    if (status == WEFT_OK)
        status = weft_trace_make(graph, add, &traces[mine], &y->shape, NULL, &view, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, y, view, diag) : status;
}

static weft_status visit(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    weft_window2d window;
    weft_token_grid t;
    if (node->op == WEFT_OP_Conv && is_depthwise(node, &window, diag) &&
        weft_token_grid_read(node->inputs[0], true, &t)) {
        *done = true;
        return lower_conv(graph, node, &t, &window, diag);
    }
    weft_status status = weft_token_conv_quantized(graph, node, done, diag);
    if (status == WEFT_OK && !*done)
        status = drop_zeros(graph, node, done, diag);
    if (status == WEFT_OK && !*done)
        status = take_residual(graph, node, done, diag);
    if (status == WEFT_OK && !*done)
        status = weft_trace_collapse(graph, node, done, diag);
    return status;
}

weft_status weft_pass_fuse_token_conv(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    return weft_rewrite_until_still(graph, visit, out_changes, diag);
}
