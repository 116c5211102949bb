/* SPDX-License-Identifier: Apache-2.0 */
/* weft_copy_bytes, weft_fill_bytes and weft_gather_bytes against loops, through OpenCL: random
 * boxes of up to eight dimensions between two strided places, forwards and backwards, repeated
 * (stride 0) and with gaps that must stay as they are; random tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kernels/cl_harness.h"
#include "tests/kernels/naive.h"
#include "tests/kernels/naive_int.h"

/* Cases of each kernel; an interpreter gets fewer. */
enum { CASES = 10000, CASES_SLOW = 60 };
enum { DIMS = 8, BYTES_MAX = 1 << 16, UNTOUCHED = 0xa5 };

static struct cl_harness harness;

static int cases(void)
{
    return harness.is_slow ? CASES_SLOW : CASES;
}

/* A box in a place of its own: strides, where it begins, and how many bytes the place has. */
struct side {
    int stride[DIMS], offset, bytes;
};

/* Dimensions in a random order from the innermost out, with gaps, some backwards; `repeats` lets
 * some have stride 0. */
static void draw_side(struct side *side, const int *dims, int repeats)
{
    int order[DIMS], reach = 1;
    const int is_plain = weft_naive_between(0, 1);
    *side = (struct side){.offset = weft_naive_between(0, 5)};
    for (int i = 0; i < DIMS; i++)
        order[i] = DIMS - 1 - i;
    for (int i = DIMS - 1; i > 0 && !is_plain; i--) {
        const int other = weft_naive_between(0, i), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    for (int i = 0; i < DIMS; i++) {
        const int axis = order[i], gap = weft_naive_between(0, 5) ? 0 : weft_naive_between(1, 2);
        if (repeats && weft_naive_between(0, 9) == 0)
            continue;
        const int stride = reach + gap;
        reach = stride * dims[axis];
        side->stride[axis] = stride;
        if (dims[axis] > 1 && weft_naive_between(0, 7) == 0) {
            side->stride[axis] = -stride;
            side->offset += stride * (dims[axis] - 1);
        }
    }
    side->bytes = reach + side->offset + weft_naive_between(0, 9);
}

static void draw_dims(int *dims)
{
    for (int i = 0; i < DIMS; i++)
        dims[i] = weft_naive_between(0, 2) ? 1 : weft_naive_between(2, 3);
    dims[DIMS - 1] = weft_naive_between(0, 2) ? weft_naive_between(1, 40) : 1;
}

/* The byte of the box's element that `at` counts to, from offset on. */
static int place_of(const struct side *side, const int *dims, int at)
{
    int place = side->offset;
    for (int i = DIMS - 1; i >= 0; i--) {
        place += at % dims[i] * side->stride[i];
        at /= dims[i];
    }
    return place;
}

static int rows_of(const int *dims)
{
    int rows = 1;
    for (int i = 0; i < DIMS - 1; i++)
        rows *= dims[i];
    return rows;
}

static void expect(cl_mem y, const uint8_t *want, int bytes, const char *what)
{
    static uint8_t got[BYTES_MAX];
    weft_harness_read_bytes(&harness, y, got, (size_t)bytes);
    for (int i = 0; i < bytes; i++)
        if (got[i] != want[i])
            fail_msg("%s: byte %d of %d is %d, not %d", what, i, bytes, got[i], want[i]);
}

static void copy(void **state)
{
    (void)state;
    if (harness.context == NULL)
        skip();
    cl_program program = weft_harness_build(&harness, "move.cl");
    cl_kernel kernel = weft_harness_kernel(program, "weft_copy_bytes");
    static uint8_t want[BYTES_MAX];
    for (int n = 0; n < cases();) {
        int d[DIMS];
        struct side x, y;
        draw_dims(d);
        draw_side(&x, d, 1);
        draw_side(&y, d, 0);
        if (x.bytes > BYTES_MAX || y.bytes > BYTES_MAX)
            continue;
        uint8_t *from = weft_naive_bytes((size_t)x.bytes);
        memset(want, UNTOUCHED, sizeof want);
        cl_mem source = weft_harness_bytes(&harness, from, (size_t)x.bytes);
        cl_mem target = weft_harness_bytes(&harness, want, (size_t)y.bytes);
        for (int i = 0; i < rows_of(d) * d[7]; i++)
            want[place_of(&y, d, i)] = from[place_of(&x, d, i)];
        const int *s = x.stride, *t = y.stride;
        const int rows = rows_of(d), block = weft_naive_between(1, rows);
        weft_harness_args(kernel, "bbiiiiiiiiiiiiiiiiiiiiiiiiiii", source, target, x.offset,
                          y.offset, d[1], d[2], d[3], d[4], d[5], d[6], d[7], s[0], s[1], s[2],
                          s[3], s[4], s[5], s[6], s[7], t[0], t[1], t[2], t[3], t[4], t[5], t[6],
                          t[7], rows, block);
        weft_harness_launch(&harness, kernel, (size_t)((rows + block - 1) / block), 1);
        expect(target, want, y.bytes, "weft_copy_bytes");
        clReleaseMemObject(source);
        clReleaseMemObject(target);
        free(from);
        n++;
    }
    clReleaseKernel(kernel);
    clReleaseProgram(program);
}

static void fill(void **state)
{
    (void)state;
    if (harness.context == NULL)
        skip();
    cl_program program = weft_harness_build(&harness, "move.cl");
    cl_kernel kernel = weft_harness_kernel(program, "weft_fill_bytes");
    static uint8_t want[BYTES_MAX];
    for (int n = 0; n < cases();) {
        int d[DIMS];
        struct side y;
        const int value = weft_naive_between(-128, 255);
        draw_dims(d);
        draw_side(&y, d, 0);
        if (y.bytes > BYTES_MAX)
            continue;
        memset(want, UNTOUCHED, sizeof want);
        cl_mem target = weft_harness_bytes(&harness, want, (size_t)y.bytes);
        for (int i = 0; i < rows_of(d) * d[7]; i++)
            want[place_of(&y, d, i)] = (uint8_t)value;
        const int *t = y.stride;
        weft_harness_args(kernel, "biiiiiiiiiiiiiiiii", target, value, y.offset, d[1], d[2], d[3],
                          d[4], d[5], d[6], d[7], t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]);
        weft_harness_launch(&harness, kernel, (size_t)rows_of(d), 1);
        expect(target, want, y.bytes, "weft_fill_bytes");
        clReleaseMemObject(target);
        n++;
    }
    clReleaseKernel(kernel);
    clReleaseProgram(program);
}

