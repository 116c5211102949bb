/* SPDX-License-Identifier: Apache-2.0 */
/* What a node costs: multiply-accumulates, operations and bytes, from shapes alone. Must not know
 * about devices or kernels.
 *
 * Counting rules: an exponential, a division or a comparison is one operation; a
 * multiply-accumulate is two. Every input is read once and every output written once, however a
 * kernel does it. Operators that only rename a shape cost nothing. */
#include <string.h>

#include "compiler/ir/attention.h"

/* Shapes may be hostile: saturate instead of overflow. */
static int64_t times(int64_t a, int64_t b)
{
    int64_t product;
    return weft_mul_i64(a, b, &product) ? product : INT64_MAX;
}

static int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;
    return weft_add_i64(a, b, &sum) ? sum : INT64_MAX;
}

static int64_t elems_of(const weft_value *value)
{
    int64_t elems;
    return value && value->has_shape && weft_shape_elems(&value->shape, &elems) ? elems : 0;
}

static int64_t bytes_of(const weft_value *value)
{
    return times(elems_of(value), (int64_t)weft_dtype_bytes(value->dtype));
}

static int64_t dim_of(const weft_value *value, int from_end)
{
    return value && value->has_shape && value->shape.rank >= from_end
               ? value->shape.dims[value->shape.rank - from_end]
               : 1;
}

/* Elements of one filter: all weights divided by the output channels. */
static int64_t filter_elems(const weft_value *weights)
{
    int64_t filters = weights && weights->shape.rank > 0 ? weights->shape.dims[0] : 0;
    return filters > 0 ? elems_of(weights) / filters : 0;
}

/* Scores: each query of each head meets every key. */
static int64_t attention_pairs(const weft_node *node)
{
    int64_t queries = times(dim_of(node->inputs[0], 3), dim_of(node->inputs[0], 2));
    return times(times(queries, weft_attention_read(&node->attrs).heads),
                 dim_of(node->inputs[1], 2));
}

static int64_t attention_macs(const weft_node *node)
{
    const weft_attention form = weft_attention_read(&node->attrs);
    return times(attention_pairs(node), plus(form.q.size, form.v.size));
}

/* Elements of weft.TokenConv's result without the prefix, and taps of its window. */
static int64_t grid_elems(const weft_node *node)
{
    const weft_value *y = node->outputs[0];
    int64_t prefix =
        times(times(weft_attrs_int(&node->attrs, "prefix", 0), dim_of(y, 1)), dim_of(y, 3));
    return elems_of(y) - (prefix < elems_of(y) ? prefix : elems_of(y));
}

static int64_t filter_taps(const weft_node *node)
{
    const weft_value *w = weft_node_input(node, 1);
    return times(dim_of(w, 3), dim_of(w, 2));
}

static int64_t macs_of(const weft_node *node)
{
    int64_t outputs = elems_of(node->outputs[0]);
    switch ((int)node->op) {
    case WEFT_OP_Conv:
    case WEFT_OP_Conv2D:
    case WEFT_OP_QConv2D:
    case WEFT_OP_Linear: return times(outputs, filter_elems(weft_node_input(node, 1)));
    case WEFT_OP_MatMul:
    case WEFT_OP_QMatMul: return times(outputs, dim_of(weft_node_input(node, 0), 1));
    case WEFT_OP_Attention:
    case WEFT_OP_QAttention: return attention_macs(node);
    case WEFT_OP_Gemm:
        return times(outputs, dim_of(weft_node_input(node, 0),
                                     weft_attrs_int(&node->attrs, "transA", 0) != 0 ? 2 : 1));
    case WEFT_OP_TokenConv: return times(grid_elems(node), filter_taps(node));
    case WEFT_OP_QTokenConv: return times(grid_elems(node), filter_elems(node->inputs[1]));
    case WEFT_OP_Gate:
        return times(dim_of(weft_node_input(node, 0), 2), elems_of(weft_node_input(node, 1)));
    default: return 0;
    }
}

