/* SPDX-License-Identifier: Apache-2.0 */
/* What MATMUL, SOFTMAX and LAYER_NORM mean, by loops over their definition and the rules of
 * kernels/include for whole rows. Shares nothing with the engine but the names of the words. */
#include <stdlib.h>

#include "kernels/include/weft_int_rows.h"
#include "tests/fpga/engine_case.h"

enum { ROW_MAX = 4096 };

static int32_t word(const struct engine_case *c, int index)
{
    return (int32_t)c->program[index];
}

static int has(const struct engine_case *c, int flag)
{
    return (word(c, WEFT_D_FLAGS) & flag) != 0;
}

static void copy_s32(const struct engine_case *c, int offset, int count, int32_t *out)
{
    for (int i = 0; i < count; i++) {
        const uint8_t *at = c->weights + word(c, offset) + 4 * (int64_t)i;
        out[i] = (int32_t)((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                           (uint32_t)at[3] << 24);
    }
}

/* A row of bytes through the softmax or the LayerNorm. */
static void pass_row(const struct engine_case *c, uint8_t *row, int count, int is_signed)
{
    int32_t zero = word(c, WEFT_D_Y_ZERO), low = word(c, WEFT_D_Y_MIN),
            high = word(c, WEFT_D_Y_MAX), shift = word(c, WEFT_D_ROW_SHIFT);
    if (word(c, WEFT_D_KIND) != WEFT_KIND_LAYER_NORM) {
        uint32_t exps[WEFT_ENGINE_EXPS];
        copy_s32(c, WEFT_D_EXPS, WEFT_ENGINE_EXPS, (int32_t *)exps);
        weft_softmax_row(row, row, count, 1, is_signed, exps, word(c, WEFT_D_ROW_MULT), shift, zero,
                         low, high);
        return;
    }
    static int32_t gamma[ROW_MAX], beta[ROW_MAX];
    int64_t epsilon =
        (int64_t)((uint64_t)c->program[WEFT_D_EPSILON_HIGH] << 32 | c->program[WEFT_D_EPSILON_LOW]);
    copy_s32(c, WEFT_D_MULT, count, gamma);
    copy_s32(c, WEFT_D_BIAS, count, beta);
    weft_layer_norm_row(row, row, count, 1, is_signed, epsilon, gamma, beta,
                        word(c, WEFT_D_BETA_SHIFT), shift, zero, low, high);
}

/* ---- MATMUL ---- */

/* Offsets of matrix (n, h) in x, b, y. */
struct matrix {
    int64_t x, b, y;
};

static int32_t multiply(const struct engine_case *c, struct matrix m, int p, int o)
{
    int x_signed = has(c, WEFT_FLAG_X_SIGNED), b_signed = has(c, WEFT_FLAG_B_SIGNED);
    int32_t x_zero = word(c, WEFT_D_PAD) + (x_signed ? 0 : 128);
    int32_t b_zero = word(c, WEFT_D_B_ZERO) + (b_signed ? 0 : 128);
    int64_t sum = 0;
    for (int64_t i = 0; i < word(c, WEFT_D_IN_CHANNELS); i++) {
        int64_t x_at = m.x + (int64_t)p * word(c, WEFT_D_X_PIXEL) + i * word(c, WEFT_D_X_CHANNEL);
        int64_t b_at = m.b + i * word(c, WEFT_D_B_DEPTH) + (int64_t)o * word(c, WEFT_D_B_COLUMN);
        sum += (int64_t)(weft_byte_value(c->arena[x_at], x_signed) - x_zero) *
               (weft_byte_value(c->arena[b_at], b_signed) - b_zero);
    }
    int32_t value =
        weft_requantise((int32_t)sum, word(c, WEFT_D_SUM_MULT), word(c, WEFT_D_SUM_SHIFT),
                        word(c, WEFT_D_C_ZERO), word(c, WEFT_D_C_MIN), word(c, WEFT_D_C_MAX));
    if (!has(c, WEFT_FLAG_TABLE))
        return value;
    int32_t index = weft_table_index(value, has(c, WEFT_FLAG_C_SIGNED));
    return weft_byte_value(c->weights[word(c, WEFT_D_TABLE) + index], has(c, WEFT_FLAG_T_SIGNED));
}

static void run_matrix(struct engine_case *c, struct matrix m)
{
    int columns = word(c, WEFT_D_OUT_CHANNELS);
    int is_signed = has(c, has(c, WEFT_FLAG_TABLE) ? WEFT_FLAG_T_SIGNED : WEFT_FLAG_C_SIGNED);
    for (int p = 0; p < word(c, WEFT_D_OUT_WIDTH); p++) {
        uint8_t *row = c->expected + m.y + (int64_t)p * word(c, WEFT_D_Y_PIXEL);
        for (int o = 0; o < columns; o++)
            row[o] = weft_byte_of(multiply(c, m, p, o));
        if (has(c, WEFT_FLAG_SOFTMAX))
            pass_row(c, row, columns, is_signed);
    }
}

static void run_matrices(struct engine_case *c)
{
    for (int64_t n = 0; n < word(c, WEFT_D_BATCH); n++)
        for (int64_t h = 0; h < word(c, WEFT_D_HEADS); h++)
            run_matrix(c, (struct matrix){word(c, WEFT_D_X) + n * word(c, WEFT_D_X_IMAGE) +
                                              h * word(c, WEFT_D_X_HEAD),
                                          word(c, WEFT_D_B) + n * word(c, WEFT_D_B_IMAGE) +
                                              h / word(c, WEFT_D_B_SHARE) * word(c, WEFT_D_B_HEAD),
                                          word(c, WEFT_D_Y) + n * word(c, WEFT_D_Y_IMAGE) +
                                              h * word(c, WEFT_D_Y_HEAD)});
}

/* ---- SOFTMAX, LAYER_NORM ---- */

static void run_rows(struct engine_case *c)
{
    enum { INNER = WEFT_D_DIMS - 1 };
    static uint8_t row[ROW_MAX];
    int64_t rows = 1, length = word(c, WEFT_D_SIZES + INNER);
    for (int i = 0; i < INNER; i++)
        rows *= word(c, WEFT_D_SIZES + i);
    for (int64_t r = 0; r < rows; r++) {
        int64_t rest = r, x = word(c, WEFT_D_X), y = word(c, WEFT_D_Y);
        for (int i = INNER - 1; i >= 0; i--) {
            x += rest % word(c, WEFT_D_SIZES + i) * word(c, WEFT_D_A_STEPS + i);
            y += rest % word(c, WEFT_D_SIZES + i) * word(c, WEFT_D_Y_STEPS + i);
            rest /= word(c, WEFT_D_SIZES + i);
        }
        for (int64_t i = 0; i < length; i++)
            row[i] = c->arena[x + i * word(c, WEFT_D_A_STEPS + INNER)];
        pass_row(c, row, (int)length, has(c, WEFT_FLAG_X_SIGNED));
        for (int64_t i = 0; i < length; i++)
            c->expected[y + i * word(c, WEFT_D_Y_STEPS + INNER)] = row[i];
    }
}

void engine_naive_attention(struct engine_case *c)
{
    if (word(c, WEFT_D_KIND) == WEFT_KIND_MATMUL)
        run_matrices(c);
    else
        run_rows(c);
}
