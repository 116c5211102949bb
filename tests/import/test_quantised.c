/* SPDX-License-Identifier: Apache-2.0 */
/* Quantised models: what their operators become, what is refused and why, and hostile parameters:
 * one clear error each, all at once. What the operators compute is compared in test_forms.c. */
#include "tests/import/check.h"

#include <math.h>

enum { FLOAT = 1, UINT8 = 2, INT8 = 3, INT16 = 5, INT32 = 6 };

static message begin(check *c, int64_t opset)
{
    check_begin(c);
    message m = message_create(c->arena, opset);
    message_opset(&m, "com.microsoft", 1);
    message_input(&m, "x", FLOAT, "1,4,3,3");
    return m;
}

static void add_floats(message *m, const char *name, size_t rank, int64_t count, float number)
{
    float *data = WEFT_NEW_ARRAY(m->arena, float, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        data[i] = number;
    message_raw(m, message_initializer(m, name, FLOAT, rank, &count), data,
                (size_t)count * sizeof *data);
}

static void add_bytes(message *m, const char *name, int32_t type, size_t rank, int64_t count,
                      int number)
{
    uint8_t *data = WEFT_NEW_ARRAY(m->arena, uint8_t, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        data[i] = (uint8_t)number;
    message_raw(m, message_initializer(m, name, type, rank, &count), data, (size_t)count);
}

static void add_words(message *m, const char *name, int32_t type, int64_t count, int number)
{
    int32_t wide[8];
    int16_t narrow[8];
    assert_true(count <= 8);
    for (int64_t i = 0; i < count; i++) {
        wide[i] = number;
        narrow[i] = (int16_t)number;
    }
    bool is_wide = type == INT32;
    message_raw(m, message_initializer(m, name, type, 1, &count), is_wide ? (void *)wide : narrow,
                (size_t)count * (is_wide ? sizeof *wide : sizeof *narrow));
}

static void set_int(message *m, Onnx__NodeProto *node, const char *name, int64_t number)
{
    Onnx__AttributeProto *attr =
        message_attr(m, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    attr->has_i = 1;
    attr->i = number;
}

static Onnx__NodeProto *microsoft(message *m, const char *op_type, const char *inputs,
                                  const char *outputs)
{
    Onnx__NodeProto *node = message_node(m, op_type, inputs, outputs);
    node->domain = weft_arena_strdup(m->arena, "com.microsoft");
    return node;
}

static size_t count_of(const check *c, weft_op op)
{
    size_t count = 0;
    for (const weft_node *node = c->graph->first; node; node = node->next)
        count += node->op == op;
    return count;
}

static void quantised_operators_become_their_definition(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, 13);
    add_floats(&m, "s", 0, 1, 0.5F);
    add_bytes(&m, "z", UINT8, 0, 1, 3);
    message_node(&m, "QuantizeLinear", "x,s,z", "q");
    Onnx__NodeProto *concat = microsoft(&m, "QLinearConcat", "s,z,q,s,z,q,s,z", "c");
    set_int(&m, concat, "axis", 1);
    Onnx__NodeProto *softmax = microsoft(&m, "QLinearSoftmax", "c,s,z,s,z", "p");
    set_int(&m, softmax, "axis", 1);
    set_int(&m, softmax, "opset", 13);
    softmax->name = weft_arena_strdup(c.arena, "soft");
    microsoft(&m, "DequantizeLinear", "p,s,z", "y");
    message_output(&m, "y", NULL);
    check_message(&c, &m);
    check_clean(&c);
    assert_int_equal(count_of(&c, WEFT_OP_Concat), 1);
    assert_int_equal(count_of(&c, WEFT_OP_Softmax), 1);
    assert_int_equal(count_of(&c, WEFT_OP_QuantizeLinear), 3);
    assert_int_equal(count_of(&c, WEFT_OP_DequantizeLinear), 4);
    assert_int_equal(c.graph->source_node_count, 4);
    size_t named = 0;
    for (const weft_node *node = c.graph->first; node; node = node->next)
        named += strcmp(node->sources[0], "soft") == 0;
    assert_int_equal(named, 3);
    check_end(&c);
}

/* A tensor of the name that the expansion would choose is there already. */
static void names_do_not_collide(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, 13);
    add_floats(&m, "s", 0, 1, 0.5F);
    message_node(&m, "QuantizeLinear", "x,s", "q");
    message_node(&m, "Neg", "x", "a/dequantized");
    message_node(&m, "Abs", "x", "a/float");
    microsoft(&m, "QLinearSigmoid", "q,s,,s,", "a");
    message_output(&m, "a", NULL);
    check_message(&c, &m);
    check_clean(&c);
    assert_int_equal(count_of(&c, WEFT_OP_Sigmoid), 1);
    check_end(&c);
}

static void forms_without_meaning_are_refused(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, 13);
    add_floats(&m, "s", 0, 1, 0.5F);
    message_node(&m, "QuantizeLinear", "x,s", "q");
    message_node(&m, "QLinearConv", "q,s", "a");
    microsoft(&m, "QLinearConcat", "s,z,q", "b");
    set_int(&m, microsoft(&m, "QLinearAveragePool", "q,s,,s,", "d"), "channels_last", 1);
    message_node(&m, "DynamicQuantizeLinear", "x", "e");
    message_node(&m, "MatMulInteger", "q,q", "f");
    microsoft(&m, "QAttention", "q", "g");
    message_output(&m, "a", NULL);
    check_message(&c, &m);
    assert_int_equal(check_count(&c, WEFT_E_OP_FORM), 3);
    check_contains(check_entry(&c, WEFT_E_OP_FORM, 0)->fields[WEFT_DIAG_WHY], "too few inputs");
    check_contains(check_entry(&c, WEFT_E_OP_FORM, 2)->fields[WEFT_DIAG_WHY], "channels_last");
    assert_int_equal(check_count(&c, WEFT_E_OP_UNSUPPORTED), 3);
    check_contains(check_entry(&c, WEFT_E_OP_UNSUPPORTED, 0)->fields[WEFT_DIAG_WHY],
                   "while the model runs");
    assert_int_equal(weft_diag_count(c.diag), 6);
    check_end(&c);
}

