/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QConv2D -> weft_qconv or weft_qwinograd2/4. Which one and which blocks:
 * kernels/cpu/qtile_rule.c; the kernels' arguments: kernels/cpu/README.md; what is computed:
 * kernels/include/weft_int.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compiler/plan/qconv.h"
#include "kernels/cpu/qpack.h"
#include "kernels/include/weft_int.h"

/* Channels of one work-item of weft_qmean: their sums are a few kilobytes. */
enum { MEAN_BLOCK = 256 };

static bool is_signed(const weft_value *value)
{
    return value->dtype == WEFT_DTYPE_I8;
}

/* Zero, least and most of one 8-bit result; limits that are absent are those of the type. */
static void read_limits(const weft_attrs *attrs, const char *stage, bool signed_values,
                        int64_t out_limits[3])
{
    static const char *const parts[3] = {"zero", "min", "max"};
    int64_t least = signed_values ? -128 : 0;
    const int64_t absent[3] = {0, least, least + 255};
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "%s_%s", stage, parts[i]);
        out_limits[i] = weft_attrs_int(attrs, name, absent[i]);
    }
}

/* Sums that are floats without error are rounded faster where multiply-adds are fused: with AVX2.
 * Where moreover no scaled sum reaches 2^22 and the limits are those of the type, instructions that
 * saturate do the limiting. */
static int rounding_flags(const schedule_state *state, const q_conv_node *conv)
{
    const int32_t *bias = conv->bias->data, *mult = conv->mult->data, *shift = conv->shift->data;
    double largest = 0, ratio = 0;
    for (int o = 0; o < conv->shape.oc; o++) {
        largest = fmax(largest, fabs((double)bias[o]));
        ratio = fmax(ratio, ldexp(mult[o], -shift[o]));
    }
    largest += conv->shape.sum_bound;
    if (state->planner->target->vector_floats < 8 || largest > 1 << 24)
        return 0;
    int64_t least = conv->flags & FLAG_C_SIGNED ? -128 : 0;
    bool is_type = conv->c_limits[1] == least && conv->c_limits[2] == least + 255;
    return FLAG_SMALL | (is_type && largest * ratio < 1 << 22 ? FLAG_SATURATES : 0);
}

static struct weft_cpu_qconv_shape image_shape(const q_conv_node *conv)
{
    plan_window window = weft__plan_window(conv->attrs);
    bool is_nchw = weft_attrs_int(conv->attrs, "x_nchw", 0) != 0;
    const int64_t *x = conv->x->shape.dims, *w = conv->w->shape.dims, *y = conv->y->shape.dims;
    return (struct weft_cpu_qconv_shape){.n = (int)y[0],
                                         .ih = (int)x[is_nchw ? 2 : 1],
                                         .iw = (int)x[is_nchw ? 3 : 2],
                                         .ic = (int)x[is_nchw ? 1 : 3],
                                         .oh = (int)y[1],
                                         .ow = (int)y[2],
                                         .oc = (int)y[3],
                                         .kh = (int)w[1],
                                         .kw = (int)w[2],
                                         .sh = (int)window.strides[0],
                                         .sw = (int)window.strides[1],
                                         .dh = (int)window.dilations[0],
                                         .dw = (int)window.dilations[1],
                                         .pt = (int)window.pads[0],
                                         .pl = (int)window.pads[1],
                                         .has_sums = conv->mean != NULL,
                                         .is_nchw = is_nchw};
}

