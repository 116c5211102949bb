/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QTokenConv against a second formulation: each element of the grid adds its products to the
 * sums around it, rounding is that of doubles. Options are drawn from a fixed pseudo-random
 * sequence. */
#include <stdlib.h>

#include "tests/ref/quant_draw.h"

typedef struct token_conv {
    int32_t n, grid[2], prefix, offset, channels, row, kernel[2], pads[4];
    int32_t x_zero, a_zero;
    weft_dtype c_type, y_type;
    stage c;
    sum s;
    weft_tensor *x, *w, *bias, *mult, *shift, *table, *residual;
} token_conv;

static weft_tensor *vector32(weft_arena *arena, int32_t count)
{
    return ref_tensor_of(arena, WEFT_DTYPE_I32, &(weft_shape){.rank = 1, .dims = {count}}, NULL);
}

static weft_shape rows(const token_conv *o, int32_t channels)
{
    return (weft_shape){.rank = 3, .dims = {o->n, o->prefix + o->grid[0] * o->grid[1], channels}};
}

static token_conv draw_token_conv(weft_arena *arena, weft_attrs *attrs)
{
    token_conv o = {.n = between(1, 2),
                    .prefix = between(0, 2),
                    .offset = between(0, 3),
                    .channels = between(1, 9)};
    for (int d = 0; d < 2; d++) {
        o.grid[d] = between(1, 5);
        o.kernel[d] = between(1, 4);
        o.pads[d] = between(0, o.kernel[d] - 1);
        o.pads[2 + d] = o.kernel[d] - 1 - o.pads[d];
    }
    o.row = o.offset + o.channels + between(0, 3);
    o.x = tensor8(arena, draw_dtype(), rows(&o, o.row));
    o.w = tensor8(arena, WEFT_DTYPE_I8, shape4(o.channels, o.kernel[0], o.kernel[1], 1));
    o.bias = vector32(arena, o.channels);
    o.mult = vector32(arena, o.channels);
    o.shift = vector32(arena, o.channels);
    for (int32_t c = 0; c < o.channels; c++) {
        const ratio r = draw_ratio(MULT_MAX, 40);
        ((int32_t *)o.bias->data)[c] = between(-5000, 5000);
        ((int32_t *)o.mult->data)[c] = r.mult;
        ((int32_t *)o.shift->data)[c] = r.shift;
    }
    o.c_type = o.y_type = draw_dtype();
    weft_attrs_set_string(attrs, arena, "c_type", name_of(o.c_type));
    o.c = draw_stage(attrs, arena, o.c_type, "c");
    if (ref_random(2)) {
        o.table = tensor8(arena, draw_dtype(), (weft_shape){.rank = 1, .dims = {256}});
        o.y_type = o.table->dtype;
    }
    o.x_zero = draw_zero(attrs, arena, "x_zero", o.x->dtype);
    o.a_zero = draw_zero(attrs, arena, "a_zero", o.y_type);
    if (ref_random(2)) {
        o.y_type = draw_dtype();
        o.residual = tensor8(arena, draw_dtype(), rows(&o, o.channels));
        o.s = draw_sum(attrs, arena, "a_mult", "b_mult", "add_shift", o.y_type);
        o.s.a_zero = o.a_zero;
        o.s.b_zero = draw_zero(attrs, arena, "b_zero", o.residual->dtype);
    }
    weft_attrs_set_string(attrs, arena, "to", name_of(o.y_type));
    set_int(attrs, arena, "prefix", o.prefix);
    set_int(attrs, arena, "x_offset", o.offset);
    set_pair(attrs, arena, "grid", o.grid, 2);
    set_pair(attrs, arena, "pads", o.pads, 4);
    return o;
}

/* [n][h][w][c] */
static double *scatter(weft_arena *arena, const token_conv *o)
{
    const int32_t h = o->grid[0], w = o->grid[1], tokens = o->prefix + h * w;
    const int32_t count = o->n * h * w * o->channels;
    double *sums = WEFT_NEW_ARRAY(arena, double, (size_t)count);
    for (int32_t i = 0; i < count; i++)
        sums[i] = ((const int32_t *)o->bias->data)[i % o->channels];
    for (int32_t i = 0; i < count; i++) {
        const int32_t c = i % o->channels, p = i / o->channels % (h * w),
                      n = i / o->channels / (h * w);
        const int32_t value =
            get8(o->x, (int64_t)(n * tokens + o->prefix + p) * o->row + o->offset + c) - o->x_zero;
        for (int32_t ky = 0; ky < o->kernel[0]; ky++)
            for (int32_t kx = 0; kx < o->kernel[1]; kx++) {
                const int32_t y = p / w + o->pads[0] - ky, x = p % w + o->pads[1] - kx;
                if (y >= 0 && y < h && x >= 0 && x < w)
                    sums[((n * h + y) * w + x) * o->channels + c] +=
                        value * get8(o->w, (c * o->kernel[0] + ky) * o->kernel[1] + kx);
            }
    }
    return sums;
}

static void check(weft_arena *arena)
{
    weft_attrs attrs = {0};
    const token_conv o = draw_token_conv(arena, &attrs);
    const weft_shape shape = rows(&o, o.channels);
    weft_tensor *y = ref_tensor_of(arena, o.y_type, &shape, NULL);
    weft_tensor *inputs[] = {o.x, o.w, o.bias, o.mult, o.shift, o.table, o.residual};
    assert_int_equal(ref_run(weft_ref_q_token_conv, &attrs, inputs, 7, &y, 1), WEFT_OK);
    const double *sums = scatter(arena, &o);
    const int64_t image = (int64_t)o.grid[0] * o.grid[1];
    for (int64_t i = 0; i < elems_of(&shape); i++) {
        const int64_t c = i % o.channels, token = i / o.channels % shape.dims[1],
                      n = i / o.channels / shape.dims[1];
        int32_t expected = o.a_zero;
        if (token >= o.prefix) {
            const ratio r = {((const int32_t *)o.mult->data)[c],
                             ((const int32_t *)o.shift->data)[c]};
            const double total = sums[(n * image + token - o.prefix) * o.channels + c];
            expected = finish(total * scale_of(r), o.c);
            if (o.table)
                expected = get8(o.table, expected - least(o.c_type));
        }
        if (o.residual)
            expected = add(&o.s, expected, get8(o.residual, i));
        assert_int_equal(get8(y, i), expected);
    }
}

static void sums_of_neighbours(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        weft_arena *arena = weft_arena_create();
        check(arena);
        weft_arena_destroy(arena);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    weft_arena *arena = *state;
    weft_attrs attrs = {0};
    const token_conv o = draw_token_conv(arena, &attrs);
    const weft_shape shape = rows(&o, o.channels);
    weft_tensor *y = ref_tensor_of(arena, o.y_type, &shape, NULL);
    weft_tensor *inputs[] = {o.x, o.w, o.bias, o.mult, o.shift, o.table, o.residual};
    ((int32_t *)o.mult->data)[0] = MULT_MAX + 1;
    assert_int_equal(ref_run(weft_ref_q_token_conv, &attrs, inputs, 7, &y, 1), WEFT_INVALID);
    ((int32_t *)o.mult->data)[0] = 1;
    set_int(&attrs, arena, "prefix", o.prefix + 1);
    assert_int_equal(ref_run(weft_ref_q_token_conv, &attrs, inputs, 7, &y, 1), WEFT_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_neighbours),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, ref_setup, ref_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
