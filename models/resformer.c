/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ResFormer walk: a plain vision transformer with a position table that the graph computes for
 * its grid, and a depthwise convolution on the values inside each attention; see resformer.h. Knows
 * nothing about files or printing.
 */
#include "models/resformer.h"

#include <assert.h>
#include <string.h>

#include "models/token_layers.h"

enum { PATCH = 16, DEPTH = 12, HEAD_SIZE = 64, MLP_RATIO = 4 };

/* Standard deviations of what the stream starts from. */
static const double patch_gain = 0.3;
static const double class_sigma = 0.3;
/* Of the position convolutions' outputs; training starts the local one at zero, which would hide
 * it. */
static const double global_position_gain = 0.2;
static const double local_position_gain = 0.5;

static const struct {
    const char *variant;
    int64_t heads;
} configs[] = {{"tiny", 3}, {"small", 6}, {"base", 12}};

/* The resolutions that the paper tests each variant at. */
static const int64_t sizes[] = {96, 112, 128, 160, 192, 224, 288, 384, 448, 512, 640};
enum { CONFIGS = sizeof configs / sizeof *configs, SIZES = sizeof sizes / sizeof *sizes };

static const char positions[] = "pos_embed";

/* 10000^(2 floor(i / 2) / count) for i below count. */
static weft_build_value wave_lengths(weft_cnn *cnn, int64_t count)
{
    const weft_build_shape list = {.rank = 1, .dims = {count}};
    const weft_build_value range[] = {
        weft_emit_float(cnn, positions, 0.0f),
        weft_emit_float(cnn, positions, (float)count),
        weft_emit_float(cnn, positions, 1.0f),
    };
    weft_build_value x =
        weft_emit_node(cnn, "Range", positions, range, 3, NULL, 0, &list, WEFT_BUILD_F32);
    x = weft_emit_binary(cnn, "Div", positions, x, weft_emit_float(cnn, positions, 2.0f));
    x = weft_emit_unary(cnn, "Floor", positions, x);
    x = weft_emit_binary(cnn, "Mul", positions, x, weft_emit_float(cnn, positions, 2.0f));
    x = weft_emit_binary(cnn, "Div", positions, x, weft_emit_float(cnn, positions, (float)count));
    return weft_emit_binary(cnn, "Pow", positions, weft_emit_float(cnn, positions, 10000.0f), x);
}

/* Angles of each place along one axis of the grid of ones, from 1/n of a turn to a whole one. */
static weft_build_value angles(weft_cnn *cnn, weft_build_value ones, int axis)
{
    const weft_build_shape shape = *weft_build_shape_of(cnn->build, ones);
    const weft_build_value inputs[] = {ones, weft_emit_int(cnn, positions, axis)};
    weft_build_value x =
        weft_emit_node(cnn, "CumSum", positions, inputs, 2, NULL, 0, &shape, WEFT_BUILD_F32);
    weft_build_value last = weft_emit_slice(cnn, positions, x, axis, -1, WEFT_EMIT_END, 1);
    last = weft_emit_binary(cnn, "Add", positions, last, weft_emit_float(cnn, positions, 1e-6f));
    x = weft_emit_binary(cnn, "Div", positions, x, last);
    return weft_emit_binary(cnn, "Mul", positions, x, weft_emit_float(cnn, positions, 6.28318548f));
}

/* Sine of the even and cosine of the odd channels, interleaved. */
static weft_build_value waves(weft_cnn *cnn, weft_build_value angle, weft_build_value lengths)
{
    static const char *const ops[] = {"Sin", "Cos"};
    weft_build_value halves[2];
    weft_build_value x = weft_emit_unsqueeze(cnn, positions, angle, 3);
    x = weft_emit_binary(cnn, "Div", positions, x, lengths);
    for (int i = 0; i < 2; i++) {
        halves[i] = weft_emit_slice(cnn, positions, x, 3, i, WEFT_EMIT_END, 2);
        halves[i] = weft_emit_unary(cnn, ops[i], positions, halves[i]);
        halves[i] = weft_emit_unsqueeze(cnn, positions, halves[i], 4);
    }
    x = weft_emit_concat(cnn, positions, halves, 2, 4);
    const weft_build_shape shape = *weft_build_shape_of(cnn->build, x);
    return weft_emit_reshape(
        cnn, positions, x, 4,
        (const int64_t[]){1, shape.dims[1], shape.dims[2], shape.dims[3] * shape.dims[4]});
}

