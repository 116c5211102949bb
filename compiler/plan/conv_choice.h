/* SPDX-License-Identifier: Apache-2.0 */
/* Which algorithm and which blocks for a convolution on a CPU target, from shape and target data alone. Knows no graph. */
#ifndef WEFT_PLAN_CONV_CHOICE_H
#define WEFT_PLAN_CONV_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler/plan/target.h"

typedef struct weft_conv_shape {
    int64_t n, ih, iw, ic, oh, ow, oc, kh, kw, sh, sw;
    bool is_dense;    /* dilation 1 */
    bool wants_sums;  /* channel sums per image: no block may cross an image */
    bool is_gathered; /* pooled or channels-first input: the direct kernel only */
} weft_conv_shape;

typedef struct weft_conv_choice {
    int winograd;       /* 0: direct; 2 or 4: m of F(m x m, 3 x 3) */
    int block_rows;     /* direct: output pixels per work-item; Winograd: tiles per work-item */
    int group_panels;   /* panels of output channels per work-item */
    int chunk_taps, chunk_channels; /* direct: how much of the reduction the panel is walked at a time */
    double estimated_ns;            /* what the choice was made on */
} weft_conv_choice;

weft_conv_choice weft_conv_choose(const weft_conv_shape *shape, const weft_target *target, int threads);

/* Floating-point operations that F(m x m, 3 x 3) performs: products, and the transforms of input and output. */
int64_t weft_conv_winograd_flops(const weft_conv_shape *shape, int m);
/* Local memory of one work-item. */
uint64_t weft_conv_winograd_local_bytes(const weft_conv_shape *shape, const weft_target *target, int m, int tiles);

#endif