static struct weft_cpu_qconv_shape token_shape(const q_conv_node *conv)
{
    int64_t grid[2], pads[4];
    weft_attrs_ints(conv->attrs, "grid", grid, 2, 1);
    weft_attrs_ints(conv->attrs, "pads", pads, 4, 1);
    const int64_t *w = conv->w->shape.dims;
    return (struct weft_cpu_qconv_shape){.n = (int)conv->x->shape.dims[0],
                                         .ih = (int)grid[0],
                                         .iw = (int)grid[1],
                                         .ic = (int)w[0],
                                         .oh = (int)grid[0],
                                         .ow = (int)grid[1],
                                         .oc = (int)w[0],
                                         .kh = (int)w[1],
                                         .kw = (int)w[2],
                                         .sh = 1,
                                         .sw = 1,
                                         .dh = 1,
                                         .dw = 1,
                                         .pt = (int)pads[0],
                                         .pl = (int)pads[1]};
}

q_conv_node weft__qconv_read(const schedule_state *state, const weft_node *node)
{
    q_conv_node conv = {.x = weft_node_input(node, 0),
                        .w = weft_node_input(node, 1),
                        .bias = weft_node_input(node, 2),
                        .mult = weft_node_input(node, 3),
                        .shift = weft_node_input(node, 4),
                        .table = weft_node_input(node, 5),
                        .residual = weft_node_input(node, 6),
                        .gamma = weft_node_input(node, 7),
                        .beta = weft_node_input(node, 8),
                        .y = node->outputs[0],
                        .mean = node->output_count > 1 ? node->outputs[1] : NULL,
                        .attrs = &node->attrs};
    bool c_signed = strcmp(weft_attrs_string(conv.attrs, "c_type", "i8"), "i8") == 0;
    read_limits(conv.attrs, "c", c_signed, conv.c_limits);
    read_limits(conv.attrs, "y", is_signed(conv.y), conv.y_limits);
    conv.x_zero = (int)weft_attrs_int(conv.attrs, "x_zero", 0);
    conv.y_zero = conv.residual != NULL ? (int)conv.y_limits[0]
                                        : (int)weft_attrs_int(conv.attrs, "a_zero", 0);
    conv.flags = (is_signed(conv.x) ? FLAG_X_SIGNED : 0) | (c_signed ? FLAG_C_SIGNED : 0) |
                 (conv.mean != NULL ? FLAG_SUMS : 0);
    if (conv.table != NULL)
        conv.flags |= FLAG_TABLE | (is_signed(conv.table) ? FLAG_TABLE_SIGNED : 0);
    if (conv.residual != NULL)
        conv.flags |= FLAG_RESIDUAL | (is_signed(conv.residual) ? FLAG_RESIDUAL_SIGNED : 0);
    bool n_signed = strcmp(weft_attrs_string(conv.attrs, "norm_type", "i8"), "i8") == 0;
    if (conv.gamma != NULL)
        conv.flags |= FLAG_NORM | (n_signed ? FLAG_NORM_SIGNED : 0);

    conv.shape = node->op == WEFT_OP_QTokenConv ? token_shape(&conv) : image_shape(&conv);
    conv.shape.dot = state->planner->target->dot;
    conv.shape.is_normalised = conv.gamma != NULL;
    const int64_t *w = conv.w->shape.dims;
    int64_t k = w[1] * w[2] * w[3];
    conv.shape.sum_bound = (double)weft_qpack_sum_bound(conv.w->data, conv.shape.oc, (size_t)k);
    conv.flags |= rounding_flags(state, &conv);
    return conv;
}

/* Tables that only the planner can make: biases and ratios, padded to whole panels. */
static int32_t bias_blob(schedule_state *state, const q_conv_node *conv, int panel)
{
    int64_t count = (int64_t)weft_qpack_channel_elems(conv->shape.oc, panel);
    int32_t *bias = WEFT_NEW_ARRAY(state->planner->arena, int32_t, (size_t)count);
    int64_t k = weft__plan_elems(conv->w) / conv->shape.oc;
    /* Quads are products with x, or what it is normalised to, as u8. */
    int sign = conv->gamma != NULL ? FLAG_NORM_SIGNED : FLAG_X_SIGNED;
    int u8_zero = conv->x_zero + (conv->flags & sign ? 128 : 0);
    weft_qpack_bias(bias, conv->bias->data, conv->w->data, conv->shape.oc, (size_t)k, panel,
                    conv->shape.dot == 4 ? u8_zero : 0);
    return weft__plan_table(state, WEFT_DTYPE_I32, bias, count);
}

