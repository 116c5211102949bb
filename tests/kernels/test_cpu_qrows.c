/* SPDX-License-Identifier: Apache-2.0 */
/* qattention.cl and qlayer_norm.cl of kernels/cpu against the reference kernels (which tests/ref
 * holds against second formulations), bit for bit, through OpenCL: random shapes, heads, zero
 * points, signs, tables, limits and ratios; the processor's product and the plain forms of pairs
 * and quads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/qpack.h"
#include "kernels/include/weft_tables.h"
#include "kernels/ref/ref.h"
#include "tests/kernels/check.h"
#include "tests/kernels/cl_harness.h"
#include "tests/kernels/naive.h"
#include "tests/kernels/naive_int.h"

enum { CASES = 1000, CASES_SLOW = 10 };
enum { FORMS = 3 };
static const char files[] = "weft_int.h weft_int_row.h qdot.cl qfinish.cl qattention.cl";
static const struct {
    const char *defines;
    int dot;
} forms[FORMS] = {{"#define WEFT_DOT 2\n", 2},
                  {"#define WEFT_DOT 2\n#define WEFT_PLAIN_DOT\n", 2},
                  {"#define WEFT_DOT 4\n", 4}};

static struct cl_harness harness;
static cl_program products[FORMS], norms;
static weft_arena *arena;

static size_t as_size(int value)
{
    return (size_t)value;
}

static int case_count(void)
{
    return harness.is_slow ? CASES_SLOW : CASES;
}

static int up(int value, int unit)
{
    return (value + unit - 1) / unit * unit;
}

/* ---- operands ---- */

static weft_tensor *tensor(weft_dtype dtype, int rank, int a, int b, int c)
{
    weft_tensor *made = WEFT_NEW(arena, weft_tensor);
    const int64_t dims[] = {a, b, c};
    *made = (weft_tensor){.dtype = dtype, .shape = {.rank = rank}};
    size_t elems = 1;
    for (int i = 0; i < rank; i++) {
        made->shape.dims[i] = dims[i];
        elems *= (size_t)dims[i];
    }
    made->data = weft_arena_alloc(arena, elems * weft_dtype_bytes(dtype) + 1);
    return made;
}

static weft_tensor *random_tensor(int is_signed, int rank, int a, int b, int c)
{
    weft_tensor *made = tensor(is_signed ? WEFT_DTYPE_I8 : WEFT_DTYPE_U8, rank, a, b, c);
    const size_t count = as_size(a) * as_size(rank > 1 ? b : 1) * as_size(rank > 2 ? c : 1);
    uint8_t *bytes = weft_naive_bytes(count);
    memcpy(made->data, bytes, count);
    free(bytes);
    return made;
}

static cl_mem buffer_of(const weft_tensor *x)
{
    size_t bytes = 0;
    if (!x)
        return NULL;
    assert_true(weft_shape_bytes(&x->shape, x->dtype, &bytes));
    return weft_harness_bytes(&harness, x->data, bytes);
}

static void release(cl_mem *buffers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (buffers[i])
            clReleaseMemObject(buffers[i]);
}

static weft_attrs attrs;

static void set(const char *name, int value)
{
    weft_attrs_set_int(&attrs, arena, name, value);
}

static void set_dtype(const char *name, int is_signed)
{
    weft_attrs_set_string(&attrs, arena, name, is_signed ? "i8" : "u8");
}

struct stage {
    int zero, low, high;
};

static struct stage random_stage(const char *zero, const char *min, const char *max, int is_signed)
{
    struct stage s;
    weft_naive_range(is_signed, &s.zero, &s.low, &s.high);
    set(zero, s.zero);
    set(min, s.low);
    set(max, s.high);
    return s;
}

/* The ratio as the planner passes it. */
static float random_ratio(const char *mult, const char *shift, double typical)
{
    int32_t m, s;
    weft_naive_ratio(typical, &m, &s);
    set(mult, m);
    set(shift, s);
    return (float)fmin(ldexp(m, -s), 524288.0);
}

static int as_u8(int zero, int is_signed)
{
    return is_signed ? zero + 128 : zero;
}

static int as_s8(int zero, int is_signed)
{
    return is_signed ? zero : zero - 128;
}

static void run_ref(weft_ref_kernel kernel, const weft_tensor **inputs, size_t count,
                    weft_tensor *y)
{
    const weft_ref_call call = {
        .attrs = &attrs, .inputs = inputs, .input_count = count, .outputs = &y, .output_count = 1};
    assert_int_equal(kernel(&call), WEFT_OK);
}

