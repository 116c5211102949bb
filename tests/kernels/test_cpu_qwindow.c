/* SPDX-License-Identifier: Apache-2.0 */
/* weft_qgrouped and weft_qpool of kernels/cpu against loops written from weft.QConv2D, weft.QPool2D
 * and the rules of weft_int.h, bit for bit, through OpenCL: random groups, windows, strides,
 * dilations, pads, signs, zero points, limits and ratios. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/qpack.h"
#include "kernels/include/weft_int.h"
#include "tests/kernels/cl_harness.h"
#include "tests/kernels/naive.h"
#include "tests/kernels/naive_int.h"

/* Cases of each kernel, requantising in double and, as devices without it do, in integers; an
 * interpreter gets fewer. */
enum { CASES = 10000, CASES_INTEGERS = 2000, CASES_SLOW = 20 };
#define DOUBLES "#define WEFT_DOT 2\n"
#define INTEGERS "#undef cl_khr_fp64\n#define WEFT_DOT 2\n"

static size_t as_size(int value)
{
    return (size_t)value;
}

/* ---- convolution in groups ---- */

/* [oc][taps][icg] -> [taps][icg][oc rounded up to nr]. */
static int8_t *pack_weights(const struct naive_layer *l, int nr, size_t *out_bytes)
{
    const struct weft_cpu_qconv_shape *s = &l->shape;
    const int padded = (s->oc + nr - 1) / nr * nr, depth = s->kh * s->kw * (s->ic / l->groups);
    *out_bytes = as_size(depth * padded);
    int8_t *packed = calloc(*out_bytes, 1);
    assert_non_null(packed);
    for (int o = 0; o < s->oc; o++)
        for (int k = 0; k < depth; k++)
            packed[k * padded + o] = l->w[o * depth + k];
    return packed;
}

/* The layer among tokens: x begins `at` bytes behind its step, in y and the residual `prefix`
 * tokens stand in front of each image. */
struct tokens {
    int at, prefix, image; /* step of x */
    uint8_t *x, *res, *want;
    size_t x_count, y_count;
};

static int prefix_code(const struct naive_layer *l, int code)
{
    const int b = l->flags & NAIVE_RES_SIGNED ? (int8_t)code : code;
    if (!(l->flags & NAIVE_RES))
        return l->a_zero;
    return weft_add_stage(0, l->a_mult, b - l->b_zero, l->b_mult, l->add_shift, l->y_zero, l->y_min,
                          l->y_max);
}

static struct tokens make_tokens(const struct naive_layer *l)
{
    const struct weft_cpu_qconv_shape *s = &l->shape;
    const int image = s->ih * s->iw * s->ic, map = s->oh * s->ow * s->oc;
    const int are_there = !(l->flags & NAIVE_SUMS) && weft_naive_between(0, 1);
    struct tokens t = {.at = are_there ? weft_naive_between(0, 7) : 0,
                       .prefix = are_there ? weft_naive_between(0, 2) : 0};
    const int front = t.prefix * s->oc;
    t.image = t.at + image;
    t.x_count = as_size(s->n * t.image);
    t.y_count = as_size(s->n * (front + map));
    t.x = weft_naive_bytes(t.x_count);
    t.res = weft_naive_bytes(t.y_count);
    t.want = weft_naive_bytes(t.y_count);
    for (int n = 0; n < s->n; n++) {
        uint8_t *res = t.res + n * (front + map), *want = t.want + n * (front + map);
        memcpy(t.x + n * t.image + t.at, l->x + n * image, as_size(image));
        memcpy(res + front, l->res + n * map, as_size(map));
        memcpy(want + front, l->want + n * map, as_size(map));
        for (int i = 0; i < front; i++)
            want[i] = (uint8_t)prefix_code(l, res[i]);
    }
    return t;
}

static void check_group_results(struct cl_harness *h, const struct naive_layer *l,
                                const struct tokens *t, cl_mem y, cl_mem partial)
{
    const struct weft_cpu_qconv_shape *s = &l->shape;
    const size_t count = t->y_count;
    const size_t sum_count = as_size(s->n * s->oh * s->oc);
    uint8_t *got = malloc(count);
    int32_t *sums = malloc(sum_count * sizeof *sums);
    assert_true(got && sums);
    weft_harness_read_bytes(h, y, got, count);
    for (size_t i = 0; i < count; i++)
        if (got[i] != t->want[i])
            fail_msg("%dx%dx%dx%d -> %dx%dx%d in %d groups, kernel %dx%d/%dx%d dilation %dx%d, "
                     "flags %d: element %zu is %d, not %d",
                     s->n, s->ih, s->iw, s->ic, s->oh, s->ow, s->oc, l->groups, s->kh, s->kw, s->sh,
                     s->sw, s->dh, s->dw, l->flags, i, got[i], t->want[i]);
    if (l->flags & NAIVE_SUMS) {
        weft_harness_read_bytes(h, partial, sums, sum_count * sizeof *sums);
        for (int n = 0; n < s->n; n++)
            for (int o = 0; o < s->oc; o++) {
                int total = 0;
                for (int oy = 0; oy < s->oh; oy++)
                    total += sums[(n * s->oh + oy) * s->oc + o];
                assert_int_equal(total, l->sums[n * s->oc + o]);
            }
    }
    free(got);
    free(sums);
}

