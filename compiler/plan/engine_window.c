/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QConv2D, QTokenConv and QPool2D -> descriptors CONV, GROUPED and POOL
 * (kernels/fpga/descriptor.h). */
#include <string.h>

#include "compiler/plan/engine.h"
#include "kernels/include/weft_int.h"

/* x[n][y][x][c] by its steps; scratch: where its normalised pixels lie, or -1. */
static void put_input(engine_builder *builder, const weft_value *x, bool is_nchw, int32_t scratch)
{
    const int64_t *d = x->shape.dims;
    int64_t height = d[is_nchw ? 2 : 1], width = d[is_nchw ? 3 : 2], channels = d[is_nchw ? 1 : 3];
    if (scratch < 0)
        weft__engine_value(builder, WEFT_D_X, x, 0);
    else
        weft__engine_scratch(builder, WEFT_D_X, weft__plan_elems(x), 0, &scratch);
    weft__engine_int(builder, WEFT_D_BATCH, d[0]);
    weft__engine_int(builder, WEFT_D_IN_HEIGHT, height);
    weft__engine_int(builder, WEFT_D_IN_WIDTH, width);
    weft__engine_int(builder, WEFT_D_IN_CHANNELS, channels);
    weft__engine_int(builder, WEFT_D_X_IMAGE, height * width * channels);
    weft__engine_int(builder, WEFT_D_X_ROW, is_nchw ? width : width * channels);
    weft__engine_int(builder, WEFT_D_X_PIXEL, is_nchw ? 1 : channels);
    weft__engine_int(builder, WEFT_D_X_CHANNEL, is_nchw ? height * width : 1);
}

static void put_output(engine_builder *builder, const weft_value *y)
{
    const int64_t *d = y->shape.dims;
    weft__engine_value(builder, WEFT_D_Y, y, 0);
    weft__engine_int(builder, WEFT_D_OUT_HEIGHT, d[1]);
    weft__engine_int(builder, WEFT_D_OUT_WIDTH, d[2]);
    weft__engine_int(builder, WEFT_D_OUT_CHANNELS, d[3]);
    weft__engine_int(builder, WEFT_D_Y_IMAGE, d[1] * d[2] * d[3]);
    weft__engine_int(builder, WEFT_D_Y_PIXEL, d[3]);
}

static void put_window(engine_builder *builder, const weft_attrs *attrs, int64_t kernel_height,
                       int64_t kernel_width)
{
    plan_window window = weft__plan_window(attrs);
    weft__engine_int(builder, WEFT_D_KERNEL_HEIGHT, kernel_height);
    weft__engine_int(builder, WEFT_D_KERNEL_WIDTH, kernel_width);
    weft__engine_int(builder, WEFT_D_STRIDE_Y, window.strides[0]);
    weft__engine_int(builder, WEFT_D_STRIDE_X, window.strides[1]);
    weft__engine_int(builder, WEFT_D_DILATION_Y, window.dilations[0]);
    weft__engine_int(builder, WEFT_D_DILATION_X, window.dilations[1]);
    weft__engine_int(builder, WEFT_D_PAD_TOP, window.pads[0]);
    weft__engine_int(builder, WEFT_D_PAD_LEFT, window.pads[1]);
    weft__engine_int(builder, WEFT_D_PAD_BOTTOM, window.pads[2]);
    weft__engine_int(builder, WEFT_D_PAD_RIGHT, window.pads[3]);
}

static void put_tile(engine_builder *builder, engine_tile tile)
{
    weft__engine_int(builder, WEFT_D_TILE_PIXELS, tile.pixels);
    weft__engine_int(builder, WEFT_D_TILE_CHANNELS, tile.channels);
    weft__engine_int(builder, WEFT_D_TILE_DEPTH, tile.depth);
}

/* What is tiled: y by channels and pixels of the batch. */
static engine_window window_of(const weft_value *y, bool has_mean, int64_t depth)
{
    const int64_t *d = y->shape.dims;
    int64_t image = d[1] * d[2];
    return (engine_window){.pixels = d[0] * image,
                           .image_pixels = image,
                           .has_mean = has_mean,
                           .channels = d[3],
                           .depth = depth,
                           .stretch = depth};
}

