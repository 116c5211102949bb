/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline as its callers see it: the table, levels, dumps, counts, and the errors. Must not
 * know single rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "compiler/passes/passes.h"
#include "tests/passes/build.h"
#include "tests/passes/run.h"

typedef struct fixture {
    weft_arena *arena;
    weft_diag *diag;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    f.arena = weft_arena_create();
    assert_non_null(f.arena);
    assert_int_equal(weft_diag_create(&f.diag), WEFT_OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    weft_arena_destroy(f->arena);
    weft_diag_destroy(f->diag);
    return 0;
}

static weft_graph *parse(fixture *f, const char *text)
{
    weft_graph *graph = NULL;
    build_check(weft_graph_parse(f->arena, text, strlen(text), &graph, f->diag), f->diag);
    return graph;
}

static const char small[] = "graph \"small\" opset 18 {\n"
                            "  input %x: f32[1x3x6x6]\n"
                            "  const %w: f32[4x3x3x3] = #1\n"
                            "  const %v: f32[4x5] = #2\n"
                            "  %i = Identity(%x)\n"
                            "  %c = Conv(%i, %w) {pads=[1, 1, 1, 1]}\n"
                            "  %r = Relu(%c)\n"
                            "  %p = GlobalAveragePool(%r)\n"
                            "  %f = Flatten(%p)\n"
                            "  %y = MatMul(%f, %v)\n"
                            "  output %y\n"
                            "}\n";

static void table_has_unique_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < WEFT_PASS_COUNT; i++) {
        const weft_pass_row *row = weft_pass_get(i);
        assert_ptr_equal(weft_pass_find(row->name), row);
        assert_non_null(row->run);
        assert_true(strlen(row->doc) > 10);
    }
    assert_null(weft_pass_find("fuse"));
    assert_null(weft_pass_find("all"));
}

static void counts_and_times(void **state)
{
    fixture *f = *state;
    weft_graph *graph = parse(f, small);
    weft_pass_stats stats[WEFT_PASS_COUNT];
    weft_pass_params params = WEFT_PASS_PARAMS_DEFAULT;
    params.verify = true;
    build_check(weft_passes_run(graph, &params, stats, f->diag), f->diag);
    assert_int_equal(stats[0].nodes_before, 6);
    assert_int_equal(stats[WEFT_PASS_COUNT - 1].nodes_after, graph->node_count);
    assert_int_equal(graph->node_count, 2); /* Conv2D with mean, Linear */
    for (size_t i = 0; i < WEFT_PASS_COUNT; i++) {
        assert_string_equal(stats[i].name, weft_pass_get(i)->name);
        assert_true(stats[i].time_ns > 0);
        if (i > 0)
            assert_int_equal(stats[i].nodes_before, stats[i - 1].nodes_after);
    }
    assert_int_equal(stats[WEFT_PASS_fold_constants].changes, 1);
    assert_int_equal(stats[WEFT_PASS_fuse_conv].changes, 1);
    assert_int_equal(weft_diag_count(f->diag), 0);
}

static void level_0_only_lowers(void **state)
{
    fixture *f = *state;
    weft_graph *graph = parse(f, small);
    run_result before = run_graph(graph, 5, f->diag);
    weft_pass_stats stats[WEFT_PASS_COUNT];
    weft_pass_params params = WEFT_PASS_PARAMS_DEFAULT;
    params.level = 0;
    build_check(weft_passes_run(graph, &params, stats, f->diag), f->diag);
    for (size_t i = 0; i < WEFT_PASS_COUNT; i++)
        if (!weft_pass_get(i)->required)
            assert_int_equal(stats[i].time_ns, 0);
    assert_int_equal(graph->node_count,
                     7); /* Transpose, Conv2D, Transpose, Relu, ReduceMean, Reshape, Linear */
    for (const weft_node *node = graph->first; node; node = node->next)
        assert_int_equal(weft_op_get(node->op)->runs, WEFT_RUNS_KERNEL);
    run_result after = run_graph(graph, 5, f->diag);
    assert_true(run_difference(&before, &after) <= RUN_TOLERANCE);
}

typedef struct dumps {
    size_t count;
    const char *last;
    bool has_transpose;
} dumps;

static void take_dump(void *user, const char *pass, const char *text)
{
    dumps *d = user;
    d->count++;
    d->last = pass;
    d->has_transpose = strstr(text, "Transpose") != NULL;
}

static void dumps_after_passes(void **state)
{
    fixture *f = *state;
    dumps d = {0};
    weft_pass_params params = {.level = 1, .dump_after = "layout", .dump = take_dump, .user = &d};
    build_check(weft_passes_run(parse(f, small), &params, NULL, f->diag), f->diag);
    assert_int_equal(d.count, 1);
    assert_string_equal(d.last, "layout");
    assert_true(d.has_transpose);
    params.dump_after = "all";
    d.count = 0;
    build_check(weft_passes_run(parse(f, small), &params, NULL, f->diag), f->diag);
    assert_int_equal(d.count, WEFT_PASS_COUNT);
    assert_string_equal(d.last, "cleanup");
    assert_false(d.has_transpose);
}

static void unknown_pass_is_named_with_a_hint(void **state)
{
    fixture *f = *state;
    weft_graph *graph = parse(f, small);
    weft_pass_params params = WEFT_PASS_PARAMS_DEFAULT;
    params.dump_after = "fuse-cnv";
    assert_int_equal(weft_passes_run(graph, &params, NULL, f->diag), WEFT_USAGE);
    assert_int_equal(graph->node_count, 6);
    const weft_diag_entry *entry = weft_diag_get(f->diag, 0);
    assert_int_equal(entry->id, WEFT_E_PASS_UNKNOWN);
    assert_non_null(strstr(entry->fields[WEFT_DIAG_EXPECTED], "sink-transposes"));
    assert_non_null(strstr(entry->fields[WEFT_DIAG_TRY], "fuse-conv"));
}

