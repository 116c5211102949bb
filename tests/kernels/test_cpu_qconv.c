/* SPDX-License-Identifier: Apache-2.0 */
/* Integer convolution kernels of kernels/cpu against loops written from the definition of
 * weft.QConv2D and the rules of weft_int.h, bit for bit, through OpenCL: random shapes, strides,
 * dilations, pads, zero points, signs, ratios and blocks, values at both ends of their ranges;
 * tables, residuals and channel sums. Every form of the product that weft can choose runs here: the
 * processor's instruction and the plain forms of pairs and quads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/qpack.h"
#include "kernels/cpu/qtile_rule.h"
#include "kernels/include/weft_int.h"
#include "kernels/include/weft_ratio.h"
#include "tests/kernels/cl_harness.h"
#include "tests/kernels/naive.h"

/* Cases of each form; an interpreter gets fewer. */
enum { CASES = 4000, CASES_WINOGRAD = 1500, CASES_SLOW = 12 };
enum {
    X_SIGNED = 1,
    C_SIGNED = 2,
    TABLE = 4,
    T_SIGNED = 8,
    RES = 16,
    RES_SIGNED = 32,
    SUMS = 64,
    SMALL = 128
};

struct layer {
    struct weft_cpu_qconv_shape shape;
    int pb, pr, flags, x_zero;
    int c_zero, c_min, c_max, a_zero, a_mult, b_zero, b_mult, add_shift, y_zero, y_min, y_max;
    uint8_t *x, *res, *want, table[256];
    int8_t *w;
    int32_t *bias, *mult, *shift, *sums;
};

static size_t as_size(int value)
{
    return (size_t)value;
}

static int value_of(uint8_t byte, int is_signed)
{
    return is_signed ? (int8_t)byte : byte;
}

/* A number in the range of the type, often at one of its ends. */
static int random_value(int is_signed)
{
    const int pick = weft_naive_between(0, 7), low = is_signed ? -128 : 0;
    return pick == 0 ? low : pick == 1 ? low + 255 : weft_naive_between(low, low + 255);
}

/* Bytes: random ones, or all at one end. */
static uint8_t *random_bytes(size_t count)
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

static void random_range(int is_signed, int *out_zero, int *out_min, int *out_max)
{
    const int a = random_value(is_signed), b = random_value(is_signed);
    *out_zero = random_value(is_signed);
    const int is_whole = weft_naive_between(0, 1);
    *out_min = is_whole ? (is_signed ? -128 : 0) : a < b ? a : b;
    *out_max = is_whole ? (is_signed ? 127 : 255) : a < b ? b : a;
}

static int out_size(int in, int before, int after, int kernel, int dilation, int stride)
{
    return (in + before + after - (kernel - 1) * dilation - 1) / stride + 1;
}

/* Ratios: such that results spread over the range, exact halves, and both ends of the contract. */
static void random_ratio(double typical_sum, int32_t *out_mult, int32_t *out_shift)
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

