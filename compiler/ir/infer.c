/* SPDX-License-Identifier: Apache-2.0 */
/* Types and shapes of all values: the checks that every operator shares, the walk over the graph,
 * and evaluation of small constant expressions on the way. Must not know about single operators
 * beyond their rows. */
#include "compiler/ir/infer.h"

#include <stdio.h>
#include <string.h>

static weft_status check_count(const weft_node *node, const char *what, size_t count, int min,
                               int max, weft_diag *diag)
{
    if (count >= (size_t)min && (max < 0 || count <= (size_t)max))
        return WEFT_OK;
    char expected[64], found[32];
    if (max < 0)
        snprintf(expected, sizeof expected, "%d or more %s", min, what);
    else if (min == max)
        snprintf(expected, sizeof expected, "%d %s", min, what);
    else
        snprintf(expected, sizeof expected, "%d to %d %s", min, max, what);
    snprintf(found, sizeof found, "%zu", count);
    return weft_infer_fail(node, NULL, WEFT_E_INFER_ARITY, diag, expected, found,
                           "wrong number of %s", what);
}

/* Inputs below the row's minimum are required, except where an operator has an optional one before
 * a required one. */
static bool is_required(const weft_node *node, size_t input)
{
    const weft_op_row *row = weft_op_get(node->op);
    if (node->op == WEFT_OP_Gate && input == 2) /* the bias */
        return false;
    return input < (size_t)row->min_inputs || row->max_inputs < 0;
}

static weft_status check_inputs(const weft_node *node, weft_diag *diag)
{
    for (size_t i = 0; i < node->input_count; i++) {
        const weft_value *input = node->inputs[i];
        if (!input) {
            if (!is_required(node, i))
                continue;
            char found[64];
            snprintf(found, sizeof found, "input %zu left out", i);
            return weft_infer_fail(node, NULL, WEFT_E_INFER_ARITY, diag, "all required inputs",
                                   found, "a required input is missing");
        }
        if (input->dtype == WEFT_DTYPE_NONE || !input->has_shape)
            return weft_infer_fail(node, input, WEFT_E_INFER_UNKNOWN_INPUT, diag,
                                   "a known type and shape",
                                   input->dtype == WEFT_DTYPE_NONE ? "no type" : "no shape",
                                   "input %zu is not known", i);
    }
    return WEFT_OK;
}

static weft_status check_outputs(const weft_node *node, weft_diag *diag)
{
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i])
            return WEFT_OK;
    return weft_infer_fail(node, NULL, WEFT_E_INFER_ARITY, diag, "an output with a name", "none",
                           "no output is asked for");
}

static weft_status check_attrs(const weft_node *node, weft_diag *diag)
{
    for (size_t i = 0; i < node->attrs.count; i++) {
        const weft_attr *attr = &node->attrs.data[i];
        weft_attr_kind kind;
        if (!weft_op_attr_known(node->op, attr->name, &kind))
            return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR_UNKNOWN, diag,
                                   weft_op_get(node->op)->attrs, attr->name,
                                   "attribute %s is not known", attr->name);
        if (kind != attr->kind)
            return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, weft_attr_kind_name(kind),
                                   weft_attr_kind_name(attr->kind),
                                   "attribute %s is of another kind", attr->name);
    }
    return WEFT_OK;
}

weft_status weft_node_infer(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    const weft_op_row *row = weft_op_get(node->op);
    WEFT_ASSERT(row->infer);
    WEFT_INFER_TRY(
        check_count(node, "inputs", node->input_count, row->min_inputs, row->max_inputs, diag));
    WEFT_INFER_TRY(
        check_count(node, "outputs", node->output_count, row->min_outputs, row->max_outputs, diag));
    WEFT_INFER_TRY(check_outputs(node, diag));
    WEFT_INFER_TRY(check_inputs(node, diag));
    WEFT_INFER_TRY(check_attrs(node, diag));
    return row->infer(graph, node, diag);
}

/* ---- the whole graph ---- */

static bool has_elements(const weft_value *value)
{
    int64_t elems;
    return weft_shape_elems(&value->shape, &elems) && elems > 0;
}

static weft_status check_graph_input(const weft_value *value, weft_diag *diag)
{
    size_t bytes;
    char found[WEFT_SHAPE_TEXT];
    weft_error_id id = WEFT_E_INFER_UNKNOWN_INPUT;
    const char *problem = "has no known type and shape";
    if (value->dtype != WEFT_DTYPE_NONE && value->has_shape) {
        bool fits = weft_shape_bytes(&value->shape, value->dtype, &bytes) &&
                    bytes <= (uint64_t)WEFT_IR_MAX_VALUE_BYTES;
        if (fits && bytes > 0)
            return WEFT_OK;
        id = fits ? WEFT_E_INFER_EMPTY : WEFT_E_INFER_TOO_LARGE;
        problem = fits ? "has no elements" : "is too large";
    }
    weft_status status = weft_diag_error(diag, id, "graph input %s %s", value->name, problem);
    weft_diag_field_set(diag, WEFT_DIAG_TENSOR, "%s", value->name);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED,
                        "dimensions of 1 or more, and at most 2^40 bytes");
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s",
                        value->has_shape ? weft_shape_format(&value->shape, found) : "no shape");
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "give its shape with --shape NAME=1x3x224x224");
    return status;
}

