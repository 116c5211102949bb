/* SPDX-License-Identifier: Apache-2.0 */
/* What ops.def says about how an operator runs is what the planner does: one small graph per
 * operator. An operator without a graph here fails. Nothing is executed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/passes/passes.h"
#include "compiler/plan/plan.h"

#define F32_X "  input %x: f32[1x4x6x8]\n"
#define F32_XY F32_X "  input %y: f32[1x4x6x8]\n"
#define F32_IMAGE "  input %x: f32[1x8x6x6]\n"
#define BOOL_XY "  input %x: bool[2x3]\n  input %y: bool[2x3]\n"
#define INTS(name, count, list) "  const %" name ": i64[" count "] = [" list "]\n"
#define EIGHT(name) "  const %" name ": f32[8] = [1, 2, 3, 4, 5, 6, 7, 8]\n"
#define U8_X "  input %x: u8[1x4x6x8]\n"
#define U8_XY U8_X "  input %y: u8[1x4x6x8]\n"
#define SCALAR(name, value) "  const %" name ": f32[] = [" value "]\n"
/* Exponentials of which nobody looks at the values. */
#define EXPS "  const %e: i32[256] = 16777216\n"

/* The declarations and the node of a graph that returns %o. One line for every row of ops.def. */
static const struct op_case {
    weft_op op;
    const char *declarations, *node;
} cases[] = {
    {WEFT_OP_Abs, F32_X, "Abs(%x)"},
    {WEFT_OP_Add, F32_XY, "Add(%x, %y)"},
    {WEFT_OP_And, BOOL_XY, "And(%x, %y)"},
    {WEFT_OP_AveragePool, F32_IMAGE, "AveragePool(%x) {kernel_shape=[2, 2]}"},
    {WEFT_OP_BatchNormalization, F32_IMAGE EIGHT("s") EIGHT("b") EIGHT("m") EIGHT("v"),
     "BatchNormalization(%x, %s, %b, %m, %v)"},
    {WEFT_OP_Cast, F32_X, "Cast(%x) {to=6}"},
    {WEFT_OP_Ceil, F32_X, "Ceil(%x)"},
    {WEFT_OP_Clip, F32_X SCALAR("a", "-1") SCALAR("b", "2"), "Clip(%x, %a, %b)"},
    {WEFT_OP_Concat, F32_XY, "Concat(%x, %y) {axis=2}"},
    {WEFT_OP_ConstantOfShape, INTS("a", "1", "3"), "ConstantOfShape(%a)"},
    {WEFT_OP_Conv, F32_IMAGE "  const %w: f32[4x8x3x3] = #1\n", "Conv(%x, %w)"},
    {WEFT_OP_Cos, F32_X, "Cos(%x)"},
    {WEFT_OP_CumSum, F32_X "  const %a: i64[] = [1]\n", "CumSum(%x, %a)"},
    {WEFT_OP_DequantizeLinear, U8_X SCALAR("s", "0.5"), "DequantizeLinear(%x, %s)"},
    {WEFT_OP_Div, F32_XY, "Div(%x, %y)"},
    {WEFT_OP_Elu, F32_X, "Elu(%x)"},
    {WEFT_OP_Equal, F32_XY, "Equal(%x, %y)"},
    {WEFT_OP_Erf, F32_X, "Erf(%x)"},
    {WEFT_OP_Exp, F32_X, "Exp(%x)"},
    {WEFT_OP_Expand, F32_X INTS("a", "4", "5, 4, 6, 8"), "Expand(%x, %a)"},
    {WEFT_OP_Flatten, F32_X, "Flatten(%x)"},
    {WEFT_OP_Floor, F32_X, "Floor(%x)"},
    {WEFT_OP_Gather, F32_X INTS("a", "2", "1, 0"), "Gather(%x, %a) {axis=1}"},
    {WEFT_OP_Gelu, F32_X, "Gelu(%x)"},
    {WEFT_OP_Gemm, "  input %x: f32[2x8]\n  const %w: f32[8x4] = #1\n", "Gemm(%x, %w)"},
    {WEFT_OP_GlobalAveragePool, F32_IMAGE, "GlobalAveragePool(%x)"},
    {WEFT_OP_GlobalMaxPool, F32_IMAGE, "GlobalMaxPool(%x)"},
    {WEFT_OP_Greater, F32_XY, "Greater(%x, %y)"},
    {WEFT_OP_GreaterOrEqual, F32_XY, "GreaterOrEqual(%x, %y)"},
    {WEFT_OP_HardSigmoid, F32_X, "HardSigmoid(%x)"},
    {WEFT_OP_HardSwish, F32_X, "HardSwish(%x)"},
    {WEFT_OP_Identity, F32_X, "Identity(%x)"},
    {WEFT_OP_IsNaN, F32_X, "IsNaN(%x)"},
    {WEFT_OP_LayerNormalization, F32_X EIGHT("s"), "LayerNormalization(%x, %s)"},
    {WEFT_OP_LeakyRelu, F32_X, "LeakyRelu(%x)"},
    {WEFT_OP_Less, F32_XY, "Less(%x, %y)"},
    {WEFT_OP_LessOrEqual, F32_XY, "LessOrEqual(%x, %y)"},
    {WEFT_OP_Log, F32_X, "Log(%x)"},
    {WEFT_OP_MatMul, "  input %x: f32[2x8]\n  const %w: f32[8x4] = #1\n", "MatMul(%x, %w)"},
    {WEFT_OP_Max, F32_XY, "Max(%x, %y)"},
    {WEFT_OP_MaxPool, F32_IMAGE, "MaxPool(%x) {kernel_shape=[2, 2]}"},
    {WEFT_OP_Min, F32_XY, "Min(%x, %y)"},
    {WEFT_OP_Mod, F32_XY, "Mod(%x, %y) {fmod=1}"},
    {WEFT_OP_Mul, F32_XY, "Mul(%x, %y)"},
    {WEFT_OP_Neg, F32_X, "Neg(%x)"},
    {WEFT_OP_Not, "  input %x: bool[2x3]\n", "Not(%x)"},
    {WEFT_OP_Or, BOOL_XY, "Or(%x, %y)"},
    {WEFT_OP_Pad, F32_X INTS("a", "8", "0, 0, 1, 1, 0, 0, 1, 1"), "Pad(%x, %a)"},
    {WEFT_OP_Pow, F32_XY, "Pow(%x, %y)"},
    {WEFT_OP_PRelu, F32_X "  const %s: f32[4x1x1] = [0.5, 0, 0.25, 1]\n", "PRelu(%x, %s)"},
    {WEFT_OP_QuantizeLinear, F32_X SCALAR("s", "0.5"), "QuantizeLinear(%x, %s)"},
    {WEFT_OP_Range, SCALAR("a", "0") SCALAR("b", "9") SCALAR("c", "1"), "Range(%a, %b, %c)"},
    {WEFT_OP_Reciprocal, F32_X, "Reciprocal(%x)"},
    {WEFT_OP_ReduceMax, F32_X INTS("a", "2", "1, 2"), "ReduceMax(%x, %a)"},
    {WEFT_OP_ReduceMean, F32_X INTS("a", "2", "1, 2"), "ReduceMean(%x, %a)"},
    {WEFT_OP_ReduceMin, F32_X INTS("a", "2", "1, 2"), "ReduceMin(%x, %a)"},
    {WEFT_OP_ReduceProd, F32_X INTS("a", "2", "1, 2"), "ReduceProd(%x, %a)"},
    {WEFT_OP_ReduceSum, F32_X INTS("a", "2", "1, 2"), "ReduceSum(%x, %a)"},
    {WEFT_OP_Relu, F32_X, "Relu(%x)"},
    {WEFT_OP_Reshape, F32_X INTS("a", "2", "24, 8"), "Reshape(%x, %a)"},
    {WEFT_OP_Resize, F32_X "  const %s: f32[4] = [1, 1, 2, 2]\n", "Resize(%x, _, %s)"},
    {WEFT_OP_Round, F32_X, "Round(%x)"},
    {WEFT_OP_Shape, F32_X, "Shape(%x)"},
    {WEFT_OP_Sigmoid, F32_X, "Sigmoid(%x)"},
    {WEFT_OP_Sin, F32_X, "Sin(%x)"},
    {WEFT_OP_Size, F32_X, "Size(%x)"},
    {WEFT_OP_Slice, F32_X INTS("a", "1", "1") INTS("b", "1", "3") INTS("c", "1", "2"),
     "Slice(%x, %a, %b, %c)"},
    {WEFT_OP_Softmax, F32_X, "Softmax(%x)"},
    {WEFT_OP_Softplus, F32_X, "Softplus(%x)"},
    {WEFT_OP_Split, F32_X INTS("a", "2", "1, 3"), "Split(%x, %a) {axis=1}"},
    {WEFT_OP_Sqrt, F32_X, "Sqrt(%x)"},
    {WEFT_OP_Squeeze, F32_X INTS("a", "1", "0"), "Squeeze(%x, %a)"},
    {WEFT_OP_Sub, F32_XY, "Sub(%x, %y)"},
    {WEFT_OP_Sum, F32_XY, "Sum(%x, %y, %x)"},
    {WEFT_OP_Tanh, F32_X, "Tanh(%x)"},
    {WEFT_OP_Tile, F32_X INTS("a", "4", "1, 2, 1, 1"), "Tile(%x, %a)"},
    {WEFT_OP_Transpose, F32_X, "Transpose(%x) {perm=[0, 2, 3, 1]}"},
    {WEFT_OP_Trilu, F32_X, "Trilu(%x)"},
    {WEFT_OP_Unsqueeze, F32_X INTS("a", "1", "0"), "Unsqueeze(%x, %a)"},
    {WEFT_OP_Where, F32_XY "  input %z: bool[1x4x6x8]\n", "Where(%z, %x, %y)"},
    {WEFT_OP_Conv2D, F32_X "  const %w: f32[16x3x3x8] = #1\n", "weft.Conv2D(%x, %w)"},
    {WEFT_OP_Linear, "  input %x: f32[2x8]\n  const %w: f32[16x8] = #1\n", "weft.Linear(%x, %w)"},
    {WEFT_OP_Gate, "  input %h: f32[1x4]\n" F32_X "  const %w: f32[8x4] = #1\n",
     "weft.Gate(%h, %w, _, %x)"},
    {WEFT_OP_Pool2D, F32_X, "weft.Pool2D(%x) {kernel_shape=[2, 2]}"},
    {WEFT_OP_Attention, "  input %x: f32[2x5x24]\n",
     "weft.Attention(%x, %x, %x) {heads=2, head_size=4, k_offset=8, v_offset=16, scale=0.5}"},
    {WEFT_OP_TokenConv, "  input %x: f32[2x7x8]\n  const %w: f32[3x3x8] = #1\n",
     "weft.TokenConv(%x, %w) {grid=[2, 3], prefix=1}"},
    {WEFT_OP_QConv2D,
     U8_X "  const %w: i8[3x1x1x8] = 1\n  const %b: i32[3] = 0\n  const %m: i32[3] = 1\n"
          "  const %s: i32[3] = 8\n",
     "weft.QConv2D(%x, %w, %b, %m, %s)"},
    {WEFT_OP_QTokenConv,
     "  input %x: u8[2x7x8]\n  const %w: i8[8x3x3x1] = 1\n  const %b: i32[8] = 0\n"
     "  const %m: i32[8] = 1\n  const %s: i32[8] = 8\n",
     "weft.QTokenConv(%x, %w, %b, %m, %s) {grid=[2, 3], prefix=1}"},
    {WEFT_OP_QAdd, U8_XY, "weft.QAdd(%x, %y) {a_mult=1, b_mult=1}"},
    {WEFT_OP_QMul, U8_XY, "weft.QMul(%x, %y) {mult=1, shift=8}"},
    {WEFT_OP_QPool2D, U8_X, "weft.QPool2D(%x) {kernel_shape=[2, 2], to=\"u8\"}"},
    {WEFT_OP_QTable, U8_X "  const %t: i8[256] = 0\n", "weft.QTable(%x, %t)"},
    {WEFT_OP_QMatMul, U8_XY, "weft.QMatMul(%x, %y) {b_transposed=1, mult=1, shift=8}"},
    {WEFT_OP_QSoftmax, U8_X EXPS, "weft.QSoftmax(%x, %e) {mult=4194304, shift=14}"},
    {WEFT_OP_QLayerNorm, U8_X "  const %g: i32[8] = 1\n  const %b: i32[8] = 0\n",
     "weft.QLayerNorm(%x, %g, %b) {epsilon=9, shift=18}"},
    {WEFT_OP_QAttention, "  input %x: u8[1x5x48]\n" EXPS,
     "weft.QAttention(%x, %x, %x, %e) {heads=2, head_size=8, k_offset=16, v_offset=32, s_mult=1, "
     "s_shift=8, p_mult=4194304, p_shift=14, y_mult=1, y_shift=8}"},
};
enum { CASE_COUNT = sizeof cases / sizeof cases[0] };

