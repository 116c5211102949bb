/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ViT-ResNAS walk: a convolutional stem, transformer blocks of three widths, and residual
 * reductions of the token grid between them; see vit_resnas.h. Knows nothing about files or
 * printing, but for the file of a configuration.
 */
#include "models/vit_resnas.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "models/report.h"
#include "models/token_layers.h"
#include "models/vit_config.h"

#define TEXT_BYTES 256
/* Longer than the notation of any network of 64 layers need be. */
#define MAX_CONFIG_BYTES 16384

static const weft_cnn_gamma plain_gamma = {.center = 1.0, .spread = 0.2};

/* Standard deviations of what the stream starts from, and of the tables in the reductions. */
static const double patch_gain = 0.3;
static const double class_sigma = 0.3;
static const double position_sigma = 0.1;
/* Of a reduction's transform path; its skip path keeps the stream. */
static const double reduction_gain = 0.5;

/* The published pairs of network and input size. */
static const struct {
    const char *variant;
    int64_t size;
} published[] = {
    {"res-tiny", 224}, {"tiny", 224},   {"small", 224},  {"medium", 224},
    {"medium", 280},   {"medium", 336}, {"medium", 392},
};

static weft_build_shape shape_of(const weft_cnn *cnn, weft_build_value x)
{
    return *weft_build_shape_of(cnn->build, x);
}

/* ---- stem ------------------------------------------------------------------------------------ */

static weft_cnn_map conv_bn_relu(weft_cnn *cnn, weft_cnn_map x, int index, int64_t channels,
                                 int64_t stride)
{
    const char *module = weft_build_format(cnn->build, "patch_embed.conv%d", index);
    x = weft_cnn_conv_bn(cnn, x, weft_build_format(cnn->build, "%s.conv", module),
                         weft_build_format(cnn->build, "%s.bn", module), channels, 3, stride,
                         plain_gamma);
    return weft_cnn_relu(cnn, x, weft_build_format(cnn->build, "%s.act", module));
}

/* Root of the mean square of a + b, independent; 1 when nothing is known. */
static double sum_root_mean_square(const weft_cnn *cnn, const weft_moments *a,
                                   const weft_moments *b)
{
    double square = 0.0;
    if (!cnn->build->with_weights || cnn->build->status != WEFT_BUILD_OK)
        return 1.0;
    for (size_t c = 0; c < a->channels; c++) {
        double mean = a->mean[c] + b->mean[c];
        square += mean * mean + a->var[c] + b->var[c];
    }
    return sqrt(square / (double)a->channels);
}

/* The image as a map of tokens. */
static weft_build_value stem(weft_cnn *cnn, weft_cnn_map image, const weft_vit_config *config)
{
    weft_tokens_window window = {.kernel = 14, .stride = 14, .group = 1};
    if (config->stem == WEFT_VIT_STEM_PATCH)
        return weft_tokens_conv(cnn, image.value, "patch_embed.proj", config->channels, window,
                                patch_gain);
    window.kernel = window.stride = 7;
    weft_cnn_map shortcut = conv_bn_relu(cnn, image, 1, config->stem_channels, 2);
    weft_cnn_map y = conv_bn_relu(cnn, shortcut, 2, config->stem_channels, 1);
    y = conv_bn_relu(cnn, y, 3, config->stem_channels, 1);
    double root = sum_root_mean_square(cnn, &y.moments, &shortcut.moments);
    weft_build_value x = weft_emit_binary(cnn, "Add", "patch_embed", y.value, shortcut.value);
    return weft_tokens_conv(cnn, x, "patch_embed.conv_proj", config->channels, window,
                            patch_gain / root);
}

/* ---- body ------------------------------------------------------------------------------------ */