static int32_t ratio_blob(schedule_state *state, const q_conv_node *conv, int panel)
{
    int64_t count = (int64_t)weft_qpack_channel_elems(conv->shape.oc, panel);
    double *ratio = WEFT_NEW_ARRAY(state->planner->arena, double, (size_t)count);
    weft_qpack_ratio(ratio, conv->mult->data, conv->shift->data, conv->shape.oc, panel);
    return weft__plan_table(state, WEFT_DTYPE_F64, ratio, count);
}

void weft__qconv_stages(launch_builder *builder, const q_conv_node *conv)
{
    static const char *const sum[5] = {"a_zero", "a_mult", "b_zero", "b_mult", "add_shift"};
    weft__launch_ints(builder, conv->c_limits, 3);
    for (int i = 0; i < 5; i++)
        weft__launch_int(builder, weft_attrs_int(conv->attrs, sum[i], i == 4 ? 1 : 0));
    weft__launch_ints(builder, conv->y_limits, 3);
    weft__launch_int(builder, conv->y_zero);
}

void weft__qconv_channel_operands(launch_builder *builder, const q_conv_node *conv, int panel)
{
    weft__launch_blob(builder, bias_blob(builder->state, conv, panel));
    weft__launch_blob(builder, ratio_blob(builder->state, conv, panel));
    weft__launch_operand(builder, conv->table);
    weft__launch_operand(builder, conv->residual);
    weft__launch_value(builder, conv->y);
}

int32_t weft__qconv_sums(launch_builder *builder, const q_conv_node *conv, int64_t parts)
{
    return weft__launch_scratch(
        builder, conv->mean == NULL ? 0 : (uint64_t)(parts * conv->shape.oc) * sizeof(int32_t));
}

/* The arguments behind the stages: how pixels are normalised. */
static void launch_norm(launch_builder *builder, const q_conv_node *conv)
{
    int64_t epsilon = weft_attrs_int(conv->attrs, "norm_epsilon", 0), limits[3];
    read_limits(conv->attrs, "norm", (conv->flags & FLAG_NORM_SIGNED) != 0, limits);
    weft__launch_operand(builder, conv->gamma);
    weft__launch_operand(builder, conv->beta);
    int64_t numbers[] = {epsilon >> 32,
                         (int32_t)(uint32_t)epsilon,
                         weft_attrs_int(conv->attrs, "norm_beta_shift", 0),
                         weft_attrs_int(conv->attrs, "norm_shift", WEFT_SHIFT_MIN),
                         limits[1],
                         limits[2]};
    weft__launch_ints(builder, numbers, sizeof numbers / sizeof numbers[0]);
    weft__launch_float(builder, conv->gamma == NULL
                                    ? 0.0
                                    : weft__qnorm_margin(conv->gamma, conv->beta, (int)numbers[2],
                                                         (int)numbers[3]));
}