static weft_tensor *random_exps(void)
{
    weft_tensor *exps = tensor(WEFT_DTYPE_I32, 1, 256, 0, 0);
    weft_ratio unused;
    assert_true(
        weft_softmax_make(exp2(-weft_naive_between(-2, 9)), 1, (weft_u32 *)exps->data, &unused));
    return exps;
}

static void random_softmax(const char *mult, const char *shift, int *out_mult, int *out_shift)
{
    weft_ratio r = {0, 1};
    const int kind = weft_naive_between(0, 7);
    assert_true(weft_ratio_make(kind < 5    ? 255
                                : kind == 5 ? 256
                                            : exp2(weft_naive_between(-2, 18)),
                                &r));
    set(mult, *out_mult = r.mult);
    set(shift, *out_shift = r.shift);
}

static void begin(void)
{
    arena = weft_arena_create();
    assert_non_null(arena);
    attrs = (weft_attrs){0};
}

static void check(cl_mem y, const weft_tensor *want, const char *what)
{
    size_t bytes = 0;
    assert_true(weft_shape_bytes(&want->shape, want->dtype, &bytes));
    weft_check_bytes(&harness, y, want->data, bytes, what);
}

/* ---- rows ---- */

static void softmax(void **state)
{
    (void)state;
    if (!products[0])
        skip();
    cl_kernel kernel = weft_harness_kernel(products[0], "weft_qsoftmax");
    for (int k = 0; k < case_count(); k++) {
        begin();
        const int rows = weft_naive_between(1, 9),
                  count = weft_naive_between(1, weft_naive_between(0, 9) ? 80 : 900),
                  is_signed = weft_naive_between(0, 1), y_signed = weft_naive_between(0, 1),
                  block = weft_naive_between(1, rows + 1), padded = up(count, harness.vector_width);
        int mult, shift;
        weft_tensor *x = random_tensor(is_signed, 2, rows, count, 0), *exps = random_exps(),
                    *want = tensor(y_signed ? WEFT_DTYPE_I8 : WEFT_DTYPE_U8, 2, rows, count, 0);
        random_softmax("mult", "shift", &mult, &shift);
        const struct stage s = random_stage("y_zero", "y_min", "y_max", y_signed);
        const weft_tensor *inputs[] = {x, exps};
        run_ref(weft_ref_q_softmax, inputs, 2, want);
        cl_mem b[] = {buffer_of(x), buffer_of(exps)},
               y = weft_check_guarded(&harness, as_size(rows * count));
        weft_harness_args(kernel, "bbbiiiiiiiiil", b[0], b[1], y, is_signed, rows, count, block,
                          mult, shift, s.zero, s.low, s.high, as_size(padded * 5));
        weft_harness_launch(&harness, kernel, as_size((rows + block - 1) / block), 1);
        check(y, want, "softmax");
        release(b, 2);
        weft_arena_destroy(arena);
    }
    clReleaseKernel(kernel);
}

static void layer_norm(void **state)
{
    (void)state;
    if (!norms)
        skip();
    cl_kernel kernel = weft_harness_kernel(norms, "weft_qlayer_norm");
    for (int k = 0; k < case_count(); k++) {
        begin();
        const int rows = weft_naive_between(1, 9),
                  count = weft_naive_between(1, weft_naive_between(0, 9) ? 80 : 1200),
                  is_signed = weft_naive_between(0, 1), y_signed = weft_naive_between(0, 1),
                  block = weft_naive_between(1, rows + 1);
        weft_tensor *x = random_tensor(is_signed, 2, rows, count, 0),
                    *gamma = tensor(WEFT_DTYPE_I32, 1, count, 0, 0),
                    *beta = tensor(WEFT_DTYPE_I32, 1, count, 0, 0),
                    *want = tensor(y_signed ? WEFT_DTYPE_I8 : WEFT_DTYPE_U8, 2, rows, count, 0);
        weft_layer_norm n = {0};
        weft_naive_norm(count, gamma->data, beta->data, &n);
        weft_attrs_set_int(&attrs, arena, "epsilon", n.epsilon);
        set("beta_shift", n.beta_shift);
        set("shift", n.shift);
        const struct stage s = random_stage("y_zero", "y_min", "y_max", y_signed);
        const weft_tensor *inputs[] = {x, gamma, beta};
        run_ref(weft_ref_q_layer_norm, inputs, 3, want);
        cl_mem b[] = {buffer_of(x), buffer_of(gamma), buffer_of(beta)},
               y = weft_check_guarded(&harness, as_size(rows * count));
        weft_harness_args(kernel, "bbbbiiiiiiiiiiif", b[0], b[1], b[2], y, is_signed, rows, count,
                          block, (int)(n.epsilon >> 32), (int)(uint32_t)n.epsilon, n.beta_shift,
                          n.shift, s.zero, s.low, s.high,
                          weft_naive_margin(count, gamma->data, beta->data, &n));
        weft_harness_launch(&harness, kernel, as_size((rows + block - 1) / block), 1);
        check(y, want, "layer norm");
        release(b, 3);
        weft_arena_destroy(arena);
    }
    clReleaseKernel(kernel);
}

