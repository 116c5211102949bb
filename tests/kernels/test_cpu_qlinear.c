/* SPDX-License-Identifier: Apache-2.0 */
/* weft_quantize and weft_dequantize of kernels/cpu against loops written from ONNX's definitions,
 * bit for bit, through OpenCL: u8, s8 and s32, scales and zero points per tensor and per axis, and
 * every sort of float; quotients made in double and, as devices without it do, in integers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/include/weft_int.h"
#include "tests/kernels/check.h"
#include "tests/kernels/cl_harness.h"
#include "tests/kernels/naive.h"
#include "tests/kernels/naive_int.h"

/* Cases of each kernel; an interpreter gets fewer. */
enum { CASES = 10000, CASES_SLOW = 40 };

static struct cl_harness harness;
static cl_program by_doubles, by_integers;

static size_t as_size(int value)
{
    return (size_t)value;
}

static int case_count(void)
{
    return harness.is_slow ? CASES_SLOW : CASES;
}

static size_t parts(int count, int block)
{
    return as_size((count + block - 1) / block);
}

/* Rows of `inner` elements and `pairs` scales and zero points: row r has the pair r % count, or
 * with step 1 element i of a row the pair i. */
struct linear {
    int rows, inner, count, step, block, pairs, is_signed;
    float *scales;
    int32_t *zeros;
};

/* A scale as the operators allow them: positive, finite, not denormal. */
static float random_scale(void)
{
    const int kind = weft_naive_between(0, 9);
    const float size = fabsf(weft_naive_random()) + 0.001f;
    return kind == 0   ? FLT_MIN
           : kind == 1 ? FLT_MAX
           : kind == 2 ? ldexpf(1.0f, weft_naive_between(-20, 10))
           : kind == 3 ? ldexpf(size + 1.0f, weft_naive_between(-120, 120))
                       : size;
}

static void make_linear(struct linear *l)
{
    l->step = weft_naive_between(0, 3) == 0;
    l->rows = weft_naive_between(1, 20);
    l->inner = weft_naive_between(1, 70);
    l->count = l->step ? 1 : weft_naive_between(1, l->rows);
    l->block = weft_naive_between(1, l->inner + 20);
    l->pairs = l->step ? l->inner : l->count;
    l->is_signed = weft_naive_between(0, 1);
    l->scales = malloc(as_size(l->pairs) * sizeof *l->scales);
    l->zeros = malloc(as_size(l->pairs) * sizeof *l->zeros);
    assert_true(l->scales && l->zeros);
    for (int i = 0; i < l->pairs; i++) {
        l->scales[i] = random_scale();
        l->zeros[i] = weft_naive_value(l->is_signed);
    }
}

static int pair_of(const struct linear *l, int at)
{
    return l->step ? at % l->inner : at / l->inner % l->count;
}

/* A float near what the scale makes of 8 bits, often half way between two, or of any other sort. */
static float random_float(float scale)
{
    const int kind = weft_naive_between(0, 19);
    const float special[] = {
        NAN,  -NAN,  INFINITY, -INFINITY, FLT_MAX,      -FLT_MAX,      1e-40f,         -1e-40f,
        0.0f, -0.0f, FLT_MIN,  -FLT_MIN,  FLT_TRUE_MIN, 2147483648.0f, -2147483648.0f, 16777217.0f};
    if (kind == 0)
        return special[weft_naive_between(0, sizeof special / sizeof special[0] - 1)];
    if (kind == 1)
        return ldexpf(weft_naive_random(), weft_naive_between(-149, 128));
    const float steps = (float)weft_naive_between(-700, 700);
    return kind < 10 ? steps * 0.5f * scale : (steps + weft_naive_random()) * scale;
}

