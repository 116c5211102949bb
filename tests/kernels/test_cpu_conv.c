/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution kernels of kernels/cpu against plain loops, through OpenCL, over many shapes: odd
 * sizes, batches, few and odd channels, strides, dilations, lopsided pads, every activation,
 * residual, gate and channel sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/cpu/pack.h"
#include "tests/kernels/cl_harness.h"
#include "tests/kernels/naive.h"

/* Sums of up to 5000 f32 products in another order than the reference's. */
#define TOLERANCE_DIRECT 1e-5
/* F(4x4) adds up numbers larger than the result; its points keep that small (winograd.cl). */
#define TOLERANCE_WINOGRAD 8e-6

enum kind { KIND_CONV, KIND_POOL, KIND_NCHW, KIND_WINOGRAD2, KIND_WINOGRAD4, KIND_DEPTHWISE };
static const char *const kind_names[] = {"conv",      "pool and conv", "conv of NCHW",
                                         "winograd2", "winograd4",     "depthwise"};

struct fixture {
    struct cl_harness harness;
    cl_program conv, winograd, depthwise;
    cl_kernel kernels[6];
};

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

static size_t local_bytes_of(const struct conv_shape *s, int m, int t_block, int vector_width)
{
    const int icp = ceil_div(s->ic, vector_width) * vector_width;
    return 4 * (size_t)((m + 2) * (m + 2) * (t_block * (icp + 2 * vector_width) + 32));
}

