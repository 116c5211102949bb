/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-token-conv, 8 bits: a depthwise weft.QConv2D over tokens becomes weft.QTokenConv. Every
 * rounding stays: what is joined for the class tokens must be the zero point of the sum that
 * follows, for which it stands there. */
#include <string.h>

#include "compiler/passes/rewrite.h"
#include "compiler/passes/token_conv.h"
#include "compiler/passes/trace.h"
#include "kernels/include/weft_int.h"

enum { TABLE = 5, RESIDUAL = 6 };

static int64_t attr(const weft_node *node, const char *name, int64_t absent)
{
    return weft_attrs_int(&node->attrs, name, absent);
}

/* Stride 1, dilation 1, same size, one filter for each channel, no residual and no mean yet. */
static bool is_depthwise(const weft_node *conv, int64_t *pads)
{
    const weft_value *x = conv->inputs[0], *w = conv->inputs[1];
    int64_t strides[2], dilations[2];
    weft_attrs_ints(&conv->attrs, "strides", strides, 2, 1);
    weft_attrs_ints(&conv->attrs, "dilations", dilations, 2, 1);
    weft_attrs_ints(&conv->attrs, "pads", pads, 4, 0);
    int64_t channels = x->shape.dims[attr(conv, "x_nchw", 0) ? 1 : 3];
    if (attr(conv, "group", 1) != channels || channels < 2 || w->shape.dims[0] != channels ||
        conv->output_count > 1 || weft_node_input(conv, RESIDUAL))
        return false;
    for (size_t i = 1; i < 5; i++)
        if (!weft_value_is_constant(conv->inputs[i]))
            return false;
    for (int i = 0; i < 2; i++)
        if (strides[i] != 1 || dilations[i] != 1 || pads[i] >= w->shape.dims[1 + i] ||
            pads[i] + pads[2 + i] + 1 != w->shape.dims[1 + i])
            return false;
    return true;
}

/* What channels have, as often as there are heads. */
static weft_value *repeated(weft_graph *graph, const weft_value *value, int64_t heads)
{
    size_t bytes = 0;
    weft_shape shape = value->shape;
    if (heads == 1 || !weft_shape_bytes(&shape, value->dtype, &bytes))
        return (weft_value *)value;
    uint8_t *to = WEFT_NEW_ARRAY(graph->arena, uint8_t, bytes * (size_t)heads);
    for (int64_t head = 0; head < heads; head++)
        memcpy(to + (size_t)head * bytes, value->data, bytes);
    shape.dims[0] *= heads;
    return weft_graph_add_constant(graph, weft_rewrite_base_name(graph, value->name), value->dtype,
                                   &shape, to);
}

static weft_status lower_conv(weft_graph *graph, weft_node *conv, const weft_token_grid *grid,
                              const int64_t *pads, weft_diag *diag)
{
    static const char *const kept[] = {"x_zero", "c_zero", "c_min",    "c_max",
                                       "a_zero", "to",     "acc_bits", "c_type"};
    weft_value *inputs[TABLE + 1] = {NULL}, *y = NULL;
    weft_status status = weft_token_grid_rows(graph, conv, grid, &inputs[0], diag);
    if (status != WEFT_OK)
        return status;
    for (size_t i = 1; i < 5; i++)
        inputs[i] = repeated(graph, conv->inputs[i], grid->heads);
    inputs[TABLE] = weft_node_input(conv, TABLE);
    weft_node *node = weft_rewrite_add(graph, conv, WEFT_OP_QTokenConv, conv->name, inputs,
                                       inputs[TABLE] ? TABLE + 1 : TABLE, conv);
    weft_trace_add_sources(graph, node, conv->inputs[0], grid->root);
    weft_token_grid_set(graph, node, grid, pads);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        const weft_attr *found = weft_attrs_find(&conv->attrs, kept[i]);
        if (found && found->kind == WEFT_ATTR_INT)
            weft_attrs_set_int(&node->attrs, graph->arena, kept[i], found->i);
        else if (found)
            weft_attrs_set_string(&node->attrs, graph->arena, kept[i],
                                  weft_attrs_string(&conv->attrs, kept[i], ""));
    }
    status = weft_node_infer(graph, node, diag);
    if (status == WEFT_OK)
        status =
            weft_token_grid_image(graph, conv, grid, node->outputs[0], attr(conv, "x_nchw", 0) != 0,
                                  &conv->outputs[0]->shape, &y, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, conv->outputs[0], y, diag) : status;
}

