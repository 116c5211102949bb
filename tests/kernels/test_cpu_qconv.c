/* SPDX-License-Identifier: Apache-2.0 */
/* Integer convolution kernels of kernels/cpu against loops written from the definition of
 * weft.QConv2D and the rules of weft_int.h, bit for bit, through OpenCL: random shapes, strides,
 * dilations, pads, zero points, signs, ratios and blocks, values at both ends of their ranges;
 * tables, residuals, channel sums and normalised pixels. Every form of the product that weft can
 * choose runs here: the processor's instruction and the plain forms of pairs and quads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/qpack.h"
#include "kernels/cpu/qtile_rule.h"
#include "tests/kernels/cl_harness.h"
#include "tests/kernels/naive.h"
#include "tests/kernels/naive_int.h"

/* Cases of each form; an interpreter gets fewer. */
enum { CASES = 4000, CASES_NORM = 2500, CASES_WINOGRAD = 1500, CASES_SLOW = 12 };
static size_t as_size(int value)
{
    return (size_t)value;
}

struct fixture {
    struct cl_harness harness;
    struct weft_cpu_device device;
    cl_kernel conv, winograd[2];
    int dot;
};

static void check_results(struct fixture *f, const struct naive_layer *l, cl_mem y, int y_stride,
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
    if (l->flags & NAIVE_SUMS) {
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
static void check_direct(struct fixture *f, const struct naive_layer *l)
{
    struct cl_harness *h = &f->harness;
    const struct weft_cpu_qconv_shape *s = &l->shape;
    const int nr = 2 * f->device.vector_width, panels = (s->oc + nr - 1) / nr;
    const int y_stride = s->oc + (weft_naive_between(0, 2) ? 0 : 3);
    struct weft_cpu_qconv_plan p;
    assert_true(weft_cpu_qconv_choose(&f->device, s, &p));
    if (p.method != WEFT_CPU_QDIRECT || weft_naive_between(0, 7) > 0) {
        p.method = WEFT_CPU_QDIRECT;
        const int may_gather = !s->is_normalised && weft_naive_between(0, 3) == 0;
        p.gather = s->is_nchw || may_gather ? WEFT_CPU_QROWS : WEFT_CPU_QPATCH;
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
    const int sign = s->is_normalised ? NAIVE_NORM_SIGNED : NAIVE_X_SIGNED;
    weft_qpack_bias(bias, l->bias, l->w, s->oc, k, nr,
                    s->dot == 4 ? l->x_zero + (l->flags & sign ? 128 : 0) : 0);
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
                        weft_harness_bytes(h, NULL, as_size(s->n * p.blocks * s->oc) * 4 + 4),
                        NULL,
                        NULL};
    double margin = 0;
    if (s->is_normalised) {
        const size_t vector = as_size(s->ic) * sizeof *l->gamma;
        buffers[8] = weft_harness_bytes(h, l->gamma, vector);
        buffers[9] = weft_harness_bytes(h, l->beta, vector);
        margin = weft_naive_margin(s->ic, l->gamma, l->beta, &l->norm);
    }
    weft_harness_args(f->conv, "bbbbbbbbbliiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiibbiiiiiif",
                      buffers[0], buffers[1], buffers[2], buffers[3], buffers[4], buffers[5],
                      buffers[6], buffers[7], buffers[1], p.local_bytes, l->flags, p.ih, p.iw,
                      s->ic, p.oh, p.ow, s->oc, s->kh, s->kw, s->sh, s->sw, s->dh, s->dw, s->pt,
                      s->pl, y_stride, l->x_zero, p.seg_rows, p.mb, p.blocks, p.pg, p.tc, p.kc,
                      (int)p.gather, steps[0], steps[1], steps[2], steps[3], 0, l->c_zero, l->c_min,
                      l->c_max, l->a_zero, l->a_mult, l->b_zero, l->b_mult, l->add_shift, l->y_zero,
                      l->y_min, l->y_max, weft_naive_sums_zero(l), buffers[8], buffers[9],
                      (int)(l->norm.epsilon >> 32), (int)(uint32_t)l->norm.epsilon,
                      l->norm.beta_shift, l->norm.shift, l->norm_min, l->norm_max, margin);
    weft_harness_launch(h, f->conv, as_size(p.segments * p.blocks), as_size(p.groups));
    check_results(f, l, buffers[6], y_stride, buffers[7], p.blocks);
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        if (buffers[i])
            clReleaseMemObject(buffers[i]);
    free(w);
    free(bias);
    free(ratio);
    free(guard);
}

/* One layer by F(m x m, 3 x 3) with random blocks; false when its sums may leave what the kernel
 * needs. */
static int check_winograd(struct fixture *f, const struct naive_layer *l, int m)
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
                      l->y_min, l->y_max, weft_naive_sums_zero(l));
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
        struct naive_layer l;
        weft_naive_make_layer(&l, 2, NAIVE_WINOGRAD);
        done[0] += check_winograd(&f, &l, 2);
        done[1] += check_winograd(&f, &l, 4);
        weft_naive_free_layer(&l);
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
    cl_program program = weft_harness_build_row(
        &f.harness, defines, "weft_int.h weft_int_row.h qdot.cl qfinish.cl qnorm.cl qconv.cl");
    f.conv = weft_harness_kernel(program, "weft_qconv");
    const int cases[2] = {f.harness.is_slow ? CASES_SLOW : CASES,
                          f.harness.is_slow ? CASES_SLOW : CASES_NORM};
    for (int i = 0; i < cases[0] + cases[1]; i++) {
        struct naive_layer l;
        weft_naive_make_layer(&l, dot, i < cases[0] ? NAIVE_ANY : NAIVE_NORM);
        check_direct(&f, &l);
        weft_naive_free_layer(&l);
    }
    printf("%d layers, %d products of normalised pixels\n", cases[0], cases[1]);
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

static void quads_by_instruction(void **state)
{
    (void)state;
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512vnni")) {
        check_form("#define WEFT_DOT 4\n#define WEFT_VNNI\n", 4);
        return;
    }
#endif
    printf("skipped: this processor has no products of quads\n");
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_by_instruction),    cmocka_unit_test(pairs_plainly),
        cmocka_unit_test(quads_by_instruction),    cmocka_unit_test(quads_plainly),
        cmocka_unit_test(winograd_by_instruction), cmocka_unit_test(winograd_plainly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
