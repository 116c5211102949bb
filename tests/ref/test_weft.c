/* SPDX-License-Identifier: Apache-2.0 */
/* The weft-domain reference kernels against second formulations that share nothing with them: the
 * convolution here scatters each input element to the outputs it reaches, where the kernel gathers.
 * Options are drawn from a fixed pseudo-random sequence so that their combinations are met too. */
#include "tests/ref/ref_call.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/ref/element.h"

static const char *const act_names[] = {"none", "relu", "clip",     "sigmoid",
                                        "silu", "gelu", "gelu_tanh"};

static double act_of(const char *name, double x)
{
    if (strcmp(name, "relu") == 0)
        return fmax(x, 0);
    if (strcmp(name, "clip") == 0)
        return fmin(fmax(x, -0.5), 1.25);
    if (strcmp(name, "sigmoid") == 0)
        return 0.5 * (1 + tanh(0.5 * x));
    if (strcmp(name, "gelu") == 0)
        return x * 0.5 * erfc(-x * sqrt(0.5));
    if (strcmp(name, "gelu_tanh") == 0)
        return x / (1 + exp(-2 * 0.7978845608028654 * x * (1 + 0.044715 * x * x)));
    return strcmp(name, "silu") == 0 ? x * 0.5 * (1 + tanh(0.5 * x)) : x;
}

static const char *set_act(weft_attrs *attrs, weft_arena *arena, const char *prefix)
{
    const char *name = act_names[ref_random(7)];
    weft_attrs_set_string(attrs, arena, prefix, name);
    weft_attrs_set_float(attrs, arena, weft_arena_printf(arena, "%s_min", prefix), -0.5f);
    weft_attrs_set_float(attrs, arena, weft_arena_printf(arena, "%s_max", prefix), 1.25f);
    return name;
}

static weft_tensor *tensor4(weft_arena *arena, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return ref_tensor_of(arena, WEFT_DTYPE_F32, &(weft_shape){.rank = 4, .dims = {a, b, c, d}},
                         NULL);
}

static weft_tensor *tensor2(weft_arena *arena, int64_t a, int64_t b)
{
    return ref_tensor_of(arena, WEFT_DTYPE_F32, &(weft_shape){.rank = 2, .dims = {a, b}}, NULL);
}

static double at4(const weft_tensor *t, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int64_t *dims = t->shape.dims;
    return weft_ref_get_f64(t, ((a * dims[1] + b) * dims[2] + c) * dims[3] + d);
}

typedef struct conv_options {
    int64_t n, h, w, ic, oc, kh, kw, sh, sw, dh, dw, group, pad[4];
    bool pool, nchw;
} conv_options;

/* x as the convolution sees it: [n, y, x, c] after the optional pooling. */
static double pixel(const conv_options *o, const weft_tensor *x, int64_t n, int64_t row,
                    int64_t col, int64_t c)
{
    if (!o->pool)
        return o->nchw ? at4(x, n, c, row, col) : at4(x, n, row, col, c);
    double sum = 0, count = 0;
    for (int64_t r = 2 * row; r <= 2 * row + 1 && r < o->h; r++) {
        for (int64_t q = 2 * col; q <= 2 * col + 1 && q < o->w; q++, count++)
            sum += o->nchw ? at4(x, n, c, r, q) : at4(x, n, r, q, c);
    }
    return sum / count;
}

