/* SPDX-License-Identifier: Apache-2.0 */
/* lower-quantized, tensors that are a function of one 8-bit tensor: DequantizeLinear, element-wise
 * operators (the function is evaluated for all 256 codes with the reference kernels) and operators
 * that only move elements (done on the codes). Must not know what the result is used for. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "compiler/passes/lower_quantized.h"
#include "compiler/passes/rewrite.h"

/* Longer chains of float operators between two quantised tensors are not looked through. */
enum { MAX_DEPTH = 64 };

static bool is_8bit(const weft_value *value)
{
    return value->dtype == WEFT_DTYPE_U8 || value->dtype == WEFT_DTYPE_I8;
}

static int64_t elems_of(const weft_value *value)
{
    int64_t elems = 0;
    return weft_shape_elems(&value->shape, &elems) ? elems : 0;
}

/* ---- the kinds of nodes ---- */

static bool from_dequantize(weft_lq *lq, const weft_node *node, weft_lq_codes *out)
{
    const weft_value *x = node->inputs[0], *zero = weft_node_input(node, 2);
    if (!is_8bit(x))
        return false;
    double scale, offset = 0;
    if (!weft_value_const_scalar(node->inputs[1], &scale) ||
        (zero && !weft_value_const_scalar(zero, &offset))) {
        weft_lq_refuse(lq, node, "its scale differs per channel");
        return false;
    }
    if (!(scale > 0) || isinf(scale))
        return false;
    int32_t lowest = x->dtype == WEFT_DTYPE_U8 ? 0 : -128;
    float *numbers = WEFT_NEW_ARRAY(lq->graph->arena, float, WEFT_LQ_CODES);
    for (int32_t i = 0; i < WEFT_LQ_CODES; i++)
        numbers[i] = (float)(lowest + i - (int32_t)offset) * (float)scale;
    *out = (weft_lq_codes){.value = node->inputs[0],
                           .numbers = numbers,
                           .is_affine = true,
                           .scale = scale,
                           .zero = (int32_t)offset};
    return true;
}

static bool is_elementwise(weft_op op)
{
    switch ((int)op) {
    case WEFT_OP_Abs:
    case WEFT_OP_Add:
    case WEFT_OP_Ceil:
    case WEFT_OP_Clip:
    case WEFT_OP_Cos:
    case WEFT_OP_Div:
    case WEFT_OP_Elu:
    case WEFT_OP_Erf:
    case WEFT_OP_Exp:
    case WEFT_OP_Floor:
    case WEFT_OP_Gelu:
    case WEFT_OP_HardSigmoid:
    case WEFT_OP_HardSwish:
    case WEFT_OP_LeakyRelu:
    case WEFT_OP_Log:
    case WEFT_OP_Max:
    case WEFT_OP_Min:
    case WEFT_OP_Mul:
    case WEFT_OP_Neg:
    case WEFT_OP_Pow:
    case WEFT_OP_PRelu:
    case WEFT_OP_Reciprocal:
    case WEFT_OP_Relu:
    case WEFT_OP_Round:
    case WEFT_OP_Sigmoid:
    case WEFT_OP_Sin:
    case WEFT_OP_Softplus:
    case WEFT_OP_Sqrt:
    case WEFT_OP_Sub:
    case WEFT_OP_Tanh: return true;
    default: return false;
    }
}

static weft_status trace(weft_lq *lq, weft_value *value, int depth, const weft_lq_codes **out);

/* The same function of the same codes, however the tensors came to be. */
static bool are_same_codes(const weft_lq_codes *a, const weft_lq_codes *b)
{
    return a->value == b->value;
}

static void add_through(weft_lq_codes *codes, const weft_node *node)
{
    for (size_t i = 0; i < codes->through_count; i++)
        if (codes->through[i] == node)
            return;
    if (codes->through_count < WEFT_LQ_MAX_THROUGH)
        codes->through[codes->through_count++] = node;
}

