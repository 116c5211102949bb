/* SPDX-License-Identifier: Apache-2.0 */
/* Editing graphs, sorting them, folding nodes, counting their cost, and the operator table. */
#include <string.h>

#include "tests/ir/ir_text.h"

static void check_sound(ir_test *test, weft_graph *graph)
{
    if (weft_graph_verify(graph, "the edit", test->diag) != WEFT_OK)
        fail_msg("%s\n%s", ir_print(test, graph, false), ir_errors(test));
}

/* ---- names and values ---- */

static void taken_names_get_a_suffix(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    weft_graph *graph = weft_graph_create(test.arena, NULL);
    int64_t one = 1;
    weft_value *a = weft_graph_add_constant_ints(graph, "a", &one, 1);
    weft_value *b = weft_graph_add_constant_ints(graph, "a", &one, 1);
    weft_value *c = weft_graph_add_constant_ints(graph, NULL, &one, 1);
    weft_value *d = weft_graph_add_constant_ints(graph, "", &one, 1);
    assert_string_equal(a->name, "a");
    assert_string_equal(b->name, "a.1");
    assert_string_not_equal(c->name, d->name);
    assert_ptr_equal(weft_graph_find_value(graph, "a.1"), b);
    assert_null(weft_graph_find_value(graph, "b"));
    ir_test_finish(&test);
}

static void constants_are_read(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    weft_graph *graph = ir_graph(
        &test, "input %x: f32[1]\nconst %l: i64[3] = [4, -5, 6]\nconst %i: i32[2] = [7, 8]\n"
               "const %f: f32[1] = [2.5]\nconst %u: u8[] = 200");
    int64_t ints[2];
    size_t count;
    double scalar;
    assert_true(weft_value_const_ints(ir_value(graph, "l"), ints, 2, &count));
    assert_int_equal(count, 3);
    assert_int_equal(ints[0], 4);
    assert_int_equal(ints[1], -5);
    assert_true(weft_value_const_ints(ir_value(graph, "i"), ints, 2, &count));
    assert_int_equal(ints[1], 8);
    assert_false(weft_value_const_ints(ir_value(graph, "f"), ints, 2, &count));
    assert_false(weft_value_const_ints(ir_value(graph, "x"), ints, 2, &count));
    assert_false(weft_value_const_ints(NULL, ints, 2, &count));
    assert_int_equal(count, 0);
    assert_true(weft_value_const_scalar(ir_value(graph, "f"), &scalar));
    assert_true(scalar == 2.5);
    assert_true(weft_value_const_scalar(ir_value(graph, "u"), &scalar));
    assert_true(scalar == 200.0);
    assert_false(weft_value_const_scalar(ir_value(graph, "l"), &scalar));
    assert_false(weft_value_const_scalar(ir_value(graph, "x"), &scalar));
    ir_test_finish(&test);
}

/* ---- nodes ---- */

static void nodes_are_inserted_moved_and_removed(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    weft_graph *graph = ir_graph(
        &test, "input %x: f32[2]\n%a = Relu(%x)\n%b = Exp(%x)\n%c = Add(%a, %b)\noutput %c");
    weft_node *a = graph->first, *b = a->next, *c = b->next;
    assert_ptr_equal(weft_value_only_user(graph, a->outputs[0]), c);
    assert_null(weft_value_only_user(graph, c->outputs[0])); /* a graph output */
    assert_null(weft_value_only_user(graph, ir_value(graph, "x")));

    weft_value *input = a->outputs[0];
    weft_node *middle = weft_graph_add_node(graph, c, WEFT_OP_Neg, NULL, &input, 1, NULL, 1);
    assert_ptr_equal(b->next, middle);
    assert_ptr_equal(c->prev, middle);
    weft_node_add_sources(graph, middle, a);
    weft_node_set_input(graph, c, 0, middle->outputs[0]);
    assert_int_equal(weft_graph_infer(graph, test.diag), WEFT_OK);
    check_sound(&test, graph);
    assert_int_equal(a->outputs[0]->use_count, 1);

    weft_graph_move_before(graph, b, a);
    assert_ptr_equal(graph->first, b);
    check_sound(&test, graph);

    weft_graph_replace_uses(graph, middle->outputs[0], a->outputs[0]);
    weft_graph_remove_node(graph, middle);
    assert_int_equal(graph->node_count, 3);
    check_sound(&test, graph);
    ir_test_finish(&test);
}

