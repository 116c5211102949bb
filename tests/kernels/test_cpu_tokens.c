/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of kernels/cpu that transformers and segmentation heads add to convolutions, against
 * plain loops, through OpenCL: products of activations, layer normalisation, gathering, resizing,
 * moving bytes; and what NaNs do in all kernels that compare. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static void check_matmul(cl_kernel kernel, int rows, int depth, int columns)
{
    const int a_is_transposed = weft_naive_between(0, 1),
              b_is_transposed = weft_naive_between(0, 1);
    int d[4], as[4], bs[4], matrices = 1, a_count = rows * depth, b_count = depth * columns;
    for (int i = 3; i >= 0; i--) {
        d[i] = weft_naive_between(1, 2);
        const int a_repeats = weft_naive_between(0, 3) == 0,
                  b_repeats = weft_naive_between(0, 3) == 0;
        as[i] = a_repeats ? 0 : a_count;
        bs[i] = b_repeats ? 0 : b_count;
        a_count *= a_repeats ? 1 : d[i];
        b_count *= b_repeats ? 1 : d[i];
        matrices *= d[i];
    }
    const int a_row = a_is_transposed ? 1 : depth, a_k = a_is_transposed ? rows : 1;
    const int b_k = b_is_transposed ? 1 : columns, b_col = b_is_transposed ? depth : 1;
    const int row_block = weft_naive_between(1, rows + 3),
              column_block = 2 * harness.vector_width * weft_naive_between(1, 3);
    const size_t y_count = (size_t)(matrices * rows * columns);
    float *a = weft_naive_array((size_t)a_count), *b = weft_naive_array((size_t)b_count);
    double *want = weft_check_doubles(y_count);
    for (size_t at = 0; at < y_count; at++) {
        const int column = (int)at % columns, row = (int)at / columns % rows;
        int a_at = row * a_row, b_at = column * b_col;
        for (int i = 3, rest = (int)at / columns / rows; i >= 0; rest /= d[i--]) {
            a_at += rest % d[i] * as[i];
            b_at += rest % d[i] * bs[i];
        }
        for (int k = 0; k < depth; k++)
            want[at] += (double)a[a_at + k * a_k] * (double)b[b_at + k * b_k];
    }
    cl_mem ab = weft_harness_buffer(&harness, a, (size_t)a_count),
           bb = weft_harness_buffer(&harness, b, (size_t)b_count);
    cl_mem yb = weft_harness_buffer(&harness, NULL, y_count);
    const int row_blocks = ceil_div(rows, row_block);
    weft_harness_args(kernel, "bbbiiiiiiiiiiiiiiiiiiiii", ab, bb, yb, rows, depth, columns, a_row,
                      a_k, b_k, b_col, d[1], d[2], d[3], as[0], as[1], as[2], as[3], bs[0], bs[1],
                      bs[2], bs[3], row_block, row_blocks, column_block);
    weft_harness_launch(&harness, kernel, (size_t)(matrices * row_blocks),
                        (size_t)ceil_div(columns, column_block));
    weft_check_close(&harness, yb, want, y_count, "matmul");
    clReleaseMemObject(ab), clReleaseMemObject(bb), clReleaseMemObject(yb);
    free(a), free(b), free(want);
}

static void products_of_activations_match(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program = weft_harness_build(&harness, "matmul.cl");
    cl_kernel kernel = weft_harness_kernel(program, "weft_matmul");
    for (int i = 0; i < rounds(60); i++)
        check_matmul(kernel, weft_naive_between(1, 20), weft_naive_between(1, 40),
                     weft_naive_between(1, 70));
    if (!harness.is_slow)
        check_matmul(kernel, 197, 64, 197);
    clReleaseKernel(kernel), clReleaseProgram(program);
}