/* bias[o] - pad * (sum of the weights of o), modulo 2^32 as the array's sums are. */
static int32_t array_bias(engine_builder *builder, const weft_value *w, const weft_value *bias,
                          int32_t pad)
{
    int64_t channels = w->shape.dims[0], depth = weft__plan_elems(w) / channels;
    const int8_t *weights = w->data;
    int32_t *list = WEFT_NEW_ARRAY(builder->state->planner->arena, int32_t, (size_t)channels);
    for (int64_t o = 0; o < channels; o++) {
        int64_t sum = 0;
        for (int64_t i = 0; i < depth; i++)
            sum += weights[o * depth + i];
        list[o] = (int32_t)(uint32_t)(((const int32_t *)bias->data)[o] - pad * sum);
    }
    return weft__plan_table(builder->state, WEFT_DTYPE_I32, list, channels);
}

/* The type of what is multiplied: x, or with a normalisation its result. */
static weft_dtype multiplied_type(const weft_node *node)
{
    return weft_node_input(node, 7) != NULL
               ? weft_dtype_from_name(weft_attrs_string(&node->attrs, "norm_type", "i8"))
               : node->inputs[0]->dtype;
}

static int conv_flags(const weft_node *node, weft_dtype c_type)
{
    const weft_value *table = weft_node_input(node, 5), *residual = weft_node_input(node, 6);
    bool has_mean = node->output_count > 1 && node->outputs[1] != NULL;
    int flags = multiplied_type(node) == WEFT_DTYPE_I8 ? WEFT_FLAG_X_SIGNED : 0;
    flags |= c_type == WEFT_DTYPE_I8 ? WEFT_FLAG_C_SIGNED : 0;
    flags |= has_mean ? WEFT_FLAG_MEAN : 0;
    if (table != NULL)
        flags |= WEFT_FLAG_TABLE | (table->dtype == WEFT_DTYPE_I8 ? WEFT_FLAG_T_SIGNED : 0);
    if (residual != NULL)
        flags |= WEFT_FLAG_RESIDUAL | (residual->dtype == WEFT_DTYPE_I8 ? WEFT_FLAG_B_SIGNED : 0);
    return flags;
}

/* Where y and the residual lie: the first element, steps from image to image and pixel to pixel. */
typedef struct output_place {
    int64_t first, image, pixel;
} output_place;

/* Words of the stages after the sum. */
static void put_stages(engine_builder *builder, const weft_node *node, output_place place)
{
    const weft_attrs *attrs = &node->attrs;
    const weft_value *residual = weft_node_input(node, 6), *y = node->outputs[0];
    weft_dtype c_type = weft_dtype_from_name(weft_attrs_string(attrs, "c_type", "i8"));
    int64_t a_zero = weft_attrs_int(attrs, "a_zero", 0);
    weft__engine_stage(builder, "c", c_type, WEFT_D_C_ZERO, WEFT_D_C_MIN, WEFT_D_C_MAX);
    if (weft_node_input(node, 5) != NULL)
        weft__engine_constant(builder, WEFT_D_TABLE, weft_node_input(node, 5));
    if (residual != NULL) {
        weft__engine_value(builder, WEFT_D_B, residual, place.first);
        weft__engine_int(builder, WEFT_D_B_IMAGE, place.image);
        weft__engine_int(builder, WEFT_D_B_PIXEL, place.pixel);
        weft__engine_int(builder, WEFT_D_A_ZERO, a_zero);
        weft__engine_int(builder, WEFT_D_A_MULT, weft_attrs_int(attrs, "a_mult", 0));
        weft__engine_int(builder, WEFT_D_B_ZERO, weft_attrs_int(attrs, "b_zero", 0));
        weft__engine_int(builder, WEFT_D_B_MULT, weft_attrs_int(attrs, "b_mult", 0));
        weft__engine_int(builder, WEFT_D_ADD_SHIFT, weft_attrs_int(attrs, "add_shift", 1));
        weft__engine_stage(builder, "y", y->dtype, WEFT_D_Y_ZERO, WEFT_D_Y_MIN, WEFT_D_Y_MAX);
    }
    if (node->output_count < 2 || node->outputs[1] == NULL)
        return;
    int64_t low = y->dtype == WEFT_DTYPE_U8 ? 0 : INT8_MIN;
    weft__engine_value(builder, WEFT_D_MEAN, node->outputs[1], 0);
    weft__engine_int(builder, WEFT_D_MEAN_MULT, weft_attrs_int(attrs, "mean_mult", 0));
    weft__engine_int(builder, WEFT_D_MEAN_SHIFT, weft_attrs_int(attrs, "mean_shift", 1));
    weft__engine_int(builder, WEFT_D_MEAN_ZERO, weft_attrs_int(attrs, "mean_zero", 0));
    weft__engine_int(builder, WEFT_D_MEAN_MIN, low);
    weft__engine_int(builder, WEFT_D_MEAN_MAX, low + UINT8_MAX);
    weft__engine_int(builder, WEFT_D_MEAN_BASE,
                     residual != NULL ? weft_attrs_int(attrs, "y_zero", 0) : a_zero);
}

