/* SPDX-License-Identifier: Apache-2.0 */
/* lower-quantized, windows: maxima and averages of 8-bit tensors become weft.QPool2D. Must not know
 * products. */
#include "compiler/passes/channels_last.h"
#include "compiler/passes/lower_quantized.h"
#include "compiler/passes/rewrite.h"
#include "kernels/include/weft_ratio.h"

enum {
    MAX_COUNTS = 4096, /* multipliers that one average may need */
    MAX_SIDE = 1 << 20 /* positions along one side that are looked at for them */
};

static weft_node *add_pool(weft_lq *lq, weft_node *core, weft_value *x, const char *mode,
                           const weft_window2d *window)
{
    weft_arena *arena = lq->graph->arena;
    weft_node *node = weft_lq_add(lq, WEFT_OP_QPool2D, core, &x, 1);
    weft_attrs_set_string(&node->attrs, arena, "mode", mode);
    weft_attrs_set_ints(&node->attrs, arena, "kernel_shape", window->kernel, 2);
    weft_window2d_set(lq->graph, node, window);
    if (window->ceil_mode)
        weft_lq_set(lq, node, "ceil_mode", 1);
    return node;
}

/* The window of pooling, or the whole map. False for more than two spatial dimensions. */
static weft_status read_window(weft_lq *lq, const weft_node *core, weft_window2d *out, bool *fits)
{
    const weft_shape *x = &core->inputs[0]->shape;
    *fits = x->rank == 3 || x->rank == 4;
    if (!*fits) {
        weft_lq_refuse(lq, core, "it has more than two spatial dimensions");
        return WEFT_OK;
    }
    if (core->op == WEFT_OP_MaxPool || core->op == WEFT_OP_AveragePool)
        return weft_window2d_read(core, NULL, out, lq->diag);
    weft_shape map = weft_shape_as_2d(x);
    *out = (weft_window2d){{map.dims[2], map.dims[3]}, {1, 1}, {1, 1}, {0, 0, 0, 0}, false};
    return WEFT_OK;
}

weft_status weft_lq_maximum(weft_lq *lq, weft_node *core, weft_value *codes, weft_value **out_value)
{
    weft_window2d window;
    bool fits;
    weft_value *x = NULL;
    *out_value = NULL;
    if (core->output_count > 1 && core->outputs[1] && core->outputs[1]->use_count) {
        weft_lq_refuse(lq, core, "the indices of its maxima are used");
        return WEFT_OK;
    }
    weft_status status = read_window(lq, core, &window, &fits);
    if (status != WEFT_OK || !fits)
        return status;
    status = weft_to_channels_last(lq->graph, lq->at, core->name, codes, &x, lq->diag);
    if (status != WEFT_OK)
        return status;
    weft_node *node = add_pool(lq, core, x, "max", &window);
    weft_lq_set_dtype(lq, node, "to", codes->dtype);
    status = weft_node_infer(lq->graph, node, lq->diag);
    return status == WEFT_OK
               ? weft_from_channels_last(lq->graph, lq->at, core->name, node->outputs[0],
                                         &core->outputs[0]->shape, out_value, lq->diag)
               : status;
}

/* ---- averages ---- */

/* Whole numbers of taps that one window can have along one side, each once. */
typedef struct counts {
    int64_t list[MAX_COUNTS];
    size_t count;
} counts;

static bool add_count(counts *set, int64_t number)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->list[i] == number)
            return true;
    if (set->count == MAX_COUNTS)
        return false;
    set->list[set->count++] = number;
    return true;
}

/* Taps t of 0..kernel-1 with low <= start + t * dilation < high. */
static int64_t taps_within(int64_t start, int64_t kernel, int64_t dilation, int64_t low,
                           int64_t high)
{
    int64_t first = start >= low ? 0 : (low - start + dilation - 1) / dilation;
    int64_t end = start >= high ? 0 : (high - start + dilation - 1) / dilation;
    end = end > kernel ? kernel : end;
    return end > first ? end - first : 0;
}