static void check_layer_norm(cl_kernel kernel, int rows, int count, double offset)
{
    const int flags = weft_naive_between(0, 7);
    const size_t elems = (size_t)(rows * count);
    float *x = weft_naive_array(elems), *scale = weft_naive_array((size_t)count),
          *bias = weft_naive_array((size_t)count);
    double *want = weft_check_doubles(elems), *means = weft_check_doubles((size_t)rows);
    double *inverses = weft_check_doubles((size_t)rows);
    for (int r = 0; r < rows; r++) {
        double variance = 0;
        for (int i = 0; i < count; i++)
            means[r] += (double)(x[r * count + i] += (float)offset) / count;
        for (int i = 0; i < count; i++)
            variance += pow((double)x[r * count + i] - means[r], 2) / count;
        inverses[r] = 1 / sqrt(variance + 1e-3);
        for (int i = 0; i < count; i++)
            want[r * count + i] =
                ((double)x[r * count + i] - means[r]) * inverses[r] * (double)scale[i] +
                (flags & 1 ? (double)bias[i] : 0);
    }
    cl_mem xb = weft_harness_buffer(&harness, x, elems),
           sb = weft_harness_buffer(&harness, scale, (size_t)count);
    cl_mem bb = weft_harness_buffer(&harness, bias, (size_t)count),
           mb = weft_harness_buffer(&harness, NULL, (size_t)rows);
    cl_mem ib = weft_harness_buffer(&harness, NULL, (size_t)rows);
    /* y is x: it works in place. */
    weft_harness_args(kernel, "bbbbbbiif", xb, sb, bb, xb, mb, ib, flags, count, 1e-3);
    weft_harness_launch(&harness, kernel, (size_t)rows, 1);
    weft_check_close(&harness, xb, want, elems, "layer norm");
    if (flags & 2)
        weft_check_close(&harness, mb, means, (size_t)rows, "layer norm: means");
    if (flags & 4)
        weft_check_close(&harness, ib, inverses, (size_t)rows, "layer norm: inverse deviations");
    clReleaseMemObject(xb), clReleaseMemObject(sb), clReleaseMemObject(bb), clReleaseMemObject(mb),
        clReleaseMemObject(ib);
    free(x), free(scale), free(bias), free(want), free(means), free(inverses);
}

static void layer_normalisation_matches(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program = weft_harness_build(&harness, "norm.cl");
    cl_kernel kernel = weft_harness_kernel(program, "weft_layer_norm");
    for (int i = 0; i < rounds(40); i++)
        check_layer_norm(kernel, weft_naive_between(1, 6), weft_naive_between(1, 200), 0);
    /* A mean far above the deviation: the square of the sum and the sum of squares would agree in
     * all digits. */
    check_layer_norm(kernel, 3, 384, 1000);
    clReleaseKernel(kernel), clReleaseProgram(program);
}

static void check_resample(cl_kernel gather, cl_kernel resample, int taps)
{
    const int outer = weft_naive_between(1, 4), axis = weft_naive_between(1, 12),
              count = weft_naive_between(1, 20);
    const int inner =
        weft_naive_between(0, 1) ? weft_naive_between(1, 3) : weft_naive_between(4, 40);
    const int block = weft_naive_between(1, count);
    const size_t x_count = (size_t)(outer * axis * inner),
                 y_count = (size_t)(outer * count * inner);
    const size_t table = (size_t)(count * taps);
    float *x = weft_naive_array(x_count), *weight = weft_naive_array(table),
          *source = weft_naive_array(table);
    double *want = weft_check_doubles(y_count);
    for (size_t i = 0; i < table;
         i++) { /* the buffers of the harness hold floats: the bits of the index */
        const int32_t at = weft_naive_between(0, axis - 1);
        memcpy(source + i, &at, sizeof at);
        weight[i] = taps == 1 ? 1.0f : weft_naive_between(0, 3) ? weight[i] : 0.0f;
    }
    for (size_t at = 0; at < y_count; at++)
        for (int t = 0; t < taps; t++) {
            const int c = (int)at % inner, i = (int)at / inner % count, o = (int)at / inner / count;
            int32_t from;
            memcpy(&from, source + i * taps + t, sizeof from);
            want[at] += (double)weight[i * taps + t] * (double)x[(o * axis + from) * inner + c];
        }
    cl_mem xb = weft_harness_buffer(&harness, x, x_count),
           sb = weft_harness_buffer(&harness, source, table);
    cl_mem wb = weft_harness_buffer(&harness, weight, table),
           yb = weft_harness_buffer(&harness, NULL, y_count);
    cl_kernel kernel = taps == 1 ? gather : resample;
    if (taps == 1)
        weft_harness_args(gather, "bbbiiii", xb, sb, yb, axis, count, inner, block);
    else
        weft_harness_args(resample, "bbbbiiiii", xb, sb, wb, yb, axis, count, inner, taps, block);
    weft_harness_launch(&harness, kernel, (size_t)outer, (size_t)ceil_div(count, block));
    weft_check_close(&harness, yb, want, y_count, taps == 1 ? "gather" : "resample");
    clReleaseMemObject(xb), clReleaseMemObject(sb), clReleaseMemObject(wb), clReleaseMemObject(yb);
    free(x), free(source), free(weight), free(want);
}

