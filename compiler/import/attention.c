/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX's Attention in terms of its definition, softmax(q k^T scale + mask) v for each head, of q, k
 * and v as B x heads x T x C or, with numbers of heads, as B x T x (heads C). Fewer heads of keys
 * and values are repeated; a mask of bool and causal order become numbers to add, and what a mask
 * leaves without any key becomes zeros. What belongs to the caches of texts is refused. Must not
 * know what becomes of the nodes. */
#include <math.h>
#include <string.h>

#include "compiler/import/expand.h"

enum { INPUTS = 3, MASK = 3, FLOAT = 1, BOOL = 9, CHAIN = 64 };

static bool defines(const weft_import_node *node)
{
    return *node->domain == '\0' && strcmp(node->op_type, "Attention") == 0;
}

static float float_of(const weft_import_node *node, const char *name, float fallback)
{
    const weft_import_attr *attr = weft_import_find_attr(node, name);
    return attr != NULL && attr->value->has_f ? attr->value->f : fallback;
}

static const char *problem_of(const weft_import_node *node)
{
    for (size_t i = 0; i < INPUTS; i++)
        if (*weft_import_input_of(node, i) == '\0')
            return "it needs queries, keys and values";
    for (size_t i = MASK + 1; i < node->input_count; i++)
        if (*node->inputs[i] != '\0')
            return "keys and values of earlier runs, and lengths without padding, are not "
                   "supported; q, k, v and attn_mask are";
    for (size_t i = 0; i < node->output_count; i++)
        if ((*node->outputs[i] == '\0') != (i > 0))
            return "it has the output Y alone";
    if (weft_import_int_of(node, "softmax_precision", FLOAT) != FLOAT)
        return "softmax_precision other than float is not supported";
    if (weft_import_int_of(node, "left_window_size", -1) != -1 ||
        weft_import_int_of(node, "right_window_size", -1) != -1)
        return "windows of keys are not supported; is_causal and attn_mask are";
    const weft_import_attr *scale = weft_import_find_attr(node, "scale");
    if (scale != NULL && !scale->value->has_f)
        return "its scale is no number";
    int64_t heads = weft_import_int_of(node, "q_num_heads", 0);
    int64_t kv_heads = weft_import_int_of(node, "kv_num_heads", heads);
    if (heads < 0 || (heads > 0) != (kv_heads > 0) || (heads > 0 && heads % kv_heads != 0))
        return "heads of queries cannot share those of keys evenly: q_num_heads must be a multiple "
               "of kv_num_heads";
    return NULL;
}

static const char *with_ints(weft_import_expansion *e, const char *op_type, const char *input,
                             const char *name, const int64_t *values, size_t count,
                             const char *output)
{
    weft_import_node *made = weft_import_expand_to(e, op_type, &input, 1, output, op_type);
    weft_import_add_ints(e, made, name, values, count);
    return made->outputs[0];
}

static const char *reshape(weft_import_expansion *e, const char *input, const int64_t *dims,
                           size_t rank, const char *output)
{
    weft_import_node *list = weft_import_expand_to(e, "Constant", NULL, 0, NULL, "dims");
    weft_import_add_ints(e, list, "value_ints", dims, rank);
    const char *inputs[2] = {input, list->outputs[0]};
    return weft_import_expand_to(e, "Reshape", inputs, 2, output, "heads")->outputs[0];
}

/* 1 / sqrt(C) unless the node says another; C comes from the shape of the heads' queries. */
static const char *scale_of(weft_import_expansion *e, const char *q)
{
    const weft_import_attr *scale = weft_import_find_attr(e->node, "scale");
    if (scale != NULL) {
        weft_import_node *made = weft_import_expand_to(e, "Constant", NULL, 0, NULL, "scale");
        weft_import_add_float(e, made, "value_float", scale->value->f);
        return made->outputs[0];
    }
    weft_import_node *made = weft_import_expand_to(e, "Shape", &q, 1, NULL, "size");
    weft_import_add_int(e, made, "start", -1);
    const char *x = made->outputs[0];
    made = weft_import_expand_to(e, "Cast", &x, 1, NULL, "size");
    weft_import_add_int(e, made, "to", FLOAT);
    x = made->outputs[0];
    x = weft_import_expand_to(e, "Sqrt", &x, 1, NULL, "root")->outputs[0];
    return weft_import_expand_to(e, "Reciprocal", &x, 1, NULL, "scale")->outputs[0];
}

