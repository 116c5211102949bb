/* SPDX-License-Identifier: Apache-2.0 */
/* A weft.QConv2D node as the CPU planners see it: what the dense kernels (kernels_qconv.c) and the
 * grouped one (kernels_qwindow.c) share. Internal to this room. */
#ifndef WEFT_PLAN_QCONV_H
#define WEFT_PLAN_QCONV_H

#include "compiler/plan/internal.h"
#include "kernels/cpu/qtile_rule.h"

/* QFLAG_* of kernels/cpu/qfinish.cl. */
enum {
    FLAG_X_SIGNED = 1,
    FLAG_C_SIGNED = 2,
    FLAG_TABLE = 4,
    FLAG_TABLE_SIGNED = 8,
    FLAG_RESIDUAL = 16,
    FLAG_RESIDUAL_SIGNED = 32,
    FLAG_SUMS = 64,
    FLAG_SMALL = 128,
    FLAG_SATURATES = 256,
    FLAG_NORM = 512,
    FLAG_NORM_SIGNED = 1024
};

typedef struct q_conv_node {
    const weft_value *x, *w, *bias, *mult, *shift, *table, *residual, *y, *mean;
    const weft_value *gamma, *beta; /* of the LayerNorm of the pixels; NULL: none */
    const weft_attrs *attrs;
    struct weft_cpu_qconv_shape shape;
    struct weft_cpu_qconv_plan plan;  /* dense convolutions only */
    int64_t c_limits[3], y_limits[3]; /* zero, least, most */
    int flags, x_zero, y_zero;        /* y_zero: what the mean is about */
} q_conv_node;

/* weft.QConv2D, or weft.QTokenConv, whose grid is the image. */
q_conv_node weft__qconv_read(const schedule_state *state, const weft_node *node);
/* The operands behind x and the weights, up to y: per channel padded to the panel. */
void weft__qconv_channel_operands(launch_builder *builder, const q_conv_node *conv, int panel);
/* The numbers of struct finish. */
void weft__qconv_stages(launch_builder *builder, const q_conv_node *conv);
/* Scratch for `parts` vectors of channel sums (none without a mean). */
int32_t weft__qconv_sums(launch_builder *builder, const q_conv_node *conv, int64_t parts);
/* The launch that makes the mean of each image from `parts` of them. */
void weft__qconv_mean(launch_builder *builder, const q_conv_node *conv, int32_t sums,
                      int64_t parts);

/* kernels_qrows.c: the margin of float in a LayerNorm with these scales and biases. */
double weft__qnorm_margin(const weft_value *gamma, const weft_value *beta, int beta_shift,
                          int shift);

#endif
