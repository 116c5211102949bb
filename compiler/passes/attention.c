/* SPDX-License-Identifier: Apache-2.0 */
/* Where weft.Attention reads. Must not know scores. */
#include "compiler/passes/attention.h"

#include <string.h>

#include "compiler/passes/epilogue.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/trace.h"

static const char *const offset_names[3] = {"q_offset", "k_offset", "v_offset"};
static const char *const step_names[3] = {"q_step", "k_step", "v_step"};

/* ---- reading in place ---- */

/* Input i as [batch, tokens, heads * size], and where it lies in a root of [batch, tokens,
 * channels]. */
typedef struct operand {
    int64_t batch, tokens, heads, size;
    int64_t channels, offset, step;
    weft_trace trace;
} operand;

static int64_t heads_of(const weft_node *node, size_t input)
{
    int64_t heads = weft_attrs_int(&node->attrs, "heads", 1);
    int64_t kv_heads = weft_attrs_int(&node->attrs, "kv_heads", 0);
    return input > 0 && kv_heads ? kv_heads : heads;
}

static int64_t size_of(const weft_node *node, size_t input)
{
    int64_t size = weft_attrs_int(&node->attrs, "head_size", 1);
    int64_t v_size = weft_attrs_int(&node->attrs, "v_head_size", 0);
    return input == 2 && v_size ? v_size : size;
}

/* False when the operand is no such part, or is read in place already. */
static bool read_operand(const weft_node *node, size_t input, operand *o)
{
    weft_value *value = node->inputs[input];
    int64_t image_stride, token_stride, inner_stride, none, elems;
    weft_trace_factor factors[WEFT_TRACE_FACTORS];
    *o = (operand){.batch = value->shape.dims[0],
                   .tokens = value->shape.dims[1],
                   .heads = heads_of(node, input),
                   .size = size_of(node, input)};
    int64_t step = weft_attrs_int(&node->attrs, step_names[input], 0);
    if (weft_attrs_int(&node->attrs, offset_names[input], 0) != 0 ||
        (step != 0 && step != o->size) || value->shape.dims[2] != o->heads * o->size)
        return false;
    weft_trace_value(value, input < 2 ? WEFT_TRACE_SCALED : WEFT_TRACE_CHOSEN, &o->trace);
    const weft_node *view = weft_rewrite_producer(value, WEFT_OP_Reshape);
    if (o->trace.root == value ||
        (view && view->inputs[0] == o->trace.root && weft_trace_is_reshape(&o->trace)))
        return false;
    size_t count = weft_trace_dim(&o->trace, 0, factors);
    if (!weft_trace_cut(factors, count, o->batch, 1, &image_stride, &none))
        return false;
    count = weft_trace_dim(&o->trace, 1, factors);
    if (!weft_trace_cut(factors, count, o->tokens, 1, &token_stride, &none))
        return false;
    count = weft_trace_dim(&o->trace, 2, factors);
    if (!weft_trace_cut(factors, count, o->heads, o->size, &o->step, &inner_stride) ||
        (o->size > 1 && inner_stride != 1) || !weft_shape_elems(&o->trace.root->shape, &elems))
        return false;
    o->offset = o->trace.offset;
    o->channels = elems / (o->batch * o->tokens);
    o->step = o->heads > 1 ? o->step : o->size;
    return elems == o->batch * o->tokens * o->channels &&
           (o->tokens == 1 || token_stride == o->channels) &&
           (o->batch == 1 || image_stride == o->tokens * o->channels) &&
           o->offset + (o->heads - 1) * o->step + o->size <= o->channels;
}

static void set_or_remove(weft_graph *graph, weft_node *node, const char *name, int64_t number,
                          int64_t fallback)
{
    if (number != fallback)
        weft_attrs_set_int(&node->attrs, graph->arena, name, number);
    else
        weft_attrs_remove(&node->attrs, name);
}

