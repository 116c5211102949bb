/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-conv, the parts that change what a weft.Conv2D reads or is: pooling by itself, and becoming
 * a weft.Linear. Must not know epilogues beyond carrying them over. */
#include <string.h>

#include "compiler/passes/epilogue.h"
#include "compiler/passes/fuse_conv.h"
#include "compiler/passes/rewrite.h"

static bool ints_are(const weft_node *node, const char *name, size_t count, int64_t number)
{
    int64_t list[4];
    weft_attrs_ints(&node->attrs, name, list, count, number);
    for (size_t i = 0; i < count; i++)
        if (list[i] != number)
            return false;
    return true;
}

static bool is_plain_input(const weft_node *conv)
{
    return ints_are(conv, "pads", 4, 0) && ints_are(conv, "dilations", 2, 1) &&
           weft_attrs_int(&conv->attrs, "group", 1) == 1 &&
           weft_attrs_int(&conv->attrs, "pool", 0) == 0;
}

/* Windows at 0, 2, 4, ... up to the end, each averaged over the elements that exist: what pool = 1
 * means. Explicit pads at the far ends do the same as ceil mode when they are not counted. */
static bool is_halving_average(const weft_node *pool)
{
    int64_t kernel[2], pads[4];
    const weft_shape *x = &pool->inputs[0]->shape, *y = &pool->outputs[0]->shape;
    weft_attrs_ints(&pool->attrs, "kernel_shape", kernel, 2, 0);
    weft_attrs_ints(&pool->attrs, "pads", pads, 4, 0);
    bool is_padded = pads[2] != 0 || pads[3] != 0;
    return strcmp(weft_attrs_string(&pool->attrs, "mode", "max"), "average") == 0 &&
           kernel[0] == 2 && kernel[1] == 2 && ints_are(pool, "strides", 2, 2) &&
           ints_are(pool, "dilations", 2, 1) && pads[0] == 0 && pads[1] == 0 && pads[2] <= 1 &&
           pads[3] <= 1 && !(is_padded && weft_attrs_int(&pool->attrs, "count_include_pad", 0)) &&
           y->dims[1] == (x->dims[1] + 1) / 2 && y->dims[2] == (x->dims[2] + 1) / 2;
}

weft_status weft_fuse_conv_pool(weft_graph *graph, weft_node *conv, bool *out_done, weft_diag *diag)
{
    weft_node *pool = weft_rewrite_producer(conv->inputs[0], WEFT_OP_Pool2D);
    const weft_shape *w = &conv->inputs[1]->shape;
    if (!pool || weft_rewrite_single_user(graph, pool->outputs[0]) != conv ||
        !is_halving_average(pool) || w->dims[1] != 1 || w->dims[2] != 1 || !is_plain_input(conv) ||
        !ints_are(conv, "strides", 2, 1) || weft_attrs_int(&conv->attrs, "x_nchw", 0))
        return WEFT_OK;
    weft_node_set_input(graph, conv, 0, pool->inputs[0]);
    weft_attrs_set_int(&conv->attrs, graph->arena, "pool", 1);
    weft_rewrite_add_sources(graph, conv, pool);
    weft_graph_remove_node(graph, pool);
    *out_done = true;
    return weft_node_infer(graph, conv, diag);
}

/* One window, which is the whole map. Channels-first is the same order of elements only for a map
 * of one element. */
static bool is_whole_map(const weft_node *conv)
{
    const weft_shape *x = &conv->inputs[0]->shape, *w = &conv->inputs[1]->shape;
    bool is_first = weft_attrs_int(&conv->attrs, "x_nchw", 0) != 0;
    int64_t height = x->dims[is_first ? 2 : 1], width = x->dims[is_first ? 3 : 2];
    return is_plain_input(conv) && w->dims[1] == height && w->dims[2] == width &&
           (!is_first || (height == 1 && width == 1));
}

static weft_status as_rows(weft_graph *graph, weft_node *before, weft_value *value, int64_t columns,
                           weft_value **out, weft_diag *diag)
{
    weft_shape shape = {.rank = 2, .dims = {value->shape.dims[0], columns}};
    return weft_rewrite_reshape(graph, before, value, &shape, NULL, out, diag);
}

weft_status weft_fuse_conv_to_linear(weft_graph *graph, weft_node *conv, bool *out_done,
                                     weft_diag *diag)
{
    const weft_shape *w = &conv->inputs[1]->shape;
    weft_value *y = conv->outputs[0], *residual = weft_node_input(conv, 3), *result = NULL;
    if (conv->output_count != 1 || weft_node_input(conv, 4) || !is_whole_map(conv))
        return WEFT_OK;
    weft_shape rows = {.rank = 2, .dims = {w->dims[0], w->dims[1] * w->dims[2] * w->dims[3]}};
    weft_value *inputs[4] = {NULL, weft_rewrite_view_constant(graph, conv->inputs[1], &rows),
                             weft_node_input(conv, 2), NULL};
    weft_status status = as_rows(graph, conv, conv->inputs[0], rows.dims[1], &inputs[0], diag);
    if (status == WEFT_OK && residual)
        status = as_rows(graph, conv, residual, rows.dims[0], &inputs[3], diag);
    if (status != WEFT_OK)
        return status;
    weft_node *linear = weft_rewrite_add(graph, conv, WEFT_OP_Linear, conv->name, inputs,
                                         residual    ? 4
                                         : inputs[2] ? 3
                                                     : 2,
                                         conv);
    if (weft_epilogue_has_act(conv))
        weft_epilogue_copy_act(graph, linear, "act", conv);
    status = weft_node_infer(graph, linear, diag);
    if (status == WEFT_OK)
        status =
            weft_rewrite_reshape(graph, conv, linear->outputs[0], &y->shape, NULL, &result, diag);
    if (status != WEFT_OK)
        return status;
    *out_done = true;
    return weft_rewrite_replace(graph, y, result, diag);
}
