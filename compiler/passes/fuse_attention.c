/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-attention: softmax(scale * Q K^T) V becomes weft.Attention. Queries, keys and values are
 * read in place from the product that they were cut from, by offsets; three products of the same
 * input become one. Scalar factors on queries, keys or scores become the scale. Must not know how
 * an exporter spells the cutting (trace.h), nor masks: with one the operators stay as they are.
 *
 * needs: Linear; constants folded.
 * keeps: values up to f32 rounding of scale and order of sums.
 * breaks: nothing. */
#include "compiler/passes/attention.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/trace.h"

/* The nodes of one attention and how its tensors are seen: [batch, heads, tokens, size]. */
typedef struct match {
    weft_node *scores, *softmax, *values;
    double scale; /* between scores and softmax */
    int64_t batch, heads, tokens, others, size, v_size;
} match;

static bool is_last_axis(const weft_node *softmax)
{
    int64_t axis = weft_attrs_int(&softmax->attrs, "axis", -1);
    return axis == -1 || axis == softmax->inputs[0]->shape.rank - 1;
}

/* The node of that operator from which value comes through views that keep the last two dimensions,
 * and scalar factors; NULL when something else reads what lies between. */
static weft_node *origin(const weft_graph *graph, weft_value *value, weft_op op, double *out_scale)
{
    weft_trace trace;
    weft_trace_value(value, out_scale ? WEFT_TRACE_SCALED : WEFT_TRACE_CHOSEN, &trace);
    const weft_shape *from = &trace.root->shape, *to = &value->shape;
    if (out_scale)
        *out_scale = trace.scale;
    trace.scale = 1.0;
    if (!weft_rewrite_producer(trace.root, op) || !weft_trace_is_reshape(&trace) ||
        from->rank < 2 || to->rank < 2 || from->dims[from->rank - 1] != to->dims[to->rank - 1] ||
        from->dims[from->rank - 2] != to->dims[to->rank - 2])
        return NULL;
    const weft_value *at = trace.root;
    while (at != value) {
        const weft_node *user = weft_rewrite_single_user(graph, at);
        if (!user)
            return NULL;
        at = user->outputs[0];
    }
    return weft_rewrite_single_user(graph, value) ? trace.root->producer : NULL;
}

