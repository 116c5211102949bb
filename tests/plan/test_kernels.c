/* SPDX-License-Identifier: Apache-2.0 */
/* How single operators become launches: several of them through scratch memory, merged dimensions,
 * tables, and the limits at which an operator is refused with a message. Graphs come from text;
 * nothing is executed. */
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

/* Plans `declarations` and one node that makes %o. */
static weft_status plan_node(const char *declarations, const char *node, weft_plan **out_plan)
{
    char text[2048];
    weft_graph *graph = NULL;
    int length =
        snprintf(text, sizeof text, "graph \"one\" opset 20 {\n%s  %%o = %s\n  output %%o\n}\n",
                 declarations, node);
    assert_true(length > 0 && (size_t)length < sizeof text);
    weft_status status = weft_graph_parse(arena, text, (size_t)length, &graph, diag);
    if (status != WEFT_OK) {
        char message[1024];
        weft_diag_format(weft_diag_get(diag, 0), message, sizeof message);
        fail_msg("the graph of the test is wrong: %s", message);
    }
    return weft_plan_build(arena, &graph, 1, weft_target_get(0), 2, NULL, out_plan, diag);
}

static const weft_step *planned_step(const char *declarations, const char *node,
                                     const weft_manifest **out_manifest)
{
    weft_plan *plan = NULL;
    assert_int_equal(plan_node(declarations, node, &plan), WEFT_OK);
    *out_manifest = &plan->manifest;
    assert_int_equal(plan->manifest.schedules[0].step_count, 1);
    return &plan->manifest.schedules[0].steps[0];
}

static void assert_kernel(const weft_manifest *manifest, const weft_launch *launch,
                          const char *name)
{
    assert_string_equal(manifest->programs[launch->program].kernels[launch->kernel], name);
}

static void assert_refused(const char *declarations, const char *node, const char *why)
{
    weft_plan *plan = NULL;
    size_t before = weft_diag_count(diag);
    assert_int_equal(plan_node(declarations, node, &plan), WEFT_UNSUPPORTED);
    assert_null(plan);
    const weft_diag_entry *entry = weft_diag_get(diag, before);
    assert_non_null(entry);
    assert_int_equal(entry->id, 301);
    assert_non_null(entry->fields[WEFT_DIAG_WHY]);
    if (strstr(entry->fields[WEFT_DIAG_WHY], why) == NULL)
        fail_msg("%s: why is \"%s\"", node, entry->fields[WEFT_DIAG_WHY]);
}

/* A mean over the first and third of three axes: third first, its sums in scratch memory that the
 * second launch reads. */
static void separate_axes_reduce_in_turns(void **state)
{
    (void)state;
    const weft_manifest *manifest = NULL;
    const weft_step *step = planned_step("  input %x: f32[2x3x5x7]\n  const %a: i64[2] = [0, 2]\n",
                                         "ReduceMean(%x, %a)", &manifest);
    assert_int_equal(step->launch_count, 2);
    const weft_arg *first = step->launches[0].args, *second = step->launches[1].args;
    assert_kernel(manifest, &step->launches[0], "weft_reduce");
    assert_int_equal(first[1].kind, WEFT_ARG_SCRATCH);
    assert_int_equal(second[0].kind, WEFT_ARG_SCRATCH);
    assert_int_equal(first[1].offset_bytes, second[0].offset_bytes);
    assert_int_equal(first[1].bytes, 2 * 3 * 7 * 4);
    assert_int_equal(manifest->schedules[0].arena_bytes, 256); /* once, aligned */
    assert_int_equal(first[4].i, 5);                           /* count, then inner */
    assert_int_equal(first[5].i, 7);
    assert_true(first[3].f == 1.0f);
    assert_int_equal(second[4].i, 2);
    assert_int_equal(second[5].i, 21);
    assert_true(second[3].f == (float)(1.0 / 10));
}

