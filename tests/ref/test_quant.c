/* SPDX-License-Identifier: Apache-2.0 */
/* The 8-bit reference kernels besides the convolution, each against a second formulation, and
 * QuantizeLinear and DequantizeLinear on numbers whose results the standard fixes. */
#include "tests/ref/quant_draw.h"

/* ---- element-wise ---- */

/* Shape of an operand that broadcasts to `shape`: some dimensions 1, some leading ones gone. */
static weft_shape draw_broadcast(const weft_shape *shape, bool whole)
{
    weft_shape part = {.rank = whole ? shape->rank : between(0, shape->rank)};
    for (int d = 0; d < part.rank; d++)
        part.dims[d] = !whole && ref_random(3) == 0 ? 1 : shape->dims[shape->rank - part.rank + d];
    return part;
}

/* Where element i of `shape` comes from in an operand of shape `part`. */
static int64_t source_of(const weft_shape *shape, const weft_shape *part, int64_t i)
{
    int64_t at = 0, step = 1;
    for (int d = shape->rank - 1, p = part->rank - 1; d >= 0; d--, p--) {
        if (p >= 0) {
            at += part->dims[p] == 1 ? 0 : i % shape->dims[d] * step;
            step *= part->dims[p];
        }
        i /= shape->dims[d];
    }
    return at;
}

static weft_shape draw_shape(void)
{
    weft_shape shape = {.rank = between(0, 4)};
    for (int d = 0; d < shape.rank; d++)
        shape.dims[d] = between(1, 5);
    return shape;
}

static void check_add(weft_arena *arena)
{
    weft_attrs attrs = {0};
    const weft_shape shape = draw_shape();
    const weft_dtype y_type = draw_dtype();
    const bool a_whole = ref_random(2);
    weft_tensor *a = tensor8(arena, draw_dtype(), draw_broadcast(&shape, a_whole));
    weft_tensor *b = tensor8(arena, draw_dtype(), draw_broadcast(&shape, !a_whole));
    weft_tensor *y = ref_tensor_of(arena, y_type, &shape, NULL);
    sum s = draw_sum(&attrs, arena, "a_mult", "b_mult", "shift", y_type);
    s.a_zero = draw_zero(&attrs, arena, "a_zero", a->dtype);
    s.b_zero = draw_zero(&attrs, arena, "b_zero", b->dtype);
    assert_int_equal(ref_run(weft_ref_q_add, &attrs, REF_LIST(a, b), REF_LIST(y)), WEFT_OK);
    for (int64_t i = 0; i < elems_of(&shape); i++)
        assert_int_equal(get8(y, i), add(&s, get8(a, source_of(&shape, &a->shape, i)),
                                         get8(b, source_of(&shape, &b->shape, i))));
}

static void check_mul(weft_arena *arena)
{
    weft_attrs attrs = {0};
    const weft_shape shape = draw_shape();
    const weft_dtype c_type = draw_dtype(), r_type = draw_dtype();
    const bool has_residual = ref_random(2);
    const weft_dtype y_type = has_residual ? draw_dtype() : c_type;
    weft_tensor *a = tensor8(arena, draw_dtype(), shape);
    weft_tensor *b = tensor8(arena, draw_dtype(), draw_broadcast(&shape, false));
    weft_tensor *residual = tensor8(arena, r_type, shape);
    weft_tensor *y = ref_tensor_of(arena, y_type, &shape, NULL);
    const ratio r = draw_ratio(MULT_MAX, ref_random(2) ? 35 : 62);
    const int32_t a_zero = draw_zero(&attrs, arena, "a_zero", a->dtype);
    const int32_t b_zero = draw_zero(&attrs, arena, "b_zero", b->dtype);
    set_int(&attrs, arena, "mult", r.mult);
    set_int(&attrs, arena, "shift", r.shift);
    weft_attrs_set_string(&attrs, arena, "c_type", name_of(c_type));
    weft_attrs_set_string(&attrs, arena, "to", name_of(y_type));
    const stage c = draw_stage(&attrs, arena, c_type, "c");
    sum s = draw_sum(&attrs, arena, "c_mult", "r_mult", "add_shift", y_type);
    s.a_zero = c.zero;
    s.b_zero = draw_zero(&attrs, arena, "r_zero", r_type);
    weft_tensor *inputs[] = {a, b, has_residual ? residual : NULL};
    assert_int_equal(ref_run(weft_ref_q_mul, &attrs, inputs, 3, &y, 1), WEFT_OK);
    for (int64_t i = 0; i < elems_of(&shape); i++) {
        const double product =
            (double)(get8(a, i) - a_zero) * (get8(b, source_of(&shape, &b->shape, i)) - b_zero);
        int32_t expected = finish(product * scale_of(r), c);
        if (has_residual)
            expected = add(&s, expected, get8(residual, i));
        assert_int_equal(get8(y, i), expected);
    }
}

