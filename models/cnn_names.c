/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exporter-like names; see cnn_names.h. Knows nothing about shapes or data.
 */
#include "models/cnn_names.h"

#include <assert.h>
#include <string.h>

/* The torch function behind each operator, whose name the torch.export form uses. */
static const struct {
    const char *op, *function;
} functions[] = {
    {"Add", "add"},
    {"Attention", "scaled_dot_product_attention"},
    {"AveragePool", "avg_pool2d"},
    {"BatchNormalization", "batch_norm"},
    {"Cast", "_to_copy"},
    {"Concat", "cat"},
    {"ConstantOfShape", "full"},
    {"Conv", "conv2d"},
    {"Cos", "cos"},
    {"CumSum", "cumsum"},
    {"Div", "div"},
    {"Erf", "erf"},
    {"Expand", "expand"},
    {"Floor", "floor"},
    {"Gather", "select"},
    {"Gelu", "gelu"},
    {"Gemm", "linear"},
    {"LayerNormalization", "layer_norm"},
    {"MatMul", "matmul"},
    {"MaxPool", "max_pool2d"},
    {"Mul", "mul"},
    {"Pow", "pow"},
    {"Range", "arange"},
    {"ReduceMean", "mean"},
    {"Relu", "relu"},
    {"Reshape", "view"},
    {"Sigmoid", "sigmoid"},
    {"Sin", "sin"},
    {"Shape", "sym_size"},
    {"Slice", "slice"},
    {"Softmax", "softmax"},
    {"Split", "split"},
    {"Sqrt", "sqrt"},
    {"Squeeze", "squeeze"},
    {"Sub", "sub"},
    {"Transpose", "transpose"},
    {"Unsqueeze", "unsqueeze"},
};

/*
 * "layer1.0.conv1" -> "/layer1/layer1.0/conv1": one segment per module, children of a sequence
 * carry its name. The empty path, the model itself, gives "".
 */
static const char *scope_of(weft_cnn *cnn, const char *module)
{
    const char *scope = "";
    const char *parent = "";
    int parent_length = 0;
    for (const char *part = module; *part != '\0';) {
        int length = (int)strcspn(part, ".");
        bool is_index = strspn(part, "0123456789") == (size_t)length;
        if (is_index) {
            scope = weft_build_format(cnn->build, "%s/%.*s.%.*s", scope, parent_length, parent,
                                      length, part);
        } else {
            scope = weft_build_format(cnn->build, "%s/%.*s", scope, length, part);
            parent = part;
            parent_length = length;
        }
        part += length;
        part += *part == '.';
    }
    return scope;
}

/* "relu", then "relu_1", "relu_2", ... */
static const char *flat_name(weft_cnn *cnn, const char *stem)
{
    int i = 0;
    while (i < WEFT_CNN_COUNTERS && cnn->counters[i].stem &&
           strcmp(cnn->counters[i].stem, stem) != 0)
        i++;
    assert(i < WEFT_CNN_COUNTERS); /* one per function above, and one for constants */
    cnn->counters[i].stem = stem;
    int used = cnn->counters[i].used++;
    return used == 0 ? stem : weft_build_format(cnn->build, "%s_%d", stem, used);
}

weft_cnn_names weft_cnn_name(weft_cnn *cnn, const char *op, const char *module)
{
    weft_cnn_names names = {0};
    if (cnn->form == WEFT_CNN_TORCHSCRIPT) {
        const char *first = weft_build_format(cnn->build, "%s/%s", scope_of(cnn, module), op);
        names.node = first;
        names.output = weft_build_format(cnn->build, "%s_output_0", first);
        /* A module's second node of an operator has the number 1. */
        for (int i = 1;
             cnn->build->status == WEFT_BUILD_OK && weft_build_has(cnn->build, names.output); i++) {
            names.node = weft_build_format(cnn->build, "%s_%d", first, i);
            names.output = weft_build_format(cnn->build, "%s_output_0", names.node);
        }
        return names;
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].op, op) == 0)
            names.output = flat_name(cnn, functions[i].function);
    assert(names.output);
    names.node = weft_build_format(cnn->build, "node_%s", names.output);
    return names;
}

const char *weft_cnn_output_name(weft_cnn *cnn, const weft_cnn_names *names, int index)
{
    if (index == 0)
        return names->output;
    if (cnn->form == WEFT_CNN_DYNAMO)
        return weft_build_format(cnn->build, "%s_split_%d", names->output, index);
    return weft_build_format(cnn->build, "%s_output_%d", names->node, index);
}

const char *weft_cnn_constant_name(weft_cnn *cnn, const char *module)
{
    if (cnn->form == WEFT_CNN_DYNAMO)
        return flat_name(cnn, "val");
    return weft_build_format(cnn->build, "%s/Constant_output_0", scope_of(cnn, module));
}