/* The table for one grid, 1 x T x C: rows in the first half of the channels, columns in the second,
 * through a depthwise convolution; zero for the class token. */
static weft_build_value position_table(weft_cnn *cnn, int64_t side, int64_t channels)
{
    const weft_build_shape grid = {.rank = 3, .dims = {1, side, side}};
    const weft_build_shape row = {.rank = 3, .dims = {1, 1, channels}};
    const weft_tokens_window window = {.kernel = 3, .stride = 1, .pad = 1, .group = channels};
    weft_build_value ones = weft_emit_filled(
        cnn, positions, weft_emit_ints(cnn, positions, grid.dims, 3), &grid, WEFT_BUILD_F32, 1);
    weft_build_value rows = angles(cnn, ones, 1), columns = angles(cnn, ones, 2);
    weft_build_value lengths = wave_lengths(cnn, channels / 2);
    const weft_build_value halves[] = {waves(cnn, rows, lengths), waves(cnn, columns, lengths)};
    weft_build_value x = weft_emit_concat(cnn, positions, halves, 2, 3);
    x = weft_emit_transpose(cnn, positions, x, (const int64_t[]){0, 3, 1, 2});
    /* The mean square of sines and cosines is a half. */
    x = weft_tokens_conv(cnn, x, "pos_embed.embed_layer", channels, window,
                         global_position_gain * 1.41421356);
    x = weft_tokens_from_map(cnn, x, positions);
    weft_build_value zeros = weft_emit_filled(
        cnn, positions, weft_emit_ints(cnn, positions, row.dims, 3), &row, WEFT_BUILD_F32, 0);
    return weft_emit_concat(cnn, positions, (const weft_build_value[]){zeros, x}, 2, 1);
}

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
    weft_build_value zeros = weft_emit_filled(
        cnn, module, weft_tokens_batch_dims(cnn, module, v, 4, row.dims), &row, WEFT_BUILD_F32, 0);
    return weft_emit_concat(cnn, module, (const weft_build_value[]){zeros, x}, 2, 2);
}

static weft_build_value block(weft_cnn *cnn, weft_build_value x, const char *path, int64_t heads,
                              int64_t side)
{
    weft_build *build = cnn->build;
    const char *attn = weft_build_format(build, "%s.attn", path);
    int64_t channels = heads * HEAD_SIZE;
    weft_build_value y = weft_tokens_norm(cnn, x, weft_build_format(build, "%s.norm1", path));
    weft_tokens_heads parts = weft_tokens_qkv(cnn, y, attn, heads, HEAD_SIZE, WEFT_TOKENS_SPLIT);
    y = weft_tokens_attend(cnn, &parts, attn);
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
    weft_build_value x =
        weft_cnn_input(cnn, params->input_name, params->batch, 3, params->size, params->size).value;
    x = weft_tokens_conv(cnn, x, "patch_embed.proj", channels, window, patch_gain);
    x = weft_tokens_from_map(cnn, x, "patch_embed");
    x = weft_tokens_prepend_class(cnn, x, "cls_token", class_sigma);
    x = weft_emit_binary(cnn, "Add", "", x, position_table(cnn, side, channels));
    for (int i = 0; i < DEPTH; i++)
        x = block(cnn, x, weft_build_format(cnn->build, "blocks.%d", i), heads, side);
    x = weft_tokens_norm(cnn, x, "norm");
    x = weft_emit_pick(cnn, "", x, 1, 0);
    x = weft_tokens_gemm(cnn, x, "head", params->classes, 1.0, params->output_name);
    weft_build_set_output(cnn->build, x);
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
