/* SPDX-License-Identifier: Apache-2.0 */
/* Masks of attention: constants added to scores, minus infinity where a query must not see a key.
 * Must not know how attention is fused. */
#ifndef WEFT_PASSES_MASKS_H
#define WEFT_PASSES_MASKS_H

#include "compiler/ir/graph.h"

/* The mask added to scores of this shape is one that weft.Attention can take. */
bool weft_mask_fits(const weft_value *mask, const weft_shape *scores);
/* Every query has a key that the constant mask leaves: no row of the softmax is NaN. */
bool weft_mask_leaves_keys(const weft_value *mask);
/* Where(IsNaN(p), 0, p), which makes zeros of rows whose keys are all masked: the softmax that made
 * p, which nothing else reads; else NULL. */
weft_node *weft_mask_guarded_softmax(const weft_value *value);
/* A mask of scores [.., queries, keys] as weft.Attention has it, [1 or images, 1 or heads, keys,
 * queries], before `before`. It must fit. */
weft_status weft_mask_keys_first(weft_graph *graph, weft_node *before, weft_value *mask,
                                 const weft_shape *scores, weft_value **out_mask, weft_diag *diag);

#endif
