/* SPDX-License-Identifier: Apache-2.0 */
/* Operators on quantised tensors, ONNX's QLinear* and those that ONNX Runtime's quantiser writes,
 * in terms of their definition: DequantizeLinear on the operands, the float operator,
 * QuantizeLinear on the result. All nodes of one carry its name. Must not know what becomes of
 * them. */
#include <string.h>

#include "compiler/import/expand.h"

#define CONTRIB "com.microsoft"

/* Which inputs are what. An operand is three inputs: tensor, scale, zero point. */
typedef struct quantised_op {
    const char *domain, *name, *op_type; /* op_type: the float operator */
    size_t operands[2], operand_count;
    size_t y;     /* input of the result's scale; its zero point follows. Omitted: a float result */
    size_t bias;  /* i32, scaled by both operands; 0: none */
    size_t least; /* inputs needed */
    int64_t weight_axis; /* of the second operand, when it has several scales */
} quantised_op;

static const quantised_op table[] = {
    {"", "QLinearConv", "Conv", {0, 3}, 2, 6, 8, 8, 0},
    {"", "QLinearMatMul", "MatMul", {0, 3}, 2, 6, 0, 8, -1},
    {CONTRIB, "QGemm", "Gemm", {0, 3}, 2, 7, 6, 6, 1},
    {CONTRIB, "QLinearAdd", "Add", {0, 3}, 2, 6, 0, 7, 0},
    {CONTRIB, "QLinearMul", "Mul", {0, 3}, 2, 6, 0, 7, 0},
    {CONTRIB, "QLinearSigmoid", "Sigmoid", {0}, 1, 3, 0, 4, 0},
    {CONTRIB, "QLinearLeakyRelu", "LeakyRelu", {0}, 1, 3, 0, 4, 0},
    {CONTRIB, "QLinearAveragePool", "AveragePool", {0}, 1, 3, 0, 4, 0},
    {CONTRIB, "QLinearGlobalAveragePool", "GlobalAveragePool", {0}, 1, 3, 0, 4, 0},
    {CONTRIB, "QLinearSoftmax", "Softmax", {0}, 1, 3, 0, 4, 0},
    {CONTRIB, "QLinearConcat", "Concat", {0}, 0, 0, 0, 5, 0}, /* operands from input 2 on */
};

static const quantised_op *find_row(const weft_import_node *node)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].domain, node->domain) == 0 && strcmp(table[i].name, node->op_type) == 0)
            return &table[i];
    return NULL;
}

static bool is_contrib_qdq(const weft_import_node *node)
{
    return strcmp(node->domain, CONTRIB) == 0 && (strcmp(node->op_type, "QuantizeLinear") == 0 ||
                                                  strcmp(node->op_type, "DequantizeLinear") == 0);
}

/* The tensor at `input`, with its scale and zero point behind it, in f32. */
static const char *dequantise(weft_import_expansion *e, size_t input, int64_t axis)
{
    const char *inputs[3] = {weft_import_input_of(e->node, input),
                             weft_import_input_of(e->node, input + 1),
                             weft_import_input_of(e->node, input + 2)};
    weft_import_node *made =
        weft_import_expand_to(e, "DequantizeLinear", inputs, 3, NULL, "dequantized");
    weft_import_add_int(e, made, "axis", axis);
    return made->outputs[0];
}

/* The bias has the product of both scales. */
static const char *dequantise_bias(weft_import_expansion *e, const quantised_op *op)
{
    const weft_import_node *node = e->node;
    const char *scales[2] = {weft_import_input_of(node, op->operands[0] + 1),
                             weft_import_input_of(node, op->operands[1] + 1)};
    const char *scale = weft_import_expand_to(e, "Mul", scales, 2, NULL, "bias_scale")->outputs[0];
    const char *inputs[2] = {weft_import_input_of(node, op->bias), scale};
    weft_import_node *made = weft_import_expand_to(e, "DequantizeLinear", inputs, 2, NULL, "bias");
    weft_import_add_int(e, made, "axis", -1);
    return made->outputs[0];
}

