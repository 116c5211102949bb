/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the pass fuse-conv only: rewrites that change what the convolution reads or
 * is. */
#ifndef WEFT_PASSES_FUSE_CONV_H
#define WEFT_PASSES_FUSE_CONV_H

#include "compiler/ir/graph.h"

/* Pool2D 2x2/2 average that only a 1x1 weft.Conv2D reads: the convolution pools by itself (pool =
 * 1). */
weft_status weft_fuse_conv_pool(weft_graph *graph, weft_node *conv, bool *out_done,
                                weft_diag *diag);
/* A weft.Conv2D whose window is the whole map becomes weft.Linear between views. conv is gone when
 * *out_done. */
weft_status weft_fuse_conv_to_linear(weft_graph *graph, weft_node *conv, bool *out_done,
                                     weft_diag *diag);

#endif