/* An affine function times or divided by a positive number is affine. */
static void keep_affine(const weft_node *node, const weft_tensor *const *inputs,
                        const weft_lq_codes *source, weft_lq_codes *out)
{
    if (!source->is_affine || (node->op != WEFT_OP_Mul && node->op != WEFT_OP_Div))
        return;
    bool is_second = inputs[1]->shape.rank == 0, is_div = node->op == WEFT_OP_Div;
    if (inputs[0]->shape.rank == inputs[1]->shape.rank || (is_div && !is_second))
        return;
    double number = (double)*(const float *)inputs[is_second]->data;
    double scale = is_div ? source->scale / number : source->scale * number;
    if (!(scale >= (double)FLT_MIN) || !(scale <= (double)FLT_MAX))
        return;
    out->is_affine = true;
    out->scale = scale;
    out->zero = source->zero;
}

/* op(f(codes), g(codes), scalars...) */
static weft_status from_elementwise(weft_lq *lq, weft_node *node, int depth, weft_lq_codes *out,
                                    bool *found)
{
    weft_tensor tensors[4];
    const weft_tensor *inputs[4] = {NULL};
    const weft_lq_codes *source = NULL;
    const weft_shape all = {.rank = 1, .dims = {WEFT_LQ_CODES}}, one = {.rank = 0};
    if (node->input_count > 4 || node->output_count != 1)
        return WEFT_OK;
    for (size_t i = 0; i < node->input_count; i++) {
        weft_value *input = node->inputs[i], constant;
        if (!input)
            continue;
        inputs[i] = &tensors[i];
        const weft_lq_codes *codes = NULL;
        if (elems_of(input) == 1 && weft_lq_constant(lq, input, &constant)) {
            tensors[i] = weft_value_tensor(&constant);
            tensors[i].shape = one;
            continue;
        }
        weft_status status = trace(lq, input, depth + 1, &codes);
        if (status != WEFT_OK)
            return status;
        if (!codes || (source && !are_same_codes(source, codes)))
            return WEFT_OK;
        source = codes;
        for (size_t k = 0; k < codes->through_count; k++)
            add_through(out, codes->through[k]);
        tensors[i] = (weft_tensor){WEFT_DTYPE_F32, all, (void *)(uintptr_t)codes->numbers};
    }
    if (!source || !weft_shape_equal(&source->value->shape, &node->outputs[0]->shape))
        return WEFT_OK;
    float *numbers = WEFT_NEW_ARRAY(lq->graph->arena, float, WEFT_LQ_CODES);
    weft_tensor y = {WEFT_DTYPE_F32, all, numbers};
    if (!weft_lq_evaluate(node->op, &node->attrs, inputs, node->input_count, &y))
        return WEFT_OK;
    out->value = source->value;
    out->numbers = numbers;
    keep_affine(node, inputs, source, out);
    add_through(out, node);
    *found = true;
    return WEFT_OK;
}

static void remember(weft_lq *lq, weft_value *value, bool is_found, const weft_lq_codes *codes)
{
    weft_lq_trace *entry = WEFT_NEW(lq->graph->arena, weft_lq_trace);
    *entry = (weft_lq_trace){is_found, *codes};
    WEFT_VEC_PUSH(lq->graph->arena, &lq->traces, entry);
    value->mark = (uint32_t)lq->traces.count;
}

/* Inputs besides the first stay as they are. */
static bool is_move(const weft_node *node)
{
    switch ((int)node->op) {
    case WEFT_OP_Expand:
    case WEFT_OP_Flatten:
    case WEFT_OP_Gather:
    case WEFT_OP_Identity:
    case WEFT_OP_Reshape:
    case WEFT_OP_Slice:
    case WEFT_OP_Split:
    case WEFT_OP_Squeeze:
    case WEFT_OP_Tile:
    case WEFT_OP_Transpose:
    case WEFT_OP_Unsqueeze: return true;
    case WEFT_OP_Pad: return true; /* with its value as a code */
    case WEFT_OP_Resize:
        return strcmp(weft_attrs_string(&node->attrs, "mode", "nearest"), "nearest") == 0 &&
               weft_attrs_string(&node->attrs, "coordinate_transformation_mode", "half_pixel")[0] !=
                   't'; /* tf_crop_and_resize has a fill value */
    default: return false;
    }
}