static void gathering_and_resizing_match(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program = weft_harness_build(&harness, "resample.cl");
    cl_kernel gather = weft_harness_kernel(program, "weft_gather"),
              resample = weft_harness_kernel(program, "weft_resample");
    for (int i = 0; i < rounds(80); i++)
        check_resample(gather, resample, i % 2 ? 1 : weft_naive_between(2, 4));
    clReleaseKernel(gather), clReleaseKernel(resample), clReleaseProgram(program);
}

/* A transpose of bytes, [a][b] to [b][a], behind an offset on both sides. */
static void bytes_are_moved(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    enum { A = 5, B = 7, X_OFF = 3, Y_OFF = 1, WORDS = 12 };
    cl_program program = weft_harness_build(&harness, "move.cl");
    cl_kernel kernel = weft_harness_kernel(program, "weft_copy_bytes");
    float *x = weft_naive_array(WORDS), *want = weft_naive_array(WORDS);
    cl_mem xb = weft_harness_buffer(&harness, x, WORDS),
           yb = weft_harness_buffer(&harness, want, WORDS);
    for (int b = 0; b < B; b++)
        for (int a = 0; a < A; a++)
            memcpy((char *)want + Y_OFF + b * A + a, (const char *)x + X_OFF + a * B + b, 1);
    weft_harness_args(kernel, "bbiiiiiiiiiiiiiiiiiiiiiiiiiii", xb, yb, X_OFF, Y_OFF, 1, 1, 1, 1, 1,
                      B, A, 0, 0, 0, 0, 0, 0, 1, B, 0, 0, 0, 0, 0, 0, A, 1, B, 2);
    weft_harness_launch(&harness, kernel, (B + 1) / 2, 1);
    weft_check_same(&harness, yb, want, WORDS, "bytes");
    clReleaseMemObject(xb), clReleaseMemObject(yb), clReleaseKernel(kernel),
        clReleaseProgram(program);
    free(x), free(want);
}

/* ---- NaN: an operation on it gives it; an infinity is limited only where a limit is given ---- */

enum { ROW = 19 /* a full vector and a rest at every width */ };

/* Runs weft_unary on the row in place. */
static void check_unary_nan(cl_kernel kernel, int op)
{
    float x[ROW], want[ROW];
    for (int i = 0; i < ROW; i++) {
        x[i] = i % 3 == 0 ? NAN : 1.0f;
        want[i] = x[i];
    }
    cl_mem xb = weft_harness_buffer(&harness, x, ROW);
    weft_harness_args(kernel, "bbiffii", xb, xb, op, 0.25, 0.5, ROW, ROW);
    weft_harness_launch(&harness, kernel, 1, 1);
    float got[ROW];
    weft_harness_read(&harness, xb, got, ROW);
    for (int i = 0; i < ROW; i++)
        if ((isnan(got[i]) != 0) != (isnan(want[i]) != 0))
            fail_msg("unary %d of %g is %g", op, (double)want[i], (double)got[i]);
    clReleaseMemObject(xb);
}

