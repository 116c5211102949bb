/* SPDX-License-Identifier: Apache-2.0 */
/* The planner's promises: memory, order, blocks, blobs. Graphs come from text; nothing is executed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/plan/plan.h"
#include "kernels/cpu/tile_rule.h"

/* Two bottlenecks with squeeze-excite, a pooled shortcut, a branch that is concatenated, padding
 * and a head: every kind of launch. */
static const char network[] =
    "graph \"net\" opset 17 {\n"
    "  input %x: f32[2x3x33x33]\n"
    "  const %w0: f32[32x3x3x3] = #1\n  const %b0: f32[32] = #2\n"
    "  const %w1: f32[48x3x3x32] = #3\n  const %w2: f32[64x1x1x48] = #4\n"
    "  const %f1: f32[16x64] = #5\n  const %f2: f32[64x16] = #6\n"
    "  const %ws: f32[64x1x1x32] = #7\n  const %wd: f32[64x3x3x1] = #8\n"
    "  const %wl: f32[10x96] = #9\n  const %wp: f32[96x1x1x96] = #a\n"
    "  const %w3: f32[64x3x3x64] = #b\n"
    "  const %axes: i64[2] = [1, 2]\n"
    "  const %pads: i64[8] = [0, 1, 1, 0, 0, 1, 1, 0]\n  const %zero: f32[] = [0]\n"
    "  const %flat: i64[2] = [2, 96]\n"
    "  %a = weft.Conv2D(%x, %w0, %b0) {strides=[2, 2], pads=[1, 1, 1, 1], x_nchw=1, act=\"relu\"}\n"
    "  %b = weft.Conv2D(%a, %w1) {pads=[1, 1, 1, 1], act=\"relu\"}\n"
    "  %t, %m = weft.Conv2D(%b, %w2)\n"
    "  %h = weft.Linear(%m, %f1) {act=\"relu\"}\n"
    "  %s = weft.Conv2D(%a, %ws)\n"
    "  %y = weft.Gate(%h, %f2, _, %t, %s) {act=\"relu\"}\n"
    "  %d = weft.Conv2D(%y, %wd) {pads=[1, 1, 1, 1], group=64}\n"
    "  %p = Pad(%d, %pads, %zero)\n"
    "  %q = weft.Pool2D(%p) {mode=\"max\", kernel_shape=[3, 3], strides=[1, 1]}\n"
    "  %sig = Sigmoid(%s)\n"
    "  %r = weft.Conv2D(%q, %w3) {pads=[1, 1, 1, 1]}\n"
    "  %c0 = Mul(%r, %sig)\n"
    "  %c = Concat(%c0, %a) {axis=3}\n"
    "  %e = weft.Conv2D(%c, %wp) {pool=1, act=\"relu\"}\n"
    "  %g = ReduceMean(%e, %axes) {keepdims=1}\n"
    "  %v = Reshape(%g, %flat)\n"
    "  %l = weft.Linear(%v, %wl)\n"
    "  output %l\n"
    "  output %g\n"
    "}\n";

static weft_graph *parse(weft_arena *arena, const char *source)
{
    weft_diag *diag = NULL;
    weft_graph *graph = NULL;
    weft_diag_create(&diag);
    weft_status status = weft_graph_parse(arena, source, strlen(source), &graph, diag);
    for (size_t i = 0; i < weft_diag_count(diag); i++) {
        char text[1024];
        weft_diag_format(weft_diag_get(diag, i), text, sizeof text);
        print_message("%s", text);
    }
    weft_diag_destroy(diag);
    assert_int_equal(status, WEFT_OK);
    return graph;
}

static weft_plan *plan_of(weft_arena *arena, const char *source, const char *target_name,
                          int threads)
{
    weft_target target;
    assert_int_equal(weft_target_find(target_name, &target, NULL), WEFT_OK);
    weft_graph *graph = parse(arena, source);
    weft_plan *plan = NULL;
    assert_int_equal(weft_plan_build(arena, &graph, 1, &target, threads, NULL, &plan, NULL),
                     WEFT_OK);
    return plan;
}

static weft_plan *plan_for(weft_arena *arena, const char *target_name, int threads)
{
    return plan_of(arena, network, target_name, threads);
}

/* Bytes of the arena that a value or a scratch argument takes while steps first..last run. */
typedef struct region {
    uint64_t begin, end;
    int32_t first, last;
} region;

