/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ResFormer's global position table, as nodes that compute it. Knows nothing of the rest of the
 * network.
 */
#ifndef WEFT_MODELS_RESFORMER_POSITIONS_H
#define WEFT_MODELS_RESFORMER_POSITIONS_H

#include "models/cnn_layers.h"

/* tokens (B x (1 + side * side) x channels) + table; nothing is added to the class token in front.
 * channels / 12 is a power of two. */
weft_build_value weft_resformer_positions(weft_cnn *cnn, weft_build_value tokens, int64_t side,
                                          int64_t channels);

#endif
