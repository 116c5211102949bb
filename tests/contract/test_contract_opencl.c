/* SPDX-License-Identifier: Apache-2.0 */
/* The text of the contract compiled twice, by this compiler and by the OpenCL device's: the same
 * bits for every rule and row. Whether they are right is for the other tests of this folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/include/weft_tables.h"
#include "tests/contract/draw.h"
#include "tests/contract/rules.cl"
#include "tests/kernels/cl_harness.h"

enum { TABLE_SETS = 64, ROWS_AT_ONCE = 1024 };

/* An interpreting device gets fewer cases. */
static int cases_per_rule(const struct cl_harness *h)
{
    return h != NULL && h->is_slow ? 200 : 10240;
}

static void put_wide(int32_t *a, int64_t value)
{
    a[0] = (int32_t)(uint32_t)((uint64_t)value & UINT32_MAX);
    a[1] = (int32_t)(value >> 32);
}

static void draw_range(draw *d, int32_t *zero_low_high)
{
    const int32_t least = draw_in(d, 0, 1) ? -128 : 0;
    zero_low_high[0] = (int32_t)draw_edgy(d, least, least + 255);
    zero_low_high[1] = draw_in(d, 0, 1) ? least : (int32_t)draw_in(d, least, least + 255);
    zero_low_high[2] =
        draw_in(d, 0, 1) ? least + 255 : (int32_t)draw_in(d, zero_low_high[1], least + 255);
}

