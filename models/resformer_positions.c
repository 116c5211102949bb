/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The position table; see resformer_positions.h. With H for half the channels, row i and column j
 * of an n x n grid have in channel pair m the angles 2 pi (i + 1) / n / 10000^(2m / H)   and   2 pi
 * (j + 1) / n / 10000^(2m / H); sines and cosines are interleaved, rows in the first half of the
 * channels, columns in the second, and a depthwise convolution ends it. Knows nothing of the rest
 * of the network.
 *
 * The tracing exporter leaves all but the lengths of the waves in the graph. The torch.export based
 * one has folded what comes before the sines, up to the size that it folds at all.
 */
#include "models/resformer_positions.h"

#include <math.h>

#include "models/token_layers.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define TURN 6.283185307179586

enum { FOLDED_ELEMS = 512 * 512 };

/* Standard deviation of the table. */
static const double position_gain = 0.2;

static const char module[] = "pos_embed";

/* 10000^(2 floor(i / 2) / half). half / 6 is a power of two, so that the ratio of neighbours,
 * 10000^(2 / half), comes from square roots of 10000^(1/3), which are the same on every machine. */
static void fill_lengths(int64_t half, float *out)
{
    double ratio = 21.544346900318837, length = 1.0;
    for (int64_t n = half / 6; n > 1; n /= 2)
        ratio = sqrt(ratio);
    for (int64_t i = 0; i < half; i++) {
        out[i] = (float)length;
        if (i % 2 == 1)
            length *= ratio;
    }
}

static weft_build_value wave_lengths(weft_cnn *cnn, int64_t half)
{
    float *lengths = weft_build_alloc(cnn->build, (size_t)half, sizeof *lengths);
    if (!lengths)
        return WEFT_BUILD_NONE;
    fill_lengths(half, lengths);
    const weft_build_tensor list = {.shape = {.rank = 1, .dims = {half}}, .floats = lengths};
    return weft_emit_tensor(cnn, module, &list);
}

/* ---- before the sines, in the graph ---------------------------------------------------------- */

/* Positions along one axis of the grid of ones, from 1/n of a turn to a whole one, as angles. */
static weft_build_value turns(weft_cnn *cnn, weft_build_value ones, int axis)
{
    const weft_build_shape shape = *weft_build_shape_of(cnn->build, ones);
    const weft_build_value inputs[] = {ones, weft_emit_int(cnn, module, axis)};
    weft_build_value x =
        weft_emit_node(cnn, "CumSum", module, inputs, 2, NULL, 0, &shape, WEFT_BUILD_F32);
    weft_build_value last = weft_emit_slice(cnn, module, x, axis, -1, WEFT_EMIT_END, 1);
    last = weft_emit_binary(cnn, "Add", module, last, weft_emit_float(cnn, module, 1e-6f));
    x = weft_emit_binary(cnn, "Div", module, x, last);
    x = weft_emit_binary(cnn, "Mul", module, x, weft_emit_float(cnn, module, (float)TURN));
    return weft_emit_unsqueeze(cnn, module, x, 3);
}

static void traced_angles(weft_cnn *cnn, int64_t side, int64_t half, weft_build_value angles[2])
{
    const weft_build_shape grid = {.rank = 3, .dims = {1, side, side}};
    weft_build_value ones = weft_emit_filled(cnn, module, weft_emit_ints(cnn, module, grid.dims, 3),
                                             &grid, WEFT_BUILD_F32, 1);
    for (int i = 0; i < 2; i++)
        angles[i] = turns(cnn, ones, i + 1);
    weft_build_value lengths = wave_lengths(cnn, half);
    for (int i = 0; i < 2; i++)
        angles[i] = weft_emit_binary(cnn, "Div", module, angles[i], lengths);
}

/* ---- before the sines, folded ---------------------------------------------------------------- */

