/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-attention, 8 bits: weft.QMatMul, QSoftmax, QMatMul become weft.QAttention. Tables on
 * queries, keys and scores (changes of scale that the model has between roundings) become its
 * tables, so that every rounding stays. Must not know how an exporter spells the cutting. */
#include "compiler/passes/attention.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/trace.h"

/* The nodes of one attention, and its tensors as [batch, heads, tokens, size]. */
typedef struct match {
    weft_node *scores, *softmax, *values;
    weft_value *s_table;
    int64_t batch, heads, tokens, size, v_size;
} match;

/* The producer when it is of this operator and value is read once. */
static weft_node *sole(const weft_graph *graph, const weft_value *value, weft_op op)
{
    weft_node *node = weft_rewrite_producer(value, op);
    return node && weft_rewrite_single_user(graph, value) ? node : NULL;
}

static int64_t attr(const weft_node *node, const char *name)
{
    return weft_attrs_int(&node->attrs, name, 0);
}

static bool same_batch(const weft_shape *a, const weft_shape *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank - 2; i++)
        same = a->dims[i] == b->dims[i];
    return same;
}

static bool read_match(const weft_graph *graph, weft_node *values, match *m)
{
    *m = (match){.values = values};
    if (values->op != WEFT_OP_QMatMul || attr(values, "b_transposed"))
        return false;
    m->softmax = sole(graph, values->inputs[0], WEFT_OP_QSoftmax);
    weft_value *scores = m->softmax ? m->softmax->inputs[0] : NULL;
    const weft_node *table = scores ? sole(graph, scores, WEFT_OP_QTable) : NULL;
    m->s_table = table ? table->inputs[1] : NULL;
    scores = table ? table->inputs[0] : scores;
    m->scores = scores ? sole(graph, scores, WEFT_OP_QMatMul) : NULL;
    if (!m->scores || attr(values, "a_zero") != attr(m->softmax, "y_zero"))
        return false;
    weft_value *q = m->scores->inputs[0], *k = m->scores->inputs[1], *v = values->inputs[1];
    const int64_t *dims = q->shape.dims;
    int rank = q->shape.rank;
    if (rank < 2 || rank > 4 || weft_value_is_constant(q) || weft_value_is_constant(k) ||
        weft_value_is_constant(v) || !same_batch(&q->shape, &k->shape) ||
        !same_batch(&q->shape, &v->shape))
        return false;
    m->batch = rank == 4 ? dims[0] : rank == 3 ? weft_attention_images(q) : 1;
    m->heads = rank == 4 ? dims[1] : rank == 3 ? dims[0] / m->batch : 1;
    m->tokens = dims[rank - 2];
    m->size = dims[rank - 1];
    m->v_size = v->shape.dims[rank - 1];
    return true;
}

/* A QTable behind nodes that only rename elements: its table, and the same elements without it. */
static weft_status take_table(weft_graph *graph, const match *m, weft_value **io_value,
                              weft_value **out_table, weft_node **out_taken, weft_diag *diag)
{
    weft_trace trace;
    *out_table = NULL;
    weft_trace_value(*io_value, WEFT_TRACE_RENAMED, &trace);
    weft_node *table = weft_rewrite_producer(trace.root, WEFT_OP_QTable);
    if (!table || !weft_trace_is_whole(&trace) || !weft_value_is_constant(table->inputs[1]))
        return WEFT_OK;
    *out_table = table->inputs[1];
    *out_taken = table;
    trace.root = table->inputs[0];
    return weft_trace_make(graph, m->values, &trace, &(*io_value)->shape, NULL, io_value, diag);
}

static void copy(weft_graph *graph, weft_node *node, const char *to, const weft_node *from_node,
                 const char *from)
{
    const weft_attr *found = weft_attrs_find(&from_node->attrs, from);
    if (found && found->kind == WEFT_ATTR_INT)
        weft_attrs_set_int(&node->attrs, graph->arena, to, found->i);
}