static void make_layer(struct layer *l, int dot, int is_winograd)
{
    memset(l, 0, sizeof *l);
    struct weft_cpu_qconv_shape *s = &l->shape;
    const int is_point = !is_winograd && weft_naive_between(0, 3) == 0;
    s->dot = dot;
    s->n = weft_naive_between(1, 2);
    s->ih = weft_naive_between(1, 9);
    s->iw = weft_naive_between(1, 13);
    s->ic = weft_naive_between(0, 7) == 0 ? weft_naive_between(60, 90) : weft_naive_between(1, 37);
    s->oc = weft_naive_between(1, 70);
    s->kh = is_winograd ? 3 : is_point ? 1 : weft_naive_between(1, 4);
    s->kw = is_winograd ? 3 : is_point ? 1 : weft_naive_between(1, 4);
    s->sh = is_winograd ? 1 : weft_naive_between(1, is_point ? 2 : 3);
    s->sw = is_winograd ? 1 : weft_naive_between(1, is_point ? 2 : 3);
    s->dh = is_winograd ? 1 : weft_naive_between(1, 2);
    s->dw = is_winograd ? 1 : weft_naive_between(1, 2);
    s->is_nchw = !is_winograd && weft_naive_between(0, 5) == 0;
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

    const int table = weft_naive_between(0, 2) == 0, res = weft_naive_between(0, 2) == 0;
    l->flags = (weft_naive_between(0, 1) ? X_SIGNED : 0) |
               (weft_naive_between(0, 1) ? C_SIGNED : 0) | (table ? TABLE : 0) |
               (weft_naive_between(0, 1) ? T_SIGNED : 0) | (res ? RES : 0) |
               (weft_naive_between(0, 1) ? RES_SIGNED : 0) | (s->has_sums ? SUMS : 0);
    const size_t taps = as_size(s->kh * s->kw), oc = as_size(s->oc);
    const size_t y_count = as_size(s->n * s->oh * s->ow) * oc;
    l->x_zero = random_value(l->flags & X_SIGNED);
    random_range(l->flags & C_SIGNED, &l->c_zero, &l->c_min, &l->c_max);
    l->x = random_bytes(as_size(s->n * s->ih * s->iw * s->ic));
    l->w = (int8_t *)random_bytes(oc * taps * as_size(s->ic));
    l->res = random_bytes(y_count);
    l->want = malloc(y_count);
    l->bias = malloc(oc * sizeof *l->bias);
    l->mult = malloc(oc * sizeof *l->mult);
    l->shift = malloc(oc * sizeof *l->shift);
    l->sums = calloc(as_size(s->n) * oc, sizeof *l->sums);
    assert_true(l->want && l->bias && l->mult && l->shift && l->sums);
    s->sum_bound = (double)weft_qpack_sum_bound(l->w, s->oc, taps * as_size(s->ic));
    const double typical = 60.0 * 60.0 * sqrt((double)taps * s->ic);
    const int is_large = weft_naive_between(0, 3) == 0;
    for (size_t o = 0; o < oc; o++) {
        const int kind = is_large ? weft_naive_between(0, 9) : 9;
        l->bias[o] = kind == 0   ? INT32_MAX - 300000000
                     : kind == 1 ? INT32_MIN + 300000000
                                 : weft_naive_between(-20000, 20000);
        random_ratio(typical, &l->mult[o], &l->shift[o]);
    }
    for (int i = 0; i < 256; i++)
        l->table[i] = (uint8_t)weft_naive_between(0, 255);
    /* The value in front of the add stage is of the table's type or, without one, of c's. */
    const int a_signed = table ? l->flags & T_SIGNED : l->flags & C_SIGNED;
    l->a_zero = random_value(a_signed);
    l->b_zero = random_value(l->flags & RES_SIGNED);
    assert_true(weft_ratio_pair_make(
        exp2(weft_naive_between(-9, 6)) * (1 + weft_naive_between(0, 9)),
        exp2(weft_naive_between(-9, 6)), &l->a_mult, &l->b_mult, &l->add_shift));
    random_range(weft_naive_between(0, 1), &l->y_zero, &l->y_min, &l->y_max);
}

static void free_layer(struct layer *l)
{
    free(l->x);
    free(l->w);
    free(l->res);
    free(l->want);
    free(l->bias);
    free(l->mult);
    free(l->shift);
    free(l->sums);
}

/* What the channel sums take off each value: the zero point of y. */
static int sums_zero(const struct layer *l)
{
    return l->flags & RES ? l->y_zero : l->a_zero;
}

static int64_t sum_of(const struct layer *l, int n, int oy, int ox, int o)
{
    const struct weft_cpu_qconv_shape *s = &l->shape;
    int64_t sum = l->bias[o];
    for (int i = 0; i < s->kh; i++)
        for (int j = 0; j < s->kw; j++) {
            const int iy = oy * s->sh - s->pt + i * s->dh, ix = ox * s->sw - s->pl + j * s->dw;
            if (iy < 0 || iy >= s->ih || ix < 0 || ix >= s->iw)
                continue;
            for (int c = 0; c < s->ic; c++) {
                const int at = s->is_nchw ? ((n * s->ic + c) * s->ih + iy) * s->iw + ix
                                          : ((n * s->ih + iy) * s->iw + ix) * s->ic + c;
                sum += (value_of(l->x[at], l->flags & X_SIGNED) - l->x_zero) *
                       l->w[((o * s->kh + i) * s->kw + j) * s->ic + c];
            }
        }
    return sum;
}