static size_t regions_of(const weft_schedule *schedule, region *list)
{
    size_t count = 0;
    for (size_t i = 0; i < schedule->value_count; i++) {
        const weft_schedule_value *value = &schedule->values[i];
        if (value->place == WEFT_PLACE_ARENA)
            list[count++] = (region){value->offset_bytes, value->offset_bytes + value->size_bytes,
                                     value->first_step, value->last_step};
    }
    for (size_t s = 0; s < schedule->step_count; s++)
        for (size_t k = 0; k < schedule->steps[s].launch_count; k++)
            for (size_t a = 0; a < schedule->steps[s].launches[k].arg_count; a++) {
                const weft_arg *arg = &schedule->steps[s].launches[k].args[a];
                if (arg->kind == WEFT_ARG_SCRATCH)
                    list[count++] = (region){arg->offset_bytes, arg->offset_bytes + arg->bytes,
                                             (int32_t)s, (int32_t)s};
            }
    return count;
}

static void test_memory_never_overlaps_in_time(void **state)
{
    (void)state;
    for (size_t t = 0; t < weft_target_count(); t++) {
        weft_arena *arena = weft_arena_create();
        const weft_schedule *schedule =
            &plan_for(arena, weft_target_get(t)->name, 2)->manifest.schedules[0];
        region list[256];
        size_t count = regions_of(schedule, list);
        assert_true(count > 10);
        for (size_t i = 0; i < count; i++) {
            assert_true(list[i].begin % WEFT_STORAGE_ALIGN == 0);
            assert_true(list[i].end <= schedule->arena_bytes);
            for (size_t j = 0; j < i; j++) {
                bool same_time = list[i].first <= list[j].last && list[j].first <= list[i].last;
                bool same_place = list[i].begin < list[j].end && list[j].begin < list[i].end;
                assert_false(same_time && same_place);
            }
        }
        assert_true(schedule->arena_bytes < schedule->arena_unshared_bytes);
        weft_arena_destroy(arena);
    }
}

/* Whatever order the deps allow, nobody reads storage that a later step has overwritten: every pair
 * of steps that touch the same bytes, one writing, must be ordered by the transitive closure of
 * deps. */
static void test_dependencies_order_every_conflict(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    const weft_schedule *schedule = &plan_for(arena, "cpu-avx2", 2)->manifest.schedules[0];
    size_t n = schedule->step_count;
    bool *before = calloc(n * n, sizeof *before);
    assert_non_null(before);
    for (size_t s = 0; s < n; s++)
        for (size_t d = 0; d < schedule->steps[s].dep_count; d++) {
            size_t t = (size_t)schedule->steps[s].deps[d];
            assert_true(t < s);
            before[t * n + s] = true;
            for (size_t r = 0; r < n; r++)
                before[r * n + s] = before[r * n + s] || before[r * n + t];
        }
    for (size_t s = 0; s < n; s++)
        for (size_t i = 0; i < schedule->steps[s].output_count; i++) {
            int32_t index = schedule->steps[s].outputs[i];
            const weft_schedule_value *made = &schedule->values[index];
            if (made->place != WEFT_PLACE_ARENA)
                continue;
            for (size_t t = 0; t < n; t++)
                for (size_t k = 0; k < schedule->steps[t].input_count; k++) {
                    int32_t other = schedule->steps[t].inputs[k];
                    if (other >= 0 && schedule->values[other].alias_of >= 0)
                        other = schedule->values[other].alias_of;
                    if (other < 0 || schedule->values[other].place != WEFT_PLACE_ARENA || t == s)
                        continue;
                    const weft_schedule_value *read = &schedule->values[other];
                    if (made->offset_bytes < read->offset_bytes + read->size_bytes &&
                        read->offset_bytes < made->offset_bytes + made->size_bytes)
                        assert_true(before[(t < s ? t : s) * n + (t < s ? s : t)]);
                }
        }
    free(before);
    weft_arena_destroy(arena);
}

static void test_same_graph_same_plan(void **state)
{
    (void)state;
    weft_arena *one = weft_arena_create(), *two = weft_arena_create();
    weft_plan *a = plan_for(one, "cpu-avx512", 2), *b = plan_for(two, "cpu-avx512", 2);
    assert_string_equal(weft_plan_json(a, one), weft_plan_json(b, two));
    assert_int_equal(a->manifest.program_count, b->manifest.program_count);
    for (size_t i = 0; i < a->manifest.program_count; i++)
        assert_string_equal(a->manifest.programs[i].source, b->manifest.programs[i].source);
    weft_arena_destroy(one);
    weft_arena_destroy(two);
}

static const weft_schedule_value *value_named(const weft_schedule *schedule, const char *name)
{
    for (size_t i = 0; i < schedule->value_count; i++)
        if (strcmp(schedule->values[i].name, name) == 0)
            return &schedule->values[i];
    fail_msg("no value %s", name);
    return NULL;
}

