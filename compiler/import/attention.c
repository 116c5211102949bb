/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX's Attention in terms of its definition: softmax(q k^T scale) v for each head, of q, k and v
 * as B x heads x T x C or, with numbers of heads, as B x T x (heads C). What belongs to texts,
 * masks and caches of keys and values, is refused. Must not know what becomes of the nodes. */
#include <string.h>

#include "compiler/import/expand.h"

enum { INPUTS = 3, FLOAT = 1 };

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
    for (size_t i = INPUTS; i < node->input_count; i++)
        if (*node->inputs[i] != '\0')
            return i == INPUTS ? "masks are not supported"
                               : "keys and values of earlier runs are not supported";
    for (size_t i = 0; i < node->output_count; i++)
        if ((*node->outputs[i] == '\0') != (i > 0))
            return "it needs one output";
    if (weft_import_int_of(node, "is_causal", 0) != 0)
        return "causal attention is not supported";
    if (float_of(node, "softcap", 0.0F) != 0.0F)
        return "softcap is not supported";
    if (weft_import_int_of(node, "softmax_precision", FLOAT) != FLOAT)
        return "softmax_precision other than float is not supported";
    const weft_import_attr *scale = weft_import_find_attr(node, "scale");
    if (scale != NULL && !scale->value->has_f)
        return "its scale is no number";
    int64_t heads = weft_import_int_of(node, "q_num_heads", 0);
    int64_t kv_heads = weft_import_int_of(node, "kv_num_heads", heads);
    if (heads < 0 || kv_heads != heads)
        return "numbers of heads that differ between queries and keys are not supported";
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

static void expand(weft_import_expansion *e)
{
    static const int64_t heads_first[] = {0, 2, 1, 3}, last_two[] = {0, 1, 3, 2};
    const weft_import_node *node = e->node;
    const char *parts[INPUTS] = {node->inputs[0], node->inputs[1], node->inputs[2]};
    int64_t heads = weft_import_int_of(node, "q_num_heads", 0);
    for (size_t i = 0; heads > 0 && i < INPUTS; i++) {
        const int64_t dims[] = {0, 0, heads, -1};
        parts[i] = reshape(e, parts[i], dims, 4, NULL);
        parts[i] = with_ints(e, "Transpose", parts[i], "perm", heads_first, 4, NULL);
    }
    const char *keys = with_ints(e, "Transpose", parts[1], "perm", last_two, 4, NULL);
    const char *x = product(e, "MatMul", parts[0], keys, NULL, "scores");
    x = product(e, "Mul", x, scale_of(e, parts[0]), NULL, "scaled");
    weft_import_node *softmax = weft_import_expand_to(e, "Softmax", &x, 1, NULL, "weights");
    weft_import_add_int(e, softmax, "axis", -1);
    x = softmax->outputs[0];
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