static int32_t launch_winograd(launch_builder *builder, const q_conv_node *conv)
{
    schedule_state *state = builder->state;
    const struct weft_cpu_qconv_shape *shape = &conv->shape;
    const struct weft_cpu_qconv_plan *plan = &conv->plan;
    int panel = 2 * state->planner->target->vector_floats;
    int m = plan->method == WEFT_CPU_QWINOGRAD2 ? 2 : 4;
    weft__launch_value(builder, conv->x);
    weft__launch_blob(builder, weft__plan_blob(state, conv->w, WEFT_RECIPE_QWINOGRAD, panel, m));
    weft__qconv_channel_operands(builder, conv, panel);
    int32_t sums =
        weft__qconv_sums(builder, conv, (int64_t)conv->plan.segments * conv->plan.blocks);
    weft__launch_local(builder, plan->local_bytes);
    int64_t geometry[] = {conv->flags,  shape->ih,     shape->iw,    shape->ic, shape->oh,
                          shape->ow,    shape->oc,     shape->pt,    shape->pl, shape->oc,
                          conv->x_zero, plan->t_block, plan->blocks, plan->pg};
    weft__launch_ints(builder, geometry, sizeof geometry / sizeof geometry[0]);
    weft__qconv_stages(builder, conv);
    char tile[64];
    snprintf(tile, sizeof tile, "F%d %dx%dx2 t%d p%d", m, state->planner->target->tile_rows, panel,
             plan->t_block, plan->pg);
    weft__launch_end(builder, WEFT_KERNEL_QWINOGRAD, m == 2 ? "weft_qwinograd2" : "weft_qwinograd4",
                     plan->segments * plan->blocks, plan->groups, tile);
    /* What it multiplies and adds; the transforms are small beside it. */
    int64_t tiles = (int64_t)shape->n * ((shape->oh + m - 1) / m) * ((shape->ow + m - 1) / m);
    builder->step->cost.flops = 2 * tiles * (m + 2) * (m + 2) * shape->ic * shape->oc;
    return sums;
}

static int32_t launch_direct(launch_builder *builder, const q_conv_node *conv)
{
    schedule_state *state = builder->state;
    const struct weft_cpu_qconv_shape *shape = &conv->shape;
    const struct weft_cpu_qconv_plan *plan = &conv->plan;
    int panel = 2 * state->planner->target->vector_floats;
    bool is_gathered = plan->gather == WEFT_CPU_QROWS;

    weft__launch_value(builder, conv->x);
    weft__launch_blob(builder,
                      weft__plan_blob(state, conv->w,
                                      is_gathered ? WEFT_RECIPE_QCONV_GATHERED : WEFT_RECIPE_QCONV,
                                      panel, 0));
    weft__qconv_channel_operands(builder, conv, panel);
    int32_t sums =
        weft__qconv_sums(builder, conv, (int64_t)conv->plan.segments * conv->plan.blocks);
    weft__launch_value(builder, NULL); /* nothing to fetch */
    weft__launch_local(builder, plan->local_bytes);
    int64_t image = (int64_t)shape->ih * shape->iw * shape->ic;
    int64_t strides_nchw[] = {image, shape->iw, 1, (int64_t)shape->ih * shape->iw};
    int64_t strides_nhwc[] = {image, (int64_t)shape->iw * shape->ic, shape->ic, 1};
    int64_t geometry[] = {conv->flags, plan->ih,     plan->iw,       shape->ic,   plan->oh,
                          plan->ow,    shape->oc,    shape->kh,      shape->kw,   shape->sh,
                          shape->sw,   shape->dh,    shape->dw,      shape->pt,   shape->pl,
                          shape->oc,   conv->x_zero, plan->seg_rows, plan->mb,    plan->blocks,
                          plan->pg,    plan->tc,     plan->kc,       plan->gather};
    weft__launch_ints(builder, geometry, sizeof geometry / sizeof geometry[0]);
    weft__launch_ints(builder, shape->is_nchw ? strides_nchw : strides_nhwc, 4);
    weft__launch_int(builder, 0);
    weft__qconv_stages(builder, conv);
    launch_norm(builder, conv);
    char tile[64];
    snprintf(tile, sizeof tile, "%dx%dx%d b%d p%d%s%s", state->planner->target->tile_rows, panel,
             shape->dot, plan->mb, plan->pg, is_gathered ? " gather" : "",
             conv->gamma != NULL ? " norm" : "");
    weft__launch_end(builder, WEFT_KERNEL_QCONV, "weft_qconv", plan->segments * plan->blocks,
                     plan->groups, tile);
    return sums;
}

