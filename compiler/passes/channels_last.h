/* SPDX-License-Identifier: Apache-2.0 */
/* Between ONNX's channels-first tensors and weft's channels-last operators: windows, transposes.
 * Shared by the passes that lower to such operators; must not know them. */
#ifndef WEFT_PASSES_CHANNELS_LAST_H
#define WEFT_PASSES_CHANNELS_LAST_H

#include "compiler/ir/graph.h"

extern const int64_t weft_to_nhwc[4], weft_to_nchw[4];

/* A window as the channels-last operators have it; one spatial dimension is the second of two. */
typedef struct weft_window2d {
    int64_t kernel[2], strides[2], dilations[2], pads[4];
    bool ceil_mode;
} weft_window2d;

/* Of a Conv (kernel: the shape of its weights) or pooling (NULL) on x of rank 3 or 4. */
weft_status weft_window2d_read(const weft_node *node, const weft_shape *kernel, weft_window2d *out,
                               weft_diag *diag);
/* Attributes strides, pads and dilations. */
void weft_window2d_set(weft_graph *graph, weft_node *node, const weft_window2d *window);

/* [N, C, L] -> [N, C, 1, L]; other shapes as they are. */
weft_shape weft_shape_as_2d(const weft_shape *shape);
/* x, channels-first with one or two spatial dimensions, as [N, H, W, C]: a view and a transpose
 * before `before`, named after the node whose name is given. */
weft_status weft_to_channels_last(weft_graph *graph, weft_node *before, const char *name,
                                  weft_value *x, weft_value **out, weft_diag *diag);
/* The way back, to the channels-first shape given. */
weft_status weft_from_channels_last(weft_graph *graph, weft_node *before, const char *name,
                                    weft_value *y, const weft_shape *shape, weft_value **out,
                                    weft_diag *diag);

#endif