static void test_outputs_own_their_storage(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    const weft_schedule *schedule = &plan_for(arena, "cpu-avx2", 2)->manifest.schedules[0];
    assert_int_equal(schedule->output_count, 2);
    for (size_t i = 0; i < schedule->output_count; i++)
        assert_int_equal(schedule->values[schedule->outputs[i]].place, WEFT_PLACE_OUTPUT);
    assert_string_equal(schedule->values[schedule->outputs[0]].name, "l");
    assert_string_equal(schedule->values[schedule->outputs[1]].name, "g");
    /* v is g seen flat. */
    assert_int_equal(value_named(schedule, "v")->place, WEFT_PLACE_ALIAS);
    assert_int_equal(value_named(schedule, "v")->alias_of, schedule->outputs[1]);
    weft_arena_destroy(arena);
}

/* What lies first in one image's tokens is read where it lies; other cuts are copied, and so is
 * what is an output. */
static void test_fronts_are_aliases(void **state)
{
    (void)state;
    static const char tokens[] =
        "graph \"tokens\" opset 20 {\n"
        "  input %x: f32[1x5x8]\n  input %z: f32[2x5x8]\n"
        "  const %n0: i64[1] = 0\n  const %n1: i64[1] = 1\n  const %n2: i64[1] = 2\n"
        "  const %n5: i64[1] = 5\n  const %first: i64[] = 0\n  const %second: i64[] = 1\n"
        "  %r = Relu(%x)\n  %s = Relu(%z)\n"
        "  %front = Slice(%r, %n0, %n2, %n1)\n  %row = Gather(%r, %first) {axis=1}\n"
        "  %back = Slice(%r, %n1, %n5, %n1)\n  %other = Gather(%r, %second) {axis=1}\n"
        "  %columns = Slice(%r, %n0, %n5, %n2)\n  %images = Slice(%s, %n0, %n2, %n1)\n"
        "  %a = Neg(%front)\n  %b = Neg(%row)\n  %c = Neg(%back)\n  %d = Neg(%other)\n"
        "  %e = Neg(%columns)\n  %f = Neg(%images)\n  %g = Slice(%s, %n0, %n1, %n0)\n"
        "  output %a\n  output %b\n  output %c\n  output %d\n  output %e\n  output %f\n"
        "  output %g\n"
        "}\n";
    weft_arena *arena = weft_arena_create();
    const weft_plan *plan = plan_of(arena, tokens, "cpu-avx2", 2);
    const weft_schedule *schedule = &plan->manifest.schedules[0];
    const weft_schedule_value *whole = value_named(schedule, "r");
    static const char *const fronts[] = {"front", "row"}, *const copies[] = {"back", "other",
                                                                             "columns", "images"};
    for (size_t i = 0; i < sizeof fronts / sizeof fronts[0]; i++) {
        const weft_schedule_value *value = value_named(schedule, fronts[i]);
        assert_int_equal(value->place, WEFT_PLACE_ALIAS);
        assert_ptr_equal(&schedule->values[value->alias_of], whole);
        assert_true(value->size_bytes < whole->size_bytes);
    }
    for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++)
        assert_int_equal(value_named(schedule, copies[i])->place, WEFT_PLACE_ARENA);
    assert_int_equal(value_named(schedule, "g")->place, WEFT_PLACE_OUTPUT);
    weft_arena_destroy(arena);
}

static void test_mean_stays_as_sums_only_for_linear_readers(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    const weft_schedule *schedule = &plan_for(arena, "cpu-avx2", 2)->manifest.schedules[0];
    const weft_schedule_value *mean = value_named(schedule, "m");
    assert_true(mean->partial_blocks > 0);
    assert_int_equal(mean->partial_count, 17 * 17);
    assert_int_equal(mean->size_bytes, (uint64_t)(2 * mean->partial_blocks * 64 * 4));
    assert_int_equal(value_named(schedule, "g")->partial_blocks, 0);
    weft_arena_destroy(arena);
}

static void test_every_blob_can_be_made(void **state)
{
    (void)state;
    for (size_t t = 0; t < weft_target_count(); t++) {
        weft_arena *arena = weft_arena_create();
        weft_plan *plan = plan_for(arena, weft_target_get(t)->name, 2);
        uint64_t end = 0;
        for (size_t i = 0; i < plan->manifest.blob_count; i++) {
            const weft_blob *blob = &plan->manifest.blobs[i];
            assert_true(blob->offset_bytes % WEFT_STORAGE_ALIGN == 0);
            assert_true(blob->offset_bytes >= end);
            end = blob->offset_bytes + blob->size_bytes;
            unsigned char *bytes = malloc(blob->size_bytes + 1);
            assert_non_null(bytes);
            bytes[blob->size_bytes] = 0xa5;
            assert_int_equal(weft_plan_blob_bytes(plan, i, bytes), WEFT_OK);
            assert_int_equal(bytes[blob->size_bytes], 0xa5);
            free(bytes);
        }
        weft_arena_destroy(arena);
    }
}

