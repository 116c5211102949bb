/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QConv2D against a second formulation: each input element is scattered to the sums it
 * reaches, where the kernel gathers patches. */
#include <stdlib.h>
#include <string.h>

#include "kernels/ref/explain.h"
#include "tests/ref/quant_draw.h"

typedef struct conv {
    int32_t n, h, w, channels, group, outputs, kh, kw, stride[2], dilation[2], pads[4], oh, ow;
    bool nchw, has_table, has_residual, has_mean;
    int32_t x_zero;
    stage c;
    sum sum;
    ratio mean;
    int32_t mean_zero;
} conv;

static int32_t out_size(int32_t in, int32_t kernel, int32_t stride, int32_t dilation, int32_t pads)
{
    return (in + pads - (kernel - 1) * dilation - 1) / stride + 1;
}

static bool draw_conv(conv *c)
{
    *c = (conv){.n = between(1, 2), .h = between(1, 7), .w = between(1, 7), .kh = between(1, 3)};
    c->kw = between(1, 3);
    c->group = between(1, 3);
    c->channels = between(1, ref_random(4) ? 5 : 40);
    c->outputs = c->group * between(1, 3);
    c->nchw = ref_random(3) == 0;
    c->has_table = ref_random(2);
    c->has_residual = ref_random(2);
    c->has_mean = ref_random(2);
    for (int d = 0; d < 2; d++) {
        c->stride[d] = between(1, 2);
        c->dilation[d] = between(1, 2);
        c->pads[d] = between(0, 2);
        c->pads[2 + d] = between(0, 2);
    }
    const int32_t spare_h = c->h + c->pads[0] + c->pads[2] - (c->kh - 1) * c->dilation[0] - 1;
    const int32_t spare_w = c->w + c->pads[1] + c->pads[3] - (c->kw - 1) * c->dilation[1] - 1;
    if (spare_h < 0 || spare_w < 0)
        return false;
    c->oh = out_size(c->h, c->kh, c->stride[0], c->dilation[0], c->pads[0] + c->pads[2]);
    c->ow = out_size(c->w, c->kw, c->stride[1], c->dilation[1], c->pads[1] + c->pads[3]);
    return true;
}

/* Adds what input element (n, row, col, channel) contributes to every sum. */
static void scatter(const conv *c, const weft_tensor *w, int32_t value, int32_t n, int32_t row,
                    int32_t col, int32_t channel, int64_t *sums)
{
    const int32_t per_group = c->outputs / c->group, group = channel / c->channels;
    for (int32_t i = 0; i < c->kh * c->kw; i++) {
        const int32_t top = row + c->pads[0] - i / c->kw * c->dilation[0];
        const int32_t left = col + c->pads[1] - i % c->kw * c->dilation[1];
        if (top < 0 || left < 0 || top % c->stride[0] || left % c->stride[1])
            continue;
        const int32_t y = top / c->stride[0], x = left / c->stride[1];
        if (y >= c->oh || x >= c->ow)
            continue;
        for (int32_t o = group * per_group; o < (group + 1) * per_group; o++)
            sums[((n * c->oh + y) * c->ow + x) * c->outputs + o] +=
                value * get8(w, (o * c->kh * c->kw + i) * c->channels + channel % c->channels);
    }
}

static void scatter_all(const conv *c, const weft_tensor *x, const weft_tensor *w, int64_t *sums)
{
    const int32_t all = c->channels * c->group;
    for (int32_t n = 0; n < c->n; n++)
        for (int32_t row = 0; row < c->h; row++)
            for (int32_t col = 0; col < c->w; col++)
                for (int32_t k = 0; k < all; k++) {
                    const int32_t at = c->nchw ? ((n * all + k) * c->h + row) * c->w + col
                                               : ((n * c->h + row) * c->w + col) * all + k;
                    scatter(c, w, get8(x, at) - c->x_zero, n, row, col, k, sums);
                }
}

static void check_mean(const conv *c, const weft_tensor *y, const weft_tensor *mean)
{
    const int32_t zero = c->has_residual ? c->sum.y.zero : c->sum.a_zero;
    const int32_t low = least(y->dtype), pixels = c->oh * c->ow;
    for (int32_t i = 0; i < c->n * c->outputs; i++) {
        int32_t total = 0;
        for (int32_t p = 0; p < pixels; p++)
            total += get8(y, (i / c->outputs * pixels + p) * c->outputs + i % c->outputs) - zero;
        const stage s = {c->mean_zero, low, low + 255};
        assert_int_equal(get8(mean, i), finish(total * scale_of(c->mean), s));
    }
}

