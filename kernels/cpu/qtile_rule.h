/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernel and which block sizes an integer convolution gets on a CPU: tile_rule.h's sibling.
 * Pure arithmetic; knows the contract of kernels/cpu/README.md and nothing of graphs, plans or
 * OpenCL. */
#ifndef WEFT_KERNELS_CPU_QTILE_RULE_H
#define WEFT_KERNELS_CPU_QTILE_RULE_H

#include "kernels/cpu/tile_rule.h"

enum weft_cpu_qmethod { WEFT_CPU_QDIRECT, WEFT_CPU_QWINOGRAD2, WEFT_CPU_QWINOGRAD4 };
/* How weft_qconv brings activations together: its argument `gather`. */
enum weft_cpu_qgather { WEFT_CPU_QPATCH, WEFT_CPU_QROWS };

struct weft_cpu_qconv_shape {
    int n, ih, iw, ic, oh, ow, oc, kh, kw, sh, sw, dh, dw, pt, pl;
    int has_sums;      /* channel sums per image wanted */
    int is_nchw;       /* channels come first in x */
    int is_normalised; /* pixels are normalised as they are brought in; a 1x1 without stride */
    int dot;           /* WEFT_DOT of the device: 2 or 4 */
    double sum_bound;  /* no |sum| without bias is larger: weft_qpack_sum_bound */
    unsigned methods;  /* 1 << weft_cpu_qmethod of those that may be chosen; 0: all */
};

struct weft_cpu_qconv_plan {
    enum weft_cpu_qmethod method;
    enum weft_cpu_qgather gather;
    int ih, iw, oh, ow;       /* as the kernel gets them: a 1x1 convolution is one line */
    int pg, groups;           /* panels per work-item; second global dimension */
    int blocks, segments;     /* first global dimension: their product */
    int seg_rows, mb, tc, kc; /* direct */
    int t_block;              /* Winograd */
    size_t local_bytes;       /* size of the local argument */
    double expected_s;
};

/* The cheapest plan; the shape's numbers must be positive. Returns 0 when no plan fits the device's
 * local memory, because a row of taps times channels is too long for it, or when none of the
 * methods fits the shape. */
int weft_cpu_qconv_choose(const struct weft_cpu_device *device,
                          const struct weft_cpu_qconv_shape *shape,
                          struct weft_cpu_qconv_plan *out_plan);

/* Fills in what follows from method, gather, pg, mb and t_block: geometry, blocks, segments, groups
 * and local bytes. Returns 0 when the local bytes do not fit an int. */
int weft_cpu_qconv_complete(const struct weft_cpu_device *device,
                            const struct weft_cpu_qconv_shape *shape,
                            struct weft_cpu_qconv_plan *plan);

#endif