static const char *product(weft_import_expansion *e, const char *op_type, const char *a,
                           const char *b, const char *output, const char *word)
{
    const char *inputs[2] = {a, b};
    return weft_import_expand_to(e, op_type, inputs, 2, output, word)->outputs[0];
}

static const char *number(weft_import_expansion *e, float value)
{
    weft_import_node *made = weft_import_expand_to(e, "Constant", NULL, 0, NULL, "number");
    weft_import_add_float(e, made, "value_float", value);
    return made->outputs[0];
}

static const char *ints(weft_import_expansion *e, int64_t value)
{
    weft_import_node *made = weft_import_expand_to(e, "Constant", NULL, 0, NULL, "axes");
    weft_import_add_ints(e, made, "value_ints", &value, 1);
    return made->outputs[0];
}

/* Dimensions first to end - 1 of a tensor, as a list. */
static const char *dims_of(weft_import_expansion *e, const char *x, int64_t first, int64_t end)
{
    weft_import_node *made = weft_import_expand_to(e, "Shape", &x, 1, NULL, "shape");
    weft_import_add_int(e, made, "start", first);
    weft_import_add_int(e, made, "end", end);
    return made->outputs[0];
}

static const char *join(weft_import_expansion *e, const char *const *parts, size_t count)
{
    weft_import_node *made = weft_import_expand_to(e, "Concat", parts, count, NULL, "shape");
    weft_import_add_int(e, made, "axis", 0);
    return made->outputs[0];
}

/* ---- heads of keys and values that several heads of queries read ---- */

/* B x G x T x C to B x H x T x C, where H is what q has: each head as often as needed, in a row. */
static const char *repeat(weft_import_expansion *e, const char *x, const char *q)
{
    const char *groups = dims_of(e, x, 1, 2), *heads = dims_of(e, q, 1, 2),
               *times = product(e, "Div", heads, groups, NULL, "times"),
               *batch = dims_of(e, x, 0, 1), *rest = dims_of(e, x, 2, 4);
    const char *wide[] = {batch, groups, times, rest}, *all[] = {batch, heads, rest};
    x = product(e, "Unsqueeze", x, ints(e, 2), NULL, "groups");
    x = product(e, "Expand", x, join(e, wide, 4), NULL, "repeated");
    return product(e, "Reshape", x, join(e, all, 3), NULL, "heads");
}

/* ---- masks ---- */

static const weft_import_node *maker_of(const weft_importer *importer, const char *name)
{
    for (size_t i = 0; i < importer->nodes.count; i++)
        for (size_t j = 0; j < importer->nodes.data[i].output_count; j++)
            if (strcmp(importer->nodes.data[i].outputs[j], name) == 0)
                return &importer->nodes.data[i];
    return NULL;
}

