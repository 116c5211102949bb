/* SPDX-License-Identifier: Apache-2.0 */
/* fold-batchnorm: batch normalisation is a scale and a shift per channel; after a convolution or
 * linear layer they go into its weights and bias, elsewhere they become Mul and Add. Mul and Add by
 * per-channel constants (the form of BN that training exports and Keras write) go into the
 * convolution before them, or where that is exact into the one after. Must not know channels-last
 * layout: it runs before.
 *
 * needs: types and shapes; statistics of BN constant.
 * keeps: values up to f32 rounding (weights are computed in double and rounded once).
 * breaks: BatchNormalization with constant statistics is gone. */
#include <math.h>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

/* y = x * scale[c] + shift[c] */
typedef struct affine {
    double *scale, *shift;
    size_t channels;
} affine;

static bool read_batchnorm(weft_graph *graph, const weft_node *node, affine *out)
{
    const float *data[4];
    for (size_t i = 0; i < 4; i++)
        if (!(data[i] = weft_rewrite_f32(weft_node_input(node, i + 1))))
            return false;
    double epsilon = (double)weft_attrs_float(&node->attrs, "epsilon", 1e-5F);
    out->channels = (size_t)node->inputs[1]->shape.dims[0];
    out->scale = WEFT_NEW_ARRAY(graph->arena, double, out->channels);
    out->shift = WEFT_NEW_ARRAY(graph->arena, double, out->channels);
    for (size_t c = 0; c < out->channels; c++) {
        out->scale[c] = (double)data[0][c] / sqrt((double)data[3][c] + epsilon);
        out->shift[c] = (double)data[1][c] - (double)data[2][c] * out->scale[c];
    }
    return true;
}

static int channel_axis(const weft_node *producer)
{
    return producer->op == WEFT_OP_Linear ? producer->outputs[0]->shape.rank - 1 : 1;
}

/* The convolution or linear layer that makes value for this user only and can take a scale or
 * shift. */
static weft_node *scalable_producer(const weft_graph *graph, const weft_value *value,
                                    const weft_node *user)
{
    weft_node *node = weft_rewrite_producer(value, WEFT_OP_Conv);
    if (!node)
        node = weft_rewrite_producer(value, WEFT_OP_Linear);
    bool is_plain = node && !weft_node_input(node, 3) && !weft_attrs_find(&node->attrs, "act");
    return is_plain && weft_rewrite_single_user(graph, value) == user ? node : NULL;
}

static weft_value *channel_constant(weft_graph *graph, const double *numbers, const weft_value *x,
                                    size_t channels, const char *name)
{
    weft_shape shape = {.rank = x->shape.rank};
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = i == 1 ? (int64_t)channels : 1;
    float *to = WEFT_NEW_ARRAY(graph->arena, float, channels);
    for (size_t c = 0; c < channels; c++)
        to[c] = (float)numbers[c];
    return weft_graph_add_constant(graph, weft_rewrite_base_name(graph, name), WEFT_DTYPE_F32,
                                   &shape, to);
}

static weft_status visit_batchnorm(weft_graph *graph, weft_node *node, size_t *changes,
                                   weft_diag *diag)
{
    affine bn;
    weft_value *x = node->inputs[0], *y = node->outputs[0];
    if (weft_attrs_int(&node->attrs, "training_mode", 0) || x->shape.rank < 2 ||
        !read_batchnorm(graph, node, &bn))
        return WEFT_OK;
    ++*changes;
    weft_node *producer = scalable_producer(graph, x, node);
    if (producer && channel_axis(producer) == 1 &&
        weft_rewrite_scale_channels(graph, producer, bn.scale, bn.shift)) {
        weft_rewrite_add_sources(graph, producer, node);
        return weft_rewrite_replace(graph, y, x, diag);
    }
    weft_value *scale = channel_constant(graph, bn.scale, x, bn.channels, node->inputs[1]->name);
    weft_value *shift = channel_constant(graph, bn.shift, x, bn.channels, node->inputs[2]->name);
    weft_node *mul =
        weft_rewrite_add(graph, node, WEFT_OP_Mul, node->name, (weft_value *[]){x, scale}, 2, node);
    weft_status status = weft_node_infer(graph, mul, diag);
    if (status != WEFT_OK)
        return status;
    weft_node *add = weft_rewrite_add(graph, node, WEFT_OP_Add, node->name,
                                      (weft_value *[]){mul->outputs[0], shift}, 2, node);
    status = weft_node_infer(graph, add, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, y, add->outputs[0], diag) : status;
}

/* x (op) per-channel constant: the numbers, or NULL. *out_x is the other operand. */
static double *channel_operand(weft_graph *graph, const weft_node *node, int axis,
                               weft_value **out_x)
{
    for (size_t i = 0; i < 2; i++) {
        weft_value *x = *out_x = node->inputs[i];
        if (weft_value_is_constant(x) || axis >= x->shape.rank ||
            !weft_shape_equal(&x->shape, &node->outputs[0]->shape))
            continue;
        double *numbers = WEFT_NEW_ARRAY(graph->arena, double, (size_t)x->shape.dims[axis]);
        if (weft_rewrite_read_channel(node->inputs[1 - i], &x->shape, axis, numbers))
            return numbers;
    }
    return NULL;
}