static void outputs_can_be_left_out_and_added(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    weft_graph *graph = ir_graph(
        &test, "input %x: f32[1x1x4x4]\n_, %i = MaxPool(%x) {kernel_shape=[2, 2]}\noutput %i");
    assert_null(graph->first->outputs[0]);
    assert_string_equal(graph->first->name, "i");
    weft_node *pool = graph->first;
    weft_value *third = weft_node_add_output(graph, pool, "third");
    assert_int_equal(pool->output_count, 3);
    assert_int_equal(third->output_index, 2);
    assert_ptr_equal(third->producer, pool);
    ir_test_finish(&test);
}

static void node_inputs_grow(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    weft_graph *graph =
        ir_graph(&test, "input %x: f32[2]\nconst %max: f32[] = 6\n%y = Clip(%x)\noutput %y");
    weft_node_set_input(graph, graph->first, 2, ir_value(graph, "max"));
    assert_int_equal(graph->first->input_count, 3);
    assert_null(weft_node_input(graph->first, 1));
    assert_ptr_equal(weft_node_input(graph->first, 2), ir_value(graph, "max"));
    assert_null(weft_node_input(graph->first, 7));
    check_sound(&test, graph);
    ir_test_finish(&test);
}

static void sources_are_joined(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    weft_graph *graph = ir_graph(
        &test, "input %x: f32[2]\n%a = Relu(%x) from [\"p\", \"q\"]\n%b = Exp(%a) from [\"r\"]\n"
               "%c = Neg(%b)\noutput %c");
    weft_node *a = graph->first, *b = a->next, *c = b->next;
    weft_node_add_sources(graph, b, a);
    weft_node_add_sources(graph, b, c);
    assert_int_equal(b->source_count, 3);
    assert_string_equal(b->sources[0], "r");
    assert_string_equal(b->sources[2], "q");
    ir_test_finish(&test);
}

static void replacing_an_output_keeps_its_name(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    weft_graph *graph = ir_graph(
        &test, "input %x: f32[2]\n%a = Relu(%x)\n%logits = Identity(%a)\n%m = Neg(%logits)\n"
               "output %logits\noutput %m");
    weft_node *identity = graph->first->next;
    weft_graph_replace_uses(graph, identity->outputs[0], graph->first->outputs[0]);
    weft_graph_remove_node(graph, identity);
    assert_string_equal(graph->outputs.data[0]->name, "logits");
    assert_ptr_equal(graph->outputs.data[0]->producer, graph->first);
    assert_ptr_equal(weft_graph_find_value(graph, "logits"), graph->first->outputs[0]);
    assert_int_equal(graph->first->outputs[0]->use_count, 2);
    check_sound(&test, graph);
    ir_test_finish(&test);
}

/* ---- order ---- */

static void sorting_is_stable_and_complete(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    /* Written out of order; independent nodes keep the order of the text. */
    weft_graph *graph = ir_graph(
        &test, "input %x: f32[2]\n%d = Add(%b, %c)\n%c = Exp(%a)\n%b = Relu(%a)\n%a = Neg(%x)\n"
               "%e = Abs(%x)\noutput %d\noutput %e");
    static const char *const order[] = {"a", "b", "c", "d", "e"};
    size_t at = 0;
    for (const weft_node *node = graph->first; node; node = node->next)
        assert_string_equal(node->name, order[at++]);
    assert_int_equal(at, 5);
    check_sound(&test, graph);
    assert_int_equal(weft_graph_sort(graph, test.diag), WEFT_OK);
    assert_string_equal(graph->first->name, "a"); /* a sorted graph is left as it is */
    assert_string_equal(graph->last->name, "e");
    ir_test_finish(&test);
}

static void cycles_are_named(void **state)
{
    (void)state;
    ir_test test;
    weft_status status;
    ir_test_init(&test);
    assert_null(ir_read_lines(
        &test,
        "input %x: f32[2]\n%p = Relu(%x)\n%a = Add(%p, %c) @ \"na\"\n%b = Neg(%a) @ \"nb\"\n"
        "%c = Exp(%b) @ \"nc\"\noutput %c",
        &status));
    assert_int_equal(status, WEFT_INVALID);
    assert_int_equal(ir_first_error(&test), 200);
    const char *nodes = weft_diag_get(test.diag, 0)->fields[WEFT_DIAG_NODES];
    assert_non_null(strstr(nodes, "na"));
    assert_non_null(strstr(nodes, "nb"));
    assert_non_null(strstr(nodes, "nc"));
    assert_null(strstr(nodes, "p"));
    ir_test_finish(&test);
}

