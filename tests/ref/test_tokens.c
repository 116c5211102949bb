/* SPDX-License-Identifier: Apache-2.0 */
/* The reference kernels on tokens against second formulations: attention as one weighted sum per
 * element without a maximum taken off, the token convolution as a scatter. Options are drawn from a
 * fixed pseudo-random sequence. */
#include "tests/ref/ref_call.h"

#include <math.h>

#include "kernels/ref/element.h"
#include "kernels/ref/walk.h"

static weft_tensor *tensor3(weft_arena *arena, int64_t a, int64_t b, int64_t c)
{
    return ref_tensor_of(arena, WEFT_DTYPE_F32, &(weft_shape){.rank = 3, .dims = {a, b, c}}, NULL);
}

static double at3(const weft_tensor *t, int64_t a, int64_t b, int64_t c)
{
    return weft_ref_get_f64(t, (a * t->shape.dims[1] + b) * t->shape.dims[2] + c);
}

/* How the heads of q, k or v lie in their channels. */
typedef struct operand {
    weft_tensor *tensor;
    int64_t offset, step;
} operand;

typedef struct attention_options {
    int64_t n, tokens, others, heads, kv_heads, size, v_size;
    double scale;
    operand q, k, v;
    weft_tensor *residual, *mask;
} attention_options;

static operand draw_operand(weft_arena *arena, weft_attrs *attrs, const char *letter, int64_t n,
                            int64_t tokens, int64_t heads, int64_t size)
{
    operand one = {.offset = ref_random(4), .step = ref_random(2) ? 0 : ref_random(9)};
    weft_attrs_set_int(attrs, arena, weft_arena_printf(arena, "%s_offset", letter), one.offset);
    weft_attrs_set_int(attrs, arena, weft_arena_printf(arena, "%s_step", letter), one.step);
    one.step = one.step ? one.step : size;
    one.tensor =
        tensor3(arena, n, tokens, one.offset + (heads - 1) * one.step + size + ref_random(3));
    return one;
}

/* [1 or n, 1 or heads, others, tokens]; about a third of it minus infinity, so that now and then a
 * query has no key. */
static weft_tensor *draw_mask(weft_arena *arena, const attention_options *o)
{
    weft_shape shape = {
        .rank = 4,
        .dims = {ref_random(2) ? o->n : 1, ref_random(2) ? o->heads : 1, o->others, o->tokens}};
    weft_tensor *mask = ref_tensor_of(arena, WEFT_DTYPE_F32, &shape, NULL);
    for (int64_t i = 0; i < weft_ref_elems(&shape); i++)
        if (ref_random(3) == 0)
            weft_ref_put_f64(mask, i, -INFINITY);
    return mask;
}

static double masked(const attention_options *o, int64_t n, int64_t head, int64_t m, int64_t token)
{
    if (!o->mask)
        return 0;
    const int64_t *dims = o->mask->shape.dims;
    int64_t part = (dims[0] > 1 ? n : 0) * dims[1] + (dims[1] > 1 ? head : 0);
    return weft_ref_get_f64(o->mask, (part * dims[2] + m) * dims[3] + token);
}

static attention_options draw_attention(weft_arena *arena, weft_attrs *attrs)
{
    static const int64_t kv_heads[] = {0, 1, 2, 3};
    attention_options o = {.n = 1 + ref_random(2),
                           .tokens = 1 + ref_random(9),
                           .others = 1 + ref_random(9),
                           .size = 1 + ref_random(6),
                           .kv_heads = kv_heads[ref_random(4)]};
    int64_t v_size = ref_random(2) ? 0 : 1 + ref_random(6);
    float scale = 0.25F * (float)(1 + ref_random(4));
    o.heads = o.kv_heads ? o.kv_heads * (1 + ref_random(3)) : 1 + ref_random(4);
    o.scale = (double)scale;
    weft_attrs_set_int(attrs, arena, "heads", o.heads);
    weft_attrs_set_int(attrs, arena, "kv_heads", o.kv_heads);
    weft_attrs_set_int(attrs, arena, "head_size", o.size);
    weft_attrs_set_int(attrs, arena, "v_head_size", v_size);
    weft_attrs_set_float(attrs, arena, "scale", scale);
    o.v_size = v_size ? v_size : o.size;
    o.kv_heads = o.kv_heads ? o.kv_heads : o.heads;
    o.q = draw_operand(arena, attrs, "q", o.n, o.tokens, o.heads, o.size);
    o.k = draw_operand(arena, attrs, "k", o.n, o.others, o.kv_heads, o.size);
    o.v = draw_operand(arena, attrs, "v", o.n, o.others, o.kv_heads, o.v_size);
    o.residual = ref_random(2) ? tensor3(arena, o.n, o.tokens, o.heads * o.v_size) : NULL;
    o.mask = ref_random(2) ? draw_mask(arena, &o) : NULL;
    return o;
}