/* Arguments within what the rule's comment allows. */
static void draw_case(draw *d, int rule, int32_t *a)
{
    const int64_t top = (int64_t)1 << 62;
    memset(a, 0, RULE_ARGS * sizeof *a);
    switch (rule) {
    case RULE_REQUANTISE:
        a[0] = (int32_t)draw_edgy(d, INT32_MIN, INT32_MAX);
        a[1] = (int32_t)draw_edgy(d, 0, WEFT_MULT_MAX);
        a[2] = (int32_t)draw_in(d, WEFT_SHIFT_MIN, WEFT_SHIFT_MAX);
        draw_range(d, a + 3);
        break;
    case RULE_ADD:
        for (int i = 0; i < 4; i += 2) {
            a[i] = (int32_t)draw_edgy(d, -255, 255);
            a[i + 1] = (int32_t)draw_edgy(d, 0, WEFT_ADD_MULT_MAX);
        }
        a[4] = (int32_t)draw_in(d, 1, WEFT_ADD_SHIFT_MAX);
        draw_range(d, a + 5);
        break;
    case RULE_MULTIPLY:
        a[0] = (int32_t)draw_edgy(d, -255, 255);
        a[1] = (int32_t)draw_edgy(d, -255, 255);
        a[2] = (int32_t)draw_edgy(d, 0, WEFT_MULT_MAX);
        a[3] = (int32_t)draw_in(d, WEFT_SHIFT_MIN, WEFT_SHIFT_MAX);
        draw_range(d, a + 4);
        break;
    case RULE_TABLE_INDEX:
    case RULE_BYTE:
        a[1] = (int32_t)draw_in(d, 0, 1);
        a[0] = (int32_t)draw_in(d, a[1] ? -128 : 0, a[1] ? 127 : 255);
        break;
    case RULE_ROUND64:
        put_wide(a, draw_in(d, 0, 1) ? draw_edgy(d, 1 - top / 2, top / 2 - 1)
                                     : draw_in(d, 0, top - 1) * (draw_in(d, 0, 1) ? 1 : -1));
        a[2] = (int32_t)draw_in(d, WEFT_SHIFT_MIN, WEFT_SHIFT_MAX);
        break;
    case RULE_ROUND32:
        a[0] = (int32_t)draw_edgy(d, 1 - 3 * (1 << 29), 3 * (1 << 29) - 1);
        a[1] = (int32_t)draw_in(d, 1, WEFT_ADD_SHIFT_MAX);
        break;
    case RULE_SOFTMAX_FACTOR:
        put_wide(a, draw_edgy(d, 1 << WEFT_EXP_BITS, (int64_t)WEFT_ROW_MAX << WEFT_EXP_BITS));
        a[2] = (int32_t)draw_edgy(d, WEFT_MULT_MAX / 2, WEFT_MULT_MAX);
        break;
    case RULE_SOFTMAX_STAGE:
        put_wide(a, draw_edgy(d, 1 << 23, (int64_t)1 << 36));
        a[2] = (int32_t)draw_edgy(d, 0, 1 << WEFT_EXP_BITS);
        a[3] = (int32_t)draw_in(d, 1, WEFT_SOFTMAX_SHIFT_MAX);
        draw_range(d, a + 4);
        break;
    case RULE_SPREAD:
        put_wide(a, draw_edgy(d, 0, WEFT_SPREAD_EPSILON_MAX));
        a[2] = (int32_t)draw_edgy(d, 1, WEFT_ROW_MAX);
        for (int i = 0; i < a[2]; i++) {
            const int32_t value = (int32_t)draw_in(d, -128, 127);
            a[3] += value;
            a[4] += value * value;
        }
        break;
    case RULE_FOURS:
    case RULE_ROOT: put_wide(a, draw_edgy(d, 1, top - 1)); break;
    case RULE_INVERSE:
        put_wide(a, draw_edgy(d, 1, top - 1));
        a[2] = weft_spread_fours(rule_wide(a[0], a[1]));
        break;
    case RULE_UNIT: { /* one element of `value`, the others zero */
        a[2] = (int32_t)draw_edgy(d, 2, WEFT_ROW_MAX);
        a[4] = a[3] = (int32_t)draw_edgy(d, -128, 255);
        const int64_t spread = weft_layer_norm_spread(a[2], a[3], a[3] * a[3],
                                                      draw_edgy(d, 0, WEFT_SPREAD_EPSILON_MAX));
        a[5] = weft_spread_fours(spread);
        put_wide(a, weft_inverse_root(spread, a[5]));
        break;
    }
    default:
        a[0] = (int32_t)draw_edgy(d, -(1 << 24), 1 << 24);
        a[1] = (int32_t)draw_edgy(d, -WEFT_MULT_MAX, WEFT_MULT_MAX);
        a[2] = (int32_t)draw_edgy(d, -(1 << WEFT_BETA_BITS), 1 << WEFT_BETA_BITS);
        a[3] = (int32_t)draw_in(d, 0, WEFT_BETA_SHIFT_MAX);
        a[4] = (int32_t)draw_in(d, WEFT_SHIFT_MIN, WEFT_SHIFT_MAX);
        draw_range(d, a + 5);
        break;
    }
}

static cl_mem buffer_of(struct cl_harness *h, const void *data, size_t bytes)
{
    cl_int code;
    cl_mem buffer = clCreateBuffer(h->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, bytes,
                                   (void *)(uintptr_t)data, &code);
    assert_int_equal(code, CL_SUCCESS);
    return buffer;
}

static cl_program contract_program(struct cl_harness *h)
{
    static const char *const files[] = {
        "kernels/include/weft_int.h", "kernels/include/weft_int_row.h",
        "kernels/include/weft_int_rows.h", "tests/contract/rules.cl"};
    return weft_harness_build_files(h, files, 4);
}