static void compute_naively(struct layer *l)
{
    const struct weft_cpu_qconv_shape *s = &l->shape;
    size_t at = 0;
    int is_small = 1;
    for (int n = 0; n < s->n; n++)
        for (int oy = 0; oy < s->oh; oy++)
            for (int ox = 0; ox < s->ow; ox++)
                for (int o = 0; o < s->oc; o++, at++) {
                    const int64_t sum = sum_of(l, n, oy, ox, o);
                    assert_true(sum >= INT32_MIN && sum <= INT32_MAX); /* the contract */
                    is_small = is_small && sum >= -(1 << 24) && sum <= 1 << 24;
                    int v = weft_requantise((int32_t)sum, l->mult[o], l->shift[o], l->c_zero,
                                            l->c_min, l->c_max);
                    if (l->flags & TABLE)
                        v = value_of(l->table[weft_table_index(v, l->flags & C_SIGNED)],
                                     l->flags & T_SIGNED);
                    if (l->flags & RES)
                        v = weft_add_stage(v - l->a_zero, l->a_mult,
                                           value_of(l->res[at], l->flags & RES_SIGNED) - l->b_zero,
                                           l->b_mult, l->add_shift, l->y_zero, l->y_min, l->y_max);
                    l->want[at] = (uint8_t)v;
                    l->sums[n * s->oc + o] += v - sums_zero(l);
                }
    l->flags |= is_small && weft_naive_between(0, 7) > 0 ? SMALL : 0;
}

struct fixture {
    struct cl_harness harness;
    struct weft_cpu_device device;
    cl_kernel conv, winograd[2];
    int dot;
};

static void check_results(struct fixture *f, const struct layer *l, cl_mem y, int y_stride,
                          cl_mem partial, int parts)
{
    const struct weft_cpu_qconv_shape *s = &l->shape;
    const size_t rows = as_size(s->n * s->oh * s->ow);
    uint8_t *got = malloc(rows * as_size(y_stride));
    int32_t *sums = malloc(as_size(s->n * parts * s->oc) * sizeof *sums);
    assert_true(got && sums);
    weft_harness_read_bytes(&f->harness, y, got, rows * as_size(y_stride));
    for (size_t r = 0; r < rows; r++)
        for (int o = 0; o < y_stride; o++) {
            const int want = o < s->oc ? l->want[r * as_size(s->oc) + as_size(o)] : 0xa5;
            const int is = got[r * as_size(y_stride) + as_size(o)];
            if (is != want)
                print_error(
                    "dot %d, %dx%dx%dx%d -> %dx%dx%d, kernel %dx%d/%dx%d dilation %dx%d, flags %d: row "
                    "%zu channel %d is %d, not %d\n",
                    f->dot, s->n, s->ih, s->iw, s->ic, s->oh, s->ow, s->oc, s->kh, s->kw, s->sh,
                    s->sw, s->dh, s->dw, l->flags, r, o, is, want);
            assert_int_equal(is, want);
        }
    if (l->flags & SUMS) {
        weft_harness_read_bytes(&f->harness, partial, sums,
                                as_size(s->n * parts * s->oc) * sizeof *sums);
        for (int n = 0; n < s->n; n++)
            for (int o = 0; o < s->oc; o++) {
                int total = 0;
                for (int p = 0; p < parts; p++)
                    total += sums[(n * parts + p) * s->oc + o];
                assert_int_equal(total, l->sums[n * s->oc + o]);
            }
    }
    free(got);
    free(sums);
}