static void scatter_conv(const conv_options *o, const weft_tensor *x, const weft_tensor *w,
                         int64_t oh, int64_t ow, double *sums)
{
    int64_t h = o->pool ? (o->h + 1) / 2 : o->h, width = o->pool ? (o->w + 1) / 2 : o->w;
    int64_t ic_group = o->ic / o->group, oc_group = o->oc / o->group;
    for (int64_t n = 0; n < o->n; n++)
        for (int64_t row = 0; row < h; row++)
            for (int64_t col = 0; col < width; col++)
                for (int64_t c = 0; c < o->ic; c++)
                    for (int64_t kh = 0; kh < o->kh; kh++)
                        for (int64_t kw = 0; kw < o->kw; kw++) {
                            int64_t r = row + o->pad[0] - kh * o->dh,
                                    q = col + o->pad[1] - kw * o->dw;
                            if (r < 0 || q < 0 || r % o->sh || q % o->sw || r / o->sh >= oh ||
                                q / o->sw >= ow)
                                continue;
                            int64_t first = c / ic_group * oc_group;
                            for (int64_t oc = first; oc < first + oc_group; oc++)
                                sums[((n * oh + r / o->sh) * ow + q / o->sw) * o->oc + oc] +=
                                    pixel(o, x, n, row, col, c) * at4(w, oc, kh, kw, c % ic_group);
                        }
}

static conv_options draw_conv(void)
{
    static const int64_t groups[] = {1, 1, 2, 4};
    conv_options o = {.n = 1 + ref_random(2),
                      .h = 5 + ref_random(5),
                      .w = 5 + ref_random(5),
                      .kh = 1 + ref_random(3),
                      .kw = 1 + ref_random(3),
                      .sh = 1 + ref_random(2),
                      .sw = 1 + ref_random(2),
                      .dh = 1 + ref_random(2),
                      .dw = 1 + ref_random(2),
                      .group = groups[ref_random(4)],
                      .pool = ref_random(3) == 0,
                      .nchw = ref_random(3) == 0};
    o.ic = o.group * (1 + ref_random(3));
    o.oc = o.group * (1 + ref_random(5));
    for (int i = 0; i < 4; i++)
        o.pad[i] = ref_random(3);
    return o;
}

static bool check_conv(weft_arena *arena)
{
    conv_options o = draw_conv();
    weft_attrs attrs = {0};
    int64_t h = o.pool ? (o.h + 1) / 2 : o.h, w = o.pool ? (o.w + 1) / 2 : o.w;
    int64_t oh = h + o.pad[0] + o.pad[2] - (o.kh - 1) * o.dh - 1,
            ow = w + o.pad[1] + o.pad[3] - (o.kw - 1) * o.dw - 1;
    if (oh < 0 || ow < 0)
        return false; /* the kernel is larger than the padded input */
    oh = oh / o.sh + 1;
    ow = ow / o.sw + 1;
    weft_attrs_set_ints(&attrs, arena, "strides", (int64_t[]){o.sh, o.sw}, 2);
    weft_attrs_set_ints(&attrs, arena, "dilations", (int64_t[]){o.dh, o.dw}, 2);
    weft_attrs_set_ints(&attrs, arena, "pads", o.pad, 4);
    weft_attrs_set_int(&attrs, arena, "group", o.group);
    weft_attrs_set_int(&attrs, arena, "pool", o.pool);
    weft_attrs_set_int(&attrs, arena, "x_nchw", o.nchw);
    const char *act = set_act(&attrs, arena, "act");
    weft_tensor *x =
        o.nchw ? tensor4(arena, o.n, o.ic, o.h, o.w) : tensor4(arena, o.n, o.h, o.w, o.ic);
    weft_tensor *weights = tensor4(arena, o.oc, o.kh, o.kw, o.ic / o.group);
    weft_tensor *bias = ref_random(2) ? tensor2(arena, 1, o.oc) : NULL;
    weft_tensor *residual = ref_random(2) ? tensor4(arena, o.n, oh, ow, o.oc) : NULL;
    weft_tensor *gate = residual && ref_random(2) ? tensor2(arena, o.n, o.oc) : NULL;
    weft_tensor *y = tensor4(arena, o.n, oh, ow, o.oc),
                *mean = ref_random(2) ? tensor2(arena, o.n, o.oc) : NULL;
    size_t elems = (size_t)(o.n * oh * ow * o.oc);
    double *expected = WEFT_NEW_ARRAY(arena, double, elems),
           *means = WEFT_NEW_ARRAY(arena, double, elems);
    scatter_conv(&o, x, weights, oh, ow, expected);
    for (int64_t i = 0; i < (int64_t)elems; i++) {
        int64_t c = i % o.oc, n = i / (oh * ow * o.oc);
        expected[i] += bias ? weft_ref_get_f64(bias, c) : 0;
        expected[i] += (residual ? weft_ref_get_f64(residual, i) : 0) *
                       (gate ? weft_ref_get_f64(gate, n * o.oc + c) : 1);
        expected[i] = act_of(act, expected[i]);
        means[n * o.oc + c] += expected[i] / (double)(oh * ow);
    }
    assert_int_equal(ref_run(weft_ref_conv2d, &attrs, REF_LIST(x, weights, bias, residual, gate),
                             REF_LIST(y, mean)),
                     WEFT_OK);
    ref_expect(y, expected, 1e-6);
    if (mean)
        ref_expect(mean, means, 1e-6);
    return true;
}

