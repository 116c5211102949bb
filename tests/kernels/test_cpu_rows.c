/* SPDX-License-Identifier: Apache-2.0 */
/* What transformers ask of the kernels for rows, against plain loops, through OpenCL: products of
 * normalised rows, convolutions that read and write tokens behind a prefix, depthwise convolution
 * over tokens, and the accuracy of GELU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/pack.h"
#include "tests/kernels/check.h"
#include "tests/kernels/cl_harness.h"
#include "tests/kernels/naive.h"

static struct cl_harness harness;
static int is_open;

static int rounds(int count)
{
    return harness.is_slow ? count / 8 + 1 : count;
}

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

static cl_mem packed_weights(const float *w, const struct conv_shape *s)
{
    const int nr = 2 * harness.vector_width;
    const size_t count = weft_pack_conv_elems(s->oc, s->ic, s->kh, s->kw, nr, 0);
    float *packed = malloc(count * sizeof *packed);
    assert_non_null(packed);
    weft_pack_conv(packed, w, s->oc, s->ic, s->kh, s->kw, nr, 0);
    cl_mem buffer = weft_harness_buffer(&harness, packed, count);
    free(packed);
    return buffer;
}

static cl_mem packed_bias(const float *bias, int oc)
{
    const int nr = 2 * harness.vector_width;
    const size_t count = weft_pack_bias_elems(oc, nr);
    float *packed = malloc(count * sizeof *packed);
    assert_non_null(packed);
    weft_pack_bias(packed, bias, oc, nr);
    cl_mem buffer = weft_harness_buffer(&harness, packed, count);
    free(packed);
    return buffer;
}

/* ---- convolutions whose operands lie inside larger tensors ---- */

/* `images` pieces of `size` floats in a buffer: the first at `at`, the next `step` further on. */
struct placed {
    int images, size, at, step;
};

static struct placed random_place(int images, int size, int least_at)
{
    struct placed p = {.images = images, .size = size, .at = least_at + weft_naive_between(0, 5)};
    p.step = size + p.at + weft_naive_between(0, 5);
    return p;
}

static size_t placed_count(const struct placed *p)
{
    const int last = p->at + (p->images - 1) * p->step + p->size;
    return (size_t)last;
}

/* A buffer that holds the pieces, and NaN or what `around` says elsewhere. */
static float *place(const struct placed *p, const float *pieces, const float *around)
{
    const size_t count = placed_count(p);
    float *out = malloc(count * sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < count; i++)
        out[i] = around != NULL ? around[i] : NAN;
    for (int n = 0; n < p->images; n++)
        memcpy(out + p->at + n * p->step, pieces + n * p->size, (size_t)p->size * sizeof *out);
    return out;
}

/* Rows normalised in double; a copy of x where they are not. */
static float *rows_of(const float *x, int rows, int count, int is_normalised)
{
    float *out = malloc((size_t)(rows * count) * sizeof *out);
    assert_non_null(out);
    for (int r = 0; r < rows; r++) {
        double mean = 0, variance = 0;
        for (int i = 0; i < count; i++)
            mean += (double)x[r * count + i] / count;
        for (int i = 0; i < count; i++)
            variance += pow((double)x[r * count + i] - mean, 2) / count;
        for (int i = 0; i < count; i++)
            out[r * count + i] =
                is_normalised ? (float)(((double)x[r * count + i] - mean) / sqrt(variance + 1e-3))
                              : x[r * count + i];
    }
    return out;
}

