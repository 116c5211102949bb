/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ResFormer walk: a plain vision transformer with a position table that the graph computes for
 * its grid, and a depthwise convolution on the values inside each attention; see resformer.h. Knows
 * nothing about files or printing.
 */
#include "models/resformer.h"

#include <assert.h>
#include <string.h>

#include "models/resformer_positions.h"
#include "models/token_layers.h"

enum { PATCH = 16, DEPTH = 12, HEAD_SIZE = 64, MLP_RATIO = 4 };

/* Standard deviations of what the stream starts from. */
static const double patch_gain = 0.3;
static const double class_sigma = 0.3;
/* Of the position convolutions' outputs; training starts the local one at zero, which would hide
 * it. */
static const double local_position_gain = 0.5;

static const struct {
    const char *variant;
    int64_t heads;
} configs[] = {{"tiny", 3}, {"small", 6}, {"base", 12}};

/* The resolutions that the paper tests each variant at. */
static const int64_t sizes[] = {96, 112, 128, 160, 192, 224, 288, 384, 448, 512, 640};
enum { CONFIGS = sizeof configs / sizeof *configs, SIZES = sizeof sizes / sizeof *sizes };

/* The depthwise convolution on the values, heads in the place of the batch: B x heads x T x 64,
 * zero for the class token. */
static weft_build_value local_positions(weft_cnn *cnn, weft_build_value v, const char *module,
                                        int64_t side)
{
    const weft_tokens_window window = {.kernel = 3, .stride = 1, .pad = 1, .group = HEAD_SIZE};
    const char *get_v = weft_build_format(cnn->build, "%s.get_v", module);
    const weft_build_shape from = *weft_build_shape_of(cnn->build, v);
    int64_t batch = from.dims[0], heads = from.dims[1];
    const weft_build_shape row = {.rank = 4, .dims = {batch, heads, 1, HEAD_SIZE}};
    weft_build_value x = weft_emit_slice(cnn, module, v, 2, 1, WEFT_EMIT_END, 1);
    x = weft_emit_transpose(cnn, module, x, (const int64_t[]){0, 1, 3, 2});
    x = weft_emit_reshape(cnn, module, x, 4,
                          (const int64_t[]){batch * heads, HEAD_SIZE, side, side});
    x = weft_tokens_conv(cnn, x, get_v, HEAD_SIZE, window, local_position_gain);
    x = weft_emit_reshape(cnn, module, x, 4,
                          (const int64_t[]){batch, heads, HEAD_SIZE, side * side});
    x = weft_emit_transpose(cnn, module, x, (const int64_t[]){0, 1, 3, 2});
    weft_build_value zeros = weft_tokens_zeros(cnn, module, v, &row);
    return weft_emit_concat(cnn, module, (const weft_build_value[]){zeros, x}, 2, 2);
}

static weft_build_value block(weft_cnn *cnn, weft_build_value x, const char *path, int64_t heads,
                              int64_t side, weft_tokens_attention attention)
{
    weft_build *build = cnn->build;
    const char *attn = weft_build_format(build, "%s.attn", path);
    int64_t channels = heads * HEAD_SIZE;
    weft_build_value y = weft_tokens_norm(cnn, x, weft_build_format(build, "%s.norm1", path));
    weft_tokens_heads parts = weft_tokens_qkv(cnn, y, attn, heads, HEAD_SIZE, WEFT_TOKENS_UNBIND);
    y = weft_tokens_attend(cnn, &parts, attn, attention);
    y = weft_emit_binary(cnn, "Add", attn, y, local_positions(cnn, parts.v, attn, side));
    y = weft_tokens_project(cnn, y, attn, channels);
    x = weft_emit_binary(cnn, "Add", path, x, y);
    y = weft_tokens_norm(cnn, x, weft_build_format(build, "%s.norm2", path));
    y = weft_tokens_mlp(cnn, y, weft_build_format(build, "%s.mlp", path), MLP_RATIO * channels);
    return weft_emit_binary(cnn, "Add", path, x, y);
}

static int64_t heads_of(const char *variant)
{
    for (size_t i = 0; i < CONFIGS; i++)
        if (strcmp(configs[i].variant, variant) == 0)
            return configs[i].heads;
    assert(false); /* the option row admits no other variant */
    return 0;
}

static void build_network(weft_cnn *cnn, const weft_family_params *params)
{
    const weft_tokens_window window = {.kernel = PATCH, .stride = PATCH, .group = 1};
    int64_t heads = heads_of(params->variant), channels = heads * HEAD_SIZE;
    int64_t side = params->size / PATCH;
    weft_tokens_attention attention = weft_tokens_attention_of(params->attention);
    weft_build_value x =
        weft_cnn_input(cnn, params->input_name, params->batch, 3, params->size, params->size).value;
    x = weft_tokens_conv(cnn, x, "patch_embed.proj", channels, window, patch_gain);
    x = weft_tokens_from_map(cnn, x, "patch_embed");
    x = weft_tokens_prepend_class(cnn, x, "cls_token", class_sigma);
    x = weft_resformer_positions(cnn, x, side, channels);
    for (int i = 0; i < DEPTH; i++)
        x = block(cnn, x, weft_build_format(cnn->build, "blocks.%d", i), heads, side, attention);
    x = weft_tokens_norm(cnn, x, "norm");
    x = weft_emit_pick(cnn, "", x, 1, 0);
    x = weft_tokens_gemm(cnn, x, "head", params->classes, 1.0, params->output_name);
    weft_build_set_output(cnn->build, x);
    if (cnn->build->batch_symbol)
        cnn->build->lists_values = false; /* the batch is not axis 0 everywhere */
}

static void get_published(size_t index, weft_family_params *params)
{
    params->variant = configs[index / SIZES].variant;
    params->size = sizes[index % SIZES];
}

static const weft_option options[] = {
    {.name = "--variant",
     .kind = WEFT_OPTION_CHOICE,
     .offset = offsetof(weft_family_params, variant),
     .choices = "tiny|small|base",
     .metavar = "NAME",
     .help = "width of the network (small)"},
    {.name = "--size",
     .kind = WEFT_OPTION_INT,
     .offset = offsetof(weft_family_params, size),
     .min = PATCH,
     .max = WEFT_FAMILY_MAX_SIZE,
     .multiple = PATCH,
     .metavar = "N",
     .help = "height and width of the input, a multiple of 16 (224)"},
    {.name = "--attention",
     .kind = WEFT_OPTION_CHOICE,
     .offset = offsetof(weft_family_params, attention),
     .choices = WEFT_TOKENS_ATTENTIONS,
     .metavar = "FORM",
     .help = "scaled scores, torch's fused function, or ONNX's operator (plain)"},
};

const weft_family weft_resformer_family = {
    .name = "resformer",
    .summary = "ResFormer: vision transformer for many resolutions",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .default_variant = "small",
    .default_size = 224,
    .dynamo_opset = 20, /* the first with Gelu */
    .published_count = (size_t)CONFIGS * SIZES,
    .get_published = get_published,
    .build = build_network,
};
