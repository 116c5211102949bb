/* SPDX-License-Identifier: Apache-2.0 */
/* Plain elements of constants, for whoever needs the meaning of a step and not its launch. Packing
 * PANEL is turned back here: rank 2 [rows][k]              [rows / panel][k][panel], or the next
 * line's form (a product of many rows runs as a 1 x 1 convolution) rank 4 [rows][kh][kw][c] zeros,
 * then the same with k = kh * kw * c       (convolution: a zero vector stands in front) rank 4, no
 * zeros in front     [kh * kw][c][rows rounded up to panel]          (depthwise) kernels/cpu/pack.c
 * is the other direction. Must not know about: backends. */
#include <string.h>

#include "runtime/backends/backend.h"

typedef struct panel_layout {
    size_t rows, padded_rows, k, panel;
    size_t begin;      /* first element of the panels */
    bool is_depthwise; /* rows are innermost over all panels */
} panel_layout;

/* False when shape and blob do not belong together; then nothing may be read. */
static bool find_layout(const weft_schedule_value *value, const weft_blob *blob, panel_layout *out)
{
    if (value->dtype != WEFT_DTYPE_F32 || (value->shape.rank != 2 && value->shape.rank != 4) ||
        blob->panel <= 0)
        return false;
    size_t k = 1, packed = 0, rows = (size_t)value->shape.dims[0], panel = (size_t)blob->panel;
    for (int i = 1; i < value->shape.rank; i++)
        if (!weft_mul_size(k, (size_t)value->shape.dims[i], &k))
            return false;
    size_t padded = (rows + panel - 1) / panel * panel;
    size_t elems = (size_t)blob->size_bytes / sizeof(float);
    if (!weft_mul_size(k, padded, &packed) || packed > elems)
        return false;
    size_t begin = elems - packed;
    *out = (panel_layout){rows, padded, k, panel, begin, value->shape.rank == 4 && begin == 0};
    return true;
}

static void unpack_panels(const float *packed, const panel_layout *layout, float *out)
{
    packed += layout->begin;
    for (size_t row = 0; row < layout->rows; row++) {
        size_t stride = layout->is_depthwise ? layout->padded_rows : layout->panel;
        const float *from =
            layout->is_depthwise
                ? packed + row
                : packed + row / layout->panel * layout->panel * layout->k + row % layout->panel;
        for (size_t i = 0; i < layout->k; i++)
            out[row * layout->k + i] = from[i * stride];
    }
}

const void *weft__constant_find(const weft_package_view *view, const weft_schedule_value *value)
{
    if (value->has_plain)
        return view->plain + value->offset_bytes;
    const weft_blob *blob = value->blob < 0 ? NULL : &view->manifest->blobs[value->blob];
    size_t bytes = 0;
    if (blob == NULL || blob->packing != WEFT_PACK_PLAIN ||
        !weft_shape_bytes(&value->shape, value->dtype, &bytes) || bytes > blob->size_bytes)
        return NULL;
    return view->weights + blob->offset_bytes;
}

static const weft_blob *panel_blob(const weft_package_view *view, const weft_schedule_value *value,
                                   panel_layout *out_layout)
{
    const weft_blob *blob = value->blob < 0 ? NULL : &view->manifest->blobs[value->blob];
    return blob != NULL && blob->packing == WEFT_PACK_PANEL && find_layout(value, blob, out_layout)
               ? blob
               : NULL;
}

bool weft__constant_is_readable(const weft_package_view *view, const weft_schedule_value *value)
{
    panel_layout layout;
    return weft__constant_find(view, value) != NULL || panel_blob(view, value, &layout) != NULL;
}

bool weft__constant_unpack(const weft_package_view *view, const weft_schedule_value *value,
                           void *out)
{
    const void *plain = weft__constant_find(view, value);
    size_t bytes = 0;
    if (plain != NULL && weft_shape_bytes(&value->shape, value->dtype, &bytes)) {
        memcpy(out, plain, bytes);
        return true;
    }
    panel_layout layout;
    const weft_blob *blob = panel_blob(view, value, &layout);
    if (blob == NULL)
        return false;
    unpack_panels((const float *)(const void *)(view->weights + blob->offset_bytes), &layout, out);
    return true;
}
