/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of the networks that speeds are published for, as an array design sees them: batch-norm
 * and ReLU are folded in; pools and the sums of residual blocks are layers of their own, as they
 * are in the operator tables of these designs. Must not know designs. */
#ifndef WEFT_CARD_PUBLISHED_NETS_H
#define WEFT_CARD_PUBLISHED_NETS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum weft__published_net {
    WEFT_NET_RESNET18,
    WEFT_NET_RESNET50_CAFFE, /* stride in the first 1x1 of a stage: 7.7 GOP */
    WEFT_NET_RESNET50_SLIM,  /* stride in the 3x3 of the last block of a stage: 7.0 GOP */
    WEFT_NET_COUNT
} weft__published_net;

typedef enum weft__published_kind {
    WEFT_LAYER_CONV,
    WEFT_LAYER_POOL,
    WEFT_LAYER_ADD, /* of two values alike */
    WEFT_LAYER_CLASSIFIER
} weft__published_kind;

typedef struct weft__published_layer {
    weft__published_kind kind;
    bool is_first; /* reads the image */
    int64_t in_side, in_channels, out_side, out_channels, kernel, stride;
} weft__published_layer;

const char *weft__published_net_name(weft__published_net net);
typedef void weft__published_visit(const weft__published_layer *layer, void *context);
void weft__published_walk(weft__published_net net, weft__published_visit *visit, void *context);

#endif
