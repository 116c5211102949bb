/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What layers are made of: nodes with the moments of their channels, and initialisers whose numbers
 * come from the seed and their own names. For the files of layers only.
 */
#ifndef WEFT_MODELS_CNN_PARTS_H
#define WEFT_MODELS_CNN_PARTS_H

#include "models/cnn_layers.h"

/* Moments of `channels` channels, all 0; without arrays when no data is made. */
weft_moments weft_cnn_moments(weft_cnn *cnn, int64_t channels);

/* Data can be made: wanted, and nothing has failed so far (so every array of moments is there). */
bool weft_cnn_makes_data(const weft_cnn *cnn);

/* How many channels have statistics to compute: none when no data is made. */
size_t weft_cnn_data_channels(const weft_cnn *cnn, const weft_moments *moments);

/* A node with one output, named by its module; the output's moments are still 0. */
weft_cnn_map weft_cnn_add_node(weft_cnn *cnn, const char *op, const char *module,
                               const weft_build_value *inputs, int input_count,
                               const weft_build_attr *attrs, size_t attr_count,
                               const weft_build_shape *shape);

/* Conv node on an existing weight and, unless it is WEFT_BUILD_NONE, bias; padding kernel / 2. */
weft_cnn_map weft_cnn_add_conv(weft_cnn *cnn, weft_cnn_map x, const char *module,
                               weft_build_value weight, weft_build_value bias, int64_t stride);

/* The attribute of `count` integers, which it borrows. */
weft_build_attr weft_cnn_ints(const char *name, const int64_t *list, size_t count);

/* An initialiser "module.leaf" with a ready table, or without data when none is made. */
weft_build_value weft_cnn_add_table(weft_cnn *cnn, const char *module, const char *leaf,
                                    int64_t count, const float *table, bool is_parameter);

/* center + spread * u for each element of "module.leaf", u uniform on [-1, 1); NULL when no data is
 * made. */
float *weft_cnn_make_table(weft_cnn *cnn, const char *module, const char *leaf, int64_t count,
                           double center, double spread);

/* Weight of a layer whose output should have variance 1, given the mean square of its inputs. */
weft_init_recipe weft_cnn_recipe(const weft_cnn *cnn, const char *name, int64_t fan_in,
                                 double mean_square);

/* A parameter of the network, drawn by the recipe unless no data is made. */
weft_build_value weft_cnn_add_weight(weft_cnn *cnn, const char *name, const weft_build_shape *shape,
                                     const weft_init_recipe *recipe);

#endif
