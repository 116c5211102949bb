/* SPDX-License-Identifier: Apache-2.0 */
/* weft.Conv2D -> weft_conv, weft_winograd2/4 or weft_depthwise. Which algorithm and which blocks: conv_choice.c; the kernels'
 * arguments: kernels/cpu/README.md. */
#include <stdio.h>

#include "compiler/plan/conv_choice.h"
#include "compiler/plan/internal.h"

enum { FLAG_RESIDUAL = 1, FLAG_GATE = 2, FLAG_SUMS = 4 };
enum { GATHER_NONE, GATHER_POOL, GATHER_IM2COL };

typedef struct conv_node {
    const weft_value *x, *w, *bias, *residual, *gate, *y, *mean;
    weft_conv_shape shape;
    int64_t group, dilation[2], pads[4];
    bool is_pooled, is_nchw;
    int flags;
} conv_node;

static conv_node read_node(const schedule_state *state, const weft_node *node)
{
    conv_node conv = {.x = weft_node_input(node, 0),
                      .w = weft_node_input(node, 1),
                      .bias = weft_node_input(node, 2),
                      .residual = weft_node_input(node, 3),
                      .gate = weft_node_input(node, 4),
                      .y = node->outputs[0],
                      .mean = node->output_count > 1 ? node->outputs[1] : NULL};
    weft_attrs_ints(&node->attrs, "dilations", conv.dilation, 2, 1);
    weft_attrs_ints(&node->attrs, "pads", conv.pads, 4, 0);
    conv.group = weft_attrs_int(&node->attrs, "group", 1);
    conv.is_pooled = weft_attrs_int(&node->attrs, "pool", 0) != 0;
    conv.is_nchw = weft_attrs_int(&node->attrs, "x_nchw", 0) != 0;
    conv.flags = (conv.residual != NULL ? FLAG_RESIDUAL : 0) | (conv.gate != NULL ? FLAG_GATE : 0) |
                 (conv.mean != NULL && conv.group == 1 && weft__plan_can_be_partial(state, conv.mean) ? FLAG_SUMS : 0);

    const int64_t *x = conv.x->shape.dims, *w = conv.w->shape.dims, *y = conv.y->shape.dims;
    weft_conv_shape *shape = &conv.shape;
    int64_t stride[2];
    weft_attrs_ints(&node->attrs, "strides", stride, 2, 1);
    *shape = (weft_conv_shape){.n = y[0], .oh = y[1], .ow = y[2], .oc = y[3], .kh = w[1], .kw = w[2], .sh = stride[0],
                               .sw = stride[1], .is_dense = conv.dilation[0] == 1 && conv.dilation[1] == 1};
    shape->ih = conv.is_nchw ? x[2] : x[1];
    shape->iw = conv.is_nchw ? x[3] : x[2];
    shape->ic = conv.is_nchw ? x[1] : x[3];
    shape->wants_sums = (conv.flags & FLAG_SUMS) != 0;
    shape->is_gathered = conv.is_pooled || conv.is_nchw;
    return conv;
}

