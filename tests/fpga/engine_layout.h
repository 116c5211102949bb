/* SPDX-License-Identifier: Apache-2.0 */
/* How a random case is laid out: words of the descriptor, places in both memories. Shared by the
 * files engine_case*.c only. */
#ifndef WEFT_TESTS_FPGA_ENGINE_LAYOUT_H
#define WEFT_TESTS_FPGA_ENGINE_LAYOUT_H

#include "kernels/include/weft_int.h"
#include "tests/fpga/engine_case.h"

/* Both memories grow while a case is laid out. */
struct layout {
    draw *d;
    uint32_t *w;
    int64_t arena, weights;
    int64_t port;
};

static inline int64_t round_up(int64_t value, int64_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

static inline int chance(draw *d, int percent)
{
    return draw_in(d, 0, 99) < percent;
}

static inline int32_t between(draw *d, int64_t low, int64_t high)
{
    return (int32_t)draw_in(d, low, high);
}

static inline void put(struct layout *l, int word, int64_t value)
{
    l->w[word] = (uint32_t)value;
}

static inline int32_t get(const struct layout *l, int word)
{
    return (int32_t)l->w[word];
}

/* Places `bytes` behind a gap; the offset. */
static inline int64_t place(struct layout *l, int64_t *memory, int64_t bytes)
{
    *memory += draw_in(l->d, 0, 3);
    if (chance(l->d, 50))
        *memory = round_up(*memory, chance(l->d, 50) ? 8 : l->port);
    int64_t at = *memory;
    *memory += bytes;
    return at;
}

/* A vector of s32. */
static inline int64_t place_words(struct layout *l, int64_t count)
{
    l->weights = round_up(l->weights + draw_in(l->d, 0, 3), 4);
    int64_t at = l->weights;
    l->weights += 4 * count;
    return at;
}

static inline int32_t value_of(draw *d, int is_signed)
{
    int32_t low = is_signed ? -128 : 0;
    return (int32_t)draw_edgy(d, low, low + 255);
}

/* Limits within a type, the type's own half of the time. */
static inline void put_limits(struct layout *l, int low_word, int is_signed)
{
    int32_t low = is_signed ? -128 : 0, high = low + 255;
    if (chance(l->d, 50)) {
        low = between(l->d, low, high);
        high = between(l->d, low, high);
    }
    put(l, low_word, low);
    put(l, low_word + 1, high);
}

static inline int32_t draw_mult(draw *d)
{
    return chance(d, 80) ? between(d, WEFT_MULT_MAX / 2, WEFT_MULT_MAX)
                         : (int32_t)draw_edgy(d, 0, WEFT_MULT_MAX);
}

/* A shift that brings sums of `depth` products near 8 bits, or any. */
static inline int32_t draw_shift(draw *d, int64_t depth)
{
    int bits = 20;
    while (depth >>= 1)
        bits++;
    return chance(d, 80) ? between(d, bits, bits + 10)
                         : (int32_t)draw_edgy(d, WEFT_SHIFT_MIN, WEFT_SHIFT_MAX);
}

static inline void put_add_stage(struct layout *l, int a_signed, int b_signed, int y_signed)
{
    put(l, WEFT_D_A_ZERO, value_of(l->d, a_signed));
    put(l, WEFT_D_A_MULT, draw_edgy(l->d, 0, WEFT_ADD_MULT_MAX));
    put(l, WEFT_D_B_ZERO, value_of(l->d, b_signed));
    put(l, WEFT_D_B_MULT, draw_edgy(l->d, 0, WEFT_ADD_MULT_MAX));
    put(l, WEFT_D_ADD_SHIFT,
        chance(l->d, 80) ? draw_in(l->d, 17, 23) : draw_in(l->d, 1, WEFT_ADD_SHIFT_MAX));
    put(l, WEFT_D_Y_ZERO, value_of(l->d, y_signed));
    put_limits(l, WEFT_D_Y_MIN, y_signed);
}

static inline int draw_flag(struct layout *l, int flag)
{
    int is_set = chance(l->d, 50);
    if (is_set)
        l->w[WEFT_D_FLAGS] |= (uint32_t)flag;
    return is_set;
}

static inline void put_s32(uint8_t *memory, int64_t at, int32_t value)
{
    for (int i = 0; i < 4; i++)
        memory[at + i] = (uint8_t)((uint32_t)value >> (8 * i));
}

/* engine_case_attention.c: MATMUL, SOFTMAX and LAYER_NORM; then their vectors. */
void engine_lay_out_matmul(struct layout *l, const weft_engine_params *params);
void engine_lay_out_rows(struct layout *l, int kind, const weft_engine_params *params);
void engine_fill_rows(struct layout *l, int kind, struct engine_case *c);

#endif
