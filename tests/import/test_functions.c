/* SPDX-License-Identifier: Apache-2.0 */
/* Model-local functions that onnxruntime does not accept or that are invalid; valid ones are in
 * make_cases.py. Must not know about the meaning of operators. */
#include "tests/import/check.h"

static message begin(check *c)
{
    check_begin(c);
    message m = message_create(c->arena, 17);
    message_opset(&m, "f", 1);
    message_input(&m, "x", 1, "2,3");
    message_output(&m, "y", NULL);
    return m;
}

static Onnx__NodeProto *call(message *m, Onnx__NodeProto *node)
{
    node->domain = weft_arena_strdup(m->arena, "f");
    return node;
}

static void inputs_and_outputs_may_be_left_out_or_handed_through(void **state)
{
    (void)state;
    check c;
    message m = begin(&c);
    Onnx__FunctionProto *f = message_function(&m, "f", "F", "a,b,lo", "r,a,t,r");
    message_add_to_function(&m, f, message_loose_node(&m, "Clip", "a,lo,b", "t"));
    message_add_to_function(&m, f, message_loose_node(&m, "Neg", "t", "r"));
    /* b and lo are omitted; output 1 is input a itself, t is not asked for, r goes to two names. */
    call(&m, message_node(&m, "F", "x", "p,q,,s"));
    message_node(&m, "Sum", "p,q,s", "y");
    message_node(&m, "Relu", "x", "F:p/t"); /* a name that the function could have taken */
    check_message(&c, &m);
    check_clean(&c);
    assert_int_equal(c.graph->node_count, 6); /* Clip, Neg, two copies, Sum, Relu */
    check_end(&c);
}

static void functions_go_before_operators_and_differ_by_domain(void **state)
{
    (void)state;
    check c;
    message m = begin(&c);
    Onnx__FunctionProto *f = message_function(&m, "f", "Relu", "a", "r");
    message_add_to_function(&m, f, message_loose_node(&m, "Neg", "a", "r"));
    call(&m, message_node(&m, "Relu", "x", "t"));
    message_node(&m, "Relu", "t", "y");
    check_message(&c, &m);
    check_clean(&c);
    assert_int_equal(c.graph->first->op, WEFT_OP_Neg);
    assert_int_equal(c.graph->last->op, WEFT_OP_Relu);
    check_end(&c);
}

static void recursion_is_found(void **state)
{
    (void)state;
    check c;
    message m = begin(&c);
    Onnx__FunctionProto *f = message_function(&m, "f", "F", "a", "r");
    Onnx__FunctionProto *g = message_function(&m, "f", "G", "a", "r");
    message_add_to_function(&m, f, call(&m, message_loose_node(&m, "G", "a", "r")));
    message_add_to_function(&m, g, call(&m, message_loose_node(&m, "F", "a", "r")));
    call(&m, message_node(&m, "F", "x", "y"));
    check_message(&c, &m);
    check_contains(check_only(&c, WEFT_E_FUNCTION)->fields[WEFT_DIAG_WHY], "itself");
    check_end(&c);
}

static void invalid_functions_are_reported(void **state)
{
    (void)state;
    check c;
    message m = begin(&c);
    Onnx__FunctionProto *f = message_function(&m, "f", "F", "a", "r");
    message_add_to_function(&m, f, message_loose_node(&m, "Neg", "a", "r"));
    call(&m, message_node(&m, "F", "x,x", "y"));
    check_message(&c, &m);
    check_contains(check_only(&c, WEFT_E_FUNCTION)->fields[WEFT_DIAG_WHY], "more inputs");
    m.graph->node[0]->n_input = 1;
    check_message(&c, &m);
    check_clean(&c);
    message_function(&m, "f", "F", "a", "r");
    check_message(&c, &m);
    check_contains(check_only(&c, WEFT_E_FUNCTION)->summary, "twice");
    check_end(&c);
}

/* Thirty functions that call the next one ten times each describe 10^30 nodes. */
static void expansion_is_bounded(void **state)
{
    (void)state;
    enum { LEVELS = 30, CALLS = 10 };
    check c;
    message m = begin(&c);
    for (int level = 0; level < LEVELS; level++) {
        Onnx__FunctionProto *f =
            message_function(&m, "f", weft_arena_printf(c.arena, "F%d", level), "a", "r");
        for (int i = 0; i < CALLS; i++)
            message_add_to_function(
                &m, f,
                call(&m, message_loose_node(&m, weft_arena_printf(c.arena, "F%d", level + 1), "a",
                                            i == 0 ? "r" : weft_arena_printf(c.arena, "t%d", i))));
    }
    message_add_to_function(
        &m, message_function(&m, "f", weft_arena_printf(c.arena, "F%d", LEVELS), "a", "r"),
        message_loose_node(&m, "Neg", "a", "r"));
    call(&m, message_node(&m, "F0", "x", "y"));
    check_message(&c, &m);
    check_entry(&c, WEFT_E_MODEL_EXPANDS, 0);
    assert_int_equal(c.status, WEFT_INVALID);
    assert_true(weft_arena_used_bytes(c.arena) < (size_t)256 << 20);
    check_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_and_outputs_may_be_left_out_or_handed_through),
        cmocka_unit_test(functions_go_before_operators_and_differ_by_domain),
        cmocka_unit_test(recursion_is_found),
        cmocka_unit_test(invalid_functions_are_reported),
        cmocka_unit_test(expansion_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
