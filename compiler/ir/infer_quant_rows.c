/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of weft's 8-bit operators over rows and heads: QMatMul, QSoftmax, QLayerNorm and
 * QAttention. Their numbers must lie in the ranges of kernels/include/weft_int_row.h. Must not
 * know about scales. */
#include <inttypes.h>
#include <stdio.h>

#include "compiler/ir/attention.h"
#include "compiler/ir/infer.h"
#include "kernels/include/weft_int_row.h"

static weft_status fail_size(const weft_node *node, const weft_value *value, const char *what,
                             int64_t most, int64_t found, weft_diag *diag)
{
    char expected[64], text[64];
    snprintf(expected, sizeof expected, "%s of 1 to %" PRId64, what, most);
    snprintf(text, sizeof text, "%" PRId64, found);
    return weft_infer_fail(node, value, WEFT_E_INFER_TOO_LARGE, diag, expected, text,
                           "the integer rules do not reach so far");
}

static weft_status check_size(const weft_node *node, const weft_value *value, const char *what,
                              int64_t most, int64_t size, weft_diag *diag)
{
    return size >= 1 && size <= most ? WEFT_OK : fail_size(node, value, what, most, size, diag);
}

/* Entries of an i32 constant in [low, high], as far as it is known. */
static weft_status check_numbers(const weft_node *node, size_t input, int32_t low, int32_t high,
                                 const char *what, weft_diag *diag)
{
    const weft_value *value = node->inputs[input];
    const int32_t *data = value->data;
    for (int64_t i = 0; data && i < value->shape.dims[0]; i++) {
        if (data[i] >= low && data[i] <= high)
            continue;
        char expected[64], found[64];
        snprintf(expected, sizeof expected, "%s from %" PRId32 " to %" PRId32, what, low, high);
        snprintf(found, sizeof found, "%" PRId32 " at index %" PRId64, data[i], i);
        return weft_infer_fail(node, value, WEFT_E_INFER_ATTR, diag, expected, found,
                               "a number is outside of what the integer rules allow");
    }
    return WEFT_OK;
}

/* A table of exponentials: 256 entries, the first of them 1. */
static weft_status check_exps(const weft_node *node, size_t input, weft_diag *diag)
{
    const weft_shape shape = {.rank = 1, .dims = {WEFT_INFER_TABLE_ENTRIES}};
    const weft_value *value = node->inputs[input];
    const int32_t *data = value->data;
    WEFT_INFER_TRY(weft_infer_check_dtype(node, input, WEFT_DTYPE_I32, diag));
    WEFT_INFER_TRY(weft_infer_check_shape(node, input, &shape, diag));
    WEFT_INFER_TRY(check_numbers(node, input, 0, WEFT_EXP_ONE, "an exponential", diag));
    if (!data || data[0] == WEFT_EXP_ONE)
        return WEFT_OK;
    char expected[32], found[32];
    snprintf(expected, sizeof expected, "%d", WEFT_EXP_ONE);
    snprintf(found, sizeof found, "%" PRId32, data[0]);
    return weft_infer_fail(node, value, WEFT_E_INFER_ATTR, diag, expected, found,
                           "the first exponential is not that of 0");
}

/* mult and shift of a softmax's result. */
static weft_status check_softmax_ratio(const weft_node *node, const char *mult, const char *shift,
                                       weft_diag *diag)
{
    int64_t number;
    WEFT_INFER_TRY(weft_infer_attr_int(node, mult, 0, 0, WEFT_MULT_MAX, &number, diag));
    return weft_infer_attr_int(node, shift, WEFT_SHIFT_MIN, WEFT_SHIFT_MIN, WEFT_SOFTMAX_SHIFT_MAX,
                               &number, diag);
}

/* ---- rows ---- */