static void check_placed(cl_kernel kernel, struct conv_shape s, int is_normalised, float offset)
{
    const int nr = 2 * harness.vector_width, oh = weft_naive_oh(&s), ow = weft_naive_ow(&s);
    const int pixels = oh * ow, act = weft_naive_between(0, 10), has_res = weft_naive_between(0, 1),
              prefix = has_res ? weft_naive_between(0, 2) : 0,
              res_images = weft_naive_between(0, 1) ? s.n : 1;
    const struct placed xp = random_place(s.n, s.ih * s.iw * s.ic, 0),
                        rp = random_place(res_images, pixels * s.oc, prefix * s.oc),
                        yp = random_place(s.n, pixels * s.oc, prefix * s.oc);
    float *x = weft_naive_array((size_t)(s.n * xp.size)),
          *w = weft_naive_array((size_t)(s.oc * s.ic * s.kh * s.kw)),
          *bias = weft_naive_array((size_t)s.oc),
          *res = weft_naive_array((size_t)(res_images * rp.size)),
          *around = weft_naive_array(placed_count(&rp));
    for (int i = 0; i < s.n * xp.size; i++)
        x[i] += offset;
    float *rows = rows_of(x, s.n * s.ih * s.iw, s.ic, is_normalised);
    double *want = weft_check_doubles((size_t)(s.n * yp.size));
    weft_naive_conv(&s, rows, w, bias, want);
    for (int i = 0; i < s.n * yp.size; i++) {
        if (has_res)
            want[i] += (double)res[i % (res_images * rp.size)];
        want[i] = weft_naive_act(want[i], act, 0.2, 0.5);
    }
    float *x_all = place(&xp, x, NULL), *res_all = place(&rp, res, around);
    cl_mem xb = weft_harness_buffer(&harness, x_all, placed_count(&xp)),
           rb = weft_harness_buffer(&harness, res_all, placed_count(&rp)),
           yb = weft_harness_buffer(&harness, NULL, placed_count(&yp)), wb = packed_weights(w, &s),
           bb = packed_bias(bias, s.oc);
    const int panels = ceil_div(s.oc, nr), pg = weft_naive_between(1, panels),
              groups = ceil_div(panels, pg),
              mb = weft_naive_between(1, pixels < 128 ? pixels : 128),
              blocks = ceil_div(pixels, mb), kc = weft_naive_between(1, s.ic);
    /* What a kernel leaves unwritten in its scratch stays NaN and shows in the result when read. */
    const struct placed scratch = {.at = s.n * blocks * groups * mb * s.ic};
    float *nans = place(&scratch, NULL, NULL);
    cl_mem sb = weft_harness_buffer(&harness, nans, placed_count(&scratch));
    free(nans);
    weft_harness_args(kernel, "bbbbbbbbiiffiiiiiiiiiiiiiiiiiiiiiiiiiiiifiiiiii", xb, wb, bb, rb, bb,
                      yb, yb, sb, has_res, act, 0.2, 0.5, s.ih, s.iw, s.ic, oh, ow, s.oc, s.kh,
                      s.kw, s.sh, s.sw, 1, 1, s.pt, s.pl, s.oc, pixels, mb, blocks, pg, 1, kc,
                      is_normalised ? 3 : 0, 0, 0, xp.step, s.iw * s.ic, s.ic, 1, 1e-3, xp.at,
                      rp.at, res_images > 1 ? rp.step : 0, yp.at, yp.step, prefix);
    weft_harness_launch(&harness, kernel, (size_t)(s.n * blocks), (size_t)groups);

    float *got = malloc(placed_count(&yp) * sizeof *got),
          *y = malloc((size_t)(s.n * yp.size) * sizeof *y);
    assert_true(got != NULL && y != NULL);
    weft_harness_read(&harness, yb, got, placed_count(&yp));
    for (int n = 0; n < s.n; n++)
        memcpy(y + n * yp.size, got + yp.at + n * yp.step, (size_t)yp.size * sizeof *y);
    const double error = weft_naive_error(y, want, (size_t)(s.n * yp.size));
    if (!(error <= WEFT_CHECK_TOLERANCE))
        fail_msg("n%d %dx%dx%d oc%d k%d act %d normalised %d prefix %d: error %g", s.n, s.ih, s.iw,
                 s.ic, s.oc, s.kh, act, is_normalised, prefix, error);
    for (int n = 0; n < s.n; n++)
        for (int i = -prefix * s.oc; i < 0; i++) {
            const float wanted = res_all[rp.at + (res_images > 1 ? n * rp.step : 0) + i];
            assert_memory_equal(got + yp.at + n * yp.step + i, &wanted, sizeof wanted);
        }
    clReleaseMemObject(xb), clReleaseMemObject(rb), clReleaseMemObject(yb), clReleaseMemObject(wb);
    clReleaseMemObject(bb), clReleaseMemObject(sb);
    free(x), free(w), free(bias), free(res), free(around), free(rows), free(want), free(x_all);
    free(res_all), free(got), free(y);
}