/* A table of one code each behind the convolution, through nodes that only it reads. */
static weft_status take_table(weft_graph *graph, weft_node *table, bool *done, weft_diag *diag)
{
    weft_trace trace;
    weft_value *x = table->inputs[0];
    weft_trace_value(x, WEFT_TRACE_CHOSEN, &trace);
    weft_node *conv = weft_rewrite_producer(trace.root, WEFT_OP_QTokenConv);
    if (!conv || weft_node_input(conv, TABLE) || weft_node_input(conv, RESIDUAL) ||
        !weft_value_is_constant(table->inputs[1]))
        return WEFT_OK;
    for (const weft_value *at = trace.root; at != x;) {
        const weft_node *user = weft_rewrite_single_user(graph, at);
        if (!user)
            return WEFT_OK;
        at = user->outputs[0];
    }
    if (weft_rewrite_single_user(graph, x) != table || x->dtype != table->outputs[0]->dtype)
        return WEFT_OK;
    *done = true;
    weft_node_set_input(graph, conv, TABLE, table->inputs[1]);
    weft_attrs_set_int(&conv->attrs, graph->arena, "a_zero", 0); /* who needs it sets it */
    weft_rewrite_add_sources(graph, conv, table);
    weft_status status = weft_node_infer(graph, conv, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, table->outputs[0], x, diag) : status;
}

bool weft_token_conv_takes_prefix(weft_graph *graph, weft_node *conv, const weft_value *constant)
{
    const weft_value *y = conv->outputs[0];
    int64_t elems;
    if (conv->op == WEFT_OP_TokenConv)
        return weft_rewrite_all_equal(constant, 0.0F);
    if (!constant->data || constant->dtype != y->dtype ||
        !weft_shape_elems(&constant->shape, &elems) || elems < 1)
        return false;
    const uint8_t *codes = constant->data;
    for (int64_t i = 1; i < elems; i++)
        if (codes[i] != codes[0])
            return false;
    weft_attrs_set_int(&conv->attrs, graph->arena, "a_zero",
                       constant->dtype == WEFT_DTYPE_U8 ? codes[0] : (int8_t)codes[0]);
    return true;
}

bool weft_token_conv_takes_sum(const weft_node *conv, const weft_node *add, size_t i)
{
    /* tokens of the prefix have that code already */
    return attr(conv, "prefix", 0) == 0 ||
           attr(conv, "a_zero", 0) == attr(add, i == 0 ? "a_zero" : "b_zero", 0);
}

void weft_token_conv_set_sum(weft_graph *graph, weft_node *conv, const weft_node *add, size_t i)
{
    const struct {
        const char *to, *from;
    } names[] = {{"a_zero", i == 0 ? "a_zero" : "b_zero"},
                 {"a_mult", i == 0 ? "a_mult" : "b_mult"},
                 {"b_zero", i == 0 ? "b_zero" : "a_zero"},
                 {"b_mult", i == 0 ? "b_mult" : "a_mult"},
                 {"add_shift", "shift"},
                 {"y_zero", "y_zero"},
                 {"y_min", "y_min"},
                 {"y_max", "y_max"}};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        const weft_attr *found = weft_attrs_find(&add->attrs, names[k].from);
        if (found && found->kind == WEFT_ATTR_INT)
            weft_attrs_set_int(&conv->attrs, graph->arena, names[k].to, found->i);
        else if (k == 0)
            weft_attrs_remove(&conv->attrs, names[k].to);
    }
    weft_attrs_set_string(&conv->attrs, graph->arena, "to",
                          weft_attrs_string(&add->attrs, "to", "i8"));
}

weft_status weft_token_conv_quantized(weft_graph *graph, weft_node *node, bool *out_done,
                                      weft_diag *diag)
{
    weft_token_grid grid;
    int64_t pads[4];
    if (node->op == WEFT_OP_QTable)
        return take_table(graph, node, out_done, diag);
    if (node->op != WEFT_OP_QConv2D || !is_depthwise(node, pads) ||
        !weft_token_grid_read(node->inputs[0], attr(node, "x_nchw", 0) != 0, &grid))
        return WEFT_OK;
    *out_done = true;
    return lower_conv(graph, node, &grid, pads, diag);
}