static void check_conv(weft_arena *arena, conv *c)
{
    weft_attrs attrs = {0};
    const weft_dtype x_type = draw_dtype(), c_type = draw_dtype(), r_type = draw_dtype();
    const weft_dtype t_type = c->has_table ? draw_dtype() : c_type;
    const weft_dtype y_type = c->has_residual ? draw_dtype() : t_type;
    const int32_t all = c->channels * c->group;
    weft_tensor *x = tensor8(
        arena, x_type, c->nchw ? shape4(c->n, all, c->h, c->w) : shape4(c->n, c->h, c->w, all));
    weft_tensor *w = tensor8(arena, WEFT_DTYPE_I8, shape4(c->outputs, c->kh, c->kw, c->channels));
    const weft_shape per_channel = {.rank = 1, .dims = {c->outputs}};
    weft_tensor *per[3];
    for (int i = 0; i < 3; i++)
        per[i] = ref_tensor_of(arena, WEFT_DTYPE_I32, &per_channel, NULL);
    int32_t *bias = per[0]->data, *mult = per[1]->data, *shift = per[2]->data;
    for (int32_t o = 0; o < c->outputs; o++) {
        const ratio r = draw_ratio(MULT_MAX, 62);
        /* The products come to less than 2^24: some sums lie just within the ends of s32. */
        const int32_t most = INT32_MAX - (1 << 24);
        bias[o] = ref_random(8) ? between(-20000, 20000) : ref_random(2) ? most : -most;
        mult[o] = r.mult;
        /* Mostly about the size of the sums, so that results lie inside 8 bits. */
        shift[o] = ref_random(4) ? between(24, 32) : r.shift;
    }
    const weft_shape out = shape4(c->n, c->oh, c->ow, c->outputs);
    weft_tensor *table = tensor8(arena, t_type, (weft_shape){.rank = 1, .dims = {256}});
    weft_tensor *residual = tensor8(arena, r_type, out);
    weft_tensor *y = ref_tensor_of(arena, y_type, &out, NULL);
    weft_tensor *mean =
        ref_tensor_of(arena, y_type, &(weft_shape){.rank = 2, .dims = {c->n, c->outputs}}, NULL);

    set_pair(&attrs, arena, "strides", c->stride, 2);
    set_pair(&attrs, arena, "dilations", c->dilation, 2);
    set_pair(&attrs, arena, "pads", c->pads, 4);
    set_int(&attrs, arena, "group", c->group);
    set_int(&attrs, arena, "x_nchw", c->nchw);
    weft_attrs_set_string(&attrs, arena, "c_type", name_of(c_type));
    weft_attrs_set_string(&attrs, arena, "to", name_of(y_type));
    c->x_zero = draw_zero(&attrs, arena, "x_zero", x_type);
    c->c = draw_stage(&attrs, arena, c_type, "c");
    c->sum = draw_sum(&attrs, arena, "a_mult", "b_mult", "add_shift", y_type);
    c->sum.a_zero = draw_zero(&attrs, arena, "a_zero", t_type);
    c->sum.b_zero = draw_zero(&attrs, arena, "b_zero", r_type);
    c->mean = draw_ratio(MULT_MAX, 62);
    c->mean.shift = ref_random(2) ? between(21, 28) : c->mean.shift;
    set_int(&attrs, arena, "mean_mult", c->mean.mult);
    set_int(&attrs, arena, "mean_shift", c->mean.shift);
    c->mean_zero = draw_zero(&attrs, arena, "mean_zero", y_type);

    weft_tensor *inputs[] = {x,
                             w,
                             per[0],
                             per[1],
                             per[2],
                             c->has_table ? table : NULL,
                             c->has_residual ? residual : NULL};
    weft_tensor *outputs[] = {y, c->has_mean ? mean : NULL};
    assert_int_equal(ref_run(weft_ref_q_conv2d, &attrs, inputs, 7, outputs, 2), WEFT_OK);

    int64_t *sums = calloc((size_t)elems_of(&out), sizeof *sums);
    assert_non_null(sums);
    scatter_all(c, x, w, sums);
    for (int32_t i = 0; i < elems_of(&out); i++) {
        const int32_t o = i % c->outputs;
        const ratio r = {mult[o], shift[o]};
        int32_t expected = finish((double)(sums[i] + bias[o]) * scale_of(r), c->c);
        if (c->has_table)
            expected = get8(table, c_type == WEFT_DTYPE_U8 ? expected : expected + 128);
        if (c->has_residual)
            expected = add(&c->sum, expected, get8(residual, i));
        assert_int_equal(get8(y, i), expected);
    }
    free(sums);
    if (c->has_mean)
        check_mean(c, y, mean);
}

