/* SPDX-License-Identifier: Apache-2.0 */
/* See check.h. Every sum and product here is in 64 bits and every factor below 2^31, so nothing
 * overflows before it is refused. */
#include "kernels/fpga/check.h"

#include "kernels/fpga/check_internal.h"

/* ---- windows ---- */

static void check_sizes(examined *e)
{
    for (int i = WEFT_D_BATCH; i <= WEFT_D_DILATION_X; i++)
        in_range(e, i, 1, SIZE_MAX_ELEMS, "a size is out of range");
    static const int pads[] = {WEFT_D_PAD_TOP, WEFT_D_PAD_LEFT, WEFT_D_PAD_BOTTOM,
                               WEFT_D_PAD_RIGHT};
    for (int i = 0; i < 4; i++)
        in_range(e, pads[i], 0, SIZE_MAX_ELEMS, "padding is out of range");
    int64_t pixels = word(e, WEFT_D_OUT_HEIGHT) * word(e, WEFT_D_OUT_WIDTH);
    refuse_unless(e, pixels <= SIZE_MAX_ELEMS, "an image is too large");
    refuse_unless(e, pixels * word(e, WEFT_D_BATCH) <= SIZE_MAX_ELEMS, "a batch is too large");
}

/* Places of taps are s32: also those of the pixels that fill the last block of rows, and of the tap
 * after the last. */
static void check_axis(examined *e, int out, int stride, int kernel, int dilation)
{
    int64_t last =
        (word(e, out) + e->params->rows) * word(e, stride) + word(e, kernel) * word(e, dilation);
    refuse_unless(e, last < ADDRESS_END, "a window is too far from the image");
}

static void check_input(examined *e)
{
    int64_t sizes[4], steps[4];
    for (int i = 0; i < 4; i++) {
        sizes[i] = word(e, i == 0 ? WEFT_D_BATCH : WEFT_D_IN_HEIGHT + i - 1);
        steps[i] = word(e, WEFT_D_X_IMAGE + i);
    }
    region(e, word(e, WEFT_D_X), sizes, steps, 4, e->memory->arena_bytes, "x is not in the arena");
    check_axis(e, WEFT_D_OUT_HEIGHT, WEFT_D_STRIDE_Y, WEFT_D_KERNEL_HEIGHT, WEFT_D_DILATION_Y);
    check_axis(e, WEFT_D_OUT_WIDTH, WEFT_D_STRIDE_X, WEFT_D_KERNEL_WIDTH, WEFT_D_DILATION_X);
    /* Places within a row are counted in elements where rows are read in one go. */
    int64_t last = (word(e, WEFT_D_OUT_WIDTH) + 1) * word(e, WEFT_D_STRIDE_X) +
                   word(e, WEFT_D_KERNEL_WIDTH) * word(e, WEFT_D_DILATION_X) +
                   word(e, WEFT_D_PAD_LEFT) + word(e, WEFT_D_IN_WIDTH);
    refuse_unless(e, last < ADDRESS_END && last * word(e, WEFT_D_IN_CHANNELS) < ADDRESS_END,
                  "a row of the image is too long");
}

/* y or the residual; one that is not used only has to have addresses. */
static void check_output(examined *e, int offset, int image, bool is_used, const char *wrong)
{
    int64_t sizes[3] = {word(e, WEFT_D_BATCH),
                        word(e, WEFT_D_OUT_HEIGHT) * word(e, WEFT_D_OUT_WIDTH),
                        word(e, WEFT_D_OUT_CHANNELS)};
    int64_t steps[3] = {word(e, image), word(e, image + 1), 1};
    region(e, word(e, offset), sizes, steps, 3,
           is_used ? e->memory->arena_bytes : (uint64_t)ADDRESS_END, wrong);
}

/* Elements of a filter, or taps of a pool; 0 when channels and groups do not divide. */
static int64_t filter_depth(const examined *e, int64_t kind)
{
    int64_t inputs = word(e, WEFT_D_IN_CHANNELS), outputs = word(e, WEFT_D_OUT_CHANNELS);
    int64_t taps = word(e, WEFT_D_KERNEL_HEIGHT) * word(e, WEFT_D_KERNEL_WIDTH);
    int64_t groups = kind == WEFT_KIND_CONV   ? 1
                     : kind == WEFT_KIND_POOL ? outputs
                                              : word(e, WEFT_D_GROUPS);
    if (groups < 1 || inputs % groups != 0 || outputs % groups != 0 ||
        (kind == WEFT_KIND_POOL && inputs != outputs) || taps > SIZE_MAX_ELEMS)
        return 0;
    int64_t depth = taps * (inputs / groups);
    return depth > WEFT_AVERAGE_COUNT_MAX ? 0 : depth;
}

