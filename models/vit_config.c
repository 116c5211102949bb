/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published networks and the compact notation; see vit_config.h. Knows nothing about graphs.
 */
#include "models/vit_config.h"

#include <string.h>

enum { STAGES = 3, MAX_BLOCKS = 7, STEM_STRIDE = 14, STEM_CHANNELS = 24, CLASSES = 1000 };

typedef struct stage {
    int64_t channels, head_size;
    int block_count;
    struct {
        int64_t heads, hidden;
    } blocks[MAX_BLOCKS];
} stage;

static const struct {
    const char *variant;
    stage stages[STAGES];
} published[] = {
    {"tiny",
     {{176, 32, 5, {{3, 704}, {3, 576}, {3, 640}, {4, 576}, {4, 704}}},
      {352, 48, 6, {{10, 1408}, {8, 1408}, {8, 1280}, {8, 1408}, {10, 1280}, {10, 1024}}},
      {704, 64, 5, {{10, 2560}, {10, 1792}, {10, 2816}, {8, 2816}, {8, 2560}}}}},
    {"small",
     {{220, 32, 6, {{5, 880}, {5, 880}, {7, 800}, {5, 720}, {5, 720}, {5, 720}}},
      {440, 48, 6, {{10, 1760}, {10, 1440}, {10, 1920}, {10, 1600}, {12, 1600}, {12, 1440}}},
      {880, 64, 5, {{16, 3200}, {12, 3200}, {16, 2880}, {12, 2240}, {14, 2560}}}}},
    {"medium",
     {{240, 32, 7, {{7, 960}, {6, 960}, {7, 800}, {8, 960}, {7, 880}, {8, 880}, {6, 800}}},
      {640,
       48,
       7,
       {{10, 1120}, {14, 1760}, {14, 1920}, {16, 1760}, {14, 1440}, {16, 1760}, {16, 1920}}},
      {880, 64, 6, {{16, 3200}, {10, 3840}, {16, 3840}, {12, 3200}, {16, 3520}, {14, 3520}}}}},
    {"res-tiny",
     {{192, 64, 4, {{3, 768}, {3, 768}, {3, 768}, {3, 768}}},
      {384, 64, 4, {{6, 1536}, {6, 1536}, {6, 1536}, {6, 1536}}},
      {768, 64, 4, {{12, 3072}, {12, 3072}, {12, 3072}, {12, 3072}}}}},
};

bool weft_vit_config_find(const char *variant, weft_vit_config *out_config)
{
    size_t n = 0;
    while (n < sizeof published / sizeof *published && strcmp(published[n].variant, variant) != 0)
        n++;
    *out_config = (weft_vit_config){
        .stem = WEFT_VIT_STEM_RESIDUAL, .stem_channels = STEM_CHANNELS, .classes = CLASSES};
    if (n == sizeof published / sizeof *published)
        return false;
    out_config->channels = published[n].stages[0].channels;
    for (int s = 0; s < STAGES; s++) {
        const stage *from = &published[n].stages[s];
        if (s > 0)
            out_config->layers[out_config->layer_count++] =
                (weft_vit_layer){.is_reduction = true,
                                 .is_kept = true,
                                 .channels = published[n].stages[s - 1].channels,
                                 .outputs = from->channels};
        for (int i = 0; i < from->block_count; i++)
            out_config->layers[out_config->layer_count++] =
                (weft_vit_layer){.is_kept = true,
                                 .channels = from->channels,
                                 .heads = from->blocks[i].heads,
                                 .head_size = from->head_size,
                                 .hidden = from->blocks[i].hidden};
    }
    return true;
}

int64_t weft_vit_config_step(const weft_vit_config *config)
{
    int64_t step = STEM_STRIDE;
    for (int i = 0; i < config->layer_count; i++)
        if (config->layers[i].is_reduction && step < INT64_C(1) << 32)
            step *= 2;
    return step;
}

/* ---- the notation ---------------------------------------------------------------------------- */

typedef struct reader {
    const char *text;
    size_t at;
    const char *wrong; /* sticky */
} reader;

static void fail(reader *in, const char *wrong)
{
    if (!in->wrong)
        in->wrong = wrong;
}

static char peek(reader *in)
{
    in->at += strspn(in->text + in->at, " \t\r\n");
    return in->text[in->at];
}

/* Takes the next character when it is one of `wanted`. */
static bool take(reader *in, const char *wanted)
{
    char next = peek(in);
    if (in->wrong || next == '\0' || !strchr(wanted, next))
        return false;
    in->at++;
    return true;
}

static void open_tuple(reader *in)
{
    if (!take(in, "(["))
        fail(in, "an opening bracket was expected");
}

/* A comma may stand before the end, as Python writes it. */
static void close_tuple(reader *in)
{
    take(in, ",");
    if (!take(in, ")]"))
        fail(in, "a closing bracket was expected");
}