static void check_grouped(struct cl_harness *h, cl_kernel kernel, const struct naive_layer *l)
{
    const struct weft_cpu_qconv_shape *s = &l->shape;
    const int nr = 2 * h->vector_width;
    const size_t channels = weft_qpack_channel_elems(s->oc, nr);
    struct tokens t = make_tokens(l);
    size_t w_bytes;
    int8_t *w = pack_weights(l, nr, &w_bytes);
    int32_t *bias = malloc(channels * sizeof *bias);
    double *ratio = malloc(channels * sizeof *ratio);
    assert_true(channels > 0 && bias && ratio);
    weft_qpack_bias(bias, l->bias, l->w, s->oc, as_size(s->kh * s->kw * s->ic / l->groups), nr, 0);
    weft_qpack_ratio(ratio, l->mult, l->shift, s->oc, nr);
    cl_mem buffers[] = {weft_harness_bytes(h, t.x, t.x_count),
                        weft_harness_bytes(h, w, w_bytes),
                        weft_harness_bytes(h, bias, channels * sizeof *bias),
                        weft_harness_bytes(h, ratio, channels * sizeof *ratio),
                        weft_harness_bytes(h, l->table, sizeof l->table),
                        weft_harness_bytes(h, t.res, t.y_count),
                        weft_harness_bytes(h, NULL, t.y_count),
                        weft_harness_bytes(h, NULL, as_size(s->n * s->oh * s->oc) * 4)};
    /* y may be the residual. */
    cl_mem y = l->flags & NAIVE_RES && weft_naive_between(0, 1) ? buffers[5] : buffers[6];
    weft_harness_args(kernel, "bbbbbbbbiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii", buffers[0], buffers[1],
                      buffers[2], buffers[3], buffers[4], buffers[5], y, buffers[7], l->flags,
                      s->ih, s->iw, s->ic, s->oh, s->ow, s->oc, l->groups, s->kh, s->kw, s->sh,
                      s->sw, s->dh, s->dw, s->pt, s->pl, l->x_zero, t.image,
                      s->is_nchw ? s->iw : s->iw * s->ic, s->is_nchw ? 1 : s->ic,
                      s->is_nchw ? s->ih * s->iw : 1, l->c_zero, l->c_min, l->c_max, l->a_zero,
                      l->a_mult, l->b_zero, l->b_mult, l->add_shift, l->y_zero, l->y_min, l->y_max,
                      weft_naive_sums_zero(l), t.at, t.prefix);
    weft_harness_launch(h, kernel, as_size(s->n * (s->oh + (t.prefix > 0))), 1);
    check_group_results(h, l, &t, y, buffers[7]);
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        clReleaseMemObject(buffers[i]);
    free(t.x);
    free(t.res);
    free(t.want);
    free(w);
    free(bias);
    free(ratio);
}

static void check_grouped_form(const char *defines, int most)
{
    struct cl_harness h;
    if (!weft_harness_open(&h))
        skip();
    cl_program program =
        weft_harness_build_row(&h, defines, "weft_int.h qdot.cl qfinish.cl qgrouped.cl");
    cl_kernel kernel = weft_harness_kernel(program, "weft_qgrouped");
    const int cases = h.is_slow ? CASES_SLOW : most;
    for (int i = 0; i < cases; i++) {
        struct naive_layer l;
        weft_naive_make_layer(&l, 1, NAIVE_GROUPED);
        check_grouped(&h, kernel, &l);
        weft_naive_free_layer(&l);
    }
    printf("%d layers\n", cases);
    clReleaseKernel(kernel);
    clReleaseProgram(program);
    weft_harness_close(&h);
}

/* ---- pooling ---- */

enum { MAX, AVERAGE, AVERAGE_PADDED };
enum { WINDOW_MOST = 5 * 5 };

struct pool {
    int op, is_signed, n, ih, iw, c, oh, ow, kh, kw, sh, sw, dh, dw, pt, pl, pb, pr, block;
    int x_zero, y_zero, y_min, y_max, kinds;
    int32_t counts[WINDOW_MOST + 1], mults[WINDOW_MOST + 1], shifts[WINDOW_MOST + 1];
    uint8_t *x, *want;
};

