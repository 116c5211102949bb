/* SPDX-License-Identifier: Apache-2.0 */
/* The whole pipeline on ResNet-RS-50 in every exporter's form: number and kind of nodes, source
 * names, values. Must not know how the passes do it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "compiler/passes/passes.h"
#include "tests/passes/resnet_forms.h"
#include "tests/passes/run.h"

static size_t count_op(const weft_graph *graph, weft_op op)
{
    size_t count = 0;
    for (const weft_node *node = graph->first; node; node = node->next)
        count += node->op == op;
    return count;
}

static void collect_names(weft_graph *graph, weft_map *names)
{
    weft_map_init(names, graph->arena);
    for (weft_node *node = graph->first; node; node = node->next)
        for (size_t i = 0; i < node->source_count; i++)
            weft_map_put(names, node->sources[i], node);
}

static size_t missing_names(const weft_map *before, const weft_map *after)
{
    size_t missing = 0;
    for (size_t i = 0; i < before->capacity; i++) {
        const char *name = before->slots[i].key;
        if (name && !weft_map_get(after, name)) {
            print_error("source '%s' is lost\n", name);
            missing++;
        }
    }
    return missing;
}

static void run_form(const resnet_form *form, int64_t batch, int64_t size)
{
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    weft_arena *arena = weft_arena_create();
    assert_non_null(arena);
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    build b = {.graph = weft_graph_create(arena, form->name), .diag = diag, .state = 7};
    resnet_form_build(&b, form, batch, size, 16);
    build_check(weft_graph_verify(b.graph, "building", diag), diag);
    run_result before = run_graph(b.graph, 11, diag);
    weft_map names_before, names_after;
    collect_names(b.graph, &names_before);

    weft_pass_params params = WEFT_PASS_PARAMS_DEFAULT;
    weft_pass_stats stats[WEFT_PASS_COUNT];
    params.verify = true;
    build_check(weft_passes_run(b.graph, &params, stats, diag), diag);

    size_t views = count_op(b.graph, WEFT_OP_Reshape), nodes = b.graph->node_count - views;
    run_result after = run_graph(b.graph, 11, diag);
    double difference = run_difference(&before, &after);
    collect_names(b.graph, &names_after);
    size_t linears = count_op(b.graph, WEFT_OP_Linear), gates = count_op(b.graph, WEFT_OP_Gate);
    print_message(
        "%s at %dx%d: %zu nodes from %zu (%zu Conv2D, %zu Linear, %zu Gate, %zu views), difference %.1e\n",
        form->name, (int)batch, (int)size, nodes, stats[0].nodes_before,
        count_op(b.graph, WEFT_OP_Conv2D), linears, gates, views, difference);
    if (nodes != form->expected_nodes) {
        weft_text text;
        weft_text_init(&text, arena);
        weft_graph_print(b.graph, false, &text);
        print_error("%s", text.data);
    }
    assert_int_equal(nodes, form->expected_nodes);
    assert_int_equal(count_op(b.graph, WEFT_OP_Transpose), 0);
    assert_int_equal(gates,
                     12); /* of 16 blocks four project the shortcut, whose convolution multiplies */
    assert_int_equal(missing_names(&names_before, &names_after), 0);
    assert_true(difference <= RUN_TOLERANCE);
    weft_arena_destroy(arena);
    weft_diag_destroy(diag);
}

static void every_form_becomes_89_nodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < resnet_form_count; i++)
        run_form(&resnet_forms[i], i % 2 ? 2 : 1, 64);
}

/* The last maps have one element: gates and products have the same shape there. */
static void maps_of_one_element_fuse_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < resnet_form_count; i++)
        run_form(&resnet_forms[i], 2, 32);
}

/* Partial pooling windows at the shortcuts. */
static void odd_maps_fuse_too(void **state)
{
    (void)state;
    run_form(&resnet_forms[0], 1, 52);
    run_form(&resnet_forms[6], 1, 52);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_becomes_89_nodes),
        cmocka_unit_test(maps_of_one_element_fuse_too),
        cmocka_unit_test(odd_maps_fuse_too),
    };
    return cmocka_run_group_tests_name("resnet-rs through the passes", tests, NULL, NULL);
}
