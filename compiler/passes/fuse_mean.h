/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a mean over H and W from the kernel that makes the map; shared by two passes. Must not
 * know either. */
#ifndef WEFT_PASSES_FUSE_MEAN_H
#define WEFT_PASSES_FUSE_MEAN_H

#include "compiler/ir/graph.h"

/* Every ReduceMean over H and W of value, which output 0 of weft.Conv2D or weft.Gate is, becomes a
 * view of output 1 of that node. Sets *out_done when there was one; else leaves it. */
weft_status weft_fuse_mean_of(weft_graph *graph, weft_value *value, bool *out_done,
                              weft_diag *diag);

#endif