static int32_t declared_type(const weft_importer *importer, const char *name)
{
    const Onnx__GraphProto *graph = importer->model->graph;
    for (size_t i = 0; i < graph->n_initializer; i++)
        if (strcmp(weft_import_text(graph->initializer[i]->name), name) == 0)
            return graph->initializer[i]->data_type;
    for (size_t i = 0; i < graph->n_input; i++) {
        const Onnx__TypeProto *type = graph->input[i]->type;
        if (strcmp(weft_import_text(graph->input[i]->name), name) == 0 && type != NULL &&
            type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
            return type->tensor_type->elem_type;
    }
    return FLOAT;
}

/* Element types are not inferred yet; for bool it is enough to know what makes the tensor. */
static bool is_bool(const weft_importer *importer, const char *name)
{
    static const char *const makers[] = {"And",   "Equal", "Greater", "GreaterOrEqual",
                                         "IsInf", "IsNaN", "Less",    "LessOrEqual",
                                         "Not",   "Or",    "Xor"};
    for (int step = 0; step < CHAIN; step++) {
        const weft_import_node *node = maker_of(importer, name);
        if (node == NULL)
            return declared_type(importer, name) == BOOL;
        for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
            if (strcmp(node->op_type, makers[i]) == 0)
                return true;
        const weft_import_attr *value = weft_import_find_attr(node, "value");
        if (value != NULL && value->value->t != NULL)
            return value->value->t->data_type == BOOL;
        if (strcmp(node->op_type, "Cast") == 0)
            return weft_import_int_of(node, "to", FLOAT) == BOOL;
        size_t input = strcmp(node->op_type, "Where") == 0 ? 1 : 0; /* the others keep the type */
        if (input >= node->input_count)
            return false;
        name = node->inputs[input];
    }
    return false;
}

/* What is added to the scores; NULL when nothing is. */
static const char *mask_of(weft_import_expansion *e, const char *q, const char *k)
{
    const char *mask = weft_import_input_of(e->node, MASK);
    mask = *mask != '\0' ? mask : NULL;
    if (mask != NULL && is_bool(e->importer, mask)) {
        const char *inputs[] = {mask, number(e, 0.0F), number(e, -INFINITY)};
        mask = weft_import_expand_to(e, "Where", inputs, 3, NULL, "mask")->outputs[0];
    }
    if (weft_import_int_of(e->node, "is_causal", 0) == 0)
        return mask;
    /* minus infinity above the diagonal, zeros elsewhere */
    const char *sizes[] = {dims_of(e, q, 2, 3), dims_of(e, k, 2, 3)};
    const char *all = product(e, "Expand", number(e, -INFINITY), join(e, sizes, 2), NULL, "masked"),
               *causal = product(e, "Trilu", all, ints(e, 1), NULL, "causal");
    return mask != NULL ? product(e, "Add", mask, causal, NULL, "mask") : causal;
}

/* Softmax, where rows without any key become zeros: only a mask that the model gives has such. */
static const char *softmax(weft_import_expansion *e, const char *x, bool has_empty_rows)
{
    weft_import_node *made = weft_import_expand_to(e, "Softmax", &x, 1, NULL, "weights");
    weft_import_add_int(e, made, "axis", -1);
    const char *weights = made->outputs[0];
    if (!has_empty_rows)
        return weights;
    const char *guard = weft_import_expand_to(e, "IsNaN", &weights, 1, NULL, "empty")->outputs[0],
               *inputs[] = {guard, number(e, 0.0F), weights};
    return weft_import_expand_to(e, "Where", inputs, 3, NULL, "weights")->outputs[0];
}

static void expand(weft_import_expansion *e)
{
    static const int64_t heads_first[] = {0, 2, 1, 3}, last_two[] = {0, 1, 3, 2};
    const weft_import_node *node = e->node;
    const char *parts[INPUTS] = {node->inputs[0], node->inputs[1], node->inputs[2]};
    int64_t heads = weft_import_int_of(node, "q_num_heads", 0),
            kv_heads = weft_import_int_of(node, "kv_num_heads", heads);
    for (size_t i = 0; heads > 0 && i < INPUTS; i++) {
        const int64_t dims[] = {0, 0, i == 0 ? heads : kv_heads, -1};
        parts[i] = reshape(e, parts[i], dims, 4, NULL);
        parts[i] = with_ints(e, "Transpose", parts[i], "perm", heads_first, 4, NULL);
    }
    for (size_t i = 1; (heads <= 0 || heads != kv_heads) && i < INPUTS; i++)
        parts[i] = repeat(e, parts[i], parts[0]);
    const char *keys = with_ints(e, "Transpose", parts[1], "perm", last_two, 4, NULL);
    const char *x = product(e, "MatMul", parts[0], keys, NULL, "scores");
    x = product(e, "Mul", x, scale_of(e, parts[0]), NULL, "scaled");
    float softcap = float_of(node, "softcap", 0.0F);
    if (softcap > 0.0F) {
        const char *cap = number(e, softcap);
        x = product(e, "Div", x, cap, NULL, "capped");
        x = weft_import_expand_to(e, "Tanh", &x, 1, NULL, "capped")->outputs[0];
        x = product(e, "Mul", x, cap, NULL, "capped");
    }
    const char *mask = mask_of(e, parts[0], parts[1]);
    if (mask != NULL)
        x = product(e, "Add", x, mask, NULL, "masked");
    x = softmax(e, x, *weft_import_input_of(node, MASK) != '\0');
    if (heads <= 0) {
        product(e, "MatMul", x, parts[2], node->outputs[0], NULL);
        return;
    }
    x = product(e, "MatMul", x, parts[2], NULL, "attended");
    x = with_ints(e, "Transpose", x, "perm", heads_first, 4, NULL);
    const int64_t dims[] = {0, 0, -1};
    reshape(e, x, dims, 3, node->outputs[0]);
}

const weft_import_definition weft_import_attention = {
    .defines = defines,
    .problem_of = problem_of,
    .expand = expand,
    .problem = "is used in a way that is not supported",
    .advice = "export the model to an older operator set, which spells attention out",
};
