/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QConv2D: sums in s32, then the stages of kernels/include/weft_int.h. For each output pixel
 * its patch is copied out as s16 with the zero point taken off (zeros in the padding), and every
 * filter is multiplied with it. */
#include <stdlib.h>

#include "kernels/ref/quant.h"
#include "kernels/ref/window.h"

typedef struct q_conv {
    const weft_tensor *x, *w, *table, *residual, *y, *mean;
    const int32_t *bias, *mult, *shift;
    weft_ref_window window;
    weft_ref_image image;
    int64_t channels, group, depth; /* input channels and elements of a filter; both per group */
    int32_t x_zero;
    weft_dtype c_type;
    weft_ref_q_stage c;
    weft_ref_q_sum sum;
} q_conv;

static q_conv read_call(const weft_ref_call *call)
{
    const weft_attrs *attrs = call->attrs;
    q_conv conv = {.x = weft_ref_in(call, 0),
                   .w = weft_ref_in(call, 1),
                   .table = weft_ref_in(call, 5),
                   .residual = weft_ref_in(call, 6),
                   .y = weft_ref_out(call, 0),
                   .mean = weft_ref_out(call, 1),
                   .bias = weft_ref_in(call, 2)->data,
                   .mult = weft_ref_in(call, 3)->data,
                   .shift = weft_ref_in(call, 4)->data,
                   .group = weft_attrs_int(attrs, "group", 1),
                   .x_zero = (int32_t)weft_attrs_int(attrs, "x_zero", 0),
                   .c_type = weft_ref_q_dtype(attrs, "c_type")};
    bool is_nchw = weft_attrs_int(attrs, "x_nchw", 0) != 0;
    conv.c = weft_ref_q_stage_read(attrs, "c_zero", "c_min", "c_max", conv.c_type);
    conv.sum = (weft_ref_q_sum){
        .a_zero = (int32_t)weft_attrs_int(attrs, "a_zero", 0),
        .a_mult = (int32_t)weft_attrs_int(attrs, "a_mult", 0),
        .b_zero = (int32_t)weft_attrs_int(attrs, "b_zero", 0),
        .b_mult = (int32_t)weft_attrs_int(attrs, "b_mult", 0),
        .shift = (int32_t)weft_attrs_int(attrs, "add_shift", 1),
        .y = weft_ref_q_stage_read(attrs, "y_zero", "y_min", "y_max", conv.y->dtype)};
    conv.image = weft_ref_image_of(conv.x, !is_nchw);
    conv.channels = conv.w->shape.dims[3];
    conv.depth = weft_ref_span(&conv.w->shape, 1, 4);
    conv.window.in = weft_ref_spatial(&conv.x->shape, is_nchw ? 2 : 1, 2);
    conv.window.out = weft_ref_spatial(&conv.y->shape, 1, 2);
    conv.window.kernel = weft_ref_spatial(&conv.w->shape, 1, 2);
    return conv;
}

/* The patches of all groups under the window at output index `at`, [group][tap][channel]. */
static void load_patch(const q_conv *conv, int64_t n, const int64_t *at, int16_t *out)
{
    weft_ref_walk tap = weft_ref_walk_over(&conv->window.kernel);
    int64_t start = n * conv->image.batch_step;
    for (int64_t t = 0; tap.left > 0; weft_ref_walk_next(&tap), t++) {
        int64_t position = weft_ref_window_source(&conv->window, at, tap.index, NULL);
        int64_t from = start + position * conv->image.position_step;
        for (int64_t channel = 0; channel < conv->channels * conv->group; channel++) {
            int64_t to = channel / conv->channels * conv->depth + t * conv->channels +
                         channel % conv->channels;
            out[to] = position < 0 ? (int16_t)0
                                   : (int16_t)(weft_ref_q_get(conv->x,
                                                              from +
                                                                  channel *
                                                                      conv->image.channel_step) -
                                               conv->x_zero);
        }
    }
}

/* Sums wrap like the accumulators of every executor; the compiler proves that they do not. */
static int32_t dot(const int16_t *a, const int8_t *b, int64_t count)
{
    uint32_t sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (uint32_t)((int32_t)a[i] * b[i]);
    return (int32_t)sum;
}

static int32_t finish(const q_conv *conv, int32_t sum, int64_t channel, int64_t at)
{
    int32_t value = weft_requantise(sum, conv->mult[channel], conv->shift[channel], conv->c.zero,
                                    conv->c.low, conv->c.high);
    if (conv->table)
        value = weft_ref_q_look_up(conv->table, conv->c_type, value);
    if (conv->residual)
        value = weft_ref_q_add_stage(&conv->sum, value, weft_ref_q_get(conv->residual, at));
    return value;
}

/* The mean of y, about the zero point of y. */
static void put_mean(const q_conv *conv, const weft_attrs *attrs)
{
    int64_t channels = conv->y->shape.dims[3];
    int64_t positions = conv->y->shape.dims[1] * conv->y->shape.dims[2];
    int32_t y_zero = conv->residual ? conv->sum.y.zero : conv->sum.a_zero;
    int32_t mult = (int32_t)weft_attrs_int(attrs, "mean_mult", 0),
            shift = (int32_t)weft_attrs_int(attrs, "mean_shift", 1),
            zero = (int32_t)weft_attrs_int(attrs, "mean_zero", 0);
    int32_t low = conv->mean->dtype == WEFT_DTYPE_U8 ? 0 : -128;
    for (int64_t i = 0; i < conv->y->shape.dims[0] * channels; i++) {
        int64_t start = i / channels * positions * channels + i % channels;
        int32_t sum = 0;
        for (int64_t p = 0; p < positions; p++)
            sum += weft_ref_q_get(conv->y, start + p * channels) - y_zero;
        weft_ref_q_put(conv->mean, i, weft_requantise(sum, mult, shift, zero, low, low + 255));
    }
}

weft_status weft_ref_q_conv2d(const weft_ref_call *call)
{
    q_conv conv = read_call(call);
    if (!weft_ref_q_is_8bit(conv.x) || conv.w->dtype != WEFT_DTYPE_I8)
        return WEFT_UNSUPPORTED;
    weft_status status = weft_ref_window_read(&conv.window, call->attrs);
    if (status != WEFT_OK)
        return status;
    int64_t outputs = conv.w->shape.dims[0], filters = outputs / conv.group, at = 0;
    int16_t *patch = malloc((size_t)(conv.depth * conv.group) * sizeof *patch);
    if (!patch)
        return WEFT_NO_MEMORY;
    const int8_t *weights = conv.w->data;
    for (int64_t n = 0; n < conv.x->shape.dims[0]; n++) {
        weft_ref_walk walk = weft_ref_walk_over(&conv.window.out);
        for (; walk.left > 0; weft_ref_walk_next(&walk)) {
            load_patch(&conv, n, walk.index, patch);
            for (int64_t o = 0; o < outputs; o++, at++) {
                uint32_t sum = (uint32_t)dot(patch + o / filters * conv.depth,
                                             weights + o * conv.depth, conv.depth);
                weft_ref_q_put(conv.y, at,
                               finish(&conv, (int32_t)(sum + (uint32_t)conv.bias[o]), o, at));
            }
        }
    }
    free(patch);
    if (conv.mean)
        put_mean(&conv, call->attrs);
    return WEFT_OK;
}
