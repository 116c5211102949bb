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

#endif
