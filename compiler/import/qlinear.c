/* SPDX-License-Identifier: Apache-2.0 */
/* Operators on quantised tensors, ONNX's QLinear* and those that ONNX Runtime's quantiser writes,
 * in terms of their definition: DequantizeLinear on the operands, the float operator,
 * QuantizeLinear on the result. All nodes of one carry its name. Must not know what becomes of
 * them. */
#include <string.h>

#include "compiler/import/importer.h"

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

typedef struct expansion {
    weft_importer *importer;
    const weft_import_node *node;
    const quantised_op *op;
    WEFT_VEC(weft_import_node) nodes;
    weft_map names; /* set of all names of tensors */
    uint64_t counter;
} expansion;

static const char *input_of(const weft_import_node *node, size_t index)
{
    return index < node->input_count ? node->inputs[index] : "";
}

static const weft_import_attr *find_attr(const weft_import_node *node, const char *name)
{
    for (size_t i = 0; i < node->attr_count; i++)
        if (strcmp(node->attrs[i].name, name) == 0)
            return &node->attrs[i];
    return NULL;
}

static int64_t int_attr(const weft_import_node *node, const char *name, int64_t fallback)
{
    const weft_import_attr *attr = find_attr(node, name);
    return attr != NULL && attr->value->has_i ? attr->value->i : fallback;
}

/* A name that no tensor has: that of the node's result with a word behind it. */
static const char *fresh_name(expansion *e, const char *word)
{
    weft_arena *arena = e->importer->arena;
    const char *name = weft_arena_printf(arena, "%s/%s", e->node->outputs[0], word);
    while (weft_map_get(&e->names, name) != NULL)
        name = weft_arena_printf(arena, "%s/%s.%llu", e->node->outputs[0], word,
                                 (unsigned long long)++e->counter);
    weft_map_put(&e->names, name, e);
    return name;
}

/* A node of ONNX's own domain in the newest form. output NULL: a fresh name from word. */
static weft_import_node *add(expansion *e, const char *op_type, const char *const *inputs,
                             size_t input_count, const char *output, const char *word)
{
    weft_arena *arena = e->importer->arena;
    weft_import_node made = {.name = e->node->name,
                             .domain = "",
                             .op_type = op_type,
                             .opset = WEFT_IMPORT_MAX_OPSET,
                             .input_count = input_count,
                             .output_count = 1};
    made.inputs = weft_arena_dup(arena, inputs, input_count * sizeof *inputs);
    made.outputs = WEFT_NEW(arena, const char *);
    made.outputs[0] = output != NULL ? output : fresh_name(e, word);
    WEFT_VEC_PUSH(arena, &e->nodes, made);
    return &e->nodes.data[e->nodes.count - 1];
}

static void add_int(expansion *e, weft_import_node *node, const char *name, int64_t value)
{
    weft_arena *arena = e->importer->arena;
    Onnx__AttributeProto *attr = WEFT_NEW(arena, Onnx__AttributeProto);
    onnx__attribute_proto__init(attr);
    attr->has_type = 1;
    attr->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    attr->has_i = 1;
    attr->i = value;
    weft_import_attr *attrs = WEFT_NEW_ARRAY(arena, weft_import_attr, node->attr_count + 1);
    if (node->attr_count > 0)
        memcpy(attrs, node->attrs, node->attr_count * sizeof *attrs);
    attrs[node->attr_count] = (weft_import_attr){.name = name, .value = attr};
    node->attrs = attrs;
    node->attr_count++;
}

/* The tensor at `input`, with its scale and zero point behind it, in f32. */
static const char *dequantise(expansion *e, size_t input, int64_t axis)
{
    const char *inputs[3] = {input_of(e->node, input), input_of(e->node, input + 1),
                             input_of(e->node, input + 2)};
    weft_import_node *made = add(e, "DequantizeLinear", inputs, 3, NULL, "dequantized");
    add_int(e, made, "axis", axis);
    return made->outputs[0];
}

/* The bias has the product of both scales. */
static const char *dequantise_bias(expansion *e)
{
    const weft_import_node *node = e->node;
    const char *scales[2] = {input_of(node, e->op->operands[0] + 1),
                             input_of(node, e->op->operands[1] + 1)};
    const char *scale = add(e, "Mul", scales, 2, NULL, "bias_scale")->outputs[0];
    const char *inputs[2] = {input_of(node, e->op->bias), scale};
    weft_import_node *made = add(e, "DequantizeLinear", inputs, 2, NULL, "bias");
    add_int(e, made, "axis", -1);
    return made->outputs[0];
}

/* Attributes of the quantised operator that the float one has too. */
static void copy_attrs(expansion *e, weft_import_node *made)
{
    static const char *const own[] = {"channels_last", "opset"};
    const weft_import_node *node = e->node;
    made->attrs = WEFT_NEW_ARRAY(e->importer->arena, weft_import_attr, node->attr_count + 1);
    for (size_t i = 0; i < node->attr_count; i++)
        if (strcmp(node->attrs[i].name, own[0]) != 0 && strcmp(node->attrs[i].name, own[1]) != 0)
            made->attrs[made->attr_count++] = node->attrs[i];
    if (find_attr(node, "opset") != NULL) /* of Softmax, whose axis has changed its meaning */
        made->opset = int_attr(node, "opset", WEFT_IMPORT_MAX_OPSET);
}

