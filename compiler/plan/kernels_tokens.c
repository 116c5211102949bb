/* SPDX-License-Identifier: Apache-2.0 */
/* weft.Attention -> weft_attention, weft.TokenConv -> weft_token_conv. Arguments:
 * kernels/cpu/README.md. */
#include <stdio.h>

#include "compiler/plan/internal.h"

enum { FLAG_RESIDUAL = 1, FLAG_MASK = 2 };

/* Row length, first channel and step of the heads of an operand. */
static void add_place(launch_builder *builder, const weft_node *node, size_t input,
                      const char *offset, const char *step, int64_t size)
{
    int64_t heads_step = weft_attrs_int(&node->attrs, step, 0);
    weft__launch_ints(builder,
                      (const int64_t[]){node->inputs[input]->shape.dims[2],
                                        weft_attrs_int(&node->attrs, offset, 0),
                                        heads_step > 0 ? heads_step : size},
                      3);
}

weft_status weft__plan_attention(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_value *q = node->inputs[0], *k = node->inputs[1], *v = node->inputs[2],
                     *residual = weft_node_input(node, 3), *mask = weft_node_input(node, 4);
    int64_t heads = weft_attrs_int(&node->attrs, "heads", 1),
            kv_heads = weft_attrs_int(&node->attrs, "kv_heads", 0),
            depth = weft_attrs_int(&node->attrs, "head_size", 1),
            channels = weft_attrs_int(&node->attrs, "v_head_size", 0);
    kv_heads = kv_heads > 0 ? kv_heads : heads;
    channels = channels > 0 ? channels : depth;
    int64_t images = q->shape.dims[0], queries = q->shape.dims[1], keys = k->shape.dims[1];
    struct weft_cpu_device device = weft__plan_device(state->planner);
    struct weft_cpu_attention_plan plan;
    weft_cpu_attention_blocks(&device, (int)(images * heads), (int)queries, (int)keys, (int)depth,
                              (int)channels, &plan);
    if (plan.local_bytes > device.local_bytes)
        return weft__plan_unsupported(
            state, node, "a head is so large that one panel of queries does not fit local memory",
            "the reference backend runs it");

    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_operand(&builder, q);
    weft__launch_operand(&builder, k);
    weft__launch_operand(&builder, v);
    weft__launch_operand(&builder, residual);
    weft__launch_operand(&builder, mask);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_local(&builder, plan.local_bytes);
    weft__launch_ints(
        &builder,
        (const int64_t[]){(residual != NULL ? FLAG_RESIDUAL : 0) | (mask != NULL ? FLAG_MASK : 0),
                          queries, keys, heads, heads / kv_heads, depth, channels},
        7);
    weft__launch_float(&builder, (double)weft_attrs_float(&node->attrs, "scale", 1.0f));
    add_place(&builder, node, 0, "q_offset", "q_step", depth);
    add_place(&builder, node, 1, "k_offset", "k_step", depth);
    add_place(&builder, node, 2, "v_offset", "v_step", channels);
    int64_t mask_heads = mask != NULL ? mask->shape.dims[1] : 1,
            mask_head = mask_heads > 1 ? keys * queries : 0,
            mask_image = mask != NULL && mask->shape.dims[0] > 1 ? mask_heads * keys * queries : 0;
    weft__launch_ints(&builder,
                      (const int64_t[]){mask_image, mask_head, plan.pg, plan.blocks, plan.kc}, 5);
    char tile[64];
    snprintf(tile, sizeof tile, "%dx%d p%d k%d", state->planner->target->tile_rows,
             2 * state->planner->target->vector_floats, plan.pg, plan.kc);
    weft__launch_end(&builder, WEFT_KERNEL_ATTENTION, "weft_attention",
                     images * heads * plan.blocks, 1, tile);
    return WEFT_OK;
}

weft_status weft__plan_token_conv(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_value *x = node->inputs[0], *w = node->inputs[1],
                     *residual = weft_node_input(node, 3);
    int64_t grid[2], pads[4], channels = w->shape.dims[2];
    weft_attrs_ints(&node->attrs, "grid", grid, 2, 1);
    weft_attrs_ints(&node->attrs, "pads", pads, 4, 1);
    /* Wide enough to keep a row's lines together, narrow enough for all threads to have several. */
    int64_t vector = state->planner->target->vector_floats,
            items = x->shape.dims[0] * (grid[0] + 1),
            parts = (4 * state->planner->threads + items - 1) / items,
            block = ((channels + parts - 1) / parts + vector - 1) / vector * vector;

    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_operand(&builder, x);
    weft__launch_operand(&builder, w);
    weft__launch_blob(&builder, weft__plan_blob(state, weft_node_input(node, 2), WEFT_RECIPE_PLAIN,
                                                (int)channels, 0));
    weft__launch_operand(&builder, residual);
    weft__launch_value(&builder, node->outputs[0]);
    int64_t numbers[] = {residual != NULL ? FLAG_RESIDUAL : 0,
                         grid[0],
                         grid[1],
                         channels,
                         x->shape.dims[2],
                         weft_attrs_int(&node->attrs, "x_offset", 0),
                         weft_attrs_int(&node->attrs, "prefix", 0),
                         w->shape.dims[0],
                         w->shape.dims[1],
                         pads[0],
                         pads[1],
                         block};
    weft__launch_ints(&builder, numbers, sizeof numbers / sizeof numbers[0]);
    weft__launch_end(&builder, WEFT_KERNEL_TOKEN_CONV, "weft_token_conv", items,
                     (channels + block - 1) / block, "row");
    return WEFT_OK;
}
