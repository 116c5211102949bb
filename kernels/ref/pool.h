/* SPDX-License-Identifier: Apache-2.0 */
/* Window pooling over images in either layout: the core under MaxPool, AveragePool, weft.Pool2D and
 * the pooled input of weft.Conv2D. */
#ifndef WEFT_KERNELS_REF_POOL_H
#define WEFT_KERNELS_REF_POOL_H

#include "kernels/ref/window.h"

typedef struct weft_ref_pool {
    weft_ref_window window;
    int64_t batch, channels;
    weft_ref_image x, y;
    bool is_max;
    bool count_include_pad; /* average: the divisor counts positions in the padding, but none beyond
                               it */
    const weft_tensor *indices; /* max: where the maximum was, laid out as y; NULL: not asked for */
    bool column_major_indices;
} weft_ref_pool;

void weft_ref_pool_run(const weft_ref_pool *pool);

#endif