/* ---- packed panels ---- */

struct panels {
    int is_signed; /* of what is packed */
    int columns, depth, matrices, inner, outer_step, inner_step, row_step, base, zero, other_zero;
    cl_mem packed, sums;
};

/* index_signed < 0: columns lie across the rows of x. */
static void pack(const int form, struct panels *p, cl_mem x, cl_mem table, int index_signed)
{
    const int nr = 2 * harness.vector_width, count = up(p->columns, nr) / nr;
    cl_kernel kernel = weft_harness_kernel(products[form], index_signed < 0 ? "weft_qpack_columns"
                                                                            : "weft_qpack_rows");
    p->packed = weft_harness_bytes(
        &harness, NULL, as_size(p->matrices * count * nr * up(p->depth, forms[form].dot)));
    p->sums = weft_harness_bytes(&harness, NULL, as_size(p->matrices * count * nr * 4));
    const int flip = p->is_signed ? 0 : 128;
    if (index_signed < 0)
        weft_harness_args(kernel, "bbbiiiiiiiiii", x, p->packed, p->sums, flip, p->columns,
                          p->depth, p->inner, p->outer_step, p->inner_step, p->row_step, p->base,
                          p->zero, p->other_zero);
    else
        weft_harness_args(kernel, "bbbbiiiiiiiiiii", x, table, p->packed, p->sums,
                          index_signed ? 128 : 0, flip, p->columns, p->depth, p->inner,
                          p->outer_step, p->inner_step, p->row_step, p->base, p->zero,
                          p->other_zero);
    weft_harness_launch(&harness, kernel, as_size(p->matrices), as_size(count));
    clReleaseKernel(kernel);
}

static void check_matmul(int form, cl_kernel kernel)
{
    const int rows = weft_naive_between(1, 40), depth = weft_naive_between(1, 70),
              columns = weft_naive_between(1, 70), matrices = weft_naive_between(1, 3),
              shared = weft_naive_between(0, 1), a_signed = weft_naive_between(0, 1),
              b_signed = weft_naive_between(0, 1), y_signed = weft_naive_between(0, 1),
              transposed = weft_naive_between(0, 1), dot = forms[form].dot;
    weft_tensor *a = random_tensor(a_signed, 3, matrices, rows, depth),
                *b = random_tensor(b_signed, 3, shared ? 1 : matrices, transposed ? columns : depth,
                                   transposed ? depth : columns),
                *want =
                    tensor(y_signed ? WEFT_DTYPE_I8 : WEFT_DTYPE_U8, 3, matrices, rows, columns);
    const int a_zero = weft_naive_value(a_signed), b_zero = weft_naive_value(b_signed);
    set("a_zero", a_zero);
    set("b_zero", b_zero);
    set("b_transposed", transposed);
    const float ratio = random_ratio("mult", "shift", 5000 * sqrt(depth));
    const struct stage s = random_stage("y_zero", "y_min", "y_max", y_signed);
    const weft_tensor *inputs[] = {a, b};
    run_ref(weft_ref_q_matmul, inputs, 2, want);
    struct panels p = {.is_signed = b_signed,
                       .columns = columns,
                       .depth = depth,
                       .matrices = shared ? 1 : matrices,
                       .inner = 1,
                       .outer_step = depth * columns,
                       .row_step = transposed ? depth : columns,
                       .zero = as_s8(b_zero, b_signed),
                       .other_zero = as_u8(a_zero, a_signed)};
    const int block = weft_naive_between(1, rows + 1), blocks = (rows + block - 1) / block,
              tile = harness.vector_width == 16 ? 14 : 6,
              flags = a_signed | (weft_naive_between(0, 1) ? 2 : 0); /* 65025 * 70 < 2^24 */
    cl_mem buffers[] = {buffer_of(a), buffer_of(b)},
           y = weft_check_guarded(&harness, as_size(matrices * rows * columns));
    pack(form, &p, buffers[1], NULL, transposed ? 0 : -1);
    weft_harness_args(kernel, "bbbbiiiiiiiiiiiiiiiiiiifiiil", buffers[0], p.packed, p.sums, y,
                      flags, p.other_zero, p.zero, rows, depth, columns, 1, 1, 1, 1, 0, 0, 0,
                      !shared, 0, 0, 0, block, blocks, ratio, s.zero, s.low, s.high,
                      as_size(tile * up(depth, dot) * (dot == 4 ? 1 : 2)));
    weft_harness_launch(&harness, kernel, as_size(matrices * blocks), 1);
    check(y, want, "matmul");
    release(buffers, 2);
    release((cl_mem[]){p.packed, p.sums}, 2);
}

