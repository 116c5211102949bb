/* SPDX-License-Identifier: Apache-2.0 */
/* How Resize reads its input, axis by axis: for each output coordinate the input coordinates
 * ("taps") and their weights. The reference kernel sums over them; the compiler makes tables of
 * them. Must not know about: who asks. */
#ifndef WEFT_REF_RESIZE_H
#define WEFT_REF_RESIZE_H

#include "compiler/ir/graph.h"

typedef struct weft_ref_resize_axis {
    int64_t in, out;
    double scale, roi_start, roi_end;
    int64_t taps;     /* per output coordinate */
    int64_t *source;  /* [out][taps] */
    double *weight;   /* [out][taps] */
    bool *is_outside; /* [out]: takes the extrapolation value */
} weft_ref_resize_axis;

/* Fills axes[0 .. rank of x - 1] from the attributes and the inputs 1 to 3 of a call; of x and y
 * only the shapes are read. The tables belong to the caller (weft_ref_resize_axes_finish), also
 * after a failure: WEFT_UNSUPPORTED for an unknown mode, WEFT_INVALID, WEFT_NO_MEMORY. */
weft_status weft_ref_resize_axes(const weft_ref_call *call,
                                 weft_ref_resize_axis axes[WEFT_MAX_RANK]);
void weft_ref_resize_axes_finish(weft_ref_resize_axis axes[WEFT_MAX_RANK]);

#endif
