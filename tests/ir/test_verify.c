/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier: every kind of damage that a pass could do is found, and a sound graph is not
 * blamed. Each case damages a fresh graph behind the back of the functions that keep it sound. */
#include <string.h>

#include "tests/ir/ir_text.h"

static const char lines[] = "input %x: f32[1x4]\n"
                            "const %w: f32[4x4] = 0.5\n"
                            "const %limits: i64[2] = [0, 1]\n"
                            "%a: f32[1x4] = MatMul(%x, %w) @ \"a\" from [\"s\"]\n"
                            "%b: f32[1x4] = Elu(%a) {alpha=0.5} @ \"b\"\n"
                            "%c: f32[1x4] = Add(%b, %a) @ \"c\"\n"
                            "output %c\n";

typedef struct damage_case {
    const char *what;
    void (*damage)(ir_test *test, weft_graph *graph);
    const char *found; /* part of what some report says it found */
} damage_case;

static weft_node *node_at(weft_graph *graph, int index)
{
    weft_node *node = graph->first;
    while (index-- > 0)
        node = node->next;
    return node;
}

static void circular_list(ir_test *test, weft_graph *graph)
{
    (void)test;
    graph->last->next = graph->first;
}

static void broken_prev(ir_test *test, weft_graph *graph)
{
    (void)test;
    graph->last->prev = graph->first;
}

static void wrong_last(ir_test *test, weft_graph *graph)
{
    (void)test;
    graph->last = graph->first;
}

static void wrong_node_count(ir_test *test, weft_graph *graph)
{
    (void)test;
    graph->node_count++;
}

static void wrong_order(ir_test *test, weft_graph *graph)
{
    (void)test;
    weft_graph_move_before(graph, graph->last, graph->first);
}

static void own_result(ir_test *test, weft_graph *graph)
{
    (void)test;
    weft_node_set_input(graph, graph->last, 1, graph->last->outputs[0]);
}

static void removed_producer(ir_test *test, weft_graph *graph)
{
    (void)test;
    weft_node *a = graph->first;
    weft_value *value = a->outputs[0];
    size_t uses = value->use_count;
    value->use_count = 0;
    weft_graph_remove_node(graph, a);
    value->producer = a;
    value->use_count = uses;
}

static void value_from_nowhere(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "a")->producer = NULL;
}

static void constant_without_data(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "w")->data = NULL;
}

static void input_with_data(ir_test *test, weft_graph *graph)
{
    (void)test;
    static const float zeros[4];
    ir_value(graph, "x")->data = zeros;
}

static void wrong_output_index(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "a")->output_index = 1;
}

static void foreign_input(ir_test *test, weft_graph *graph)
{
    weft_graph *other = weft_graph_create(test->arena, "other");
    weft_shape shape = {.rank = 2, .dims = {1, 4}};
    weft_node_set_input(graph, graph->last, 0,
                        weft_graph_add_input(other, "foreign", WEFT_DTYPE_F32, &shape));
}

static void foreign_output(ir_test *test, weft_graph *graph)
{
    weft_graph *other = weft_graph_create(test->arena, "other");
    weft_shape shape = {.rank = 2, .dims = {1, 4}};
    graph->outputs.data[0] = weft_graph_add_input(other, "foreign", WEFT_DTYPE_F32, &shape);
}

static void use_count_too_large(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "b")->use_count++;
}

static void use_count_too_small(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "a")->use_count--;
}

static void unknown_op(ir_test *test, weft_graph *graph)
{
    (void)test;
    graph->first->op = WEFT_OP_COUNT;
}

static void node_without_name(ir_test *test, weft_graph *graph)
{
    (void)test;
    graph->first->name = "";
}

static void value_without_name(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "a")->name = NULL;
}

static void shared_name(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "a")->name = "b";
}

static void value_twice(ir_test *test, weft_graph *graph)
{
    WEFT_VEC_PUSH(test->arena, &graph->values, graph->values.data[0]);
}

static void input_twice(ir_test *test, weft_graph *graph)
{
    WEFT_VEC_PUSH(test->arena, &graph->inputs, graph->inputs.data[0]);
}

static void input_not_flagged(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "x")->is_input = false;
}

static void flagged_but_not_listed(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "a")->is_input = true;
}

static void no_outputs_left(ir_test *test, weft_graph *graph)
{
    (void)test;
    graph->last->outputs[0] = NULL;
}

static void missing_input(ir_test *test, weft_graph *graph)
{
    (void)test;
    weft_node_set_input(graph, graph->last, 0, NULL);
}

static void too_many_inputs(ir_test *test, weft_graph *graph)
{
    (void)test;
    weft_node_set_input(graph, graph->last, 2, ir_value(graph, "x"));
}

static void no_dtype(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "a")->dtype = WEFT_DTYPE_NONE;
}

static void other_dtype(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "c")->dtype = WEFT_DTYPE_I32;
}

static void no_shape(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "c")->has_shape = false;
}

static void other_shape(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "c")->shape.dims[0] = 2;
}

static void impossible_rank(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "x")->shape.rank = 9;
}

static void negative_dim(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "x")->shape.dims[1] = -4;
}

static void empty_activation(ir_test *test, weft_graph *graph)
{
    (void)test;
    ir_value(graph, "x")->shape.dims[1] = 0;
}

