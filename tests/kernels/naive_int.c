/* SPDX-License-Identifier: Apache-2.0 */
/* See naive_int.h. */
#include "tests/kernels/naive_int.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/qpack.h"
#include "kernels/include/weft_int_rows.h"
#include "kernels/include/weft_ratio.h"
#include "tests/kernels/naive.h"

static size_t as_size(int value)
{
    return (size_t)value;
}

int weft_naive_value(int is_signed)
{
    const int pick = weft_naive_between(0, 7), low = is_signed ? -128 : 0;
    return pick == 0 ? low : pick == 1 ? low + 255 : weft_naive_between(low, low + 255);
}

uint8_t *weft_naive_bytes(size_t count)
{
    uint8_t *bytes = malloc(count + 1);
    assert_non_null(bytes);
    const int kind = weft_naive_between(0, 7);
    for (size_t i = 0; i < count; i++)
        bytes[i] = kind == 0   ? 0
                   : kind == 1 ? 255
                   : kind == 2 ? 128
                   : kind == 3 ? 127
                               : (uint8_t)weft_naive_between(0, 255);
    return bytes;
}

void weft_naive_range(int is_signed, int *out_zero, int *out_min, int *out_max)
{
    const int a = weft_naive_value(is_signed), b = weft_naive_value(is_signed);
    *out_zero = weft_naive_value(is_signed);
    const int is_whole = weft_naive_between(0, 1);
    *out_min = is_whole ? (is_signed ? -128 : 0) : a < b ? a : b;
    *out_max = is_whole ? (is_signed ? 127 : 255) : a < b ? b : a;
}

void weft_naive_ratio(double typical_sum, int32_t *out_mult, int32_t *out_shift)
{
    const int kind = weft_naive_between(0, 15);
    struct weft_ratio ratio = {0, 1};
    if (kind == 0) {
        ratio =
            (struct weft_ratio){weft_naive_between(0, WEFT_MULT_MAX), weft_naive_between(1, 62)};
    } else if (kind == 1) {
        ratio = (struct weft_ratio){WEFT_MULT_MAX, weft_naive_between(0, 1) ? 1 : 62};
    } else if (kind <= 4) {
        /* A power of two: sums often lie half way between two results. */
        assert_true(weft_ratio_make(ldexp(1, -weft_naive_between(1, 14)), &ratio));
    } else {
        assert_true(
            weft_ratio_make((1 + (double)weft_naive_between(0, 400)) / typical_sum, &ratio));
    }
    *out_mult = ratio.mult;
    *out_shift = ratio.shift;
}

void weft_naive_ratio_pair(int *out_a_mult, int *out_b_mult, int *out_shift)
{
    int32_t a = 0, b = 0, shift = 1;
    const int kind = weft_naive_between(0, 15);
    if (kind == 0) {
        a = weft_naive_between(0, 1) ? WEFT_ADD_MULT_MAX : 0;
        b = weft_naive_between(0, 1) ? WEFT_ADD_MULT_MAX : 0;
        shift = weft_naive_between(0, 1) ? WEFT_ADD_SHIFT_MAX : 1;
    } else {
        assert_true(
            weft_ratio_pair_make(exp2(weft_naive_between(-9, 6)) * (1 + weft_naive_between(0, 9)),
                                 exp2(weft_naive_between(-9, 6)), &a, &b, &shift));
    }
    *out_a_mult = a;
    *out_b_mult = b;
    *out_shift = shift;
}

void weft_naive_norm(int count, int32_t *gamma, int32_t *beta, weft_layer_norm *out)
{
    const double x_scale = exp2(-weft_naive_between(0, 9)),
                 y_scale = exp2(-weft_naive_between(2, 8));
    float *scale = malloc(as_size(count) * sizeof *scale),
          *bias = malloc(as_size(count) * sizeof *bias);
    assert_true(scale && bias);
    for (int i = 0; i < count; i++) {
        scale[i] = weft_naive_random();
        bias[i] = weft_naive_random();
    }
    assert_true(
        weft_layer_norm_make(count, 1e-6, x_scale, y_scale * 1.01, scale, bias, out, gamma, beta));
    free(scale);
    free(bias);
    if (weft_naive_between(0, 9) > 0)
        return;
    out->epsilon = (int64_t)weft_naive_between(0, INT32_MAX) << weft_naive_between(0, 30);
    out->beta_shift = weft_naive_between(0, 30);
    out->shift = weft_naive_between(1, 62);
    for (int i = 0; i < count; i++) {
        gamma[i] = weft_naive_between(-WEFT_MULT_MAX, WEFT_MULT_MAX);
        beta[i] = weft_naive_between(-(1 << 30), 1 << 30);
    }
}