/* ---- attention ---- */

struct heads {
    int count, size, offset, step, channels;
};

static void random_heads(struct heads *h, const char *offset, const char *step)
{
    h->offset = weft_naive_between(0, 5);
    h->step = h->size + (weft_naive_between(0, 1) ? 0 : weft_naive_between(0, 9));
    h->channels = h->offset + (h->count - 1) * h->step + h->size + weft_naive_between(0, 5);
    set(offset, h->offset);
    set(step, h->step);
}

static weft_tensor *random_table(int is_signed)
{
    return weft_naive_between(0, 3) ? NULL : random_tensor(is_signed, 1, 256, 0, 0);
}

static void check_attention(int form, cl_kernel kernel)
{
    const int batch = weft_naive_between(1, 2), kv_heads = weft_naive_between(1, 2),
              sharing = weft_naive_between(1, 2), queries = weft_naive_between(1, 40),
              keys = weft_naive_between(1, weft_naive_between(0, 9) ? 70 : 300),
              dot = forms[form].dot, nr = 2 * harness.vector_width;
    struct heads q = {.count = kv_heads * sharing, .size = weft_naive_between(1, 70)},
                 k = {.count = kv_heads, .size = q.size},
                 v = {.count = kv_heads, .size = weft_naive_between(1, 70)};
    set("heads", q.count);
    set("kv_heads", kv_heads);
    set("head_size", q.size);
    set("v_head_size", v.size);
    random_heads(&q, "q_offset", "q_step");
    random_heads(&k, "k_offset", "k_step");
    random_heads(&v, "v_offset", "v_step");
    int is_signed[9];
    for (int i = 0; i < 9; i++)
        is_signed[i] = weft_naive_between(0, 1);
    weft_tensor *xq = random_tensor(is_signed[0], 3, batch, queries, q.channels),
                *xk = random_tensor(is_signed[1], 3, batch, keys, k.channels),
                *xv = random_tensor(is_signed[2], 3, batch, keys, v.channels),
                *exps = random_exps(), *q_table = random_table(is_signed[3]),
                *k_table = random_table(is_signed[4]), *s_table = random_table(is_signed[5]);
    const int s_signed = is_signed[6], p_signed = is_signed[7], y_signed = is_signed[8];
    const int q_signed = q_table ? is_signed[3] : is_signed[0],
              k_signed = k_table ? is_signed[4] : is_signed[1];
    const int q_zero = weft_naive_value(q_signed), k_zero = weft_naive_value(k_signed),
              v_zero = weft_naive_value(is_signed[2]);
    set("q_zero", q_zero);
    set("k_zero", k_zero);
    set("v_zero", v_zero);
    set_dtype("s_type", s_signed);
    set_dtype("p_type", p_signed);
    int p_mult, p_shift;
    const float s_ratio = random_ratio("s_mult", "s_shift", 5000 * sqrt(q.size)),
                y_ratio = random_ratio("y_mult", "y_shift", 20000);
    random_softmax("p_mult", "p_shift", &p_mult, &p_shift);
    const struct stage s = random_stage("s_zero", "s_min", "s_max", s_signed),
                       p = random_stage("p_zero", "p_min", "p_max", p_signed),
                       o = random_stage("y_zero", "y_min", "y_max", y_signed);
    weft_tensor *want =
        tensor(y_signed ? WEFT_DTYPE_I8 : WEFT_DTYPE_U8, 3, batch, queries, q.count * v.size);
    const weft_tensor *inputs[] = {xq, xk, xv, exps, q_table, k_table, s_table};
    run_ref(weft_ref_q_attention, inputs, 7, want);

    struct panels kp = {.is_signed = k_signed,
                        .columns = keys,
                        .depth = k.size,
                        .matrices = batch * kv_heads,
                        .inner = kv_heads,
                        .outer_step = keys * k.channels,
                        .inner_step = k.step,
                        .row_step = k.channels,
                        .base = k.offset,
                        .zero = as_s8(k_zero, k_signed),
                        .other_zero = as_u8(q_zero, q_signed)};
    struct panels vp = {.is_signed = is_signed[2],
                        .columns = v.size,
                        .depth = keys,
                        .matrices = batch * kv_heads,
                        .inner = kv_heads,
                        .outer_step = keys * v.channels,
                        .inner_step = v.step,
                        .row_step = v.channels,
                        .base = v.offset,
                        .zero = as_s8(v_zero, is_signed[2]),
                        .other_zero = as_u8(p.zero, p_signed)};
    const int block = weft_naive_between(1, queries + 1), blocks = (queries + block - 1) / block,
              tile = harness.vector_width == 16 ? 14 : 6, bytes = dot == 4 ? 1 : 2,
              padded = up(keys, nr);
    /* 65025 * 258 < 2^24: with more keys the second product needs its exact form */
    const int flags = is_signed[0] | (keys <= 258 && weft_naive_between(0, 1) ? 2 : 0) |
                      s_signed << 2 | weft_naive_between(0, 1) << 3 |
                      (q_table ? q_signed : 0) << 4 | (s_table ? is_signed[5] : 0) << 5 |
                      p_signed << 6;
    cl_mem b[] = {buffer_of(xq),      buffer_of(xk),      buffer_of(xv),     buffer_of(exps),
                  buffer_of(q_table), buffer_of(k_table), buffer_of(s_table)},
           y = weft_check_guarded(&harness, as_size(batch * queries * q.count * v.size));
    pack(form, &kp, b[1], b[5], is_signed[1]);
    pack(form, &vp, b[2], NULL, -1);
    weft_harness_args(
        kernel, "bbbbbbbbbiiiiiiiiiiiiiiifiiiiiiiifiiil", b[0], kp.packed, kp.sums, vp.packed,
        vp.sums, b[3], b[4], b[6], y, flags, q.count, sharing, queries, keys, q.size, v.size,
        q.channels, q.offset, q.step, block, blocks, kp.other_zero, kp.zero, vp.zero, s_ratio,
        s.zero, s.low, s.high, p_mult, p_shift, p.zero, p.low, p.high, y_ratio, o.zero, o.low,
        o.high,
        as_size(tile * (padded * bytes + (dot == 4 ? 0 : padded) + up(q.size, dot) * bytes) +
                4 * padded));
    weft_harness_launch(&harness, kernel, as_size(batch * q.count * blocks), 1);
    check(y, want, "attention");
    release(b, 7);
    release((cl_mem[]){kp.packed, kp.sums, vp.packed, vp.sums}, 4);
}

