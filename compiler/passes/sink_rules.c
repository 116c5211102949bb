/* SPDX-License-Identifier: Apache-2.0 */
/* sink-transposes, the rules: for each kind of operator the same operator on untransposed operands,
 * with axes, lists per axis and constants re-laid. Must not know when to stop or what for.
 *
 * With T(x)[i] having axis perm[i] of x, axis a of the transposed space is axis perm[a] of x; a
 * list with an entry per axis moves its entry a to perm[a]. */
#include "compiler/passes/rewrite.h"
#include "compiler/passes/sink.h"

/* The rewrite of one node under way. */
typedef struct sink {
    weft_graph *graph;
    weft_node *node;
    int64_t perm[WEFT_MAX_RANK];
    int rank;
    weft_value **inputs; /* of the node to be made; room for one more than node has */
    size_t input_count;
    int64_t axis; /* its attribute axis; used when has_axis */
    bool has_axis;
    int64_t out_perm[WEFT_MAX_RANK]; /* of the transposes behind it */
    int out_rank;
    weft_diag *diag;
} sink;

typedef enum op_kind {
    KIND_NONE,
    KIND_UNARY, /* element-wise in input 0; other inputs are scalars and stay */
    KIND_NARY,  /* element-wise with broadcasting */
    KIND_CONCAT,
    KIND_AXIS,     /* attribute axis; input 0 */
    KIND_QUANTISE, /* element-wise; attribute axis where there is a scale per index of it */
    KIND_REDUCE,
    KIND_SLICE,
    KIND_PAD,
    KIND_EXPAND,
    KIND_RESIZE
} op_kind;

static op_kind kind_of(weft_op op)
{
    switch ((int)op) {
    case WEFT_OP_Abs:
    case WEFT_OP_Cast:
    case WEFT_OP_Ceil:
    case WEFT_OP_Clip:
    case WEFT_OP_Cos:
    case WEFT_OP_Elu:
    case WEFT_OP_Erf:
    case WEFT_OP_Exp:
    case WEFT_OP_Floor:
    case WEFT_OP_Gelu:
    case WEFT_OP_HardSigmoid:
    case WEFT_OP_HardSwish:
    case WEFT_OP_Identity:
    case WEFT_OP_LeakyRelu:
    case WEFT_OP_Log:
    case WEFT_OP_Neg:
    case WEFT_OP_Not:
    case WEFT_OP_QTable:
    case WEFT_OP_Reciprocal:
    case WEFT_OP_Relu:
    case WEFT_OP_Round:
    case WEFT_OP_Sigmoid:
    case WEFT_OP_Sin:
    case WEFT_OP_Softplus:
    case WEFT_OP_Sqrt:
    case WEFT_OP_Tanh: return KIND_UNARY;
    case WEFT_OP_Add:
    case WEFT_OP_And:
    case WEFT_OP_Div:
    case WEFT_OP_Equal:
    case WEFT_OP_Greater:
    case WEFT_OP_GreaterOrEqual:
    case WEFT_OP_Less:
    case WEFT_OP_LessOrEqual:
    case WEFT_OP_Max:
    case WEFT_OP_Min:
    case WEFT_OP_Mod:
    case WEFT_OP_Mul:
    case WEFT_OP_Or:
    case WEFT_OP_Pow:
    case WEFT_OP_PRelu:
    case WEFT_OP_QAdd:
    case WEFT_OP_QMul:
    case WEFT_OP_Sub:
    case WEFT_OP_Sum:
    case WEFT_OP_Where: return KIND_NARY;
    case WEFT_OP_Concat: return KIND_CONCAT;
    case WEFT_OP_DequantizeLinear:
    case WEFT_OP_QuantizeLinear: return KIND_QUANTISE;
    case WEFT_OP_Softmax:
    case WEFT_OP_Split: return KIND_AXIS;
    case WEFT_OP_ReduceMax:
    case WEFT_OP_ReduceMean:
    case WEFT_OP_ReduceMin:
    case WEFT_OP_ReduceProd:
    case WEFT_OP_ReduceSum: return KIND_REDUCE;
    case WEFT_OP_Slice: return KIND_SLICE;
    case WEFT_OP_Pad: return KIND_PAD;
    case WEFT_OP_Expand: return KIND_EXPAND;
    case WEFT_OP_Resize: return KIND_RESIZE;
    default: return KIND_NONE;
    }
}