static weft_status read_in_place(weft_graph *graph, weft_node *node, size_t input, bool *done,
                                 weft_diag *diag)
{
    operand o;
    weft_value *root = NULL;
    if (!read_operand(node, input, &o))
        return WEFT_OK;
    weft_shape shape = {.rank = 3, .dims = {o.batch, o.tokens, o.channels}};
    weft_trace_add_sources(graph, node, node->inputs[input], o.trace.root);
    weft_status status = weft_rewrite_reshape(graph, node, o.trace.root, &shape, NULL, &root, diag);
    if (status != WEFT_OK)
        return status;
    weft_node_set_input(graph, node, input, root);
    set_or_remove(graph, node, offset_names[input], o.offset, 0);
    set_or_remove(graph, node, step_names[input], o.step, o.size);
    if (o.trace.scale != 1.0)
        weft_attrs_set_float(
            &node->attrs, graph->arena, "scale",
            (float)((double)weft_attrs_float(&node->attrs, "scale", 1.0F) * o.trace.scale));
    *done = true;
    return weft_node_infer(graph, node, diag);
}

/* ---- one product for all ---- */

/* The weft.Linear whose result this is, seen through at most one view, when only the node reads it
 * and it can be joined with others. */
static weft_node *joinable(const weft_graph *graph, const weft_node *node, weft_value *value)
{
    size_t uses = 0;
    for (size_t i = 0; i < node->input_count; i++)
        uses += node->inputs[i] == value;
    if (value->use_count != uses || weft_value_is_output(graph, value))
        return NULL;
    weft_node *view = weft_rewrite_producer(value, WEFT_OP_Reshape);
    if (view && !weft_rewrite_single_user(graph, view->inputs[0]))
        return NULL;
    weft_node *linear = weft_rewrite_producer(view ? view->inputs[0] : value, WEFT_OP_Linear);
    const weft_value *bias = linear ? weft_node_input(linear, 2) : NULL;
    bool fits = linear && weft_rewrite_f32(linear->inputs[1]) &&
                (!bias || weft_rewrite_f32(bias)) && !weft_node_input(linear, 3) &&
                !weft_epilogue_has_act(linear) && !weft_attrs_find(&linear->attrs, "norm_epsilon");
    const weft_shape *shape = fits ? &linear->outputs[0]->shape : NULL;
    return fits && shape->dims[shape->rank - 1] == value->shape.dims[2] ? linear : NULL;
}

/* Weights (or with rows = 1 biases) one below the other; a missing bias is zeros. */
static weft_value *stack(weft_graph *graph, weft_node *const *linears, size_t count, size_t input,
                         size_t row)
{
    size_t total = 0, at = 0;
    weft_shape shape = {.rank = input == 1 ? 2 : 1};
    for (size_t i = 0; i < count; i++)
        total += (size_t)linears[i]->inputs[1]->shape.dims[0];
    float *to = WEFT_NEW_ARRAY(graph->arena, float, total *row);
    shape.dims[0] = (int64_t)total;
    shape.dims[1] = (int64_t)row;
    for (size_t i = 0; i < count; i++) {
        size_t elems = (size_t)linears[i]->inputs[1]->shape.dims[0] * row;
        const float *from = weft_rewrite_f32(weft_node_input(linears[i], input));
        if (from)
            memcpy(to + at, from, elems * sizeof *to);
        at += elems;
    }
    const weft_value *like = weft_node_input(linears[0], input);
    return weft_graph_add_constant(graph, like ? weft_rewrite_base_name(graph, like->name) : NULL,
                                   WEFT_DTYPE_F32, &shape, to);
}

static weft_status join(weft_graph *graph, weft_node *node, weft_node *const *linears, size_t count,
                        const int64_t *bases, weft_diag *diag)
{
    weft_node *first = linears[0];
    weft_value *y = NULL;
    bool has_bias = false;
    for (size_t i = 0; i < count; i++) {
        first = weft_rewrite_is_before(linears[i], first) ? linears[i] : first;
        has_bias = has_bias || weft_node_input(linears[i], 2);
    }
    size_t depth = (size_t)linears[0]->inputs[1]->shape.dims[1];
    weft_value *inputs[3] = {first->inputs[0], stack(graph, linears, count, 1, depth),
                             has_bias ? stack(graph, linears, count, 2, 1) : NULL};
    weft_node *made = weft_rewrite_add(graph, first, WEFT_OP_Linear, linears[0]->name, inputs,
                                       has_bias ? 3 : 2, linears[0]);
    for (size_t i = 1; i < count; i++)
        weft_rewrite_add_sources(graph, made, linears[i]);
    weft_status status = weft_node_infer(graph, made, diag);
    if (status != WEFT_OK)
        return status;
    const weft_shape *shape = &made->outputs[0]->shape;
    for (size_t i = 0; i < 3; i++) {
        weft_shape rows = node->inputs[i]->shape;
        rows.dims[2] = shape->dims[shape->rank - 1];
        status = weft_rewrite_reshape(graph, node, made->outputs[0], &rows, NULL, &y, diag);
        if (status != WEFT_OK)
            return status;
        weft_node_set_input(graph, node, i, y);
        int64_t offset = weft_attrs_int(&node->attrs, offset_names[i], 0) + bases[i];
        set_or_remove(graph, node, offset_names[i], offset, 0);
    }
    return weft_node_infer(graph, node, diag);
}