static void deep_chains_and_self_loops_sort(void **state)
{
    (void)state;
    ir_test test;
    weft_status status;
    weft_text lines;
    ir_test_init(&test);
    weft_text_init(&lines, test.arena);
    weft_text_add(&lines, "input %v0: f32[2]\n");
    for (int i = 50000; i > 0; i--) /* backwards: each needs the next line */
        weft_text_printf(&lines, "%%v%d = Relu(%%v%d)\n", i, i - 1);
    weft_graph *graph = ir_graph(&test, lines.data);
    assert_int_equal(graph->node_count, 50000);
    assert_null(ir_read_lines(&test, "%a = Relu(%a)", &status));
    assert_int_equal(ir_first_error(&test), 200);
    ir_test_finish(&test);
}

/* ---- folding ---- */

static void folding_makes_constants(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    /* 20000 elements: too large for inference to evaluate on the way. */
    weft_graph *graph = ir_graph(
        &test, "input %x: f32[20000]\nconst %c: f32[20000] = 2\nconst %d: f32[] = 3\n"
               "const %to: i64[2] = [100, 200]\n"
               "%p = Mul(%c, %d)\n%v = Reshape(%p, %to)\n%y = Add(%x, %p)\noutput %y\noutput %v");
    assert_int_equal(graph->node_count, 3);
    assert_int_equal(weft_node_fold(graph, graph->last, test.diag), WEFT_UNSUPPORTED);
    assert_int_equal(weft_diag_count(test.diag), 0);
    assert_int_equal(weft_node_fold(graph, graph->first, test.diag), WEFT_OK);
    const weft_value *p = ir_value(graph, "p"), *v = ir_value(graph, "v");
    assert_true(weft_value_is_constant(p));
    assert_null(p->producer);
    assert_true(((const float *)p->data)[19999] == 6.0F);
    assert_int_equal(ir_value(graph, "c")->use_count, 0);
    assert_int_equal(weft_node_fold(graph, graph->first, test.diag), WEFT_OK);
    assert_ptr_equal(v->data, p->data); /* a view shares its data */
    assert_int_equal(graph->node_count, 1);
    check_sound(&test, graph);
    ir_test_finish(&test);
}

static void shape_folds_without_data(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    weft_graph *graph = ir_graph(&test, "input %x: f32[2x5]\n%y = Relu(%x)\noutput %y");
    weft_value *y = ir_value(graph, "y");
    const char *name = "dims";
    weft_node *shape = weft_graph_add_node(graph, NULL, WEFT_OP_Shape, NULL, &y, 1, &name, 1);
    assert_int_equal(weft_node_fold(graph, shape, test.diag), WEFT_OK);
    const int64_t *dims = ir_value(graph, "dims")->data;
    assert_int_equal(dims[0], 2);
    assert_int_equal(dims[1], 5);
    check_sound(&test, graph);
    ir_test_finish(&test);
}

/* ---- cost ---- */

static weft_op_cost cost_of(const char *lines)
{
    ir_test test;
    ir_test_init(&test);
    weft_graph *graph = ir_graph(&test, lines);
    weft_op_cost cost = weft_node_cost(graph->last);
    ir_test_finish(&test);
    return cost;
}

static void costs_are_counted(void **state)
{
    (void)state;
    weft_op_cost cost =
        cost_of("input %x: f32[1x8x10x10]\nconst %w: f32[16x4x3x3] = #1\nconst %b: f32[16] = 0\n"
                "%y = Conv(%x, %w, %b) {group=2}");
    assert_int_equal(cost.macs, 16 * 8 * 8 * 4 * 9);
    assert_int_equal(cost.flops, 2 * cost.macs + 16 * 64);
    assert_int_equal(cost.weight_bytes, (16 * 4 * 9 + 16) * 4);
    assert_int_equal(cost.input_bytes, 8 * 100 * 4);
    assert_int_equal(cost.output_bytes, 16 * 64 * 4);

    cost = cost_of("input %x: f32[2x3]\n%y = Mul(%x, %x)");
    assert_int_equal(cost.flops, 6);
    assert_int_equal(cost.input_bytes, 24); /* the same tensor is read once */

    assert_int_equal(cost_of("input %a: f32[5x2x3]\ninput %b: f32[3x7]\n%y = MatMul(%a, %b)").macs,
                     5 * 2 * 7 * 3);
    assert_int_equal(
        cost_of("input %a: f32[3x2]\ninput %b: f32[7x3]\n%y = Gemm(%a, %b) {transA=1, transB=1}")
            .macs,
        2 * 7 * 3);
    cost = cost_of(
        "input %x: f32[2x4x4x8]\nconst %w: f32[6x1x1x8] = #1\n%y, %m = weft.Conv2D(%x, %w) {act=\"relu\"}");
    assert_int_equal(cost.macs, 2 * 16 * 6 * 8);
    assert_int_equal(cost.flops, 2 * cost.macs + 2 * (2 * 16 * 6)); /* relu and mean */
    assert_int_equal(cost.output_bytes, (2 * 16 * 6 + 2 * 6) * 4);
    assert_int_equal(cost_of("input %h: f32[2x3]\nconst %w: f32[5x3] = 1\ninput %t: f32[2x4x4x5]\n"
                             "%y = weft.Gate(%h, %w, _, %t)")
                         .macs,
                     2 * 5 * 3);
    cost = cost_of("input %x: f32[2x6]\nconst %to: i64[1] = [12]\n%y = Reshape(%x, %to)");
    assert_int_equal(cost.output_bytes + cost.flops, 0);
}

