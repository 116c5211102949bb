/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ResNet-RS walk: one pass over the architecture that adds every layer; see resnet_rs.h.
 * Knows nothing about files or printing.
 */
#include "models/resnet_rs.h"

#include <assert.h>
#include <string.h>

#define STAGES 4

typedef struct depth_config {
    const char *depth;
    int blocks[STAGES];
} depth_config;

static const depth_config configs[] = {
    {"50", {3, 4, 6, 3}},    {"101", {3, 4, 23, 3}},  {"152", {3, 8, 36, 3}},
    {"200", {3, 24, 36, 3}}, {"270", {4, 29, 53, 4}}, {"350", {4, 36, 72, 4}},
    {"420", {4, 44, 87, 4}},
};

/* The pairs of depth and input size that the paper reports. */
static const struct {
    const char *depth;
    int64_t size;
} published[] = {
    {"50", 160},  {"101", 160}, {"101", 192}, {"152", 192}, {"152", 224}, {"152", 256},
    {"200", 256}, {"270", 256}, {"350", 256}, {"350", 320}, {"420", 320},
};

enum { EXPANSION = 4 };

static const weft_cnn_gamma plain_gamma = {.center = 1.0, .spread = 0.2};
/*
 * Scale of the last batch-norm of a block. Training starts it at zero, which would hide the whole
 * block; at this size a stage of 87 blocks grows its stream to only about twice the standard
 * deviation it starts with.
 */
static const weft_cnn_gamma residual_gamma = {.center = 0.3, .spread = 0.1};

/* Three 3x3 convolutions, then a strided one in the place of the max-pool (timm calls it that). */
static weft_cnn_map stem(weft_cnn *cnn, weft_cnn_map x)
{
    x = weft_cnn_conv_bn(cnn, x, "conv1.0", "conv1.1", 32, 3, 2, plain_gamma);
    x = weft_cnn_relu(cnn, x, "conv1.2");
    x = weft_cnn_conv_bn(cnn, x, "conv1.3", "conv1.4", 32, 3, 1, plain_gamma);
    x = weft_cnn_relu(cnn, x, "conv1.5");
    x = weft_cnn_conv_bn(cnn, x, "conv1.6", "bn1", 64, 3, 1, plain_gamma);
    x = weft_cnn_relu(cnn, x, "act1");
    x = weft_cnn_conv_bn(cnn, x, "maxpool.0", "maxpool.1", 64, 3, 2, plain_gamma);
    return weft_cnn_relu(cnn, x, "maxpool.2");
}

static weft_cnn_map shortcut(weft_cnn *cnn, weft_cnn_map x, const char *block, int64_t channels,
                             int64_t stride)
{
    weft_build *build = cnn->build;
    if (stride == 2)
        x = weft_cnn_pool_shortcut(cnn, x, weft_build_format(build, "%s.downsample.0", block));
    return weft_cnn_conv_bn(cnn, x, weft_build_format(build, "%s.downsample.1", block),
                            weft_build_format(build, "%s.downsample.2", block), channels, 1, 1,
                            plain_gamma);
}

static weft_cnn_map bottleneck(weft_cnn *cnn, weft_cnn_map x, const char *block, int64_t planes,
                               int64_t stride, bool is_first)
{
    weft_build *build = cnn->build;
    weft_cnn_map y =
        weft_cnn_conv_bn(cnn, x, weft_build_format(build, "%s.conv1", block),
                         weft_build_format(build, "%s.bn1", block), planes, 1, 1, plain_gamma);
    y = weft_cnn_relu(cnn, y, weft_build_format(build, "%s.act1", block));
    y = weft_cnn_conv_bn(cnn, y, weft_build_format(build, "%s.conv2", block),
                         weft_build_format(build, "%s.bn2", block), planes, 3, stride, plain_gamma);
    y = weft_cnn_relu(cnn, y, weft_build_format(build, "%s.act2", block));
    y = weft_cnn_conv_bn(cnn, y, weft_build_format(build, "%s.conv3", block),
                         weft_build_format(build, "%s.bn3", block), planes * EXPANSION, 1, 1,
                         residual_gamma);
    /* The squeeze width is a quarter of the block's output. */
    y = weft_cnn_squeeze_excite(cnn, y, weft_build_format(build, "%s.se", block), planes);
    if (is_first)
        x = shortcut(cnn, x, block, planes * EXPANSION, stride);
    return weft_cnn_add_relu(cnn, x, y, block, weft_build_format(build, "%s.act3", block));
}

static const depth_config *find_config(const char *depth)
{
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++)
        if (strcmp(configs[i].depth, depth) == 0)
            return &configs[i];
    return NULL;
}

static void build_network(weft_cnn *cnn, const weft_family_params *params)
{
    static const int64_t planes[STAGES] = {64, 128, 256, 512};
    const depth_config *config = find_config(params->depth);
    assert(config); /* the option row admits no other depth */
    weft_cnn_map x =
        weft_cnn_input(cnn, params->input_name, params->batch, 3, params->size, params->size);
    x = stem(cnn, x);
    for (int stage = 0; stage < STAGES; stage++) {
        for (int i = 0; i < config->blocks[stage]; i++) {
            const char *block = weft_build_format(cnn->build, "layer%d.%d", stage + 1, i);
            x = bottleneck(cnn, x, block, planes[stage], stage > 0 && i == 0 ? 2 : 1, i == 0);
        }
    }
    x = weft_cnn_global_pool(cnn, x, "global_pool");
    x = weft_cnn_classifier(cnn, x, "fc", params->classes, params->output_name);
    weft_build_set_output(cnn->build, x.value);
}

static void get_published(size_t index, weft_family_params *params)
{
    params->depth = published[index].depth;
    params->size = published[index].size;
}

static const weft_option options[] = {
    {.name = "--depth",
     .kind = WEFT_OPTION_CHOICE,
     .offset = offsetof(weft_family_params, depth),
     .choices = "50|101|152|200|270|350|420",
     .metavar = "N",
     .help = "depth (50)"},
    {.name = "--size",
     .kind = WEFT_OPTION_INT,
     .offset = offsetof(weft_family_params, size),
     .min = 32,
     .max = WEFT_FAMILY_MAX_SIZE,
     .metavar = "N",
     .help = "height and width of the input, 32 or more (160)"},
};

const weft_family weft_resnet_rs_family = {
    .name = "resnet-rs",
    .summary = "ResNet-RS: deep stem, squeeze-excite, pooled shortcuts",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .default_depth = "50",
    .default_size = 160,
    .published_count = sizeof published / sizeof *published,
    .get_published = get_published,
    .build = build_network,
};