/* Windows in floor or ceil mode: in ceil mode the last one may leave the padding, but begins in
 * front of the padding after the image. */
static int pool_size(int *in, int before, int after, int kernel, int dilation, int stride)
{
    const int extent = (kernel - 1) * dilation + 1;
    while (*in + before + after < extent)
        ++*in;
    const int span = *in + before + after - extent;
    int size = span / stride + 1;
    if (span % stride != 0 && size * stride < *in + before && weft_naive_between(0, 1))
        size++;
    return size;
}

/* How many elements of the window at (oy, ox) count. */
static int window_count(const struct pool *p, int oy, int ox)
{
    int count = 0;
    for (int i = 0; i < p->kh; i++)
        for (int j = 0; j < p->kw; j++) {
            const int iy = oy * p->sh - p->pt + i * p->dh, ix = ox * p->sw - p->pl + j * p->dw;
            const int low_y = p->op == AVERAGE_PADDED ? -p->pt : 0,
                      low_x = p->op == AVERAGE_PADDED ? -p->pl : 0;
            const int high_y = p->ih + (p->op == AVERAGE_PADDED ? p->pb : 0),
                      high_x = p->iw + (p->op == AVERAGE_PADDED ? p->pr : 0);
            count += iy >= low_y && iy < high_y && ix >= low_x && ix < high_x;
        }
    return count;
}

static int kind_of(const struct pool *p, int count)
{
    for (int kind = 0; kind < p->kinds; kind++)
        if (p->counts[kind] == count)
            return kind;
    return -1;
}

/* The counts that occur, and sometimes one that does not. */
static void make_counts(struct pool *p)
{
    if (p->op == MAX || weft_naive_between(0, 3) == 0)
        p->counts[p->kinds++] = WINDOW_MOST + 1;
    for (int oy = 0; oy < p->oh; oy++)
        for (int ox = 0; ox < p->ow; ox++) {
            const int count = p->op == MAX ? 0 : window_count(p, oy, ox);
            if (count > 0 && kind_of(p, count) < 0)
                p->counts[p->kinds++] = count;
        }
    if (p->kinds == 0)
        p->counts[p->kinds++] = 1;
    for (int i = 0; i < p->kinds; i++)
        weft_naive_ratio(64.0 * p->counts[i], &p->mults[i], &p->shifts[i]);
}

static int pool_one(const struct pool *p, int n, int oy, int ox, int c)
{
    int value = p->op == MAX ? p->y_min : 0;
    for (int i = 0; i < p->kh; i++)
        for (int j = 0; j < p->kw; j++) {
            const int iy = oy * p->sh - p->pt + i * p->dh, ix = ox * p->sw - p->pl + j * p->dw;
            if (iy < 0 || iy >= p->ih || ix < 0 || ix >= p->iw)
                continue;
            const int x =
                weft_byte_value(p->x[((n * p->ih + iy) * p->iw + ix) * p->c + c], p->is_signed);
            value = p->op != MAX ? value + x - p->x_zero : x > value ? x : value;
        }
    if (p->op == MAX)
        return weft_clamp32(value, p->y_min, p->y_max);
    const int kind = kind_of(p, window_count(p, oy, ox));
    return kind < 0 ? weft_clamp32(p->y_zero, p->y_min, p->y_max)
                    : weft_requantise(value, p->mults[kind], p->shifts[kind], p->y_zero, p->y_min,
                                      p->y_max);
}

static void make_pool(struct pool *p)
{
    memset(p, 0, sizeof *p);
    p->op = weft_naive_between(0, 2);
    p->is_signed = weft_naive_between(0, 1);
    p->n = weft_naive_between(1, 2);
    p->ih = weft_naive_between(1, 9);
    p->iw = weft_naive_between(1, 9);
    p->c = weft_naive_between(1, 40);
    p->kh = weft_naive_between(1, 5);
    p->kw = weft_naive_between(1, 5);
    p->sh = weft_naive_between(1, 4);
    p->sw = weft_naive_between(1, 4);
    p->dh = weft_naive_between(1, 2);
    p->dw = weft_naive_between(1, 2);
    const int has_pads = weft_naive_between(0, 1);
    p->pt = has_pads * weft_naive_between(0, 3);
    p->pl = has_pads * weft_naive_between(0, 3);
    p->pb = has_pads * weft_naive_between(0, 3);
    p->pr = has_pads * weft_naive_between(0, 3);
    p->oh = pool_size(&p->ih, p->pt, p->pb, p->kh, p->dh, p->sh);
    p->ow = pool_size(&p->iw, p->pl, p->pr, p->kw, p->dw, p->sw);
    p->block = weft_naive_between(1, p->c + 8);
    p->x_zero = weft_naive_value(p->is_signed);
    weft_naive_range(p->op == MAX ? p->is_signed : weft_naive_between(0, 1), &p->y_zero, &p->y_min,
                     &p->y_max);
    make_counts(p);
    p->x = weft_naive_bytes(as_size(p->n * p->ih * p->iw * p->c));
    p->want = malloc(as_size(p->n * p->oh * p->ow * p->c));
    assert_non_null(p->want);
    size_t at = 0;
    for (int n = 0; n < p->n; n++)
        for (int oy = 0; oy < p->oh; oy++)
            for (int ox = 0; ox < p->ow; ox++)
                for (int c = 0; c < p->c; c++)
                    p->want[at++] = weft_byte_of(pool_one(p, n, oy, ox, c));
}