static void check_filters(examined *e, int64_t depth)
{
    int64_t outputs = word(e, WEFT_D_OUT_CHANNELS);
    /* Columns beyond the last channel have addresses as well. */
    refuse_unless(e,
                  (outputs + e->params->line + e->params->cols) * depth + word(e, WEFT_D_WEIGHTS) <
                      ADDRESS_END,
                  "the weights are too large");
    in_weights(e, WEFT_D_WEIGHTS, outputs * depth, 1, "the weights are not in their memory");
    in_weights(e, WEFT_D_BIAS, 4 * outputs, 4, "the biases are not in the weights");
    in_weights(e, WEFT_D_MULT, 4 * outputs, 4, "the multipliers are not in the weights");
    in_weights(e, WEFT_D_SHIFT, 4 * outputs, 4, "the shifts are not in the weights");
    for (int64_t o = 0; o < outputs && e->wrong == NULL; o++)
        is_ratio(e, vector_at(e, word(e, WEFT_D_MULT) + 4 * o),
                 vector_at(e, word(e, WEFT_D_SHIFT) + 4 * o));
}

static void check_convolution(examined *e, int64_t depth)
{
    bool has_table = has(e, WEFT_FLAG_TABLE), c_signed = has(e, WEFT_FLAG_C_SIGNED);
    check_filters(e, depth);
    is_value(e, WEFT_D_C_ZERO);
    are_limits(e, WEFT_D_C_MIN, has_table && c_signed, has_table && !c_signed);
    check_output(e, WEFT_D_B, WEFT_D_B_IMAGE, has(e, WEFT_FLAG_RESIDUAL),
                 "the residual is not in the arena");
    if (has_table)
        in_weights(e, WEFT_D_TABLE, 256, 1, "the table is not in the weights");
    if (has(e, WEFT_FLAG_RESIDUAL))
        is_add_stage(e);
    /* Sums for the mean are made whether it is asked for or not. */
    is_value(e, WEFT_D_MEAN_BASE);
    if (!has(e, WEFT_FLAG_MEAN))
        return;
    int64_t count = word(e, WEFT_D_BATCH) * word(e, WEFT_D_OUT_CHANNELS), step = 1;
    region(e, word(e, WEFT_D_MEAN), &count, &step, 1, e->memory->arena_bytes,
           "the mean is not in the arena");
    refuse_unless(e,
                  word(e, WEFT_D_OUT_HEIGHT) * word(e, WEFT_D_OUT_WIDTH) <= WEFT_AVERAGE_COUNT_MAX,
                  "an image is too large for its mean");
    refuse_unless(e,
                  weft_engine_means_fit(e->params,
                                        word(e, WEFT_D_OUT_HEIGHT) * word(e, WEFT_D_OUT_WIDTH),
                                        word(e, WEFT_D_TILE_PIXELS), word(e, WEFT_D_TILE_CHANNELS)),
                  "more images end in a tile than a line has means for");
    is_ratio(e, word(e, WEFT_D_MEAN_MULT), word(e, WEFT_D_MEAN_SHIFT));
    is_value(e, WEFT_D_MEAN_ZERO);
    are_limits(e, WEFT_D_MEAN_MIN, false, false);
}

static void check_pool(examined *e)
{
    in_range(e, WEFT_D_COUNT_ROWS, 0, WEFT_ENGINE_COUNT_ROWS, "too many counts");
    if (e->wrong == NULL && word(e, WEFT_D_COUNT_ROWS) > 0)
        in_weights(e, WEFT_D_COUNTS, 12 * word(e, WEFT_D_COUNT_ROWS), 4,
                   "the counts are not in the weights");
    for (int64_t i = 0; e->wrong == NULL && i < word(e, WEFT_D_COUNT_ROWS); i++)
        is_ratio(e, vector_at(e, word(e, WEFT_D_COUNTS) + 12 * i + 4),
                 vector_at(e, word(e, WEFT_D_COUNTS) + 12 * i + 8));
    is_value(e, WEFT_D_Y_ZERO);
    are_limits(e, WEFT_D_Y_MIN, false, false);
}

