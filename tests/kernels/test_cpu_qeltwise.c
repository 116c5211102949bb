/* SPDX-License-Identifier: Apache-2.0 */
/* The element-wise 8-bit kernels of kernels/cpu against loops written from the operators'
 * definitions and the rules of weft_int.h, bit for bit, through OpenCL: tables, and sums and
 * products with every broadcasting and order of dimensions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "kernels/cpu/qpack.h"
#include "kernels/include/weft_int.h"
#include "tests/kernels/check.h"
#include "tests/kernels/cl_harness.h"
#include "tests/kernels/naive.h"
#include "tests/kernels/naive_int.h"

/* Cases of each kernel; an interpreter gets fewer. */
enum { CASES = 10000, CASES_SLOW = 40 };
enum { DIMS = 6, MOST_ELEMS = 1500 };

static struct cl_harness harness;
static cl_program program;

static size_t as_size(int value)
{
    return (size_t)value;
}

static int case_count(void)
{
    return harness.is_slow ? CASES_SLOW : CASES;
}

/* ---- tables ---- */

static void table(void **state)
{
    (void)state;
    if (program == NULL)
        skip();
    cl_kernel kernel = weft_harness_kernel(program, "weft_qtable");
    for (int k = 0; k < case_count(); k++) {
        const int count = weft_naive_between(1, MOST_ELEMS), is_signed = weft_naive_between(0, 1);
        const int block = weft_naive_between(1, count + 20);
        uint8_t *x = weft_naive_bytes(as_size(count)), *want = malloc(as_size(count)), entries[256];
        assert_non_null(want);
        for (int i = 0; i < 256; i++)
            entries[i] = (uint8_t)weft_naive_between(0, 255);
        for (int i = 0; i < count; i++)
            want[i] = entries[weft_table_index(weft_byte_value(x[i], is_signed), is_signed)];
        cl_mem in = weft_harness_bytes(&harness, x, as_size(count)),
               in_table = weft_harness_bytes(&harness, entries, sizeof entries),
               y = weft_check_guarded(&harness, as_size(count));
        weft_harness_args(kernel, "bbbiii", in, in_table, y, is_signed, count, block);
        weft_harness_launch(&harness, kernel, as_size((count + block - 1) / block), 1);
        weft_check_bytes(&harness, y, want, as_size(count), "table");
        clReleaseMemObject(in);
        clReleaseMemObject(in_table);
        free(x);
        free(want);
    }
    clReleaseKernel(kernel);
}

/* ---- sums and products ---- */

/* Results by rows, and an operand that has each dimension or is broadcast along it, in an order of
 * its own. */
struct operand {
    int strides[DIMS], elems, is_signed, zero;
    uint8_t *data;
};

struct rows {
    int dims[DIMS], count, rows, row_block, block;
};

static void make_rows(struct rows *r)
{
    r->count = 1;
    const int inner = weft_naive_between(0, 3) == 0 ? 1 : weft_naive_between(1, 150);
    for (int i = 0; i < DIMS; i++) {
        r->dims[i] = i == DIMS - 1              ? inner
                     : weft_naive_between(0, 1) ? 1
                                                : weft_naive_between(1, 5);
        if (r->count * r->dims[i] > MOST_ELEMS)
            r->dims[i] = 1;
        r->count *= r->dims[i];
    }
    r->rows = r->count / r->dims[DIMS - 1];
    r->row_block = weft_naive_between(1, r->rows + 2);
    r->block = weft_naive_between(1, r->dims[DIMS - 1] + 20);
}

static void make_operand(struct operand *o, const struct rows *r)
{
    int order[DIMS] = {5, 4, 3, 2, 1, 0};
    const int is_moved = weft_naive_between(0, 2) == 0, is_whole = weft_naive_between(0, 2) == 0;
    for (int i = 0; is_moved && i < DIMS; i++) {
        const int other = weft_naive_between(0, DIMS - 1), was = order[i];
        order[i] = order[other];
        order[other] = was;
    }
    o->elems = 1;
    for (int i = 0; i < DIMS; i++) {
        const int dim = order[i], has = is_whole || weft_naive_between(0, 1);
        o->strides[dim] = has && r->dims[dim] > 1 ? o->elems : 0;
        o->elems *= has ? r->dims[dim] : 1;
    }
    /* Planned strides of dimensions of 1 may be anything. */
    if (r->dims[DIMS - 1] == 1)
        o->strides[DIMS - 1] = weft_naive_between(0, 1);
    o->is_signed = weft_naive_between(0, 1);
    o->zero = weft_naive_value(o->is_signed);
    o->data = weft_naive_bytes(as_size(o->elems));
}

/* The value without its zero point at result i. */
static int operand_at(const struct operand *o, const struct rows *r, int i)
{
    int at = 0;
    for (int d = DIMS - 1; d >= 0; d--) {
        at += i % r->dims[d] * o->strides[d];
        i /= r->dims[d];
    }
    return weft_byte_value(o->data[at], o->is_signed) - o->zero;
}

static cl_mem operand_buffer(const struct operand *o)
{
    return weft_harness_bytes(&harness, o->data, as_size(o->elems));
}

static size_t parts(int count, int block)
{
    return as_size((count + block - 1) / block);
}

#define ROWS_TYPES "iiiiiiiiiiiiiiiiiiii"
#define ROWS_ARGS(r, a, b)                                                                         \
    (r).rows, (r).dims[1], (r).dims[2], (r).dims[3], (r).dims[4], (r).dims[5], (a).strides[0],     \
        (a).strides[1], (a).strides[2], (a).strides[3], (a).strides[4], (a).strides[5],            \
        (b).strides[0], (b).strides[1], (b).strides[2], (b).strides[3], (b).strides[4],            \
        (b).strides[5], (r).row_block, (r).block