static void conv2d_equals_the_scattered_sum(void **state)
{
    int checked = 0;
    for (int i = 0; i < 600; i++)
        checked += check_conv(*state);
    assert_true(checked > 500);
}

static void conv2d_refuses_what_it_cannot_do(void **state)
{
    weft_attrs attrs = {0};
    weft_tensor *x = tensor4(*state, 1, 3, 3, 2), *w = tensor4(*state, 2, 1, 1, 2),
                *y = tensor4(*state, 1, 3, 3, 2);
    weft_tensor *gate = tensor2(*state, 1, 2);
    assert_int_equal(ref_run(weft_ref_conv2d, NULL, REF_LIST(x, w, NULL, NULL, gate), REF_LIST(y)),
                     WEFT_INVALID);
    weft_attrs_set_int(&attrs, *state, "group", 3);
    assert_int_equal(ref_run(weft_ref_conv2d, &attrs, REF_LIST(x, w), REF_LIST(y)), WEFT_INVALID);
    weft_attrs_set_int(&attrs, *state, "group", 1);
    weft_attrs_set_string(&attrs, *state, "act", "other");
    assert_int_equal(ref_run(weft_ref_conv2d, &attrs, REF_LIST(x, w), REF_LIST(y)),
                     WEFT_UNSUPPORTED);
    x->dtype = WEFT_DTYPE_I32;
    assert_int_equal(ref_run(weft_ref_conv2d, NULL, REF_LIST(x, w), REF_LIST(y)), WEFT_UNSUPPORTED);
}

/* Of count elements: the mean, and 1 / deviation from the mean of the squares. */
static void moments_of(const weft_tensor *x, int64_t first, int64_t count, double *out_mean,
                       double *out_factor)
{
    double sum = 0, squares = 0;
    for (int64_t i = first; i < first + count; i++) {
        sum += weft_ref_get_f64(x, i);
        squares += weft_ref_get_f64(x, i) * weft_ref_get_f64(x, i);
    }
    *out_mean = sum / (double)count;
    *out_factor =
        pow(fmax(squares / (double)count - *out_mean * *out_mean, 0) + (double)0.01F, -0.5);
}

