/* SPDX-License-Identifier: Apache-2.0 */
/* Which tensors are quantised: what the operators that have an 8-bit form read and write. A Relu or
 * Clip and the factor of a product of activations belong to the operator before them, so only their
 * result is quantised; operators that only move elements
 * keep the range of what they read. These are the places where ONNX Runtime's own
 * quantizer puts nodes, so its fusions work on the result. Must not know: ranges, integers. */
#include <string.h>

#include "compiler/passes/rewrite.h"
#include "compiler/quant/quant.h"

static bool is_float(const weft_value *value)
{
    return value != NULL && value->dtype == WEFT_DTYPE_F32;
}

/* Pads with zeros, which every range represents exactly. */
static bool pads_with_zeros(const weft_node *node)
{
    double fill = 0;
    const weft_value *value = weft_node_input(node, 2);
    return strcmp(weft_attrs_string(&node->attrs, "mode", "constant"), "constant") == 0 &&
           (value == NULL || (weft_value_const_scalar(value, &fill) && fill == 0));
}

/* Moves elements, or picks among them. */
static bool only_moves(const weft_node *node)
{
    switch ((int)node->op) {
    case WEFT_OP_Pad: return pads_with_zeros(node);
    case WEFT_OP_Gather:
    case WEFT_OP_Flatten:
    case WEFT_OP_GlobalMaxPool:
    case WEFT_OP_MaxPool:
    case WEFT_OP_Reshape:
    case WEFT_OP_Slice:
    case WEFT_OP_Split:
    case WEFT_OP_Squeeze:
    case WEFT_OP_Transpose:
    case WEFT_OP_Unsqueeze: return true;
    default: return false;
    }
}

static bool is_limit(const weft_node *node)
{
    return node->op == WEFT_OP_Relu || node->op == WEFT_OP_Clip;
}

/* The mean over height and width. */
static bool is_spatial_mean(const weft_node *node)
{
    const weft_value *x = node->inputs[0];
    int64_t axes[WEFT_MAX_RANK];
    size_t count = 0;
    if (x->shape.rank != 4 || weft_node_input(node, 1) == NULL ||
        !weft_value_const_ints(node->inputs[1], axes, WEFT_MAX_RANK, &count) || count != 2)
        return false;
    for (size_t i = 0; i < 2; i++)
        axes[i] += axes[i] < 0 ? 4 : 0;
    return axes[0] + axes[1] == 5 && (axes[0] == 2 || axes[1] == 2);
}

static bool is_excluded(const weft_quant *quant, const weft_node *node)
{
    for (size_t i = 0; i < quant->params.exclude_count; i++)
        if (strcmp(quant->params.exclude[i], node->name) == 0)
            return true;
    return false;
}

/* No bias, or a constant of one number per output: what can be s32. */
static bool has_plain_bias(const weft_node *node, int64_t outputs)
{
    const weft_value *bias = weft_node_input(node, 2);
    int64_t elems = 0;
    return bias == NULL ||
           (is_float(bias) && weft_value_is_constant(bias) &&
            weft_shape_elems(&bias->shape, &elems) && elems == outputs && bias->shape.rank > 0 &&
            bias->shape.dims[bias->shape.rank - 1] == outputs);
}

/* A constant, or one that was quantised already. */
static bool is_weights(const weft_value *w)
{
    const weft_node *made = weft_rewrite_producer(w, WEFT_OP_DequantizeLinear);
    return weft_value_is_constant(made ? made->inputs[0] : w);
}

bool weft_quant_is_product(const weft_node *node)
{
    const weft_value *x = weft_node_input(node, 0), *w = weft_node_input(node, 1);
    if (!is_float(x) || !is_float(w) || is_weights(x) || !is_weights(w))
        return false;
    bool by_rows = weft_attrs_int(&node->attrs, "transB", 0) != 0;
    switch ((int)node->op) {
    case WEFT_OP_Conv: return x->shape.rank == 4 && has_plain_bias(node, w->shape.dims[0]);
    case WEFT_OP_Gemm:
        return weft_attrs_int(&node->attrs, "transA", 0) == 0 &&
               weft_attrs_float(&node->attrs, "alpha", 1) == 1 &&
               weft_attrs_float(&node->attrs, "beta", 1) == 1 &&
               has_plain_bias(node, w->shape.dims[by_rows ? 0 : 1]);
    case WEFT_OP_MatMul: return w->shape.rank == 2;
    default: return false;
    }
}

static bool is_computed_product(const weft_node *node)
{
    const weft_value *a = weft_node_input(node, 0), *b = weft_node_input(node, 1);
    return node->op == WEFT_OP_MatMul && is_float(a) && is_float(b) && !is_weights(a) &&
           !is_weights(b) && a->shape.rank > 1 && b->shape.rank > 1;
}