/* The writer streams plain constants in the order of values: each one's place follows the last, or
 * was given before. */
static void test_plain_constants_ascend_with_values(void **state)
{
    (void)state;
    for (size_t t = 0; t < weft_target_count(); t++) {
        weft_arena *arena = weft_arena_create();
        const weft_schedule *schedule =
            &plan_for(arena, weft_target_get(t)->name, 2)->manifest.schedules[0];
        uint64_t end = 0;
        size_t transformed = 0;
        for (size_t i = 0; i < schedule->value_count; i++) {
            const weft_schedule_value *value = &schedule->values[i];
            if (!value->has_plain)
                continue;
            assert_true(value->offset_bytes >= end);
            end = value->offset_bytes + value->size_bytes;
            transformed += value->shape.rank == 4 ? 1 : 0;
        }
        assert_int_equal(transformed, 2);
        weft_arena_destroy(arena);
    }
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* Any shape, target and thread count: blocks are positive, within the kernels' bounds, and the
 * local memory is what the device has. */
static void test_choices_stay_in_bounds(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (int i = 0; i < 2000; i++) {
        const weft_target *target = weft_target_get(next_random(&seed) % weft_target_count());
        int threads = 1 + (int)(next_random(&seed) % 16);
        struct weft_cpu_device device = {.vector_width = target->vector_floats,
                                         .threads = threads,
                                         .l1_bytes = (size_t)target->l1_bytes,
                                         .l2_bytes = (size_t)target->l2_bytes,
                                         .local_bytes = (size_t)target->local_bytes,
                                         .peak_flops = target->peak_gflops * 1e9 * threads,
                                         .memory_bytes_per_s = target->memory_gbytes * 1e9};
        int kernel = 1 + (int)(next_random(&seed) % 4), stride = 1 + (int)(next_random(&seed) % 2);
        int side = 1 + (int)(next_random(&seed) % 200);
        struct weft_cpu_conv_shape shape = {.n = 1 + (int)(next_random(&seed) % 4),
                                            .ic = 1 + (int)(next_random(&seed) % 3000),
                                            .oh = side,
                                            .ow = side,
                                            .oc = 1 + (int)(next_random(&seed) % 3000),
                                            .kh = kernel,
                                            .kw = kernel,
                                            .sh = stride,
                                            .sw = stride,
                                            .dh = 1,
                                            .dw = 1,
                                            .groups = 1,
                                            .has_sums = next_random(&seed) % 2 != 0,
                                            .is_gathered = next_random(&seed) % 8 == 0};
        struct weft_cpu_conv_plan plan;
        weft_cpu_conv_choose(&device, &shape, &plan);
        int panels = (shape.oc + 2 * target->vector_floats - 1) / (2 * target->vector_floats);
        assert_true(plan.pg >= 1 && plan.pg <= panels);
        assert_int_equal(plan.groups, (panels + plan.pg - 1) / plan.pg);
        assert_true(plan.expected_s > 0.0);
        if (plan.method == WEFT_CPU_DIRECT) {
            assert_true(plan.mb >= 1 && plan.mb <= 128);
            assert_true(plan.blocks * plan.mb >= plan.seg_rows);
            assert_true(plan.tc >= 1 && plan.kc >= 1);
        } else {
            assert_true(kernel == 3 && stride == 1 && !shape.is_gathered);
            assert_true(plan.t_block >= 1);
            assert_true(plan.local_bytes <= device.local_bytes);
        }
    }
}

static void test_unknown_target_lists_the_known(void **state)
{
    (void)state;
    weft_diag *diag = NULL;
    weft_target target;
    weft_diag_create(&diag);
    assert_int_equal(weft_target_find("cpu-avx3", &target, diag), WEFT_USAGE);
    assert_non_null(strstr(weft_diag_get(diag, 0)->fields[WEFT_DIAG_EXPECTED], "cpu-avx512"));
    weft_diag_destroy(diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_never_overlaps_in_time),
        cmocka_unit_test(test_dependencies_order_every_conflict),
        cmocka_unit_test(test_same_graph_same_plan),
        cmocka_unit_test(test_outputs_own_their_storage),
        cmocka_unit_test(test_fronts_are_aliases),
        cmocka_unit_test(test_mean_stays_as_sums_only_for_linear_readers),
        cmocka_unit_test(test_every_blob_can_be_made),
        cmocka_unit_test(test_plain_constants_ascend_with_values),
        cmocka_unit_test(test_choices_stay_in_bounds),
        cmocka_unit_test(test_unknown_target_lists_the_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