bool weft__engine_plan_conv(engine_builder *builder, const weft_node *node)
{
    const weft_attrs *attrs = &node->attrs;
    const weft_value *x = node->inputs[0], *w = node->inputs[1], *y = node->outputs[0];
    const weft_value *residual = weft_node_input(node, 6);
    if (!weft__engine_is_operand(x) || y == NULL ||
        (residual != NULL && !weft__engine_is_8bit(residual)))
        return false;
    for (size_t i = 1; i < 9; i++)
        if (i != 6 && weft_node_input(node, i) != NULL &&
            !weft_value_is_constant(weft_node_input(node, i)))
            return false;
    bool is_normalised = weft_node_input(node, 7) != NULL;
    if (is_normalised && !weft__engine_has_row_of(builder, x))
        return false;
    weft_dtype c_type = weft_dtype_from_name(weft_attrs_string(attrs, "c_type", "i8"));
    int64_t groups = weft_attrs_int(attrs, "group", 1);
    int32_t x_zero = (int32_t)weft_attrs_int(attrs, "x_zero", 0);
    bool is_dense = groups == 1, is_nchw = weft_attrs_int(attrs, "x_nchw", 0) != 0;
    bool has_mean = node->output_count > 1 && node->outputs[1] != NULL;
    engine_window window = window_of(y, has_mean, weft__plan_elems(w) / w->shape.dims[0]);
    int64_t dilations[2];
    weft_attrs_ints(attrs, "dilations", dilations, 2, 1);
    window.has_filters = true;
    window.is_strided = is_nchw;
    /* Rows of a window, or taps. */
    window.stretch = w->shape.dims[3] * (dilations[1] == 1 ? w->shape.dims[2] : 1);
    int32_t norm_scratch = -1;
    if (is_normalised)
        weft__engine_normalise(builder, node, &norm_scratch);
    weft__engine_begin(builder, is_dense ? WEFT_KIND_CONV : WEFT_KIND_GROUPED,
                       conv_flags(node, c_type));
    put_input(builder, x, is_nchw, norm_scratch);
    put_output(builder, y);
    put_window(builder, attrs, w->shape.dims[1], w->shape.dims[2]);
    const int64_t *d = y->shape.dims;
    put_stages(builder, node, (output_place){0, d[1] * d[2] * d[3], d[3]});
    weft__engine_constant(builder, WEFT_D_WEIGHTS, w);
    weft__engine_constant(builder, WEFT_D_MULT, node->inputs[3]);
    weft__engine_constant(builder, WEFT_D_SHIFT, node->inputs[4]);
    weft__engine_int(builder, WEFT_D_GROUPS, groups);
    if (is_dense) {
        int32_t pad = x_zero - (multiplied_type(node) == WEFT_DTYPE_U8 ? INT8_MAX + 1 : 0);
        weft__engine_int(builder, WEFT_D_PAD, pad);
        weft__engine_blob(builder, WEFT_D_BIAS, array_bias(builder, w, node->inputs[2], pad));
        put_tile(builder, weft__engine_conv_tile(builder->engine, &window));
    } else {
        weft__engine_int(builder, WEFT_D_PAD, x_zero);
        weft__engine_constant(builder, WEFT_D_BIAS, node->inputs[2]);
        put_tile(builder, weft__engine_lane_tile(builder->engine, &window));
    }
    weft__engine_end(builder);
    return true;
}

/* Tokens that are no part of the image, of all images: y is the residual requantised, by a sum
 * whose operand b counts for nothing; without a residual one code. */
