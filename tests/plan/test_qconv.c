/* SPDX-License-Identifier: Apache-2.0 */
/* How 8-bit convolutions become launches: which kernel and packing, that Winograd needs bounded
 * sums, what a mean adds, what is fetched ahead, and what the target's products per lane change.
 * Graphs come from text; nothing is executed. */
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

/* Constants %b<n>, %m<n> and %s<n> of n channels: biases of 7, multipliers of 2^21, shifts of 30.
 */
static void add_channels(char *text, size_t size, int n)
{
    static const char names[] = "bms";
    static const int values[] = {7, 2097152, 30};
    for (int i = 0; i < 3; i++) {
        size_t used = strlen(text);
        used += (size_t)snprintf(text + used, size - used, "  const %%%c%d: i32[%d] = [", names[i],
                                 n, n);
        for (int k = 0; k < n; k++)
            used +=
                (size_t)snprintf(text + used, size - used, "%s%d", k > 0 ? ", " : "", values[i]);
        snprintf(text + used, size - used, "]\n");
    }
}

/* Plans a graph of these lines, with channel constants for 16 and 32 channels, for a target. */
static const weft_manifest *plan_lines(const char *target, const char *lines)
{
    static char text[8192];
    weft_target row;
    weft_graph *graph = NULL;
    weft_plan *plan = NULL;
    snprintf(text, sizeof text, "graph \"q\" opset 20 {\n");
    add_channels(text, sizeof text, 16);
    add_channels(text, sizeof text, 32);
    size_t used = strlen(text);
    int length = snprintf(text + used, sizeof text - used, "%s}\n", lines);
    assert_true(length > 0 && used + (size_t)length < sizeof text);
    assert_int_equal(weft_target_find(target, &row, diag), WEFT_OK);
    weft_status status = weft_graph_parse(arena, text, strlen(text), &graph, diag);
    if (status == WEFT_OK)
        status = weft_plan_build(arena, &graph, 1, &row, 2, NULL, &plan, diag);
    if (status != WEFT_OK) {
        char message[1024];
        weft_diag_format(weft_diag_get(diag, 0), message, sizeof message);
        fail_msg("%s", message);
    }
    return &plan->manifest;
}

static const weft_launch *launch_at(const weft_manifest *manifest, size_t step, size_t launch)
{
    const weft_schedule *schedule = &manifest->schedules[0];
    assert_true(step < schedule->step_count && launch < schedule->steps[step].launch_count);
    return &schedule->steps[step].launches[launch];
}

static void assert_kernel(const weft_manifest *manifest, const weft_launch *launch,
                          const char *kernel, const char *program)
{
    assert_string_equal(manifest->programs[launch->program].kernels[launch->kernel], kernel);
    assert_string_equal(manifest->programs[launch->program].name, program);
}

static const weft_blob *weights_of(const weft_manifest *manifest, const weft_launch *launch)
{
    assert_int_equal(launch->args[1].kind, WEFT_ARG_BLOB);
    return &manifest->blobs[launch->args[1].index];
}

#define CONV_3X3                                                                                   \
    "  input %x: u8[1x20x20x32]\n  const %w: i8[32x3x3x32] = #1\n"                                 \
    "  %o = weft.QConv2D(%x, %w, %b32, %m32, %s32) {pads=[1, 1, 1, 1], to=\"u8\", "                \
    "c_type=\"u8\"}\n"                                                                             \
    "  output %o\n"

static void three_by_three_is_winograd_where_products_are_pairs(void **state)
{
    (void)state;
    const weft_manifest *manifest = plan_lines("cpu-avx2", CONV_3X3);
    const weft_launch *launch = launch_at(manifest, 0, 0);
    assert_kernel(manifest, launch, "weft_qwinograd4", "qwinograd_i8_v8_6x16x2");
    const weft_blob *blob = weights_of(manifest, launch);
    assert_int_equal(blob->packing, WEFT_PACK_WINOGRAD);
    assert_int_equal(blob->winograd, 4);
    assert_int_equal(blob->size_bytes, 36 * 32 * 32 * 2);

    manifest = plan_lines("cpu-avx512-vnni", CONV_3X3);
    launch = launch_at(manifest, 0, 0);
    assert_kernel(manifest, launch, "weft_qconv", "qconv_i8_v16_14x32x4");
    blob = weights_of(manifest, launch);
    assert_int_equal(blob->packing, WEFT_PACK_DOT);
    assert_int_equal(blob->size_bytes, 9 * 32 * 32);
}

/* 512 input channels, all weights alike: 4608 * 127 * 255 is beyond what F(4x4) may have, 4608 *
 * 255 is not. Weights decide, not the shape. */
static void large_sums_keep_winograd_away(void **state)
{
    (void)state;
    weft_graph *graph = NULL;
    weft_target row;
    static char text[8192];
    static int8_t weights[16 * 9 * 512];
    snprintf(text, sizeof text, "graph \"q\" opset 20 {\n");
    add_channels(text, sizeof text, 16);
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used,
             "  input %%x: u8[1x40x40x512]\n  const %%w: i8[16x3x3x512] = #1\n"
             "  %%o = weft.QConv2D(%%x, %%w, %%b16, %%m16, %%s16) {pads=[1, 1, 1, 1], to=\"u8\", "
             "c_type=\"u8\"}\n  output %%o\n}\n");
    assert_int_equal(weft_target_find("cpu-avx2", &row, diag), WEFT_OK);
    assert_int_equal(weft_graph_parse(arena, text, strlen(text), &graph, diag), WEFT_OK);
    static const struct {
        int weight;
        const char *not_this;
    } cases[] = {{127, "weft_qwinograd4"}, {1, "weft_qconv"}};
    for (size_t i = 0; i < 2; i++) {
        weft_plan *plan = NULL;
        memset(weights, cases[i].weight, sizeof weights);
        graph->first->inputs[1]->data = weights;
        assert_int_equal(weft_plan_build(arena, &graph, 1, &row, 2, NULL, &plan, diag), WEFT_OK);
        const weft_launch *launch = launch_at(&plan->manifest, 0, 0);
        const char *kernel = plan->manifest.programs[launch->program].kernels[launch->kernel];
        assert_string_not_equal(kernel, cases[i].not_this);
    }
}

