/* SPDX-License-Identifier: Apache-2.0 */
/* Random operands and options of 8-bit operators, and their rounding by rint() of doubles, which is
 * exact here (products have at most 53 bits). Shares no rule text with the kernels. Multipliers and
 * shifts come at their limits too. */
#ifndef WEFT_TESTS_REF_QUANT_DRAW_H
#define WEFT_TESTS_REF_QUANT_DRAW_H

#include <math.h>

#include "tests/ref/ref_call.h"

enum { CASES = 10000, MULT_MAX = 1 << 22, ADD_MULT_MAX = 1 << 21 };

static inline int32_t between(int32_t low, int32_t high)
{
    return (int32_t)((int64_t)low + ref_random((uint32_t)((int64_t)high - low + 1)));
}

static inline weft_dtype draw_dtype(void)
{
    return ref_random(2) ? WEFT_DTYPE_U8 : WEFT_DTYPE_I8;
}

static inline int32_t least(weft_dtype dtype)
{
    return dtype == WEFT_DTYPE_U8 ? 0 : -128;
}

static inline int32_t get8(const weft_tensor *tensor, int64_t i)
{
    const uint8_t byte = ((const uint8_t *)tensor->data)[i];
    return tensor->dtype == WEFT_DTYPE_I8 && byte > 127 ? byte - 256 : byte;
}

static inline int64_t elems_of(const weft_shape *shape)
{
    int64_t elems = 1;
    for (int d = 0; d < shape->rank; d++)
        elems *= shape->dims[d];
    return elems;
}

/* Random bytes; now and then all of them at one limit, where sums are largest. */
static inline weft_tensor *tensor8(weft_arena *arena, weft_dtype dtype, weft_shape shape)
{
    weft_tensor *tensor = ref_tensor_of(arena, dtype, &shape, NULL);
    const uint32_t kind = ref_random(8), limit = ref_random(2) ? 255 : 128;
    for (int64_t i = 0; i < elems_of(&shape); i++)
        ((uint8_t *)tensor->data)[i] = (uint8_t)(kind == 0 ? limit : ref_random(256));
    return tensor;
}

static inline weft_shape shape4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (weft_shape){.rank = 4, .dims = {a, b, c, d}};
}

static inline void set_int(weft_attrs *attrs, weft_arena *arena, const char *name, int32_t value)
{
    weft_attrs_set_int(attrs, arena, name, value);
}

static inline const char *name_of(weft_dtype dtype)
{
    return dtype == WEFT_DTYPE_U8 ? "u8" : "i8";
}

/* Multiplier and shift, as likely as not at an end of their range. */
typedef struct ratio {
    int32_t mult, shift;
} ratio;

static inline ratio draw_ratio(int32_t mult_max, int32_t shift_max)
{
    ratio r = {between(mult_max / 2, mult_max), between(1, shift_max)};
    if (ref_random(4) == 0)
        r.mult = ref_random(2) ? mult_max : between(0, 3);
    return r;
}

/* zero, min and max of one result, set as attributes of these names. */
typedef struct stage {
    int32_t zero, low, high;
} stage;

static inline stage draw_stage(weft_attrs *attrs, weft_arena *arena, weft_dtype dtype,
                               const char *prefix)
{
    const int32_t low = least(dtype);
    stage s = {between(low, low + 255), low, low + 255};
    set_int(attrs, arena, weft_arena_printf(arena, "%s_zero", prefix), s.zero);
    if (ref_random(2)) {
        s.low = between(low, low + 255);
        s.high = between(s.low, low + 255);
        set_int(attrs, arena, weft_arena_printf(arena, "%s_min", prefix), s.low);
        set_int(attrs, arena, weft_arena_printf(arena, "%s_max", prefix), s.high);
    }
    return s;
}

static inline int32_t finish(double scaled, stage s)
{
    return (int32_t)fmin(fmax(rint(scaled) + s.zero, s.low), s.high);
}

static inline double scale_of(ratio r)
{
    return ldexp(r.mult, -r.shift);
}

/* The add stage, its operands' attributes named by prefix. */
typedef struct sum {
    int32_t a_zero, b_zero, a_mult, b_mult, shift;
    stage y;
} sum;

static inline sum draw_sum(weft_attrs *attrs, weft_arena *arena, const char *a_mult,
                           const char *b_mult, const char *shift, weft_dtype y)
{
    const ratio a = draw_ratio(ADD_MULT_MAX, 30), b = draw_ratio(ADD_MULT_MAX, 30);
    sum s = {.a_mult = a.mult, .b_mult = b.mult, .shift = a.shift};
    set_int(attrs, arena, a_mult, s.a_mult);
    set_int(attrs, arena, b_mult, s.b_mult);
    set_int(attrs, arena, shift, s.shift);
    s.y = draw_stage(attrs, arena, y, "y");
    return s;
}

static inline int32_t draw_zero(weft_attrs *attrs, weft_arena *arena, const char *name,
                                weft_dtype dtype)
{
    const int32_t zero = between(least(dtype), least(dtype) + 255);
    set_int(attrs, arena, name, zero);
    return zero;
}

static inline int32_t add(const sum *s, int32_t a, int32_t b)
{
    const double exact = (double)(a - s->a_zero) * s->a_mult + (double)(b - s->b_zero) * s->b_mult;
    return finish(ldexp(exact, -s->shift), s->y);
}

static inline void set_pair(weft_attrs *attrs, weft_arena *arena, const char *name,
                            const int32_t *pair, size_t count)
{
    int64_t wide[4];
    for (size_t i = 0; i < count; i++)
        wide[i] = pair[i];
    weft_attrs_set_ints(attrs, arena, name, wide, count);
}

#endif
