/* SPDX-License-Identifier: Apache-2.0 */
/* Windows and transposes between channels-first and channels-last. Must not know any pass. */
#include "compiler/passes/channels_last.h"

#include "compiler/ir/infer.h"
#include "compiler/passes/rewrite.h"

const int64_t weft_to_nhwc[4] = {0, 2, 3, 1}, weft_to_nchw[4] = {0, 3, 1, 2};

weft_status weft_window2d_read(const weft_node *node, const weft_shape *kernel, weft_window2d *out,
                               weft_diag *diag)
{
    const weft_shape *x = &node->inputs[0]->shape;
    weft_infer_window general = {.spatial = x->rank - 2};
    for (int i = 0; kernel && i < general.spatial; i++)
        general.kernel[i] = kernel->dims[i + 2];
    weft_status status = weft_infer_window_read(node, x->dims + 2, &general, diag);
    if (status != WEFT_OK)
        return status;
    *out = (weft_window2d){{1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, general.ceil_mode};
    for (int i = 0; i < general.spatial; i++) {
        int axis = 2 - general.spatial + i;
        out->kernel[axis] = general.kernel[i];
        out->strides[axis] = general.strides[i];
        out->dilations[axis] = general.dilations[i];
        out->pads[axis] = general.pads_begin[i];
        out->pads[axis + 2] = general.pads_end[i];
    }
    const char *mode = weft_attrs_string(&node->attrs, "auto_pad", "NOTSET");
    if (mode[0] != 'N') /* the pads found give the output's size by the floor rule */
        out->ceil_mode = false;
    return WEFT_OK;
}

void weft_window2d_set(weft_graph *graph, weft_node *node, const weft_window2d *window)
{
    weft_attrs_set_ints(&node->attrs, graph->arena, "strides", window->strides, 2);
    weft_attrs_set_ints(&node->attrs, graph->arena, "pads", window->pads, 4);
    weft_attrs_set_ints(&node->attrs, graph->arena, "dilations", window->dilations, 2);
}

weft_shape weft_shape_as_2d(const weft_shape *shape)
{
    weft_shape result = *shape;
    if (shape->rank == 3) {
        result.rank = 4;
        result.dims[3] = result.dims[2];
        result.dims[2] = 1;
    }
    return result;
}

static weft_status transpose(weft_graph *graph, weft_node *before, const char *name, weft_value *x,
                             const int64_t *perm, weft_value **out, weft_diag *diag)
{
    name = weft_arena_printf(graph->arena, "%s/%s", name,
                             perm == weft_to_nhwc ? "to_nhwc" : "to_nchw");
    return weft_rewrite_transpose(graph, before, x, name, perm, NULL, out, diag);
}

weft_status weft_to_channels_last(weft_graph *graph, weft_node *before, const char *name,
                                  weft_value *x, weft_value **out, weft_diag *diag)
{
    weft_shape shape = weft_shape_as_2d(&x->shape);
    weft_status status = weft_rewrite_reshape(graph, before, x, &shape, NULL, &x, diag);
    return status == WEFT_OK ? transpose(graph, before, name, x, weft_to_nhwc, out, diag) : status;
}

weft_status weft_from_channels_last(weft_graph *graph, weft_node *before, const char *name,
                                    weft_value *y, const weft_shape *shape, weft_value **out,
                                    weft_diag *diag)
{
    weft_status status = transpose(graph, before, name, y, weft_to_nchw, &y, diag);
    return status == WEFT_OK ? weft_rewrite_reshape(graph, before, y, shape, NULL, out, diag)
                             : status;
}