double weft_naive_margin(int count, const int32_t *gamma, const int32_t *beta,
                         const weft_layer_norm *norm)
{
    double largest[2] = {0, 0};
    for (int i = 0; i < count; i++) {
        largest[0] = fmax(largest[0], fabs((double)gamma[i]));
        largest[1] = fmax(largest[1], fabs((double)beta[i]));
    }
    return weft_qnorm_margin(largest[0], largest[1], norm->beta_shift, norm->shift);
}

/* ---- layers ---- */

static int out_size(int in, int before, int after, int kernel, int dilation, int stride)
{
    return (in + before + after - (kernel - 1) * dilation - 1) / stride + 1;
}

/* Groups as networks have them: one channel each, or a few channels in and out. */
static void random_channels(struct naive_layer *l, enum naive_form form)
{
    struct weft_cpu_qconv_shape *s = &l->shape;
    l->groups = 1;
    s->ic = weft_naive_between(0, 7) == 0 ? weft_naive_between(60, 90) : weft_naive_between(1, 37);
    s->oc = weft_naive_between(1, 70);
    if (form == NAIVE_NORM && weft_naive_between(0, 39) == 0) {
        s->ic = weft_naive_between(0, 3) ? weft_naive_between(300, 1200) : WEFT_ROW_MAX;
        s->ih = weft_naive_between(1, 3);
        s->iw = weft_naive_between(1, 3);
    }
    if (form != NAIVE_GROUPED)
        return;
    const int kind = weft_naive_between(0, 3), lanes = weft_naive_between(0, 1) ? 8 : 16;
    l->groups = kind == 0 ? weft_naive_between(1, 4) : weft_naive_between(1, 70);
    const int ocg = kind == 0   ? lanes * weft_naive_between(1, 2)
                    : kind == 1 ? weft_naive_between(1, 70 / l->groups)
                                : 1;
    s->ic = l->groups * (kind == 2 || kind == 3 ? 1 : weft_naive_between(1, 4));
    s->oc = l->groups * ocg;
}

static void random_shape(struct naive_layer *l, enum naive_form form)
{
    struct weft_cpu_qconv_shape *s = &l->shape;
    const int is_winograd = form == NAIVE_WINOGRAD;
    s->is_normalised = form == NAIVE_NORM;
    const int is_point = s->is_normalised || (!is_winograd && weft_naive_between(0, 3) == 0);
    s->n = weft_naive_between(1, 2);
    s->ih = weft_naive_between(1, 9);
    s->iw = weft_naive_between(1, 13);
    random_channels(l, form);
    s->kh = is_winograd ? 3 : is_point ? 1 : weft_naive_between(1, 4);
    s->kw = is_winograd ? 3 : is_point ? 1 : weft_naive_between(1, 4);
    s->sh = is_winograd ? 1 : weft_naive_between(1, is_point ? 2 : 3);
    s->sw = is_winograd ? 1 : weft_naive_between(1, is_point ? 2 : 3);
    s->dh = is_winograd ? 1 : weft_naive_between(1, 2);
    s->dw = is_winograd ? 1 : weft_naive_between(1, 2);
    if (s->is_normalised)
        s->sh = s->sw = 1;
    s->is_nchw = !is_winograd && !s->is_normalised && weft_naive_between(0, 5) == 0;
    s->pt = is_point ? 0 : weft_naive_between(0, 2);
    s->pl = is_point ? 0 : weft_naive_between(0, 2);
    l->pb = is_point ? 0 : weft_naive_between(0, 2);
    l->pr = is_point ? 0 : weft_naive_between(0, 2);
    while (s->ih + s->pt + l->pb < (s->kh - 1) * s->dh + 1)
        s->ih++;
    while (s->iw + s->pl + l->pr < (s->kw - 1) * s->dw + 1)
        s->iw++;
    s->oh = out_size(s->ih, s->pt, l->pb, s->kh, s->dh, s->sh);
    s->ow = out_size(s->iw, s->pl, l->pr, s->kw, s->dw, s->sw);
    s->has_sums = weft_naive_between(0, 1);
}