/* ---- operands ---- */

static bool has_one_element(const weft_value *value)
{
    int64_t elems;
    return weft_shape_elems(&value->shape, &elems) && elems == 1;
}

static bool is_transposed(const sink *s, const weft_value *value)
{
    const weft_node *node = weft_rewrite_producer(value, WEFT_OP_Transpose);
    if (!node || value->shape.rank != s->rank)
        return false;
    int64_t perm[WEFT_MAX_RANK];
    weft_rewrite_perm(node, perm);
    for (int i = 0; i < s->rank; i++)
        if (perm[i] != s->perm[i])
            return false;
    return true;
}

/* The value in the space of x, when another transpose before the node makes it already. Of two
 * inverse permutations only the larger (to channels-first) is sunk with the help of the other:
 * both ways would undo each other for ever. */
static weft_value *find_untransposed(const sink *s, const weft_value *value)
{
    const weft_node *node = value->producer ? value->producer->next : s->graph->first;
    int64_t inverse[WEFT_MAX_RANK], perm[WEFT_MAX_RANK];
    int first = 0;
    weft_rewrite_perm_invert(s->perm, s->rank, inverse);
    while (first < s->rank && s->perm[first] == inverse[first])
        first++;
    if (first == s->rank || s->perm[first] < inverse[first])
        return NULL;
    for (; value->shape.rank == s->rank && node != s->node; node = node->next) {
        if (node->op != WEFT_OP_Transpose || node->inputs[0] != value)
            continue;
        weft_rewrite_perm(node, perm);
        int same = 0;
        while (same < s->rank && perm[same] == inverse[same])
            same++;
        if (same == s->rank)
            return node->outputs[0];
    }
    return NULL;
}

/* Without cost: transposed already, constant, a view away, or needed untransposed elsewhere too. */
static bool is_free(const sink *s, const weft_value *value)
{
    if (!value || is_transposed(s, value) || weft_value_is_constant(value))
        return !value || value->shape.rank <= s->rank;
    if (value->shape.rank > s->rank)
        return false;
    if (find_untransposed(s, value))
        return true;
    int64_t inverse[WEFT_MAX_RANK];
    weft_shape shape = weft_rewrite_pad_rank(&value->shape, s->rank);
    weft_rewrite_perm_invert(s->perm, s->rank, inverse);
    return weft_rewrite_perm_is_view(inverse, &shape);
}

/* The operand in the space of x. */
static weft_status bring(sink *s, weft_value *value, weft_value **out)
{
    *out = value;
    if (!value)
        return WEFT_OK;
    if (is_transposed(s, value)) {
        *out = value->producer->inputs[0];
        return WEFT_OK;
    }
    if (weft_value_is_constant(value) && has_one_element(value))
        return WEFT_OK;
    weft_value *twin = weft_value_is_constant(value) ? NULL : find_untransposed(s, value);
    if (twin) {
        *out = twin;
        return WEFT_OK;
    }
    int64_t inverse[WEFT_MAX_RANK];
    weft_shape shape = weft_rewrite_pad_rank(&value->shape, s->rank);
    weft_rewrite_perm_invert(s->perm, s->rank, inverse);
    if (weft_value_is_constant(value)) {
        weft_value *padded = weft_rewrite_view_constant(s->graph, value, &shape);
        *out = weft_rewrite_permute_constant(s->graph, padded, inverse);
        return WEFT_OK;
    }
    shape = weft_rewrite_perm_shape(inverse, &shape);
    return weft_rewrite_reshape(s->graph, s->node, value, &shape, NULL, out, s->diag);
}