/* Attributes of the quantised operator that the float one has too. */
static void copy_attrs(weft_import_expansion *e, weft_import_node *made)
{
    static const char *const own[] = {"channels_last", "opset"};
    const weft_import_node *node = e->node;
    made->attrs = WEFT_NEW_ARRAY(e->importer->arena, weft_import_attr, node->attr_count + 1);
    for (size_t i = 0; i < node->attr_count; i++)
        if (strcmp(node->attrs[i].name, own[0]) != 0 && strcmp(node->attrs[i].name, own[1]) != 0)
            made->attrs[made->attr_count++] = node->attrs[i];
    if (weft_import_find_attr(node, "opset") !=
        NULL) /* of Softmax, whose axis has changed its meaning */
        made->opset = weft_import_int_of(node, "opset", WEFT_IMPORT_MAX_OPSET);
}

static void expand(weft_import_expansion *e)
{
    const weft_import_node *node = e->node;
    const quantised_op *op = find_row(node);
    if (op == NULL) { /* com.microsoft's own, of the same definition */
        weft_import_node same = *node;
        same.domain = "";
        same.opset = WEFT_IMPORT_MAX_OPSET;
        WEFT_VEC_PUSH(e->importer->arena, &e->nodes, same);
        return;
    }
    bool is_gemm = strcmp(op->op_type, "Gemm") == 0;
    size_t operands = op->operand_count > 0 ? op->operand_count : (node->input_count - 2) / 3;
    const char **inputs = WEFT_NEW_ARRAY(e->importer->arena, const char *, operands + 1);
    size_t count = 0;
    for (size_t i = 0; i < operands; i++) {
        size_t from = op->operand_count > 0 ? op->operands[i] : 2 + 3 * i;
        int64_t axis = i == 1 ? op->weight_axis : 0;
        if (is_gemm && i == 1)
            axis = weft_import_int_of(node, "transB", 0) != 0 ? 0 : 1;
        inputs[count++] = dequantise(e, from, axis);
    }
    if (op->bias != 0 && *weft_import_input_of(node, op->bias) != '\0')
        inputs[count++] = dequantise_bias(e, op);
    bool is_float = *weft_import_input_of(node, op->y) == '\0';
    weft_import_node *made = weft_import_expand_to(e, op->op_type, inputs, count,
                                                   is_float ? node->outputs[0] : NULL, "float");
    copy_attrs(e, made);
    if (is_float)
        return;
    const char *last[3] = {made->outputs[0], weft_import_input_of(node, op->y),
                           weft_import_input_of(node, op->y + 1)};
    weft_import_expand_to(e, "QuantizeLinear", last, *last[2] == '\0' ? 2 : 3, node->outputs[0],
                          NULL);
}

/* Why a node cannot be expanded, or NULL. */
static const char *problem_of(const weft_import_node *node)
{
    const quantised_op *op = find_row(node);
    if (op == NULL)
        return NULL;
    bool is_concat = op->operand_count == 0;
    if (node->output_count != 1 || *node->outputs[0] == '\0')
        return "it needs one output";
    if (node->input_count < op->least || (is_concat && (node->input_count - 2) % 3 != 0))
        return "it has too few inputs, or a tensor without scale and zero point";
    if (weft_import_int_of(node, "channels_last", 0) != 0)
        return "channels_last is not supported";
    const weft_import_attr *alpha = weft_import_find_attr(node, "alpha");
    if (strcmp(op->op_type, "Gemm") == 0 && alpha != NULL && alpha->value->has_f &&
        alpha->value->f != 1.0F && *weft_import_input_of(node, op->bias) != '\0')
        return "a bias with alpha other than 1 is not supported";
    return NULL;
}

static bool defines(const weft_import_node *node)
{
    return find_row(node) != NULL || is_contrib_qdq(node);
}

const weft_import_definition weft_import_quantised = {
    .defines = defines,
    .problem_of = problem_of,
    .expand = expand,
    .problem = "has no form in ONNX",
    .advice = "quantise the model in QDQ form",
};