static struct conv_shape rows_shape(int images, int rows, int depth, int columns)
{
    return (struct conv_shape){.n = images,
                               .ih = rows,
                               .iw = 1,
                               .ic = depth,
                               .oc = columns,
                               .kh = 1,
                               .kw = 1,
                               .sh = 1,
                               .sw = 1,
                               .dh = 1,
                               .dw = 1,
                               .groups = 1};
}

static void products_of_normalised_rows_match(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program = weft_harness_build(&harness, "conv.cl");
    cl_kernel kernel = weft_harness_kernel(program, "weft_conv");
    for (int i = 0; i < rounds(60); i++)
        check_placed(kernel,
                     rows_shape(weft_naive_between(1, 2), weft_naive_between(1, 40),
                                weft_naive_between(1, 80), weft_naive_between(1, 70)),
                     1, 0);
    /* A mean far above the deviation. */
    check_placed(kernel, rows_shape(1, 5, 96, 40), 1, 1000);
    if (!harness.is_slow)
        check_placed(kernel, rows_shape(1, 197, 384, 96), 1, 0);
    clReleaseKernel(kernel), clReleaseProgram(program);
}

static void tokens_behind_a_prefix_match(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program = weft_harness_build(&harness, "conv.cl");
    cl_kernel kernel = weft_harness_kernel(program, "weft_conv");
    for (int i = 0; i < rounds(60); i++) {
        struct conv_shape s = rows_shape(weft_naive_between(1, 3), weft_naive_between(3, 9),
                                         weft_naive_between(1, 40), weft_naive_between(1, 40));
        s.iw = weft_naive_between(3, 9);
        s.kh = s.kw = weft_naive_between(1, 3);
        s.sh = s.sw = weft_naive_between(1, 2);
        s.pt = s.pl = s.pb = s.pr = s.kh / 2;
        check_placed(kernel, s, 0, 0);
    }
    clReleaseKernel(kernel), clReleaseProgram(program);
}

/* ---- depthwise convolution over tokens ---- */

static void check_token_conv(cl_kernel kernel, int images, int gh, int gw, int c, int kh, int kw)
{
    const int prefix = weft_naive_between(0, 2), x_offset = weft_naive_between(0, 5),
              cx = x_offset + c + weft_naive_between(0, 5), tokens = prefix + gh * gw,
              pt = weft_naive_between(0, kh - 1), pl = weft_naive_between(0, kw - 1),
              has_res = weft_naive_between(0, 1);
    const size_t count = (size_t)(images * tokens * c);
    float *x = weft_naive_array((size_t)(images * tokens * cx)),
          *w = weft_naive_array((size_t)(kh * kw * c)), *bias = weft_naive_array((size_t)c),
          *res = weft_naive_array(count);
    double *want = weft_check_doubles(count);
    for (int at = 0; at < (int)count; at++) {
        const int ch = at % c, t = at / c % tokens - prefix, n = at / c / tokens;
        want[at] = has_res ? (double)res[at] : 0;
        if (t < 0)
            continue;
        want[at] += (double)bias[ch];
        for (int ky = 0; ky < kh; ky++)
            for (int kx = 0; kx < kw; kx++) {
                const int iy = t / gw + ky - pt, ix = t % gw + kx - pl;
                if (iy >= 0 && iy < gh && ix >= 0 && ix < gw)
                    want[at] +=
                        (double)x[(n * tokens + prefix + iy * gw + ix) * cx + x_offset + ch] *
                        (double)w[(ky * kw + kx) * c + ch];
            }
    }
    cl_mem xb = weft_harness_buffer(&harness, x, (size_t)(images * tokens * cx)),
           wb = weft_harness_buffer(&harness, w, (size_t)(kh * kw * c)),
           bb = weft_harness_buffer(&harness, bias, (size_t)c),
           yb = weft_harness_buffer(&harness, res, count); /* y is the residual */
    const int block = harness.vector_width * weft_naive_between(1, 3);
    weft_harness_args(kernel, "bbbbbiiiiiiiiiiii", xb, wb, bb, yb, yb, has_res, gh, gw, c, cx,
                      x_offset, prefix, kh, kw, pt, pl, block);
    weft_harness_launch(&harness, kernel, (size_t)(images * (gh + 1)), (size_t)ceil_div(c, block));
    weft_check_close(&harness, yb, want, count, "token convolution");
    clReleaseMemObject(xb), clReleaseMemObject(wb), clReleaseMemObject(bb), clReleaseMemObject(yb);
    free(x), free(w), free(bias), free(res), free(want);
}

