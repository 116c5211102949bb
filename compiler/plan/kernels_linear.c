/* SPDX-License-Identifier: Apache-2.0 */
/* weft.Linear and weft.Gate -> weft_linear, weft_se_gate or, for many rows, weft_conv. Arguments:
 * kernels/cpu/README.md. */
#include <stdio.h>

#include "compiler/plan/internal.h"

enum { FLAG_RESIDUAL = 1, FLAG_SUMS = 4, FLAG_APPLY = 8, FLAG_NORM = 64 };
enum { GATHER_NORM = 3 }; /* of weft_conv */
/* From so many rows on a product reads its weights once per block of rows, not once per row. */
enum { PRODUCT_ROWS = 3 };

/* Rows as a 1 x 1 convolution over an image of one column. */
static void launch_rows(launch_builder *builder, const weft_node *node, int64_t rows, int64_t depth,
                        int64_t columns)
{
    schedule_state *state = builder->state;
    const weft_target *target = state->planner->target;
    const weft_value *residual = weft_node_input(node, 3);
    bool is_normalised = weft_attrs_find(&node->attrs, "norm_epsilon") != NULL;
    double epsilon = (double)weft_attrs_float(&node->attrs, "norm_epsilon", 0.0f);
    struct weft_cpu_conv_shape shape = {.n = 1,
                                        .ic = (int)depth,
                                        .oh = (int)rows,
                                        .ow = 1,
                                        .oc = (int)columns,
                                        .kh = 1,
                                        .kw = 1,
                                        .sh = 1,
                                        .sw = 1,
                                        .dh = 1,
                                        .dw = 1,
                                        .groups = 1,
                                        .is_gathered = is_normalised};
    struct weft_cpu_device device = weft__plan_device(state->planner);
    struct weft_cpu_conv_plan plan;
    weft_cpu_conv_choose(&device, &shape, &plan);
    int panel = 2 * target->vector_floats;
    int64_t panels = (columns + panel - 1) / panel;
    weft__launch_value(builder, weft_node_input(node, 0));
    weft__launch_blob(builder,
                      weft__plan_blob(state, weft_node_input(node, 1), WEFT_RECIPE_CONV, panel, 0));
    weft__launch_blob(builder, weft__plan_blob(state, weft_node_input(node, 2), WEFT_RECIPE_PLAIN,
                                               (int)(panels * panel), 0));
    weft__launch_operand(builder, residual);
    weft__launch_value(builder, NULL);
    weft__launch_value(builder, node->outputs[0]);
    weft__launch_value(builder, NULL);
    weft__launch_scratch(builder, plan.scratch_elems * sizeof(float));
    weft__launch_int(builder, residual != NULL ? FLAG_RESIDUAL : 0);
    weft__launch_act(builder, &node->attrs, "");
    int64_t numbers[] = {rows,
                         1,
                         depth,
                         rows,
                         1,
                         columns,
                         1,
                         1,
                         1,
                         1,
                         1,
                         1,
                         0,
                         0,
                         columns,
                         rows,
                         plan.mb,
                         plan.blocks,
                         plan.pg,
                         plan.tc,
                         plan.kc,
                         is_normalised ? GATHER_NORM : 0,
                         0,
                         0,
                         rows * depth,
                         depth,
                         depth,
                         1};
    weft__launch_ints(builder, numbers, sizeof numbers / sizeof numbers[0]);
    weft__launch_float(builder, epsilon);
    weft__launch_ints(builder, (const int64_t[]){0, 0, 0, 0, 0, 0}, 6);
    char tile[64];
    snprintf(tile, sizeof tile, "%dx%d b%d p%d%s", target->tile_rows, panel, plan.mb, plan.pg,
             is_normalised ? " norm" : "");
    weft__launch_end(builder, WEFT_KERNEL_CONV, "weft_conv", plan.blocks, plan.groups, tile);
}