/* mult, shift, zero and limits of the result of `from` as those of a stage. */
static void copy_stage(weft_graph *graph, weft_node *node, char stage, const weft_node *from)
{
    static const char *const ratio[] = {"mult", "shift"}, *const limits[] = {"zero", "min", "max"};
    for (int i = 0; i < 2; i++)
        copy(graph, node, weft_arena_printf(graph->arena, "%c_%s", stage, ratio[i]), from,
             ratio[i]);
    for (int i = 0; i < 3; i++)
        copy(graph, node, weft_arena_printf(graph->arena, "%c_%s", stage, limits[i]), from,
             weft_arena_printf(graph->arena, "y_%s", limits[i]));
}

static void set_attrs(weft_graph *graph, weft_node *node, const match *m)
{
    weft_arena *arena = graph->arena;
    weft_attrs_set_int(&node->attrs, arena, "heads", m->heads);
    weft_attrs_set_int(&node->attrs, arena, "head_size", m->size);
    if (m->v_size != m->size)
        weft_attrs_set_int(&node->attrs, arena, "v_head_size", m->v_size);
    copy(graph, node, "q_zero", m->scores, "a_zero");
    copy(graph, node, "k_zero", m->scores, "b_zero");
    copy(graph, node, "v_zero", m->values, "b_zero");
    copy_stage(graph, node, 's', m->scores);
    copy_stage(graph, node, 'p', m->softmax);
    copy_stage(graph, node, 'y', m->values);
    const struct {
        const char *name;
        const weft_node *node;
    } types[] = {{"s_type", m->scores}, {"p_type", m->softmax}, {"to", m->values}};
    for (size_t i = 0; i < 3; i++)
        weft_attrs_set_string(&node->attrs, arena, types[i].name,
                              weft_dtype_name(types[i].node->outputs[0]->dtype));
}

static weft_status rewrite(weft_graph *graph, const match *m, weft_diag *diag)
{
    weft_value *inputs[7] = {m->scores->inputs[0],
                             m->scores->inputs[1],
                             m->values->inputs[1],
                             m->softmax->inputs[1],
                             NULL,
                             NULL,
                             m->s_table};
    weft_node *taken[2] = {NULL, NULL};
    weft_value *old = m->values->outputs[0], *y = NULL;
    weft_status status = WEFT_OK;
    bool k_is_transposed = !attr(m->scores, "b_transposed");
    for (size_t i = 0; i < 3 && status == WEFT_OK; i++) {
        if (i < 2)
            status = take_table(graph, m, &inputs[i], &inputs[4 + i], &taken[i], diag);
        if (status == WEFT_OK)
            status = weft_attention_as_tokens(graph, m->values, m->batch, m->heads, inputs[i],
                                              i == 1 && k_is_transposed, &inputs[i], diag);
    }
    if (status != WEFT_OK)
        return status;
    size_t count = inputs[6] ? 7 : inputs[5] ? 6 : inputs[4] ? 5 : 4;
    weft_node *node = weft_rewrite_add(graph, m->values, WEFT_OP_QAttention, m->softmax->name,
                                       inputs, count, m->scores);
    for (size_t i = 0; i < 2; i++)
        if (taken[i])
            weft_rewrite_add_sources(graph, node, taken[i]);
    if (m->s_table)
        weft_rewrite_add_sources(graph, node, m->softmax->inputs[0]->producer);
    weft_rewrite_add_sources(graph, node, m->softmax);
    weft_rewrite_add_sources(graph, node, m->values);
    set_attrs(graph, node, m);
    status = weft_node_infer(graph, node, diag);
    if (status == WEFT_OK)
        status = weft_attention_as_heads(graph, m->values, node, m->batch, m->tokens, &old->shape,
                                         &y, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, old, y, diag) : status;
}

weft_status weft_attention_fuse_quantized(weft_graph *graph, weft_node *node, bool *out_done,
                                          weft_diag *diag)
{
    match m;
    if (!read_match(graph, node, &m))
        return WEFT_OK;
    *out_done = true;
    return rewrite(graph, &m, diag);
}