/* Runs are counted in s32. */
static void check_runs(examined *e, int64_t depth)
{
    int64_t pixels = word(e, WEFT_D_BATCH) * word(e, WEFT_D_OUT_HEIGHT) * word(e, WEFT_D_OUT_WIDTH);
    int64_t tiles = weft_blocks(pixels, word(e, WEFT_D_TILE_PIXELS)) *
                    weft_blocks(word(e, WEFT_D_OUT_CHANNELS), word(e, WEFT_D_TILE_CHANNELS));
    refuse_unless(e,
                  tiles < ADDRESS_END &&
                      tiles * weft_blocks(depth, word(e, WEFT_D_TILE_DEPTH)) < ADDRESS_END,
                  "there are too many tiles");
}

static void check_window(examined *e, int64_t kind)
{
    check_sizes(e);
    if (e->wrong != NULL)
        return;
    int64_t depth = filter_depth(e, kind);
    refuse_unless(e, depth > 0, "channels, groups or filters do not go together");
    refuse_unless(e,
                  weft_engine_tile_fits(e->params, (int)kind, word(e, WEFT_D_TILE_PIXELS),
                                        word(e, WEFT_D_TILE_CHANNELS), word(e, WEFT_D_TILE_DEPTH)),
                  "a tile does not fit the engine");
    if (e->wrong == NULL)
        check_runs(e, depth);
    in_range(e, WEFT_D_PAD, -128, 255, "the padding value is not of 8 bits");
    if (e->wrong == NULL)
        check_input(e);
    if (e->wrong == NULL)
        check_output(e, WEFT_D_Y, WEFT_D_Y_IMAGE, true, "y is not in the arena");
    if (e->wrong == NULL && kind == WEFT_KIND_POOL)
        check_pool(e);
    else if (e->wrong == NULL)
        check_convolution(e, depth);
}

/* ---- streams ---- */

static void check_stream(examined *e, int64_t kind)
{
    bool is_sum = kind == WEFT_KIND_ADD, is_product = kind == WEFT_KIND_MUL;
    bool has_residual = is_product && has(e, WEFT_FLAG_RESIDUAL);
    check_stream_sizes(e);
    if (e->wrong != NULL)
        return;
    check_operand(e, WEFT_D_X, WEFT_D_A_STEPS, kind != WEFT_KIND_FILL, "x is not in the arena");
    check_operand(e, WEFT_D_Y, WEFT_D_Y_STEPS, true, "y is not in the arena");
    check_operand(e, WEFT_D_B, WEFT_D_B_STEPS, is_sum || is_product, "b is not in the arena");
    check_operand(e, WEFT_D_R, WEFT_D_R_STEPS, has_residual, "the residual is not in the arena");
    if (kind == WEFT_KIND_TABLE)
        in_weights(e, WEFT_D_TABLE, 256, 1, "the table is not in the weights");
    if (is_sum || has_residual)
        is_add_stage(e);
    if (!is_product)
        return;
    is_value(e, WEFT_D_A_ZERO);
    is_value(e, WEFT_D_B_ZERO);
    is_value(e, WEFT_D_R_ZERO);
    is_value(e, WEFT_D_C_ZERO);
    are_limits(e, WEFT_D_C_MIN, false, false);
    is_ratio(e, word(e, WEFT_D_PRODUCT_MULT), word(e, WEFT_D_PRODUCT_SHIFT));
}

const char *weft_descriptor_check(const uint32_t words[WEFT_D_WORDS],
                                  const weft_engine_params *params,
                                  const weft_descriptor_memory *memory)
{
    examined e = {.words = words, .params = params, .memory = memory};
    int64_t kind = word(&e, WEFT_D_KIND);
    if (kind == WEFT_KIND_END)
        return NULL;
    if (word(&e, WEFT_D_VERSION) != WEFT_D_VERSION_NOW)
        return "an unknown version";
    if (kind < 0 || kind >= WEFT_KIND_COUNT)
        return "an unknown kind";
    if (!weft_engine_has_kind(params, (int)kind))
        return "a kind that the engine does not have";
    uint64_t port = (uint64_t)params->port;
    if (memory->weights_bytes % port != 0 || memory->arena_bytes % port != 0 ||
        memory->weights_bytes > (uint64_t)ADDRESS_END ||
        memory->arena_bytes > (uint64_t)ADDRESS_END)
        return "the memories are not whole words below 2^31 bytes";
    if (kind == WEFT_KIND_MATMUL)
        weft__check_matmul(&e);
    else if (kind == WEFT_KIND_SOFTMAX || kind == WEFT_KIND_LAYER_NORM)
        weft__check_rows(&e);
    else if (weft_engine_has_tiles((int)kind))
        check_window(&e, kind);
    else
        check_stream(&e, kind);
    return e.wrong;
}
