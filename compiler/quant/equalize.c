/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-layer equalisation: the channels between two convolutions get weights of like size on both
 * sides, by dividing what makes a channel and multiplying what reads it; Relu and pooling between
 * let a positive factor through. Nagel, van Baalen, Blankevoort and Welling, "Data-free
 * quantization through weight equalization and bias correction", 2019, section 4.1. Factors are
 * powers of two, so the float network computes the same numbers to the last bit (short of overflow
 * and subnormal numbers). Must not know: activations, integers. */
#include <math.h>

#include "compiler/passes/rewrite.h"
#include "compiler/quant/quant.h"

/* A factor beyond this would move numbers towards the limits of f32; nothing needs it. */
static const float largest_factor = 0x1p16f;

/* Replaces a constant that the node alone reads by a copy that may be changed. */
static float *own_constant(weft_graph *graph, weft_node *node, size_t index)
{
    weft_value *value = node->inputs[index];
    size_t bytes = 0;
    weft_shape_bytes(&value->shape, value->dtype, &bytes);
    float *data = weft_arena_dup(graph->arena, value->data, bytes);
    value->data = data;
    value->text_hash = 0;
    return data;
}

static bool is_own(const weft_node *node, size_t index)
{
    const weft_value *value = weft_node_input(node, index);
    return value == NULL || value->use_count == 1;
}

/* max(a * x) = a * max(x) and the like for a > 0, channel by channel. */
static bool lets_factors_through(const weft_node *node)
{
    switch ((int)node->op) {
    case WEFT_OP_AveragePool:
    case WEFT_OP_GlobalAveragePool:
    case WEFT_OP_GlobalMaxPool:
    case WEFT_OP_LeakyRelu:
    case WEFT_OP_MaxPool:
    case WEFT_OP_Relu: return true;
    default: return false;
    }
}

static float largest_of(const float *data, int64_t count, float largest)
{
    for (int64_t i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(data[i]));
    return largest;
}

static void multiply(float *data, int64_t count, float factor)
{
    for (int64_t i = 0; i < count; i++)
        data[i] *= factor;
}

/* The power of two next to sqrt(a / b). */
static float factor_for(float a, float b)
{
    if (!(a > 0) || !(b > 0) || !isfinite(a) || !isfinite(b))
        return 1;
    float factor = exp2f(rintf(log2f(sqrtf(a / b))));
    return fminf(largest_factor, fmaxf(1 / largest_factor, factor));
}

static void equalize_pair(weft_graph *graph, weft_node *first, weft_node *second)
{
    const int64_t *makes = first->inputs[1]->shape.dims, *reads = second->inputs[1]->shape.dims;
    int64_t depth = makes[1] * makes[2] * makes[3], taps = reads[2] * reads[3];
    int64_t groups = weft_attrs_int(&second->attrs, "group", 1), rows = reads[0] / groups;
    float *a = own_constant(graph, first, 1), *b = own_constant(graph, second, 1);
    float *bias = weft_node_input(first, 2) ? own_constant(graph, first, 2) : NULL;
    for (int64_t c = 0; c < makes[0]; c++) {
        /* The rows of the channel's group, each with `taps` numbers of the channel. */
        float *column = b + ((c / reads[1]) * rows * reads[1] + c % reads[1]) * taps, largest = 0;
        for (int64_t o = 0; o < rows; o++)
            largest = largest_of(column + o * reads[1] * taps, taps, largest);
        float factor = factor_for(largest_of(a + c * depth, depth, 0), largest);
        multiply(a + c * depth, depth, 1 / factor);
        if (bias != NULL)
            bias[c] /= factor;
        for (int64_t o = 0; o < rows; o++)
            multiply(column + o * reads[1] * taps, taps, factor);
    }
}

size_t weft_quant_equalize(weft_quant *quant)
{
    weft_graph *graph = quant->graph;
    size_t pairs = 0;
    for (weft_node *node = graph->first; node != NULL; node = node->next) {
        if (node->op != WEFT_OP_Conv || !weft_quant_takes(quant, node) || !is_own(node, 1) ||
            !is_own(node, 2))
            continue;
        weft_node *user = weft_rewrite_single_user(graph, node->outputs[0]);
        while (user != NULL && lets_factors_through(user))
            user = weft_rewrite_single_user(graph, user->outputs[0]);
        if (user == NULL || user->op != WEFT_OP_Conv || !weft_quant_takes(quant, user) ||
            !is_own(user, 1))
            continue;
        equalize_pair(graph, node, user);
        pairs++;
    }
    return pairs;
}
