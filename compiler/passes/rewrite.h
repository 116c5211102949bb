/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of rewriting that passes share: find users, build a node, put a value in place of
 * another, read and re-lay constants. Must not know any pass.
 *
 * Sources: a node that goes leaves its source names to the nodes that do its work. A builder passes
 * the old node as `source`; where a node just vanishes its heir is the producer of the value that
 * takes its place, or with none (graph input, constant) the first user. */
#ifndef WEFT_PASSES_REWRITE_H
#define WEFT_PASSES_REWRITE_H

#include "compiler/ir/graph.h"

/* ---- users ---- */

/* The node that reads value exactly once and is the only reader; NULL otherwise. Not a graph
 * output. */
weft_node *weft_rewrite_single_user(const weft_graph *graph, const weft_value *value);
/* First node in order that reads value, or NULL. */
weft_node *weft_rewrite_first_user(const weft_graph *graph, const weft_value *value);
/* The producer when it is of this operator, else NULL. value may be NULL. */
weft_node *weft_rewrite_producer(const weft_value *value, weft_op op);
/* a stands before b in the graph's order. */
bool weft_rewrite_is_before(const weft_node *a, const weft_node *b);

/* ---- building ---- */

/* name without the ".1", ".2" that made it unique: as long as what is left is the name of a value.
 */
const char *weft_rewrite_base_name(weft_graph *graph, const char *name);
/* A node with one output before `before` (NULL: at the end), with the sources of `source` (NULL:
 * none). The output is named after that of source, else after the node. No types yet. */
weft_node *weft_rewrite_add(weft_graph *graph, weft_node *before, weft_op op, const char *name,
                            weft_value *const *inputs, size_t input_count, const weft_node *source);
/* Adds the sources of from that node does not have yet. */
void weft_rewrite_add_sources(weft_graph *graph, weft_node *node, const weft_node *from);
void weft_rewrite_copy_attrs(weft_graph *graph, weft_node *node, const weft_node *from);

/* Whether uses of `from` may become uses of `to`: types and shapes agree, and a graph output is not
 * replaced by a graph input, a constant or another output. */
bool weft_rewrite_can_replace(const weft_graph *graph, const weft_value *from,
                              const weft_value *to);
/* Does it, and removes the producer of from when nothing of it is used any more. An INTERNAL error
 * when weft_rewrite_can_replace says no. */
weft_status weft_rewrite_replace(weft_graph *graph, weft_value *from, weft_value *to,
                                 weft_diag *diag);
/* The same for a node that vanishes: its sources go to its heir. */
weft_status weft_rewrite_bypass(weft_graph *graph, weft_value *from, weft_value *to,
                                weft_diag *diag);
/* Removes all nodes without a used output; returns how many. */
size_t weft_rewrite_remove_dead(weft_graph *graph);

/* value with another shape of the same size: value itself, or a Reshape before `before`; a Reshape
 * that made value is bypassed, a constant becomes a constant. */
weft_status weft_rewrite_reshape(weft_graph *graph, weft_node *before, weft_value *value,
                                 const weft_shape *shape, const weft_node *source,
                                 weft_value **out_value, weft_diag *diag);

/* ---- permutations: Transpose(x)[i] has axis perm[i] of x ---- */

/* The perm of a Transpose node (inferred). */
void weft_rewrite_perm(const weft_node *transpose, int64_t *out_perm);
bool weft_rewrite_perm_is_identity(const int64_t *perm, int rank);
/* Permuting a tensor of this shape keeps the order of its elements: only axes of size 1 change
 * place. */
bool weft_rewrite_perm_is_view(const int64_t *perm, const weft_shape *shape);
void weft_rewrite_perm_invert(const int64_t *perm, int rank, int64_t *out_inverse);
/* out[i] = shape[perm[i]] */
weft_shape weft_rewrite_perm_shape(const int64_t *perm, const weft_shape *shape);
/* A Transpose of x before `before`; the source nodes of `source` (NULL: none) become its own. */
weft_status weft_rewrite_transpose(weft_graph *graph, weft_node *before, weft_value *x,
                                   const char *name, const int64_t *perm, const weft_node *source,
                                   weft_value **out_value, weft_diag *diag);

/* ---- walks ---- */

/* Rewrites around one node; *out_done when it changed something. */
typedef weft_status weft_rewrite_visit(weft_graph *graph, weft_node *node, bool *out_done,
                                       weft_diag *diag);
/* Visits all nodes in order, removes dead ones, and begins again until a round changes nothing. A
 * visit may remove the node, but not the one after it. */
weft_status weft_rewrite_until_still(weft_graph *graph, weft_rewrite_visit *visit,
                                     size_t *out_changes, weft_diag *diag);
/* The same from the last node to the first; a visit must not remove the one before its node. */
weft_status weft_rewrite_backwards_until_still(weft_graph *graph, weft_rewrite_visit *visit,
                                               size_t *out_changes, weft_diag *diag);

/* ---- constants ---- */

/* Elements of a constant of type f32, or NULL. */
const float *weft_rewrite_f32(const weft_value *value);
/* All elements are equal to number (and there is at least one). */
bool weft_rewrite_all_equal(const weft_value *value, float number);
/* New constants are named after the old one.
 * The constant transposed; shares the data where the order of elements does not change. */
weft_value *weft_rewrite_permute_constant(weft_graph *graph, const weft_value *value,
                                          const int64_t *perm);
/* The constant under another shape of the same size; shares the data. */
weft_value *weft_rewrite_view_constant(weft_graph *graph, const weft_value *value,
                                       const weft_shape *shape);
/* shape with leading ones up to rank. */
weft_shape weft_rewrite_pad_rank(const weft_shape *shape, int rank);
/* op is Add or Mul; a and b are f32 constants; NULL when their shapes do not broadcast. */
weft_value *weft_rewrite_combine(weft_graph *graph, weft_op op, const weft_value *a,
                                 const weft_value *b);
/* Broadcasting constant of a tensor of this shape that varies at most along one axis: fills
 * out_numbers[dims[axis]]. */
bool weft_rewrite_read_channel(const weft_value *value, const weft_shape *shape, int axis,
                               double *out_numbers);

/* w <- w * scale[oc], bias <- bias * scale[oc] + shift[oc] on a node whose weights (input 1, f32
 * constant) have output channels first and whose bias is input 2. scale or shift may be NULL. False
 * when weights or bias are not f32 constants. Computed in double. */
bool weft_rewrite_scale_channels(weft_graph *graph, weft_node *node, const double *scale,
                                 const double *shift);

#endif
