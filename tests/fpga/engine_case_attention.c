/* SPDX-License-Identifier: Apache-2.0 */
/* Random products of two activations, softmaxes and LayerNorms: see engine_case.h. */
#include "kernels/include/weft_int_rows.h"
#include "tests/fpga/engine_layout.h"

/* Numbers of the rows' own stage; LAYER_NORM: with any epsilon. */
static void put_row_stage(struct layout *l, int is_softmax, int y_signed)
{
    put(l, WEFT_D_Y_ZERO, chance(l->d, 70) ? (y_signed ? -128 : 0) : value_of(l->d, y_signed));
    put_limits(l, WEFT_D_Y_MIN, y_signed);
    if (is_softmax) { /* results of 2^-8, or any */
        put(l, WEFT_D_EXPS, place_words(l, WEFT_ENGINE_EXPS));
        put(l, WEFT_D_ROW_MULT, draw_mult(l->d));
        put(l, WEFT_D_ROW_SHIFT,
            chance(l->d, 80) ? draw_in(l->d, 13, 15) : draw_in(l->d, 1, WEFT_SOFTMAX_SHIFT_MAX));
        return;
    }
    int64_t epsilon =
        chance(l->d, 50) ? draw_in(l->d, 0, 1 << 20) : draw_edgy(l->d, 0, WEFT_SPREAD_EPSILON_MAX);
    put(l, WEFT_D_EPSILON_LOW, (int32_t)(uint32_t)epsilon);
    put(l, WEFT_D_EPSILON_HIGH, epsilon >> 32);
    put(l, WEFT_D_BETA_SHIFT, draw_edgy(l->d, 0, WEFT_BETA_SHIFT_MAX));
    put(l, WEFT_D_ROW_SHIFT,
        chance(l->d, 80) ? draw_in(l->d, 30, 38) : draw_in(l->d, 1, WEFT_SHIFT_MAX));
    put(l, WEFT_D_MULT, place_words(l, get(l, WEFT_D_SIZES + WEFT_D_DIMS - 1)));
    put(l, WEFT_D_BIAS, place_words(l, get(l, WEFT_D_SIZES + WEFT_D_DIMS - 1)));
}

/* ---- MATMUL ---- */

/* Matrices of an operand: rows of `inner` elements, heads beside one another in a row or one behind
 * the other. */
struct matrices {
    int64_t images, heads, rows, inner;
    int64_t image_step, head_step, row_step;
};

static int64_t place_matrices(struct layout *l, struct matrices *m)
{
    int64_t gap = chance(l->d, 50) ? draw_in(l->d, 0, 3) : 0, first = draw_in(l->d, 0, 2);
    if (chance(l->d, 60)) {
        m->head_step = m->inner + gap;
        m->row_step = m->heads * m->head_step + (chance(l->d, 30) ? draw_in(l->d, 0, 2) : 0);
        m->image_step = m->rows * m->row_step;
    } else {
        m->row_step = m->inner + gap;
        m->head_step = m->rows * m->row_step;
        m->image_step = m->heads * m->head_step;
    }
    return place(l, &l->arena, m->images * m->image_step + first) + first;
}

static void put_b(struct layout *l)
{
    int64_t heads = get(l, WEFT_D_HEADS), share = 1;
    if (chance(l->d, 30))
        do
            share = draw_in(l->d, 1, heads);
        while (heads % share != 0);
    int is_rows = chance(l->d, 50);
    int64_t depth = get(l, WEFT_D_IN_CHANNELS), columns = get(l, WEFT_D_OUT_CHANNELS);
    struct matrices b = {.images = get(l, WEFT_D_BATCH),
                         .heads = heads / share,
                         .rows = is_rows ? depth : columns,
                         .inner = is_rows ? columns : depth};
    put(l, WEFT_D_B, place_matrices(l, &b));
    put(l, WEFT_D_B_SHARE, share);
    put(l, WEFT_D_B_IMAGE, b.image_step);
    put(l, WEFT_D_B_HEAD, b.head_step);
    put(l, WEFT_D_B_DEPTH, is_rows ? b.row_step : 1);
    put(l, WEFT_D_B_COLUMN, is_rows ? 1 : b.row_step);
}