static double attended(const attention_options *o, int64_t n, int64_t token, int64_t channel)
{
    int64_t head = channel / o->v_size, c = channel % o->v_size;
    int64_t kv_head = head / (o->heads / o->kv_heads);
    double total = 0, sum = 0;
    for (int64_t m = 0; m < o->others; m++) {
        double score = 0;
        for (int64_t i = 0; i < o->size; i++)
            score += at3(o->q.tensor, n, token, o->q.offset + head * o->q.step + i) *
                     at3(o->k.tensor, n, m, o->k.offset + kv_head * o->k.step + i);
        double weight = exp(o->scale * score + masked(o, n, head, m, token));
        total += weight;
        sum += weight * at3(o->v.tensor, n, m, o->v.offset + kv_head * o->v.step + c);
    }
    return (total > 0 ? sum / total : 0) + (o->residual ? at3(o->residual, n, token, channel) : 0);
}

static void attention_is_a_weighted_sum(void **state)
{
    weft_arena *arena = *state;
    for (int round = 0; round < 300; round++) {
        weft_attrs attrs = {0};
        attention_options o = draw_attention(arena, &attrs);
        weft_tensor *y = tensor3(arena, o.n, o.tokens, o.heads * o.v_size);
        double *expected = WEFT_NEW_ARRAY(arena, double, (size_t)weft_ref_elems(&y->shape));
        for (int64_t i = 0; i < weft_ref_elems(&y->shape); i++) {
            int64_t channels = y->shape.dims[2];
            expected[i] =
                attended(&o, i / channels / o.tokens, i / channels % o.tokens, i % channels);
        }
        assert_int_equal(ref_run(weft_ref_attention, &attrs,
                                 REF_LIST(o.q.tensor, o.k.tensor, o.v.tensor, o.residual, o.mask),
                                 REF_LIST(y)),
                         WEFT_OK);
        ref_expect(y, expected, 1e-6);
    }
}

