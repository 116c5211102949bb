/* SPDX-License-Identifier: Apache-2.0 */
/* weft.Conv2D -> weft_conv, weft_winograd2/4 or weft_depthwise. Which algorithm and which blocks:
 * kernels/cpu/tile_rule.c; the kernels' arguments: kernels/cpu/README.md. */
#include <stdio.h>
#include <string.h>

#include "compiler/plan/internal.h"

enum { FLAG_RESIDUAL = 1, FLAG_GATE = 2, FLAG_SUMS = 4 };
enum { GATHER_NONE, GATHER_POOL, GATHER_IM2COL };

typedef struct conv_node {
    const weft_value *x, *w, *bias, *residual, *gate, *y, *mean;
    struct weft_cpu_conv_shape shape;
    int64_t ih, iw, pads[4];
    int gather; /* how rows are brought together before the product, GATHER_* */
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
    plan_window window = weft__plan_window(&node->attrs);
    memcpy(conv.pads, window.pads, sizeof conv.pads);
    int groups = (int)weft_attrs_int(&node->attrs, "group", 1);
    conv.is_pooled = weft_attrs_int(&node->attrs, "pool", 0) != 0;
    conv.is_nchw = weft_attrs_int(&node->attrs, "x_nchw", 0) != 0;
    bool has_sums = conv.mean != NULL && groups == 1 && weft__plan_can_be_partial(state, conv.mean);
    conv.flags = (conv.residual != NULL ? FLAG_RESIDUAL : 0) | (conv.gate != NULL ? FLAG_GATE : 0) |
                 (has_sums ? FLAG_SUMS : 0);

    const int64_t *x = conv.x->shape.dims, *w = conv.w->shape.dims, *y = conv.y->shape.dims;
    conv.ih = conv.is_nchw ? x[2] : x[1];
    conv.iw = conv.is_nchw ? x[3] : x[2];
    int ic = (int)(conv.is_nchw ? x[1] : x[3]), taps = (int)(w[1] * w[2]);
    /* Channels-first images and stems of a few channels: rows are copied together once, then read
     * as one run. */
    conv.gather = conv.is_pooled                         ? GATHER_POOL
                  : conv.is_nchw || (ic < 8 && taps > 1) ? GATHER_IM2COL
                                                         : GATHER_NONE;
    conv.shape = (struct weft_cpu_conv_shape){.n = (int)y[0],
                                              .ic = ic,
                                              .oh = (int)y[1],
                                              .ow = (int)y[2],
                                              .oc = (int)y[3],
                                              .kh = (int)w[1],
                                              .kw = (int)w[2],
                                              .sh = (int)window.strides[0],
                                              .sw = (int)window.strides[1],
                                              .dh = (int)window.dilations[0],
                                              .dw = (int)window.dilations[1],
                                              .groups = groups,
                                              .has_sums = has_sums,
                                              .is_gathered = conv.gather != GATHER_NONE};
    return conv;
}

/* What F(m x m, 3 x 3) performs: products, and the transforms of input and output, counted from
 * winograd.cl. */
static int64_t winograd_flops(const struct weft_cpu_conv_shape *shape, int m)
{
    int64_t tiles = (int64_t)shape->n * ((shape->oh + m - 1) / m) * ((shape->ow + m - 1) / m);
    int64_t products = 2 * tiles * (m + 2) * (m + 2) * shape->ic * shape->oc;
    int64_t input = m == 2 ? 32 : 12 * 14, output = m == 2 ? 24 : 10 * 13;
    return products + tiles * (input * shape->ic + output * shape->oc);
}