static int put_matrix_tile(struct layout *l, const weft_engine_params *p, int is_whole)
{
    int64_t rows = get(l, WEFT_D_OUT_WIDTH), columns = get(l, WEFT_D_OUT_CHANNELS),
            depth = round_up(get(l, WEFT_D_IN_CHANNELS), p->simd);
    for (int i = 0; i < 200; i++) {
        int64_t pixels = draw_in(l->d, 1, rows + 1),
                channels = is_whole ? columns : draw_in(l->d, 1, columns + 1),
                d = p->simd * draw_in(l->d, 1, depth / p->simd + 1);
        if (!weft_engine_tile_fits(p, WEFT_KIND_MATMUL, pixels, channels, d))
            continue;
        put(l, WEFT_D_TILE_PIXELS, pixels);
        put(l, WEFT_D_TILE_CHANNELS, channels);
        put(l, WEFT_D_TILE_DEPTH, d);
        return 1;
    }
    return 0;
}

void engine_lay_out_matmul(struct layout *l, const weft_engine_params *params)
{
    static const int ones[] = {WEFT_D_IN_HEIGHT,    WEFT_D_OUT_HEIGHT, WEFT_D_KERNEL_HEIGHT,
                               WEFT_D_KERNEL_WIDTH, WEFT_D_STRIDE_Y,   WEFT_D_STRIDE_X,
                               WEFT_D_DILATION_Y,   WEFT_D_DILATION_X};
    int is_softmax = params->norms != 0 && draw_flag(l, WEFT_FLAG_SOFTMAX);
    for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++)
        put(l, ones[i], 1);
    put(l, WEFT_D_BATCH, draw_in(l->d, 1, 3));
    put(l, WEFT_D_HEADS, draw_in(l->d, 1, 4));
    do {
        put(l, WEFT_D_OUT_WIDTH, draw_in(l->d, 1, chance(l->d, 20) ? 40 : 9));
        put(l, WEFT_D_IN_CHANNELS, draw_in(l->d, 1, chance(l->d, 20) ? 60 : 20));
        put(l, WEFT_D_OUT_CHANNELS, draw_in(l->d, 1, chance(l->d, 20) ? 60 : 20));
    } while (!put_matrix_tile(l, params, is_softmax));
    put(l, WEFT_D_IN_WIDTH, get(l, WEFT_D_OUT_WIDTH));
    struct matrices x = {.images = get(l, WEFT_D_BATCH),
                         .heads = get(l, WEFT_D_HEADS),
                         .rows = get(l, WEFT_D_OUT_WIDTH),
                         .inner = get(l, WEFT_D_IN_CHANNELS)};
    struct matrices y = x;
    put(l, WEFT_D_X, place_matrices(l, &x));
    put(l, WEFT_D_X_IMAGE, x.image_step);
    put(l, WEFT_D_X_HEAD, x.head_step);
    put(l, WEFT_D_X_ROW, x.row_step * x.rows);
    put(l, WEFT_D_X_PIXEL, x.row_step);
    put(l, WEFT_D_X_CHANNEL, 1);
    put_b(l);
    y.inner = get(l, WEFT_D_OUT_CHANNELS);
    put(l, WEFT_D_Y, place_matrices(l, &y));
    put(l, WEFT_D_Y_IMAGE, y.image_step);
    put(l, WEFT_D_Y_HEAD, y.head_step);
    put(l, WEFT_D_Y_PIXEL, y.row_step);
    int x_signed = draw_flag(l, WEFT_FLAG_X_SIGNED), b_signed = draw_flag(l, WEFT_FLAG_B_SIGNED);
    int c_signed = draw_flag(l, WEFT_FLAG_C_SIGNED);
    draw_flag(l, WEFT_FLAG_T_SIGNED);
    put(l, WEFT_D_PAD, value_of(l->d, x_signed) - (x_signed ? 0 : 128));
    put(l, WEFT_D_B_ZERO, value_of(l->d, b_signed) - (b_signed ? 0 : 128));
    put(l, WEFT_D_SUM_MULT, draw_mult(l->d));
    put(l, WEFT_D_SUM_SHIFT, draw_shift(l->d, get(l, WEFT_D_IN_CHANNELS)));
    put(l, WEFT_D_C_ZERO, value_of(l->d, c_signed));
    put_limits(l, WEFT_D_C_MIN, c_signed);
    if (draw_flag(l, WEFT_FLAG_TABLE))
        put(l, WEFT_D_TABLE, place(l, &l->weights, 256));
    if (is_softmax)
        put_row_stage(l, 1, chance(l->d, 50));
}