static void put_prefix(engine_builder *builder, const weft_node *node, int64_t prefix)
{
    const weft_attrs *attrs = &node->attrs;
    const weft_value *residual = weft_node_input(node, 6), *y = node->outputs[0];
    const int64_t *d = y->shape.dims, sizes[3] = {d[0], prefix, d[2]},
                  steps[3] = {d[1] * d[2], d[2], 1};
    int sign = residual != NULL && residual->dtype == WEFT_DTYPE_I8
                   ? WEFT_FLAG_X_SIGNED | WEFT_FLAG_B_SIGNED
                   : 0;
    weft__engine_begin(builder, residual != NULL ? WEFT_KIND_ADD : WEFT_KIND_FILL, sign);
    weft__engine_value(builder, WEFT_D_Y, y, 0);
    for (int i = 0; i < WEFT_D_DIMS; i++)
        weft__engine_int(builder, WEFT_D_SIZES + i, i < 3 ? 1 : sizes[i - 3]);
    for (int i = 0; i < 3; i++) {
        weft__engine_int(builder, WEFT_D_Y_STEPS + 3 + i, steps[i]);
        weft__engine_int(builder, WEFT_D_A_STEPS + 3 + i, residual != NULL ? steps[i] : 0);
        weft__engine_int(builder, WEFT_D_B_STEPS + 3 + i, residual != NULL ? steps[i] : 0);
    }
    if (residual == NULL) {
        weft__engine_int(builder, WEFT_D_FILL, (uint8_t)weft_attrs_int(attrs, "a_zero", 0));
    } else {
        weft__engine_value(builder, WEFT_D_X, residual, 0);
        weft__engine_value(builder, WEFT_D_B, residual, 0);
        weft__engine_int(builder, WEFT_D_A_ZERO, weft_attrs_int(attrs, "b_zero", 0));
        weft__engine_int(builder, WEFT_D_A_MULT, weft_attrs_int(attrs, "b_mult", 0));
        weft__engine_int(builder, WEFT_D_B_ZERO, weft_attrs_int(attrs, "b_zero", 0));
        weft__engine_int(builder, WEFT_D_ADD_SHIFT, weft_attrs_int(attrs, "add_shift", 1));
        weft__engine_stage(builder, "y", y->dtype, WEFT_D_Y_ZERO, WEFT_D_Y_MIN, WEFT_D_Y_MAX);
    }
    weft__engine_end(builder);
}

bool weft__engine_plan_token_conv(engine_builder *builder, const weft_node *node)
{
    const weft_attrs *attrs = &node->attrs;
    const weft_value *x = node->inputs[0], *w = node->inputs[1], *y = node->outputs[0],
                     *residual = weft_node_input(node, 6);
    if (!weft__engine_is_operand(x) || (residual != NULL && !weft__engine_is_operand(residual)))
        return false;
    for (size_t i = 1; i < 6; i++)
        if (weft_node_input(node, i) != NULL && !weft_value_is_constant(weft_node_input(node, i)))
            return false;
    int64_t grid[2], pads[4], batch = x->shape.dims[0], tokens = x->shape.dims[1],
                              row = x->shape.dims[2], channels = w->shape.dims[0],
                              taps = w->shape.dims[1] * w->shape.dims[2],
                              prefix = weft_attrs_int(attrs, "prefix", 0);
    weft_attrs_ints(attrs, "grid", grid, 2, 1);
    weft_attrs_ints(attrs, "pads", pads, 4, 1);
    weft__engine_begin(
        builder, WEFT_KIND_GROUPED,
        conv_flags(node, weft_dtype_from_name(weft_attrs_string(attrs, "c_type", "i8"))));
    weft__engine_value(builder, WEFT_D_X, x, prefix * row + weft_attrs_int(attrs, "x_offset", 0));
    weft__engine_value(builder, WEFT_D_Y, y, prefix * channels);
    const struct {
        int word;
        int64_t number;
    } numbers[] = {
        {WEFT_D_BATCH, batch},
        {WEFT_D_IN_HEIGHT, grid[0]},
        {WEFT_D_IN_WIDTH, grid[1]},
        {WEFT_D_IN_CHANNELS, channels},
        {WEFT_D_OUT_HEIGHT, grid[0]},
        {WEFT_D_OUT_WIDTH, grid[1]},
        {WEFT_D_OUT_CHANNELS, channels},
        {WEFT_D_GROUPS, channels},
        {WEFT_D_KERNEL_HEIGHT, w->shape.dims[1]},
        {WEFT_D_KERNEL_WIDTH, w->shape.dims[2]},
        {WEFT_D_STRIDE_Y, 1},
        {WEFT_D_STRIDE_X, 1},
        {WEFT_D_DILATION_Y, 1},
        {WEFT_D_DILATION_X, 1},
        {WEFT_D_PAD_TOP, pads[0]},
        {WEFT_D_PAD_LEFT, pads[1]},
        {WEFT_D_PAD_BOTTOM, pads[2]},
        {WEFT_D_PAD_RIGHT, pads[3]},
        {WEFT_D_X_IMAGE, tokens * row},
        {WEFT_D_X_ROW, grid[1] * row},
        {WEFT_D_X_PIXEL, row},
        {WEFT_D_X_CHANNEL, 1},
        {WEFT_D_Y_IMAGE, tokens * channels},
        {WEFT_D_Y_PIXEL, channels},
        {WEFT_D_PAD, weft_attrs_int(attrs, "x_zero", 0)},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        weft__engine_int(builder, numbers[i].word, numbers[i].number);
    put_stages(builder, node, (output_place){prefix * channels, tokens * channels, channels});
    weft__engine_constant(builder, WEFT_D_WEIGHTS, w);
    weft__engine_constant(builder, WEFT_D_BIAS, node->inputs[2]);
    weft__engine_constant(builder, WEFT_D_MULT, node->inputs[3]);
    weft__engine_constant(builder, WEFT_D_SHIFT, node->inputs[4]);
    int64_t image = grid[0] * grid[1];
    const engine_window window = {.pixels = batch * image,
                                  .image_pixels = image,
                                  .channels = channels,
                                  .depth = taps,
                                  .stretch = w->shape.dims[2],
                                  .has_filters = true};
    put_tile(builder, weft__engine_lane_tile(builder->engine, &window));
    weft__engine_end(builder);
    if (prefix > 0)
        put_prefix(builder, node, prefix);
    return true;
}

/* s32 {count, mult, shift} for each entry of the node's lists. */
static int32_t counts_blob(engine_builder *builder, const weft_attrs *attrs, size_t rows)
{
    static const char *const names[3] = {"counts", "mults", "shifts"};
    int32_t *list = WEFT_NEW_ARRAY(builder->state->planner->arena, int32_t, 3 * rows);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < rows; k++)
            list[3 * k + i] = (int32_t)weft_attrs_find(attrs, names[i])->ints[k];
    return weft__plan_table(builder->state, WEFT_DTYPE_I32, list, (int64_t)(3 * rows));
}