static void inputs_no_longer_fit(ir_test *test, weft_graph *graph)
{
    (void)test;
    weft_node_set_input(graph, graph->first, 1, ir_value(graph, "limits"));
}

static void unknown_attr(ir_test *test, weft_graph *graph)
{
    weft_attrs_set_int(&node_at(graph, 1)->attrs, test->arena, "beta", 1);
}

static void attr_of_other_kind(ir_test *test, weft_graph *graph)
{
    weft_attrs_set_int(&node_at(graph, 1)->attrs, test->arena, "alpha", 1);
}

static void attr_twice(ir_test *test, weft_graph *graph)
{
    weft_attrs *attrs = &node_at(graph, 1)->attrs;
    weft_attr *twice = WEFT_NEW_ARRAY(test->arena, weft_attr, 2);
    twice[0] = twice[1] = attrs->data[0];
    attrs->data = twice;
    attrs->count = attrs->capacity = 2;
}

static void attr_without_value(ir_test *test, weft_graph *graph)
{
    (void)test;
    weft_attr *attr = &node_at(graph, 1)->attrs.data[0];
    attr->kind = WEFT_ATTR_STRING;
    attr->s = NULL;
}

static void source_without_name(ir_test *test, weft_graph *graph)
{
    (void)test;
    graph->first->sources[0] = NULL;
}

static const damage_case cases[] = {
    {"circular list", circular_list, "circle"},
    {"broken prev", broken_prev, "broken list"},
    {"wrong last", wrong_last, "another node"},
    {"wrong node count", wrong_node_count, "fewer nodes"},
    {"wrong order", wrong_order, "later node"},
    {"own result", own_result, "by itself"},
    {"removed producer", removed_producer, "was removed"},
    {"value from nowhere", value_from_nowhere, "from nowhere"},
    {"constant without data", constant_without_data, "from nowhere"},
    {"input with data", input_with_data, "several at once"},
    {"wrong output index", wrong_output_index, "another producer or place"},
    {"foreign input", foreign_input, "another graph's value"},
    {"foreign output", foreign_output, "another value, or none"},
    {"use count too large", use_count_too_large, "too large a count"},
    {"use count too small", use_count_too_small, "too small a count"},
    {"unknown op", unknown_op, "none"},
    {"node without name", node_without_name, "without one"},
    {"value without name", value_without_name, "no name"},
    {"shared name", shared_name, "is shared"},
    {"value twice", value_twice, "a value twice"},
    {"input twice", input_twice, "a graph input twice"},
    {"input not flagged", input_not_flagged, "not set"},
    {"flagged but not listed", flagged_but_not_listed, "another number of them"},
    {"no outputs left", no_outputs_left, "none"},
    {"missing input", missing_input, "refuses"},
    {"too many inputs", too_many_inputs, "refuses"},
    {"no dtype", no_dtype, "none"},
    {"other dtype", other_dtype, "another type or shape"},
    {"no shape", no_shape, "another type or shape"},
    {"other shape", other_shape, "another type or shape"},
    {"impossible rank", impossible_rank, "impossible rank"},
    {"negative dimension", negative_dim, "another shape"},
    {"empty activation", empty_activation, "dimension of 0"},
    {"inputs no longer fit", inputs_no_longer_fit, "refuses"},
    {"unknown attribute", unknown_attr, "refuses"},
    {"attribute of another kind", attr_of_other_kind, "refuses"},
    {"attribute twice", attr_twice, "an attribute twice"},
    {"attribute without value", attr_without_value, "an attribute without"},
    {"source without name", source_without_name, "without a name"},
};

static void sound_graph_passes(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    weft_graph *graph = ir_graph(&test, lines);
    const char *before = ir_print(&test, graph, true);
    assert_int_equal(weft_graph_verify(graph, "reading", test.diag), WEFT_OK);
    assert_int_equal(weft_diag_count(test.diag), 0);
    assert_string_equal(ir_print(&test, graph, true), before);
    assert_int_equal(weft_graph_verify(graph, "reading", NULL), WEFT_OK);
    ir_test_finish(&test);
}

static bool reports(const ir_test *test, const char *found)
{
    for (size_t i = 0; i < weft_diag_count(test->diag); i++) {
        const weft_diag_entry *entry = weft_diag_get(test->diag, i);
        if (entry->id == 220 && strstr(entry->fields[WEFT_DIAG_FOUND], found) &&
            strstr(entry->summary, "after the-pass"))
            return true;
    }
    return false;
}

static void every_damage_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ir_test test;
        ir_test_init(&test);
        weft_graph *graph = ir_graph(&test, lines);
        cases[i].damage(&test, graph);
        if (weft_graph_verify(graph, "the-pass", test.diag) != WEFT_INTERNAL)
            fail_msg("%s: not found", cases[i].what);
        if (!reports(&test, cases[i].found))
            fail_msg("%s: found something else than '%s'\n%s", cases[i].what, cases[i].found,
                     ir_errors(&test));
        ir_test_finish(&test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_graph_passes),
        cmocka_unit_test(every_damage_is_found),
    };
    return cmocka_run_group_tests_name("ir verify", tests, NULL, NULL);
}