/* One faulty QuantizeLinear: one error with this id, that says what was found. */
typedef struct hostile {
    const char *inputs; /* of QuantizeLinear; "q..." of DequantizeLinear */
    int64_t axis;
    weft_error_id id;
    const char *found;
} hostile;

static void build_hostile(message *m)
{
    static const struct {
        const char *name;
        float number;
    } scales[] = {{"s", 0.5F},  {"zero", 0.0F},   {"minus", -1.0F},          {"inf", INFINITY},
                  {"nan", NAN}, {"tiny", 1e-40F}, {"least", 1.17549435e-38F}};
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++)
        add_floats(m, scales[i].name, 0, 1, scales[i].number);
    add_floats(m, "s4", 1, 4, 0.5F);
    add_floats(m, "s5", 1, 5, 0.5F);
    add_bytes(m, "u", UINT8, 0, 1, 200);
    add_bytes(m, "i", INT8, 0, 1, -3);
    add_bytes(m, "u3", UINT8, 1, 3, 1);
    add_words(m, "h", INT16, 1, 7);
    add_words(m, "w", INT32, 1, 7);
    add_words(m, "q32", INT32, 4, 9);
    add_bytes(m, "q8", UINT8, 1, 4, 9);
}

static const hostile cases[] = {
    {"x,zero", 1, WEFT_E_QUANT_SCALE, "0 at index 0 (zero)"},
    {"x,minus", 1, WEFT_E_QUANT_SCALE, "-1 at index 0 (negative)"},
    {"x,inf", 1, WEFT_E_QUANT_SCALE, "infinite"},
    {"x,nan", 1, WEFT_E_QUANT_SCALE, "not a number"},
    {"x,tiny", 1, WEFT_E_QUANT_SCALE, "denormal"},
    {"x,s5", 1, WEFT_E_QUANT_COUNT, "5"},
    {"x,s4", 2, WEFT_E_QUANT_COUNT, "4"},
    {"x,s4", 4, WEFT_E_QUANT_AXIS, "axis=4"},
    {"x,s4", -5, WEFT_E_QUANT_AXIS, "axis=-5"},
    {"x,s4,u3", 1, WEFT_E_QUANT_COUNT, "3"},
    {"x,s,h", 1, WEFT_E_QUANT_FORM, "i16"},
    {"x,s,w", 1, WEFT_E_QUANT_ZERO_POINT, "7 at index 0"},
    {"x,r", 1, WEFT_E_QUANT_NOT_CONSTANT, "computed"},
    {"q8,s,i", 1, WEFT_E_QUANT_ZERO_POINT, "i8"},
    {"q32,s,w", 1, WEFT_E_QUANT_ZERO_POINT, "7 at index 0"},
    {"q8,nan", 1, WEFT_E_QUANT_SCALE, "not a number"},
};