/* One layer with random blocks. */
static void check_direct(struct fixture *f, const struct layer *l)
{
    struct cl_harness *h = &f->harness;
    const struct weft_cpu_qconv_shape *s = &l->shape;
    const int nr = 2 * f->device.vector_width, panels = (s->oc + nr - 1) / nr;
    const int y_stride = s->oc + (weft_naive_between(0, 2) ? 0 : 3);
    struct weft_cpu_qconv_plan p;
    assert_true(weft_cpu_qconv_choose(&f->device, s, &p));
    if (p.method != WEFT_CPU_QDIRECT || weft_naive_between(0, 7) > 0) {
        p.method = WEFT_CPU_QDIRECT;
        p.gather = s->is_nchw || weft_naive_between(0, 3) == 0 ? WEFT_CPU_QROWS : WEFT_CPU_QPATCH;
        p.pg = weft_naive_between(1, panels);
        p.mb = weft_naive_between(1, 40);
        p.tc = weft_naive_between(1, 5);
        p.kc = 4 * weft_naive_between(1, 30);
        assert_true(weft_cpu_qconv_complete(&f->device, s, &p));
        for (; p.local_bytes > h->local_bytes && p.mb > 1;) {
            p.mb--;
            assert_true(weft_cpu_qconv_complete(&f->device, s, &p));
        }
    }
    const int is_gathered = p.gather == WEFT_CPU_QROWS;
    const size_t taps = as_size(s->kh * s->kw), k = taps * as_size(s->ic);
    const size_t w_bytes =
        weft_qpack_conv_bytes(s->oc, s->ic, s->kh, s->kw, nr, s->dot, is_gathered);
    const size_t channels = weft_qpack_channel_elems(s->oc, nr);
    const size_t y_bytes = as_size(s->n * s->oh * s->ow * y_stride);
    const size_t y_count = as_size(s->n * s->oh * s->ow * s->oc);
    assert_true(w_bytes > 0 && channels > 0);
    int8_t *w = malloc(w_bytes);
    int32_t *bias = malloc(channels * sizeof *bias);
    double *ratio = malloc(channels * sizeof *ratio);
    uint8_t *guard = malloc(y_bytes);
    assert_true(w && bias && ratio && guard);
    memset(guard, 0xa5, y_bytes);
    weft_qpack_conv(w, l->w, s->oc, s->ic, s->kh, s->kw, nr, s->dot, is_gathered);
    weft_qpack_bias(bias, l->bias, l->w, s->oc, k, nr,
                    s->dot == 4 ? l->x_zero + (l->flags & X_SIGNED ? 128 : 0) : 0);
    weft_qpack_ratio(ratio, l->mult, l->shift, s->oc, nr);
    const int image = s->ih * s->iw * s->ic;
    const int steps[4] = {image, s->is_nchw ? s->iw : s->iw * s->ic, s->is_nchw ? 1 : s->ic,
                          s->is_nchw ? s->ih * s->iw : 1};

    cl_mem buffers[] = {weft_harness_bytes(h, l->x, as_size(s->n * image)),
                        weft_harness_bytes(h, w, w_bytes),
                        weft_harness_bytes(h, bias, channels * sizeof *bias),
                        weft_harness_bytes(h, ratio, channels * sizeof *ratio),
                        weft_harness_bytes(h, l->table, sizeof l->table),
                        weft_harness_bytes(h, l->res, y_count),
                        weft_harness_bytes(h, guard, y_bytes),
                        weft_harness_bytes(h, NULL, as_size(s->n * p.blocks * s->oc) * 4 + 4)};
    weft_harness_args(f->conv, "bbbbbbbbbliiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii", buffers[0],
                      buffers[1], buffers[2], buffers[3], buffers[4], buffers[5], buffers[6],
                      buffers[7], buffers[1], p.local_bytes, l->flags, p.ih, p.iw, s->ic, p.oh,
                      p.ow, s->oc, s->kh, s->kw, s->sh, s->sw, s->dh, s->dw, s->pt, s->pl, y_stride,
                      l->x_zero, p.seg_rows, p.mb, p.blocks, p.pg, p.tc, p.kc, (int)p.gather,
                      steps[0], steps[1], steps[2], steps[3], 0, l->c_zero, l->c_min, l->c_max,
                      l->a_zero, l->a_mult, l->b_zero, l->b_mult, l->add_shift, l->y_zero, l->y_min,
                      l->y_max, sums_zero(l));
    weft_harness_launch(h, f->conv, as_size(p.segments * p.blocks), as_size(p.groups));
    check_results(f, l, buffers[6], y_stride, buffers[7], p.blocks);
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        clReleaseMemObject(buffers[i]);
    free(w);
    free(bias);
    free(ratio);
    free(guard);
}