/* Scores far beyond the range of exp. */
static void attention_takes_large_scores(void **state)
{
    weft_arena *arena = *state;
    weft_attrs attrs = {0};
    weft_attrs_set_int(&attrs, arena, "heads", 1);
    weft_attrs_set_int(&attrs, arena, "head_size", 1);
    weft_attrs_set_float(&attrs, arena, "scale", 1.0F);
    weft_tensor *q = REF_F32(arena, "1x2x1", 1e6, -1e6), *k = REF_F32(arena, "1x3x1", 1, 2, 2),
                *v = REF_F32(arena, "1x3x1", 3, 5, 7), *y = tensor3(arena, 1, 2, 1);
    assert_int_equal(ref_run(weft_ref_attention, &attrs, REF_LIST(q, k, v), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 6, 3);
}

static void attention_refuses_what_does_not_fit(void **state)
{
    weft_arena *arena = *state;
    weft_tensor *x = tensor3(arena, 1, 2, 8), *y = tensor3(arena, 1, 2, 8);
    weft_attrs attrs = {0};
    assert_int_equal(ref_run(weft_ref_attention, &attrs, REF_LIST(x, x, x), REF_LIST(y)),
                     WEFT_INVALID);
    weft_attrs_set_int(&attrs, arena, "heads", 2);
    weft_attrs_set_int(&attrs, arena, "head_size", 5);
    assert_int_equal(ref_run(weft_ref_attention, &attrs, REF_LIST(x, x, x), REF_LIST(y)),
                     WEFT_INVALID);
    weft_attrs_set_int(&attrs, arena, "head_size", 4);
    weft_attrs_set_int(&attrs, arena, "kv_heads", 3);
    assert_int_equal(ref_run(weft_ref_attention, &attrs, REF_LIST(x, x, x), REF_LIST(y)),
                     WEFT_INVALID);
    x->dtype = WEFT_DTYPE_I32;
    assert_int_equal(ref_run(weft_ref_attention, &attrs, REF_LIST(x, x, x), REF_LIST(y)),
                     WEFT_UNSUPPORTED);
}

typedef struct grid_options {
    int64_t n, h, w, kh, kw, prefix, offset, channels, pads[4];
    weft_tensor *x, *weights, *bias, *residual;
} grid_options;

static grid_options draw_grid(weft_arena *arena, weft_attrs *attrs)
{
    grid_options o = {.n = 1 + ref_random(2),
                      .h = 1 + ref_random(5),
                      .w = 1 + ref_random(5),
                      .kh = 1 + ref_random(3),
                      .kw = 1 + ref_random(3),
                      .prefix = ref_random(3),
                      .offset = ref_random(3),
                      .channels = 1 + ref_random(5)};
    o.pads[0] = ref_random((uint32_t)o.kh);
    o.pads[1] = ref_random((uint32_t)o.kw);
    o.pads[2] = o.kh - 1 - o.pads[0];
    o.pads[3] = o.kw - 1 - o.pads[1];
    weft_attrs_set_ints(attrs, arena, "grid", (int64_t[]){o.h, o.w}, 2);
    weft_attrs_set_ints(attrs, arena, "pads", o.pads, 4);
    weft_attrs_set_int(attrs, arena, "prefix", o.prefix);
    weft_attrs_set_int(attrs, arena, "x_offset", o.offset);
    int64_t tokens = o.prefix + o.h * o.w;
    o.x = tensor3(arena, o.n, tokens, o.offset + o.channels + ref_random(3));
    o.weights = tensor3(arena, o.kh, o.kw, o.channels);
    if (ref_random(2))
        o.bias = ref_tensor_of(arena, WEFT_DTYPE_F32,
                               &(weft_shape){.rank = 1, .dims = {o.channels}}, NULL);
    if (ref_random(2))
        o.residual = tensor3(arena, o.n, tokens, o.channels);
    return o;
}

/* Adds what one element of x gives to the elements of y that its taps reach. */
static void scatter(const grid_options *o, int64_t n, int64_t row, int64_t col, int64_t c,
                    double *sums)
{
    int64_t tokens = o->prefix + o->h * o->w;
    double x = at3(o->x, n, o->prefix + row * o->w + col, o->offset + c);
    for (int64_t ky = 0; ky < o->kh; ky++)
        for (int64_t kx = 0; kx < o->kw; kx++) {
            int64_t r = row + o->pads[0] - ky, q = col + o->pads[1] - kx;
            if (r >= 0 && r < o->h && q >= 0 && q < o->w)
                sums[(n * tokens + o->prefix + r * o->w + q) * o->channels + c] +=
                    x * at3(o->weights, ky, kx, c);
        }
}

static void token_conv_equals_the_scattered_sum(void **state)
{
    weft_arena *arena = *state;
    for (int round = 0; round < 300; round++) {
        weft_attrs attrs = {0};
        grid_options o = draw_grid(arena, &attrs);
        int64_t tokens = o.prefix + o.h * o.w;
        weft_tensor *y = tensor3(arena, o.n, tokens, o.channels);
        double *expected = WEFT_NEW_ARRAY(arena, double, (size_t)weft_ref_elems(&y->shape));
        for (int64_t i = 0; i < o.n * o.h * o.w * o.channels; i++) {
            int64_t c = i % o.channels, position = i / o.channels % (o.h * o.w);
            scatter(&o, i / o.channels / (o.h * o.w), position / o.w, position % o.w, c, expected);
        }
        for (int64_t i = 0; i < weft_ref_elems(&y->shape); i++) {
            bool is_patch = i / o.channels % tokens >= o.prefix;
            expected[i] += o.bias && is_patch ? weft_ref_get_f64(o.bias, i % o.channels) : 0;
            expected[i] += o.residual ? weft_ref_get_f64(o.residual, i) : 0;
        }
        assert_int_equal(ref_run(weft_ref_token_conv, &attrs,
                                 REF_LIST(o.x, o.weights, o.bias, o.residual), REF_LIST(y)),
                         WEFT_OK);
        ref_expect(y, expected, 1e-6);
    }
}

static void token_conv_refuses_what_does_not_fit(void **state)
{
    weft_arena *arena = *state;
    weft_tensor *x = tensor3(arena, 1, 6, 4), *w = tensor3(arena, 3, 3, 4),
                *y = tensor3(arena, 1, 6, 4);
    weft_attrs attrs = {0};
    assert_int_equal(ref_run(weft_ref_token_conv, &attrs, REF_LIST(x, w), REF_LIST(y)),
                     WEFT_INVALID);
    weft_attrs_set_ints(&attrs, arena, "grid", (int64_t[]){2, 2}, 2);
    assert_int_equal(ref_run(weft_ref_token_conv, &attrs, REF_LIST(x, w), REF_LIST(y)),
                     WEFT_INVALID);
    weft_attrs_set_int(&attrs, arena, "prefix", 2);
    assert_int_equal(ref_run(weft_ref_token_conv, &attrs, REF_LIST(x, w), REF_LIST(y)), WEFT_OK);
    weft_attrs_set_int(&attrs, arena, "x_offset", 1);
    assert_int_equal(ref_run(weft_ref_token_conv, &attrs, REF_LIST(x, w), REF_LIST(y)),
                     WEFT_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(attention_is_a_weighted_sum, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(attention_takes_large_scores, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(attention_refuses_what_does_not_fit, ref_setup,
                                        ref_teardown),
        cmocka_unit_test_setup_teardown(token_conv_equals_the_scattered_sum, ref_setup,
                                        ref_teardown),
        cmocka_unit_test_setup_teardown(token_conv_refuses_what_does_not_fit, ref_setup,
                                        ref_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