static void elementwise_functions_keep_nan(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program = weft_harness_build(&harness, "eltwise.cl");
    cl_kernel unary = weft_harness_kernel(program, "weft_unary"),
              binary = weft_harness_kernel(program, "weft_binary");
    for (int op = 0; op <= 46; op = op == 9 ? 32 : op + 1)
        if (op != 43) /* OpenCL defines the sign of a NaN as 0 */
            check_unary_nan(unary, op);
    for (int op = 0; op < 8; op++)
        for (int side = 0; side < 3; side++) { /* NaN on the left, on the right, on both */
            float a[ROW], b[ROW], got[ROW];
            for (int i = 0; i < ROW; i++) {
                a[i] = side != 1 && i % 2 ? NAN : -2.0f;
                b[i] = side != 0 && i % 2 ? NAN : 3.0f;
            }
            cl_mem ab = weft_harness_buffer(&harness, a, ROW),
                   bb = weft_harness_buffer(&harness, b, ROW);
            cl_mem yb = weft_harness_buffer(&harness, NULL, ROW);
            weft_harness_args(binary, "bbbiiffiiiiiiiiiiiiiiiiii", ab, bb, yb, op, 0, 0., 0., 1, 1,
                              1, 1, ROW, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, ROW);
            weft_harness_launch(&harness, binary, 1, 1);
            weft_harness_read(&harness, yb, got, ROW);
            for (int i = 0; i < ROW; i++)
                if ((isnan(got[i]) != 0) != (isnan(a[i]) || isnan(b[i])))
                    fail_msg("binary %d of %g and %g is %g", op, (double)a[i], (double)b[i],
                             (double)got[i]);
            clReleaseMemObject(ab), clReleaseMemObject(bb), clReleaseMemObject(yb);
        }
    clReleaseKernel(unary), clReleaseKernel(binary), clReleaseProgram(program);
}

static void pools_and_reductions_keep_nan(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program pools = weft_harness_build(&harness, "pool.cl"),
               reductions = weft_harness_build(&harness, "reduce.cl");
    cl_kernel pool = weft_harness_kernel(pools, "weft_pool"),
              reduce = weft_harness_kernel(reductions, "weft_reduce");
    /* A row of 3 pixels pooled to one; the NaN stands first, in the middle or last. */
    for (int at = 0; at < 3; at++) {
        float x[3 * ROW], want[ROW];
        for (int i = 0; i < 3 * ROW; i++)
            x[i] = i / ROW == at && i % ROW % 2 ? NAN : (float)(i / ROW - 1);
        for (int i = 0; i < ROW; i++)
            want[i] = i % 2 ? NAN : 1.0f;
        cl_mem xb = weft_harness_buffer(&harness, x, 3 * ROW),
               yb = weft_harness_buffer(&harness, NULL, ROW);
        weft_harness_args(pool, "bbiiiiiiiiiiiiiiiii", xb, yb, 0, 1, 3, ROW, 1, 1, 1, 3, 1, 1, 1, 1,
                          0, 0, 0, 0, ROW);
        weft_harness_launch(&harness, pool, 1, 1);
        weft_check_same(&harness, yb, want, ROW, "max pool");
        weft_harness_args(reduce, "bbifiii", xb, yb, 1, 1., 3, ROW, ROW);
        weft_harness_launch(&harness, reduce, 1, 1);
        weft_check_same(&harness, yb, want, ROW, "max over rows");
        for (int op = 1; op <= 2; op++) { /* along the rows: maximum and minimum of each */
            float got[3];
            weft_harness_args(reduce, "bbifiii", xb, yb, op, 1., ROW, 1, 1);
            weft_harness_launch(&harness, reduce, 3, 1);
            weft_harness_read(&harness, yb, got, 3);
            for (int i = 0; i < 3; i++)
                assert_int_equal(isnan(got[i]) != 0, i == at);
        }
        clReleaseMemObject(xb), clReleaseMemObject(yb);
    }
    clReleaseKernel(pool), clReleaseKernel(reduce), clReleaseProgram(pools),
        clReleaseProgram(reductions);
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
        cmocka_unit_test(products_of_activations_match),
        cmocka_unit_test(layer_normalisation_matches),
        cmocka_unit_test(gathering_and_resizing_match),
        cmocka_unit_test(bytes_are_moved),
        cmocka_unit_test(elementwise_functions_keep_nan),
        cmocka_unit_test(pools_and_reductions_keep_nan),
    };
    return cmocka_run_group_tests_name("cpu kernels for tokens and maps", tests, set_up, tear_down);
}