static void rules_have_the_same_bits(void **state)
{
    struct cl_harness *h = *state;
    const int per_rule = cases_per_rule(h), count = RULE_COUNT * per_rule;
    int32_t *cases = calloc((size_t)count * RULE_ARGS, sizeof *cases);
    int64_t *ours = calloc((size_t)count, sizeof *ours), *theirs = calloc((size_t)count, 8);
    assert_true(cases && ours && theirs);
    draw d = {1};
    for (int i = 0; i < count; i++) {
        draw_case(&d, i / per_rule, cases + i * RULE_ARGS);
        ours[i] = rule_apply(i / per_rule, cases + i * RULE_ARGS);
    }
    if (h != NULL) {
        cl_program program = contract_program(h);
        cl_kernel kernel = weft_harness_kernel(program, "rules");
        cl_mem in = buffer_of(h, cases, (size_t)count * RULE_ARGS * sizeof *cases);
        cl_mem out = buffer_of(h, theirs, (size_t)count * sizeof *theirs);
        weft_harness_args(kernel, "bbi", in, out, per_rule);
        weft_harness_launch(h, kernel, (size_t)count, 1);
        assert_int_equal(clEnqueueReadBuffer(h->queue, out, CL_TRUE, 0,
                                             (size_t)count * sizeof *theirs, theirs, 0, NULL, NULL),
                         CL_SUCCESS);
        for (int i = 0; i < count; i++)
            if (ours[i] != theirs[i])
                fail_msg("rule %d, case %d: %lld in C, %lld on the device", i / per_rule,
                         i % per_rule, (long long)ours[i], (long long)theirs[i]);
        clReleaseMemObject(in);
        clReleaseMemObject(out);
        clReleaseKernel(kernel);
        clReleaseProgram(program);
    }
    free(cases);
    free(ours);
    free(theirs);
}

/* What a launch of `rows` reads and writes. */
typedef struct row_batch {
    int32_t cases[ROWS_AT_ONCE * RULE_ARGS];
    uint8_t x[ROWS_AT_ONCE * WEFT_ROW_MAX];
    uint8_t ours[ROWS_AT_ONCE * WEFT_ROW_MAX], theirs[ROWS_AT_ONCE * WEFT_ROW_MAX];
    uint32_t exps[TABLE_SETS * 256];
    int32_t gamma[TABLE_SETS * WEFT_ROW_MAX], beta[TABLE_SETS * WEFT_ROW_MAX];
    weft_layer_norm norms[TABLE_SETS];
    weft_ratio ratios[TABLE_SETS];
    int32_t counts[TABLE_SETS]; /* elements of a LayerNorm row */
} row_batch;

static void draw_tables(draw *d, row_batch *b)
{
    static float gamma[WEFT_ROW_MAX], beta[WEFT_ROW_MAX];
    for (int set = 0; set < TABLE_SETS; set++) {
        assert_true(weft_softmax_make(draw_scale(d, 1e-4, 1), draw_scale(d, 1e-3, 1),
                                      b->exps + set * 256, &b->ratios[set]));
        b->counts[set] = set == 0 ? WEFT_ROW_MAX : (int32_t)draw_scale(d, 1, 500);
        for (int i = 0; i < b->counts[set]; i++) {
            gamma[i] = (float)draw_real(d, -2, 2);
            beta[i] = (float)draw_real(d, -2, 2);
        }
        assert_true(weft_layer_norm_make(
            b->counts[set], 1e-6, draw_scale(d, 1e-3, 1), draw_scale(d, 1e-3, 1), gamma, beta,
            &b->norms[set], b->gamma + set * WEFT_ROW_MAX, b->beta + set * WEFT_ROW_MAX));
    }
}

static void draw_row(draw *d, row_batch *b, int row, int kind)
{
    const int set = row % TABLE_SETS;
    int32_t *a = b->cases + row * RULE_ARGS;
    memset(a, 0, RULE_ARGS * sizeof *a);
    a[0] = kind;
    a[1] = kind == ROW_NORM ? b->counts[set] : (int32_t)draw_scale(d, 1, 500);
    a[2] = (int32_t)draw_in(d, 1, WEFT_ROW_MAX / a[1] < 3 ? WEFT_ROW_MAX / a[1] : 3);
    a[3] = (int32_t)draw_in(d, 0, 1);
    weft_ratio ratio = b->ratios[set];
    if (kind == ROW_AVERAGE)
        assert_true(weft_ratio_make(draw_scale(d, 0.1, 10) / a[1], &ratio));
    a[4] = ratio.mult;
    a[5] = ratio.shift;
    draw_range(d, a + 6);
    a[11] = (int32_t)draw_in(d, a[3] ? -128 : 0, a[3] ? 127 : 255);
    if (kind == ROW_NORM) {
        int32_t halves[2];
        put_wide(halves, b->norms[set].epsilon);
        a[4] = halves[0];
        a[9] = halves[1];
        a[5] = b->norms[set].shift;
        a[10] = b->norms[set].beta_shift;
    }
    const int64_t base = draw_in(d, 0, 255), width = draw_in(d, 0, 255);
    for (int i = 0; i < WEFT_ROW_MAX; i++)
        b->x[row * WEFT_ROW_MAX + i] = (uint8_t)(draw_in(d, base, base + width) & 255);
}

