/* SPDX-License-Identifier: Apache-2.0 */
/* Where the elements of a value lie in the value that it was cut from: Reshape, Transpose, Slice,
 * Split, Gather of a range, Squeeze and Unsqueeze in any order only choose and rename elements.
 * However an exporter writes such a chain, the trace is the same. Must not know any pass.
 *
 * A dimension of the traced value is a list of factors, outermost first; element
 * (i0, i1, ...) lies at offset + sum of i * stride in the root, row-major. Factors of size 1 are
 * left out. */
#ifndef WEFT_PASSES_TRACE_H
#define WEFT_PASSES_TRACE_H

#include "compiler/ir/graph.h"

enum { WEFT_TRACE_FACTORS = 16 };

typedef struct weft_trace_factor {
    int dim; /* of the traced value */
    int64_t size, stride;
} weft_trace_factor;

typedef struct weft_trace {
    weft_value *root;
    int64_t offset;
    weft_trace_factor factors[WEFT_TRACE_FACTORS];
    size_t count;
    double scale; /* the traced value is scale times the elements of the root */
} weft_trace;

/* What a trace passes, beside nodes that rename elements: nodes that choose some of them, and
 * products with scalar constants (without, scale is 1). */
typedef enum weft_trace_through {
    WEFT_TRACE_RENAMED = 0,
    WEFT_TRACE_CHOSEN = 1,
    WEFT_TRACE_SCALED = 3 /* and chosen */
} weft_trace_through;

/* Traces value as far as its producers allow; the root may be value itself. */
void weft_trace_value(weft_value *value, weft_trace_through through, weft_trace *out_trace);
/* Gives node the sources of the nodes between value and the root. */
void weft_trace_add_sources(weft_graph *graph, weft_node *node, const weft_value *value,
                            const weft_value *root);
/* The factors of a dimension; returns how many. */
size_t weft_trace_dim(const weft_trace *trace, int dim, weft_trace_factor *out_factors);
/* The dimension is one factor (or has size 1) with that stride. */
bool weft_trace_dim_is(const weft_trace *trace, int dim, int64_t size, int64_t stride);
/* count factors cut into a product of `outer` and one of `inner` elements, each of which must be
 * one factor. A product of 1 has stride 0. */
bool weft_trace_cut(const weft_trace_factor *factors, size_t count, int64_t outer, int64_t inner,
                    int64_t *out_outer_stride, int64_t *out_inner_stride);
/* Every element of the root occurs once. */
bool weft_trace_is_whole(const weft_trace *trace);
/* The elements in the root's order. */
bool weft_trace_is_reshape(const weft_trace *trace);
bool weft_trace_same(const weft_trace *a, const weft_trace *b);

/* The traced value, of that shape, made again from the root of a whole trace (scale 1): Reshape,
 * Transpose and Reshape before `before`, as far as needed, with the sources of `source`. */
weft_status weft_trace_make(weft_graph *graph, weft_node *before, const weft_trace *trace,
                            const weft_shape *shape, const weft_node *source,
                            weft_value **out_value, weft_diag *diag);

/* A Transpose or Reshape behind other such nodes whose result has the elements of the root in their
 * order becomes one view of it. Other nodes are left alone. */
weft_status weft_trace_collapse(weft_graph *graph, weft_node *node, bool *out_done,
                                weft_diag *diag);

#endif