static void random_flags(struct naive_layer *l)
{
    static const int even_chances[] = {NAIVE_X_SIGNED, NAIVE_C_SIGNED, NAIVE_T_SIGNED,
                                       NAIVE_RES_SIGNED};
    for (size_t i = 0; i < sizeof even_chances / sizeof even_chances[0]; i++)
        l->flags |= weft_naive_between(0, 1) ? even_chances[i] : 0;
    l->flags |= weft_naive_between(0, 2) == 0 ? NAIVE_TABLE : 0;
    l->flags |= weft_naive_between(0, 2) == 0 ? NAIVE_RES : 0;
    l->flags |= l->shape.has_sums ? NAIVE_SUMS : 0;
    if (l->shape.is_normalised)
        l->flags |= NAIVE_NORMALISED | (weft_naive_between(0, 1) ? NAIVE_NORM_SIGNED : 0);
}

/* Draws a normalisation and makes l->codes of l->x. */
static void normalise(struct naive_layer *l)
{
    const struct weft_cpu_qconv_shape *s = &l->shape;
    const size_t channels = as_size(s->ic), pixels = as_size(s->n * s->ih * s->iw);
    l->gamma = malloc(channels * sizeof *l->gamma);
    l->beta = malloc(channels * sizeof *l->beta);
    l->codes = malloc(pixels * channels);
    assert_true(l->gamma && l->beta && l->codes);
    weft_naive_norm(s->ic, l->gamma, l->beta, &l->norm);
    weft_naive_range(l->flags & NAIVE_NORM_SIGNED, &l->x_zero, &l->norm_min, &l->norm_max);
    for (size_t p = 0; p < pixels; p++)
        weft_layer_norm_row(l->x + p * channels, l->codes + p * channels, s->ic, 1,
                            l->flags & NAIVE_X_SIGNED, l->norm.epsilon, l->gamma, l->beta,
                            l->norm.beta_shift, l->norm.shift, l->x_zero, l->norm_min, l->norm_max);
}

static int64_t sum_of(const struct naive_layer *l, int n, int oy, int ox, int o)
{
    const struct weft_cpu_qconv_shape *s = &l->shape;
    const int icg = s->ic / l->groups, first = o / (s->oc / l->groups) * icg;
    const uint8_t *x = l->codes ? l->codes : l->x;
    const int is_signed = l->flags & (l->codes ? NAIVE_NORM_SIGNED : NAIVE_X_SIGNED);
    int64_t sum = l->bias[o];
    for (int i = 0; i < s->kh; i++)
        for (int j = 0; j < s->kw; j++) {
            const int iy = oy * s->sh - s->pt + i * s->dh, ix = ox * s->sw - s->pl + j * s->dw;
            if (iy < 0 || iy >= s->ih || ix < 0 || ix >= s->iw)
                continue;
            for (int c = 0; c < icg; c++) {
                const int at = s->is_nchw ? ((n * s->ic + first + c) * s->ih + iy) * s->iw + ix
                                          : ((n * s->ih + iy) * s->iw + ix) * s->ic + first + c;
                sum += (weft_byte_value(x[at], is_signed) - l->x_zero) *
                       l->w[((o * s->kh + i) * s->kw + j) * icg + c];
            }
        }
    return sum;
}