/* One random choice of epilogue and blocks for the shape, compared with the loops. */
static void check_shape(struct fixture *f, enum kind kind, struct conv_shape s)
{
    struct cl_harness *h = &f->harness;
    cl_kernel kernel = f->kernels[kind];
    const int nr = 2 * h->vector_width, oh = weft_naive_oh(&s), ow = weft_naive_ow(&s);
    const int is_winograd = kind == KIND_WINOGRAD2 || kind == KIND_WINOGRAD4;
    const int m = kind == KIND_WINOGRAD2 ? 2 : 4, taps = s.kh * s.kw, per_image = oh * ow;
    const int has_sums = kind != KIND_DEPTHWISE && weft_naive_between(0, 1);
    const int has_res = weft_naive_between(0, 1),
              has_gate = kind != KIND_DEPTHWISE && has_res && weft_naive_between(0, 1);
    const int act = weft_naive_between(0, 10), y_stride = s.oc + (weft_naive_between(0, 2) ? 0 : 3);
    const double act_a = act == 2 ? -0.5 : 0.2, act_b = 0.5;
    const size_t y_count = (size_t)(s.n * per_image) * (size_t)s.oc;
    const size_t wide_count = (size_t)(s.n * per_image) * (size_t)y_stride;
    const size_t x_count = (size_t)(s.n * s.ih * s.iw * s.ic);

    float *x = weft_naive_array(x_count), *rows = x,
          *w = weft_naive_array((size_t)(s.oc * (s.ic / s.groups) * taps));
    for (size_t i = 0; i < (size_t)(s.oc * (s.ic / s.groups) * taps); i++)
        w[i] *= 1 / sqrtf((float)(s.ic / s.groups *
                                  taps)); /* outputs near 1, so that clipping them hides no error */
    float *bias = weft_naive_array((size_t)s.oc), *res = weft_naive_array(y_count);
    float *gate = weft_naive_array((size_t)(s.n * s.oc));
    double *want = malloc(y_count * sizeof *want);
    assert_non_null(want);

    /* What the loops read: pooled rows for KIND_POOL, the NHWC view of an NCHW input. */
    struct conv_shape plain = s;
    if (kind == KIND_POOL) {
        rows = weft_naive_array((size_t)(s.n * per_image * s.ic));
        weft_naive_average(x, rows, s.n, s.ih, s.iw, s.ic, oh, ow, 2, s.sh, s.pt);
        plain.ih = oh;
        plain.iw = ow;
        plain.sh = plain.sw = 1;
        plain.kh = plain.kw = 1;
        plain.pt = plain.pl = plain.pb = plain.pr = 0;
    } else if (kind == KIND_NCHW) {
        rows = weft_naive_array(x_count);
        for (int n = 0; n < s.n; n++)
            for (int i = 0; i < s.ih * s.iw; i++)
                for (int c = 0; c < s.ic; c++)
                    rows[(n * s.ih * s.iw + i) * s.ic + c] = x[(n * s.ic + c) * s.ih * s.iw + i];
    }
    if (kind == KIND_POOL)
        s.kh = s.kw = 1;
    weft_naive_conv(&plain, rows, w, bias, want);
    double *sums = calloc((size_t)(s.n * s.oc), sizeof *sums);
    assert_non_null(sums);
    for (size_t i = 0; i < y_count; i++) {
        const size_t n_oc =
            i / ((size_t)per_image * (size_t)s.oc) * (size_t)s.oc + i % (size_t)s.oc;
        if (has_res)
            want[i] += (double)res[i] * (has_gate ? (double)gate[n_oc] : 1);
        want[i] = weft_naive_act(want[i], act, act_a, act_b);
        sums[n_oc] += want[i];
    }

    const size_t bias_count = weft_pack_bias_elems(s.oc, nr);
    float *packed_bias = malloc(bias_count * sizeof *packed_bias);
    weft_pack_bias(packed_bias, bias, s.oc, nr);
    const int gathered = kind == KIND_NCHW;
    const size_t w_count = is_winograd ? weft_pack_winograd_elems(s.oc, s.ic, m, nr)
                           : kind == KIND_DEPTHWISE
                               ? weft_pack_depthwise_elems(s.oc, s.ic / s.groups, s.kh, s.kw, nr)
                               : weft_pack_conv_elems(s.oc, s.ic, s.kh, s.kw, nr, gathered);
    assert_true(w_count > 0);
    float *packed = malloc(w_count * sizeof *packed);
    assert_non_null(packed);
    if (is_winograd)
        weft_pack_winograd(packed, w, s.oc, s.ic, m, nr);
    else if (kind == KIND_DEPTHWISE)
        weft_pack_depthwise(packed, w, s.oc, s.ic / s.groups, s.kh, s.kw, nr);
    else
        weft_pack_conv(packed, w, s.oc, s.ic, s.kh, s.kw, nr, gathered);

    const int flags = has_res | has_gate << 1 | has_sums << 2;
    const int panels = ceil_div(s.oc, nr), pg = weft_naive_between(1, panels),
              groups = ceil_div(panels, pg);
    const int row_length = gathered ? taps * s.ic : s.ic;
    const int seg_rows = has_sums ? per_image : s.n * per_image,
              segments = s.n * per_image / seg_rows;
    const int mb = weft_naive_between(1, seg_rows < 128 ? seg_rows : 128);
    const int units = is_winograd ? ceil_div(oh, m) * ceil_div(ow, m) : seg_rows;
    int unit = is_winograd ? weft_naive_between(1, units < 30 ? units : 30) : mb;
    while (is_winograd && unit > 1 && local_bytes_of(&s, m, unit, h->vector_width) > h->local_bytes)
        unit--;
    const int blocks = ceil_div(units, unit);
    const int is_cut = weft_naive_between(0, 1);
    const int tc = gathered || is_cut ? 1 : weft_naive_between(1, taps);
    const int kc = is_cut ? weft_naive_between(1, row_length) : row_length;

    cl_mem xb = weft_harness_buffer(h, x, x_count), wb = weft_harness_buffer(h, packed, w_count);
    cl_mem bb = weft_harness_buffer(h, packed_bias, bias_count),
           rb = weft_harness_buffer(h, res, y_count);
    cl_mem gb = weft_harness_buffer(h, gate, (size_t)(s.n * s.oc)),
           yb = weft_harness_buffer(h, NULL, wide_count);
    const size_t sums_count = (size_t)(s.n * blocks * s.oc);
    cl_mem pb = weft_harness_buffer(h, NULL, sums_count);
    const int needs_scratch = kind == KIND_POOL || kind == KIND_NCHW;
    /* What a kernel leaves unwritten in its scratch stays NaN and shows in the result when it is
     * read. */
    const size_t scratch_count =
        needs_scratch ? (size_t)(segments * blocks * groups * mb * row_length) : 1;
    float *scratch = malloc(scratch_count * sizeof *scratch);
    assert_non_null(scratch);
    for (size_t i = 0; i < scratch_count; i++)
        scratch[i] = NAN;
    cl_mem sb = weft_harness_buffer(h, scratch, scratch_count);
    free(scratch);
    if (kind == KIND_DEPTHWISE) {
        weft_harness_args(kernel, "bbbbbiiffiiiiiiiiiiiiiiii", xb, wb, bb, rb, yb, flags, act,
                          act_a, act_b, s.ih, s.iw, s.ic, oh, ow, s.oc, s.groups, s.kh, s.kw, s.sh,
                          s.sw, s.dh, s.dw, s.pt, s.pl, y_stride);
        weft_harness_launch(h, kernel, (size_t)(s.n * oh), 1);
    } else if (is_winograd) {
        const size_t local_bytes = local_bytes_of(&s, m, unit, h->vector_width);
        weft_harness_args(kernel, "bbbbbbbliiffiiiiiiiiiiii", xb, wb, bb, rb, gb, yb, pb,
                          local_bytes, flags, act, act_a, act_b, s.ih, s.iw, s.ic, oh, ow, s.oc,
                          s.pt, s.pl, y_stride, unit, blocks, pg);
        weft_harness_launch(h, kernel, (size_t)(s.n * blocks), (size_t)groups);
    } else {
        const int gather = kind == KIND_POOL ? 1 : gathered ? 2 : 0;
        weft_harness_args(kernel, "bbbbbbbbiiffiiiiiiiiiiiiiiiiiiiiiiiiiiiifiiiiii", xb, wb, bb, rb,
                          gb, yb, pb, sb, flags, act, act_a, act_b, s.ih, s.iw, s.ic, oh, ow, s.oc,
                          s.kh, s.kw, s.sh, s.sw, s.dh, s.dw, s.pt, s.pl, y_stride, seg_rows, mb,
                          blocks, pg, tc, kc, gather, 2, 2, s.ic * s.ih * s.iw, s.iw, 1,
                          s.ih * s.iw, 0.0, 0, 0, per_image * s.oc, 0, per_image * y_stride, 0);
        weft_harness_launch(h, kernel, (size_t)(segments * blocks), (size_t)groups);
    }

    float *wide = malloc(wide_count * sizeof *wide), *y = malloc(y_count * sizeof *y);
    float *partial = malloc(sums_count * sizeof *partial),
          *total = calloc((size_t)(s.n * s.oc), sizeof *total);
    assert_true(wide != NULL && y != NULL && partial != NULL && total != NULL);
    weft_harness_read(h, yb, wide, wide_count);
    weft_harness_read(h, pb, partial, sums_count);
    for (size_t i = 0; i < y_count; i++)
        y[i] = wide[i / (size_t)s.oc * (size_t)y_stride + i % (size_t)s.oc];
    for (size_t i = 0; has_sums && i < sums_count; i++)
        total[i / (size_t)(blocks * s.oc) * (size_t)s.oc + i % (size_t)s.oc] += partial[i];
    const double tolerance = is_winograd ? TOLERANCE_WINOGRAD : TOLERANCE_DIRECT;
    const double error = weft_naive_error(y, want, y_count);
    const double sums_error = has_sums ? weft_naive_error(total, sums, (size_t)(s.n * s.oc)) : 0;
    if (!(error <= tolerance && sums_error <= 10 * tolerance))
        print_error(
            "%s n%d %dx%dx%d oc%d k%dx%d s%d,%d d%d,%d p%d,%d,%d,%d g%d: flags %d act %d unit %d pg %d tc %d kc %d: "
            "error %g, of sums %g\n",
            kind_names[kind], s.n, s.ih, s.iw, s.ic, s.oc, s.kh, s.kw, s.sh, s.sw, s.dh, s.dw, s.pt,
            s.pl, s.pb, s.pr, s.groups, flags, act, unit, pg, tc, kc, error, sums_error);
    assert_true(error <= tolerance);
    assert_true(sums_error <= 10 * tolerance);

    const cl_mem buffers[] = {xb, wb, bb, rb, gb, yb, pb, sb};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        clReleaseMemObject(buffers[i]);
    if (rows != x)
        free(rows);
    free(x), free(w), free(bias), free(res), free(gate), free(want), free(sums), free(packed_bias),
        free(packed);
    free(wide), free(y), free(partial), free(total);
}