/* Places along one axis, 1 x side x side x 1. */
static void fill_turns(int64_t side, int axis, float *out)
{
    for (int64_t i = 0; i < side * side; i++) {
        int64_t place = axis == 0 ? i / side : i % side;
        out[i] = (float)(TURN * (double)(place + 1) / ((double)side + 1e-6));
    }
}

static void folded_angles(weft_cnn *cnn, int64_t side, int64_t half, weft_build_value angles[2])
{
    const weft_build_shape grid = {.rank = 4, .dims = {1, side, side, 1}};
    const weft_build_shape whole = {.rank = 4, .dims = {1, side, side, half}};
    size_t places = (size_t)(side * side), waves = (size_t)half;
    bool is_whole = side * side * half <= FOLDED_ELEMS;
    float *lengths = weft_build_alloc(cnn->build, waves, sizeof *lengths);
    weft_build_value divisor = WEFT_BUILD_NONE;
    if (lengths)
        fill_lengths(half, lengths);
    for (int axis = 0; axis < 2; axis++) {
        float *turn = weft_build_alloc(cnn->build, places, sizeof *turn);
        float *all = weft_build_alloc(cnn->build, is_whole ? places * waves : 0, sizeof *all);
        if (!lengths || !turn || !all)
            return;
        fill_turns(side, axis, turn);
        for (size_t i = 0; is_whole && i < places * waves; i++)
            all[i] = turn[i / waves] / lengths[i % waves];
        const weft_build_tensor table = {.shape = is_whole ? whole : grid,
                                         .floats = is_whole ? all : turn};
        angles[axis] = weft_emit_tensor(cnn, module, &table);
        if (is_whole)
            continue;
        if (axis == 0)
            divisor = wave_lengths(cnn, half);
        angles[axis] = weft_emit_binary(cnn, "Div", module, angles[axis], divisor);
    }
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Sine of the even and cosine of the odd channels, interleaved. */
static weft_build_value waves_of(weft_cnn *cnn, weft_build_value angles)
{
    static const char *const ops[] = {"Sin", "Cos"};
    weft_build_value parts[2];
    for (int i = 0; i < 2; i++) {
        parts[i] = weft_emit_slice(cnn, module, angles, 3, i, WEFT_EMIT_END, 2);
        parts[i] = weft_emit_unary(cnn, ops[i], module, parts[i]);
        parts[i] = weft_emit_unsqueeze(cnn, module, parts[i], 4);
    }
    return weft_emit_flatten(cnn, module, weft_emit_concat(cnn, module, parts, 2, 4), 3);
}

weft_build_value weft_resformer_positions(weft_cnn *cnn, weft_build_value tokens, int64_t side,
                                          int64_t channels)
{
    const weft_build_shape row = {.rank = 3, .dims = {1, 1, channels}};
    const weft_tokens_window window = {.kernel = 3, .stride = 1, .pad = 1, .group = channels};
    weft_build_value halves[2] = {WEFT_BUILD_NONE, WEFT_BUILD_NONE};
    if (cnn->form == WEFT_CNN_DYNAMO)
        folded_angles(cnn, side, channels / 2, halves);
    else
        traced_angles(cnn, side, channels / 2, halves);
    for (int i = 0; i < 2; i++)
        halves[i] = waves_of(cnn, halves[i]);
    weft_build_value x = weft_emit_concat(cnn, module, halves, 2, 3);
    x = weft_emit_transpose(cnn, module, x, (const int64_t[]){0, 3, 1, 2});
    /* The mean square of sines and cosines is a half. */
    x = weft_tokens_conv(cnn, x, "pos_embed.embed_layer", channels, window,
                         position_gain * sqrt(2.0));
    x = weft_tokens_from_map(cnn, x, module);
    const weft_build_value parts[] = {weft_tokens_zeros(cnn, module, WEFT_BUILD_NONE, &row), x};
    return weft_emit_binary(cnn, "Add", module, tokens, weft_emit_concat(cnn, module, parts, 2, 1));
}
