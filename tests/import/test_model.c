/* SPDX-License-Identifier: Apache-2.0 */
/* Models with problems in versions, operators, names, attributes and functions: each is named, and
 * all are reported together. Must not know about bytes and shapes (test_bytes.c, test_shapes.c). */
#include "tests/import/check.h"

static message begin(check *c, int64_t opset)
{
    check_begin(c);
    message m = message_create(c->arena, opset);
    message_input(&m, "x", 1, "2,3");
    message_output(&m, "y", NULL);
    return m;
}

static void versions_are_checked(void **state)
{
    (void)state;
    static const int64_t opsets[] = {8, 27, -1};
    check c;
    for (size_t i = 0; i < sizeof opsets / sizeof opsets[0]; i++) {
        message m = begin(&c, opsets[i]);
        message_node(&m, "Relu", "x", "y");
        check_message(&c, &m);
        check_contains(check_only(&c, WEFT_E_OPSET_VERSION)->fields[WEFT_DIAG_EXPECTED], "9 to 26");
        check_end(&c);
    }
    message m = begin(&c, 26);
    message_node(&m, "Relu", "x", "y");
    m.model->ir_version = 14;
    check_message(&c, &m);
    assert_int_equal(c.status, WEFT_OK);
    assert_int_equal(check_entry(&c, WEFT_E_IR_VERSION, 0)->severity, WEFT_SEVERITY_WARNING);
    m.model->ir_version = 2;
    check_message(&c, &m);
    check_only(&c, WEFT_E_IR_VERSION);
    m.model->ir_version = 3;
    m.model->n_opset_import = 0;
    check_message(&c, &m);
    check_only(&c, WEFT_E_OPSET_MISSING);
    check_end(&c);
}

static void unsupported_operators_are_grouped(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, 13);
    message_opset(&m, "com.microsoft", 1);
    message_node(&m, "Cnov", "x", "a");
    for (int i = 0; i < 7; i++)
        message_node(&m, "Cnov", "a", weft_arena_printf(c.arena, "a%d", i))->name =
            weft_arena_printf(c.arena, "/n/%d", i);
    message_node(&m, "FusedConv", "a", "b")->domain = weft_arena_strdup(c.arena, "com.microsoft");
    message_node(&m, "Gelu", "b", "g");
    message_node(&m, "NonZero", "g", "nz");
    Onnx__NodeProto *branch = message_node(&m, "If", "nz", "i");
    Onnx__GraphProto *inner = WEFT_NEW(c.arena, Onnx__GraphProto);
    onnx__graph_proto__init(inner);
    message_attr(&m, branch, "then_branch", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH)->g =
        inner;
    message_node(&m, "Relu", "i", "y");
    check_message(&c, &m);
    assert_int_equal(c.status, WEFT_UNSUPPORTED);
    assert_int_equal(weft_diag_count(c.diag), 5);
    const weft_diag_entry *entry = check_entry(&c, WEFT_E_OP_UNSUPPORTED, 0);
    assert_string_equal(entry->summary, "operator not supported: Cnov (opset 13), 8 nodes");
    assert_string_equal(entry->fields[WEFT_DIAG_NODES],
                        "Cnov:a, /n/0, /n/1, /n/2, /n/3, and 3 more");
    check_contains(entry->fields[WEFT_DIAG_TRY], "Conv");
    entry = check_entry(&c, WEFT_E_OP_UNSUPPORTED, 1);
    assert_string_equal(entry->summary,
                        "operator not supported: com.microsoft.FusedConv (opset 1), 1 node");
    check_contains(entry->fields[WEFT_DIAG_WHY], "ONNX Runtime");
    check_contains(check_entry(&c, WEFT_E_OP_UNSUPPORTED, 2)->fields[WEFT_DIAG_WHY],
                   "depends on data");
    check_contains(check_entry(&c, WEFT_E_OP_UNSUPPORTED, 3)->summary, "If");
    check_contains(check_entry(&c, WEFT_E_OP_VERSION, 0)->fields[WEFT_DIAG_WHY], "20 to 26");
    check_end(&c);
}

static void problems_of_all_kinds_come_together(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, 13);
    message_node(&m, "Foo", "x", "f");
    message_node(&m, "Add", "f,hx", "a"); /* hx is made nowhere */
    message_node(&m, "Relu", "hx", "r")->name =
        weft_arena_strdup(c.arena, "again"); /* and reported once */
    message_node(&m, "Mul", "x", "m");       /* one input too few */
    message_node(&m, "Relu", "x", "m");      /* m is made twice */
    message_node(&m, "Relu", "f", "");       /* makes nothing */
    message_node(&m, "Relu", "m", "y");
    check_message(&c, &m);
    assert_int_equal(c.status, WEFT_INVALID);
    assert_int_equal(weft_diag_count(c.diag), 5);
    check_entry(&c, WEFT_E_OP_UNSUPPORTED, 0);
    check_contains(check_entry(&c, WEFT_E_NAME_DUPLICATE, 0)->summary, ": m");
    check_entry(&c, WEFT_E_NODE_OUTPUTS, 0);
    const weft_diag_entry *entry = check_entry(&c, WEFT_E_NAME_MISSING, 0);
    assert_string_equal(entry->fields[WEFT_DIAG_TENSOR], "hx");
    assert_string_equal(entry->fields[WEFT_DIAG_NODES], "Add:a");
    check_entry(&c, WEFT_E_INFER_ARITY, 0);
    check_end(&c);
}