/* ---- SOFTMAX, LAYER_NORM ---- */

/* Steps of x or y: dense rows or with gaps, dimensions in any order, sometimes not contiguous. */
static void put_rows(struct layout *l, int offset, int steps)
{
    int64_t step = 1;
    int order[WEFT_D_DIMS] = {5, 4, 3, 2, 1, 0};
    if (chance(l->d, 20)) {
        int other = (int)draw_in(l->d, 1, WEFT_D_DIMS - 1), first = order[0];
        order[0] = order[other];
        order[other] = first;
    }
    for (int i = 0; i < WEFT_D_DIMS; i++) {
        put(l, steps + order[i], step);
        step =
            step * get(l, WEFT_D_SIZES + order[i]) + (chance(l->d, 15) ? draw_in(l->d, 0, 2) : 0);
    }
    put(l, offset, place(l, &l->arena, step));
}

void engine_lay_out_rows(struct layout *l, int kind, const weft_engine_params *params)
{
    for (int i = 0; i < WEFT_D_DIMS; i++)
        put(l, WEFT_D_SIZES + i, draw_in(l->d, 1, 3));
    put(l, WEFT_D_SIZES + WEFT_D_DIMS - 1,
        draw_in(l->d, 1, chance(l->d, 50) || params->line < 20 ? params->line : 20));
    put_rows(l, WEFT_D_X, WEFT_D_A_STEPS);
    put_rows(l, WEFT_D_Y, WEFT_D_Y_STEPS);
    draw_flag(l, WEFT_FLAG_X_SIGNED);
    put_row_stage(l, kind == WEFT_KIND_SOFTMAX, chance(l->d, 50));
    if (chance(l->d, 20)) { /* in place */
        put(l, WEFT_D_Y, get(l, WEFT_D_X));
        for (int i = 0; i < WEFT_D_DIMS; i++)
            put(l, WEFT_D_Y_STEPS + i, get(l, WEFT_D_A_STEPS + i));
    }
}

/* ---- contents ---- */

void engine_fill_rows(struct layout *l, int kind, struct engine_case *c)
{
    int is_softmax = kind == WEFT_KIND_SOFTMAX ||
                     (kind == WEFT_KIND_MATMUL && (l->w[WEFT_D_FLAGS] & WEFT_FLAG_SOFTMAX) != 0);
    int64_t value = 1 << WEFT_EXP_BITS, slope = draw_in(l->d, 1, 255);
    for (int64_t i = 0; i < WEFT_ENGINE_EXPS && is_softmax; i++) {
        put_s32(c->weights, get(l, WEFT_D_EXPS) + 4 * i, (int32_t)value);
        value = value * slope / 256;
    }
    int32_t length = get(l, WEFT_D_SIZES + WEFT_D_DIMS - 1);
    for (int32_t i = 0; i < length && kind == WEFT_KIND_LAYER_NORM; i++) {
        put_s32(c->weights, get(l, WEFT_D_MULT) + 4 * i,
                (int32_t)draw_edgy(l->d, -WEFT_MULT_MAX, WEFT_MULT_MAX));
        put_s32(c->weights, get(l, WEFT_D_BIAS) + 4 * i,
                (int32_t)draw_edgy(l->d, -(1 << WEFT_BETA_BITS), 1 << WEFT_BETA_BITS));
    }
}