static weft_diag *diag;

static void show_errors(void)
{
    for (size_t i = 0; i < weft_diag_count(diag); i++) {
        char text[1024];
        weft_diag_format(weft_diag_get(diag, i), text, sizeof text);
        print_message("%s", text);
    }
}

static weft_graph *parse_case(weft_arena *arena, const struct op_case *one)
{
    char text[1024];
    weft_graph *graph = NULL;
    const char *outputs = one->op == WEFT_OP_Split ? "%o, %p" : "%o";
    int length =
        snprintf(text, sizeof text, "graph \"one\" opset 20 {\n%s  %s = %s\n  output %%o\n}\n",
                 one->declarations, outputs, one->node);
    assert_true(length > 0 && (size_t)length < sizeof text);
    if (weft_graph_parse(arena, text, (size_t)length, &graph, diag) != WEFT_OK) {
        show_errors();
        fail_msg("%s: the graph of the test is wrong:\n%s", weft_op_name(one->op), text);
    }
    return graph;
}

static weft_status plan_graph(weft_arena *arena, weft_graph *graph)
{
    weft_plan *plan = NULL;
    return weft_plan_build(arena, &graph, 1, weft_target_get(0), 2, NULL, &plan, diag);
}

/* A fresh arena and list of errors for one case. */
static weft_arena *begin_case(void)
{
    weft_arena *arena = weft_arena_create();
    assert_non_null(arena);
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    return arena;
}