/* Bytes that evaluating the node makes, when it is small enough to be evaluated during inference;
 * else SIZE_MAX. Input data are bounded too, so that the work is. */
static size_t evaluation_bytes(const weft_node *node)
{
    size_t total = 0, bytes;
    if (node->op == WEFT_OP_DequantizeLinear) /* the pass lower-quantized wants the integers */
        return SIZE_MAX;
    bool reads_data = node->op != WEFT_OP_Shape && node->op != WEFT_OP_Size;
    for (size_t i = 0; reads_data && i < node->input_count; i++) {
        const weft_value *input = node->inputs[i];
        if (input && (!weft_value_is_constant(input) ||
                      !weft_shape_bytes(&input->shape, input->dtype, &bytes) ||
                      !weft_add_size(total, bytes, &total) || total > WEFT_IR_FOLD_INPUT_BYTES))
            return SIZE_MAX;
    }
    weft_op_cost cost = weft_node_cost(node);
    total = 0;
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] &&
            (!weft_shape_bytes(&node->outputs[i]->shape, node->outputs[i]->dtype, &bytes) ||
             !weft_add_size(total, bytes, &total) || total > WEFT_IR_FOLD_LIMIT_BYTES))
            return SIZE_MAX;
    return cost.flops > WEFT_IR_FOLD_FLOPS ? SIZE_MAX : total;
}

/* Evaluates a node of constants when it is small. WEFT_OK also when it was left as it is. */
static weft_status evaluate(weft_graph *graph, weft_node *node, size_t *total_bytes,
                            weft_diag *diag)
{
    size_t bytes = evaluation_bytes(node);
    if (bytes == SIZE_MAX)
        return WEFT_OK;
    if (*total_bytes + bytes > WEFT_IR_FOLD_TOTAL_BYTES)
        return weft_infer_fail(node, NULL, WEFT_E_INFER_TOO_LARGE, diag,
                               "64 MiB of constant expressions", "more",
                               "constant expressions make too much data");
    weft_status status = weft_node_fold(graph, node, diag);
    if (status == WEFT_OK)
        *total_bytes += bytes;
    return status == WEFT_UNSUPPORTED ? WEFT_OK : status;
}

static weft_status infer_one(weft_graph *graph, weft_node *node, size_t *total_bytes,
                             weft_diag *diag)
{
    WEFT_INFER_TRY(weft_node_infer(graph, node, diag));
    WEFT_INFER_TRY(evaluate(graph, node, total_bytes, diag));
    for (size_t i = 0; i < node->output_count; i++) {
        const weft_value *output = node->outputs[i];
        char found[WEFT_SHAPE_TEXT];
        if (output && !weft_value_is_constant(output) && !has_elements(output))
            return weft_infer_fail(
                node, output, WEFT_E_INFER_EMPTY, diag, "dimensions of 1 or more",
                weft_shape_format(&output->shape, found), "the result has no elements");
    }
    return WEFT_OK;
}

/* Whether an input is unknown; after a first error that is its consequence and needs no message of
 * its own. */
static bool has_unknown_input(const weft_node *node)
{
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] &&
            (node->inputs[i]->dtype == WEFT_DTYPE_NONE || !node->inputs[i]->has_shape))
            return true;
    return false;
}

/* Chains of quantised layers: a faulty scale further on is not the consequence of the first. */
static void check_quantisation(const weft_node *node, weft_diag *diag)
{
    if ((node->op != WEFT_OP_QuantizeLinear && node->op != WEFT_OP_DequantizeLinear) ||
        !weft_node_input(node, 1) || node->input_count > 3)
        return;
    for (size_t i = 1; i < node->input_count; i++)
        if (node->inputs[i] &&
            (node->inputs[i]->dtype == WEFT_DTYPE_NONE || !node->inputs[i]->has_shape))
            return;
    weft_infer_quantisation(node, diag);
}

weft_status weft_graph_infer(weft_graph *graph, weft_diag *diag)
{
    weft_status first = WEFT_OK;
    size_t total_bytes = 0;
    for (size_t i = 0; i < graph->inputs.count; i++) {
        weft_status status = check_graph_input(graph->inputs.data[i], diag);
        first = first == WEFT_OK ? status : first;
    }
    for (weft_node *node = graph->first, *next; node; node = next) {
        next = node->next; /* evaluation removes the node */
        if (first != WEFT_OK && has_unknown_input(node)) {
            check_quantisation(node, diag);
            continue;
        }
        weft_status status = infer_one(graph, node, &total_bytes, diag);
        if (status == WEFT_OK)
            continue;
        first = first == WEFT_OK ? status : first;
        for (size_t i = 0; i < node->output_count; i++)
            if (node->outputs[i])
                node->outputs[i]->has_shape = false;
    }
    return first;
}