static weft_build_value block(weft_cnn *cnn, weft_build_value x, const char *path,
                              const weft_vit_layer *layer, weft_tokens_attention attention)
{
    weft_build *build = cnn->build;
    const char *attn = weft_build_format(build, "%s.attn", path);
    weft_build_value y = weft_tokens_norm(cnn, x, weft_build_format(build, "%s.norm1", path));
    weft_tokens_heads heads =
        weft_tokens_qkv(cnn, y, attn, layer->heads, layer->head_size, WEFT_TOKENS_INDEX);
    y = weft_tokens_attend(cnn, &heads, attn, attention);
    y = weft_tokens_project(cnn, y, attn, layer->channels);
    x = weft_emit_binary(cnn, "Add", path, x, y);
    y = weft_tokens_norm(cnn, x, weft_build_format(build, "%s.norm2", path));
    y = weft_tokens_mlp(cnn, y, weft_build_format(build, "%s.mlp", path), layer->hidden);
    return weft_emit_binary(cnn, "Add", path, x, y);
}

/* The mean of 2 x 2 patches. */
static weft_build_value pool(weft_cnn *cnn, weft_build_value x, const char *module)
{
    static const int64_t twos[] = {2, 2}, zeros[] = {0, 0, 0, 0};
    weft_build_shape shape = shape_of(cnn, x);
    shape.dims[2] /= 2;
    shape.dims[3] /= 2;
    const weft_build_attr attrs[] = {
        {.name = "ceil_mode", .kind = WEFT_BUILD_INT, .i = 0},
        {.name = "count_include_pad", .kind = WEFT_BUILD_INT, .i = 1},
        {.name = "kernel_shape", .kind = WEFT_BUILD_INTS, .ints = twos, .ints_count = 2},
        {.name = "pads", .kind = WEFT_BUILD_INTS, .ints = zeros, .ints_count = 4},
        {.name = "strides", .kind = WEFT_BUILD_INTS, .ints = twos, .ints_count = 2},
    };
    return weft_emit_node(cnn, "AveragePool", module, &x, 1, attrs, sizeof attrs / sizeof *attrs,
                          &shape, WEFT_BUILD_F32);
}

/* Class token and patches made anew from the normalised stream. */
static weft_build_value transform(weft_cnn *cnn, weft_build_value x, const char *path,
                                  int64_t outputs, int64_t side)
{
    weft_build *build = cnn->build;
    const weft_tokens_window window = {.kernel = 3, .stride = 2, .pad = 1, .group = 1};
    const weft_build_shape table = {.rank = 3, .dims = {1, side * side / 4, outputs}};
    weft_build_value patches = weft_emit_slice(cnn, path, x, 1, 1, WEFT_EMIT_END, 1);
    patches = weft_tokens_to_map(cnn, patches, path, side);
    patches = weft_tokens_conv(cnn, patches, weft_build_format(build, "%s.patch_reduce", path),
                               outputs, window, reduction_gain);
    patches = weft_tokens_from_map(cnn, patches, path);
    weft_build_value positions = weft_tokens_weight(
        cnn, weft_build_format(build, "%s.pos_embed", path), &table, position_sigma);
    patches = weft_emit_binary(cnn, "Add", path, patches, positions);
    weft_build_value token = weft_emit_pick(cnn, path, x, 1, 0);
    token = weft_tokens_gemm(cnn, token, weft_build_format(build, "%s.token_transform", path),
                             outputs, reduction_gain, NULL);
    token = weft_emit_unsqueeze(cnn, path, token, 1);
    return weft_emit_concat(cnn, path, (const weft_build_value[]){token, patches}, 2, 1);
}

/* Zeros of the shape; the tracing exporter expands a row of them. */
static weft_build_value padding(weft_cnn *cnn, weft_build_value x, const char *path,
                                const weft_build_shape *shape)
{
    const weft_build_shape row = {.rank = 3, .dims = {1, 1, shape->dims[2]}};
    if (cnn->form == WEFT_CNN_DYNAMO)
        return weft_tokens_zeros(cnn, path, x, shape);
    weft_build_value zeros = weft_emit_filled(cnn, path, weft_emit_ints(cnn, path, row.dims, 3),
                                              &row, WEFT_BUILD_F32, 0);
    weft_build_value dims = weft_tokens_batch_dims(cnn, path, x, 3, shape->dims);
    return weft_emit_expand(cnn, path, zeros, dims, shape);
}

