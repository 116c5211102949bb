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

/* Name of a constant that a node of the module reads. */
const char *weft_cnn_constant_name(weft_cnn *cnn, const char *module);

#endif
