/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of the networks that speeds are published for, as an array design sees them: batch-norm
 * and ReLU are folded in, the residual is added on the way out. Must not know designs. */
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

typedef struct weft__published_layer {
    bool is_pool, is_classifier, is_first, has_residual;
    int64_t in_side, in_channels, out_side, out_channels, kernel, stride;
} weft__published_layer;

const char *weft__published_net_name(weft__published_net net);
typedef void weft__published_visit(const weft__published_layer *layer, void *context);
void weft__published_walk(weft__published_net net, weft__published_visit *visit, void *context);

#endif