static void compute(struct naive_layer *l)
{
    const struct weft_cpu_qconv_shape *s = &l->shape;
    size_t at = 0;
    const int least = l->flags & NAIVE_C_SIGNED ? -128 : 0;
    int is_small = 1, saturates = l->c_min == least && l->c_max == least + 255;
    for (int n = 0; n < s->n; n++)
        for (int oy = 0; oy < s->oh; oy++)
            for (int ox = 0; ox < s->ow; ox++)
                for (int o = 0; o < s->oc; o++, at++) {
                    const int64_t sum = sum_of(l, n, oy, ox, o);
                    assert_true(sum >= INT32_MIN && sum <= INT32_MAX); /* the contract */
                    is_small = is_small && sum >= -(1 << 24) && sum <= 1 << 24;
                    saturates = saturates &&
                                fabs(ldexp((double)(sum * l->mult[o]), -l->shift[o])) < 1 << 22;
                    int v = weft_requantise((int32_t)sum, l->mult[o], l->shift[o], l->c_zero,
                                            l->c_min, l->c_max);
                    if (l->flags & NAIVE_TABLE)
                        v = weft_byte_value(
                            l->table[weft_table_index(v, l->flags & NAIVE_C_SIGNED)],
                            l->flags & NAIVE_T_SIGNED);
                    if (l->flags & NAIVE_RES)
                        v = weft_add_stage(
                            v - l->a_zero, l->a_mult,
                            weft_byte_value(l->res[at], l->flags & NAIVE_RES_SIGNED) - l->b_zero,
                            l->b_mult, l->add_shift, l->y_zero, l->y_min, l->y_max);
                    l->want[at] = weft_byte_of(v);
                    l->sums[n * s->oc + o] += v - weft_naive_sums_zero(l);
                }
    l->flags |= is_small && weft_naive_between(0, 7) > 0 ? NAIVE_SMALL : 0;
    saturates = saturates && l->flags & NAIVE_SMALL;
    l->flags |= saturates && weft_naive_between(0, 7) > 0 ? NAIVE_SATURATES : 0;
}

void weft_naive_make_layer(struct naive_layer *l, int dot, enum naive_form form)
{
    memset(l, 0, sizeof *l);
    struct weft_cpu_qconv_shape *s = &l->shape;
    s->dot = dot;
    random_shape(l, form);
    random_flags(l);
    const size_t depth = as_size(s->kh * s->kw * (s->ic / l->groups)), oc = as_size(s->oc);
    const size_t y_count = as_size(s->n * s->oh * s->ow) * oc;
    l->x_zero = weft_naive_value(l->flags & NAIVE_X_SIGNED);
    weft_naive_range(l->flags & NAIVE_C_SIGNED, &l->c_zero, &l->c_min, &l->c_max);
    l->x = weft_naive_bytes(as_size(s->n * s->ih * s->iw * s->ic));
    if (s->is_normalised)
        normalise(l);
    l->w = (int8_t *)weft_naive_bytes(oc * depth);
    l->res = weft_naive_bytes(y_count);
    l->want = malloc(y_count);
    l->bias = malloc(oc * sizeof *l->bias);
    l->mult = malloc(oc * sizeof *l->mult);
    l->shift = malloc(oc * sizeof *l->shift);
    l->sums = calloc(as_size(s->n) * oc, sizeof *l->sums);
    assert_true(l->want && l->bias && l->mult && l->shift && l->sums);
    s->sum_bound = (double)weft_qpack_sum_bound(l->w, s->oc, depth);
    const double typical = 60.0 * 60.0 * sqrt((double)depth);
    const int is_large = weft_naive_between(0, 3) == 0;
    for (size_t o = 0; o < oc; o++) {
        const int kind = is_large ? weft_naive_between(0, 9) : 9;
        l->bias[o] = kind == 0   ? INT32_MAX - 300000000
                     : kind == 1 ? INT32_MIN + 300000000
                                 : weft_naive_between(-20000, 20000);
        weft_naive_ratio(typical, &l->mult[o], &l->shift[o]);
    }
    for (int i = 0; i < 256; i++)
        l->table[i] = (uint8_t)weft_naive_between(0, 255);
    /* The value in front of the add stage is of the table's type or, without one, of c's. */
    l->a_zero =
        weft_naive_value(l->flags & (l->flags & NAIVE_TABLE ? NAIVE_T_SIGNED : NAIVE_C_SIGNED));
    l->b_zero = weft_naive_value(l->flags & NAIVE_RES_SIGNED);
    weft_naive_ratio_pair(&l->a_mult, &l->b_mult, &l->add_shift);
    weft_naive_range(weft_naive_between(0, 1), &l->y_zero, &l->y_min, &l->y_max);
    compute(l);
}

void weft_naive_free_layer(struct naive_layer *l)
{
    free(l->x);
    free(l->w);
    free(l->res);
    free(l->want);
    free(l->bias);
    free(l->mult);
    free(l->shift);
    free(l->sums);
    free(l->gamma);
    free(l->beta);
    free(l->codes);
}

int weft_naive_sums_zero(const struct naive_layer *l)
{
    return l->flags & NAIVE_RES ? l->y_zero : l->a_zero;
}