static bool count_side(const weft_window2d *w, int side, int64_t in, int64_t out, bool with_pads,
                       counts *set)
{
    set->count = 0;
    if (out > MAX_SIDE)
        return false;
    int64_t before = w->pads[side], after = w->pads[side + 2];
    for (int64_t i = 0; i < out; i++) {
        int64_t start = i * w->strides[side] - before;
        int64_t number =
            with_pads ? taps_within(start, w->kernel[side], w->dilations[side], -before, in + after)
                      : taps_within(start, w->kernel[side], w->dilations[side], 0, in);
        if (number > 0 && !add_count(set, number))
            return false;
    }
    return true;
}

/* counts, mults and shifts of weft.QPool2D for x, [N, H, W, C]. */
static bool set_ratios(weft_lq *lq, weft_node *node, const weft_window2d *window,
                       const weft_shape *x, const weft_shape *y, bool with_pads, double scale)
{
    weft_arena *arena = lq->graph->arena;
    counts *sides = WEFT_NEW_ARRAY(arena, counts, 3);
    if (!count_side(window, 0, x->dims[1], y->dims[1], with_pads, &sides[0]) ||
        !count_side(window, 1, x->dims[2], y->dims[2], with_pads, &sides[1]))
        return false;
    for (size_t i = 0; i < sides[0].count; i++)
        for (size_t k = 0; k < sides[1].count; k++)
            if (!add_count(&sides[2], sides[0].list[i] * sides[1].list[k]))
                return false;
    size_t count = sides[2].count;
    int64_t *mults = WEFT_NEW_ARRAY(arena, int64_t, count),
            *shifts = WEFT_NEW_ARRAY(arena, int64_t, count);
    for (size_t i = 0; i < count; i++) {
        weft_ratio ratio;
        if (!weft_ratio_make(scale / (lq->result.scale * (double)sides[2].list[i]), &ratio))
            return false;
        mults[i] = ratio.mult;
        shifts[i] = ratio.shift;
    }
    weft_attrs_set_ints(&node->attrs, arena, "counts", sides[2].list, count);
    weft_attrs_set_ints(&node->attrs, arena, "mults", mults, count);
    weft_attrs_set_ints(&node->attrs, arena, "shifts", shifts, count);
    return count > 0;
}

/* The window's elements fit an s32 sum: 2^23 of at most 2^8. */
static bool is_small(const weft_window2d *window)
{
    return window->kernel[0] <= (INT64_C(1) << 23) / window->kernel[1];
}

/* The shape that a window gives is the operator's business; here it is known. */
static weft_status add_average(weft_lq *lq, weft_node *core, weft_value *x, const weft_shape *y,
                               const weft_lq_codes *codes, const weft_window2d *window,
                               weft_value **out)
{
    bool with_pads = weft_attrs_int(&core->attrs, "count_include_pad", 0) != 0;
    *out = NULL;
    weft_node *node = add_pool(lq, core, x, "average", window);
    if (!is_small(window) || !set_ratios(lq, node, window, &x->shape, y, with_pads, codes->scale)) {
        weft_lq_refuse(lq, core, "its window is too large, or its scales too far apart");
        return WEFT_OK;
    }
    if (with_pads)
        weft_lq_set(lq, node, "count_include_pad", 1);
    weft_lq_set(lq, node, "x_zero", codes->zero);
    weft_lq_set_stage(lq, node, "y", &lq->result);
    weft_lq_set_dtype(lq, node, "to", lq->result.dtype);
    *out = node->outputs[0];
    return weft_node_infer(lq->graph, node, lq->diag);
}

/* Channels-first pooling; mean over the spatial axes too. y: the shape with those axes. */
static weft_status average_map(weft_lq *lq, weft_node *core, const weft_lq_codes *codes,
                               const weft_shape *y, bool *done)
{
    weft_window2d window;
    weft_value *x = NULL, *result = NULL;
    bool fits;
    weft_status status = read_window(lq, core, &window, &fits);
    if (status != WEFT_OK || !fits)
        return status;
    weft_shape map = weft_shape_as_2d(y);
    weft_shape last = {4, {map.dims[0], map.dims[2], map.dims[3], map.dims[1]}};
    status = weft_to_channels_last(lq->graph, lq->at, core->name, codes->value, &x, lq->diag);
    if (status == WEFT_OK)
        status = add_average(lq, core, x, &last, codes, &window, &result);
    if (status != WEFT_OK || !result)
        return status;
    status = weft_from_channels_last(lq->graph, lq->at, core->name, result, y, &result, lq->diag);
    if (status == WEFT_OK)
        status = weft_rewrite_reshape(lq->graph, lq->at, result, &core->outputs[0]->shape, NULL,
                                      &result, lq->diag);
    *done = true;
    return status == WEFT_OK ? weft_lq_finish(lq, result) : status;
}