void weft__qconv_mean(launch_builder *builder, const q_conv_node *conv, int32_t sums, int64_t parts)
{
    int64_t least = is_signed(conv->mean) ? -128 : 0;
    weft__launch_scratch_again(builder, sums);
    weft__launch_value(builder, conv->mean);
    int64_t numbers[] = {parts,
                         conv->shape.oc,
                         MEAN_BLOCK,
                         weft_attrs_int(conv->attrs, "mean_mult", 0),
                         weft_attrs_int(conv->attrs, "mean_shift", WEFT_SHIFT_MIN),
                         weft_attrs_int(conv->attrs, "mean_zero", 0),
                         least,
                         least + 255};
    weft__launch_ints(builder, numbers, sizeof numbers / sizeof numbers[0]);
    weft__launch_end(builder, WEFT_KERNEL_QCONV, "weft_qmean", conv->shape.n,
                     (conv->shape.oc + MEAN_BLOCK - 1) / MEAN_BLOCK, "mean");
}

/* 8-bit forms are not turned back, so the plain elements are stored beside them. */
static void note_methods(const schedule_state *state, const char *key, const q_conv_node *conv,
                         const struct weft_cpu_device *device)
{
    int panel = 2 * state->planner->target->vector_floats;
    method_costs costs = {{0}, {0}};
    for (unsigned method = 0; method < WEFT__METHODS; method++) {
        struct weft_cpu_qconv_shape shape = conv->shape;
        struct weft_cpu_qconv_plan plan;
        shape.methods = 1u << method;
        if (!weft_cpu_qconv_choose(device, &shape, &plan))
            continue;
        costs.seconds[method] = plan.expected_s;
        bool is_direct = method == WEFT_CPU_QDIRECT;
        weft_recipe recipe = !is_direct                      ? WEFT_RECIPE_QWINOGRAD
                             : plan.gather == WEFT_CPU_QROWS ? WEFT_RECIPE_QCONV_GATHERED
                                                             : WEFT_RECIPE_QCONV;
        costs.bytes[method] = weft__plan_blob_bytes(state, conv->w, recipe, panel,
                                                    is_direct                       ? 0
                                                    : method == WEFT_CPU_QWINOGRAD2 ? 2
                                                                                    : 4);
    }
    weft__forms_note(state->planner->forms, state->index, key, &costs);
}

static bool choose(schedule_state *state, q_conv_node *conv)
{
    struct weft_cpu_device device = weft__plan_device(state->planner);
    if (state->planner->forms != NULL) {
        const char *key = weft__plan_content(state, conv->w);
        if (state->planner->is_survey)
            note_methods(state, key, conv, &device);
        else
            conv->shape.methods = weft__forms_kept(state->planner->forms, key);
    }
    return weft_cpu_qconv_choose(&device, &conv->shape, &conv->plan);
}

weft_status weft__plan_q_conv2d(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_value *constants[] = {weft_node_input(node, 1), weft_node_input(node, 2),
                                     weft_node_input(node, 3), weft_node_input(node, 4)};
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
        if (!weft_value_is_constant(constants[i]))
            return weft__plan_unsupported(state, node,
                                          "weights, biases and ratios are not constants", NULL);
    if (weft_attrs_int(&node->attrs, "group", 1) != 1)
        return weft__plan_q_grouped(state, node, step);
    q_conv_node conv = weft__qconv_read(state, node);
    if (!choose(state, &conv))
        return weft__plan_unsupported(state, node,
                                      "one output takes more inputs than local memory holds", NULL);
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    int32_t sums = conv.plan.method == WEFT_CPU_QDIRECT ? launch_direct(&builder, &conv)
                                                        : launch_winograd(&builder, &conv);
    if (conv.mean != NULL)
        weft__qconv_mean(&builder, &conv, sums,
                         (int64_t)conv.plan.segments * conv.plan.blocks / conv.shape.n);
    return WEFT_OK;
}
