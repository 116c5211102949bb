/* SPDX-License-Identifier: Apache-2.0 */
/* Random quantised graphs: what the pass lower-quantized makes computes the model's codes, one step
 * off at most where a result lies between two; no pass after it changes a bit; level 0 and level 1
 * give the same bits; nothing stays in float that has a form, and the reason is known for the rest.
 * Must not know how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "compiler/base/file.h"
#include "compiler/passes/passes.h"
#include "tests/passes/quantised_graph.h"
#include "tests/passes/run.h"

/* A few seconds. WEFT_TEST_GRAPHS asks for more, WEFT_TEST_SEED for one seed only. */
enum { DEFAULT_GRAPHS = 300, LAYERS = 9, SINGLE_LAYERS = 2000 };

/* Of all elements of single layers. Averages of few codes often lie halfway between two, where f32
 * arithmetic rounds at random; multipliers of 22 bits do the rest. */
#define MOST_DIFFERENT 0.01

static uint64_t number_of(const char *variable, uint64_t fallback)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : fallback;
}

typedef struct fixture {
    weft_diag *diag;
    weft_arena *arena;
    build b;
} fixture;

static fixture open_fixture(uint64_t seed, size_t layers)
{
    fixture f = {NULL, weft_arena_create(), {0}};
    assert_int_equal(weft_diag_create(&f.diag), WEFT_OK);
    assert_non_null(f.arena);
    if (WEFT_ARENA_TRY(f.arena))
        fail_msg("out of memory");
    f.b = (build){weft_graph_create(f.arena, "quantised"), f.diag, seed};
    quantised_graph_build(&f.b, layers);
    build_check(weft_graph_verify(f.b.graph, "building", f.diag), f.diag);
    return f;
}

static void close_fixture(fixture *f)
{
    weft_arena_destroy(f->arena);
    weft_diag_destroy(f->diag);
}

static void show(const weft_graph *graph)
{
    weft_text text;
    weft_text_init(&text, graph->arena);
    weft_graph_print(graph, false, &text);
    print_error("%s", text.data);
}

static void check_same(const fixture *f, const run_result *a, const run_result *b, uint64_t seed,
                       const char *what)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        size_t bytes = 0;
        assert_string_equal(a->names[i], b->names[i]);
        assert_int_equal(a->outputs[i].dtype, b->outputs[i].dtype);
        assert_true(weft_shape_equal(&a->outputs[i].shape, &b->outputs[i].shape));
        assert_true(weft_shape_bytes(&a->outputs[i].shape, a->outputs[i].dtype, &bytes));
        if (memcmp(a->outputs[i].data, b->outputs[i].data, bytes) != 0) {
            show(f->b.graph);
            fail_msg("seed %d: %s changes bits of %s", (int)seed, what, a->names[i]);
        }
    }
}

static void check_nothing_in_float(const fixture *f, uint64_t seed)
{
    const weft_graph *graph = f->b.graph;
    assert_true(graph->is_quantised);
    if (graph->floats.count == 0)
        return;
    show(graph);
    fail_msg("seed %d: %s stays in float: %s", (int)seed, graph->floats.data[0].name,
             graph->floats.data[0].reason);
}

static void run_passes(fixture *f, int level)
{
    weft_pass_params params = WEFT_PASS_PARAMS_DEFAULT;
    params.level = level;
    params.verify = true;
    build_check(weft_passes_run(f->b.graph, &params, NULL, f->diag), f->diag);
}

/* Every pass from lower-quantized on, by itself; then both levels of the pipeline. */
static void one_seed(uint64_t seed)
{
    fixture f = open_fixture(seed, LAYERS);
    run_result reference = {0};
    for (size_t i = 0; i < WEFT_PASS_COUNT; i++) {
        const weft_pass_row *row = weft_pass_get(i);
        size_t changes = 0;
        build_check(row->run(f.b.graph, &changes, f.diag), f.diag);
        build_check(weft_graph_verify(f.b.graph, row->name, f.diag), f.diag);
        if (strcmp(row->name, "lower-quantized") == 0) {
            check_nothing_in_float(&f, seed);
            reference = run_graph(f.b.graph, seed, f.diag);
        } else if (reference.count > 0) {
            run_result now = run_graph(f.b.graph, seed, f.diag);
            check_same(&f, &reference, &now, seed, row->name);
        }
        build_check(row->run(f.b.graph, &changes, f.diag), f.diag);
        if (changes != 0)
            fail_msg("seed %d: a second %s makes %zu changes", (int)seed, row->name, changes);
    }
    for (int level = 0; level < 2; level++) {
        fixture other = open_fixture(seed, LAYERS);
        run_passes(&other, level);
        run_result now = run_graph(other.b.graph, seed, other.diag);
        check_same(&other, &reference, &now, seed, level == 0 ? "level 0" : "level 1");
        close_fixture(&other);
    }
    close_fixture(&f);
}