static int random_channels(void)
{
    static const int odd_counts[] = {1, 3, 5, 7, 8, 16, 17, 32, 33, 40, 64};
    return odd_counts[weft_naive_between(0, 10)];
}

static struct conv_shape random_shape(enum kind kind)
{
    struct conv_shape s = {.n = weft_naive_between(1, 2),
                           .ih = weft_naive_between(3, 14),
                           .iw = weft_naive_between(3, 14)};
    s.ic = random_channels();
    s.oc = random_channels();
    s.kh = s.kw = 3;
    s.sh = s.sw = s.dh = s.dw = s.groups = 1;
    s.pt = weft_naive_between(0, 2);
    s.pl = weft_naive_between(0, 2);
    s.pb = weft_naive_between(0, 2);
    s.pr = weft_naive_between(0, 2);
    if (kind == KIND_POOL) { /* ceil mode: the window may hang over the edge */
        s.kh = s.kw = s.sh = s.sw = 2;
        s.pt = s.pl = 0;
        s.pb = s.ih % 2;
        s.pr = s.iw % 2;
    } else if (kind == KIND_CONV || kind == KIND_NCHW || kind == KIND_DEPTHWISE) {
        s.kh = weft_naive_between(1, 4);
        s.kw = weft_naive_between(1, 4);
        s.sh = weft_naive_between(1, 3);
        s.sw = weft_naive_between(1, 3);
        s.dh = weft_naive_between(1, 2);
        s.dw = weft_naive_between(1, 2);
        if (kind == KIND_CONV && weft_naive_between(0, 2) == 0) {
            s.kh = s.kw = 1;
            s.pt = s.pl = s.pb = s.pr = 0;
        }
        s.ih += s.kh * s.dh;
        s.iw += s.kw * s.dw;
    }
    if (kind == KIND_NCHW)
        s.ic = weft_naive_between(1, 5);
    if (kind == KIND_DEPTHWISE) {
        s.groups = weft_naive_between(0, 1) ? s.ic : weft_naive_between(1, 4);
        const int icg = s.groups == s.ic ? 1 : weft_naive_between(1, 5);
        static const int multiples[] = {1, 1, 2, 3, 8, 16};
        s.ic = s.groups * icg;
        s.oc = s.groups * multiples[weft_naive_between(0, 5)];
    }
    return s;
}

