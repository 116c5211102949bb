/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions over tokens: what the files of the pass fuse-token-conv share. */
#ifndef WEFT_PASSES_TOKEN_CONV_H
#define WEFT_PASSES_TOKEN_CONV_H

#include "compiler/ir/graph.h"

/* The image [batch * heads, channels, h, w] of a convolution, or [batch * heads, h, w, channels],
 * as tokens [batch, tokens, row] of a root. */
typedef struct weft_token_grid {
    weft_value *root;
    int64_t batch, heads, channels, h, w; /* channels of a head */
    int64_t row, prefix, offset;
} weft_token_grid;

/* False when the image is no such cut. */
bool weft_token_grid_read(weft_value *image, bool is_nchw, weft_token_grid *out_grid);
/* The root as [batch, tokens, row], before `before`. */
weft_status weft_token_grid_rows(weft_graph *graph, weft_node *before, const weft_token_grid *grid,
                                 weft_value **out_rows, weft_diag *diag);
/* Attributes grid, pads, prefix and x_offset. */
void weft_token_grid_set(weft_graph *graph, weft_node *node, const weft_token_grid *grid,
                         const int64_t *pads);
/* The image that the convolution makes, in the same layout and of that shape, cut from tokens y. */
weft_status weft_token_grid_image(weft_graph *graph, weft_node *before, const weft_token_grid *grid,
                                  weft_value *y, bool is_nchw, const weft_shape *shape,
                                  weft_value **out_image, weft_diag *diag);

/* fuse_token_conv_quantized.c: a depthwise weft.QConv2D becomes weft.QTokenConv, which takes the
 * table behind it. Sets *out_done when something changed. */
weft_status weft_token_conv_quantized(weft_graph *graph, weft_node *node, bool *out_done,
                                      weft_diag *diag);
/* Whether the constant is, in every element, what the convolution gives for tokens of the prefix;
 * it still may be made so. */
bool weft_token_conv_takes_prefix(weft_graph *graph, weft_node *conv, const weft_value *constant);
/* Whether weft.QTokenConv can do the sum, of which it makes operand i; then takes its numbers. */
bool weft_token_conv_takes_sum(const weft_node *conv, const weft_node *add, size_t i);
void weft_token_conv_set_sum(weft_graph *graph, weft_node *conv, const weft_node *add, size_t i);

#endif