weft_status weft__plan_linear(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_value *x = weft_node_input(node, 0), *w = weft_node_input(node, 1),
                     *residual = weft_node_input(node, 3);
    int64_t depth = w->shape.dims[1], columns = w->shape.dims[0];
    int64_t rows = weft__plan_elems(x) / depth;
    const weft_schedule_value *source = weft__plan_storage(state, x);
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    if (source->partial_blocks == 0 && rows >= PRODUCT_ROWS) {
        launch_rows(&builder, node, rows, depth, columns);
        return WEFT_OK;
    }
    int panel = 2 * state->planner->target->vector_floats;
    int64_t panels = (columns + panel - 1) / panel;
    struct weft_cpu_device device = weft__plan_device(state->planner);
    int64_t group = weft_cpu_linear_panels(&device, (int)columns, (int)depth);
    int64_t parts = source->partial_blocks > 0 ? source->partial_blocks : 1;
    weft__launch_value(&builder, x);
    weft__launch_blob(&builder, weft__plan_blob(state, w, WEFT_RECIPE_LINEAR, panel, 0));
    weft__launch_blob(&builder, weft__plan_blob(state, weft_node_input(node, 2), WEFT_RECIPE_PLAIN,
                                                (int)(panels * panel), 0));
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_local(&builder, (uint64_t)depth * sizeof(float));
    weft__launch_act(&builder, &node->attrs, "");
    weft__launch_ints(&builder, (const int64_t[]){rows, depth, columns, parts}, 4);
    weft__launch_float(&builder,
                       source->partial_blocks > 0 ? 1.0 / (double)source->partial_count : 1.0);
    bool is_normalised = weft_attrs_find(&node->attrs, "norm_epsilon") != NULL;
    int flags = (is_normalised ? FLAG_NORM : 0) | (residual != NULL ? FLAG_RESIDUAL : 0);
    weft__launch_ints(&builder, (const int64_t[]){columns, group, flags}, 3);
    weft__launch_float(&builder, (double)weft_attrs_float(&node->attrs, "norm_epsilon", 0.0f));
    weft__launch_operand(&builder, residual);
    char tile[64];
    snprintf(tile, sizeof tile, "1x%d p%d%s%s", panel, (int)group, parts > 1 ? " mean" : "",
             is_normalised ? " norm" : "");
    weft__launch_end(&builder, WEFT_KERNEL_LINEAR, "weft_linear", (panels + group - 1) / group, 1,
                     tile);
    return WEFT_OK;
}

weft_status weft__plan_gate(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_value *hidden = weft_node_input(node, 0), *w = weft_node_input(node, 1),
                     *t = weft_node_input(node, 3);
    const weft_value *residual = weft_node_input(node, 4), *y = node->outputs[0];
    const weft_value *mean = node->output_count > 1 ? node->outputs[1] : NULL;
    int64_t depth = w->shape.dims[1], channels = w->shape.dims[0], images = t->shape.dims[0];
    int64_t pixels = t->shape.dims[1] * t->shape.dims[2];
    int panel = 2 * state->planner->target->vector_floats;
    int64_t panels = (channels + panel - 1) / panel;
    struct weft_cpu_device device = weft__plan_device(state->planner);
    int group = 0, block_pixels = 0;
    weft_cpu_gate_blocks(&device, (int)depth, (int)channels, (int)pixels, &group, &block_pixels);
    int64_t groups = (panels + group - 1) / group,
            blocks = (pixels + block_pixels - 1) / block_pixels;
    bool sums = mean != NULL && weft__plan_can_be_partial(state, mean);

    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_value(&builder, hidden);
    weft__launch_blob(&builder, weft__plan_blob(state, w, WEFT_RECIPE_LINEAR, panel, 0));
    weft__launch_blob(&builder, weft__plan_blob(state, weft_node_input(node, 2), WEFT_RECIPE_PLAIN,
                                                (int)(panels * panel), 0));
    weft__launch_value(&builder, t);
    weft__launch_value(&builder, residual);
    weft__launch_value(&builder, NULL);
    weft__launch_value(&builder, y);
    weft__launch_value(&builder, sums ? mean : NULL);
    weft__launch_local(&builder, (uint64_t)depth * sizeof(float));
    weft__launch_int(&builder,
                     FLAG_APPLY | (residual != NULL ? FLAG_RESIDUAL : 0) | (sums ? FLAG_SUMS : 0));
    weft__launch_act(&builder, &node->attrs, "gate_");
    weft__launch_act(&builder, &node->attrs, "");
    weft__launch_ints(&builder,
                      (const int64_t[]){depth, channels, pixels, block_pixels, blocks, group}, 6);
    char tile[64];
    snprintf(tile, sizeof tile, "1x%d b%d p%d", panel, block_pixels, group);
    weft__launch_end(&builder, WEFT_KERNEL_LINEAR, "weft_se_gate", images * blocks, groups, tile);
    if (sums)
        weft__plan_set_partial(state, mean, images, blocks, channels, pixels);
    else if (mean != NULL)
        weft__launch_mean(&builder, y, mean);
    return WEFT_OK;
}