/* The constant operand of a node of two; the other one is *out_other. NULL when it has none. */
static weft_value *constant_of(const weft_node *node, weft_value **out_other)
{
    for (size_t i = 0; i < 2 && node->input_count == 2; i++) {
        *out_other = node->inputs[1 - i];
        if (weft_value_is_constant(node->inputs[i]) && is_float(node->inputs[i]) &&
            !weft_value_is_constant(*out_other))
            return node->inputs[i];
    }
    return NULL;
}

/* The product with a positive number that alone reads a product of activations, or NULL. */
static weft_node *factor_of(const weft_quant *quant, const weft_node *product)
{
    weft_value *x = NULL, *y = product->outputs[0];
    weft_node *user = weft_rewrite_single_user(quant->graph, y);
    double factor = 0;
    if (!is_computed_product(product) || user == NULL || is_excluded(quant, product) ||
        is_excluded(quant, user) || (user->op != WEFT_OP_Mul && user->op != WEFT_OP_Div) ||
        !weft_shape_equal(&user->outputs[0]->shape, &y->shape))
        return NULL;
    const weft_value *number = constant_of(user, &x);
    bool is_quotient = user->op == WEFT_OP_Div && user->inputs[0] != x;
    return number != NULL && !is_quotient && weft_value_const_scalar(number, &factor) && factor > 0
               ? user
               : NULL;
}

/* The factor of the product before it. */
static bool is_factor(const weft_quant *quant, const weft_node *node)
{
    for (size_t i = 0; i < node->input_count && i < 2; i++) {
        const weft_node *product = weft_rewrite_producer(node->inputs[i], WEFT_OP_MatMul);
        if (product != NULL && factor_of(quant, product) == node)
            return true;
    }
    return false;
}

/* The scale and bias of a LayerNormalization over the last dimension are constant. */
static bool is_layer_norm(const weft_node *node)
{
    const weft_value *x = node->inputs[0], *bias = weft_node_input(node, 2);
    int64_t axis = weft_attrs_int(&node->attrs, "axis", -1);
    return (axis == -1 || axis == x->shape.rank - 1) && node->output_count == 1 &&
           weft_value_is_constant(node->inputs[1]) &&
           (bias == NULL || weft_value_is_constant(bias));
}

static bool is_last_softmax(const weft_node *node)
{
    int64_t axis = weft_attrs_int(&node->attrs, "axis", -1);
    return axis == -1 || axis == node->inputs[0]->shape.rank - 1;
}

bool weft_quant_takes(const weft_quant *quant, const weft_node *node)
{
    const weft_value *x = weft_node_input(node, 0), *b = weft_node_input(node, 1);
    if (!is_float(x) || !is_float(node->outputs[0]) || is_excluded(quant, node))
        return false;
    switch ((int)node->op) {
    case WEFT_OP_Conv:
    case WEFT_OP_Gemm: return weft_quant_is_product(node);
    case WEFT_OP_MatMul: return weft_quant_is_product(node) || is_computed_product(node);
    case WEFT_OP_Add:
    case WEFT_OP_Mul:
    case WEFT_OP_Sub:
        return (!weft_value_is_constant(x) || !weft_value_is_constant(b)) &&
               !is_factor(quant, node);
    case WEFT_OP_LayerNormalization: return is_layer_norm(node);
    case WEFT_OP_Softmax: return is_last_softmax(node);
    case WEFT_OP_ReduceMean: return is_spatial_mean(node);
    case WEFT_OP_AveragePool:
    case WEFT_OP_Concat:
    case WEFT_OP_Elu:
    case WEFT_OP_Gelu:
    case WEFT_OP_GlobalAveragePool:
    case WEFT_OP_HardSigmoid:
    case WEFT_OP_HardSwish:
    case WEFT_OP_LeakyRelu:
    case WEFT_OP_Sigmoid:
    case WEFT_OP_Softplus:
    case WEFT_OP_Tanh: return true;
    default: /* on what is quantised already; alone they gain nothing */
        return (only_moves(node) || is_limit(node)) && weft_quant_point_of(quant, x) != NULL;
    }
}

weft_quant_point *weft_quant_point_of(const weft_quant *quant, const weft_value *value)
{
    for (size_t i = 0; i < quant->points.count; i++)
        if (quant->points.data[i].value == value)
            return &quant->points.data[i];
    return NULL;
}