static void comma(reader *in)
{
    if (!take(in, ","))
        fail(in, "a comma was expected");
}

static int64_t number(reader *in, int64_t least)
{
    int64_t value = 0;
    char next = peek(in);
    if (in->wrong)
        return least;
    if (next < '0' || next > '9') {
        fail(in, "a whole number was expected");
        return least;
    }
    size_t start = in->at;
    for (; in->text[in->at] >= '0' && in->text[in->at] <= '9'; in->at++)
        if (value <= WEFT_VIT_MAX_NUMBER)
            value = value * 10 + (in->text[in->at] - '0');
    if (value < least || value > WEFT_VIT_MAX_NUMBER) {
        in->at = start;
        fail(in, value < least ? "the number is too small" : "the number is above 1000000");
    }
    return value;
}

/* A number that must repeat what came before. */
static void same_number(reader *in, int64_t value, const char *wrong)
{
    peek(in);
    size_t start = in->at;
    if (number(in, 0) != value && !in->wrong) {
        in->at = start;
        fail(in, wrong);
    }
}

static const char wrong_channels[] = "the channels differ from those of the item before";

/* (type, channels[, inner channels]) */
static void parse_stem(reader *in, weft_vit_config *config)
{
    open_tuple(in);
    peek(in);
    size_t start = in->at;
    int64_t type = number(in, 0);
    if (type != WEFT_VIT_STEM_PATCH && type != WEFT_VIT_STEM_RESIDUAL &&
        type != WEFT_VIT_STEM_WIDE) {
        in->at = start;
        fail(in, "the type of a stem is 0, 4 or 5");
        return;
    }
    config->stem = (weft_vit_stem)type;
    comma(in);
    config->channels = number(in, 1);
    if (config->stem == WEFT_VIT_STEM_WIDE) {
        comma(in);
        config->stem_channels = number(in, 1);
    }
    close_tuple(in);
}

/* The rest of (1, (channels, heads, head size), (channels, hidden), kept). */
static void parse_block(reader *in, weft_vit_layer *layer)
{
    comma(in);
    open_tuple(in);
    same_number(in, layer->channels, wrong_channels);
    comma(in);
    layer->heads = number(in, 1);
    comma(in);
    layer->head_size = number(in, 1);
    close_tuple(in);
    comma(in);
    open_tuple(in);
    same_number(in, layer->channels, wrong_channels);
    comma(in);
    layer->hidden = number(in, 1);
    close_tuple(in);
    comma(in);
    peek(in);
    size_t start = in->at;
    int64_t kept = number(in, 0);
    layer->is_kept = kept != 0;
    if (kept > 1) {
        in->at = start;
        fail(in, "the last number of a block is 1 (kept) or 0");
    }
}

/* The rest of (3, inputs, outputs). */
static void parse_reduction(reader *in, weft_vit_layer *layer)
{
    layer->is_reduction = layer->is_kept = true;
    comma(in);
    same_number(in, layer->channels, wrong_channels);
    comma(in);
    peek(in);
    size_t start = in->at;
    layer->outputs = number(in, 1);
    if (layer->outputs < layer->channels) {
        in->at = start;
        fail(in, "a reduction has at least as many outputs as inputs");
    }
}

/* The items after the stem. */
static void parse_items(reader *in, weft_vit_config *config)
{
    int64_t channels = config->channels;
    while (!in->wrong) {
        comma(in);
        open_tuple(in);
        peek(in);
        size_t start = in->at;
        int64_t type = number(in, 1);
        if (type == 2) {
            comma(in);
            same_number(in, channels, wrong_channels);
            comma(in);
            config->classes = number(in, 1);
            close_tuple(in);
            return;
        }
        if (type != 1 && type != 3) {
            in->at = start;
            fail(in, "the type of an item is 1 (block), 2 (head) or 3 (reduction)");
        }
        if (config->layer_count == WEFT_VIT_MAX_LAYERS) {
            fail(in, "there are more than 64 blocks and reductions");
            return;
        }
        weft_vit_layer *layer = &config->layers[config->layer_count++];
        *layer = (weft_vit_layer){.channels = channels};
        if (type == 1) {
            parse_block(in, layer);
        } else {
            parse_reduction(in, layer);
            channels = layer->outputs;
        }
        close_tuple(in);
    }
}

const char *weft_vit_config_parse(const char *text, weft_vit_config *out_config, size_t *out_at)
{
    reader in = {.text = text};
    *out_config = (weft_vit_config){.stem_channels = STEM_CHANNELS};
    open_tuple(&in);
    parse_stem(&in, out_config);
    parse_items(&in, out_config);
    close_tuple(&in);
    if (!in.wrong && peek(&in) != '\0')
        fail(&in, "something follows the last bracket");
    *out_at = in.at;
    return in.wrong;
}