static void linear_is_a_sum_per_row(void **state)
{
    weft_arena *arena = *state;
    for (int round = 0; round < 100; round++) {
        weft_attrs attrs = {0};
        int64_t a = 1 + ref_random(3), b = 1 + ref_random(6), k = 1 + ref_random(20),
                m = 1 + ref_random(11);
        const char *act = set_act(&attrs, arena, "act");
        weft_tensor *x = tensor4(arena, 1, a, b, k), *w = tensor2(arena, m, k),
                    *y = tensor4(arena, 1, a, b, m);
        weft_tensor *bias = ref_random(2) ? tensor2(arena, 1, m) : NULL;
        weft_tensor *residual = ref_random(2) ? tensor4(arena, 1, a, b, m) : NULL;
        double *expected = WEFT_NEW_ARRAY(arena, double, (size_t)(a * b * m));
        bool is_normalised = ref_random(2);
        if (is_normalised)
            weft_attrs_set_float(&attrs, arena, "norm_epsilon", 0.01F);
        for (int64_t i = 0; i < a * b * m; i++) {
            double shift = 0, factor = 1;
            if (is_normalised)
                moments_of(x, i / m * k, k, &shift, &factor);
            double sum = residual ? weft_ref_get_f64(residual, i) : 0;
            for (int64_t j = k - 1; j >= 0; j--)
                sum += weft_ref_get_f64(w, i % m * k + j) *
                       (weft_ref_get_f64(x, i / m * k + j) - shift) * factor;
            expected[i] = act_of(act, bias ? sum + weft_ref_get_f64(bias, i % m) : sum);
        }
        assert_int_equal(
            ref_run(weft_ref_linear, &attrs, REF_LIST(x, w, bias, residual), REF_LIST(y)), WEFT_OK);
        ref_expect(y, expected, 1e-6);
    }
}

static void gate_scales_channels(void **state)
{
    weft_arena *arena = *state;
    for (int round = 0; round < 100; round++) {
        weft_attrs attrs = {0};
        int64_t n = 1 + ref_random(2), k = 1 + ref_random(5), c = 1 + ref_random(6);
        int64_t h = 1 + ref_random(4), w = 1 + ref_random(4);
        const char *gate_act = set_act(&attrs, arena, "gate_act"),
                   *act = set_act(&attrs, arena, "act");
        if (ref_random(3) == 0) {
            weft_attrs_remove(&attrs, "gate_act");
            gate_act = "sigmoid"; /* the default */
        }
        weft_tensor *hidden = tensor2(arena, n, k), *weights = tensor2(arena, c, k),
                    *t = tensor4(arena, n, h, w, c);
        weft_tensor *bias = ref_random(2) ? tensor2(arena, 1, c) : NULL;
        weft_tensor *residual = ref_random(2) ? tensor4(arena, n, h, w, c) : NULL;
        weft_tensor *y = tensor4(arena, n, h, w, c),
                    *mean = ref_random(2) ? tensor2(arena, n, c) : NULL;
        double *expected = WEFT_NEW_ARRAY(arena, double, (size_t)(n * h * w * c));
        double *means = WEFT_NEW_ARRAY(arena, double, (size_t)(n * c));
        for (int64_t i = 0; i < n * h * w * c; i++) {
            int64_t channel = i % c, image = i / (h * w * c);
            double gate = 0;
            for (int64_t j = 0; j < k; j++)
                gate += weft_ref_get_f64(weights, channel * k + j) *
                        weft_ref_get_f64(hidden, image * k + j);
            gate = act_of(gate_act, gate + (bias ? weft_ref_get_f64(bias, channel) : 0));
            expected[i] =
                weft_ref_get_f64(t, i) * gate + (residual ? weft_ref_get_f64(residual, i) : 0);
            expected[i] = act_of(act, expected[i]);
            means[image * c + channel] += expected[i] / (double)(h * w);
        }
        assert_int_equal(ref_run(weft_ref_gate, &attrs,
                                 REF_LIST(hidden, weights, bias, t, residual), REF_LIST(y, mean)),
                         WEFT_OK);
        ref_expect(y, expected, 1e-6);
        if (mean)
            ref_expect(mean, means, 1e-6);
    }
}

typedef struct pool_options {
    int64_t size[2], kernel[2], stride[2], dilation[2], pad[4], out[2];
    bool ceil_mode, include_pad, average;
} pool_options;

/* ONNX's output size: a window that would start behind the input and its leading padding is
 * dropped. */