static void huge_costs_saturate(void **state)
{
    (void)state;
    weft_op_cost cost = cost_of(
        "input %a: f32[262144x1048576]\ninput %b: f32[1048576x262144]\n%y = MatMul(%a, %b)");
    assert_true(cost.macs == INT64_C(262144) * 262144 * 1048576);
    cost = cost_of(
        "input %x: f32[1x1x524288x524288]\ninput %w: f32[1x1x262144x262144]\n%y = Conv(%x, %w)");
    assert_true(cost.macs == INT64_MAX && cost.flops == INT64_MAX);
}

/* ---- the table ---- */

static void table_rows_are_sound(void **state)
{
    (void)state;
    for (int i = WEFT_OP_NONE + 1; i < WEFT_OP_COUNT; i++) {
        weft_op op = (weft_op)i;
        const weft_op_row *row = weft_op_get(op);
        assert_int_equal(weft_op_find(row->domain, row->name), op);
        assert_true(row->since >= 1 && row->since <= row->until);
        assert_true(row->max_inputs == -1 ||
                    (row->min_inputs >= 1 && row->max_inputs >= row->min_inputs));
        assert_true(row->max_outputs == -1 ||
                    (row->min_outputs >= 1 && row->max_outputs >= row->min_outputs));
        assert_non_null(row->infer);
        assert_non_null(row->ref);
        assert_true(strlen(row->doc) > 10);
        weft_op_attr attr, other;
        for (size_t a = 0; weft_op_attr_get(op, a, &attr); a++) {
            char name[64];
            weft_attr_kind kind;
            assert_true(attr.name_length < sizeof name);
            memcpy(name, attr.name, attr.name_length);
            name[attr.name_length] = '\0';
            assert_true(weft_op_attr_known(op, name, &kind));
            assert_int_equal(kind, attr.kind);
            for (size_t b = 0; b < a && weft_op_attr_get(op, b, &other); b++)
                assert_false(other.name_length == attr.name_length &&
                             !memcmp(other.name, name, attr.name_length));
        }
    }
    assert_int_equal(weft_op_find("ai.onnx", "Conv"), WEFT_OP_Conv);
    assert_int_equal(weft_op_find("", "Conv2D"), WEFT_OP_NONE);
    assert_int_equal(weft_op_find("weft", "Conv2D"), WEFT_OP_Conv2D);
    assert_string_equal(weft_op_name(WEFT_OP_Conv2D), "weft.Conv2D");
    assert_string_equal(weft_op_name(WEFT_OP_Conv), "Conv");
    assert_string_equal(weft_op_name(WEFT_OP_NONE), "none");
    weft_attr_kind kind;
    assert_true(weft_op_attr_known(WEFT_OP_ConstantOfShape, "value", &kind));
    assert_int_equal(kind, WEFT_ATTR_TENSOR);
    assert_false(weft_op_attr_known(WEFT_OP_Conv, "stride", NULL));
    assert_false(weft_op_attr_known(WEFT_OP_Relu, "", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken_names_get_a_suffix),
        cmocka_unit_test(constants_are_read),
        cmocka_unit_test(nodes_are_inserted_moved_and_removed),
        cmocka_unit_test(outputs_can_be_left_out_and_added),
        cmocka_unit_test(node_inputs_grow),
        cmocka_unit_test(sources_are_joined),
        cmocka_unit_test(replacing_an_output_keeps_its_name),
        cmocka_unit_test(sorting_is_stable_and_complete),
        cmocka_unit_test(cycles_are_named),
        cmocka_unit_test(deep_chains_and_self_loops_sort),
        cmocka_unit_test(folding_makes_constants),
        cmocka_unit_test(shape_folds_without_data),
        cmocka_unit_test(costs_are_counted),
        cmocka_unit_test(huge_costs_saturate),
        cmocka_unit_test(table_rows_are_sound),
    };
    return cmocka_run_group_tests_name("ir graph", tests, NULL, NULL);
}