static void launch_direct(launch_builder *builder, const weft_node *node, const conv_node *conv,
                          const weft_conv_choice *choice)
{
    schedule_state *state = builder->state;
    const weft_conv_shape *shape = &conv->shape;
    int panel = 2 * state->planner->target->vector_floats;
    /* Channels-first images and stems of a few channels: rows are copied together once, then read as one run. */
    int gather = conv->is_pooled                                                            ? GATHER_POOL
                 : conv->is_nchw || (shape->ic < 8 && shape->kh * shape->kw > 1) ? GATHER_IM2COL
                                                                                            : GATHER_NONE;
    weft_recipe recipe = gather == GATHER_IM2COL ? WEFT_RECIPE_CONV_GATHERED : WEFT_RECIPE_CONV;
    int64_t rows = shape->n * shape->oh * shape->ow;
    int64_t segment_rows = (conv->flags & FLAG_SUMS) != 0 ? shape->oh * shape->ow : rows;
    int64_t segments = rows / segment_rows;
    int64_t blocks = (segment_rows + choice->block_rows - 1) / choice->block_rows;
    int64_t panels = (shape->oc + panel - 1) / panel;
    int64_t groups = (panels + choice->group_panels - 1) / choice->group_panels;
    int64_t row_elems = gather == GATHER_IM2COL ? shape->kh * shape->kw * shape->ic : shape->ic;
    uint64_t scratch_bytes =
        gather == GATHER_NONE ? 0 : (uint64_t)(segments * blocks * groups * choice->block_rows * row_elems) * sizeof(float);

    weft__launch_value(builder, conv->x);
    weft__launch_blob(builder, weft__plan_blob(state, conv->w, recipe, panel, 0));
    weft__launch_blob(builder, weft__plan_blob(state, conv->bias, WEFT_RECIPE_PLAIN, (int)(panels * panel), 0));
    weft__launch_value(builder, conv->residual);
    weft__launch_value(builder, conv->gate);
    weft__launch_value(builder, conv->y);
    weft__launch_value(builder, conv->flags & FLAG_SUMS ? conv->mean : NULL);
    weft__launch_scratch(builder, scratch_bytes);
    weft__launch_int(builder, conv->flags);
    weft__launch_act(builder, &node->attrs, "");
    /* With a pooled input the window, its stride and no pads take the convolution's place in the geometry: the product is 1 x 1. */
    int64_t stride_h = conv->is_pooled ? 2 : shape->sh, stride_w = conv->is_pooled ? 2 : shape->sw;
    int64_t geometry[] = {shape->ih,        shape->iw,        shape->ic,     shape->oh,     shape->ow, shape->oc,
                          shape->kh,        shape->kw,        stride_h,      stride_w,      conv->dilation[0],
                          conv->dilation[1], conv->pads[0],   conv->pads[1], shape->oc};
    weft__launch_ints(builder, geometry, sizeof geometry / sizeof geometry[0]);
    int64_t image = shape->ih * shape->iw * shape->ic;
    int64_t strides_nchw[] = {image, shape->iw, 1, shape->ih * shape->iw};
    int64_t strides_nhwc[] = {image, shape->iw * shape->ic, shape->ic, 1};
    int64_t blocking[] = {segment_rows, choice->block_rows, blocks, choice->group_panels, gather == GATHER_IM2COL ? 1 : choice->chunk_taps,
                          gather == GATHER_IM2COL ? row_elems : choice->chunk_channels, gather, 2, 2};
    weft__launch_ints(builder, blocking, sizeof blocking / sizeof blocking[0]);
    weft__launch_ints(builder, conv->is_nchw ? strides_nchw : strides_nhwc, 4);
    char tile[64];
    snprintf(tile, sizeof tile, "%dx%d b%d p%d%s", state->planner->target->tile_rows, panel, choice->block_rows,
             choice->group_panels, gather == GATHER_POOL ? " pool" : gather == GATHER_IM2COL ? " gather" : "");
    weft__launch_end(builder, WEFT_KERNEL_CONV, "weft_conv", segments * blocks, groups, tile);
    if (conv->flags & FLAG_SUMS)
        weft__plan_set_partial(state, conv->mean, shape->n, blocks, shape->oc, shape->oh * shape->ow);
}