/* A constant list with an entry per axis (blocks of rank entries), each block re-ordered; NULL when
 * it is none. */
static weft_value *move_list(const sink *s, const weft_value *list, size_t blocks)
{
    int64_t elems;
    size_t rank = (size_t)s->rank;
    if (!weft_value_is_constant(list) || !weft_shape_elems(&list->shape, &elems) ||
        (size_t)elems != blocks * rank)
        return NULL;
    size_t size_bytes = weft_dtype_bytes(list->dtype);
    const uint8_t *from = list->data;
    uint8_t *to = weft_arena_alloc_array(s->graph->arena, (size_t)elems, size_bytes);
    for (size_t block = 0; block < blocks; block++)
        for (size_t i = 0; i < rank; i++) {
            const uint8_t *entry = from + (block * rank + i) * size_bytes;
            uint8_t *place = to + (block * rank + (size_t)s->perm[i]) * size_bytes;
            for (size_t byte = 0; byte < size_bytes; byte++)
                place[byte] = entry[byte];
        }
    return weft_graph_add_constant(s->graph, weft_rewrite_base_name(s->graph, list->name),
                                   list->dtype, &list->shape, to);
}

static int64_t from_end(int64_t axis, int rank)
{
    return axis < 0 ? axis + rank : axis;
}

/* A constant list of axes; absent: 0 .. absent_count - 1. NULL when it is not constant. */
static weft_value *move_axes(const sink *s, const weft_value *axes, size_t absent_count)
{
    int64_t list[WEFT_MAX_RANK];
    size_t count = absent_count;
    if (axes &&
        (!weft_value_const_ints(axes, list, WEFT_MAX_RANK, &count) || count > WEFT_MAX_RANK))
        return NULL;
    for (size_t i = 0; i < count; i++)
        list[i] = s->perm[axes ? from_end(list[i], s->rank) : (int64_t)i];
    return weft_graph_add_constant_ints(
        s->graph, axes ? weft_rewrite_base_name(s->graph, axes->name) : NULL, list, count);
}

/* ---- rules: fill the sink; false leaves the node as it is ---- */

static bool reduce(sink *s)
{
    const weft_value *axes = weft_node_input(s->node, 1);
    int64_t list[WEFT_MAX_RANK];
    size_t count = 0;
    if (!axes || !weft_value_const_ints(axes, list, WEFT_MAX_RANK, &count) || count == 0)
        return false;
    s->inputs[1] = move_axes(s, axes, 0);
    if (weft_attrs_int(&s->node->attrs, "keepdims", 1))
        return true;
    bool gone[WEFT_MAX_RANK] = {false};
    int64_t place[WEFT_MAX_RANK] = {0}, next = 0; /* of each axis of x in the reduced x */
    for (size_t i = 0; i < count; i++)
        gone[s->perm[from_end(list[i], s->rank)]] = true;
    for (int axis = 0; axis < s->rank; axis++)
        if (!gone[axis])
            place[axis] = next++;
    s->out_rank = 0;
    for (int i = 0; i < s->rank; i++)
        if (!gone[s->perm[i]])
            s->out_perm[s->out_rank++] = place[s->perm[i]];
    return true;
}

static bool slice(sink *s)
{
    const weft_value *starts = s->node->inputs[1];
    s->inputs[3] = move_axes(s, weft_node_input(s->node, 3), (size_t)starts->shape.dims[0]);
    s->input_count = s->input_count < 4 ? 4 : s->input_count;
    return s->inputs[3] != NULL;
}

static bool pad(sink *s)
{
    const weft_value *axes = weft_node_input(s->node, 3);
    size_t at = axes ? 3 : 1;
    s->inputs[at] = axes ? move_axes(s, axes, 0) : move_list(s, s->node->inputs[1], 2);
    return s->inputs[at] != NULL;
}