static void add_hostile(message *m, const hostile *one, const char *output)
{
    bool is_back = one->inputs[0] == 'q';
    Onnx__NodeProto *node =
        message_node(m, is_back ? "DequantizeLinear" : "QuantizeLinear", one->inputs, output);
    set_int(m, node, "axis", one->axis);
    if (strcmp(one->inputs, "x,r") == 0)
        set_int(m, message_node(m, "ReduceMax", "x", "r"), "keepdims", 0);
}

static void hostile_parameters_have_one_error_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check c;
        message m = begin(&c, 21);
        build_hostile(&m);
        add_hostile(&m, &cases[i], "y");
        message_output(&m, "y", NULL);
        check_message(&c, &m);
        const weft_diag_entry *entry = check_only(&c, cases[i].id);
        check_contains(entry->fields[WEFT_DIAG_FOUND], cases[i].found);
        assert_non_null(entry->fields[WEFT_DIAG_NODES]);
        assert_non_null(entry->fields[WEFT_DIAG_TRY]);
        check_end(&c);
    }
}

static void all_hostile_parameters_are_reported(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, 21);
    build_hostile(&m);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *name = weft_arena_printf(c.arena, "y%zu", i);
        add_hostile(&m, &cases[i], name);
        message_output(&m, name, NULL);
    }
    check_message(&c, &m);
    assert_int_equal(weft_diag_count(c.diag), sizeof cases / sizeof cases[0]);
    check_end(&c);
}

/* In a chain the second fault is not the consequence of the first. */
static void faults_in_a_row_are_both_reported(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, 21);
    build_hostile(&m);
    message_node(&m, "QuantizeLinear", "x,zero", "a");
    message_node(&m, "DequantizeLinear", "a,nan", "b");
    message_node(&m, "Relu", "b", "r");
    message_node(&m, "QuantizeLinear", "r,s", "d");
    message_node(&m, "DequantizeLinear", "d,minus", "y");
    message_output(&m, "y", NULL);
    check_message(&c, &m);
    assert_int_equal(check_count(&c, WEFT_E_QUANT_SCALE), 3);
    assert_int_equal(weft_diag_count(c.diag), 3);
    check_end(&c);
}

static void odd_but_legal_parameters_are_read(void **state)
{
    (void)state;
    static const char *const inputs[] = {"x,least", "x,s,u", "x,s,i"};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        check c;
        message m = begin(&c, 21);
        build_hostile(&m);
        message_node(&m, "QuantizeLinear", inputs[i], "y");
        message_output(&m, "y", NULL);
        check_message(&c, &m);
        check_clean(&c);
        check_end(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantised_operators_become_their_definition),
        cmocka_unit_test(names_do_not_collide),
        cmocka_unit_test(forms_without_meaning_are_refused),
        cmocka_unit_test(hostile_parameters_have_one_error_each),
        cmocka_unit_test(all_hostile_parameters_are_reported),
        cmocka_unit_test(faults_in_a_row_are_both_reported),
        cmocka_unit_test(odd_but_legal_parameters_are_read),
    };
    return cmocka_run_group_tests_name("quantised models", tests, NULL, NULL);
}
