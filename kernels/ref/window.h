/* SPDX-License-Identifier: Apache-2.0 */
/* Geometry of a sliding window over any number of spatial dimensions, shared by convolution and
 * pooling, and the convolution core for both layouts. Layouts are strides here: nothing below knows
 * which operator it serves. */
#ifndef WEFT_KERNELS_REF_WINDOW_H
#define WEFT_KERNELS_REF_WINDOW_H

#include "kernels/ref/walk.h"

typedef struct weft_ref_window {
    weft_shape in, out, kernel; /* spatial dimensions only */
    int64_t stride[WEFT_MAX_RANK], dilation[WEFT_MAX_RANK];
    int64_t before[WEFT_MAX_RANK], after[WEFT_MAX_RANK]; /* padding */
} weft_ref_window;

/* in, out and kernel are set; reads strides, dilations, pads and auto_pad. WEFT_UNSUPPORTED for an
 * unknown auto_pad. */
weft_status weft_ref_window_read(weft_ref_window *window, const weft_attrs *attrs);

/* Row-major position in `in` that tap `tap` of the window at output index `at` reads; -1 in the
 * padding. When out_counted is given it tells whether the position is inside the padded input. */
int64_t weft_ref_window_source(const weft_ref_window *window, const int64_t *at, const int64_t *tap,
                               bool *out_counted);

/* Spatial dimensions [first, first + rank) of a shape as a shape. */
static inline weft_shape weft_ref_spatial(const weft_shape *shape, int first, int rank)
{
    weft_shape spatial = {.rank = rank};
    for (int d = 0; d < rank; d++)
        spatial.dims[d] = shape->dims[first + d];
    return spatial;
}

/* A tensor [batch, channel, position] or [batch, position, channel] by strides. */
typedef struct weft_ref_image {
    const weft_tensor *tensor;
    int64_t batch_step, channel_step, position_step;
} weft_ref_image;

/* Channels first (NCHW...) or last (N...C) of a dense tensor. */
weft_ref_image weft_ref_image_of(const weft_tensor *tensor, bool channels_last);

typedef struct weft_ref_convolution {
    weft_ref_window window;
    int64_t batch, in_channels, out_channels, group;
    weft_ref_image x;
    const weft_tensor *w; /* output channel outermost */
    int64_t w_channel_step, w_tap_step;
    const weft_tensor *bias; /* [out_channels] or NULL */
    /* Takes bias + sum for one output. */
    void (*emit)(void *context, int64_t batch, int64_t channel, int64_t position, double value);
    void *context;
} weft_ref_convolution;

/* Calls emit for every output element once. WEFT_NO_MEMORY, WEFT_INVALID when channels and groups
 * do not divide. */
weft_status weft_ref_conv_run(const weft_ref_convolution *conv);

#endif