/* An empty list of axes: all of them, or with noop_with_empty_axes none, which is a copy. */
static void empty_axes_take_all_or_nothing(void **state)
{
    (void)state;
    const weft_manifest *manifest = NULL;
    static const char *const x = "  input %x: f32[2x3]\n  const %a: i64[0] = []\n";
    const weft_step *step = planned_step(x, "ReduceSum(%x, %a)", &manifest);
    assert_int_equal(step->launches[0].args[4].i, 6);
    step = planned_step(x, "ReduceSum(%x, %a) {noop_with_empty_axes=1}", &manifest);
    assert_int_equal(step->launch_count, 1);
    assert_int_equal(step->launches[0].args[4].i, 1);
    assert_int_equal(step->launches[0].args[5].i, 6);
}

/* Queries, keys and values inside one product; heads that share keys; a mask of each. */
static void attention_reads_heads_in_place(void **state)
{
    (void)state;
    const weft_manifest *manifest = NULL;
    const weft_step *step = planned_step(
        "  input %x: f32[2x70x48]\n  input %m: f32[2x4x70x70]\n",
        "weft.Attention(%x, %x, %x, _, %m) {heads=4, kv_heads=2, head_size=4, v_head_size=6, k_offset=16, "
        "k_step=8, v_offset=32, scale=0.5}",
        &manifest);
    assert_kernel(manifest, &step->launches[0], "weft_attention");
    const weft_arg *args = step->launches[0].args;
    static const int32_t wanted[] = {2, 70, 70, 4, 2, 4, 6};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        assert_int_equal(args[7 + i].i, wanted[i]);
    assert_true(args[14].f == 0.5f);
    static const int32_t places[] = {48, 0, 4, 48, 16, 8, 48, 32, 6, 4 * 70 * 70, 70 * 70};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        assert_int_equal(args[15 + i].i, places[i]);
    assert_int_equal(step->launches[0].global[0], 2 * 4 * args[27].i);
    assert_refused("  input %x: f32[1x2x20000]\n",
                   "weft.Attention(%x, %x, %x) {heads=1, head_size=20000, scale=1}",
                   "does not fit local memory");
}

/* One row and many rows of a product with normalised rows. */
static void rows_are_normalised_on_the_way(void **state)
{
    (void)state;
    const weft_manifest *manifest = NULL;
    const weft_step *step = planned_step("  input %x: f32[1x8]\n  const %w: f32[16x8] = #1\n",
                                         "weft.Linear(%x, %w) {norm_epsilon=0.25}", &manifest);
    assert_kernel(manifest, &step->launches[0], "weft_linear");
    assert_int_equal(step->launches[0].args[15].i, 64);
    assert_true(step->launches[0].args[16].f == 0.25f);
    step = planned_step("  input %x: f32[1x9x8]\n  const %w: f32[16x8] = #1\n",
                        "weft.Linear(%x, %w) {norm_epsilon=0.25, act=\"gelu\"}", &manifest);
    assert_kernel(manifest, &step->launches[0], "weft_conv");
    const weft_arg *args = step->launches[0].args;
    assert_int_equal(args[7].kind, WEFT_ARG_SCRATCH);
    assert_true(args[7].bytes >= 9 * 8 * 4);
    assert_int_equal(args[9].i, 8);  /* act: gelu */
    assert_int_equal(args[33].i, 3); /* gather */
    assert_true(args[40].f == 0.25f);
}