static bool draw_pool(pool_options *o)
{
    *o = (pool_options){
        .ceil_mode = ref_random(2), .include_pad = ref_random(2), .average = ref_random(2)};
    for (int d = 0; d < 2; d++) {
        o->size[d] = 3 + ref_random(7);
        o->kernel[d] = 1 + ref_random(3);
        o->stride[d] = 1 + ref_random(3);
        o->dilation[d] = 1 + ref_random(2);
        o->pad[d] = ref_random((uint32_t)o->kernel[d]);
        o->pad[2 + d] = ref_random((uint32_t)o->kernel[d]);
        int64_t span =
            o->size[d] + o->pad[d] + o->pad[2 + d] - (o->kernel[d] - 1) * o->dilation[d] - 1;
        if (span < 0)
            return false;
        o->out[d] = (span + (o->ceil_mode ? o->stride[d] - 1 : 0)) / o->stride[d] + 1;
        if ((o->out[d] - 1) * o->stride[d] >= o->size[d] + o->pad[d])
            o->out[d]--;
    }
    return true;
}

/* The same pool in coordinates of the padded image, where the kernel's are those of the input. */
static double pooled_at(const pool_options *o, const weft_tensor *x, int64_t row, int64_t col,
                        int64_t c)
{
    double sum = 0, best = -INFINITY;
    int64_t inside = 0, padded = 0;
    for (int64_t i = 0; i < o->kernel[0] * o->kernel[1]; i++) {
        int64_t r = row * o->stride[0] + i / o->kernel[1] * o->dilation[0];
        int64_t q = col * o->stride[1] + i % o->kernel[1] * o->dilation[1];
        if (r >= o->pad[0] + o->size[0] + o->pad[2] || q >= o->pad[1] + o->size[1] + o->pad[3])
            continue;
        padded++;
        if (r < o->pad[0] || q < o->pad[1] || r >= o->pad[0] + o->size[0] ||
            q >= o->pad[1] + o->size[1])
            continue;
        inside++;
        sum += at4(x, 0, r - o->pad[0], q - o->pad[1], c);
        best = fmax(best, at4(x, 0, r - o->pad[0], q - o->pad[1], c));
    }
    if (!o->average)
        return best;
    int64_t divisor = o->include_pad ? padded : inside;
    return divisor ? sum / (double)divisor : 0;
}

static void pool2d_equals_pooling_a_padded_image(void **state)
{
    weft_arena *arena = *state;
    int checked = 0;
    for (int round = 0; round < 400; round++) {
        pool_options o;
        weft_attrs attrs = {0};
        if (!draw_pool(&o))
            continue;
        weft_attrs_set_string(&attrs, arena, "mode", o.average ? "average" : "max");
        weft_attrs_set_ints(&attrs, arena, "kernel_shape", o.kernel, 2);
        weft_attrs_set_ints(&attrs, arena, "strides", o.stride, 2);
        weft_attrs_set_ints(&attrs, arena, "dilations", o.dilation, 2);
        weft_attrs_set_ints(&attrs, arena, "pads", o.pad, 4);
        weft_attrs_set_int(&attrs, arena, "ceil_mode", o.ceil_mode);
        weft_attrs_set_int(&attrs, arena, "count_include_pad", o.include_pad);
        weft_tensor *x = tensor4(arena, 1, o.size[0], o.size[1], 3),
                    *y = tensor4(arena, 1, o.out[0], o.out[1], 3);
        double *expected = WEFT_NEW_ARRAY(arena, double, (size_t)(o.out[0] * o.out[1] * 3));
        for (int64_t i = 0; i < o.out[0] * o.out[1] * 3; i++)
            expected[i] = pooled_at(&o, x, i / 3 / o.out[1], i / 3 % o.out[1], i % 3);
        assert_int_equal(ref_run(weft_ref_pool2d, &attrs, REF_LIST(x), REF_LIST(y)), WEFT_OK);
        ref_expect(y, expected, 1e-6);
        checked++;
    }
    assert_true(checked > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(conv2d_equals_the_scattered_sum, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(conv2d_refuses_what_it_cannot_do, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(linear_is_a_sum_per_row, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(gate_scales_channels, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(pool2d_equals_pooling_a_padded_image, ref_setup,
                                        ref_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
