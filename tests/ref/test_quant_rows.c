/* SPDX-License-Identifier: Apache-2.0 */
/* QMatMul, QSoftmax and QLayerNorm, each against a second formulation in 128-bit integers or in
 * double, and QAttention against the three of them one after the other. */
#include <string.h>

#include "kernels/include/weft_tables.h"

#include "tests/ref/quant_draw.h"

__extension__ typedef __int128 wide;

/* v / 2^n to the nearest, halves to the even one. */
static wide round_half_even(wide v, int n)
{
    const wide unit = (wide)1 << n;
    wide quotient = v / unit, rest = v % unit;
    if (rest < 0) {
        quotient--;
        rest += unit;
    }
    if (2 * rest > unit || (2 * rest == unit && quotient % 2 != 0))
        quotient++;
    return quotient;
}

static int32_t limited(wide value, stage s)
{
    value += s.zero;
    return (int32_t)(value < s.low ? s.low : value > s.high ? s.high : value);
}

static weft_tensor *draw_exps(weft_arena *arena)
{
    weft_tensor *exps =
        ref_tensor_of(arena, WEFT_DTYPE_I32, &(weft_shape){.rank = 1, .dims = {256}}, NULL);
    weft_ratio unused;
    assert_true(
        weft_softmax_make(ldexp(between(1, 1 << 16), -between(12, 22)), 1, exps->data, &unused));
    for (int i = 1; i < 256 && ref_random(8) == 0; i++)
        ((int32_t *)exps->data)[i] = between(0, 1 << 24);
    return exps;
}

/* ---- QSoftmax ---- */

static void softmax_row(const weft_tensor *x, int64_t from, int32_t count, const int32_t *exps,
                        ratio r, stage s, int32_t *out)
{
    int32_t largest = INT32_MIN;
    wide total = 0;
    for (int32_t i = 0; i < count; i++)
        largest = get8(x, from + i) > largest ? get8(x, from + i) : largest;
    for (int32_t i = 0; i < count; i++)
        total += exps[largest - get8(x, from + i)];
    const wide factor = (((wide)r.mult << 38) + total / 2) / total;
    for (int32_t i = 0; i < count; i++)
        out[i] =
            limited(round_half_even(exps[largest - get8(x, from + i)] * factor, 38 + r.shift), s);
}

static void check_softmax(weft_arena *arena)
{
    weft_attrs attrs = {0};
    const int32_t rows = between(1, 3), count = between(1, ref_random(4) ? 12 : 700);
    const weft_dtype y_type = draw_dtype();
    const weft_shape shape = {.rank = 2, .dims = {rows, count}};
    weft_tensor *x = tensor8(arena, draw_dtype(), shape), *exps = draw_exps(arena);
    weft_tensor *y = ref_tensor_of(arena, y_type, &shape, NULL);
    const ratio r = draw_ratio(MULT_MAX, 24);
    set_int(&attrs, arena, "mult", r.mult);
    set_int(&attrs, arena, "shift", r.shift);
    const stage s = draw_stage(&attrs, arena, y_type, "y");
    int32_t expected[700];
    assert_int_equal(ref_run(weft_ref_q_softmax, &attrs, REF_LIST(x, exps), REF_LIST(y)), WEFT_OK);
    for (int32_t row = 0; row < rows; row++) {
        softmax_row(x, row * count, count, exps->data, r, s, expected);
        for (int32_t i = 0; i < count; i++)
            assert_int_equal(get8(y, row * count + i), expected[i]);
    }
}

/* The longest rows, all elements alike: the total is largest. */
static void longest_softmax(void **state)
{
    weft_attrs attrs = {0};
    const weft_shape shape = {.rank = 1, .dims = {16384}};
    weft_tensor *x = ref_tensor_of(*state, WEFT_DTYPE_U8, &shape, NULL), *exps = draw_exps(*state),
                *y = ref_tensor_of(*state, WEFT_DTYPE_U8, &shape, NULL);
    memset(x->data, 255, 16384);
    weft_attrs_set_string(&attrs, *state, "to", "u8");
    set_int(&attrs, *state, "mult", 1 << 22); /* y_scale 2^-20 */
    set_int(&attrs, *state, "shift", 2);
    assert_int_equal(ref_run(weft_ref_q_softmax, &attrs, REF_LIST(x, exps), REF_LIST(y)), WEFT_OK);
    for (int i = 0; i < 16384; i++)
        assert_int_equal(get8(y, i), 64);
}