static void convolutions(void **state)
{
    (void)state;
    for (int done = 0; done < CASES;) {
        conv c;
        if (!draw_conv(&c))
            continue;
        weft_arena *arena = weft_arena_create();
        check_conv(arena, &c);
        weft_arena_destroy(arena);
        done++;
    }
}

/* ---- products of normalised pixels ---- */

typedef struct norm {
    int64_t epsilon;
    int32_t beta_shift, shift;
} norm;

static norm draw_norm(weft_arena *arena, int32_t channels, weft_tensor **gamma, weft_tensor **beta)
{
    const weft_shape vector = {.rank = 1, .dims = {channels}};
    const int32_t gamma_max = 1 << between(0, 22), beta_max = 1 << between(0, 30);
    *gamma = ref_tensor_of(arena, WEFT_DTYPE_I32, &vector, NULL);
    *beta = ref_tensor_of(arena, WEFT_DTYPE_I32, &vector, NULL);
    for (int32_t i = 0; i < channels; i++) {
        ((int32_t *)(*gamma)->data)[i] = between(-gamma_max, gamma_max);
        ((int32_t *)(*beta)->data)[i] = between(-beta_max, beta_max);
    }
    return (norm){.epsilon = ref_random(4) ? (int64_t)ref_random(1U << 31) << between(0, 30) : 0,
                  .beta_shift = between(0, ref_random(2) ? 4 : 30),
                  .shift = between(1, ref_random(2) ? 40 : 62)};
}

static void set_norm(weft_attrs *attrs, weft_arena *arena, const char *prefix, norm n)
{
    weft_attrs_set_int(attrs, arena, weft_arena_printf(arena, "%sepsilon", prefix), n.epsilon);
    set_int(attrs, arena, weft_arena_printf(arena, "%sbeta_shift", prefix), n.beta_shift);
    set_int(attrs, arena, weft_arena_printf(arena, "%sshift", prefix), n.shift);
}

/* The account of one element ends in what the kernel gives. */
static void check_account(weft_arena *arena, const weft_attrs *attrs, weft_tensor *const *inputs,
                          weft_tensor *y)
{
    const weft_ref_call call = {attrs, (const weft_tensor *const *)inputs, 9, &y, 1};
    const int32_t element = between(0, (int32_t)elems_of(&y->shape) - 1);
    weft_ref_account account = {.arena = arena};
    weft_ref_explain(WEFT_OP_QConv2D, &call, 0, element, &account);
    assert_string_equal(account.lines.data[0].name, "norm");
    const char *last = account.lines.data[account.lines.count - 1].text;
    assert_int_equal(strtol(strrchr(last, '=') + 1, NULL, 10), get8(y, element));
}