weft_status weft_infer_q_softmax(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    weft_dtype dtype = WEFT_DTYPE_NONE;
    WEFT_INFER_TRY(weft_infer_q_operand(node, 0, NULL, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 1, WEFT_MAX_RANK, diag));
    WEFT_INFER_TRY(check_exps(node, 1, diag));
    WEFT_INFER_TRY(check_softmax_ratio(node, "mult", "shift", diag));
    WEFT_INFER_TRY(weft_infer_q_dtype(node, "to", &dtype, diag));
    WEFT_INFER_TRY(weft_infer_q_stage(node, "y_zero", "y_min", "y_max", dtype, diag));
    WEFT_INFER_TRY(check_size(node, x, "a last dimension", WEFT_SOFTMAX_MAX,
                              x->shape.dims[x->shape.rank - 1], diag));
    return weft_infer_set(node, 0, dtype, &x->shape, diag);
}

weft_status weft_infer_q_norm(const weft_node *node, size_t input, int64_t channels,
                              const char *prefix, weft_diag *diag)
{
    const struct {
        const char *name;
        int64_t low, high;
    } numbers[] = {{"epsilon", 0, WEFT_SPREAD_EPSILON_MAX},
                   {"beta_shift", 0, WEFT_BETA_SHIFT_MAX},
                   {"shift", WEFT_SHIFT_MIN, WEFT_SHIFT_MAX}};
    const int32_t beta = 1 << WEFT_BETA_BITS;
    weft_shape vector = {.rank = 1, .dims = {channels}};
    WEFT_INFER_TRY(
        check_size(node, node->inputs[0], "a last dimension", WEFT_ROW_MAX, channels, diag));
    for (size_t i = input; i < input + 2; i++) {
        WEFT_INFER_TRY(weft_infer_check_dtype(node, i, WEFT_DTYPE_I32, diag));
        WEFT_INFER_TRY(weft_infer_check_shape(node, i, &vector, diag));
    }
    WEFT_INFER_TRY(check_numbers(node, input, -WEFT_MULT_MAX, WEFT_MULT_MAX, "a scale", diag));
    WEFT_INFER_TRY(check_numbers(node, input + 1, -beta, beta, "a bias", diag));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char name[32];
        int64_t number;
        snprintf(name, sizeof name, "%s%s", prefix, numbers[i].name);
        WEFT_INFER_TRY(weft_infer_attr_int(node, name, numbers[i].low, numbers[i].low,
                                           numbers[i].high, &number, diag));
    }
    return WEFT_OK;
}

weft_status weft_infer_q_layer_norm(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    weft_dtype dtype = WEFT_DTYPE_NONE;
    WEFT_INFER_TRY(weft_infer_q_operand(node, 0, NULL, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 1, WEFT_MAX_RANK, diag));
    WEFT_INFER_TRY(weft_infer_q_norm(node, 1, x->shape.dims[x->shape.rank - 1], "", diag));
    WEFT_INFER_TRY(weft_infer_q_dtype(node, "to", &dtype, diag));
    WEFT_INFER_TRY(weft_infer_q_stage(node, "y_zero", "y_min", "y_max", dtype, diag));
    return weft_infer_set(node, 0, dtype, &x->shape, diag);
}

/* ---- products of two activations ---- */