static void launch_direct(launch_builder *builder, const weft_node *node, const conv_node *conv,
                          const struct weft_cpu_conv_plan *plan)
{
    schedule_state *state = builder->state;
    const struct weft_cpu_conv_shape *shape = &conv->shape;
    int panel = 2 * state->planner->target->vector_floats;
    int padded = (shape->oc + panel - 1) / panel * panel;
    weft_recipe recipe =
        conv->gather == GATHER_IM2COL ? WEFT_RECIPE_CONV_GATHERED : WEFT_RECIPE_CONV;

    weft__launch_value(builder, conv->x);
    weft__launch_blob(builder, weft__plan_blob(state, conv->w, recipe, panel, 0));
    weft__launch_blob(builder, weft__plan_blob(state, conv->bias, WEFT_RECIPE_PLAIN, padded, 0));
    weft__launch_operand(builder, conv->residual);
    weft__launch_value(builder, conv->gate);
    weft__launch_value(builder, conv->y);
    weft__launch_value(builder, conv->flags & FLAG_SUMS ? conv->mean : NULL);
    weft__launch_scratch(builder, plan->scratch_elems * sizeof(float));
    weft__launch_int(builder, conv->flags);
    weft__launch_act(builder, &node->attrs, "");
    /* With a pooled input the window's stride takes the convolution's place in the geometry: the
     * product is 1 x 1. */
    int64_t stride_h = conv->gather == GATHER_POOL ? 2 : shape->sh,
            stride_w = conv->gather == GATHER_POOL ? 2 : shape->sw;
    int64_t geometry[] = {conv->ih,  conv->iw,  shape->ic,     shape->oh,     shape->ow,
                          shape->oc, shape->kh, shape->kw,     stride_h,      stride_w,
                          shape->dh, shape->dw, conv->pads[0], conv->pads[1], shape->oc};
    weft__launch_ints(builder, geometry, sizeof geometry / sizeof geometry[0]);
    int64_t image = conv->ih * conv->iw * shape->ic;
    int64_t blocking[] = {plan->seg_rows,
                          plan->mb,
                          plan->blocks,
                          plan->pg,
                          plan->tc,
                          plan->kc,
                          conv->gather,
                          conv->gather == GATHER_POOL ? 2 : 0,
                          2};
    int64_t strides_nchw[] = {image, conv->iw, 1, conv->ih * conv->iw};
    int64_t strides_nhwc[] = {image, conv->iw * shape->ic, shape->ic, 1};
    weft__launch_ints(builder, blocking, sizeof blocking / sizeof blocking[0]);
    weft__launch_ints(builder, conv->is_nchw ? strides_nchw : strides_nhwc, 4);
    weft__launch_float(builder, 0.0);
    int64_t y_image = (int64_t)shape->oh * shape->ow * shape->oc;
    int64_t places[] = {0, 0, y_image, 0, y_image, 0};
    weft__launch_ints(builder, places, sizeof places / sizeof places[0]);
    char tile[64];
    snprintf(tile, sizeof tile, "%dx%d b%d p%d%s", state->planner->target->tile_rows, panel,
             plan->mb, plan->pg,
             conv->gather == GATHER_POOL     ? " pool"
             : conv->gather == GATHER_IM2COL ? " gather"
                                             : "");
    weft__launch_end(builder, WEFT_KERNEL_CONV, "weft_conv", plan->segments * plan->blocks,
                     plan->groups, tile);
}

static void launch_winograd(launch_builder *builder, const weft_node *node, const conv_node *conv,
                            const struct weft_cpu_conv_plan *plan)
{
    schedule_state *state = builder->state;
    const struct weft_cpu_conv_shape *shape = &conv->shape;
    int panel = 2 * state->planner->target->vector_floats,
        m = plan->method == WEFT_CPU_WINOGRAD2 ? 2 : 4;
    int padded = (shape->oc + panel - 1) / panel * panel;

    weft__launch_value(builder, conv->x);
    weft__launch_blob(builder, weft__plan_blob(state, conv->w, WEFT_RECIPE_WINOGRAD, panel, m));
    weft__launch_blob(builder, weft__plan_blob(state, conv->bias, WEFT_RECIPE_PLAIN, padded, 0));
    weft__launch_operand(builder, conv->residual);
    weft__launch_value(builder, conv->gate);
    weft__launch_value(builder, conv->y);
    weft__launch_value(builder, conv->flags & FLAG_SUMS ? conv->mean : NULL);
    weft__launch_local(builder, plan->local_bytes);
    weft__launch_int(builder, conv->flags);
    weft__launch_act(builder, &node->attrs, "");
    int64_t geometry[] = {conv->ih,  conv->iw,      shape->ic,     shape->oh,
                          shape->ow, shape->oc,     conv->pads[0], conv->pads[1],
                          shape->oc, plan->t_block, plan->blocks,  plan->pg};
    weft__launch_ints(builder, geometry, sizeof geometry / sizeof geometry[0]);
    char tile[64];
    snprintf(tile, sizeof tile, "F%d %dx%d t%d p%d", m, state->planner->target->tile_rows, panel,
             plan->t_block, plan->pg);
    weft__launch_end(builder, WEFT_KERNEL_WINOGRAD, m == 2 ? "weft_winograd2" : "weft_winograd4",
                     shape->n * plan->blocks, plan->groups, tile);
    builder->step->cost.flops = winograd_flops(shape, m);
}

