/* SPDX-License-Identifier: Apache-2.0 */
/* Where weft.Attention reads. Must not know how one came to be. */
#ifndef WEFT_PASSES_ATTENTION_H
#define WEFT_PASSES_ATTENTION_H

#include "compiler/ir/graph.h"

/* Queries, keys and values are read from the value that they were cut from, by offset and step;
 * when these are products of one input, they become one product. Sets *out_done when something
 * changed. */
weft_status weft_attention_read_in_place(weft_graph *graph, weft_node *node, bool *out_done,
                                         weft_diag *diag);

/* How many images q, of rank 3, is a product for: its shape does not say. Where it is cut from
 * tokens by channels, the rest of the leading dimension are heads. */
int64_t weft_attention_images(weft_value *q);
/* x with dimensions batch, heads, tokens, size (transposed: size, tokens) as [batch, tokens, heads
 * * size], made before `before`. */
weft_status weft_attention_as_tokens(weft_graph *graph, weft_node *before, int64_t batch,
                                     int64_t heads, weft_value *x, bool is_transposed,
                                     weft_value **out_value, weft_diag *diag);
/* The result of an attention back in the order batch, heads, tokens, size, of that shape. */
weft_status weft_attention_as_heads(weft_graph *graph, weft_node *before, const weft_node *node,
                                    int64_t batch, int64_t tokens, const weft_shape *shape,
                                    weft_value **out_value, weft_diag *diag);

/* fuse_attention_quantized.c: on the second weft.QMatMul of an attention in 8 bits: all of it
 * becomes weft.QAttention. */
weft_status weft_attention_fuse_quantized(weft_graph *graph, weft_node *node, bool *out_done,
                                          weft_diag *diag);

#endif
