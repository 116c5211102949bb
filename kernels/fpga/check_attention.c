/* SPDX-License-Identifier: Apache-2.0 */
/* MATMUL, SOFTMAX and LAYER_NORM: see check.h. */
#include "kernels/fpga/check_internal.h"
#include "kernels/include/weft_int_row.h"

/* Entries of a vector of s32 in the weights. */
static void are_within(examined *e, int index, int64_t count, int64_t low, int64_t high,
                       const char *absent, const char *wrong)
{
    in_weights(e, index, 4 * count, 4, absent);
    for (int64_t i = 0; i < count && e->wrong == NULL; i++) {
        int64_t entry = vector_at(e, word(e, index) + 4 * i);
        refuse_unless(e, entry >= low && entry <= high, wrong);
    }
}

/* Numbers of the softmax of rows. The first exponential is 1, so no sum is 0. */
static void check_softmax(examined *e, int64_t length)
{
    const int64_t one = WEFT_EXP_ONE;
    refuse_unless(e, length <= WEFT_SOFTMAX_MAX, "a row is too long");
    are_within(e, WEFT_D_EXPS, WEFT_ENGINE_EXPS, 0, one, "the exponentials are not in the weights",
               "an exponential is out of range");
    refuse_unless(e, e->wrong != NULL || vector_at(e, word(e, WEFT_D_EXPS)) == one,
                  "the first exponential is not 1");
    in_range(e, WEFT_D_ROW_MULT, 0, WEFT_MULT_MAX, "a multiplier is out of range");
    in_range(e, WEFT_D_ROW_SHIFT, WEFT_SHIFT_MIN, WEFT_SOFTMAX_SHIFT_MAX,
             "a shift is out of range");
    is_value(e, WEFT_D_Y_ZERO);
    are_limits(e, WEFT_D_Y_MIN, false, false);
}

static void check_layer_norm(examined *e, int64_t length)
{
    refuse_unless(e, length <= WEFT_ROW_MAX, "a row is too long");
    are_within(e, WEFT_D_MULT, length, -WEFT_MULT_MAX, WEFT_MULT_MAX,
               "the scales are not in the weights", "a scale is out of range");
    are_within(e, WEFT_D_BIAS, length, -(1 << WEFT_BETA_BITS), 1 << WEFT_BETA_BITS,
               "the biases are not in the weights", "a bias is out of range");
    in_range(e, WEFT_D_ROW_SHIFT, WEFT_SHIFT_MIN, WEFT_SHIFT_MAX, "a shift is out of range");
    in_range(e, WEFT_D_BETA_SHIFT, 0, WEFT_BETA_SHIFT_MAX, "the shift of a bias is out of range");
    uint64_t epsilon = (uint64_t)e->words[WEFT_D_EPSILON_HIGH] << 32 | e->words[WEFT_D_EPSILON_LOW];
    refuse_unless(e, epsilon <= (uint64_t)WEFT_SPREAD_EPSILON_MAX, "epsilon is out of range");
    is_value(e, WEFT_D_Y_ZERO);
    are_limits(e, WEFT_D_Y_MIN, false, false);
}

void weft__check_rows(examined *e)
{
    check_stream_sizes(e);
    if (e->wrong != NULL)
        return;
    int64_t length = word(e, WEFT_D_SIZES + WEFT_D_DIMS - 1);
    refuse_unless(e, weft_round_up(length, e->params->lanes) <= e->params->line,
                  "a row is longer than a line");
    check_operand(e, WEFT_D_X, WEFT_D_A_STEPS, true, "x is not in the arena");
    check_operand(e, WEFT_D_Y, WEFT_D_Y_STEPS, true, "y is not in the arena");
    check_operand(e, WEFT_D_B, WEFT_D_B_STEPS, false, "b does not exist");
    if (word(e, WEFT_D_KIND) == WEFT_KIND_SOFTMAX)
        check_softmax(e, length);
    else
        check_layer_norm(e, length);
}

/* ---- MATMUL ---- */

/* A window of one element, as large as the matrix. */
static void check_shape(examined *e)
{
    static const int ones[] = {WEFT_D_IN_HEIGHT,    WEFT_D_OUT_HEIGHT, WEFT_D_KERNEL_HEIGHT,
                               WEFT_D_KERNEL_WIDTH, WEFT_D_STRIDE_Y,   WEFT_D_STRIDE_X,
                               WEFT_D_DILATION_Y,   WEFT_D_DILATION_X};
    for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++)
        in_range(e, ones[i], 1, 1, "a product of matrices is no window");
    in_range(e, WEFT_D_PAD_TOP, 0, 0, "a product of matrices is no window");
    in_range(e, WEFT_D_PAD_LEFT, 0, 0, "a product of matrices is no window");
    in_range(e, WEFT_D_IN_WIDTH, word(e, WEFT_D_OUT_WIDTH), word(e, WEFT_D_OUT_WIDTH),
             "the matrices do not go together");
    static const int sizes[] = {WEFT_D_BATCH, WEFT_D_HEADS, WEFT_D_OUT_WIDTH, WEFT_D_IN_CHANNELS,
                                WEFT_D_OUT_CHANNELS};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        in_range(e, sizes[i], 1, SIZE_MAX_ELEMS, "a size is out of range");
    refuse_unless(e, word(e, WEFT_D_BATCH) * word(e, WEFT_D_HEADS) <= SIZE_MAX_ELEMS,
                  "there are too many matrices");
    in_range(e, WEFT_D_B_SHARE, 1, SIZE_MAX_ELEMS, "heads cannot be shared out evenly");
    refuse_unless(e, e->wrong != NULL || word(e, WEFT_D_HEADS) % word(e, WEFT_D_B_SHARE) == 0,
                  "heads cannot be shared out evenly");
}