static weft_status launch_grouped(launch_builder *builder, const weft_node *node,
                                  const conv_node *conv)
{
    schedule_state *state = builder->state;
    const struct weft_cpu_conv_shape *shape = &conv->shape;
    if (conv->is_pooled || conv->is_nchw || conv->gate != NULL)
        return weft__plan_unsupported(
            state, node, "a grouped convolution with a pooled, channels-first or gated operand",
            NULL);
    int panel = 2 * state->planner->target->vector_floats;
    int padded = (shape->oc + panel - 1) / panel * panel;
    weft__launch_value(builder, conv->x);
    weft__launch_blob(builder, weft__plan_blob(state, conv->w, WEFT_RECIPE_DEPTHWISE, panel, 0));
    weft__launch_blob(builder, weft__plan_blob(state, conv->bias, WEFT_RECIPE_PLAIN, padded, 0));
    weft__launch_operand(builder, conv->residual);
    weft__launch_value(builder, conv->y);
    weft__launch_int(builder, conv->flags & FLAG_RESIDUAL);
    weft__launch_act(builder, &node->attrs, "");
    int64_t geometry[] = {conv->ih,  conv->iw,      shape->ic,     shape->oh,
                          shape->ow, shape->oc,     shape->groups, shape->kh,
                          shape->kw, shape->sh,     shape->sw,     shape->dh,
                          shape->dw, conv->pads[0], conv->pads[1], shape->oc};
    weft__launch_ints(builder, geometry, sizeof geometry / sizeof geometry[0]);
    weft__launch_end(builder, WEFT_KERNEL_DEPTHWISE, "weft_depthwise",
                     (int64_t)shape->n * shape->oh, 1, "row");
    return WEFT_OK;
}

/* The direct form, or the plain elements in its place, is stored in any case. */
static void note_methods(const schedule_state *state, const char *key, const conv_node *conv,
                         const struct weft_cpu_device *device)
{
    int panel = 2 * state->planner->target->vector_floats;
    method_costs costs = {{0}, {0}};
    for (unsigned method = 0; method < WEFT__METHODS; method++) {
        struct weft_cpu_conv_shape shape = conv->shape;
        struct weft_cpu_conv_plan plan;
        shape.methods = 1u << method;
        weft_cpu_conv_choose(device, &shape, &plan);
        costs.seconds[method] = plan.expected_s;
        if (method != WEFT_CPU_DIRECT && plan.expected_s > 0)
            costs.bytes[method] = weft__plan_blob_bytes(state, conv->w, WEFT_RECIPE_WINOGRAD, panel,
                                                        method == WEFT_CPU_WINOGRAD2 ? 2 : 4);
    }
    weft__forms_note(state->planner->forms, state->index, key, &costs);
}

static struct weft_cpu_conv_plan choose(schedule_state *state, const conv_node *conv)
{
    struct weft_cpu_device device = weft__plan_device(state->planner);
    struct weft_cpu_conv_shape shape = conv->shape;
    struct weft_cpu_conv_plan plan;
    if (state->planner->forms != NULL) {
        const char *key = weft__plan_content(state, conv->w);
        if (state->planner->is_survey)
            note_methods(state, key, conv, &device);
        else
            shape.methods = weft__forms_kept(state->planner->forms, key);
    }
    weft_cpu_conv_choose(&device, &shape, &plan);
    WEFT_ASSERT(plan.expected_s > 0);
    return plan;
}

weft_status weft__plan_conv2d(schedule_state *state, const weft_node *node, weft_step *step)
{
    conv_node conv = read_node(state, node);
    const struct weft_cpu_conv_shape *shape = &conv.shape;
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft_status status = WEFT_OK;
    if (shape->groups != 1) {
        status = launch_grouped(&builder, node, &conv);
    } else {
        struct weft_cpu_conv_plan plan = choose(state, &conv);
        if (plan.method == WEFT_CPU_DIRECT)
            launch_direct(&builder, node, &conv, &plan);
        else
            launch_winograd(&builder, node, &conv, &plan);
        if (conv.flags & FLAG_SUMS)
            weft__plan_set_partial(state, conv.mean, shape->n, plan.blocks, shape->oc,
                                   (int64_t)shape->oh * shape->ow);
    }
    if (status == WEFT_OK && conv.mean != NULL && !(conv.flags & FLAG_SUMS))
        weft__launch_mean(&builder, conv.y, conv.mean);
    return status;
}