weft_status weft_infer_q_matmul(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *a = node->inputs[0], *b = node->inputs[1];
    weft_dtype dtype = WEFT_DTYPE_NONE;
    int64_t transposed;
    WEFT_INFER_TRY(weft_infer_q_operand(node, 0, "a_zero", diag));
    WEFT_INFER_TRY(weft_infer_q_operand(node, 1, "b_zero", diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 2, WEFT_MAX_RANK, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 1, 2, WEFT_MAX_RANK, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "b_transposed", 0, 0, 1, &transposed, diag));
    WEFT_INFER_TRY(weft_infer_q_ratio(node, "mult", "shift", diag));
    WEFT_INFER_TRY(weft_infer_q_dtype(node, "to", &dtype, diag));
    WEFT_INFER_TRY(weft_infer_q_stage(node, "y_zero", "y_min", "y_max", dtype, diag));
    int a_rank = a->shape.rank, b_rank = b->shape.rank;
    int64_t depth = a->shape.dims[a_rank - 1],
            b_depth = b->shape.dims[transposed ? b_rank - 1 : b_rank - 2],
            columns = b->shape.dims[transposed ? b_rank - 2 : b_rank - 1];
    weft_shape y = {.rank = a_rank - 2}, batch_b = {.rank = b_rank - 2};
    for (int i = 0; i < y.rank; i++)
        y.dims[i] = a->shape.dims[i];
    for (int i = 0; i < batch_b.rank; i++)
        batch_b.dims[i] = b->shape.dims[i];
    char expected[WEFT_SHAPE_TEXT], found[WEFT_SHAPE_TEXT];
    if (depth != b_depth || !weft_infer_broadcast(&y, &batch_b))
        return weft_infer_fail(
            node, b, WEFT_E_INFER_SHAPE, diag, weft_shape_format(&a->shape, expected),
            weft_shape_format(&b->shape, found), "the operands of the product do not fit together");
    WEFT_INFER_TRY(check_size(node, a, "an inner dimension", WEFT_DEPTH_MAX, depth, diag));
    y.dims[y.rank++] = a->shape.dims[a_rank - 2];
    y.dims[y.rank++] = columns;
    return weft_infer_set(node, 0, dtype, &y, diag);
}

/* ---- attention ---- */

/* Zero point `attr` of what the optional table at `table` makes of operand `input`. */
static weft_status check_tabled(const weft_node *node, size_t input, size_t table, const char *attr,
                                weft_diag *diag)
{
    const weft_value *made = weft_node_input(node, table);
    WEFT_INFER_TRY(weft_infer_q_operand(node, input, made ? NULL : attr, diag));
    WEFT_INFER_TRY(weft_infer_q_table_operand(node, table, diag));
    return made ? weft_infer_q_operand(node, table, attr, diag) : WEFT_OK;
}

weft_status weft_infer_q_attention(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    weft_dtype s = WEFT_DTYPE_NONE, p = WEFT_DTYPE_NONE, dtype = WEFT_DTYPE_NONE;
    weft_shape y = {0};
    WEFT_INFER_TRY(check_tabled(node, 0, 4, "q_zero", diag));
    WEFT_INFER_TRY(check_tabled(node, 1, 5, "k_zero", diag));
    WEFT_INFER_TRY(weft_infer_q_operand(node, 2, "v_zero", diag));
    WEFT_INFER_TRY(check_exps(node, 3, diag));
    WEFT_INFER_TRY(weft_infer_q_table_operand(node, 6, diag));
    WEFT_INFER_TRY(weft_infer_attention_shape(node, &y, diag));
    const weft_attention form = weft_attention_read(&node->attrs);
    const weft_value *k = node->inputs[1];
    WEFT_INFER_TRY(check_size(node, k, "a head size", WEFT_DEPTH_MAX, form.q.size, diag));
    WEFT_INFER_TRY(
        check_size(node, k, "a number of keys", WEFT_SOFTMAX_MAX, k->shape.dims[1], diag));
    WEFT_INFER_TRY(weft_infer_q_dtype(node, "s_type", &s, diag));
    WEFT_INFER_TRY(weft_infer_q_ratio(node, "s_mult", "s_shift", diag));
    WEFT_INFER_TRY(weft_infer_q_stage(node, "s_zero", "s_min", "s_max", s, diag));
    WEFT_INFER_TRY(weft_infer_q_dtype(node, "p_type", &p, diag));
    WEFT_INFER_TRY(check_softmax_ratio(node, "p_mult", "p_shift", diag));
    WEFT_INFER_TRY(weft_infer_q_stage(node, "p_zero", "p_min", "p_max", p, diag));
    WEFT_INFER_TRY(weft_infer_q_dtype(node, "to", &dtype, diag));
    WEFT_INFER_TRY(weft_infer_q_ratio(node, "y_mult", "y_shift", diag));
    WEFT_INFER_TRY(weft_infer_q_stage(node, "y_zero", "y_min", "y_max", dtype, diag));
    return weft_infer_set(node, 0, dtype, &y, diag);
}