static bool same_batch(const weft_shape *a, const weft_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank - 2; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

/* How many of the leading dimension's products belong to one image: a product of rank 3 does not
 * say. Where queries are cut from tokens by channels they are heads. */
static int64_t images_of(weft_value *q)
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

static bool read_match(const weft_graph *graph, weft_node *values, match *m)
{
    *m = (match){.values = values};
    if (values->op != WEFT_OP_MatMul || values->outputs[0]->dtype != WEFT_DTYPE_F32)
        return false;
    m->softmax = origin(graph, values->inputs[0], WEFT_OP_Softmax, NULL);
    if (!m->softmax || !is_last_axis(m->softmax))
        return false;
    m->scores = origin(graph, m->softmax->inputs[0], WEFT_OP_MatMul, &m->scale);
    if (!m->scores)
        return false;
    weft_value *q = m->scores->inputs[0], *k = m->scores->inputs[1], *v = values->inputs[1];
    const int64_t *dims = q->shape.dims;
    int rank = q->shape.rank;
    if (rank < 2 || rank > 4 || weft_value_is_constant(q) || weft_value_is_constant(k) ||
        weft_value_is_constant(v) || !same_batch(&q->shape, &k->shape) ||
        !same_batch(&q->shape, &v->shape) || values->inputs[0]->shape.rank != rank)
        return false;
    m->batch = rank == 4 ? dims[0] : rank == 3 ? images_of(q) : 1;
    m->heads = rank == 4 ? dims[1] : rank == 3 ? dims[0] / m->batch : 1;
    m->tokens = dims[rank - 2];
    m->size = dims[rank - 1];
    m->others = v->shape.dims[rank - 2];
    m->v_size = v->shape.dims[rank - 1];
    return true;
}

/* x with dimensions [batch, heads, a, b] as [batch, tokens, channels]. */
static weft_status as_tokens(weft_graph *graph, const match *m, weft_value *x, bool is_transposed,
                             weft_value **out, weft_diag *diag)
{
    static const int64_t perms[2][4] = {{0, 2, 1, 3}, {0, 3, 1, 2}};
    int last = x->shape.rank - 1;
    weft_shape shape = {.rank = 4,
                        .dims = {m->batch, m->heads, x->shape.dims[last - 1], x->shape.dims[last]}};
    const int64_t *perm = perms[is_transposed ? 1 : 0];
    weft_shape rows = {.rank = 3,
                       .dims = {m->batch, shape.dims[perm[1]], m->heads * shape.dims[perm[3]]}};
    weft_status status = weft_rewrite_reshape(graph, m->values, x, &shape, NULL, &x, diag);
    if (status != WEFT_OK)
        return status;
    const char *name =
        weft_arena_printf(graph->arena, "%s/tokens", weft_rewrite_base_name(graph, x->name));
    weft_node *node = weft_rewrite_add(graph, m->values, WEFT_OP_Transpose, name, &x, 1, NULL);
    weft_attrs_set_ints(&node->attrs, graph->arena, "perm", perm, 4);
    status = weft_node_infer(graph, node, diag);
    if (status == WEFT_OK)
        status = weft_rewrite_reshape(graph, m->values, node->outputs[0], &rows, NULL, out, diag);
    return status;
}

static void add_sources_between(weft_graph *graph, weft_node *node, const weft_value *value,
                                const weft_node *first)
{
    weft_rewrite_add_sources(graph, node, first);
    weft_trace_add_sources(graph, node, value, first->outputs[0]);
}

static weft_status rewrite(weft_graph *graph, const match *m, weft_diag *diag)
{
    weft_value *inputs[3] = {m->scores->inputs[0], m->scores->inputs[1], m->values->inputs[1]};
    weft_value *old = m->values->outputs[0], *y = NULL;
    for (size_t i = 0; i < 3; i++) {
        weft_status status = as_tokens(graph, m, inputs[i], i == 1, &inputs[i], diag);
        if (status != WEFT_OK)
            return status;
    }
    weft_node *node =
        weft_rewrite_add(graph, m->values, WEFT_OP_Attention, m->softmax->name, inputs, 3, NULL);
    add_sources_between(graph, node, m->softmax->inputs[0], m->scores);
    add_sources_between(graph, node, m->values->inputs[0], m->softmax);
    weft_rewrite_add_sources(graph, node, m->values);
    weft_attrs_set_int(&node->attrs, graph->arena, "heads", m->heads);
    weft_attrs_set_int(&node->attrs, graph->arena, "head_size", m->size);
    if (m->v_size != m->size)
        weft_attrs_set_int(&node->attrs, graph->arena, "v_head_size", m->v_size);
    weft_attrs_set_float(&node->attrs, graph->arena, "scale", (float)m->scale);
    weft_status status = weft_node_infer(graph, node, diag);
    if (status != WEFT_OK)
        return status;
    /* back to [batch, heads, tokens, size] */
    int64_t row = m->heads * m->v_size;
    weft_trace back = {.root = node->outputs[0], .scale = 1.0};
    const weft_trace_factor factors[4] = {{0, m->batch, m->tokens * row},
                                          {1, m->heads, m->v_size},
                                          {2, m->tokens, row},
                                          {3, m->v_size, 1}};
    for (size_t i = 0; i < 4; i++)
        if (factors[i].size > 1)
            back.factors[back.count++] = factors[i];
    status = weft_trace_make(graph, m->values, &back, &old->shape, NULL, &y, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, old, y, diag) : status;
}

static weft_status visit(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    match m;
    if (read_match(graph, node, &m)) {
        *done = true;
        return rewrite(graph, &m, diag);
    }
    if (node->op == WEFT_OP_Attention)
        return weft_attention_read_in_place(graph, node, done, diag);
    return weft_trace_collapse(graph, node, done, diag);
}

weft_status weft_pass_fuse_attention(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    size_t before;
    do {
        before = *out_changes;
        for (weft_node *node = graph->first, *next; node; node = next) {
            bool done = false;
            next = node->next;
            weft_status status = visit(graph, node, &done, diag);
            if (status != WEFT_OK)
                return status;
            *out_changes += done;
        }
        weft_rewrite_remove_dead(graph);
    } while (*out_changes > before);
    return WEFT_OK;
}
