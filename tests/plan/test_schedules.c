/* SPDX-License-Identifier: Apache-2.0 */
/* Several schedules over one set of weights: nothing is stored twice, and never more than the
 * schedule with the largest constants needs alone. Graphs come from text; nothing is executed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xxhash.h>

#include "compiler/plan/plan.h"

/* Convolutions whose best method depends on the size of the image, one of them twice with the same
 * weights, and a table of positions that every size has for itself. */
static const char network[] =
    "graph \"net\" opset 17 {\n"
    "  input %%x: f32[1x%d0x%d0x64]\n"
    "  const %%w0: f32[64x3x3x64] = #1\n  const %%w1: f32[128x3x3x64] = #2\n"
    "  const %%w2: f32[128x3x3x128] = #3\n  const %%b: f32[128] = #4\n"
    "  const %%w3: f32[256x1x1x128] = #5\n  const %%p: f32[1x%dx%dx128] = #6\n"
    "  %%a = weft.Conv2D(%%x, %%w0) {pads=[1, 1, 1, 1], act=\"relu\"}\n"
    "  %%b0 = weft.Conv2D(%%a, %%w0) {pads=[1, 1, 1, 1], act=\"relu\"}\n"
    "  %%c = weft.Conv2D(%%b0, %%w1) {strides=[10, 10], pads=[1, 1, 1, 1]}\n"
    "  %%d = Add(%%c, %%p)\n"
    "  %%e = weft.Conv2D(%%d, %%w2, %%b) {pads=[1, 1, 1, 1], act=\"relu\"}\n"
    "  %%f = weft.Conv2D(%%e, %%w3)\n"
    "  output %%f\n"
    "}\n";

static weft_graph *graph_of(weft_arena *arena, int size)
{
    weft_graph *graph = NULL;
    char text[2048];
    int length = snprintf(text, sizeof text, network, size, size, size, size);
    assert_true(length > 0 && (size_t)length < sizeof text);
    assert_int_equal(weft_graph_parse(arena, text, (size_t)length, &graph, NULL), WEFT_OK);
    return graph;
}

static weft_plan *plan_of(weft_arena *arena, const char *target_name, const int *sizes,
                          size_t count)
{
    weft_target target;
    weft_plan *plan = NULL;
    assert_int_equal(weft_target_find(target_name, &target, NULL), WEFT_OK);
    weft_graph **graphs = WEFT_NEW_ARRAY(arena, weft_graph *, count);
    for (size_t i = 0; i < count; i++)
        graphs[i] = graph_of(arena, sizes[i]);
    assert_int_equal(weft_plan_build(arena, graphs, count, &target, 2, NULL, &plan, NULL), WEFT_OK);
    assert_int_equal(plan->manifest.schedule_count, count);
    return plan;
}

/* Bytes of both sections, without what lies between. */
static uint64_t constant_bytes(const weft_plan *plan)
{
    const weft_manifest *manifest = &plan->manifest;
    uint64_t bytes = 0, plain_end = 0;
    for (size_t i = 0; i < manifest->blob_count; i++)
        bytes += manifest->blobs[i].size_bytes;
    for (size_t s = 0; s < manifest->schedule_count; s++)
        for (size_t i = 0; i < manifest->schedules[s].value_count; i++) {
            const weft_schedule_value *value = &manifest->schedules[s].values[i];
            if (value->has_plain && value->offset_bytes >= plain_end) {
                bytes += value->size_bytes;
                plain_end = value->offset_bytes + value->size_bytes;
            }
        }
    return bytes;
}

static uint64_t position_bytes(const int *sizes, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += (uint64_t)sizes[i] * (uint64_t)sizes[i] * 128 * sizeof(float);
    return bytes;
}

static const int sizes[] = {1, 2, 4, 6, 9, 16};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void several_schedules_store_no_more_than_the_largest(void **state)
{
    (void)state;
    for (size_t t = 0; t < weft_target_count(); t++) {
        weft_arena *arena = weft_arena_create();
        const char *target = weft_target_get(t)->name;
        uint64_t largest = 0;
        for (size_t i = 0; i < SIZES; i++) {
            uint64_t bytes =
                constant_bytes(plan_of(arena, target, &sizes[i], 1)) - position_bytes(&sizes[i], 1);
            largest = bytes > largest ? bytes : largest;
        }
        uint64_t together =
            constant_bytes(plan_of(arena, target, sizes, SIZES)) - position_bytes(sizes, SIZES);
        /* Forms differ in how their rows are padded and in a vector of zeros. */
        assert_true(together <= largest + 4096);
        weft_arena_destroy(arena);
    }
}

static void no_content_is_stored_twice(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    weft_plan *plan = plan_of(arena, "cpu-avx2", sizes, SIZES);
    const weft_manifest *manifest = &plan->manifest;
    uint64_t *hashes = WEFT_NEW_ARRAY(arena, uint64_t, manifest->blob_count);
    for (size_t i = 0; i < manifest->blob_count; i++) {
        size_t bytes = (size_t)manifest->blobs[i].size_bytes;
        void *data = malloc(bytes);
        assert_non_null(data);
        assert_int_equal(weft_plan_blob_bytes(plan, i, data), WEFT_OK);
        hashes[i] = XXH3_64bits(data, bytes);
        free(data);
        for (size_t k = 0; k < i; k++)
            assert_false(hashes[k] == hashes[i] &&
                         manifest->blobs[k].size_bytes == manifest->blobs[i].size_bytes);
    }
    weft_arena_destroy(arena);
}

/* The reference backend reads every constant of every schedule. */
static void every_constant_can_be_got_back(void **state)
{
    (void)state;
    for (size_t t = 0; t < weft_target_count(); t++) {
        weft_arena *arena = weft_arena_create();
        const weft_manifest *manifest =
            &plan_of(arena, weft_target_get(t)->name, sizes, SIZES)->manifest;
        for (size_t s = 0; s < manifest->schedule_count; s++)
            for (size_t i = 0; i < manifest->schedules[s].value_count; i++) {
                const weft_schedule_value *value = &manifest->schedules[s].values[i];
                if (value->place != WEFT_PLACE_CONSTANT || value->has_plain)
                    continue;
                assert_true(value->blob >= 0 && (size_t)value->blob < manifest->blob_count);
                weft_packing packing = manifest->blobs[value->blob].packing;
                assert_true(packing == WEFT_PACK_PLAIN || packing == WEFT_PACK_PANEL);
            }
        weft_arena_destroy(arena);
    }
}

static void the_order_of_schedules_is_the_callers(void **state)
{
    (void)state;
    static const int up[] = {2, 9}, down[] = {9, 2};
    weft_arena *arena = weft_arena_create();
    weft_plan *a = plan_of(arena, "cpu-avx512", up, 2), *b = plan_of(arena, "cpu-avx512", down, 2);
    assert_true(constant_bytes(a) == constant_bytes(b));
    for (size_t s = 0; s < 2; s++) {
        const weft_schedule *x = &a->manifest.schedules[s], *y = &b->manifest.schedules[1 - s];
        assert_int_equal(x->values[x->inputs[0]].shape.dims[1], up[s] * 10);
        assert_int_equal(x->step_count, y->step_count);
        for (size_t i = 0; i < x->step_count; i++)
            assert_string_equal(x->steps[i].launches[0].tile, y->steps[i].launches[0].tile);
    }
    weft_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_schedules_store_no_more_than_the_largest),
        cmocka_unit_test(no_content_is_stored_twice),
        cmocka_unit_test(every_constant_can_be_got_back),
        cmocka_unit_test(the_order_of_schedules_is_the_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
