/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Node and tensor names in the manner of PyTorch's two exporters.
 * Knows nothing about shapes or data.
 */
#ifndef WEFT_MODELS_CNN_NAMES_H
#define WEFT_MODELS_CNN_NAMES_H

#include "models/cnn_layers.h"

typedef struct weft_cnn_names {
    const char *node, *output;
} weft_cnn_names;

/* Names of the next node of an operator in a module. */
weft_cnn_names weft_cnn_name(weft_cnn *cnn, const char *op, const char *module);

/* Of a node with several outputs the name of output `index`; the names are those of output 0. */
const char *weft_cnn_output_name(weft_cnn *cnn, const weft_cnn_names *names, int index);

/* Name of a constant that a node of the module reads. */
const char *weft_cnn_constant_name(weft_cnn *cnn, const char *module);

#endif