/* The padding of a Pad as a code that stands for the same number. */
static bool replace_fill(weft_lq *lq, const weft_node *node, const weft_lq_codes *codes,
                         weft_value **io_fill)
{
    double number = 0;
    if (strcmp(weft_attrs_string(&node->attrs, "mode", "constant"), "constant") != 0)
        return true;
    if (*io_fill && !weft_value_const_scalar(*io_fill, &number))
        return false;
    bool is_unsigned = codes->value->dtype == WEFT_DTYPE_U8;
    for (int i = 0; i < WEFT_LQ_CODES; i++) {
        if ((double)codes->numbers[i] != number)
            continue;
        uint8_t byte = (uint8_t)(is_unsigned ? i : i - 128);
        *io_fill =
            weft_graph_add_constant(lq->graph, NULL, codes->value->dtype, &(weft_shape){.rank = 0},
                                    weft_arena_dup(lq->graph->arena, &byte, 1));
        return true;
    }
    weft_lq_refuse(lq, node, "its padding %g is no code of the tensor", number);
    return false;
}

static weft_status from_move(weft_lq *lq, weft_node *node, int depth, size_t output,
                             weft_lq_codes *out, bool *found)
{
    const weft_lq_codes *codes = NULL;
    weft_status status = trace(lq, node->inputs[0], depth + 1, &codes);
    if (status != WEFT_OK || !codes)
        return status;
    size_t count = node->input_count;
    weft_value **inputs = WEFT_NEW_ARRAY(lq->graph->arena, weft_value *, count + 3);
    for (size_t i = 1; i < count; i++)
        inputs[i] = node->inputs[i];
    inputs[0] = codes->value;
    if (node->op == WEFT_OP_Pad) {
        if (!replace_fill(lq, node, codes, &inputs[2]))
            return WEFT_OK;
        count = count < 3 && inputs[2] ? 3 : count;
    }
    if (node->op == WEFT_OP_Resize && count > 1)
        inputs[1] = NULL; /* regions that the mode does not use, in f32 */
    *out = *codes;
    *found = true;
    if (node->op == WEFT_OP_Identity)
        return WEFT_OK;
    const char **names = WEFT_NEW_ARRAY(lq->graph->arena, const char *, node->output_count);
    for (size_t i = 0; i < node->output_count; i++)
        names[i] =
            node->outputs[i] ? weft_rewrite_base_name(lq->graph, node->outputs[i]->name) : "";
    weft_node *made = weft_graph_add_node(lq->graph, lq->at, node->op, node->name, inputs, count,
                                          names, node->output_count);
    weft_rewrite_add_sources(lq->graph, made, node);
    weft_rewrite_copy_attrs(lq->graph, made, node);
    out->value = made->outputs[output];
    weft_status made_status = weft_node_infer(lq->graph, made, lq->diag);
    for (size_t i = 0; i < node->output_count && made_status == WEFT_OK; i++) {
        weft_lq_codes part = *out; /* the other parts of a Split */
        if (i == output || !node->outputs[i] || node->outputs[i]->mark != 0)
            continue;
        part.value = made->outputs[i];
        remember(lq, node->outputs[i], true, &part);
    }
    return made_status;
}

