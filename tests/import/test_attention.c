/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX's Attention: what it becomes, and what is refused and why. What it computes is compared with
 * ONNX Runtime in tests/oracle. */
#include "tests/import/check.h"

enum { FLOAT = 1, BOOL = 9 };

static const char heads[] = "2,3,5,8", rows[] = "2,5,24";

/* q, k and v of one shape, a mask that nothing reads yet. */
static message begin(check *c, const char *shape)
{
    check_begin(c);
    message m = message_create(c->arena, 23);
    message_input(&m, "q", FLOAT, shape);
    message_input(&m, "k", FLOAT, shape);
    message_input(&m, "v", FLOAT, shape);
    message_input(&m, "mask", FLOAT, "5,5");
    return m;
}

static void set_int(message *m, Onnx__NodeProto *node, const char *name, int64_t number)
{
    Onnx__AttributeProto *attr =
        message_attr(m, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    attr->has_i = 1;
    attr->i = number;
}

static void set_float(message *m, Onnx__NodeProto *node, const char *name, float number)
{
    Onnx__AttributeProto *attr =
        message_attr(m, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    attr->has_f = 1;
    attr->f = number;
}

static size_t count_of(const check *c, weft_op op)
{
    size_t count = 0;
    for (const weft_node *node = c->graph->first; node; node = node->next)
        count += node->op == op;
    return count;
}

static void check_output(const check *c, const char *name, int rank, const int64_t *dims)
{
    const weft_value *y = c->graph->outputs.data[0];
    assert_string_equal(y->name, name);
    assert_int_equal(y->shape.rank, rank);
    assert_memory_equal(y->shape.dims, dims, (size_t)rank * sizeof *dims);
}

static void heads_of_their_own_dimension(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, heads);
    Onnx__NodeProto *node = message_node(&m, "Attention", "q,k,v", "y");
    node->name = weft_arena_strdup(c.arena, "attn");
    message_output(&m, "y", NULL);
    check_message(&c, &m);
    check_clean(&c);
    assert_int_equal(count_of(&c, WEFT_OP_MatMul), 2);
    assert_int_equal(count_of(&c, WEFT_OP_Softmax), 1);
    assert_int_equal(count_of(&c, WEFT_OP_Expand), 2); /* to the same shape: the passes drop it */
    assert_int_equal(c.graph->source_node_count, 1);
    for (const weft_node *one = c.graph->first; one; one = one->next)
        assert_string_equal(one->sources[0], "attn");
    check_output(&c, "y", 4, (const int64_t[]){2, 3, 5, 8});
    check_end(&c);
}

static void heads_among_the_channels(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, rows);
    Onnx__NodeProto *node = message_node(&m, "Attention", "q,k,v", "y,,");
    set_int(&m, node, "q_num_heads", 3);
    set_int(&m, node, "kv_num_heads", 3);
    set_float(&m, node, "scale", 0.5F);
    message_output(&m, "y", NULL);
    check_message(&c, &m);
    check_clean(&c);
    assert_int_equal(count_of(&c, WEFT_OP_MatMul), 2);
    assert_int_equal(count_of(&c, WEFT_OP_Reshape), 4);
    assert_int_equal(count_of(&c, WEFT_OP_Sqrt), 0);
    check_output(&c, "y", 3, (const int64_t[]){2, 5, 24});
    check_end(&c);
}

/* The node's error, and none about what reads its output. */
static void check_refused(check *c, message *m, const char *output, const char *why)
{
    message_node(m, "Relu", "y", "z");
    message_output(m, output, NULL);
    check_message(c, m);
    const weft_diag_entry *entry = check_only(c, WEFT_E_OP_FORM);
    check_contains(entry->fields[WEFT_DIAG_WHY], why);
    check_end(c);
}

static void masks_are_added(void **state)
{
    (void)state;
    static const struct {
        int32_t type;
        int64_t is_causal;
        size_t sums, choices;
    } forms[] = {{FLOAT, 0, 1, 1}, {BOOL, 0, 1, 2}, {FLOAT, 1, 2, 1}, {BOOL, 1, 2, 2}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        check c;
        message m = begin(&c, heads);
        message_input(&m, "other", forms[i].type, "5,5");
        message_node(&m, "Identity", "other", "same");
        Onnx__NodeProto *node = message_node(&m, "Attention", "q,k,v,same", "y");
        set_int(&m, node, "is_causal", forms[i].is_causal);
        message_output(&m, "y", NULL);
        check_message(&c, &m);
        check_clean(&c);
        assert_int_equal(count_of(&c, WEFT_OP_Add), forms[i].sums);
        assert_int_equal(count_of(&c, WEFT_OP_Where), forms[i].choices); /* one is the guard */
        assert_int_equal(count_of(&c, WEFT_OP_IsNaN), 1);
        check_end(&c);
    }
}

static void shared_heads_are_repeated(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, rows);
    message_input(&m, "kv", FLOAT, "2,7,8");
    Onnx__NodeProto *node = message_node(&m, "Attention", "q,kv,kv", "y");
    set_int(&m, node, "q_num_heads", 6);
    set_int(&m, node, "kv_num_heads", 2);
    set_float(&m, node, "softcap", 20.0F);
    message_output(&m, "y", NULL);
    check_message(&c, &m);
    check_clean(&c);
    assert_int_equal(count_of(&c, WEFT_OP_Expand), 2);
    assert_int_equal(count_of(&c, WEFT_OP_Tanh), 1);
    check_output(&c, "y", 3, (const int64_t[]){2, 5, 24});
    check_end(&c);
}

static void what_texts_need_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *inputs, *outputs, *why;
    } forms[] = {
        {"q,k,v,,k,v", "y", "earlier runs"},
        {"q,k", "y", "queries, keys and values"},
        {"q,k,v,mask", "y,,,scores", "output Y alone"},
    };
    static const struct {
        const char *attr, *why;
    } ints[] = {
        {"left_window_size", "windows"},
        {"softmax_precision", "softmax_precision"},
        {"q_num_heads", "multiple of kv_num_heads"},
    };
    check c;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        message m = begin(&c, heads);
        message_node(&m, "Attention", forms[i].inputs, forms[i].outputs);
        check_refused(&c, &m, "z", forms[i].why);
    }
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        message m = begin(&c, rows);
        Onnx__NodeProto *node = message_node(&m, "Attention", "q,k,v", "y");
        set_int(&m, node, ints[i].attr, 11);
        if (i == 2)
            set_int(&m, node, "kv_num_heads", 2);
        check_refused(&c, &m, "z", ints[i].why);
    }
    message m = begin(&c, heads);
    set_int(&m, message_node(&m, "Attention", "q,k,v", "y"), "scale", 1);
    check_refused(&c, &m, "z", "no number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_of_their_own_dimension),
        cmocka_unit_test(heads_among_the_channels),
        cmocka_unit_test(masks_are_added),
        cmocka_unit_test(shared_heads_are_repeated),
        cmocka_unit_test(what_texts_need_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