static void check_quantise(cl_program program)
{
    if (program == NULL)
        skip();
    cl_kernel kernel = weft_harness_kernel(program, "weft_quantize");
    for (int k = 0; k < case_count(); k++) {
        struct linear l;
        make_linear(&l);
        const int total = l.rows * l.inner, low = l.is_signed ? -128 : 0;
        float *x = malloc(as_size(total) * sizeof *x);
        uint8_t *want = malloc(as_size(total));
        assert_true(x && want);
        for (int i = 0; i < total; i++) {
            const float scale = l.scales[pair_of(&l, i)];
            x[i] = random_float(scale);
            /* A quotient of two floats in double, rounded to a float, is that of floats. */
            const double q = rint((float)((double)x[i] / (double)scale));
            const double y = q + l.zeros[pair_of(&l, i)];
            want[i] = weft_byte_of(isnan(y)          ? low
                                   : y < low         ? low
                                   : y > low + 255.0 ? low + 255
                                                     : (int)y);
        }
        cl_mem in = weft_harness_buffer(&harness, x, as_size(total)),
               scales = weft_harness_buffer(&harness, l.scales, as_size(l.pairs)),
               zeros = weft_harness_bytes(&harness, l.zeros, as_size(l.pairs) * 4),
               y = weft_check_guarded(&harness, as_size(total));
        weft_harness_args(kernel, "bbbbiiiii", in, scales, zeros, y, low, l.inner, l.count, l.step,
                          l.block);
        weft_harness_launch(&harness, kernel, as_size(l.rows), parts(l.inner, l.block));
        weft_check_bytes(&harness, y, want, as_size(total), "quantize");
        clReleaseMemObject(in);
        clReleaseMemObject(scales);
        clReleaseMemObject(zeros);
        free(l.scales);
        free(l.zeros);
        free(x);
        free(want);
    }
    clReleaseKernel(kernel);
}

static void quantise_by_doubles(void **state)
{
    (void)state;
    check_quantise(by_doubles);
}

static void quantise_by_integers(void **state)
{
    (void)state;
    check_quantise(by_integers);
}

static void dequantise(void **state)
{
    (void)state;
    enum { U8, S8, S32 };
    if (by_doubles == NULL)
        skip();
    cl_kernel kernel = weft_harness_kernel(by_doubles, "weft_dequantize");
    for (int k = 0; k < case_count(); k++) {
        struct linear l;
        make_linear(&l);
        const int kind = weft_naive_between(0, 2) == 0 ? S32 : l.is_signed ? S8 : U8;
        const size_t total = as_size(l.rows * l.inner), width = kind == S32 ? 4 : 1;
        uint8_t *x = weft_naive_bytes(total * width);
        float *want = malloc(total * sizeof *want);
        assert_non_null(want);
        for (int i = 0; kind == S32 && i < l.pairs; i++)
            l.zeros[i] = weft_naive_between(0, 7) > 0    ? 0
                         : weft_naive_between(0, 1) == 0 ? INT32_MIN
                                                         : INT32_MAX;
        for (size_t i = 0; i < total; i++) {
            const int pair = pair_of(&l, (int)i);
            int32_t value;
            memcpy(&value, x + i * width, width);
            if (kind != S32)
                value = weft_byte_value(x[i], kind == S8);
            want[i] = (float)((int64_t)value - l.zeros[pair]) * l.scales[pair];
        }
        cl_mem in = weft_harness_bytes(&harness, x, total * width),
               scales = weft_harness_buffer(&harness, l.scales, as_size(l.pairs)),
               zeros = weft_harness_bytes(&harness, l.zeros, as_size(l.pairs) * 4),
               y = weft_check_guarded(&harness, total * sizeof *want);
        weft_harness_args(kernel, "bbbbiiiii", in, scales, zeros, y, kind, l.inner, l.count, l.step,
                          l.block);
        weft_harness_launch(&harness, kernel, as_size(l.rows), parts(l.inner, l.block));
        weft_check_bytes(&harness, y, want, total * sizeof *want, "dequantize");
        clReleaseMemObject(in);
        clReleaseMemObject(scales);
        clReleaseMemObject(zeros);
        free(l.scales);
        free(l.zeros);
        free(x);
        free(want);
    }
    clReleaseKernel(kernel);
}

static int open_device(void **state)
{
    static const char files[] = "weft_int.h qdot.cl qfinish.cl qeltwise.cl qconvert.cl";
    (void)state;
    if (!weft_harness_open(&harness))
        return 0;
    by_doubles = weft_harness_build_row(&harness, "#define WEFT_DOT 2\n", files);
    by_integers =
        weft_harness_build_row(&harness, "#undef cl_khr_fp64\n#define WEFT_DOT 2\n", files);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    if (by_doubles == NULL)
        return 0;
    clReleaseProgram(by_doubles);
    clReleaseProgram(by_integers);
    weft_harness_close(&harness);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quantise_by_doubles),
                                       cmocka_unit_test(quantise_by_integers),
                                       cmocka_unit_test(dequantise)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