static void nodes_may_come_in_any_order(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, 13);
    message_node(&m, "Neg", "a", "y");
    message_node(&m, "Relu", "x", "a");
    check_message(&c, &m);
    check_clean(&c);
    assert_int_equal(c.graph->first->op, WEFT_OP_Relu);
    message_node(&m, "Add", "q,x", "p");
    message_node(&m, "Relu", "p", "q");
    check_message(&c, &m);
    check_contains(check_only(&c, WEFT_E_GRAPH_CYCLE)->fields[WEFT_DIAG_NODES], "Add:p");
    check_end(&c);
}

static void outputs_are_checked(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, 13);
    message_node(&m, "Relu", "x", "logit");
    m.graph->output[0]->name = weft_arena_strdup(c.arena, "logits");
    check_message(&c, &m);
    const weft_diag_entry *entry = check_only(&c, WEFT_E_NAME_MISSING);
    check_contains(entry->fields[WEFT_DIAG_NODES], "outputs");
    check_contains(entry->fields[WEFT_DIAG_TRY], "logit");
    message_node(&m, "Relu", "logit", "logits");
    message_output(&m, "logit", "2,4");
    check_message(&c, &m);
    assert_int_equal(c.status, WEFT_OK);
    entry = check_entry(&c, WEFT_E_OUTPUT_SHAPE, 0);
    assert_int_equal(entry->severity, WEFT_SEVERITY_WARNING);
    check_contains(entry->fields[WEFT_DIAG_EXPECTED], "2x4");
    check_contains(entry->fields[WEFT_DIAG_FOUND], "2x3");
    message_output(&m, "logits", NULL);
    check_message(&c, &m);
    check_only(&c, WEFT_E_NAME_DUPLICATE);
    m.graph->n_output = 0;
    check_message(&c, &m);
    check_only(&c, WEFT_E_NO_GRAPH);
    m.graph->n_output = 1;
    /* An output may be an input or a constant. */
    m.graph->n_node = 0;
    m.graph->output[0]->name = weft_arena_strdup(c.arena, "x");
    check_message(&c, &m);
    check_clean(&c);
    check_end(&c);
}

static void attributes_are_checked(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, 13);
    Onnx__NodeProto *node = message_node(&m, "LeakyRelu", "x", "y");
    Onnx__AttributeProto *attr =
        message_attr(&m, node, "alpha", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED);
    attr->has_f = 1;
    attr->f = 0.5f;
    check_message(&c, &m); /* models of IR version 1 leave the type out */
    check_clean(&c);
    assert_true(weft_attrs_float(&c.graph->first->attrs, "alpha", 0) == 0.5f);
    attr->has_f = 0;
    check_message(&c, &m);
    check_only(&c, WEFT_E_ATTR_FORM);
    attr->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    check_message(&c, &m);
    check_only(&c, WEFT_E_INFER_ATTR);
    attr->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS;
    check_message(&c, &m);
    check_only(&c, WEFT_E_ATTR_TYPE);
    attr->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    attr->ref_attr_name = weft_arena_strdup(c.arena, "outer");
    check_message(&c, &m);
    check_contains(check_only(&c, WEFT_E_ATTR_FORM)->summary, "outer");
    attr->ref_attr_name = NULL;
    message_attr(&m, node, "alpha", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    check_message(&c, &m);
    check_contains(check_only(&c, WEFT_E_ATTR_FORM)->summary, "twice");
    node->attribute[1]->name = weft_arena_strdup(c.arena, "beta");
    check_message(&c, &m);
    check_only(&c, WEFT_E_INFER_ATTR_UNKNOWN);
    for (int i = 0; i < 80; i++)
        message_attr(&m, node, weft_arena_printf(c.arena, "a%d", i),
                     ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    check_message(&c, &m);
    check_only(&c, WEFT_E_ATTR_FORM);
    check_end(&c);
}

static void what_only_training_needs_is_refused(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, 9);
    message_node(&m, "Dropout", "x", "d,mask");
    message_node(&m, "Add", "d,mask", "y");
    check_message(&c, &m);
    const weft_diag_entry *entry = check_only(&c, WEFT_E_OP_FORM);
    assert_string_equal(entry->fields[WEFT_DIAG_TENSOR], "mask");
    assert_string_equal(entry->fields[WEFT_DIAG_NODES], "Add:y");
    check_end(&c);
    m = begin(&c, 13);
    message_input(&m, "t", 9, "");
    message_node(&m, "Dropout", "x,,t", "y");
    check_message(&c, &m);
    check_only(&c, WEFT_E_OP_FORM);
    check_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_checked),
        cmocka_unit_test(unsupported_operators_are_grouped),
        cmocka_unit_test(problems_of_all_kinds_come_together),
        cmocka_unit_test(nodes_may_come_in_any_order),
        cmocka_unit_test(outputs_are_checked),
        cmocka_unit_test(attributes_are_checked),
        cmocka_unit_test(what_only_training_needs_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