/* owner: the point whose range it shares, or NULL. */
static void add_point(weft_quant *quant, weft_value *value, const weft_quant_point *owner)
{
    if (!is_float(value) || weft_value_is_constant(value) || weft_quant_point_of(quant, value))
        return;
    weft_quant_point point = {.value = value,
                              .name = value->name,
                              .op = value->producer ? weft_op_name(value->producer->op) : "input",
                              .shares = owner ? owner->shares : quant->points.count,
                              .input = -1,
                              .output = -1,
                              .is_model_output = weft_value_is_output(quant->graph, value)};
    for (size_t i = 0; i < quant->graph->inputs.count; i++)
        if (quant->graph->inputs.data[i] == value)
            point.input = (int)i;
    if (point.input < 0)
        point.output = (int)quant->output_count++;
    const weft_shape *shape = &value->shape;
    weft_shape_elems(shape, &point.elements);
    int axis = shape->rank > 2 ? 1 : shape->rank - 1;
    point.channels = shape->rank > 0 ? shape->dims[axis] : 1;
    point.inner = 1;
    for (int d = axis + 1; d < shape->rank; d++)
        point.inner *= shape->dims[d];
    point.sums = WEFT_NEW_ARRAY(quant->arena, double, (size_t)point.channels);
    WEFT_VEC_PUSH(quant->arena, &quant->points, point);
}

/* What is quantised in the place of a node's result: that of the factor and the Relu or Clip
 * that alone read it. */
static weft_value *behind_factor(const weft_quant *quant, const weft_node *node, size_t output)
{
    weft_value *value = node->outputs[output];
    const weft_node *factor = factor_of(quant, node);
    value = factor != NULL ? factor->outputs[0] : value;
    const weft_node *user = weft_rewrite_single_user(quant->graph, value);
    return user && is_limit(user) && !is_excluded(quant, user) ? user->outputs[0] : value;
}

/* Weights, indices and the like, which are no tensors of the network. */
static bool is_parameter(const weft_node *node, size_t input)
{
    return input > 0 && (only_moves(node) || node->op == WEFT_OP_LayerNormalization);
}

static void visit(weft_quant *quant, weft_node *node)
{
    bool moves = only_moves(node);
    for (size_t i = 0; i < node->input_count && !is_limit(node); i++)
        if (node->inputs[i] != NULL && !is_parameter(node, i))
            add_point(quant, node->inputs[i], NULL);
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] == NULL)
            continue;
        const weft_quant_point *owner = moves ? weft_quant_point_of(quant, node->inputs[0]) : NULL;
        add_point(quant, owner ? node->outputs[i] : behind_factor(quant, node, i), owner);
    }
}

static weft_status refuse(const weft_node *node, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_QUANT_ALREADY, "the model is quantised already");
    weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", node->name);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "weft compile takes it as it is");
    return status;
}

/* Each --exclude must name a node of the prepared graph, or one that went into such a node. */
static weft_status check_excluded(const weft_quant *quant, weft_diag *diag)
{
    const char **names = WEFT_NEW_ARRAY(quant->arena, const char *, quant->graph->node_count);
    size_t count = 0;
    for (const weft_node *node = quant->graph->first; node != NULL; node = node->next)
        names[count++] = node->name;
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < quant->params.exclude_count; i++) {
        const char *name = quant->params.exclude[i];
        bool is_found = false;
        for (size_t k = 0; k < count && !is_found; k++)
            is_found = strcmp(names[k], name) == 0;
        if (is_found)
            continue;
        const char *nearest = weft_nearest(name, names, count);
        status = weft_diag_error(diag, WEFT_E_QUANT_EXCLUDE, "no node is named %s", name);
        if (nearest != NULL)
            weft_diag_field_set(diag, WEFT_DIAG_TRY, "%s", nearest);
        else
            weft_diag_field_set(diag, WEFT_DIAG_TRY, "weft inspect MODEL.onnx --layers");
    }
    return status;
}

weft_status weft_quant_find_points(weft_quant *quant, weft_diag *diag)
{
    for (const weft_node *node = quant->graph->first; node != NULL; node = node->next)
        if (node->op == WEFT_OP_DequantizeLinear || node->op == WEFT_OP_QuantizeLinear)
            return refuse(node, diag);
    weft_status status = check_excluded(quant, diag);
    if (status != WEFT_OK)
        return status;
    for (weft_node *node = quant->graph->first; node != NULL; node = node->next)
        if (weft_quant_takes(quant, node))
            visit(quant, node);
    if (quant->points.count > 0)
        return WEFT_OK;
    status = weft_diag_error(diag, WEFT_E_QUANT_NOTHING, "nothing in the model can be quantised");
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED,
                        "a convolution, a matrix product by constant weights, a sum, a pool");
    if (quant->params.exclude_count > 0)
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "fewer names in --exclude");
    return status;
}