static void unsound_tables_are_refused(void **state)
{
    weft_attrs attrs = {0};
    weft_tensor *x = ref_tensor(*state, WEFT_DTYPE_U8, "4", NULL), *exps = draw_exps(*state),
                *y = ref_tensor(*state, WEFT_DTYPE_U8, "4", NULL);
    set_int(&attrs, *state, "mult", 1 << 21);
    ((int32_t *)exps->data)[0] = 0;
    assert_int_equal(ref_run(weft_ref_q_softmax, &attrs, REF_LIST(x, exps), REF_LIST(y)),
                     WEFT_INVALID);
    ((int32_t *)exps->data)[0] = 1 << 24;
    ((int32_t *)exps->data)[200] = -1;
    assert_int_equal(ref_run(weft_ref_q_softmax, &attrs, REF_LIST(x, exps), REF_LIST(y)),
                     WEFT_INVALID);
}

/* ---- QLayerNorm ---- */

static wide root_of(wide square)
{
    wide low = 0, high = (wide)1 << 32;
    while (high - low > 1) {
        const wide middle = (low + high) / 2;
        if (middle * middle <= square)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void check_layer_norm(weft_arena *arena)
{
    weft_attrs attrs = {0};
    const int32_t rows = between(1, 2), count = between(1, ref_random(8) ? 20 : 4096);
    const weft_dtype y_type = draw_dtype();
    const weft_shape shape = {.rank = 2, .dims = {rows, count}},
                     vector = {.rank = 1, .dims = {count}};
    weft_tensor *x = tensor8(arena, draw_dtype(), shape);
    weft_tensor *gamma = ref_tensor_of(arena, WEFT_DTYPE_I32, &vector, NULL),
                *beta = ref_tensor_of(arena, WEFT_DTYPE_I32, &vector, NULL);
    weft_tensor *y = ref_tensor_of(arena, y_type, &shape, NULL);
    const int32_t gamma_max = 1 << between(0, 22), beta_max = 1 << between(0, 30);
    for (int32_t i = 0; i < count; i++) {
        ((int32_t *)gamma->data)[i] = between(-gamma_max, gamma_max);
        ((int32_t *)beta->data)[i] = between(-beta_max, beta_max);
    }
    const int64_t epsilon = ref_random(4) ? (int64_t)ref_random(1u << 31) << between(0, 30) : 0;
    const int32_t beta_shift = between(0, ref_random(2) ? 4 : 30),
                  shift = between(1, ref_random(2) ? 40 : 62);
    weft_attrs_set_int(&attrs, arena, "epsilon", epsilon);
    set_int(&attrs, arena, "beta_shift", beta_shift);
    set_int(&attrs, arena, "shift", shift);
    const stage s = draw_stage(&attrs, arena, y_type, "y");
    assert_int_equal(ref_run(weft_ref_q_layer_norm, &attrs, REF_LIST(x, gamma, beta), REF_LIST(y)),
                     WEFT_OK);
    for (int32_t row = 0; row < rows; row++) {
        wide total = 0, squares = 0;
        for (int32_t i = 0; i < count; i++) {
            total += get8(x, row * count + i);
            squares += get8(x, row * count + i) * get8(x, row * count + i);
        }
        wide spread = ((count * squares - total * total) << 20) + epsilon;
        spread = spread < 1 ? 1 : spread;
        int fours = 0;
        while (spread << (2 * fours + 2) < (wide)1 << 62)
            fours++;
        const wide root = root_of(spread << (2 * fours)),
                   inverse = (((wide)1 << 62) + root / 2) / root;
        for (int32_t i = 0; i < count; i++) {
            const wide unit =
                round_half_even((count * get8(x, row * count + i) - total) * inverse, 34 - fours);
            const wide value = unit * ((const int32_t *)gamma->data)[i] +
                               (wide)((const int32_t *)beta->data)[i] * ((wide)1 << beta_shift);
            assert_int_equal(get8(y, row * count + i), limited(round_half_even(value, shift), s));
        }
    }
}

/* ---- QMatMul ---- */

static ratio draw_requantisation(weft_attrs *attrs, weft_arena *arena, const char *mult,
                                 const char *shift)
{
    const ratio r = draw_ratio(MULT_MAX, ref_random(4) ? 36 : 62);
    set_int(attrs, arena, mult, r.mult);
    set_int(attrs, arena, shift, r.shift);
    return r;
}

static void check_matmul(weft_arena *arena)
{
    weft_attrs attrs = {0};
    const int32_t m = between(1, 6), k = between(1, 20), n = between(1, 6), outer = between(1, 3),
                  inner = between(1, 3), outer_b = ref_random(2) ? outer : 1;
    const bool transposed = ref_random(2), flat_b = ref_random(4) == 0;
    const weft_dtype y_type = draw_dtype();
    weft_shape b_shape = shape4(outer_b, inner, transposed ? n : k, transposed ? k : n);
    if (flat_b)
        b_shape = (weft_shape){.rank = 2, .dims = {b_shape.dims[2], b_shape.dims[3]}};
    weft_tensor *a = tensor8(arena, draw_dtype(), shape4(outer, inner, m, k)),
                *b = tensor8(arena, draw_dtype(), b_shape);
    const weft_shape y_shape = shape4(outer, inner, m, n);
    weft_tensor *y = ref_tensor_of(arena, y_type, &y_shape, NULL);
    const int32_t a_zero = draw_zero(&attrs, arena, "a_zero", a->dtype),
                  b_zero = draw_zero(&attrs, arena, "b_zero", b->dtype);
    const ratio r = draw_requantisation(&attrs, arena, "mult", "shift");
    const stage s = draw_stage(&attrs, arena, y_type, "y");
    set_int(&attrs, arena, "b_transposed", transposed);
    assert_int_equal(ref_run(weft_ref_q_matmul, &attrs, REF_LIST(a, b), REF_LIST(y)), WEFT_OK);
    for (int32_t i = 0; i < elems_of(&y_shape); i++) {
        const int32_t column = i % n, row = i / n % m, matrix = i / n / m;
        const int32_t b_matrix =
            flat_b ? 0 : matrix % inner + (outer_b == 1 ? 0 : matrix / inner * inner);
        double total = 0;
        for (int32_t d = 0; d < k; d++)
            total += (double)(get8(a, (matrix * m + row) * k + d) - a_zero) *
                     (get8(b, b_matrix * k * n + (transposed ? column * k + d : d * n + column)) -
                      b_zero);
        assert_int_equal(get8(y, i), finish(total * scale_of(r), s));
    }
}

/* ---- QAttention ---- */

/* Attributes of one product: from those of the attention. */
static void copy_int(weft_attrs *to, weft_arena *arena, const char *name, const weft_attrs *from,
                     const char *from_name)
{
    const weft_attr *found = weft_attrs_find(from, from_name);
    if (found)
        weft_attrs_set_int(to, arena, name, found->i);
}

static void copy_stage(weft_attrs *to, weft_arena *arena, const weft_attrs *from, char prefix)
{
    static const char *const names[] = {"mult", "shift"}, *const stages[] = {"zero", "min", "max"};
    for (int i = 0; i < 2; i++)
        copy_int(to, arena, names[i], from, weft_arena_printf(arena, "%c_%s", prefix, names[i]));
    for (int i = 0; i < 3; i++)
        copy_int(to, arena, weft_arena_printf(arena, "y_%s", stages[i]), from,
                 weft_arena_printf(arena, "%c_%s", prefix, stages[i]));
}

typedef struct heads {
    int32_t count, size, offset, step;
} heads;

/* `channels` channels that hold the heads, with a few more around them. */
static int32_t draw_heads(weft_attrs *attrs, weft_arena *arena, char prefix, heads *h)
{
    h->offset = between(0, 3);
    h->step = ref_random(2) ? h->size : h->size + between(0, 5);
    set_int(attrs, arena, weft_arena_printf(arena, "%c_offset", prefix), h->offset);
    if (h->step != h->size || ref_random(2))
        set_int(attrs, arena, weft_arena_printf(arena, "%c_step", prefix), h->step);
    return h->offset + (h->count - 1) * h->step + h->size + between(0, 3);
}

/* The heads as [batch, all, tokens, size], through the table (NULL: as they are). */
static weft_tensor *take_heads(weft_arena *arena, const weft_tensor *x, const heads *h, int32_t all,
                               const weft_tensor *table)
{
    const int32_t batch = (int32_t)x->shape.dims[0], tokens = (int32_t)x->shape.dims[1],
                  channels = (int32_t)x->shape.dims[2];
    const weft_shape shape = shape4(batch, all, tokens, h->size);
    weft_tensor *y = ref_tensor_of(arena, x->dtype, &shape, NULL);
    for (int32_t i = 0; i < elems_of(&shape); i++) {
        const int32_t c = i % h->size, t = i / h->size % tokens, head = i / h->size / tokens % all,
                      n = i / h->size / tokens / all;
        const int32_t from = h->offset + head / (all / h->count) * h->step + c;
        ((uint8_t *)y->data)[i] = ((const uint8_t *)x->data)[(n * tokens + t) * channels + from];
    }
    if (!table)
        return y;
    weft_tensor *made = ref_tensor_of(arena, table->dtype, &shape, NULL);
    weft_tensor *inputs[] = {y, (weft_tensor *)(uintptr_t)table};
    assert_int_equal(ref_run(weft_ref_q_table, NULL, inputs, 2, REF_LIST(made)), WEFT_OK);
    return made;
}

static weft_tensor *draw_table(weft_arena *arena)
{
    const weft_shape entries = {.rank = 1, .dims = {256}};
    return ref_random(3) ? NULL : tensor8(arena, draw_dtype(), entries);
}

static void check_attention(weft_arena *arena)
{
    weft_attrs attrs = {0}, scores = {0}, softmax = {0}, values = {0};
    const int32_t batch = between(1, 2), n = between(1, 5), m = between(1, 9),
                  kv_heads = between(1, 2), count = kv_heads * between(1, 2);
    heads q = {.count = count, .size = between(1, 9)}, k = {.count = kv_heads, .size = q.size},
          v = {.count = kv_heads, .size = ref_random(2) ? q.size : between(1, 9)};
    set_int(&attrs, arena, "heads", count);
    set_int(&attrs, arena, "head_size", q.size);
    if (kv_heads != count || ref_random(2))
        set_int(&attrs, arena, "kv_heads", kv_heads);
    if (v.size != q.size || ref_random(2))
        set_int(&attrs, arena, "v_head_size", v.size);
    weft_shape shapes[3] = {{3, {batch, n, draw_heads(&attrs, arena, 'q', &q)}},
                            {3, {batch, m, draw_heads(&attrs, arena, 'k', &k)}},
                            {3, {batch, m, draw_heads(&attrs, arena, 'v', &v)}}};
    weft_tensor *x[3], *q_table = draw_table(arena), *k_table = draw_table(arena),
                       *s_table = draw_table(arena), *exps = draw_exps(arena);
    for (int i = 0; i < 3; i++)
        x[i] = tensor8(arena, draw_dtype(), shapes[i]);
    draw_zero(&attrs, arena, "q_zero", q_table ? q_table->dtype : x[0]->dtype);
    draw_zero(&attrs, arena, "k_zero", k_table ? k_table->dtype : x[1]->dtype);
    draw_zero(&attrs, arena, "v_zero", x[2]->dtype);
    const weft_dtype s_type = draw_dtype(), p_type = draw_dtype(), y_type = draw_dtype();
    weft_attrs_set_string(&attrs, arena, "s_type", name_of(s_type));
    weft_attrs_set_string(&attrs, arena, "p_type", name_of(p_type));
    draw_stage(&attrs, arena, s_type, "s");
    draw_stage(&attrs, arena, p_type, "p");
    draw_stage(&attrs, arena, y_type, "y");
    draw_requantisation(&attrs, arena, "s_mult", "s_shift");
    draw_requantisation(&attrs, arena, "y_mult", "y_shift");
    const ratio p = draw_ratio(MULT_MAX, 24);
    set_int(&attrs, arena, "p_mult", p.mult);
    set_int(&attrs, arena, "p_shift", p.shift);

    const weft_shape y_shape = {3, {batch, n, count * v.size}},
                     s_shape = shape4(batch, count, n, m),
                     o_shape = shape4(batch, count, n, v.size);
    weft_tensor *y = ref_tensor_of(arena, y_type, &y_shape, NULL);
    assert_int_equal(ref_run(weft_ref_q_attention, &attrs,
                             REF_LIST(x[0], x[1], x[2], exps, q_table, k_table, s_table),
                             REF_LIST(y)),
                     WEFT_OK);

    weft_tensor *s = ref_tensor_of(arena, s_type, &s_shape, NULL),
                *t = s_table ? ref_tensor_of(arena, s_table->dtype, &s_shape, NULL) : s,
                *probabilities = ref_tensor_of(arena, p_type, &s_shape, NULL),
                *o = ref_tensor_of(arena, y_type, &o_shape, NULL);
    copy_int(&scores, arena, "a_zero", &attrs, "q_zero");
    copy_int(&scores, arena, "b_zero", &attrs, "k_zero");
    copy_stage(&scores, arena, &attrs, 's');
    set_int(&scores, arena, "b_transposed", 1);
    copy_stage(&softmax, arena, &attrs, 'p');
    copy_int(&values, arena, "a_zero", &attrs, "p_zero");
    copy_int(&values, arena, "b_zero", &attrs, "v_zero");
    copy_stage(&values, arena, &attrs, 'y');
    weft_tensor *q4 = take_heads(arena, x[0], &q, count, q_table),
                *k4 = take_heads(arena, x[1], &k, count, k_table),
                *v4 = take_heads(arena, x[2], &v, count, NULL);
    assert_int_equal(ref_run(weft_ref_q_matmul, &scores, REF_LIST(q4, k4), REF_LIST(s)), WEFT_OK);
    if (s_table)
        assert_int_equal(ref_run(weft_ref_q_table, NULL, REF_LIST(s, s_table), REF_LIST(t)),
                         WEFT_OK);
    assert_int_equal(
        ref_run(weft_ref_q_softmax, &softmax, REF_LIST(t, exps), REF_LIST(probabilities)), WEFT_OK);
    assert_int_equal(ref_run(weft_ref_q_matmul, &values, REF_LIST(probabilities, v4), REF_LIST(o)),
                     WEFT_OK);
    for (int32_t i = 0; i < elems_of(&y_shape); i++) {
        const int32_t c = i % v.size, head = i / v.size % count, token = i / v.size / count;
        const int32_t row = (token / n * count + head) * n + token % n;
        assert_int_equal(get8(y, i), get8(o, row * v.size + c));
    }
}

/* ---- all ---- */

static void repeat(void (*check)(weft_arena *))
{
    for (int i = 0; i < CASES; i++) {
        weft_arena *arena = weft_arena_create();
        check(arena);
        weft_arena_destroy(arena);
    }
}

static void softmax(void **state)
{
    (void)state;
    repeat(check_softmax);
}

static void layer_norm(void **state)
{
    (void)state;
    repeat(check_layer_norm);
}

static void matmul(void **state)
{
    (void)state;
    repeat(check_matmul);
}

static void attention(void **state)
{
    (void)state;
    repeat(check_attention);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ref_setup, ref_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(softmax),    TEST(longest_softmax), TEST(unsound_tables_are_refused),
        TEST(layer_norm), TEST(matmul),          TEST(attention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