/* A maximum of codes is the code of the maximum where larger codes stand for larger numbers. */
static weft_status from_maximum(weft_lq *lq, weft_node *node, int depth, weft_lq_codes *out,
                                bool *found)
{
    const weft_lq_codes *codes = NULL;
    weft_status status = trace(lq, node->inputs[0], depth + 1, &codes);
    if (status != WEFT_OK || !codes)
        return status;
    for (int i = 1; i < WEFT_LQ_CODES; i++)
        if (!(codes->numbers[i] >= codes->numbers[i - 1])) {
            weft_lq_refuse(lq, node, "what it reads does not grow with the 8-bit values");
            return WEFT_OK;
        }
    *out = *codes;
    status = weft_lq_maximum(lq, node, codes->value, &out->value);
    *found = status == WEFT_OK && out->value;
    return status;
}

static bool have_same_numbers(const weft_lq_codes *a, const weft_lq_codes *b)
{
    for (int i = 0; i < WEFT_LQ_CODES; i++) {
        float x = a->numbers[i], y = b->numbers[i];
        if (x != y && !(isnan(x) && isnan(y)))
            return false;
    }
    return true;
}

/* Concat of tensors with one meaning of codes. */
static weft_status from_concat(weft_lq *lq, weft_node *node, int depth, weft_lq_codes *out,
                               bool *found)
{
    weft_value **inputs = WEFT_NEW_ARRAY(lq->graph->arena, weft_value *, node->input_count);
    for (size_t i = 0; i < node->input_count; i++) {
        const weft_lq_codes *codes = NULL;
        weft_status status = trace(lq, node->inputs[i], depth + 1, &codes);
        if (status != WEFT_OK || !codes)
            return status;
        bool is_same =
            i == 0 || (codes->value->dtype == out->value->dtype && have_same_numbers(codes, out));
        if (!is_same)
            return WEFT_OK;
        *out = *codes;
        inputs[i] = codes->value;
    }
    weft_node *made = weft_rewrite_add(lq->graph, lq->at, WEFT_OP_Concat, node->name, inputs,
                                       node->input_count, node);
    weft_rewrite_copy_attrs(lq->graph, made, node);
    out->value = made->outputs[0];
    *found = true;
    return weft_node_infer(lq->graph, made, lq->diag);
}

static weft_status trace_producer(weft_lq *lq, weft_value *value, int depth, weft_lq_codes *out,
                                  bool *found)
{
    weft_node *node = value->producer;
    if (!node || value->dtype != WEFT_DTYPE_F32 || depth > MAX_DEPTH)
        return WEFT_OK;
    if (node->op == WEFT_OP_DequantizeLinear) {
        *found = from_dequantize(lq, node, out);
        return WEFT_OK;
    }
    if (is_elementwise(node->op))
        return from_elementwise(lq, node, depth, out, found);
    if (is_move(node))
        return from_move(lq, node, depth, (size_t)value->output_index, out, found);
    if ((node->op == WEFT_OP_MaxPool && value->output_index == 0) ||
        node->op == WEFT_OP_GlobalMaxPool)
        return from_maximum(lq, node, depth, out, found);
    if (node->op == WEFT_OP_Concat)
        return from_concat(lq, node, depth, out, found);
    return WEFT_OK;
}

static weft_status trace(weft_lq *lq, weft_value *value, int depth, const weft_lq_codes **out)
{
    *out = NULL;
    if (value->mark == 0) {
        weft_lq_codes codes = {.value = NULL};
        bool is_found = false;
        weft_status status = trace_producer(lq, value, depth, &codes, &is_found);
        if (status != WEFT_OK)
            return status;
        remember(lq, value, is_found, &codes);
    }
    const weft_lq_trace *entry = lq->traces.data[value->mark - 1];
    *out = entry->is_found ? &entry->codes : NULL;
    return WEFT_OK;
}

weft_status weft_lq_trace_codes(weft_lq *lq, weft_value *value, const weft_lq_codes **out_codes)
{
    return trace(lq, value, 0, out_codes);
}

weft_status weft_lq_trace_affine(weft_lq *lq, weft_value *value, const weft_lq_codes **out_codes)
{
    weft_status status = trace(lq, value, 0, out_codes);
    if (status == WEFT_OK && *out_codes && !(*out_codes)->is_affine)
        *out_codes = NULL;
    return status;
}