/* Class token and pooled patches as they are, with zeros for the channels that are new. */
static weft_build_value skip(weft_cnn *cnn, weft_build_value x, const char *path, int64_t outputs,
                             int64_t side)
{
    weft_build_value patches = weft_emit_slice(cnn, path, x, 1, 1, WEFT_EMIT_END, 1);
    patches = weft_tokens_to_map(cnn, patches, path, side);
    patches = weft_tokens_from_map(cnn, pool(cnn, patches, path), path);
    weft_build_value token = weft_emit_slice(cnn, path, x, 1, 0, 1, 1);
    weft_build_value y =
        weft_emit_concat(cnn, path, (const weft_build_value[]){token, patches}, 2, 1);
    weft_build_shape more = shape_of(cnn, y);
    more.dims[2] = outputs - more.dims[2];
    if (more.dims[2] == 0)
        return y;
    return weft_emit_concat(cnn, path, (const weft_build_value[]){y, padding(cnn, x, path, &more)},
                            2, 2);
}

static weft_build_value reduction(weft_cnn *cnn, weft_build_value x, const char *path,
                                  const weft_vit_layer *layer, int64_t side)
{
    weft_build_value y = weft_tokens_norm(cnn, x, weft_build_format(cnn->build, "%s.norm", path));
    y = transform(cnn, y, path, layer->outputs, side);
    return weft_emit_binary(cnn, "Add", path, y, skip(cnn, x, path, layer->outputs, side));
}

static void build_network(weft_cnn *cnn, const weft_family_params *params)
{
    weft_vit_config named;
    const weft_vit_config *config = params->network;
    if (!config) {
        bool is_known = weft_vit_config_find(params->variant, &named);
        assert(is_known); /* the option row admits no other variant */
        config = &named;
    }
    weft_tokens_attention attention = weft_tokens_attention_of(params->attention);
    weft_cnn_map image =
        weft_cnn_input(cnn, params->input_name, params->batch, 3, params->size, params->size);
    weft_build_value x = stem(cnn, image, config);
    int64_t side = shape_of(cnn, x).dims[2];
    x = weft_tokens_from_map(cnn, x, "patch_embed");
    x = weft_tokens_prepend_class(cnn, x, "tokens", class_sigma);
    const weft_build_shape table = {.rank = 3, .dims = {1, side * side + 1, config->channels}};
    x = weft_emit_binary(cnn, "Add", "", x,
                         weft_tokens_weight(cnn, "pos_embed", &table, position_sigma));
    for (int i = 0; i < config->layer_count; i++) {
        const weft_vit_layer *layer = &config->layers[i];
        const char *path = weft_build_format(cnn->build, "blocks.%d", i);
        if (layer->is_reduction) {
            x = reduction(cnn, x, path, layer, side);
            side /= 2;
        } else if (layer->is_kept) {
            x = block(cnn, x, path, layer, attention);
        }
    }
    x = weft_emit_pick(cnn, "", x, 1, 0);
    x = weft_tokens_norm(cnn, x, "norm");
    x = weft_tokens_gemm(cnn, x, "cls_head", params->classes, 1.0, params->output_name);
    weft_build_set_output(cnn->build, x);
    if (cnn->build->batch_symbol)
        cnn->build->lists_values = false; /* the batch is not axis 0 everywhere */
}

/* ---- what the command line says -------------------------------------------------------------- */

/* The text of --config, or of the file that it names; 0 or an exit code. */
static int read_config(const char *value, char *text, FILE *errors)
{
    if (value[0] != '@') {
        size_t length = strlen(value);
        if (length >= MAX_CONFIG_BYTES)
            return weft_report_error(errors, WEFT_REPORT_VALUE, "--config",
                                     "the text is longer than 16 KiB", NULL);
        memcpy(text, value, length + 1);
        return 0;
    }
    FILE *file = fopen(value + 1, "rb");
    if (!file)
        return weft_report_error(errors, WEFT_REPORT_READ, value + 1, strerror(errno), NULL);
    size_t bytes = fread(text, 1, MAX_CONFIG_BYTES, file);
    int error = ferror(file) ? errno : 0;
    fclose(file);
    if (error != 0)
        return weft_report_error(errors, WEFT_REPORT_READ, value + 1, strerror(error), NULL);
    if (bytes == MAX_CONFIG_BYTES)
        return weft_report_error(errors, WEFT_REPORT_VALUE, value + 1,
                                 "the file is longer than 16 KiB", NULL);
    text[bytes] = '\0';
    return 0;
}