static weft_status join_products(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    weft_node *linears[3] = {NULL};
    int64_t bases[3] = {0}, next = 0;
    size_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        weft_node *linear = joinable(graph, node, node->inputs[i]);
        size_t twin = 0;
        if (!linear || (count > 0 && linear->inputs[0] != linears[0]->inputs[0]))
            return WEFT_OK;
        while (twin < i && node->inputs[twin] != node->inputs[i])
            twin++;
        bases[i] = twin < i ? bases[twin] : next;
        if (twin < i)
            continue;
        linears[count++] = linear;
        next += linear->inputs[1]->shape.dims[0];
    }
    if (count < 2)
        return WEFT_OK;
    *done = true;
    return join(graph, node, linears, count, bases, diag);
}

weft_status weft_attention_read_in_place(weft_graph *graph, weft_node *node, bool *out_done,
                                         weft_diag *diag)
{
    for (size_t i = 0; i < 3; i++) {
        weft_status status = read_in_place(graph, node, i, out_done, diag);
        if (status != WEFT_OK)
            return status;
    }
    return *out_done ? WEFT_OK : join_products(graph, node, out_done, diag);
}

/* ---- heads and tokens ---- */

int64_t weft_attention_images(weft_value *q)
{
    weft_trace trace;
    weft_trace_factor lead[WEFT_TRACE_FACTORS], token[WEFT_TRACE_FACTORS];
    weft_trace_value(q, WEFT_TRACE_SCALED, &trace);
    size_t count = weft_trace_dim(&trace, 0, lead);
    if (count == 2)
        return lead[0].size;
    bool is_rows = count == 1 && weft_trace_dim(&trace, 1, token) == 1 &&
                   lead[0].stride == token[0].size * token[0].stride;
    return is_rows ? lead[0].size : 1;
}

weft_status weft_attention_as_tokens(weft_graph *graph, weft_node *before, int64_t batch,
                                     int64_t heads, weft_value *x, bool is_transposed,
                                     weft_value **out_value, weft_diag *diag)
{
    static const int64_t perms[2][4] = {{0, 2, 1, 3}, {0, 3, 1, 2}};
    int last = x->shape.rank - 1;
    weft_shape shape = {.rank = 4,
                        .dims = {batch, heads, x->shape.dims[last - 1], x->shape.dims[last]}};
    const int64_t *perm = perms[is_transposed ? 1 : 0];
    weft_shape rows = {.rank = 3,
                       .dims = {batch, shape.dims[perm[1]], heads * shape.dims[perm[3]]}};
    weft_status status = weft_rewrite_reshape(graph, before, x, &shape, NULL, &x, diag);
    if (status != WEFT_OK)
        return status;
    const char *name =
        weft_arena_printf(graph->arena, "%s/tokens", weft_rewrite_base_name(graph, x->name));
    status = weft_rewrite_transpose(graph, before, x, name, perm, NULL, &x, diag);
    return status == WEFT_OK ? weft_rewrite_reshape(graph, before, x, &rows, NULL, out_value, diag)
                             : status;
}

weft_status weft_attention_as_heads(weft_graph *graph, weft_node *before, const weft_node *node,
                                    int64_t batch, int64_t tokens, const weft_shape *shape,
                                    weft_value **out_value, weft_diag *diag)
{
    int64_t heads = heads_of(node, 0), size = size_of(node, 2), row = heads * size;
    weft_trace back = {.root = node->outputs[0], .scale = 1.0};
    const weft_trace_factor factors[4] = {
        {0, batch, tokens * row}, {1, heads, size}, {2, tokens, row}, {3, size, 1}};
    for (size_t i = 0; i < 4; i++)
        if (factors[i].size > 1)
            back.factors[back.count++] = factors[i];
    return weft_trace_make(graph, before, &back, shape, NULL, out_value, diag);
}
