/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of values through nodes that only choose and rename elements. Must not know any pass. */
#include "compiler/passes/trace.h"

#include "compiler/passes/rewrite.h"

enum { MAX_NODES = 24 }; /* a longer chain is traced from its middle */

/* ---- factors ---- */

static bool push(weft_trace *trace, int dim, int64_t size, int64_t stride)
{
    weft_trace_factor *last = trace->count ? &trace->factors[trace->count - 1] : NULL;
    if (size == 1)
        return true;
    if (last && last->dim == dim && last->stride == size * stride) {
        last->size *= size;
        last->stride = stride;
        return true;
    }
    if (trace->count == WEFT_TRACE_FACTORS)
        return false;
    trace->factors[trace->count++] = (weft_trace_factor){dim, size, stride};
    return true;
}

size_t weft_trace_dim(const weft_trace *trace, int dim, weft_trace_factor *out_factors)
{
    size_t count = 0;
    for (size_t i = 0; i < trace->count; i++)
        if (trace->factors[i].dim == dim)
            out_factors[count++] = trace->factors[i];
    return count;
}

bool weft_trace_dim_is(const weft_trace *trace, int dim, int64_t size, int64_t stride)
{
    weft_trace_factor factors[WEFT_TRACE_FACTORS];
    size_t count = weft_trace_dim(trace, dim, factors);
    return size == 1 ? count == 0
                     : count == 1 && factors[0].size == size && factors[0].stride == stride;
}

/* Takes `size` elements from the front of factors; they must be one factor. */
static bool take(weft_trace_factor *factors, size_t count, size_t *at, int64_t size,
                 int64_t *out_stride)
{
    weft_trace taken = {.count = 0};
    *out_stride = 0;
    while (size > 1) {
        if (*at == count)
            return false;
        weft_trace_factor *next = &factors[*at];
        int64_t part = next->size <= size ? next->size : size;
        if (size % part != 0 || next->size % part != 0)
            return false;
        next->size /= part;
        if (!push(&taken, 0, part, next->stride * next->size))
            return false;
        *at += next->size == 1;
        size /= part;
    }
    if (taken.count > 0)
        *out_stride = taken.factors[0].stride;
    return taken.count <= 1;
}

bool weft_trace_cut(const weft_trace_factor *factors, size_t count, int64_t outer, int64_t inner,
                    int64_t *out_outer_stride, int64_t *out_inner_stride)
{
    weft_trace_factor rest[WEFT_TRACE_FACTORS];
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        rest[i] = factors[i];
    return take(rest, count, &at, outer, out_outer_stride) &&
           take(rest, count, &at, inner, out_inner_stride) && at == count;
}

/* ---- nodes: the trace of an output from that of input 0; false where it has none ---- */

static bool reshape(const weft_trace *x, const weft_shape *shape, weft_trace *y)
{
    weft_trace_factor rest[WEFT_TRACE_FACTORS];
    size_t at = 0;
    for (size_t i = 0; i < x->count; i++)
        rest[i] = x->factors[i];
    for (int dim = 0; dim < shape->rank; dim++) {
        int64_t size = shape->dims[dim];
        while (size > 1) {
            weft_trace_factor *next = &rest[at];
            if (at == x->count)
                return false;
            int64_t part = next->size <= size ? next->size : size;
            if (size % part != 0 || next->size % part != 0)
                return false;
            next->size /= part;
            if (!push(y, dim, part, next->stride * next->size))
                return false;
            at += next->size == 1;
            size /= part;
        }
    }
    return at == x->count;
}

static bool transpose(const weft_node *node, const weft_trace *x, weft_trace *y)
{
    int64_t perm[WEFT_MAX_RANK];
    weft_rewrite_perm(node, perm);
    for (int dim = 0; dim < node->inputs[0]->shape.rank; dim++)
        for (size_t i = 0; i < x->count; i++)
            if (x->factors[i].dim == perm[dim] &&
                !push(y, dim, x->factors[i].size, x->factors[i].stride))
                return false;
    return true;
}