static bool expand(sink *s)
{
    if (s->node->outputs[0]->shape.rank != s->rank)
        return false;
    int64_t dims[WEFT_MAX_RANK];
    const weft_shape *shape = &s->node->outputs[0]->shape;
    for (int i = 0; i < s->rank; i++)
        dims[s->perm[i]] = shape->dims[i];
    s->inputs[1] = weft_graph_add_constant_ints(s->graph, NULL, dims, (size_t)s->rank);
    return true;
}

static bool resize(sink *s)
{
    int64_t elems;
    if (weft_attrs_find(&s->node->attrs, "axes") ||
        weft_attrs_string(&s->node->attrs, "coordinate_transformation_mode", "half_pixel")[0] ==
            't')
        return false; /* tf_crop_and_resize has regions */
    for (size_t i = 1; i < s->node->input_count; i++) {
        const weft_value *list = s->node->inputs[i];
        if (list && weft_shape_elems(&list->shape, &elems) && elems == 0)
            continue;
        if (list && i == 1)
            s->inputs[i] = NULL; /* regions that the mode does not use */
        else if (list && !(s->inputs[i] = move_list(s, list, 1)))
            return false;
    }
    return true;
}

static bool moves_axis(sink *s, op_kind kind)
{
    if (kind == KIND_QUANTISE && has_one_element(s->node->inputs[1]))
        return true;
    int64_t fallback = s->node->op == WEFT_OP_Softmax ? -1 : kind == KIND_QUANTISE ? 1 : 0;
    int64_t axis = weft_attrs_int(&s->node->attrs, "axis", fallback);
    s->axis = s->perm[from_end(axis, s->rank)];
    s->has_axis = true;
    return true;
}

static weft_status fill(sink *s, op_kind kind, bool *out_fits)
{
    size_t operands = kind == KIND_NARY || kind == KIND_CONCAT ? s->node->input_count : 1;
    *out_fits = false;
    if (kind == KIND_NARY && s->node->outputs[0]->shape.rank != s->rank)
        return WEFT_OK;
    for (size_t i = 0; i < operands; i++)
        if (!is_free(s, s->node->inputs[i]))
            return WEFT_OK;
    *out_fits = (kind != KIND_REDUCE || reduce(s)) && (kind != KIND_SLICE || slice(s)) &&
                (kind != KIND_PAD || pad(s)) && (kind != KIND_EXPAND || expand(s)) &&
                (kind != KIND_RESIZE || resize(s)) &&
                ((kind != KIND_AXIS && kind != KIND_CONCAT && kind != KIND_QUANTISE) ||
                 moves_axis(s, kind));
    for (size_t i = 0; *out_fits && i < operands; i++) {
        weft_status status = bring(s, s->node->inputs[i], &s->inputs[i]);
        if (status != WEFT_OK)
            return status;
    }
    return WEFT_OK;
}

/* ---- the rewrite ---- */

static void inherit_transposes(sink *s, weft_node *heir)
{
    for (size_t i = 0; i < s->node->input_count; i++) {
        const weft_node *old = weft_rewrite_producer(s->node->inputs[i], WEFT_OP_Transpose);
        if (old)
            weft_rewrite_add_sources(s->graph, heir, old);
    }
}