static void check_matrices(examined *e)
{
    int64_t batch = word(e, WEFT_D_BATCH), heads = word(e, WEFT_D_HEADS),
            rows = word(e, WEFT_D_OUT_WIDTH), depth = word(e, WEFT_D_IN_CHANNELS),
            columns = word(e, WEFT_D_OUT_CHANNELS);
    const int64_t x_sizes[4] = {batch, heads, rows, depth},
                  x_steps[4] = {word(e, WEFT_D_X_IMAGE), word(e, WEFT_D_X_HEAD),
                                word(e, WEFT_D_X_PIXEL), word(e, WEFT_D_X_CHANNEL)};
    const int64_t b_sizes[4] = {batch, heads / word(e, WEFT_D_B_SHARE), depth, columns},
                  b_steps[4] = {word(e, WEFT_D_B_IMAGE), word(e, WEFT_D_B_HEAD),
                                word(e, WEFT_D_B_DEPTH), word(e, WEFT_D_B_COLUMN)};
    const int64_t y_sizes[4] = {batch, heads, rows, columns},
                  y_steps[4] = {word(e, WEFT_D_Y_IMAGE), word(e, WEFT_D_Y_HEAD),
                                word(e, WEFT_D_Y_PIXEL), 1};
    region(e, word(e, WEFT_D_X), x_sizes, x_steps, 4, e->memory->arena_bytes,
           "x is not in the arena");
    region(e, word(e, WEFT_D_B), b_sizes, b_steps, 4, e->memory->arena_bytes,
           "b is not in the arena");
    region(e, word(e, WEFT_D_Y), y_sizes, y_steps, 4, e->memory->arena_bytes,
           "y is not in the arena");
    refuse_unless(e, b_steps[2] == 1 || b_steps[3] == 1, "b has neither rows nor columns");
}

static void check_tiles(examined *e)
{
    int64_t channels = word(e, WEFT_D_TILE_CHANNELS), columns = word(e, WEFT_D_OUT_CHANNELS);
    refuse_unless(e,
                  weft_engine_tile_fits(e->params, WEFT_KIND_MATMUL, word(e, WEFT_D_TILE_PIXELS),
                                        channels, word(e, WEFT_D_TILE_DEPTH)),
                  "a tile does not fit the engine");
    if (e->wrong != NULL)
        return;
    /* Runs are counted in s32. */
    int64_t tiles = weft_blocks(word(e, WEFT_D_OUT_WIDTH), word(e, WEFT_D_TILE_PIXELS)) *
                    weft_blocks(columns, channels);
    int64_t pieces = weft_blocks(word(e, WEFT_D_IN_CHANNELS), word(e, WEFT_D_TILE_DEPTH));
    int64_t matrices = word(e, WEFT_D_BATCH) * word(e, WEFT_D_HEADS);
    refuse_unless(e,
                  tiles < ADDRESS_END && tiles * pieces < ADDRESS_END &&
                      tiles * pieces * matrices < ADDRESS_END,
                  "there are too many tiles");
    refuse_unless(e, !has(e, WEFT_FLAG_SOFTMAX) || channels >= columns,
                  "a tile has a part of a row of the softmax");
}

void weft__check_matmul(examined *e)
{
    check_shape(e);
    if (e->wrong == NULL)
        check_tiles(e);
    if (e->wrong == NULL)
        check_matrices(e);
    bool has_table = has(e, WEFT_FLAG_TABLE), c_signed = has(e, WEFT_FLAG_C_SIGNED);
    in_range(e, WEFT_D_PAD, -128, 127, "a zero point is not of 8 bits");
    in_range(e, WEFT_D_B_ZERO, -128, 127, "a zero point is not of 8 bits");
    is_ratio(e, word(e, WEFT_D_SUM_MULT), word(e, WEFT_D_SUM_SHIFT));
    is_value(e, WEFT_D_C_ZERO);
    are_limits(e, WEFT_D_C_MIN, has_table && c_signed, has_table && !c_signed);
    if (has_table)
        in_weights(e, WEFT_D_TABLE, 256, 1, "the table is not in the weights");
    if (!has(e, WEFT_FLAG_SOFTMAX))
        return;
    refuse_unless(e, e->params->norms != 0, "a softmax that the engine does not have");
    check_softmax(e, word(e, WEFT_D_OUT_CHANNELS));
}
