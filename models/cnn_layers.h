/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers of convolutional networks on top of the graph builder: each call adds the nodes and
 * initialisers of one layer, works out its output shape and carries the expected moments along. A
 * layer is named by its dotted module path in PyTorch's state dict ("layer1.0.conv1"); node and
 * tensor names follow from it and from the export form. Knows nothing about any architecture, about
 * files or the command line.
 */
#ifndef WEFT_MODELS_CNN_LAYERS_H
#define WEFT_MODELS_CNN_LAYERS_H

#include "models/moments.h"
#include "models/onnx_build.h"

/* Whose habits the graph imitates: PyTorch's tracing exporter or its torch.export based one. */
typedef enum weft_cnn_form { WEFT_CNN_TORCHSCRIPT, WEFT_CNN_DYNAMO } weft_cnn_form;

#define WEFT_CNN_COUNTERS 40
#define WEFT_CNN_SCALARS 4

/* A network under construction; the layers of transformers use it too. */
typedef struct weft_cnn {
    weft_build *build;
    uint64_t seed;
    weft_cnn_form form;
    bool folds_batch_norm;
    weft_build_value
        mean_axes; /* shared constant of the squeeze-excite means; WEFT_BUILD_NONE until needed */
    weft_build_value
        scalars[WEFT_CNN_SCALARS]; /* int64 constants that all nodes share; 0: not there */
    struct {
        const char *stem;
        int used;
    } counters[WEFT_CNN_COUNTERS]; /* how often each flat name was given out */
} weft_cnn;

/* An activation N x C x H x W (or N x C): the value and what is expected of its channels. */
typedef struct weft_cnn_map {
    weft_build_value value;
    weft_moments moments;
} weft_cnn_map;

/* Batch-norm scale: uniform on center +- spread. */
typedef struct weft_cnn_gamma {
    double center, spread;
} weft_cnn_gamma;

/* Starts at an input of normalised pixels (mean 0, variance 1 per channel). */
weft_cnn_map weft_cnn_input(weft_cnn *cnn, const char *name, int64_t batch, int64_t channels,
                            int64_t height, int64_t width);

/* Square kernel, padding kernel / 2, no bias of its own; batch-norm folded in when cnn says so. */
weft_cnn_map weft_cnn_conv_bn(weft_cnn *cnn, weft_cnn_map x, const char *conv, const char *bn,
                              int64_t channels, int64_t kernel, int64_t stride,
                              weft_cnn_gamma gamma);

weft_cnn_map weft_cnn_relu(weft_cnn *cnn, weft_cnn_map x, const char *module);

/* The end of a residual block: branch + stream, then ReLU. */
weft_cnn_map weft_cnn_add_relu(weft_cnn *cnn, weft_cnn_map stream, weft_cnn_map branch,
                               const char *add, const char *relu);

/* Maximum over a square window, padding kernel / 2. */
weft_cnn_map weft_cnn_max_pool(weft_cnn *cnn, weft_cnn_map x, const char *module, int64_t kernel,
                               int64_t stride);

/* 2 x 2 average, stride 2, ceil mode, elements outside not counted. */
weft_cnn_map weft_cnn_pool_shortcut(weft_cnn *cnn, weft_cnn_map x, const char *module);

/* Squeeze-excite: mean, 1x1 to `squeeze` channels, ReLU, 1x1 back, sigmoid, multiply. */
weft_cnn_map weft_cnn_squeeze_excite(weft_cnn *cnn, weft_cnn_map x, const char *module,
                                     int64_t squeeze);

/* Global mean to N x C. */
weft_cnn_map weft_cnn_global_pool(weft_cnn *cnn, weft_cnn_map x, const char *module);

/* Linear layer of logits under the given output name. */
weft_cnn_map weft_cnn_classifier(weft_cnn *cnn, weft_cnn_map x, const char *module, int64_t classes,
                                 const char *output_name);

#endif
