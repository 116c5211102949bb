/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plain ResNet walk: one pass over the architecture that adds every layer; see resnet.h. Knows
 * nothing about files or printing.
 *
 * Variants of the bottleneck differ in where a stage gets smaller:
 *   v1.5  in the 3x3 of its first block (torchvision)
 *   v1    in the first 1x1 of its first block (the paper, Caffe, Keras)
 *   slim  in the 3x3 of the last block of the stage before (TensorFlow's slim)
 */
#include "models/resnet.h"

#include <assert.h>
#include <string.h>

enum { STAGES = 4, EXPANSION = 4 };

typedef struct depth_config {
    const char *depth;
    bool has_bottlenecks;
    int blocks[STAGES];
} depth_config;

static const depth_config configs[] = {
    {"18", false, {2, 2, 2, 2}},
    {"50", true, {3, 4, 6, 3}},
};

static const weft_cnn_gamma plain_gamma = {.center = 1.0, .spread = 0.2};
/* Of the last batch-norm of a block: as small as in resnet_rs.c, for the same reason. */
static const weft_cnn_gamma residual_gamma = {.center = 0.3, .spread = 0.1};

/* A block: its path, its channels, the strides of its convolutions. */
typedef struct block {
    const char *path;
    int64_t planes, outputs;
    int64_t first, second; /* strides */
} block;

static const char *part(weft_cnn *cnn, const block *b, const char *leaf)
{
    return weft_build_format(cnn->build, "%s.%s", b->path, leaf);
}

static weft_cnn_map conv(weft_cnn *cnn, weft_cnn_map x, const block *b, int index, int64_t channels,
                         int64_t kernel, int64_t stride, weft_cnn_gamma gamma)
{
    return weft_cnn_conv_bn(cnn, x, weft_build_format(cnn->build, "%s.conv%d", b->path, index),
                            weft_build_format(cnn->build, "%s.bn%d", b->path, index), channels,
                            kernel, stride, gamma);
}

static weft_cnn_map shortcut(weft_cnn *cnn, weft_cnn_map x, const block *b)
{
    int64_t stride = b->first * b->second;
    if (weft_build_shape_of(cnn->build, x.value)->dims[1] != b->outputs)
        return weft_cnn_conv_bn(cnn, x, part(cnn, b, "downsample.0"), part(cnn, b, "downsample.1"),
                                b->outputs, 1, stride, plain_gamma);
    if (stride > 1)
        return weft_cnn_max_pool(cnn, x, part(cnn, b, "shortcut"), 1, stride);
    return x;
}

static weft_cnn_map basic(weft_cnn *cnn, weft_cnn_map x, const block *b)
{
    weft_cnn_map y = conv(cnn, x, b, 1, b->planes, 3, b->first, plain_gamma);
    y = weft_cnn_relu(cnn, y, part(cnn, b, "relu"));
    y = conv(cnn, y, b, 2, b->planes, 3, b->second, residual_gamma);
    return weft_cnn_add_relu(cnn, shortcut(cnn, x, b), y, b->path, part(cnn, b, "relu_1"));
}

static weft_cnn_map bottleneck(weft_cnn *cnn, weft_cnn_map x, const block *b)
{
    weft_cnn_map y = conv(cnn, x, b, 1, b->planes, 1, b->first, plain_gamma);
    y = weft_cnn_relu(cnn, y, part(cnn, b, "relu"));
    y = conv(cnn, y, b, 2, b->planes, 3, b->second, plain_gamma);
    y = weft_cnn_relu(cnn, y, part(cnn, b, "relu_1"));
    y = conv(cnn, y, b, 3, b->outputs, 1, 1, residual_gamma);
    return weft_cnn_add_relu(cnn, shortcut(cnn, x, b), y, b->path, part(cnn, b, "relu_2"));
}

static block block_of(weft_cnn *cnn, const depth_config *config, const char *variant, int stage,
                      int index)
{
    block b = {.path = weft_build_format(cnn->build, "layer%d.%d", stage + 1, index),
               .planes = (int64_t)64 << stage,
               .first = 1,
               .second = 1};
    b.outputs = config->has_bottlenecks ? b.planes * EXPANSION : b.planes;
    bool enters = stage > 0 && index == 0;
    bool leaves = stage < STAGES - 1 && index == config->blocks[stage] - 1;
    if (strcmp(variant, "slim") == 0)
        b.second = leaves ? 2 : 1;
    else if (config->has_bottlenecks && strcmp(variant, "v1.5") == 0)
        b.second = enters ? 2 : 1;
    else
        b.first = enters ? 2 : 1;
    return b;
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
    const depth_config *config = find_config(params->depth);
    assert(config); /* the option row admits no other depth */
    weft_cnn_map x =
        weft_cnn_input(cnn, params->input_name, params->batch, 3, params->size, params->size);
    x = weft_cnn_conv_bn(cnn, x, "conv1", "bn1", 64, 7, 2, plain_gamma);
    x = weft_cnn_relu(cnn, x, "relu");
    x = weft_cnn_max_pool(cnn, x, "maxpool", 3, 2);
    for (int stage = 0; stage < STAGES; stage++) {
        for (int i = 0; i < config->blocks[stage]; i++) {
            block b = block_of(cnn, config, params->variant, stage, i);
            x = config->has_bottlenecks ? bottleneck(cnn, x, &b) : basic(cnn, x, &b);
        }
    }
    x = weft_cnn_global_pool(cnn, x, "avgpool");
    x = weft_cnn_classifier(cnn, x, "fc", params->classes, params->output_name);
    weft_build_set_output(cnn->build, x.value);
}

static void get_published(size_t index, weft_family_params *params)
{
    params->depth = configs[index].depth;
    params->size = 224;
}

static const weft_option options[] = {
    {.name = "--depth",
     .kind = WEFT_OPTION_CHOICE,
     .offset = offsetof(weft_family_params, depth),
     .choices = "18|50",
     .metavar = "N",
     .help = "depth (50)"},
    {.name = "--variant",
     .kind = WEFT_OPTION_CHOICE,
     .offset = offsetof(weft_family_params, variant),
     .choices = "v1.5|v1|slim",
     .metavar = "NAME",
     .help = "where stages get smaller: v1.5 3x3, v1 first 1x1, slim last 3x3 (v1.5)"},
    {.name = "--size",
     .kind = WEFT_OPTION_INT,
     .offset = offsetof(weft_family_params, size),
     .min = 32,
     .max = WEFT_FAMILY_MAX_SIZE,
     .metavar = "N",
     .help = "height and width of the input, 32 or more (224)"},
};

const weft_family weft_resnet_family = {
    .name = "resnet",
    .summary = "ResNet: 7x7 stem, max-pool, plain or bottleneck blocks",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .default_depth = "50",
    .default_variant = "v1.5",
    .default_size = 224,
    .published_count = sizeof configs / sizeof *configs,
    .get_published = get_published,
    .build = build_network,
};
