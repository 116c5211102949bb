/* SPDX-License-Identifier: Apache-2.0 */
/* How 8-bit operators besides the dense convolution become launches: merged dimensions of sums and
 * products, limits that are absent, scales per axis, tables of averages, convolutions in groups,
 * and what their ideal times count. Graphs come from text; nothing is executed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/plan/plan.h"

static weft_arena *arena;
static weft_diag *diag;

static int open_all(void **state)
{
    (void)state;
    arena = weft_arena_create();
    return arena != NULL && weft_diag_create(&diag) == WEFT_OK ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    weft_diag_destroy(diag);
    weft_arena_destroy(arena);
    return 0;
}

/* Plans `declarations` and one node that makes %o for AVX2 and two threads. */
static weft_status plan_node(const char *declarations, const char *node, weft_plan **out_plan)
{
    char text[4096];
    weft_graph *graph = NULL;
    weft_target target;
    int length =
        snprintf(text, sizeof text, "graph \"one\" opset 20 {\n%s  %%o = %s\n  output %%o\n}\n",
                 declarations, node);
    assert_true(length > 0 && (size_t)length < sizeof text);
    assert_int_equal(weft_target_find("cpu-avx2", &target, diag), WEFT_OK);
    weft_status status = weft_graph_parse(arena, text, (size_t)length, &graph, diag);
    if (status != WEFT_OK) {
        char message[1024];
        weft_diag_format(weft_diag_get(diag, 0), message, sizeof message);
        fail_msg("the graph of the test is wrong: %s", message);
    }
    return weft_plan_build(arena, &graph, 1, &target, 2, NULL, out_plan, diag);
}

static weft_plan *plan;

static const weft_step *planned_step(const char *declarations, const char *node, const char *kernel)
{
    assert_int_equal(plan_node(declarations, node, &plan), WEFT_OK);
    const weft_schedule *schedule = &plan->manifest.schedules[0];
    assert_int_equal(schedule->step_count, 1);
    const weft_launch *launch = &schedule->steps[0].launches[0];
    assert_string_equal(plan->manifest.programs[launch->program].kernels[launch->kernel], kernel);
    return &schedule->steps[0];
}

/* The argument's numbers from `first` on. */
static void assert_ints(const weft_step *step, size_t first, const int *want, size_t count)
{
    const weft_launch *launch = &step->launches[0];
    assert_true(first + count <= launch->arg_count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(launch->args[first + i].kind, WEFT_ARG_INT);
        assert_int_equal(launch->args[first + i].i, want[i]);
    }
}

static void read_blob(const weft_arg *arg, void *out, size_t bytes)
{
    assert_int_equal(arg->kind, WEFT_ARG_BLOB);
    assert_int_equal(plan->manifest.blobs[arg->index].size_bytes, bytes);
    assert_int_equal(weft_plan_blob_bytes(plan, (size_t)arg->index, out), WEFT_OK);
}

/* Equal shapes are one row; a vector per channel repeats over the rest. */
static void sums_merge_dimensions(void **state)
{
    (void)state;
    static const char attrs[] = " {a_zero=3, a_mult=5, b_zero=-7, b_mult=11, shift=4, to=\"u8\"}";
    char node[128];
    snprintf(node, sizeof node, "weft.QAdd(%%a, %%b)%s", attrs);
    const weft_step *step =
        planned_step("  input %a: u8[2x3x4x5]\n  input %b: i8[2x3x4x5]\n", node, "weft_qadd");
    assert_ints(step, 3, (const int[]){2, 1, 1, 1, 1, 1, 120}, 7); /* b is signed; one row */
    assert_ints(step, 10, (const int[]){0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1}, 12);
    assert_ints(step, 24, (const int[]){3, 5, -7, 11, 4, 0, 0, 255}, 8); /* limits of u8 */
    step = planned_step("  input %a: u8[2x3x4x5]\n  input %b: i8[5]\n", node, "weft_qadd");
    assert_ints(step, 4, (const int[]){24, 1, 1, 1, 24, 5}, 6);
    assert_ints(step, 20, (const int[]){0, 1}, 2); /* b: again for each row */
    /* Every work-item has some of the rows, together all of them. */
    const weft_launch *launch = &step->launches[0];
    assert_true((int64_t)launch->global[0] * launch->args[22].i >= 24);
}

/* A product's first result keeps the limits of its own type; the ratio is a float without error. */
static void products_have_two_stages(void **state)
{
    (void)state;
    const weft_step *step = planned_step(
        "  input %a: i8[1x4x4x8]\n  input %b: u8[1x1x1x8]\n  input %r: i8[1x4x4x8]\n",
        "weft.QMul(%a, %b, %r) {mult=3145728, shift=25, c_type=\"u8\", c_zero=9, c_mult=2, "
        "r_zero=-1, r_mult=3, add_shift=2, y_max=100, to=\"i8\"}",
        "weft_qmul");
    assert_ints(step, 4, (const int[]){1 + 4 + 8}, 1);
    assert_true(step->launches[0].args[27].f == 3145728.0f / 33554432.0f);
    assert_ints(step, 28, (const int[]){9, 0, 255, 2, -1, 3, 2, 0, -128, 100}, 10);
    step = planned_step("  input %a: i8[1x4x4x8]\n  input %b: u8[1x1x1x8]\n",
                        "weft.QMul(%a, %b) {mult=4194304, shift=1, to=\"i8\"}", "weft_qmul");
    assert_int_equal(step->launches[0].args[2].kind, WEFT_ARG_NULL);
    assert_true(step->launches[0].args[27].f == 524288.0f); /* beyond, nothing but 0 is left */
}