static void elements_of_other_sizes_are_moved(void **state)
{
    (void)state;
    const weft_manifest *manifest = NULL;
    const weft_step *step = planned_step("  input %x: i64[3x5]\n", "Transpose(%x)", &manifest);
    assert_kernel(manifest, &step->launches[0], "weft_copy");
    const weft_arg *args = step->launches[0].args;
    assert_int_equal(args[10].i, 2);  /* d7: an element is two words */
    assert_int_equal(args[17].i, 10); /* x6: from row to row of x */
    assert_int_equal(args[18].i, 1);
    step = planned_step("  input %x: u8[3x5]\n", "Transpose(%x)", &manifest);
    assert_kernel(manifest, &step->launches[0], "weft_copy_bytes");
    assert_int_equal(step->launches[0].args[18].i, 5);
    step = planned_step("  input %x: u8[3x5]\n  const %i: i64[1] = [1]\n", "Gather(%x, %i)",
                        &manifest);
    assert_kernel(manifest, &step->launches[0], "weft_gather_bytes");
    assert_int_equal(step->launches[0].args[5].i, 5); /* inner, in bytes */
    step = planned_step(
        "  input %x: i8[3x5]\n  const %p: i64[4] = [1, 0, 0, 0]\n  const %v: i8[] = -7\n",
        "Pad(%x, %p, %v)", &manifest);
    assert_int_equal(step->launch_count, 2);
    assert_kernel(manifest, &step->launches[0], "weft_fill_bytes");
    assert_int_equal(step->launches[0].args[1].i, -7);
    assert_kernel(manifest, &step->launches[1], "weft_copy_bytes");
}

/* Eight axes of which every one repeats: 16 dimensions become 8 where the tensor allows it and are
 * refused where not. */
static void tiles_merge_dimensions(void **state)
{
    (void)state;
    const weft_manifest *manifest = NULL;
    const weft_step *step = planned_step(
        "  input %x: f32[1x1x1x1x1x2x3x4]\n  const %r: i64[8] = [2, 2, 2, 2, 2, 1, 1, 3]\n",
        "Tile(%x, %r)", &manifest);
    assert_kernel(manifest, &step->launches[0], "weft_copy");
    assert_int_equal(step->launch_count, 1);
    assert_refused(
        "  input %x: f32[2x2x2x2x2x2x2x2]\n  const %r: i64[8] = [2, 2, 2, 2, 2, 2, 2, 2]\n",
        "Tile(%x, %r)", "more than 8 separate dimensions");
}

/* Indices that count from the end are made positive; tables are blobs. */
static void indices_become_a_table(void **state)
{
    (void)state;
    weft_plan *plan = NULL;
    static const char *const x = "  input %x: f32[4x5]\n  const %i: i64[3] = [-1, 0, 2]\n";
    assert_int_equal(plan_node(x, "Gather(%x, %i) {axis=1}", &plan), WEFT_OK);
    const weft_launch *launch = &plan->manifest.schedules[0].steps[0].launches[0];
    assert_kernel(&plan->manifest, launch, "weft_gather");
    assert_int_equal(launch->args[1].kind, WEFT_ARG_BLOB);
    const weft_blob *blob = &plan->manifest.blobs[launch->args[1].index];
    int32_t table[3] = {0};
    assert_int_equal(blob->size_bytes, sizeof table);
    assert_int_equal(weft_plan_blob_bytes(plan, (size_t)launch->args[1].index, table), WEFT_OK);
    assert_int_equal(table[0], 4);
    assert_int_equal(table[1], 0);
    assert_int_equal(table[2], 2);
    assert_refused("  input %x: f32[4x5]\n  input %i: i64[3]\n", "Gather(%x, %i)",
                   "computed at run time");
    assert_refused("  input %x: f32[4x5]\n  const %i: i64[1] = [4]\n", "Gather(%x, %i)",
                   "outside the axis");
}