static void check_table(weft_arena *arena)
{
    const weft_shape shape = draw_shape();
    weft_tensor *x = tensor8(arena, draw_dtype(), shape);
    weft_tensor *table = tensor8(arena, draw_dtype(), (weft_shape){.rank = 1, .dims = {256}});
    weft_tensor *y = ref_tensor_of(arena, table->dtype, &shape, NULL);
    assert_int_equal(ref_run(weft_ref_q_table, NULL, REF_LIST(x, table), REF_LIST(y)), WEFT_OK);
    for (int64_t i = 0; i < elems_of(&shape); i++)
        assert_int_equal(get8(y, i), get8(table, get8(x, i) - least(x->dtype)));
}

static void sums_products_and_tables(void **state)
{
    (void)state;
    static void (*const checks[])(weft_arena *) = {check_add, check_mul, check_table};
    for (int i = 0; i < 3 * CASES; i++) {
        weft_arena *arena = weft_arena_create();
        checks[i % 3](arena);
        weft_arena_destroy(arena);
    }
}

/* ---- QPool2D ---- */

typedef struct pool {
    int32_t n, h, w, c, kernel[2], stride[2], dilation[2], pads[4], oh, ow;
    bool is_max, count_pads;
    int32_t x_zero;
    stage y;
    ratio ratios[10]; /* by count */
} pool;

static bool draw_pool(pool *p)
{
    *p = (pool){.n = between(1, 2), .h = between(1, 7), .w = between(1, 7), .c = between(1, 4)};
    p->is_max = ref_random(2);
    p->count_pads = ref_random(2);
    for (int d = 0; d < 2; d++) {
        p->kernel[d] = between(1, 3);
        p->stride[d] = between(1, 3);
        p->dilation[d] = between(1, 2);
        p->pads[d] = between(0, p->kernel[d] - 1);
        p->pads[2 + d] = between(0, p->kernel[d] - 1);
        const int32_t in = d ? p->w : p->h, padded = in + p->pads[d] + p->pads[2 + d];
        const int32_t spare = padded - (p->kernel[d] - 1) * p->dilation[d] - 1;
        if (spare < 0)
            return false;
        /* Rounded up or down; a window that would start past the input is left away. */
        const int32_t round_up = ref_random(2) ? p->stride[d] - 1 : 0;
        int32_t out = (spare + round_up) / p->stride[d] + 1;
        out -= (out - 1) * p->stride[d] >= in + p->pads[d];
        *(d ? &p->ow : &p->oh) = out;
    }
    return true;
}

static int32_t pool_at(const pool *p, const weft_tensor *x, int32_t n, int32_t oy, int32_t ox,
                       int32_t c)
{
    int32_t count = 0, total = 0, largest = INT32_MIN;
    for (int32_t i = 0; i < p->kernel[0] * p->kernel[1]; i++) {
        const int32_t row = oy * p->stride[0] - p->pads[0] + i / p->kernel[1] * p->dilation[0];
        const int32_t col = ox * p->stride[1] - p->pads[1] + i % p->kernel[1] * p->dilation[1];
        if (row >= 0 && row < p->h && col >= 0 && col < p->w) {
            const int32_t value = get8(x, ((n * p->h + row) * p->w + col) * p->c + c);
            count++;
            total += value - p->x_zero;
            largest = value > largest ? value : largest;
        } else if (p->count_pads && row < p->h + p->pads[2] && col < p->w + p->pads[3]) {
            count++;
        }
    }
    if (p->is_max)
        return largest < p->y.low ? p->y.low : largest > p->y.high ? p->y.high : largest;
    return finish(total * scale_of(p->ratios[count]), p->y);
}

