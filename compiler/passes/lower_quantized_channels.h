/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of lower-quantized that make weft.QConv2D: from real factors per output channel
 * to weights, biases, multipliers and shifts, with the proof that sums fit. */
#ifndef WEFT_PASSES_LOWER_QUANTIZED_CHANNELS_H
#define WEFT_PASSES_LOWER_QUANTIZED_CHANNELS_H

#include "compiler/passes/lower_quantized.h"

/* Per output channel o, result = scale[o] * (factor * weight_scale[o] * x_scale * sum + bias[o])
 * + shift[o] with sum over (x - x_zero) * w. */
typedef struct weft_lq_channels {
    size_t count;
    double factor;                /* of all channels */
    double *scale, *shift, *bias; /* in numbers */
    double *weight_scale;
    weft_value *weights;       /* 8-bit constant, output channels first; i8 once solved */
    const int32_t *bias_codes; /* the bias as the model has it, or NULL, with its scales */
    const weft_value *bias_scale;
    /* solved */
    int32_t *sum_bias, *mult, *shift_bits;
    int sum_bits; /* a signed sum needs */
} weft_lq_channels;

/* Scales of weights that a DequantizeLinear reads; has_axis: its axis is that of the output
 * channels. */
bool weft_lq_read_weight_scales(weft_lq *lq, const weft_node *node, const weft_node *dequantize,
                                bool has_axis, weft_lq_channels *channels);
/* One weight per channel for result = scale[c] * x + shift[c]; takes the scale. */
bool weft_lq_scale_weights(weft_lq *lq, const weft_node *node, const weft_lq_codes *x,
                           weft_lq_channels *channels);
/* The integers; false with a reason when they do not exist. */
bool weft_lq_solve_channels(weft_lq *lq, const weft_node *node, const weft_lq_codes *x,
                            weft_lq_channels *channels);
/* Inputs 1 to 4 of weft.QConv2D. */
void weft_lq_channel_constants(weft_lq *lq, const weft_node *node, const weft_lq_channels *channels,
                               weft_value **inputs);

#endif