/* Two axes change: two launches through scratch memory; nothing changes: a copy. */
static void resizing_goes_axis_by_axis(void **state)
{
    (void)state;
    const weft_manifest *manifest = NULL;
    const weft_step *step =
        planned_step("  input %x: f32[1x2x3x3]\n  const %s: f32[4] = [1, 1, 2, 3]\n",
                     "Resize(%x, _, %s) {mode=\"linear\"}", &manifest);
    assert_int_equal(step->launch_count, 2);
    assert_kernel(manifest, &step->launches[1], "weft_resample");
    assert_int_equal(step->launches[0].args[3].kind, WEFT_ARG_SCRATCH);
    assert_int_equal(step->launches[0].args[3].bytes, 2 * 6 * 3 * 4);
    assert_int_equal(step->launches[0].args[3].offset_bytes,
                     step->launches[1].args[0].offset_bytes);
    step = planned_step("  input %x: f32[1x2x3x3]\n  const %s: f32[4] = [1, 1, 1, 1]\n",
                        "Resize(%x, _, %s)", &manifest);
    assert_int_equal(step->launch_count, 1);
    assert_kernel(manifest, &step->launches[0], "weft_copy");
    assert_refused(
        "  input %x: f32[1x1x3x3]\n  const %r: f32[8] = [0, 0, 0, 0, 1, 1, 2, 2]\n"
        "  const %s: f32[4] = [1, 1, 2, 2]\n",
        "Resize(%x, %r, %s) {mode=\"linear\", coordinate_transformation_mode=\"tf_crop_and_resize\"}",
        "extrapolation value");
}

static void batches_broadcast_by_strides(void **state)
{
    (void)state;
    const weft_manifest *manifest = NULL;
    const weft_step *step = planned_step("  input %x: f32[2x3x4x5]\n  input %y: f32[3x5x6]\n",
                                         "MatMul(%x, %y)", &manifest);
    assert_kernel(manifest, &step->launches[0], "weft_matmul");
    const weft_arg *args = step->launches[0].args;
    static const int32_t wanted[] = {4, 5, 6, 5, 1, 6, 1, 1, 2, 3, 0, 0, 60, 20, 0, 0, 0, 30};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_int_equal(args[3 + i].i, wanted[i]);
    assert_refused("  input %x: f32[2x1x2x1x2x1x2x3]\n  input %y: f32[1x2x1x2x1x2x3x2]\n",
                   "MatMul(%x, %y)", "more than 4 separate groups");
}

static void bounds_that_are_not_given_are_infinite(void **state)
{
    (void)state;
    const weft_manifest *manifest = NULL;
    const weft_step *step =
        planned_step("  input %x: f32[4]\n  const %a: f32[] = [1]\n", "Clip(%x, %a)", &manifest);
    assert_true(step->launches[0].args[3].f == 1.0f);
    assert_true(step->launches[0].args[4].f >
                3.4028235e38f); /* an infinite element stays infinite */
}

static void fills_are_for_floats_and_bytes(void **state)
{
    (void)state;
    static const char *const x =
        "  input %x: i32[4]\n  const %p: i64[2] = [1, 1]\n  const %v: i32[] = [7]\n";
    const weft_manifest *manifest = NULL;
    assert_refused(x, "Pad(%x, %p, %v)", "f32 and 8 bits only");
    assert_int_equal(planned_step(x, "Pad(%x, %p)", &manifest)->launch_count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(separate_axes_reduce_in_turns, open_all, close_all),
        cmocka_unit_test_setup_teardown(empty_axes_take_all_or_nothing, open_all, close_all),
        cmocka_unit_test_setup_teardown(attention_reads_heads_in_place, open_all, close_all),
        cmocka_unit_test_setup_teardown(rows_are_normalised_on_the_way, open_all, close_all),
        cmocka_unit_test_setup_teardown(elements_of_other_sizes_are_moved, open_all, close_all),
        cmocka_unit_test_setup_teardown(tiles_merge_dimensions, open_all, close_all),
        cmocka_unit_test_setup_teardown(indices_become_a_table, open_all, close_all),
        cmocka_unit_test_setup_teardown(resizing_goes_axis_by_axis, open_all, close_all),
        cmocka_unit_test_setup_teardown(batches_broadcast_by_strides, open_all, close_all),
        cmocka_unit_test_setup_teardown(bounds_that_are_not_given_are_infinite, open_all,
                                        close_all),
        cmocka_unit_test_setup_teardown(fills_are_for_floats_and_bytes, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