static void check_pool(weft_arena *arena, pool *p)
{
    weft_attrs attrs = {0};
    const weft_dtype x_type = draw_dtype(), y_type = p->is_max ? x_type : draw_dtype();
    const weft_shape out = shape4(p->n, p->oh, p->ow, p->c);
    weft_tensor *x = tensor8(arena, x_type, shape4(p->n, p->h, p->w, p->c));
    weft_tensor *y = ref_tensor_of(arena, y_type, &out, NULL);
    weft_attrs_set_string(&attrs, arena, "mode", p->is_max ? "max" : "average");
    weft_attrs_set_string(&attrs, arena, "to", name_of(y_type));
    set_pair(&attrs, arena, "kernel_shape", p->kernel, 2);
    set_pair(&attrs, arena, "strides", p->stride, 2);
    set_pair(&attrs, arena, "dilations", p->dilation, 2);
    set_pair(&attrs, arena, "pads", p->pads, 4);
    set_int(&attrs, arena, "count_include_pad", p->count_pads);
    p->x_zero = draw_zero(&attrs, arena, "x_zero", x_type);
    p->y = draw_stage(&attrs, arena, y_type, "y");
    int64_t counts[9], mults[9], shifts[9];
    for (int32_t i = 0; i < 9; i++) {
        p->ratios[i + 1] = draw_ratio(MULT_MAX, ref_random(2) ? 26 : 62);
        counts[i] = i + 1;
        mults[i] = p->ratios[i + 1].mult;
        shifts[i] = p->ratios[i + 1].shift;
    }
    weft_attrs_set_ints(&attrs, arena, "counts", counts, 9);
    weft_attrs_set_ints(&attrs, arena, "mults", mults, 9);
    weft_attrs_set_ints(&attrs, arena, "shifts", shifts, 9);
    assert_int_equal(ref_run(weft_ref_q_pool2d, &attrs, REF_LIST(x), REF_LIST(y)), WEFT_OK);
    for (int32_t i = 0; i < elems_of(&out); i++) {
        const int32_t pixel = i / p->c;
        assert_int_equal(get8(y, i), pool_at(p, x, pixel / p->ow / p->oh, pixel / p->ow % p->oh,
                                             pixel % p->ow, i % p->c));
    }
}

static void pools(void **state)
{
    (void)state;
    for (int done = 0; done < CASES;) {
        pool p;
        if (!draw_pool(&p))
            continue;
        weft_arena *arena = weft_arena_create();
        check_pool(arena, &p);
        weft_arena_destroy(arena);
        done++;
    }
}

/* ---- QuantizeLinear, DequantizeLinear ---- */

static void quantising_known_numbers(void **state)
{
    weft_tensor *x =
        REF_F32(*state, "11", 0.5, 1.5, 2.5, -0.5, -1.5, 300, -300, 1e30, INFINITY, -INFINITY, NAN);
    weft_tensor *scale = REF_F32(*state, "", 1);
    weft_tensor *u8 = ref_tensor(*state, WEFT_DTYPE_U8, "", (const double[]){10});
    weft_tensor *y = ref_tensor(*state, WEFT_DTYPE_U8, "11", NULL);
    assert_int_equal(ref_run(weft_ref_quantize_linear, NULL, REF_LIST(x, scale, u8), REF_LIST(y)),
                     WEFT_OK);
    REF_EXACT(y, 10, 12, 12, 10, 8, 255, 0, 255, 255, 0, 0);
    weft_tensor *s8 = ref_tensor(*state, WEFT_DTYPE_I8, "", (const double[]){-3});
    y = ref_tensor(*state, WEFT_DTYPE_I8, "11", NULL);
    assert_int_equal(ref_run(weft_ref_quantize_linear, NULL, REF_LIST(x, scale, s8), REF_LIST(y)),
                     WEFT_OK);
    REF_EXACT(y, -3, -1, -1, -3, -5, 127, -128, 127, 127, -128, -128);
}