static void check_pool(struct cl_harness *h, cl_kernel kernel, const struct pool *p)
{
    const int lanes = h->vector_width;
    const size_t count = as_size(p->n * p->oh * p->ow * p->c);
    int32_t mults[(WINDOW_MOST + 1) * 16], shifts[(WINDOW_MOST + 1) * 16];
    double ratios[(WINDOW_MOST + 1) * 16];
    for (int i = 0; i < p->kinds * lanes; i++) {
        mults[i] = p->mults[i / lanes];
        shifts[i] = p->shifts[i / lanes];
    }
    weft_qpack_ratio(ratios, mults, shifts, p->kinds * lanes, lanes);
    uint8_t *got = malloc(count);
    assert_non_null(got);
    cl_mem buffers[] = {weft_harness_bytes(h, p->x, as_size(p->n * p->ih * p->iw * p->c)),
                        weft_harness_bytes(h, p->counts, as_size(p->kinds) * sizeof p->counts[0]),
                        weft_harness_bytes(h, ratios, as_size(p->kinds * lanes) * sizeof ratios[0]),
                        weft_harness_bytes(h, NULL, count)};
    weft_harness_args(kernel, "bbbbiiiiiiiiiiiiiiiiiiiiiii", buffers[0], buffers[1], buffers[2],
                      buffers[3], p->op, p->is_signed, p->ih, p->iw, p->c, p->oh, p->ow, p->kh,
                      p->kw, p->sh, p->sw, p->dh, p->dw, p->pt, p->pl, p->pb, p->pr, p->kinds,
                      p->block, p->x_zero, p->y_zero, p->y_min, p->y_max);
    weft_harness_launch(h, kernel, as_size(p->n * p->oh),
                        as_size((p->c + p->block - 1) / p->block));
    weft_harness_read_bytes(h, buffers[3], got, count);
    for (size_t i = 0; i < count; i++)
        if (got[i] != p->want[i])
            fail_msg("op %d: %dx%dx%dx%d -> %dx%d, window %dx%d/%dx%d dilation %dx%d, pads %d %d "
                     "%d %d: element %zu is %d, not %d",
                     p->op, p->n, p->ih, p->iw, p->c, p->oh, p->ow, p->kh, p->kw, p->sh, p->sw,
                     p->dh, p->dw, p->pt, p->pl, p->pb, p->pr, i, got[i], p->want[i]);
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        clReleaseMemObject(buffers[i]);
    free(got);
}

static void check_pool_form(const char *defines, int most)
{
    struct cl_harness h;
    if (!weft_harness_open(&h))
        skip();
    assert_true(h.vector_width <= 16);
    cl_program program =
        weft_harness_build_row(&h, defines, "weft_int.h qdot.cl qfinish.cl qpool.cl");
    cl_kernel kernel = weft_harness_kernel(program, "weft_qpool");
    const int cases = h.is_slow ? CASES_SLOW : most;
    int padded_only = 0;
    for (int i = 0; i < cases; i++) {
        struct pool p;
        make_pool(&p);
        check_pool(&h, kernel, &p);
        for (int oy = 0; oy < p.oh; oy++)
            padded_only += p.op == AVERAGE && window_count(&p, oy, 0) == 0;
        free(p.x);
        free(p.want);
    }
    printf("%d poolings, %d rows begin with a window without elements\n", cases, padded_only);
    clReleaseKernel(kernel);
    clReleaseProgram(program);
    weft_harness_close(&h);
}

static void grouped_by_doubles(void **state)
{
    (void)state;
    check_grouped_form(DOUBLES, CASES);
}

static void grouped_by_integers(void **state)
{
    (void)state;
    check_grouped_form(INTEGERS, CASES_INTEGERS);
}

static void pool_by_doubles(void **state)
{
    (void)state;
    check_pool_form(DOUBLES, CASES);
}

static void pool_by_integers(void **state)
{
    (void)state;
    check_pool_form(INTEGERS, CASES_INTEGERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grouped_by_doubles), cmocka_unit_test(grouped_by_integers),
        cmocka_unit_test(pool_by_doubles), cmocka_unit_test(pool_by_integers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
