/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs with open dimensions and the shapes given for them. Must not know operators beyond those
 * that hand a shape through. */
#include "tests/import/check.h"

static message begin(check *c, const char *shape)
{
    check_begin(c);
    message m = message_create(c->arena, 17);
    message_input(&m, "image", 1, shape);
    message_node(&m, "Relu", "image", "y");
    message_output(&m, "y", NULL);
    return m;
}

static void assert_shape(const check *c, size_t input, const char *expected)
{
    assert_int_equal(c->status, WEFT_OK);
    char text[WEFT_SHAPE_TEXT];
    assert_string_equal(weft_shape_format(&c->graph->inputs.data[input]->shape, text), expected);
}

static void an_open_batch_is_one_and_said_so(void **state)
{
    (void)state;
    static const char *const shapes[] = {"N,3,4,4", "?,3,4,4", "-1,3,4,4"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        check c;
        message m = begin(&c, shapes[i]);
        check_message(&c, &m);
        assert_shape(&c, 0, "1x3x4x4");
        assert_int_equal(weft_diag_count(c.diag), 1);
        assert_int_equal(weft_diag_get(c.diag, 0)->severity, WEFT_SEVERITY_NOTE);
        check_contains(weft_diag_get(c.diag, 0)->fields[WEFT_DIAG_TRY], "--shape image=8x3x4x4");
        check_end(&c);
    }
}

static void other_open_dimensions_need_a_shape(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, "1,3,height,?");
    check_message(&c, &m);
    const weft_diag_entry *entry = check_only(&c, WEFT_E_INPUT_UNBOUND);
    check_contains(entry->summary, "image");
    check_contains(entry->fields[WEFT_DIAG_FOUND], "dimension 2 = height, dimension 3");
    check_contains(entry->fields[WEFT_DIAG_TRY], "--shape image=1x3xheightxW");
    weft_shape_binding binding = {"image", {.rank = 4, .dims = {-1, -1, 8, 6}}};
    check_message_shapes(&c, &m, &binding, 1);
    check_clean(&c);
    assert_shape(&c, 0, "1x3x8x6");
    check_end(&c);
    m = begin(&c, "length"); /* one dimension is no batch */
    check_message(&c, &m);
    check_only(&c, WEFT_E_INPUT_UNBOUND);
    check_end(&c);
    m = begin(&c, "n,n"); /* a first dimension that is also another one is no batch */
    check_message(&c, &m);
    check_only(&c, WEFT_E_INPUT_UNBOUND);
    check_end(&c);
    m = begin(&c, NULL);
    check_message(&c, &m);
    check_contains(check_only(&c, WEFT_E_INPUT_UNBOUND)->fields[WEFT_DIAG_TRY], "--shape image=");
    binding = (weft_shape_binding){"image", {.rank = 2, .dims = {5, 6}}};
    check_message_shapes(&c, &m, &binding, 1);
    check_clean(&c);
    assert_shape(&c, 0, "5x6");
    check_end(&c);
}

static void a_symbol_has_one_size_everywhere(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, "N,H");
    message_input(&m, "other", 1, "N,3,H");
    weft_shape_binding bindings[] = {{"other", {.rank = 3, .dims = {2, 3, 7}}},
                                     {"image", {.rank = 2, .dims = {2, 8}}}};
    check_message_shapes(&c, &m, bindings, 1);
    check_clean(&c);
    assert_shape(&c, 0, "2x7");
    assert_shape(&c, 1, "2x3x7");
    check_message_shapes(&c, &m, bindings, 2);
    const weft_diag_entry *entry = check_only(&c, WEFT_E_SHAPE_CONFLICT);
    assert_int_equal(c.status, WEFT_INVALID);
    check_contains(entry->fields[WEFT_DIAG_WHY], "H");
    bindings[0].shape.dims[0] = -1; /* the batch stays open, and is said once for both */
    check_message_shapes(&c, &m, bindings, 1);
    assert_shape(&c, 0, "1x7");
    assert_int_equal(weft_diag_count(c.diag), 1);
    check_end(&c);
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    static const struct {
        weft_shape shape;
        const char *why;
    } wrong[] = {
        {{.rank = 3, .dims = {1, 3, 4}}, "number of dimensions"},
        {{.rank = 4, .dims = {1, 4, 4, 4}}, "fixes another size"},
        {{.rank = 4, .dims = {0, 3, 4, 4}}, "positive"},
        {{.rank = 4, .dims = {1, 3, 4, -2}}, "positive"},
        {{.rank = 9}, "at most 8"},
        {{.rank = -1}, "at most 8"},
    };
    check c;
    message m = begin(&c, "1,3,4,W");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        weft_shape_binding bindings[] = {{"image", wrong[i].shape}};
        check_message_shapes(&c, &m, bindings, 1);
        assert_int_equal(c.status, WEFT_INVALID);
        const weft_diag_entry *entry = check_entry(&c, WEFT_E_SHAPE_CONFLICT, 0);
        check_contains(entry->fields[WEFT_DIAG_WHY], wrong[i].why);
        assert_string_equal(entry->fields[WEFT_DIAG_EXPECTED], "1x3x4xW");
    }
    weft_shape_binding twice[] = {{"image", {.rank = 4, .dims = {1, 3, 4, 5}}},
                                  {"image", {.rank = 4, .dims = {1, 3, 4, 6}}}};
    check_message_shapes(&c, &m, twice, 2);
    check_contains(check_only(&c, WEFT_E_SHAPE_CONFLICT)->fields[WEFT_DIAG_WHY], "twice");
    twice[0].input = "imgae";
    check_message_shapes(&c, &m, twice, 1);
    const weft_diag_entry *entry = check_entry(&c, WEFT_E_SHAPE_INPUT, 0);
    check_contains(entry->fields[WEFT_DIAG_EXPECTED], "image=1x3x4xW");
    check_contains(entry->fields[WEFT_DIAG_TRY], "did you mean image?");
    check_end(&c);
}

static void input_types_are_checked(void **state)
{
    (void)state;
    check c;
    message m = begin(&c, "1,2");
    m.graph->input[0]->type->tensor_type->elem_type = 8;
    check_message(&c, &m);
    check_contains(check_only(&c, WEFT_E_INPUT_TYPE)->fields[WEFT_DIAG_FOUND], "string");
    m.graph->input[0]->type->tensor_type->elem_type = 99;
    check_message(&c, &m);
    check_contains(check_only(&c, WEFT_E_INPUT_TYPE)->fields[WEFT_DIAG_FOUND], "unknown");
    m.graph->input[0]->type->value_case = ONNX__TYPE_PROTO__VALUE__NOT_SET;
    check_message(&c, &m);
    check_only(&c, WEFT_E_INPUT_TYPE);
    check_end(&c);
    m = begin(&c, "1,1,1,1,1,1,1,1,1");
    check_message(&c, &m);
    check_only(&c, WEFT_E_INPUT_TYPE);
    check_end(&c);
    m = begin(&c, "1,2");
    message_input(&m, "image", 1, "1,2");
    check_message(&c, &m);
    check_only(&c, WEFT_E_NAME_DUPLICATE);
    check_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_batch_is_one_and_said_so),
        cmocka_unit_test(other_open_dimensions_need_a_shape),
        cmocka_unit_test(a_symbol_has_one_size_everywhere),
        cmocka_unit_test(wrong_shapes_are_refused),
        cmocka_unit_test(input_types_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