/* The quotient itself is rounded, not a product with the reciprocal: near halves they differ. */
static void quantising_divides(void **state)
{
    weft_tensor *x = ref_tensor(*state, WEFT_DTYPE_F32, "256", NULL);
    weft_tensor *y = ref_tensor(*state, WEFT_DTYPE_U8, "256", NULL);
    weft_tensor *scale = REF_F32(*state, "", 1);
    int differ = 0;
    for (int i = 0; i < 200; i++) {
        float *from = x->data, step = ldexpf((float)between(1 << 23, 1 << 24), -30);
        *(float *)scale->data = step;
        for (int k = 0; k < 256; k++)
            from[k] = ((float)k + 0.5f) * step;
        assert_int_equal(ref_run(weft_ref_quantize_linear, NULL, REF_LIST(x, scale), REF_LIST(y)),
                         WEFT_OK);
        for (int k = 0; k < 256; k++) {
            const float quotient = (float)((double)from[k] / (double)step);
            differ += nearbyintf(from[k] * (1 / step)) != nearbyintf(quotient);
            assert_int_equal(get8(y, k), (int)fmin(nearbyintf(quotient), 255));
        }
    }
    assert_true(differ > 0);
}

/* Per axis, back and forth: a quantised value comes back exactly. */
static void scales_per_axis(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        weft_arena *arena = weft_arena_create();
        weft_attrs attrs = {0};
        weft_shape shape = draw_shape();
        shape.dims[shape.rank++] = between(1, 5);
        const int32_t axis = between(0, shape.rank - 1);
        const bool per_axis = ref_random(2);
        const weft_shape scales = {.rank = per_axis, .dims = {per_axis ? shape.dims[axis] : 0}};
        int64_t inner = 1;
        for (int d = axis + 1; d < shape.rank; d++)
            inner *= shape.dims[d];
        weft_attrs_set_int(&attrs, arena, "axis", ref_random(2) ? axis : axis - shape.rank);
        weft_tensor *q = tensor8(arena, draw_dtype(), shape);
        weft_tensor *zero = tensor8(arena, q->dtype, scales);
        weft_tensor *scale = ref_tensor_of(arena, WEFT_DTYPE_F32, &scales, NULL);
        for (int64_t k = 0; k < elems_of(&scales); k++)
            ((float *)scale->data)[k] = ldexpf((float)between(1 << 20, 1 << 24), between(-40, -10));
        weft_tensor *x = ref_tensor_of(arena, WEFT_DTYPE_F32, &shape, NULL);
        weft_tensor *back = ref_tensor_of(arena, q->dtype, &shape, NULL);
        assert_int_equal(
            ref_run(weft_ref_dequantize_linear, &attrs, REF_LIST(q, scale, zero), REF_LIST(x)),
            WEFT_OK);
        assert_int_equal(
            ref_run(weft_ref_quantize_linear, &attrs, REF_LIST(x, scale, zero), REF_LIST(back)),
            WEFT_OK);
        for (int64_t k = 0; k < elems_of(&shape); k++) {
            const int64_t at = per_axis ? k / inner % shape.dims[axis] : 0;
            const float expected =
                (float)(get8(q, k) - get8(zero, at)) * ((const float *)scale->data)[at];
            assert_true(((const float *)x->data)[k] == expected);
            assert_int_equal(get8(back, k), get8(q, k));
        }
        weft_arena_destroy(arena);
    }
}

static void dequantising_a_bias(void **state)
{
    weft_tensor *x = ref_tensor(*state, WEFT_DTYPE_I32, "4",
                                (const double[]){INT32_MIN, INT32_MAX, 16777217, -3});
    weft_tensor *scale = REF_F32(*state, "1", 0.5), *y = REF_F32(*state, "4", 0, 0, 0, 0);
    assert_int_equal(ref_run(weft_ref_dequantize_linear, NULL, REF_LIST(x, scale), REF_LIST(y)),
                     WEFT_OK);
    REF_EXACT(y, -1073741824.0, 1073741824.0, 8388608, -1.5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ref_setup, ref_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sums_products_and_tables), TEST(pools),           TEST(quantising_known_numbers),
        TEST(quantising_divides),       TEST(scales_per_axis), TEST(dequantising_a_bias),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
