/* SPDX-License-Identifier: Apache-2.0 */
/* The graph interpreter: values between nodes, outputs that no node makes, refused tensors, data
 * that a kernel refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "kernels/ref/interp.h"
#include "tests/ref/ref_call.h"

static const weft_shape three = {.rank = 1, .dims = {3}};

typedef struct fixture {
    weft_arena *arena;
    weft_graph *graph;
    weft_diag *diag;
} fixture;

static fixture begin(void **state)
{
    fixture fix = {.arena = *state};
    fix.graph = weft_graph_create(fix.arena, "g");
    assert_int_equal(weft_diag_create(&fix.diag), WEFT_OK);
    return fix;
}

static weft_value *node(fixture *fix, weft_op op, weft_value *a, weft_value *b)
{
    weft_value *inputs[] = {a, b};
    const char *name = NULL;
    weft_node *made = weft_graph_add_node(fix->graph, NULL, op, NULL, inputs, b ? 2 : 1, &name, 1);
    return made->outputs[0];
}

static void expect_error(const fixture *fix, weft_error_id id)
{
    bool found = false;
    for (size_t i = 0; i < weft_diag_count(fix->diag); i++)
        found = found || weft_diag_get(fix->diag, i)->id == (uint32_t)id;
    assert_true(found);
}

/* y = (x + c) * x, read twice; outputs y, x itself, c itself and y again. */
static void values_flow_and_are_freed(void **state)
{
    fixture fix = begin(state);
    static const float c_data[] = {10, 20, 30};
    weft_value *x = weft_graph_add_input(fix.graph, "x", WEFT_DTYPE_F32, &three);
    weft_value *c = weft_graph_add_constant(fix.graph, "c", WEFT_DTYPE_F32, &three, c_data);
    weft_value *y = node(&fix, WEFT_OP_Mul, node(&fix, WEFT_OP_Add, x, c), x);
    node(&fix, WEFT_OP_Relu, y, NULL); /* nobody reads it */
    weft_value *results[] = {y, x, c, y};
    for (size_t i = 0; i < 4; i++)
        weft_graph_add_output(fix.graph, results[i]);
    assert_int_equal(weft_graph_infer(fix.graph, fix.diag), WEFT_OK);
    weft_tensor *in = REF_F32(fix.arena, "3", 1, 2, -3), outputs[4];
    for (size_t i = 0; i < 4; i++)
        outputs[i] = *ref_tensor(fix.arena, WEFT_DTYPE_F32, "3", NULL);
    assert_int_equal(weft_ref_run_graph(fix.graph, in, outputs, fix.diag), WEFT_OK);
    REF_EXACT(&outputs[0], 11, 44, -81);
    REF_EXACT(&outputs[1], 1, 2, -3);
    REF_EXACT(&outputs[2], 10, 20, 30);
    REF_EXACT(&outputs[3], 11, 44, -81);
    weft_diag_destroy(fix.diag);
}

static void tensors_that_do_not_fit_are_refused(void **state)
{
    fixture fix = begin(state);
    weft_value *x = weft_graph_add_input(fix.graph, "x", WEFT_DTYPE_F32, &three);
    weft_graph_add_output(fix.graph, node(&fix, WEFT_OP_Relu, x, NULL));
    assert_int_equal(weft_graph_infer(fix.graph, fix.diag), WEFT_OK);
    weft_tensor right = *REF_F32(fix.arena, "3", 1, 2, 3), *out = REF_F32(fix.arena, "3", 0, 0, 0);
    weft_tensor wrong[] = {*REF_F32(fix.arena, "1x3", 1, 2, 3), *REF_I64(fix.arena, "3", 1, 2, 3),
                           right};
    wrong[2].data = NULL;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(weft_ref_run_graph(fix.graph, &wrong[i], out, NULL), WEFT_USAGE);
        assert_int_equal(weft_ref_run_graph(fix.graph, &right, &wrong[i], fix.diag), WEFT_USAGE);
    }
    expect_error(&fix, WEFT_E_API_USE);
    assert_int_equal(weft_ref_run_graph(fix.graph, &right, out, NULL), WEFT_OK);
    weft_diag_destroy(fix.diag);
}

static void refused_data_names_the_node(void **state)
{
    fixture fix = begin(state);
    weft_value *x = weft_graph_add_input(fix.graph, "x", WEFT_DTYPE_F32, &three);
    weft_value *at = weft_graph_add_input(fix.graph, "at", WEFT_DTYPE_I64, &three);
    weft_graph_add_output(fix.graph, node(&fix, WEFT_OP_Gather, x, at));
    assert_int_equal(weft_graph_infer(fix.graph, fix.diag), WEFT_OK);
    weft_tensor inputs[] = {*REF_F32(fix.arena, "3", 1, 2, 3), *REF_I64(fix.arena, "3", 0, 1, 3)};
    weft_tensor *out = REF_F32(fix.arena, "3", 0, 0, 0);
    assert_int_equal(weft_ref_run_graph(fix.graph, inputs, out, fix.diag), WEFT_INVALID);
    expect_error(&fix, WEFT_E_EVAL_FAILED);
    assert_non_null(strstr(weft_diag_get(fix.diag, 0)->summary, fix.graph->first->name));
    weft_diag_destroy(fix.diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_flow_and_are_freed, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(tensors_that_do_not_fit_are_refused, ref_setup,
                                        ref_teardown),
        cmocka_unit_test_setup_teardown(refused_data_names_the_node, ref_setup, ref_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