bool weft__engine_plan_pool(engine_builder *builder, const weft_node *node)
{
    const weft_attrs *attrs = &node->attrs;
    const weft_value *x = node->inputs[0], *y = node->outputs[0];
    bool is_average = strcmp(weft_attrs_string(attrs, "mode", "max"), "average") == 0;
    const weft_attr *counts = weft_attrs_find(attrs, "counts");
    size_t rows = is_average && counts != NULL ? counts->count : 0;
    if (!weft__engine_is_operand(x) || rows > WEFT_ENGINE_COUNT_ROWS)
        return false;
    int64_t kernel[2];
    weft_attrs_ints(attrs, "kernel_shape", kernel, 2, 1);
    int flags = (x->dtype == WEFT_DTYPE_I8 ? WEFT_FLAG_X_SIGNED : 0) |
                (is_average ? WEFT_FLAG_AVERAGE : 0) |
                (weft_attrs_int(attrs, "count_include_pad", 0) != 0 ? WEFT_FLAG_COUNT_PADS : 0);
    weft__engine_begin(builder, WEFT_KIND_POOL, flags);
    put_input(builder, x, false, -1);
    put_output(builder, y);
    put_window(builder, attrs, kernel[0], kernel[1]);
    weft__engine_stage(builder, "y", y->dtype, WEFT_D_Y_ZERO, WEFT_D_Y_MIN, WEFT_D_Y_MAX);
    weft__engine_int(builder, WEFT_D_PAD,
                     is_average                  ? weft_attrs_int(attrs, "x_zero", 0)
                     : x->dtype == WEFT_DTYPE_I8 ? INT8_MIN
                                                 : 0);
    if (is_average) {
        weft__engine_blob(builder, WEFT_D_COUNTS, counts_blob(builder, attrs, rows));
        weft__engine_int(builder, WEFT_D_COUNT_ROWS, (int64_t)rows);
    }
    engine_window window = window_of(y, false, kernel[0] * kernel[1]);
    put_tile(builder, weft__engine_lane_tile(builder->engine, &window));
    weft__engine_end(builder);
    return true;
}