static void launch_winograd(launch_builder *builder, const weft_node *node, const conv_node *conv,
                            const weft_conv_choice *choice)
{
    schedule_state *state = builder->state;
    const weft_conv_shape *shape = &conv->shape;
    int vector = state->planner->target->vector_floats, panel = 2 * vector, m = choice->winograd;
    int64_t tiles = ((shape->oh + m - 1) / m) * ((shape->ow + m - 1) / m);
    int64_t blocks = (tiles + choice->block_rows - 1) / choice->block_rows;
    int64_t panels = (shape->oc + panel - 1) / panel;
    int64_t groups = (panels + choice->group_panels - 1) / choice->group_panels;

    weft__launch_value(builder, conv->x);
    weft__launch_blob(builder, weft__plan_blob(state, conv->w, WEFT_RECIPE_WINOGRAD, panel, m));
    weft__launch_blob(builder, weft__plan_blob(state, conv->bias, WEFT_RECIPE_PLAIN, (int)(panels * panel), 0));
    weft__launch_value(builder, conv->residual);
    weft__launch_value(builder, conv->gate);
    weft__launch_value(builder, conv->y);
    weft__launch_value(builder, conv->flags & FLAG_SUMS ? conv->mean : NULL);
    weft__launch_local(builder, weft_conv_winograd_local_bytes(shape, state->planner->target, m, choice->block_rows));
    weft__launch_int(builder, conv->flags);
    weft__launch_act(builder, &node->attrs, "");
    int64_t geometry[] = {shape->ih, shape->iw, shape->ic,     shape->oh,          shape->ow, shape->oc,
                          conv->pads[0], conv->pads[1], shape->oc, choice->block_rows, blocks,    choice->group_panels};
    weft__launch_ints(builder, geometry, sizeof geometry / sizeof geometry[0]);
    char tile[64];
    snprintf(tile, sizeof tile, "F%d %dx%d t%d p%d", m, state->planner->target->tile_rows, panel, choice->block_rows,
             choice->group_panels);
    weft__launch_end(builder, WEFT_KERNEL_WINOGRAD, m == 2 ? "weft_winograd2" : "weft_winograd4", shape->n * blocks, groups,
                     tile);
    builder->step->cost.flops = weft_conv_winograd_flops(shape, m);
    if (conv->flags & FLAG_SUMS)
        weft__plan_set_partial(state, conv->mean, shape->n, blocks, shape->oc, shape->oh * shape->ow);
}

static weft_status launch_grouped(launch_builder *builder, const weft_node *node, const conv_node *conv)
{
    schedule_state *state = builder->state;
    const weft_conv_shape *shape = &conv->shape;
    if (conv->is_pooled || conv->is_nchw || conv->gate != NULL)
        return weft__plan_unsupported(state, node, "a grouped convolution with a pooled, channels-first or gated operand", NULL);
    int panel = 2 * state->planner->target->vector_floats;
    int64_t padded = (shape->oc + panel - 1) / panel * panel;
    weft__launch_value(builder, conv->x);
    weft__launch_blob(builder, weft__plan_blob(state, conv->w, WEFT_RECIPE_DEPTHWISE, panel, 0));
    weft__launch_blob(builder, weft__plan_blob(state, conv->bias, WEFT_RECIPE_PLAIN, (int)padded, 0));
    weft__launch_value(builder, conv->residual);
    weft__launch_value(builder, conv->y);
    weft__launch_int(builder, conv->flags & FLAG_RESIDUAL);
    weft__launch_act(builder, &node->attrs, "");
    int64_t geometry[] = {shape->ih, shape->iw, shape->ic, shape->oh,         shape->ow,         shape->oc,     conv->group,
                          shape->kh, shape->kw, shape->sh, shape->sw, conv->dilation[0], conv->dilation[1], conv->pads[0],
                          conv->pads[1], shape->oc};
    weft__launch_ints(builder, geometry, sizeof geometry / sizeof geometry[0]);
    weft__launch_end(builder, WEFT_KERNEL_DEPTHWISE, "weft_depthwise", shape->n * shape->oh, 1, "row");
    return WEFT_OK;
}

weft_status weft__plan_conv2d(schedule_state *state, const weft_node *node, weft_step *step)
{
    conv_node conv = read_node(state, node);
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft_status status = WEFT_OK;
    if (conv.group != 1) {
        status = launch_grouped(&builder, node, &conv);
    } else {
        weft_conv_choice choice = weft_conv_choose(&conv.shape, state->planner->target, state->planner->threads);
        if (choice.winograd != 0)
            launch_winograd(&builder, node, &conv, &choice);
        else
            launch_direct(&builder, node, &conv, &choice);
    }
    if (status == WEFT_OK && conv.mean != NULL && !(conv.flags & FLAG_SUMS))
        weft__launch_mean(&builder, conv.y, conv.mean);
    return status;
}