/* Keeps of dimension `dim` the elements start, start + step, ...; `length` of them. */
static bool choose(const weft_trace *x, int dim, int64_t start, int64_t step, int64_t length,
                   weft_trace *y)
{
    weft_trace_factor own[WEFT_TRACE_FACTORS];
    size_t count = weft_trace_dim(x, dim, own), first = 0;
    int64_t inner = 1;
    for (size_t i = 1; i < count; i++)
        inner *= own[i].size;
    /* as long as all of them have the same outer index, that is an offset */
    while (first + 1 < count && start / inner == (start + (length - 1) * step) / inner) {
        y->offset += start / inner * own[first].stride;
        start %= inner;
        inner /= own[++first].size;
    }
    bool has_inner = first + 1 < count;
    if (has_inner && (step != 1 || start % inner != 0 || length % inner != 0))
        return false;
    int64_t divisor = has_inner ? inner : 1;
    for (size_t i = 0; i < x->count; i++) {
        if (x->factors[i].dim != dim &&
            !push(y, x->factors[i].dim, x->factors[i].size, x->factors[i].stride))
            return false;
        if (x->factors[i].dim != dim || (i > 0 && x->factors[i - 1].dim == dim))
            continue;
        y->offset += start / divisor * own[first].stride;
        if (!push(y, dim, length / divisor, own[first].stride * step))
            return false;
        for (size_t k = first + 1; k < count; k++)
            if (!push(y, dim, own[k].size, own[k].stride))
                return false;
    }
    return true;
}

static bool slice(const weft_node *node, const weft_trace *x, weft_trace *y)
{
    int64_t starts[WEFT_MAX_RANK], axes[WEFT_MAX_RANK], steps[WEFT_MAX_RANK];
    const weft_value *axis_list = weft_node_input(node, 3), *step_list = weft_node_input(node, 4);
    const weft_shape *from = &node->inputs[0]->shape, *to = &node->outputs[0]->shape;
    size_t count, axis_count, step_count;
    if (!weft_value_const_ints(node->inputs[1], starts, WEFT_MAX_RANK, &count) ||
        count > WEFT_MAX_RANK ||
        (axis_list && !weft_value_const_ints(axis_list, axes, WEFT_MAX_RANK, &axis_count)) ||
        (step_list && !weft_value_const_ints(step_list, steps, WEFT_MAX_RANK, &step_count)))
        return false;
    weft_trace state = *x;
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axis_list ? axes[i] : (int64_t)i, step = step_list ? steps[i] : 1;
        axis += axis < 0 ? from->rank : 0;
        int64_t size = from->dims[axis], start = starts[i] < 0 ? starts[i] + size : starts[i];
        start = start < 0 ? 0 : start;
        if (step < 1 || to->dims[axis] < 1)
            return false;
        *y = state;
        y->count = 0;
        if (!choose(&state, (int)axis, start, step, to->dims[axis], y))
            return false;
        state = *y;
    }
    *y = state;
    return true;
}

/* Indices in arithmetic progression. */
static bool gather(const weft_node *node, const weft_trace *x, weft_trace *y)
{
    const weft_shape *from = &node->inputs[0]->shape, *list = &node->inputs[1]->shape;
    int64_t elems, axis = weft_attrs_int(&node->attrs, "axis", 0), first[2];
    axis += axis < 0 ? from->rank : 0;
    if (list->rank > 1 || !weft_shape_elems(list, &elems) || elems < 1)
        return false;
    int64_t indices[WEFT_TRACE_FACTORS];
    size_t count;
    if (elems > WEFT_TRACE_FACTORS ||
        !weft_value_const_ints(node->inputs[1], indices, WEFT_TRACE_FACTORS, &count))
        return false;
    for (int64_t i = 0; i < elems; i++)
        indices[i] += indices[i] < 0 ? from->dims[axis] : 0;
    first[0] = indices[0];
    first[1] = elems > 1 ? indices[1] - indices[0] : 1;
    for (int64_t i = 0; i < elems; i++)
        if (first[1] < 1 || indices[i] != first[0] + i * first[1])
            return false;
    if (!choose(x, (int)axis, first[0], first[1], elems, y))
        return false;
    for (size_t i = 0; list->rank == 0 && i < y->count; i++)
        y->factors[i].dim -= y->factors[i].dim > axis;
    return true;
}