/* One pair of scale and zero point per slice, in front of other axes or last. */
static void scales_follow_their_axis(void **state)
{
    (void)state;
    static const char constants[] =
        "  const %s: f32[3] = [1, 2, 4]\n  const %z: i8[3] = [-1, 0, 1]\n";
    char declarations[256];
    int32_t zeros[3];
    snprintf(declarations, sizeof declarations, "  input %%x: f32[2x3x5]\n%s", constants);
    const weft_step *step =
        planned_step(declarations, "QuantizeLinear(%x, %s, %z) {axis=1}", "weft_quantize");
    assert_ints(step, 4, (const int[]){-128, 5, 3, 0}, 4); /* low, inner, count, step */
    assert_int_equal(step->launches[0].global[0], 6);
    read_blob(&step->launches[0].args[2], zeros, sizeof zeros);
    assert_int_equal(zeros[0], -1);
    assert_int_equal(zeros[2], 1);
    snprintf(declarations, sizeof declarations, "  input %%x: i8[2x5x3]\n%s", constants);
    step = planned_step(declarations, "DequantizeLinear(%x, %s, %z) {axis=-1}", "weft_dequantize");
    assert_ints(step, 4, (const int[]){1, 3, 1, 1}, 4); /* kind, inner, count, step */
    step = planned_step("  input %x: i32[2x5x3]\n  const %s: f32[] = 3\n",
                        "DequantizeLinear(%x, %s)", "weft_dequantize");
    assert_ints(step, 4, (const int[]){2, 30, 1, 0}, 4);
}

/* A vector of equal ratios for each number of elements that a window can hold. */
static void averages_have_a_ratio_per_count(void **state)
{
    (void)state;
    const weft_step *step = planned_step(
        "  input %x: u8[1x3x3x4]\n",
        "weft.QPool2D(%x) {mode=\"average\", kernel_shape=[2, 2], pads=[1, 1, 0, 0], "
        "counts=[1, 2, 4], mults=[4194304, 2097152, 2097152], shifts=[22, 22, 23], to=\"u8\"}",
        "weft_qpool");
    int32_t counts[3];
    double ratios[3 * 8];
    read_blob(&step->launches[0].args[1], counts, sizeof counts);
    read_blob(&step->launches[0].args[2], ratios, sizeof ratios);
    assert_int_equal(counts[2], 4);
    assert_true(ratios[0] == 1.0 && ratios[7] == 1.0 && ratios[8] == 0.5 && ratios[23] == 0.25);
    step = planned_step("  input %x: i8[1x3x3x4]\n",
                        "weft.QPool2D(%x) {kernel_shape=[2, 2], to=\"i8\"}", "weft_qpool");
    assert_ints(step, 4, (const int[]){0, 1, 3, 3, 4, 2, 2, 2, 2}, 9);
}

/* Weights per tap with channels side by side, padded to a panel. */
static void groups_have_a_kernel_of_their_own(void **state)
{
    (void)state;
    const weft_step *step =
        planned_step("  input %x: u8[1x4x4x2]\n  const %w: i8[2x1x2x1] = [1, 2, 3, 4]\n"
                     "  const %b: i32[2] = [5, 6]\n  const %m: i32[2] = [2097152, 2097152]\n"
                     "  const %s: i32[2] = [22, 23]\n",
                     "weft.QConv2D(%x, %w, %b, %m, %s) {group=2, to=\"i8\"}", "weft_qgrouped");
    int8_t weights[2 * 16];
    read_blob(&step->launches[0].args[1], weights, sizeof weights);
    assert_int_equal(weights[0], 1);
    assert_int_equal(weights[1], 3);
    assert_int_equal(weights[2], 0);
    assert_int_equal(weights[16], 2);
    assert_int_equal(weights[17], 4);
    assert_int_equal(step->launches[0].global[0], 4); /* rows of y */
}

/* A constant of 64 equal numbers. */
static void add_constants(char *text, size_t size, const char *name, int number)
{
    size_t used = strlen(text);
    used += (size_t)snprintf(text + used, size - used, "  const %%%s: i32[64] = [", name);
    for (int i = 0; i < 64; i++)
        used += (size_t)snprintf(text + used, size - used, i < 63 ? "%d, " : "%d]\n", number);
    assert_true(used < size);
}

/* Products of 8 bits are measured by the peak for them, the rest by that of f32. */
static void ideal_times_know_8_bits(void **state)
{
    (void)state;
    weft_target target;
    assert_int_equal(weft_target_find("cpu-avx2", &target, diag), WEFT_OK);
    char declarations[2048] = "  input %x: u8[1x64x64x256]\n  const %w: i8[64x1x1x256] = #4\n";
    add_constants(declarations, sizeof declarations, "b", 7);
    add_constants(declarations, sizeof declarations, "m", 2097152);
    add_constants(declarations, sizeof declarations, "s", 30);
    const weft_step *step =
        planned_step(declarations, "weft.QConv2D(%x, %w, %b, %m, %s) {to=\"i8\"}", "weft_qconv");
    double macs = 64.0 * 64 * 256 * 64, others = 64.0 * 64 * 64 * 4;
    double want_ns = (2 * macs / target.peak_gops + others / target.peak_gflops) / 2;
    assert_true(step->cost.ideal_ns > want_ns * 0.999 && step->cost.ideal_ns < want_ns * 1.001);
    assert_int_equal(step->cost.bound, WEFT_BOUND_COMPUTE);
    assert_int_equal(step->cost.input_bytes, 64 * 64 * 256); /* a byte each */
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, open_all, close_all)
    const struct CMUnitTest tests[] = {
        TEST(sums_merge_dimensions),
        TEST(products_have_two_stages),
        TEST(scales_follow_their_axis),
        TEST(averages_have_a_ratio_per_count),
        TEST(groups_have_a_kernel_of_their_own),
        TEST(ideal_times_know_8_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