static void check_kind(void **state, enum kind kind, int count)
{
    struct fixture *f = *state;
    if (f == NULL)
        skip();
    for (int i = 0; i < (f->harness.is_slow ? count / 8 + 1 : count); i++)
        check_shape(f, kind, random_shape(kind));
}

static void convolutions_match(void **state)
{
    check_kind(state, KIND_CONV, 120);
}

static void pooled_shortcuts_match(void **state)
{
    check_kind(state, KIND_POOL, 40);
}

static void nchw_stems_match(void **state)
{
    check_kind(state, KIND_NCHW, 40);
}

static void winograd2_matches(void **state)
{
    check_kind(state, KIND_WINOGRAD2, 80);
}

static void winograd4_matches(void **state)
{
    check_kind(state, KIND_WINOGRAD4, 80);
}

static void grouped_convolutions_match(void **state)
{
    check_kind(state, KIND_DEPTHWISE, 80);
}

/* Shapes of real networks that random ones do not reach: many channels, 1000 classes, rows of 2048.
 */
static void large_shapes_match(void **state)
{
    struct fixture *f = *state;
    if (f == NULL || f->harness.is_slow)
        skip();
    const struct conv_shape classes = {1, 1, 1, 1000, 1000, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
    const struct conv_shape deep = {2, 5, 5, 512, 96, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const struct conv_shape wide = {1, 7, 7, 2048, 72, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
    const struct conv_shape image = {1, 40, 40, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    for (int i = 0; i < 3; i++) {
        check_shape(f, KIND_CONV, classes);
        check_shape(f, KIND_CONV, deep);
        check_shape(f, KIND_CONV, wide);
        check_shape(f, KIND_CONV, image);
        check_shape(f, KIND_WINOGRAD4, image);
    }
}

static void sizes_that_do_not_fit_are_zero(void **state)
{
    (void)state;
    assert_int_equal(weft_pack_conv_elems(1 << 20, 1 << 20, 3, 3, 16, 0), 0);
    assert_int_equal(weft_pack_conv_elems(64, 0, 3, 3, 16, 0), 0);
    assert_int_equal(weft_pack_conv_elems(64, 64, 3, 3, 16, 0), 64 + 64 * 9 * 64);
    assert_int_equal(weft_pack_conv_elems(7, 3, 3, 3, 16, 1), 32 + 27 * 16);
    assert_int_equal(weft_pack_winograd_elems(64, 64, 3, 16), 0);
    assert_int_equal(weft_pack_winograd_elems(64, 64, 4, 16), 64 + 36 * 64 * 64);
    assert_int_equal(weft_pack_linear_elems(-1, 64, 16), 0);
    assert_int_equal(weft_pack_linear_elems(1000, 2048, 16), 1008 * 2048);
}

static int set_up(void **state)
{
    static struct fixture f;
    *state = NULL;
    if (!weft_harness_open(&f.harness))
        return 0;
    f.conv = weft_harness_build(&f.harness, "conv.cl");
    f.winograd = weft_harness_build(&f.harness, "winograd.cl");
    f.depthwise = weft_harness_build(&f.harness, "depthwise.cl");
    f.kernels[KIND_CONV] = f.kernels[KIND_POOL] = f.kernels[KIND_NCHW] =
        weft_harness_kernel(f.conv, "weft_conv");
    f.kernels[KIND_WINOGRAD2] = weft_harness_kernel(f.winograd, "weft_winograd2");
    f.kernels[KIND_WINOGRAD4] = weft_harness_kernel(f.winograd, "weft_winograd4");
    f.kernels[KIND_DEPTHWISE] = weft_harness_kernel(f.depthwise, "weft_depthwise");
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f == NULL)
        return 0;
    for (int i = KIND_NCHW; i <= KIND_DEPTHWISE; i++)
        clReleaseKernel(f->kernels[i]);
    clReleaseProgram(f->conv);
    clReleaseProgram(f->winograd);
    clReleaseProgram(f->depthwise);
    weft_harness_close(&f->harness);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_match), cmocka_unit_test(pooled_shortcuts_match),
        cmocka_unit_test(nchw_stems_match),   cmocka_unit_test(winograd2_matches),
        cmocka_unit_test(winograd4_matches),  cmocka_unit_test(grouped_convolutions_match),
        cmocka_unit_test(large_shapes_match), cmocka_unit_test(sizes_that_do_not_fit_are_zero),
    };
    return cmocka_run_group_tests_name("cpu convolution kernels", tests, set_up, tear_down);
}