static weft_status finish(sink *s)
{
    weft_node *node = s->node;
    const char **names = WEFT_NEW_ARRAY(s->graph->arena, const char *, node->output_count);
    for (size_t i = 0; i < node->output_count; i++)
        names[i] =
            node->outputs[i] ? weft_rewrite_base_name(s->graph, node->outputs[i]->name) : NULL;
    weft_node *made = weft_graph_add_node(s->graph, node, node->op, node->name, s->inputs,
                                          s->input_count, names, node->output_count);
    weft_rewrite_add_sources(s->graph, made, node);
    weft_rewrite_copy_attrs(s->graph, made, node);
    if (s->has_axis)
        weft_attrs_set_int(&made->attrs, s->graph->arena, "axis", s->axis);
    weft_status status = weft_node_infer(s->graph, made, s->diag);
    bool ends = weft_rewrite_perm_is_identity(s->out_perm, s->out_rank);
    if (ends)
        inherit_transposes(s, made);
    for (size_t i = 0; i < node->output_count && status == WEFT_OK; i++) {
        if (!node->outputs[i] || node->outputs[i]->use_count == 0)
            continue;
        weft_value *result = made->outputs[i];
        if (!ends) {
            const char *name = weft_arena_printf(s->graph->arena, "%s/transposed", names[i]);
            weft_node *transpose =
                weft_rewrite_add(s->graph, node, WEFT_OP_Transpose, name, &result, 1, NULL);
            weft_attrs_set_ints(&transpose->attrs, s->graph->arena, "perm", s->out_perm,
                                (size_t)s->out_rank);
            inherit_transposes(s, transpose);
            status = weft_node_infer(s->graph, transpose, s->diag);
            result = transpose->outputs[0];
        }
        if (status == WEFT_OK)
            status = weft_rewrite_replace(s->graph, node->outputs[i], result, s->diag);
    }
    return status;
}

weft_status weft_sink_through(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag)
{
    op_kind kind = kind_of(node->op);
    size_t candidates = kind == KIND_NARY || kind == KIND_CONCAT ? node->input_count : 1;
    for (size_t i = 0; kind != KIND_NONE && i < candidates; i++) {
        weft_node *transpose = weft_rewrite_producer(node->inputs[i], WEFT_OP_Transpose);
        if (!transpose)
            continue;
        sink s = {.graph = graph, .node = node, .diag = diag};
        s.rank = s.out_rank = transpose->inputs[0]->shape.rank;
        weft_rewrite_perm(transpose, s.perm);
        weft_rewrite_perm(transpose, s.out_perm);
        s.input_count = node->input_count;
        s.inputs = WEFT_NEW_ARRAY(graph->arena, weft_value *, node->input_count + 1);
        for (size_t k = 0; k < node->input_count; k++)
            s.inputs[k] = node->inputs[k];
        bool fits = false;
        weft_status status = fill(&s, kind, &fits);
        if (status != WEFT_OK || fits) {
            *out_done = fits;
            return status == WEFT_OK ? finish(&s) : status;
        }
    }
    return WEFT_OK;
}

weft_status weft_sink_view(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag)
{
    weft_value *x = weft_node_input(node, 0), *view = NULL;
    weft_node *reshape = weft_rewrite_producer(x, WEFT_OP_Reshape);
    op_kind kind = kind_of(node->op);
    bool is_free =
        kind == KIND_UNARY || (kind == KIND_QUANTISE && has_one_element(node->inputs[1]));
    if (!reshape || !is_free || weft_rewrite_single_user(graph, x) != node)
        return WEFT_OK;
    weft_value **inputs = WEFT_NEW_ARRAY(graph->arena, weft_value *, node->input_count);
    for (size_t i = 0; i < node->input_count; i++)
        inputs[i] = i == 0 ? reshape->inputs[0] : node->inputs[i];
    weft_node *made =
        weft_rewrite_add(graph, node, node->op, node->name, inputs, node->input_count, node);
    weft_rewrite_copy_attrs(graph, made, node);
    weft_status status = weft_node_infer(graph, made, diag);
    if (status == WEFT_OK)
        status = weft_rewrite_reshape(graph, node, made->outputs[0], &node->outputs[0]->shape,
                                      reshape, &view, diag);
    if (status != WEFT_OK)
        return status;
    *out_done = true;
    return weft_rewrite_replace(graph, node->outputs[0], view, diag);
}