/* A mean over neighbouring axes first..last: a window of all of them over [outer, all, 1, inner].
 */
static weft_status average_axes(weft_lq *lq, weft_node *core, const weft_lq_codes *codes, int first,
                                int last, bool *done)
{
    const weft_shape *shape = &codes->value->shape;
    weft_shape view = {4, {1, 1, 1, 1}};
    for (int i = 0; i < shape->rank; i++)
        view.dims[i < first ? 0 : i <= last ? 1 : 3] *= shape->dims[i];
    weft_shape y = {4, {view.dims[0], 1, 1, view.dims[3]}};
    weft_window2d window = {{view.dims[1], 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, false};
    weft_value *x = NULL, *result = NULL;
    weft_status status =
        weft_rewrite_reshape(lq->graph, lq->at, codes->value, &view, NULL, &x, lq->diag);
    if (status == WEFT_OK)
        status = add_average(lq, core, x, &y, codes, &window, &result);
    if (status != WEFT_OK || !result)
        return status;
    status = weft_rewrite_reshape(lq->graph, lq->at, result, &core->outputs[0]->shape, NULL,
                                  &result, lq->diag);
    *done = true;
    return status == WEFT_OK ? weft_lq_finish(lq, result) : status;
}

/* Which axes a ReduceMean takes, as a mask. */
static bool read_axes(const weft_node *core, int rank, uint32_t *out_mask)
{
    const weft_value *axes = weft_node_input(core, 1);
    int64_t list[WEFT_MAX_RANK];
    size_t count = 0;
    *out_mask = 0;
    if (axes &&
        (!weft_value_const_ints(axes, list, WEFT_MAX_RANK, &count) || count > WEFT_MAX_RANK))
        return false;
    for (size_t i = 0; i < count; i++)
        *out_mask |= 1u << (list[i] < 0 ? list[i] + rank : list[i]);
    if (count == 0 && !weft_attrs_int(&core->attrs, "noop_with_empty_axes", 0))
        *out_mask = (1u << rank) - 1;
    return *out_mask != 0;
}

static weft_status average_reduce(weft_lq *lq, weft_node *core, const weft_lq_codes *codes,
                                  bool *done)
{
    const weft_shape *x = &core->inputs[0]->shape;
    uint32_t mask;
    if (!read_axes(core, x->rank, &mask)) {
        weft_lq_refuse(lq, core, "its axes are not known");
        return WEFT_OK;
    }
    if (x->rank == 4 && mask == 12) { /* H and W of a channels-first map */
        weft_shape y = {4, {x->dims[0], x->dims[1], 1, 1}};
        return average_map(lq, core, codes, &y, done);
    }
    int first = 0, last = x->rank - 1;
    while (!(mask >> first & 1))
        first++;
    while (!(mask >> last & 1))
        last--;
    for (int i = first; i <= last; i++)
        if (!(mask >> i & 1)) {
            weft_lq_refuse(lq, core, "its axes are not neighbours");
            return WEFT_OK;
        }
    return average_axes(lq, core, codes, first, last, done);
}

weft_status weft_lq_average(weft_lq *lq, weft_node *core, bool *out_done)
{
    const weft_lq_codes *codes = NULL;
    weft_status status = weft_lq_trace_affine(lq, core->inputs[0], &codes);
    if (status != WEFT_OK || !codes) {
        weft_lq_refuse(lq, core, "what it reads is not quantised");
        return status;
    }
    return core->op == WEFT_OP_ReduceMean
               ? average_reduce(lq, core, codes, out_done)
               : average_map(lq, core, codes, &core->outputs[0]->shape, out_done);
}
