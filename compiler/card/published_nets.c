/* SPDX-License-Identifier: Apache-2.0 */
/* See published_nets.h. Images of 224 x 224; tests/models holds the products of these walks against
 * those of the models that weft-model writes. */
#include "compiler/card/published_nets.h"

enum { STAGES = 4, EXPANSION = 4, IMAGE = 224, CLASSES = 1000 };

typedef struct walk {
    weft__published_visit *visit;
    void *context;
    int64_t side, channels; /* of the stream */
} walk;

const char *weft__published_net_name(weft__published_net net)
{
    static const char *const names[] = {"ResNet-18", "ResNet-50 (Caffe)", "ResNet-50 (TF slim)"};
    _Static_assert(sizeof names / sizeof *names == WEFT_NET_COUNT, "one name per network");
    return names[net];
}

/* Padding keeps the side, a stride divides it. Returns the side of the output. */
static int64_t visit(const walk *w, weft__published_kind kind, int64_t side, int64_t inputs,
                     int64_t outputs, int64_t kernel, int64_t stride)
{
    weft__published_layer layer = {.kind = kind,
                                   .is_first = side == IMAGE,
                                   .in_side = side,
                                   .in_channels = inputs,
                                   .out_side = side / stride,
                                   .out_channels = outputs,
                                   .kernel = kernel,
                                   .stride = stride};
    w->visit(&layer, w->context);
    return layer.out_side;
}

static int64_t visit_conv(const walk *w, int64_t side, int64_t inputs, int64_t outputs,
                          int64_t kernel, int64_t stride)
{
    return visit(w, WEFT_LAYER_CONV, side, inputs, outputs, kernel, stride);
}

static int64_t visit_pool(const walk *w, int64_t side, int64_t channels, int64_t kernel,
                          int64_t stride)
{
    return visit(w, WEFT_LAYER_POOL, side, channels, channels, kernel, stride);
}

/* The end of a block. */
static void visit_add(walk *w, int64_t side, int64_t channels)
{
    w->side = visit(w, WEFT_LAYER_ADD, side, channels, channels, 1, 1);
    w->channels = channels;
}

static void visit_basic(walk *w, int64_t planes, int64_t stride)
{
    int64_t side = visit_conv(w, w->side, w->channels, planes, 3, stride);
    if (w->channels != planes)
        visit_conv(w, w->side, w->channels, planes, 1, stride);
    visit_add(w, visit_conv(w, side, planes, planes, 3, 1), planes);
}

/* first, second: strides of the 1x1 and of the 3x3. */
static void visit_bottleneck(walk *w, int64_t planes, int64_t first, int64_t second)
{
    int64_t side = visit_conv(w, w->side, w->channels, planes, 1, first);
    side = visit_conv(w, side, planes, planes, 3, second);
    if (w->channels != planes * EXPANSION)
        visit_conv(w, w->side, w->channels, planes * EXPANSION, 1, first * second);
    side = visit_conv(w, side, planes, planes * EXPANSION, 1, 1);
    visit_add(w, side, planes * EXPANSION);
}

void weft__published_walk(weft__published_net net, weft__published_visit *each, void *context)
{
    static const int blocks_18[STAGES] = {2, 2, 2, 2}, blocks_50[STAGES] = {3, 4, 6, 3};
    bool is_18 = net == WEFT_NET_RESNET18;
    walk w = {.visit = each, .context = context, .channels = 64};
    w.side = visit_conv(&w, IMAGE, 3, w.channels, 7, 2);
    w.side = visit_pool(&w, w.side, w.channels, 3, 2);
    for (int stage = 0; stage < STAGES; stage++) {
        int blocks = is_18 ? blocks_18[stage] : blocks_50[stage];
        int64_t planes = (int64_t)64 << stage;
        for (int block = 0; block < blocks; block++) {
            int64_t entering = stage > 0 && block == 0 ? 2 : 1;
            int64_t leaving = stage < STAGES - 1 && block == blocks - 1 ? 2 : 1;
            if (is_18)
                visit_basic(&w, planes, entering);
            else if (net == WEFT_NET_RESNET50_CAFFE)
                visit_bottleneck(&w, planes, entering, 1);
            else
                visit_bottleneck(&w, planes, 1, leaving);
        }
    }
    w.side = visit_pool(&w, w.side, w.channels, w.side, w.side);
    visit(&w, WEFT_LAYER_CLASSIFIER, 1, w.channels, CLASSES, 1, 1);
}