/* A few bytes of text that claim 1.6 GB stay an expression. */
static void large_claims_are_not_evaluated(void **state)
{
    fixture *f = *state;
    weft_graph *graph = parse(f, "graph \"large\" opset 18 {\n"
                                 "  input %x: f32[1x20000]\n"
                                 "  const %c: f32[1x1] = [0.5]\n"
                                 "  const %s: i64[2] = [20000, 20000]\n"
                                 "  %e = Expand(%c, %s)\n"
                                 "  %y = MatMul(%x, %e)\n"
                                 "  output %y\n"
                                 "}\n");
    size_t changes = 0, used_bytes = weft_arena_used_bytes(f->arena);
    build_check(weft_pass_fold_constants(graph, &changes, f->diag), f->diag);
    assert_int_equal(changes, 0);
    assert_int_equal(graph->node_count, 2);
    assert_true(weft_arena_used_bytes(f->arena) - used_bytes < 4096);
}

/* Every node without a lowering is reported, with its name and the reason. */
static void all_unsupported_nodes_are_listed(void **state)
{
    static const struct {
        const char *node, *why;
    } expected[] = {
        {"solid", "two spatial"},    {"solid_pool", "two spatial"}, {"indices", "indices"},
        {"computed", "at run time"}, {"statistics", "at run time"}, {"half", "f32"},
    };
    fixture *f = *state;
    weft_graph *graph = parse(
        f, "graph \"bad\" opset 18 {\n"
           "  input %x: f32[1x3x6x6]\n"
           "  input %z: f32[1x3x6x6x6]\n"
           "  input %w: f32[4x3x3x3]\n"
           "  input %m: f32[3]\n"
           "  input %h: f16[1x3x6x6]\n"
           "  const %s: f32[3] = [1, 1, 1]\n"
           "  const %v: f32[4x3x3x3x3] = #1\n"
           "  const %k: f16[4x3x3x3] = #1\n"
           "  %a = Conv(%z, %v) @ \"solid\"\n"
           "  %b = MaxPool(%z) {kernel_shape=[2, 2, 2]} @ \"solid_pool\"\n"
           "  %c, %ci = MaxPool(%x) {kernel_shape=[2, 2]} @ \"indices\"\n"
           "  %d = Conv(%x, %w) @ \"computed\"\n"
           "  %e = BatchNormalization(%x, %s, %s, %m, %s) @ \"statistics\"\n"
           "  %g = Conv(%h, %k) @ \"half\"\n"
           "  output %a\n output %b\n output %c\n output %ci\n output %d\n output %e\n output %g\n"
           "}\n");
    assert_int_equal(weft_passes_run(graph, NULL, NULL, f->diag), WEFT_UNSUPPORTED);
    size_t count = sizeof expected / sizeof expected[0];
    assert_int_equal(weft_diag_error_count(f->diag), count);
    for (size_t i = 0; i < count; i++) {
        const weft_diag_entry *entry = weft_diag_get(f->diag, i);
        assert_int_equal(entry->id, WEFT_E_PASS_NO_LOWERING);
        assert_string_equal(entry->fields[WEFT_DIAG_NODES], expected[i].node);
        assert_non_null(strstr(entry->fields[WEFT_DIAG_WHY], expected[i].why));
        assert_non_null(entry->fields[WEFT_DIAG_TRY]);
    }
}

/* An attention that stays in several steps is noted once per reason, with its nodes. */
static void unfused_attention_is_noted(void **state)
{
    fixture *f = *state;
    weft_graph *graph = parse(f, "graph \"masked\" opset 18 {\n"
                                 "  input %q: f32[1x2x5x4]\n"
                                 "  input %m: f32[5x5]\n"
                                 "  %k = Transpose(%q) {perm=[0, 1, 3, 2]}\n"
                                 "  %s = MatMul(%q, %k)\n"
                                 "  %a = Add(%s, %m)\n"
                                 "  %p = Softmax(%a) @ \"first\"\n"
                                 "  %o = MatMul(%p, %q)\n"
                                 "  %t = MatMul(%o, %k)\n"
                                 "  %b = Add(%m, %t)\n"
                                 "  %r = Softmax(%b) @ \"second\"\n"
                                 "  %y = MatMul(%r, %o)\n"
                                 "  %u = MatMul(%y, %k)\n"
                                 "  %v = Softmax(%u) @ \"third\"\n"
                                 "  %z = MatMul(%v, %y)\n"
                                 "  output %z\n output %v\n"
                                 "}\n");
    build_check(weft_passes_run(graph, NULL, NULL, f->diag), f->diag);
    assert_int_equal(weft_diag_count(f->diag), 2);
    assert_int_equal(weft_diag_error_count(f->diag), 0);
    const weft_diag_entry *mask = weft_diag_get(f->diag, 0), *other = weft_diag_get(f->diag, 1);
    assert_non_null(strstr(mask->summary, "mask"));
    assert_string_equal(mask->fields[WEFT_DIAG_NODES], "first, second");
    assert_non_null(strstr(other->summary, "probabilities"));
    assert_string_equal(other->fields[WEFT_DIAG_NODES], "third");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_has_unique_names),
        cmocka_unit_test_setup_teardown(counts_and_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(level_0_only_lowers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dumps_after_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_pass_is_named_with_a_hint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_claims_are_not_evaluated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_unsupported_nodes_are_listed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unfused_attention_is_noted, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("the pipeline of passes", tests, NULL, NULL);
}