/* One operator has the bits of weft.QLayerNorm and weft.QConv2D one after the other. */
static void check_normalised(weft_arena *arena)
{
    weft_attrs attrs = {0}, norm_attrs = {0};
    const int32_t channels = between(1, ref_random(16) ? 30 : 700), outputs = between(1, 5);
    const weft_shape in = shape4(between(1, 2), between(1, 3), between(1, 4), channels);
    const weft_shape out =
        shape4((int32_t)in.dims[0], (int32_t)in.dims[1], (int32_t)in.dims[2], outputs);
    const weft_dtype codes_type = draw_dtype(), c_type = draw_dtype();
    weft_tensor *x = tensor8(arena, draw_dtype(), in), *gamma, *beta;
    weft_tensor *codes = ref_tensor_of(arena, codes_type, &in, NULL);
    weft_tensor *w = tensor8(arena, WEFT_DTYPE_I8, shape4(outputs, 1, 1, channels)), *per[3];
    const norm n = draw_norm(arena, channels, &gamma, &beta);
    for (int i = 0; i < 3; i++)
        per[i] =
            ref_tensor_of(arena, WEFT_DTYPE_I32, &(weft_shape){.rank = 1, .dims = {outputs}}, NULL);
    for (int32_t o = 0; o < outputs; o++) {
        const ratio r = draw_ratio(MULT_MAX, 62);
        ((int32_t *)per[0]->data)[o] = between(-20000, 20000);
        ((int32_t *)per[1]->data)[o] = r.mult;
        ((int32_t *)per[2]->data)[o] = ref_random(4) ? between(24, 32) : r.shift;
    }
    const stage s = draw_stage(&norm_attrs, arena, codes_type, "y");
    set_norm(&norm_attrs, arena, "", n);
    assert_int_equal(
        ref_run(weft_ref_q_layer_norm, &norm_attrs, REF_LIST(x, gamma, beta), REF_LIST(codes)),
        WEFT_OK);
    weft_tensor *table = tensor8(arena, c_type, (weft_shape){.rank = 1, .dims = {256}});
    weft_tensor *y[2];
    for (int i = 0; i < 2; i++)
        y[i] = ref_tensor_of(arena, c_type, &out, NULL);
    weft_attrs_set_string(&attrs, arena, "c_type", name_of(c_type));
    weft_attrs_set_string(&attrs, arena, "to", name_of(c_type));
    draw_stage(&attrs, arena, c_type, "c");
    set_int(&attrs, arena, "x_zero", s.zero);
    weft_tensor *inputs[9] = {codes, w,    per[0], per[1], per[2], ref_random(2) ? table : NULL,
                              NULL,  NULL, NULL};
    assert_int_equal(ref_run(weft_ref_q_conv2d, &attrs, inputs, 7, &y[0], 1), WEFT_OK);
    weft_attrs_set_string(&attrs, arena, "norm_type", name_of(codes_type));
    set_norm(&attrs, arena, "norm_", n);
    set_int(&attrs, arena, "norm_min", s.low);
    set_int(&attrs, arena, "norm_max", s.high);
    inputs[0] = x;
    inputs[7] = gamma;
    inputs[8] = beta;
    assert_int_equal(ref_run(weft_ref_q_conv2d, &attrs, inputs, 9, &y[1], 1), WEFT_OK);
    assert_memory_equal(y[0]->data, y[1]->data, (size_t)elems_of(&out));
    check_account(arena, &attrs, inputs, y[1]);
    ((int32_t *)gamma->data)[0] = MULT_MAX + 1;
    assert_int_equal(ref_run(weft_ref_q_conv2d, &attrs, inputs, 9, &y[1], 1), WEFT_INVALID);
}

static void normalised_products(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        weft_arena *arena = weft_arena_create();
        check_normalised(arena);
        weft_arena_destroy(arena);
    }
}

/* Multipliers are data: what no contract allows is refused, whatever brought it. */
static void multipliers_out_of_range(void **state)
{
    static const int32_t bad[][2] = {{-1, 1}, {MULT_MAX + 1, 1}, {1, 0},        {1, 63},
                                     {1, -1}, {INT32_MIN, 1},    {1, INT32_MIN}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        weft_tensor *x = tensor8(*state, WEFT_DTYPE_U8, shape4(1, 1, 1, 1));
        weft_tensor *w = tensor8(*state, WEFT_DTYPE_I8, shape4(1, 1, 1, 1));
        weft_tensor *y = tensor8(*state, WEFT_DTYPE_I8, shape4(1, 1, 1, 1));
        weft_tensor *bias = ref_tensor(*state, WEFT_DTYPE_I32, "1", (const double[]){0});
        weft_tensor *mult = ref_tensor(*state, WEFT_DTYPE_I32, "1", (const double[]){bad[i][0]});
        weft_tensor *shift = ref_tensor(*state, WEFT_DTYPE_I32, "1", (const double[]){bad[i][1]});
        assert_int_equal(
            ref_run(weft_ref_q_conv2d, NULL, REF_LIST(x, w, bias, mult, shift), REF_LIST(y)),
            WEFT_INVALID);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ref_setup, ref_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(convolutions),
        TEST(normalised_products),
        TEST(multipliers_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