static void a_mean_is_sums_and_a_launch(void **state)
{
    (void)state;
    const weft_manifest *manifest = plan_lines(
        "cpu-avx2", "  input %x: i8[2x10x10x32]\n  const %w: i8[32x1x1x32] = #1\n"
                    "  %o, %n = weft.QConv2D(%x, %w, %b32, %m32, %s32) {mean_mult=2097152, "
                    "mean_shift=28}\n  output %o\n  output %n\n");
    const weft_launch *conv = launch_at(manifest, 0, 0), *mean = launch_at(manifest, 0, 1);
    assert_kernel(manifest, conv, "weft_qconv", "qconv_i8_v8_6x16x2");
    assert_kernel(manifest, mean, "weft_qmean", "qconv_i8_v8_6x16x2");
    assert_int_equal(conv->args[7].kind, WEFT_ARG_SCRATCH);
    assert_int_equal(mean->args[0].kind, WEFT_ARG_SCRATCH);
    assert_int_equal(conv->args[7].offset_bytes, mean->args[0].offset_bytes);
    int parts = mean->args[2].i;
    assert_int_equal(conv->args[7].bytes, 2 * parts * 32 * 4);
    assert_int_equal(conv->global[0], 2 * parts);
}

/* Two images of 3 channels in front: rows are gathered, and sums up to 27 * 128 * 255 are small. */
static void channels_first_is_gathered(void **state)
{
    (void)state;
    const weft_manifest *manifest = plan_lines(
        "cpu-avx2", "  input %x: u8[2x3x16x16]\n  const %w: i8[16x3x3x3] = #1\n"
                    "  %o = weft.QConv2D(%x, %w, %b16, %m16, %s16) {x_nchw=1, strides=[2, 2], "
                    "pads=[1, 1, 1, 1]}\n  output %o\n");
    const weft_launch *launch = launch_at(manifest, 0, 0);
    assert_kernel(manifest, launch, "weft_qconv", "qconv_i8_v8_6x16x2");
    assert_int_equal(weights_of(manifest, launch)->size_bytes, 28 * 16);
    assert_int_equal(launch->args[10].i & 128, 128); /* sums are small */
    assert_int_equal(launch->args[33].i, 1);
    static const int strides[] = {3 * 16 * 16, 16, 1, 16 * 16};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(launch->args[34 + i].i, strides[i]);
}

static void matrices_of_one_row_are_fetched_ahead(void **state)
{
    (void)state;
    const weft_manifest *manifest = plan_lines(
        "cpu-avx2", "  input %x: i8[1x10x10x32]\n  input %r: i8[1x1x1x8192]\n"
                    "  const %w: i8[32x1x1x32] = #1\n  const %v: i8[16x1x1x8192] = #2\n"
                    "  %o = weft.QConv2D(%x, %w, %b32, %m32, %s32)\n"
                    "  %p = weft.QConv2D(%r, %v, %b16, %m16, %s16)\n  output %o\n  output %p\n");
    const weft_launch *conv = launch_at(manifest, 0, 0), *row = launch_at(manifest, 1, 0);
    assert_int_equal(conv->args[8].kind, WEFT_ARG_BLOB);
    assert_int_equal(conv->args[8].index, row->args[1].index);
    assert_int_equal(conv->args[38].i, 16 * 8192 / 64);
    assert_int_equal(row->args[8].kind, WEFT_ARG_NULL);
}

static void a_row_beyond_local_memory_is_refused(void **state)
{
    (void)state;
    weft_graph *graph = NULL;
    weft_plan *plan = NULL;
    static char text[4096];
    snprintf(text, sizeof text, "graph \"q\" opset 20 {\n");
    add_channels(text, sizeof text, 16);
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used,
             "  input %%x: i8[1x1x1x90000]\n  const %%w: i8[16x1x1x90000] = #1\n"
             "  %%o = weft.QConv2D(%%x, %%w, %%b16, %%m16, %%s16)\n  output %%o\n}\n");
    assert_int_equal(weft_graph_parse(arena, text, strlen(text), &graph, diag), WEFT_OK);
    weft_target row;
    assert_int_equal(weft_target_find("cpu-generic", &row, diag), WEFT_OK);
    assert_int_equal(weft_plan_build(arena, &graph, 1, &row, 2, NULL, &plan, diag),
                     WEFT_UNSUPPORTED);
    assert_non_null(
        strstr(weft_diag_get(diag, 0)->fields[WEFT_DIAG_WHY], "more inputs than local memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(three_by_three_is_winograd_where_products_are_pairs,
                                        open_all, close_all),
        cmocka_unit_test_setup_teardown(large_sums_keep_winograd_away, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_mean_is_sums_and_a_launch, open_all, close_all),
        cmocka_unit_test_setup_teardown(channels_first_is_gathered, open_all, close_all),
        cmocka_unit_test_setup_teardown(matrices_of_one_row_are_fetched_ahead, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_row_beyond_local_memory_is_refused, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