static void expand(expansion *e)
{
    const quantised_op *op = e->op;
    const weft_import_node *node = e->node;
    bool is_gemm = strcmp(op->op_type, "Gemm") == 0;
    size_t operands = op->operand_count > 0 ? op->operand_count : (node->input_count - 2) / 3;
    const char **inputs = WEFT_NEW_ARRAY(e->importer->arena, const char *, operands + 1);
    size_t count = 0;
    for (size_t i = 0; i < operands; i++) {
        size_t from = op->operand_count > 0 ? op->operands[i] : 2 + 3 * i;
        int64_t axis = i == 1 ? op->weight_axis : 0;
        if (is_gemm && i == 1)
            axis = int_attr(node, "transB", 0) != 0 ? 0 : 1;
        inputs[count++] = dequantise(e, from, axis);
    }
    if (op->bias != 0 && *input_of(node, op->bias) != '\0')
        inputs[count++] = dequantise_bias(e);
    bool is_float = *input_of(node, op->y) == '\0';
    weft_import_node *made =
        add(e, op->op_type, inputs, count, is_float ? node->outputs[0] : NULL, "float");
    copy_attrs(e, made);
    if (is_float)
        return;
    const char *last[3] = {made->outputs[0], input_of(node, op->y), input_of(node, op->y + 1)};
    add(e, "QuantizeLinear", last, *last[2] == '\0' ? 2 : 3, node->outputs[0], NULL);
}

/* Why a node cannot be expanded, or NULL. */
static const char *problem_of(const quantised_op *op, const weft_import_node *node)
{
    bool is_concat = op->operand_count == 0;
    if (node->output_count != 1 || *node->outputs[0] == '\0')
        return "it needs one output";
    if (node->input_count < op->least || (is_concat && (node->input_count - 2) % 3 != 0))
        return "it has too few inputs, or a tensor without scale and zero point";
    if (int_attr(node, "channels_last", 0) != 0)
        return "channels_last is not supported";
    const weft_import_attr *alpha = find_attr(node, "alpha");
    if (strcmp(op->op_type, "Gemm") == 0 && alpha != NULL && alpha->value->has_f &&
        alpha->value->f != 1.0F && *input_of(node, op->bias) != '\0')
        return "a bias with alpha other than 1 is not supported";
    return NULL;
}

/* The node goes; what reads its outputs is not to blame. */
static void fail(weft_importer *importer, const weft_import_node *node, const char *why)
{
    weft_import_note(importer, weft_diag_error(importer->diag, WEFT_E_OP_FORM,
                                               "%s has no form in ONNX", node->op_type));
    weft_diag_field_set(importer->diag, WEFT_DIAG_NODES, "%s", node->name);
    weft_diag_field_set(importer->diag, WEFT_DIAG_WHY, "%s", why);
    weft_diag_field_set(importer->diag, WEFT_DIAG_TRY, "quantise the model in QDQ form");
    for (size_t i = 0; i < node->output_count; i++)
        if (*node->outputs[i] != '\0' && weft_map_get(&importer->values, node->outputs[i]) == NULL)
            weft_map_put(&importer->values, node->outputs[i],
                         weft_import_stand_in(importer, node->outputs[i]));
}

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

static void collect_names(expansion *e)
{
    const Onnx__GraphProto *graph = e->importer->model->graph;
    weft_map_init(&e->names, e->importer->arena);
    for (size_t i = 0; i < graph->n_initializer; i++)
        weft_map_put(&e->names, weft_import_text(graph->initializer[i]->name), e);
    for (size_t i = 0; i < graph->n_input; i++)
        weft_map_put(&e->names, weft_import_text(graph->input[i]->name), e);
    for (size_t i = 0; i < e->importer->nodes.count; i++)
        for (size_t j = 0; j < e->importer->nodes.data[i].output_count; j++)
            weft_map_put(&e->names, e->importer->nodes.data[i].outputs[j], e);
}

void weft_import_expand_quantised(weft_importer *importer)
{
    expansion e = {.importer = importer};
    bool is_needed = false;
    for (size_t i = 0; i < importer->nodes.count; i++)
        is_needed = is_needed || find_row(&importer->nodes.data[i]) != NULL ||
                    is_contrib_qdq(&importer->nodes.data[i]);
    if (!is_needed)
        return;
    collect_names(&e);
    for (size_t i = 0; i < importer->nodes.count; i++) {
        weft_import_node node = importer->nodes.data[i];
        e.node = &node;
        e.op = find_row(&node);
        const char *problem = e.op != NULL ? problem_of(e.op, &node) : NULL;
        if (problem != NULL)
            fail(importer, &node, problem);
        if (is_contrib_qdq(&node)) { /* the same definition */
            node.domain = "";
            node.opset = WEFT_IMPORT_MAX_OPSET;
        }
        if (e.op != NULL && problem == NULL)
            expand(&e);
        else if (problem == NULL)
            WEFT_VEC_PUSH(importer->arena, &e.nodes, node);
    }
    importer->nodes.data = e.nodes.data;
    importer->nodes.count = e.nodes.count;
    importer->nodes.capacity = e.nodes.capacity;
}
