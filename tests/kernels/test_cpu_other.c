/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of kernels/cpu that are no convolutions against plain loops, through OpenCL: products
 * of one row, squeeze-excite, pooling, element-wise work, reductions, softmax, strided copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
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

static cl_mem packed_matrix(const float *w, int oc, int k, int is_transposed)
{
    const int nr = 2 * harness.vector_width;
    const size_t count = weft_pack_linear_elems(oc, k, nr);
    float *packed = malloc(count * sizeof *packed);
    assert_non_null(packed);
    weft_pack_linear(packed, w, oc, k, nr, is_transposed);
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

static void check_linear(cl_kernel kernel, int images, int k, int oc, int parts)
{
    const int is_transposed = weft_naive_between(0, 1), act = weft_naive_between(0, 10),
              is_normalised = weft_naive_between(0, 1), has_res = weft_naive_between(0, 1);
    const int panels = ceil_div(oc, 2 * harness.vector_width), pg = weft_naive_between(1, panels);
    const double scale = parts == 1 ? 1 : 0.01;
    float *x = weft_naive_array((size_t)(images * parts * k)),
          *w = weft_naive_array((size_t)(oc * k));
    float *bias = weft_naive_array((size_t)oc), *res = weft_naive_array((size_t)(images * oc));
    double *want = weft_check_doubles((size_t)(images * oc)), *in = weft_check_doubles((size_t)k);
    for (int n = 0; n < images; n++)
        for (int o = 0; o < oc; o++) {
            double sum = (double)bias[o], mean = 0, variance = 0;
            for (int i = 0; i < k; i++) {
                in[i] = 0;
                for (int part = 0; part < parts; part++)
                    in[i] += scale * (double)x[(n * parts + part) * k + i];
                mean += in[i] / k;
            }
            for (int i = 0; i < k; i++)
                variance += pow(in[i] - mean, 2) / k;
            for (int i = 0; i < k; i++) {
                if (is_normalised)
                    in[i] = (in[i] - mean) / sqrt(variance + 1e-3);
                sum += in[i] * (double)w[is_transposed ? i * oc + o : o * k + i];
            }
            if (has_res)
                sum += (double)res[n * oc + o];
            want[n * oc + o] = weft_naive_act(sum, act, 0.1, 0.5);
        }
    cl_mem xb = weft_harness_buffer(&harness, x, (size_t)(images * parts * k));
    cl_mem wb = packed_matrix(w, oc, k, is_transposed), bb = packed_bias(bias, oc);
    cl_mem yb = weft_harness_buffer(&harness, res, (size_t)(images * oc)); /* y is the residual */
    weft_harness_args(kernel, "bbbbliffiiiifiiifb", xb, wb, bb, yb, (size_t)k * 4, act, 0.1, 0.5,
                      images, k, oc, parts, scale, oc, pg, has_res | is_normalised << 6, 1e-3, yb);
    weft_harness_launch(&harness, kernel, (size_t)ceil_div(panels, pg), 1);
    weft_check_close(&harness, yb, want, (size_t)(images * oc), "linear");
    free(in), free(res);
    clReleaseMemObject(xb), clReleaseMemObject(wb), clReleaseMemObject(bb), clReleaseMemObject(yb);
    free(x), free(w), free(bias), free(want);
}

static void check_gate(cl_kernel kernel, int images, int k, int oc, int pixels)
{
    const int has_res = weft_naive_between(0, 1), has_sums = weft_naive_between(0, 1),
              act = weft_naive_between(0, 1);
    const int flags = has_res | has_sums << 2 | 8 | 16;
    const int panels = ceil_div(oc, 2 * harness.vector_width),
              pg = weft_naive_between(1, panels < 16 ? panels : 16);
    const int per_block = weft_naive_between(1, pixels), blocks = ceil_div(pixels, per_block);
    const size_t count = (size_t)(images * pixels * oc), gates = (size_t)(images * oc);
    float *hidden = weft_naive_array((size_t)(images * k)), *w = weft_naive_array((size_t)(oc * k));
    float *bias = weft_naive_array((size_t)oc), *t = weft_naive_array(count),
          *res = weft_naive_array(count);
    double *g = weft_check_doubles(gates), *want = weft_check_doubles(count),
           *sums = weft_check_doubles(gates * (size_t)blocks);
    for (int n = 0; n < images; n++)
        for (int o = 0; o < oc; o++) {
            double sum = (double)bias[o];
            for (int i = 0; i < k; i++)
                sum += (double)hidden[n * k + i] * (double)w[o * k + i];
            g[n * oc + o] = weft_naive_act(sum, 3, 0, 0);
            for (int p = 0; p < pixels; p++) {
                const int at = (n * pixels + p) * oc + o;
                want[at] = (double)t[at] * g[n * oc + o] + (has_res ? (double)res[at] : 0);
                want[at] = weft_naive_act(want[at], act, 0, 0);
                sums[(n * blocks + p / per_block) * oc + o] += want[at];
            }
        }
    cl_mem hb = weft_harness_buffer(&harness, hidden, (size_t)(images * k)),
           wb = packed_matrix(w, oc, k, 0);
    cl_mem bb = packed_bias(bias, oc), tb = weft_harness_buffer(&harness, t, count);
    cl_mem rb = weft_harness_buffer(&harness, res, count),
           gb = weft_harness_buffer(&harness, NULL, gates);
    cl_mem pb = weft_harness_buffer(&harness, NULL, gates * (size_t)blocks);
    /* y is t: the gate works in place. */
    weft_harness_args(kernel, "bbbbbbbbliiffiffiiiiii", hb, wb, bb, tb, rb, gb, tb, pb,
                      (size_t)k * 4, flags, 3, 0., 0., act, 0., 0., k, oc, pixels, per_block,
                      blocks, pg);
    weft_harness_launch(&harness, kernel, (size_t)(images * blocks), (size_t)ceil_div(panels, pg));
    weft_check_close(&harness, tb, want, count, "gate: y");
    weft_check_close(&harness, gb, g, gates, "gate: g");
    if (has_sums)
        weft_check_close(&harness, pb, sums, gates * (size_t)blocks, "gate: sums");
    clReleaseMemObject(hb), clReleaseMemObject(wb), clReleaseMemObject(bb), clReleaseMemObject(tb);
    clReleaseMemObject(rb), clReleaseMemObject(gb), clReleaseMemObject(pb);
    free(hidden), free(w), free(bias), free(t), free(res), free(g), free(want), free(sums);
}

static void rows_times_matrices_match(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program = weft_harness_build(&harness, "linear.cl");
    cl_kernel linear = weft_harness_kernel(program, "weft_linear");
    cl_kernel gate = weft_harness_kernel(program, "weft_se_gate");
    for (int i = 0; i < rounds(60); i++)
        check_linear(linear, weft_naive_between(1, 3), weft_naive_between(1, 70),
                     weft_naive_between(1, 90), weft_naive_between(1, 4));
    for (int i = 0; i < rounds(60); i++)
        check_gate(gate, weft_naive_between(1, 3), weft_naive_between(1, 40),
                   weft_naive_between(1, 90), weft_naive_between(1, 30));
    if (!harness.is_slow)
        check_linear(linear, 1, 2048, 1000, 2);
    clReleaseKernel(linear), clReleaseKernel(gate), clReleaseProgram(program);
}

static void pools_match(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program = weft_harness_build(&harness, "pool.cl");
    cl_kernel kernel = weft_harness_kernel(program, "weft_pool");
    for (int round = 0; round < rounds(80); round++) {
        const int op = round % 3, n = weft_naive_between(1, 2), c = weft_naive_between(1, 35);
        const int k = weft_naive_between(1, 4), s = weft_naive_between(1, 3),
                  d = weft_naive_between(1, 2);
        const int reach = (k - 1) * d + 1, is_ceil = weft_naive_between(0, 1);
        const int pad = weft_naive_between(0, (reach - 1) / 2),
                  ih = reach + weft_naive_between(0, 9), iw = reach + weft_naive_between(0, 9);
        int oh = (ih + 2 * pad - reach + (is_ceil ? s - 1 : 0)) / s + 1;
        int ow = (iw + 2 * pad - reach + (is_ceil ? s - 1 : 0)) / s + 1;
        oh -= (oh - 1) * s >= ih + pad; /* a window that starts in the pads after does not exist */
        ow -= (ow - 1) * s >= iw + pad;
        const size_t x_count = (size_t)(n * ih * iw * c), y_count = (size_t)(n * oh * ow * c);
        float *x = weft_naive_array(x_count);
        double *want = weft_check_doubles(y_count);
        for (size_t at = 0; at < y_count; at++) {
            const int ch = (int)at % c, ox = (int)at / c % ow, oy = (int)at / c / ow % oh,
                      b = (int)at / c / ow / oh;
            double sum = 0, top = -1e30;
            int inside = 0, padded = 0;
            for (int i = 0; i < k; i++)
                for (int j = 0; j < k; j++) {
                    const int iy = oy * s - pad + i * d, ix = ox * s - pad + j * d;
                    padded += iy < ih + pad && ix < iw + pad;
                    if (iy < 0 || iy >= ih || ix < 0 || ix >= iw)
                        continue;
                    const double e = (double)x[((b * ih + iy) * iw + ix) * c + ch];
                    inside++;
                    sum += e;
                    top = e > top ? e : top;
                }
            want[at] = op == 0 ? top : sum / (op == 2 ? padded : inside);
        }
        cl_mem xb = weft_harness_buffer(&harness, x, x_count),
               yb = weft_harness_buffer(&harness, NULL, y_count);
        weft_harness_args(kernel, "bbiiiiiiiiiiiiiiiii", xb, yb, op, ih, iw, c, oh, ow, k, k, s, s,
                          d, d, pad, pad, pad, pad, c);
        weft_harness_launch(&harness, kernel, (size_t)(n * oh), 1);
        weft_check_close(&harness, yb, want, y_count,
                         op == 0   ? "max pool"
                         : op == 1 ? "average pool"
                                   : "average pool with pads");
        clReleaseMemObject(xb), clReleaseMemObject(yb);
        free(x), free(want);
    }
    clReleaseKernel(kernel), clReleaseProgram(program);
}

static double unary_of(double x, int op)
{
    switch (op) {
    case 32: return -x;
    case 33: return fabs(x);
    case 34: return sqrt(x);
    case 35: return exp(x);
    case 36: return log(x);
    case 37: return 1 / x;
    case 38: return floor(x);
    case 39: return ceil(x);
    case 40: return erf(x);
    case 41: return log1p(exp(x));
    case 42: return x > 0 ? x : 0.5 * expm1(x);
    case 43: return x > 0 ? 1 : x < 0 ? -1 : 0;
    case 44: return rint(x);
    case 45: return sin(x);
    case 46: return cos(x);
    default: return weft_naive_act(x, op, 0.5, 0.75);
    }
}

static double binary_of(double a, double b, int op)
{
    switch (op) {
    case 0: return a + b;
    case 1: return a - b;
    case 2: return a * b;
    case 3: return a / b;
    case 4: return a > b ? a : b;
    case 5: return a < b ? a : b;
    case 6: return pow(a, b);
    default: return a < 0 ? a * b : a;
    }
}

static void check_binary(cl_kernel kernel, int op)
{
    int d[6], as[6], bs[6], a_size = 1, b_size = 1, count = 1;
    for (int i = 5; i >= 0; i--) {
        d[i] = i == 5 ? weft_naive_between(1, 40) : weft_naive_between(1, 3);
        const int a_broadcasts = weft_naive_between(0, 3) == 0,
                  b_broadcasts = weft_naive_between(0, 2) == 0;
        as[i] = a_broadcasts ? 0 : a_size;
        bs[i] = b_broadcasts ? 0 : b_size;
        a_size *= a_broadcasts ? 1 : d[i];
        b_size *= b_broadcasts ? 1 : d[i];
        count *= d[i];
    }
    float *a = weft_naive_array((size_t)a_size), *b = weft_naive_array((size_t)b_size);
    for (int i = 0; op == 6 && i < a_size; i++)
        a[i] = fabsf(a[i]) + 0.1f;
    for (int i = 0; op == 3 && i < b_size; i++)
        b[i] = fabsf(b[i]) + 0.1f;
    double *want = weft_check_doubles((size_t)count);
    for (int at = 0; at < count; at++) {
        int a_at = 0, b_at = 0;
        for (int i = 5, rest = at; i >= 0; rest /= d[i--]) {
            a_at += rest % d[i] * as[i];
            b_at += rest % d[i] * bs[i];
        }
        const double value = binary_of((double)a[a_at], (double)b[b_at], op);
        want[at] = value > 0 ? value : 0;
    }
    const int block = harness.vector_width * weft_naive_between(1, 3);
    cl_mem ab = weft_harness_buffer(&harness, a, (size_t)a_size),
           bb = weft_harness_buffer(&harness, b, (size_t)b_size);
    cl_mem yb = weft_harness_buffer(&harness, NULL, (size_t)count);
    weft_harness_args(kernel, "bbbiiffiiiiiiiiiiiiiiiiii", ab, bb, yb, op, 1, 0., 0., d[1], d[2],
                      d[3], d[4], d[5], as[0], as[1], as[2], as[3], as[4], as[5], bs[0], bs[1],
                      bs[2], bs[3], bs[4], bs[5], block);
    weft_harness_launch(&harness, kernel, (size_t)(count / d[5]), (size_t)ceil_div(d[5], block));
    weft_check_close(&harness, yb, want, (size_t)count, "binary");
    clReleaseMemObject(ab), clReleaseMemObject(bb), clReleaseMemObject(yb);
    free(a), free(b), free(want);
}

static void elementwise_functions_match(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program = weft_harness_build(&harness, "eltwise.cl");
    cl_kernel unary = weft_harness_kernel(program, "weft_unary"),
              binary = weft_harness_kernel(program, "weft_binary");
    cl_kernel affine = weft_harness_kernel(program, "weft_affine");
    const int width = harness.vector_width;
    for (int op = 0; op <= 46; op = op == 10 ? 32 : op + 1) {
        const int count = weft_naive_between(1, 300), block = width * weft_naive_between(1, 5);
        const int is_positive = op == 34 || op == 36 || op == 37;
        float *x = weft_naive_array((size_t)count);
        double *want = weft_check_doubles((size_t)count);
        for (int i = 0; i < count; i++) {
            x[i] = is_positive ? fabsf(x[i]) + 0.1f : 6 * x[i];
            want[i] = unary_of((double)x[i], op);
        }
        cl_mem xb = weft_harness_buffer(&harness, x, (size_t)count);
        weft_harness_args(unary, "bbiffii", xb, xb, op, 0.5, 0.75, count, block);
        weft_harness_launch(&harness, unary, (size_t)ceil_div(count, block), 1);
        char what[32];
        snprintf(what, sizeof what, "unary %d", op);
        weft_check_close(&harness, xb, want, (size_t)count, what);
        clReleaseMemObject(xb);
        free(x), free(want);
    }
    for (int round = 0; round < rounds(64); round++)
        check_binary(binary, round % 8);
    for (int round = 0; round < rounds(20); round++) {
        const int rows = weft_naive_between(1, 30), c = weft_naive_between(1, 40),
                  block = weft_naive_between(1, 7);
        float *x = weft_naive_array((size_t)(rows * c)), *scale = weft_naive_array((size_t)c);
        float *shift = weft_naive_array((size_t)c);
        double *want = weft_check_doubles((size_t)(rows * c));
        for (int i = 0; i < rows * c; i++)
            want[i] =
                weft_naive_act((double)x[i] * (double)scale[i % c] + (double)shift[i % c], 1, 0, 0);
        cl_mem xb = weft_harness_buffer(&harness, x, (size_t)(rows * c));
        cl_mem sb = weft_harness_buffer(&harness, scale, (size_t)c),
               tb = weft_harness_buffer(&harness, shift, (size_t)c);
        weft_harness_args(affine, "bbbbiffiii", xb, sb, tb, xb, 1, 0., 0., rows, c, block);
        weft_harness_launch(&harness, affine, (size_t)ceil_div(rows, block), 1);
        weft_check_close(&harness, xb, want, (size_t)(rows * c), "affine");
        clReleaseMemObject(xb), clReleaseMemObject(sb), clReleaseMemObject(tb);
        free(x), free(scale), free(shift), free(want);
    }
    clReleaseKernel(unary), clReleaseKernel(binary), clReleaseKernel(affine),
        clReleaseProgram(program);
}

static void reductions_match(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program = weft_harness_build(&harness, "reduce.cl");
    cl_kernel reduce = weft_harness_kernel(program, "weft_reduce"),
              softmax = weft_harness_kernel(program, "weft_softmax");
    for (int round = 0; round < rounds(84); round++) {
        const int op = round % 7, outer = weft_naive_between(1, 5),
                  count = weft_naive_between(1, 50);
        const int inner = weft_naive_between(0, 1) ? 1 : weft_naive_between(1, 40);
        const int block = harness.vector_width * weft_naive_between(1, 2);
        float *x = weft_naive_array((size_t)(outer * count * inner));
        double *want = weft_check_doubles((size_t)(outer * inner));
        for (int o = 0; o < outer; o++)
            for (int i = 0; i < inner; i++) {
                double all = op == 1 ? -1e30 : op == 2 ? 1e30 : op == 3 ? 1 : 0;
                for (int j = 0; j < count; j++) {
                    const double e = (double)x[(o * count + j) * inner + i];
                    all = op == 0   ? all + e
                          : op == 1 ? fmax(all, e)
                          : op == 2 ? fmin(all, e)
                          : op == 3 ? all * e
                          : op == 4 ? all + fabs(e)
                                    : all + e * e;
                }
                want[o * inner + i] = (op == 6 ? sqrt(all) : all) * 0.5;
            }
        cl_mem xb = weft_harness_buffer(&harness, x, (size_t)(outer * count * inner));
        cl_mem yb = weft_harness_buffer(&harness, NULL, (size_t)(outer * inner));
        weft_harness_args(reduce, "bbifiii", xb, yb, op, 0.5, count, inner, block);
        weft_harness_launch(&harness, reduce, (size_t)outer,
                            (size_t)(inner == 1 ? 1 : ceil_div(inner, block)));
        weft_check_close(&harness, yb, want, (size_t)(outer * inner), "reduce");
        clReleaseMemObject(xb), clReleaseMemObject(yb);
        free(x), free(want);
    }
    for (int round = 0; round < rounds(30); round++) {
        const int outer = weft_naive_between(1, 5), count = weft_naive_between(1, 100),
                  is_log = round % 2;
        const int inner = round % 3 ? 1 : weft_naive_between(1, 40);
        const int block = harness.vector_width * weft_naive_between(1, 2);
        const size_t elems = (size_t)(outer * count * inner);
        float *x = weft_naive_array(elems);
        double *want = weft_check_doubles(elems);
        for (int line = 0; line < outer * inner; line++) {
            const int start = line / inner * count * inner + line % inner;
            double sum = 0;
            for (int i = start; i < start + count * inner; i += inner)
                sum += exp((double)(x[i] *= 20));
            for (int i = start; i < start + count * inner; i += inner)
                want[i] = is_log ? (double)x[i] - log(sum) : exp((double)x[i]) / sum;
        }
        cl_mem xb = weft_harness_buffer(&harness, x, elems),
               yb = weft_harness_buffer(&harness, NULL, elems);
        weft_harness_args(softmax, "bbiiii", xb, yb, count, inner, is_log, block);
        weft_harness_launch(&harness, softmax, (size_t)outer,
                            (size_t)(inner == 1 ? 1 : ceil_div(inner, block)));
        weft_check_close(&harness, yb, want, elems, "softmax");
        clReleaseMemObject(xb), clReleaseMemObject(yb);
        free(x), free(want);
    }
    clReleaseKernel(reduce), clReleaseKernel(softmax), clReleaseProgram(program);
}

static void copies_match(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program = weft_harness_build(&harness, "move.cl");
    cl_kernel copy = weft_harness_kernel(program, "weft_copy"),
              fill = weft_harness_kernel(program, "weft_fill");
    for (int round = 0; round < rounds(60); round++) {
        /* A transpose of up to eight dimensions into the middle of a larger box that was filled
         * with a constant. */
        int d[8], x_stride[8], y_stride[8], order[8], box = 1, count = 1, y_off = 0;
        for (int i = 0; i < 8; i++)
            order[i] = i;
        for (int i = 7; i > 0 && round % 3; i--) {
            const int j = weft_naive_between(0, i), kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        for (int i = 7; i >= 0; i--) {
            d[i] = i == 7 ? weft_naive_between(1, 20) : weft_naive_between(1, 2);
            const int before = weft_naive_between(0, 1), after = weft_naive_between(0, 1);
            y_stride[i] = box;
            y_off += before * box;
            box *= d[i] + before + after;
        }
        for (int i = 7; i >= 0; i--) {
            x_stride[order[i]] = count;
            count *= d[order[i]];
        }
        float *x = weft_naive_array((size_t)count);
        double *want = weft_check_doubles((size_t)box);
        for (int i = 0; i < box; i++)
            want[i] = 0.25;
        for (int at = 0; at < count; at++) {
            int from = 0, to = y_off;
            for (int i = 7, rest = at; i >= 0; rest /= d[i--]) {
                from += rest % d[i] * x_stride[i];
                to += rest % d[i] * y_stride[i];
            }
            want[to] = (double)x[from];
        }
        cl_mem xb = weft_harness_buffer(&harness, x, (size_t)count);
        cl_mem yb = weft_harness_buffer(&harness, NULL, (size_t)box);
        weft_harness_args(fill, "bfiiiiiiiiiiiiiiii", yb, 0.25, 0, 1, 1, 1, 1, 1, 1, box, 0, 0, 0,
                          0, 0, 0, 0, 1);
        weft_harness_launch(&harness, fill, 1, 1);
        const int rows = count / d[7], block = weft_naive_between(1, rows);
        weft_harness_args(copy, "bbiiiiiiiiiiiiiiiiiiiiiiiiiii", xb, yb, 0, y_off, d[1], d[2], d[3],
                          d[4], d[5], d[6], d[7], x_stride[0], x_stride[1], x_stride[2],
                          x_stride[3], x_stride[4], x_stride[5], x_stride[6], x_stride[7],
                          y_stride[0], y_stride[1], y_stride[2], y_stride[3], y_stride[4],
                          y_stride[5], y_stride[6], y_stride[7], rows, block);
        weft_harness_launch(&harness, copy, (size_t)ceil_div(rows, block), 1);
        weft_check_close(&harness, yb, want, (size_t)box, "fill and copy");
        clReleaseMemObject(xb), clReleaseMemObject(yb);
        free(x), free(want);
    }
    clReleaseKernel(copy), clReleaseKernel(fill), clReleaseProgram(program);
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
        cmocka_unit_test(rows_times_matrices_match),
        cmocka_unit_test(pools_match),
        cmocka_unit_test(elementwise_functions_match),
        cmocka_unit_test(reductions_match),
        cmocka_unit_test(copies_match),
    };
    return cmocka_run_group_tests_name("cpu kernels besides convolution", tests, set_up, tear_down);
}