/* One layer by F(m x m, 3 x 3) with random blocks; false when its sums may leave what the kernel
 * needs. */
static int check_winograd(struct fixture *f, const struct layer *l, int m)
{
    struct cl_harness *h = &f->harness;
    const struct weft_cpu_qconv_shape *s = &l->shape;
    if (s->sum_bound > (m == 2 ? WEFT_QWINOGRAD2_SUM_MAX : WEFT_QWINOGRAD4_SUM_MAX))
        return 0;
    const int nr = 2 * f->device.vector_width, panels = (s->oc + nr - 1) / nr;
    const int y_stride = s->oc + (weft_naive_between(0, 2) ? 0 : 3);
    struct weft_cpu_qconv_plan p = {.method = m == 2 ? WEFT_CPU_QWINOGRAD2 : WEFT_CPU_QWINOGRAD4,
                                    .pg = weft_naive_between(1, panels),
                                    .t_block = weft_naive_between(1, 20)};
    assert_true(weft_cpu_qconv_complete(&f->device, s, &p));
    for (; p.local_bytes > h->local_bytes && p.t_block > 1;) {
        p.t_block--;
        assert_true(weft_cpu_qconv_complete(&f->device, s, &p));
    }
    if (p.local_bytes > h->local_bytes)
        return 0;
    const size_t w_elems = weft_qpack_winograd_elems(s->oc, s->ic, m, nr);
    const size_t channels = weft_qpack_channel_elems(s->oc, nr);
    const size_t y_bytes = as_size(s->n * s->oh * s->ow * y_stride);
    assert_true(w_elems > 0 && channels > 0);
    int16_t *w = malloc(w_elems * sizeof *w);
    int32_t *bias = malloc(channels * sizeof *bias);
    double *ratio = malloc(channels * sizeof *ratio);
    uint8_t *guard = malloc(y_bytes);
    assert_true(w && bias && ratio && guard);
    memset(guard, 0xa5, y_bytes);
    weft_qpack_winograd(w, l->w, s->oc, s->ic, m, nr);
    weft_qpack_bias(bias, l->bias, l->w, s->oc, 9 * as_size(s->ic), nr, 0);
    weft_qpack_ratio(ratio, l->mult, l->shift, s->oc, nr);
    cl_kernel kernel = f->winograd[m / 4];
    cl_mem buffers[] = {weft_harness_bytes(h, l->x, as_size(s->n * s->ih * s->iw * s->ic)),
                        weft_harness_bytes(h, w, w_elems * sizeof *w),
                        weft_harness_bytes(h, bias, channels * sizeof *bias),
                        weft_harness_bytes(h, ratio, channels * sizeof *ratio),
                        weft_harness_bytes(h, l->table, sizeof l->table),
                        weft_harness_bytes(h, l->res, as_size(s->n * s->oh * s->ow * s->oc)),
                        weft_harness_bytes(h, guard, y_bytes),
                        weft_harness_bytes(h, NULL, as_size(s->n * p.blocks * s->oc) * 4 + 4)};
    weft_harness_args(kernel, "bbbbbbbbliiiiiiiiiiiiiiiiiiiiiiiiii", buffers[0], buffers[1],
                      buffers[2], buffers[3], buffers[4], buffers[5], buffers[6], buffers[7],
                      p.local_bytes, l->flags, s->ih, s->iw, s->ic, s->oh, s->ow, s->oc, s->pt,
                      s->pl, y_stride, l->x_zero, p.t_block, p.blocks, p.pg, l->c_zero, l->c_min,
                      l->c_max, l->a_zero, l->a_mult, l->b_zero, l->b_mult, l->add_shift, l->y_zero,
                      l->y_min, l->y_max, sums_zero(l));
    weft_harness_launch(h, kernel, as_size(p.segments * p.blocks), as_size(p.groups));
    check_results(f, l, buffers[6], y_stride, buffers[7], p.blocks);
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        clReleaseMemObject(buffers[i]);
    free(w);
    free(bias);
    free(ratio);
    free(guard);
    return 1;
}