static void check_form(int form, const char *name, void (*one)(int, cl_kernel))
{
    if (!products[form])
        skip();
    cl_kernel kernel = weft_harness_kernel(products[form], name);
    for (int k = 0; k < case_count(); k++) {
        begin();
        one(form, kernel);
        weft_arena_destroy(arena);
    }
    clReleaseKernel(kernel);
}

#define FORM_TESTS(name, form)                                                                     \
    static void matmul_##name(void **state)                                                        \
    {                                                                                              \
        (void)state;                                                                               \
        check_form(form, "weft_qmatmul", check_matmul);                                            \
    }                                                                                              \
    static void attention_##name(void **state)                                                     \
    {                                                                                              \
        (void)state;                                                                               \
        check_form(form, "weft_qattention", check_attention);                                      \
    }
FORM_TESTS(pairs, 0)
FORM_TESTS(plain_pairs, 1)
FORM_TESTS(quads, 2)

static int open_device(void **state)
{
    (void)state;
    if (!weft_harness_open(&harness))
        return 0;
    for (int i = 0; i < FORMS; i++)
        products[i] = weft_harness_build_row(&harness, forms[i].defines, files);
    norms = weft_harness_build_row(&harness, "",
                                   "weft_int.h weft_int_row.h qdot.cl qfinish.cl qnorm.cl "
                                   "qlayer_norm.cl");
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS; i++)
        if (products[i])
            clReleaseProgram(products[i]);
    if (norms) {
        clReleaseProgram(norms);
        weft_harness_close(&harness);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax),
        cmocka_unit_test(layer_norm),
        cmocka_unit_test(matmul_pairs),
        cmocka_unit_test(matmul_plain_pairs),
        cmocka_unit_test(matmul_quads),
        cmocka_unit_test(attention_pairs),
        cmocka_unit_test(attention_plain_pairs),
        cmocka_unit_test(attention_quads),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