static bool split(const weft_value *value, const weft_trace *x, weft_trace *y)
{
    const weft_node *node = value->producer;
    int64_t axis = weft_attrs_int(&node->attrs, "axis", 0), start = 0;
    axis += axis < 0 ? value->shape.rank : 0;
    for (int i = 0; i < value->output_index; i++) {
        if (!node->outputs[i])
            return false;
        start += node->outputs[i]->shape.dims[axis];
    }
    return choose(x, (int)axis, start, 1, value->shape.dims[axis], y);
}

/* The scalar that a product or quotient applies to the input given; false when there is none. */
static bool scalar_of(const weft_node *node, const weft_value *x, double *out_scale)
{
    const weft_value *c = node->inputs[node->inputs[0] == x ? 1 : 0];
    bool is_div = node->op == WEFT_OP_Div;
    if ((!is_div && node->op != WEFT_OP_Mul) || (is_div && node->inputs[0] != x) ||
        x->dtype != WEFT_DTYPE_F32 || !weft_value_const_scalar(c, out_scale) ||
        !weft_shape_equal(&x->shape, &node->outputs[0]->shape))
        return false;
    if (is_div)
        *out_scale = 1.0 / *out_scale;
    return true;
}

/* The input that value is cut from, or NULL. */
static weft_value *source_of(const weft_value *value, weft_trace_through through)
{
    const weft_node *node = value->producer;
    double scale;
    if (!node || value->is_input || value->data)
        return NULL;
    switch ((int)node->op) {
    case WEFT_OP_Identity:
    case WEFT_OP_Reshape:
    case WEFT_OP_Flatten:
    case WEFT_OP_Squeeze:
    case WEFT_OP_Unsqueeze:
    case WEFT_OP_Transpose: break;
    case WEFT_OP_Slice:
    case WEFT_OP_Split:
    case WEFT_OP_Gather:
        if (through == WEFT_TRACE_RENAMED)
            return NULL;
        break;
    case WEFT_OP_Mul:
    case WEFT_OP_Div:
        for (size_t i = 0; through == WEFT_TRACE_SCALED && i < 2; i++)
            if (!weft_value_is_constant(node->inputs[i]) &&
                scalar_of(node, node->inputs[i], &scale))
                return node->inputs[i];
        return NULL;
    default: return NULL;
    }
    return weft_value_is_constant(node->inputs[0]) ? NULL : node->inputs[0];
}

static bool step(const weft_value *value, const weft_trace *x, weft_trace *y)
{
    const weft_node *node = value->producer;
    double scale;
    *y = *x;
    y->count = 0;
    switch ((int)node->op) {
    case WEFT_OP_Transpose: return transpose(node, x, y);
    case WEFT_OP_Slice: return slice(node, x, y);
    case WEFT_OP_Split: return split(value, x, y);
    case WEFT_OP_Gather: return gather(node, x, y);
    case WEFT_OP_Mul:
    case WEFT_OP_Div:
        *y = *x;
        if (!scalar_of(node, node->inputs[weft_value_is_constant(node->inputs[0]) ? 1 : 0], &scale))
            return false;
        y->scale *= scale;
        return true;
    default: return reshape(x, &value->shape, y);
    }
}

static void begin(weft_value *value, weft_trace *out)
{
    int64_t stride = 1, strides[WEFT_MAX_RANK];
    *out = (weft_trace){.root = value, .scale = 1.0};
    for (int dim = value->shape.rank - 1; dim >= 0; dim--) {
        strides[dim] = stride;
        stride *= value->shape.dims[dim];
    }
    for (int dim = 0; dim < value->shape.rank; dim++)
        push(out, dim, value->shape.dims[dim], strides[dim]);
}

void weft_trace_value(weft_value *value, weft_trace_through through, weft_trace *out_trace)
{
    weft_value *chain[MAX_NODES];
    size_t count = 0;
    weft_value *root = value;
    for (weft_value *source; count < MAX_NODES && (source = source_of(root, through));) {
        chain[count++] = root;
        root = source;
    }
    begin(root, out_trace);
    while (count-- > 0) {
        weft_trace next;
        if (step(chain[count], out_trace, &next))
            *out_trace = next;
        else
            begin(chain[count], out_trace); /* the elements are laid anew here */
    }
}

void weft_trace_add_sources(weft_graph *graph, weft_node *node, const weft_value *value,
                            const weft_value *root)
{
    while (value != root) {
        weft_rewrite_add_sources(graph, node, value->producer);
        value = source_of(value, WEFT_TRACE_SCALED);
    }
}