static void compare_rows(struct cl_harness *h, cl_kernel kernel, row_batch *b, int count)
{
    cl_mem buffers[] = {
        buffer_of(h, b->cases, sizeof b->cases),   buffer_of(h, b->x, sizeof b->x),
        buffer_of(h, b->theirs, sizeof b->theirs), buffer_of(h, b->exps, sizeof b->exps),
        buffer_of(h, b->gamma, sizeof b->gamma),   buffer_of(h, b->beta, sizeof b->beta)};
    weft_harness_args(kernel, "bbbbbb", buffers[0], buffers[1], buffers[2], buffers[3], buffers[4],
                      buffers[5]);
    weft_harness_launch(h, kernel, (size_t)count, 1);
    assert_int_equal(clEnqueueReadBuffer(h->queue, buffers[2], CL_TRUE, 0, sizeof b->theirs,
                                         b->theirs, 0, NULL, NULL),
                     CL_SUCCESS);
    for (int row = 0; row < count; row++)
        for (int i = 0; i < WEFT_ROW_MAX; i++)
            if (b->ours[row * WEFT_ROW_MAX + i] != b->theirs[row * WEFT_ROW_MAX + i])
                fail_msg("row %d (kind %d), byte %d: %d in C, %d on the device", row,
                         b->cases[row * RULE_ARGS], i, b->ours[row * WEFT_ROW_MAX + i],
                         b->theirs[row * WEFT_ROW_MAX + i]);
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        clReleaseMemObject(buffers[i]);
}

static void rows_have_the_same_bits(void **state)
{
    struct cl_harness *h = *state;
    row_batch *b = calloc(1, sizeof *b);
    assert_non_null(b);
    cl_program program = h != NULL ? contract_program(h) : NULL;
    cl_kernel kernel = h != NULL ? weft_harness_kernel(program, "rows") : NULL;
    draw d = {2};
    draw_tables(&d, b);
    const int per_kind = cases_per_rule(h);
    for (int kind = 0; kind < ROW_COUNT; kind++)
        for (int first = 0; first < per_kind; first += ROWS_AT_ONCE) {
            const int count = per_kind - first < ROWS_AT_ONCE ? per_kind - first : ROWS_AT_ONCE;
            memset(b->ours, 0, sizeof b->ours);
            memset(b->theirs, 0, sizeof b->theirs);
            for (int row = 0; row < count; row++) {
                const int set = row % TABLE_SETS;
                draw_row(&d, b, row, kind);
                rule_row(b->cases + row * RULE_ARGS, b->x + row * WEFT_ROW_MAX,
                         b->ours + row * WEFT_ROW_MAX, b->exps + set * 256,
                         b->gamma + set * WEFT_ROW_MAX, b->beta + set * WEFT_ROW_MAX);
            }
            if (h != NULL)
                compare_rows(h, kernel, b, count);
        }
    if (h != NULL) {
        clReleaseKernel(kernel);
        clReleaseProgram(program);
    }
    free(b);
}

/* Without a device the rules still run here, for the sanitizers. */
static struct cl_harness harness;

static int open_device(void **state)
{
    *state = weft_harness_open(&harness) ? &harness : NULL;
    return 0;
}

static int close_device(void **state)
{
    if (*state != NULL)
        weft_harness_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_have_the_same_bits),
        cmocka_unit_test(rows_have_the_same_bits),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