static int64_t window_elems(const weft_node *node)
{
    const weft_attr *kernel = weft_attrs_find(&node->attrs, "kernel_shape");
    int64_t elems = 1;
    for (size_t i = 0; kernel && kernel->kind == WEFT_ATTR_INTS && i < kernel->count; i++)
        elems = times(elems, kernel->ints[i] > 0 ? kernel->ints[i] : 0);
    return elems;
}

typedef struct flops_row {
    const char *name;
    int64_t flops;
} flops_row;

/* The activations of weft's operators: comparisons, or an exponential, an addition and a division
 * (silu: and a product). */
static int64_t act_flops(const weft_node *node, const char *attr, const char *fallback)
{
    static const flops_row acts[] = {{"relu", 1}, {"clip", 2}, {"sigmoid", 3},
                                     {"silu", 4}, {"gelu", 5}, {"gelu_tanh", 9}};
    const char *act = weft_attrs_string(&node->attrs, attr, fallback);
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (strcmp(acts[i].name, act) == 0)
            return acts[i].flops;
    return 0;
}

/* LayerNorm of an 8-bit element: two sums, centre, scale, round, requantise. */
enum { Q_NORM_FLOPS = 9 };

/* Operations beside the multiply-accumulates. */
static int64_t other_flops(const weft_node *node)
{
    const weft_value *x = weft_node_input(node, 0);
    int64_t out = elems_of(node->outputs[0]), in = elems_of(x);
    int64_t has_bias = weft_node_input(node, 2) != NULL, has_mean = node->output_count > 1;
    switch ((int)node->op) {
    case WEFT_OP_Conv:
    case WEFT_OP_Gemm: return times(out, has_bias);
    case WEFT_OP_Linear:
        return plus(times(out, has_bias + (weft_node_input(node, 3) != NULL) +
                                   act_flops(node, "act", "none")),
                    weft_attrs_find(&node->attrs, "norm_epsilon") ? times(in, 5) : 0);
    case WEFT_OP_Attention: /* of a score: scale 1, softmax 5 */
        return plus(times(attention_pairs(node), 6), weft_node_input(node, 3) != NULL ? out : 0);
    case WEFT_OP_TokenConv:
        return plus(has_bias ? grid_elems(node) : 0, weft_node_input(node, 3) != NULL ? out : 0);
    case WEFT_OP_QTokenConv:
    case WEFT_OP_QConv2D: /* bias, multiply, round, clamp; with a residual as much again */
        return plus(times(out, weft_node_input(node, 6) != NULL ? 8 : 4),
                    weft_node_input(node, 7) != NULL ? times(in, Q_NORM_FLOPS) : 0);
    case WEFT_OP_QAdd: return times(out, 5);
    case WEFT_OP_QMul: return times(out, has_bias ? 9 : 4);
    case WEFT_OP_QMatMul: return times(out, 3);
    case WEFT_OP_QSoftmax: return times(out, 5);
    case WEFT_OP_QLayerNorm: return times(out, Q_NORM_FLOPS);
    case WEFT_OP_QAttention: /* per score: requantise 3, softmax 5; per result: requantise 3 */
        return plus(times(attention_pairs(node), 8), times(out, 3));
    case WEFT_OP_QuantizeLinear: return times(out, 4);
    case WEFT_OP_DequantizeLinear: return times(out, 2);
    case WEFT_OP_Conv2D:
        return plus(times(out, has_bias + (weft_node_input(node, 3) != NULL) +
                                   (weft_node_input(node, 4) != NULL) + has_mean +
                                   act_flops(node, "act", "none")),
                    weft_attrs_int(&node->attrs, "pool", 0) != 0 ? in : 0);
    case WEFT_OP_Gate:
        return plus(times(out, 1 + (weft_node_input(node, 4) != NULL) + has_mean +
                                   act_flops(node, "act", "none")),
                    times(times(dim_of(x, 2), dim_of(node->outputs[0], 1)),
                          has_bias + act_flops(node, "gate_act", "sigmoid")));
    case WEFT_OP_AveragePool:
    case WEFT_OP_MaxPool:
    case WEFT_OP_Pool2D:
    case WEFT_OP_QPool2D: return times(out, window_elems(node));
    case WEFT_OP_GlobalAveragePool:
    case WEFT_OP_GlobalMaxPool:
    case WEFT_OP_ReduceMax:
    case WEFT_OP_ReduceMean:
    case WEFT_OP_ReduceMin:
    case WEFT_OP_ReduceProd:
    case WEFT_OP_ReduceSum:
    case WEFT_OP_CumSum: return in;
    case WEFT_OP_BatchNormalization:
        return times(out, 2); /* scale and shift, prepared per channel */
    case WEFT_OP_LayerNormalization:
        return times(out, 7);                   /* mean 1, centre 1, variance 2, scale 2, shift 1 */
    case WEFT_OP_Softmax: return times(out, 5); /* maximum, subtract, exp, sum, divide */
    case WEFT_OP_Max:
    case WEFT_OP_Min:
    case WEFT_OP_Sum: return times(out, (int64_t)node->input_count - 1);
    case WEFT_OP_LeakyRelu:
    case WEFT_OP_PRelu:
    case WEFT_OP_Clip: return times(out, 2);
    case WEFT_OP_Sigmoid:
    case WEFT_OP_Softplus:
    case WEFT_OP_Elu: return times(out, 3);
    case WEFT_OP_HardSigmoid: return times(out, 4);
    case WEFT_OP_HardSwish:
    case WEFT_OP_Gelu: return times(out, 5);
    case WEFT_OP_Abs:
    case WEFT_OP_Add:
    case WEFT_OP_Ceil:
    case WEFT_OP_Cos:
    case WEFT_OP_Div:
    case WEFT_OP_Equal:
    case WEFT_OP_Erf:
    case WEFT_OP_Exp:
    case WEFT_OP_Floor:
    case WEFT_OP_Greater:
    case WEFT_OP_GreaterOrEqual:
    case WEFT_OP_Less:
    case WEFT_OP_LessOrEqual:
    case WEFT_OP_Log:
    case WEFT_OP_Mod:
    case WEFT_OP_Mul:
    case WEFT_OP_Neg:
    case WEFT_OP_Pow:
    case WEFT_OP_Reciprocal:
    case WEFT_OP_Relu:
    case WEFT_OP_Round:
    case WEFT_OP_Sin:
    case WEFT_OP_Sqrt:
    case WEFT_OP_Sub:
    case WEFT_OP_Tanh: return out;
    default: return 0; /* moves data, or works on bool */
    }
}

static bool only_renames(const weft_node *node)
{
    return node->op == WEFT_OP_Identity || node->op == WEFT_OP_Reshape ||
           node->op == WEFT_OP_Flatten || node->op == WEFT_OP_Squeeze ||
           node->op == WEFT_OP_Unsqueeze || node->op == WEFT_OP_Shape || node->op == WEFT_OP_Size;
}

weft_op_cost weft_node_cost(const weft_node *node)
{
    weft_op_cost cost = {0};
    if (only_renames(node) || node->output_count == 0)
        return cost;
    cost.macs = macs_of(node);
    cost.flops = plus(times(cost.macs, 2), other_flops(node));
    for (size_t i = 0; i < node->input_count; i++) {
        const weft_value *input = node->inputs[i];
        bool seen = !input;
        for (size_t j = 0; j < i && !seen; j++)
            seen = node->inputs[j] == input;
        if (seen)
            continue;
        int64_t *bytes = weft_value_is_constant(input) ? &cost.weight_bytes : &cost.input_bytes;
        *bytes = plus(*bytes, bytes_of(input));
    }
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i])
            cost.output_bytes = plus(cost.output_bytes, bytes_of(node->outputs[i]));
    return cost;
}