static void end_case(weft_arena *arena)
{
    weft_arena_destroy(arena);
    weft_diag_destroy(diag);
}

static void every_operator_has_a_case(void **state)
{
    (void)state;
    assert_int_equal(CASE_COUNT, WEFT_OP_COUNT - 1);
    for (size_t i = 0; i < CASE_COUNT; i++)
        assert_string_equal(weft_op_name(cases[i].op), weft_op_name((weft_op)(i + 1)));
}

/* What these return is known once shapes are: their operands are shapes, or decide shapes and are
 * constant. Such nodes may be gone as soon as the graph is there. */
static bool needs_no_data(weft_op op)
{
    return op == WEFT_OP_Shape || op == WEFT_OP_Size || op == WEFT_OP_ConstantOfShape ||
           op == WEFT_OP_Range;
}

static bool has_node(const weft_graph *graph, weft_op op)
{
    for (const weft_node *node = graph->first; node != NULL; node = node->next)
        if (node->op == op)
            return true;
    return false;
}

/* Operators with a kernel are planned as they are; all others are refused, by name. */
static void only_rows_with_a_kernel_are_planned(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        weft_arena *arena = begin_case();
        weft_graph *graph = parse_case(arena, &cases[i]);
        if (!has_node(graph, cases[i].op)) {
            assert_true(needs_no_data(cases[i].op));
            end_case(arena);
            continue;
        }
        weft_status status = plan_graph(arena, graph);
        bool has_kernel = weft_op_get(cases[i].op)->runs == WEFT_RUNS_KERNEL;
        if (has_kernel && status != WEFT_OK)
            show_errors();
        if ((status == WEFT_OK) != has_kernel)
            fail_msg("%s: ops.def says \"%s\", the planner %s", weft_op_name(cases[i].op),
                     weft_op_runs_name(weft_op_get(cases[i].op)->runs),
                     status == WEFT_OK ? "plans it" : "refuses it");
        end_case(arena);
    }
}