/* Conv then Mul or Add */
static weft_status fold_into_producer(weft_graph *graph, weft_node *node, size_t *changes,
                                      weft_diag *diag)
{
    for (size_t i = 0; i < 2; i++) {
        weft_node *producer = scalable_producer(graph, node->inputs[i], node);
        weft_value *x;
        double *numbers =
            producer ? channel_operand(graph, node, channel_axis(producer), &x) : NULL;
        if (!numbers || x != node->inputs[i])
            continue;
        bool is_scale = node->op == WEFT_OP_Mul;
        if (!weft_rewrite_scale_channels(graph, producer, is_scale ? numbers : NULL,
                                         is_scale ? NULL : numbers))
            continue;
        weft_rewrite_add_sources(graph, producer, node);
        ++*changes;
        return weft_rewrite_replace(graph, node->outputs[0], x, diag);
    }
    return WEFT_OK;
}

static bool has_padding(const weft_node *conv)
{
    int64_t pads[2 * WEFT_MAX_RANK];
    const char *mode = weft_attrs_string(&conv->attrs, "auto_pad", "NOTSET");
    if (mode[0] == 'S') /* SAME_UPPER, SAME_LOWER */
        return true;
    size_t count = weft_attrs_ints(&conv->attrs, "pads", pads, 2 * WEFT_MAX_RANK, 0);
    for (size_t i = 0; mode[0] == 'N' && i < count && i < 2 * WEFT_MAX_RANK; i++)
        if (pads[i] != 0)
            return true;
    return false;
}

/* Numbers on the input channels of conv: w * numbers[ic], or the sum of w * numbers[ic] per output
 * channel as bias. */
static bool fold_into_weights(weft_graph *graph, weft_node *conv, bool is_scale,
                              const double *numbers)
{
    const weft_value *weights = conv->inputs[1];
    const float *w = weft_rewrite_f32(weights);
    if (!w)
        return false;
    size_t oc_count = (size_t)weights->shape.dims[0], ic_count = (size_t)weights->shape.dims[1];
    size_t window = 1, group = (size_t)weft_attrs_int(&conv->attrs, "group", 1);
    for (int i = 2; i < weights->shape.rank; i++)
        window *= (size_t)weights->shape.dims[i];
    float *to = WEFT_NEW_ARRAY(graph->arena, float, is_scale ? oc_count *ic_count *window : 0);
    double *shift = WEFT_NEW_ARRAY(graph->arena, double, oc_count);
    for (size_t oc = 0; oc < oc_count; oc++)
        for (size_t ic = 0; ic < ic_count; ic++)
            for (size_t k = 0; k < window; k++) {
                size_t at = (oc * ic_count + ic) * window + k;
                double product = (double)w[at] * numbers[oc / (oc_count / group) * ic_count + ic];
                shift[oc] += product;
                if (is_scale)
                    to[at] = (float)product;
            }
    if (!is_scale)
        return weft_rewrite_scale_channels(graph, conv, NULL, shift);
    weft_node_set_input(graph, conv, 1,
                        weft_graph_add_constant(graph, weft_rewrite_base_name(graph, weights->name),
                                                WEFT_DTYPE_F32, &weights->shape, to));
    return true;
}

/* Mul or Add then Conv. A scale of finite numbers leaves padding zero; a shift does not, so it
 * needs a conv without. */
static weft_status fold_into_user(weft_graph *graph, weft_node *node, size_t *changes,
                                  weft_diag *diag)
{
    weft_value *x, *y = node->outputs[0];
    weft_node *conv = weft_rewrite_single_user(graph, y);
    if (!conv || conv->op != WEFT_OP_Conv || conv->inputs[0] != y)
        return WEFT_OK;
    double *numbers = channel_operand(graph, node, 1, &x);
    if (!numbers || (node->op == WEFT_OP_Add && has_padding(conv)))
        return WEFT_OK;
    for (int64_t c = 0; c < x->shape.dims[1]; c++)
        if (!isfinite(numbers[c]))
            return WEFT_OK;
    if (!fold_into_weights(graph, conv, node->op == WEFT_OP_Mul, numbers))
        return WEFT_OK;
    weft_rewrite_add_sources(graph, conv, node);
    ++*changes;
    return weft_rewrite_replace(graph, y, x, diag);
}

weft_status weft_pass_fold_batchnorm(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    size_t before;
    do {
        before = *out_changes;
        for (weft_node *node = graph->first, *next; node; node = next) {
            next = node->next;
            if (!node->outputs[0] || node->outputs[0]->dtype != WEFT_DTYPE_F32)
                continue;
            size_t changes = *out_changes;
            weft_status status = WEFT_OK;
            bool is_affine = node->op == WEFT_OP_Mul || node->op == WEFT_OP_Add;
            if (node->op == WEFT_OP_BatchNormalization)
                status = visit_batchnorm(graph, node, out_changes, diag);
            if (is_affine)
                status = fold_into_producer(graph, node, out_changes, diag);
            if (status == WEFT_OK && is_affine && *out_changes == changes)
                status = fold_into_user(graph, node, out_changes, diag);
            if (status != WEFT_OK)
                return status;
        }
    } while (*out_changes > before);
    return WEFT_OK;
}