static int parse_config(const weft_family_params *params, weft_vit_config *config, FILE *errors)
{
    char text[MAX_CONFIG_BYTES], subject[TEXT_BYTES];
    size_t at;
    int code = read_config(params->config, text, errors);
    if (code != 0)
        return code;
    const char *wrong = weft_vit_config_parse(text, config, &at);
    if (!wrong)
        return 0;
    snprintf(subject, sizeof subject, "--config, character %zu, at \"%.24s\"", at + 1, text + at);
    return weft_report_error(errors, WEFT_REPORT_VALUE, subject, wrong,
                             "((4, 176), (1, (176, 3, 32), (176, 704), 1), (3, 176, 352), ..., "
                             "(2, 704, 1000))");
}

static int prepare(weft_family_params *params, weft_vit_config *config, FILE *errors)
{
    char subject[TEXT_BYTES], why[TEXT_BYTES], advice[TEXT_BYTES];
    if (params->config) {
        int code = parse_config(params, config, errors);
        if (code != 0)
            return code;
        params->variant = "config";
        params->classes = config->classes;
        params->network = config;
    } else {
        weft_vit_config_find(params->variant, config);
    }
    int64_t step = weft_vit_config_step(config), size = params->size;
    if (size % step == 0)
        return 0;
    int64_t below = size / step * step, above = below + step;
    snprintf(subject, sizeof subject, "--size %" PRId64, size);
    snprintf(why, sizeof why,
             "expected a multiple of %" PRId64
             ": the stem divides the side by 14, each reduction by 2",
             step);
    if (below > 0 && above <= WEFT_FAMILY_MAX_SIZE)
        snprintf(advice, sizeof advice, "%" PRId64 " or %" PRId64, below, above);
    else
        snprintf(advice, sizeof advice, "%" PRId64, below > 0 ? below : above);
    return weft_report_error(errors, WEFT_REPORT_VALUE, subject, why, advice);
}

static void get_published(size_t index, weft_family_params *params)
{
    params->variant = published[index].variant;
    params->size = published[index].size;
}

static const weft_option options[] = {
    {.name = "--variant",
     .kind = WEFT_OPTION_CHOICE,
     .offset = offsetof(weft_family_params, variant),
     .choices = "tiny|small|medium|res-tiny",
     .metavar = "NAME",
     .help = "the searched network, or the one that the search started from (small)"},
    {.name = "--config",
     .kind = WEFT_OPTION_TEXT,
     .offset = offsetof(weft_family_params, config),
     .metavar = "TUPLE",
     .help = "instead: a network in the compact notation of the search, or @FILE with it"},
    {.name = "--size",
     .kind = WEFT_OPTION_INT,
     .offset = offsetof(weft_family_params, size),
     .min = 14,
     .max = WEFT_FAMILY_MAX_SIZE,
     .metavar = "N",
     .help = "height and width of the input, a multiple of 56 (224)"},
    {.name = "--attention",
     .kind = WEFT_OPTION_CHOICE,
     .offset = offsetof(weft_family_params, attention),
     .choices = WEFT_TOKENS_ATTENTIONS,
     .metavar = "FORM",
     .help = "scaled scores, torch's fused function, or ONNX's operator (plain)"},
};

const weft_family weft_vit_resnas_family = {
    .name = "vit-resnas",
    .summary = "ViT-ResNAS: searched vision transformers of three stages",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .default_variant = "small",
    .default_size = 224,
    .dynamo_opset = 20, /* the first with Gelu */
    .published_count = sizeof published / sizeof *published,
    .get_published = get_published,
    .prepare = prepare,
    .build = build_network,
};