static void add(void **state)
{
    (void)state;
    if (program == NULL)
        skip();
    cl_kernel kernel = weft_harness_kernel(program, "weft_qadd");
    for (int k = 0; k < case_count(); k++) {
        struct rows r;
        struct operand a, b;
        int a_mult, b_mult, shift, zero, low, high;
        make_rows(&r);
        make_operand(&a, &r);
        make_operand(&b, &r);
        weft_naive_ratio_pair(&a_mult, &b_mult, &shift);
        weft_naive_range(weft_naive_between(0, 1), &zero, &low, &high);
        uint8_t *want = malloc(as_size(r.count));
        assert_non_null(want);
        for (int i = 0; i < r.count; i++)
            want[i] =
                weft_byte_of(weft_add_stage(operand_at(&a, &r, i), a_mult, operand_at(&b, &r, i),
                                            b_mult, shift, zero, low, high));
        cl_mem in_a = operand_buffer(&a), in_b = operand_buffer(&b),
               y = weft_check_guarded(&harness, as_size(r.count));
        weft_harness_args(kernel, "bbbi" ROWS_TYPES "iiiiiiii", in_a, in_b, y,
                          a.is_signed | b.is_signed << 1, ROWS_ARGS(r, a, b), a.zero, a_mult,
                          b.zero, b_mult, shift, zero, low, high);
        weft_harness_launch(&harness, kernel, parts(r.rows, r.row_block),
                            parts(r.dims[DIMS - 1], r.block));
        weft_check_bytes(&harness, y, want, as_size(r.count), "sum");
        clReleaseMemObject(in_a);
        clReleaseMemObject(in_b);
        free(a.data);
        free(b.data);
        free(want);
    }
    clReleaseKernel(kernel);
}

static void multiply(void **state)
{
    (void)state;
    enum { RES_SIGNED = 4, RES = 8 };
    if (program == NULL)
        skip();
    cl_kernel kernel = weft_harness_kernel(program, "weft_qmul");
    for (int k = 0; k < case_count(); k++) {
        struct rows r;
        struct operand a, b;
        int32_t mult, shift;
        int c_zero, c_low, c_high, c_mult, r_mult, add_shift, zero, low, high;
        make_rows(&r);
        make_operand(&a, &r);
        make_operand(&b, &r);
        weft_naive_ratio(60.0 * 60.0, &mult, &shift);
        weft_naive_range(weft_naive_between(0, 1), &c_zero, &c_low, &c_high);
        weft_naive_ratio_pair(&c_mult, &r_mult, &add_shift);
        weft_naive_range(weft_naive_between(0, 1), &zero, &low, &high);
        const int has_res = weft_naive_between(0, 1), res_signed = weft_naive_between(0, 1);
        const int res_zero = weft_naive_value(res_signed);
        uint8_t *res = weft_naive_bytes(as_size(r.count)), *want = malloc(as_size(r.count));
        assert_non_null(want);
        for (int i = 0; i < r.count; i++) {
            int c = weft_multiply_stage(operand_at(&a, &r, i), operand_at(&b, &r, i), mult, shift,
                                        c_zero, c_low, c_high);
            if (has_res)
                c = weft_add_stage(c - c_zero, c_mult,
                                   weft_byte_value(res[i], res_signed) - res_zero, r_mult,
                                   add_shift, zero, low, high);
            want[i] = weft_byte_of(c);
        }
        /* One vector of equal ratios, as the packing cuts them. */
        double ratio[16];
        int32_t mults[16] = {mult}, shifts[16] = {shift};
        weft_qpack_ratio(ratio, mults, shifts, 1, 16);
        cl_mem in_a = operand_buffer(&a), in_b = operand_buffer(&b),
               in_res = weft_harness_bytes(&harness, res, as_size(r.count)),
               y = weft_check_guarded(&harness, as_size(r.count));
        const int flags =
            a.is_signed | b.is_signed << 1 | (res_signed ? RES_SIGNED : 0) | (has_res ? RES : 0);
        weft_harness_args(kernel, "bbbbi" ROWS_TYPES "iifiiiiiiiiii", in_a, in_b, in_res, y, flags,
                          ROWS_ARGS(r, a, b), a.zero, b.zero, ratio[0], c_zero, c_low, c_high,
                          c_mult, res_zero, r_mult, add_shift, zero, low, high);
        weft_harness_launch(&harness, kernel, parts(r.rows, r.row_block),
                            parts(r.dims[DIMS - 1], r.block));
        weft_check_bytes(&harness, y, want, as_size(r.count), "product");
        clReleaseMemObject(in_a);
        clReleaseMemObject(in_b);
        clReleaseMemObject(in_res);
        free(a.data);
        free(b.data);
        free(res);
        free(want);
    }
    clReleaseKernel(kernel);
}

/* One program for all: building takes longer than most tests. */
static int open_device(void **state)
{
    static const char files[] = "weft_int.h qdot.cl qfinish.cl qeltwise.cl qconvert.cl";
    (void)state;
    if (weft_harness_open(&harness))
        program = weft_harness_build_row(&harness, "#define WEFT_DOT 2\n", files);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    if (program == NULL)
        return 0;
    clReleaseProgram(program);
    weft_harness_close(&harness);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(add),
                                       cmocka_unit_test(multiply)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