/* The required passes alone make lowered operators plannable, and keep folded ones that they cannot
 * compute. */
static void lowered_rows_are_planned_after_the_passes(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        weft_op_runs runs = weft_op_get(cases[i].op)->runs;
        if (runs == WEFT_RUNS_KERNEL)
            continue;
        weft_arena *arena = begin_case();
        weft_graph *graph = parse_case(arena, &cases[i]);
        weft_pass_params params = WEFT_PASS_PARAMS_DEFAULT;
        params.level = 0;
        assert_int_equal(weft_passes_run(graph, &params, NULL, diag), WEFT_OK);
        bool is_left = false;
        for (const weft_node *node = graph->first; node != NULL; node = node->next)
            is_left = is_left || weft_op_get(node->op)->runs != WEFT_RUNS_KERNEL;
        if (runs == WEFT_RUNS_LOWERED && (is_left || plan_graph(arena, graph) != WEFT_OK)) {
            show_errors();
            fail_msg("%s is not lowered", weft_op_name(cases[i].op));
        }
        bool is_computed = needs_no_data(cases[i].op);
        if (runs == WEFT_RUNS_FOLDED && is_left == is_computed)
            fail_msg("%s is %s", weft_op_name(cases[i].op), is_left ? "left" : "lowered");
        end_case(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_has_a_case),
        cmocka_unit_test(only_rows_with_a_kernel_are_planned),
        cmocka_unit_test(lowered_rows_are_planned_after_the_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
