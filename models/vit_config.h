/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks of the ViT-ResNAS search space as data: the published ones, and the compact notation of
 * the search, a nested tuple such as
 *   ((4, 176), (1, (176, 3, 32), (176, 704), 1), ..., (3, 176, 352), ..., (2, 704, 1000))
 * with the stem (type, channels[, inner channels]), transformer blocks (1, (channels, heads, head
 * size), (channels, hidden), kept), spatial reductions (3, inputs, outputs) and the head (2,
 * channels, classes). Knows nothing about graphs.
 */
#ifndef WEFT_MODELS_VIT_CONFIG_H
#define WEFT_MODELS_VIT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEFT_VIT_MAX_LAYERS 64
/* Largest number in the notation. */
#define WEFT_VIT_MAX_NUMBER 1000000

typedef struct weft_vit_layer {
    bool is_reduction;
    bool is_kept; /* a block that is not kept does nothing; the others keep their numbers */
    int64_t channels;
    int64_t outputs;                  /* of a reduction */
    int64_t heads, head_size, hidden; /* of a block */
} weft_vit_layer;

typedef enum weft_vit_stem {
    WEFT_VIT_STEM_PATCH = 0,    /* one 14 x 14 convolution */
    WEFT_VIT_STEM_RESIDUAL = 4, /* three 3 x 3 with a shortcut, then 7 x 7; 24 inner channels */
    WEFT_VIT_STEM_WIDE = 5      /* the same with any number of inner channels */
} weft_vit_stem;

typedef struct weft_vit_config {
    weft_vit_stem stem;
    int64_t stem_channels; /* inner ones */
    int64_t channels;      /* behind the stem */
    int64_t classes;
    int layer_count;
    weft_vit_layer layers[WEFT_VIT_MAX_LAYERS];
} weft_vit_config;

/* The published network of a name; false when there is none. */
bool weft_vit_config_find(const char *variant, weft_vit_config *out_config);

/*
 * Reads the notation; white space and the kind of brackets do not matter. NULL, or what is wrong;
 * *out_at is where, counted from 0.
 */
const char *weft_vit_config_parse(const char *text, weft_vit_config *out_config, size_t *out_at);

/* What the input's side must be a multiple of. */
int64_t weft_vit_config_step(const weft_vit_config *config);

#endif