static void check_winograd_form(const char *defines)
{
    struct fixture f = {.dot = 2};
    if (!weft_harness_open(&f.harness))
        skip();
    weft_cpu_device_init(&f.device, f.harness.vector_width, 2);
    f.device.local_bytes = f.harness.local_bytes;
    cl_program program =
        weft_harness_build_row(&f.harness, defines, "weft_int.h qdot.cl qfinish.cl qwinograd.cl");
    f.winograd[0] = weft_harness_kernel(program, "weft_qwinograd2");
    f.winograd[1] = weft_harness_kernel(program, "weft_qwinograd4");
    const int cases = f.harness.is_slow ? CASES_SLOW : CASES_WINOGRAD;
    int done[2] = {0, 0};
    while (done[0] < cases || done[1] < cases) {
        struct layer l;
        make_layer(&l, 2, 1);
        compute_naively(&l);
        done[0] += check_winograd(&f, &l, 2);
        done[1] += check_winograd(&f, &l, 4);
        free_layer(&l);
    }
    printf("%d layers by F(2x2), %d by F(4x4)\n", done[0], done[1]);
    clReleaseKernel(f.winograd[0]);
    clReleaseKernel(f.winograd[1]);
    clReleaseProgram(program);
    weft_harness_close(&f.harness);
}

/* One form of the product: the program with these macros, many layers. */
static void check_form(const char *defines, int dot)
{
    struct fixture f = {.dot = dot};
    if (!weft_harness_open(&f.harness))
        skip();
    weft_cpu_device_init(&f.device, f.harness.vector_width, 2);
    f.device.local_bytes = f.harness.local_bytes;
    cl_program program =
        weft_harness_build_row(&f.harness, defines, "weft_int.h qdot.cl qfinish.cl qconv.cl");
    f.conv = weft_harness_kernel(program, "weft_qconv");
    const int cases = f.harness.is_slow ? CASES_SLOW : CASES;
    for (int i = 0; i < cases; i++) {
        struct layer l;
        make_layer(&l, dot, 0);
        compute_naively(&l);
        check_direct(&f, &l);
        free_layer(&l);
    }
    printf("%d layers\n", cases);
    clReleaseKernel(f.conv);
    clReleaseProgram(program);
    weft_harness_close(&f.harness);
}

static void pairs_by_instruction(void **state)
{
    (void)state;
    check_form("#define WEFT_DOT 2\n", 2);
}

static void pairs_plainly(void **state)
{
    (void)state;
    check_form("#define WEFT_DOT 2\n#define WEFT_PLAIN_DOT\n", 2);
}

static void winograd_by_instruction(void **state)
{
    (void)state;
    check_winograd_form("#define WEFT_DOT 2\n");
}

static void winograd_plainly(void **state)
{
    (void)state;
    check_winograd_form("#define WEFT_DOT 2\n#define WEFT_PLAIN_DOT\n");
}

static void quads_plainly(void **state)
{
    (void)state;
    check_form("#define WEFT_DOT 4\n#define WEFT_PLAIN_DOT\n", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_by_instruction), cmocka_unit_test(pairs_plainly),
        cmocka_unit_test(quads_plainly),        cmocka_unit_test(winograd_by_instruction),
        cmocka_unit_test(winograd_plainly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