static void gather(void **state)
{
    (void)state;
    if (harness.context == NULL)
        skip();
    cl_program program = weft_harness_build(&harness, "resample.cl");
    cl_kernel kernel = weft_harness_kernel(program, "weft_gather_bytes");
    enum { COUNT_MAX = 30 };
    static uint8_t want[BYTES_MAX];
    for (int n = 0; n < cases(); n++) {
        int source[COUNT_MAX];
        const int outer = weft_naive_between(1, 4), axis = weft_naive_between(1, 12);
        const int count = weft_naive_between(1, COUNT_MAX), block = weft_naive_between(1, count);
        const int inner = weft_naive_between(0, 2) ? weft_naive_between(1, 70) : 1;
        const int bytes = outer * count * inner;
        for (int i = 0; i < count; i++)
            source[i] = weft_naive_between(0, axis - 1);
        uint8_t *from = weft_naive_bytes((size_t)(outer * axis * inner));
        memset(want, UNTOUCHED, (size_t)bytes + 1);
        cl_mem x = weft_harness_bytes(&harness, from, (size_t)(outer * axis * inner));
        cl_mem table = weft_harness_bytes(&harness, source, (size_t)count * sizeof *source);
        cl_mem y = weft_harness_bytes(&harness, want, (size_t)bytes + 1);
        for (int i = 0; i < bytes; i++) {
            const int c = i % inner, at = i / inner % count, o = i / inner / count;
            want[i] = from[(o * axis + source[at]) * inner + c];
        }
        weft_harness_args(kernel, "bbbiiii", x, table, y, axis, count, inner, block);
        weft_harness_launch(&harness, kernel, (size_t)outer, (size_t)((count + block - 1) / block));
        expect(y, want, bytes + 1, "weft_gather_bytes");
        clReleaseMemObject(x);
        clReleaseMemObject(table);
        clReleaseMemObject(y);
        free(from);
    }
    clReleaseKernel(kernel);
    clReleaseProgram(program);
}

static int open_device(void **state)
{
    (void)state;
    weft_harness_open(&harness);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    if (harness.context != NULL)
        weft_harness_close(&harness);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy),
        cmocka_unit_test(fill),
        cmocka_unit_test(gather),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
