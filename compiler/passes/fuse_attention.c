/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-attention: softmax(scale * Q K^T) V becomes weft.Attention. Queries, keys and values are
 * read in place from the product that they were cut from, by offsets; three products of the same
 * input become one. Scalar factors on queries, keys or scores become the scale; a constant sum with
 * the scores becomes the mask; repeated keys and values are read once. Must not know how an
 * exporter spells the cutting (trace.h). What stays in several steps is noted. The same in 8 bits
 * is in fuse_attention_quantized.c.
 *
 * needs: Linear; constants folded.
 * keeps: values up to f32 rounding of scale and order of sums.
 * breaks: nothing. */
#include "compiler/passes/attention.h"
#include "compiler/passes/masks.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/trace.h"

/* The nodes of one attention and how its tensors are seen: [batch, heads, tokens, size]. */
typedef struct match {
    weft_node *scores, *softmax, *values;
    weft_node *sum; /* with the mask; or NULL */
    weft_value *mask;
    weft_value *probabilities; /* the softmax, or what guards it against NaN */
    bool is_guarded;
    double scale; /* between scores and softmax */
    weft_value *k, *v;
    bool k_transposed;
    int64_t batch, heads, kv_heads, tokens, others, size, v_size;
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

/* The operand of a sum with the scores that is not scores. False when the sum is another one. */
static bool read_mask(const weft_graph *graph, match *m)
{
    weft_value *value = m->softmax->inputs[0];
    weft_node *sum = weft_rewrite_producer(value, WEFT_OP_Add);
    if (!sum || !weft_rewrite_single_user(graph, value))
        return true;
    double scale;
    size_t i = origin(graph, sum->inputs[0], WEFT_OP_MatMul, &scale) ? 1 : 0;
    if (!weft_shape_equal(&sum->inputs[1 - i]->shape, &value->shape) ||
        !weft_mask_fits(sum->inputs[i], &value->shape))
        return false;
    m->sum = sum;
    m->mask = sum->inputs[i];
    return m->is_guarded || weft_mask_leaves_keys(m->mask);
}

/* What the softmax is of, before the mask. */
static weft_value *scores_of(const match *m)
{
    return m->sum ? m->sum->inputs[m->sum->inputs[0] == m->mask ? 1 : 0] : m->softmax->inputs[0];
}

/* Keys or values that groups of heads share: [B, G, T, C] expanded to [B, G, H / G, T, C] and seen
 * as [B, H, T, C], for keys perhaps with the last two dimensions transposed. NULL when it is none.
 */
static weft_value *unrepeated(const weft_value *value, bool *out_transposed)
{
    const weft_node *turn = weft_rewrite_producer(value, WEFT_OP_Transpose);
    int64_t perm[WEFT_MAX_RANK];
    *out_transposed = false;
    if (turn) {
        weft_rewrite_perm(turn, perm);
        if (value->shape.rank != 4 || perm[0] != 0 || perm[1] != 1 || perm[2] != 3)
            return NULL;
        value = turn->inputs[0];
        *out_transposed = true;
    }
    const weft_node *view = weft_rewrite_producer(value, WEFT_OP_Reshape);
    const weft_node *repeat = view ? weft_rewrite_producer(view->inputs[0], WEFT_OP_Expand) : NULL;
    if (!repeat || value->shape.rank != 4)
        return NULL;
    const weft_shape *all = &repeat->outputs[0]->shape, *once = &repeat->inputs[0]->shape;
    bool fits = all->rank == 5 && once->rank == 5 && once->dims[2] == 1 &&
                all->dims[1] * all->dims[2] == value->shape.dims[1] &&
                !weft_value_is_constant(repeat->inputs[0]);
    for (int axis = 0; fits && axis < 5; axis++)
        fits =
            axis == 2 || (all->dims[axis] == once->dims[axis] &&
                          (axis == 1 || all->dims[axis] == value->shape.dims[axis - (axis > 2)]));
    return fits ? repeat->inputs[0] : NULL;
}

/* Reads keys and values where they are before they are repeated. */
static void read_groups(match *m)
{
    bool k_transposed, v_transposed;
    weft_value *k = unrepeated(m->k, &k_transposed), *v = unrepeated(m->v, &v_transposed);
    if (!k || !v || !k_transposed || v_transposed || k->shape.dims[1] != v->shape.dims[1])
        return;
    m->k = k;
    m->v = v;
    m->kv_heads = k->shape.dims[1];
    m->k_transposed = false;
}

static bool read_match(const weft_graph *graph, weft_node *values, match *m)
{
    *m = (match){.values = values};
    if (values->op != WEFT_OP_MatMul || values->outputs[0]->dtype != WEFT_DTYPE_F32)
        return false;
    m->probabilities = values->inputs[0];
    m->softmax = weft_mask_guarded_softmax(m->probabilities);
    m->is_guarded = m->softmax != NULL;
    if (m->is_guarded && !weft_rewrite_single_user(graph, m->probabilities))
        return false;
    if (!m->is_guarded)
        m->softmax = origin(graph, m->probabilities, WEFT_OP_Softmax, NULL);
    if (!m->softmax || !is_last_axis(m->softmax) || !read_mask(graph, m))
        return false;
    m->scores = origin(graph, scores_of(m), WEFT_OP_MatMul, &m->scale);
    if (!m->scores)
        return false;
    weft_value *q = m->scores->inputs[0], *k = m->scores->inputs[1], *v = values->inputs[1];
    const int64_t *dims = q->shape.dims;
    int rank = q->shape.rank;
    if (rank < 2 || rank > 4 || weft_value_is_constant(q) || weft_value_is_constant(k) ||
        weft_value_is_constant(v) || !same_batch(&q->shape, &k->shape) ||
        !same_batch(&q->shape, &v->shape) || values->inputs[0]->shape.rank != rank)
        return false;
    m->batch = rank == 4 ? dims[0] : rank == 3 ? weft_attention_images(q) : 1;
    m->heads = rank == 4 ? dims[1] : rank == 3 ? dims[0] / m->batch : 1;
    m->tokens = dims[rank - 2];
    m->size = dims[rank - 1];
    m->others = v->shape.dims[rank - 2];
    m->v_size = v->shape.dims[rank - 1];
    m->k = k;
    m->v = v;
    m->k_transposed = true;
    m->kv_heads = m->heads;
    read_groups(m);
    return true;
}

static void add_sources_between(weft_graph *graph, weft_node *node, const weft_value *value,
                                const weft_node *first)
{
    weft_rewrite_add_sources(graph, node, first);
    weft_trace_add_sources(graph, node, value, first->outputs[0]);
}

static weft_status rewrite(weft_graph *graph, const match *m, weft_diag *diag)
{
    weft_value *inputs[5] = {m->scores->inputs[0], m->k, m->v};
    weft_value *old = m->values->outputs[0], *y = NULL;
    for (size_t i = 0; i < 3; i++) {
        weft_status status =
            weft_attention_as_tokens(graph, m->values, m->batch, i == 0 ? m->heads : m->kv_heads,
                                     inputs[i], i == 1 && m->k_transposed, &inputs[i], diag);
        if (status != WEFT_OK)
            return status;
    }
    if (m->mask) {
        weft_status status = weft_mask_keys_first(graph, m->values, m->mask,
                                                  &m->softmax->inputs[0]->shape, &inputs[4], diag);
        if (status != WEFT_OK)
            return status;
    }
    weft_node *node = weft_rewrite_add(graph, m->values, WEFT_OP_Attention, m->softmax->name,
                                       inputs, m->mask ? 5 : 3, NULL);
    add_sources_between(graph, node, scores_of(m), m->scores);
    if (m->sum)
        weft_rewrite_add_sources(graph, node, m->sum);
    if (m->is_guarded) {
        weft_rewrite_add_sources(graph, node, m->softmax);
        weft_rewrite_add_sources(graph, node, m->probabilities->producer->inputs[0]->producer);
        weft_rewrite_add_sources(graph, node, m->probabilities->producer);
    } else
        add_sources_between(graph, node, m->probabilities, m->softmax);
    weft_rewrite_add_sources(graph, node, m->values);
    weft_attrs_set_int(&node->attrs, graph->arena, "heads", m->heads);
    if (m->kv_heads != m->heads)
        weft_attrs_set_int(&node->attrs, graph->arena, "kv_heads", m->kv_heads);
    weft_attrs_set_int(&node->attrs, graph->arena, "head_size", m->size);
    if (m->v_size != m->size)
        weft_attrs_set_int(&node->attrs, graph->arena, "v_head_size", m->v_size);
    weft_attrs_set_float(&node->attrs, graph->arena, "scale", (float)m->scale);
    weft_status status = weft_node_infer(graph, node, diag);
    if (status != WEFT_OK)
        return status;
    status =
        weft_attention_as_heads(graph, m->values, node, m->batch, m->tokens, &old->shape, &y, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, old, y, diag) : status;
}

/* ---- what stays in several steps ---- */

/* A product of two computed tensors that the value comes from, through views and factors. */
static bool is_scores(weft_value *value)
{
    weft_trace trace;
    weft_trace_value(value, WEFT_TRACE_SCALED, &trace);
    return weft_rewrite_producer(trace.root, WEFT_OP_MatMul) != NULL;
}

/* Why the attention of a softmax was not fused; NULL when it is none. */
static const char *reason_of(const weft_graph *graph, const weft_node *softmax)
{
    weft_trace trace;
    const weft_node *user = weft_rewrite_first_user(graph, softmax->outputs[0]);
    if (!user || user->op != WEFT_OP_MatMul || user->inputs[0] != softmax->outputs[0])
        return NULL;
    weft_trace_value(softmax->inputs[0], WEFT_TRACE_SCALED, &trace);
    const weft_node *before = trace.root->producer;
    if (before && (before->op == WEFT_OP_Add || before->op == WEFT_OP_Sub))
        return is_scores(before->inputs[0]) || is_scores(before->inputs[1])
                   ? "a mask of another form, or with queries that it leaves no key, is added to the scores"
                   : NULL;
    if (before && before->op == WEFT_OP_Where)
        return "a mask chooses among the scores";
    if (!is_scores(softmax->inputs[0]))
        return NULL;
    if (!is_last_axis(softmax))
        return "its softmax is not over the keys";
    return softmax->outputs[0]->use_count > 1 || weft_value_is_output(graph, softmax->outputs[0])
               ? "its probabilities are read by something else, too"
               : NULL;
}

/* One note per reason, with the nodes. */
static void note_unfused(const weft_graph *graph, weft_diag *diag)
{
    enum { NAMED = 3 };
    for (const weft_node *node = graph->first; node; node = node->next) {
        const char *reason = node->op == WEFT_OP_Softmax ? reason_of(graph, node) : NULL;
        bool is_known = false;
        for (const weft_node *other = graph->first; reason && other != node; other = other->next)
            is_known =
                is_known || (other->op == WEFT_OP_Softmax && reason_of(graph, other) == reason);
        if (!reason || is_known)
            continue;
        size_t count = 0;
        weft_text names;
        weft_text_init(&names, graph->arena);
        for (const weft_node *other = node; other; other = other->next) {
            if (other->op != WEFT_OP_Softmax || reason_of(graph, other) != reason)
                continue;
            if (count < NAMED)
                weft_text_printf(&names, "%s%s", count > 0 ? ", " : "", other->name);
            count++;
        }
        weft_diag_note(diag, "attention runs in several steps: %s", reason);
        if (count > NAMED)
            weft_text_printf(&names, " and %zu more", count - NAMED);
        weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", names.data);
    }
}

/* Where(IsNaN(p), 0, p) has no kernel of its own; one error says so, not one for each node. */
static weft_status refuse_guards(const weft_graph *graph, weft_diag *diag)
{
    for (const weft_node *node = graph->first; node; node = node->next) {
        if (!weft_mask_guarded_softmax(node->outputs[0]))
            continue;
        weft_status status = weft_diag_error(diag, WEFT_E_PASS_NO_LOWERING,
                                             "queries may be left without any key, in an attention "
                                             "that does not run as one step");
        weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", node->name);
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "its probabilities are guarded against NaN");
        weft_diag_field_set(diag, WEFT_DIAG_TRY,
                            "make the mask a constant that leaves every query a key");
        return status;
    }
    return WEFT_OK;
}

static weft_status visit(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    match m;
    if (read_match(graph, node, &m)) {
        *done = true;
        return rewrite(graph, &m, diag);
    }
    weft_status status = weft_attention_fuse_quantized(graph, node, done, diag);
    if (status != WEFT_OK || *done)
        return status;
    if (node->op == WEFT_OP_Attention || node->op == WEFT_OP_QAttention)
        return weft_attention_read_in_place(graph, node, done, diag);
    return weft_trace_collapse(graph, node, done, diag);
}

weft_status weft_pass_fuse_attention(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    weft_status status = weft_rewrite_until_still(graph, visit, out_changes, diag);
    if (status != WEFT_OK)
        return status;
    note_unfused(graph, diag);
    return refuse_guards(graph, diag);
}