static void token_convolutions_match(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program = weft_harness_build(&harness, "token_conv.cl");
    cl_kernel kernel = weft_harness_kernel(program, "weft_token_conv");
    for (int i = 0; i < rounds(60); i++) {
        const int is_usual = weft_naive_between(0, 1);
        check_token_conv(kernel, weft_naive_between(1, 2), weft_naive_between(1, 6),
                         weft_naive_between(1, 6), weft_naive_between(1, 70),
                         is_usual ? 3 : weft_naive_between(1, 5),
                         is_usual ? 3 : weft_naive_between(1, 5));
    }
    clReleaseKernel(kernel), clReleaseProgram(program);
}

/* ---- GELU ---- */

/* Against erf in double, over its whole range; and what infinities give. */
static void gelu_is_accurate(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    enum { COUNT = 20001 };
    cl_program program = weft_harness_build(&harness, "eltwise.cl");
    cl_kernel kernel = weft_harness_kernel(program, "weft_unary");
    static float x[COUNT + 2], got[COUNT + 2];
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)(i - COUNT / 2) * 1e-3f;
    x[COUNT] = INFINITY;
    x[COUNT + 1] = -INFINITY;
    const int count = harness.is_slow ? 200 : COUNT + 2;
    const float *from = harness.is_slow ? x + COUNT / 2 : x;
    cl_mem xb = weft_harness_buffer(&harness, from, (size_t)count);
    weft_harness_args(kernel, "bbiffii", xb, xb, 8, 0., 0., count, count);
    weft_harness_launch(&harness, kernel, 1, 1);
    weft_harness_read(&harness, xb, got, (size_t)count);
    for (int i = 0; i < count && isfinite(from[i]); i++) {
        const double t = (double)from[i], want = t * 0.5 * erfc(-t / sqrt(2));
        /* Two units in the last place on the right; on the left, of what the sum would have. */
        const double limit = t > 0 ? 3e-7 * want : 3e-7 * (fabs(t) < 1 ? fabs(t) : 1);
        if (!(fabs((double)got[i] - want) <= limit))
            fail_msg("gelu(%g) is %.9g, not %.9g", t, (double)got[i], want);
    }
    if (!harness.is_slow) {
        assert_true(got[COUNT] > 0 && isinf(got[COUNT]));
        assert_true(fabsf(got[COUNT + 1]) < 1e-30f);
    }
    clReleaseMemObject(xb), clReleaseKernel(kernel), clReleaseProgram(program);
}

static int set_up(void **state)
{
    (void)state;
    is_open = weft_harness_open(&harness);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (is_open)
        weft_harness_close(&harness);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_normalised_rows_match),
        cmocka_unit_test(tokens_behind_a_prefix_match),
        cmocka_unit_test(token_convolutions_match),
        cmocka_unit_test(gelu_is_accurate),
    };
    return cmocka_run_group_tests_name("cpu kernels for rows of tokens", tests, set_up, tear_down);
}