static void passes_keep_every_bit(void **state)
{
    (void)state;
    uint64_t seed = number_of("WEFT_TEST_SEED", 0);
    if (seed) {
        one_seed(seed);
        return;
    }
    uint64_t count = number_of("WEFT_TEST_GRAPHS", DEFAULT_GRAPHS);
    for (uint64_t i = 1; i <= count; i++)
        one_seed(i);
}

/* ---- one layer against its definition in f32 ---- */

typedef struct tally {
    size_t elements, different;
} tally;

static void compare_codes(const weft_tensor *a, const weft_tensor *b, uint64_t seed, int limit,
                          tally *counts)
{
    int64_t elems = 0;
    assert_true(weft_shape_elems(&a->shape, &elems));
    for (int64_t i = 0; i < elems && a->dtype != WEFT_DTYPE_F32; i++) {
        bool is_unsigned = a->dtype == WEFT_DTYPE_U8;
        int x = is_unsigned ? ((const uint8_t *)a->data)[i] : ((const int8_t *)a->data)[i];
        int y = is_unsigned ? ((const uint8_t *)b->data)[i] : ((const int8_t *)b->data)[i];
        counts->elements++;
        counts->different += x != y;
        if (abs(x - y) > limit)
            fail_msg("seed %d: code %d instead of %d", (int)seed, y, x);
    }
}

static void single_layers_compute_their_codes(void **state)
{
    (void)state;
    tally counts = {0};
    for (uint64_t seed = 1; seed <= SINGLE_LAYERS; seed++) {
        fixture f = open_fixture(seed, 1);
        run_result before = run_graph(f.b.graph, seed, f.diag);
        size_t quantised = 0;
        for (const weft_node *node = f.b.graph->first; node; node = node->next)
            quantised += node->op == WEFT_OP_QuantizeLinear;
        run_passes(&f, 1);
        run_result after = run_graph(f.b.graph, seed, f.diag);
        /* a layer of several roundings can carry a step on */
        for (size_t i = 0; i < before.count; i++)
            compare_codes(&before.outputs[i], &after.outputs[i], seed, quantised > 2 ? 2 : 1,
                          &counts);
        close_fixture(&f);
    }
    print_message("%zu of %zu codes differ from f32 arithmetic\n", counts.different,
                  counts.elements);
    assert_true(counts.elements > 100000);
    assert_true((double)counts.different < MOST_DIFFERENT * (double)counts.elements);
}

/* ---- what stays in float ---- */

static void the_reason_for_float_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *file, *op, *reason;
        int64_t macs;
    } rows[] = {
        {"weights_with_zero_point", "Conv", "zero point 100", 96},
        {"used_in_float", "Conv", "used in float", 96},
        {"sums_too_large", "MatMul", "33 bits", 70000},
        {"both_broadcast", "Mul", "both operands are broadcast", 0},
        {"inputs_and_reductions", "ReduceMax", "no 8-bit form", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture f = {NULL, weft_arena_create(), {0}};
        weft_file_map map;
        assert_int_equal(weft_diag_create(&f.diag), WEFT_OK);
        if (WEFT_ARENA_TRY(f.arena))
            fail_msg("out of memory");
        const char *path = weft_arena_printf(f.arena, "%s/passes/golden/lower-quantized/%s.ir",
                                             WEFT_TEST_DATA, rows[i].file);
        build_check(weft_file_map_open(path, &map, f.diag), f.diag);
        build_check(
            weft_graph_parse(f.arena, (const char *)map.data, map.size_bytes, &f.b.graph, f.diag),
            f.diag);
        weft_file_map_close(&map);
        run_passes(&f, 1);
        const weft_graph *graph = f.b.graph;
        assert_int_equal(graph->floats.count, 1);
        assert_string_equal(weft_op_name(graph->floats.data[0].op), rows[i].op);
        if (!strstr(graph->floats.data[0].reason, rows[i].reason))
            fail_msg("%s: %s", rows[i].file, graph->floats.data[0].reason);
        assert_int_equal(graph->floats.data[0].macs, rows[i].macs);
        close_fixture(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_layers_compute_their_codes),
        cmocka_unit_test(passes_keep_every_bit),
        cmocka_unit_test(the_reason_for_float_is_known),
    };
    return cmocka_run_group_tests_name("quantised graphs through the passes", tests, NULL, NULL);
}
